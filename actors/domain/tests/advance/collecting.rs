//! What becomes of debits, as tables: each case is a run of days, and what the debits say then.
//!
//! 30.00 in three weekly debits, three attempts for each, five days of patience, unless the case
//! says otherwise. The sums are compared, too: collected, outstanding, written off, and what came
//! twice and has not gone back.

use bursar_domain::advance::Status;
use bursar_domain::call::{Collecting, Policy, Reply};
use bursar_domain::entity::Entity;
use bursar_domain::errand::Reported::{self, Failed, Succeeded};
use bursar_domain::message::{Body, OutcomeKind};
use bursar_domain::plan::Plan;

use crate::bench::{Bench, day, declined, done, not_sent, policy};

/// What happens on a day.
enum On<'a> {
    /// A run stages and submits, and the processor says this to each call.
    Run(i32, &'a [Reply]),
    /// A run has a report.
    Report(i32, &'a [(&'a str, Reported)]),
    /// A run stages and submits without a report.
    Blind(i32),
}

/// Lets it all happen, and compares the debits and the sums: collected, outstanding, written off,
/// overpaid.
fn check(policy: Policy, days: &[On<'_>], debits: &str, sums: [i64; 4]) -> Bench {
    let mut bench = Bench::three(policy);
    for on in days {
        match on {
            On::Run(number, replies) => bench.run(*number, replies),
            On::Report(number, lines) => bench.report(*number, lines),
            On::Blind(number) => {
                bench.stage(*number);
                bench.submit_for("run_a", *number, false);
            }
        }
    }
    assert_eq!((bench.debits().as_str(), bench.sums()), (debits, sums));
    bench
}

const PENDING: Reply = Reply::Pending;

#[test]
fn a_debit_is_submitted_on_its_day_and_not_before() {
    check(policy(), &[On::Run(6, &[])], "1 scheduled, 2 scheduled, 3 scheduled", [0, 3_000, 0, 0]);
    let one = "1 succeeded/1, 2 scheduled, 3 scheduled";
    check(policy(), &[On::Run(7, &[done("t")])], one, [1_000, 2_000, 0, 0]);
    // All that were missed are due at once, one after another.
    let all = [done("t1"), PENDING, done("t3")];
    let bench = check(
        policy(),
        &[On::Run(30, &all)],
        "1 succeeded/1, 2 submitted/1, 3 succeeded/1",
        [2_000, 1_000, 0, 0],
    );
    assert_eq!(bench.answered().expect("it answers").1.submitted, 3);
    assert_eq!(bench.advance().listed(), Some(i64::from(day(35).days())), "then it is silent");
}

#[test]
fn paid_back_it_is_completed() {
    let days = [On::Run(7, &[done("a")]), On::Run(14, &[done("b")]), On::Run(21, &[done("c")])];
    let all = "1 succeeded/1, 2 succeeded/1, 3 succeeded/1";
    let mut bench = check(policy(), &days, all, [3_000, 0, 0, 0]);
    assert_eq!((bench.advance().status(), bench.account), (Status::Completed, 0));
    assert_eq!(bench.advance().listed(), None);
    assert_eq!(
        bench.outcomes(),
        "active, debit.succeeded, debit.succeeded, debit.succeeded, completed"
    );
    let transactions: Vec<_> =
        bench.advance().schedule().iter().filter_map(|row| row.transaction).collect();
    assert_eq!(transactions, ["a", "b", "c"]);
}

#[test]
fn a_failed_debit_goes_to_the_end_of_the_plan() {
    let expected = "1 failed/1, 2 scheduled, 3 scheduled, 4 scheduled";
    let owes_all = [0, 3_000, 0, 0];
    let bench = check(policy(), &[On::Run(7, &[declined()])], expected, owes_all);
    let rows = bench.advance().schedule();
    assert_eq!((rows[3].due, rows[3].amount, rows[3].replaces), (day(28), rows[0].amount, Some(1)));
    // The report may say it, too; what it says again is known.
    let failed = [("adv_1/d1/1", Failed)];
    let days = [On::Run(7, &[PENDING]), On::Report(8, &failed), On::Report(9, &failed)];
    check(policy(), &days, expected, owes_all);
    // The replacement's replacement comes after it.
    let bench = check(
        policy(),
        &[On::Run(7, &[declined()]), On::Run(28, &[declined(), PENDING, PENDING])],
        "1 failed/1, 2 failed/1, 3 submitted/1, 4 submitted/1, 5 scheduled",
        owes_all,
    );
    assert_eq!(bench.advance().schedule()[4].replaces, Some(2));
}

#[test]
fn the_end_of_the_plan_is_one_period_after_its_last_date() {
    for (every, last, next) in [
        ("day", "2026-01-13", "2026-01-14"),
        ("week", "2026-03-26", "2026-04-02"),
        ("month", "2027-01-01", "2027-02-01"),
    ] {
        let plan = Plan::new(12, every, None).expect("a plan");
        let mut bench = Bench::active(policy(), 12_000, plan);
        bench.run(31, &[declined(), declined()]);
        let rows = bench.advance().schedule();
        assert_eq!(
            (rows[11].due.to_string(), rows[12].due.to_string()),
            (last.into(), next.into())
        );
        assert!(rows.is_sorted_by(|one, next| one.due < next.due), "{rows:?}");
    }
}

#[test]
fn the_same_debit_is_presented_again_as_often_as_the_policy_says() {
    let with = |representments_max| Policy {
        collecting: Collecting { representments_max, ..policy().collecting },
        ..policy()
    };
    let owes_all = [0, 3_000, 0, 0];
    // Not in the same run, but in the next one.
    let once = [On::Run(7, &[declined()])];
    check(with(1), &once, "1 due/1, 2 scheduled, 3 scheduled", owes_all);
    let twice = [On::Run(7, &[declined()]), On::Run(8, &[declined()])];
    check(with(1), &twice, "1 failed/2, 2 scheduled, 3 scheduled, 4 scheduled", owes_all);
    check(with(2), &twice, "1 due/2, 2 scheduled, 3 scheduled", owes_all);
    // ACH allows two, whatever the policy says; and three attempts are enough for any instalment.
    let thrice = [On::Run(7, &[declined()]), On::Run(8, &[declined()]), On::Run(9, &[declined()])];
    let patient = Policy {
        collecting: Collecting { attempts_max: 9, representments_max: 7, ..policy().collecting },
        ..policy()
    };
    check(patient, &thrice, "1 failed/3, 2 scheduled, 3 scheduled, 4 scheduled", owes_all);
    check(with(2), &thrice, "1 failed/3, 2 cancelled, 3 cancelled", [0, 0, 3_000, 0]);
    let bench = check(
        with(1),
        &[On::Run(7, &[declined()]), On::Run(8, &[done("t")])],
        "1 succeeded/2, 2 scheduled, 3 scheduled",
        [1_000, 2_000, 0, 0],
    );
    let keys: Vec<_> = bench.calls.iter().map(|call| &*call.key).collect();
    assert_eq!(keys, ["adv_1/d1/1", "adv_1/d1/2"]);
}

#[test]
fn a_debit_that_failed_is_due_at_once_when_the_report_says_so() {
    let collecting = Collecting { representments_max: 1, ..policy().collecting };
    let policy = Policy { collecting, ..policy() };
    let days = [
        On::Run(7, &[PENDING]),
        On::Report(9, &[("adv_1/d1/1", Failed)]),
        On::Run(9, &[PENDING]),
        // What the first attempt did is known; the second one's end is news.
        On::Report(10, &[("adv_1/d1/1", Failed), ("adv_1/d1/2", Succeeded)]),
        On::Report(11, &[("adv_1/d1/1", Succeeded)]),
    ];
    let expected = "1 succeeded/2, 2 scheduled, 3 scheduled";
    let bench = check(policy, &days, expected, [1_000, 2_000, 0, 0]);
    assert_eq!(bench.answered().expect("it answers").1.contradicted, 1);
}

#[test]
fn what_is_silent_goes_to_the_end_of_the_plan() {
    let out = || On::Run(7, &[PENDING]);
    let waits = "1 submitted/1, 2 scheduled, 3 scheduled";
    let owes_all = [0, 3_000, 0, 0];
    check(policy(), &[out(), On::Run(11, &[])], waits, owes_all);
    // Without a report nobody can say that nothing was heard.
    let bench = check(policy(), &[out(), On::Blind(12)], waits, owes_all);
    assert_eq!(bench.advance().listed(), Some(i64::from(day(12).days())), "the next run asks");
    let gone = "1 silent/1, 2 scheduled, 3 scheduled, 4 scheduled";
    let mut bench = check(policy(), &[out(), On::Run(12, &[])], gone, owes_all);
    assert_eq!(bench.outcomes(), "active, debit.failed");
    let (_, tally) = bench.answered().expect("it answers");
    assert_eq!((tally.silent, tally.replaced, tally.failed), (1, 1, 0));
    // What is known to have failed after all changes nothing more.
    let late = [out(), On::Run(12, &[]), On::Report(13, &[("adv_1/d1/1", Failed)])];
    let failed = "1 failed/1, 2 scheduled, 3 scheduled, 4 scheduled";
    check(policy(), &late, failed, owes_all);
}

#[test]
fn after_too_many_failures_it_is_given_up() {
    let days = [
        On::Run(7, &[declined()]),
        On::Run(21, &[done("b"), done("c")]),
        On::Run(28, &[declined()]),
        On::Run(35, &[declined()]),
    ];
    let debits = "1 failed/1, 2 succeeded/1, 3 succeeded/1, 4 failed/1, 5 failed/1";
    let bench = check(policy(), &days, debits, [2_000, 0, 1_000, 0]);
    assert_eq!((bench.advance().status(), bench.account), (Status::Defaulted, -1_000));
    assert_eq!(bench.advance().listed(), None);
    let last = bench.told.last().expect("it was told");
    assert_eq!((last.kind, last.amount.minor()), (OutcomeKind::AdvanceDefaulted, 3_000));
    let (_, tally) = bench.answered().expect("it answers");
    assert_eq!((tally.failed, tally.replaced, tally.defaulted), (1, 0, 1));
}

#[test]
fn what_still_comes_after_it_was_given_up_counts() {
    let out =
        [On::Run(7, &[declined()]), On::Run(14, &[PENDING]), On::Run(28, &[PENDING, declined()])];
    let mut bench = check(
        policy(),
        &out,
        "1 failed/1, 2 silent/1, 3 submitted/1, 4 failed/1, 5 scheduled, 6 scheduled",
        [0, 3_000, 0, 0],
    );
    assert_eq!(bench.advance().schedule()[5].replaces, Some(4));
    bench.stage(42);
    bench.submit(42);
    // Instalment 2 again, then instalment 1 for the third time.
    bench.answer(PENDING);
    bench.answer(declined());
    let given_up = "1 failed/1, 2 silent/1, 3 silent/1, 4 failed/1, 5 submitted/1, 6 failed/1, \
                    7 cancelled";
    assert_eq!((bench.debits().as_str(), bench.sums()), (given_up, [0, 0, 3_000, 0]));
    assert_eq!(bench.advance().status(), Status::Defaulted);
    assert!(bench.outcomes().ends_with("debit.failed, defaulted"));
    assert_eq!(bench.answered().expect("it answers").1.defaulted, 1);

    bench.report(43, &[("adv_1/d3/1", Succeeded)]);
    assert_eq!(bench.sums(), [1_000, 0, 2_000, 0]);
    bench.run(47, &[]);
    assert!(bench.debits().contains("5 silent/1"), "{}", bench.debits());
    bench.report(48, &[("adv_1/d2/1", Succeeded), ("adv_1/d5/1", Succeeded)]);
    // The second instalment came twice.
    assert_eq!((bench.sums(), bench.account), ([2_000, 0, 1_000, 1_000], 0));
    bench.answer(done("refund"));
    assert_eq!((bench.sums(), bench.account), ([2_000, 0, 1_000, 0], -1_000));
    assert_eq!(bench.advance().status(), Status::Defaulted);
    assert_eq!(bench.advance().listed(), None);
}

#[test]
fn given_up_and_paid_after_all_it_is_completed() {
    let collecting = Collecting { attempts_max: 1, ..policy().collecting };
    let policy = Policy { collecting, ..policy() };
    let mut bench = check(
        policy,
        &[On::Run(21, &[PENDING, PENDING, PENDING]), On::Run(26, &[])],
        "1 silent/1, 2 silent/1, 3 silent/1",
        [0, 0, 3_000, 0],
    );
    assert_eq!(bench.advance().status(), Status::Defaulted);
    let lines = [("adv_1/d1/1", Succeeded), ("adv_1/d2/1", Succeeded), ("adv_1/d3/1", Succeeded)];
    bench.report(30, &lines);
    assert_eq!((bench.advance().status(), bench.sums()), (Status::Completed, [3_000, 0, 0, 0]));
    assert!(bench.outcomes().ends_with("debit.succeeded, completed"));
}

#[test]
fn a_line_counts_only_where_it_is_news() {
    // After: 1 succeeded, 2 failed, 3 submitted, 4 scheduled.
    let replies = [done("t"), declined(), PENDING];
    for (line, expected) in [
        (("adv_1/d1/1", Succeeded), (0, 0, 0)),
        (("adv_1/d1/1", Failed), (0, 1, 0)),
        (("adv_1/d2/1", Failed), (0, 0, 0)),
        (("adv_1/d2/1", Succeeded), (0, 1, 0)),
        (("adv_1/d3/1", Succeeded), (1, 0, 0)),
        (("adv_1/d3/1", Failed), (1, 0, 0)),
        (("adv_1/d3/2", Failed), (0, 0, 1)),
        (("adv_1/d4/1", Succeeded), (0, 0, 1)),
        (("adv_1/d9/1", Succeeded), (0, 0, 1)),
        (("adv_2/d3/1", Succeeded), (0, 0, 1)),
        (("adv_1/d1/1/refund", Succeeded), (0, 0, 1)),
    ] {
        let mut bench = Bench::three(policy());
        bench.run(21, &replies);
        let before = bench.debits();
        // The same line in five reports.
        let mut counts = (0, 0, 0);
        for number in 22..27 {
            bench.report(number, &[line, line]);
            let (_, tally) = bench.answered().expect("it answers");
            counts.0 += tally.succeeded + tally.failed;
            counts.1 += tally.contradicted;
            counts.2 += tally.strange;
        }
        let (news, contradicted, strange) = expected;
        let repeated = if contradicted + strange > 0 { 10 } else { 1 };
        let expected = (news, contradicted * repeated, strange * repeated);
        assert_eq!(counts, expected, "{line:?}");
        assert_eq!(bench.debits() == before, news == 0, "{line:?}");
    }
}

#[test]
fn a_message_that_comes_again_changes_nothing() {
    let mut bench = Bench::three(policy());
    bench.run(7, &[PENDING]);
    let (source, count) = (bench.last_source(), bench.records.len());
    let by = Bench::by("run_a", 2);
    let body = Body::ReportSaid { by, day: day(7), lines: Vec::new() };
    assert_eq!(bench.deliver(Some(source), body), 0);
    assert_eq!(bench.records.len(), count);
}

#[test]
fn two_runs_at_once_submit_once() {
    let mut bench = Bench::three(policy());
    bench.stage(14);
    bench.submit_for("run_a", 14, true);
    assert_eq!(bench.called(), "pull d1/1");
    let (answered, _) = bench.answered().expect("the first pass was answered");
    assert_eq!(answered, "run_a");
    bench.submit_for("run_b", 14, true);
    let (answered, tally) = bench.answered().expect("it is answered at once");
    assert_eq!((answered, tally.submitted), ("run_b", 0));
    bench.answer(PENDING);
    bench.answer(not_sent());
    assert_eq!(bench.called(), "pull d2/1");
    let (answered, tally) = bench.answered().expect("all was tried");
    assert_eq!((answered, tally.submitted, tally.deferred), ("run_a", 1, 1));
    // What could not be sent is due, under the same key, for the next run.
    assert_eq!(bench.debits(), "1 submitted/1, 2 due, 3 scheduled");
    bench.submit_for("run_b", 14, true);
    bench.answer(done("t"));
    assert_eq!(bench.called(), "pull d2/1");
    assert_eq!(bench.debits(), "1 submitted/1, 2 succeeded/1, 3 scheduled");
}
