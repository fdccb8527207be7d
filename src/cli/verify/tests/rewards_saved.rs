//! Snapshots of campaigns and statements: a field that is not what the records came to is named.
//!
//! The form on disk is read, one field changed, and written again; so these tests also hold that the
//! form is the one that the server writes.

use std::sync::LazyLock;

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;

use super::entity::{Account, Saved};
use super::fair::{campaign_id, fair, statement_id};
use super::*;
use crate::cli::verify::campaign::Campaign;
use crate::cli::verify::statement::Statement;

static FAIR: LazyLock<Disk> = LazyLock::new(|| fair().disk);

/// Changes one field after the other.
fn check_fields<A: Account>(
    id: &EntityId,
    encode: fn(&Saved<A::State>) -> Vec<u8>,
    changes: &[(&str, Change<A::State>)],
) {
    for (expected, change) in changes {
        let mut disk = FAIR.clone();
        let snapshot = disk.snapshots.get_mut(id).expect("saved");
        let mut saved = A::read(&snapshot.state).expect("of this form");
        assert_eq!(encode(&saved), snapshot.state, "the form is the server's");
        change(&mut saved.0);
        assert_ne!(encode(&saved), snapshot.state, "{expected}: something is changed");
        snapshot.state = encode(&saved);
        expect(&disk, &[&[&format!("{id}, snapshot: "), expected]]);
    }
}

#[test]
fn a_campaigns_snapshot_that_differs_is_named() {
    check_fields::<Campaign>(
        &campaign_id("travel"),
        codec::encode,
        &[
            ("the terms are not those that were announced", |state| state.0 = None),
            ("paused is saved as false; the records come to true", |state| state.1 = false),
            ("granted is saved as 0.01; the records come to 10.20", |state| {
                state.2 = Amount::from_minor(1);
            }),
            ("draws is saved as 25; the records come to 24", |state| state.3.0 += 1),
            ("wins is saved as ", |state| state.3.1 += 1),
            ("rewards is saved as ", |state| state.3.2 += 1),
            ("exhausted is saved as 1; the records come to 0", |state| state.3.3 += 1),
            ("failed is saved as 1; the records come to 0", |state| state.3.4 += 1),
            ("taken_back is saved as 0.01; the records come to 0.00", |state| state.3.5 += 1),
            ("the wins that wait are not those", |state| drop(state.4.pop_back())),
            ("the received messages are not those", |state| state.5.clear()),
        ],
    );
}

#[test]
fn a_statements_snapshot_that_differs_is_named() {
    check_fields::<Statement>(
        &statement_id("amy"),
        codec::encode,
        &[
            ("its wallet or its currency is another one", |state| {
                let dollar = Currency::from_code("USD").expect("in the table");
                state.0.as_mut().expect("it took lines").1 = dollar;
            }),
            ("oldest is saved as 1969-12-06; the records come to 1969-12-05", |state| {
                state.1.0 = state.1.0.checked_add_days(1).expect("in range");
            }),
            ("what is known of the lines is not", |state| assert!(state.1.1.pop_first().is_some())),
            ("what is known of the lines is not", |state| {
                state.1.1.first_entry().expect("lines").get_mut().0 ^= 1;
            }),
            ("what is known of the lines is not", |state| {
                state.1.1.first_entry().expect("lines").get_mut().2 ^= 4;
            }),
            ("the lines that were seen pending are not those", |state| {
                assert!(state.1.2.pop_first().is_some());
            }),
            ("the rewards are not those", |state| {
                state.3.0.first_entry().expect("rewards").get_mut().reversed ^= true;
            }),
            ("the purchases that won are not those", |state| {
                assert!(state.3.1.pop_first().is_some());
            }),
            ("the other ids of purchases that won are not those", |state| {
                assert!(state.3.2.pop_first().is_some());
            }),
            ("what counts against the limits is not", |state| drop(state.3.3.pop_first())),
            ("the received messages are not those", |state| state.4.clear()),
        ],
    );
    check_fields::<Statement>(
        &statement_id("cal"),
        codec::encode,
        &[
            ("what was taken and not looked at is not", |state| drop(state.2.pop_back())),
            ("what was taken and not looked at is not", |state| state.2[0].1 = Day::MIN),
        ],
    );
}
