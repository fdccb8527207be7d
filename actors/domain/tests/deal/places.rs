//! Places and seats: who takes one, who gives one back, and what stays for good.
//!
//! A seat is a wallet with a place or a confirmed investment, however often it invests. It is free
//! again when the last of its wallet's investments is gone, and never while one is confirmed. Who
//! closes a deal refuses those who come later, and takes nothing from those who came before.

use bursar_domain::deal::Summary;
use bursar_domain::entity::Entity;

use crate::bench::{Bench, Step, check, close, open, profile, story, wait};

fn summary(steps: &[Step]) -> Summary {
    Bench::of(steps).deal.summary().expect("it is open")
}

#[test]
fn a_wallet_takes_one_seat_however_often_it_invests() {
    story(&[
        (open(profile(100, 2)), "opened"),
        (wait("ann", 10), "1 reserved"),
        (wait("ann", 10), "2 reserved"),
        (wait("bob", 10), "3 reserved"),
        (wait("ann", 10), "4 reserved"),
        (wait("cat", 10), "5 waits at 1"),
        (wait("bob", 10), "6 reserved"),
    ]);
}

#[test]
fn a_seat_is_free_when_the_last_investment_of_its_wallet_is() {
    let given = [open(profile(100, 1)), wait("ann", 10), wait("ann", 10), wait("bob", 10)];
    let bench = story(&[
        (given[0].clone(), "opened"),
        (given[1].clone(), "1 reserved"),
        (given[2].clone(), "2 reserved"),
        (given[3].clone(), "3 waits at 1"),
        (Step::Free(1), "freed"),
        (Step::Free(2), "freed; promoted 3"),
        (wait("ann", 10), "4 waits at 1"),
    ]);
    assert_eq!(bench.deal.summary().expect("open").seats_taken, 1);
    // A confirmed investment keeps the seat, whatever becomes of the others.
    let mut kept = given.to_vec();
    kept.push(Step::Confirm(1));
    check(&kept, &Step::Free(2), "freed; 3 refused: deal-full");
    check(&kept, &Step::Confirm(2), "confirmed; 3 refused: deal-full");
}

#[test]
fn a_summary_counts_what_is_on_its_way_and_what_is_for_good() {
    let steps = [
        open(profile(100, 3)),
        wait("ann", 30),
        wait("bob", 30),
        wait("ann", 20),
        wait("cat", 50),
        wait("dan", 5),
        Step::Confirm(1),
        wait("eve", 5),
    ];
    let seen = summary(&steps);
    let money = (seen.reserved.minor(), seen.confirmed.minor(), seen.remaining().minor());
    assert_eq!(money, (55, 30, 15));
    assert_eq!((seen.reserved_count, seen.confirmed_count, seen.waiting), (3, 1, 2));
    assert_eq!((seen.seats_taken, seen.seats_confirmed, seen.last_ticket), (3, 1, 6));
    assert!(!seen.closed);
}

#[test]
fn a_place_may_be_of_the_whole_amount_and_no_more() {
    check(&[open(profile(100, 200))], &wait("ann", 100), "1 reserved");
    check(&[open(profile(100, 200)), wait("ann", 100)], &wait("ann", 1), "2 waits at 1");
    check(&[open(profile(i64::MAX, 1))], &wait("ann", i64::MAX), "1 reserved");
    let most = [open(profile(i64::MAX, 1)), wait("ann", i64::MAX), wait("ann", i64::MAX)];
    check(&most, &Step::Confirm(1), "confirmed; 2 refused: amount-exceeds-remaining");
    check(&most, &Step::Free(1), "freed; promoted 2");
}

#[test]
fn who_closes_a_deal_takes_nobodys_place() {
    story(&[
        (open(profile(100, 2)), "opened"),
        (wait("ann", 100), "1 reserved"),
        (wait("bob", 60), "2 waits at 1"),
        (close(), "closed"),
        (close(), "nothing"),
        (wait("cat", 40), "3 refused: deal-closed"),
        (Step::Free(1), "freed; promoted 2"),
        (wait("cat", 40), "4 refused: deal-closed"),
        (Step::Confirm(2), "confirmed"),
    ]);
}

#[test]
fn a_message_that_comes_again_changes_nothing() {
    story(&[
        (open(profile(100, 1)), "opened"),
        (wait("ann", 50), "1 reserved"),
        (wait("ann", 50), "2 reserved"),
        (wait("ann", 50), "3 waits at 1"),
        (wait("bob", 50), "4 waits at 2"),
        (Step::Free(1), "freed; promoted 3"),
        (Step::Again, "nothing"),
        (Step::Confirm(3), "confirmed"),
        (Step::Again, "nothing"),
        (Step::Confirm(2), "confirmed; 4 refused: deal-full"),
        (Step::Again, "nothing"),
    ]);
}
