//! The reimbursement calendar: when a provider is paid what it accrued.
//!
//! A cadence is a rule in local time ("every month on the 31st at 02:30 in Europe/Prague"); this
//! file turns it into instants. Each calendar day, week (from Monday), month or year of the time
//! zone has exactly one occurrence: a day past the end of a month means its last day, and
//! 29 February means the 28th in a common year. Where the clock is put forward over the local
//! time, the occurrence moves forward by the length of the gap (02:30 becomes 03:30); where the
//! clock is put back and the local time comes twice, the first one counts.
//!
//! Time zones come from the database compiled into jiff, never from the machine, so a replay on
//! another machine finds the same instants.
//!
//! Invariants: the fields of a cadence are in their ranges and its zone is in the database, also
//! after decoding. Occurrences strictly increase. The one exception to "exactly one": where a
//! zone left out a whole date (Apia, 2011-12-30), that date's daily occurrence is the next date's.

mod calendar;
mod missed;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod zone;

use std::iter;

use bincode::de::Decoder;
use bincode::error::DecodeError;
use bincode::{Decode, Encode};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use thiserror::Error;

pub use calendar::Calendar;
pub use missed::{CatchUp, MISSED_MAX, missed};
pub use zone::Zone;

/// The period that repeats, and the day in it. Only appended to: the order is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Every {
    /// Each day.
    Day,
    /// Each week, on this day of ISO 8601: 1 is Monday, 7 is Sunday.
    Week(u8),
    /// Each month, on this day, 1 to 31; past the end it means the last day.
    Month(u8),
    /// Each year, on this date; 29 February means the 28th in a common year.
    Year {
        /// 1 to 12.
        month: u8,
        /// 1 to the length of the month in a leap year.
        day: u8,
    },
}

impl Every {
    fn is_valid(self) -> bool {
        match self {
            Self::Day => true,
            Self::Week(weekday) => (1..=7).contains(&weekday),
            Self::Month(day) => (1..=31).contains(&day),
            Self::Year { month, day } => parse::is_date_of_some_year(month, day),
        }
    }

    /// The day this rule names in the period that contains `inside`. `None` past jiff's range.
    fn day_in_period_of(self, inside: Date) -> Option<Date> {
        match self {
            Self::Day => Some(inside),
            Self::Week(weekday) => {
                let today = inside.weekday().to_monday_one_offset();
                let days = i64::from(weekday) - i64::from(today);
                inside.checked_add(days.days()).ok()
            }
            Self::Month(day) => Some(day_of_month(inside.first_of_month(), day)),
            Self::Year { month, day } => {
                let month = i8::try_from(month).expect("a cadence's month is at most 12");
                Some(day_of_month(date(inside.year(), month, 1), day))
            }
        }
    }

    /// The first day of the period after the one that contains `inside`.
    fn next_period(self, inside: Date) -> Option<Date> {
        match self {
            Self::Day => inside.tomorrow().ok(),
            Self::Week(_) => {
                let days = 8 - inside.weekday().to_monday_one_offset();
                inside.checked_add(days.days()).ok()
            }
            Self::Month(_) => inside.last_of_month().tomorrow().ok(),
            Self::Year { .. } => inside.last_of_year().tomorrow().ok(),
        }
    }

    /// The last day of the period before the one that contains `inside`.
    fn previous_period(self, inside: Date) -> Option<Date> {
        match self {
            Self::Day => inside.yesterday().ok(),
            Self::Week(_) => {
                let days = inside.weekday().to_monday_one_offset();
                inside.checked_sub(days.days()).ok()
            }
            Self::Month(_) => inside.first_of_month().yesterday().ok(),
            Self::Year { .. } => inside.first_of_year().yesterday().ok(),
        }
    }
}

/// The given day of the month that starts with `first`, or its last day.
fn day_of_month(first: Date, day: u8) -> Date {
    let day = i8::try_from(day).expect("a cadence's day is at most 31");
    date(first.year(), first.month(), day.min(first.days_in_month()))
}

/// A rule for instants: each day, week, month or year, at a local time of a time zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Cadence {
    every: Every,
    hour: u8,
    minute: u8,
    time_zone: String,
}

/// Which part of a cadence is wrong. The message tells the client what is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CadenceError {
    /// Not one of the four periods.
    #[error("\"every\" must be \"day\", \"week\", \"month\" or \"year\"")]
    Every,
    /// A day has no day in it to name.
    #[error("leave \"on\" out when \"every\" is \"day\"")]
    OnOfDay,
    /// Not a day of the week.
    #[error(
        "\"on\" must be a day of the week: \"monday\" to \"sunday\", \"mon\" to \"sun\", or \"1\" \
         (Monday) to \"7\" (Sunday)"
    )]
    OnOfWeek,
    /// Not a day of a month.
    #[error("\"on\" must be a day of the month: \"1\" to \"31\", or \"last\"")]
    OnOfMonth,
    /// Not a date of a year.
    #[error("\"on\" must be a date that exists, written \"MM-DD\", such as \"12-31\"")]
    OnOfYear,
    /// Not a time of day.
    #[error("\"at\" must be a time of day from \"00:00\" to \"23:59\", written \"HH:MM\"")]
    At,
    /// Not in the time zone database.
    #[error("\"time_zone\" must be a name of the IANA database, such as \"Europe/Prague\"")]
    TimeZone,
}

impl CadenceError {
    /// The JSON pointer of the field in the request.
    pub const fn pointer(&self) -> &'static str {
        match self {
            Self::Every => "/settlement/every",
            Self::OnOfDay | Self::OnOfWeek | Self::OnOfMonth | Self::OnOfYear => "/settlement/on",
            Self::At => "/settlement/at",
            Self::TimeZone => "/settlement/time_zone",
        }
    }
}

impl Cadence {
    /// From the fields of a request.
    ///
    /// `every` is `day`, `week`, `month` or `year`. `on` is absent for a day; a weekday for a
    /// week (`monday`, `mon` or `1`; default Monday); `1` to `31` or `last` for a month (default
    /// 1); `MM-DD` for a year (default 01-01). `at` is `HH:MM` (default 00:00). `time_zone` is an
    /// IANA name (default UTC). Names of days and zones are read in any case.
    pub fn new(
        every: &str,
        on: Option<&str>,
        at: Option<&str>,
        time_zone: Option<&str>,
    ) -> Result<Self, CadenceError> {
        let every = parse::every(every, on)?;
        let (hour, minute) = at.map_or(Ok((0, 0)), parse::time_of_day)?;
        let zone = Zone::named(time_zone.unwrap_or("UTC")).ok_or(CadenceError::TimeZone)?;
        Ok(Self { every, hour, minute, time_zone: zone.name().to_owned() })
    }

    /// From its parts, as they are on disk; `None` when they are not those of a cadence.
    pub(crate) fn of(every: Every, hour: u8, minute: u8, time_zone: String) -> Option<Self> {
        let cadence = Self { every, hour, minute, time_zone };
        cadence.is_valid().then_some(cadence)
    }

    /// The first occurrence strictly after an instant, both in milliseconds since the Unix epoch.
    /// `None` when either is outside jiff's range, the years -9999 to 9999, or at its very start.
    pub fn next_after(&self, after_ms: i64) -> Option<i64> {
        self.next_in(&self.zone(), after_ms)
    }

    /// The next `count` occurrences, fewer only at the end of jiff's range.
    pub fn occurrences_after(&self, after_ms: i64, count: usize) -> Vec<i64> {
        self.iter_after(after_ms).take(count).collect()
    }

    /// The last occurrence at or before an instant. `None` outside jiff's range and where nothing
    /// in it came before.
    pub fn last_until(&self, until_ms: i64) -> Option<i64> {
        let zone = self.zone();
        let until = Timestamp::from_millisecond(until_ms).ok()?;
        // A gap moves an occurrence only forward, so no later date's is early enough.
        let mut inside = zone.date_at(until);
        loop {
            let day = self.every.day_in_period_of(inside);
            let found = day.and_then(|day| self.instant_on(day, &zone));
            // What is past jiff's range is later than everything in it.
            if found.is_some_and(|at_ms| at_ms <= until_ms) {
                return found;
            }
            inside = self.every.previous_period(inside)?;
        }
    }

    /// The period and the day in it.
    pub const fn every(&self) -> Every {
        self.every
    }

    /// The field `every`: `day`, `week`, `month` or `year`.
    pub const fn every_name(&self) -> &'static str {
        match self.every {
            Every::Day => "day",
            Every::Week(_) => "week",
            Every::Month(_) => "month",
            Every::Year { .. } => "year",
        }
    }

    /// The field `on`: `monday`, `31` or `02-29`; `None` for a day.
    pub fn on_text(&self) -> Option<String> {
        match self.every {
            Every::Day => None,
            Every::Week(weekday) => Some(parse::weekday_name(weekday).to_owned()),
            Every::Month(day) => Some(day.to_string()),
            Every::Year { month, day } => Some(format!("{month:02}-{day:02}")),
        }
    }

    /// The field `at`: `HH:MM`.
    pub fn at_text(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// The field `time_zone`, spelled as in the database.
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    fn is_valid(&self) -> bool {
        self.every.is_valid()
            && self.hour < 24
            && self.minute < 60
            && Zone::named(&self.time_zone).is_some()
    }

    fn zone(&self) -> Zone {
        Zone::named(&self.time_zone).expect("checked when the cadence was made or decoded")
    }

    /// All occurrences after an instant, to the end of jiff's range.
    fn iter_after(&self, after_ms: i64) -> impl Iterator<Item = i64> {
        let zone = self.zone();
        let first = self.next_in(&zone, after_ms);
        iter::successors(first, move |&last| self.next_in(&zone, last))
    }

    /// The search starts a day early, because a gap moves an occurrence forward by up to a whole
    /// day. Occurrences never change places, so the first one that is late enough is the next.
    fn next_in(&self, zone: &Zone, after_ms: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let today = zone.date_at(after);
        let mut inside = today.yesterday().unwrap_or(today);
        loop {
            let at_ms = self.instant_on(self.every.day_in_period_of(inside)?, zone)?;
            if at_ms > after_ms {
                return Some(at_ms);
            }
            inside = self.every.next_period(inside)?;
        }
    }

    /// The instant of this cadence's local time on a date.
    fn instant_on(&self, day: Date, zone: &Zone) -> Option<i64> {
        let hour = i8::try_from(self.hour).expect("a cadence's hour is at most 23");
        let minute = i8::try_from(self.minute).expect("a cadence's minute is at most 59");
        let instant = zone.instant_of(day.at(hour, minute, 0, 0))?;
        Some(instant.as_millisecond())
    }
}

impl<Context> Decode<Context> for Cadence {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let cadence = Self {
            every: Every::decode(decoder)?,
            hour: u8::decode(decoder)?,
            minute: u8::decode(decoder)?,
            time_zone: String::decode(decoder)?,
        };
        if !cadence.is_valid() {
            return Err(DecodeError::OtherString(format!("not a cadence: {cadence:?}")));
        }
        Ok(cadence)
    }
}

bincode::impl_borrow_decode!(Cadence);
