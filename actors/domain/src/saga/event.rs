//! What may happen to a saga, and what follows from it outside.
//!
//! Events are on disk for ever: only appended to. An event that begins something holds the message
//! or the call itself, so that effects are made from the event alone.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::call::Call;
use crate::compensation::Undoing;
use crate::currency::Currency;
use crate::id::EntityId;
use crate::message::{About, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp};
use crate::money::Amount;
use crate::saga::subject::{Failure, Subject};
use crate::time::Timestamp;

/// What a step set going.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Action {
    /// A message to an entity.
    Send(EntityId, Box<Body>),
    /// A call to a third party.
    Call(Box<Call>),
}

/// What a finished step found.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Found {
    /// Nothing to keep.
    Nothing,
    /// How the customer is reached.
    Contact {
        /// Where mails go.
        email: Option<Box<str>>,
        /// The account at the processor.
        account: Box<str>,
    },
    /// Money came from another entity.
    Money(Amount, Currency),
    /// Money came from the bank.
    Pulled {
        /// The processor's name of it.
        transaction: Box<str>,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// Documents were made.
    Documents {
        /// Their maker's name of them.
        id: Box<str>,
        /// Where they are.
        url: Option<Box<str>>,
    },
    /// Money went to the bank. Whoever had it books it.
    Pushed {
        /// The processor's name of it.
        transaction: Box<str>,
    },
}

/// How a saga ended.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum End {
    /// What it was to bring about has come about.
    Done,
    /// It failed, and everything is undone.
    Failed(Failure),
    /// It was cancelled, and everything is undone.
    Cancelled,
}

/// What may happen to a saga.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being; its first step was done before.
    Begun {
        /// The record that began it.
        source: Source,
        /// When.
        at: Timestamp,
        /// What it is to bring about.
        subject: Arc<Subject>,
    },
    /// It is no longer wanted.
    CancelAsked,
    /// A step set something going.
    StepBegun {
        /// Which step.
        step: u8,
        /// When.
        at: Timestamp,
        /// After this it is given up, once it is known how it stands.
        deadline: Timestamp,
        /// What was set going.
        action: Action,
    },
    /// A step had nothing to do.
    StepSkipped {
        /// Which step.
        step: u8,
        /// When.
        at: Timestamp,
        /// Why.
        why: Box<str>,
    },
    /// A call was repeated, or asked after, under the same key.
    CallRepeated {
        /// When.
        at: Timestamp,
        /// The call.
        call: Box<Call>,
    },
    /// A call has no definite answer yet.
    CallUnanswered {
        /// Which step.
        step: u8,
        /// When.
        at: Timestamp,
        /// What was seen.
        reason: Box<str>,
        /// Whether the call may have been acted on.
        sent: Sent,
        /// When it is asked after.
        retry_at: Timestamp,
    },
    /// A step is done.
    StepDone {
        /// Which step.
        step: u8,
        /// When.
        at: Timestamp,
        /// The message that said so, if one did.
        source: Option<Source>,
        /// What it found.
        found: Found,
    },
    /// A step failed; it did nothing.
    StepFailed {
        /// Which step.
        step: u8,
        /// When.
        at: Timestamp,
        /// The message that said so, if one did.
        source: Option<Source>,
        /// Why.
        failure: Failure,
    },
    /// What was done is being undone.
    UndoingBegun {
        /// Why; `None` when it was cancelled.
        failure: Option<Failure>,
        /// What is to be undone.
        undoing: Box<Undoing>,
    },
    /// It is over.
    Ended {
        /// When.
        at: Timestamp,
        /// The message that said that everything is undone, if anything was.
        source: Option<Source>,
        /// How.
        end: End,
        /// What it was to bring about.
        subject: Arc<Subject>,
    },
}

/// Whether an unanswered call may have been acted on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Sent {
    /// It may.
    Perhaps,
    /// It certainly was not.
    No,
}

impl Event {
    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, stamp: Stamp) -> Vec<Effect> {
        match self {
            Self::StepBegun { action: Action::Send(to, body), .. } => {
                let body = (**body).clone();
                vec![Effect::Send(Message { source: stamp.source, to: to.clone(), body })]
            }
            Self::StepBegun { action: Action::Call(call), .. }
            | Self::CallRepeated { call, .. } => vec![Effect::Call((**call).clone())],
            Self::UndoingBegun { undoing, .. } => {
                let to = EntityId::compensation(&undoing.saga);
                let body = Body::Compensate(undoing.clone());
                vec![Effect::Send(Message { source: stamp.source, to, body })]
            }
            Self::Ended { at, end, subject, .. } => {
                outcome(*at, end, subject).map(Effect::Tell).into_iter().collect()
            }
            Self::Begun { .. }
            | Self::CancelAsked
            | Self::StepSkipped { .. }
            | Self::CallUnanswered { .. }
            | Self::StepDone { .. }
            | Self::StepFailed { .. } => Vec::new(),
        }
    }

    /// What the event does to the books.
    pub(super) fn booked(&self) -> Option<Movement> {
        match self {
            Self::StepBegun { action: Action::Send(_, body), .. } => sent(body),
            Self::StepDone { found: Found::Money(amount, currency), .. } => {
                Some(Movement::received(*currency, *amount))
            }
            Self::StepDone { found: Found::Pulled { amount, currency, .. }, .. } => {
                Some(Movement::booked(*currency, *amount))
            }
            Self::UndoingBegun { undoing, .. } if undoing.money.is_positive() => {
                Some(Movement::sent(undoing.subject.currency(), undoing.money))
            }
            Self::Begun { .. }
            | Self::CancelAsked
            | Self::StepBegun { .. }
            | Self::StepSkipped { .. }
            | Self::CallRepeated { .. }
            | Self::CallUnanswered { .. }
            | Self::StepDone { .. }
            | Self::StepFailed { .. }
            | Self::UndoingBegun { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// The message that the event received, if one did it.
    pub(super) fn received(&self) -> Option<Source> {
        match self {
            Self::Begun { source, .. } => Some(*source),
            Self::StepDone { source, .. }
            | Self::StepFailed { source, .. }
            | Self::Ended { source, .. } => *source,
            Self::CancelAsked
            | Self::StepBegun { .. }
            | Self::StepSkipped { .. }
            | Self::CallRepeated { .. }
            | Self::CallUnanswered { .. }
            | Self::UndoingBegun { .. } => None,
        }
    }
}

/// The money in a message of a saga.
fn sent(body: &Body) -> Option<Movement> {
    if let Body::Confirm { amount, currency, .. } | Body::Credit { amount, currency, .. } = body {
        Some(Movement::sent(*currency, *amount))
    } else {
        None
    }
}

/// What the world is told at the end of an investment. The outcome of anything else is told by the
/// wallet, the provider or the advance.
fn outcome(at: Timestamp, end: &End, subject: &Subject) -> Option<Outcome> {
    let Subject::Investment(investment) = subject else { return None };
    let (kind, failure) = match end {
        End::Done => (OutcomeKind::InvestmentConfirmed, None),
        End::Failed(failure) => (OutcomeKind::InvestmentFailed, Some(failure.clone())),
        End::Cancelled => (OutcomeKind::InvestmentCancelled, None),
    };
    Some(Outcome {
        kind,
        at,
        wallet: Some(investment.wallet.clone()),
        seq: investment.id.seq,
        provider: None,
        payment: None,
        amount: investment.amount,
        currency: investment.currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Investment {
            deal: investment.id.deal.clone(),
            ticket: investment.ticket,
            failure,
        }),
    })
}
