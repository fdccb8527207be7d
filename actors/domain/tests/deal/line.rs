//! The line: who waits longest is asked first, who does not fit keeps the place, and nobody passes.
//!
//! Whenever a place is freed, those who fit now move up in the order of their tickets. When nothing
//! is on its way any more, nobody can fit later, and the rest is refused. One decision works off
//! 400 of the line at the most; then the deal writes to itself and goes on.

use bursar_domain::deal::{LINE_MAX, Left, Standing};
use bursar_domain::entity::Entity;

use crate::bench::{Bench, Step, check, now, open, profile, story, wait};

#[test]
fn the_line_moves_up_in_the_order_of_tickets_and_who_does_not_fit_keeps_the_place() {
    let bench = story(&[
        (open(profile(100, 9)), "opened"),
        (wait("ann", 60), "1 reserved"),
        (wait("bob", 40), "2 reserved"),
        (wait("cat", 90), "3 waits at 1"),
        (wait("dan", 30), "4 waits at 2"),
        (wait("eve", 20), "5 waits at 3"),
        (wait("fay", 15), "6 waits at 4"),
        (wait("gus", 10), "7 waits at 5"),
        (Step::Free(2), "freed; promoted 4 7"),
        (wait("hal", 5), "8 waits at 4"),
        (Step::Free(4), "freed; promoted 5 8"),
        (Step::Free(1), "freed; promoted 6"),
        (Step::Free(7), "freed"),
        (Step::Free(8), "freed"),
        (Step::Free(6), "freed"),
        (Step::Free(5), "freed; promoted 3"),
        (Step::Confirm(3), "confirmed"),
    ]);
    assert_eq!(bench.deal.summary().expect("open").waiting, 0);
}

#[test]
fn a_smaller_request_may_pass_one_that_does_not_fit() {
    let given = [open(profile(100, 9)), wait("ann", 60), wait("bob", 60)];
    check(&given, &wait("cat", 40), "3 reserved");
    check(&given, &wait("cat", 41), "3 waits at 2");
}

#[test]
fn the_line_is_refused_when_nothing_is_on_its_way_any_more() {
    let bench = story(&[
        (open(profile(100, 2)), "opened"),
        (wait("ann", 60), "1 reserved"),
        (wait("bob", 30), "2 reserved"),
        (wait("cat", 10), "3 waits at 1"),
        (wait("bob", 11), "4 waits at 2"),
        (wait("dan", 100), "5 waits at 3"),
        (Step::Confirm(1), "confirmed"),
        (
            Step::Confirm(2),
            "confirmed; 3 refused: deal-full, 4 refused: amount-exceeds-remaining, \
             5 refused: deal-full",
        ),
        (wait("ann", 10), "6 reserved"),
    ]);
    for (ticket, expected) in [
        (1, Standing::Beyond),
        (3, Standing::Left(Left::Full)),
        (4, Standing::Left(Left::TooMuch)),
        (5, Standing::Left(Left::Full)),
        (6, Standing::Beyond),
    ] {
        assert_eq!(bench.standing(ticket), expected, "ticket {ticket}");
    }
}

#[test]
fn who_withdraws_leaves_the_line_and_nobody_else_can() {
    let bench = story(&[
        (open(profile(100, 2)), "opened"),
        (wait("ann", 100), "1 reserved"),
        (wait("bob", 50), "2 waits at 1"),
        (wait("cat", 50), "3 waits at 2"),
        (Step::Withdraw(1), "no: investment-not-waiting"),
        (Step::Withdraw(2), "withdrawn 2"),
        (Step::Withdraw(2), "no: investment-not-waiting"),
        (wait("dan", 50), "4 waits at 2"),
        (Step::Free(1), "freed; promoted 3-4"),
        (Step::Withdraw(3), "no: investment-not-waiting"),
    ]);
    assert_eq!(bench.standing(2), Standing::Left(Left::Withdrawn));
    assert_eq!(bench.standing(3), Standing::Beyond);
}

#[test]
fn a_position_is_counted_from_those_who_still_wait() {
    let bench = Bench::of(&[
        open(profile(100, 5)),
        wait("ann", 100),
        wait("bob", 50),
        wait("cat", 50),
        wait("dan", 50),
        Step::Withdraw(3),
    ]);
    let standings = [2, 3, 4].map(|ticket| bench.standing(ticket));
    let left = Standing::Left(Left::Withdrawn);
    assert_eq!(standings, [Standing::Waiting(1), left, Standing::Waiting(2)]);
}

/// One who has everything, and so many behind, of `minor` each and of ten wallets.
fn long(amount: i64, behind: u64, minor: i64) -> Vec<Step> {
    let mut steps = vec![open(profile(amount, 11)), wait("first", amount)];
    steps.extend((0..behind).map(|n| wait(&format!("w{}", n % 10), minor)));
    steps
}

#[test]
fn a_decision_works_off_four_hundred_and_goes_on_by_itself() {
    let mut bench = Bench::of(&long(10_000, 900, 1));
    for (step, expected) in [
        (Step::Free(1), "freed; promoted 2-401; unfinished"),
        (Step::GoOn, "goes on; promoted 402-801; unfinished"),
        (Step::Again, "nothing"),
        (Step::GoOn, "goes on; promoted 802-901"),
        (wait("w1", 9_100), "902 reserved"),
    ] {
        assert_eq!(bench.step(&step), expected, "{step:?}");
    }
    for (behind, expected) in [
        (399, "freed; promoted 2-400"),
        (400, "freed; promoted 2-401"),
        (401, "freed; promoted 2-401; unfinished"),
    ] {
        check(&long(10_000, behind, 1), &Step::Free(1), expected);
    }
    // Those behind the four hundred do not fit, which only the next decision finds out.
    let mut rest = long(400, 401, 1);
    rest.push(Step::Free(1));
    check(&rest, &Step::GoOn, "goes on");
}

#[test]
fn a_long_line_is_refused_four_hundred_at_a_time() {
    let mut bench = Bench::of(&long(1_000, 850, 1_000));
    let refused = "refused: amount-exceeds-remaining";
    for (step, expected) in [
        (Step::Confirm(1), format!("confirmed; 2-401 {refused}; unfinished")),
        (Step::GoOn, format!("goes on; 402-801 {refused}; unfinished")),
        (Step::GoOn, format!("goes on; 802-851 {refused}")),
    ] {
        assert_eq!(bench.step(&step), expected, "{step:?}");
    }
}

#[test]
fn nobody_passes_those_whose_turn_has_not_come_yet() {
    let mut given = long(10_000, 500, 1);
    given.push(Step::Free(1));
    let mut bench = Bench::of(&given);
    for (step, expected) in [
        (now("new", 1), "502 refused: amount-exceeds-remaining"),
        (wait("new", 1), "503 waits at 101"),
        (wait("new", 9_999), "504 waits at 102"),
        // A place that is freed in between moves the line up, too, and twice is no harm.
        (Step::Free(2), "freed; promoted 402-501 503"),
        (Step::GoOn, "goes on"),
        (now("new", 9_500), "505 reserved"),
    ] {
        assert_eq!(bench.step(&step), expected, "{step:?}");
    }
}

#[test]
fn a_place_given_while_the_line_is_refused_holds_the_rest_of_the_line() {
    let mut given = long(1_000, 850, 1_000);
    given[1] = wait("first", 900);
    given.push(Step::Confirm(1));
    let mut bench = Bench::of(&given);
    let refused = "refused: amount-exceeds-remaining";
    for (step, expected) in [
        // Nobody in line fits in the 100 that are left, but this one does.
        (wait("new", 100), "852 reserved".to_owned()),
        (wait("new", 50), "853 waits at 451".to_owned()),
        (Step::GoOn, "goes on".to_owned()),
        (Step::Free(852), "freed; promoted 853".to_owned()),
        (Step::Confirm(853), format!("confirmed; 402-801 {refused}; unfinished")),
        (Step::GoOn, format!("goes on; 802-851 {refused}")),
    ] {
        assert_eq!(bench.step(&step), expected, "{step:?}");
    }
}

#[test]
fn the_line_has_an_end() {
    let behind = u64::try_from(LINE_MAX).expect("it fits");
    let mut bench = Bench::of(&long(10, behind - 1, 1));
    assert_eq!(bench.step(&wait("w1", 1)), "20001 waits at 20000");
    assert_eq!(bench.step(&wait("w1", 1)), "20002 refused: waiting-list-full");
    assert_eq!(bench.step(&now("w1", 1)), "20003 refused: amount-exceeds-remaining");
    assert_eq!(bench.step(&Step::Withdraw(7)), "withdrawn 7");
    assert_eq!(bench.step(&wait("w1", 1)), "20004 waits at 20000");
}
