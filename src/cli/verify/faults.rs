//! What was found wrong, each with its place.
//!
//! Two kinds, because two things follow from them. *Damaged*: bytes are not what was written; the
//! directory must be restored from a copy. *Wrong*: the bytes are whole, but a recomputation
//! disagrees with them; that is a fault of the program that wrote them. After damage the sums of
//! the rest mean nothing, so they are no longer judged.
//!
//! Invariant: everything is counted; only the first [`KEPT`] are kept in words.

use std::fmt::Display;

use bursar_snapshots::store::{Result, StoreError};
use serde::Serialize;

/// How many faults are told in words.
const KEPT: usize = 1_000;

/// What kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Bytes are not what was written.
    Damaged,
    /// A recomputation disagrees.
    Wrong,
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// Where: entity and record, shard, tree and key.
    pub(super) place: String,
    /// What was found, against what was expected.
    pub(super) what: String,
}

/// All faults so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kept: Vec<Fault>,
    damaged: u64,
    wrong: u64,
}

impl Faults {
    /// A recomputation disagrees.
    pub(super) fn wrong(&mut self, place: impl Display, what: impl Into<String>) {
        self.wrong += 1;
        self.keep(Kind::Wrong, &place, what.into());
    }

    /// Bytes are not what was written.
    pub(super) fn damaged(&mut self, place: impl Display, what: impl Into<String>) {
        self.damaged += 1;
        self.keep(Kind::Damaged, &place, what.into());
    }

    fn keep(&mut self, kind: Kind, place: &dyn Display, what: String) {
        if self.kept.len() < KEPT {
            self.kept.push(Fault { kind, place: place.to_string(), what });
        }
    }

    /// Notes damage that the store found, as `None`. Any other error of it ends the check.
    pub(super) fn take<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Damaged { place, what }) => {
                self.damaged(place, what);
                Ok(None)
            }
            Err(StoreError::Incompatible { what }) => {
                self.damaged("the data directory", what);
                Ok(None)
            }
            Err(
                error @ (StoreError::InUse { .. }
                | StoreError::Fenced { .. }
                | StoreError::Io { .. }
                | StoreError::Database { .. }),
            ) => Err(error),
        }
    }

    /// Takes over the damage of a part whose disagreements mean nothing.
    pub(super) fn add_damage(&mut self, other: Self) {
        for fault in other.kept.into_iter().filter(|fault| fault.kind == Kind::Damaged) {
            self.damaged(fault.place, fault.what);
        }
    }

    /// The first of them.
    pub(super) fn kept(&self) -> &[Fault] {
        &self.kept
    }

    /// How many are damage.
    pub(super) fn count_damaged(&self) -> u64 {
        self.damaged
    }

    /// How many are disagreements.
    pub(super) fn count_wrong(&self) -> u64 {
        self.wrong
    }
}
