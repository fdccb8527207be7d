//! How a sandbox is set up: where it listens, its seed, its pace and its bounds.
//!
//! The defaults are those of a test: ports that are free, no latency, the processor's limit of the
//! contract. Time comes from a [`Clock`], so that a program whose clock can be advanced by hand
//! shares it with its third parties; limits and latencies are always real time.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bursar_domain::time::Timestamp;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where HTTP listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where SMTP listens; port 0 takes a free one.
    pub smtp_listen: SocketAddr,
    /// Where all chance comes from: the same seed gives the same faults and latencies to the same
    /// calls.
    pub seed: u64,
    /// How long every call takes.
    pub latency: Latency,
    /// How many calls are let in.
    pub rates: Rates,
    /// What time it is.
    pub clock: Clock,
    /// The most transactions and refunds, and the most documents; then 503.
    pub entries_max: usize,
    /// The most mails; then 452.
    pub mails_max: usize,
    /// Where what was done is written, line by line, and read again by the next start, so that the
    /// third parties remember it when their process was killed; in memory only without.
    pub file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: anywhere,
            smtp_listen: anywhere,
            seed: 0,
            latency: Latency::default(),
            rates: Rates::default(),
            clock: Clock::system(),
            entries_max: 5_000_000,
            mails_max: 100_000,
            file: None,
        }
    }
}

/// How long a call takes: the base, and up to the jitter more, drawn for each call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    /// At least so long.
    pub base_ms: u64,
    /// And at most so much more.
    pub jitter_ms: u64,
}

/// The limits of the three parties; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// All calls of the processor together: transactions, refunds, look-ups, reports.
    pub processor: Option<Rate>,
    /// All calls about documents together.
    pub documents: Option<Rate>,
    /// Mails.
    pub mail: Option<Rate>,
}

impl Default for Rates {
    fn default() -> Self {
        let (per_second, burst) = const { (NonZeroU32::new(200), NonZeroU32::new(50)) };
        let processor = per_second.zip(burst).map(|(per_second, burst)| Rate { per_second, burst });
        Self { processor, documents: None, mail: None }
    }
}

/// A limit: so many calls a second on average, and so many at once after a rest. Within any one
/// second at most `per_second + burst` are let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Calls per second in the long run.
    pub per_second: NonZeroU32,
    /// Calls at once after a rest.
    pub burst: NonZeroU32,
}

/// Tells what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
            let millis = since.and_then(|since| i64::try_from(since.as_millis()).ok());
            let now = millis.and_then(Timestamp::from_millis);
            now.expect("the machine's clock stands between 1970 and 9999")
        })
    }

    /// A clock of the caller's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now, in UTC.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
