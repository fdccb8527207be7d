//! Where all entities write what they find, and how one record is written there.
//!
//! An entity's check folds its records; whatever concerns more than the entity itself (positions,
//! messages, sums, outcomes, sagas and who takes part in them) goes into the one [`Ledger`], which
//! judges when all entities are through. An [`Entry`] is the ledger opened at one record, so that
//! every fault has its place.
//!
//! [`Balance`] and [`Marks`] are the two folds that several kinds share.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::{Answer, Asker, Body, Outcome, Source};
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;

use super::cases::Cases;
use super::draws::Draws;
use super::faults::Faults;
use super::outcomes::Outcomes;
use super::positions::{Misplaced, Positions};
use super::rewards::Rewards;
use super::sums::{Moved, Sums, major};
use super::transfers::{Known, Transfers};
use super::waits::Waiting;

/// What all entities come to.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) shards: u16,
    pub(super) faults: Faults,
    pub(super) positions: Positions,
    pub(super) transfers: Transfers,
    pub(super) sums: Sums,
    pub(super) outcomes: Outcomes,
    pub(super) cases: Cases,
    pub(super) rewards: Rewards,
    pub(super) draws: Draws,
    pub(super) waiting: Waiting,
    /// How many entities there are, by the number of their kind.
    pub(super) entities: [u64; Kind::ALL.len()],
}

/// One record of one entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) id: &'a EntityId,
    pub(super) shard: ShardId,
    pub(super) seq: Seq,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, record {} of shard {}", self.id, self.seq, self.shard.0)
    }
}

/// The ledger at one record.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) place: Place<'a>,
    pub(super) at: Timestamp,
}

impl Entry<'_> {
    /// The record disagrees with what it should be.
    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.ledger.faults.wrong(self.place, what);
    }

    /// The same, if there is anything.
    pub(super) fn wrong_if(&mut self, what: Option<String>) {
        if let Some(what) = what {
            self.wrong(what);
        }
    }

    /// The record takes its position.
    pub(super) fn take_position(&mut self) {
        match self.ledger.positions.add(self.place.shard, self.place.seq) {
            None => {}
            Some(Misplaced::Twice) => self.wrong("another record has the same position"),
            Some(Misplaced::Outside(end)) => {
                self.wrong(format!("the shard's last record is {end}"));
            }
        }
    }

    /// What happened is not later than its record.
    pub(super) fn check_at(&mut self, at: Timestamp) {
        if at > self.at {
            self.wrong(format!("it says that it happened at {at}, after it was recorded"));
        }
    }

    /// Money came from outside.
    pub(super) fn booked(&mut self, currency: Currency, amount: Amount) {
        let amount = i128::from(amount.minor());
        self.moved(currency, Moved { accounts: amount, external: -amount, ..Moved::default() });
    }

    /// Money went back outside.
    pub(super) fn returned(&mut self, currency: Currency, amount: Amount) {
        let amount = i128::from(amount.minor());
        self.moved(currency, Moved { accounts: -amount, external: amount, ..Moved::default() });
    }

    /// Money left for another entity.
    pub(super) fn paid_out(&mut self, currency: Currency, amount: Amount) {
        let amount = i128::from(amount.minor());
        self.moved(currency, Moved { accounts: -amount, sent: amount, ..Moved::default() });
    }

    /// Money came from another entity.
    pub(super) fn paid_in(&mut self, currency: Currency, amount: Amount) {
        let amount = i128::from(amount.minor());
        self.moved(currency, Moved { accounts: amount, received: amount, ..Moved::default() });
    }

    /// Money came from another entity and went outside at once.
    pub(super) fn passed_on(&mut self, currency: Currency, amount: Amount) {
        let amount = i128::from(amount.minor());
        self.moved(currency, Moved { external: amount, received: amount, ..Moved::default() });
    }

    fn moved(&mut self, currency: Currency, moved: Moved) {
        self.ledger.sums.moved(self.place.shard, self.place.seq, currency, moved);
    }

    /// The record sent a message.
    pub(super) fn sent(&mut self, to: &EntityId, body: &Body) {
        let source = Source { shard: self.place.shard, seq: self.place.seq };
        self.ledger.transfers.sent(source, to, body);
    }

    /// The record answered a saga or a compensation.
    pub(super) fn replied(&mut self, by: &Asker, answer: Answer) {
        self.sent(&by.entity, &Body::Reply { step: by.step, answer });
    }

    fn received(&mut self, source: Source, known: Known<'_>) {
        if !self.ledger.transfers.received(source, self.place.id, known) {
            self.wrong(format!("it received a message of shard {}; there is none", source.shard.0));
        }
    }

    /// The record told the world.
    pub(super) fn told(&mut self, outcome: &Outcome) {
        self.ledger.outcomes.told(self.place.shard, self.place.seq, outcome);
    }
}

/// A balance, added up from nothing and compared with what each event says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Balance {
    sum: i128,
    /// What the events say less what they come to: a wrong one is told once and not with all
    /// that follow it.
    drift: i128,
}

impl Balance {
    /// An event changes the balance; `after` is what it says.
    pub(super) fn step(
        &mut self,
        change: i128,
        after: i128,
        currency: Currency,
        entry: &mut Entry<'_>,
    ) {
        let before = self.sum + self.drift;
        self.sum += change;
        let expected = before + change;
        if after != expected {
            entry.wrong(format!(
                "balance_after is {}; {} before and {} here come to {}",
                major(after, currency),
                major(before, currency),
                major(change, currency),
                major(expected, currency),
            ));
            self.drift += after - expected;
        }
    }

    /// The sum of all amounts.
    pub(super) fn sum(&self) -> i128 {
        self.sum
    }

    /// What the last event said it is: what follows from the balance is checked against that, so
    /// that a wrong one is not told again.
    pub(super) fn told(&self) -> i128 {
        self.sum + self.drift
    }
}

/// The last message received from each shard.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(BTreeMap<ShardId, Seq>);

impl Marks {
    /// A message was received, and this is what it said.
    pub(super) fn receive(&mut self, source: Source, body: &Body, entry: &mut Entry<'_>) {
        self.receive_known(source, Known::All(body), entry);
    }

    /// A message was received: each once, those of one shard in order.
    pub(super) fn receive_known(
        &mut self,
        source: Source,
        known: Known<'_>,
        entry: &mut Entry<'_>,
    ) {
        self.raise(source, entry);
        entry.received(source, known);
    }

    fn raise(&mut self, source: Source, entry: &mut Entry<'_>) {
        let last = self.0.entry(source.shard).or_default();
        let (shard, seq) = (source.shard.0, source.seq);
        match seq.cmp(last) {
            Ordering::Greater => *last = seq,
            Ordering::Equal => {
                entry.wrong(format!("message {seq} of shard {shard} was received before"));
            }
            Ordering::Less => {
                entry.wrong(format!("message {seq} of shard {shard} was received after {last}"));
            }
        }
    }

    /// Whether a snapshot has the same.
    pub(super) fn is(&self, saved: &[(ShardId, Seq)]) -> bool {
        saved.len() == self.0.len()
            && saved.iter().all(|(shard, seq)| self.0.get(shard) == Some(seq))
    }
}

/// Money must be positive and in the entity's currency.
pub(super) fn check_money(
    amount: Amount,
    currency: Currency,
    own: Option<Currency>,
    entry: &mut Entry<'_>,
) {
    if !amount.is_positive() {
        entry.wrong(format!("the amount {} is not positive", amount.to_major(currency)));
    }
    if let Some(own) = own.filter(|own| *own != currency) {
        entry.wrong(format!("the amount is in {currency}; the account is in {own}"));
    }
}

/// Who asked must be of this kind.
pub(super) fn must_be(kind: Kind, by: &Asker, entry: &mut Entry<'_>) {
    if by.entity.kind != kind {
        entry.wrong(format!("{} asked for it, which is no {}", by.entity, kind.as_str()));
    }
}

/// Adds to `differences` when a saved field, which is too long to be told, is not what the records
/// come to.
pub(super) fn same<T: PartialEq>(differences: &mut Vec<String>, saved: &T, found: &T, what: &str) {
    if saved != found {
        differences.push(what.to_owned());
    }
}

/// A record whose verdict is of another kind than its entity.
pub(super) fn strange(entry: &mut Entry<'_>) {
    let kind = entry.place.id.kind.as_str();
    entry.wrong(format!("a {kind}'s record has the events of another kind"));
}

/// Adds to `differences` when a saved field is not what the records come to.
pub(super) fn compare<T: PartialEq + fmt::Display>(
    differences: &mut Vec<String>,
    field: &str,
    saved: &T,
    found: &T,
) {
    if saved != found {
        differences.push(format!("{field} is saved as {saved}; the records come to {found}"));
    }
}
