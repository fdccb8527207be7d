//! Runs over the advances and their schedule: what may not be is found and named.
//!
//! Whom a run asks, in which phase and for what, what it adds up, how it ends; when the schedule
//! rings and what it counts. How snapshots of them are checked is in `runs_saved`.
//!
//! Where a fault would drag others along, the journal stands alone, as if nothing had been saved.

use bursar_domain::id::AdvanceId;
use bursar_domain::run::{Event, Fetch, Phase, ReportStatus, Run};
use bursar_domain::schedule::{self, Schedule};
use bursar_domain::time::Timestamp;

use super::season::{collected, goes_on};
use super::*;

pub(super) fn run_of(day: &str) -> EntityId {
    EntityId::run(format!("run_1970-01-{day}"))
}

/// Changes the first event of a run of which `change` says that it did.
#[track_caller]
fn check_run(day: &str, change: impl FnMut(&mut Event) -> bool, expected: &[&[&str]]) {
    let mut disk = goes_on().disk.alone();
    disk.change::<Run>(&run_of(day), change);
    expect(&disk, expected);
}

#[track_caller]
fn check_schedule(change: impl FnMut(&mut schedule::Event) -> bool, expected: &[&[&str]]) {
    let mut disk = goes_on().disk.alone();
    disk.change::<Schedule>(&EntityId::schedule(), change);
    expect(&disk, expected);
}

#[test]
fn counts_that_advances_did_not_answer_are_named() {
    check_run(
        "02",
        |event| {
            let Event::Collected { tally, .. } = event else { return false };
            tally.staged += 1;
            true
        },
        &[&["message of shard ", "(answer to a run): what was received differs"]],
    );
    let mut disk = collected().disk;
    disk.change::<Run>(&run_of("02"), |event| {
        let Event::Collected { tally, .. } = event else { return false };
        tally.staged += 1;
        true
    });
    expect(
        &disk,
        &[
            &[
                "run/run_1970-01-02, snapshot",
                "tally is saved as 6 advances, 6 staged",
                "come to 6 advances, 7 staged",
            ],
            &["message of shard ", "(answer to a run): what was received differs"],
        ],
    );
    check_run(
        "02",
        |event| {
            let Event::Collected { step, .. } = event else { return false };
            *step = 2;
            true
        },
        &[
            &["run/run_1970-01-02, record ", "an advance answers in step 2; the run is staging"],
            &["message of shard ", "(answer to a run): what was received differs"],
        ],
    );
}

#[test]
fn an_advance_that_is_not_asked_or_asked_twice_is_named() {
    let listed = |change: fn(&mut Vec<AdvanceId>)| {
        move |event: &mut Event| {
            let Event::Listed { advances, .. } = event else { return false };
            change(advances);
            true
        }
    };
    check_run(
        "02",
        listed(|advances| drop(advances.pop())),
        &[
            &[
                "run/run_1970-01-02, record ",
                "the run is not over, and nothing is under way for it",
            ],
            &[
                "run/run_1970-01-02, record ",
                "an advance answers, and everybody asked has answered",
            ],
            &["message of shard ", "(turn in a run)", "that record did not send it"],
        ],
    );
    check_run(
        "02",
        listed(|advances| advances.push(advances[0].clone())),
        &[&["run/run_1970-01-02, record ", "advance bad is asked twice at once"]],
    );
    check_run(
        "02",
        listed(|advances| advances.push(AdvanceId::parse("far").expect("well-formed"))),
        &[&[
            "run/run_1970-01-02, record ",
            " ends; 1 advances have not answered and nothing is to be fetched",
        ]],
    );
}

#[test]
fn a_question_that_is_not_of_the_phase_is_named() {
    check_run(
        "02",
        |event| {
            let Event::Listed { pass, .. } = event else { return false };
            *pass = bursar_domain::message::Pass::Submit;
            true
        },
        &[&[
            "run/run_1970-01-02, record ",
            "advances are asked for what is not to be done while staging",
        ]],
    );
    check_run(
        "03",
        |event| {
            let Event::Listed { step, judge_silence, .. } = event else { return false };
            *judge_silence = true;
            *step == 2
        },
        &[&[
            "run/run_1970-01-03, record ",
            "it says whether there was a good report, and is mistaken",
        ]],
    );
    check_run(
        "02",
        |event| {
            let Event::Listed { day, .. } = event else { return false };
            *day = day.checked_add_days(1).expect("in range");
            true
        },
        &[&[
            "run/run_1970-01-02, record ",
            "it asks for 1970-01-03, which is not the day of the run",
        ]],
    );
    check_run(
        "02",
        |event| {
            let Event::Listed { next, advances, .. } = event else { return false };
            let place = bursar_domain::errand::Place { number: 1, id: advances[0].as_str().into() };
            let until = bursar_domain::plan::Day::from_days(1).expect("in range");
            *next = Some(Fetch::Agenda { until, after: Some(place), limit: 500 });
            true
        },
        &[
            &["run/run_1970-01-02, record ", "the next page does not begin behind this one"],
            &[
                "run/run_1970-01-02, record ",
                "the phase staging ends; 0 advances have not answered and something",
            ],
        ],
    );
}

#[test]
fn a_line_that_goes_to_another_advance_is_named() {
    check_run(
        "04",
        |event| {
            let Event::Said { groups, .. } = event else { return false };
            let line = groups[0].1[0].clone();
            groups[0].1[0].key = "far/d1/1".into();
            groups[0].1[0].transaction = line.transaction;
            true
        },
        &[&["run/run_1970-01-04, record ", "advance good is told lines that are not about it"]],
    );
    check_run(
        "04",
        |event| {
            let Event::Said { foreign, .. } = event else { return false };
            *foreign = 600;
            true
        },
        &[&["run/run_1970-01-04, record ", "602 lines came; 500 were fetched"]],
    );
    check_run(
        "04",
        |event| {
            let Event::Said { next: Some(next), .. } = event else { return false };
            *next = Fetch::Lines { from: 0, limit: 500 };
            true
        },
        &[
            &["run/run_1970-01-04, record ", "the next lines do not begin behind these"],
            &["run/run_1970-01-04, record ", "it fetches what is not next"],
        ],
    );
}

#[test]
fn phases_that_do_not_follow_are_named() {
    check_run(
        "02",
        |event| {
            let Event::Entered { phase } = event else { return false };
            *phase = Phase::Submitting;
            true
        },
        &[
            &[
                "run/run_1970-01-02, record ",
                "after staging comes fetching, and it goes on with submitting",
            ],
            &["run/run_1970-01-02, record ", "it fetches what is not next"],
            &["run/run_1970-01-02, record ", "it cannot happen while the run is submitting"],
            &[
                "run/run_1970-01-02, record ",
                "after submitting comes done, and it goes on with reading",
            ],
        ],
    );
    check_run(
        "02",
        |event| {
            let is_it = matches!(event, Event::ReportFound { .. });
            if is_it {
                let (status, code) = (ReportStatus::Unusable, "cut".into());
                *event = Event::ReportFailed { status, code, detail: "cut".into() };
            }
            is_it
        },
        &[
            &[
                "run/run_1970-01-02, record ",
                "after fetching comes submitting, and it goes on with reading",
            ],
            &[
                "run/run_1970-01-02, record ",
                "after reading comes submitting, and it goes on with closing",
            ],
            &[
                "run/run_1970-01-02, record ",
                "it says whether there was a good report, and is mistaken",
            ],
            &["run/run_1970-01-02, record ", "it ends with a report that is read; it was unusable"],
        ],
    );
}

#[test]
fn an_errand_that_is_not_next_is_named() {
    check_run(
        "02",
        |event| {
            let Event::Fetched { number, .. } = event else { return false };
            *number = 2;
            true
        },
        &[
            &["run/run_1970-01-02, record ", "errand 2 follows errand 0"],
            &["run/run_1970-01-02, record ", "errand 2 follows errand 2"],
        ],
    );
    check_run(
        "02",
        |event| {
            let Event::Fetched { fetch, .. } = event else { return false };
            *fetch = Fetch::Close;
            true
        },
        &[
            &["run/run_1970-01-02, record ", "it fetches what is not next"],
            &["run/run_1970-01-02, record ", "6 advances are on a page of 0"],
        ],
    );
    check_run(
        "02",
        |event| {
            let is_it = matches!(event, Event::Closed);
            if is_it {
                *event = Event::Delayed { detail: "x".into(), retry_at: Timestamp::default() };
            }
            is_it
        },
        &[&[
            "run/run_1970-01-02, record ",
            "the phase closing ends; 0 advances have not answered and something",
        ]],
    );
}

#[test]
fn an_end_that_is_not_there_is_named() {
    check_run(
        "02",
        |event| {
            let Event::Ended { report, .. } = event else { return false };
            *report = ReportStatus::Unusable;
            true
        },
        &[
            &["run/run_1970-01-02, record ", "it ends with a report that is unusable; it was read"],
            &["message of shard ", "(reply)", "that record did not send it"],
        ],
    );
    check_run(
        "02",
        |event| {
            let Event::Ended { by, .. } = event else { return false };
            by.step += 1;
            true
        },
        &[
            &[
                "run/run_1970-01-02, record ",
                "it tells schedule/advances in step ",
                "which did not begin it",
            ],
            &["message of shard ", "(reply): what was received differs"],
        ],
    );
    let mut disk = goes_on().disk.alone();
    let found = disk.journal.iter_mut().find_map(|(_, _, record)| {
        let Verdict::Run(events) = &mut record.verdict else { return None };
        matches!(events.last(), Some(Event::Ended { .. })).then_some(events)
    });
    found.expect("a run ended").pop();
    expect(
        &disk,
        &[
            &[
                "run/run_1970-01-01, record ",
                "the run is not over, and nothing is under way for it",
            ],
            &["message of shard ", "(reply)", "that record did not send it"],
        ],
    );
}

#[test]
fn a_run_that_begins_otherwise_is_named() {
    check_run(
        "02",
        |event| {
            let Event::Started { days, .. } = event else { return false };
            *days = 6;
            true
        },
        &[
            &["run/run_1970-01-02, record ", "it fetches what is not next"],
            &["message of shard ", "(beginning of a run): what was received differs"],
        ],
    );
    let rang = |change: fn(&mut schedule::Rang)| {
        move |event: &mut schedule::Event| {
            let schedule::Event::Rang(rang) = event else { return false };
            change(rang);
            true
        }
    };
    check_schedule(
        rang(|rang| rang.run = "run_1970-01-09".into()),
        &[
            &["schedule/advances, record ", "the run is named run_1970-01-09, not run_1970-01-01"],
            &["message of shard ", "(beginning of a run)", "that record did not send it"],
        ],
    );
    check_schedule(
        rang(|rang| rang.step = 7),
        &[
            &["schedule/advances, record ", "run 7 is begun; the last one was 0"],
            &["schedule/advances, record ", "run 2 is begun; the last one was 7"],
            &["message of shard ", "(beginning of a run): what was received differs"],
        ],
    );
    check_schedule(
        rang(|rang| rang.planned_at = Timestamp::from_millis(1_000).expect("in range")),
        &[
            &[
                "schedule/advances, record ",
                "it rings for 1970-01-01T00:00:01.000Z, which was not its time",
            ],
            &["message of shard ", "(beginning of a run): what was received differs"],
        ],
    );
    check_schedule(
        rang(|rang| rang.next = Some(Timestamp::from_millis(1_000).expect("in range"))),
        &[&["schedule/advances, record ", "it is to ring at a time that has passed"]],
    );
}

#[test]
fn a_schedule_that_loses_count_is_named() {
    check_schedule(
        |event| {
            let schedule::Event::Rang(rang) = event else { return false };
            let is_it = rang.by_hand.is_some();
            rang.by_hand = Some(5);
            rang.next = None;
            is_it
        },
        &[
            &[
                "schedule/advances, record ",
                "the run is named run_1970-01-09_1, not run_1970-01-09_5",
            ],
            &["schedule/advances, record ", "run 5 by hand follows run 0"],
            &["schedule/advances, record ", "a run by hand changes when it rings next"],
            &[
                "schedule/advances, record ",
                "it rings for 1970-01-10T06:00:00.000Z, which was not its time",
            ],
            &["schedule/advances, record ", "run 2 by hand follows run 5"],
        ],
    );
    check_schedule(
        |event| {
            let schedule::Event::Rang(rang) = event else { return false };
            let is_it = rang.day.days() == 6;
            rang.days = 2;
            is_it
        },
        &[
            &[
                "schedule/advances, record ",
                "a report of 2 days leaves out what is since 1970-01-04T06:00:00.000Z",
            ],
            &["message of shard ", "(beginning of a run): what was received differs"],
        ],
    );
    check_schedule(
        |event| {
            let schedule::Event::Read { step, .. } = event else { return false };
            *step += 1;
            true
        },
        &[&["message of shard ", "(reply): what was received differs"]],
    );
}
