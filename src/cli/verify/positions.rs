//! Every position of every shard, from 1 to the last, has exactly one record.
//!
//! The journal proves this for its own part. What was trimmed lies scattered over the histories of
//! the shard's entities; put together again they must leave no gap and have nothing twice. One bit
//! a position is enough for that: 125 KB for a million records.
//!
//! The journal knows the last position of each shard, even when it has no record left. So a position
//! that cannot be is refused and never makes room for itself.

use bursar_domain::id::{Seq, ShardId};

use super::faults::Faults;

/// How many gaps of a shard are named.
const GAPS_NAMED: usize = 5;

/// The positions of all shards.
#[derive(Debug)]
pub(super) struct Positions(Vec<Shard>);

#[derive(Debug, Default)]
struct Shard {
    end: u64,
    seen: Vec<u64>,
    count: u64,
}

/// What is wrong with a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Misplaced {
    /// Another record has it.
    Twice,
    /// It is 0 or after the shard's end, which is given.
    Outside(Seq),
}

impl Positions {
    /// Shards with their last positions.
    pub(super) fn new(ends: impl Iterator<Item = Seq>) -> Self {
        Self(ends.map(|end| Shard { end: end.0, ..Shard::default() }).collect())
    }

    /// A record was found.
    pub(super) fn add(&mut self, shard: ShardId, seq: Seq) -> Option<Misplaced> {
        let shard = &mut self.0[usize::from(shard.0)];
        if seq.0 == 0 || seq.0 > shard.end {
            return Some(Misplaced::Outside(Seq(shard.end)));
        }
        let word = usize::try_from(seq.0 / 64).expect("a position of a journal on this machine");
        if word >= shard.seen.len() {
            shard.seen.resize(word + 1, 0);
        }
        let bit = 1 << (seq.0 % 64);
        if shard.seen[word] & bit != 0 {
            return Some(Misplaced::Twice);
        }
        shard.seen[word] |= bit;
        shard.count += 1;
        None
    }

    /// How many records there are.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|shard| shard.count).sum()
    }

    /// The last position of a shard.
    pub(super) fn end(&self, shard: ShardId) -> Seq {
        Seq(self.0[usize::from(shard.0)].end)
    }

    /// All records have been given: names the gaps.
    pub(super) fn judge(&self, faults: &mut Faults) {
        for (number, shard) in self.0.iter().enumerate() {
            let missing = shard.end - shard.count;
            if missing > 0 {
                let gaps = shard.gaps(GAPS_NAMED).join(", ");
                let what = format!(
                    "{missing} of {} records are in no history and not in the journal: {gaps}",
                    shard.end
                );
                faults.wrong(format_args!("shard {number}"), what);
            }
        }
    }
}

impl Shard {
    fn has(&self, seq: u64) -> bool {
        let word = usize::try_from(seq / 64).ok().and_then(|word| self.seen.get(word));
        word.is_some_and(|word| word & (1 << (seq % 64)) != 0)
    }

    /// The first gaps, as `7` or `7 to 9`.
    fn gaps(&self, limit: usize) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut seq = 1;
        while seq <= self.end {
            let first = seq;
            while seq <= self.end && !self.has(seq) {
                seq += 1;
            }
            if seq > first && gaps.len() == limit {
                gaps.push("and more".to_owned());
                break;
            }
            match seq - first {
                0 => seq += 1,
                1 => gaps.push(first.to_string()),
                _ => gaps.push(format!("{first} to {}", seq - 1)),
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_doubles_are_named() {
        let mut positions = Positions::new([Seq(200), Seq(0)].into_iter());
        let shard = ShardId(0);
        let missing = [1, 64, 65, 66, 200];
        for seq in (1..=200).filter(|seq| !missing.contains(seq)) {
            assert_eq!(positions.add(shard, Seq(seq)), None);
        }
        assert_eq!(positions.add(shard, Seq(2)), Some(Misplaced::Twice));
        for seq in [0, 201, u64::MAX] {
            assert_eq!(positions.add(shard, Seq(seq)), Some(Misplaced::Outside(Seq(200))));
        }
        assert_eq!(positions.add(ShardId(1), Seq(1)), Some(Misplaced::Outside(Seq(0))));
        let mut faults = Faults::default();
        positions.judge(&mut faults);
        assert_eq!(faults.kept().len(), 1);
        assert!(faults.kept()[0].what.ends_with("1, 64 to 66, 200"), "{:?}", faults.kept());
    }
}
