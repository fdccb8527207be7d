//! What each line of a submission is answered, and what accrues.
//!
//! Most cases are one call on a fresh provider through `check()`. The order of the checks is: is the
//! id known, then currency, amount, service date, the sum of the call; cases in which two reasons
//! hold say which one wins. The stand holds that the answer made from the record is the one that
//! `judge` gives.

use std::sync::Arc;

use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::provider::activity::{LINES_MAX, LINES_SIZE_MAX, is_activity_id, is_member};
use bursar_domain::provider::{
    Activities, Activity, ActivityLine, Command, Event, LineAnswer, LineRefusal, LineVerdict,
};

use crate::stand::{Stand, amount, at, daily, day, every, line, said};

const NEW: LineAnswer = LineAnswer::New { late: false };
const LATE: LineAnswer = LineAnswer::New { late: true };
const DUPLICATE: LineAnswer = LineAnswer::Not(LineVerdict::Duplicate);
const CONFLICT: LineAnswer = LineAnswer::Not(LineVerdict::Conflict);

const fn refused(why: LineRefusal) -> LineAnswer {
    LineAnswer::Not(LineVerdict::Refused(why))
}

fn today(id: &str, minor: i64) -> ActivityLine {
    line(id, "m1", "2026-11-20", minor)
}

fn in_dollars(mut line: ActivityLine) -> ActivityLine {
    line.currency = Currency::from_code("USD").expect("known");
    line
}

fn stand() -> Stand {
    Stand::registered(daily(), "2026-11-20T10:00:00Z")
}

/// One call on a fresh provider: what its lines are answered and what accrues.
fn check(lines: Vec<ActivityLine>, expected: &[LineAnswer], accrued: i128) {
    let mut stand = stand();
    assert_eq!(stand.submit(lines.clone()).expect("taken"), expected, "{lines:?}");
    assert_eq!(stand.balance(), (accrued, 0, 0), "{lines:?}");
}

#[test]
fn new_lines_accrue() {
    check(vec![], &[], 0);
    check(vec![today("a", 3)], &[NEW], 3);
    check(vec![today("a", 3), line("b", "m2", "2026-11-20", 4)], &[NEW, NEW], 7);
}

#[test]
fn a_line_that_is_not_allowed_fails_alone() {
    let on = |date| line("a", "m1", date, 3);
    for (bad, why) in [
        (in_dollars(today("a", 3)), LineRefusal::Currency),
        (today("a", 0), LineRefusal::Amount),
        (today("a", -3), LineRefusal::Amount),
        (on("2026-11-22"), LineRefusal::Ahead),
        (on("9999-12-31"), LineRefusal::Ahead),
        (on("2024-11-18"), LineRefusal::TooOld),
        (on("0000-01-01"), LineRefusal::TooOld),
    ] {
        check(vec![bad.clone()], &[refused(why)], 0);
        check(vec![today("x", 1), bad.clone(), today("y", 2)], &[NEW, refused(why), NEW], 3);
        // It is not remembered: corrected it may come again, even in the same call.
        check(vec![bad, today("a", 5)], &[refused(why), NEW], 5);
    }
    check(vec![on("2026-11-21")], &[NEW], 3);
    check(vec![on("2024-11-19")], &[LATE], 3);
}

#[test]
fn an_id_counts_once_within_a_call() {
    check(vec![today("a", 3), today("a", 3)], &[NEW, DUPLICATE], 3);
    check(vec![today("a", 3), today("a", 4), today("a", 3)], &[NEW, CONFLICT, DUPLICATE], 3);
    check(vec![today("a", 3), in_dollars(today("a", 3))], &[NEW, CONFLICT], 3);
    check(vec![today("a", 3), today("a", 0)], &[NEW, CONFLICT], 3);
    check(vec![today("a", 3), today("A", 3)], &[NEW, NEW], 6);
}

#[test]
fn an_id_counts_once_for_ever() {
    let mut stand = stand();
    // More than memory keeps: the first ones are on disk.
    for n in 0..100 {
        let id = format!("a{n}");
        assert_eq!(stand.submit(vec![today(&id, 3)]), Ok(vec![NEW]), "{id}");
    }
    assert!(!stand.disk.is_empty());
    let all: Vec<_> = (0..100).map(|n| today(&format!("a{n}"), 3)).collect();
    assert_eq!(stand.submit(all.clone()), Ok(vec![DUPLICATE; 100]));
    let changed = (0..100).map(|n| today(&format!("a{n}"), 4)).collect();
    assert_eq!(stand.submit(changed), Ok(vec![CONFLICT; 100]));
    // Ten years later its service date would be refused, but it is known.
    stand.now = at("2036-11-20");
    let records = stand.journal.len();
    assert_eq!(stand.submit(all), Ok(vec![DUPLICATE; 100]));
    assert_eq!(stand.journal.len(), records, "nothing new is not recorded");
}

#[test]
fn every_part_of_the_content_counts() {
    let with = |member: &str, date: &str, description: Option<&str>, minor| {
        let (description, amount) = (description.map(Into::into), amount(minor));
        let activity = Activity::new("a".into(), member.into(), day(date), description, amount);
        ActivityLine { activity: Arc::new(activity.expect("well-formed")), ..today("a", 1) }
    };
    let mut stand = stand();
    let first = with("m1", "2026-11-20", Some("visit"), 3);
    assert_eq!(stand.submit(vec![first.clone()]), Ok(vec![NEW]));
    for other in [
        with("m2", "2026-11-20", Some("visit"), 3),
        with("m1", "2026-11-19", Some("visit"), 3),
        with("m1", "2026-11-20", Some("Visit"), 3),
        with("m1", "2026-11-20", Some(""), 3),
        with("m1", "2026-11-20", None, 3),
        with("m1", "2026-11-20", Some("visit"), 4),
    ] {
        assert_eq!(stand.submit(vec![other.clone(), first.clone()]), Ok(vec![CONFLICT, DUPLICATE]));
    }
}

#[test]
fn the_marks_of_contents_never_change() {
    // On disk for ever: these are what the first release with activities computed.
    let activity = |description: Option<&str>| {
        let description = description.map(Into::into);
        Activity::new("a:1".into(), "m1".into(), day("2026-11-20"), description, amount(345))
            .expect("well-formed")
    };
    assert_eq!(activity(None).slot(), 242_390_059_069_979_005_916_916_715_192_535_740_953);
    let marks = [None, Some(""), Some("visit")].map(|description| activity(description).mark());
    assert_eq!(
        marks,
        [16_714_371_860_670_536_634, 18_245_328_387_550_294_725, 11_722_498_819_312_273_091]
    );
}

#[test]
fn a_line_for_a_service_before_the_period_is_late_and_stays() {
    // Local dates of Prague: the period began on the 20th at 00:30 there, the 19th in UTC.
    let cadence =
        bursar_domain::cadence::Cadence::new("day", None, Some("00:30"), Some("Europe/Prague"));
    let settlement = bursar_domain::provider::Settlement::OnCalendar(cadence.expect("a cadence"));
    let mut stand = Stand::registered(settlement, "2026-11-18T12:00:00Z");
    stand.now = at("2026-11-19T23:30:00Z");
    let lines = vec![
        line("a", "m1", "2026-11-20", 1),
        line("b", "m1", "2026-11-19", 2),
        line("c", "m1", "2026-11-21", 4),
        line("d", "m1", "2026-11-22", 8),
    ];
    let answers = [NEW, LATE, NEW, refused(LineRefusal::Ahead)];
    // The period before ends in the same decision, and is not the one that says what is late.
    assert_eq!(stand.submit(lines), Ok(answers.to_vec()));
    let (_, events) = stand.journal.last().expect("recorded");
    assert_eq!(events.len(), 3, "{}", said(events));
    let Some(Event::Activities(noted)) = events.last() else { panic!("{events:?}") };
    assert_eq!((noted.period, noted.since), (3, day("2026-11-20")));
    let late: Vec<_> = noted.lines.iter().filter(|line| noted.is_late(line)).collect();
    assert_eq!(late.iter().map(|line| line.id()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(stand.balance(), (7, 0, 0));
}

#[test]
fn the_sum_of_a_call_is_an_amount() {
    let too_much = refused(LineRefusal::TooMuch);
    let lines = vec![today("a", i64::MAX - 1), today("b", 2), today("c", 1), today("d", 1)];
    check(lines, &[NEW, too_much, NEW, too_much], i64::MAX.into());
    let mut stand = stand();
    for id in ["a", "b", "c"] {
        assert_eq!(stand.submit(vec![today(id, i64::MAX)]), Ok(vec![NEW]));
    }
    assert_eq!(stand.balance().0, i128::from(i64::MAX) * 3);
}

#[test]
fn a_refusal_has_a_code_a_field_and_a_sentence() {
    for (why, code, field) in [
        (LineRefusal::Currency, Code::CurrencyMismatch, "currency"),
        (LineRefusal::Amount, Code::InvalidAmount, "amount"),
        (LineRefusal::TooMuch, Code::BalanceOverflow, "amount"),
        (LineRefusal::Ahead, Code::InvalidField, "service_date"),
        (LineRefusal::TooOld, Code::InvalidField, "service_date"),
    ] {
        assert_eq!((why.code(), why.field()), (code, field));
        assert!(!why.detail().is_empty());
    }
    let words =
        [NEW, LATE, DUPLICATE, CONFLICT, refused(LineRefusal::Amount)].map(LineAnswer::as_str);
    assert_eq!(words, ["new", "new", "duplicate", "conflict", "refused"]);
}

#[test]
fn names_keep_to_their_alphabets() {
    let (long, longer) = ("a".repeat(64), "a".repeat(65));
    for (text, id, member) in [
        ("a", true, true),
        ("A_z-9.:", true, true),
        (&*long, true, true),
        (&*longer, false, false),
        ("", false, false),
        ("a b", false, true),
        ("ü", false, true),
        ("a\n", false, false),
        ("a/b", false, true),
    ] {
        assert_eq!((is_activity_id(text), is_member(text)), (id, member), "{text:?}");
        let made = Activity::new(text.into(), "m".into(), day("2026-11-20"), None, amount(1));
        assert_eq!(made.is_some(), id);
    }
    assert!(is_member(&"ü".repeat(64)) && !is_member(&"ü".repeat(65)));
}

#[test]
fn any_number_of_lines_is_cut_into_calls_that_fit() {
    assert_eq!(Activities::cut([]), []);
    let short: Vec<_> = (0..2_500).map(|n| today(&n.to_string(), 1)).collect();
    let calls = Activities::cut(short.clone());
    let counts: Vec<_> = calls.iter().map(|call| call.lines.len()).collect();
    assert_eq!(counts, [LINES_MAX, LINES_MAX, 500]);
    let again: Vec<_> = calls.into_iter().flat_map(|call| call.lines).collect();
    assert_eq!(again, short);

    let text: Box<str> = "ü".repeat(1_000).into();
    let long = |n: i64| {
        let id = format!("long-{n}").into();
        let activity =
            Activity::new(id, "m".into(), day("2026-11-20"), Some(text.clone()), amount(1));
        ActivityLine { activity: Arc::new(activity.expect("well-formed")), ..today("a", 1) }
    };
    let calls = Activities::cut((0..200).map(long));
    assert!(calls.len() > 1);
    for call in calls {
        let mut stand = stand();
        let events = stand.ask(&Command::Activities(call)).expect("it fits");
        let bytes = bincode::encode_to_vec(&events, bincode::config::standard()).expect("encodes");
        assert!(bytes.len() < LINES_SIZE_MAX + 1_024, "{} bytes", bytes.len());
    }
}

#[test]
fn a_call_with_other_lines_is_another_request() {
    let content = |lines| Command::Activities(Activities::new(lines)).content();
    let (a, b) = (today("a", 1), today("b", 1));
    assert_eq!(content(vec![a.clone()]), content(vec![a.clone()]));
    for other in [vec![], vec![b.clone()], vec![a.clone(), b], vec![in_dollars(a.clone())]] {
        assert_ne!(content(vec![a.clone()]), content(other));
    }
}

#[test]
fn lines_are_noted_in_the_period_that_runs_when_they_come() {
    let mut stand = Stand::registered(every("week", None, None), "2026-11-20");
    stand.submit(vec![today("a", 5)]).expect("taken");
    stand.now = at("2026-11-23");
    let call = stand.filled(vec![line("b", "m1", "2026-11-23", 7)]);
    let events = stand.ask(&Command::Activities(call)).expect("taken");
    assert_eq!(said(&events), "closed #1 2026-11-20 to 2026-11-23 with 5, noted 7 of 1");
}
