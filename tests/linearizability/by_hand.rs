//! Histories made by hand: those that must be refused, and those that must not.
//!
//! The runs against the server say nothing unless the checker can say no. Each history here is
//! the smallest of its kind of fault, beside one that differs only in what makes it right. Each is
//! also told to the tester alone: what keeps the search short changes no verdict.

use crate::history::History;
use crate::wallet::{Replay, Said, Wallet, Wish};

const READ: Wish = Wish::Read;

fn wallet() -> History<Wallet> {
    History::new(Wallet::new(1_000, 1))
}

fn booked(balance: i64, seq: u64) -> Said {
    Said::Booked { balance, seq, body: seq, replay: Replay::No }
}

fn again(balance: i64, seq: u64) -> Said {
    Said::Booked { balance, seq, body: seq, replay: Replay::Yes }
}

fn stands(posted: i64, version: u64) -> Said {
    Said::Stands { posted, held: 0, version }
}

fn pay(key: u32, amount: i64) -> Wish {
    Wish::Pay { key, amount }
}

fn deposit(key: u32, amount: i64) -> Wish {
    Wish::Deposit { key, amount }
}

fn refused(code: &str) -> Said {
    Said::Refused { code: code.to_owned(), body: 77, replay: Replay::No }
}

#[test]
fn a_stale_read_after_an_answered_payment_is_found() {
    let paid = || wallet().then(0, pay(1, 300), booked(700, 5));
    paid().then(1, READ, stands(700, 2)).accepted();
    paid().then(1, READ, stands(1_000, 1)).found("posted: 1000");
}

#[test]
fn a_payment_that_happened_twice_is_found() {
    let paid = || wallet().then(0, pay(1, 300), booked(700, 5));
    paid().then(0, pay(1, 300), again(700, 5)).then(1, READ, stands(700, 2)).accepted();
    paid().then(1, READ, stands(400, 3)).found("posted: 400");
    paid().then(0, pay(1, 300), booked(400, 6)).found("balance: 400");
}

#[test]
fn a_key_that_is_answered_differently_is_found() {
    let paid = || wallet().then(0, pay(1, 300), booked(700, 5));
    paid().then(1, deposit(2, 50), booked(750, 6)).then(0, pay(1, 300), again(700, 5)).accepted();
    // Another balance, another text, another decision, and none at all.
    paid().then(1, deposit(2, 50), booked(750, 6)).then(0, pay(1, 300), again(450, 5)).found("450");
    paid().then(0, pay(1, 300), again(700, 6)).found("seq: 6");
    paid().then(0, pay(1, 300), refused("insufficient-funds")).found("insufficient-funds");
    paid().then(0, pay(1, 300), Said::Reused).found("Reused");
    // A refusal stays one, also when there is enough by now.
    let refused_once = || wallet().then(0, pay(1, 2_000), refused("insufficient-funds"));
    let rich = || refused_once().then(0, deposit(2, 5_000), booked(6_000, 7));
    let still =
        Said::Refused { code: "insufficient-funds".to_owned(), body: 77, replay: Replay::Yes };
    rich().then(0, pay(1, 2_000), still).accepted();
    rich().then(0, pay(1, 2_000), again(4_000, 8)).found("4000");
}

#[test]
fn a_key_with_other_content_that_is_not_refused_is_found() {
    let paid = || wallet().then(0, pay(1, 300), booked(700, 5));
    paid().then(1, pay(1, 301), Said::Reused).then(1, READ, stands(700, 2)).accepted();
    paid().then(1, pay(1, 301), booked(399, 6)).found("399");
    paid().then(1, deposit(1, 300), booked(1_000, 6)).found("1000");
    wallet().then(1, pay(1, 301), Said::Reused).found("Reused");
}

#[test]
fn an_acknowledged_deposit_that_a_kill_lost_is_found() {
    let booked = || wallet().then(0, deposit(1, 500), booked(1_500, 5));
    // The kill itself is nothing that a client sees but a connection that breaks.
    let broken = || {
        let mut history = booked();
        history.call(1, pay(2, 100));
        history
    };
    broken().then(2, READ, stands(1_500, 2)).accepted();
    broken().then(2, READ, stands(1_400, 3)).accepted();
    broken().then(2, READ, stands(1_000, 1)).found("posted: 1000");
    broken().then(2, READ, stands(900, 2)).found("posted: 900");
}

#[test]
fn what_was_never_answered_happened_at_any_time_after_or_never() {
    let given_up = || {
        let mut history = wallet();
        history.call(0, pay(1, 300));
        history
    };
    given_up().then(1, READ, stands(1_000, 1)).then(1, READ, stands(700, 2)).accepted();
    given_up().then(1, READ, stands(1_000, 1)).then(1, READ, stands(1_000, 1)).accepted();
    given_up().then(1, READ, stands(700, 2)).then(1, pay(1, 300), again(700, 9)).accepted();
    given_up().then(1, READ, stands(1_000, 1)).then(1, pay(1, 300), booked(700, 9)).accepted();
    // But not before, not back again, and not in part.
    let mut early = wallet().then(1, READ, stands(700, 2));
    early.call(0, pay(1, 300));
    early.found("posted: 700");
    given_up().then(1, READ, stands(700, 2)).then(1, READ, stands(1_000, 1)).found("posted: 1000");
    given_up().then(1, READ, stands(700, 1)).found("version: 1");
}

#[test]
fn requests_at_the_same_time_may_come_in_either_order() {
    for ((paid, paid_at), (stored, stored_at)) in [((700, 5), (1_200, 6)), ((1_200, 6), (1_500, 5))]
    {
        let begun = || {
            let mut history = wallet();
            let paying = history.call(0, pay(1, 300));
            let storing = history.call(1, deposit(2, 500));
            history.answer(storing, booked(stored, stored_at));
            history.answer(paying, booked(paid, paid_at));
            history
        };
        begun().then(2, READ, stands(1_200, 3)).accepted();
        begun().then(2, READ, stands(700, 2)).found("posted: 700");
    }
    // Both cannot have been first, and positions are in the order of what was booked.
    for (stored, stored_at) in [(1_500, 6), (1_200, 4)] {
        let mut history = wallet();
        let paying = history.call(0, pay(1, 300));
        let storing = history.call(1, deposit(2, 500));
        history.answer(paying, booked(700, 5));
        history.answer(storing, booked(stored, stored_at));
        history.found(&stored.to_string());
    }
}

#[test]
fn a_read_during_a_payment_sees_it_or_not_but_never_goes_back() {
    let during = |seen: &[(i64, u64)]| {
        let mut history = wallet();
        let paying = history.call(0, pay(1, 300));
        for (posted, version) in seen {
            history = history.then(1, READ, stands(*posted, *version));
        }
        history.answer(paying, booked(700, 5));
        history
    };
    during(&[(1_000, 1), (1_000, 1)]).accepted();
    during(&[(1_000, 1), (700, 2)]).accepted();
    during(&[(700, 2), (700, 2)]).accepted();
    during(&[(700, 2), (1_000, 1)]).found("posted: 1000");
}

#[test]
fn a_refund_asks_first_and_has_the_money_later() {
    let refund = |key| Wish::Refund { key, payment: 1, amount: 300 };
    let begun = || {
        let mut history = wallet().then(0, pay(1, 300), booked(700, 5));
        let refunding = history.call(0, refund(2));
        (history, refunding)
    };
    let too_much = || refused("refund-exceeds-payment");
    // While it is on its way nothing more can be asked for, and its money need not be there.
    let (history, refunding) = begun();
    let mut history = history.then(1, refund(3), too_much()).then(1, READ, stands(700, 4));
    history.answer(refunding, booked(1_000, 9));
    history.then(1, READ, stands(1_000, 5)).accepted();
    // Once it is answered it is.
    let (mut history, refunding) = begun();
    history.answer(refunding, booked(1_000, 9));
    history.then(1, READ, stands(700, 3)).found("posted: 700");
    // Twice the same money is too much.
    let (mut history, refunding) = begun();
    history.answer(refunding, booked(1_000, 9));
    history.then(1, refund(3), booked(1_300, 11)).found("1300");
    // Before it is asked for nobody is refused because of it.
    let history = wallet().then(0, pay(1, 300), booked(700, 5));
    history.then(1, refund(3), too_much()).found("refund-exceeds-payment");
}
