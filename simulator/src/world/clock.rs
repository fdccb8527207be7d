//! What the machine's clock shows: true time, and how far the machine is wrong about it.
//!
//! True time is the world's and only goes on; third parties live by it. A fault of the machine
//! moves its clock ahead or back; processes of the machine see that.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bursar_actors::clock::Clock;
use bursar_domain::time::Timestamp;

/// When every simulation begins: 2026-01-05 06:00 UTC, a Monday, in milliseconds since the epoch.
pub const BEGIN_MS: i64 = 1_767_592_800_000;

#[derive(Debug)]
struct Inner {
    true_ms: AtomicI64,
    wrong_by_ms: AtomicI64,
}

/// The machine's clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct MachineClock(Arc<Inner>);

impl Default for MachineClock {
    fn default() -> Self {
        let (true_ms, wrong_by_ms) = (AtomicI64::new(BEGIN_MS), AtomicI64::new(0));
        Self(Arc::new(Inner { true_ms, wrong_by_ms }))
    }
}

impl MachineClock {
    /// True time, in milliseconds since the epoch.
    pub fn true_ms(&self) -> i64 {
        self.0.true_ms.load(Ordering::Relaxed)
    }

    /// Time has passed, in microseconds since the beginning.
    pub fn passed(&self, micros: u64) {
        let millis = i64::try_from(micros / 1_000).expect("a simulation is shorter");
        self.0.true_ms.store(BEGIN_MS + millis, Ordering::Relaxed);
    }

    /// The machine's clock is set wrong by so much, in milliseconds.
    pub fn set_wrong(&self, by_ms: i64) {
        self.0.wrong_by_ms.store(by_ms, Ordering::Relaxed);
    }
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let shown = self.true_ms() + self.0.wrong_by_ms.load(Ordering::Relaxed);
        Timestamp::from_millis(shown).expect("within the years that can be written")
    }
}
