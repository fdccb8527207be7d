//! The store on a simulated disk, ended at every operation of the disk.
//!
//! Each test does the same random work again and again: first without a fault, to count the disk's
//! operations, then with the process ended at the first of them, at the second, and so on. After each
//! end the machine keeps of what was not synced what chance says, and the store is opened again, also
//! with the opening itself cut off. Then everything must be there that was acknowledged: records,
//! claims, states, histories, index entries, waits, outcomes; what was not, whole or not at all.
//! Disks that fill up or fail to sync end calls with errors, and lose as little.
//!
//! `CRASH_SEEDS=1000` tries more sequences of work.

mod common;

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_simulator::chance::Chance;
use bursar_simulator::disk::{Failure, SimDisk, Temper};
use bursar_snapshots::sled_store::{DiskArchive, DiskJournal, Options};
use bursar_snapshots::store::{
    Archive, Awaited, Due, IndexKind, Journal, Result, Saved, Snapshot, StoreError, Waits,
};
use common::{entity, options, outcome, records, saved, shards, slice};

/// How many calls one sequence of work has.
const CALLS: u64 = 9;

/// Damage here may be harmless.
const HARMLESS: [&str; 4] = [
    // Known: nothing says that this mark was ever there.
    "tree meta, key dropped",
    "tree journal",
    "the witness",
    "tree meta, key due",
];

fn seeds(few: u64) -> std::ops::Range<u64> {
    0..std::env::var("CRASH_SEEDS").map_or(few, |seeds| seeds.parse().expect("a number"))
}

/// What was acknowledged of an entity.
#[derive(Clone, Default, Debug)]
struct Known {
    covers: u64,
    waits: Waits,
    /// A save was cut off: what it waits for may be newer than its state, and its entries in the
    /// index may not be there yet. The journal has what the state lacks.
    is_behind: bool,
}

/// What must be there, and what may be.
#[derive(Clone, Debug)]
struct Model {
    /// By shard: the position after the last acknowledged record, and after the last tried one.
    acknowledged: Vec<u64>,
    tried: Vec<u64>,
    /// By shard: the first position needed.
    keep: Vec<u64>,
    epochs: Vec<u64>,
    entities: BTreeMap<EntityId, Known>,
    /// As the save that failed would have left them.
    perhaps: BTreeMap<EntityId, Known>,
    /// The last acknowledged outcome, and the last that was tried.
    outcomes: (u64, u64),
    /// Outcomes before this one may be dropped.
    dropped_before: u64,
    books: u64,
}

impl Model {
    fn new() -> Self {
        let count = usize::from(common::SHARDS);
        Self {
            acknowledged: vec![1; count],
            tried: vec![1; count],
            keep: vec![1; count],
            epochs: vec![0; count],
            entities: BTreeMap::new(),
            perhaps: BTreeMap::new(),
            outcomes: (0, 0),
            dropped_before: 1,
            books: 0,
        }
    }
}

/// A store at work.
struct Run {
    disk: SimDisk,
    open: Option<(DiskJournal<SimDisk>, std::sync::Arc<DiskArchive<SimDisk>>)>,
    model: Model,
    options: Options,
}

fn sagas() -> Vec<EntityId> {
    (0..4).map(|n| entity(Kind::Saga, &format!("s{n}"))).collect()
}

impl Run {
    fn new(temper: Temper, options: Options) -> Self {
        Self { disk: SimDisk::of(temper), open: None, model: Model::new(), options }
    }

    /// Opens and claims.
    fn open(&mut self) -> Result<()> {
        self.open = None;
        let (mut journal, archive) = self.disk.open_halves(&self.options)?;
        let claims = journal.claim(&shards())?;
        for (shard, claim) in claims.iter().enumerate() {
            let Model { epochs, acknowledged, tried, .. } = &mut self.model;
            assert!(claim.epoch > epochs[shard], "an epoch was given twice");
            let next = claim.next.0;
            let range = acknowledged[shard]..=tried[shard];
            assert!(range.contains(&next), "shard {shard} goes on at {next}, of {range:?}");
            (epochs[shard], acknowledged[shard], tried[shard]) = (claim.epoch, next, next);
        }
        self.open = Some((journal, archive));
        Ok(())
    }

    /// Some work, the same for the same chance.
    fn work(&mut self, chance: &mut Chance) -> Result<()> {
        for call in 0..CALLS {
            let mut chance = chance.split_at(call);
            match chance.weighted(&[6, 3, 5, 3, 1, 1, 1]) {
                0 => self.append(&mut chance)?,
                1 => self.trim(&mut chance)?,
                2 => self.save(&mut chance)?,
                3 => self.outcomes(&mut chance)?,
                4 => self.books()?,
                5 => self.drop_outcomes()?,
                _ => self.open()?,
            }
        }
        Ok(())
    }

    fn append(&mut self, chance: &mut Chance) -> Result<()> {
        let (journal, _) = self.open.as_mut().expect("open");
        let model = &mut self.model;
        // Now and then more than one group.
        let size = *chance.pick(&[0, 10, 10, 100, 100, 100, 100, 100, 100, 50_000]);
        let mut slices = Vec::new();
        for shard in 0..common::SHARDS {
            let at = usize::from(shard);
            let (count, first) = (chance.below(4), model.acknowledged[at]);
            let records = records(shard, first, count, size);
            slices.push(slice(shard, model.epochs[at], first, &records));
            model.tried[at] = first + count;
        }
        journal.append(&slices)?;
        model.acknowledged.clone_from(&model.tried);
        Ok(())
    }

    fn trim(&mut self, chance: &mut Chance) -> Result<()> {
        let (journal, _) = self.open.as_mut().expect("open");
        let model = &mut self.model;
        for (keep, next) in model.keep.iter_mut().zip(&model.acknowledged) {
            *keep = (*keep).max(next.saturating_sub(chance.below(4)).max(1));
        }
        let keep = shards().into_iter().zip(model.keep.iter().map(|keep| Seq(*keep)));
        journal.trim(&keep.collect::<Vec<_>>())
    }

    fn save(&mut self, chance: &mut Chance) -> Result<()> {
        let (_, archive) = self.open.as_ref().expect("open");
        let model = &mut self.model;
        let mut all = Vec::new();
        model.perhaps.clear();
        for entity in sagas() {
            let known = model.entities.get(&entity).cloned().unwrap_or_default();
            if chance.below(2) == 0 {
                continue;
            }
            let covers = known.covers + 1 + chance.below(3);
            let waits = match chance.below(4) {
                0 => Waits::NO,
                1 => Waits::ANSWER,
                2 => Waits::until(chance.between(1, 5)),
                _ => Waits::until(chance.between(1, 5)).listed(chance.between(-2, 2)),
            };
            let seqs: Vec<_> = (known.covers + 1..=covers).collect();
            all.push(Saved {
                snapshot: state(covers),
                waits: Some(waits),
                ..saved(&entity, &seqs, 20)
            });
            let is_behind = false;
            model.perhaps.insert(entity, Known { covers, waits, is_behind });
        }
        archive.save(&all)?;
        model.entities.append(&mut model.perhaps);
        Ok(())
    }

    fn outcomes(&mut self, chance: &mut Chance) -> Result<()> {
        let (_, archive) = self.open.as_ref().expect("open");
        let outcomes = &mut self.model.outcomes;
        let all: Vec<_> =
            (outcomes.0 + 1..=outcomes.0 + 1 + chance.below(5)).map(|n| outcome(n, 0)).collect();
        outcomes.1 = all.last().map_or(outcomes.1, |last| last.0.commit);
        archive.save_outcomes(&all)?;
        outcomes.0 = outcomes.1;
        Ok(())
    }

    fn drop_outcomes(&mut self) -> Result<()> {
        let (_, archive) = self.open.as_ref().expect("open");
        let before = self.model.outcomes.0.saturating_sub(1).max(1);
        self.model.dropped_before = before;
        let millis = outcome(before, 0).1.at.millis();
        archive.drop_outcomes_before(millis, 10).map(drop)
    }

    fn books(&mut self) -> Result<()> {
        let (_, archive) = self.open.as_ref().expect("open");
        let next = self.model.books + 1;
        archive.save_shard(ShardId(1), &Snapshot { covers: Seq(next), state: vec![7; 20] })?;
        self.model.books = next;
        Ok(())
    }

    /// Opens once more, and compares everything.
    fn check(&mut self) -> Result<()> {
        self.open()?;
        let (journal, archive) = self.open.as_ref().expect("open");
        let model = &mut self.model;
        let mut next = model.keep.clone();
        journal.read(&mut |read| {
            let shard = usize::from(read.shard.0);
            let expected = records(read.shard.0, read.seq.0, 1, read.bytes.len()).remove(0);
            assert_eq!(read.bytes, expected, "{:?} {}", read.shard, read.seq);
            if read.seq.0 >= next[shard] {
                assert_eq!(read.seq.0, next[shard], "{:?} has a gap", read.shard);
                next[shard] += 1;
            }
            Ok(())
        })?;
        assert_eq!(next, model.acknowledged, "as many as the claims said");
        archive.verify()?;
        for entity in sagas() {
            settle(&**archive, &entity, model)?;
        }
        let last = archive.last_outcome()?.map_or(0, |last| last.commit);
        assert!((model.outcomes.0..=model.outcomes.1).contains(&last), "outcomes: {last}");
        let all = archive.outcomes_after(Position::default(), 1_000)?;
        let first = all.first().map_or(1, |first| first.0.commit);
        assert!(all.iter().map(|o| o.0.commit).eq(first..=last), "outcomes in order");
        let dropped = archive.outcomes_dropped_to()?.commit;
        assert!(first <= dropped + 1 && dropped < model.dropped_before, "{first}, {dropped}");
        model.outcomes = (last, last);
        let books = archive.load_shard(ShardId(1))?.map_or(0, |books| books.covers.0);
        assert!((model.books..=model.books + 1).contains(&books), "the books");
        model.books = books;
        Ok(())
    }
}

/// A state that is in pieces now and then.
fn state(covers: u64) -> Snapshot {
    let size = if covers.is_multiple_of(9) { 140_000 } else { 30 };
    Snapshot { covers: Seq(covers), state: vec![u8::try_from(covers % 251).expect("small"); size] }
}

/// What is there of an entity must be what was acknowledged or what was tried; it is known now.
fn settle(archive: &DiskArchive<SimDisk>, entity: &EntityId, model: &mut Model) -> Result<()> {
    let known = model.entities.get(entity).cloned().unwrap_or_default();
    let perhaps = model.perhaps.remove(entity).unwrap_or_else(|| known.clone());
    let snapshot = archive.load(entity)?;
    let covers = snapshot.as_ref().map_or(0, |snapshot| snapshot.covers.0);
    assert!([known.covers, perhaps.covers].contains(&covers), "{entity}: {covers}");
    assert_eq!(snapshot.unwrap_or(state(0)).state, state(covers).state, "{entity}");
    for seq in 1..=covers {
        let slot = u128::from(seq) << 64;
        assert!(archive.record(entity, Seq(seq))?.is_some(), "{entity}: record {seq}");
        assert_eq!(archive.index(entity, IndexKind::Key, slot)?, Some(seq), "{entity}");
    }
    let waits = common::waiting(archive)?.into_iter().find(|wait| wait.0 == *entity);
    let waits = waits.map_or(Waits::NO, |wait| wait.1);
    let is_behind = known.is_behind || covers < perhaps.covers;
    // A wait may be told too long, but is never lost.
    let is_either = is_behind || perhaps.waits == Waits::NO;
    let may_wait = if is_either { [known.waits, perhaps.waits] } else { [perhaps.waits; 2] };
    assert!(may_wait.contains(&waits), "{entity}: {waits:?} of {may_wait:?}");
    let mut listed = 0;
    archive.due(&mut |due| {
        let (Due::Timer { entity: of, .. } | Due::Listed { entity: of, .. } | Due::Answer(of)) =
            due;
        listed += usize::from(of == *entity);
        Ok(())
    })?;
    let all = usize::from(waits.awaits != Awaited::Nothing) + usize::from(waits.listed.is_some());
    assert!(listed == all || is_behind && listed < all, "{entity}: {listed} of {waits:?}");
    model.entities.insert(entity.clone(), Known { covers, waits, is_behind });
    Ok(())
}

/// Does the work with a failure at an operation; returns how many there were and how it went.
fn run(seed: u64, temper: Temper, at: Option<(u64, Failure)>) -> (Run, Result<()>) {
    let scrub_limit_bytes = if seed.is_multiple_of(2) { u64::MAX } else { 0 };
    let mut run = Run::new(temper, Options { scrub_limit_bytes, ..options() });
    if let Some((at, failure)) = at {
        run.disk.fail_at(at, failure);
    }
    let done = run.open().and_then(|()| run.work(&mut Chance::new(seed)));
    (run, done)
}

#[test]
fn a_process_ended_at_any_operation_loses_nothing_acknowledged() {
    for seed in seeds(2) {
        let (whole, done) = run(seed, Temper::Harsh, None);
        done.expect("nothing fails");
        for at in 1..=whole.disk.operations() {
            let (mut run, done) = run(seed, Temper::Harsh, Some((at, Failure::End)));
            assert!(done.is_err(), "seed {seed} at {at}: it was to end");
            let mut chance = Chance::new(seed).split_at(at);
            run.disk.crash(&mut chance);
            // The opening after it ends as well, somewhere, now and then.
            for _ in 0..chance.below(3) {
                run.disk.fail_at(run.disk.operations() + 1 + chance.below(12), Failure::End);
                drop(run.open());
                drop(run.open.take());
                run.disk.crash(&mut chance);
            }
            run.check().unwrap_or_else(|error| panic!("seed {seed} at {at}: {error}"));
            run.work(&mut chance).expect("it goes on");
            run.check().expect("and is whole");
        }
    }
}

#[test]
fn a_disk_that_fails_once_or_fills_up_ends_the_store_and_loses_nothing() {
    for seed in seeds(2) {
        let (whole, done) = run(seed, Temper::Mild, None);
        done.expect("nothing fails");
        for at in 1..=whole.disk.operations() {
            for failure in [Failure::Sync, Failure::Full] {
                let (mut run, done) = run(seed, Temper::Mild, Some((at, failure)));
                if let Err(error) = &done {
                    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
                    if let Some((journal, archive)) = &mut run.open {
                        let refused = archive.save(&[]).is_err() || journal.append(&[]).is_err();
                        assert!(refused, "the store is finished");
                    }
                }
                // The process stops; the machine goes on, or not.
                drop(run.open.take());
                run.disk.repair();
                if at.is_multiple_of(2) {
                    run.disk.crash(&mut Chance::new(at));
                }
                run.check().unwrap_or_else(|error| panic!("seed {seed} at {at}: {error}"));
            }
        }
    }
}

#[test]
fn a_flipped_bit_or_a_lost_entry_is_found_when_the_store_is_opened() {
    for seed in seeds(150) {
        let (mut run, done) = run(seed & !1, Temper::Mild, None);
        done.expect("nothing fails");
        run.open = None;
        let mut chance = Chance::new(seed).split("damage");
        let what =
            if seed % 3 == 0 { run.disk.lose(&mut chance) } else { run.disk.flip(&mut chance) };
        match run.check() {
            Err(StoreError::Damaged { .. }) => {}
            // Groups before the mark are not needed, one slot of the witness is enough, and the index
            // is made again.
            Ok(()) if HARMLESS.iter().any(|place| what.starts_with(place)) => {}
            other => panic!("seed {seed}, {what}: {other:?}"),
        }
    }
}
