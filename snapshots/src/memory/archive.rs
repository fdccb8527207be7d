//! The archive of the store in memory: plain maps, read as they are.
//!
//! A save is a list of writes, in the order in which a disk would make them durable, so that a
//! fault can cut it after any of them. There is no index of those that wait: it is made anew from what
//! they wait for, with every question.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, MutexGuard};

use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::message::Outcome;
use bursar_domain::planted::{self, Bug};

use super::{Disk, MemoryArchive, Put};
use crate::store::{Archive, Awaited, Due, IndexKind, Result, Saved, Snapshot, VisitRecord, Waits};

impl MemoryArchive {
    fn disk(&self) -> Result<MutexGuard<'_, Disk>> {
        self.0.disk("reading the archive")
    }
}

impl Disk {
    /// The instants for which entities of a shard wait.
    fn timers(&self, shard: ShardId) -> BTreeSet<(i64, EntityId)> {
        let timer = |due: Due| match due {
            Due::Timer { shard: of, at, entity } => (of == shard).then_some((at, entity)),
            Due::Listed { .. } | Due::Answer(_) => None,
        };
        self.due().into_iter().filter_map(timer).collect()
    }

    /// All that those that wait have in the index: timers, agendas, answers.
    fn due(&self) -> Vec<Due> {
        let shards = u16::try_from(self.shards.len()).expect("the number came as a u16");
        let (mut timers, mut listed, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (entity, waits) in &self.waits {
            let (shard, of) = (entity.shard(shards), || entity.clone());
            match waits.awaits {
                Awaited::Nothing => {}
                Awaited::Answer => answers.push(Due::Answer(of())),
                Awaited::Instant(at) => timers.push(Due::Timer { shard, at, entity: of() }),
            }
            listed.extend(waits.listed.map(|number| Due::Listed { number, entity: of() }));
        }
        timers.sort();
        let by_kind = |due: &Due| match due {
            Due::Listed { entity, .. } => (Some(entity.kind), due.clone()),
            Due::Timer { .. } | Due::Answer(_) => (None, due.clone()),
        };
        listed.sort_by_key(by_kind);
        [timers, listed, answers].concat()
    }
}

impl Archive for MemoryArchive {
    fn load(&self, entity: &EntityId) -> Result<Option<Snapshot>> {
        Ok(self.disk()?.snapshots.get(entity).cloned())
    }

    fn save(&self, entities: &[Saved]) -> Result<()> {
        let (mut puts, mut snapshots) = (Vec::new(), Vec::new());
        // Of an entity that is there twice, the newest state counts.
        let mut newest: BTreeMap<&EntityId, &Saved> = BTreeMap::new();
        for saved in entities {
            let entity = || saved.entity.clone();
            let mut last = Seq(0);
            for (seq, bytes) in &saved.records {
                assert!(*seq > last, "history at {seq} after {last}");
                last = *seq;
                puts.push(Put::History(entity(), *seq, bytes.get().to_vec()));
            }
            for (kind, slot, number) in &saved.index {
                puts.push(Put::Index(entity(), *kind, *slot, *number));
            }
            let newest = newest.entry(&saved.entity).or_insert(saved);
            if newest.snapshot.covers <= saved.snapshot.covers {
                *newest = saved;
            }
        }
        for (entity, Saved { snapshot, waits, .. }) in newest {
            snapshots.push(Put::Snapshot(entity.clone(), snapshot.clone()));
            let put = |waits| Put::Waits(entity.clone(), snapshot.covers, waits);
            match waits {
                Some(Waits::NO) => snapshots.push(put(Waits::NO)),
                Some(waits) => puts.push(put(*waits)),
                None => {}
            }
        }
        if planted::is(Bug::SnapshotBeforeHistory) {
            std::mem::swap(&mut puts, &mut snapshots);
        }
        puts.append(&mut snapshots);
        self.0.writing("saving entities", |disk| disk.put_all("saving entities", puts))
    }

    fn record(&self, entity: &EntityId, seq: Seq) -> Result<Option<Vec<u8>>> {
        Ok(self.disk()?.history.get(&(entity.clone(), seq)).cloned())
    }

    fn records_before(
        &self,
        entity: &EntityId,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        let disk = self.disk()?;
        let range = (entity.clone(), Seq(0))..(entity.clone(), before);
        let newest = disk.history.range(range).rev().take(limit);
        Ok(newest.map(|((_, seq), bytes)| (*seq, bytes.clone())).collect())
    }

    fn records_after(
        &self,
        entity: &EntityId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>> {
        let disk = self.disk()?;
        let range = (Excluded((entity.clone(), after)), Included((entity.clone(), Seq(u64::MAX))));
        let oldest = disk.history.range(range);
        Ok(oldest.take(limit).map(|((_, seq), bytes)| (*seq, bytes.clone())).collect())
    }

    fn histories(
        &self,
        kind: Kind,
        after: Option<(&EntityId, Seq)>,
        size: usize,
        visit: &mut VisitRecord<'_>,
    ) -> Result<()> {
        let disk = self.disk()?;
        // No entity has an empty id.
        let first = (EntityId { kind, id: Arc::from("") }, Seq(0));
        let after = after.map_or(first, |(entity, seq)| (entity.clone(), seq));
        let mut given = 0;
        for ((entity, seq), bytes) in disk.history.range((Excluded(after), Unbounded)) {
            if given >= size || entity.kind != kind {
                break;
            }
            given += bytes.len();
            visit(entity, *seq, bytes)?;
        }
        Ok(())
    }

    fn index(&self, entity: &EntityId, kind: IndexKind, slot: u128) -> Result<Option<u64>> {
        Ok(self.disk()?.index.get(&(entity.clone(), kind, slot)).copied())
    }

    fn index_slots(
        &self,
        entity: &EntityId,
        kind: IndexKind,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<u128>> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        let disk = self.disk()?;
        let range = (entity.clone(), kind, from)..=(entity.clone(), kind, u128::MAX);
        Ok(disk.index.range(range).map(|((_, _, slot), _)| *slot).take(limit).collect())
    }

    fn load_shard(&self, shard: ShardId) -> Result<Option<Snapshot>> {
        Ok(self.disk()?.shard(shard).books.clone())
    }

    fn save_shard(&self, shard: ShardId, snapshot: &Snapshot) -> Result<()> {
        let puts = vec![Put::Books(shard, snapshot.clone())];
        self.0.writing("saving a shard", |disk| disk.put_all("saving a shard", puts))
    }

    fn save_outcomes(&self, outcomes: &[(Position, Outcome)]) -> Result<()> {
        let last = self.last_outcome()?;
        assert!(outcomes.is_sorted_by(|a, b| a.0 < b.0), "outcomes must ascend");
        let new = outcomes.iter().filter(|outcome| Some(outcome.0) > last).cloned();
        let puts = new.map(|(position, outcome)| Put::Outcome(position, outcome)).collect();
        self.0.writing("saving outcomes", |disk| disk.put_all("saving outcomes", puts))
    }

    fn outcomes_after(&self, after: Position, limit: usize) -> Result<Vec<(Position, Outcome)>> {
        let disk = self.disk()?;
        let later = disk.outcomes.range((Excluded(after), Unbounded)).take(limit.max(1));
        Ok(later.map(|(position, outcome)| (*position, outcome.clone())).collect())
    }

    fn last_outcome(&self) -> Result<Option<Position>> {
        Ok(self.disk()?.outcomes.last_key_value().map(|(position, _)| *position))
    }

    fn outcomes_dropped_to(&self) -> Result<Position> {
        Ok(self.disk()?.dropped_to)
    }

    fn drop_outcomes_before(&self, millis: i64, limit: usize) -> Result<usize> {
        self.0.writing("dropping outcomes", |disk| {
            let mut count = 0;
            while count < limit && disk.outcomes.len() > 1 {
                let first = disk.outcomes.first_entry().expect("there are more than one");
                if first.get().at.millis() >= millis {
                    break;
                }
                let (position, _) = first.remove_entry();
                disk.dropped_to = position;
                count += 1;
            }
            Ok(count)
        })
    }

    fn entities(&self, visit: &mut dyn FnMut(EntityId, Snapshot) -> Result<()>) -> Result<()> {
        // Copied, so that the visitor may use the store.
        let snapshots = self.disk()?.snapshots.clone();
        snapshots.into_iter().try_for_each(|(entity, snapshot)| visit(entity, snapshot))
    }

    fn entities_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>> {
        let disk = self.disk()?;
        // No entity has an empty id.
        let after = EntityId { kind, id: Arc::from(after.unwrap_or_default()) };
        let later = disk.snapshots.range((Excluded(after), Unbounded)).map(|(entity, _)| entity);
        Ok(later.take_while(|entity| entity.kind == kind).take(limit).cloned().collect())
    }

    fn waiting(&self, visit: &mut dyn FnMut(EntityId, Waits) -> Result<()>) -> Result<()> {
        // Copied, so that the visitor may use the store.
        let waits = self.disk()?.waits.clone();
        waits.into_iter().try_for_each(|(entity, waits)| visit(entity, waits))
    }

    fn waiting_of(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<EntityId>> {
        let disk = self.disk()?;
        let after = EntityId { kind, id: Arc::from(after.unwrap_or_default()) };
        let later = disk.waits.range((Excluded(after), Unbounded)).map(|(entity, _)| entity);
        Ok(later.take_while(|entity| entity.kind == kind).take(limit).cloned().collect())
    }

    fn answer_waiters(&self) -> Result<Vec<EntityId>> {
        let disk = self.disk()?;
        let waiters = disk.waits.iter().filter(|(_, waits)| waits.awaits == Awaited::Answer);
        Ok(waiters.map(|(entity, _)| entity.clone()).collect())
    }

    fn timers(
        &self,
        shard: ShardId,
        after: Option<&(i64, EntityId)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        let disk = self.disk()?;
        let timers = disk.timers(shard).into_iter().filter(|timer| timer.0 <= until);
        Ok(timers.filter(|timer| Some(timer) > after).take(limit).collect())
    }

    fn first_timer(&self, shard: ShardId, after: i64) -> Result<Option<i64>> {
        Ok(self.disk()?.timers(shard).into_iter().map(|timer| timer.0).find(|at| *at > after))
    }

    fn agenda(
        &self,
        kind: Kind,
        after: Option<(i64, &str)>,
        until: i64,
        limit: usize,
    ) -> Result<Vec<(i64, EntityId)>> {
        let disk = self.disk()?;
        let of_kind = disk.waits.iter().filter(|(entity, _)| entity.kind == kind);
        let listed = of_kind.filter_map(|(entity, waits)| Some((waits.listed?, entity.clone())));
        let listed: BTreeSet<_> = listed.filter(|(number, _)| *number <= until).collect();
        let later =
            listed.into_iter().filter(|(number, entity)| Some((*number, &*entity.id)) > after);
        Ok(later.take(limit).collect())
    }

    fn due(&self, visit: &mut dyn FnMut(Due) -> Result<()>) -> Result<()> {
        // Copied, so that the visitor may use the store.
        let all = self.disk()?.due();
        all.into_iter().try_for_each(visit)
    }

    fn size_bytes(&self) -> Result<u64> {
        let disk = self.disk()?;
        let journal = disk.commits.values().flatten().map(|record| record.2.len());
        let history = disk.history.values().map(Vec::len);
        let snapshots = disk.snapshots.values().map(|snapshot| snapshot.state.len());
        let waits = disk.waits.keys().map(|entity| entity.id.len() + size_of::<i64>());
        Ok(journal.chain(history).chain(snapshots).chain(waits).sum::<usize>() as u64)
    }
}
