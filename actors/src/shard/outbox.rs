//! Which records of a shard have sent a message that is not acknowledged yet.
//!
//! The journal keeps a record until its message is acknowledged, so that the message can be made
//! again after a crash. Only positions are kept here; the messages themselves are on their way.

use std::collections::VecDeque;

use bursar_domain::id::Seq;

/// The unacknowledged messages of one shard, by sending record.
#[derive(Debug, Default)]
pub struct Outbox(VecDeque<(Seq, bool)>);

impl Outbox {
    /// A record sends a message. Records come in order.
    pub fn sent(&mut self, seq: Seq) {
        assert!(self.0.back().is_none_or(|(last, _)| *last < seq), "messages are sent in order");
        self.0.push_back((seq, false));
    }

    /// The receiver has it on disk. Acknowledging twice is harmless.
    pub fn acknowledge(&mut self, seq: Seq) {
        if let Ok(at) = self.0.binary_search_by_key(&seq, |(sent, _)| *sent) {
            self.0[at].1 = true;
        }
        while self.0.front().is_some_and(|(_, acknowledged)| *acknowledged) {
            self.0.pop_front();
        }
    }

    /// The oldest record whose message is not acknowledged.
    pub fn oldest(&self) -> Option<Seq> {
        self.0.front().map(|(seq, _)| *seq)
    }

    /// How many are waiting, counting acknowledged ones behind an older one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unacknowledged_holds_the_line() {
        let mut outbox = Outbox::default();
        for seq in [3, 5, 9] {
            outbox.sent(Seq(seq));
        }
        outbox.acknowledge(Seq(5));
        outbox.acknowledge(Seq(4));
        assert_eq!(outbox.oldest(), Some(Seq(3)));
        outbox.acknowledge(Seq(3));
        outbox.acknowledge(Seq(3));
        assert_eq!((outbox.oldest(), outbox.len()), (Some(Seq(9)), 1));
        outbox.acknowledge(Seq(9));
        assert!(outbox.is_empty());
    }
}
