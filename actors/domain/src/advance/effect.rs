//! What must happen outside once an event of an advance is durable.
//!
//! Messages to the saga that credits it and to the runs that asked, calls to the processor, and
//! outcomes. All is made from the event, the advance's id and the stamp, so that after a crash it
//! can be made again without loading the advance.
//!
//! Invariant: a decision answers a run at most once, so a record sends one message to one entity.

use std::sync::Arc;

use crate::advance::event::{Ask, Called, Event};
use crate::advance::key::DebitKey;
use crate::call::{Call, Lane, Request};
use crate::currency::Currency;
use crate::id::{AdvanceId, EntityId};
use crate::message::{
    About, Answer, Asker, Body, Effect, Message, Outcome, OutcomeKind, Source, Stamp,
};
use crate::money::Amount;
use crate::run::Tally;
use crate::saga::credit::Credit;
use crate::saga::{Failure, Subject};

/// The step under which an advance collects.
pub(super) const COLLECT: u8 = 0;

/// The step under which an advance gives back.
pub(super) const REFUND: u8 = 1;

/// The code of a debit of which nothing was heard.
pub const SILENT: &str = "silent";

/// The code of an advance that is given up.
pub const TOO_MANY_FAILURES: &str = "too-many-failures";

impl Event {
    /// What must happen outside, once the event is durable.
    pub(super) fn effects(&self, id: &Arc<str>, stamp: Stamp) -> Vec<Effect> {
        let source = stamp.source;
        match self {
            Self::Opened(profile) => {
                let credit = Credit {
                    advance: AdvanceId::from_shared(Arc::clone(id)),
                    account: profile.account.clone(),
                    amount: profile.amount,
                    currency: profile.currency,
                };
                let body = Body::Begin(Box::new(Subject::Advance(credit)));
                let to = EntityId::saga(Arc::clone(id));
                vec![Effect::Send(Message { source, to, body })]
            }
            Self::Activated { by, .. } | Self::NotCredited { by, .. } => {
                let mut effects = vec![by.reply(source, Answer::Done)];
                effects.extend(self.outcome(id, stamp).map(Effect::Tell));
                effects
            }
            Self::Mistaken { by, lines, .. } => {
                let tally = Tally { strange: u64::from(*lines), ..Tally::default() };
                vec![collected(by, source, tally)]
            }
            Self::Answered { by, tally } => vec![collected(by, source, *tally)],
            Self::AnsweredBeside { by } => {
                vec![collected(by, source, Tally { advances: 1, ..Tally::default() })]
            }
            Self::Called(called) => vec![Effect::Call(called.call(id))],
            Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::FellSilent { .. }
            | Self::Refunded { .. }
            | Self::Completed { .. }
            | Self::Defaulted { .. } => {
                self.outcome(id, stamp).map(Effect::Tell).into_iter().collect()
            }
            Self::Asked { .. }
            | Self::Staged { .. }
            | Self::Unanswered { .. }
            | Self::Deferred { .. }
            | Self::Submitted { .. }
            | Self::FoundFailed { .. }
            | Self::Cancelled { .. }
            | Self::Ignored { .. } => Vec::new(),
        }
    }

    /// What the world is told.
    fn outcome(&self, id: &Arc<str>, stamp: Stamp) -> Option<Outcome> {
        let told = |kind, debit, amount, currency, failure| {
            Some(told(id, stamp, kind, debit, amount, currency, failure))
        };
        match self {
            Self::Activated { amount, currency, .. } => {
                told(OutcomeKind::AdvanceActive, None, *amount, *currency, None)
            }
            Self::NotCredited { amount, currency, failure, .. } => {
                let failure = Some(failure.clone());
                told(OutcomeKind::AdvanceFailed, None, *amount, *currency, failure)
            }
            Self::Succeeded { debit, amount, currency, .. } => {
                told(OutcomeKind::DebitSucceeded, Some(*debit), *amount, *currency, None)
            }
            Self::Failed { debit, amount, currency, failure, .. } => {
                let failure = Some(failure.clone());
                told(OutcomeKind::DebitFailed, Some(*debit), *amount, *currency, failure)
            }
            Self::FellSilent { debit, amount, currency, days, .. } => {
                let detail = format!("nothing was heard of it for {days} days");
                let failure = Some(Failure::new(SILENT, detail));
                told(OutcomeKind::DebitFailed, Some(*debit), *amount, *currency, failure)
            }
            Self::Refunded { debit, amount, currency } => {
                told(OutcomeKind::DebitRefunded, Some(*debit), *amount, *currency, None)
            }
            Self::Completed { amount, currency } => {
                told(OutcomeKind::AdvanceCompleted, None, *amount, *currency, None)
            }
            Self::Defaulted { debit, written_off, amount, currency } => {
                let lost = written_off.to_major(*currency);
                let detail = format!("an instalment failed too often; {lost} is written off");
                let failure = Some(Failure::new(TOO_MANY_FAILURES, detail));
                told(OutcomeKind::AdvanceDefaulted, Some(*debit), *amount, *currency, failure)
            }
            Self::Opened(_)
            | Self::Asked { .. }
            | Self::Mistaken { .. }
            | Self::Staged { .. }
            | Self::Called(_)
            | Self::Unanswered { .. }
            | Self::Deferred { .. }
            | Self::Submitted { .. }
            | Self::FoundFailed { .. }
            | Self::Cancelled { .. }
            | Self::Ignored { .. }
            | Self::Answered { .. }
            | Self::AnsweredBeside { .. } => None,
        }
    }
}

impl Called {
    /// The call to the processor.
    fn call(&self, id: &Arc<str>) -> Call {
        let key = DebitKey::of(id, self.debit, u32::from(self.attempt));
        let (step, lane, key, request) = match &self.ask {
            Ask::Pull { account, amount, currency } => {
                let (amount, currency) = (*amount, *currency);
                let (account, reference) = (account.clone(), id.as_ref().into());
                let request = Request::Pull { account, amount, currency, reference };
                (COLLECT, Lane::Batch, key.to_string(), request)
            }
            Ask::Find => (COLLECT, Lane::Batch, key.to_string(), Request::Find),
            Ask::Refund { transaction, amount, currency, refusals } => {
                let (amount, currency) = (*amount, *currency);
                let transaction = transaction.as_ref().into();
                let request = Request::Refund { transaction, amount, currency };
                (REFUND, Lane::Undo, key.refund(*refusals), request)
            }
            Ask::FindRefund { refusals } => {
                (REFUND, Lane::Undo, key.refund(*refusals), Request::Find)
            }
        };
        let (attempt, not_after) = (self.number, self.not_after);
        Call { step, attempt, key: key.into(), lane, not_after, request }
    }
}

/// The answer to a run.
fn collected(by: &Asker, source: Source, tally: Tally) -> Effect {
    let body = Body::Collected { step: by.step, tally };
    Effect::Send(Message { source, to: by.entity.clone(), body })
}

fn told(
    id: &Arc<str>,
    stamp: Stamp,
    kind: OutcomeKind,
    debit: Option<u32>,
    amount: Amount,
    currency: Currency,
    failure: Option<Failure>,
) -> Outcome {
    let advance = AdvanceId::from_shared(Arc::clone(id));
    Outcome {
        kind,
        at: stamp.at,
        wallet: None,
        seq: stamp.source.seq,
        provider: None,
        payment: None,
        amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Advance { advance, debit, failure }),
    }
}
