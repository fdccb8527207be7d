//! What was answered, in words and numbers.
//!
//! An answer to a write is one of five: yes, no, as it was, too much to do, or something that is
//! not on the operation's list, which is a fault in itself. What a yes says depends on the wish.
//!
//! Invariant: two answers that a client could tell apart are different here.

use super::{Number, Place};

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// Yes; it is durable.
    Accepted(Accepted),
    /// No.
    Refused(Refused),
    /// It was so already; nothing was recorded.
    Unchanged,
    /// Too much waits; nothing was decided.
    Overloaded,
    /// Not on the operation's list of answers.
    Strange(String),
}

/// A yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The decision.
    pub place: Place,
    /// When it was decided.
    pub at_ms: i64,
    /// Whether an earlier request with this key had been decided.
    pub replayed: bool,
    /// A hash of the whole record.
    pub fingerprint: u64,
    /// What it says.
    pub granted: Granted,
}

/// A no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Why.
    pub code: &'static str,
    /// The decision and a hash of its record, where the no was recorded.
    pub recorded: Option<(Place, u64)>,
    /// Whether an earlier request with this key had been decided.
    pub replayed: bool,
}

/// What a yes says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Granted {
    /// A wallet, provider, deal, campaign exists now.
    Opened,
    /// Money from outside is booked.
    Deposited {
        /// How much.
        amount: i64,
        /// The wallet's posted balance afterwards.
        balance_after: i64,
    },
    /// Money is being pulled from the bank.
    PullRequested {
        /// How much.
        amount: i64,
    },
    /// Money went to a provider.
    Paid {
        /// To whom.
        provider: Number,
        /// How much.
        amount: i64,
        /// The wallet's posted balance afterwards.
        balance_after: i64,
    },
    /// Money is set aside for a provider that is paid at once.
    PaymentHeld {
        /// To whom.
        provider: Number,
        /// How much.
        amount: i64,
    },
    /// Money of a payment came back.
    Refunded {
        /// The wallet's decision that made the payment.
        payment: u64,
        /// The wallet's decision that asked for the refund.
        asked: u64,
        /// How much.
        amount: i64,
        /// The wallet's posted balance afterwards.
        balance_after: i64,
    },
    /// Frozen, unfrozen, closed, withdrawn, settled otherwise, or noted: it is as was wished.
    Done,
    /// A ticket, with a place in the deal.
    Reserved {
        /// The ticket.
        ticket: u64,
    },
    /// A ticket, with a place in line.
    Waiting {
        /// The ticket.
        ticket: u64,
        /// The place in line, from 1.
        position: u32,
    },
    /// A ticket, and no place.
    NoPlace {
        /// The ticket.
        ticket: u64,
        /// Why.
        code: &'static str,
    },
    /// Lines were judged, one word each.
    Judged(Vec<&'static str>),
}

impl Said {
    /// The decision, where there is one.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Accepted(accepted) => Some(accepted.place),
            Self::Refused(refused) => refused.recorded.map(|(place, _)| place),
            Self::Unchanged | Self::Overloaded | Self::Strange(_) => None,
        }
    }
}
