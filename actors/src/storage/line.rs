//! In which order the storage thread does what it was asked: what someone waits for goes first.
//!
//! All shards begin their checkpoints together, and each piece of one is written and synced; an entity
//! that is read for a request would wait behind all of them, half a second and more. Reading for an
//! entity need not wait: what is being saved stays in the memory of its entity until it is told that
//! it is on disk, so a read that comes before sees nothing too little. All else keeps its order.
//!
//! Invariant: after so many reads in a row one of the others is done, so that checkpoints, by which
//! the journal is kept short, come to an end however much is read.

use std::collections::VecDeque;

/// How many reads go before one of the others.
const READS_IN_A_ROW: u32 = 64;

/// What waits.
#[derive(Debug)]
pub struct Line<T> {
    reads: VecDeque<T>,
    others: VecDeque<T>,
    in_a_row: u32,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { reads: VecDeque::new(), others: VecDeque::new(), in_a_row: 0 }
    }
}

impl<T> Line<T> {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.others.is_empty()
    }

    /// Something is asked.
    pub fn push(&mut self, asked: T, is_read: bool) {
        if is_read { &mut self.reads } else { &mut self.others }.push_back(asked);
    }

    /// What is done next.
    pub fn take(&mut self) -> Option<T> {
        let is_others_turn = self.in_a_row >= READS_IN_A_ROW && !self.others.is_empty();
        if !is_others_turn && let Some(read) = self.reads.pop_front() {
            self.in_a_row += 1;
            return Some(read);
        }
        self.in_a_row = 0;
        self.others.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_first_each_in_its_order() {
        let mut line = Line::default();
        for (asked, is_read) in [(1, false), (2, true), (3, false), (4, true)] {
            line.push(asked, is_read);
        }
        let done: Vec<u32> = std::iter::from_fn(|| line.take()).collect();
        assert_eq!(done, [2, 4, 1, 3]);
        assert!(line.is_empty());
    }

    #[test]
    fn the_others_come_to_their_turn_however_much_is_read() {
        let mut line = Line::default();
        line.push(0, false);
        let mut reads = 0;
        loop {
            line.push(1, true);
            match line.take() {
                Some(0) => break,
                Some(_) => reads += 1,
                None => unreachable!("a read was just asked for"),
            }
        }
        assert_eq!(reads, READS_IN_A_ROW);
    }
}
