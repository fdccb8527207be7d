//! Instants: milliseconds since the Unix epoch, UTC.
//!
//! The rules never read a clock; an instant comes in with the command. On the wire an instant is
//! RFC 3339 in UTC with milliseconds (`2026-11-20T10:15:30.123Z`).

use std::fmt;

use bincode::{Decode, Encode};

/// Milliseconds since 1970-01-01T00:00:00Z, within the years -9999 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Encode, Decode)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch; `None` outside the years that RFC 3339 can write.
    pub fn from_millis(millis: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(millis).ok().map(|_| Self(millis))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads RFC 3339 with any offset, or a plain date (`2026-11-20`, midnight UTC).
    /// What is finer than a millisecond is cut off. `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() == 10 {
            let date: jiff::civil::Date = text.parse().ok()?;
            let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            return Some(Self(zoned.timestamp().as_millisecond()));
        }
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        for (text, written) in [
            ("2026-11-20T10:15:30.123Z", "2026-11-20T10:15:30.123Z"),
            ("2026-11-20T10:15:30+01:00", "2026-11-20T09:15:30.000Z"),
            ("2026-11-20T10:15:30.1239Z", "2026-11-20T10:15:30.123Z"),
            ("1993-01-01", "1993-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::parse(text).expect(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_not_an_instant_is_refused() {
        for text in ["", "today", "2026-13-01", "2026-11-20T10:15:30", "1763633730", "2026-1-1"] {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }
}
