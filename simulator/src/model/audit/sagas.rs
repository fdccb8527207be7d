//! All sagas have ended, and third parties did for each what its end says, once.
//!
//! What came about took its money exactly once; what did not has given everything back. What third
//! parties have under no saga's key was asked for by nobody. A saga may hang only where a third
//! party never said how something ended.
//!
//! Invariant: third parties' entries count by what is booked with them, whatever was answered.

use std::collections::BTreeSet;

use super::super::case::Case;
use crate::facts::names;
use crate::facts::picture::{EntryKind, Saga, SagaState};

pub(super) fn check(case: &Case<'_>, faults: &mut Vec<String>) {
    for saga in &case.picture.sagas {
        hangs(case, saga, faults);
        if !saga.undoes {
            settled(case, saga, faults);
        }
    }
    for id in case.asked_for() {
        if case.saga(id).is_none() {
            faults.push(format!("third parties were asked for {id}, which never began"));
        }
    }
    for id in case.debited() {
        if !case.picture.advances.iter().any(|advance| names::advance(advance.number) == id) {
            faults.push(format!("the processor was asked for debits of {id}, which is not there"));
        }
    }
    let mut keys = BTreeSet::new();
    for entry in &case.picture.entries {
        if !keys.insert(&entry.key) {
            faults.push(format!("a third party did something twice under one key: {entry:?}"));
        }
    }
}

fn hangs(case: &Case<'_>, saga: &Saga, faults: &mut Vec<String>) {
    let ended = match saga.state {
        SagaState::Running | SagaState::Undoing => false,
        SagaState::Done | SagaState::Failed | SagaState::Cancelled => true,
    };
    if !ended && !case.is_excused(&saga.id) {
        faults.push(format!("{} hangs: {saga:?}", saga.id));
    }
    if ended && saga.held != 0 {
        faults.push(format!("{} is over and holds {}", saga.id, saga.held));
    }
}

/// What third parties booked for a saga is what its end says.
fn settled(case: &Case<'_>, saga: &Saga, faults: &mut Vec<String>) {
    let (pulled, pulls) = case.booked(&saga.id, EntryKind::Pull);
    let (pushed, pushes) = case.booked(&saga.id, EntryKind::Push);
    let (returned, _) = case.booked(&saga.id, EntryKind::Refund);
    if pulls > 1 || pushes > 1 {
        faults.push(format!("{}: {pulls} pulls and {pushes} pushes were booked", saga.id));
    }
    if returned > pulled {
        faults.push(format!("{}: {returned} was given back of {pulled}", saga.id));
    }
    let Some(end) = case.ended(&saga.id) else { return };
    let came = end == SagaState::Done;
    let [takes, brings] = case.moves(&saga.id);
    let (taken, brought) = if came { (takes, brings) } else { (0, 0) };
    if pulled - returned != taken || pushed != brought {
        faults.push(format!(
            "{} ended as {end:?}: {taken} was to be taken and {brought} brought; pulled {pulled}, \
             given back {returned}, pushed {pushed}",
            saga.id
        ));
    }
}
