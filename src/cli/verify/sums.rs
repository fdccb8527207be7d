//! The sums: per currency over everything, and per shard as far as its saved books go.
//!
//! Every event adds what it moves. Over all shards, accounts (the final balances of the entities),
//! what is in transit (the messages that have not arrived) and the outside world must come to
//! zero: three numbers from three places. And what a shard saved as its books must be the sum of
//! its records up to the position that the books say they cover.

use std::collections::BTreeMap;

use bursar_actors::books::{Books, Line};
use bursar_domain::currency::Currency;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::money::Total;
use bursar_snapshots::codec;
use bursar_snapshots::store::{Archive, Result};

use super::faults::Faults;
use super::tail::Tail;
use super::transfers::InTransit;

/// What one event moves, in minor units. What is not named is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Moved {
    pub(super) accounts: i128,
    pub(super) external: i128,
    pub(super) sent: i128,
    pub(super) received: i128,
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.accounts += other.accounts;
        self.external += other.external;
        self.sent += other.sent;
        self.received += other.received;
    }

    fn of(line: &Line) -> Self {
        Self {
            accounts: line.accounts.minor(),
            external: line.external.minor(),
            sent: line.sent.minor(),
            received: line.received.minor(),
        }
    }
}

/// The trial balance of one currency, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trial {
    pub(super) accounts: i128,
    pub(super) in_transit: InTransit,
    pub(super) external: i128,
}

impl Trial {
    /// Zero when the books are right.
    pub(super) fn sum(&self) -> i128 {
        self.accounts + self.in_transit.money + self.external
    }
}

#[derive(Debug, Default)]
struct Shard {
    saved: Books,
    covered: BTreeMap<Currency, Moved>,
}

/// All sums.
#[derive(Debug, Default)]
pub(super) struct Sums {
    shards: Vec<Shard>,
    accounts: BTreeMap<Currency, i128>,
    external: BTreeMap<Currency, i128>,
}

impl Sums {
    /// Reads the saved books of all shards; they must reach up to where the journal begins, and not
    /// past where it ends.
    pub(super) fn read(
        archive: &dyn Archive,
        tail: &Tail,
        ends: &[Seq],
        faults: &mut Faults,
    ) -> Result<Self> {
        let mut sums = Self::default();
        for ((number, part), end) in (0..).zip(tail.shards()).zip(ends) {
            let place = format!("the books of shard {number}");
            let mut saved = Books::default();
            if let Some(snapshot) = faults.take(archive.load_shard(ShardId(number)))?.flatten() {
                match codec::decode::<Books>(&snapshot.state) {
                    Ok(books) => saved = books,
                    Err(error) => faults.damaged(&place, error.to_string()),
                }
                if saved.covers != snapshot.covers {
                    let what = format!("they cover {}, not {}", saved.covers, snapshot.covers);
                    faults.damaged(&place, what);
                }
            }
            let covers = saved.covers;
            let first = part.first().unwrap_or(end.next());
            if covers.next() < first {
                let what = format!("they cover {covers}; the journal goes on only at {first}");
                faults.wrong(&place, what);
            }
            if covers > *end {
                faults.wrong(&place, format!("they cover {covers}; the journal ends with {end}"));
            }
            sums.shards.push(Shard { saved, covered: BTreeMap::new() });
        }
        Ok(sums)
    }

    /// The last position that a shard's saved books cover.
    pub(super) fn covers(&self, shard: ShardId) -> Seq {
        self.shards[usize::from(shard.0)].saved.covers
    }

    /// A record moved something.
    pub(super) fn moved(&mut self, shard: ShardId, seq: Seq, currency: Currency, moved: Moved) {
        let shard = &mut self.shards[usize::from(shard.0)];
        if seq <= shard.saved.covers {
            shard.covered.entry(currency).or_default().add(moved);
        }
        *self.external.entry(currency).or_default() += moved.external;
    }

    /// An entity's balance after its last record.
    pub(super) fn account(&mut self, currency: Currency, balance: i128) {
        *self.accounts.entry(currency).or_default() += balance;
    }

    /// The trial balance, currency by currency.
    pub(super) fn trial(
        &self,
        in_transit: &BTreeMap<Currency, InTransit>,
    ) -> BTreeMap<Currency, Trial> {
        let mut trial: BTreeMap<Currency, Trial> = BTreeMap::new();
        for (currency, sum) in &self.accounts {
            trial.entry(*currency).or_default().accounts = *sum;
        }
        for (currency, sum) in &self.external {
            trial.entry(*currency).or_default().external = *sum;
        }
        for (currency, sum) in in_transit {
            trial.entry(*currency).or_default().in_transit = *sum;
        }
        trial
    }

    /// Everything has been added: compares with zero and with the saved books.
    pub(super) fn judge(&self, trial: &BTreeMap<Currency, Trial>, faults: &mut Faults) {
        for (currency, trial) in trial {
            let sum = trial.sum();
            if sum != 0 {
                let what = format!(
                    "accounts {}, in transit {} and external {} come to {} and not to zero",
                    major(trial.accounts, *currency),
                    major(trial.in_transit.money, *currency),
                    major(trial.external, *currency),
                    major(sum, *currency),
                );
                faults.wrong(format_args!("the trial balance in {currency}"), what);
            }
        }
        for (number, shard) in self.shards.iter().enumerate() {
            shard.judge(number, faults);
        }
    }
}

impl Shard {
    fn judge(&self, number: usize, faults: &mut Faults) {
        let mut currencies: Vec<Currency> = self.saved.lines.keys().copied().collect();
        currencies.extend(self.covered.keys());
        currencies.sort_unstable();
        currencies.dedup();
        for currency in currencies {
            let saved = self.saved.lines.get(&currency).map(Moved::of).unwrap_or_default();
            let found = self.covered.get(&currency).copied().unwrap_or_default();
            for (what, saved, found) in [
                ("accounts", saved.accounts, found.accounts),
                ("external", saved.external, found.external),
                ("sent", saved.sent, found.sent),
                ("received", saved.received, found.received),
            ] {
                if saved != found {
                    let place = format_args!("the books of shard {number}, {currency} {what}");
                    let what = format!(
                        "saved as {}; the records up to {} come to {}",
                        major(saved, currency),
                        self.saved.covers,
                        major(found, currency),
                    );
                    faults.wrong(place, what);
                }
            }
        }
    }
}

/// Minor units for people.
pub(super) fn major(minor: i128, currency: Currency) -> String {
    Total::from_minor(minor).to_major(currency)
}
