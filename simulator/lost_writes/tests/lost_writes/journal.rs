//! The journal's side of the work: what is drawn, what it means for the model, what must be left.
//!
//! The model keeps every record it ever found or was told of, also those that were trimmed: a
//! trimmed record may come back after a crash, but only as it was. After a cut there must be
//! every acknowledged record that is still needed, in its commit, and of the operation that was
//! cut off a beginning, record after record, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::id::{Seq, ShardId};
use bursar_simulator::chance::Chance;
use bursar_snapshots::sled_store::SledJournal;
use bursar_snapshots::store::{Claim, Journal, Result, Slice, Written};

/// How many shards the stores have.
pub(crate) const SHARDS: u16 = 4;

/// One call.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Claim,
    Append(Vec<Slice>),
    Trim(Vec<(ShardId, Seq)>),
}

/// What a finished call gave.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Claimed(Vec<Claim>),
    Appended(Vec<Written>),
    Trimmed,
}

/// One shard.
#[derive(Clone, Debug)]
struct Shard {
    /// By position: commit and bytes. A commit that nobody was told is 0.
    records: BTreeMap<u64, (u64, Vec<u8>)>,
    /// Before this position nothing is needed.
    keep: u64,
    /// The next position.
    next: u64,
    /// The last epoch told.
    epoch: u64,
}

/// What was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Model(Vec<Shard>);

impl Default for Model {
    fn default() -> Self {
        let shard = Shard { records: BTreeMap::new(), keep: 1, next: 1, epoch: 0 };
        Self(vec![shard; usize::from(SHARDS)])
    }
}

/// All shards.
fn shards() -> Vec<ShardId> {
    (0..SHARDS).map(ShardId).collect()
}

/// Some bytes that no other record has.
fn record(chance: &mut Chance, shard: u16, seq: u64, size: usize) -> Vec<u8> {
    let mut bytes = format!("{shard} {seq} {:x} ", chance.next_u64()).into_bytes();
    let fill = chance.next_u64().to_le_bytes();
    let length = bytes.len().max(size);
    bytes.extend(fill.iter().cycle().take(length - bytes.len()));
    bytes
}

fn slice(chance: &mut Chance, shard: u16, state: &Shard, count: u64, size: usize) -> Slice {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for seq in state.next..state.next + count {
        bytes.extend(record(chance, shard, seq, size));
        ends.push(u32::try_from(bytes.len()).expect("small"));
    }
    let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
    Slice { shard: ShardId(shard), epoch: state.epoch, first: Seq(state.next), bytes, ends }
}

impl Operation {
    /// Draws what to do next; the first is to claim all shards.
    pub(crate) fn draw(chance: &mut Chance, model: &Model, number: usize, large: u32) -> Self {
        if number == 0 {
            return Self::Claim;
        }
        match chance.weighted(&[20, 3, 1]) {
            0 => {
                let mut slices = Vec::new();
                for shard in 0..SHARDS {
                    if chance.strikes(500_000) || (shard + 1 == SHARDS && slices.is_empty()) {
                        let (count, size) = if chance.strikes(large) {
                            (1 + chance.below(6), 20_000 + chance.below(40_000))
                        } else {
                            (1 + chance.below(5), 10 + chance.below(400))
                        };
                        let size = usize::try_from(size).expect("small");
                        let state = &model.0[usize::from(shard)];
                        slices.push(slice(chance, shard, state, count, size));
                    }
                }
                Self::Append(slices)
            }
            1 => {
                let keep = shards().into_iter().map(|shard| {
                    let state = &model.0[usize::from(shard.0)];
                    let back = chance.below(40).min(state.next - state.keep);
                    (shard, Seq(state.next - back))
                });
                Self::Trim(keep.collect())
            }
            _ => Self::Claim,
        }
    }

    /// Does it.
    pub(crate) fn perform(&self, journal: &mut SledJournal) -> Result<Answer> {
        match self {
            Self::Claim => journal.claim(&shards()).map(Answer::Claimed),
            Self::Append(slices) => journal.append(slices).map(Answer::Appended),
            Self::Trim(keep) => journal.trim(keep).map(|()| Answer::Trimmed),
        }
    }
}

/// The records of slices, in order.
fn records(slices: &[Slice]) -> impl Iterator<Item = (usize, u64, &[u8])> {
    slices.iter().flat_map(|slice| {
        let record = |index| {
            let shard = usize::from(slice.shard.0);
            (shard, slice.first.0 + index as u64, slice.record(index))
        };
        (0..slice.len()).map(record)
    })
}

impl Model {
    /// A finished call; false when its answer is not right.
    pub(crate) fn finished(&mut self, operation: &Operation, answer: &Answer) -> bool {
        match (operation, answer) {
            (Operation::Claim, Answer::Claimed(claims)) => claims.iter().all(|claim| {
                let shard = &mut self.0[usize::from(claim.shard.0)];
                let is_right = claim.epoch > shard.epoch && claim.next.0 == shard.next;
                shard.epoch = claim.epoch;
                is_right
            }),
            (Operation::Append(slices), Answer::Appended(written)) => {
                let commits = written.iter().flat_map(|part| {
                    let first = part.first.0;
                    let shard = usize::from(part.shard.0);
                    (first..first + u64::from(part.count)).map(move |seq| (shard, seq, part.commit))
                });
                let commits: Vec<_> = commits.collect();
                let mut is_right = commits.len() == records(slices).count();
                for ((shard, seq, bytes), told) in records(slices).zip(commits) {
                    is_right &= (shard, seq) == (told.0, told.1);
                    self.0[shard].records.insert(seq, (told.2, bytes.to_vec()));
                    self.0[shard].next = seq + 1;
                }
                is_right
            }
            (Operation::Trim(keep), Answer::Trimmed) => {
                for (shard, seq) in keep {
                    let keep = &mut self.0[usize::from(shard.0)].keep;
                    *keep = (*keep).max(seq.0);
                }
                true
            }
            (Operation::Claim | Operation::Append(_) | Operation::Trim(_), _) => false,
        }
    }

    /// Compares an opened journal with what must be there, when an operation may have been cut
    /// off, and takes over what is there.
    pub(crate) fn compare(
        &mut self,
        journal: &SledJournal,
        cut_off: Option<&Operation>,
    ) -> std::result::Result<(), String> {
        let mut found = vec![BTreeMap::new(); usize::from(SHARDS)];
        let read = journal.read(&mut |read| {
            let shard = &mut found[usize::from(read.shard.0)];
            shard.insert(read.seq.0, (read.commit, read.bytes.to_vec()));
            Ok(())
        });
        read.map_err(|error| format!("the journal cannot be read: {error}"))?;
        self.take_in(&found, cut_off)?;
        for ((number, shard), end) in self.0.iter_mut().enumerate().zip(journal.ends()) {
            if let Some(Operation::Trim(keep)) = cut_off {
                shard.keep = shard.keep.max(keep[number].1.0);
            }
            let found = &found[number];
            for (seq, told) in shard.records.range(shard.keep..) {
                let is_there = found
                    .get(seq)
                    .is_some_and(|here| here.1 == told.1 && (told.0 == 0 || told.0 == here.0));
                if !is_there {
                    let (commit, here) = (told.0, found.get(seq).map(|here| here.0));
                    return Err(format!(
                        "shard {number}, record {seq}, acknowledged in commit {commit}, is not \
                         there as it was written; found under its position: commit {here:?}"
                    ));
                }
            }
            if end.0 + 1 != shard.next {
                let next = shard.next;
                return Err(format!("shard {number} ends with {}, not before {next}", end.0));
            }
            for (seq, here) in found {
                shard.records.insert(*seq, here.clone());
            }
        }
        Ok(())
    }

    /// Takes in what is there of the operation that was cut off; all else must be known.
    fn take_in(
        &mut self,
        found: &[BTreeMap<u64, (u64, Vec<u8>)>],
        cut_off: Option<&Operation>,
    ) -> std::result::Result<(), String> {
        if let Some(Operation::Append(slices)) = cut_off {
            let mut is_over = false;
            for (shard, seq, bytes) in records(slices) {
                match found[shard].get(&seq) {
                    Some((commit, here)) if here == bytes && !is_over => {
                        self.0[shard].records.insert(seq, (*commit, here.clone()));
                        self.0[shard].next = seq + 1;
                    }
                    Some(_) => return Err(format!("shard {shard}, record {seq}: out of order")),
                    None => is_over = true,
                }
            }
        }
        for (number, (shard, found)) in self.0.iter().zip(found).enumerate() {
            for (seq, (commit, bytes)) in found {
                if shard.records.get(seq).is_none_or(|told| told.1 != *bytes) {
                    return Err(format!(
                        "shard {number}, record {seq} of commit {commit}: nobody wrote it"
                    ));
                }
            }
        }
        Ok(())
    }
}
