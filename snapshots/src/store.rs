//! The two traits that everything above stands on: the journal and the archive.
//!
//! The **journal** is the log of decisions. It has four verbs, so that it can be sled in this
//! process or a database elsewhere: `claim` (become the only writer of some shards, under a new
//! epoch), `append` (at an expected position and epoch; durable when it returns), `read`, `trim`.
//! The **archive** is what a checkpoint writes and what cold reads read: snapshots of entities,
//! their history (records that left the journal), older index entries, outcomes.
//!
//! Contract, held by one suite for every implementation (`tests/contract*.rs`):
//! - a record is in the journal whole or not at all, never before all earlier ones of its shard;
//! - `append` returns only when its records survive a power cut;
//! - after an error from `append`, `trim` or `save` the store is finished: the process stops, and
//!   what was not confirmed may or may not be found again;
//! - damage is found and named ([`StoreError::Damaged`]), never skipped;
//! - a saved snapshot never goes back: once `save` returned, `load` gives it or a later one.

use std::path::PathBuf;
use std::sync::Arc;

use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::message::Outcome;

/// What can go wrong in a store. Nothing here is retried.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory open.
    #[error("{path} is in use by another process: stop it, or choose another --data directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Another writer claimed the shard.
    #[error("shard {shard:?} now belongs to another writer (epoch {epoch}, ours was {ours})")]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// The epoch found.
        epoch: u64,
        /// The epoch under which we wrote.
        ours: u64,
    },
    /// Data is not what was written.
    #[error(
        "damaged data in {place}: {what}. Restore the directory from a copy; `bursar verify --data DIR` lists all damage"
    )]
    Damaged {
        /// Where: tree, key, group, record.
        place: String,
        /// What was found, against what was expected.
        what: String,
    },
    /// The directory was made by another version or with other settings.
    #[error("{what}")]
    Incompatible {
        /// What differs and what to do.
        what: String,
    },
    /// The disk failed or is full.
    #[error("the disk failed while {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// The embedded database failed.
    #[error("the database failed while {doing}: {what}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Its error.
        what: String,
    },
}

/// Shorthand for this crate.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Encoded records of one shard, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub shard: ShardId,
    /// Under which claim they are written.
    pub epoch: u64,
    /// The position of the first record.
    pub first: Seq,
    /// The records' bytes, one after the other.
    pub bytes: Arc<Vec<u8>>,
    /// Where each record ends in `bytes`. As many as there are records; ascending.
    pub ends: Arc<Vec<u32>>,
}

impl Slice {
    /// A slice without records, as it carries a claim into the journal.
    pub(crate) fn of_claim(claim: &Claim) -> Self {
        let Claim { shard, epoch, next } = *claim;
        let (bytes, ends) = (Arc::default(), Arc::default());
        Self { shard, epoch, first: next, bytes, ends }
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The position after the last record.
    pub fn next(&self) -> Seq {
        Seq(self.first.0 + self.ends.len() as u64)
    }

    /// The bytes of one record, `index` from 0.
    pub fn record(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }
}

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The shard.
    pub shard: ShardId,
    /// The new epoch; appends carry it.
    pub epoch: u64,
    /// The position the next record gets.
    pub next: Seq,
}

/// A run of one shard's records that went into one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The shard.
    pub shard: ShardId,
    /// The position of the first record.
    pub first: Seq,
    /// How many records; never 0.
    pub count: u32,
    /// The commit they are in.
    pub commit: u64,
}

/// One record as read back from the journal.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The commit it was in.
    pub commit: u64,
    /// Its shard.
    pub shard: ShardId,
    /// Its position.
    pub seq: Seq,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The log of decisions.
pub trait Journal: Send {
    /// Becomes the only writer of these shards. Older epochs can no longer append.
    fn claim(&mut self, shards: &[ShardId]) -> Result<Vec<Claim>>;

    /// Writes records, all durable when it returns. Slices of one shard follow one another and
    /// carry the epoch of its last claim. The slices are written in order. A record is in one
    /// commit whole; a slice may be spread over several, when it is larger than a commit may be.
    /// Returns which records went into which commit, in the order written: the numbers of commits
    /// never fall from entry to entry, and from call to call they only grow.
    ///
    /// # Panics
    /// When a slice does not start where its shard's last one ended, when its shard was never
    /// claimed, or when a record is larger than [`crate::group::RECORD_SIZE_MAX`].
    fn append(&mut self, slices: &[Slice]) -> Result<Vec<Written>>;

    /// Gives every record that has not been trimmed to `visit`, in the order of commits. A
    /// shard's records come in the order of their positions, without gaps.
    fn read(&self, visit: &mut dyn FnMut(Read<'_>) -> Result<()>) -> Result<()>;

    /// Says that records before these positions are no longer needed. A shard that is not named
    /// keeps what it has.
    fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()>;
}

/// A saved entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record it contains.
    pub covers: Seq,
    /// The encoded machine.
    pub state: Vec<u8>,
}

/// Which index an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexKind {
    /// From the hash of an idempotency key to the position of its record.
    Key,
    /// From the position of a payment to what was refunded of it.
    Refunded,
    /// From the position of an investment to how it left its deal's waiting list.
    Left,
    /// From the hash of an activity's id to the mark of its content.
    Activity,
}

/// What a saved entity waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Awaited {
    /// Nothing.
    #[default]
    Nothing,
    /// The answer to a call.
    Answer,
    /// An instant, in milliseconds since the epoch.
    Instant(i64),
}

/// What a saved entity waits for, and where it is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waits {
    /// What it waits for.
    pub awaits: Awaited,
    /// Its number in the agenda of its kind, if it stands there.
    pub listed: Option<i64>,
}

impl Waits {
    /// For nothing, and not listed.
    pub const NO: Self = Self { awaits: Awaited::Nothing, listed: None };
    /// For the answer to a call.
    pub const ANSWER: Self = Self { awaits: Awaited::Answer, listed: None };

    /// Until an instant, in milliseconds since the epoch.
    pub const fn until(millis: i64) -> Self {
        Self { awaits: Awaited::Instant(millis), listed: None }
    }

    /// The same, listed under a number.
    pub const fn listed(self, number: i64) -> Self {
        Self { listed: Some(number), ..self }
    }
}

/// An entry of the index of those that wait, which is ordered by what they wait for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Due {
    /// It waits for an instant, in milliseconds since the epoch.
    Timer {
        /// Its shard.
        shard: ShardId,
        /// The instant.
        at: i64,
        /// Who.
        entity: EntityId,
    },
    /// It stands in the agenda of its kind.
    Listed {
        /// Its number there.
        number: i64,
        /// Who.
        entity: EntityId,
    },
    /// It waits for the answer to a call.
    Answer(EntityId),
}

/// Everything a checkpoint writes about one entity.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Which.
    pub entity: EntityId,
    /// Its state now.
    pub snapshot: Snapshot,
    /// Its records since the last save, ascending: position and where to find the bytes.
    pub records: Vec<(Seq, RecordBytes)>,
    /// Index entries that leave memory.
    pub index: Vec<(IndexKind, u128, u64)>,
    /// What it waits for now; `None` when its kind never waits: nothing is written or looked up.
    pub waits: Option<Waits>,
}

/// The bytes of one record inside a slice that is shared, not copied.
#[derive(Clone, Debug)]
pub struct RecordBytes {
    /// The slice.
    pub slice: Slice,
    /// Which record of it, from 0.
    pub index: usize,
}

impl RecordBytes {
    /// The bytes.
    pub fn get(&self) -> &[u8] {
        self.slice.record(self.index)
    }
}

/// Whoever is given records as they are stored: whose, at which position, the bytes.
pub type VisitRecord<'a> = dyn FnMut(&EntityId, Seq, &[u8]) -> Result<()> + 'a;

/// What checkpoints write and cold reads read. Shared between threads.
pub trait Archive: Send + Sync {
    /// The last saved state of an entity; `None` when it was never saved.
    fn load(&self, entity: &EntityId) -> Result<Option<Snapshot>>;

    /// Saves entities, durable when it returns. For each entity, history and index entries are
    /// durable before the snapshot that no longer needs the journal for them, and so is what it
    /// waits for; that it no longer waits is written with the snapshot. Saving the same records
    /// again after a crash is harmless.
    fn save(&self, entities: &[Saved]) -> Result<()>;

    /// One record of an entity's history.
    fn record(&self, entity: &EntityId, seq: Seq) -> Result<Option<Vec<u8>>>;

    /// Records of an entity before a position, newest first, at most `limit`.
    fn records_before(
        &self,
        entity: &EntityId,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>>;

    /// Records of an entity after a position, oldest first, at most `limit`.
    fn records_after(
        &self,
        entity: &EntityId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>>;

    /// The records of all entities of a kind as they follow one another, ascending by entity, then
    /// by position: those after a record of one of them, or all. It ends when it has given `size`
    /// bytes or a little more; nothing given means that there are no more.
    fn histories(
        &self,
        kind: Kind,
        after: Option<(&EntityId, Seq)>,
        size: usize,
        visit: &mut VisitRecord<'_>,
    ) -> Result<()>;

    /// An index entry of an entity.
    fn index(&self, entity: &EntityId, kind: IndexKind, slot: u128) -> Result<Option<u64>>;

    /// The slots of an entity's index entries after a slot, ascending, at most `limit`.
    fn index_slots(
        &self,
        entity: &EntityId,
        kind: IndexKind,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<u128>>;

    /// The saved state of a shard itself (its books), and what it covers.
    fn load_shard(&self, shard: ShardId) -> Result<Option<Snapshot>>;

    /// Saves the state of a shard, durable when it returns.
    fn save_shard(&self, shard: ShardId, snapshot: &Snapshot) -> Result<()>;

    /// Saves outcomes in ascending order of position, durable when it returns. Saving the same
    /// ones again is harmless.
    fn save_outcomes(&self, outcomes: &[(Position, Outcome)]) -> Result<()>;

    /// The first outcomes after a position, ascending, at least one if there is one and not many
    /// more than `limit`.
    fn outcomes_after(&self, after: Position, limit: usize) -> Result<Vec<(Position, Outcome)>>;

    /// The last saved outcome.
    fn last_outcome(&self) -> Result<Option<Position>>;

    /// The last outcome that was dropped: a reader at or after it has missed nothing.
    fn outcomes_dropped_to(&self) -> Result<Position>;

    /// Drops outcomes decided before an instant (milliseconds since the epoch), at most `limit`
    /// stored pieces at a time. Returns how many pieces went.
    fn drop_outcomes_before(&self, millis: i64, limit: usize) -> Result<usize>;

    /// All entities ever saved, ascending, for a complete check.
    fn entities(&self, visit: &mut dyn FnMut(EntityId, Snapshot) -> Result<()>) -> Result<()>;

    /// The ids of saved entities of a kind after an id, ascending, at most `limit`.
    fn entities_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>>;

    /// Every saved entity that waits or is listed, ascending. After a crash within a save, those of
    /// the save may stand here as the save would have left them, although their snapshots are
    /// older: then the journal still has the records in between. The same goes for all that is read
    /// of those that wait.
    fn waiting(&self, visit: &mut dyn FnMut(EntityId, Waits) -> Result<()>) -> Result<()>;

    /// The ids of the entities of a kind that wait or are listed, after an id, ascending, at most
    /// `limit`.
    fn waiting_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>>;

    /// The entities that wait for an answer, ascending.
    fn answer_waiters(&self) -> Result<Vec<EntityId>>;

    /// The entities of a shard that wait for an instant, the earliest first, then by entity: those
    /// after one of them, up to an instant and with it, at most `limit`.
    fn timers(
        &self,
        shard: ShardId,
        after: Option<&(i64, EntityId)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>>;

    /// The first instant after another one for which an entity of a shard waits.
    fn first_timer(&self, shard: ShardId, after: i64) -> Result<Option<i64>>;

    /// Those that stand in the agenda of a kind, as they were saved, ascending by number, then by
    /// id: those after one of them, up to a number and with it, at most `limit`.
    fn agenda(
        &self,
        kind: Kind,
        after: Option<(i64, &str)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>>;

    /// Every entry of the index of those that wait as it stands, ascending, for a complete check:
    /// also one that a save which a crash cut off has left, and that the others leave out.
    fn due(&self, visit: &mut dyn FnMut(Due) -> Result<()>) -> Result<()>;

    /// Bytes on disk.
    fn size_bytes(&self) -> Result<u64>;
}
