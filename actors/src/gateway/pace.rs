//! The pace of a gateway: when the next call may go out.
//!
//! Two rules together. Calls are spaced evenly, with a small burst to make up for late timers (the
//! generic cell rate algorithm: each call pushes a theoretical arrival time one interval on, and a
//! call may be early by the burst). That alone would let a burst and the even pace after it exceed
//! the limit, so the instants of the last calls are kept as well, and a call waits until the one a
//! whole limit before it is more than a second old.
//!
//! A party counts at its own door, where calls come a little closer together than they left. So a
//! second is taken to be two hundredths longer, which costs as much of the limit.
//!
//! Invariant: in no closed window of one second, wherever it begins, do more calls go out than the
//! limit says.
//!
//! Instants are times since the gateway began. Two instants are never compared with a clock here.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

/// The window in which the limit is kept: a second, and what the network may take from it.
const WINDOW: Duration = Duration::from_millis(1_020);

/// The shortest time that is told apart; a window that is closed at both ends needs it.
const INSTANT: Duration = Duration::from_nanos(1);

/// A burst is at most this part of the limit.
const BURST_PART: u32 = 20;

/// When the next call may go out.
#[derive(Debug)]
pub struct Pace(Option<Limited>);

#[derive(Debug)]
struct Limited {
    per_window: usize,
    interval: Duration,
    early: Duration,
    /// When the next call would go out if all were spaced evenly.
    even: Duration,
    /// When the last calls went out, the oldest first; at most `per_window`.
    sent: VecDeque<Duration>,
}

impl Pace {
    /// A pace of so many calls a second; `None` is without limit.
    pub fn new(per_s: Option<NonZeroU32>) -> Self {
        Self(per_s.map(|per_s| {
            let interval = WINDOW / per_s.get();
            let burst = (per_s.get() / BURST_PART).max(1);
            Limited {
                per_window: usize::try_from(per_s.get()).unwrap_or(usize::MAX),
                interval,
                early: interval * (burst - 1),
                even: Duration::ZERO,
                sent: VecDeque::new(),
            }
        }))
    }

    /// The first instant at which a call may go out, if none goes out before.
    pub fn free_at(&self) -> Duration {
        let Some(limited) = &self.0 else { return Duration::ZERO };
        let even = limited.even.saturating_sub(limited.early);
        match limited.sent.front() {
            Some(oldest) if limited.sent.len() == limited.per_window => {
                even.max(*oldest + WINDOW + INSTANT)
            }
            _ => even,
        }
    }

    /// Counts a call that goes out now. It must be free.
    pub fn take(&mut self, now: Duration) {
        assert!(now >= self.free_at(), "a call goes out only when the pace allows it");
        let Some(limited) = &mut self.0 else { return };
        limited.even = limited.even.max(now) + limited.interval;
        if limited.sent.len() == limited.per_window {
            limited.sent.pop_front();
        }
        limited.sent.push_back(now);
    }

    /// The time between two calls in the long run; zero without limit.
    pub fn interval(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |limited| limited.interval)
    }
}
