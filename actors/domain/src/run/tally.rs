//! What advances did for a run, counted.
//!
//! Each advance counts what it does between a question of the run and its answer, and sends the
//! counts with the answer; the run adds them up. What happens between runs (an unknown answer that
//! becomes known, a refund that is done) is in no run's counts.
//!
//! Invariant: a thing that is counted is counted once, in one run.

use bincode::{Decode, Encode};

/// What advances did for a run, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Tally {
    /// Advances that had something to do on that day.
    pub advances: u64,
    /// Debits that became due.
    pub staged: u64,
    /// Debits given to the processor, each once.
    pub submitted: u64,
    /// Submissions of which it is not known yet whether they arrived.
    pub unknown: u64,
    /// Debits that could not be given to the processor; they stay due.
    pub deferred: u64,
    /// Debits that were found to have succeeded.
    pub succeeded: u64,
    /// Debits that were found to have failed, also those given up as silent before.
    pub failed: u64,
    /// Debits given up because nothing was heard of them.
    pub silent: u64,
    /// Debits put at the end of a plan, or presented again.
    pub replaced: u64,
    /// Replacements that were not needed any more.
    pub cancelled: u64,
    /// Debits that were collected twice and are given back.
    pub refunded: u64,
    /// Lines that say the opposite of what was known; they changed nothing.
    pub contradicted: u64,
    /// Lines about debits that were never submitted; they changed nothing.
    pub strange: u64,
    /// Advances that were paid back.
    pub completed: u64,
    /// Advances that were given up.
    pub defaulted: u64,
}

impl Tally {
    /// The counts with their words in JSON, in the order of a run.
    pub const fn counts(&self) -> [(&'static str, u64); 15] {
        [
            ("advances", self.advances),
            ("staged", self.staged),
            ("submitted", self.submitted),
            ("unknown", self.unknown),
            ("deferred", self.deferred),
            ("succeeded", self.succeeded),
            ("failed", self.failed),
            ("silent", self.silent),
            ("replaced", self.replaced),
            ("cancelled", self.cancelled),
            ("refunded", self.refunded),
            ("contradicted", self.contradicted),
            ("strange", self.strange),
            ("completed", self.completed),
            ("defaulted", self.defaulted),
        ]
    }

    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        self.advances += other.advances;
        self.staged += other.staged;
        self.submitted += other.submitted;
        self.unknown += other.unknown;
        self.deferred += other.deferred;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.silent += other.silent;
        self.replaced += other.replaced;
        self.cancelled += other.cancelled;
        self.refunded += other.refunded;
        self.contradicted += other.contradicted;
        self.strange += other.strange;
        self.completed += other.completed;
        self.defaulted += other.defaulted;
    }
}
