//! An advance is opened, credited or not, and its plan begins: as tables.
//!
//! What is refused and why; what the saga is asked and how it is answered; on which days the debits
//! are due, by which time zone, and how much each is. A run may write to an advance that is not
//! there, not yet, or not any more.
//!
//! Tables of cases: what is asked, on what, and which events or code must follow.

use bursar_domain::advance::{Advance, Command, Status};
use bursar_domain::call::{Collecting, Policy};
use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::errand::Reported;
use bursar_domain::id::EntityId;
use bursar_domain::message::{Asker, Body};
use bursar_domain::money::Amount;
use bursar_domain::plan::{Day, Plan, split};
use bursar_domain::saga::{Failure, Subject};

use crate::bench::{Bench, START_MS, euro, policy};

fn plan(installments: u64, every: &str, first_due: Option<&str>) -> Plan {
    Plan::new(installments, every, first_due).expect("a plan")
}

#[test]
fn what_cannot_be_divided_is_refused() {
    for (cents, installments, expected) in [
        (0, 1, Err(Code::InvalidAmount)),
        (-1, 1, Err(Code::InvalidAmount)),
        (11, 12, Err(Code::InvalidAmount)),
        (12, 12, Ok(1)),
        (1, 1, Ok(1)),
        (i64::MAX, 520, Ok(1)),
    ] {
        let mut bench = Bench::new(policy());
        assert_eq!(bench.open(cents, plan(installments, "week", None)), expected, "{cents}");
        if expected.is_ok() {
            let again = bench.open(cents, plan(installments, "week", None));
            assert_eq!(again, Err(Code::AlreadyExists));
        }
    }
}

#[test]
fn what_is_opened_is_credited_by_its_saga() {
    let mut bench = Bench::new(policy());
    bench.open(3_000, plan(3, "week", None)).expect("it is a good plan");
    assert_eq!(bench.advance().status(), Status::Pending);
    assert_eq!(bench.sums(), [0; 4]);
    let [message] = &bench.sent[..] else { panic!("{:?}", bench.sent) };
    assert_eq!(message.to, EntityId::saga("adv_1"));
    let Body::Begin(subject) = &message.body else { panic!("{message:?}") };
    let Subject::Advance(credit) = &**subject else { panic!("{subject:?}") };
    assert_eq!((&*credit.account, credit.amount.minor()), ("acc-7", 3_000));
    assert_eq!(bench.advance().listed(), None, "nothing to do before the credit");

    bench.activate();
    assert_eq!(bench.advance().status(), Status::Active);
    assert_eq!((bench.outcomes().as_str(), bench.account), ("active", -3_000));
    assert_eq!(bench.sums(), [0, 3_000, 0, 0]);
    assert_eq!(bench.debits(), "1 scheduled, 2 scheduled, 3 scheduled");
    let replied = bench.sent.last().expect("the saga is answered");
    assert!(matches!(replied.body, Body::Reply { step: 2, .. }), "{replied:?}");
}

#[test]
fn what_could_not_be_credited_has_failed() {
    let mut bench = Bench::new(policy());
    bench.open(3_000, plan(3, "week", None)).expect("it is a good plan");
    let saga = EntityId::saga("adv_1");
    let by = Asker { entity: EntityId::compensation(&saga.id), step: 0 };
    let failure = Failure::new("account-closed", "there is no such account");
    bench.deliver(None, Body::NotCredited { by, failure: failure.clone() });
    assert_eq!(bench.advance().status(), Status::Failed);
    assert_eq!(bench.advance().failure(), Some(&failure));
    assert_eq!((bench.outcomes().as_str(), bench.account), ("failed", 0));
    assert_eq!((bench.sums(), bench.advance().listed()), ([0; 4], None));
    // A run that had it on an old page does it no harm.
    bench.run(7, &[]);
    assert_eq!(bench.answered().expect("it answers").1.staged, 0);
    assert!(bench.calls.is_empty());
}

#[test]
fn the_dates_begin_one_period_after_the_local_day_of_the_credit() {
    let first_of = |zone: &str, at_ms: i64, plan: Plan| {
        let collecting = Collecting { time_zone: zone.into(), ..Collecting::default() };
        let mut bench = Bench::new(Policy { collecting, ..policy() });
        bench.now = at_ms;
        bench.open(1_000, plan).expect("it is a good plan");
        bench.activate();
        let days = bench.advance().schedule().iter().map(|row| row.due.to_string()).collect();
        let days: Vec<String> = days;
        let listed = bench.advance().listed().expect("there is a first one");
        let first = Day::parse(&days[0]).expect("a day");
        assert_eq!(listed, i64::from(first.days()));
        days.join(" ")
    };
    let new_year = START_MS;
    for (zone, plan, expected) in [
        ("UTC", plan(2, "week", None), "2026-01-08 2026-01-15"),
        // 02:00 in UTC is still the day before in New York.
        ("America/New_York", plan(2, "week", None), "2026-01-07 2026-01-14"),
        ("America/New_York", plan(2, "month", None), "2026-01-31 2026-02-28"),
        ("UTC", plan(2, "month", Some("2026-01-31")), "2026-01-31 2026-02-28"),
        // Past is past: it is due at the next run.
        ("UTC", plan(2, "month", Some("2020-02-29")), "2020-02-29 2020-03-29"),
        ("UTC", plan(2, "year", Some("9999-06-01")), "9999-06-01 9999-12-31"),
    ] {
        assert_eq!(first_of(zone, new_year, plan), expected, "{zone} {plan:?}");
    }
}

#[test]
fn the_parts_are_those_of_the_plan() {
    for (cents, installments) in [(1_000, 3), (100, 7), (520, 520), (99_999, 12), (5, 1)] {
        let bench = Bench::active(policy(), cents, plan(u64::from(installments), "day", None));
        let parts: Vec<_> = bench.advance().schedule().iter().map(|row| row.amount).collect();
        let expected = split(Amount::from_minor(cents), installments).expect("enough");
        assert_eq!(parts, expected);
    }
}

#[test]
fn a_run_that_writes_to_nobody_is_answered() {
    let mut bench = Bench::new(policy());
    bench.report(5, &[("adv_1/d1/1", Reported::Succeeded), ("adv_1/d2/1", Reported::Failed)]);
    assert_eq!(bench.answered().expect("it answers").1.strange, 2);
    let seen = bench.last_source();
    assert!(bench.advance().exists(), "what was received is kept");
    assert!(bench.advance().summary().is_none() && bench.advance().listed().is_none());
    let by = Bench::by("run_a", 1);
    let body = Body::ReportSaid { by, day: crate::bench::day(5), lines: Vec::new() };
    assert_eq!(bench.deliver(Some(seen), body), 0, "it is received once");
    bench.run(6, &[]);
    assert_eq!(bench.answered().expect("it answers").1.advances, 0);
    // The id is still free.
    bench.open(3_000, plan(3, "week", None)).expect("nobody has it");
    bench.activate();
    assert_eq!(bench.sums(), [0, 3_000, 0, 0]);
}

#[test]
fn the_mark_of_a_request_tells_its_fields_apart() {
    let open = |account: &str, cents, plan| Command::Open {
        account: account.into(),
        amount: Amount::from_minor(cents),
        currency: euro(),
        plan,
    };
    let weekly = plan(12, "week", None);
    let marks = [
        open("a", 100, weekly),
        open("b", 100, weekly),
        open("a", 101, weekly),
        open("a", 100, plan(11, "week", None)),
        open("a", 100, plan(12, "month", None)),
        open("a", 100, plan(12, "week", Some("2026-01-01"))),
    ]
    .map(|command| command.content());
    let distinct: std::collections::BTreeSet<_> = marks.into_iter().collect();
    assert_eq!(distinct.len(), marks.len());
    assert_eq!(open("a", 100, weekly).content(), marks[0]);
    assert!(!Advance::default().exists());
}
