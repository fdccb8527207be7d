//! The open database: sled, the handle that makes it durable, the lock, the witness.
//!
//! sled's `flush` writes but does not sync (measured: no fsync in 200 flushes), so [`Disk::sync`]
//! follows every flush with `fdatasync` on a handle of our own. That handle also sees write errors
//! that sled's background threads ran into, because the kernel tells each open file once.
//!
//! Invariants: nothing is acknowledged before [`Disk::sync`] returned; no value reaches
//! [`VALUE_SIZE_LIMIT`], past which sled would write files that nobody syncs; after the first
//! error the store is finished and says so; the lock is given back last.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::store::{Result, StoreError};
use crate::witness::Witness;

/// No value is this large, in bytes. sled counts a whole page of up to 17 values against a quarter
/// of its 16 MiB segments, which leaves 240 KiB a value.
pub(super) const VALUE_SIZE_LIMIT: usize = 200 * 1024;

/// The trees of the database.
#[derive(Debug)]
pub(super) struct Trees {
    /// Group number, big endian -> group.
    pub(super) journal: sled::Tree,
    /// Entity or shard -> state.
    pub(super) snapshots: sled::Tree,
    /// Entity and first position -> records.
    pub(super) history: sled::Tree,
    /// Entity, index and slot -> number.
    pub(super) keys: sled::Tree,
    /// Position of the first -> outcomes.
    pub(super) outcomes: sled::Tree,
    /// Entity -> what it waits for.
    pub(super) waits: sled::Tree,
    /// Who waits, by what for, instant and entity -> nothing.
    pub(super) due: sled::Tree,
    /// Entity or shard, state and number -> piece of the state.
    pub(super) pieces: sled::Tree,
    /// Name -> how far something in the archive has gone.
    pub(super) marks: sled::Tree,
    /// What the store knows about itself.
    pub(super) meta: sled::Tree,
}

/// The open database. The fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) trees: Trees,
    pub(super) database: sled::Db,
    /// Our handle on the file that sled writes.
    pub(super) file: File,
    pub(super) witness: Mutex<Witness>,
    pub(super) is_finished: AtomicBool,
    /// Held, never used; given back when it is closed. A copy that is checked needs none.
    pub(super) _lock: Option<File>,
}

impl Disk {
    /// Makes everything written so far durable.
    pub(super) fn sync(&self, doing: &'static str) -> Result<()> {
        self.database.flush().map_err(error(doing, "the database file"))?;
        self.file.sync_data().map_err(|source| StoreError::Io { doing, source })
    }

    /// The witness, for one short use.
    pub(super) fn witness(&self) -> MutexGuard<'_, Witness> {
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

impl Drop for Disk {
    fn drop(&mut self) {
        // Without this sync the witness would be older and still true, so an error changes nothing.
        drop(self.witness().sync());
    }
}

/// Writes one value; returns what was there. Not synced.
pub(super) fn insert(
    tree: &sled::Tree,
    doing: &'static str,
    key: &[u8],
    value: Vec<u8>,
) -> Result<Option<sled::IVec>> {
    assert!(value.len() < VALUE_SIZE_LIMIT, "a value of {} bytes while {doing}", value.len());
    tree.insert(key, value).map_err(|found| error_at(doing, tree, key)(found))
}

/// What an error of sled means, with the key it was met at.
pub(super) fn error_at(
    doing: &'static str,
    tree: &sled::Tree,
    key: &[u8],
) -> impl FnOnce(sled::Error) -> StoreError + use<> {
    let place =
        format!("tree {}, key {}", String::from_utf8_lossy(&tree.name()), key.escape_ascii());
    move |found| error(doing, &place)(found)
}

/// What an error of sled means.
pub(super) fn error(
    doing: &'static str,
    place: &str,
) -> impl FnOnce(sled::Error) -> StoreError + use<> {
    let place = place.to_owned();
    move |found| match found {
        sled::Error::Io(source) => StoreError::Io { doing, source },
        sled::Error::Corruption { at, .. } => {
            let at = at.map_or_else(String::new, |at| format!(" at {at:?} of the file"));
            let what = format!("the database's own checksum does not match{at}");
            StoreError::Damaged { place, what }
        }
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => StoreError::Database { doing, what: found.to_string() },
    }
}

/// A value that is not what was written.
pub(super) fn damaged(place: impl Into<String>, what: impl ToString) -> StoreError {
    StoreError::Damaged { place: place.into(), what: what.to_string() }
}
