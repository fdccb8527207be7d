//! The rate: never more than the limit in any second, and yet the whole limit in the long run.
//!
//! Checked on what went out, not on how the pace computes it: every closed window of a second that
//! begins with a call is counted, and those are the fullest ones. Also with late timers, and with
//! calls that come closer together on their way.

use std::time::Duration;

use bursar_domain::call::Lane::Interactive;

use crate::bench::{Bench, done, ms, per_second};

/// The most that went out in any closed window of a second.
pub(crate) fn most_in_a_second(sent: &[(Duration, String)]) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (index, (at, _)) in sent.iter().enumerate() {
        while *at > sent[first].0 + Duration::from_secs(1) {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

/// Keeps a gateway busy for a while.
fn busy(rate: u32, time: Duration) -> Bench {
    let mut bench = Bench::new(per_second(rate));
    for index in 0..rate * 6 {
        bench.submit(&format!("c{index}"), Interactive);
    }
    bench.pass(time);
    bench
}

#[test]
fn the_limit_is_kept_and_used_up() {
    for rate in [1, 2, 3, 7, 19, 20, 21, 50, 200, 999] {
        let bench = busy(rate, ms(5_000));
        let most = most_in_a_second(&bench.sent);
        assert!(most <= rate as usize, "{most} of {rate}");
        // A fiftieth is kept back for the network, and the first interval may be cut off.
        let sent = bench.sent.len();
        assert!(sent >= rate as usize * 5 * 50 / 51, "{sent} in five seconds at {rate}");
    }
}

#[test]
fn a_rest_earns_a_small_burst_and_no_more() {
    let mut bench = Bench::new(per_second(100));
    bench.pass(ms(60_000));
    for index in 0..50 {
        bench.submit(&format!("c{index}"), Interactive);
    }
    assert_eq!(bench.sent.len(), 5, "a twentieth of the limit");
    bench.pass(ms(102));
    assert_eq!(bench.sent.len(), 15);
}

#[test]
fn calls_that_come_closer_together_on_their_way_still_keep_the_limit() {
    let bench = busy(200, ms(5_000));
    // Each takes up to 15 ms, an early one more than the one after it.
    let arrived = bench.sent.iter().enumerate().map(|(index, (at, key))| {
        let delay = ms(15 - index as u64 % 2 * 15);
        (*at + delay, key.clone())
    });
    let mut arrived: Vec<_> = arrived.collect();
    arrived.sort();
    assert!(most_in_a_second(&arrived) <= 200);
}

#[test]
fn a_late_timer_is_made_up_for_and_the_limit_is_kept() {
    let mut bench = Bench::new(per_second(200));
    for index in 0..600 {
        bench.submit(&format!("c{index}"), Interactive);
    }
    // Asked every 37 ms only, however often it would like.
    for _ in 0..55 {
        bench.now += ms(37);
        bench.poll();
    }
    assert!(most_in_a_second(&bench.sent) <= 200);
    assert!(bench.sent.len() >= 390, "{}", bench.sent.len());
}

#[test]
fn without_a_limit_all_go_at_once() {
    let mut bench = Bench::new(crate::bench::loose());
    for index in 0..500 {
        bench.submit(&format!("c{index}"), Interactive);
    }
    assert_eq!(bench.sent.len(), 500);
    bench.end("c7", done());
    assert_eq!(bench.wake, None);
}
