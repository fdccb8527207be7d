//! The dates of a plan: a first day and what lies between two debits.
//!
//! Each date is counted from the first one, never from the one before it: from 31 January come
//! the last of February and 31 March, from 29 February come 28 February in common years and the
//! 29th again in leap years. That is the rule of RFC 7529's `SKIP=BACKWARD`.
//!
//! Invariants: the dates strictly increase; `nth(0)` is the first day. A debit that is put at the
//! end of the plan is `nth(number of debits so far)`, so no date is ever used twice.

use bincode::{Decode, Encode};
use jiff::Span;

use super::Day;

/// What lies between two debits. Only appended to: the order is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Period {
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl Period {
    /// In the order of the disk.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// From the word of a request.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }

    /// `day`, `week`, `month` or `year`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// So many of it. `None` past jiff's range, which is wider than that of a [`Day`].
    fn times(self, count: u32) -> Option<Span> {
        let (span, count) = (Span::new(), i64::from(count));
        match self {
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Year => span.try_years(count),
        }
        .ok()
    }
}

/// The dates of a plan's debits, without end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct Dates {
    /// The first date, and the day of the month or year that all others keep to.
    pub first: Day,
    /// What lies between two of them.
    pub every: Period,
}

impl Dates {
    /// The date after `n` periods, from 0. `None` past the last [`Day`].
    pub fn nth(&self, n: u32) -> Option<Day> {
        let later = self.first.to_date().checked_add(self.every.times(n)?).ok()?;
        Day::from_date(later)
    }
}
