//! A run that has trouble with what it fetches: what it says of that must have happened.
//!
//! Something could not be had and is fetched again, the report was lost and is fetched again, and
//! lines were too long for one record and are fetched in smaller pages. What errands brought stands
//! in no record; so what is checked is that the run goes on as it says.

use bursar_domain::errand::{Brought, Found, ReportLine, ReportSize, Reported};
use bursar_domain::run::{Event, Fetch, Run};
use bursar_domain::schedule;

use super::season::{DAY_MS, cadence, line};
use super::*;

/// A run for which the agenda could not be had at first, whose report was lost and had lines that
/// are too long for one record.
fn troubled() -> Disk {
    let mut world = World::default();
    let long = "t".repeat(30_000);
    let long = ReportLine { transaction: long.into(), ..line("long", Reported::Failed) };
    world.report = Some(vec![long.clone(), long]);
    world.ask_schedule(&schedule::Command::RunNow);
    world.deliver();
    let (id, errand) = world.errands.pop_front().expect("the agenda");
    let found = Found::Unavailable { reason: "not now".into() };
    assert!(world.bring_found(&id, Brought { number: errand.number, found }));
    world.pass_ms(DAY_MS);
    world.wake_all_due();
    for _ in 0..2 {
        let (id, errand) = world.errands.pop_front().expect("the agenda, then the report");
        assert!(world.bring(&id, &errand));
    }
    let (id, errand) = world.errands.pop_front().expect("the lines");
    assert!(world.bring_found(&id, Brought { number: errand.number, found: Found::Gone }));
    world.work(&|_, _| None);
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    world.disk
}

#[test]
fn trouble_that_is_not_there_is_named() {
    let troubled = |change: fn(&mut Event) -> bool, expected: &[&[&str]]| {
        let mut disk = troubled();
        disk.change::<Run>(&EntityId::run("run_1970-01-01_1"), change);
        expect(&disk, expected);
    };
    troubled(
        |event| {
            let Event::Shortened { next } = event else { return false };
            *next = Fetch::Lines { from: 0, limit: 700 };
            true
        },
        &[
            &["run/run_1970-01-01_1, record ", "fewer of the same lines are to be fetched"],
            &["run/run_1970-01-01_1, record ", "it fetches what is not next"],
        ],
    );
    troubled(
        |event| {
            let Event::ReportLost { tries } = event else { return false };
            *tries += 7;
            true
        },
        &[&["run/run_1970-01-01_1, record ", "try 8 follows try 0"]],
    );
    troubled(
        |event| {
            let is_it = matches!(event, Event::Delayed { .. });
            if is_it {
                *event = Event::Closed;
            }
            is_it
        },
        &[
            &["run/run_1970-01-01_1, record ", "it cannot happen while the run is staging"],
            &["run/run_1970-01-01_1, record ", "the run is not over, and nothing is under way"],
            &["run/run_1970-01-01_1, record ", "it fetches what is not next"],
        ],
    );
    troubled(
        |event| {
            let is_it = matches!(event, Event::Shortened { .. });
            if is_it {
                *event = Event::ReportFound { size: ReportSize::default() };
            }
            is_it
        },
        &[
            &["run/run_1970-01-01_1, record ", "it cannot happen while the run is reading"],
            &["run/run_1970-01-01_1, record ", "it fetches what is not next"],
        ],
    );
}

#[test]
fn a_run_that_is_begun_twice_under_its_name_passes() {
    let mut world = World::default();
    world.report = Some(Vec::new());
    for at in ["06:00", "08:00"] {
        world.ask_schedule(&schedule::Command::Set(cadence(at)));
        world.pass_ms(DAY_MS / 24 * 7);
        world.wake_due();
        world.work(&|_, _| None);
    }
    let rang = world.disk.journal.iter().filter(|(_, _, record)| {
        matches!(&record.verdict, Verdict::Schedule(events)
            if matches!(events.as_slice(), [schedule::Event::Rang(_)]))
    });
    assert_eq!((rang.count(), world.runs.len()), (2, 1), "twice on one day");
    world.checkpoint();
    assert_eq!(faults(&world.disk), Vec::<String>::new());
}
