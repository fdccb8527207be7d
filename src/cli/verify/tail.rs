//! The journal as it stands: the records that have not been trimmed, by entity and by shard.
//!
//! `Journal::read` checks every group on the way (envelope, checksum, chain of hashes, positions
//! without gaps, epochs). Here each record is decoded once, must be of an entity of its shard, and
//! must not be older than the one before it. The bytes are kept, because the newest records of an
//! entity are nowhere else; that is at most what the server itself holds of the journal.

use std::collections::HashMap;

use bursar_domain::id::{EntityId, Kind, Seq, ShardId, is_entity_id, is_well_formed};
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec;
use bursar_snapshots::store::{Journal, Read, Result};

use super::faults::Faults;
use super::progress::Progress;

/// The records of the journal.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    entities: HashMap<EntityId, Vec<Held>>,
    shards: Vec<ShardTail>,
    groups: u64,
    last_group: u64,
}

/// One record of the tail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) seq: Seq,
    start: usize,
    end: usize,
}

/// One shard's part.
#[derive(Debug, Default)]
pub(super) struct ShardTail {
    /// The first record's position.
    first: Option<Seq>,
    /// Of each record, from the first on, its group.
    commits: Vec<u64>,
    /// How many groups hold records of this shard.
    pub(super) groups: u64,
    last_at: Timestamp,
}

impl ShardTail {
    /// How many records.
    pub(super) fn records(&self) -> u64 {
        self.commits.len() as u64
    }

    /// The position of the first record, if there is one.
    pub(super) fn first(&self) -> Option<Seq> {
        self.first
    }

    /// The position of the last record; 0 without one.
    pub(super) fn last(&self) -> Seq {
        self.first.map_or(Seq(0), |first| Seq(first.0 + self.records() - 1))
    }

    /// Whether the record at a position is here.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.commit(seq).is_some()
    }

    /// The group of a record.
    pub(super) fn commit(&self, seq: Seq) -> Option<u64> {
        let index = seq.0.checked_sub(self.first?.0)?;
        self.commits.get(usize::try_from(index).ok()?).copied()
    }

    /// The last position whose group comes before another group; what was trimmed came before all.
    pub(super) fn last_before(&self, commit: u64) -> Seq {
        let count = self.commits.partition_point(|of| *of < commit) as u64;
        self.first.map_or(Seq(u64::MAX), |first| Seq(first.0 + count - 1))
    }
}

/// Whether an entity can have its id: what clients name is shorter than what the server names.
pub(super) fn is_possible(entity: &EntityId) -> bool {
    match entity.kind {
        Kind::Wallet
        | Kind::Provider
        | Kind::Deal
        | Kind::Advance
        | Kind::Campaign
        | Kind::Statement => is_well_formed(&entity.id),
        Kind::Saga | Kind::Compensation | Kind::Run => is_entity_id(&entity.id),
        Kind::Schedule => *entity == EntityId::schedule(),
    }
}

impl Tail {
    /// Reads the journal.
    pub(super) fn read(
        journal: &dyn Journal,
        shards: u16,
        faults: &mut Faults,
        progress: &Progress,
    ) -> Result<Self> {
        let mut tail = Self::default();
        tail.shards.resize_with(usize::from(shards), ShardTail::default);
        let read = journal.read(&mut |read| {
            progress.advance();
            tail.add(&read, faults);
            Ok(())
        });
        faults.take(read)?;
        Ok(tail)
    }

    fn add(&mut self, read: &Read<'_>, faults: &mut Faults) {
        let (group, seq) = (read.commit, read.seq);
        let number = read.shard.0;
        let place = format!("journal, group {group}, shard {number}, record {seq}");
        let count = u16::try_from(self.shards.len()).expect("the number came as a u16");
        let Some(shard) = self.shards.get_mut(usize::from(number)) else {
            faults.damaged(place, format!("there are only {count} shards"));
            return;
        };
        let expected = shard.first.map_or(seq, |_| shard.last().next());
        if seq != expected {
            faults.damaged(&place, format!("record {expected} should stand here"));
            return;
        }
        shard.first.get_or_insert(seq);
        if shard.commits.last() != Some(&group) {
            shard.groups += 1;
        }
        shard.commits.push(group);
        self.groups += u64::from(self.last_group != group);
        self.last_group = group;
        let record: Record = match codec::decode(read.bytes) {
            Ok(record) => record,
            Err(error) => return faults.damaged(place, error.to_string()),
        };
        let entity = &record.entity;
        if !is_possible(entity) {
            return faults.damaged(place, "it is of an entity whose id cannot be");
        }
        let home = entity.shard(count);
        if home != read.shard {
            faults.wrong(&place, format!("it is of {entity}, which lives in shard {}", home.0));
        }
        if record.at < shard.last_at {
            faults.wrong(&place, "it was decided before the record that stands before it");
        }
        shard.last_at = record.at;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(read.bytes);
        let held = Held { seq, start, end: self.bytes.len() };
        self.entities.entry(record.entity).or_default().push(held);
    }

    /// The bytes of a record.
    pub(super) fn bytes(&self, held: Held) -> &[u8] {
        &self.bytes[held.start..held.end]
    }

    /// An entity's records, ascending; they are given once.
    pub(super) fn take(&mut self, id: &EntityId) -> Vec<Held> {
        self.entities.remove(id).unwrap_or_default()
    }

    /// Whose records were not taken, ascending.
    pub(super) fn left(&self) -> Vec<EntityId> {
        let mut left: Vec<_> = self.entities.keys().cloned().collect();
        left.sort_unstable();
        left
    }

    /// One shard's part.
    pub(super) fn shard(&self, shard: ShardId) -> &ShardTail {
        &self.shards[usize::from(shard.0)]
    }

    /// All shards' parts, by number.
    pub(super) fn shards(&self) -> &[ShardTail] {
        &self.shards
    }

    /// How many groups hold records.
    pub(super) fn groups(&self) -> u64 {
        self.groups
    }
}
