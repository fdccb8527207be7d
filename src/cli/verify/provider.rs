//! A provider, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: what it accrued and the messages it received. A provider's
//! balance may be below zero (a refund of what was paid out already), so there is no limit here.
//! Snapshots are read by their form on disk, not through the type that wrote them.

use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId};
use bursar_domain::message::Body;
use bursar_domain::money::Total;
use bursar_domain::provider::{Event, Profile, Received, RefundSent};
use bursar_domain::record::{Record, Verdict};
use bursar_snapshots::codec::{self, CodecError};

use super::entity::{Account, Saved};
use super::ledger::{Balance, Entry, Marks, check_money, compare, strange};
use super::sums::major;

/// A provider's state as it is on disk.
pub(super) type State = (Option<Arc<Profile>>, Total, Vec<(ShardId, Seq)>);

/// A provider as its records make it.
#[derive(Debug, Default)]
pub(super) struct Provider {
    profile: Option<Arc<Profile>>,
    accrued: Balance,
    marks: Marks,
}

impl Account for Provider {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Provider(events) => {
                for event in events {
                    self.event(event, entry);
                }
            }
            Verdict::Wallet(_) | Verdict::Deal(_) | Verdict::Saga(_) | Verdict::Compensation(_) => {
                strange(entry);
            }
            Verdict::Refused(_) => self.must_be_registered(entry),
        }
    }

    fn differences(&self, (profile, accrued, marks): &State) -> Vec<String> {
        let mut list = Vec::new();
        if *profile != self.profile {
            list.push("the profile is not what the provider was registered with".to_owned());
        }
        if let Some(currency) = self.currency() {
            let (saved, found) = (accrued.minor(), self.accrued.sum());
            compare(&mut list, "accrued", &major(saved, currency), &major(found, currency));
        }
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.accrued.sum()))
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
        match event {
            Event::Registered(profile) => {
                if self.profile.replace(Arc::clone(profile)).is_some() {
                    entry.wrong("the provider was registered before");
                }
            }
            Event::Received(event) => self.received(event, entry),
            Event::RefundSent(event) => self.refund_sent(event, entry),
        }
    }

    fn received(&mut self, event: &Received, entry: &mut Entry<'_>) {
        let Received { source, amount, currency, balance_after, .. } = *event;
        self.must_be_registered(entry);
        check_money(amount, currency, self.currency(), entry);
        let body = Body::Payment {
            wallet: event.wallet.clone(),
            amount,
            currency,
            description: event.description.clone(),
            effective_at: event.effective_at,
        };
        self.marks.receive(source, &body, entry);
        let change = i128::from(amount.minor());
        self.accrued.step(change, balance_after.minor(), currency, entry);
        entry.paid_in(currency, amount);
    }

    fn refund_sent(&mut self, event: &RefundSent, entry: &mut Entry<'_>) {
        let RefundSent { source, payment, amount, currency, balance_after, .. } = *event;
        self.must_be_registered(entry);
        check_money(amount, currency, self.currency(), entry);
        let wallet = event.wallet.clone();
        let to = EntityId::wallet(&wallet);
        let effective_at = event.effective_at;
        let order = Body::RefundOrder { wallet, payment, amount, currency, effective_at };
        self.marks.receive(source, &order, entry);
        let change = -i128::from(amount.minor());
        self.accrued.step(change, balance_after.minor(), currency, entry);
        entry.paid_out(currency, amount);
        let provider = ProviderId::from_shared(Arc::clone(&entry.place.id.id));
        let refund = source.seq;
        entry.sent(&to, &Body::RefundMoney { provider, payment, refund, amount, currency });
    }
}
