//! The books of one shard: per currency, what its accounts hold, what came from outside, what was
//! sent to and received from other entities.
//!
//! Each record keeps `accounts + external + sent - received = 0` (invariant 12), asserted here.
//! That an event moves the entity's own balance by exactly what it books is asserted where it is
//! applied, and `bursar verify` recomputes both from the records. Over all shards,
//! `sent - received` is what is in transit.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use bursar_domain::currency::Currency;
use bursar_domain::id::Seq;
use bursar_domain::message::Movement;
use bursar_domain::money::Total;
use bursar_domain::record::Record;

/// The sums of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Line {
    /// What the accounts hold.
    pub accounts: Total,
    /// The outside world's account: minus what came in.
    pub external: Total,
    /// All that was ever sent to other entities.
    pub sent: Total,
    /// All that was ever received from other entities.
    pub received: Total,
}

impl Line {
    fn add(&mut self, movement: &Movement) {
        let sum = |total: Total, amount| total.checked_add(amount).expect("a total is wide enough");
        self.accounts = sum(self.accounts, movement.account);
        self.external = sum(self.external, movement.external);
        self.sent = sum(self.sent, movement.sent);
        self.received = sum(self.received, movement.received);
    }

    /// Adds the sums of another shard.
    pub fn merge(&mut self, other: &Self) {
        let sum = |a: Total, b: Total| a.checked_add_total(b).expect("a total is wide enough");
        self.accounts = sum(self.accounts, other.accounts);
        self.external = sum(self.external, other.external);
        self.sent = sum(self.sent, other.sent);
        self.received = sum(self.received, other.received);
    }

    /// What is on its way.
    pub fn in_transit(&self) -> Total {
        let minor = self.sent.minor() - self.received.minor();
        Total::from_minor(minor)
    }

    /// Accounts, in transit and external together; zero when the books are right.
    pub fn sum(&self) -> Total {
        let minor = self.accounts.minor() + self.external.minor() + self.in_transit().minor();
        Total::from_minor(minor)
    }
}

/// The sums of one shard up to a position.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Books {
    /// The last record in these sums.
    pub covers: Seq,
    /// The sums, by currency.
    pub lines: BTreeMap<Currency, Line>,
}

impl Books {
    /// Adds a record. Records come in order; what is covered already is skipped.
    pub fn add(&mut self, record: &Record, seq: Seq) {
        if seq <= self.covers {
            return;
        }
        record.movements(|movement| {
            let line = self.lines.entry(movement.currency).or_default();
            line.add(&movement);
            assert_eq!(
                line.sum().minor(),
                0_i128,
                "{} at {seq} unbalances the books",
                record.entity
            );
        });
        self.covers = seq;
    }
}
