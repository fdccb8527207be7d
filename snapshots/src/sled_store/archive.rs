//! The archive on a disk: snapshots, history, indexes, outcomes, waits, marks, a tree for each.
//!
//! Every change goes through the tally (`tally.rs`); this file says which keys and values a
//! save means, and reads them back; `waits.rs` does so for those that wait.
//!
//! Invariants: an entity's history, index entries and what it waits for are durable before its
//! snapshot is written, and the entry of one that waits no longer is removed with the snapshot,
//! so a wait may be told too long, but is never lost; a snapshot is replaced only by one that
//! covers as much or more, and what an older save says of waiting does not count either; outcomes
//! are only added behind the last one, so saving some again adds nothing; the last piece of
//! outcomes is never dropped, so that `last_outcome` never goes back.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use bursar_domain::id::{self, EntityId, Position, Seq, ShardId};
use bursar_domain::message::Outcome;

use super::disk::{self, damaged};
use super::snapshot::{self, Stages};
use super::tally::{self, Changes, Place, Tallied};
use super::{chunk, keys, waits};
use crate::codec;
use crate::envelope::{self, Kind, NO_HASH};
use crate::port::{BytesOf, Database, Home, Tree};
use crate::store::{Archive, Due, IndexKind, Result, Saved, Snapshot, VisitRecord, Waits};

/// The last outcome that was dropped, in the tree `marks`; in older directories in `meta`.
const DROPPED: &[u8] = b"dropped";
const DROPPED_PLACE: &str = "tree meta, key dropped";

/// The archive of an open store.
#[derive(Debug)]
pub struct DiskArchive<H: Home> {
    entries: Tallied<H>,
    shards: u16,
    /// Held while something is compared with what is there and then written.
    saving: Mutex<()>,
}

/// A value above this size makes its page a large one.
const LARGE_VALUE: usize = 16 * 1024;

/// After so many look-ups a part of sled's cache looks what it can let go.
const CACHE_QUEUE: usize = 64;

impl<H: Home> DiskArchive<H> {
    pub(super) fn new(entries: Tallied<H>, shards: u16) -> Self {
        Self { entries, shards, saving: Mutex::new(()) }
    }

    #[cfg(test)]
    pub(super) fn entries_with_tally(&self) -> &Tallied<H> {
        &self.entries
    }

    /// Reads and checks every stored entry, and that none is missing. Saves wait meanwhile.
    /// Returns how many there are.
    pub fn verify(&self) -> Result<u64> {
        self.entries.verify()
    }

    fn saving(&self) -> MutexGuard<'_, ()> {
        self.saving.lock().expect("a panic while saving stops the process")
    }

    /// One entry, without its envelope.
    fn get<T>(
        &self,
        place: Place,
        kind: Kind,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        let value = tally::get(&self.entries.disk, "reading the archive", place, key)?;
        value.map(|value| open(place, kind, key, &value, read)).transpose()
    }

    /// Entries of a tree as they come, errors as ours.
    fn entries(
        &self,
        place: Place,
        range: impl std::ops::RangeBounds<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = Result<(BytesOf<H>, BytesOf<H>)>> {
        let range = place.tree(&self.entries.disk).range(range);
        range.map(move |found| {
            let named = |error| disk::error("reading the archive", &place.name(b"(next)"))(error);
            found.map_err(named)
        })
    }

    /// Looks a large page up so often that sled's cache looks at its size. The cache has 256 parts, and
    /// each lets pages go only once it has seen 64 look-ups: a walk that reads every page once would
    /// keep 16,384 of them, which was 1.5 GiB for ten million bank lines.
    fn touch(&self, place: Place, key: &[u8]) -> Result<()> {
        let tree = place.tree(&self.entries.disk);
        for _ in 0..CACHE_QUEUE {
            let named = |error| disk::error("reading the archive", &place.name(key))(error);
            tree.contains_key(key).map_err(named)?;
        }
        Ok(())
    }

    /// What saving entities changes. Of an entity that is there twice, the newest state counts; no
    /// entry is in two stages, as the tally demands.
    pub(super) fn stages(&self, entities: &[Saved]) -> Result<Stages> {
        let mut stages = Stages::default();
        let mut newest: BTreeMap<&EntityId, &Saved> = BTreeMap::new();
        for saved in entities {
            let newest = newest.entry(&saved.entity).or_insert(saved);
            if saved.snapshot.covers >= newest.snapshot.covers {
                *newest = saved;
            }
            let entity = &saved.entity;
            let records = saved.records.iter().map(|(seq, bytes)| (*seq, bytes.get()));
            for (first, body) in chunk::history(records) {
                let value = envelope::seal(Kind::History, &NO_HASH, &body);
                stages.before.insert((Place::History, keys::history(entity, first)), Some(value));
            }
            for (kind, slot, number) in &saved.index {
                let value = envelope::seal(Kind::Index, &NO_HASH, &number.to_le_bytes());
                let key = keys::index(entity, *kind, *slot);
                stages.before.insert((Place::Keys, key), Some(value));
            }
        }
        for saved in newest.into_values() {
            let (disk, key) = (&self.entries.disk, keys::entity(&saved.entity));
            let is_new = snapshot::put(disk, Kind::Snapshot, &key, &saved.snapshot, &mut stages)?;
            if let Some(waits) = saved.waits.filter(|_| is_new) {
                waits::put(disk, self.shards, &saved.entity, waits, &mut stages)?;
            }
        }
        Ok(stages)
    }

    fn change(&self, doing: &'static str, stages: Stages) -> Result<()> {
        let Stages { before, snapshots, after } = stages;
        self.entries.change(doing, vec![before, snapshots, after])
    }
}

/// Opens a value and reads its body; tells where it stands when that fails.
pub(super) fn open<T>(
    place: Place,
    kind: Kind,
    key: &[u8],
    value: &[u8],
    read: impl FnOnce(&[u8]) -> std::result::Result<T, String>,
) -> Result<T> {
    let body = envelope::open(kind, value);
    let (_, body) = body.map_err(|what| damaged(place.name(key), what))?;
    read(body).map_err(|what| damaged(place.name(key), what))
}

fn read_index(body: &[u8]) -> std::result::Result<u64, String> {
    let bytes = body.try_into().map_err(|_| format!("an entry of {} bytes", body.len()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Reads a history chunk whose key begins with an entity's.
fn read_chunk(entity: &[u8], key: &[u8], value: &[u8]) -> Result<Vec<(Seq, Vec<u8>)>> {
    let mut records = Vec::new();
    each_record(entity, key, value, &mut |seq, bytes| {
        records.push((seq, bytes.to_vec()));
        Ok(())
    })?;
    Ok(records)
}

/// Gives the records of a history chunk whose key begins with an entity's.
fn each_record(
    entity: &[u8],
    key: &[u8],
    value: &[u8],
    visit: &mut dyn FnMut(Seq, &[u8]) -> Result<()>,
) -> Result<()> {
    let place = || Place::History.name(key);
    let first = key.get(entity.len()..).and_then(|seq| <[u8; 8]>::try_from(seq).ok());
    let first = first.ok_or_else(|| damaged(place(), "the key is not an entity and a position"))?;
    let (_, body) = envelope::open(Kind::History, value).map_err(|what| damaged(place(), what))?;
    let records = chunk::read_history(Seq(u64::from_be_bytes(first)), body);
    let records = records.map_err(|what| damaged(place(), what))?;
    records.into_iter().try_for_each(|(seq, bytes)| visit(seq, bytes))
}

pub(super) fn parse_entity(place: Place, key: &[u8]) -> Result<EntityId> {
    keys::parse_entity(key).ok_or_else(|| damaged(place.name(key), "the key is not an entity's"))
}

fn read_outcomes(key: &[u8], value: &[u8]) -> Result<Vec<(Position, Outcome)>> {
    let first = key.split_first_chunk::<8>().and_then(|(commit, index)| {
        let index = u32::from_be_bytes(index.try_into().ok()?);
        Some(Position { commit: u64::from_be_bytes(*commit), index })
    });
    let place = Place::Outcomes;
    let first = first.ok_or_else(|| damaged(place.name(key), "the key is not a position"))?;
    open(place, Kind::Outcomes, key, value, |body| chunk::read_outcomes(first, body))
}

impl<H: Home> Archive for DiskArchive<H> {
    fn load(&self, entity: &EntityId) -> Result<Option<Snapshot>> {
        snapshot::load(&self.entries.disk, Kind::Snapshot, &keys::entity(entity))
    }

    fn save(&self, entities: &[Saved]) -> Result<()> {
        let _saving = self.saving();
        let stages = self.stages(entities)?;
        self.change("saving entities", stages)
    }

    fn record(&self, entity: &EntityId, seq: Seq) -> Result<Option<Vec<u8>>> {
        let prefix = keys::entity(entity);
        let range = keys::history(entity, Seq(0))..=keys::history(entity, seq);
        let Some(found) = self.entries(Place::History, range).next_back() else {
            return Ok(None);
        };
        let (key, value) = found?;
        let records = read_chunk(&prefix, &key, &value)?;
        Ok(records.into_iter().find(|record| record.0 == seq).map(|record| record.1))
    }

    fn records_before(
        &self,
        entity: &EntityId,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        let prefix = keys::entity(entity);
        let range = keys::history(entity, Seq(0))..keys::history(entity, before);
        let mut records: Vec<(Seq, Vec<u8>)> = Vec::new();
        for found in self.entries(Place::History, range).rev() {
            if records.len() >= limit {
                break;
            }
            let (key, value) = found?;
            let end = records.last().map_or(before, |record| record.0);
            let chunk = read_chunk(&prefix, &key, &value)?;
            records.extend(chunk.into_iter().rev().filter(|record| record.0 < end));
        }
        records.truncate(limit);
        Ok(records)
    }

    fn records_after(
        &self,
        entity: &EntityId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        let prefix = keys::entity(entity);
        let (first, here) = (keys::history(entity, Seq(0)), keys::history(entity, after));
        // The piece that begins at or before `after` may hold what comes after it.
        let start = match self.entries(Place::History, first..=here.clone()).next_back() {
            Some(found) => found?.0.to_vec(),
            None => here,
        };
        let mut records: Vec<(Seq, Vec<u8>)> = Vec::new();
        for found in self.entries(Place::History, start..=keys::history(entity, Seq(u64::MAX))) {
            if records.len() >= limit {
                break;
            }
            let (key, value) = found?;
            let last = records.last().map_or(after, |record| record.0);
            let chunk = read_chunk(&prefix, &key, &value)?;
            records.extend(chunk.into_iter().filter(|record| record.0 > last));
        }
        records.truncate(limit);
        Ok(records)
    }

    fn histories(
        &self,
        kind: id::Kind,
        after: Option<(&EntityId, Seq)>,
        size: usize,
        visit: &mut VisitRecord<'_>,
    ) -> Result<()> {
        let (mut start, end) = keys::after(kind, None);
        let mut last = after.map(|(entity, seq)| (entity.clone(), seq));
        if let Some((entity, seq)) = &last {
            // The piece that begins at or before `seq` may hold what comes after it.
            let (first, here) = (keys::history(entity, Seq(0)), keys::history(entity, *seq));
            start = match self.entries(Place::History, first..=here.clone()).next_back() {
                Some(found) => found?.0.to_vec(),
                None => here,
            };
        }
        let mut given = 0;
        for found in self.entries(Place::History, start..end) {
            if given >= size {
                break;
            }
            let (key, value) = found?;
            if value.len() > LARGE_VALUE {
                self.touch(Place::History, &key)?;
            }
            let prefix = key.len().saturating_sub(size_of::<u64>());
            if last.as_ref().is_none_or(|(entity, _)| !keys::is_of(&key[..prefix], entity)) {
                last = Some((parse_entity(Place::History, &key[..prefix])?, Seq(0)));
            }
            let (entity, last) = last.as_mut().expect("just set");
            each_record(&key[..prefix], &key, &value, &mut |seq, bytes| {
                if seq <= *last {
                    return Ok(());
                }
                (*last, given) = (seq, given + bytes.len());
                visit(entity, seq, bytes)
            })?;
        }
        Ok(())
    }

    fn index(&self, entity: &EntityId, kind: IndexKind, slot: u128) -> Result<Option<u64>> {
        let key = keys::index(entity, kind, slot);
        self.get(Place::Keys, Kind::Index, &key, read_index)
    }

    fn index_slots(
        &self,
        entity: &EntityId,
        kind: IndexKind,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<u128>> {
        let from = keys::index(entity, kind, after.map_or(0, |after| after.saturating_add(1)));
        let to = keys::index(entity, kind, u128::MAX);
        let found = self.entries(Place::Keys, from..=to).take(limit);
        let slot = |(key, _): (BytesOf<H>, BytesOf<H>)| {
            let slot = keys::slot(&key);
            slot.ok_or_else(|| damaged(Place::Keys.name(&key), "the key has no slot"))
        };
        found.map(|found| found.and_then(slot)).collect()
    }

    fn load_shard(&self, shard: ShardId) -> Result<Option<Snapshot>> {
        snapshot::load(&self.entries.disk, Kind::Shard, &keys::shard(shard))
    }

    fn save_shard(&self, shard: ShardId, snapshot: &Snapshot) -> Result<()> {
        let _saving = self.saving();
        let (disk, mut stages) = (&self.entries.disk, Stages::default());
        snapshot::put(disk, Kind::Shard, &keys::shard(shard), snapshot, &mut stages)?;
        self.change("saving a shard", stages)
    }

    fn save_outcomes(&self, outcomes: &[(Position, Outcome)]) -> Result<()> {
        let _saving = self.saving();
        let last = self.last_outcome()?;
        let new = outcomes.partition_point(|outcome| Some(outcome.0) <= last);
        let mut changes = Changes::new();
        for (first, body) in chunk::outcomes(&outcomes[new..]) {
            let value = envelope::seal(Kind::Outcomes, &NO_HASH, &body);
            changes.insert((Place::Outcomes, keys::position(first).to_vec()), Some(value));
        }
        self.entries.change("saving outcomes", vec![changes])
    }

    fn outcomes_after(&self, after: Position, limit: usize) -> Result<Vec<(Position, Outcome)>> {
        let key = keys::position(after).to_vec();
        // The piece that begins at or before `after` may hold what comes after it.
        let start = match self.entries(Place::Outcomes, ..=key.clone()).next_back() {
            Some(found) => found?.0.to_vec(),
            None => key,
        };
        let mut outcomes = Vec::new();
        for found in self.entries(Place::Outcomes, start..) {
            let (key, value) = found?;
            let chunk = read_outcomes(&key, &value)?;
            outcomes.extend(chunk.into_iter().filter(|outcome| outcome.0 > after));
            if outcomes.len() >= limit.max(1) {
                break;
            }
        }
        Ok(outcomes)
    }

    fn last_outcome(&self) -> Result<Option<Position>> {
        let Some(found) = self.entries(Place::Outcomes, ..).next_back() else {
            return Ok(None);
        };
        let (key, value) = found?;
        let chunk = read_outcomes(&key, &value)?;
        Ok(chunk.last().map(|outcome| outcome.0))
    }

    fn outcomes_dropped_to(&self) -> Result<Position> {
        let read = |body: &[u8]| codec::decode(body).map_err(|what| what.to_string());
        if let Some(mark) = self.get(Place::Marks, Kind::Meta, DROPPED, read)? {
            return Ok(mark);
        }
        let meta = &self.entries.disk.trees.meta;
        let found = meta.get(DROPPED).map_err(disk::error("reading a mark", DROPPED_PLACE))?;
        let Some(value) = found else { return Ok(Position::default()) };
        let (_, body) =
            envelope::open(Kind::Meta, &value).map_err(|what| damaged(DROPPED_PLACE, what))?;
        codec::decode(body).map_err(|what| damaged(DROPPED_PLACE, what))
    }

    fn drop_outcomes_before(&self, millis: i64, limit: usize) -> Result<usize> {
        let _saving = self.saving();
        let mut changes = Changes::new();
        let mut dropped_to = Position::default();
        let mut pieces = self.entries(Place::Outcomes, ..).peekable();
        while let Some(found) = pieces.next() {
            let (key, value) = found?;
            let is_last = pieces.peek().is_none();
            let chunk = read_outcomes(&key, &value)?;
            let is_old = chunk.iter().all(|(_, outcome)| outcome.at.millis() < millis);
            if is_last || !is_old || changes.len() >= limit {
                break;
            }
            changes.insert((Place::Outcomes, key.to_vec()), None);
            dropped_to = chunk.last().map_or(dropped_to, |(position, _)| *position);
        }
        drop(pieces);
        let count = changes.len();
        if count > 0 {
            // Before anything goes: a reader may be told too early that it missed something, but
            // never too late.
            let value = envelope::seal(Kind::Meta, &NO_HASH, &codec::encode(&dropped_to));
            let mark = Changes::from([((Place::Marks, DROPPED.to_vec()), Some(value))]);
            self.entries.change("dropping outcomes", vec![mark, changes])?;
        }
        Ok(count)
    }

    fn entities(&self, visit: &mut dyn FnMut(EntityId, Snapshot) -> Result<()>) -> Result<()> {
        let place = Place::Snapshots;
        for found in self.entries(place, ..vec![keys::SHARD]) {
            let (key, value) = found?;
            let entity = parse_entity(place, &key)?;
            visit(entity, snapshot::read(&self.entries.disk, Kind::Snapshot, &key, value)?)?;
        }
        Ok(())
    }

    fn entities_of(
        &self,
        kind: id::Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        let (start, end) = keys::after(kind, after);
        let range = (Bound::Excluded(start), Bound::Excluded(end));
        let found = self.entries(Place::Snapshots, range).take(limit);
        found.map(|found| parse_entity(Place::Snapshots, &found?.0)).collect()
    }

    fn waiting(&self, visit: &mut dyn FnMut(EntityId, Waits) -> Result<()>) -> Result<()> {
        waits::waiting(&self.entries.disk, visit)
    }

    fn waiting_of(
        &self,
        kind: id::Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        waits::waiting_of(&self.entries.disk, kind, after, limit)
    }

    fn answer_waiters(&self) -> Result<Vec<EntityId>> {
        waits::answer_waiters(&self.entries.disk)
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<&(i64, EntityId)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        waits::timers(&self.entries.disk, shard, after, until, limit)
    }

    fn first_timer(&self, shard: ShardId, after: i64) -> Result<Option<i64>> {
        waits::first_timer(&self.entries.disk, shard, after)
    }

    fn agenda(
        &self,
        kind: id::Kind,
        after: Option<(i64, &str)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        waits::agenda(&self.entries.disk, kind, after, until, limit)
    }

    fn due(&self, visit: &mut dyn FnMut(Due) -> Result<()>) -> Result<()> {
        waits::due(&self.entries.disk, visit)
    }

    fn size_bytes(&self) -> Result<u64> {
        let database = &self.entries.disk.database;
        database.size().map_err(disk::error("measuring the size", "the database file"))
    }
}
