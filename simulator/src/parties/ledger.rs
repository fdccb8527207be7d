//! The processor's ledger: what it was asked to move, once for each key, and how that stands.
//!
//! Written from the contract, apart from the sandbox and the domain. An order is booked when it is
//! done, and its first answer is kept: a repeat gives it, whatever has become of it since, and only
//! a question by key tells how it stands now. What is being worked on is not in the ledger yet, but
//! its key is taken.
//!
//! Invariants: one entry for each key, pulls, pushes and refunds together; the refunds of a pull
//! that were not declined are never more than it; an end is never another one later.

use super::faults::Then;
use super::mark::{ByMark, Mark};

/// Which way money went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Moved {
    /// From the account.
    Pull,
    /// To the account.
    Push,
    /// Back to the account.
    Refund,
}

/// How an entry stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// The money moved.
    Succeeded,
    /// It did not and never will.
    Declined,
    /// Not decided yet.
    Pending,
}

/// What was asked for under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The asker's name for it.
    pub key: Box<str>,
    /// The processor's.
    pub id: Box<str>,
    /// Which way.
    pub kind: Moved,
    /// With which account.
    pub account: Box<str>,
    /// How much, in minor units, above zero.
    pub minor: i64,
    /// Of which currency.
    pub currency: &'static str,
    /// How it stands.
    pub state: State,
    /// How it stood when it was booked: the answer to each repeat.
    pub first: State,
    /// Why it was declined.
    pub code: Option<&'static str>,
    /// When it was booked.
    pub at_ms: i64,
    /// When it came to stand as it does.
    pub ended_ms: i64,
    /// How often the processor was asked for it; questions by key are not counted.
    pub asked: u32,
    /// What a refund gives back: the place of a pull in the ledger.
    pub of: Option<usize>,
    /// What of a pull was given back, or is about to be.
    pub returned: i64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    pub(super) key: &'a str,
    pub(super) kind: Moved,
    /// Empty for a refund: it goes where it came from.
    pub(super) account: &'a str,
    pub(super) minor: i64,
    pub(super) currency: &'static str,
    pub(super) of: Option<usize>,
}

/// What is decided about an order that is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Fair,
    Declined(&'static str),
    Pending(Then, i64),
}

/// What is known of an order's key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// It is booked here.
    Booked(usize),
    /// It is being worked on.
    Underway,
    /// It is something else.
    Other,
}

/// How what is pending ends, and how long after it was booked.
pub(super) type Ending = (Then, i64);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    by_key: ByMark<usize>,
    /// What ended, and when: in the order of time.
    ended: Vec<(i64, usize)>,
    underway: ByMark<(Entry, Option<Ending>)>,
}

impl Ledger {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entry(&self, at: usize) -> &Entry {
        &self.entries[at]
    }

    pub(super) fn ended(&self, from_ms: i64, until_ms: i64) -> impl Iterator<Item = &Entry> {
        let begin = self.ended.partition_point(|(at_ms, _)| *at_ms < from_ms);
        let there = self.ended[begin..].iter().take_while(move |(at_ms, _)| *at_ms <= until_ms);
        there.map(|(_, at)| &self.entries[*at])
    }

    pub(super) fn find(&self, mark: Mark, key: &str) -> Option<usize> {
        let at = *self.by_key.get(&mark)?;
        assert_eq!(&*self.entries[at].key, key, "two keys with one mark");
        Some(at)
    }

    /// Where what has this mark is booked.
    pub(super) fn place(&self, mark: Mark) -> Option<usize> {
        self.by_key.get(&mark).copied()
    }

    /// What is known of the order's key; it is counted as asked for once more.
    pub(super) fn ask(&mut self, mark: Mark, order: &Order<'_>) -> Known {
        if let Some((entry, _)) = self.underway.get_mut(&mark) {
            entry.asked += 1;
            return if is_of(entry, order) { Known::Underway } else { Known::Other };
        }
        let Some(at) = self.find(mark, order.key) else { return Known::New };
        let entry = &mut self.entries[at];
        entry.asked += 1;
        if is_of(entry, order) { Known::Booked(at) } else { Known::Other }
    }

    /// Draws up the entry of a new order, as it is booked at an instant. What a refund takes of its
    /// pull is set aside.
    pub(super) fn draw_up(
        &mut self,
        order: &Order<'_>,
        mark: Mark,
        verdict: Verdict,
        at_ms: i64,
    ) -> Entry {
        let declined = match (self.covers(order), verdict) {
            (false, _) => Some("exceeds-transaction"),
            (true, Verdict::Declined(code)) => Some(code),
            (true, Verdict::Fair | Verdict::Pending(..)) => None,
        };
        let state = match (declined, verdict) {
            (Some(_), _) => State::Declined,
            (None, Verdict::Pending(..)) => State::Pending,
            (None, Verdict::Fair | Verdict::Declined(_)) => State::Succeeded,
        };
        if let (Some(of), None) = (order.of, declined) {
            self.entries[of].returned += order.minor;
        }
        let account = match order.of {
            Some(of) => self.entries[of].account.clone(),
            None => order.account.into(),
        };
        let prefix = if order.kind == Moved::Refund { "prf" } else { "ptx" };
        Entry {
            key: order.key.into(),
            id: format!("{prefix}_{:016x}", mark.0).into(),
            kind: order.kind,
            account,
            minor: order.minor,
            currency: order.currency,
            state,
            first: state,
            code: declined,
            at_ms,
            ended_ms: at_ms,
            asked: 1,
            of: order.of,
            returned: 0,
        }
    }

    /// Whether enough is left of what is to be given back.
    fn covers(&self, order: &Order<'_>) -> bool {
        let Some(of) = order.of else { return true };
        let pull = &self.entries[of];
        let fits = pull.returned.checked_add(order.minor).is_some_and(|sum| sum <= pull.minor);
        pull.kind == Moved::Pull && pull.state == State::Succeeded && fits
    }

    /// Books an entry.
    pub(super) fn book(&mut self, mark: Mark, entry: Entry) -> usize {
        let at = self.entries.len();
        let before = self.by_key.insert(mark, at);
        assert_eq!(before, None, "{entry:?}: a key is booked once");
        if entry.state != State::Pending {
            self.ended.push((entry.ended_ms, at));
        }
        self.entries.push(entry);
        at
    }

    /// Takes the key of an entry that is booked later. `then` is how it ends if it is pending.
    pub(super) fn begin(&mut self, mark: Mark, entry: Entry, then: Option<Ending>) {
        let before = self.underway.insert(mark, (entry, then));
        assert!(before.is_none() && !self.by_key.contains_key(&mark), "a key is begun once");
    }

    /// Books what was being worked on.
    pub(super) fn finish(&mut self, mark: Mark) -> (usize, Option<Ending>) {
        let (entry, then) = self.underway.remove(&mark).expect("it was begun, and ends once");
        (self.book(mark, entry), then)
    }

    /// What is pending ends.
    pub(super) fn end(&mut self, at: usize, then: Then, now_ms: i64) {
        let entry = &mut self.entries[at];
        if entry.state != State::Pending || then == Then::Silent {
            return;
        }
        entry.ended_ms = now_ms;
        self.ended.push((now_ms, at));
        if then == Then::Succeeded {
            entry.state = State::Succeeded;
            return;
        }
        (entry.state, entry.code) = (State::Declined, Some("insufficient-funds"));
        if let (Some(of), minor) = (entry.of, entry.minor) {
            self.entries[of].returned -= minor;
        }
    }
}

fn is_of(entry: &Entry, order: &Order<'_>) -> bool {
    let same_account = order.of.is_some() || *entry.account == *order.account;
    (&*entry.key, entry.kind, entry.minor, entry.currency, entry.of)
        == (order.key, order.kind, order.minor, order.currency, order.of)
        && same_account
}
