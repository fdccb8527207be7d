//! What a saga brings about, and the shape of its table of steps.
//!
//! A subject's file has one order: parameters, table of steps (what each does and what undoes it),
//! and what is told at the end. The machine in `rules` runs any table. What a step does is data
//! ([`Act`]): a message to an entity that answers with a reply, a call to a third party, or nothing.
//!
//! Invariants of a table: the first step was done by whoever began the saga; what stands before the
//! point of no return can be undone, what stands after it cannot fail.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::call::{Lane, Policy, Request};
use crate::currency::Currency;
use crate::id::{EntityId, WalletId};
use crate::message::{Asker, Body};
use crate::money::Amount;
use crate::saga::credit::Credit;
use crate::saga::deposit::Deposit;
use crate::saga::investment::Investment;
use crate::saga::payment::Payment;
use crate::saga::reimbursement::Reimbursement;
use crate::saga::reward::Reward;

/// Why something was not to be.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Failure {
    /// A word: one of ours, or the third party's.
    pub code: Box<str>,
    /// For people.
    pub detail: Box<str>,
}

impl Failure {
    /// A failure with its words.
    pub fn new(code: impl Into<Box<str>>, detail: impl Into<Box<str>>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

/// What a saga brings about. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Subject {
    /// An investment in a deal.
    Investment(Investment),
    /// A deposit that is pulled from a bank account.
    Deposit(Deposit),
    /// A payment that is settled at once.
    Payment(Payment),
    /// A provider's reimbursement.
    Reimbursement(Reimbursement),
    /// An advance that is brought to the customer.
    Advance(Credit),
    /// A reward that is brought to a wallet.
    Reward(Reward),
}

/// The names of steps. Only appended to: they are on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum StepName {
    /// A place in the deal.
    Reserve,
    /// The wallet knows; its money is set aside.
    Mark,
    /// Money comes from the bank.
    Pull,
    /// Documents are made.
    Documents,
    /// The wallet pays what was set aside and forgets the mark.
    Settle,
    /// The deal counts it and has the money.
    Confirm,
    /// The customer is written to.
    Tell,
    /// The wallet expects money.
    Expect,
    /// The wallet has the money.
    Credit,
    /// The wallet has set the amount aside.
    Hold,
    /// Money goes to the bank.
    Push,
    /// The wallet has booked the payment.
    Post,
    /// The provider's period is closed.
    Close,
    /// The provider has booked the reimbursement.
    Paid,
    /// The advance is open.
    Open,
    /// The advance is active.
    Activate,
}

impl StepName {
    /// The word used in JSON and in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Mark => "mark",
            Self::Pull => "pull",
            Self::Documents => "documents",
            Self::Settle => "settle",
            Self::Confirm => "confirm",
            Self::Tell => "tell",
            Self::Expect => "expect",
            Self::Credit => "credit",
            Self::Hold => "hold",
            Self::Push => "push",
            Self::Post => "post",
            Self::Close => "close",
            Self::Paid => "paid",
            Self::Open => "open",
            Self::Activate => "activate",
        }
    }

    /// How long the step may take, if it is a call, before it is given up once it is known how it
    /// stands; in milliseconds.
    pub(super) const fn patience_ms(self, lane: Lane, policy: &Policy) -> i64 {
        match self {
            Self::Tell => policy.mail_patience_ms,
            Self::Push => match lane {
                Lane::Undo | Lane::Interactive => policy.push_patience_ms,
                Lane::Batch => policy.payout_patience_ms,
            },
            Self::Reserve
            | Self::Mark
            | Self::Pull
            | Self::Documents
            | Self::Settle
            | Self::Confirm
            | Self::Expect
            | Self::Credit
            | Self::Hold
            | Self::Post
            | Self::Close
            | Self::Paid
            | Self::Open
            | Self::Activate => policy.step_deadline_ms,
        }
    }
}

/// What a step, or its undoing, does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Act {
    /// Nothing; the words say why.
    Nothing(Box<str>),
    /// Asks an entity, which answers with [`Body::Reply`].
    Send(EntityId, Box<Body>),
    /// Asks a third party.
    Call(Request, Lane),
}

/// What a finished step left for the ones after it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Findings {
    /// Where the customer is written to.
    pub email: Option<Box<str>>,
    /// The customer's account at the processor.
    pub account: Box<str>,
    /// The processor's name of the pull or the push.
    pub transaction: Option<Box<str>>,
    /// The documents' name.
    pub documents: Option<Box<str>>,
    /// Where the documents are.
    pub url: Option<Box<str>>,
}

/// What the table of a subject may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The saga's id.
    pub id: &'a Arc<str>,
    /// Who asks: the saga in this step, or its compensation.
    pub by: &'a Asker,
    /// What the finished steps left.
    pub found: &'a Findings,
    /// Why it is undone; `None` when it was cancelled, or goes forward.
    pub failure: Option<&'a Failure>,
}

impl Situation<'_> {
    /// Why it is undone.
    pub(super) fn why(&self) -> Failure {
        let cancelled = || Failure::new("cancelled", "it was cancelled");
        self.failure.cloned().unwrap_or_else(cancelled)
    }
}

/// One step of a table.
#[derive(Clone, Copy, Debug)]
pub struct Step<S> {
    /// Its name.
    pub name: StepName,
    /// What it does.
    pub act: fn(&S, Situation<'_>) -> Act,
    /// What undoes it.
    pub undo: fn(&S, Situation<'_>) -> Act,
}

/// How the steps of a table are numbered.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    /// How many there are.
    pub steps: usize,
    /// The last one that can be undone.
    pub returnable_to: usize,
    /// The one with which it is done; what comes after may fail.
    pub ends_with: usize,
}

/// The outline of what is pushed to the bank: once the push has begun there is no way back, and
/// after it succeeded nothing is given up. Only a push that failed undoes what came before it.
pub(super) const PUSHING: Outline = Outline { steps: 3, returnable_to: 0, ends_with: 2 };

/// Nothing to do, and why.
pub(super) fn nothing(why: &str) -> Act {
    Act::Nothing(why.into())
}

/// The undoing of a step that has none.
pub(super) fn nothing_to_undo<S>(_: &S, _: Situation<'_>) -> Act {
    nothing("it is past the point of no return")
}

/// The act of a step that was done before the saga began.
pub(super) fn done_before<S>(_: &S, _: Situation<'_>) -> Act {
    nothing("it was done before the saga began")
}

impl Subject {
    /// The id of what is brought about, which is its saga's.
    pub fn id(&self) -> Arc<str> {
        match self {
            Self::Investment(investment) => investment.id.to_string().into(),
            Self::Deposit(deposit) => Deposit::id(&deposit.wallet, deposit.seq).into(),
            Self::Payment(payment) => Payment::id(&payment.wallet, payment.seq).into(),
            Self::Reimbursement(reimbursement) => reimbursement.id().to_string().into(),
            Self::Advance(credit) => credit.advance.shared(),
            Self::Reward(reward) => reward.id.to_string().into(),
        }
    }

    /// Whose wallet; `None` when no wallet takes part.
    pub fn wallet(&self) -> Option<&WalletId> {
        match self {
            Self::Investment(investment) => Some(&investment.wallet),
            Self::Deposit(deposit) => Some(&deposit.wallet),
            Self::Payment(payment) => Some(&payment.wallet),
            Self::Reward(reward) => Some(&reward.id.wallet),
            Self::Reimbursement(_) | Self::Advance(_) => None,
        }
    }

    /// How much, positive.
    pub fn amount(&self) -> Amount {
        match self {
            Self::Investment(investment) => investment.amount,
            Self::Deposit(deposit) => deposit.amount,
            Self::Payment(payment) => payment.amount,
            Self::Reimbursement(reimbursement) => reimbursement.amount,
            Self::Advance(credit) => credit.amount,
            Self::Reward(reward) => reward.amount,
        }
    }

    /// In which currency.
    pub fn currency(&self) -> Currency {
        match self {
            Self::Investment(investment) => investment.currency,
            Self::Deposit(deposit) => deposit.currency,
            Self::Payment(payment) => payment.currency,
            Self::Reimbursement(reimbursement) => reimbursement.currency,
            Self::Advance(credit) => credit.currency,
            Self::Reward(reward) => reward.currency,
        }
    }

    /// How the steps are numbered.
    pub fn outline(&self) -> Outline {
        match self {
            Self::Investment(_) => Investment::OUTLINE,
            Self::Deposit(_) => Deposit::OUTLINE,
            Self::Payment(_) => Payment::OUTLINE,
            Self::Reimbursement(_) => Reimbursement::OUTLINE,
            Self::Advance(_) => Credit::OUTLINE,
            Self::Reward(_) => Reward::OUTLINE,
        }
    }

    /// The name of a step.
    pub fn step(&self, step: usize) -> StepName {
        match self {
            Self::Investment(_) => Investment::STEPS[step].name,
            Self::Deposit(_) => Deposit::STEPS[step].name,
            Self::Payment(_) => Payment::STEPS[step].name,
            Self::Reimbursement(_) => Reimbursement::STEPS[step].name,
            Self::Advance(_) => Credit::STEPS[step].name,
            Self::Reward(_) => Reward::STEPS[step].name,
        }
    }

    /// What a step does.
    pub fn act(&self, step: usize, situation: Situation<'_>) -> Act {
        match self {
            Self::Investment(subject) => (Investment::STEPS[step].act)(subject, situation),
            Self::Deposit(subject) => (Deposit::STEPS[step].act)(subject, situation),
            Self::Payment(subject) => (Payment::STEPS[step].act)(subject, situation),
            Self::Reimbursement(subject) => (Reimbursement::STEPS[step].act)(subject, situation),
            Self::Advance(subject) => (Credit::STEPS[step].act)(subject, situation),
            Self::Reward(subject) => (Reward::STEPS[step].act)(subject, situation),
        }
    }

    /// What undoes a step.
    pub fn undo(&self, step: usize, situation: Situation<'_>) -> Act {
        match self {
            Self::Investment(subject) => (Investment::STEPS[step].undo)(subject, situation),
            Self::Deposit(subject) => (Deposit::STEPS[step].undo)(subject, situation),
            Self::Payment(subject) => (Payment::STEPS[step].undo)(subject, situation),
            Self::Reimbursement(subject) => (Reimbursement::STEPS[step].undo)(subject, situation),
            Self::Advance(subject) => (Credit::STEPS[step].undo)(subject, situation),
            Self::Reward(subject) => (Reward::STEPS[step].undo)(subject, situation),
        }
    }
}
