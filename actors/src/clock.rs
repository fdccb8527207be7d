//! Time as a port: the rules are given instants, and this is where they come from.

use std::time::{SystemTime, UNIX_EPOCH};

use bursar_domain::time::Timestamp;

/// Something that knows what time it is.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.ok().and_then(|since| i64::try_from(since.as_millis()).ok());
        let now = millis.and_then(Timestamp::from_millis);
        now.expect("the machine's clock stands between 1970 and 9999")
    }
}
