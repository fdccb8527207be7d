//! Calls to third parties, as data: what is asked, under which key, and what came back.
//!
//! A saga records a call before it is made (DESIGN invariant 15); a gateway makes it and brings
//! back one [`Reply`]. The reply says what is *known*, never what is likely: an answer that did not
//! come, a broken connection, a 5xx or nonsense is [`Reply::Unknown`], neither yes nor no
//! (invariant 16). Only a call that certainly never left is [`Reply::NotSent`].
//!
//! Invariant: a repeat carries the key of the first attempt, so it can do nothing twice.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::campaign::Catalogue;
use crate::currency::Currency;
use crate::money::Amount;
use crate::time::Timestamp;

/// Which third party.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Party {
    /// Moves money to and from bank accounts.
    Processor,
    /// Makes documents.
    Documents,
    /// Carries mail.
    Mail,
}

impl Party {
    /// All parties.
    pub const ALL: [Self; 3] = [Self::Processor, Self::Documents, Self::Mail];

    /// The word used in JSON, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Documents => "documents",
            Self::Mail => "mail",
        }
    }
}

/// Who goes first when a gateway has more to do than it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Lane {
    /// Undoing what was done: someone's money is in the wrong place.
    Undo,
    /// Someone waits for it.
    Interactive,
    /// Nobody waits for it.
    Batch,
}

impl Lane {
    /// All lanes, the first first.
    pub const ALL: [Self; 3] = [Self::Undo, Self::Interactive, Self::Batch];

    /// The word used in JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undo => "undo",
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}

/// What is asked of a third party. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Request {
    /// Take money from a bank account.
    Pull {
        /// The account, a token at the processor.
        account: Box<str>,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// What stands on the statement.
        reference: Box<str>,
    },
    /// What became of the transaction under the call's key.
    Find,
    /// Give back what a transaction took.
    Refund {
        /// The transaction, as the processor named it.
        transaction: Box<str>,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// Make documents.
    MakeDocuments {
        /// Which kind.
        kind: Box<str>,
        /// What they are about.
        subject: Box<str>,
        /// What stands in them: names and texts.
        data: Vec<(Box<str>, Box<str>)>,
    },
    /// Make documents void.
    VoidDocuments {
        /// The documents, as their maker named them.
        id: Box<str>,
    },
    /// Write to someone.
    Mail(Box<Mail>),
    /// Bring money to a bank account.
    Push {
        /// The account, a token at the processor.
        account: Box<str>,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// What stands on the statement.
        reference: Box<str>,
    },
}

/// A mail: what is filled into which template.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Mail {
    /// To whom.
    pub to: Box<str>,
    /// Which template.
    pub template: Template,
    /// What is filled in: names and texts.
    pub fields: Vec<(Box<str>, Box<str>)>,
}

/// The templates of mails. Only appended to: they are on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Template {
    /// An investment is confirmed. Fields: `investment`, `deal`, `amount` (with its currency),
    /// `documents` (an address, may be empty).
    InvestmentConfirmed,
    /// A reward is in the wallet. Fields: `reward`, `campaign`, `purchase`, `amount` (with its
    /// currency).
    RewardGranted,
}

impl Request {
    /// Who is asked.
    pub const fn party(&self) -> Party {
        match self {
            Self::Pull { .. } | Self::Push { .. } | Self::Find | Self::Refund { .. } => {
                Party::Processor
            }
            Self::MakeDocuments { .. } | Self::VoidDocuments { .. } => Party::Documents,
            Self::Mail(_) => Party::Mail,
        }
    }
}

/// One attempt to have something done outside.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Call {
    /// The step of the saga, from 0.
    pub step: u8,
    /// Which attempt of this step, from 1.
    pub attempt: u32,
    /// The key of saga and step: the same for every attempt of one wish.
    pub key: Box<str>,
    /// Who goes first.
    pub lane: Lane,
    /// After this instant it need not be sent any more, if it has not been.
    pub not_after: Timestamp,
    /// What is asked.
    pub request: Request,
}

/// What is known after an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Reply {
    /// It is done.
    Done {
        /// How the third party names what it did; empty where it has no name.
        id: Box<str>,
        /// Where it can be seen.
        url: Option<Box<str>>,
    },
    /// A definite no: nothing was done, and asking again the same way would give the same no.
    Declined {
        /// The third party's reason, a word.
        code: Box<str>,
        /// For people.
        detail: Box<str>,
    },
    /// Nothing is known under the key (the answer to [`Request::Find`]).
    NeverSeen,
    /// It has arrived and is not decided yet.
    Pending,
    /// It certainly was not sent, or was turned away unread (429).
    NotSent {
        /// Why.
        reason: Box<str>,
    },
    /// It may or may not have been done.
    Unknown {
        /// What was seen.
        reason: Box<str>,
    },
}

/// A reply on its way to who called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The call's step.
    pub step: u8,
    /// The call's attempt.
    pub attempt: u32,
    /// What is known.
    pub reply: Reply,
}

/// What happens after downtime to the periods that were missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CatchUp {
    /// Each is run once, in order.
    #[default]
    Each,
    /// One run stands for all of them.
    One,
}

/// How providers are reimbursed. From the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reimbursing {
    /// Less than this is not sent but carried over, in major units of whichever currency (`1.00`).
    pub minimum: rust_decimal::Decimal,
    /// After so many declined reimbursements in a row a provider is on hold.
    pub declines_max: u32,
    /// What happens to periods that were missed.
    pub catch_up: CatchUp,
}

impl Default for Reimbursing {
    fn default() -> Self {
        Self { minimum: rust_decimal::Decimal::ZERO, declines_max: 3, catch_up: CatchUp::Each }
    }
}

/// How advances are collected. From the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collecting {
    /// After so many failed attempts for one instalment the advance is defaulted.
    pub attempts_max: u32,
    /// How often the same debit is presented again before it goes to the end of the plan.
    pub representments_max: u32,
    /// A debit without any outcome for so many days is silent.
    pub silent_days: u32,
    /// The time zone of the days of plans: a name of the IANA database.
    pub time_zone: Box<str>,
}

impl Default for Collecting {
    fn default() -> Self {
        Self { attempts_max: 10, representments_max: 0, silent_days: 5, time_zone: "UTC".into() }
    }
}

/// How bank lines are taken, from the configuration; and the campaigns that were announced, kept up
/// to date while the server runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewarding {
    /// For how many days banks send lines again.
    pub window_days: u16,
    /// How many days more a line is taken.
    pub margin_days: u16,
    /// All campaigns.
    pub catalogue: Arc<Catalogue>,
}

impl Rewarding {
    /// How many days after its date a line is taken.
    pub fn taken_days(&self) -> i32 {
        i32::from(self.window_days) + i32::from(self.margin_days)
    }
}

impl Default for Rewarding {
    fn default() -> Self {
        Self { window_days: 30, margin_days: 2, catalogue: Arc::default() }
    }
}

/// How patient sagas are. From the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How long a step may take before the saga gives it up (once it is known how it stands), in
    /// milliseconds.
    pub step_deadline_ms: i64,
    /// How long to wait before asking again after an unknown answer, by attempt, in milliseconds;
    /// the last one stands for all later ones. Never empty.
    pub ladder_ms: Vec<i64>,
    /// How long after the last attempt "never seen" is believed, in milliseconds: a request that
    /// was cut off may still be on its way.
    pub settle_ms: i64,
    /// After how many attempts an undo is shown as stuck.
    pub stuck_after: u32,
    /// How long a mail is tried, in milliseconds.
    pub mail_patience_ms: i64,
    /// How long a push may wait for the processor before it is given up unsent, in milliseconds.
    pub push_patience_ms: i64,
    /// How long a reimbursement may wait for the processor before it is given up unsent, in
    /// milliseconds: nobody waits for it, and its next turn may be a year away.
    pub payout_patience_ms: i64,
    /// How providers are reimbursed.
    pub reimbursing: Reimbursing,
    /// How advances are collected.
    pub collecting: Collecting,
    /// How bank lines are taken, and the campaigns that draw them.
    pub rewarding: Rewarding,
}

impl Policy {
    /// How long to wait after an attempt, from 1, that ended without a definite answer.
    pub fn pause_ms(&self, attempt: u32) -> i64 {
        let last = self.ladder_ms.len() - 1;
        let rung = usize::try_from(attempt.saturating_sub(1)).map_or(last, |rung| rung.min(last));
        self.ladder_ms[rung]
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            step_deadline_ms: 60_000,
            ladder_ms: vec![250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000],
            settle_ms: 15_000,
            stuck_after: 5,
            mail_patience_ms: 3 * 24 * 3_600_000,
            push_patience_ms: 600_000,
            payout_patience_ms: 3 * 24 * 3_600_000,
            reimbursing: Reimbursing::default(),
            collecting: Collecting::default(),
            rewarding: Rewarding::default(),
        }
    }
}

/// What a decision may know of its surroundings besides state and command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time; within a shard it never goes back.
    pub now: Timestamp,
    /// How patient sagas are.
    pub policy: &'a Policy,
}

impl Context<'_> {
    /// An instant some milliseconds from now.
    pub fn after_ms(&self, millis: i64) -> Timestamp {
        let then = self.now.millis().saturating_add(millis);
        Timestamp::from_millis(then).unwrap_or(self.now)
    }
}
