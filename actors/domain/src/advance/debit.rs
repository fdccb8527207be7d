//! One scheduled debit of an advance: how it stands, and what chain it belongs to.
//!
//! An instalment is collected by a chain of debits: the first one of the plan, and, each time one
//! failed or stayed silent, another one at the end of the plan. All of a chain ask for the same
//! amount; its number in the plan's division is the instalment, from 0. Debits are numbered from 1
//! in the order in which they were made, and each takes the plan's next date, so neither amount nor
//! due day nor what it replaces is kept: there are millions of debits.
//!
//! Invariant: what is kept of a debit is 1 byte for each field but the transaction, mostly.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::plan::Day;

/// How a debit stands. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum DebitStatus {
    /// Its day has not come.
    Scheduled,
    /// Its day has come; a run submits it.
    Due,
    /// The processor is being asked, or it is not known yet whether the question arrived.
    Submitting,
    /// With the processor, without an outcome.
    Submitted {
        /// From this day on it is silent.
        silent_on: Day,
    },
    /// The money came, and counts.
    Succeeded,
    /// The money did not come.
    Failed,
    /// Given up because nothing was heard of it.
    Silent,
    /// Not needed any more.
    Cancelled,
    /// The money came a second time, and is being given back.
    Refunding,
    /// The money came a second time, and was given back.
    Refunded,
}

impl DebitStatus {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Due => "due",
            Self::Submitting => "submitting",
            Self::Submitted { .. } => "submitted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Cancelled => "cancelled",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
        }
    }

    /// Whether it waits for a run to submit it.
    pub(super) const fn is_ahead(self) -> bool {
        match self {
            Self::Scheduled | Self::Due => true,
            Self::Submitting
            | Self::Submitted { .. }
            | Self::Succeeded
            | Self::Failed
            | Self::Silent
            | Self::Cancelled
            | Self::Refunding
            | Self::Refunded => false,
        }
    }

    /// Whether it was given to the processor, perhaps, and has no outcome yet.
    pub(super) const fn is_out(self) -> bool {
        match self {
            Self::Submitting | Self::Submitted { .. } => true,
            Self::Scheduled
            | Self::Due
            | Self::Succeeded
            | Self::Failed
            | Self::Silent
            | Self::Cancelled
            | Self::Refunding
            | Self::Refunded => false,
        }
    }
}

/// One debit.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Debit {
    /// Which part of the amount it collects, from 0.
    pub(super) instalment: u16,
    /// How it stands.
    pub(super) status: DebitStatus,
    /// How often it was presented: how many keys were used.
    pub(super) attempts: u16,
    /// The processor's name of what collected it.
    pub(super) transaction: Option<Arc<str>>,
}

impl Debit {
    /// One whose day has not come.
    pub(super) const fn scheduled(instalment: u16) -> Self {
        Self { instalment, status: DebitStatus::Scheduled, attempts: 0, transaction: None }
    }

    /// How many of its attempts failed, or were given up as silent.
    pub(super) const fn failures(&self) -> u16 {
        match self.status {
            DebitStatus::Scheduled
            | DebitStatus::Due
            | DebitStatus::Failed
            | DebitStatus::Silent
            | DebitStatus::Cancelled => self.attempts,
            DebitStatus::Submitting
            | DebitStatus::Submitted { .. }
            | DebitStatus::Succeeded
            | DebitStatus::Refunding
            | DebitStatus::Refunded => self.attempts.saturating_sub(1),
        }
    }
}

/// A debit as anyone may see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// Which debit, from 1.
    pub number: u32,
    /// The day on which it is, or was, due.
    pub due: Day,
    /// How much.
    pub amount: crate::money::Amount,
    /// How it stands.
    pub status: DebitStatus,
    /// How often it was presented.
    pub attempts: u16,
    /// The processor's name of what collected it.
    pub transaction: Option<&'a str>,
    /// The debit that it replaces.
    pub replaces: Option<u32>,
    /// Why it keeps failing to be given back, or to be known, after many attempts.
    pub stuck: Option<&'a str>,
}
