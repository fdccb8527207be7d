//! Providers: their periods and reimbursements. What may not be is found and named.
//!
//! Also their snapshots, those of the first release included, and when they are woken. Activities
//! have their own file. Where a fault would drag others along, the journal stands alone, as if
//! nothing had been saved.

use std::sync::Arc;

use bursar_domain::money::Total;
use bursar_domain::provider::event::Reason;
use bursar_domain::provider::{Event, Provider, Settlement};
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::Waits;

use super::entity::{Account, Saved};
use super::season::season;
use super::*;
use crate::cli::verify::provider::Provider as Folded;
use crate::cli::verify::provider::state::{Periods, State};

pub(super) fn clinic() -> EntityId {
    provider_id("clinic")
}

/// Changes the first event of the clinic of which `change` says that it did.
#[track_caller]
pub(super) fn check_alone(change: impl FnMut(&mut Event) -> bool, expected: &[&[&str]]) {
    let mut disk = season().goes_on().disk.alone();
    disk.change::<Provider>(&clinic(), change);
    expect(&disk, expected);
}

/// The event after the first `skip` ones that are closings of periods.
fn closing(
    skip: usize,
    change: impl Fn(&mut provider::event::PeriodClosed),
) -> impl FnMut(&mut Event) -> bool {
    let mut seen = 0;
    move |event| {
        let Event::PeriodClosed(event) = event else { return false };
        seen += 1;
        let is_it = seen > skip;
        if is_it {
            change(event);
        }
        is_it
    }
}

#[test]
fn a_period_that_is_not_the_sum_of_its_lines_is_named() {
    check_alone(
        closing(0, |event| event.period.sums.activities.amount = Total::from_minor(6_226)),
        &[&[
            "provider/clinic, record ",
            "ends period 1 as what it is not: activities 50 of 62.26 and not 50 of 62.25",
        ]],
    );
    check_alone(
        closing(0, |event| event.period.sums.refunds.count = 0),
        &[&[
            "provider/clinic, record ",
            "ends period 1 as what it is not: refunds 0 of 5.00 and not 1 of 5.00",
        ]],
    );
    check_alone(
        closing(2, |event| event.period.carried = Total::ZERO),
        &[&[
            "provider/clinic, record ",
            "ends period 3 as what it is not: carried 0.00 and not 15.45",
        ]],
    );
    check_alone(
        closing(0, |event| event.period.sums.first = Seq(1)),
        &[&[
            "provider/clinic, record ",
            "ends period 1 as what it is not: first record 1 and not 2",
        ]],
    );
    check_alone(
        |event| {
            let Event::CarriedOver(event) = event else { return false };
            event.period.number += 1;
            true
        },
        &[
            &["provider/clinic, record ", "ends period 5 as what it is not: number 5 and not 4"],
            &[
                "provider/clinic, record ",
                "period 5, which is until 1970-01-04T02:00:00.000Z, ends at ",
                "with period 4",
            ],
        ],
    );
}

#[test]
fn a_reimbursement_of_another_amount_is_named() {
    check_alone(
        closing(0, |event| event.amount = Amount::from_minor(8_724)),
        &[
            &["provider/clinic, record ", "87.24 is sent; 87.25 is accrued"],
            &["provider/clinic, record ", "balance_after is 0.00; 87.25 before and -87.24 here"],
            &[
                "provider/clinic, record ",
                "ends reimbursement 6, which is not on its way, or not with",
            ],
            &["message of shard ", "(beginning of a saga of 87.24 EUR)", "differs"],
            &["the trial balance in EUR", "come to 0.01"],
        ],
    );
    check_alone(
        closing(0, |event| event.account = "mine".into()),
        &[
            &[
                "provider/clinic, record ",
                "it goes to another account than the provider was registered with",
            ],
            &["message of shard ", "(beginning of a saga of 87.25 EUR)", "differs"],
        ],
    );
    check_alone(
        closing(2, |event| event.previous = None),
        &[&[
            "provider/clinic, record ",
            "it leads back to another reimbursement than the one before",
        ]],
    );
    check_alone(
        closing(0, |event| event.balance_after = Total::from_minor(1)),
        &[
            &["provider/clinic, record ", "balance_after is 0.01; 87.25 before and -87.25 here"],
            &["provider/clinic, record ", "balance_after is 15.45; 0.01 before and 15.45 here"],
            &[
                "provider/clinic, record ",
                "ends period 2 as what it is not: carried 0.00 and not 0.01",
            ],
        ],
    );
}

#[test]
fn a_reimbursement_that_ends_otherwise_is_named() {
    let paid = |change: fn(&mut provider::event::Reimbursed)| {
        move |event: &mut Event| {
            let Event::Reimbursed(event) = event else { return false };
            change(event);
            true
        }
    };
    check_alone(
        paid(|event| event.amount = Amount::from_minor(8_724)),
        &[
            &[
                "provider/clinic, record ",
                "ends reimbursement 6, which is not on its way, or not with",
            ],
            &["the trial balance in EUR", "come to -0.01"],
        ],
    );
    check_alone(
        paid(|event| event.reimbursement = Seq(7)),
        &[
            &[
                "provider/clinic, record ",
                "saga/rmb_6_clinic asks, which is not about reimbursement 7",
            ],
            &["provider/clinic, record ", "ends reimbursement 7, which is not on its way"],
            &["message of shard ", "(end of a reimbursement): what was received differs"],
        ],
    );
}

#[test]
fn a_return_that_is_told_otherwise_is_named() {
    let returned = |change: fn(&mut provider::event::Returned)| {
        move |event: &mut Event| {
            let Event::Returned(event) = event else { return false };
            change(event);
            true
        }
    };
    check_alone(
        returned(|event| event.declines = 5),
        &[&["provider/clinic, record ", "it says that 5 were declined in a row, not 1"]],
    );
    check_alone(
        returned(|event| event.on_hold = true),
        &[
            &[
                "provider/clinic, record ",
                "a reimbursement begins, and nothing is to be sent: on-hold",
            ],
            &["provider/clinic, record ", "nothing is sent, because of ", "it should be on-hold"],
            &["provider/clinic, record ", "whether the provider is on hold, and is mistaken"],
        ],
    );
    check_alone(
        returned(|event| event.balance_after = Total::ZERO),
        &[
            &["provider/clinic, record ", "balance_after is 0.00; 0.00 before and 15.45 here"],
            &[
                "provider/clinic, record ",
                "a reimbursement begins, and nothing is to be sent: zero",
            ],
            &["provider/clinic, record ", "15.45 is sent; 0.00 is accrued"],
            &["provider/clinic, record ", "balance_after is 0.00; 0.00 before and -15.45 here"],
        ],
    );
    check_alone(
        returned(|event| event.failure.code = "deadline-exceeded".into()),
        &[
            &["provider/clinic, record ", "it says that 1 were declined in a row, not 0"],
            &["message of shard ", "(return of a reimbursement): what was received differs"],
        ],
    );
}

#[test]
fn a_reimbursement_that_never_ends_is_named() {
    check_alone(
        |event| {
            let is_it = matches!(event, Event::Returned(_));
            if is_it {
                let settlement = Settlement::Immediate;
                *event = Event::SettlementChanged { settlement, lifted: false };
            }
            is_it
        },
        &[
            &[
                "provider/clinic, record ",
                "a reimbursement begins, and nothing is to be sent: zero",
            ],
            &["provider/clinic, record ", "15.45 is sent; 0.00 is accrued"],
            &["provider/clinic, record ", "balance_after is 0.00; 0.00 before and -15.45 here"],
            &[
                "provider/clinic, record ",
                "ends period 3 as what it is not: carried 15.45 and not 0.00",
            ],
            &["message of shard ", "(reply)", "that record did not send it"],
            &["the trial balance in EUR", "come to -15.45"],
            &["saga/rmb_12_clinic: it was undone, but its provider has it pending"],
        ],
    );
}

#[test]
fn why_nothing_is_sent_is_checked() {
    check_alone(
        |event| {
            let Event::CarriedOver(event) = event else { return false };
            let is_it = event.reason == Reason::UnderMinimum;
            event.reason = Reason::OnHold;
            is_it
        },
        &[&[
            "provider/clinic, record ",
            "nothing is sent, because of on-hold; it should be under-minimum",
        ]],
    );
    check_alone(
        |event| {
            let Event::SettlementChanged { lifted, .. } = event else { return false };
            *lifted = !*lifted;
            true
        },
        &[
            &[
                "provider/clinic, record ",
                "it says whether the provider was on hold, and is mistaken",
            ],
            &[
                "provider/clinic, record ",
                "a reimbursement begins, and nothing is to be sent: on-hold",
            ],
        ],
    );
}

#[test]
fn a_period_with_a_gap_is_named() {
    check_alone(
        |event| {
            let Event::PeriodBegan(event) = event else { return false };
            event.until = Timestamp::from_millis(9_500).expect("in range");
            true
        },
        &[
            &[
                "provider/clinic, record ",
                "; period 1 is from 1970-01-01T00:00:06.000Z to 1970-01-01T00:00:09.500Z",
            ],
            &[
                "provider/clinic, record ",
                "ends period 1 as what it is not: to 1970-01-01T02:00:00.000Z and not",
            ],
        ],
    );
    check_alone(
        |event| {
            let Event::PeriodBegan(event) = event else { return false };
            event.number = 2;
            true
        },
        &[
            &["provider/clinic, record ", "period 2 begins; the last one was 0"],
            &["provider/clinic, record ", "it is of period 1; period 2 runs"],
            &["provider/clinic, record ", "ends period 1 as what it is not: number 1 and not 2"],
        ],
    );
    check_alone(
        closing(0, |event| event.to = Timestamp::from_millis(7_199_999).expect("ok")),
        &[
            &[
                "provider/clinic, record ",
                "period 1, which is until 1970-01-01T02:00:00.000Z, ends at 1970-01-01T01:59:59.999Z",
            ],
            &[
                "provider/clinic, record ",
                "ends period 2 as what it is not: from 1970-01-01T02:00:00.000Z and not",
            ],
        ],
    );
    check_alone(
        closing(0, |event| event.next = None),
        &[
            &[
                "provider/clinic, record ",
                "a period ends and none follows, although there is need of one",
            ],
            &["provider/clinic, record ", "activities are noted, and no period runs"],
            &["provider/clinic, record ", "it has a line, and no period runs"],
            &["provider/clinic, record ", "a period ends, and none runs"],
        ],
    );
    check_alone(
        |event| {
            let Event::CarriedOver(event) = event else { return false };
            let is_it = event.last > event.period.number;
            event.last -= 1;
            is_it
        },
        &[&["provider/clinic, record ", "ends period 17 as what it is not: number 17 and not 16"]],
    );
}

#[test]
fn a_period_that_ends_after_its_last_line_is_named() {
    let mut disk = season().goes_on().disk.alone();
    let found = disk.journal.iter_mut().find_map(|(_, _, record)| {
        let Verdict::Provider(events) = &mut record.verdict else { return None };
        let is_it = events.len() == 2
            && matches!(events[0], Event::CarriedOver(_))
            && matches!(events[1], Event::Received(_));
        is_it.then_some(events)
    });
    found.expect("a payment ended a period").swap(0, 1);
    expect(
        &disk,
        &[
            &["provider/clinic, record ", "a period ends after something else of its decision"],
            &["provider/clinic, record ", "; period 7 is from 1970-01-06T02:00:00.000Z to "],
            &[
                "provider/clinic, record ",
                "ends period 7 as what it is not: payments 0 of 0.00 and not 1 of 7.00",
            ],
            &["provider/clinic, record ", "ends period 8 as what it is not"],
        ],
    );
}

#[test]
fn who_would_not_be_woken_at_the_end_of_a_period_is_named() {
    let mut disk = season().world.disk;
    disk.waits.remove(&clinic()).expect("it waits");
    expect(
        &disk,
        &[&["provider/clinic, snapshot", "it waits until 525600000 ms, but does not stand among"]],
    );
    let mut disk = season().world.disk;
    disk.waits.insert(clinic(), Waits::until(7)).expect("it waits");
    expect(
        &disk,
        &[&["provider/clinic, snapshot", "it waits until 525600000 ms; ", "waits until 7 ms"]],
    );
}

fn encode((state, keys, version, last): &Saved<State>) -> Vec<u8> {
    match state {
        State::Nothing(state) => codec::encode(&(state, keys, version, last)),
        State::First(state) => codec::encode(&(state, keys, version, last)),
        State::Periods(state) => codec::encode(&(&**state, keys, version, last)),
    }
}

#[test]
fn a_providers_snapshot_that_differs_is_named() {
    let changes: [(&str, Change<Periods>); 12] = [
        ("the profile is not what the provider was registered with", |state| {
            Arc::make_mut(&mut state.1).name = "other".into();
        }),
        ("accrued is saved as 0.00; the records come to 0.01", |state| state.2 = Total::ZERO),
        ("the received messages are not those", |state| state.3.clear()),
        ("how it is paid is not what the records say last", |state| {
            state.4.settlement = Settlement::Immediate;
        }),
        ("in_reimbursement is saved as 0.00; the records come to 100.00", |state| state.5 = None),
        ("reimbursed is saved as 0.01; the records come to ", |state| {
            state.6 = Total::from_minor(1);
        }),
        ("earned is saved as 0.01; the records come to ", |state| state.7 = Total::from_minor(1)),
        ("number is saved as 8; the records come to 7", |state| state.8 += 1),
        ("the running period has activities 2 of 0.01 and not 1 of 0.01", |state| {
            state.9.as_mut().expect("it runs").sums.activities.count += 1;
        }),
        ("declines is saved as 1; the records come to 0", |state| state.10 += 1),
        ("on_hold is saved as true; the records come to false", |state| state.11 = true),
        ("the last reimbursement is another one", |state| state.12 = None),
    ];
    for (expected, change) in changes {
        let mut disk = season().world.disk;
        let snapshot = disk.snapshots.get_mut(&clinic()).expect("saved");
        let mut saved = Folded::read(&snapshot.state).expect("of this form");
        assert_eq!(encode(&saved), snapshot.state, "the form is the server's");
        let State::Periods(state) = &mut saved.0 else { panic!("it has periods") };
        change(&mut *state);
        snapshot.state = encode(&saved);
        expect(&disk, &[&["provider/clinic, snapshot: ", expected]]);
    }
}

#[test]
fn a_snapshot_of_the_first_release_is_read() {
    let mut disk = season().world.disk;
    let snapshot = disk.snapshots.get_mut(&provider_id("old")).expect("saved");
    let mut saved = Folded::read(&snapshot.state).expect("of this form");
    assert_eq!(encode(&saved), snapshot.state, "the form is the server's");
    let State::First(state) = &mut saved.0 else { panic!("it has no periods") };
    state.2 = Total::from_minor(1);
    snapshot.state = encode(&saved);
    expect(
        &disk,
        &[
            &["provider/old, snapshot", "accrued is saved as 0.01; the records come to 0.00"],
            &["provider/old, snapshot", "earned is saved as 0.01; the records come to 0.00"],
        ],
    );
    let snapshot = disk.snapshots.get_mut(&provider_id("old")).expect("saved");
    snapshot.state[0] = 3;
    let report = report(&disk);
    assert_eq!(report.exit(), Exit::Damaged);
    assert!(report.faults.kept()[0].place.contains("provider/old, snapshot"));
}
