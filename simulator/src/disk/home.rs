//! The simulated machine as a home of the store: the traits of `bursar_snapshots::port`.
//!
//! Handles are thin: which machine, which part of it, under which boot. Each call locks the machine,
//! counts itself when it writes or syncs, and does its work. Reading a range goes from key to key, so
//! it sees what changes beside it, as sled's does. Reading is no operation: it changes nothing, so a
//! process may as well end at the next write.
//!
//! Invariant: no call holds the machine when it returns.

use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use bursar_snapshots::port::{Answer, Database, Failure, Found, Home, Slots, Tree};
use bursar_snapshots::store::{Result, StoreError};

use super::SimDisk;
use super::machine::{Bytes, Files, Machine, Part, Step};

/// The way to one part of a machine, since it was started.
#[derive(Clone, Debug)]
struct Handle {
    machine: Arc<Mutex<Machine>>,
    part: Part,
    boot: u64,
}

/// The open trees.
#[derive(Debug)]
pub struct SimDatabase(Handle);

/// The witness's open file.
#[derive(Debug)]
pub struct SimSlots(Handle);

/// A tree.
#[derive(Debug)]
pub struct SimTree {
    handle: Handle,
    name: &'static str,
    index: usize,
}

/// The lock of the store.
#[derive(Debug)]
pub struct Lock(Handle);

impl Handle {
    fn new(disk: &SimDisk) -> Self {
        let boot = disk.lock().boot;
        Self { machine: Arc::clone(&disk.machine), part: disk.part, boot }
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().expect("nobody panics while holding the machine")
    }

    fn read<T>(&self, read: impl FnOnce(&mut Files) -> T) -> io::Result<T> {
        self.lock().files(self.part, self.boot).map(read)
    }

    fn step<T>(&self, step: Step, work: impl FnOnce(&mut Files) -> T) -> io::Result<T> {
        self.lock().step(self.part, self.boot, step).map(work)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut machine = self.0.lock();
        if machine.boot == self.0.boot {
            machine.is_locked = false;
        }
    }
}

/// Reads a tree from both ends, key by key.
struct Range<'t> {
    tree: &'t SimTree,
    low: Bound<Bytes>,
    high: Bound<Bytes>,
    has_failed: bool,
}

impl<'t> Range<'t> {
    fn new(tree: &'t SimTree, low: Bound<Bytes>, high: Bound<Bytes>) -> Self {
        Self { tree, low, high, has_failed: false }
    }

    fn is_over(&self) -> bool {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high))
            | (Bound::Excluded(low), Bound::Included(high)) => low >= high,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        }
    }

    fn step(&self, end: End) -> io::Result<Option<(Bytes, Bytes)>> {
        if self.has_failed || self.is_over() {
            return Ok(None);
        }
        self.tree.handle.read(|files| {
            let map = &files.trees[self.tree.index].map;
            let mut range = map.range::<Bytes, _>((self.low.as_ref(), self.high.as_ref()));
            let found = match end {
                End::Low => range.next(),
                End::High => range.next_back(),
            };
            found.map(|(key, value)| (Arc::clone(key), Arc::clone(value)))
        })
    }
}

#[derive(Clone, Copy)]
enum End {
    Low,
    High,
}

impl Iterator for Range<'_> {
    type Item = Found<Bytes>;

    fn next(&mut self) -> Option<Found<Bytes>> {
        let found = self.step(End::Low).transpose()?;
        match &found {
            Ok((key, _)) => self.low = Bound::Excluded(Arc::clone(key)),
            Err(_) => self.has_failed = true,
        }
        Some(found.map_err(Failure::from))
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Found<Bytes>> {
        let found = self.step(End::High).transpose()?;
        match &found {
            Ok((key, _)) => self.high = Bound::Excluded(Arc::clone(key)),
            Err(_) => self.has_failed = true,
        }
        Some(found.map_err(Failure::from))
    }
}

impl Tree for SimTree {
    type Bytes = Bytes;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn get(&self, key: &[u8]) -> Answer<Option<Bytes>> {
        Ok(self.handle.read(|files| files.trees[self.index].map.get(key).cloned())?)
    }

    fn contains_key(&self, key: &[u8]) -> Answer<bool> {
        Ok(self.handle.read(|files| files.trees[self.index].map.contains_key(key))?)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> Answer<Option<Bytes>> {
        let insert = |files: &mut Files| files.change(self.index, key, Some(value.into()));
        Ok(self.handle.step(Step::Write, insert)?)
    }

    fn remove(&self, key: &[u8]) -> Answer<()> {
        let remove = |files: &mut Files| drop(files.change(self.index, key, None));
        Ok(self.handle.step(Step::Write, remove)?)
    }

    fn range(
        &self,
        range: impl RangeBounds<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = Found<Bytes>> {
        let bound = |bound: Bound<&Vec<u8>>| bound.map(|key| Bytes::from(key.as_slice()));
        Range::new(self, bound(range.start_bound()), bound(range.end_bound()))
    }

    fn scan_prefix(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = Found<Bytes>> {
        // The first key after all that begin so: the prefix with its last byte below 255 raised.
        let last = prefix.iter().rposition(|byte| *byte < u8::MAX);
        let high = last.map_or(Bound::Unbounded, |last| {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            Bound::Excluded(end.into())
        });
        Range::new(self, Bound::Included(prefix.into()), high)
    }
}

impl Database for SimDatabase {
    type Tree = SimTree;

    fn tree(&self, name: &'static str) -> Answer<SimTree> {
        let index = self.0.read(|files| files.tree(name))?;
        Ok(SimTree { handle: self.0.clone(), name, index })
    }

    fn sync(&self) -> Answer<()> {
        Ok(self.0.step(Step::Sync, Files::sync)?)
    }

    fn length(&self) -> io::Result<u64> {
        self.0.read(|files| files.bytes())
    }

    fn size(&self) -> Answer<u64> {
        Ok(self.length()?)
    }
}

impl Slots for SimSlots {
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read(|files| files.read_slot(bytes, at))?
    }

    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.step(Step::Write, |files| files.write_slot(bytes, at))
    }

    fn sync(&self) -> io::Result<()> {
        self.0.step(Step::Sync, Files::sync_witness)
    }
}

impl Home for SimDisk {
    type Lock = Lock;
    type Database = SimDatabase;
    type Slots = SimSlots;

    fn lock(&self) -> Result<Lock> {
        let handle = Handle::new(self);
        let mut machine = handle.lock();
        if std::mem::replace(&mut machine.is_locked, true) {
            return Err(StoreError::InUse { path: PathBuf::from("the simulated disk") });
        }
        drop(machine);
        Ok(Lock(handle))
    }

    fn database(&self, _cache_bytes: u64) -> Result<SimDatabase> {
        let handle = Handle::new(self);
        handle.step(Step::Write, Files::make).map_err(io("opening the database"))?;
        Ok(SimDatabase(handle))
    }

    fn witness(&self) -> Result<Option<SimSlots>> {
        let handle = Handle::new(self);
        let is_there = handle.read(|files| files.has_witness());
        Ok(is_there.map_err(io("opening the witness"))?.then_some(SimSlots(handle)))
    }

    fn make_witness(&self) -> Result<SimSlots> {
        let handle = Handle::new(self);
        handle.step(Step::Write, Files::make_witness).map_err(io("creating the witness"))?;
        Ok(SimSlots(handle))
    }

    fn sync_names(&self) -> Result<()> {
        Handle::new(self).step(Step::Sync, Files::name).map_err(io("syncing a directory"))
    }

    fn copy(&self, limit_bytes: u64) -> Result<Option<Self>> {
        let handle = Handle::new(self);
        let mut machine = handle.lock();
        match machine.step(self.part, handle.boot, Step::Write).map(drop) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(None),
            Err(error) => return Err(io("copying the database to check it")(error)),
        }
        let is_made = machine.make_copy(limit_bytes);
        drop(machine);
        Ok(is_made.then(|| Self { part: Part::Copy, ..self.clone() }))
    }

    fn remove_copy(&self) -> Result<()> {
        let handle = Handle::new(self);
        let mut machine = handle.lock();
        machine.copy = None;
        Ok(())
    }
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}
