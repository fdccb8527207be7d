//! Time as a port: the rules are given instants, and this is where they come from.
//!
//! A port, so that a simulation or a sandbox can say what time it is. What comes from here may go
//! back, as clocks of machines do; a shard never lets it (`ShardCore::now`), so times within a
//! shard's journal only rise. [`MovableClock`] is the machine's clock, moved ahead by hand.

mod movable;

use std::time::{SystemTime, UNIX_EPOCH};

use bursar_domain::time::Timestamp;

pub use movable::{ClockError, MovableClock};

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
