//! Histories of deals made by hand: those that must be refused, and those that must not.
//!
//! As `by_hand`, for what only a deal has: tickets, seats, the line, and places that come back.

use crate::deal::{Counts, Deal, IfFull, Invest, POOR, Said, Standing, Wish};
use crate::history::History;
use crate::wallet::Replay;

/// A deal of 100.00 with two seats.
fn deal() -> History<Deal> {
    History::new(Deal::new(10_000, 2))
}

fn invest(key: u32, wallet: u32, amount: i64) -> Wish {
    Wish::Invest(key, Invest { wallet, amount, if_full: IfFull::Wait })
}

fn placed(ticket: u64) -> Said {
    Said::Ticket { ticket, id: ticket, standing: Standing::Placed }
}

fn waits(ticket: u64, position: u64) -> Said {
    Said::Ticket { ticket, id: ticket, standing: Standing::Waiting(position) }
}

fn again(ticket: u64, standing: Standing) -> Said {
    Said::Again { ticket, id: ticket, standing, replay: Replay::Yes }
}

fn refused(code: &str, ticket: u64) -> Said {
    let code = code.to_owned();
    Said::Refused { code, ticket, id: ticket, body: ticket, replay: Replay::No }
}

fn is(ticket: u64, standing: Standing) -> Said {
    Said::Is { ticket, standing }
}

/// How a deal stands with so many places of these amounts, one a wallet.
fn stands(amounts: &[i64], waiting: u64, last_ticket: u64, version: u64) -> Said {
    let (reserved, places) = (amounts.iter().sum(), amounts.len() as u64);
    let remaining = 10_000 - reserved;
    let seats = places;
    Said::Stands(Counts { remaining, reserved, places, seats, waiting, last_ticket, version })
}

impl History<Deal> {
    /// Two seats of 10.00 are taken, and the wallet without money waits behind another one.
    fn full() -> Self {
        let history = deal().then(0, invest(1, 1, 1_000), placed(1));
        let history = history.then(0, invest(2, 2, 1_000), placed(2));
        history.then(0, invest(3, 3, 1_000), waits(3, 1))
    }
}

#[test]
fn tickets_of_investments_one_after_the_other_cannot_be_swapped() {
    let two = |first, second| {
        let history = deal().then(0, invest(1, 1, 1_000), placed(first));
        history.then(1, invest(2, 2, 1_000), placed(second))
    };
    two(1, 2).accepted();
    two(2, 1).found("ticket: 2");
    two(1, 3).found("ticket: 3");
    two(1, 1).found("ticket: 1");
}

#[test]
fn tickets_of_investments_at_the_same_time_are_in_either_order_but_dense() {
    let two = |first, second| {
        let mut history = deal();
        let (a, b) = (history.call(0, invest(1, 1, 1_000)), history.call(1, invest(2, 2, 2_000)));
        history.answer(a, placed(first));
        history.answer(b, placed(second));
        history
    };
    two(1, 2).accepted();
    two(2, 1).accepted();
    two(1, 1).found("ticket: 1");
    two(2, 3).found("ticket: 3");
    // Who reads in between fixes the order.
    let mut history = deal();
    let (a, b) = (history.call(0, invest(1, 1, 1_000)), history.call(1, invest(2, 2, 2_000)));
    let mut history = history.then(2, Wish::Read, stands(&[2_000], 0, 1, 2));
    history.answer(b, placed(1));
    let mut wrong = history.clone();
    history.answer(a, placed(2));
    history.accepted();
    wrong.answer(a, placed(1));
    wrong.found("ticket: 1");
}

#[test]
fn an_investment_that_a_kill_lost_is_found() {
    let answered = || deal().then(0, invest(1, 1, 1_000), placed(1));
    answered().then(1, Wish::Read, stands(&[1_000], 0, 1, 2)).accepted();
    answered().then(1, Wish::Read, stands(&[], 0, 0, 1)).found("last_ticket: 0");
    answered().then(1, invest(2, 2, 1_000), placed(1)).found("ticket: 1");
    answered().then(1, invest(1, 1, 1_000), placed(2)).found("ticket: 2");
}

#[test]
fn a_key_that_is_answered_with_another_ticket_or_place_is_found() {
    let full = History::full;
    full().then(1, invest(3, 3, 1_000), again(3, Standing::Waiting(1))).accepted();
    full().then(1, invest(3, 3, 1_001), Said::Reused).accepted();
    full().then(1, invest(3, 3, 1_000), again(4, Standing::Waiting(1))).found("ticket: 4");
    full().then(1, invest(3, 3, 1_000), again(3, Standing::Placed)).found("Placed");
    full().then(1, invest(3, 3, 1_000), again(3, Standing::Waiting(2))).found("Waiting(2)");
    full().then(1, invest(3, 3, 1_000), refused("deal-full", 4)).found("deal-full");
}

#[test]
fn more_than_the_seats_or_the_amount_is_found() {
    History::full().accepted();
    let two = || {
        let history = deal().then(0, invest(1, 1, 6_000), placed(1));
        history.then(0, invest(2, 2, 1_000), placed(2))
    };
    two().then(0, invest(3, 3, 1_000), placed(3)).found("Placed");
    two().then(0, invest(3, 1, 3_000), placed(3)).accepted();
    two().then(0, invest(3, 1, 3_001), placed(3)).found("Placed");
    let impatient = Wish::Invest(3, Invest { wallet: 3, amount: 10, if_full: IfFull::Refuse });
    two().then(0, impatient.clone(), refused("deal-full", 3)).accepted();
    two().then(0, impatient, refused("amount-exceeds-remaining", 3)).found("exceeds");
}

#[test]
fn a_place_that_comes_back_goes_to_who_waits_longest() {
    // The wallet without money loses its place at some time, or not yet.
    let full = || {
        let history = deal().then(0, invest(1, 1, 1_000), placed(1));
        let history = history.then(0, invest(2, POOR, 1_000), placed(2));
        let history = history.then(0, invest(3, 3, 2_000), waits(3, 1));
        history.then(0, invest(4, 4, 4_000), waits(4, 2))
    };
    let now = |amounts: &[i64], waiting, version| stands(amounts, waiting, 4, version);
    full().then(1, Wish::Read, now(&[1_000, 1_000], 2, 5)).accepted();
    let moved = || full().then(1, Wish::Read, now(&[1_000, 2_000], 1, 6));
    moved().accepted();
    moved().then(1, Wish::Look(3), is(3, Standing::Placed)).accepted();
    moved().then(1, Wish::Look(4), is(4, Standing::Waiting(1))).accepted();
    moved().then(1, Wish::Look(2), is(2, Standing::Failed)).accepted();
    // Not two, not the second, not back in line, and not for nothing.
    full().then(1, Wish::Read, now(&[1_000, 2_000, 4_000], 0, 6)).found("waiting: 0");
    full().then(1, Wish::Read, now(&[1_000, 4_000], 1, 6)).found("reserved: 5000");
    moved().then(1, Wish::Look(3), is(3, Standing::Waiting(1))).found("Waiting(1)");
    moved().then(1, Wish::Look(1), is(1, Standing::Failed)).found("Failed");
    full().then(1, Wish::Read, now(&[1_000], 2, 6)).found("reserved: 1000");
}

#[test]
fn who_is_taken_back_leaves_the_line() {
    let left = || History::full().then(1, Wish::Cancel(3), is(3, Standing::Cancelled));
    left().then(1, Wish::Read, stands(&[1_000, 1_000], 0, 3, 5)).accepted();
    left().then(1, Wish::Cancel(3), is(3, Standing::Cancelled)).accepted();
    left().then(1, Wish::Look(3), is(3, Standing::Waiting(1))).found("Waiting(1)");
    left().then(1, Wish::Read, stands(&[1_000, 1_000], 1, 3, 4)).found("waiting: 1");
}

#[test]
fn who_takes_back_twice_may_hear_that_it_is_done() {
    // The first request reached the deal, the second one, after a kill, found the place free.
    let both = || {
        let history = deal().then(0, invest(1, 1, 1_000), placed(1));
        history.then(1, Wish::Cancel(1), is(1, Standing::Cancelled))
    };
    both().accepted();
    both().then(1, Wish::Read, stands(&[], 0, 1, 3)).accepted();
    both().then(1, Wish::Read, stands(&[1_000], 0, 1, 2)).found("reserved: 1000");
    both().then(1, Wish::Look(1), is(1, Standing::Placed)).found("Placed");
}
