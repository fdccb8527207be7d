//! The store in memory with gates in front of some of its calls, and a clock that is set.
//!
//! The wrappers add nothing but the waiting: each call goes on to the store unchanged, so what the
//! contract suite holds for the store holds here too. A gate stands before the call, not after it:
//! while a call is held, the store has nothing of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bursar_actors::clock::Clock;
use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::message::Outcome;
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::{
    Archive, Claim, Due, IndexKind, Journal, Read, Result, Saved, Slice, Snapshot, VisitRecord,
    Waits, Written,
};

use crate::gates::{Call, Gates};

/// A journal whose appends can be held up.
pub(crate) struct GatedJournal {
    pub(crate) inner: Box<dyn Journal>,
    pub(crate) gates: Arc<Gates>,
}

impl Journal for GatedJournal {
    fn claim(&mut self, shards: &[ShardId]) -> Result<Vec<Claim>> {
        self.inner.claim(shards)
    }

    fn append(&mut self, slices: &[Slice]) -> Result<Vec<Written>> {
        self.gates.pass(Call::Append);
        self.inner.append(slices)
    }

    fn read(&self, visit: &mut dyn FnMut(Read<'_>) -> Result<()>) -> Result<()> {
        self.inner.read(visit)
    }

    fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        self.inner.trim(keep_from)
    }
}

/// An archive whose saves and look-ups can be held up.
pub(crate) struct GatedArchive {
    pub(crate) inner: Arc<dyn Archive>,
    pub(crate) gates: Arc<Gates>,
}

impl Archive for GatedArchive {
    fn load(&self, entity: &EntityId) -> Result<Option<Snapshot>> {
        self.inner.load(entity)
    }

    fn save(&self, entities: &[Saved]) -> Result<()> {
        self.gates.pass(Call::Save);
        self.inner.save(entities)
    }

    fn record(&self, entity: &EntityId, seq: Seq) -> Result<Option<Vec<u8>>> {
        self.gates.pass(Call::LookUp);
        if self.gates.history_lost.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.inner.record(entity, seq)
    }

    fn records_before(
        &self,
        entity: &EntityId,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        self.inner.records_before(entity, before, limit)
    }

    fn records_after(
        &self,
        entity: &EntityId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        self.inner.records_after(entity, after, limit)
    }

    fn histories(
        &self,
        kind: Kind,
        after: Option<(&EntityId, Seq)>,
        size: usize,
        visit: &mut VisitRecord<'_>,
    ) -> Result<()> {
        self.inner.histories(kind, after, size, visit)
    }

    fn entities_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>> {
        self.inner.entities_of(kind, after, limit)
    }

    fn waiting(&self, visit: &mut dyn FnMut(EntityId, Waits) -> Result<()>) -> Result<()> {
        self.inner.waiting(visit)
    }

    fn waiting_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>> {
        self.inner.waiting_of(kind, after, limit)
    }

    fn answer_waiters(&self) -> Result<Vec<EntityId>> {
        self.inner.answer_waiters()
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<&(i64, EntityId)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        self.inner.timers(shard, after, until, limit)
    }

    fn first_timer(&self, shard: ShardId, after: i64) -> Result<Option<i64>> {
        self.inner.first_timer(shard, after)
    }

    fn agenda(
        &self,
        kind: Kind,
        after: Option<(i64, &str)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        self.inner.agenda(kind, after, until, limit)
    }

    fn due(&self, visit: &mut dyn FnMut(Due) -> Result<()>) -> Result<()> {
        self.inner.due(visit)
    }

    fn index(&self, entity: &EntityId, kind: IndexKind, slot: u128) -> Result<Option<u64>> {
        self.gates.pass(Call::LookUp);
        self.inner.index(entity, kind, slot)
    }

    fn index_slots(
        &self,
        entity: &EntityId,
        kind: IndexKind,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<u128>> {
        self.inner.index_slots(entity, kind, after, limit)
    }

    fn load_shard(&self, shard: ShardId) -> Result<Option<Snapshot>> {
        self.inner.load_shard(shard)
    }

    fn save_shard(&self, shard: ShardId, snapshot: &Snapshot) -> Result<()> {
        self.inner.save_shard(shard, snapshot)
    }

    fn save_outcomes(&self, outcomes: &[(Position, Outcome)]) -> Result<()> {
        self.inner.save_outcomes(outcomes)
    }

    fn outcomes_after(&self, after: Position, limit: usize) -> Result<Vec<(Position, Outcome)>> {
        self.inner.outcomes_after(after, limit)
    }

    fn last_outcome(&self) -> Result<Option<Position>> {
        self.inner.last_outcome()
    }

    fn outcomes_dropped_to(&self) -> Result<Position> {
        self.inner.outcomes_dropped_to()
    }

    fn drop_outcomes_before(&self, millis: i64, limit: usize) -> Result<usize> {
        self.inner.drop_outcomes_before(millis, limit)
    }

    fn entities(&self, visit: &mut dyn FnMut(EntityId, Snapshot) -> Result<()>) -> Result<()> {
        self.inner.entities(visit)
    }

    fn size_bytes(&self) -> Result<u64> {
        self.inner.size_bytes()
    }
}

/// A clock that stands until it is set.
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let millis = self.0.load(Ordering::Relaxed);
        Timestamp::from_millis(millis).expect("a test sets an instant that can be written")
    }
}
