//! How long a party asks to be left alone, in both forms of the header `Retry-After`.
//!
//! The time here is noon of the first of January 2026. A date of the answer goes before it, because
//! the party's clock may be wrong and its difference to itself is not. What cannot be read is no
//! wish at all.

use std::time::Duration;

use bursar_actors::gateway::retry_after::read;
use bursar_domain::time::Timestamp;

#[test]
fn seconds_and_dates_are_understood_and_all_else_is_not() {
    let now = Timestamp::parse("2026-01-01T12:00:00Z").unwrap();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (value, date, wait) in [
        ("0", None, seconds(0)),
        ("120", None, seconds(120)),
        (" 7 ", None, seconds(7)),
        ("99999999999999999999999", None, seconds(u64::MAX)),
        ("Thu, 01 Jan 2026 12:00:30 GMT", None, seconds(30)),
        ("Thursday, 01-Jan-26 12:00:30 GMT", None, seconds(30)),
        ("Thu, 01 Jan 2026 11:59:00 GMT", None, seconds(0)),
        // The party's clock is an hour ahead, and its own date says so.
        ("Thu, 01 Jan 2026 13:00:30 GMT", Some("Thu, 01 Jan 2026 13:00:00 GMT"), seconds(30)),
        ("Thu, 01 Jan 2026 12:00:30 GMT", Some("yesterday"), seconds(30)),
        ("", None, None),
        ("-1", None, None),
        ("1.5", None, None),
        ("+1", None, None),
        ("soon", None, None),
        ("2026-01-01T12:00:30Z", None, None),
    ] {
        assert_eq!(read(value, date, now), wait, "{value:?} {date:?}");
    }
}
