//! Which records of a shard have sent messages that are not acknowledged yet.
//!
//! The journal keeps a record until all its messages are acknowledged, so that they can be made
//! again after a crash. Only positions and counts are kept here; the messages themselves are on
//! their way. Each message is acknowledged once: within a process it is delivered once.

use std::collections::VecDeque;

use bursar_domain::id::Seq;

use crate::shard::work::Cause;

/// A record, how many of its messages are missing, and what led to it.
type Sent = (Seq, u32, Cause);

/// The unacknowledged messages of one shard, by sending record.
#[derive(Debug, Default)]
pub struct Outbox {
    records: VecDeque<Sent>,
    unasked: usize,
}

impl Outbox {
    /// A record sends a message, perhaps not its first. Records come in order.
    pub fn sent(&mut self, seq: Seq, cause: Cause) {
        self.unasked += usize::from(cause == Cause::Itself);
        match self.records.back_mut() {
            Some((last, missing, _)) if *last == seq => *missing += 1,
            last => {
                assert!(last.is_none_or(|last| last.0 < seq), "messages are sent in order");
                self.records.push_back((seq, 1, cause));
            }
        }
    }

    /// A receiver has its message on disk.
    pub fn acknowledge(&mut self, seq: Seq) {
        if let Ok(at) = self.records.binary_search_by_key(&seq, |sent| sent.0) {
            let (_, missing, cause) = &mut self.records[at];
            *missing = missing.checked_sub(1).expect("a message is acknowledged once");
            self.unasked -= usize::from(*cause == Cause::Itself);
        }
        while self.records.front().is_some_and(|(_, missing, _)| *missing == 0) {
            self.records.pop_front();
        }
    }

    /// The oldest record whose message is not acknowledged.
    pub fn oldest(&self) -> Option<Seq> {
        self.records.front().map(|sent| sent.0)
    }

    /// How many are waiting, counting acknowledged ones behind an older one.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// How many messages are missing that no client's request has sent.
    pub fn unasked(&self) -> usize {
        self.unasked
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unacknowledged_holds_the_line() {
        let mut outbox = Outbox::default();
        for seq in [3, 5, 9] {
            outbox.sent(Seq(seq), Cause::Asked);
        }
        outbox.acknowledge(Seq(5));
        outbox.acknowledge(Seq(4));
        assert_eq!(outbox.oldest(), Some(Seq(3)));
        outbox.acknowledge(Seq(3));
        assert_eq!((outbox.oldest(), outbox.len()), (Some(Seq(9)), 1));
        outbox.acknowledge(Seq(9));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_record_waits_for_all_its_messages() {
        let mut outbox = Outbox::default();
        for seq in [4, 4, 4] {
            outbox.sent(Seq(seq), Cause::Itself);
        }
        outbox.sent(Seq(6), Cause::Asked);
        outbox.acknowledge(Seq(4));
        outbox.acknowledge(Seq(6));
        assert_eq!(outbox.unasked(), 2);
        outbox.acknowledge(Seq(4));
        assert_eq!((outbox.oldest(), outbox.len()), (Some(Seq(4)), 2));
        outbox.acknowledge(Seq(4));
        assert!(outbox.is_empty() && outbox.unasked() == 0);
    }
}
