//! The witness: a small file beside the database that says how far the store had come.
//!
//! sled cuts its log, without a word, at the first byte that is not what it wrote. The witness
//! makes that visible: it holds the number and hash of the last group of the journal, and how many
//! times the archive was saved, in two slots written in turn, so that a torn one leaves the other.
//!
//! ```text
//! slot 0 at byte 0, slot 1 at byte 4096; each 64 bytes:
//! 0 "BWIT" | 4 counter u64 | 12 group u64 | 20 hash of that group | 52 saves u64 | 60 CRC32C u32
//! ```
//! Invariants: a slot is written only after what it tells of is durable, so whatever slot survives
//! is a lower bound of what must be there. It is not synced with every commit (a killed process
//! keeps the page cache; a power cut may leave an older slot, which is still true), but always
//! before groups are removed and when the store is closed.

use std::io::ErrorKind;

use crate::envelope::{Hash, NO_HASH};
use crate::port::Slots;
use crate::store::{Result, StoreError};

const MAGIC: [u8; 4] = *b"BWIT";
const SLOT_LENGTH: usize = 64;
/// The slots stand in two pages, so that one torn write cannot reach both.
const SLOT_DISTANCE: u64 = 4096;

/// What must at least be in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The number of the last group; 0 before the first.
    pub group: u64,
    /// That group's hash.
    pub hash: Hash,
    /// How many saves the archive had finished.
    pub saves: u64,
}

/// What a fresh store has.
pub const NOTHING: Seen = Seen { group: 0, hash: NO_HASH, saves: 0 };

/// The open file.
#[derive(Debug)]
pub struct Witness<S> {
    file: S,
    counter: u64,
    seen: Seen,
    /// Whether only one slot could be read: the other is not to be relied on until it is synced.
    is_torn: bool,
}

/// What was found in place of the file.
#[derive(Debug)]
pub enum Found<S> {
    /// No file.
    Missing,
    /// A file without one readable slot.
    Unreadable,
    /// The witness.
    Readable(Witness<S>),
}

impl<S: Slots> Witness<S> {
    /// Fills an empty file for a store without anything in it, durable but for its directory entry.
    pub fn create(file: S) -> Result<Self> {
        let mut witness = Self { file, counter: 0, seen: NOTHING, is_torn: false };
        witness.write()?;
        witness.write()?;
        witness.sync()?;
        Ok(witness)
    }

    /// Reads the file, if there is one.
    pub fn open(file: Option<S>) -> Result<Found<S>> {
        let Some(file) = file else { return Ok(Found::Missing) };
        let mut newest: Option<(u64, Seen)> = None;
        let mut readable = 0;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_LENGTH];
            match file.read(&mut bytes, slot * SLOT_DISTANCE) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => continue,
                Err(error) => return Err(io("reading the witness")(error)),
            }
            let Some(found) = decode(&bytes) else { continue };
            readable += 1;
            if newest.is_none_or(|(counter, _)| counter < found.0) {
                newest = Some(found);
            }
        }
        Ok(match newest {
            Some((counter, seen)) => {
                Found::Readable(Self { file, counter, seen, is_torn: readable < 2 })
            }
            None => Found::Unreadable,
        })
    }

    /// What must at least be in the store.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Tells of a group that is durable.
    pub fn saw_group(&mut self, group: u64, hash: Hash) -> Result<()> {
        assert!(group > self.seen.group, "group {group} after {}", self.seen.group);
        (self.seen.group, self.seen.hash) = (group, hash);
        self.write()
    }

    /// Tells of a save that is durable.
    pub fn saw_save(&mut self, saves: u64) -> Result<()> {
        assert!(saves > self.seen.saves, "save {saves} after {}", self.seen.saves);
        self.seen.saves = saves;
        self.write()
    }

    /// Raises what is known to what was found in the store, which may be ahead of the file.
    ///
    /// A slot that could not be read is written and synced first: the next write but one goes over the
    /// other, and a cut then would leave none.
    pub fn catch_up(&mut self, seen: Seen) -> Result<()> {
        if std::mem::take(&mut self.is_torn) {
            self.write()?;
            self.sync()?;
        }
        if self.seen == seen {
            return Ok(());
        }
        assert!(self.seen.group <= seen.group && self.seen.saves <= seen.saves, "it went back");
        self.seen = seen;
        self.write()
    }

    /// Makes what was told durable.
    pub fn sync(&self) -> Result<()> {
        self.file.sync().map_err(io("syncing the witness"))
    }

    fn write(&mut self) -> Result<()> {
        self.counter += 1;
        let at = self.counter % 2 * SLOT_DISTANCE;
        let bytes = encode(self.counter, &self.seen);
        self.file.write(&bytes, at).map_err(io("writing the witness"))
    }
}

fn io(doing: &'static str) -> impl Fn(std::io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}

fn encode(counter: u64, seen: &Seen) -> [u8; SLOT_LENGTH] {
    let mut slot = [0; SLOT_LENGTH];
    slot[..4].copy_from_slice(&MAGIC);
    slot[4..12].copy_from_slice(&counter.to_le_bytes());
    slot[12..20].copy_from_slice(&seen.group.to_le_bytes());
    slot[20..52].copy_from_slice(&seen.hash);
    slot[52..60].copy_from_slice(&seen.saves.to_le_bytes());
    let checksum = crc32c::crc32c(&slot[..60]);
    slot[60..].copy_from_slice(&checksum.to_le_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_LENGTH]) -> Option<(u64, Seen)> {
    let number = |at: usize| {
        u64::from_le_bytes(slot[at..at + 8].try_into().expect("eight bytes of the slot"))
    };
    let is_whole = slot[..4] == MAGIC && crc32c::crc32c(&slot[..60]).to_le_bytes() == slot[60..];
    is_whole.then(|| {
        let hash = slot[20..52].try_into().expect("thirty-two bytes of the slot");
        (number(4), Seen { group: number(12), hash, saves: number(52) })
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::*;
    use crate::port::Home;
    use crate::sled_store::Directory;

    fn open(directory: &Path) -> Found<File> {
        let file = Directory::new(directory).witness().expect("the disk works");
        Witness::open(file).expect("the disk works")
    }

    fn create(directory: &Path) -> Witness<File> {
        let file = Directory::new(directory).make_witness().expect("the disk works");
        Witness::create(file).expect("the disk works")
    }

    fn reopened(directory: &Path) -> Seen {
        match open(directory) {
            Found::Readable(witness) => witness.seen(),
            Found::Missing | Found::Unreadable => panic!("not readable"),
        }
    }

    #[test]
    fn the_newest_whole_slot_is_what_was_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        assert!(matches!(open(path), Found::Missing));
        let mut witness = create(path);
        assert_eq!(reopened(path), NOTHING);
        for group in 1..=5 {
            witness.saw_group(group, [9; 32]).expect("the disk works");
            witness.saw_save(group * 2).expect("the disk works");
            assert_eq!(reopened(path), Seen { group, hash: [9; 32], saves: group * 2 });
        }
    }

    #[test]
    fn a_torn_slot_is_made_whole_before_the_other_is_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        let mut witness = create(directory.path());
        witness.saw_group(1, [1; 32]).expect("the disk works");
        let seen = witness.seen();
        let newest = usize::from(witness.counter % 2 == 1) * 4096;
        let mut torn = std::fs::read(&path).expect("readable");
        torn[4096 - newest + 50] ^= 1;
        std::fs::write(&path, &torn).expect("writable");
        let Found::Readable(mut witness) = open(directory.path()) else { panic!("one is whole") };
        witness.catch_up(seen).expect("the disk works");
        let mut other = std::fs::read(&path).expect("readable");
        other[newest + 50] ^= 1;
        std::fs::write(&path, &other).expect("writable");
        assert_eq!(reopened(directory.path()), seen, "either slot alone says it");
    }

    #[test]
    fn the_layout_is_fixed() {
        let slot = encode(5, &Seen { group: 258, hash: [9; 32], saves: 3 });
        assert_eq!(slot[..20], *b"BWIT\x05\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0");
        assert_eq!((&slot[20..52], &slot[52..60]), (&[9; 32][..], &[3, 0, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(slot[60..], crc32c::crc32c(&slot[..60]).to_le_bytes());
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("witness");
        let mut witness = create(directory.path());
        witness.saw_group(1, [1; 32]).expect("the disk works");
        witness.saw_group(2, [2; 32]).expect("the disk works");
        let whole = std::fs::read(&path).expect("readable");
        for at in 0..whole.len() {
            let mut torn = whole.clone();
            torn[at] ^= 0x10;
            std::fs::write(&path, &torn).expect("writable");
            assert!((1..=2).contains(&reopened(directory.path()).group), "byte {at}");
        }
        let mut torn = whole;
        torn[50] ^= 1;
        torn[4096 + 50] ^= 1;
        std::fs::write(&path, &torn).expect("writable");
        assert!(matches!(open(directory.path()), Found::Unreadable));
    }
}
