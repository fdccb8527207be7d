//! A limit on calls, as a leaky bucket in its form for packets (GCRA, ITU-T I.371).
//!
//! The whole state is one instant: when the next call would be due if calls came evenly. Instants
//! are nanoseconds since the sandbox began, given by the caller, so the bucket reads no clock.
//! A call that is turned away costs nothing: it does not push the next one back.

use std::time::Duration;

use crate::settings::Rate;

const SECOND_NS: u64 = 1_000_000_000;

/// Lets calls in at a rate.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names, reason = "names end with their unit, and all are times")]
pub(crate) struct Bucket {
    /// Between two calls.
    interval_ns: u64,
    /// How far ahead of its time a call may come.
    tolerance_ns: u64,
    due_ns: u64,
}

impl Bucket {
    /// A bucket of this rate, rested.
    pub(crate) fn new(rate: Rate) -> Self {
        let interval_ns = SECOND_NS / u64::from(rate.per_second.get());
        let tolerance_ns = interval_ns * (u64::from(rate.burst.get()) - 1);
        Self { interval_ns, tolerance_ns, due_ns: 0 }
    }

    /// Lets a call in, or says how long it has to wait.
    pub(crate) fn take(&mut self, now_ns: u64) -> Result<(), Duration> {
        let due = self.due_ns.max(now_ns);
        let early = due - now_ns;
        if early > self.tolerance_ns {
            return Err(Duration::from_nanos(early - self.tolerance_ns));
        }
        self.due_ns = due + self.interval_ns;
        Ok(())
    }
}

/// What `Retry-After` says: whole seconds, rounded up, at least one.
pub(crate) fn retry_after_s(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(part).max(1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn bucket(per_second: u32, burst: u32) -> Bucket {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Bucket::new(Rate { per_second: number(per_second), burst: number(burst) })
    }

    #[test]
    fn a_burst_is_let_in_and_then_the_rate() {
        let mut bucket = bucket(10, 3);
        let taken = (0..5).map(|_| bucket.take(SECOND_NS).is_ok()).collect::<Vec<_>>();
        assert_eq!(taken, [true, true, true, false, false]);
        assert_eq!(bucket.take(SECOND_NS), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(SECOND_NS + 100_000_000), Ok(()));
        assert!(bucket.take(SECOND_NS + 100_000_000).is_err());
    }

    #[test]
    fn no_second_lets_in_more_than_rate_and_burst() {
        let mut bucket = bucket(200, 50);
        let mut let_in = Vec::new();
        for now in (0..5 * SECOND_NS).step_by(500_000) {
            if bucket.take(now).is_ok() {
                let_in.push(now);
            }
        }
        for (index, &from) in let_in.iter().enumerate() {
            let within = let_in[index..].iter().take_while(|&&at| at < from + SECOND_NS).count();
            assert!(within <= 250, "{within} from {from} ns");
        }
        assert!(let_in.len() >= 5 * 200);
    }

    #[test]
    fn retry_after_is_whole_seconds_rounded_up() {
        for (wait_ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(retry_after_s(Duration::from_millis(wait_ms)), seconds, "{wait_ms} ms");
        }
    }
}
