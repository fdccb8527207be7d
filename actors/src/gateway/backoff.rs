//! How long to wait before trying again: twice as long each time, up to a bound, with jitter.
//!
//! Half of the wait is fixed and half is drawn, so that calls which failed together do not come
//! back together, and yet none comes back at once ("equal jitter", Marc Brooker, "Exponential
//! Backoff and Jitter", AWS Architecture Blog, 2015).
//!
//! The numbers are drawn from a seed (SplitMix64), so a run can be repeated.

use std::time::Duration;

/// How long waits are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The wait after the first failure, before jitter.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

/// Draws waits.
#[derive(Debug)]
pub struct Backoff {
    limits: Limits,
    state: u64,
}

impl Backoff {
    /// Waits within the limits; the same seed gives the same waits.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self { limits, state: seed }
    }

    /// How long to wait after so many failures, from 1.
    pub fn wait(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.limits.first.saturating_mul(1 << doublings).min(self.limits.longest);
        let half = whole / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX - 1);
        half + Duration::from_nanos(self.draw() % (nanos + 1))
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
