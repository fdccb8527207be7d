//! The calls that wait in a gateway: by lane, in order of arrival, until they expire.
//!
//! A call has a ticket, given in order of arrival. Within a lane the lowest ticket goes first, and
//! a call that comes back to be tried again keeps its ticket, so it goes before all that came after
//! it. A call that has to wait before it is tried again steps aside until it is ripe: it holds up
//! nobody else.
//!
//! Invariants: a call is in `waiting` and in exactly one of `ready` and `later`; all waiting calls
//! are in `expiring`. Every operation costs the logarithm of the length.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bursar_domain::call::{Call, Lane};
use bursar_domain::id::EntityId;

/// A call's place, in order of arrival at its gateway.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// A call, who waits for its reply, and what came of it so far.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who called.
    pub entity: EntityId,
    /// What is asked.
    pub call: Arc<Call>,
    /// When it came.
    pub since: Duration,
    /// After this instant it is not sent.
    pub expires: Duration,
    /// How often it was tried.
    pub tries: u32,
    /// Why it was not done the last time.
    pub why: Option<Box<str>>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    /// When it may be tried again; `None` when it is ready.
    ripe_at: Option<Duration>,
}

/// The calls that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<Ticket, Waiting>,
    ready: [BTreeSet<Ticket>; 3],
    later: BTreeSet<(Duration, Ticket)>,
    expiring: BTreeSet<(Duration, Ticket)>,
    by_lane: [usize; 3],
}

/// Where a lane stands in an array of all lanes.
pub const fn index(lane: Lane) -> usize {
    match lane {
        Lane::Undo => 0,
        Lane::Interactive => 1,
        Lane::Batch => 2,
    }
}

impl Queue {
    /// Puts a call in its place. With `ripe_at` it steps aside until then.
    pub fn put(&mut self, ticket: Ticket, entry: Entry, ripe_at: Option<Duration>) {
        let lane = index(entry.call.lane);
        let new = match ripe_at {
            Some(at) => self.later.insert((at, ticket)),
            None => self.ready[lane].insert(ticket),
        };
        self.expiring.insert((entry.expires, ticket));
        self.by_lane[lane] += 1;
        let before = self.waiting.insert(ticket, Waiting { entry, ripe_at });
        assert!(new && before.is_none(), "a ticket waits once");
    }

    fn take(&mut self, ticket: Ticket) -> Entry {
        let Waiting { entry, ripe_at } =
            self.waiting.remove(&ticket).expect("only tickets that wait are taken");
        let lane = index(entry.call.lane);
        let placed = match ripe_at {
            Some(at) => self.later.remove(&(at, ticket)),
            None => self.ready[lane].remove(&ticket),
        };
        assert!(placed && self.expiring.remove(&(entry.expires, ticket)), "a call has its places");
        self.by_lane[lane] -= 1;
        entry
    }

    /// Takes out a call that has expired.
    pub fn take_expired(&mut self, now: Duration) -> Option<(Ticket, Entry)> {
        let (expires, ticket) = *self.expiring.first()?;
        (expires < now).then(|| (ticket, self.take(ticket)))
    }

    /// Puts those that are ripe back into their lanes.
    pub fn ripen(&mut self, now: Duration) {
        while let Some((at, ticket)) = self.later.first().copied()
            && at <= now
        {
            self.later.pop_first();
            let waiting = self.waiting.get_mut(&ticket).expect("what is put aside waits");
            waiting.ripe_at = None;
            self.ready[index(waiting.entry.call.lane)].insert(ticket);
        }
    }

    /// Takes out the call that goes first.
    pub fn take_next(&mut self) -> Option<(Ticket, Entry)> {
        let ticket = *self.ready.iter().find_map(BTreeSet::first)?;
        Some((ticket, self.take(ticket)))
    }

    /// Whether a call could go now.
    pub fn has_ready(&self) -> bool {
        self.ready.iter().any(|lane| !lane.is_empty())
    }

    /// When the next one that stepped aside is ripe.
    pub fn ripe_at(&self) -> Option<Duration> {
        self.later.first().map(|(at, _)| *at)
    }

    /// When the next one expires.
    pub fn expires_at(&self) -> Option<Duration> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// When the one that waits longest came.
    pub fn oldest(&self) -> Option<Duration> {
        self.waiting.first_key_value().map(|(_, waiting)| waiting.entry.since)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait in each lane, in the order of [`Lane::ALL`].
    pub fn by_lane(&self) -> [usize; 3] {
        self.by_lane
    }

    /// How many would go before a call that now came to this lane.
    pub fn ahead_of(&self, lane: Lane) -> usize {
        self.by_lane[..=index(lane)].iter().sum()
    }
}
