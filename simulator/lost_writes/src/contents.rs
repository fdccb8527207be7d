//! One file's contents: what was synced, and what was done since.
//!
//! A disk writes sectors of 512 bytes whole or not at all, in any order. The page cache hands it a
//! page as it is at that moment. So after a cut each sector is as it was at some moment since the
//! last sync; a sector that has missed a write has also missed the ones after it. The same goes for
//! what lies behind a shortening that did not happen: later writes there went to space that no
//! longer belongs to the file.
//!
//! Invariant: [`Contents::after_cut`] keeps all that was synced.

use std::collections::HashSet;
use std::mem;

use bursar_simulator::chance::{Chance, WHOLE_PPM};

/// What a disk writes whole, in bytes.
const SECTOR: usize = 512;

/// One change of a file.
#[derive(Clone, Debug)]
enum Write {
    /// Bytes, from a place on.
    Bytes(usize, Vec<u8>),
    /// Cut, or made longer with zeros.
    Length(usize),
}

/// A file's contents.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    synced: Vec<u8>,
    since: Vec<Write>,
    length: usize,
    /// What whoever reads it sees, once something was lost.
    seen: Option<Vec<u8>>,
}

/// What a cut keeps of what was done to a file, or to the names in a tree, since it was synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// The first so many changes, and some sectors of the next.
    First(usize),
    /// Each change with this chance, whole.
    Changes(u32),
    /// Each sector with this chance.
    Sectors(u32),
}

impl Keep {
    /// Draws what is kept of so many changes.
    pub fn draw(chance: &mut Chance, changes: usize) -> Self {
        let some = [50_000, 300_000, 500_000, 700_000, 950_000];
        match chance.weighted(&[2, 1, 3, 3, 3]) {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 => Self::First(index_below(chance, changes + 1)),
            3 => Self::Changes(*chance.pick(&some)),
            _ => Self::Sectors(*chance.pick(&some)),
        }
    }

    /// The chance of a change, by its number, to be kept whole, and if it is not, of each of its
    /// sectors.
    fn chances(self, change: usize) -> (u32, u32) {
        match self {
            Self::Everything => (WHOLE_PPM, 0),
            Self::First(count) if change < count => (WHOLE_PPM, 0),
            Self::First(count) if change == count => (0, WHOLE_PPM / 2),
            Self::Nothing | Self::First(_) => (0, 0),
            Self::Changes(ppm) => (ppm, 0),
            Self::Sectors(ppm) => (0, ppm),
        }
    }

    /// Whether a change that has no parts is kept.
    pub fn keeps(self, change: usize, chance: &mut Chance) -> bool {
        let (whole, part) = self.chances(change);
        chance.strikes(whole.max(part))
    }
}

fn index_below(chance: &mut Chance, bound: usize) -> usize {
    usize::try_from(chance.below(bound as u64)).expect("below a length")
}

/// The changes that did not reach the disk, as far as later ones depend on them.
#[derive(Default)]
struct Lost {
    /// Sectors that missed a write.
    sectors: HashSet<usize>,
    /// Where a shortening that did not happen would have ended the file.
    behind: Option<usize>,
}

impl Lost {
    fn reaches(&self, sector: usize) -> bool {
        let is_behind = self.behind.is_some_and(|behind| (sector + 1) * SECTOR > behind);
        is_behind || self.sectors.contains(&sector)
    }
}

impl Contents {
    /// A file that is all on disk.
    pub fn synced(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len(), synced: bytes, ..Self::default() }
    }

    /// How long it is for whoever reads it now, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many changes are not synced.
    pub fn unsynced(&self) -> usize {
        self.since.len()
    }

    /// Bytes were written.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.length = self.length.max(at + bytes.len());
        self.change(Write::Bytes(at, bytes.to_vec()));
    }

    /// It was cut or made longer.
    pub fn set_length(&mut self, length: usize) {
        self.length = length;
        self.change(Write::Length(length));
    }

    fn change(&mut self, write: Write) {
        if let Some(seen) = &mut self.seen {
            apply(seen, &write);
        }
        self.since.push(write);
    }

    /// What is not synced will never be on disk, although whoever reads it now sees it.
    pub fn lose(&mut self) {
        self.seen = Some(self.now());
        self.since.clear();
    }

    /// All of it is on disk.
    pub fn sync(&mut self) {
        for write in mem::take(&mut self.since) {
            apply(&mut self.synced, &write);
        }
        let is_known = self.seen.is_none();
        assert!(!is_known || self.synced.len() == self.length, "the changes come to the length");
    }

    /// It as whoever reads it now sees it.
    pub fn now(&self) -> Vec<u8> {
        if let Some(seen) = &self.seen {
            return seen.clone();
        }
        let mut bytes = self.synced.clone();
        for write in &self.since {
            apply(&mut bytes, write);
        }
        bytes
    }

    /// What a cut leaves.
    pub fn after_cut(&self, keep: Keep, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let mut lost = Lost::default();
        for (change, write) in self.since.iter().enumerate() {
            let (whole, part) = keep.chances(change);
            let part = if chance.strikes(whole) { WHOLE_PPM } else { part };
            match write {
                Write::Length(length) if chance.strikes(part) => bytes.resize(*length, 0),
                Write::Length(length) => {
                    lost.behind = Some(lost.behind.map_or(*length, |behind| behind.min(*length)));
                }
                Write::Bytes(at, written) => {
                    tear(&mut bytes, *at, written, part, &mut lost, chance);
                }
            }
        }
        // The length may be on disk before what was written up to it.
        if bytes.len() < self.length && keep != Keep::Nothing && chance.strikes(WHOLE_PPM / 3) {
            bytes.resize(self.length, 0);
        }
        bytes
    }
}

fn apply(bytes: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Bytes(at, written) => put(bytes, *at, written),
        Write::Length(length) => bytes.resize(*length, 0),
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    let end = at + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(written);
}

/// Writes the sectors that reach the disk.
fn tear(
    bytes: &mut Vec<u8>,
    at: usize,
    written: &[u8],
    ppm: u32,
    lost: &mut Lost,
    chance: &mut Chance,
) {
    if ppm == WHOLE_PPM && lost.sectors.is_empty() && lost.behind.is_none() {
        put(bytes, at, written);
        return;
    }
    let mut from = 0;
    while from < written.len() {
        let sector = (at + from) / SECTOR;
        let to = ((sector + 1) * SECTOR - at).min(written.len());
        if !lost.reaches(sector) {
            if chance.strikes(ppm) {
                put(bytes, at + from, &written[from..to]);
            } else {
                lost.sectors.insert(sector);
            }
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPS: [Keep; 7] = [
        Keep::Nothing,
        Keep::Everything,
        Keep::First(0),
        Keep::First(1),
        Keep::First(2),
        Keep::Changes(500_000),
        Keep::Sectors(500_000),
    ];

    #[test]
    fn what_was_synced_stays_and_sectors_are_whole() {
        let mut seen = HashSet::new();
        for seed in 0..500 {
            let mut chance = Chance::new(seed);
            let mut file = Contents::default();
            file.write(0, &[1; 1000]);
            file.sync();
            file.write(512, &[2; 1024]);
            file.write(900, &[3; 100]);
            let left = file.after_cut(*chance.pick(&KEEPS), &mut chance);
            assert_eq!(left[..512], [1; 512]);
            let (second, third) = (&left[512..left.len().min(1024)], left.get(1024..));
            let is_old = second[..488] == [1; 488] && second[488..].iter().all(|byte| *byte == 0);
            let is_new = second[..388] == [2; 388] && second[488..].iter().all(|byte| *byte == 2);
            assert!(is_old || is_new, "{seed}: {second:?}");
            assert!(third.is_none_or(|third| third.iter().all(|byte| *byte == third[0])));
            seen.insert((is_new, second.get(400) == Some(&3), third.map(<[u8]>::len)));
        }
        assert!(seen.len() > 5, "{seen:?}");
        assert!(!seen.iter().any(|(first, second, _)| !first && *second), "the later without it");
    }

    #[test]
    fn a_sync_keeps_everything_and_a_shortening_may_not_happen() {
        let mut file = Contents::synced(vec![7; 2000]);
        file.set_length(100);
        file.write(600, &[8; 10]);
        assert_eq!((file.length(), file.unsynced(), file.now().len()), (610, 2, 610));
        let left = file.after_cut(Keep::Changes(0), &mut Chance::new(1));
        assert_eq!(left, [7; 2000], "what was written behind the end is nowhere");
        let left = file.after_cut(Keep::Everything, &mut Chance::new(1));
        assert_eq!(left, file.now());
        file.sync();
        assert_eq!(file.after_cut(Keep::Nothing, &mut Chance::new(1)), left);
        assert_eq!(left[100..600], [0; 500]);
    }

    #[test]
    fn what_a_failed_sync_lost_is_seen_but_never_on_disk() {
        let mut file = Contents::synced(vec![1; 512]);
        file.write(512, &[2; 512]);
        file.lose();
        file.write(1024, &[3; 512]);
        file.sync();
        let left = file.after_cut(Keep::Everything, &mut Chance::new(1));
        assert_eq!((left[512], left[1024], left.len()), (0, 3, 1536));
        assert_eq!((file.now()[512], file.now()[1024]), (2, 3));
    }
}
