//! A civil date: what a bank's calendar counts in. It has no hour and no time zone.
//!
//! It is stored as the number of days since 1970-01-01, so that order and distance are those of
//! the numbers. Which day an instant belongs to depends on where one stands; the time zone is
//! always said, and its rules are those of the database in the binary ([`Zone`]).
//!
//! Invariants: a day is within the years 0000 to 9999, the ones that `YYYY-MM-DD` can write, also
//! after decoding; what is written reads back as the same day.

use std::fmt;

use bincode::de::Decoder;
use bincode::error::DecodeError;
use bincode::{Decode, Encode};
use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::cadence::Zone;
use crate::time::Timestamp;

const EPOCH: Date = date(1970, 1, 1);

/// Days since 1970-01-01 in the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode)]
pub struct Day(i32);

impl Day {
    /// 0000-01-01.
    pub const MIN: Self = Self(-719_528);

    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// From days since 1970-01-01; `None` outside [`Day::MIN`] to [`Day::MAX`].
    pub fn from_days(days: i32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&days).then_some(Self(days))
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Reads `YYYY-MM-DD`, nothing shorter, longer or looser. `None` when it is no date.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, rest) = text.as_bytes().split_first_chunk::<4>()?;
        let &[b'-', month10, month1, b'-', day10, day1] = rest else {
            return None;
        };
        let year = number(year)?;
        let month = i8::try_from(number(&[month10, month1])?).ok()?;
        let day = i8::try_from(number(&[day10, day1])?).ok()?;
        Self::from_date(Date::new(year, month, day).ok()?)
    }

    /// The UTC date of an instant.
    ///
    /// # Panics
    /// When the clock shows a year without four digits.
    pub fn utc(at: Timestamp) -> Self {
        Self::utc_ms(at.millis()).expect("the clock shows a year of four digits")
    }

    /// The UTC date of an instant in milliseconds since the Unix epoch. `None` outside the range.
    pub fn utc_ms(millis: i64) -> Option<Self> {
        let days = millis.div_euclid(24 * 60 * 60 * 1_000);
        i32::try_from(days).ok().and_then(Self::from_days)
    }

    /// The local date of an instant. `None` outside the years of a day.
    pub fn from_timestamp_in(zone: &Zone, at: Timestamp) -> Option<Self> {
        let instant = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
        Self::from_date(zone.date_at(instant))
    }

    /// The day's first instant in a time zone, in milliseconds since the Unix epoch: midnight, or
    /// what the clock shows next where it is put forward over midnight. `None` only on the first
    /// or last days of the range.
    pub fn start_ms_in(self, zone: &Zone) -> Option<i64> {
        let instant = zone.instant_of(self.to_date().at(0, 0, 0, 0))?;
        Some(instant.as_millisecond())
    }

    /// So many days later, or earlier. `None` outside the range.
    pub fn checked_add_days(self, days: i32) -> Option<Self> {
        self.0.checked_add(days).and_then(Self::from_days)
    }

    pub(super) fn from_date(day: Date) -> Option<Self> {
        let days = (day - EPOCH).get_days();
        Self::from_days(days)
    }

    pub(super) fn to_date(self) -> Date {
        EPOCH.checked_add(self.0.days()).expect("a day is within jiff's range")
    }
}

/// Some digits of ASCII as a number.
fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
    })
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.to_date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl<Context> Decode<Context> for Day {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let days = i32::decode(decoder)?;
        Self::from_days(days)
            .ok_or_else(|| DecodeError::OtherString(format!("not a day: {days} since 1970")))
    }
}

bincode::impl_borrow_decode!(Day);
