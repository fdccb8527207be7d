//! What may happen to a provider, and what follows from it outside.
//!
//! Events are on disk for ever: only appended to. An event says everything that follows from it,
//! so that messages, outcomes, books and answers are made from the event alone.
//!
//! Ends of periods stand before all other events of their decision. So the lines of a record all
//! belong to the period that runs after it, and `rmb_{seq}_{provider}` names at most one period.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{EntityId, ProviderId, Seq, WalletId};
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::{Amount, Total};
use crate::plan::Day;
use crate::provider::activity::{Activity, LineAnswer, LineVerdict};
use crate::provider::period::Period;
use crate::provider::{Profile, Settlement};
use crate::saga::Subject;
use crate::saga::reimbursement::Reimbursement;
use crate::saga::subject::Failure;
use crate::time::Timestamp;

/// A payment arrived.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Received {
    /// The wallet's record; its position names the payment.
    pub source: Source,
    /// Who paid.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards.
    pub balance_after: Total,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The payer's words.
    pub description: Option<Box<str>>,
}

/// Money went back to a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RefundSent {
    /// The wallet's record that asked; its position names the refund.
    pub source: Source,
    /// Who asked.
    pub wallet: WalletId,
    /// Which payment.
    pub payment: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards; may be below zero.
    pub balance_after: Total,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// A period began that no other one led to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PeriodBegan {
    /// Its number, from 1.
    pub number: u64,
    /// When it began.
    pub at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// Activities were submitted, and some were new.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Noted {
    /// The number of the period in which they accrued.
    pub period: u64,
    /// The local date on which that period began.
    pub since: Day,
    /// The new ones, in the order of the call; never empty.
    pub lines: Vec<Arc<Activity>>,
    /// The other lines: their places in the call, from 0, ascending.
    pub others: Vec<(u16, LineVerdict)>,
    /// The sum of the new ones.
    pub total: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards.
    pub balance_after: Total,
}

impl Noted {
    /// Whether a line is for a service before the period in which it is paid.
    pub fn is_late(&self, activity: &Activity) -> bool {
        activity.service_date() < self.since
    }

    /// What each line of the call is answered, in the order of the call.
    pub fn answers(&self) -> Vec<LineAnswer> {
        answers(&self.lines, &self.others, self.since)
    }
}

/// One answer for each line of a call, in its order.
pub(super) fn answers(
    lines: &[Arc<Activity>],
    others: &[(u16, LineVerdict)],
    since: Day,
) -> Vec<LineAnswer> {
    let mut answers = Vec::with_capacity(lines.len() + others.len());
    let (mut lines, mut others) = (lines.iter(), others.iter().peekable());
    loop {
        let at = answers.len();
        if let Some((_, verdict)) = others.next_if(|(index, _)| usize::from(*index) == at) {
            answers.push(LineAnswer::Not(*verdict));
        } else if let Some(line) = lines.next() {
            answers.push(LineAnswer::New { late: line.service_date() < since });
        } else {
            return answers;
        }
    }
}

/// A period ended, and what was accrued is on its way to the provider's bank.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PeriodClosed {
    /// The period as it stood at its end.
    pub period: Period,
    /// Its end: `until` of the period; later when one run stands for several periods.
    pub to: Timestamp,
    /// What is sent, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where to: a token at the processor.
    pub account: Box<str>,
    /// Accrued afterwards: zero, unless it was more than the largest amount.
    pub balance_after: Total,
    /// The record of the reimbursement before this one.
    pub previous: Option<Seq>,
    /// When the next period ends, which begins at `to`; `None` when none follows.
    pub next: Option<Timestamp>,
}

/// Why nothing was sent at the end of a period. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Reason {
    /// Nothing was accrued, or less than nothing.
    Zero,
    /// Less than the configured minimum was accrued.
    UnderMinimum,
    /// The provider is on hold.
    OnHold,
    /// The reimbursement before is still on its way.
    InReimbursement,
}

impl Reason {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::UnderMinimum => "under-minimum",
            Self::OnHold => "on-hold",
            Self::InReimbursement => "in-reimbursement",
        }
    }
}

/// A period ended and nothing was sent: what is accrued stays. After downtime this may stand for
/// several periods that ended the same way, all but the first of them without lines.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CarriedOver {
    /// The period as it stood at its end; of several, the first.
    pub period: Period,
    /// The number of the last of them.
    pub last: u64,
    /// The end of the last of them.
    pub to: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When the next period ends, which begins at `to`; `None` when none follows.
    pub next: Option<Timestamp>,
}

/// A reimbursement is with the provider's bank.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reimbursed {
    /// The saga's record.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// The decision that closed the period.
    pub reimbursement: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

/// A reimbursement was not to be; its amount is accrued again, for the next end of a period.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Returned {
    /// The record that gave it back.
    pub source: Source,
    /// Who asked.
    pub by: Asker,
    /// The decision that closed the period.
    pub reimbursement: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Accrued afterwards.
    pub balance_after: Total,
    /// Why.
    pub failure: Failure,
    /// Reimbursements declined in a row, this one included if it was.
    pub declines: u32,
    /// Whether nothing is sent any more.
    pub on_hold: bool,
}

/// A payment arrived whose money the provider's bank has already.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReceivedSettled {
    /// The wallet's record.
    pub source: Source,
    /// Who paid.
    pub wallet: WalletId,
    /// The wallet's decision that names the payment.
    pub payment: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The payer's words.
    pub description: Option<Box<str>>,
}

/// What may happen to a provider. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being.
    Registered(Arc<Profile>),
    /// A payment arrived.
    Received(Received),
    /// Money went back to a wallet.
    RefundSent(RefundSent),
    /// A period began.
    PeriodBegan(PeriodBegan),
    /// Activities were submitted.
    Activities(Noted),
    /// A period ended and is reimbursed.
    PeriodClosed(Box<PeriodClosed>),
    /// A period ended and is not.
    CarriedOver(Box<CarriedOver>),
    /// A reimbursement is with the bank.
    Reimbursed(Reimbursed),
    /// A reimbursement was not to be.
    Returned(Returned),
    /// A payment arrived that was settled at once.
    ReceivedSettled(ReceivedSettled),
    /// It is paid otherwise from the next period on, or tried again after it was on hold.
    SettlementChanged {
        /// How.
        settlement: Settlement,
        /// Whether it was on hold and no longer is.
        lifted: bool,
    },
}

impl Event {
    /// The message by which it came, if it came by one.
    pub(super) const fn source(&self) -> Option<Source> {
        match self {
            Self::Received(event) => Some(event.source),
            Self::RefundSent(event) => Some(event.source),
            Self::Reimbursed(event) => Some(event.source),
            Self::Returned(event) => Some(event.source),
            Self::ReceivedSettled(event) => Some(event.source),
            Self::Registered(_)
            | Self::PeriodBegan(_)
            | Self::Activities(_)
            | Self::PeriodClosed(_)
            | Self::CarriedOver(_)
            | Self::SettlementChanged { .. } => None,
        }
    }

    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let provider = || ProviderId::from_shared(Arc::clone(id));
        match self {
            Self::RefundSent(event) => vec![event.message(provider(), stamp)],
            Self::PeriodClosed(event) => vec![event.begin(provider(), stamp)],
            Self::Reimbursed(event) => {
                let done = event.by.reply(stamp.source, Answer::Done);
                let about = (event.reimbursement, event.amount, event.currency);
                vec![done, told(OutcomeKind::ReimbursementPaid, provider(), about, None, stamp)]
            }
            Self::Returned(event) => {
                let done = event.by.reply(stamp.source, Answer::Done);
                let about = (event.reimbursement, event.amount, event.currency);
                let (kind, failure) =
                    (OutcomeKind::ReimbursementReturned, Some(event.failure.clone()));
                vec![done, told(kind, provider(), about, failure, stamp)]
            }
            Self::Registered(_)
            | Self::Received(_)
            | Self::PeriodBegan(_)
            | Self::Activities(_)
            | Self::CarriedOver(_)
            | Self::ReceivedSettled(_)
            | Self::SettlementChanged { .. } => Vec::new(),
        }
    }

    /// What the event does to the books.
    pub(super) fn booked(&self) -> Option<Movement> {
        match self {
            Self::Received(event) => Some(Movement::received(event.currency, event.amount)),
            Self::RefundSent(event) => Some(Movement::sent(event.currency, event.amount)),
            Self::Activities(event) => Some(Movement::booked(event.currency, event.total)),
            Self::Reimbursed(event) => Some(Movement::returned(event.currency, event.amount)),
            Self::ReceivedSettled(event) => Some(Movement {
                currency: event.currency,
                account: Amount::ZERO,
                external: event.amount,
                sent: Amount::ZERO,
                received: event.amount,
            }),
            Self::Registered(_)
            | Self::PeriodBegan(_)
            | Self::PeriodClosed(_)
            | Self::CarriedOver(_)
            | Self::Returned(_)
            | Self::SettlementChanged { .. } => None,
        }
    }

    /// Accrued afterwards, where the event changes it.
    pub(super) const fn balance_after(&self) -> Option<Total> {
        match self {
            Self::Received(event) => Some(event.balance_after),
            Self::RefundSent(event) => Some(event.balance_after),
            Self::Activities(event) => Some(event.balance_after),
            Self::PeriodClosed(event) => Some(event.balance_after),
            Self::Returned(event) => Some(event.balance_after),
            Self::Registered(_)
            | Self::PeriodBegan(_)
            | Self::CarriedOver(_)
            | Self::Reimbursed(_)
            | Self::ReceivedSettled(_)
            | Self::SettlementChanged { .. } => None,
        }
    }
}

impl RefundSent {
    fn message(&self, provider: ProviderId, stamp: Stamp) -> Effect {
        Effect::Send(Message {
            source: stamp.source,
            to: EntityId::wallet(&self.wallet),
            body: Body::RefundMoney {
                provider,
                payment: self.payment,
                refund: self.source.seq,
                amount: self.amount,
                currency: self.currency,
            },
        })
    }
}

impl PeriodClosed {
    fn begin(&self, provider: ProviderId, stamp: Stamp) -> Effect {
        let reimbursement = Reimbursement {
            provider,
            seq: stamp.source.seq,
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency,
        };
        let to = reimbursement.id().saga();
        let body = Body::Begin(Box::new(Subject::Reimbursement(reimbursement)));
        Effect::Send(Message { source: stamp.source, to, body })
    }
}

fn told(
    kind: OutcomeKind,
    provider: ProviderId,
    (reimbursement, amount, currency): (Seq, Amount, Currency),
    failure: Option<Failure>,
    stamp: Stamp,
) -> Effect {
    Effect::Tell(Outcome {
        kind,
        at: stamp.at,
        wallet: None,
        seq: reimbursement,
        provider: Some(provider),
        payment: None,
        amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Reimbursement { failure }),
    })
}
