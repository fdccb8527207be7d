//! The calendar of an advance's scheduled debits: how many, how often, from which day, how much.
//!
//! A plan counts in dates, not in instants: a direct debit is due on a day, and the bank decides
//! the hour. The dates repeat from the first one ([`Dates`]); a debit that failed is put at the
//! end, on the date after the last. The amount is divided into equal parts of whole minor units
//! ([`split`]), and what is left of the division is in the last one.
//!
//! Invariants: a plan has 1 to [`INSTALLMENTS_MAX`] installments, also after decoding; the parts of
//! an amount are positive and sum up to it exactly.

mod dates;
mod day;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::iter;

use bincode::de::Decoder;
use bincode::error::DecodeError;
use bincode::{Decode, Encode};
use thiserror::Error;

pub use dates::{Dates, Period};
pub use day::Day;

use crate::money::Amount;

/// The most installments of a plan: ten years of weeks.
pub const INSTALLMENTS_MAX: u16 = 520;

/// How an advance is paid back, as its client asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode)]
pub struct Plan {
    installments: u16,
    every: Period,
    first_due: Option<Day>,
}

/// Which part of a plan is wrong. The message tells the client what is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PlanError {
    /// None, or too many.
    #[error("\"installments\" must be a whole number from 1 to {INSTALLMENTS_MAX}")]
    Installments,
    /// Not one of the four periods.
    #[error("\"every\" must be \"day\", \"week\", \"month\" or \"year\"")]
    Every,
    /// Not a date.
    #[error("\"first_due\" must be a date that exists, written \"YYYY-MM-DD\"")]
    FirstDue,
}

impl PlanError {
    /// The JSON pointer of the field in the request.
    pub const fn pointer(&self) -> &'static str {
        match self {
            Self::Installments => "/plan/installments",
            Self::Every => "/plan/every",
            Self::FirstDue => "/plan/first_due",
        }
    }
}

impl Plan {
    /// From the fields of a request; an absent `first_due` is one period after the credit.
    pub fn new(installments: u64, every: &str, first_due: Option<&str>) -> Result<Self, PlanError> {
        let installments = u16::try_from(installments).map_err(|_| PlanError::Installments)?;
        let every = Period::parse(every).ok_or(PlanError::Every)?;
        let first_due = match first_due {
            None => None,
            Some(text) => Some(Day::parse(text).ok_or(PlanError::FirstDue)?),
        };
        Self::of(installments, every, first_due).ok_or(PlanError::Installments)
    }

    /// From its parts; `None` when there are no installments or too many.
    pub fn of(installments: u16, every: Period, first_due: Option<Day>) -> Option<Self> {
        let is_valid = (1..=INSTALLMENTS_MAX).contains(&installments);
        is_valid.then_some(Self { installments, every, first_due })
    }

    /// Into how many debits the amount is divided.
    pub const fn installments(self) -> u16 {
        self.installments
    }

    /// What lies between two debits.
    pub const fn every(self) -> Period {
        self.every
    }

    /// The day of the first debit, if the client named it.
    pub const fn first_due(self) -> Option<Day> {
        self.first_due
    }

    /// The dates of the debits of an advance that was credited on a day: from `first_due`, or from
    /// one period after the credit. `None` past the last [`Day`].
    pub fn dates(self, credited_on: Day) -> Option<Dates> {
        let every = self.every;
        let after_credit = || Dates { first: credited_on, every }.nth(1);
        let first = self.first_due.or_else(after_credit)?;
        Some(Dates { first, every })
    }
}

impl<Context> Decode<Context> for Plan {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let installments = u16::decode(decoder)?;
        let (every, first_due) = (Period::decode(decoder)?, Option::decode(decoder)?);
        Self::of(installments, every, first_due).ok_or_else(|| {
            DecodeError::OtherString(format!("not a plan: {installments} installments"))
        })
    }
}

bincode::impl_borrow_decode!(Plan);

/// An amount in equal parts, what is left of the division in the last. `None` when there are no
/// installments or when a part would be zero or below.
pub fn split(amount: Amount, installments: u16) -> Option<Vec<Amount>> {
    let count = i64::from(installments);
    if count == 0 || amount.minor() < count {
        return None;
    }
    let part = amount.minor() / count;
    let last = part + amount.minor() % count;
    let equal = iter::repeat_n(part, usize::from(installments) - 1);
    Some(equal.chain([last]).map(Amount::from_minor).collect())
}
