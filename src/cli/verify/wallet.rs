//! A wallet, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: the balance, the holds, the refunds that wait, what was refunded
//! of each payment, the messages received. Beside that it checks what `decide` promised: nothing
//! before the wallet was opened, money only in its currency, a frozen wallet pays nothing, what can
//! be spent never goes below the credit limit by a payment or a hold, refunds never exceed their
//! payment. Snapshots are read by their form on disk, field by field, not through the type that
//! wrote them.
//!
//! Memory: 24 bytes for each payment of the one wallet that is being read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{ProviderId, Seq, ShardId, WalletId};
use bursar_domain::key::Index;
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet::event::{Deposited, Paid, RefundReceived, RefundRequested};
use bursar_domain::wallet::{Event, Hold, PendingRefund, Profile, Status};
use bursar_snapshots::codec::{self, CodecError};

use super::entity::{Account, Saved};
use super::keys::Role;
use super::ledger::{Balance, Entry, Marks, check_money, compare};
use super::sums::major;
use super::transfers::{Cargo, Terms};

/// A wallet's state as it is on disk: profile, status, posted, held, and what is rare.
pub(super) type State = (Option<Arc<Profile>>, Status, Amount, Amount, Option<Rare>);

/// Holds, waiting refunds, what was refunded, received messages.
type Rare = (Vec<Hold>, Vec<PendingRefund>, Index, Vec<(ShardId, Seq)>);

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
    pending: Vec<Pending>,
    payments: Vec<Payment>,
    refunded: Refunded,
    marks: Marks,
}

/// Of each payment with refunds: after which record how much was refunded, ascending.
pub(super) type Refunded = BTreeMap<Seq, Vec<(Seq, Amount)>>;

#[derive(Debug)]
struct Pending {
    refund: PendingRefund,
    payment: Seq,
    provider: ProviderId,
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
            Verdict::Provider(_) => entry.wrong("a wallet's record has a provider's events"),
            Verdict::Refused(_) => self.must_be_open(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (profile, status, posted, held, _) = state;
        let (holds, refunds, _, marks) = rare(state);
        let mut list = Vec::new();
        if *profile != self.profile {
            list.push("the profile is not what the wallet was opened with".to_owned());
        }
        compare(&mut list, "status", &status.as_str(), &self.status.as_str());
        if let Some(currency) = self.currency() {
            let text = |minor: i128| major(minor, currency);
            let saved = text(i128::from(posted.minor()));
            compare(&mut list, "posted", &saved, &text(self.balance.sum()));
            compare(&mut list, "held", &text(i128::from(held.minor())), &text(self.held()));
        }
        if *holds != self.holds {
            list.push("the holds are not those that the records placed".to_owned());
        }
        if !refunds.iter().eq(self.pending.iter().map(|pending| &pending.refund)) {
            list.push("the waiting refunds are not those that the records left".to_owned());
        }
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.balance.sum()))
    }

    fn refunded<'a>(
        &'a self,
        state: Option<&'a State>,
    ) -> Option<(&'a Refunded, Option<&'a Index>)> {
        Some((&self.refunded, state.map(|state| &rare(state).2)))
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
                self.must_be_active(entry);
                if self.holds.iter().any(|other| other.id == hold.id) {
                    entry.wrong(format!("a hold {:?} stood already", hold.id));
                }
                self.holds.push(hold.clone());
                self.check_limit(entry);
            }
            Event::HoldReleased { id } => match self.holds.iter().position(|h| h.id == *id) {
                Some(at) => drop(self.holds.remove(at)),
                None => entry.wrong(format!("no hold {id:?} stood")),
            },
            Event::Frozen => self.status = Status::Frozen,
            Event::Unfrozen => self.status = Status::Active,
            Event::RefundRequested(event) => self.refund_requested(event, record, entry),
            Event::RefundReceived(event) => self.refund_received(event, record, entry),
        }
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
        let id = Arc::clone(&entry.place.id.id);
        entry.sent(&Terms {
            cargo: Cargo::Payment,
            wallet: &id,
            provider: event.provider.as_str(),
            amount,
            currency,
            payment: Seq(0),
            refund: Seq(0),
            description: event.description.as_deref(),
            effective_at: event.effective_at,
        });
        entry.told(&Outcome {
            provider: Some(event.provider.clone()),
            description: event.description.clone(),
            effective_at: event.effective_at,
            ..outcome(OutcomeKind::PaymentPosted, (amount, currency, balance_after), entry)
        });
    }

    fn refund_requested(
        &mut self,
        event: &RefundRequested,
        record: &Record,
        entry: &mut Entry<'_>,
    ) {
        let RefundRequested { payment, amount, currency, refunded_total, .. } = *event;
        let seq = entry.place.seq;
        check_money(amount, currency, self.currency(), entry);
        if event.key != record.key {
            entry.wrong("the refund has another key than its record");
        }
        let totals = self.refunded.entry(payment).or_default();
        let before = totals.last().map_or(Amount::ZERO, |(_, total)| *total);
        totals.push((seq, refunded_total));
        if before.checked_add(amount) != Some(refunded_total) {
            entry.wrong(format!(
                "refunded_total is {}; {} before and {} here do not come to that",
                refunded_total.to_major(currency),
                before.to_major(currency),
                amount.to_major(currency),
            ));
        }
        match self.payments.binary_search_by_key(&payment, |paid| paid.seq) {
            Err(_) => entry.wrong(format!("record {payment} is no payment of this wallet")),
            Ok(at) => {
                let paid = self.payments[at];
                if paid.provider != mark_of(&event.provider) {
                    entry.wrong(format!("payment {payment} did not go to {}", event.provider));
                }
                if refunded_total > paid.amount {
                    entry.wrong(format!(
                        "{} of payment {payment} are refunded; it was only {}",
                        refunded_total.to_major(currency),
                        paid.amount.to_major(currency),
                    ));
                }
            }
        }
        self.pending.push(Pending {
            refund: PendingRefund {
                refund: seq,
                amount,
                key: event.key.clone(),
                effective_at: event.effective_at,
            },
            payment,
            provider: event.provider.clone(),
        });
        let id = Arc::clone(&entry.place.id.id);
        entry.sent(&Terms {
            cargo: Cargo::RefundOrder,
            wallet: &id,
            provider: event.provider.as_str(),
            amount,
            currency,
            payment,
            refund: seq,
            description: None,
            effective_at: event.effective_at,
        });
    }

    fn refund_received(&mut self, event: &RefundReceived, record: &Record, entry: &mut Entry<'_>) {
        let RefundReceived { source, refund, payment, amount, currency, balance_after, .. } =
            *event;
        check_money(amount, currency, self.currency(), entry);
        self.marks.raise(source, entry);
        self.step(amount, balance_after, currency, entry);
        let id = Arc::clone(&entry.place.id.id);
        entry.received(
            source,
            &Terms {
                cargo: Cargo::RefundMoney,
                wallet: &id,
                provider: event.provider.as_str(),
                amount,
                currency,
                payment,
                refund,
                description: None,
                effective_at: None,
            },
        );
        entry.paid_in(currency, amount);
        match self.pending.iter().position(|pending| pending.refund.refund == refund) {
            None => entry.wrong(format!("no refund {refund} waited for this money")),
            Some(at) => {
                let pending = self.pending.remove(at);
                let asked = (pending.payment, &pending.provider, pending.refund.amount);
                let rest = (&pending.refund.key, pending.refund.effective_at);
                if asked != (payment, &event.provider, amount)
                    || rest != (&record.key, event.effective_at)
                {
                    entry.wrong(format!("it is not what refund {refund} asked for"));
                }
            }
        }
        entry.told(&Outcome {
            seq: refund,
            provider: Some(event.provider.clone()),
            payment: Some(payment),
            effective_at: event.effective_at,
            ..outcome(OutcomeKind::RefundPosted, (amount, currency, balance_after), entry)
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

/// An outcome with the fields that all kinds have.
fn outcome(
    kind: OutcomeKind,
    (amount, currency, balance_after): (Amount, Currency, Amount),
    entry: &Entry<'_>,
) -> Outcome {
    Outcome {
        kind,
        at: entry.at,
        wallet: WalletId::from_shared(Arc::clone(&entry.place.id.id)),
        seq: entry.place.seq,
        provider: None,
        payment: None,
        amount,
        currency,
        balance_after,
        description: None,
        effective_at: None,
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
        | Event::Unfrozen => None,
    });
    role.unwrap_or(Role::Decision)
}
