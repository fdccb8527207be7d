//! What a gateway shows to other threads without being asked: whether it is full, and how long a
//! new call would wait. The edge reads it on every request that would bring calls.
//!
//! Plain atomics, written by the gateway after each turn. A reader may see numbers of two turns
//! side by side; they are for admission and for advice, where being one call off does no harm.
//! What is on its way to the gateway counts as well, so a burst is seen before it has arrived.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bursar_domain::call::Lane;

use super::core::GatewayCore;
use super::queue::index;

/// The board of one gateway.
#[derive(Debug)]
pub struct Board {
    began: Instant,
    queue_max: u64,
    /// Calls handed over, counted by those who do.
    handed: AtomicU64,
    /// Calls that have arrived.
    arrived: AtomicU64,
    waiting: AtomicU64,
    held_until_us: AtomicU64,
    estimate_us: [AtomicU64; 3],
}

impl Board {
    /// The board of an empty gateway that begins now.
    pub fn new(queue_max: usize) -> Self {
        Self {
            began: Instant::now(),
            queue_max: queue_max as u64,
            handed: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            held_until_us: AtomicU64::new(0),
            estimate_us: Default::default(),
        }
    }

    /// The time since the gateway began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// A call is being handed over.
    pub fn hand(&self) {
        self.handed.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows how the gateway stands.
    pub fn show(&self, core: &GatewayCore) {
        // What waits in the batch lane was not brought by clients, and goes behind theirs.
        let of_clients = Lane::ALL.iter().filter(|lane| **lane != Lane::Batch);
        let waiting: usize = of_clients.map(|lane| core.waiting()[index(*lane)]).sum();
        self.arrived.store(core.counts().submitted, Ordering::Relaxed);
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        self.held_until_us.store(micros(core.held_until()), Ordering::Relaxed);
        for lane in Lane::ALL {
            let estimate = micros(core.estimate(lane));
            self.estimate_us[index(lane)].store(estimate, Ordering::Relaxed);
        }
    }

    /// Whether as many calls wait as may, before those of the batch lane.
    pub fn is_full(&self) -> bool {
        let coming = self.handed.load(Ordering::Relaxed);
        let coming = coming.saturating_sub(self.arrived.load(Ordering::Relaxed));
        self.waiting.load(Ordering::Relaxed).saturating_add(coming) >= self.queue_max
    }

    /// How long a call that now came to this lane would wait, in milliseconds.
    pub fn estimated_wait_ms(&self, lane: Lane) -> u64 {
        let held = self.held_until_us.load(Ordering::Relaxed).saturating_sub(micros(self.now()));
        let behind = self.estimate_us[index(lane)].load(Ordering::Relaxed);
        held.saturating_add(behind).div_ceil(1_000)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
