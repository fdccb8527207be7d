//! The trim mark: where the journal begins.
//!
//! It stands for all groups that were removed: the number and hash of the last of them, and for
//! each shard the position and epoch after it and the first position that is still needed. So the
//! chain of hashes and positions can be checked from the first group that is left.
//!
//! Invariant: the mark is durable before a group that it stands for is removed. Groups up to the
//! mark that are found again (a removal is not urgent) are not needed and are removed when the
//! store is opened.

use bursar_domain::id::Seq;

use super::disk::{self, Disk, damaged};
use crate::codec;
use crate::envelope::{self, Hash, Kind, NO_HASH};
use crate::port::{Home, Tree};
use crate::store::Result;

const KEY: &[u8] = b"mark";
const PLACE: &str = "tree meta, key mark";

/// One shard at the mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MarkedShard {
    /// The position of the first record after the mark.
    pub(super) next: Seq,
    /// The first position that is needed. Past `next` where a group is shared with other shards.
    pub(super) keep: Seq,
    /// The epoch of the last claim up to the mark; 0 before the first.
    pub(super) epoch: u64,
}

/// The trim mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    /// The last group that is not needed; 0 before the first.
    pub(super) number: u64,
    /// Its hash.
    pub(super) hash: Hash,
    /// By the shards' numbers.
    pub(super) shards: Vec<MarkedShard>,
}

impl Mark {
    /// The mark of a new store.
    pub(super) fn new(shards: u16) -> Self {
        let shard = MarkedShard { next: Seq(1), keep: Seq(1), epoch: 0 };
        Self { number: 0, hash: NO_HASH, shards: vec![shard; usize::from(shards)] }
    }

    /// Reads the mark.
    pub(super) fn read<H: Home>(disk: &Disk<H>, shards: u16) -> Result<Self> {
        let value = disk.trees.meta.get(KEY).map_err(disk::error("reading the mark", PLACE))?;
        let value = value.ok_or_else(|| damaged(PLACE, "the mark is missing"))?;
        let (_, body) = envelope::open(Kind::Meta, &value).map_err(|what| damaged(PLACE, what))?;
        let (number, hash, found): (u64, Hash, Vec<(Seq, Seq, u64)>) =
            codec::decode(body).map_err(|what| damaged(PLACE, what))?;
        if found.len() != usize::from(shards) {
            let what = format!("it is of {} shards and not of {shards}", found.len());
            return Err(damaged(PLACE, what));
        }
        let shards = found.into_iter().map(|(next, keep, epoch)| MarkedShard { next, keep, epoch });
        Ok(Self { number, hash, shards: shards.collect() })
    }

    /// Writes the mark; not synced.
    pub(super) fn write<H: Home>(&self, disk: &Disk<H>) -> Result<()> {
        let shards: Vec<_> = self.shards.iter().map(|s| (s.next, s.keep, s.epoch)).collect();
        let body = codec::encode(&(self.number, self.hash, shards));
        let value = envelope::seal(Kind::Meta, &NO_HASH, &body);
        disk::insert(&disk.trees.meta, "writing the mark", KEY, value).map(drop)
    }
}
