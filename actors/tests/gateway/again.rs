//! What is tried again, what is not, for how long, and how a pause holds all back.
//!
//! Only what certainly did nothing comes again, under the same key and at its old place; what may
//! have been done is the saga's to decide. The bench's waits begin at 100 ms, double, and end at a
//! second; half of each is drawn.

use std::time::Duration;

use bursar_actors::gateway::Attempt;
use bursar_actors::gateway::backoff::{Backoff, Limits};
use bursar_actors::gateway::core::PAUSE_MAX;
use bursar_domain::call::Lane::{Interactive, Undo};
use bursar_domain::call::Reply;

use crate::bench::{Bench, FAR, done, loose, ms, refused, throttled};

#[test]
fn what_may_have_been_done_is_answered_at_once_and_never_sent_again() {
    let unclear = Attempt::Unclear { reason: "409".into() };
    for attempt in [Attempt::unknown("timeout"), unclear] {
        let mut bench = Bench::new(loose());
        bench.submit("a", Interactive);
        bench.end("a", attempt);
        assert!(matches!(bench.only_answer("a"), Reply::Unknown { .. }));
        bench.pass(ms(100_000));
        assert_eq!(bench.order(), ["a"]);
        assert_eq!((bench.core.counts().unknown, bench.wake), (1, None));
    }
}

#[test]
fn what_certainly_did_nothing_is_tried_again_until_it_is_done() {
    let turned_away = Attempt::TurnedAway { reason: "401".into() };
    for attempt in [refused(), turned_away, throttled(None), throttled(Some(ms(20)))] {
        let mut bench = Bench::new(loose());
        bench.submit("a", Interactive);
        for _ in 0..6 {
            bench.end("a", attempt.clone());
            assert!(bench.flying.is_empty() && bench.answers.is_empty(), "{attempt:?}");
            bench.pass(ms(1_000));
        }
        bench.end("a", done());
        assert!(matches!(bench.only_answer("a"), Reply::Done { .. }));
        assert_eq!((bench.core.counts().sent, bench.core.counts().retried), (7, 6));
    }
}

#[test]
fn what_is_tried_in_vain_until_it_expires_was_not_sent() {
    let mut bench = Bench::new(loose());
    bench.submit_until("a", Interactive, ms(5_000));
    while bench.answers.is_empty() {
        if bench.flying.is_empty() {
            assert!(bench.wake(), "there is something to wait for");
        } else {
            bench.end("a", refused());
        }
    }
    let tries = bench.sent.len();
    assert!(tries > 4, "{tries}");
    let reason = format!("not in time, tried {tries} times: refused").into();
    assert_eq!(*bench.only_answer("a"), Reply::NotSent { reason });
    assert!(bench.now > ms(5_000));
    assert!(bench.sent.iter().all(|(at, _)| *at <= ms(5_000)));
    assert_eq!((bench.core.counts().not_sent, bench.wake), (1, None));
}

#[test]
fn a_call_may_go_at_the_instant_it_expires_and_not_after() {
    for (expires, sent) in [(ms(50), true), (ms(49), false)] {
        let mut bench = Bench::new(loose());
        bench.submit("first", Interactive);
        bench.end("first", throttled(Some(ms(50))));
        bench.submit_until("a", Interactive, expires);
        bench.pass(ms(60));
        assert_eq!(bench.order().contains(&"a"), sent, "{expires:?}");
        assert_eq!(bench.answers.len(), usize::from(!sent));
    }
}

#[test]
fn a_call_that_came_too_late_is_never_sent() {
    let mut bench = Bench::new(loose());
    bench.pass(ms(10));
    bench.submit_until("a", Interactive, Duration::ZERO);
    assert!(matches!(bench.only_answer("a"), Reply::NotSent { .. }));
    assert!(bench.sent.is_empty());
}

#[test]
fn an_attempt_on_its_way_is_not_cut_off_when_its_call_expires() {
    let mut bench = Bench::new(loose());
    bench.submit_until("a", Interactive, ms(10));
    bench.pass(ms(100));
    assert!(bench.answers.is_empty());
    bench.end("a", done());
    assert!(matches!(bench.only_answer("a"), Reply::Done { .. }));
}

#[test]
fn a_pause_holds_all_back_and_is_kept_to_the_instant() {
    let mut bench = Bench::new(loose());
    bench.submit("a", Interactive);
    bench.end("a", throttled(Some(ms(3_000))));
    bench.submit("b", Interactive);
    bench.submit("u", Undo);
    bench.pass(ms(2_999));
    assert_eq!(bench.order(), ["a"]);
    assert_eq!(bench.core.held_until(), ms(3_000));
    bench.pass(ms(1));
    assert_eq!(bench.order(), ["a", "u", "a", "b"]);
}

#[test]
fn the_longest_pause_that_was_asked_for_counts() {
    let mut bench = Bench::new(loose());
    for key in ["a", "b", "c"] {
        bench.submit(key, Interactive);
    }
    bench.end("a", throttled(Some(ms(3_000))));
    bench.end("b", throttled(Some(ms(1_000))));
    bench.end("c", throttled(None));
    assert_eq!(bench.core.paused_until(), ms(3_000));
}

#[test]
fn an_endless_pause_is_asked_about_after_an_hour() {
    let mut bench = Bench::new(loose());
    bench.submit("a", Interactive);
    bench.end("a", throttled(Some(Duration::MAX)));
    bench.pass(PAUSE_MAX);
    assert_eq!(bench.order(), ["a", "a"]);
}

#[test]
fn one_that_was_sent_before_a_pause_does_not_lengthen_it() {
    let mut bench = Bench::new(loose());
    for index in 0..20 {
        bench.submit(&format!("c{index}"), Interactive);
    }
    for index in 0..20 {
        bench.end(&format!("c{index}"), throttled(None));
    }
    assert!(bench.core.paused_until() <= ms(100), "{:?}", bench.core.paused_until());
}

#[test]
fn an_unavailable_party_that_says_how_long_is_left_alone_for_as_long() {
    let mut bench = Bench::new(loose());
    bench.submit("a", Interactive);
    bench.end("a", Attempt::Unknown { reason: "503".into(), wait: Some(ms(700)) });
    bench.submit("b", Interactive);
    bench.pass(ms(699));
    assert_eq!(bench.order(), ["a"]);
    bench.pass(ms(1));
    assert_eq!(bench.order(), ["a", "b"]);
}

#[test]
fn waits_double_up_to_their_bound_and_are_half_drawn() {
    let limits = Limits { first: ms(100), longest: ms(1_000) };
    let mut backoff = Backoff::new(limits, 7);
    let mut drawn = Vec::new();
    for (failures, whole) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (99, 1_000)] {
        for _ in 0..100 {
            let wait = backoff.wait(failures);
            assert!(wait >= ms(whole) / 2 && wait <= ms(whole), "{failures}: {wait:?}");
            drawn.push(wait);
        }
    }
    drawn.sort_unstable();
    drawn.dedup();
    assert!(drawn.len() > 500, "waits differ");
    let mut same = Backoff::new(limits, 7);
    let mut again = Backoff::new(limits, 7);
    assert!((1..50).all(|failures| same.wait(failures) == again.wait(failures)));
    let mut none = Backoff::new(Limits { first: ms(0), longest: ms(0) }, 7);
    assert_eq!(none.wait(3), ms(0));
    let mut endless = Backoff::new(Limits { first: FAR, longest: Duration::MAX }, 7);
    assert!(endless.wait(u32::MAX) >= FAR);
}

#[test]
fn the_last_fault_is_remembered() {
    let mut bench = Bench::new(loose());
    assert_eq!(bench.core.fault(), None);
    bench.submit("a", Interactive);
    bench.pass(ms(5));
    bench.end("a", refused());
    let fault = bench.core.fault().unwrap();
    assert_eq!((&*fault.reason, fault.at), ("refused", ms(5)));
}
