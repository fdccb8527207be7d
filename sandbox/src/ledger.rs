//! The processor's ledger: every transaction and refund it booked, once each, in order.
//!
//! It is append-only. A pending entry is not changed when its time has come: how an entry stands
//! is computed from the instant of the question, so the first answer of a key stays what it was
//! and nothing has to run in the background.
//!
//! What becomes known later than it was booked stands in an index by that time, so that those of
//! the last days are found without a walk through the whole ledger ([`Ledger::settled`]).
//!
//! Invariants: one entry per key, pulls, pushes and refunds together; the refunds of a pull that
//! succeeded or may yet succeed are never more than what was pulled; ids are made from the seed
//! and the key, so a key has the same id in every run of the same seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bursar_domain::currency::Currency;
use bursar_domain::money::{Amount, Total};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::change::Misfit;
use crate::conduct::Verdict;
use crate::faults::Then;
use crate::journal::forms;
use crate::problem::{Code, Problem};

/// The code of a refund that is more than is left of its transaction.
const EXCEEDS: &str = "exceeds-transaction";

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum What {
    /// Take from the account.
    Pull {
        /// The client's words.
        reference: Box<str>,
    },
    /// Give to the account.
    Push {
        /// The client's words.
        reference: Box<str>,
    },
    /// Give back what was pulled.
    Refund {
        /// The place of the entry that is given back.
        of: usize,
    },
}

/// An order to move money; the content that a key stands for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// What is to be done.
    pub(crate) what: What,
    /// With which account.
    pub(crate) account: Arc<str>,
    /// How much, above zero.
    #[serde(rename = "amount_minor", with = "forms::minor")]
    pub(crate) amount: Amount,
    /// In which currency.
    #[serde(with = "forms::currency")]
    pub(crate) currency: Currency,
}

/// How an order ended, or will end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Final {
    Succeeded,
    Declined(Arc<str>),
    /// It never ends: it stays pending.
    Silent,
}

/// How an order stands, at some instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing<'a> {
    /// Money moved.
    Succeeded,
    /// It did not, with the reason.
    Declined(&'a str),
    /// It is not known yet.
    Pending,
}

impl Standing<'_> {
    /// Its word in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Declined(_) => "declined",
            Self::Pending => "pending",
        }
    }

    /// The reason, if it was declined.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Declined(code) => Some(code),
            Self::Succeeded | Self::Pending => None,
        }
    }
}

/// An order that was booked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The processor's name for it.
    pub(crate) id: Arc<str>,
    /// The client's.
    pub(crate) key: Arc<str>,
    /// What was ordered.
    pub(crate) order: Order,
    /// When it was booked.
    #[serde(rename = "at_ms", with = "forms::millis")]
    pub(crate) at: Timestamp,
    /// When it was or will be known how it ends.
    #[serde(rename = "settled_at_ms", with = "forms::millis")]
    pub(crate) settled_at: Timestamp,
    outcome: Final,
    /// The places of the refunds of this entry.
    #[serde(skip)]
    refunds: Vec<usize>,
}

impl Entry {
    /// How it stood when it was booked, which is the answer of its key.
    pub(crate) fn first(&self) -> Standing<'_> {
        self.standing(self.at)
    }

    /// How it stands.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing<'_> {
        match &self.outcome {
            _ if now < self.settled_at => Standing::Pending,
            Final::Succeeded => Standing::Succeeded,
            Final::Declined(code) => Standing::Declined(code),
            Final::Silent => Standing::Pending,
        }
    }

    /// How it ends, and when; nothing is known of what stays pending for ever.
    pub(crate) fn end(&self) -> (Then, Option<Timestamp>) {
        match &self.outcome {
            Final::Succeeded => (Then::Succeeded, Some(self.settled_at)),
            Final::Declined(_) => (Then::Failed, Some(self.settled_at)),
            Final::Silent => (Then::Silent, None),
        }
    }
}

/// The sums of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    /// Taken from accounts.
    pub(crate) pulled: Total,
    /// Given to accounts.
    pub(crate) pushed: Total,
    /// Given back of what was taken.
    pub(crate) refunded: Total,
}

impl Sums {
    /// What was taken and not given back or to others.
    pub(crate) fn net(&self) -> Total {
        Total::from_minor(self.pulled.minor() - self.refunded.minor() - self.pushed.minor())
    }
}

/// What the processor booked.
#[derive(Debug)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    by_key: HashMap<Arc<str>, usize>,
    by_id: HashMap<Arc<str>, usize>,
    /// Those that are settled later than they were booked, by when.
    later: BTreeSet<(Timestamp, usize)>,
    seed: u64,
    entries_max: usize,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(seed: u64, entries_max: usize) -> Self {
        let (entries, by_key, by_id) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { entries, by_key, by_id, later: BTreeSet::new(), seed, entries_max }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry with this place.
    pub(crate) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    /// The entry with this key.
    pub(crate) fn by_key(&self, key: &str) -> Option<&Entry> {
        self.by_key.get(key).map(|&index| &self.entries[index])
    }

    /// The place of the transaction with this id. Refunds are none.
    pub(crate) fn transaction(&self, id: &str) -> Option<usize> {
        let index = *self.by_id.get(id)?;
        match &self.entries[index].order.what {
            What::Pull { .. } | What::Push { .. } => Some(index),
            What::Refund { .. } => None,
        }
    }

    /// The places of those that were settled from an instant on and until now, in the order of
    /// booking. Among them are some that were not, as their standing says.
    pub(crate) fn settled(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> impl Iterator<Item = usize> + use<> {
        // What was booked since then was not settled before, and time never goes back.
        let booked = self.entries.partition_point(|entry| entry.at < since)..self.entries.len();
        let settled = self.later.range((since, 0)..=(now, usize::MAX)).map(|(_, index)| *index);
        let mut before: Vec<_> = settled.filter(|index| *index < booked.start).collect();
        before.sort_unstable();
        before.into_iter().chain(booked)
    }

    /// The entry that a key has already; refused when it is one of another order.
    pub(crate) fn booked(&self, key: &str, order: &Order) -> Result<Option<&Entry>, Problem> {
        match self.by_key(key) {
            Some(entry) if entry.order != *order => {
                let detail = "this Idempotency-Key was used for another order; take a new one";
                Err(Problem::new(Code::KeyReused, detail))
            }
            found => Ok(found),
        }
    }

    /// Draws up the entry of an order whose key is free; [`Ledger::append`] books it.
    pub(crate) fn draw_up(
        &self,
        key: &str,
        order: Order,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Entry, Problem> {
        if self.entries.len() >= self.entries_max {
            return Err(Problem::full());
        }
        let (delay, outcome) = match verdict {
            Verdict::Fair => (Duration::ZERO, Final::Succeeded),
            Verdict::Declined(code) => (Duration::ZERO, Final::Declined(code)),
            Verdict::Pending { delay, code } => {
                (delay, code.map_or(Final::Succeeded, Final::Declined))
            }
            Verdict::Silent => (Duration::ZERO, Final::Silent),
        };
        let (prefix, (delay, outcome)) = match &order.what {
            What::Refund { of } if order.amount > self.refundable(*of, now) => {
                ("prf", (Duration::ZERO, Final::Declined(EXCEEDS.into())))
            }
            What::Refund { .. } => ("prf", (delay, outcome)),
            What::Pull { .. } | What::Push { .. } => ("ptx", (delay, outcome)),
        };
        let number = xxh3_128_with_seed(key.as_bytes(), self.seed);
        Ok(Entry {
            id: format!("{prefix}_{number:032x}").into(),
            key: key.into(),
            order,
            at: now,
            settled_at: later(now, delay),
            outcome,
            refunds: Vec::new(),
        })
    }

    /// Books an entry. Its id is kept as it is, because the seed may be another in each run.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<(), Misfit> {
        let index = self.entries.len();
        if self.by_key.contains_key(&entry.key) || self.by_id.contains_key(&entry.id) {
            return Err(Misfit("its key or id is booked already"));
        }
        match &entry.order.what {
            What::Refund { of } => {
                let refunded = self.entries.get_mut(*of);
                refunded.ok_or(Misfit("it refunds what is not booked"))?.refunds.push(index);
            }
            What::Pull { .. } | What::Push { .. } => {}
        }
        self.by_key.insert(Arc::clone(&entry.key), index);
        self.by_id.insert(Arc::clone(&entry.id), index);
        if entry.settled_at > entry.at {
            self.later.insert((entry.settled_at, index));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// What is left of a pull: nothing, unless it succeeded.
    fn refundable(&self, of: usize, now: Timestamp) -> Amount {
        let entry = &self.entries[of];
        let pulled = match &entry.order.what {
            What::Pull { .. } => entry.standing(now) == Standing::Succeeded,
            What::Push { .. } | What::Refund { .. } => false,
        };
        if !pulled {
            return Amount::ZERO;
        }
        let refunds = entry.refunds.iter().map(|&index| &self.entries[index]);
        let mut held = refunds.filter(|refund| refund.standing(now).code().is_none());
        let left = held
            .try_fold(entry.order.amount, |left, refund| left.checked_sub(refund.order.amount))
            .filter(|left| !left.is_negative());
        left.expect("no more is refunded than was pulled")
    }

    /// The sums of the first `end` entries that succeeded, by currency.
    pub(crate) fn sums(&self, end: usize, now: Timestamp) -> BTreeMap<Currency, Sums> {
        let mut sums: BTreeMap<Currency, Sums> = BTreeMap::new();
        for entry in &self.entries[..end] {
            if entry.standing(now) != Standing::Succeeded {
                continue;
            }
            let sums = sums.entry(entry.order.currency).or_default();
            let total = match &entry.order.what {
                What::Pull { .. } => &mut sums.pulled,
                What::Push { .. } => &mut sums.pushed,
                What::Refund { .. } => &mut sums.refunded,
            };
            let added = total.checked_add(entry.order.amount);
            *total = added.expect("a total holds more amounts than a ledger has");
        }
        sums
    }
}

/// An instant so much later, or the latest there is.
fn later(at: Timestamp, delay: Duration) -> Timestamp {
    let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.millis().saturating_add(delay_ms)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
