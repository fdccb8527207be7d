//! Days, plans and their dates by tables: month ends, leap years, local midnights, what is refused
//! and the edges of the range.
//!
//! More cases, made by another calendar, are in `tests/calendar/`.

use super::*;
use crate::cadence::Zone;
use crate::time::Timestamp;

fn day(text: &str) -> Day {
    Day::parse(text).expect(text)
}

fn zone(name: &str) -> Zone {
    Zone::named(name).expect(name)
}

#[test]
fn days_are_counted_from_1970() {
    for (text, days) in [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2000-02-29", 11_016),
        ("2026-11-21", 20_778),
        ("0000-01-01", Day::MIN.days()),
        ("9999-12-31", Day::MAX.days()),
    ] {
        assert_eq!(day(text).days(), days, "{text}");
        assert_eq!(Day::from_days(days), Some(day(text)));
        assert_eq!(day(text).to_string(), text);
    }
    for days in [Day::MIN.days() - 1, Day::MAX.days() + 1, i32::MIN, i32::MAX] {
        assert_eq!(Day::from_days(days), None);
    }
}

#[test]
fn what_is_not_a_date_is_refused() {
    for text in [
        "",
        "2026-11-2",
        "2026-1-21",
        "26-11-21",
        "+2026-11-21",
        "-001-01-01",
        "02026-11-21",
        "2026-11-021",
        "2026/11/21",
        "20261121",
        "2026-11-21T00:00:00Z",
        " 2026-11-21",
        "2026-11-21 ",
        "2026-02-29",
        "2026-00-01",
        "2026-13-01",
        "2026-01-00",
        "2026-04-31",
        "2026-99-99",
        "2O26-11-21",
        "٢٠٢٦-11-21",
    ] {
        assert_eq!(Day::parse(text), None, "{text:?}");
    }
}

#[test]
fn an_instant_has_the_date_of_its_zone() {
    for (name, at, local) in [
        ("UTC", "2026-11-21T23:59:59.999Z", "2026-11-21"),
        ("UTC", "1969-12-31T23:59:59.999Z", "1969-12-31"),
        ("europe/prague", "2026-11-21T22:59:59.999Z", "2026-11-21"),
        ("Europe/Prague", "2026-11-21T23:00:00Z", "2026-11-22"),
        ("America/New_York", "2026-11-21T04:59:59Z", "2026-11-20"),
        ("Asia/Kathmandu", "2026-11-21T18:15:00Z", "2026-11-22"),
        ("Pacific/Apia", "2011-12-30T09:59:59.999Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
    ] {
        let at = Timestamp::parse(at).expect(at);
        assert_eq!(Day::from_timestamp_in(&zone(name), at), Some(day(local)), "{name} {at}");
    }
    let before = Timestamp::from_millis(-70_000_000_000_000).expect("in range");
    assert_eq!(Day::from_timestamp_in(&zone("UTC"), before), None);
}

#[test]
fn a_day_starts_at_the_first_instant_of_its_date() {
    for (name, date, start) in [
        ("UTC", "2026-11-21", "2026-11-21T00:00:00Z"),
        ("Europe/Prague", "2026-03-29", "2026-03-28T23:00:00Z"),
        ("Pacific/Chatham", "2026-11-21", "2026-11-20T10:15:00Z"),
        // São Paulo went from 00:00 -03 to 01:00 -02.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        // In the Azores 00:00 comes twice: they go from 01:00 +00 back to 00:00 -01.
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
    ] {
        let expected = Timestamp::parse(start).expect(start);
        let found = day(date).start_ms_in(&zone(name));
        assert_eq!(found, Some(expected.millis()), "{name} {date}");
        assert_eq!(Day::from_timestamp_in(&zone(name), expected), Some(day(date)));
    }
}

#[test]
fn dates_keep_to_the_first_day() {
    let check = |first: &str, every: Period, expected: &[&str]| {
        let dates = Dates { first: day(first), every };
        let found: Vec<_> = (0..).map_while(|n| dates.nth(n)).take(expected.len()).collect();
        assert_eq!(found, expected.iter().map(|text| day(text)).collect::<Vec<_>>());
    };
    check("2024-01-31", Period::Month, &["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]);
    check("2025-12-30", Period::Month, &["2025-12-30", "2026-01-30", "2026-02-28", "2026-03-30"]);
    let leap = ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"];
    check("2024-02-29", Period::Year, &leap);
    check("2026-02-28", Period::Month, &["2026-02-28", "2026-03-28", "2026-04-28"]);
    check("2026-12-28", Period::Week, &["2026-12-28", "2027-01-04", "2027-01-11"]);
    check("2028-02-28", Period::Day, &["2028-02-28", "2028-02-29", "2028-03-01"]);
}

#[test]
fn past_the_last_day_there_is_no_date() {
    for every in Period::ALL {
        let dates = Dates { first: day("9999-12-01"), every };
        assert_eq!(dates.nth(0), Some(dates.first));
        assert_eq!(dates.nth(31), None, "{every:?}");
        assert_eq!(dates.nth(u32::MAX), None, "{every:?}");
    }
    assert_eq!(Day::MAX.checked_add_days(1), None);
    assert_eq!(Day::MIN.checked_add_days(-1), None);
    assert_eq!(Day::MAX.checked_add_days(i32::MAX), None);
    assert_eq!(day("2026-12-30").checked_add_days(5), Some(day("2027-01-04")));
}

#[test]
fn a_plan_starts_when_it_says_or_a_period_after_the_credit() {
    let credited = day("2027-01-31");
    let plan = Plan::new(12, "month", Some("2027-04-05")).expect("a plan");
    assert_eq!((plan.installments(), plan.every()), (12, Period::Month));
    assert_eq!(plan.first_due(), Some(day("2027-04-05")));
    assert_eq!(plan.dates(credited).expect("dates").first, day("2027-04-05"));
    for (every, first) in [
        ("day", "2027-02-01"),
        ("week", "2027-02-07"),
        ("month", "2027-02-28"),
        ("year", "2028-01-31"),
    ] {
        let plan = Plan::new(3, every, None).expect("a plan");
        assert_eq!(plan.every().as_str(), every);
        assert_eq!(plan.dates(credited).expect("dates").first, day(first));
        assert_eq!(plan.dates(Day::MAX), None);
    }
}

#[test]
fn a_wrong_field_of_a_plan_is_named() {
    use PlanError::{Every, FirstDue, Installments};
    for (installments, every, first_due, error, pointer, part) in [
        (0, "week", None, Installments, "/plan/installments", "from 1 to 520"),
        (521, "week", None, Installments, "/plan/installments", "from 1 to 520"),
        (65_537, "week", None, Installments, "/plan/installments", "whole number"),
        (u64::MAX, "week", None, Installments, "/plan/installments", "whole number"),
        (12, "Week", None, Every, "/plan/every", "\"day\", \"week\""),
        (12, "", None, Every, "/plan/every", "\"month\" or \"year\""),
        (12, "week", Some("2027-02-29"), FirstDue, "/plan/first_due", "YYYY-MM-DD"),
        (12, "week", Some(""), FirstDue, "/plan/first_due", "YYYY-MM-DD"),
    ] {
        assert_eq!(Plan::new(installments, every, first_due), Err(error));
        assert_eq!(error.pointer(), pointer);
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(Plan::new(1, "day", None).is_ok() && Plan::new(520, "day", None).is_ok());
}

#[test]
fn only_a_day_and_a_plan_in_their_ranges_decode() {
    let config = bincode::config::standard();
    for (days, is_day) in [(0, true), (Day::MAX.days(), true), (Day::MAX.days() + 1, false)] {
        let bytes = bincode::encode_to_vec(days, config).expect("encodes");
        assert_eq!(bincode::decode_from_slice::<Day, _>(&bytes, config).is_ok(), is_day);
    }
    for (installments, is_plan) in [(0_u16, false), (1, true), (520, true), (521, false)] {
        let fields = (installments, Period::Year, Some(Day::MIN));
        let bytes = bincode::encode_to_vec(fields, config).expect("encodes");
        assert_eq!(bincode::decode_from_slice::<Plan, _>(&bytes, config).is_ok(), is_plan);
    }
    // The order of the periods is on disk.
    for (period, byte) in Period::ALL.into_iter().zip(0_u8..) {
        assert_eq!(bincode::encode_to_vec(period, config).expect("encodes"), [byte]);
    }
}

#[test]
fn what_is_left_of_the_division_is_in_the_last_part() {
    let check = |minor: i64, installments: u16, expected: Option<&[i64]>| {
        let found = split(Amount::from_minor(minor), installments);
        let found = found.map(|parts| parts.into_iter().map(Amount::minor).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{minor} / {installments}");
    };
    check(10_000, 3, Some(&[3333, 3333, 3334]));
    check(100, 1, Some(&[100]));
    check(7, 4, Some(&[1, 1, 1, 4]));
    check(4, 4, Some(&[1, 1, 1, 1]));
    check(i64::MAX, 2, Some(&[i64::MAX / 2, i64::MAX / 2 + 1]));
    for (minor, installments) in [(3, 4), (0, 1), (-100, 2), (100, 0), (0, 0), (i64::MIN, 3)] {
        check(minor, installments, None);
    }
}
