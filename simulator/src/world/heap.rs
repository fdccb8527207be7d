//! What is going to happen, in the order of time.
//!
//! What is due at the same instant comes in an order that is drawn. An event of a process that has
//! ended since is left out: each process has a number.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use bursar_actors::gateway::queue::Ticket;
use bursar_actors::gateway::transport::Attempt;
use bursar_actors::shard::messages::Ring;
use bursar_domain::call::{Answered, Party};
use bursar_domain::errand::Brought;
use bursar_domain::id::EntityId;

use crate::chance::Chance;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Event {
    /// A client sends an operation, by its place in the plan.
    Send(usize),
    /// A listener reads on in the stream of outcomes.
    Follow,
    /// A fault of the machine begins or ends, by its place in the scenario.
    Fault(usize, Edge),
    /// The process is started again.
    Start,
    /// Something of the process with this number.
    Of(u32, OfProcess),
}

/// The two ends of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edge {
    /// It begins.
    Begin,
    /// It ends.
    End,
}

/// Something that happens to a process.
#[derive(Debug)]
pub(super) enum OfProcess {
    /// The disk has done what the committer asked.
    Committed,
    /// The disk has done what the storage asked.
    Stored,
    /// A shard looks at its timers.
    Ring(usize, Ring),
    /// Every shard looks around.
    Tick,
    /// A gateway looks around.
    Gate(Party),
    /// An attempt has ended.
    Ended(Party, Ticket, Box<Attempt>),
    /// A third party's answer comes to who called, past the gateway: once more.
    Again(EntityId, Answered),
    /// An errand has brought something.
    Brought(EntityId, Box<Brought>),
}

struct Entry {
    at_us: u64,
    drawn: u64,
    event: Event,
}

impl Entry {
    fn key(&self) -> (u64, u64) {
        (self.at_us, self.drawn)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The earliest is the greatest.
        other.key().cmp(&self.key())
    }
}

/// What is going to happen.
pub(super) struct Heap {
    entries: BinaryHeap<Entry>,
    chance: Chance,
}

impl Heap {
    /// Nothing yet.
    pub(super) fn new(chance: Chance) -> Self {
        Self { entries: BinaryHeap::new(), chance }
    }

    /// Something will happen at an instant, in microseconds since the beginning.
    pub(super) fn put(&mut self, at_us: u64, event: Event) {
        let drawn = self.chance.next_u64();
        self.entries.push(Entry { at_us, drawn, event });
    }

    /// When the next thing happens.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.entries.peek().map(|entry| entry.at_us)
    }

    /// Takes the next thing.
    pub(super) fn take(&mut self) -> Option<(u64, Event)> {
        self.entries.pop().map(|entry| (entry.at_us, entry.event))
    }
}
