//! A provider, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: what it accrued, what is on its way to its bank and what is
//! there; the running period and its sums (`period`); how each reimbursement ended
//! (`reimbursement`); the activities, each once for ever (`activity`); the messages it received. A
//! provider's balance may be below zero (a refund of what was paid out already), so there is no
//! limit here. Its account in the books is what accrued and what is on its way.
//!
//! Snapshots are read by their form on disk (`state`), field by field, not through the type that
//! wrote them. When a calendar has its days is not computed a second time: the rules of time zones
//! change from version to version.

mod activity;
mod period;
mod reimbursement;
pub(super) mod state;

use std::sync::Arc;

use bursar_domain::cadence::Cadence;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::message::Body;
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::event::ReceivedSettled;
use bursar_domain::provider::{Event, Period, Profile, Received, RefundSent, Settlement};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::CodecError;
use bursar_snapshots::store::{Archive, Result as Stored};

use self::activity::Accepted;
use self::state::State;
use super::entity::{Account, Saved};
use super::faults::Faults;
use super::ledger::{Balance, Entry, Marks, check_money, strange};
use super::side::Covered;

/// A provider as its records make it.
#[derive(Debug, Default)]
pub(super) struct Provider {
    profile: Option<Arc<Profile>>,
    /// What was said last of how it is paid, and the calendar of the running period.
    settlement: Option<Settlement>,
    cadence: Option<Cadence>,
    accrued: Balance,
    /// The reimbursement on its way: the decision that closed its period, and how much.
    pending: Option<(Seq, Amount)>,
    reimbursed: i128,
    /// Received and submitted, less what was refunded.
    earned: i128,
    /// Of the last period that began.
    number: u64,
    period: Option<Period>,
    declines: u32,
    is_on_hold: bool,
    /// The decision that closed the last period that was reimbursed.
    previous: Option<Seq>,
    accepted: Accepted,
    marks: Marks,
}

impl Account for Provider {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        State::read(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Provider(events) => {
                check_order(events, entry);
                for event in events {
                    self.event(event, entry);
                }
            }
            Verdict::Wallet(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_be_registered(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        state.differences(self)
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        let pending = self.pending.map_or(0, |(_, amount)| i128::from(amount.minor()));
        Some((self.currency()?, self.accrued.sum() + pending))
    }

    fn check_index(
        &self,
        state: Option<&State>,
        archive: &dyn Archive,
        covered: Covered<'_>,
        faults: &mut Faults,
    ) -> Stored<()> {
        self.accepted.check(state.map(State::activities), archive, covered, faults)
    }

    fn waits(state: &State) -> Option<i64> {
        state.until().map(Timestamp::millis)
    }
}

/// What ends, ends before anything else of its decision happens: so a record's lines all belong to
/// the period that runs after it.
fn check_order(events: &[Event], entry: &mut Entry<'_>) {
    let is_end = |event: &&Event| matches!(event, Event::PeriodClosed(_) | Event::CarriedOver(_));
    let ends = events.iter().filter(is_end).count();
    if events.iter().take_while(is_end).count() != ends {
        entry.wrong("a period ends after something else of its decision");
    }
}

impl Provider {
    fn currency(&self) -> Option<Currency> {
        self.profile.as_ref().map(|profile| profile.currency)
    }

    fn must_be_registered(&self, entry: &mut Entry<'_>) {
        if self.profile.is_none() {
            entry.wrong("it was decided before the provider was registered");
        }
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if !matches!(event, Event::Registered(_)) {
            self.must_be_registered(entry);
        }
        match event {
            Event::Registered(profile) => {
                if self.profile.replace(Arc::clone(profile)).is_some() {
                    entry.wrong("the provider was registered before");
                }
                self.cadence = profile.settlement.cadence().cloned();
                self.settlement = Some(profile.settlement.clone());
            }
            Event::PeriodBegan(event) => self.period_began(event, entry),
            Event::PeriodClosed(event) => self.period_closed(event, entry),
            Event::CarriedOver(event) => self.carried_over(event, entry),
            Event::Received(event) => {
                self.check_time(entry);
                self.received(event, entry);
            }
            Event::RefundSent(event) => {
                self.check_time(entry);
                self.refund_sent(event, entry);
            }
            Event::Activities(event) => {
                self.check_time(entry);
                self.activities(event, entry);
            }
            Event::Reimbursed(event) => {
                self.check_time(entry);
                self.reimbursed(event, entry);
            }
            Event::Returned(event) => {
                self.check_time(entry);
                self.returned(event, entry);
            }
            Event::ReceivedSettled(event) => {
                self.check_time(entry);
                self.received_settled(event, entry);
            }
            Event::SettlementChanged { settlement, lifted } => {
                self.check_time(entry);
                if *lifted != self.is_on_hold {
                    entry.wrong("it says whether the provider was on hold, and is mistaken");
                }
                self.settlement = Some(settlement.clone());
                if *lifted {
                    (self.is_on_hold, self.declines) = (false, 0);
                }
            }
        }
    }

    fn received(&mut self, event: &Received, entry: &mut Entry<'_>) {
        let Received { source, amount, currency, balance_after, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        let body = Body::Payment {
            wallet: event.wallet.clone(),
            amount,
            currency,
            description: event.description.clone(),
            effective_at: event.effective_at,
        };
        self.marks.receive(source, &body, entry);
        self.line(amount.minor(), balance_after, currency, entry);
        self.add(entry, |sums| &mut sums.payments, (1, amount));
        entry.paid_in(currency, amount);
    }

    fn refund_sent(&mut self, event: &RefundSent, entry: &mut Entry<'_>) {
        let RefundSent { source, payment, amount, currency, balance_after, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        let wallet = event.wallet.clone();
        let to = EntityId::wallet(&wallet);
        let effective_at = event.effective_at;
        let order = Body::RefundOrder { wallet, payment, amount, currency, effective_at };
        self.marks.receive(source, &order, entry);
        self.line(-amount.minor(), balance_after, currency, entry);
        self.add(entry, |sums| &mut sums.refunds, (1, amount));
        entry.paid_out(currency, amount);
        let (provider, refund) = (own_id(entry), source.seq);
        entry.sent(&to, &Body::RefundMoney { provider, payment, refund, amount, currency });
    }

    /// What was settled at once is with the bank already and never accrues.
    fn received_settled(&mut self, event: &ReceivedSettled, entry: &mut Entry<'_>) {
        let ReceivedSettled { source, payment, amount, currency, effective_at, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        let body = Body::SettledPayment {
            wallet: event.wallet.clone(),
            payment,
            amount,
            currency,
            description: event.description.clone(),
            effective_at,
        };
        self.marks.receive(source, &body, entry);
        self.earned += i128::from(amount.minor());
        self.reimbursed += i128::from(amount.minor());
        entry.passed_on(currency, amount);
    }

    /// Something was earned, or taken back.
    fn line(&mut self, change: i64, after: Total, currency: Currency, entry: &mut Entry<'_>) {
        self.earned += i128::from(change);
        self.accrues(change, after, currency, entry);
    }

    fn accrues(&mut self, change: i64, after: Total, currency: Currency, entry: &mut Entry<'_>) {
        self.accrued.step(i128::from(change), after.minor(), currency, entry);
    }
}

/// The provider whose record this is.
fn own_id(entry: &Entry<'_>) -> ProviderId {
    ProviderId::from_shared(Arc::clone(&entry.place.id.id))
}
