//! The embedded store: journal and archive in one sled database.
//!
//! ```text
//! <data>/LOCK      one process at a time
//! <data>/witness   how far the store had come (crate::witness)
//! <data>/sled/     sled's files; trees journal, snapshots, history, keys, outcomes,
//!                  waits, due, pieces, marks, meta
//! <data>/check/    a copy while it is checked; never needed
//! ```
//! `open` opens and checks it all, after `check` had a look at a copy; `journal` has the
//! committer's hot path, `chain` and `mark` what must follow what; `archive` has what checkpoints
//! write, `keys`, `chunk`, `snapshot` and `waits` its form, `tally` the guard against entries that
//! vanish;
//! `disk` the syncs and errors. What sled does on damage was found by experiment
//! (`tests/damage.rs`): it stops or fails, or silently drops what it cannot read. The chain with
//! the witness finds what is then missing from the journal, the tally what is missing from the
//! archive.

mod archive;
mod chain;
mod check;
mod chunk;
mod disk;
mod journal;
mod keys;
mod mark;
mod open;
mod snapshot;
mod tally;
mod waits;

use std::path::Path;
use std::sync::Arc;

pub use archive::SledArchive;
pub use journal::SledJournal;

use crate::store::Result;

/// How to open a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// How many shards; fixed when the directory is made.
    pub shards: u16,
    /// How much sled may keep in memory.
    pub cache_bytes: u64,
    /// Up to this size of the database file, opening first copies it, opens the copy, and reads and
    /// checks every entry of it, so that damage is found while the files are as they were.
    pub scrub_limit_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self { shards: 16, cache_bytes: 512 * MIB, scrub_limit_bytes: 512 * MIB }
    }
}

/// The embedded store.
#[derive(Debug)]
pub struct SledStore;

impl SledStore {
    /// Opens the store in a directory, which is made when it is not there, and checks it: the
    /// whole journal always, every entry of the archive up to a size. The store is open until both
    /// halves are dropped.
    pub fn open(path: &Path, options: &Options) -> Result<(SledJournal, Arc<SledArchive>)> {
        assert!(options.shards > 0, "a store has at least one shard");
        open::open(path, options)
    }

    /// Opens a store that exists, with as many shards as it was made with ([`SledJournal::ends`]
    /// has one for each); the number in the options does not count.
    pub fn open_existing(
        path: &Path,
        options: &Options,
    ) -> Result<(SledJournal, Arc<SledArchive>)> {
        open::open(path, &Options { shards: open::AS_MADE, ..*options })
    }
}
