//! What an advance wants of the processor and does not know the end of yet.
//!
//! A wish is about one debit: to collect it, or to give back what it collected twice. It is made
//! once; from then on it is asked after by its key until the answer is definite. Making it again is
//! harmless, since the key is the same, and it is done only when the processor is known never to
//! have seen it, or, for giving back, when it has said a definite no (then under a new key).
//!
//! Invariant: a debit that is `submitting` has one wish to collect, one that is `refunding` has one
//! to give back, no other has any; at most one wish of an advance is being called for.

use bincode::{Decode, Encode};

use super::effect::{COLLECT, REFUND};
use crate::saga::Sent;
use crate::time::Timestamp;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) enum Want {
    /// To collect a debit.
    Pull,
    /// To give back what a debit collected.
    Refund,
}

impl Want {
    /// The step of its calls.
    pub(super) const fn step(self) -> u8 {
        match self {
            Self::Pull => COLLECT,
            Self::Refund => REFUND,
        }
    }
}

/// What the next call does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Next {
    /// It makes the wish.
    Make,
    /// It asks what became of it.
    Find,
    /// It makes the wish under a new key: the processor has said no.
    MakeAnew,
}

/// How a wish stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) enum WishStatus {
    /// The processor is being asked.
    Calling,
    /// It will be asked.
    Waiting {
        /// When.
        retry_at: Timestamp,
    },
}

/// One wish.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Wish {
    /// About which debit, from 1.
    pub(super) debit: u32,
    /// What is wanted.
    pub(super) want: Want,
    /// How it stands.
    pub(super) status: WishStatus,
    /// Whether the call under way, or else the next one, asks what became of it.
    pub(super) finds: bool,
    /// How often the processor was asked.
    pub(super) tries: u32,
    /// How many definite noes there were: each makes a new key.
    pub(super) refusals: u32,
    /// When the last call was made.
    pub(super) called_at: Timestamp,
    /// When a call that may have been acted on was last under way.
    pub(super) sent_at: Option<Timestamp>,
    /// What was seen instead of an answer, after many tries.
    pub(super) stuck: Option<Box<str>>,
}

impl Wish {
    /// One that is called for at once, or when its turn comes.
    pub(super) const fn new(debit: u32, want: Want, at: Timestamp) -> Self {
        Self {
            debit,
            want,
            status: WishStatus::Waiting { retry_at: at },
            finds: false,
            tries: 0,
            refusals: 0,
            called_at: at,
            sent_at: None,
            stuck: None,
        }
    }

    /// Whether the processor is being asked.
    pub(super) fn is_calling(&self) -> bool {
        self.status == WishStatus::Calling
    }

    /// Whether the call under way may be acted on though nobody hears of it: a question changes
    /// nothing.
    pub(super) const fn sent(&self) -> Sent {
        if self.finds { Sent::No } else { Sent::Perhaps }
    }

    /// When the processor will be asked.
    pub(super) const fn retry_at(&self) -> Option<Timestamp> {
        match self.status {
            WishStatus::Calling => None,
            WishStatus::Waiting { retry_at } => Some(retry_at),
        }
    }
}
