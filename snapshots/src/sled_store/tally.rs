//! The tally: a running sum over everything in the archive, so that nothing can vanish unseen.
//!
//! The journal has its chain of hashes; the archive is not a chain. But sled drops pages without a
//! word when a byte of its log is damaged (`tests/damage.rs` shows it), and then an entity's last
//! save, or the whole entity, is just not there. So each entry (tree, key, value) has a weight, its
//! XXH3-128, and the tally holds the number of entries and the sum of their weights. Reading all
//! entries and summing again ([`Tallied::verify`]) must come to the same.
//!
//! A save first writes what it is about to change (the intent: key, weight before, weight after),
//! then the changes, then the new tally. sled recovers a prefix of what was written, so after a
//! crash the intent says which changes may be half done; each entry must be as before or as after,
//! and the sum is made good from that.
//!
//! Invariants: an entry is changed only under an intent; the tally's number of saves is at least
//! what the witness saw.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use xxhash_rust::xxh3::Xxh3;

use super::disk::{self, Disk, damaged};
use super::{keys, waits};
use crate::codec;
use crate::envelope::{self, EnvelopeError, Kind, NO_HASH};
use crate::port::{BytesOf, Home, Tree, TreeOf};
use crate::store::Result;
use crate::witness::Seen;

const KEY: &[u8] = b"tally";
const INTENT: &[u8] = b"intent";
/// An intent is written in pieces of about this many bytes.
const INTENT_SIZE: usize = 64 * 1024;
/// No change in an intent is larger: two weights, and a key with an id of 96.
const CHANGE_SIZE_MAX: usize = 160;
/// A large save syncs after this many bytes, so that sled never reuses space whose new copy is not
/// durable yet (it reuses space in whole segments of 16 MiB).
const UNSYNCED_SIZE_MAX: usize = 256 * 1024;

/// A tree of the archive. The numbers are on disk, in weights and intents: only appended to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    Snapshots = 0,
    History = 1,
    Keys = 2,
    Outcomes = 3,
    Waits = 4,
    Pieces = 5,
    Due = 6,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Snapshots,
        Self::History,
        Self::Keys,
        Self::Outcomes,
        Self::Waits,
        Self::Pieces,
        Self::Due,
    ];

    pub(super) fn tree<H: Home>(self, disk: &Disk<H>) -> &TreeOf<H> {
        match self {
            Self::Snapshots => &disk.trees.snapshots,
            Self::History => &disk.trees.history,
            Self::Keys => &disk.trees.keys,
            Self::Outcomes => &disk.trees.outcomes,
            Self::Waits => &disk.trees.waits,
            Self::Pieces => &disk.trees.pieces,
            Self::Due => &disk.trees.due,
        }
    }

    /// Whether a value is whole, and one that may stand under a key of this tree.
    fn check(self, key: &[u8], value: &[u8]) -> std::result::Result<(), EnvelopeError> {
        match envelope::open(self.kind(key), value) {
            Err(EnvelopeError::Kind { found, .. })
                if self == Self::Snapshots && found == Kind::Pieces as u8 =>
            {
                envelope::open(Kind::Pieces, value).map(drop)
            }
            opened => opened.map(drop),
        }
    }

    /// What stands under a key of this tree; a snapshot may be in pieces instead.
    fn kind(self, key: &[u8]) -> Kind {
        match self {
            Self::Snapshots if key.first() == Some(&keys::SHARD) => Kind::Shard,
            Self::Snapshots => Kind::Snapshot,
            Self::History => Kind::History,
            Self::Keys => Kind::Index,
            Self::Outcomes => Kind::Outcomes,
            Self::Waits => Kind::Wait,
            Self::Pieces => Kind::Piece,
            Self::Due => Kind::Due,
        }
    }

    /// Where an entry stands, for people.
    pub(super) fn name(self, key: &[u8]) -> String {
        let tree = match self {
            Self::Snapshots => "snapshots",
            Self::History => "history",
            Self::Keys => "keys",
            Self::Outcomes => "outcomes",
            Self::Waits => "waits",
            Self::Pieces => "pieces",
            Self::Due => "due",
        };
        format!("tree {tree}, key {}", key.escape_ascii())
    }
}

/// Changes of a save: the new value of each key, or `None` to remove it.
pub(super) type Changes = BTreeMap<(Place, Vec<u8>), Option<Vec<u8>>>;

/// Key, weight before, weight after.
type Intent = (u8, Vec<u8>, u128, u128);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tally {
    saves: u64,
    entries: u64,
    sum: u128,
}

impl Tally {
    /// An entry goes from one weight to another; 0 stands for no entry.
    fn change(&mut self, before: u128, after: u128) {
        self.sum = self.sum.wrapping_sub(before).wrapping_add(after);
        self.entries = self.entries + u64::from(after != 0) - u64::from(before != 0);
    }

    fn write<H: Home>(self, disk: &Disk<H>) -> Result<()> {
        let body = codec::encode(&(self.saves, self.entries, self.sum));
        let value = envelope::seal(Kind::Meta, &NO_HASH, &body);
        disk::insert(&disk.trees.meta, "writing the tally", KEY, value).map(drop)
    }

    fn read<H: Home>(disk: &Disk<H>) -> Result<Self> {
        let place = "tree meta, key tally";
        let value = disk.trees.meta.get(KEY).map_err(disk::error("reading the tally", place))?;
        let value = value.ok_or_else(|| damaged(place, "the tally is missing"))?;
        let (_, body) = envelope::open(Kind::Meta, &value).map_err(|what| damaged(place, what))?;
        let (saves, entries, sum) = codec::decode(body).map_err(|what| damaged(place, what))?;
        Ok(Self { saves, entries, sum })
    }
}

fn weight(place: Place, key: &[u8], value: &[u8]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&[place as u8]);
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update(value);
    hash.digest128().max(1)
}

fn weight_of(place: Place, key: &[u8], value: Option<&[u8]>) -> u128 {
    value.map_or(0, |value| weight(place, key, value))
}

/// Writes the tally of a new store; not synced.
pub(super) fn create<H: Home>(disk: &Disk<H>) -> Result<()> {
    Tally { saves: 0, entries: 0, sum: 0 }.write(disk)
}

/// The archive's entries with their tally. All changes go through it, one save at a time.
#[derive(Debug)]
pub(super) struct Tallied<H: Home> {
    tally: Mutex<Tally>,
    pub(super) disk: Arc<Disk<H>>,
}

impl<H: Home> Tallied<H> {
    /// Reads the tally and finishes what a crash left of a save. A save that the witness saw was
    /// finished, so its tally must be here, not only its intent.
    pub(super) fn open(disk: Arc<Disk<H>>, seen: Seen) -> Result<Self> {
        let mut tally = Tally::read(&disk)?;
        if tally.saves < seen.saves {
            let what = format!(
                "{} saves are missing: the witness saw save {}, the archive ends with {}",
                seen.saves - tally.saves,
                seen.saves,
                tally.saves
            );
            return Err(damaged("the archive", what));
        }
        let mut is_behind = false;
        let (mut keys, mut due) = (Vec::new(), Vec::new());
        for found in disk.trees.meta.scan_prefix(INTENT) {
            let (key, value) = found.map_err(disk::error("reading intents", "tree meta"))?;
            let place = format!("tree meta, key {}", key.escape_ascii());
            let number = key[INTENT.len()..].first_chunk().copied().map(u64::from_be_bytes);
            match number {
                Some(number) if number <= tally.saves => {}
                Some(number) if number == tally.saves + 1 => {
                    let (_, body) = envelope::open(Kind::Meta, &value)
                        .map_err(|what| damaged(place.as_str(), what))?;
                    let intents: Vec<Intent> =
                        codec::decode(body).map_err(|what| damaged(place.as_str(), what))?;
                    for intent in intents {
                        settle(&disk, &mut tally, &place, &intent)?;
                        due.extend((intent.0 == Place::Due as u8).then_some(intent.1));
                    }
                    is_behind = true;
                }
                Some(_) | None => {
                    let what = format!("it does not follow save {}", tally.saves);
                    return Err(damaged(place, what));
                }
            }
            keys.push(key);
        }
        remove_stale(&disk, &mut tally, &due)?;
        if is_behind {
            tally.saves += 1;
            tally.write(&disk)?;
        }
        remove_intents(&disk, keys.iter().map(|key| &**key))?;
        Ok(Self { tally: Mutex::new(tally), disk })
    }

    /// How many saves were finished.
    pub(super) fn saves(&self) -> u64 {
        self.lock().saves
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().expect("a panic while saving stops the process")
    }

    /// Makes changes, in stages: each is durable before the next one begins, the last one when
    /// this returns.
    pub(super) fn change(&self, doing: &'static str, stages: Vec<Changes>) -> Result<()> {
        let mut tally = self.lock();
        let disk = &*self.disk;
        disk.writing(doing, || {
            let mut after = Tally { saves: tally.saves + 1, ..*tally };
            let mut intents = Vec::new();
            let mut work = Vec::new();
            for stage in stages {
                let (changes, meant) = intend(disk, doing, &mut after, stage)?;
                intents.extend(meant);
                if !changes.is_empty() {
                    work.push(changes);
                }
            }
            if intents.is_empty() {
                return Ok(());
            }
            let keys = write_intents(disk, after.saves, &intents)?;
            let last = work.len() - 1;
            for (index, changes) in work.into_iter().enumerate() {
                write(disk, doing, changes)?;
                if index < last {
                    disk.sync(doing)?;
                }
            }
            after.write(disk)?;
            remove_intents(disk, keys.iter().map(Vec::as_slice))?;
            disk.sync(doing)?;
            *tally = after;
            disk.witness().saw_save(after.saves)
        })
    }

    /// Reads every entry: each must be whole, and all must come to the tally. Saves wait meanwhile.
    pub(super) fn verify(&self) -> Result<u64> {
        let tally = self.lock();
        let mut found = Tally { saves: tally.saves, entries: 0, sum: 0 };
        for place in Place::ALL {
            for entry in place.tree(&self.disk).range(..) {
                let name = || place.name(b"(any)");
                let (key, value) = entry.map_err(|e| disk::error("verifying", &name())(e))?;
                place.check(&key, &value).map_err(|what| damaged(place.name(&key), what))?;
                found.change(0, weight(place, &key, &value));
            }
        }
        if found == *tally {
            return Ok(found.entries);
        }
        let what = format!(
            "it has {} entries that sum to {:032x}; as saved, they are {} with the sum {:032x}. \
             Entries were lost or have gone back to an older state",
            found.entries, found.sum, tally.entries, tally.sum
        );
        let trees = "trees snapshots, history, keys, outcomes, waits, pieces, due";
        Err(damaged(format!("the archive ({trees})"), what))
    }
}

/// Brings the tally up to what a crash left of one intended change.
fn settle<H: Home>(disk: &Disk<H>, tally: &mut Tally, at: &str, intent: &Intent) -> Result<()> {
    let (number, key, before, after) = intent;
    let place = Place::ALL.into_iter().find(|place| *place as u8 == *number);
    let place = place.ok_or_else(|| damaged(at, format!("there is no tree {number}")))?;
    let value = get(disk, "finishing a save", place, key)?;
    match weight_of(place, key, value.as_deref()) {
        found if found == *before => Ok(()),
        found if found == *after => {
            tally.change(*before, *after);
            Ok(())
        }
        _ => Err(damaged(
            place.name(key),
            "a save was interrupted here, and the entry is neither as before nor as after it",
        )),
    }
}

/// Removes those of the entries of the index that the save was to change which the rest of it, as
/// it is now, does not bear out. An entry is there or not and has no other value, so each is as
/// before or as after the save also when this is cut off and done again.
fn remove_stale<H: Home>(disk: &Disk<H>, tally: &mut Tally, due: &[Vec<u8>]) -> Result<()> {
    let (doing, place) = ("finishing a save", Place::Due);
    for key in due {
        let Some(value) = get(disk, doing, place, key)? else { continue };
        if waits::is_stale(disk, key)? {
            let tree = place.tree(disk);
            tree.remove(key).map_err(|error| disk::error_at(doing, tree, key)(error))?;
            tally.change(weight(place, key, &value), 0);
        }
    }
    Ok(())
}

/// One entry as it is.
pub(super) fn get<H: Home>(
    disk: &Disk<H>,
    doing: &'static str,
    place: Place,
    key: &[u8],
) -> Result<Option<BytesOf<H>>> {
    let tree = place.tree(disk);
    tree.get(key).map_err(|error| disk::error_at(doing, tree, key)(error))
}

/// Works out what a stage changes; leaves out what is there already.
fn intend<H: Home>(
    disk: &Disk<H>,
    doing: &'static str,
    tally: &mut Tally,
    stage: Changes,
) -> Result<(Changes, Vec<Intent>)> {
    let mut changes = Changes::new();
    let mut intents = Vec::new();
    for ((place, key), value) in stage {
        let old = get(disk, doing, place, &key)?;
        if is_there_already(place, old.as_deref(), value.as_deref()) {
            continue;
        }
        let before = weight_of(place, &key, old.as_deref());
        let after = weight_of(place, &key, value.as_deref());
        tally.change(before, after);
        intents.push((place as u8, key.clone(), before, after));
        changes.insert((place, key), value);
    }
    Ok((changes, intents))
}

/// Whether a change would bring nothing. A chunk of history only grows: when fewer records are
/// saved again, those behind them stay.
fn is_there_already(place: Place, old: Option<&[u8]>, new: Option<&[u8]>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) if place == Place::History => {
            let bodies = old.get(envelope::HEADER_LENGTH..).zip(new.get(envelope::HEADER_LENGTH..));
            bodies.is_some_and(|(old, new)| old.starts_with(new))
        }
        (old, new) => old == new,
    }
}

/// Writes an intent in pieces; not synced, because sled keeps the order of writes.
fn write_intents<H: Home>(disk: &Disk<H>, number: u64, intents: &[Intent]) -> Result<Vec<Vec<u8>>> {
    let per_piece = INTENT_SIZE / CHANGE_SIZE_MAX;
    let mut keys = Vec::new();
    for (piece, intents) in intents.chunks(per_piece).enumerate() {
        let mut key = INTENT.to_vec();
        key.extend_from_slice(&number.to_be_bytes());
        key.extend_from_slice(&(piece as u64).to_be_bytes());
        let body = codec::encode(&intents.to_vec());
        let value = envelope::seal(Kind::Meta, &NO_HASH, &body);
        disk::insert(&disk.trees.meta, "writing an intent", &key, value)?;
        keys.push(key);
    }
    Ok(keys)
}

fn remove_intents<H: Home, K: Deref<Target = [u8]>>(
    disk: &Disk<H>,
    keys: impl Iterator<Item = K>,
) -> Result<()> {
    for key in keys {
        let (meta, key) = (&disk.trees.meta, &*key);
        meta.remove(key).map_err(|error| disk::error_at("removing an intent", meta, key)(error))?;
    }
    Ok(())
}

/// Writes changes; the last of them are not synced. What is new in the index goes first: what bears
/// it out stands in a tree before it, and a crash between them would leave one that waits without
/// its entry, while an entry that is not borne out goes with the next open.
fn write<H: Home>(disk: &Disk<H>, doing: &'static str, changes: Changes) -> Result<()> {
    let mut unsynced = 0;
    let is_new_in_index = |((place, _), value): &((Place, Vec<u8>), Option<Vec<u8>>)| {
        *place == Place::Due && value.is_some()
    };
    let (index, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_new_in_index);
    for ((place, key), value) in index.into_iter().chain(others) {
        let tree = place.tree(disk);
        if let Some(value) = value {
            unsynced += key.len() + value.len();
            disk::insert(tree, doing, &key, value)?;
        } else {
            tree.remove(&key).map_err(|error| disk::error_at(doing, tree, &key)(error))?;
        }
        if unsynced > UNSYNCED_SIZE_MAX {
            disk.sync(doing)?;
            unsynced = 0;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
