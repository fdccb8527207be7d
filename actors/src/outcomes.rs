//! The stream of outcomes: what happened, in one order, to be followed and resumed.
//!
//! The committer publishes outcomes the moment their records are durable, in the order of commits;
//! nobody else does, so there is one order and every reader sees the same. An outcome's position is
//! its commit and its place in it; both come from the journal, so a position means the same after a
//! crash. The newest outcomes are in memory, all of them on disk from the next save on.
//!
//! Readers pull: each asks for what comes after its own position, so a slow reader costs nothing
//! but itself.
//!
//! Invariant: outcomes leave memory only after they were saved.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bursar_domain::id::Position;
use bursar_domain::message::Outcome;
use tokio::sync::watch;

/// How many saved outcomes stay in memory for readers that follow closely.
const KEPT: usize = 65_536;

/// An outcome with its position.
pub type Placed = (Position, Arc<Outcome>);

/// The newest outcomes.
#[derive(Debug)]
pub struct OutcomeLog {
    inner: Mutex<Inner>,
    newest: watch::Sender<Position>,
}

#[derive(Debug)]
struct Inner {
    recent: VecDeque<Placed>,
    unsaved: usize,
    /// All outcomes up to here are no longer in memory.
    forgotten: Position,
}

/// What comes after a position.
#[derive(Debug)]
pub enum After {
    /// These, in order; none when there is nothing new.
    Here(Vec<Placed>),
    /// Older outcomes than memory has: read them from disk.
    OnDisk,
}

impl OutcomeLog {
    /// A log after everything up to `saved` went to disk.
    pub fn new(saved: Position) -> Self {
        let inner = Inner { recent: VecDeque::new(), unsaved: 0, forgotten: saved };
        Self { inner: Mutex::new(inner), newest: watch::Sender::new(saved) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes outcomes in ascending order. Returns how many are not saved yet.
    pub fn publish(&self, outcomes: Vec<(Position, Outcome)>) -> usize {
        let Some(newest) = outcomes.last().map(|(position, _)| *position) else { return 0 };
        let mut inner = self.lock();
        inner.unsaved += outcomes.len();
        let placed = outcomes.into_iter().map(|(position, outcome)| (position, Arc::new(outcome)));
        inner.recent.extend(placed);
        // Before anyone can read them: a cursor that was given is never after the newest.
        self.newest.send_replace(newest);
        inner.unsaved
    }

    /// The newest position.
    pub fn newest(&self) -> Position {
        *self.newest.borrow()
    }

    /// Tells of each new position.
    pub fn follow(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    /// What comes after a position, at most `limit`.
    pub fn after(&self, position: Position, limit: usize) -> After {
        let inner = self.lock();
        if position < inner.forgotten {
            return After::OnDisk;
        }
        let from = inner.recent.partition_point(|(at, _)| *at <= position);
        After::Here(inner.recent.range(from..).take(limit).cloned().collect())
    }

    /// How many outcomes in memory come after a position.
    pub fn count_after(&self, position: Position) -> usize {
        let inner = self.lock();
        inner.recent.len() - inner.recent.partition_point(|(at, _)| *at <= position)
    }

    /// The outcomes that are not on disk yet, oldest first.
    pub fn unsaved(&self) -> Vec<Placed> {
        let inner = self.lock();
        let from = inner.recent.len() - inner.unsaved;
        inner.recent.range(from..).cloned().collect()
    }

    /// Everything up to a position is on disk.
    pub fn saved(&self, upto: Position) {
        let mut inner = self.lock();
        let saved = inner.recent.partition_point(|(at, _)| *at <= upto);
        inner.unsaved = inner.recent.len() - saved;
        for _ in 0..saved.saturating_sub(KEPT) {
            if let Some((position, _)) = inner.recent.pop_front() {
                inner.forgotten = position;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::currency::Currency;
    use bursar_domain::id::{Seq, WalletId};
    use bursar_domain::message::OutcomeKind;
    use bursar_domain::money::Amount;
    use bursar_domain::time::Timestamp;

    fn outcome(commit: u64) -> (Position, Outcome) {
        let outcome = Outcome {
            kind: OutcomeKind::DepositPosted,
            at: Timestamp::default(),
            wallet: Some(WalletId::parse("w").expect("well-formed")),
            seq: Seq(commit),
            provider: None,
            payment: None,
            amount: Amount::from_minor(1),
            currency: Currency::from_code("EUR").expect("known"),
            balance_after: Amount::from_minor(1),
            description: None,
            effective_at: None,
            about: None,
        };
        (Position { commit, index: 0 }, outcome)
    }

    fn commits(after: After) -> Option<Vec<u64>> {
        match after {
            After::Here(placed) => Some(placed.iter().map(|(at, _)| at.commit).collect()),
            After::OnDisk => None,
        }
    }

    #[test]
    fn a_reader_goes_on_after_its_position() {
        let log = OutcomeLog::new(Position { commit: 2, index: 7 });
        log.publish((3..=6).map(outcome).collect());
        assert_eq!(commits(log.after(Position { commit: 4, index: 0 }, 9)), Some(vec![5, 6]));
        assert_eq!(commits(log.after(Position { commit: 2, index: 7 }, 2)), Some(vec![3, 4]));
        assert_eq!(commits(log.after(Position { commit: 2, index: 6 }, 2)), None);
        assert_eq!(commits(log.after(log.newest(), 9)), Some(vec![]));
    }

    #[test]
    fn only_the_saved_leave_memory() {
        let log = OutcomeLog::new(Position::default());
        let count = KEPT as u64 + 10;
        log.publish((1..=count).map(outcome).collect());
        assert_eq!(log.unsaved().len(), KEPT + 10);
        log.saved(Position { commit: count - 1, index: 0 });
        assert_eq!(log.unsaved().len(), 1);
        assert_eq!(commits(log.after(Position::default(), 1)), None);
        assert_eq!(commits(log.after(Position { commit: 9, index: 0 }, 1)), Some(vec![10]));
    }
}
