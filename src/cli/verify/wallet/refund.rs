//! Refunds of a wallet: asked for at the provider that was paid, and their money when it comes.
//!
//! A refund belongs to a payment of this wallet to that provider. What was asked back of a payment
//! never exceeds it, and what comes is what was asked for. The request's key is closed by the
//! arrival.

use bursar_domain::id::EntityId;
use bursar_domain::message::{Body, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::record::Record;
use bursar_domain::wallet::Expected;
use bursar_domain::wallet::event::{RefundReceived, RefundRequested};

use super::{Awaited, Origin, Wallet, mark_of, outcome, own_id};
use crate::cli::verify::ledger::{Entry, check_money};

impl Wallet {
    pub(super) fn refund_requested(
        &mut self,
        event: &RefundRequested,
        record: &Record,
        entry: &mut Entry<'_>,
    ) {
        let RefundRequested { payment, amount, currency, effective_at, .. } = *event;
        let seq = entry.place.seq;
        check_money(amount, currency, self.currency(), entry);
        if event.key != record.key {
            entry.wrong("the refund has another key than its record");
        }
        self.check_total(event, entry);
        self.check_payment(event, entry);
        let (key, provider) = (event.key.clone(), event.provider.clone());
        self.expected.push(Awaited {
            money: Expected { asked: seq, amount, key, effective_at },
            from: Origin::Refund { payment, provider },
        });
        let wallet = own_id(entry);
        let order = Body::RefundOrder { wallet, payment, amount, currency, effective_at };
        entry.sent(&EntityId::provider(&event.provider), &order);
    }

    /// All that was asked back of the payment: what was before, and this.
    fn check_total(&mut self, event: &RefundRequested, entry: &mut Entry<'_>) {
        let RefundRequested { payment, amount, currency, refunded_total, .. } = *event;
        let totals = self.refunded.entry(payment).or_default();
        let before = totals.last().map_or(0, |(_, total)| *total);
        let before = i64::try_from(before).map_or(Amount::ZERO, Amount::from_minor);
        totals.push((entry.place.seq, u64::try_from(refunded_total.minor()).unwrap_or(0)));
        if before.checked_add(amount) != Some(refunded_total) {
            entry.wrong(format!(
                "refunded_total is {}; {} before and {} here do not come to that",
                refunded_total.to_major(currency),
                before.to_major(currency),
                amount.to_major(currency),
            ));
        }
    }

    fn check_payment(&self, event: &RefundRequested, entry: &mut Entry<'_>) {
        let RefundRequested { payment, currency, refunded_total, .. } = *event;
        let Ok(at) = self.payments.binary_search_by_key(&payment, |paid| paid.seq) else {
            return entry.wrong(format!("record {payment} is no payment of this wallet"));
        };
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

    pub(super) fn refund_received(
        &mut self,
        event: &RefundReceived,
        record: &Record,
        entry: &mut Entry<'_>,
    ) {
        let RefundReceived { source, refund, payment, amount, currency, balance_after, .. } =
            *event;
        check_money(amount, currency, self.currency(), entry);
        let provider = event.provider.clone();
        let body = Body::RefundMoney { provider, payment, refund, amount, currency };
        self.marks.receive(source, &body, entry);
        self.step(amount, balance_after, currency, entry);
        entry.paid_in(currency, amount);
        if let Some(awaited) = self.arrived(refund, entry) {
            check_arrival(&awaited, event, record, entry);
        }
        entry.told(&Outcome {
            seq: refund,
            provider: Some(event.provider.clone()),
            payment: Some(payment),
            effective_at: event.effective_at,
            ..outcome(OutcomeKind::RefundPosted, (amount, currency, balance_after), entry)
        });
    }
}

/// What came must be what was asked for, under the key it was asked under.
fn check_arrival(
    awaited: &Awaited,
    event: &RefundReceived,
    record: &Record,
    entry: &mut Entry<'_>,
) {
    let RefundReceived { refund, payment, amount, effective_at, .. } = *event;
    let came = Expected { asked: refund, amount, key: record.key.clone(), effective_at };
    let from = Origin::Refund { payment, provider: event.provider.clone() };
    if awaited.money != came || awaited.from != from {
        entry.wrong(format!("it is not what refund {refund} asked for"));
    }
}
