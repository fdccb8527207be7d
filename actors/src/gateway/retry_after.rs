//! The header `Retry-After`: how long a party asks to be left alone. RFC 9110, section 10.2.3.
//!
//! It is a number of seconds or a date. A date is read against the `Date` of the same answer if it
//! has one, so that a party whose clock is off is still understood; else against our own clock.
//!
//! What cannot be read is as if it were not there. A date that is past means no wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bursar_domain::time::Timestamp;

/// How long to wait. `date` is the answer's own date, `now` the time here.
pub fn read(value: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit say "very long", which is bounded later.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let from = from.unwrap_or_else(|| instant(now));
    Some(until.duration_since(from).unwrap_or_default())
}

/// An instant as the standard library has it; what lies before 1970 is 1970.
pub fn instant(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}
