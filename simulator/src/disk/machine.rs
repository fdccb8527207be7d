//! What a simulated machine has on disk, what it wrote and did not sync, and how it fails.
//!
//! The trees are as they are read now, with a list of how to take back each change that was not
//! synced, the last one first. So a write is one change of a map, a sync empties the list, and a
//! crash takes back as many as chance says. The witness's slots keep their newest versions, each of
//! which a crash may leave.
//!
//! Invariants: taking back all changes gives what was synced; an operation that fails changes
//! nothing; a handle from before a crash finds another `boot` and does nothing.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::{Failure, Temper};
use crate::chance::Chance;

/// Bytes as they stand in a tree.
pub(super) type Bytes = Arc<[u8]>;

/// The kernel writes a dirty page within a while, so older versions of a slot are gone.
const VERSIONS_MAX: usize = 16;

/// The store, or the copy of it that is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// The store.
    Store,
    /// The copy.
    Copy,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It writes.
    Write,
    /// It makes durable.
    Sync,
}

/// A named tree.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub(super) name: &'static str,
    pub(super) map: BTreeMap<Bytes, Bytes>,
}

/// How to take back a change: the tree, the key, and what stood there.
#[derive(Clone, Debug)]
struct Undo {
    tree: usize,
    key: Bytes,
    old: Option<Bytes>,
}

/// A slot of the witness.
#[derive(Clone, Default, Debug)]
struct Slot {
    synced: Option<Vec<u8>>,
    since: VecDeque<Vec<u8>>,
}

impl Slot {
    fn newest(&self) -> Option<&Vec<u8>> {
        self.since.back().or(self.synced.as_ref())
    }
}

/// The witness's file.
#[derive(Clone, Default, Debug)]
struct Witness {
    slots: BTreeMap<u64, Slot>,
    /// Where the last write was.
    last: Option<u64>,
    is_synced: bool,
}

/// The files of a store.
#[derive(Clone, Default, Debug)]
pub(super) struct Files {
    pub(super) trees: Vec<Entries>,
    unsynced: Vec<Undo>,
    witness: Option<Witness>,
    bytes: u64,
    /// Whether there is a database at all.
    is_made: bool,
    /// Whether the files are durable in their directory.
    is_named: bool,
}

impl Files {
    /// Sets or removes a value; returns what was there.
    fn put(&mut self, tree: usize, key: &Bytes, value: Option<Bytes>) -> Option<Bytes> {
        let map = &mut self.trees[tree].map;
        let size = |value: &Bytes| (key.len() + value.len()) as u64;
        self.bytes += value.as_ref().map_or(0, size);
        let old = match value {
            Some(value) => map.insert(Arc::clone(key), value),
            None => map.remove(key),
        };
        self.bytes -= old.as_ref().map_or(0, size);
        old
    }

    /// As [`Files::put`], to be taken back by a crash.
    pub(super) fn change(
        &mut self,
        tree: usize,
        key: &[u8],
        value: Option<Bytes>,
    ) -> Option<Bytes> {
        let key = Bytes::from(key);
        let old = self.put(tree, &key, value);
        self.unsynced.push(Undo { tree, key, old: old.clone() });
        old
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Opens the database.
    pub(super) fn make(&mut self) {
        self.is_made = true;
    }

    pub(super) fn tree(&mut self, name: &'static str) -> usize {
        if let Some(index) = self.trees.iter().position(|tree| tree.name == name) {
            return index;
        }
        self.trees.push(Entries { name, map: BTreeMap::new() });
        self.trees.len() - 1
    }

    pub(super) fn has_witness(&self) -> bool {
        self.witness.is_some()
    }

    pub(super) fn make_witness(&mut self) {
        self.witness = Some(Witness::default());
    }

    pub(super) fn name(&mut self) {
        self.is_named = true;
    }

    pub(super) fn read_slot(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let slot = self.witness.as_ref().and_then(|witness| witness.slots.get(&at));
        match slot.and_then(Slot::newest) {
            Some(found) if found.len() == bytes.len() => bytes.copy_from_slice(found),
            Some(_) | None => return Err(ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    pub(super) fn write_slot(&mut self, bytes: &[u8], at: u64) {
        let witness = self.witness.get_or_insert_default();
        let slot = witness.slots.entry(at).or_default();
        if slot.since.len() == VERSIONS_MAX {
            slot.since.pop_front();
        }
        slot.since.push_back(bytes.to_vec());
        witness.last = Some(at);
    }

    pub(super) fn sync_witness(&mut self) {
        let Some(witness) = &mut self.witness else { return };
        witness.is_synced = true;
        for slot in witness.slots.values_mut() {
            if let Some(newest) = slot.since.pop_back() {
                *slot = Slot { synced: Some(newest), since: VecDeque::new() };
            }
        }
    }

    /// Leaves what a crash leaves.
    fn crash(&mut self, temper: Temper, chance: &mut Chance) {
        let kept = match chance.below(4) {
            0 => 0,
            1 => self.unsynced.len() as u64,
            _ => chance.below(self.unsynced.len() as u64 + 1),
        };
        while self.unsynced.len() as u64 > kept {
            let Undo { tree, key, old } = self.unsynced.pop().expect("there are more than kept");
            self.put(tree, &key, old);
        }
        self.unsynced.clear();
        let may_vanish = temper == Temper::Harsh && !self.is_named;
        if may_vanish && chance.below(2) == 0 {
            (self.trees, self.bytes, self.is_made) = (Vec::new(), 0, false);
        }
        let is_lost = |witness: &Witness| may_vanish || !(witness.is_synced || self.is_named);
        if self.witness.as_ref().is_some_and(is_lost) && chance.below(2) == 0 {
            self.witness = None;
        }
        self.is_named = true;
        if let Some(witness) = &mut self.witness {
            witness.crash(temper, chance);
        }
    }
}

impl Witness {
    /// Half of the time the kernel had written everything, as it does when only the process ends.
    fn crash(&mut self, temper: Temper, chance: &mut Chance) {
        let is_written = chance.below(2) == 0;
        let last = self.last.take();
        for (at, slot) in &mut self.slots {
            let mut versions = Vec::from(std::mem::take(&mut slot.since));
            let kept = match chance.below(versions.len() as u64 + 1) {
                _ if is_written => versions.len(),
                kept => usize::try_from(kept).expect("few versions"),
            };
            let newest = versions.pop();
            let is_torn = temper == Temper::Harsh && last == Some(*at) && chance.below(4) == 0;
            let older = versions.into_iter().chain(newest.clone()).take(kept).last();
            let older = older.or(slot.synced.take());
            slot.synced = match (older, newest) {
                (Some(older), Some(newest)) if is_torn => {
                    let cut = usize::try_from(chance.below(newest.len() as u64)).expect("short");
                    Some([&newest[..cut], &older[cut..]].concat())
                }
                (older, _) => older,
            };
        }
        self.is_synced = true;
    }
}

/// A machine with a disk.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) store: Files,
    pub(super) copy: Option<Files>,
    pub(super) operations: u64,
    pub(super) failure: Option<(u64, Failure)>,
    /// Whether a failure has struck since the machine was started.
    pub(super) has_failed: bool,
    pub(super) is_locked: bool,
    /// How often it was started.
    pub(super) boot: u64,
    is_off: bool,
    temper: Temper,
}

impl Machine {
    pub(super) fn new(temper: Temper) -> Self {
        Self {
            store: Files::default(),
            copy: None,
            operations: 0,
            failure: None,
            has_failed: false,
            is_locked: false,
            boot: 0,
            is_off: false,
            temper,
        }
    }

    /// The files of a part, for one who came with a boot of the machine.
    pub(super) fn files(&mut self, part: Part, boot: u64) -> io::Result<&mut Files> {
        if self.is_off || boot != self.boot {
            return Err(io::Error::other("the machine is off"));
        }
        match part {
            Part::Store => Ok(&mut self.store),
            Part::Copy => self.copy.as_mut().ok_or_else(|| ErrorKind::NotFound.into()),
        }
    }

    /// Counts an operation and lets it fail, if it should. Otherwise the files it works on.
    pub(super) fn step(&mut self, part: Part, boot: u64, step: Step) -> io::Result<&mut Files> {
        self.files(part, boot)?;
        self.operations += 1;
        if let Some((at, failure)) = self.failure
            && self.operations >= at
        {
            self.has_failed = true;
            match (failure, step) {
                (Failure::End, Step::Write | Step::Sync) => self.is_off = true,
                (Failure::Sync, Step::Sync) => {
                    self.failure = None;
                    return Err(io::Error::other("the disk did not take what was synced"));
                }
                (Failure::Full, Step::Write) => return Err(ErrorKind::StorageFull.into()),
                (Failure::Sync, Step::Write) | (Failure::Full, Step::Sync) => {}
            }
        }
        self.files(part, boot)
    }

    /// Copies the store, when it is there and not larger than a limit.
    pub(super) fn make_copy(&mut self, limit_bytes: u64) -> bool {
        let is_made = self.store.is_made && self.store.bytes <= limit_bytes;
        self.copy = is_made.then(|| Files { unsynced: Vec::new(), ..self.store.clone() });
        is_made
    }

    pub(super) fn crash(&mut self, chance: &mut Chance) {
        self.store.crash(self.temper, chance);
        (self.is_off, self.is_locked, self.failure) = (false, false, None);
        self.has_failed = false;
        self.boot += 1;
    }

    pub(super) fn flip(&mut self, chance: &mut Chance) -> String {
        let slots = self.store.witness.iter_mut().flat_map(|witness| &mut witness.slots);
        let slots = slots.flat_map(|(at, slot)| {
            let values = slot.synced.iter_mut().chain(&mut slot.since);
            values.map(move |value| (format!("the witness at {at}"), value))
        });
        let mut slots: Vec<_> = slots.collect();
        let entries: u64 = self.store.trees.iter().map(|tree| tree.map.len() as u64).sum();
        let whole = entries + slots.len() as u64;
        if whole == 0 {
            return "nothing: the disk is empty".to_owned();
        }
        let chosen = chance.below(whole);
        let (place, bytes) = if let Some(slot) = chosen.checked_sub(entries) {
            let (place, value) = &mut slots[usize::try_from(slot).expect("few slots")];
            (place.clone(), value.as_mut_slice())
        } else {
            let (tree, key) = self.store.nth(chosen);
            let entries = &mut self.store.trees[tree];
            let value = entries.map.get_mut(&key).expect("found just now");
            (place(entries.name, &key), Arc::make_mut(value))
        };
        let bit = chance.below(bytes.len() as u64 * 8);
        let byte = usize::try_from(bit / 8).expect("within the value");
        bytes[byte] ^= 1 << (bit % 8);
        format!("{place}: bit {} of byte {byte}", bit % 8)
    }

    pub(super) fn lose(&mut self, chance: &mut Chance) -> String {
        let entries: u64 = self.store.trees.iter().map(|tree| tree.map.len() as u64).sum();
        if entries == 0 {
            return "nothing: the disk is empty".to_owned();
        }
        let (tree, key) = self.store.nth(chance.below(entries));
        self.store.put(tree, &key, None);
        place(self.store.trees[tree].name, &key)
    }
}

impl Files {
    /// The tree and key of the n-th entry.
    fn nth(&self, number: u64) -> (usize, Bytes) {
        let all = self.trees.iter().enumerate();
        let mut all =
            all.flat_map(|(tree, entries)| entries.map.keys().map(move |key| (tree, key)));
        let number = usize::try_from(number).expect("it is in memory");
        let (tree, key) = all.nth(number).expect("below the number of entries");
        (tree, Arc::clone(key))
    }
}

fn place(tree: &str, key: &[u8]) -> String {
    format!("tree {tree}, key {}", key.escape_ascii())
}
