//! Snapshots of runs and of their schedule: a field that is not what the records came to is named.
//!
//! The form on disk is read, one field changed, and written again; so these tests also hold that
//! the form is the one that the server writes.

use bursar_domain::run::{Fetch, Phase};
use bursar_domain::time::Timestamp;

use super::entity::Account;
use super::runs::run_of;
use super::season::collected;
use super::*;
use crate::cli::verify::run::Run as FoldedRun;
use crate::cli::verify::schedule::Schedule as FoldedSchedule;

/// Changes one field after the other of a snapshot.
fn check_fields<A: Account>(
    id: &EntityId,
    encode: fn(&super::entity::Saved<A::State>) -> Vec<u8>,
    changes: &[(&str, Change<A::State>)],
) {
    for (expected, change) in changes {
        let mut disk = collected().disk;
        let snapshot = disk.snapshots.get_mut(id).expect("saved");
        let mut saved = A::read(&snapshot.state).expect("of this form");
        assert_eq!(encode(&saved), snapshot.state, "the form is the server's");
        change(&mut saved.0);
        snapshot.state = encode(&saved);
        let found = faults(&disk);
        let is_it = |fault: &String| {
            fault.starts_with(&format!("{id}, snapshot: ")) && fault.contains(expected)
        };
        // When it is woken may differ with it.
        assert!(found.iter().any(is_it), "{expected} in {found:?}");
    }
}

#[test]
fn a_runs_snapshot_that_differs_is_named() {
    check_fields::<FoldedRun>(
        &run_of("12"),
        codec::encode,
        &[
            ("what it was begun with is not what was recorded", |state| state.0 = None),
            ("when it ended is not as recorded", |state| state.1 = Some(Timestamp::default())),
            ("phase is saved as done; the records come to submitting", |state| {
                state.2 = Phase::Done;
            }),
            ("the report is not what the records say of it", |state| state.3.lines += 1),
            ("tally is saved as 2 advances", |state| state.4.advances += 1),
            ("what is fetched next is not as recorded", |state| state.5 = Some(Fetch::Close)),
            ("fetching is saved as true; the records come to false", |state| state.6 = true),
            ("when it is fetched again is not as recorded", |state| {
                state.7 = Some(Timestamp::default());
            }),
            ("tries is saved as 1; the records come to 0", |state| state.8 = 1),
            ("what could not be had is not as recorded", |state| state.9 = Some("x".into())),
            ("errands is saved as ", |state| state.10 += 1),
            ("outstanding is saved as 2; the records come to 1", |state| state.11 += 1),
            ("the received messages are not those", |state| state.12.clear()),
        ],
    );
}

#[test]
fn a_schedules_snapshot_that_differs_is_named() {
    check_fields::<FoldedSchedule>(
        &EntityId::schedule(),
        codec::encode,
        &[
            ("the cadence is not what was said last", |state| state.0 = None),
            ("when it rings next is not as recorded", |state| state.1 = None),
            ("step is saved as ", |state| state.2 += 1),
            ("by_hand is saved as 2; the records come to 1", |state| state.3 += 1),
            ("the last run is another one", |state| state.4 = None),
            ("how far the reports were read is not as recorded", |state| state.5 = None),
            ("the runs that are awaited are not those begun", |state| state.6.clear()),
            ("the received messages are not those", |state| state.7.clear()),
        ],
    );
}
