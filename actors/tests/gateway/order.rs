//! Who goes first, how many go at once, and what the edge is told of the queue.
//!
//! Undo before interactive before batch, first come first served within a lane; what comes with a
//! ticket is never refused. The estimates are advice to the edge: they follow the rate or the time
//! that the party takes, whichever is slower.

use bursar_actors::gateway::Attempt;
use bursar_domain::call::Lane::{self, Batch, Interactive, Undo};
use bursar_domain::call::Reply;

use crate::bench::{Bench, at_once, done, loose, ms, per_second, refused};

#[test]
fn undo_goes_before_interactive_before_batch_and_in_order_within() {
    let mut bench = Bench::new(at_once(1));
    bench.submit("first", Batch);
    for (key, lane) in [
        ("b1", Batch),
        ("i1", Interactive),
        ("u1", Undo),
        ("b2", Batch),
        ("i2", Interactive),
        ("u2", Undo),
    ] {
        bench.submit(key, lane);
    }
    for key in ["first", "u1", "u2", "i1", "i2", "b1", "b2"] {
        bench.end(key, done());
    }
    assert_eq!(bench.order(), ["first", "u1", "u2", "i1", "i2", "b1", "b2"]);
    assert_eq!(bench.answers.len(), 7);
    assert_eq!(bench.wake, None);
}

#[test]
fn an_idle_gateway_sends_at_once() {
    let mut bench = Bench::new(per_second(1));
    bench.pass(ms(12_345));
    bench.submit("a", Batch);
    assert_eq!(bench.sent, [(ms(12_345), "a".to_owned())]);
}

#[test]
fn only_so_many_are_on_their_way() {
    let mut bench = Bench::new(at_once(3));
    for key in ["a", "b", "c", "d", "e"] {
        bench.submit(key, Interactive);
    }
    assert_eq!(bench.order(), ["a", "b", "c"]);
    assert_eq!(bench.core.in_flight(), 3);
    bench.end("b", done());
    assert_eq!(bench.order(), ["a", "b", "c", "d"]);
    assert_eq!(bench.core.waiting(), [0, 1, 0]);
}

#[test]
fn one_that_waits_before_it_is_tried_again_holds_up_nobody_and_keeps_its_place() {
    let mut bench = Bench::new(at_once(1));
    for key in ["a", "b", "c"] {
        bench.submit(key, Interactive);
    }
    bench.end("a", refused());
    assert_eq!(bench.order(), ["a", "b"]);
    bench.pass(ms(1_000));
    bench.end("b", done());
    assert_eq!(bench.order(), ["a", "b", "a"], "a came before c");
    bench.end("a", done());
    bench.end("c", done());
}

#[test]
fn a_full_queue_is_told_and_still_takes_what_has_a_ticket() {
    let mut limits = at_once(1);
    limits.queue_max = 2;
    let mut bench = Bench::new(limits);
    for (key, full) in [("a", false), ("b", false), ("c", true), ("d", true)] {
        bench.submit(key, Interactive);
        assert_eq!(bench.core.is_full(), full, "{key}");
    }
    assert_eq!(bench.core.counts().over_full, 1);
    for key in ["a", "b", "c", "d"] {
        bench.end(key, done());
    }
    assert!(!bench.core.is_full());
    assert_eq!(bench.answers.len(), 4);
}

#[test]
fn the_wait_is_estimated_from_those_ahead_and_the_pace() {
    let mut bench = Bench::new(per_second(10));
    assert_eq!(Lane::ALL.map(|lane| bench.core.estimate(lane)), [ms(0); 3]);
    for index in 0..11 {
        bench.submit(&format!("i{index}"), Interactive);
    }
    bench.submit("b", Batch);
    assert_eq!(Lane::ALL.map(|lane| bench.core.estimate(lane)), [ms(0), ms(1_020), ms(1_122)]);
}

#[test]
fn the_wait_is_estimated_from_the_time_the_party_takes() {
    let mut bench = Bench::new(at_once(2));
    for key in ["a", "b", "c", "d", "e"] {
        bench.submit(key, Interactive);
    }
    bench.pass(ms(400));
    bench.end("a", done());
    assert_eq!(bench.core.waiting(), [0, 2, 0]);
    // Two ahead, and one place that has to become free: three times half of 400 ms.
    assert_eq!(bench.core.estimate(Interactive), ms(600));
    assert_eq!(bench.core.estimate(Undo), ms(200));
}

#[test]
fn what_the_party_says_is_passed_on_as_it_is() {
    let replies = [
        Reply::Done { id: "x".into(), url: Some("u".into()) },
        Reply::Declined { code: "no".into(), detail: "never".into() },
        Reply::NeverSeen,
        Reply::Pending,
    ];
    for reply in replies {
        let mut bench = Bench::new(loose());
        bench.submit("a", Interactive);
        bench.end("a", Attempt::Answered(reply.clone()));
        assert_eq!(*bench.only_answer("a"), reply);
        assert_eq!(bench.core.counts().answered, 1);
    }
}
