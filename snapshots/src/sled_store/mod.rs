//! The embedded store: journal and archive in one sled database.
//!
//! ```text
//! <data>/LOCK      one process at a time
//! <data>/witness   how far the store had come (crate::witness)
//! <data>/sled/     sled's files; trees journal, snapshots, history, keys, outcomes,
//!                  waits, due, pieces, meta
//! <data>/check/    a copy while it is checked; never needed
//! <data>/new/      a store while it is made; never needed
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
mod directory;
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

pub use archive::DiskArchive;
pub use directory::{Directory, SledDatabase, SledTree};
pub use journal::DiskJournal;

use crate::port::Home;
use crate::store::Result;

/// The journal in a directory.
pub type SledJournal = DiskJournal<Directory>;
/// The archive in a directory.
pub type SledArchive = DiskArchive<Directory>;
/// The two halves of an open store; it is open until both are dropped.
pub type Halves<H> = (DiskJournal<H>, Arc<DiskArchive<H>>);

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
        Self::open_in(&Directory::new(path), options)
    }

    /// The same, wherever the store lives.
    pub fn open_in<H: Home>(home: &H, options: &Options) -> Result<Halves<H>> {
        assert!(options.shards > 0, "a store has at least one shard");
        open::open(home, options)
    }

    /// Opens a store that exists, with as many shards as it was made with ([`SledJournal::ends`]
    /// has one for each); the number in the options does not count.
    pub fn open_existing(
        path: &Path,
        options: &Options,
    ) -> Result<(SledJournal, Arc<SledArchive>)> {
        open::open(&Directory::new(path), &Options { shards: open::AS_MADE, ..*options })
    }
}
