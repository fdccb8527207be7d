//! The open disk: the trees, the database that makes them durable, the lock, the witness.
//!
//! It is the same on a directory and on a simulated machine ([`crate::port`]); what sled needs
//! beyond the trait is in `directory.rs`. Errors of the machine become ours here, with what was
//! being done and where.
//!
//! Invariants: nothing is acknowledged before [`Disk::sync`] returned; no value reaches
//! [`VALUE_SIZE_LIMIT`], past which sled would write files that nobody syncs; after the first
//! error the store is finished and says so; the lock is given back last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::port::{Database, Failure, Home, Tree, TreeOf};
use crate::store::{Result, StoreError};
use crate::witness::Witness;

/// No value is this large, in bytes. sled counts a whole page of up to 17 values against a quarter
/// of its 16 MiB segments, which leaves 240 KiB a value.
pub(super) const VALUE_SIZE_LIMIT: usize = 200 * 1024;

/// The trees of the database.
#[derive(Debug)]
pub(super) struct Trees<T> {
    /// Group number, big endian -> group.
    pub(super) journal: T,
    /// Entity or shard -> state.
    pub(super) snapshots: T,
    /// Entity and first position -> records.
    pub(super) history: T,
    /// Entity, index and slot -> number.
    pub(super) keys: T,
    /// Position of the first -> outcomes.
    pub(super) outcomes: T,
    /// Entity -> what it waits for.
    pub(super) waits: T,
    /// Who waits, by what for, instant and entity -> nothing.
    pub(super) due: T,
    /// Entity or shard, state and number -> piece of the state.
    pub(super) pieces: T,
    /// Name -> how far something in the archive has gone.
    pub(super) marks: T,
    /// What the store knows about itself.
    pub(super) meta: T,
}

/// The open database. The fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Disk<H: Home> {
    pub(super) trees: Trees<TreeOf<H>>,
    pub(super) database: H::Database,
    pub(super) witness: Mutex<Witness<H::Slots>>,
    pub(super) is_finished: AtomicBool,
    /// Held, never used; given back when it is closed. A copy that is checked needs none.
    pub(super) _lock: Option<H::Lock>,
}

impl<H: Home> Disk<H> {
    /// Makes everything written so far durable.
    pub(super) fn sync(&self, doing: &'static str) -> Result<()> {
        self.database.sync().map_err(error(doing, "the database file"))
    }

    /// The witness, for one short use.
    pub(super) fn witness(&self) -> MutexGuard<'_, Witness<H::Slots>> {
        self.witness.lock().expect("nobody panics while holding the witness")
    }

    /// Runs something that writes. An error finishes the store: from then on every writing call
    /// is refused, because nobody knows what of the failed one is on disk.
    pub(super) fn writing<T>(
        &self,
        doing: &'static str,
        write: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if self.is_finished.load(Ordering::Acquire) {
            let what = "an earlier write failed, so the store is finished until it is opened again";
            return Err(StoreError::Database { doing, what: what.to_owned() });
        }
        let result = write();
        if result.is_err() {
            self.is_finished.store(true, Ordering::Release);
        }
        result
    }
}

impl<H: Home> Drop for Disk<H> {
    fn drop(&mut self) {
        // Without this sync the witness would be older and still true, so an error changes nothing.
        drop(self.witness().sync());
    }
}

/// Writes one value; returns what was there. Not synced.
pub(super) fn insert<T: Tree>(
    tree: &T,
    doing: &'static str,
    key: &[u8],
    value: Vec<u8>,
) -> Result<Option<T::Bytes>> {
    assert!(value.len() < VALUE_SIZE_LIMIT, "a value of {} bytes while {doing}", value.len());
    tree.insert(key, value).map_err(|found| error_at(doing, tree, key)(found))
}

/// What an error of the machine means, with the key it was met at.
pub(super) fn error_at<T: Tree>(
    doing: &'static str,
    tree: &T,
    key: &[u8],
) -> impl FnOnce(Failure) -> StoreError {
    move |found| error(doing, &format!("tree {}, key {}", tree.name(), key.escape_ascii()))(found)
}

/// What an error of the machine means.
pub(super) fn error(doing: &'static str, place: &str) -> impl FnOnce(Failure) -> StoreError {
    move |found| match found {
        Failure::Io(source) => StoreError::Io { doing, source },
        Failure::Corrupted(_) => {
            StoreError::Damaged { place: place.to_owned(), what: found.to_string() }
        }
        Failure::Other(what) => StoreError::Database { doing, what },
    }
}

/// A value that is not what was written.
pub(super) fn damaged(place: impl Into<String>, what: impl ToString) -> StoreError {
    StoreError::Damaged { place: place.into(), what: what.to_string() }
}
