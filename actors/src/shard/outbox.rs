//! Which records of a shard have sent messages that are not acknowledged yet.
//!
//! The journal keeps a record until all its messages are acknowledged, so that they can be made
//! again after a crash. Only positions and counts are kept here; the messages themselves are on
//! their way. Each message is acknowledged once: within a process it is delivered once.

use std::collections::VecDeque;

use bursar_domain::id::Seq;

/// The unacknowledged messages of one shard, by sending record.
#[derive(Debug, Default)]
pub struct Outbox(VecDeque<(Seq, u32)>);

impl Outbox {
    /// A record sends a message, perhaps not its first. Records come in order.
    pub fn sent(&mut self, seq: Seq) {
        match self.0.back_mut() {
            Some((last, missing)) if *last == seq => *missing += 1,
            last => {
                assert!(last.is_none_or(|(last, _)| *last < seq), "messages are sent in order");
                self.0.push_back((seq, 1));
            }
        }
    }

    /// A receiver has its message on disk.
    pub fn acknowledge(&mut self, seq: Seq) {
        if let Ok(at) = self.0.binary_search_by_key(&seq, |(sent, _)| *sent) {
            let missing = &mut self.0[at].1;
            *missing = missing.checked_sub(1).expect("a message is acknowledged once");
        }
        while self.0.front().is_some_and(|(_, missing)| *missing == 0) {
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
        assert_eq!((outbox.oldest(), outbox.len()), (Some(Seq(9)), 1));
        outbox.acknowledge(Seq(9));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_record_waits_for_all_its_messages() {
        let mut outbox = Outbox::default();
        for seq in [4, 4, 4, 6] {
            outbox.sent(Seq(seq));
        }
        outbox.acknowledge(Seq(4));
        outbox.acknowledge(Seq(6));
        outbox.acknowledge(Seq(4));
        assert_eq!((outbox.oldest(), outbox.len()), (Some(Seq(4)), 2));
        outbox.acknowledge(Seq(4));
        assert!(outbox.is_empty());
    }
}
