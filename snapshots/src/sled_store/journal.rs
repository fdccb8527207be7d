//! The journal on a disk: one key per group, one flush and one sync per append.
//!
//! An append packs what waits into groups of at most 128 KiB, inserts each as one value (which is
//! written whole or not at all), flushes, syncs once, and then tells the witness. Trimming moves the
//! mark, which is one small write, and leaves the removal of the groups behind it to later appends,
//! a few at a time, so that no commit waits for it.
//!
//! Invariants: what `append` and `claim` return is durable; the state in memory is that of the last
//! group on disk; a group is removed only behind a durable mark.

use std::collections::VecDeque;
use std::sync::Arc;

use bursar_domain::id::{Seq, ShardId};

use super::chain::{self, Chain, ShardState};
use super::disk::{self, Disk};
use super::mark::{Mark, MarkedShard};
use crate::envelope::{self, Hash, Kind};
use crate::group::{self, Group, Part};
use crate::port::{Home, Tree};
use crate::store::{Claim, Journal, Read, Result, Slice, StoreError, Written};
use crate::witness::Seen;

/// How many groups behind the mark an append removes for each group it writes.
const REMOVED_PER_GROUP: u64 = 4;
/// How many groups a trim removes at most.
const REMOVED_PER_TRIM: u64 = 256;

/// What is remembered of a group until it is removed.
#[derive(Debug)]
struct Note {
    number: u64,
    hash: Hash,
    /// The shards it has slices of, each as the group left it.
    shards: Box<[(ShardId, ShardState)]>,
}

/// The journal of an open store. Its one owner is the committer.
#[derive(Debug)]
pub struct DiskJournal<H: Home> {
    mark: Mark,
    /// After the last group.
    chain: Chain,
    /// The first position that is needed, by the shards' numbers; at or past the mark's.
    keep: Vec<Seq>,
    /// The groups after the mark.
    notes: VecDeque<Note>,
    /// All groups before this one are removed.
    removed_to: u64,
    disk: Arc<Disk<H>>,
}

impl<H: Home> DiskJournal<H> {
    /// Checks the whole journal after the mark, and removes what is left before it.
    pub(super) fn open(disk: Arc<Disk<H>>, mark: Mark) -> Result<Self> {
        for found in disk.trees.journal.range(..=mark.number.to_be_bytes().to_vec()) {
            let (key, _) = found.map_err(disk::error("reading the journal", "tree journal"))?;
            disk.trees.journal.remove(&key).map_err(disk::error_at(
                "removing a group",
                &disk.trees.journal,
                &key,
            ))?;
        }
        let mut journal = Self {
            chain: Chain::at(&mark),
            keep: mark.shards.iter().map(|shard| shard.keep).collect(),
            notes: VecDeque::new(),
            removed_to: mark.number + 1,
            mark,
            disk,
        };
        let mut chain = journal.chain.clone();
        let mut notes = VecDeque::new();
        journal.walk(&mut chain, &mut |chain, group| {
            notes.push_back(note(chain, &group));
            Ok(())
        })?;
        (journal.chain, journal.notes) = (chain, notes);
        Ok(journal)
    }

    /// The position of each shard's last record, by the shards' numbers; 0 before the first. There
    /// are as many as the store has shards.
    pub fn ends(&self) -> Vec<Seq> {
        self.chain.shards.iter().map(|shard| Seq(shard.next.0 - 1)).collect()
    }

    /// The last group.
    pub(super) fn last(&self) -> (u64, Hash) {
        (self.chain.number, self.chain.hash)
    }

    /// Compares what the witness saw with what is here.
    pub(super) fn check_seen(&self, seen: Seen) -> Result<()> {
        let last = self.chain.number;
        if seen.group > last {
            let missing = seen.group - last;
            let what = format!(
                "{missing} groups are missing: the witness saw group {}, the journal ends with \
                 {last}",
                seen.group
            );
            return Err(disk::damaged("tree journal", what));
        }
        let here = if seen.group == self.mark.number {
            self.mark.hash
        } else {
            match self.notes.iter().find(|note| note.number == seen.group) {
                Some(note) => note.hash,
                None => return Ok(()),
            }
        };
        if here == seen.hash {
            Ok(())
        } else {
            Err(chain::at(seen.group, "it is not the group that the witness saw under this number"))
        }
    }

    /// Reads all groups after the mark, each checked against the one before.
    fn walk<'s>(
        &'s self,
        chain: &mut Chain,
        visit: &mut dyn FnMut(&Chain, Group<'_>) -> Result<()>,
    ) -> Result<()> {
        let first = (self.mark.number + 1).to_be_bytes().to_vec();
        for found in self.disk.trees.journal.range(first..) {
            let (key, value) = found.map_err(|error| {
                let place = format!("tree journal, after group {}", chain.number);
                disk::error("reading the journal", &place)(error)
            })?;
            let group = chain.step(&key, &value)?;
            visit(chain, group)?;
        }
        Ok(())
    }

    fn shard(&self, shard: ShardId) -> &ShardState {
        let count = self.chain.shards.len();
        let state = self.chain.shards.get(usize::from(shard.0));
        state.unwrap_or_else(|| panic!("{shard:?} of {count} shards"))
    }

    /// Refuses slices of another writer, and stops on slices that do not follow: all before
    /// anything is written.
    fn check(&self, slices: &[Slice]) -> Result<()> {
        let mut next: Vec<_> = self.chain.shards.iter().map(|shard| shard.next).collect();
        for slice in slices {
            let (shard, state) = (slice.shard, self.shard(slice.shard));
            assert!(state.epoch > 0, "{shard:?} was never claimed");
            if slice.epoch != state.epoch {
                let ours = slice.epoch;
                assert!(ours < state.epoch, "{shard:?}: epoch {ours} was never given");
                return Err(StoreError::Fenced { shard, epoch: state.epoch, ours });
            }
            let next = &mut next[usize::from(shard.0)];
            assert_eq!(slice.first, *next, "{shard:?}: records must follow one another");
            *next = slice.next();
        }
        Ok(())
    }

    /// Writes one group; not synced.
    fn write(&mut self, doing: &'static str, parts: &[Part<'_>]) -> Result<u64> {
        let number = self.chain.number + 1;
        let body = group::encode(number, parts);
        let value = envelope::seal(Kind::Group, &self.chain.hash, &body);
        assert!(value.len() <= group::GROUP_SIZE_MAX, "a group of {} bytes", value.len());
        let key = number.to_be_bytes();
        let group = self.chain.step(&key, &value)?;
        self.notes.push_back(note(&self.chain, &group));
        let old = disk::insert(&self.disk.trees.journal, doing, &key, value)?;
        match old {
            None => Ok(number),
            Some(_) => Err(chain::at(number, "it was there before it was written")),
        }
    }

    /// Makes the groups written durable, then tells the witness.
    fn commit(&self, doing: &'static str) -> Result<()> {
        self.disk.sync(doing)?;
        self.disk.witness().saw_group(self.chain.number, self.chain.hash)
    }

    fn append_all(&mut self, slices: &[Slice]) -> Result<Vec<Written>> {
        self.check(slices)?;
        let plan = group::plan(slices);
        let mut written = Vec::with_capacity(slices.len());
        for parts in &plan {
            let number = self.write("appending to the journal", parts)?;
            written.extend(group::written(number, parts));
        }
        if !plan.is_empty() {
            self.remove(plan.len() as u64 * REMOVED_PER_GROUP)?;
            self.commit("appending to the journal")?;
        }
        Ok(written)
    }

    fn claim_all(&mut self, shards: &[ShardId]) -> Result<Vec<Claim>> {
        let claim = |shard: &ShardId| {
            let state = self.shard(*shard);
            Claim { shard: *shard, epoch: state.epoch + 1, next: state.next }
        };
        let claims: Vec<_> = shards.iter().map(claim).collect();
        if claims.is_empty() {
            return Ok(claims);
        }
        let slices: Vec<_> = claims.iter().map(Slice::of_claim).collect();
        let parts: Vec<_> = slices.iter().map(|slice| Part { slice, records: 0..0 }).collect();
        self.write("claiming shards", &parts)?;
        self.commit("claiming shards")?;
        Ok(claims)
    }

    fn trim_all(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        for (shard, seq) in keep_from {
            let next = self.shard(*shard).next;
            assert!(*seq <= next, "{shard:?} cannot be kept from {seq}: the next one is {next}");
            let keep = &mut self.keep[usize::from(shard.0)];
            *keep = (*keep).max(*seq);
        }
        let is_unneeded = |note: &&Note| {
            note.shards.iter().all(|(shard, state)| state.next <= self.keep[usize::from(shard.0)])
        };
        let count = self.notes.iter().take_while(is_unneeded).count();
        if count > 0 {
            self.move_mark(count)?;
        }
        self.remove(REMOVED_PER_TRIM)
    }

    /// Moves the mark behind the first `count` groups.
    fn move_mark(&mut self, count: usize) -> Result<()> {
        let mut mark = self.mark.clone();
        for note in self.notes.iter().take(count) {
            (mark.number, mark.hash) = (note.number, note.hash);
            for (shard, state) in &note.shards {
                let marked = &mut mark.shards[usize::from(shard.0)];
                *marked = MarkedShard { next: state.next, epoch: state.epoch, ..*marked };
            }
        }
        for (marked, keep) in mark.shards.iter_mut().zip(&self.keep) {
            marked.keep = *keep;
        }
        // The witness must never name a group before the mark whose fate nobody can check.
        self.disk.witness().sync()?;
        mark.write(&self.disk)?;
        self.disk.sync("trimming the journal")?;
        self.notes.drain(..count);
        self.mark = mark;
        Ok(())
    }

    /// Removes some groups behind the mark; not synced, because they may come back.
    fn remove(&mut self, limit: u64) -> Result<()> {
        let end = (self.mark.number + 1).min(self.removed_to.saturating_add(limit));
        for number in self.removed_to..end {
            let (journal, key) = (&self.disk.trees.journal, number.to_be_bytes());
            journal.remove(&key).map_err(disk::error_at("removing a group", journal, &key))?;
        }
        self.removed_to = end;
        Ok(())
    }

    fn writing<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let disk = Arc::clone(&self.disk);
        disk.writing(doing, || write(self))
    }
}

/// What to remember of a group that the chain has just gone on to.
fn note(chain: &Chain, group: &Group<'_>) -> Note {
    let mut shards: Vec<ShardId> = group.slices().map(|slice| slice.shard).collect();
    shards.sort_unstable();
    shards.dedup();
    let state = |shard: ShardId| (shard, chain.shards[usize::from(shard.0)]);
    let shards = shards.into_iter().map(state).collect();
    Note { number: chain.number, hash: chain.hash, shards }
}

impl<H: Home> Journal for DiskJournal<H> {
    fn claim(&mut self, shards: &[ShardId]) -> Result<Vec<Claim>> {
        self.writing("claiming shards", |journal| journal.claim_all(shards))
    }

    fn append(&mut self, slices: &[Slice]) -> Result<Vec<Written>> {
        self.writing("appending to the journal", |journal| journal.append_all(slices))
    }

    fn read(&self, visit: &mut dyn FnMut(Read<'_>) -> Result<()>) -> Result<()> {
        let mut chain = Chain::at(&self.mark);
        self.walk(&mut chain, &mut |_, group| {
            for slice in group.slices() {
                let keep = self.keep[usize::from(slice.shard.0)];
                for (seq, bytes) in slice.records().filter(|(seq, _)| *seq >= keep) {
                    visit(Read { commit: group.number, shard: slice.shard, seq, bytes })?;
                }
            }
            Ok(())
        })?;
        if chain.number == self.chain.number {
            Ok(())
        } else {
            let (found, last) = (chain.number, self.chain.number);
            let what = format!("it ends with group {found}; the last one written is {last}");
            Err(disk::damaged("tree journal", what))
        }
    }

    fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        self.writing("trimming the journal", |journal| journal.trim_all(keep_from))
    }
}
