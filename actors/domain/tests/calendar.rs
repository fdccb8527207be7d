//! The calendar against another one: every row of `tests/calendar/cases.csv`.
//!
//! The table was made by a program in Python that shares neither code nor time zone data with this
//! one (`tests/calendar/make_cases.py`; `tests/calendar/check.sh` makes it again). It covers
//! cadences around the changes of 17 zones' clocks and at the ends of months, what is missed in a
//! downtime, the dates of plans, local days, and amounts divided into installments.
//!
//! All rows are looked at before the test fails, so that a difference shows its pattern.

use bursar_domain::cadence::{Cadence, CatchUp, Zone, missed};
use bursar_domain::money::Amount;
use bursar_domain::plan::{Dates, Day, Period, split};
use bursar_domain::time::Timestamp;

const TABLE: &str = include_str!("../../../tests/calendar/cases.csv");

/// The kinds of rows, and how many of each there are at least.
const KINDS: [(&str, usize, Check); 6] = [
    ("cadence", 2_500, check_cadence),
    ("missed", 250, check_missed),
    ("plan", 400, check_plan),
    ("local", 150, check_local),
    ("start", 150, check_start),
    ("split", 140, check_split),
];

/// What is found where the table expects something else.
type Check = fn(&[&str]) -> Result<(), String>;

/// `2026-03-29T01:30`, or with seconds and milliseconds, in UTC.
fn instant(text: &str) -> i64 {
    let seconds = if text.len() == 16 { ":00Z" } else { "Z" };
    Timestamp::parse(&format!("{text}{seconds}")).expect(text).millis()
}

fn zone(name: &str) -> Zone {
    Zone::named(name).expect(name)
}

fn day(text: &str) -> Day {
    Day::parse(text).expect(text)
}

/// The fields every, on, at, time zone; an empty one is absent.
fn cadence(fields: &[&str]) -> Cadence {
    let given = |index: usize| Some(fields[index]).filter(|text| !text.is_empty());
    Cadence::new(fields[0], given(1), given(2), given(3)).expect("a cadence")
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}")) }
}

fn check_cadence(fields: &[&str]) -> Result<(), String> {
    let (cadence, after) = (cadence(fields), instant(fields[4]));
    let expected: Vec<_> = fields[5..].iter().map(|text| instant(text)).collect();
    assert_eq!(expected.len(), 6);
    same(&cadence.occurrences_after(after, 6), &expected)?;
    // From each to the next, and back again.
    for pair in expected.windows(2) {
        same(&cadence.next_after(pair[0]), &Some(pair[1]))?;
        same(&cadence.last_until(pair[1] - 1), &Some(pair[0]))?;
    }
    Ok(())
}

fn check_missed(fields: &[&str]) -> Result<(), String> {
    let cadence = cadence(fields);
    let (after, now) = (instant(fields[4]), instant(fields[5]));
    let [count, first, last] = fields[6..] else { return Err("has other fields".to_owned()) };
    let each = missed(&cadence, after, now, CatchUp::Each);
    let one = missed(&cadence, after, now, CatchUp::One);
    same(&each.len().to_string().as_str(), &count)?;
    if each.is_empty() {
        return same(&one, &Vec::new());
    }
    same(&one, &vec![instant(last)])?;
    same(&(each[0], each[each.len() - 1]), &(instant(first), instant(last)))
}

fn check_plan(fields: &[&str]) -> Result<(), String> {
    let every = Period::parse(fields[0]).expect("a period");
    let dates = Dates { first: day(fields[1]), every };
    for pair in fields[2].split(' ') {
        let (n, expected) = pair.split_once(':').expect(pair);
        same(&dates.nth(n.parse().expect(n)), &Some(day(expected)))?;
    }
    Ok(())
}

fn check_local(fields: &[&str]) -> Result<(), String> {
    let at = Timestamp::from_millis(instant(fields[1])).expect("in range");
    same(&Day::from_timestamp_in(&zone(fields[0]), at), &Some(day(fields[2])))
}

fn check_start(fields: &[&str]) -> Result<(), String> {
    same(&day(fields[1]).start_ms_in(&zone(fields[0])), &Some(instant(fields[2])))
}

fn check_split(fields: &[&str]) -> Result<(), String> {
    let number = |index: usize| fields[index].parse::<i64>().expect(fields[index]);
    let installments = u16::try_from(number(1)).expect("installments");
    let found = split(Amount::from_minor(number(0)), installments);
    let expected = (!fields[2].is_empty()).then(|| {
        let mut parts = vec![Amount::from_minor(number(2)); usize::from(installments) - 1];
        parts.push(Amount::from_minor(number(3)));
        parts
    });
    same(&found, &expected)
}

#[test]
fn both_calendars_agree_on_every_case() {
    let mut faults = Vec::new();
    let mut counts = [0_usize; KINDS.len()];
    for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = row.split(',').collect();
        let kind = KINDS.iter().position(|(kind, ..)| *kind == fields[0]).expect(row);
        counts[kind] += 1;
        let (_, _, check) = KINDS[kind];
        if let Err(fault) = check(&fields[1..]) {
            faults.push(format!("{row}\n    found {fault}"));
        }
    }
    for ((kind, at_least, _), count) in KINDS.iter().zip(counts) {
        assert!(count >= *at_least, "{kind}: only {count} rows");
    }
    let first: Vec<_> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} rows differ:\n{}", faults.len(), first.join("\n"));
}
