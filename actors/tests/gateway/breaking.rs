//! The circuit breaker: when it opens, what it lets through, what closes it.
//!
//! Failures in a row open it, whoever's calls they were; an answer of any kind shows that the party
//! is there. The bench's breakers stay open for a second. What the breaker holds back waits in the
//! queue like any other call, and expires there.

use bursar_actors::gateway::Attempt;
use bursar_actors::gateway::breaker::State::{Closed, HalfOpen, Open};
use bursar_domain::call::Lane::Interactive;
use bursar_domain::call::Reply;

use crate::bench::{Bench, breaking, done, ms, refused, throttled};

fn unknown() -> Attempt {
    Attempt::unknown("timeout")
}

/// A bench whose breaker has just opened.
fn open() -> Bench {
    let mut bench = Bench::new(breaking(2));
    for key in ["x", "y"] {
        bench.submit(key, Interactive);
        bench.end(key, unknown());
    }
    assert_eq!(bench.core.breaker(), Open);
    bench
}

#[test]
fn failures_in_a_row_open_it_and_an_answer_between_them_does_not_let_it() {
    let turned_away = Attempt::TurnedAway { reason: "401".into() };
    let unclear = Attempt::Unclear { reason: "409".into() };
    let declined = Attempt::declined("no", "");
    for (attempts, state) in [
        (vec![unknown(), unknown(), unknown()], Open),
        (vec![unknown(), refused(), unknown()], Open),
        (vec![unknown(), unknown()], Closed),
        (vec![unknown(), unknown(), done(), unknown(), unknown()], Closed),
        (vec![unknown(), unknown(), declined, unknown()], Closed),
        (vec![unknown(), unknown(), turned_away.clone(), unknown()], Closed),
        (vec![unknown(), unknown(), unclear, unknown()], Closed),
        (vec![turned_away; 9], Closed),
        // Being told to slow down is no failure, and no success either.
        (vec![throttled(Some(ms(0))); 9], Closed),
        (vec![unknown(), unknown(), throttled(Some(ms(0))), unknown()], Open),
    ] {
        let mut bench = Bench::new(breaking(3));
        for (index, attempt) in attempts.iter().enumerate() {
            let key = format!("c{index}");
            bench.submit(&key, Interactive);
            bench.end(&key, attempt.clone());
        }
        assert_eq!(bench.core.breaker(), state, "{attempts:?}");
    }
}

#[test]
fn open_it_lets_nothing_through_then_one_probe() {
    let mut bench = open();
    for key in ["a", "b", "c"] {
        bench.submit(key, Interactive);
    }
    bench.pass(ms(999));
    assert_eq!(bench.order(), ["x", "y"]);
    bench.pass(ms(1));
    assert_eq!(bench.order(), ["x", "y", "a"]);
    assert_eq!(bench.core.breaker(), HalfOpen);
    bench.pass(ms(10_000));
    assert_eq!(bench.order(), ["x", "y", "a"], "one probe at a time");
}

#[test]
fn the_end_of_the_probe_decides() {
    for (attempt, state, next) in [
        (done(), Closed, 2),
        (Attempt::declined("no", ""), Closed, 2),
        (unknown(), Open, 0),
        (throttled(Some(ms(0))), HalfOpen, 1),
    ] {
        let mut bench = open();
        for key in ["a", "b", "c"] {
            bench.submit(key, Interactive);
        }
        bench.pass(ms(1_000));
        let before = bench.sent.len();
        bench.end("a", attempt.clone());
        assert_eq!(bench.core.breaker(), state, "{attempt:?}");
        assert_eq!(bench.sent.len() - before, next, "{attempt:?}");
    }
}

#[test]
fn a_failed_probe_opens_it_for_the_whole_cooldown() {
    let mut bench = open();
    bench.submit("a", Interactive);
    bench.submit("b", Interactive);
    bench.pass(ms(1_500));
    bench.end("a", unknown());
    bench.pass(ms(999));
    assert_eq!(bench.order(), ["x", "y", "a"]);
    bench.pass(ms(1));
    assert_eq!(bench.order(), ["x", "y", "a", "b"]);
}

#[test]
fn one_probe_is_enough_after_many_failures() {
    let mut bench = open();
    bench.submit("a", Interactive);
    bench.pass(ms(1_000));
    bench.end("a", done());
    bench.submit("b", Interactive);
    bench.end("b", unknown());
    assert_eq!(bench.core.breaker(), Closed, "the count began anew");
}

#[test]
fn what_was_sent_before_says_nothing_about_now() {
    let mut bench = Bench::new(breaking(2));
    for key in ["a", "b", "c", "d", "e"] {
        bench.submit(key, Interactive);
    }
    bench.end("a", unknown());
    bench.end("b", unknown());
    assert_eq!(bench.core.breaker(), Open);
    bench.end("c", done());
    assert_eq!(bench.core.breaker(), Open);
    bench.pass(ms(1_000));
    bench.submit("probe", Interactive);
    bench.end("d", unknown());
    bench.end("e", done());
    assert_eq!(bench.core.breaker(), HalfOpen);
    bench.end("probe", done());
    assert_eq!(bench.core.breaker(), Closed);
}

#[test]
fn a_call_that_expires_behind_an_open_breaker_was_not_sent() {
    let mut bench = open();
    bench.answers.clear();
    bench.submit_until("a", Interactive, ms(500));
    bench.pass(ms(600));
    assert_eq!(
        *bench.only_answer("a"),
        Reply::NotSent { reason: "not in time: its party does not answer".into() }
    );
}

#[test]
fn a_refused_connection_is_tried_again_behind_the_breaker() {
    let mut bench = Bench::new(breaking(1));
    bench.submit("a", Interactive);
    bench.end("a", refused());
    assert_eq!(bench.core.breaker(), Open);
    bench.pass(ms(1_000));
    assert_eq!(bench.order(), ["a", "a"]);
    bench.end("a", done());
    assert_eq!(bench.core.breaker(), Closed);
    assert!(matches!(bench.only_answer("a"), Reply::Done { .. }));
}
