//! The chain of groups: what must follow what, from the trim mark to the last group.
//!
//! One walker checks every group that is read, when the store is opened and when the journal is
//! read: its envelope, its number (no gap), the hash of the group before, the positions of every
//! shard (no gap) and the epochs (only a claim raises one). Whatever does not follow is damage,
//! told with the group's number.
//!
//! Invariant: a group that the walker lets through is exactly one that `append` or `claim` wrote
//! after the group that the walker let through before.

use bursar_domain::id::Seq;

use super::disk::damaged;
use super::mark::Mark;
use crate::envelope::{self, Hash, Kind};
use crate::group::{self, Group};
use crate::store::{Result, StoreError};

/// A shard at some group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ShardState {
    /// The position of the next record.
    pub(super) next: Seq,
    /// The last claim; 0 before the first.
    pub(super) epoch: u64,
}

/// The state after some group.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The last group; 0 before the first.
    pub(super) number: u64,
    /// Its hash.
    pub(super) hash: Hash,
    /// By the shards' numbers.
    pub(super) shards: Vec<ShardState>,
}

impl Chain {
    /// The state at the mark.
    pub(super) fn at(mark: &Mark) -> Self {
        let shards = mark.shards.iter();
        let shards = shards.map(|s| ShardState { next: s.next, epoch: s.epoch }).collect();
        Self { number: mark.number, hash: mark.hash, shards }
    }

    /// Checks that a stored group comes next, and goes on to it.
    pub(super) fn step<'v>(&mut self, key: &[u8], value: &'v [u8]) -> Result<Group<'v>> {
        let number = <[u8; 8]>::try_from(key).map(u64::from_be_bytes).map_err(|_| {
            let place = format!("tree journal, key {}", key.escape_ascii());
            damaged(place, "it is not the number of a group")
        })?;
        let expected = self.number + 1;
        if number != expected {
            let what = format!("{} groups are missing before it", number.abs_diff(expected));
            return Err(at(number, what));
        }
        let (previous, body) =
            envelope::open(Kind::Group, value).map_err(|what| at(number, what))?;
        if previous != self.hash {
            return Err(at(number, "it was not written after the group that stands before it"));
        }
        let group = group::decode(body).map_err(|what| at(number, what))?;
        if group.number != number {
            return Err(at(number, format!("it says that it is group {}", group.number)));
        }
        for slice in group.slices() {
            self.follow(number, &slice)?;
        }
        self.number = number;
        self.hash = envelope::hash(value);
        Ok(group)
    }

    fn follow(&mut self, number: u64, slice: &group::GroupSlice<'_>) -> Result<()> {
        let (shard, epoch) = (slice.shard.0, slice.epoch);
        let shards = self.shards.len();
        let Some(state) = self.shards.get_mut(usize::from(shard)) else {
            return Err(at(number, format!("it has shard {shard}; there are {shards}")));
        };
        let is_claim = slice.count == 0;
        if if is_claim { epoch <= state.epoch } else { epoch != state.epoch } {
            let kind = if is_claim { "a claim" } else { "records" };
            let last = state.epoch;
            let what = format!("shard {shard} has {kind} of epoch {epoch} after epoch {last}");
            return Err(at(number, what));
        }
        if slice.first != state.next {
            let what = format!(
                "shard {shard} goes on at position {} and not at {}",
                slice.first, state.next
            );
            return Err(at(number, what));
        }
        *state = ShardState { next: slice.next(), epoch };
        Ok(())
    }
}

/// Damage at a group.
pub(super) fn at(number: u64, what: impl ToString) -> StoreError {
    damaged(format!("tree journal, group {number}"), what)
}
