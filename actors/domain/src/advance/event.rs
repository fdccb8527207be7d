//! What may happen to an advance, and what follows from it outside.
//!
//! Events are on disk for ever: only appended to. There are many: a debit of one of a million
//! advances makes about six of them. So an event holds no more than its effects need, which are made
//! from the event and the advance's id alone (`effect`); a call is put together from its parts.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::advance::command::Profile;
use crate::advance::wish::Next;
use crate::currency::Currency;
use crate::message::{Asker, Movement, Source};
use crate::money::Amount;
use crate::plan::{Dates, Day};
use crate::run::Tally;
use crate::saga::{Failure, Sent};
use crate::time::Timestamp;

/// What a run asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Task {
    /// To create the debits that became due.
    Stage,
    /// To look at what the processor's report says.
    Report,
    /// To submit what is due.
    Submit,
}

/// What the processor is asked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Ask {
    /// To collect.
    Pull {
        /// From which account.
        account: Box<str>,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// What became of it.
    Find,
    /// To give back.
    Refund {
        /// What collected it.
        transaction: Arc<str>,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// After so many definite noes.
        refusals: u32,
    },
    /// What became of giving it back.
    FindRefund {
        /// After so many definite noes.
        refusals: u32,
    },
}

/// A call about a debit.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Called {
    /// Which debit.
    pub debit: u32,
    /// Which attempt at it: the key says so.
    pub attempt: u16,
    /// The number of the call among those of the advance.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// After this it need not be sent any more.
    pub not_after: Timestamp,
    /// What is asked.
    pub ask: Ask,
}

/// What follows from a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Then {
    /// Nothing: it is paid already, or given up.
    Nothing,
    /// The same debit is presented again.
    Again,
    /// Another debit is put at the end of the plan.
    Replaced,
    /// It failed too often: the advance is given up.
    GivenUp,
}

impl Then {
    /// Whether the money is asked for again.
    pub(super) const fn replaces(self) -> bool {
        match self {
            Self::Again | Self::Replaced => true,
            Self::Nothing | Self::GivenUp => false,
        }
    }
}

/// Whether money that came counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Counts {
    /// It is the first of its instalment.
    First,
    /// It is another one, and is given back.
    Second,
}

/// What may happen to an advance.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being; the saga that credits it begins.
    Opened(Arc<Profile>),
    /// The money is with the customer; the plan begins.
    Activated {
        /// The saga's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// The dates of the debits.
        dates: Dates,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// The money could not be brought to the customer.
    NotCredited {
        /// The compensation's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// Why.
        failure: Failure,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// A run asked for something.
    Asked {
        /// The run's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// For what.
        task: Task,
    },
    /// A run wrote, and there is no such advance.
    Mistaken {
        /// The run's record.
        source: Source,
        /// Who asked.
        by: Asker,
        /// How many lines of the report it brought.
        lines: u32,
    },
    /// Debits became due.
    Staged {
        /// Which.
        debits: Vec<u32>,
    },
    /// The processor was asked.
    Called(Box<Called>),
    /// A call has no definite answer yet.
    Unanswered {
        /// About which debit.
        debit: u32,
        /// When.
        at: Timestamp,
        /// What was seen.
        reason: Box<str>,
        /// Whether the call may have been acted on.
        sent: Sent,
        /// What comes next.
        next: Next,
        /// When.
        retry_at: Timestamp,
        /// After how many attempts it counts as stuck.
        stuck_after: u32,
    },
    /// A debit could not be given to the processor; it stays due.
    Deferred {
        /// Which.
        debit: u32,
        /// Why.
        reason: Box<str>,
    },
    /// A debit is with the processor.
    Submitted {
        /// Which.
        debit: u32,
        /// From this day on it is silent.
        silent_on: Day,
    },
    /// Money came.
    Succeeded {
        /// For which debit.
        debit: u32,
        /// When it became known.
        at: Timestamp,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The processor's name of it.
        transaction: Arc<str>,
        /// Whether it counts.
        counts: Counts,
    },
    /// Money did not come.
    Failed {
        /// For which debit.
        debit: u32,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// Why.
        failure: Failure,
        /// What follows.
        then: Then,
    },
    /// Nothing was heard of a debit for long.
    FellSilent {
        /// Which.
        debit: u32,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// For how many days.
        days: u32,
        /// What follows.
        then: Then,
    },
    /// A debit that was given up as silent is known to have failed.
    FoundFailed {
        /// Which.
        debit: u32,
    },
    /// A replacement is not needed any more.
    Cancelled {
        /// Which.
        debit: u32,
    },
    /// Money that came twice was given back.
    Refunded {
        /// Which debit's.
        debit: u32,
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// Lines of a report changed nothing.
    Ignored {
        /// Lines that say the opposite of what was known.
        contradicted: u32,
        /// Lines about debits that were never submitted.
        strange: u32,
    },
    /// It is paid back.
    Completed {
        /// How much.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// It is given up; what is still due to come is written off.
    Defaulted {
        /// The debit that failed once too often.
        debit: u32,
        /// How much is written off.
        written_off: Amount,
        /// How much the advance was.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// What a run asked for is done.
    Answered {
        /// Who asked.
        by: Asker,
        /// What was done, counted.
        tally: Tally,
    },
    /// What a run asked for is done, or under way for another run that has the counts.
    AnsweredBeside {
        /// Who asked.
        by: Asker,
    },
}

impl Event {
    /// The message that the event received, if one did it.
    pub(super) fn received(&self) -> Option<Source> {
        match self {
            Self::Activated { source, .. }
            | Self::NotCredited { source, .. }
            | Self::Asked { source, .. }
            | Self::Mistaken { source, .. } => Some(*source),
            Self::Opened(_)
            | Self::Staged { .. }
            | Self::Called(_)
            | Self::Unanswered { .. }
            | Self::Deferred { .. }
            | Self::Submitted { .. }
            | Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::FellSilent { .. }
            | Self::FoundFailed { .. }
            | Self::Cancelled { .. }
            | Self::Refunded { .. }
            | Self::Ignored { .. }
            | Self::Completed { .. }
            | Self::Defaulted { .. }
            | Self::Answered { .. }
            | Self::AnsweredBeside { .. } => None,
        }
    }

    /// What the event does to the books: an advance's account is what the customer still owes,
    /// below zero.
    pub(super) fn booked(&self) -> Option<Movement> {
        match self {
            Self::Activated { amount, currency, .. } | Self::Refunded { amount, currency, .. } => {
                Some(Movement::returned(*currency, *amount))
            }
            Self::Succeeded { amount, currency, .. } => Some(Movement::booked(*currency, *amount)),
            Self::Opened(_)
            | Self::NotCredited { .. }
            | Self::Asked { .. }
            | Self::Mistaken { .. }
            | Self::Staged { .. }
            | Self::Called(_)
            | Self::Unanswered { .. }
            | Self::Deferred { .. }
            | Self::Submitted { .. }
            | Self::Failed { .. }
            | Self::FellSilent { .. }
            | Self::FoundFailed { .. }
            | Self::Cancelled { .. }
            | Self::Ignored { .. }
            | Self::Completed { .. }
            | Self::Defaulted { .. }
            | Self::Answered { .. }
            | Self::AnsweredBeside { .. } => None,
        }
    }
}
