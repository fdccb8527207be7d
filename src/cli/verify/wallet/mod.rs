//! A wallet, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: the balance, the holds, the money that is expected (`refund`:
//! from a provider; `pending`: from the bank), the investments that are pending (`pending`), the
//! payments that are settled at once (`settled`), rewards (`reward`), what was refunded of each payment, the messages
//! received. Beside that it checks what `decide` promised: nothing before the wallet was opened,
//! money only in its currency, a frozen wallet pays nothing, what can be spent never goes below the
//! credit limit by a payment, a hold or a mark. Snapshots are read by their form on disk, field by
//! field, not through the type that wrote them.
//!
//! Memory: 24 bytes for each payment of the one wallet that is being read.

mod pending;
mod refund;
mod reward;
mod settled;

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, InvestmentId, Made, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::Index;
use bursar_domain::message::{Body, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::payment;
use bursar_domain::wallet::event::{Deposited, Paid};
use bursar_domain::wallet::{Event, Expected, Hold, Profile, Status};
use bursar_snapshots::codec::{self, CodecError};
use bursar_snapshots::store::IndexKind;

use super::entity::{Account, Saved};
use super::keys::Role;
use super::ledger::{Balance, Entry, Marks, check_money, compare, same, strange};
use super::side::{Side, Values};
use super::sums::major;

/// A wallet's state as it is on disk: profile, status, posted, held, and what is rare.
pub(super) type State = (Option<Arc<Profile>>, Status, Amount, Amount, Option<Rare>);

/// Holds, expected money, what was refunded, received messages.
type Rare = (Vec<Hold>, Vec<Expected>, Index, Vec<(ShardId, Seq)>);

static NOTHING_RARE: Rare = (Vec::new(), Vec::new(), Index::EMPTY, Vec::new());

fn rare(state: &State) -> &Rare {
    state.4.as_ref().unwrap_or(&NOTHING_RARE)
}

/// A wallet as its records make it.
#[derive(Debug, Default)]
pub(super) struct Wallet {
    profile: Option<Arc<Profile>>,
    status: Status,
    balance: Balance,
    holds: Vec<Hold>,
    expected: Vec<Awaited>,
    /// Payments that are settled at once and on their way, by the decision that set them aside.
    held: BTreeMap<Seq, payment::Payment>,
    payments: Vec<Payment>,
    /// In minor units.
    refunded: Values,
    marks: Marks,
}

/// Money that was asked for.
#[derive(Debug)]
struct Awaited {
    money: Expected,
    from: Origin,
}

/// Where it is to come from.
#[derive(PartialEq, Eq, Debug)]
enum Origin {
    Refund { payment: Seq, provider: ProviderId },
    Bank,
}

#[derive(Clone, Copy, Debug)]
struct Payment {
    seq: Seq,
    amount: Amount,
    provider: u64,
}

const _: () = assert!(size_of::<Payment>() == 24, "the header of this file states the memory");

fn mark_of(provider: &ProviderId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(provider.as_str().as_bytes())
}

impl Account for Wallet {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Wallet(events) => {
                for event in events {
                    self.event(event, record, entry);
                }
            }
            Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_be_open(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (profile, status, posted, held, _) = state;
        let (holds, expected, _, marks) = rare(state);
        let mut list = Vec::new();
        let what = "the profile is not what the wallet was opened with";
        same(&mut list, profile, &self.profile, what);
        compare(&mut list, "status", &status.as_str(), &self.status.as_str());
        if let Some(currency) = self.currency() {
            let text = |minor: i128| major(minor, currency);
            let saved = text(i128::from(posted.minor()));
            compare(&mut list, "posted", &saved, &text(self.balance.sum()));
            compare(&mut list, "held", &text(i128::from(held.minor())), &text(self.held()));
        }
        same(&mut list, holds, &self.holds, "the holds are not those that the records placed");
        if !expected.iter().eq(self.expected.iter().map(|awaited| &awaited.money)) {
            list.push("the expected money is not what the records asked for".to_owned());
        }
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.balance.sum()))
    }

    fn side<'a>(&'a self, state: Option<&'a State>) -> Option<Side<'a>> {
        Some(Side {
            kind: IndexKind::Refunded,
            of: "payment",
            says: "minor units refunded of it",
            values: &self.refunded,
            saved: state.map(|state| &rare(state).2),
        })
    }
}

impl Wallet {
    fn currency(&self) -> Option<Currency> {
        self.profile.as_ref().map(|profile| profile.currency)
    }

    fn held(&self) -> i128 {
        self.holds.iter().map(|hold| i128::from(hold.amount.minor())).sum()
    }

    fn must_be_open(&self, entry: &mut Entry<'_>) {
        if self.profile.is_none() {
            entry.wrong("it was decided before the wallet was opened");
        }
    }

    fn must_be_active(&self, entry: &mut Entry<'_>) {
        match self.status {
            Status::Active => {}
            Status::Frozen => entry.wrong("it was decided while the wallet was frozen"),
        }
    }

    fn event(&mut self, event: &Event, record: &Record, entry: &mut Entry<'_>) {
        if !matches!(event, Event::Opened(_)) {
            self.must_be_open(entry);
        }
        match event {
            Event::Opened(profile) => {
                if self.profile.replace(Arc::clone(profile)).is_some() {
                    entry.wrong("the wallet was opened before");
                }
            }
            Event::Deposited(event) => self.deposited(event, entry),
            Event::Paid(event) => self.paid(event, entry),
            Event::HoldPlaced { hold, currency } => {
                check_money(hold.amount, *currency, self.currency(), entry);
                must_be_a_clients(&hold.id, entry);
                self.place(hold, entry);
            }
            Event::HoldReleased { id } => {
                must_be_a_clients(id, entry);
                drop(self.release(id, entry));
            }
            Event::Frozen => self.status = Status::Frozen,
            Event::Unfrozen => self.status = Status::Active,
            Event::RefundRequested(event) => self.refund_requested(event, record, entry),
            Event::RefundReceived(event) => self.refund_received(event, record, entry),
            Event::Marked(event) => self.marked(event, entry),
            Event::MarkRefused { source, by, rejection } => {
                self.mark_refused(*source, by, rejection, entry);
            }
            Event::Invested(event) => self.invested(event, entry),
            Event::Unmarked { source, by } => self.unmarked(*source, by, entry),
            Event::PullRequested(event) => self.pull_requested(event, entry),
            Event::PullBooked(event) => self.pull_booked(event, entry),
            Event::PullAbandoned { source, by, deposit, amount, currency, failure } => {
                let money = (*amount, *currency);
                self.pull_abandoned((*source, by), *deposit, money, failure, entry);
            }
            Event::PaymentHeld(event) => self.payment_held(event, entry),
            Event::PaymentPosted(event) => self.payment_posted(event, entry),
            Event::PaymentFailed(event) => self.payment_failed(event, entry),
            Event::Reward(event) => self.reward(event, entry),
        }
    }

    /// Sets money aside, or, where it is zero, only marks.
    fn place(&mut self, hold: &Hold, entry: &mut Entry<'_>) {
        self.must_be_active(entry);
        if self.holds.iter().any(|other| other.id == hold.id) {
            entry.wrong(format!("a hold {:?} stood already", hold.id));
        }
        self.holds.push(hold.clone());
        if hold.amount.is_positive() {
            self.check_limit(entry);
        }
    }

    fn release(&mut self, id: &str, entry: &mut Entry<'_>) -> Option<Hold> {
        let at = self.holds.iter().position(|hold| *hold.id == *id);
        if at.is_none() {
            entry.wrong(format!("no hold {id:?} stood"));
        }
        at.map(|at| self.holds.remove(at))
    }

    /// What was asked for under a decision has come, or will not.
    fn arrived(&mut self, asked: Seq, entry: &mut Entry<'_>) -> Option<Awaited> {
        let at = self.expected.iter().position(|awaited| awaited.money.asked == asked);
        if at.is_none() {
            entry.wrong(format!("nothing was expected under {asked}"));
        }
        at.map(|at| self.expected.remove(at))
    }

    fn deposited(&mut self, event: &Deposited, entry: &mut Entry<'_>) {
        let Deposited { amount, currency, balance_after, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        self.step(amount, balance_after, currency, entry);
        entry.booked(currency, amount);
        entry.told(&Outcome {
            description: event.description.clone(),
            effective_at: event.effective_at,
            ..outcome(OutcomeKind::DepositPosted, (amount, currency, balance_after), entry)
        });
    }

    fn paid(&mut self, event: &Paid, entry: &mut Entry<'_>) {
        let Paid { amount, currency, balance_after, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        self.must_be_active(entry);
        let change = amount.checked_neg().unwrap_or_default();
        self.step(change, balance_after, currency, entry);
        self.check_limit(entry);
        let seq = entry.place.seq;
        self.payments.push(Payment { seq, amount, provider: mark_of(&event.provider) });
        entry.paid_out(currency, amount);
        let body = Body::Payment {
            wallet: own_id(entry),
            amount,
            currency,
            description: event.description.clone(),
            effective_at: event.effective_at,
        };
        entry.sent(&EntityId::provider(&event.provider), &body);
        entry.told(&Outcome {
            provider: Some(event.provider.clone()),
            description: event.description.clone(),
            effective_at: event.effective_at,
            ..outcome(OutcomeKind::PaymentPosted, (amount, currency, balance_after), entry)
        });
    }

    fn step(&mut self, change: Amount, after: Amount, currency: Currency, entry: &mut Entry<'_>) {
        let (change, after) = (i128::from(change.minor()), i128::from(after.minor()));
        self.balance.step(change, after, currency, entry);
    }

    /// What can be spent, credit included, after a payment or a hold.
    fn check_limit(&self, entry: &mut Entry<'_>) {
        let Some(profile) = &self.profile else { return };
        let left = self.balance.sum() - self.held() + i128::from(profile.credit_limit.minor());
        if left < 0 {
            let currency = profile.currency;
            entry.wrong(format!("it leaves {} to be spent", major(left, currency)));
        }
    }
}

/// A hold under the id of an investment or a payment is nobody's but its saga's.
fn must_be_a_clients(hold: &str, entry: &mut Entry<'_>) {
    if InvestmentId::parse(hold).is_some() || Made::parse(hold, "pay").is_some() {
        entry.wrong(format!("{hold:?} is the name of a mark, which only its saga may touch"));
    }
}

/// The wallet whose record this is.
fn own_id(entry: &Entry<'_>) -> WalletId {
    WalletId::from_shared(Arc::clone(&entry.place.id.id))
}

/// An outcome with the fields that all kinds have.
fn outcome(
    kind: OutcomeKind,
    (amount, currency, balance_after): (Amount, Currency, Amount),
    entry: &Entry<'_>,
) -> Outcome {
    Outcome {
        kind,
        at: entry.at,
        wallet: Some(own_id(entry)),
        seq: entry.place.seq,
        provider: None,
        payment: None,
        amount,
        currency,
        balance_after,
        description: None,
        effective_at: None,
        about: None,
    }
}

/// What a record is to its key.
pub(super) fn role(record: &Record) -> Role {
    let Verdict::Wallet(events) = &record.verdict else { return Role::Decision };
    let role = events.iter().find_map(|event| match event {
        Event::RefundRequested(_) => Some(Role::RefundRequest),
        Event::RefundReceived(event) => Some(Role::RefundArrival(event.refund)),
        Event::Opened(_)
        | Event::Deposited(_)
        | Event::Paid(_)
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::Frozen
        | Event::Unfrozen
        | Event::Marked(_)
        | Event::MarkRefused { .. }
        | Event::Invested(_)
        | Event::Unmarked { .. }
        | Event::PullRequested(_)
        | Event::PullBooked(_)
        | Event::PullAbandoned { .. }
        | Event::PaymentHeld(_)
        | Event::PaymentPosted(_)
        | Event::PaymentFailed(_)
        | Event::Reward(_) => None,
    });
    role.unwrap_or(Role::Decision)
}
