//! Checks a whole report, bin by bin, and sets aside what is new in it.
//!
//! A report contradicts itself when it says two things of one key (that it succeeded and failed, or
//! that it is two transactions), or when one transaction stands under two keys. The same line twice
//! is no contradiction, and counts once. Lines that are not about debits of advances are checked as
//! well, and then left out.
//!
//! Each bin is worked through with the keys of that bin in memory, so memory is that of a 256th of
//! the report's keys, 48 bytes each, not of its lines.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use super::bins::{BINS, Bins};
use super::digests::{self, Digest};
use super::line::{Line, Mark};
use super::{Fault, spool};

/// What a line is besides its text: two hashes, flags, length.
const HEAD_BYTES: usize = 16 + 16 + 1 + 4;

const SUCCEEDED: u8 = 1;
const DEBIT: u8 = 2;

/// A report in bins: its lines by key, and its ids with their keys.
#[derive(Debug)]
pub struct Binned {
    lines: Bins,
    ids: Bins,
}

/// Where what is new goes.
#[derive(Debug)]
pub struct Outcome {
    /// The lines.
    pub lines: spool::Writer,
    /// The digests of all lines about debits.
    pub digests: digests::Writer,
}

impl Binned {
    /// Into these bins, which are empty.
    pub fn new(lines: Bins, ids: Bins) -> Self {
        Self { lines, ids }
    }

    /// Adds a line.
    pub fn add(&mut self, mark: &Mark, text: &[u8]) -> Result<(), Fault> {
        let Mark { key, id, succeeded, debit } = *mark;
        let flags = if succeeded { SUCCEEDED } else { 0 } | if debit { DEBIT } else { 0 };
        let length = u32::try_from(text.len()).map_err(std::io::Error::other)?.to_be_bytes();
        let (key_bytes, id_bytes) = (key.to_be_bytes(), id.to_be_bytes());
        self.lines.add(key, &[&key_bytes, &id_bytes, &[flags], &length, text])?;
        Ok(self.ids.add(id, &[&id_bytes, &key_bytes])?)
    }

    /// Checks all, and writes what the last closed report did not have. Returns how many lines.
    pub fn check(
        mut self,
        mut before: digests::Reader,
        outcome: &mut Outcome,
        given_up: &AtomicBool,
    ) -> Result<u64, Fault> {
        self.lines.finish()?;
        self.ids.finish()?;
        let mut fresh = 0;
        for bin in 0..BINS {
            if given_up.load(Ordering::Relaxed) {
                return Err(Fault::GivenUp);
            }
            self.check_ids(bin)?;
            fresh += self.check_keys(bin, &before.bin(bin)?, outcome)?;
        }
        Ok(fresh)
    }

    /// No transaction stands under two keys.
    fn check_ids(&self, bin: usize) -> Result<(), Fault> {
        let mut keys: HashMap<u128, u128, RandomState> = HashMap::default();
        self.ids.read(bin, |block| {
            for record in block.chunks_exact(32) {
                let (id, key) = (hash(record), hash(&record[16..]));
                match keys.entry(id) {
                    Entry::Vacant(place) => drop(place.insert(key)),
                    Entry::Occupied(first) if *first.get() == key => {}
                    Entry::Occupied(first) => {
                        return Err(self.contradiction(id, [*first.get(), key]));
                    }
                }
            }
            Ok(())
        })
    }

    /// No key has two transactions or ended in two ways; what is new is written.
    fn check_keys(
        &self,
        bin: usize,
        before: &[Digest],
        outcome: &mut Outcome,
    ) -> Result<u64, Fault> {
        let mut seen: HashMap<u128, Mark, RandomState> = HashMap::default();
        let (mut digests, mut fresh) = (Vec::new(), 0);
        self.lines.read(bin, |block| {
            each(block, |mark, text| {
                match seen.entry(mark.key) {
                    Entry::Vacant(place) => place.insert(mark),
                    Entry::Occupied(first) if *first.get() == mark => return Ok(()),
                    Entry::Occupied(first) => return Err(self.two_of(first.get(), &mark)),
                };
                if mark.debit {
                    let digest = Digest::of(&mark);
                    digests.push(digest);
                    if before.binary_search(&digest).is_err() {
                        outcome.lines.add(text)?;
                        fresh += 1;
                    }
                }
                Ok(())
            })
        })?;
        digests.sort_unstable();
        outcome.digests.add(&digests)?;
        Ok(fresh)
    }

    fn contradiction(&self, id: u128, keys: [u128; 2]) -> Fault {
        let named = keys.map(|key| self.named(key, id, |line| line.key.to_string()));
        let id = self.named(keys[0], id, |line| line.id.to_string());
        contradictory(format!("the keys {:?} and {:?} have one id, {id:?}", named[0], named[1]))
    }

    fn two_of(&self, first: &Mark, second: &Mark) -> Fault {
        let key = self.named(first.key, first.id, |line| line.key.to_string());
        if first.id == second.id {
            return contradictory(format!("the key {key:?} succeeded, and the key {key:?} failed"));
        }
        let ids = [first, second].map(|mark| self.named(mark.key, mark.id, |l| l.id.to_string()));
        contradictory(format!(
            "the key {key:?} is {:?}, and the key {key:?} is {:?}",
            ids[0], ids[1]
        ))
    }

    /// What stands in a line. Only for a message, so that it need not be kept for any other line.
    fn named(&self, key: u128, id: u128, what: impl Fn(&Line<'_>) -> String) -> String {
        let mut found = None;
        let read = self.lines.read(super::bins::bin_of(key), |block| {
            each(block, |mark, text| {
                if (mark.key, mark.id) == (key, id) && found.is_none() {
                    found = Line::parse(text).ok().map(|line| what(&line));
                }
                Ok(())
            })
        });
        read.ok().and(found).unwrap_or_else(|| "?".to_owned())
    }
}

fn contradictory(detail: String) -> Fault {
    Fault::Unusable { code: "report-contradictory", detail: detail.into() }
}

/// Gives the records of a block.
fn each(
    mut block: &[u8],
    mut line: impl FnMut(Mark, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    while let Some((head, rest)) = block.split_at_checked(HEAD_BYTES) {
        let flags = head[32];
        let mark = Mark {
            key: hash(head),
            id: hash(&head[16..]),
            succeeded: flags & SUCCEEDED != 0,
            debit: flags & DEBIT != 0,
        };
        let length = u32::from_be_bytes([head[33], head[34], head[35], head[36]]) as usize;
        let (text, rest) = rest.split_at(length);
        line(mark, text)?;
        block = rest;
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> u128 {
    let mut hash = [0; 16];
    hash.copy_from_slice(&bytes[..16]);
    u128::from_be_bytes(hash)
}
