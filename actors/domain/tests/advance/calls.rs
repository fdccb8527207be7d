//! How the processor is asked: one call at a time, nothing blind, nothing under a second key.
//!
//! Each case gives answers, lets time pass, crashes, and compares the calls that were made. What is
//! pulled is pulled again only under the same key, and only when the processor cannot have seen it;
//! what is given back is tried until it is done.

use bursar_domain::advance::Status;
use bursar_domain::call::{Lane, Policy, Reply};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::Reported::{Failed, Succeeded};
use bursar_domain::message::Body;

use crate::bench::{Bench, declined, done, not_sent, policy, unknown};

/// One debit of 30.00 is due, and the processor is being asked.
fn asked() -> Bench {
    let mut bench = Bench::three(policy());
    bench.run(7, &[]);
    assert_eq!(bench.called(), "pull d1/1");
    assert_eq!(bench.advance().due(), Due::Answer);
    bench
}

#[test]
fn a_call_is_a_pull_of_the_batch_lane_under_the_key_of_the_attempt() {
    let mut bench = Bench::three(policy());
    bench.run(7, &[]);
    let [call] = &bench.calls[..] else { panic!("{:?}", bench.calls) };
    assert_eq!((&*call.key, call.lane), ("adv_1/d1/1", Lane::Batch));
    assert_eq!(call.not_after.millis(), bench.now + policy().push_patience_ms);
    assert!(bench.answered().expect("it staged").1.staged == 1, "the run waits for the submission");
    assert!(bench.answer(Reply::Pending));
    assert_eq!(bench.advance().due(), Due::Nothing);
}

#[test]
fn an_unknown_answer_is_asked_after_by_its_key_and_the_run_goes_on() {
    let mut bench = asked();
    bench.answer(unknown());
    let (_, tally) = bench.answered().expect("the run need not wait");
    assert_eq!((tally.unknown, tally.submitted), (1, 0));
    assert_eq!(bench.debits(), "1 submitting/1, 2 scheduled, 3 scheduled");
    for _ in 0..3 {
        bench.wait();
        assert_eq!(bench.called(), "find d1/1");
        bench.answer(unknown());
    }
    bench.wait();
    bench.answer(done("t"));
    assert_eq!(bench.debits(), "1 succeeded/1, 2 scheduled, 3 scheduled");
    let answers = bench.sent.iter().filter(|m| matches!(m.body, Body::Collected { .. }));
    assert_eq!(answers.count(), 2, "one for each pass");
}

#[test]
fn what_a_question_finds_is_what_happened() {
    for (reply, expected) in [
        (done("t"), "1 succeeded/1, 2 scheduled, 3 scheduled"),
        (declined(), "1 failed/1, 2 scheduled, 3 scheduled, 4 scheduled"),
        (Reply::Pending, "1 submitted/1, 2 scheduled, 3 scheduled"),
        (not_sent(), "1 submitting/1, 2 scheduled, 3 scheduled"),
    ] {
        let mut bench = asked();
        bench.answer(unknown());
        bench.wait();
        bench.answer(reply.clone());
        assert_eq!(bench.debits(), expected, "{reply:?}");
    }
}

#[test]
fn never_seen_is_believed_when_nothing_can_be_on_its_way() {
    let mut bench = asked();
    bench.answer(unknown());
    let unknown_since = bench.now;
    let mut asks = 0;
    loop {
        bench.wait();
        let called = bench.called();
        assert_eq!(called, "find d1/1");
        asks += 1;
        let is_settled = bench.now - unknown_since >= bench.policy.settle_ms;
        bench.answer(Reply::NeverSeen);
        if is_settled {
            break;
        }
        assert_eq!(bench.called(), "", "not blind");
    }
    assert!(asks > 2, "{asks}");
    // The same key.
    assert_eq!(bench.called(), "pull d1/1");
    assert_eq!(bench.debits(), "1 submitting/1, 2 scheduled, 3 scheduled");
    // This time it certainly was not sent: it is due again.
    bench.answer(not_sent());
    assert_eq!(bench.debits(), "1 due, 2 scheduled, 3 scheduled");
    bench.submit(8);
    assert_eq!(bench.called(), "pull d1/1");
}

#[test]
fn the_answer_to_a_question_asked_too_early_is_not_believed() {
    let mut bench = asked();
    bench.answer(unknown());
    bench.wait();
    assert_eq!(bench.called(), "find d1/1");
    // The question was asked a second after the unknown answer; its own answer took an hour.
    bench.now += 3_600_000;
    bench.answer(Reply::NeverSeen);
    assert_eq!(bench.called(), "");
    bench.wait();
    assert_eq!(bench.called(), "find d1/1");
    bench.answer(Reply::NeverSeen);
    assert_eq!(bench.called(), "pull d1/1");
}

#[test]
fn after_a_crash_it_is_asked_by_key() {
    let mut bench = asked();
    bench.crash();
    assert_eq!(bench.called(), "find d1/1");
    let (_, tally) = bench.answered().expect("the run need not wait");
    assert_eq!(tally.unknown, 1);
    // An answer to the call before the crash comes late, by whatever way.
    let stale = bursar_domain::call::Answered { step: 0, attempt: 1, reply: declined() };
    assert_eq!(bench.turn(|advance, at| Ok(advance.answered(&stale, at))), Ok(0));
    bench.answer(Reply::NeverSeen);
    assert_eq!(bench.called(), "", "the request may still be on its way");
    bench.crash();
    assert_eq!(bench.called(), "", "it waits for its time");
    bench.now += bench.policy.settle_ms;
    bench.crash();
    assert_eq!(bench.called(), "find d1/1");
    bench.answer(Reply::NeverSeen);
    assert_eq!(bench.called(), "pull d1/1");
}

#[test]
fn what_is_unknown_does_not_hold_up_the_others() {
    let mut bench = Bench::three(policy());
    bench.run(21, &[unknown()]);
    assert_eq!(bench.called(), "pull d1/1, pull d2/1");
    // The time to ask after the first has come, but the run goes first.
    bench.now += 60_000;
    bench.answer(unknown());
    assert_eq!(bench.called(), "pull d3/1");
    bench.now += 60_000;
    assert_eq!(bench.wake(Wake::Due), 0, "one call at a time");
    bench.answer(Reply::Pending);
    let (_, tally) = bench.answered().expect("all were tried");
    assert_eq!((tally.unknown, tally.submitted), (2, 1));
    // Whoever waited longest is asked after first.
    assert_eq!(bench.called(), "find d1/1");
    bench.answer(unknown());
    assert_eq!(bench.called(), "find d2/1");
}

#[test]
fn the_report_may_know_before_the_answer() {
    for (status, expected) in [
        (Succeeded, "1 succeeded/1, 2 scheduled, 3 scheduled"),
        (Failed, "1 failed/1, 2 scheduled, 3 scheduled, 4 scheduled"),
    ] {
        // While it is called for, and while it waits to be asked after.
        for is_waiting in [false, true] {
            let mut bench = asked();
            if is_waiting {
                bench.answer(unknown());
            }
            bench.report(8, &[("adv_1/d1/1", status)]);
            assert_eq!(bench.debits(), expected);
            assert_eq!(bench.advance().due(), Due::Nothing);
            let answers = bench.sent.iter().filter_map(|message| {
                let Body::Collected { tally, .. } = &message.body else { return None };
                Some(tally.submitted + tally.unknown)
            });
            assert_eq!(answers.sum::<u64>(), 1, "it is counted once");
            assert!(!bench.answer(declined()), "what is known is not asked any more");
            assert_eq!(bench.debits(), expected);
        }
    }
}

#[test]
fn a_refund_is_tried_until_it_is_done() {
    let mut bench = Bench::three(policy());
    // The first is silent, its replacement comes, and then it comes, too.
    bench.run(7, &[Reply::Pending]);
    bench.run(14, &[done("b")]);
    bench.run(21, &[done("c")]);
    bench.run(28, &[done("d")]);
    assert_eq!(bench.advance().status(), Status::Completed);
    bench.called();
    bench.report(29, &[("adv_1/d1/1", Succeeded)]);
    assert_eq!((bench.sums(), bench.account), ([3_000, 0, 0, 1_000], 1_000));
    let stuck = |bench: &Bench| bench.advance().schedule()[0].stuck.map(ToOwned::to_owned);
    let mut expect = |called: &str, reply: Reply| {
        assert_eq!(bench.called(), called);
        assert_eq!(bench.advance().due(), Due::Answer);
        bench.answer(reply);
        let stuck = stuck(&bench);
        bench.wait();
        stuck
    };
    // A definite no did nothing: the next one has a new key, the old one would say no for ever.
    assert_eq!(expect("refund d1/1/refund", declined()), None);
    assert_eq!(expect("refund d1/1/refund/2", unknown()), None);
    assert_eq!(expect("find d1/1/refund/2", unknown()).as_deref(), Some("no answer in time"));
    expect("find d1/1/refund/2", Reply::NeverSeen);
    expect("refund d1/1/refund/2", not_sent());
    expect("refund d1/1/refund/2", Reply::Pending);
    expect("find d1/1/refund/2", Reply::Pending);
    assert_eq!(expect("find d1/1/refund/2", declined()).as_deref(), Some("no-funds: "));
    assert_eq!(bench.called(), "refund d1/1/refund/3");
    assert_eq!(bench.advance().overpaid().minor(), 1_000);
    bench.crash();
    assert_eq!(bench.called(), "find d1/1/refund/3");
    bench.answer(done("back"));
    assert_eq!((bench.sums(), bench.account), ([3_000, 0, 0, 0], 0));
    assert!(bench.debits().starts_with("1 refunded/1"), "{}", bench.debits());
    assert_eq!((stuck(&bench), bench.advance().due()), (None, Due::Nothing));
    assert!(bench.outcomes().ends_with("debit.succeeded, debit.refunded"));
}

#[test]
fn a_refund_goes_by_the_lane_of_undoing() {
    let mut bench = Bench::three(policy());
    bench.run(7, &[Reply::Pending]);
    bench.run(28, &[done("b"), done("c")]);
    bench.run(29, &[done("d")]);
    bench.called();
    bench.report(30, &[("adv_1/d1/1", Succeeded)]);
    let [call] = &bench.calls[..] else { panic!("{:?}", bench.calls) };
    assert_eq!((call.lane, call.step), (Lane::Undo, 1));
    let request = format!("{:?}", call.request);
    assert!(request.contains("txn-of-adv_1/d1/1"), "{request}");
}

#[test]
fn a_run_is_answered_once_for_each_question() {
    let impatient = Policy { stuck_after: 1, ..policy() };
    let mut bench = Bench::three(impatient);
    for (number, reply) in [(7, Reply::Pending), (14, declined()), (21, unknown())] {
        bench.run(number, &[reply]);
        bench.report(number, &[]);
        let answers = bench.sent.iter().filter(|m| matches!(m.body, Body::Collected { .. }));
        assert_eq!(answers.count(), usize::try_from(number / 7 * 3).expect("small"));
    }
}
