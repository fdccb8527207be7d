//! The cut: how far every shard is durable, all at one commit.
//!
//! Whoever wants one consistent picture of all shards asks here. A shard alone says how far it is
//! by itself, but two shards asked one after the other may show a receipt without what was sent. A
//! cut is the state after a whole commit: a message leaves only after its record is durable, so
//! whatever is in a cut, its causes are in it too.
//!
//! Invariants: it is raised by the committer's thread alone, before anyone is answered, so it holds
//! everything that was acknowledged; positions only grow.

use std::sync::{Arc, Mutex, PoisonError};

use bursar_domain::id::{Seq, ShardId};

/// The last durable position of each shard, by its number.
#[derive(Clone, Debug)]
pub struct Cut(Arc<Mutex<Vec<Seq>>>);

impl Cut {
    /// A cut at these positions.
    pub fn at(positions: Vec<Seq>) -> Self {
        Self(Arc::new(Mutex::new(positions)))
    }

    /// A commit is durable.
    pub fn raise(&self, durable: &[(ShardId, Seq)]) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (shard, seq) in durable {
            let position = &mut positions[usize::from(shard.0)];
            assert!(*seq > *position, "shard {} at {position} was given {seq}", shard.0);
            *position = *seq;
        }
    }

    /// The positions after the last commit.
    pub fn positions(&self) -> Vec<Seq> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_raises_its_shards_and_leaves_the_others() {
        let cut = Cut::at(vec![Seq(3), Seq(0), Seq(7)]);
        let other = cut.clone();
        other.raise(&[(ShardId(1), Seq(2)), (ShardId(0), Seq(4))]);
        assert_eq!(cut.positions(), [Seq(4), Seq(2), Seq(7)]);
    }

    #[test]
    #[should_panic(expected = "shard 2 at 7 was given 7")]
    fn it_never_goes_back() {
        Cut::at(vec![Seq(3), Seq(0), Seq(7)]).raise(&[(ShardId(2), Seq(7))]);
    }
}
