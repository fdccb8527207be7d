//! Late successes: money that comes after its debit was given up as silent, as a table.
//!
//! The first of three debits is silent and has a replacement, debit 4. Whatever comes late, and in
//! whichever order, the customer pays each instalment once. In the words of the cases, `_` stands for
//! debits 2 and 3, which have succeeded.

use bursar_domain::advance::Status;
use bursar_domain::call::Reply;
use bursar_domain::errand::Reported::{Failed, Succeeded};

use crate::bench::{Bench, done, not_sent, policy, unknown};

const FIRST: &str = "adv_1/d1/1";
const SECOND: &str = "adv_1/d4/1";
const THIRD: &str = "adv_1/d5/1";

/// Debits 2 and 3 have come, debit 1 is silent, debit 4 stands for it on day 28.
fn silent() -> Bench {
    let mut bench = Bench::three(policy());
    bench.run(7, &[Reply::Pending]);
    bench.run(14, &[done("b")]);
    bench.run(21, &[done("c")]);
    assert_eq!(bench.debits(), "1 silent/1, 2 succeeded/1, 3 succeeded/1, 4 scheduled");
    bench.called();
    bench
}

/// The same, and debit 4 is with the processor.
fn replaced() -> Bench {
    let mut bench = silent();
    bench.run(28, &[Reply::Pending]);
    bench.called();
    bench
}

#[track_caller]
fn ends(bench: &mut Bench, debits: &str) {
    let expected = debits.replace('_', "2 succeeded/1, 3 succeeded/1");
    assert_eq!(bench.debits(), expected);
    assert_eq!((bench.sums(), bench.account), ([3_000, 0, 0, 0], 0));
    assert_eq!(bench.advance().status(), Status::Completed);
}

#[test]
fn before_the_replacement_is_submitted_the_late_one_counts() {
    let mut bench = silent();
    bench.report(25, &[(FIRST, Succeeded)]);
    ends(&mut bench, "1 succeeded/1, _, 4 cancelled");
    let mut bench = silent();
    bench.stage(28);
    bench.report(28, &[(FIRST, Succeeded)]);
    bench.submit(28);
    assert_eq!(bench.called(), "", "what is cancelled is not submitted");
    ends(&mut bench, "1 succeeded/1, _, 4 cancelled");
}

#[test]
fn after_it_was_submitted_the_second_one_is_given_back() {
    let mut bench = replaced();
    bench.report(30, &[(FIRST, Succeeded)]);
    ends(&mut bench, "1 succeeded/1, _, 4 submitted/1");
    bench.report(31, &[(SECOND, Succeeded)]);
    assert_eq!(bench.sums(), [3_000, 0, 0, 1_000]);
    assert_eq!(bench.called(), "refund d4/1/refund");
    bench.answer(done("back"));
    ends(&mut bench, "1 succeeded/1, _, 4 refunded/1");
}

#[test]
fn both_in_one_report_one_is_given_back() {
    let mut bench = replaced();
    bench.report(30, &[(SECOND, Succeeded), (FIRST, Succeeded)]);
    assert_eq!(bench.called(), "refund d1/1/refund");
    bench.answer(done("back"));
    ends(&mut bench, "1 refunded/1, _, 4 succeeded/1");
}

#[test]
fn a_replacement_that_fails_after_the_late_one_came_is_not_replaced() {
    let mut bench = replaced();
    bench.report(30, &[(FIRST, Succeeded), (SECOND, Failed)]);
    ends(&mut bench, "1 succeeded/1, _, 4 failed/1");
    // The same when nothing is heard of it; and then it comes after all.
    let mut bench = replaced();
    bench.report(30, &[(FIRST, Succeeded)]);
    bench.run(33, &[]);
    ends(&mut bench, "1 succeeded/1, _, 4 silent/1");
    bench.report(40, &[(SECOND, Succeeded)]);
    assert_eq!(bench.called(), "refund d4/1/refund");
    bench.answer(done("back"));
    ends(&mut bench, "1 succeeded/1, _, 4 refunded/1");
}

#[test]
fn a_chain_of_silent_ones_is_followed_to_its_end() {
    let chain = || {
        let mut bench = replaced();
        bench.run(33, &[]);
        assert!(bench.debits().ends_with("4 silent/1, 5 scheduled"), "{}", bench.debits());
        bench
    };
    for (late, expected) in [
        (FIRST, "1 succeeded/1, _, 4 silent/1, 5 cancelled"),
        (SECOND, "1 silent/1, _, 4 succeeded/1, 5 cancelled"),
    ] {
        let mut bench = chain();
        bench.report(34, &[(late, Succeeded)]);
        ends(&mut bench, expected);
    }
    let mut bench = chain();
    bench.run(35, &[Reply::Pending]);
    bench.called();
    bench.report(36, &[(SECOND, Succeeded), (THIRD, Succeeded), (FIRST, Succeeded)]);
    assert_eq!(bench.sums(), [3_000, 0, 0, 2_000]);
    // One call at a time.
    assert_eq!(bench.called(), "refund d5/1/refund");
    bench.answer(done("back"));
    assert_eq!(bench.called(), "refund d1/1/refund");
    bench.answer(done("back"));
    ends(&mut bench, "1 refunded/1, _, 4 succeeded/1, 5 refunded/1");
}

#[test]
fn a_replacement_of_which_nobody_knows_whether_it_arrived_is_not_repeated() {
    let mut bench = silent();
    bench.run(28, &[unknown()]);
    bench.called();
    bench.report(28, &[(FIRST, Succeeded)]);
    ends(&mut bench, "1 succeeded/1, _, 4 submitting/1");
    bench.now += bench.policy.settle_ms;
    bench.wait();
    assert_eq!(bench.called(), "find d4/1");
    let mut other = bench.clone();
    bench.answer(Reply::NeverSeen);
    assert_eq!(bench.called(), "", "it is not wanted any more");
    ends(&mut bench, "1 succeeded/1, _, 4 cancelled");
    other.answer(done("d"));
    assert_eq!(other.called(), "refund d4/1/refund");
    other.answer(done("back"));
    ends(&mut other, "1 succeeded/1, _, 4 refunded/1");
}

#[test]
fn a_replacement_that_was_not_sent_is_cancelled() {
    let mut bench = silent();
    bench.stage(28);
    bench.submit(28);
    assert_eq!(bench.called(), "pull d4/1");
    bench.report(28, &[(FIRST, Succeeded)]);
    bench.answer(not_sent());
    ends(&mut bench, "1 succeeded/1, _, 4 cancelled");
}

#[test]
fn what_failed_does_not_come_late() {
    let mut bench = Bench::three(policy());
    bench.run(7, &[Reply::Pending]);
    bench.report(8, &[(FIRST, Failed)]);
    bench.report(9, &[(FIRST, Succeeded)]);
    assert_eq!(bench.answered().expect("it answers").1.contradicted, 1);
    assert_eq!(bench.debits(), "1 failed/1, 2 scheduled, 3 scheduled, 4 scheduled");
    // Nor what was silent and is known to have failed.
    let mut bench = silent();
    bench.report(25, &[(FIRST, Failed)]);
    bench.report(26, &[(FIRST, Succeeded)]);
    assert_eq!(bench.answered().expect("it answers").1.contradicted, 1);
    assert_eq!(bench.debits(), "1 failed/1, 2 succeeded/1, 3 succeeded/1, 4 scheduled");
}
