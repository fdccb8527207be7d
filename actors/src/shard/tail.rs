//! The newest records of a shard, in memory: everything that has not gone to history.
//!
//! Records are encoded once, into the slice that is being staged. When it is handed to the
//! committer, the slice is shared, not copied: the tail keeps it for reads, replayed answers and
//! the next checkpoint, which moves records to history by reference.
//!
//! Under single payments a slice holds a few records, and its own size would be most of its memory;
//! so slices that have been handed over are joined, [`JOINED`] at a time.
//!
//! Invariant: positions from `first` to `next` are all here, without gaps.

use std::collections::VecDeque;
use std::sync::Arc;

use bursar_domain::id::{Seq, ShardId};
use bursar_domain::record::Record;
use bursar_snapshots::codec;
use bursar_snapshots::store::{RecordBytes, Slice};

/// How many slices are joined into one, and how large they may be together, in bytes.
const JOINED: usize = 64;
const JOINED_BYTES_MAX: usize = 256 * 1024;

/// The newest records of one shard.
#[derive(Debug)]
pub struct Tail {
    shard: ShardId,
    epoch: u64,
    closed: VecDeque<Slice>,
    closed_bytes: usize,
    joined: usize,
    staged_first: Seq,
    staged: Vec<u8>,
    ends: Vec<u32>,
}

impl Tail {
    /// An empty tail; the next record gets position `next`.
    pub fn new(shard: ShardId, epoch: u64, next: Seq) -> Self {
        Self {
            shard,
            epoch,
            closed: VecDeque::new(),
            closed_bytes: 0,
            joined: 0,
            staged_first: next,
            staged: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Takes a slice that recovery read from the journal. It must end where the tail begins or
    /// where the last one ended.
    pub fn restore(&mut self, slice: Slice) {
        if let Some(last) = self.closed.back() {
            assert_eq!(last.next(), slice.first, "recovered slices follow one another");
        }
        self.staged_first = slice.next();
        self.closed_bytes += slice.bytes.len();
        self.closed.push_back(slice);
    }

    /// The position of the next record.
    pub fn next(&self) -> Seq {
        Seq(self.staged_first.0 + self.ends.len() as u64)
    }

    /// How many records are staged.
    pub fn staged(&self) -> usize {
        self.ends.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.closed_bytes + self.staged.len()
    }

    /// Encodes a record at the next position, which it returns.
    pub fn stage(&mut self, record: &Record) -> Seq {
        let seq = self.next();
        codec::encode_into(record, &mut self.staged);
        let end = u32::try_from(self.staged.len());
        self.ends.push(end.expect("a slice is handed over long before 4 GiB"));
        seq
    }

    /// Closes what is staged, for the committer. `None` when nothing is.
    pub fn close(&mut self) -> Option<Slice> {
        if self.ends.is_empty() {
            return None;
        }
        let slice = Slice {
            shard: self.shard,
            epoch: self.epoch,
            first: self.staged_first,
            bytes: Arc::new(self.staged.clone()),
            ends: Arc::new(self.ends.clone()),
        };
        // The buffers are used again: a slice takes no more memory than its records.
        self.staged.clear();
        self.ends.clear();
        self.staged_first = slice.next();
        self.closed_bytes += slice.bytes.len();
        self.closed.push_back(slice.clone());
        if self.closed.len() - self.joined >= JOINED {
            self.join();
        }
        Some(slice)
    }

    /// Joins the slices that are not joined yet into one, unless they are large.
    fn join(&mut self) {
        let bytes: usize = self.closed.range(self.joined..).map(|slice| slice.bytes.len()).sum();
        if bytes <= JOINED_BYTES_MAX {
            let mut whole = Slice {
                bytes: Arc::new(Vec::with_capacity(bytes)),
                ends: Arc::new(Vec::new()),
                ..self.closed[self.joined].clone()
            };
            let (all, ends) = (Arc::make_mut(&mut whole.bytes), Arc::make_mut(&mut whole.ends));
            for slice in self.closed.drain(self.joined..) {
                let offset = u32::try_from(all.len()).expect("bounded just above");
                all.extend_from_slice(&slice.bytes);
                ends.extend(slice.ends.iter().map(|end| end + offset));
            }
            self.closed.push_back(whole);
        }
        self.joined = self.closed.len();
    }

    /// Where a closed record is; `None` when it has gone to history.
    pub fn find(&self, seq: Seq) -> Option<RecordBytes> {
        let at = self.closed.partition_point(|slice| slice.next() <= seq);
        let slice = self.closed.get(at)?;
        let index = usize::try_from(seq.0.checked_sub(slice.first.0)?).ok()?;
        (index < slice.len()).then(|| RecordBytes { slice: slice.clone(), index })
    }

    /// A record that has not gone to history, closed or staged.
    pub fn record(&self, seq: Seq) -> Option<Record> {
        let decode = |bytes: &[u8]| codec::decode(bytes).expect("we encoded it");
        if let Some(found) = self.find(seq) {
            return Some(decode(found.get()));
        }
        let index = usize::try_from(seq.0.checked_sub(self.staged_first.0)?).ok()?;
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Some(decode(&self.staged[start..end]))
    }

    /// Forgets slices that end before a position.
    pub fn forget_before(&mut self, keep_from: Seq) {
        while let Some(slice) = self.closed.pop_front_if(|slice| slice.next() <= keep_from) {
            self.closed_bytes -= slice.bytes.len();
            self.joined = self.joined.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::id::{EntityId, WalletId};
    use bursar_domain::record::Verdict;
    use bursar_domain::time::Timestamp;

    fn record(n: u64) -> Record {
        Record {
            at: Timestamp::from_millis(i64::try_from(n).expect("small")).expect("in range"),
            entity: EntityId::wallet(&WalletId::parse("w").expect("well-formed")),
            key: None,
            verdict: Verdict::Wallet(Vec::new()),
        }
    }

    #[test]
    fn every_record_is_found_until_it_is_forgotten() {
        let mut tail = Tail::new(ShardId(3), 1, Seq(11));
        for n in 11..=1_000 {
            assert_eq!(tail.stage(&record(n)), Seq(n));
            if n % 3 == 0 {
                let slice = tail.close().expect("something is staged");
                assert_eq!(slice.next(), Seq(n + 1));
            }
        }
        tail.forget_before(Seq(500));
        for n in 11..=1_000 {
            match tail.record(Seq(n)) {
                Some(found) => assert_eq!(found, record(n)),
                None => assert!(n < 500, "{n} was forgotten too soon"),
            }
        }
        assert!(tail.record(Seq(11)).is_none());
        assert!(tail.record(Seq(1_001)).is_none());
        let closed: usize = tail.closed.iter().map(|slice| slice.bytes.len()).sum();
        assert_eq!(closed + tail.staged.len(), tail.bytes());
    }
}
