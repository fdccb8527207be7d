//! Payments to providers that are settled at once: held, then posted or failed.
//!
//! The wallet decides such a payment by setting its amount aside under the payment's id; the saga
//! of the same id brings the money to the provider's bank, and asks the wallet to book it or to
//! forget it. What booking needs comes back with the saga's message, so all that the wallet keeps
//! of a pending payment is the hold. Of a posted one it keeps an entry in the index of refunds: a
//! payment with an entry is posted, one with a hold is pending, one with neither has failed.
//!
//! Invariants: what was held is posted whatever came between, also when the wallet was frozen; the
//! money leaves the wallet and reaches the provider by `PaymentPosted` and nothing else.

use bincode::{Decode, Encode};

use crate::code::{Code, Rejection};
use crate::currency::Currency;
use crate::id::{EntityId, Made, ProviderId, Seq, WalletId};
use crate::key::Known;
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::Amount;
use crate::planted::{self, Bug};
use crate::saga::Subject;
use crate::saga::payment::Payment;
use crate::saga::subject::Failure;
use crate::time::Timestamp;
use crate::wallet::command::{self, Pay};
use crate::wallet::{Event, Hold, Profile, Wallet};

/// The amount of a payment was set aside.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PaymentHeld {
    /// Who pays: with the position of this event it makes the payment's id, which names the hold.
    pub wallet: WalletId,
    /// Whom.
    pub provider: ProviderId,
    /// The provider's account at the processor.
    pub account: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's words.
    pub description: Option<Box<str>>,
    /// The client's own fields, sorted by name.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// The money of a payment is with the provider: it was booked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PaymentPosted {
    /// The saga's record.
    pub source: Source,
    /// Who asked; its id is the payment's.
    pub by: Asker,
    /// The decision that set the amount aside.
    pub payment: Seq,
    /// Who was paid.
    pub provider: ProviderId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The posted balance afterwards.
    pub balance_after: Amount,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's words.
    pub description: Option<Box<str>>,
}

/// A payment was not to be: its amount is no longer set aside.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PaymentFailed {
    /// The compensation's record.
    pub source: Source,
    /// Who asked; its id is the payment's.
    pub by: Asker,
    /// The decision that set the amount aside.
    pub payment: Seq,
    /// Who was to be paid.
    pub provider: ProviderId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's words.
    pub description: Option<Box<str>>,
    /// Why.
    pub failure: Failure,
}

impl PaymentHeld {
    /// The hold, when the event is recorded at `seq`.
    pub(super) fn hold(&self, seq: Seq) -> Hold {
        Hold { id: Payment::id(&self.wallet, seq).into(), amount: self.amount }
    }

    pub(super) fn message(&self, wallet: WalletId, stamp: Stamp) -> Message {
        assert_eq!(wallet, self.wallet, "a wallet sets aside its own payments");
        let subject = Subject::Payment(Payment {
            wallet,
            seq: stamp.source.seq,
            provider: self.provider.clone(),
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency,
            description: self.description.clone(),
            effective_at: self.effective_at,
        });
        let to = EntityId::saga(subject.id());
        Message { source: stamp.source, to, body: Body::Begin(Box::new(subject)) }
    }
}

impl PaymentPosted {
    pub(super) fn effects(&self, wallet: WalletId, stamp: Stamp) -> Vec<Effect> {
        let body = Body::SettledPayment {
            wallet: wallet.clone(),
            payment: self.payment,
            amount: self.amount,
            currency: self.currency,
            description: self.description.clone(),
            effective_at: self.effective_at,
        };
        let to = EntityId::provider(&self.provider);
        vec![
            Effect::Send(Message { source: stamp.source, to, body }),
            self.by.reply(stamp.source, Answer::Done),
            Effect::Tell(Outcome {
                kind: OutcomeKind::PaymentPosted,
                at: stamp.at,
                wallet: Some(wallet),
                seq: self.payment,
                provider: Some(self.provider.clone()),
                payment: None,
                amount: self.amount,
                currency: self.currency,
                balance_after: self.balance_after,
                description: self.description.clone(),
                effective_at: self.effective_at,
                about: None,
            }),
        ]
    }

    pub(super) fn movement(&self) -> Movement {
        Movement::sent(self.currency, self.amount)
    }
}

impl PaymentFailed {
    pub(super) fn new(source: Source, by: &Asker, payment: &Payment, failure: &Failure) -> Self {
        Self {
            source,
            by: by.clone(),
            payment: payment.seq,
            provider: payment.provider.clone(),
            amount: payment.amount,
            currency: payment.currency,
            effective_at: payment.effective_at,
            description: payment.description.clone(),
            failure: failure.clone(),
        }
    }

    pub(super) fn effects(&self, wallet: WalletId, stamp: Stamp) -> Vec<Effect> {
        vec![
            self.by.reply(stamp.source, Answer::Done),
            Effect::Tell(Outcome {
                kind: OutcomeKind::PaymentFailed,
                at: stamp.at,
                wallet: Some(wallet),
                seq: self.payment,
                provider: Some(self.provider.clone()),
                payment: None,
                amount: self.amount,
                currency: self.currency,
                balance_after: Amount::ZERO,
                description: self.description.clone(),
                effective_at: self.effective_at,
                about: Some(About::Failure(self.failure.clone())),
            }),
        ]
    }
}

impl Wallet {
    /// Sets a payment's amount aside. What any payment needs was checked before.
    pub(super) fn hold_payment(
        &self,
        profile: &Profile,
        pay: &Pay,
        account: &str,
    ) -> Result<Vec<Event>, Rejection> {
        self.can_hold(profile, pay.amount)?;
        Ok(vec![Event::PaymentHeld(PaymentHeld {
            wallet: pay.wallet.clone(),
            provider: pay.provider.clone(),
            account: account.into(),
            amount: pay.amount,
            currency: pay.currency,
            effective_at: pay.effective_at,
            description: pay.description.clone(),
            metadata: pay.metadata.clone(),
        })])
    }

    /// A payment's saga has brought its money to the provider.
    pub(super) fn payment_posted(
        &self,
        source: Source,
        by: &Asker,
        payment: &Payment,
    ) -> PaymentPosted {
        let balance_after = self.posted.checked_sub(payment.amount);
        PaymentPosted {
            source,
            by: by.clone(),
            payment: payment.seq,
            provider: payment.provider.clone(),
            amount: payment.amount,
            currency: payment.currency,
            balance_after: balance_after.expect("it was set aside"),
            effective_at: payment.effective_at,
            description: payment.description.clone(),
        }
    }

    pub(super) fn write_posted(&mut self, posted: &PaymentPosted) {
        self.rare_mut().marks.raise(posted.source);
        let held = self.release_hold(&posted.by.entity.id);
        assert_eq!(held, posted.amount, "{posted:?}: what was set aside is posted");
        self.posted = posted.balance_after;
        // From now on it can be refunded: nothing was refunded of it yet.
        self.rare_mut().refunded.set(Self::refund_slot(posted.payment), 0);
    }

    pub(super) fn write_failed(&mut self, failed: &PaymentFailed) {
        self.rare_mut().marks.raise(failed.source);
        if planted::is(Bug::FailureLeavesHold) {
            return;
        }
        let held = self.release_hold(&failed.by.entity.id);
        assert_eq!(held, failed.amount, "{failed:?}: what was set aside is given back");
    }

    /// The payments that are pending: each is a hold under the payment's id.
    pub fn pending_payments(&self) -> impl Iterator<Item = &Hold> {
        self.holds().iter().filter(|hold| Made::parse(&hold.id, "pay").is_some())
    }

    /// What was refunded of a payment so far.
    pub(super) fn refunded_of(
        &self,
        payment: Seq,
        paid: &command::Paid,
    ) -> Result<Amount, Rejection> {
        let refunded = match self.refunded().get(Self::refund_slot(payment)) {
            Known::Value(total) => {
                let total = i64::try_from(total).expect("a total of refunds is an amount");
                Some(Amount::from_minor(total))
            }
            Known::Never | Known::AskDisk => paid.refunded,
        };
        match refunded {
            Some(refunded) => Ok(refunded),
            None if !paid.was_held => Ok(Amount::ZERO),
            None => {
                let is_it = |hold: &Hold| {
                    Made::parse(&hold.id, "pay").is_some_and(|made| made.seq == payment)
                };
                let detail = if self.holds().iter().any(is_it) {
                    "the payment is pending; it can be refunded once it is posted"
                } else {
                    "the payment failed, so there is nothing to refund"
                };
                Err(Rejection::new(Code::PaymentNotPosted, detail))
            }
        }
    }
}
