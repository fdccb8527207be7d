//! Advances: what is true passes, and what may not be of them is found and named.
//!
//! The credit and its plan, the money and how it adds up, what runs are answered, who is found in
//! the agenda, outcomes and snapshots; single debits and calls are in `debits`. Where a fault would
//! drag others along, the journal stands alone, as if nothing had been saved.

use bursar_domain::advance::{self, Advance, Counts, DebitStatus, Event, Then};
use bursar_domain::message::{About, OutcomeKind};
use bursar_domain::money::Total;
use bursar_domain::plan::Day;
use bursar_domain::saga::Failure;
use bursar_snapshots::store::Waits;

use super::entity::Account;
use super::season::{advance_id, collected, goes_on};
use super::*;
use crate::cli::verify::advance::Advance as Folded;

/// Changes the first event of an advance of which `change` says that it did.
#[track_caller]
pub(super) fn check_alone(id: &str, change: impl FnMut(&mut Event) -> bool, expected: &[&[&str]]) {
    let mut disk = goes_on().disk.alone();
    disk.change::<Advance>(&advance_id(id), change);
    expect(&disk, expected);
}

pub(super) fn day(days: i32) -> Day {
    Day::from_days(days).expect("in range")
}

#[test]
fn a_true_directory_with_advances_passes() {
    let world = collected();
    let report = report(&world.disk);
    assert_eq!(report.exit(), Exit::Done, "{:#?}", report.faults);
    let counts = report.counts.expect("it was opened");
    assert_eq!((counts.advances, counts.runs, counts.schedules), (11, 10, 1));
    assert!(report.to_table().contains("11 advances, 10 runs, 1 schedules"));
    assert_eq!(report.trial[&euro()].sum(), 0);
    let world = goes_on();
    assert_eq!(faults(&world.disk), Vec::<String>::new());
    assert_eq!(faults(&world.disk.alone()), Vec::<String>::new());
}

#[test]
fn a_save_of_advances_cut_off_by_a_crash_passes() {
    // History, index and waits of a second save are there, its snapshots are not.
    let mut world = goes_on();
    let before = world.disk.clone();
    world.checkpoint();
    let known = |id: &EntityId| before.snapshots.contains_key(id);
    let mut disk = std::mem::take(&mut world.disk);
    disk.history.retain(|(_, _, record)| known(&record.entity));
    disk.index.retain(|(id, ..)| known(id));
    disk.waits.retain(|id, _| known(id));
    (disk.snapshots, disk.books) = (before.snapshots.clone(), before.books);
    (disk.outcomes, disk.keep) = (before.outcomes, before.keep);
    assert_eq!(faults(&disk), Vec::<String>::new());
}

#[test]
fn a_plan_that_is_not_what_was_asked_for_is_named() {
    let activated = |days: i32| {
        move |event: &mut Event| {
            let Event::Activated { dates, .. } = event else { return false };
            dates.first = day(days);
            true
        }
    };
    check_alone(
        "good",
        activated(3),
        &[
            &["advance/good, record ", "the plan begins on 1970-01-04, which it does not say"],
            &["advance/good, record ", " became due before its day, which is 1970-01-0"],
        ],
    );
    check_alone(
        "far",
        activated(32),
        &[&["advance/far, record ", "the plan begins on 1970-02-02, which it does not say"]],
    );
    check_alone(
        "far",
        |event| {
            let Event::Activated { amount, .. } = event else { return false };
            *amount = Amount::from_minor(9_998);
            true
        },
        &[&["advance/far, record ", "it is about 99.98 EUR; the advance is of 99.99 EUR"]],
    );
}

#[test]
fn a_credit_that_ends_otherwise_is_named() {
    check_alone(
        "poor",
        |event| {
            let is_it = matches!(event, Event::NotCredited { .. });
            if is_it {
                *event = Event::Ignored { contradicted: 0, strange: 0 };
            }
            is_it
        },
        &[
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/poor: it was undone, but its advance has it pending"],
        ],
    );
    check_alone(
        "far",
        |event| {
            let Event::Activated { by, .. } = event else { return false };
            by.entity = EntityId::saga("good");
            true
        },
        &[
            &["advance/far, record ", "saga/good asks, which is not about this advance"],
            &["message of shard ", "(beginning of a plan): what was received differs"],
            &["message of shard ", "(reply)", "that record did not send it"],
            &["saga/far: it is done, but its advance has it pending"],
        ],
    );
}

#[test]
fn money_that_does_not_add_up_is_named() {
    let came = |change: fn(&mut Amount, &mut Counts)| {
        move |event: &mut Event| {
            let Event::Succeeded { amount, counts, .. } = event else { return false };
            change(amount, counts);
            true
        }
    };
    check_alone(
        "good",
        came(|amount, _| *amount = Amount::from_minor(4_002)),
        &[
            &["advance/good, record ", "debit 1 is of 40.01, and it is about 40.02 EUR"],
            &[
                "advance/good, record ",
                "40.02 is collected and 0.00 written off; the debits come to 40.01 and",
            ],
            &[
                "advance/good, record ",
                "80.03 is collected and 0.00 written off; the debits come to 80.02 and",
            ],
            &[
                "advance/good, record ",
                "120.06 is collected and 0.00 written off; the debits come to 120.05",
            ],
            &["advance/good, record ", "it is completed, which is not what was collected of it"],
        ],
    );
    check_alone(
        "good",
        came(|_, counts| *counts = Counts::Second),
        &[
            &[
                "advance/good, record ",
                "money came for debit 1; part 0 is not paid yet, and it says otherwise",
            ],
            &[
                "advance/good, record ",
                "it answers with counts that are not what happened",
                "1 refunded",
            ],
            &["advance/good, record ", "nobody asks for part 0 of the amount"],
            &["advance/good, record ", "it is completed, which is not what was collected of it"],
        ],
    );
}

#[test]
fn money_that_counts_twice_is_named() {
    check_alone(
        "slow",
        |event| {
            let Event::Succeeded { counts, .. } = event else { return false };
            let is_it = *counts == Counts::Second;
            *counts = Counts::First;
            is_it
        },
        &[
            &[
                "advance/slow, record ",
                "money came for debit 2; part 0 is paid already, and it says otherwise",
            ],
            &["advance/slow, record ", "part 0 of the amount counts 2 times"],
            &[
                "advance/slow, record ",
                "100.00 is collected and 0.00 written off; the debits come to 50.00",
            ],
            &["advance/slow, record ", "it answers with counts that are not what happened"],
            &["advance/slow, record ", "the processor is called, and nobody wants debit 2"],
            &["advance/slow, record ", "it is completed, which is not what was collected of it"],
            &["advance/slow, record ", "it is the answer to a call about debit 2; there is none"],
            &["advance/slow, record ", "debit 2 was given back, and nobody was asked to"],
            &["advance/slow, record ", "debit 2 is succeeded; it should be refunding before this"],
        ],
    );
}

#[test]
fn money_that_is_lost_or_given_back_otherwise_is_named() {
    check_alone(
        "bad",
        |event| {
            let Event::Defaulted { written_off, .. } = event else { return false };
            *written_off = Amount::from_minor(9_000);
            true
        },
        &[
            &["advance/bad, record ", "90.00 is written off; 100.00 is outstanding"],
            &[
                "advance/bad, record ",
                "0.00 is collected and 90.00 written off; the debits come to 0.00 and 100.00",
            ],
        ],
    );
    check_alone(
        "slow",
        |event| {
            let Event::Refunded { amount, .. } = event else { return false };
            *amount = Amount::from_minor(4_999);
            true
        },
        &[&["advance/slow, record ", "debit 2 is of 50.00, and it is about 49.99 EUR"]],
    );
}

#[test]
fn an_end_that_is_not_there_is_named() {
    check_alone(
        "good",
        |event| {
            let is_it = matches!(event, Event::Completed { .. });
            if is_it {
                *event = Event::Ignored { contradicted: 0, strange: 0 };
            }
            is_it
        },
        &[
            &["advance/good, record ", "it answers with counts that are not what happened"],
            &["advance/good, record ", "it is active, which is not what was collected of it"],
        ],
    );
    check_alone(
        "bad",
        |event| {
            let is_it = matches!(event, Event::Defaulted { .. });
            if is_it {
                *event = Event::Ignored { contradicted: 0, strange: 0 };
            }
            is_it
        },
        &[
            &["advance/bad, record ", "given up without a debit that failed too often, or is not"],
            &["advance/bad, record ", "it answers with counts that are not what happened"],
            &["advance/bad, record ", "nobody asks for part 0 of the amount"],
        ],
    );
    check_alone(
        "bad",
        |event| {
            let Event::Failed { then, .. } = event else { return false };
            let is_it = *then == Then::GivenUp;
            *then = Then::Replaced;
            is_it
        },
        &[
            &["advance/bad, record ", "given up without a debit that failed too often, or is not"],
            &[
                "advance/bad, record ",
                "it answers with counts that are not what happened",
                "2 replaced",
            ],
        ],
    );
}

#[test]
fn an_answer_to_a_run_that_is_not_what_happened_is_named() {
    check_alone(
        "good",
        |event| {
            let Event::Answered { tally, .. } = event else { return false };
            tally.staged = 2;
            true
        },
        &[
            &[
                "advance/good, record ",
                "it answers with counts that are not what happened, which is 1 advances, 1 staged",
            ],
            &["message of shard ", "(answer to a run): what was received differs"],
        ],
    );
    check_alone(
        "last",
        |event| {
            let is_it = matches!(event, Event::AnsweredBeside { .. });
            if is_it {
                *event = Event::Ignored { contradicted: 0, strange: 0 };
            }
            is_it
        },
        &[
            &[
                "advance/last, record ",
                "a run that asks while another one waits is answered at once, no other is",
            ],
            &["message of shard ", "(answer to a run)", "that record did not send it"],
        ],
    );
    check_alone(
        "nobody",
        |event| {
            let Event::Mistaken { lines, .. } = event else { return false };
            *lines = 0;
            true
        },
        &[
            &["message of shard ", "(part of a report): what was received differs: turn in a run"],
            &["message of shard ", "(answer to a run): what was received differs"],
        ],
    );
    check_alone(
        "good",
        |event| {
            let Event::Asked { task, .. } = event else { return false };
            *task = advance::Task::Submit;
            true
        },
        &[&[
            "advance/good, record ",
            "run/run_1970-01-02 asks in step 0 for what is not its to ask",
        ]],
    );
}

#[test]
fn who_would_not_be_found_in_the_agenda_is_named() {
    let far = || advance_id("far");
    let mut disk = collected().disk;
    disk.waits.remove(&far()).expect("it is listed");
    expect(
        &disk,
        &[&["advance/far, snapshot", "listed under 31, but does not stand among those that wait"]],
    );
    let mut disk = collected().disk;
    disk.waits.insert(far(), Waits::NO.listed(32)).expect("it is listed");
    expect(&disk, &[&["advance/far, snapshot", "listed under 31; ", "listed under 32"]]);
    let mut disk = collected().disk;
    disk.waits.remove(&advance_id("lost")).expect("it waits");
    expect(
        &disk,
        &[&[
            "advance/lost, snapshot",
            "it waits until ",
            "but does not stand among those that wait",
        ]],
    );
    let mut disk = collected().disk;
    disk.waits.remove(&advance_id("last")).expect("it waits");
    expect(
        &disk,
        &[&[
            "advance/last, snapshot",
            "it waits for an answer and is listed under 11, but does not stand",
        ]],
    );
}

#[test]
fn outcomes_of_advances_that_are_missing_or_wrong_are_named() {
    let told = collected().disk.outcomes;
    for kind in [
        OutcomeKind::AdvanceActive,
        OutcomeKind::AdvanceFailed,
        OutcomeKind::DebitSucceeded,
        OutcomeKind::DebitFailed,
        OutcomeKind::DebitRefunded,
        OutcomeKind::AdvanceCompleted,
        OutcomeKind::AdvanceDefaulted,
    ] {
        let at = told.iter().position(|(_, outcome)| outcome.kind == kind).expect("it was told");
        let mut disk = collected().disk;
        disk.outcomes.remove(at);
        expect(&disk, &[&["outcomes of shard ", "1 that follow"]]);
        let mut disk = collected().disk;
        disk.outcomes[at].1.about = Some(About::Failure(Failure::new("other", "other")));
        expect(
            &disk,
            &[
                &["outcome ", kind.as_str(), "no record tells this"],
                &["outcomes of shard ", "1 that follow"],
            ],
        );
    }
}

#[test]
fn an_advances_snapshot_that_differs_is_named() {
    type State = <Folded as Account>::State;
    let changes: [(&str, Change<State>); 13] = [
        ("the profile is not what the advance was opened with", |state| state.0 = None),
        ("status is saved as failed; the records come to active", |state| {
            state.1 = advance::Status::Failed;
        }),
        ("why it failed is not what the records say", |state| {
            state.2 = Some(Failure::new("x", "x").into());
        }),
        ("the terms are not those of the plan", |state| {
            state.3.as_mut().expect("terms").1 = Amount::from_minor(1);
        }),
        ("the debits are not those of the records", |state| state.4[0].2 += 1),
        ("the debits are not those of the records", |state| state.4[0].1 = DebitStatus::Due),
        ("collected is saved as 0.01; the records come to 0.00", |state| {
            state.5 = Amount::from_minor(1);
        }),
        ("overpaid is saved as 0.01; the records come to 0.00", |state| {
            state.6 = Total::from_minor(1);
        }),
        ("written_off is saved as 0.01; the records come to 0.00", |state| {
            state.7 = Amount::from_minor(1);
        }),
        ("what the processor was asked is not what the records say", |state| {
            state.8[0].4 += 1;
        }),
        ("calls is saved as ", |state| state.9 += 1),
        ("what a run waits for is not what the records say", |state| state.10 = None),
        ("the received messages are not those", |state| state.11.clear()),
    ];
    for (expected, change) in changes {
        let mut disk = collected().disk;
        let snapshot = disk.snapshots.get_mut(&advance_id("last")).expect("saved");
        let mut saved = Folded::read(&snapshot.state).expect("of this form");
        assert_eq!(codec::encode(&saved), snapshot.state, "the form is the server's");
        change(&mut saved.0);
        snapshot.state = codec::encode(&saved);
        let found = faults(&disk);
        let is_it = |fault: &String| {
            fault.starts_with("advance/last, snapshot: ") && fault.contains(expected)
        };
        // What is listed may differ with it.
        assert!(found.iter().any(is_it), "{expected} in {found:?}");
    }
}
