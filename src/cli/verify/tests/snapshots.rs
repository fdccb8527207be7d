//! Snapshots of deals, sagas and compensations: a field that is not what the records came to is named.
//!
//! The form on disk is read, one field changed, and written again; so these tests also hold that the
//! form is the one that the server writes. Wallets and providers are checked with the rest of what
//! concerns them.

use bursar_domain::compensation::UndoStatus;
use bursar_domain::money::Total;
use bursar_domain::saga::{Phase, StepStatus};

use super::entity::{Account, Saved};
use super::invest::{Cast, compensation_of, deal_id, saga_of};
use super::world::wallet_of;
use super::*;

/// Changes one field after the other.
fn check_fields<A: Account>(
    of: impl Fn(&Cast) -> EntityId,
    encode: fn(&Saved<A::State>) -> Vec<u8>,
    changes: &[(&str, Change<A::State>)],
) {
    for (expected, change) in changes {
        check_cast(
            |disk, cast| {
                let snapshot = disk.snapshots.get_mut(&of(cast)).expect("saved");
                let mut saved = A::read(&snapshot.state).expect("of this form");
                assert_eq!(encode(&saved), snapshot.state, "the form is the server's");
                change(&mut saved.0);
                snapshot.state = encode(&saved);
            },
            &[&["snapshot: ", expected]],
        );
    }
}

#[test]
fn a_deals_snapshot_that_differs_is_named() {
    check_fields::<deal::Deal>(
        |_| deal_id("tower"),
        codec::encode,
        &[
            ("closed is saved as true; the records come to false", |state| state.1 = 1),
            ("last_ticket is saved as 4; the records come to 3", |state| state.2 = 4),
            ("the seats are not those", |state| {
                state.3.insert(wallet_of("dan"), (1, 0));
            }),
            ("the places are not those", |state| {
                state.4.insert(Seq(1), (wallet_of("dan"), Amount::from_minor(1)));
            }),
            ("reserved is saved as 0.01; the records come to 0.00", |state| {
                state.6 = Amount::from_minor(1);
            }),
            ("confirmed is saved as 0.01; the records come to 900.00", |state| {
                state.7 = Amount::from_minor(1);
            }),
            ("confirmed_count is saved as 3; the records come to 2", |state| state.8 += 1),
            ("seats_confirmed is saved as 3; the records come to 2", |state| state.9 += 1),
            ("posted is saved as 0.01; the records come to 900.00", |state| {
                state.10 = Total::from_minor(1);
            }),
            ("unfinished is saved as true; the records come to false", |state| state.11 = true),
            ("the received messages are not those", |state| state.13.clear()),
        ],
    );
}

#[test]
fn a_sagas_snapshot_that_differs_is_named() {
    check_fields::<saga::Saga>(
        |cast| saga_of("tower", cast.ann),
        codec::encode,
        &[
            ("the subject is not what the saga began with", |state| state.0 = None),
            ("the steps are not those", |state| state.1[2].0 = StepStatus::Done),
            ("the steps are not those", |state| state.1[3].2 = 2),
            ("the findings are not those", |state| state.2.email = None),
            ("the phase is not where the records came to", |state| state.3 = Phase::Running),
            ("cancelled is saved as true; the records come to false", |state| state.4 = true),
            ("held is saved as 0.01; the records come to 0.00", |state| {
                state.5 = Amount::from_minor(1);
            }),
            ("the received messages are not those", |state| state.6.clear()),
        ],
    );
}

#[test]
fn a_compensations_snapshot_that_differs_is_named() {
    check_fields::<compensation::Compensation>(
        |cast| compensation_of("quay", cast.gus),
        codec::encode,
        &[
            ("what is undone is not what the compensation began with", |state| state.0 = None),
            ("the progress is not that of the records", |state| {
                state.1[0].0 = UndoStatus::Waiting;
            }),
            ("the progress is not that of the records", |state| state.1[1].4 = 0),
            ("current is saved as 3; the records come to 4", |state| state.2 = 3),
            ("finished is saved as false; the records come to true", |state| state.3 = false),
            ("held is saved as 0.01; the records come to 0.00", |state| {
                state.4 = Amount::from_minor(1);
            }),
            ("the received messages are not those", |state| state.5.clear()),
        ],
    );
}
