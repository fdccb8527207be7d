//! Payments of a wallet that are settled at once: set aside, then booked or not to be.
//!
//! The amount is set aside under the payment's id and asked to be brought to the provider; what its
//! saga has booked or its compensation gives back is what was set aside. Only what was booked can
//! be refunded, and from then on the index says so: nothing was refunded of it yet.

use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::saga::Subject;
use bursar_domain::saga::payment;
use bursar_domain::wallet::Hold;
use bursar_domain::wallet::settled::{PaymentFailed, PaymentHeld, PaymentPosted};

use super::{Payment, Wallet, mark_of, outcome, own_id};
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money, must_be};
use crate::cli::verify::saga::push;

impl Wallet {
    pub(super) fn payment_held(&mut self, event: &PaymentHeld, entry: &mut Entry<'_>) {
        let PaymentHeld { amount, currency, .. } = *event;
        let (wallet, seq) = (own_id(entry), entry.place.seq);
        check_money(amount, currency, self.currency(), entry);
        if event.wallet != wallet {
            entry.wrong(format!("it sets aside a payment of wallet {}", event.wallet));
        }
        let id = push::payment_id(&wallet, seq);
        self.place(&Hold { id: id.as_str().into(), amount }, entry);
        let saga = EntityId::saga(id);
        entry.ledger.cases.owner(entry.place.id, &saga.id, Part::Pending);
        let payment = payment::Payment {
            wallet,
            seq,
            provider: event.provider.clone(),
            account: event.account.clone(),
            amount,
            currency,
            description: event.description.clone(),
            effective_at: event.effective_at,
        };
        self.held.insert(seq, payment.clone());
        entry.sent(&saga, &Body::Begin(Box::new(Subject::Payment(payment))));
    }

    pub(super) fn payment_posted(&mut self, event: &PaymentPosted, entry: &mut Entry<'_>) {
        let PaymentPosted {
            source, payment, amount, currency, balance_after, effective_at, ..
        } = *event;
        let (provider, description) = (event.provider.clone(), event.description.clone());
        must_be(Kind::Saga, &event.by, entry);
        check_money(amount, currency, self.currency(), entry);
        let said = payment::Payment {
            wallet: own_id(entry),
            seq: payment,
            provider: provider.clone(),
            account: "".into(),
            amount,
            currency,
            description: description.clone(),
            effective_at,
        };
        let held = self.payment_ends((&event.by, Part::Kept), said, entry);
        let post = Body::Post { by: event.by.clone(), payment: Box::new(held) };
        self.marks.receive(source, &post, entry);
        self.step(amount.checked_neg().unwrap_or_default(), balance_after, currency, entry);
        let at = self.payments.partition_point(|paid| paid.seq < payment);
        self.payments.insert(at, Payment { seq: payment, amount, provider: mark_of(&provider) });
        self.refunded.entry(payment).or_default().push((entry.place.seq, 0));
        entry.paid_out(currency, amount);
        let body = Body::SettledPayment {
            wallet: own_id(entry),
            payment,
            amount,
            currency,
            description: description.clone(),
            effective_at,
        };
        entry.sent(&EntityId::provider(&provider), &body);
        entry.replied(&event.by, Answer::Done);
        entry.told(&Outcome {
            seq: payment,
            provider: Some(provider),
            description,
            effective_at,
            ..outcome(OutcomeKind::PaymentPosted, (amount, currency, balance_after), entry)
        });
    }

    pub(super) fn payment_failed(&mut self, event: &PaymentFailed, entry: &mut Entry<'_>) {
        let PaymentFailed { source, payment, amount, currency, effective_at, .. } = *event;
        let (provider, description) = (event.provider.clone(), event.description.clone());
        must_be(Kind::Compensation, &event.by, entry);
        check_money(amount, currency, self.currency(), entry);
        let said = payment::Payment {
            wallet: own_id(entry),
            seq: payment,
            provider: provider.clone(),
            account: "".into(),
            amount,
            currency,
            description: description.clone(),
            effective_at,
        };
        let held = self.payment_ends((&event.by, Part::Undone), said, entry);
        let (payment_held, failure) = (Box::new(held), event.failure.clone());
        let unhold = Body::Unhold { by: event.by.clone(), payment: payment_held, failure };
        self.marks.receive(source, &unhold, entry);
        entry.replied(&event.by, Answer::Done);
        entry.told(&Outcome {
            seq: payment,
            provider: Some(provider),
            description,
            effective_at,
            about: Some(About::Failure(event.failure.clone())),
            ..outcome(OutcomeKind::PaymentFailed, (amount, currency, Amount::ZERO), entry)
        });
    }

    /// What was set aside for a payment is what is booked or given back, on the same terms; nobody
    /// but its own saga has a say in it. The event says all but the account. Returns what was set
    /// aside.
    fn payment_ends(
        &mut self,
        (by, part): (&Asker, Part),
        said: payment::Payment,
        entry: &mut Entry<'_>,
    ) -> payment::Payment {
        let seq = said.seq;
        let id = push::payment_id(&said.wallet, seq);
        if *by.entity.id != *id {
            entry.wrong(format!("{} asks, which is not about payment {seq}", by.entity));
        }
        drop(self.release(&id, entry));
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, part);
        let Some(held) = self.held.remove(&seq) else { return said };
        if (payment::Payment { account: held.account.clone(), ..said }) != held {
            entry.wrong(format!("it is not what payment {seq} set aside, or on other terms"));
        }
        held
    }
}
