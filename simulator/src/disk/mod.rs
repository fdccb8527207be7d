//! The simulated disk: the production store on a machine in memory that breaks as machines do.
//!
//! [`SimDisk`] is a home ([`port`](bursar_snapshots::port)) for the store of `bursar-snapshots`, so
//! what runs on it is the shipped code: groups, chain, tally, recovery, and the check of a copy when
//! it is opened. A crash keeps what was synced and, of what was written since, what came first.
//!
//! That is what sled 0.34.7 does: all trees share one log; an insert or removal is one message in it
//! with a checksum; when the log is opened, the segments from before its last stable position on are
//! read until the first message that is torn, and everything from there on is dropped
//! (`pagecache/segment.rs`, `clean_tail_tears`; `pagecache/iterator.rs`, "found a tear"). The
//! witness is a file of its own: each of its slots is as any write since its last sync left it.
//!
//! It cannot show what sled does with its own memory, threads and damaged files.
//!
//! Invariants: nothing depends on time, threads or a hash map's order; after a crash, the halves that
//! were open only give errors; every write and sync is one operation with a number.

mod home;
mod machine;

use std::sync::{Arc, Mutex, MutexGuard};

use bursar_snapshots::sled_store::{Halves, Options, SledStore};
use bursar_snapshots::store::{Archive, Journal, Result};
use machine::{Machine, Part};

use crate::chance::Chance;

/// How a disk fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The process ends: from then on nothing answers, until [`SimDisk::crash`].
    End,
    /// The next sync fails, once; what it should have made durable waits for the one after it.
    Sync,
    /// The disk is full: from then on nothing can be written, until there is room again.
    Full,
}

/// What a crash may do beyond losing what was not synced. The store claims to survive all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Temper {
    /// Nothing, as with a kernel that writes 64 bytes at once, and the name of a file when the file
    /// is synced.
    Mild,
    /// A slot of the witness that was being written is torn, and a file is lost whose name was not
    /// synced in its directory.
    Harsh,
}

/// The disk of a simulated machine. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
    part: Part,
}

impl SimDisk {
    /// An empty disk of a mild temper.
    pub fn new() -> Self {
        Self::of(Temper::Mild)
    }

    /// An empty disk.
    pub fn of(temper: Temper) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(temper))), part: Part::Store }
    }

    /// Opens the store as `bursar serve` does. It is open until both halves are dropped, or until
    /// a crash.
    pub fn open(&self, options: &Options) -> Result<(Box<dyn Journal>, Arc<dyn Archive>)> {
        let (journal, archive) = self.open_halves(options)?;
        Ok((Box::new(journal), archive))
    }

    /// The same, with the types as they are.
    pub fn open_halves(&self, options: &Options) -> Result<Halves<Self>> {
        SledStore::open_in(self, options)
    }

    /// Whether a store is open on it.
    pub fn is_open(&self) -> bool {
        self.lock().is_locked
    }

    /// How many operations it was asked for so far: writes, removals, syncs.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Lets it fail at an operation, counted as [`SimDisk::operations`] does, or at the first one
    /// after it that can fail so. One failure waits at a time; a crash forgets it.
    pub fn fail_at(&self, operation: u64, failure: Failure) {
        self.lock().failure = Some((operation, failure));
    }

    /// Whether a failure has struck since the machine was started.
    pub fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// Another disk with the same on it, as an operator copies it.
    pub fn copy(&self) -> Self {
        let machine = self.lock().clone();
        Self { machine: Arc::new(Mutex::new(machine)), part: self.part }
    }

    /// Nothing fails any more; a full disk has room again.
    pub fn repair(&self) {
        self.lock().failure = None;
    }

    /// The machine stops, and starts again with what is on the disk; chance says how much of what
    /// was not synced that is.
    pub fn crash(&self, chance: &mut Chance) {
        self.lock().crash(chance);
    }

    /// Flips one bit of a stored value, or of the witness. Says which one.
    pub fn flip(&self, chance: &mut Chance) -> String {
        self.lock().flip(chance)
    }

    /// Loses one entry without a word, as sled does with a page it cannot read. Says which one.
    pub fn lose(&self, chance: &mut Chance) -> String {
        self.lock().lose(chance)
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().expect("nobody panics while holding the machine")
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}
