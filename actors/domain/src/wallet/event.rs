//! What may happen to a wallet, and what follows from it outside.
//!
//! Events are on disk for ever: variants and fields are only appended (golden files hold that).
//! An event says everything that follows from it, the currency included, so that messages,
//! outcomes and books are made from the event alone.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::code::Rejection;
use crate::currency::Currency;
use crate::id::{DealId, EntityId, ProviderId, Seq, WalletId};
use crate::key::Key;
use crate::message::{
    Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::Amount;
use crate::saga::subject::Failure;
use crate::time::Timestamp;
use crate::wallet::reward::RewardEvent;
use crate::wallet::settled::{PaymentFailed, PaymentHeld, PaymentPosted};
use crate::wallet::{Hold, Profile, pull};

/// Money from outside was booked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Deposited {
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

/// The wallet paid.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Paid {
    /// Whom.
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
    /// The client's own fields, sorted by name.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// The wallet asked a provider for money back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RefundRequested {
    /// Which payment.
    pub payment: Seq,
    /// Who received it.
    pub provider: ProviderId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// All that was asked back of this payment, this included.
    pub refunded_total: Amount,
    /// The key to close when the money arrives.
    pub key: Option<Key>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// The money that was asked back arrived.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RefundReceived {
    /// The provider's record that sent it.
    pub source: Source,
    /// The decision that asked for it.
    pub refund: Seq,
    /// Which payment.
    pub payment: Seq,
    /// Who gave it.
    pub provider: ProviderId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The posted balance afterwards.
    pub balance_after: Amount,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// A saga's investment is pending in this wallet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Marked {
    /// The saga's record.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// The mark: a hold under the investment's id, of zero when the bank pays.
    pub hold: Hold,
    /// In which currency.
    pub currency: Currency,
    /// Where mails go.
    pub email: Option<Box<str>>,
    /// The account at the processor; without it, the wallet's id.
    pub account: Option<Box<str>>,
}

/// An investment is no longer pending: what was set aside for it was paid.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Invested {
    /// The saga's record.
    pub source: Source,
    /// Who asked; its id is the investment's.
    pub by: Asker,
    /// What was invested in.
    pub deal: DealId,
    /// How much was paid from here; zero when the bank paid.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The posted balance afterwards.
    pub balance_after: Amount,
}

/// The wallet asked for money from the bank.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PullRequested {
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account at the processor; without it, the wallet's id.
    pub account: Option<Box<str>>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's words.
    pub description: Option<Box<str>>,
}

/// Money from the bank arrived.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PullBooked {
    /// The saga's record.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// The decision that asked for it.
    pub deposit: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The posted balance afterwards.
    pub balance_after: Amount,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// What may happen to a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being.
    Opened(Arc<Profile>),
    /// Money from outside was booked.
    Deposited(Deposited),
    /// It paid.
    Paid(Paid),
    /// Money was set aside.
    HoldPlaced {
        /// What was set aside.
        hold: Hold,
        /// In which currency.
        currency: Currency,
    },
    /// Money is no longer set aside.
    HoldReleased {
        /// The name of the hold.
        id: Box<str>,
    },
    /// It may only receive.
    Frozen,
    /// It may pay again.
    Unfrozen,
    /// It asked a provider for money back.
    RefundRequested(RefundRequested),
    /// That money arrived.
    RefundReceived(RefundReceived),
    /// An investment is pending.
    Marked(Marked),
    /// A mark was refused.
    MarkRefused {
        /// The saga's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// Why.
        rejection: Rejection,
    },
    /// An investment is no longer pending; it was paid.
    Invested(Invested),
    /// An investment is no longer pending; nothing was paid.
    Unmarked {
        /// The compensation's record.
        source: Source,
        /// Who asked; its id is the investment's.
        by: Asker,
    },
    /// It asked for money from the bank.
    PullRequested(PullRequested),
    /// That money arrived.
    PullBooked(PullBooked),
    /// That money will not come.
    PullAbandoned {
        /// The compensation's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// The decision that asked for the money.
        deposit: Seq,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// Why.
        failure: Failure,
    },
    /// A payment that is settled at once was decided: its amount was set aside.
    PaymentHeld(PaymentHeld),
    /// Its money is with the provider.
    PaymentPosted(PaymentPosted),
    /// It was not to be.
    PaymentFailed(PaymentFailed),
    /// A reward came, or was taken back.
    Reward(RewardEvent),
}

impl Event {
    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let wallet = || WalletId::from_shared(Arc::clone(id));
        match self {
            Self::Deposited(deposited) => vec![Effect::Tell(deposited.outcome(wallet(), stamp))],
            Self::Paid(paid) => vec![
                Effect::Send(paid.message(wallet(), stamp)),
                Effect::Tell(paid.outcome(wallet(), stamp)),
            ],
            Self::RefundRequested(request) => {
                vec![Effect::Send(request.message(wallet(), stamp))]
            }
            Self::RefundReceived(refund) => vec![Effect::Tell(refund.outcome(wallet(), stamp))],
            Self::Marked(marked) => vec![marked.reply(id, stamp)],
            Self::MarkRefused { by, rejection, .. } => {
                vec![by.reply(stamp.source, Answer::Refused(rejection.clone()))]
            }
            Self::Invested(invested) => vec![invested.reply(stamp)],
            Self::Unmarked { by, .. } => vec![by.reply(stamp.source, Answer::Done)],
            Self::PullRequested(request) => vec![Effect::Send(request.message(wallet(), stamp))],
            Self::PullBooked(booked) => vec![
                booked.by.reply(stamp.source, Answer::Done),
                Effect::Tell(booked.outcome(wallet(), stamp)),
            ],
            Self::PullAbandoned { by, deposit, amount, currency, failure, .. } => {
                let money = (*amount, *currency);
                let outcome = pull::abandoned(wallet(), *deposit, money, failure.clone(), stamp);
                vec![by.reply(stamp.source, Answer::Done), Effect::Tell(outcome)]
            }
            Self::PaymentHeld(held) => vec![Effect::Send(held.message(wallet(), stamp))],
            Self::PaymentPosted(posted) => posted.effects(wallet(), stamp),
            Self::PaymentFailed(failed) => failed.effects(wallet(), stamp),
            Self::Reward(event) => event.effects(id, stamp),
            Self::Opened(_)
            | Self::HoldPlaced { .. }
            | Self::HoldReleased { .. }
            | Self::Frozen
            | Self::Unfrozen => Vec::new(),
        }
    }

    /// What the event does to the books.
    pub(super) fn booked(&self) -> Option<Movement> {
        match self {
            Self::Deposited(event) => Some(Movement::booked(event.currency, event.amount)),
            Self::Paid(event) => Some(Movement::sent(event.currency, event.amount)),
            Self::RefundReceived(event) => Some(Movement::received(event.currency, event.amount)),
            Self::Invested(event) if event.amount.is_positive() => {
                Some(Movement::sent(event.currency, event.amount))
            }
            Self::PullBooked(event) => Some(Movement::received(event.currency, event.amount)),
            Self::PaymentPosted(event) => Some(event.movement()),
            Self::Reward(event) => event.movement(),
            Self::Opened(_)
            | Self::HoldPlaced { .. }
            | Self::HoldReleased { .. }
            | Self::Frozen
            | Self::Unfrozen
            | Self::RefundRequested(_)
            | Self::Marked(_)
            | Self::MarkRefused { .. }
            | Self::Invested(_)
            | Self::Unmarked { .. }
            | Self::PullRequested(_)
            | Self::PullAbandoned { .. }
            | Self::PaymentHeld(_)
            | Self::PaymentFailed(_) => None,
        }
    }

    /// The posted balance afterwards, where the event changes it.
    pub fn balance_after(&self) -> Option<Amount> {
        match self {
            Self::Deposited(event) => Some(event.balance_after),
            Self::Paid(event) => Some(event.balance_after),
            Self::RefundReceived(event) => Some(event.balance_after),
            Self::Invested(event) => Some(event.balance_after),
            Self::PullBooked(event) => Some(event.balance_after),
            Self::PaymentPosted(event) => Some(event.balance_after),
            Self::Reward(event) => event.balance_after(),
            Self::Opened(_)
            | Self::HoldPlaced { .. }
            | Self::HoldReleased { .. }
            | Self::Frozen
            | Self::Unfrozen
            | Self::RefundRequested(_)
            | Self::Marked(_)
            | Self::MarkRefused { .. }
            | Self::Unmarked { .. }
            | Self::PullRequested(_)
            | Self::PullAbandoned { .. }
            | Self::PaymentHeld(_)
            | Self::PaymentFailed(_) => None,
        }
    }
}

impl Marked {
    fn reply(&self, wallet: &str, stamp: Stamp) -> Effect {
        let account = self.account.clone().unwrap_or_else(|| wallet.into());
        let email = self.email.clone();
        self.by.reply(stamp.source, Answer::Contact { email, account })
    }
}

impl Invested {
    fn reply(&self, stamp: Stamp) -> Effect {
        let answer = if self.amount.is_positive() {
            Answer::Money { amount: self.amount, currency: self.currency }
        } else {
            Answer::Done
        };
        self.by.reply(stamp.source, answer)
    }
}

impl Deposited {
    fn outcome(&self, wallet: WalletId, stamp: Stamp) -> Outcome {
        Outcome {
            kind: OutcomeKind::DepositPosted,
            at: stamp.at,
            wallet: Some(wallet),
            seq: stamp.source.seq,
            provider: None,
            payment: None,
            amount: self.amount,
            currency: self.currency,
            balance_after: self.balance_after,
            description: self.description.clone(),
            effective_at: self.effective_at,
            about: None,
        }
    }
}

impl Paid {
    fn message(&self, wallet: WalletId, stamp: Stamp) -> Message {
        Message {
            source: stamp.source,
            to: EntityId::provider(&self.provider),
            body: Body::Payment {
                wallet,
                amount: self.amount,
                currency: self.currency,
                description: self.description.clone(),
                effective_at: self.effective_at,
            },
        }
    }

    fn outcome(&self, wallet: WalletId, stamp: Stamp) -> Outcome {
        Outcome {
            kind: OutcomeKind::PaymentPosted,
            at: stamp.at,
            wallet: Some(wallet),
            seq: stamp.source.seq,
            provider: Some(self.provider.clone()),
            payment: None,
            amount: self.amount,
            currency: self.currency,
            balance_after: self.balance_after,
            description: self.description.clone(),
            effective_at: self.effective_at,
            about: None,
        }
    }
}

impl RefundRequested {
    fn message(&self, wallet: WalletId, stamp: Stamp) -> Message {
        Message {
            source: stamp.source,
            to: EntityId::provider(&self.provider),
            body: Body::RefundOrder {
                wallet,
                payment: self.payment,
                amount: self.amount,
                currency: self.currency,
                effective_at: self.effective_at,
            },
        }
    }
}

impl RefundReceived {
    fn outcome(&self, wallet: WalletId, stamp: Stamp) -> Outcome {
        Outcome {
            kind: OutcomeKind::RefundPosted,
            at: stamp.at,
            wallet: Some(wallet),
            seq: self.refund,
            provider: Some(self.provider.clone()),
            payment: Some(self.payment),
            amount: self.amount,
            currency: self.currency,
            balance_after: self.balance_after,
            description: None,
            effective_at: self.effective_at,
            about: None,
        }
    }
}
