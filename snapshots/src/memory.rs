//! The store in memory, for tests and simulation: the same contract, with faults on demand.
//!
//! A [`MemoryStore`] is the disk; opening it gives a journal and an archive, as with sled. It holds
//! what is durable and nothing else. So a crash ([`MemoryStore::crash`]) only makes the open halves
//! useless, and opening it again finds exactly what was confirmed, plus what a failing call had got
//! done: a [`Fault`] says which call fails and how many of its writes survive it.
//!
//! It is written apart from sled's form, as plain maps, so that the contract suite compares two
//! answers; only the division into commits is shared, because it shows in what `append` returns.
//!
//! Invariants: after an error from a writing call every call that writes fails until the store is
//! opened again; at most one pair of halves is open.

mod archive;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bursar_domain::id::{EntityId, Position, Seq, ShardId};
use bursar_domain::message::Outcome;

use crate::group;
use crate::store::{
    Claim, IndexKind, Journal, Read, Result, Slice, Snapshot, StoreError, Waits, Written,
};

/// A call that fails, as when the disk does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which call, counted from 1 and from when the fault was set.
    pub call: u64,
    /// How many of the call's writes are found again all the same: commits of an append; of a save
    /// each entity's history and index entries, then what entities wait for, then each
    /// one's snapshot and that it waits no longer; outcomes; nothing or all of a trim.
    pub keeps: usize,
}

/// Which calls fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Of `append`.
    pub append: Option<Fault>,
    /// Of `save`, `save_shard` and `save_outcomes` together.
    pub save: Option<Fault>,
    /// Of `trim`.
    pub trim: Option<Fault>,
}

/// One shard's part of the journal.
#[derive(Clone, Debug)]
struct Shard {
    next: Seq,
    keep: Seq,
    epoch: u64,
    books: Option<Snapshot>,
}

/// What survives.
#[derive(Debug)]
struct Disk {
    commits: BTreeMap<u64, Vec<(ShardId, Seq, Vec<u8>)>>,
    last_commit: u64,
    shards: Vec<Shard>,
    snapshots: BTreeMap<EntityId, Snapshot>,
    history: BTreeMap<(EntityId, Seq), Vec<u8>>,
    index: BTreeMap<(EntityId, IndexKind, u128), u64>,
    waits: BTreeMap<EntityId, Waits>,
    outcomes: BTreeMap<Position, Outcome>,
    dropped_to: Position,
    faults: Faults,
    is_finished: bool,
    opened: Weak<()>,
}

/// One write to the archive.
enum Put {
    History(EntityId, Seq, Vec<u8>),
    Index(EntityId, IndexKind, u128, u64),
    Snapshot(EntityId, Snapshot),
    /// With the position that the snapshot beside it covers.
    Waits(EntityId, Seq, Waits),
    Books(ShardId, Snapshot),
    Outcome(Position, Outcome),
}

/// The disk of a simulated machine. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Mutex<Disk>>);

/// The journal of an open [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryJournal(Half);

/// The archive of an open [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryArchive(Half);

/// What both halves hold: the disk, and the proof that they are the ones that have it open.
#[derive(Debug)]
struct Half {
    disk: Arc<Mutex<Disk>>,
    opened: Arc<()>,
}

impl MemoryStore {
    /// An empty disk for a number of shards.
    pub fn new(shards: u16) -> Self {
        let shard = Shard { next: Seq(1), keep: Seq(1), epoch: 0, books: None };
        Self(Arc::new(Mutex::new(Disk {
            commits: BTreeMap::new(),
            last_commit: 0,
            shards: vec![shard; usize::from(shards)],
            snapshots: BTreeMap::new(),
            history: BTreeMap::new(),
            index: BTreeMap::new(),
            waits: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            dropped_to: Position::default(),
            faults: Faults::default(),
            is_finished: false,
            opened: Weak::new(),
        })))
    }

    /// Opens the store, unless it is open.
    pub fn open(&self) -> Result<(MemoryJournal, Arc<MemoryArchive>)> {
        let mut disk = locked(&self.0);
        if disk.opened.strong_count() > 0 {
            return Err(StoreError::InUse { path: PathBuf::from("(memory)") });
        }
        let opened = Arc::new(());
        disk.opened = Arc::downgrade(&opened);
        disk.is_finished = false;
        let half = || Half { disk: Arc::clone(&self.0), opened: Arc::clone(&opened) };
        Ok((MemoryJournal(half()), Arc::new(MemoryArchive(half()))))
    }

    /// The machine loses power: the open halves are of no use any more, and the store can be
    /// opened again.
    pub fn crash(&self) {
        let mut disk = locked(&self.0);
        disk.opened = Weak::new();
        disk.faults = Faults::default();
    }

    /// Says which calls from now on fail.
    pub fn set_faults(&self, faults: Faults) {
        locked(&self.0).faults = faults;
    }
}

fn locked(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    // A failed assertion about a caller leaves nothing half done here.
    disk.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Half {
    /// The disk, if it is still ours.
    fn disk(&self, doing: &'static str) -> Result<MutexGuard<'_, Disk>> {
        let disk = locked(&self.disk);
        if disk.opened.upgrade().is_some_and(|opened| Arc::ptr_eq(&opened, &self.opened)) {
            Ok(disk)
        } else {
            Err(StoreError::Database { doing, what: "the machine crashed".to_owned() })
        }
    }

    /// Runs something that writes. An error finishes the store.
    fn writing<T>(
        &self,
        doing: &'static str,
        write: impl FnOnce(&mut Disk) -> Result<T>,
    ) -> Result<T> {
        let mut disk = self.disk(doing)?;
        if disk.is_finished {
            let what = "an earlier write failed, so the store is finished until it is opened again";
            return Err(StoreError::Database { doing, what: what.to_owned() });
        }
        let result = write(&mut disk);
        disk.is_finished = result.is_err();
        result
    }
}

/// Counts a call. When it is the one to fail: how many of its writes survive.
fn strikes(fault: &mut Option<Fault>) -> Option<usize> {
    let counted = fault.as_mut()?;
    counted.call = counted.call.saturating_sub(1);
    let keeps = (counted.call == 0).then_some(counted.keeps)?;
    *fault = None;
    Some(keeps)
}

fn failure(doing: &'static str) -> StoreError {
    StoreError::Io { doing, source: std::io::Error::other("a fault of the simulation") }
}

impl Disk {
    fn shard(&mut self, shard: ShardId) -> &mut Shard {
        let count = self.shards.len();
        let state = self.shards.get_mut(usize::from(shard.0));
        state.unwrap_or_else(|| panic!("{shard:?} of {count} shards"))
    }

    fn check(&self, slices: &[Slice]) -> Result<()> {
        let mut shards = self.shards.clone();
        for slice in slices {
            let shard = slice.shard;
            let state = &mut shards[usize::from(shard.0)];
            assert!(state.epoch > 0, "{shard:?} was never claimed");
            if slice.epoch != state.epoch {
                let ours = slice.epoch;
                assert!(ours < state.epoch, "{shard:?}: epoch {ours} was never given");
                return Err(StoreError::Fenced { shard, epoch: state.epoch, ours });
            }
            assert_eq!(slice.first, state.next, "{shard:?}: records must follow one another");
            state.next = slice.next();
        }
        Ok(())
    }

    fn append(&mut self, slices: &[Slice]) -> Result<Vec<Written>> {
        self.check(slices)?;
        let struck = strikes(&mut self.faults.append);
        let mut written = Vec::new();
        for (index, parts) in group::plan(slices).iter().enumerate() {
            if struck.is_some_and(|keeps| index >= keeps) {
                break;
            }
            self.last_commit += 1;
            written.extend(group::written(self.last_commit, parts));
            let mut records = Vec::new();
            for part in parts {
                let (shard, first) = (part.slice.shard, part.slice.first.0);
                for record in part.records.clone() {
                    let seq = Seq(first + record as u64);
                    records.push((shard, seq, part.slice.record(record).to_vec()));
                    self.shard(shard).next = seq.next();
                }
            }
            self.commits.insert(self.last_commit, records);
        }
        if struck.is_some() { Err(failure("appending to the journal")) } else { Ok(written) }
    }

    fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        let struck = strikes(&mut self.faults.trim);
        if struck != Some(0) {
            for (shard, seq) in keep_from {
                let state = self.shard(*shard);
                let next = state.next;
                assert!(
                    *seq <= next,
                    "{shard:?} cannot be kept from {seq}: the next one is {next}"
                );
                state.keep = state.keep.max(*seq);
            }
            while let Some(entry) = self.commits.first_entry() {
                let mut records = entry.get().iter();
                if records.any(|(shard, seq, _)| *seq >= self.shards[usize::from(shard.0)].keep) {
                    break;
                }
                entry.remove();
            }
        }
        if struck.is_some() { Err(failure("trimming the journal")) } else { Ok(()) }
    }

    fn put_all(&mut self, doing: &'static str, puts: Vec<Put>) -> Result<()> {
        let struck = strikes(&mut self.faults.save);
        for put in puts.into_iter().take(struck.unwrap_or(usize::MAX)) {
            self.put(put);
        }
        if struck.is_some() { Err(failure(doing)) } else { Ok(()) }
    }

    fn has_later(&self, entity: &EntityId, covers: Seq) -> bool {
        self.snapshots.get(entity).is_some_and(|saved| saved.covers > covers)
    }

    fn put(&mut self, put: Put) {
        match put {
            Put::History(entity, seq, bytes) => drop(self.history.insert((entity, seq), bytes)),
            Put::Index(entity, kind, slot, number) => {
                self.index.insert((entity, kind, slot), number);
            }
            Put::Snapshot(entity, snapshot) => {
                if !self.has_later(&entity, snapshot.covers) {
                    self.snapshots.insert(entity, snapshot);
                }
            }
            Put::Waits(entity, covers, waits) => {
                if !self.has_later(&entity, covers) {
                    if waits == Waits::NO {
                        self.waits.remove(&entity);
                    } else {
                        self.waits.insert(entity, waits);
                    }
                }
            }
            Put::Books(shard, snapshot) => {
                let books = &mut self.shard(shard).books;
                if books.as_ref().is_none_or(|saved| saved.covers <= snapshot.covers) {
                    *books = Some(snapshot);
                }
            }
            Put::Outcome(position, outcome) => drop(self.outcomes.insert(position, outcome)),
        }
    }
}

impl Journal for MemoryJournal {
    fn claim(&mut self, shards: &[ShardId]) -> Result<Vec<Claim>> {
        self.0.writing("claiming shards", |disk| {
            let mut claims = Vec::with_capacity(shards.len());
            for shard in shards {
                let state = disk.shard(*shard);
                state.epoch += 1;
                claims.push(Claim { shard: *shard, epoch: state.epoch, next: state.next });
            }
            if !claims.is_empty() {
                disk.last_commit += 1;
            }
            Ok(claims)
        })
    }

    fn append(&mut self, slices: &[Slice]) -> Result<Vec<Written>> {
        self.0.writing("appending to the journal", |disk| disk.append(slices))
    }

    fn read(&self, visit: &mut dyn FnMut(Read<'_>) -> Result<()>) -> Result<()> {
        // Copied, so that the visitor may use the store.
        let (commits, keep) = {
            let disk = self.0.disk("reading the journal")?;
            let keep: Vec<_> = disk.shards.iter().map(|shard| shard.keep).collect();
            (disk.commits.clone(), keep)
        };
        for (commit, records) in &commits {
            for (shard, seq, bytes) in records {
                if *seq >= keep[usize::from(shard.0)] {
                    visit(Read { commit: *commit, shard: *shard, seq: *seq, bytes })?;
                }
            }
        }
        Ok(())
    }

    fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        self.0.writing("trimming the journal", |disk| disk.trim(keep_from))
    }
}
