//! Every refusal with its code, with a ticket or without, and which of two reasons wins.
//!
//! A refusal without a ticket says that the request makes no sense for this deal, whenever it comes.
//! One with a ticket depends on the state, so its ticket shows who came before. What could never be
//! opened (no amount, no seats) is refused where requests are read.

use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{Command, Profile};
use bursar_domain::id::Seq;
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Status;
use bursar_domain::wallet::command::Lookup;

use crate::bench::{Bench, Step, ask, check, close, currency, invest, now, open, profile, wait};

fn by(code: &str, status: Status) -> Lookup<Investor> {
    Lookup::Found(Investor { currency: currency(code), status })
}

fn at(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millis(millis)
}

/// From 50 to 80 each, from 1000 to 2000.
fn bounded() -> Profile {
    Profile {
        investment_min: Some(Amount::from_minor(50)),
        investment_max: Some(Amount::from_minor(80)),
        opens_at: at(1_000),
        closes_at: at(2_000),
        ..profile(100, 1)
    }
}

#[test]
fn nothing_is_asked_of_a_deal_that_is_not_open() {
    let withdraw = Step::Ask(Box::new(Command::Withdraw { investment: Seq(1) }));
    let missing = ask(Invest { investor: Lookup::Missing, ..invest("ann", 1) });
    for step in [wait("ann", 1), missing, withdraw, close()] {
        check(&[], &step, "no: deal-not-found");
    }
    check(&[], &open(profile(100, 2)), "opened");
    check(&[open(profile(100, 2))], &open(profile(100, 2)), "no: already-exists");
}

#[test]
fn what_makes_no_sense_gets_no_ticket_and_the_first_reason_wins() {
    let given = [open(bounded()), Step::At(1_500)];
    let dollars =
        |lookup| Invest { currency: currency("USD"), investor: lookup, ..invest("ann", 1) };
    for (asked, expected) in [
        (dollars(Lookup::Missing), "no: wallet-not-found"),
        (dollars(by("EUR", Status::Frozen)), "no: currency-mismatch"),
        (dollars(by("USD", Status::Active)), "no: currency-mismatch"),
        (
            Invest { investor: by("USD", Status::Active), ..invest("ann", 1) },
            "no: currency-mismatch",
        ),
        (Invest { investor: by("EUR", Status::Frozen), ..invest("ann", 1) }, "no: invalid-amount"),
        (invest("ann", 49), "no: invalid-amount"),
        (invest("ann", 81), "no: invalid-amount"),
        (invest("ann", 50), "1 reserved"),
        (invest("ann", 80), "1 reserved"),
    ] {
        check(&given, &ask(asked), expected);
    }
    // These hold before the deal opens and after it closes, too.
    check(&[open(bounded())], &wait("ann", 49), "no: invalid-amount");
    check(&[open(bounded()), Step::At(2_000)], &wait("ann", 81), "no: invalid-amount");
    check(&[open(bounded()), close()], &ask(dollars(Lookup::Missing)), "no: wallet-not-found");
}

#[test]
fn what_depends_on_the_state_gets_a_ticket_and_the_first_reason_wins() {
    let frozen = || ask(Invest { investor: by("EUR", Status::Frozen), ..invest("ann", 60) });
    let bounded = |millis| [open(bounded()), Step::At(millis)];
    for (millis, expected) in [
        (999, "1 refused: deal-not-open"),
        (1_000, "1 refused: wallet-frozen"),
        (1_999, "1 refused: wallet-frozen"),
        (2_000, "1 refused: deal-closed"),
    ] {
        check(&bounded(millis), &frozen(), expected);
    }
    check(&[open(self::bounded()), close()], &frozen(), "1 refused: deal-not-open");
    check(&[open(self::bounded()), close(), Step::At(1_500)], &frozen(), "1 refused: deal-closed");
    check(&[open(profile(100, 1)), close()], &wait("ann", 60), "1 refused: deal-closed");
    // A full deal refuses a frozen wallet for being frozen.
    let full = [open(profile(100, 1)), wait("bob", 100)];
    check(&full, &frozen(), "2 refused: wallet-frozen");
}

#[test]
fn the_times_are_inclusive_at_the_opening_and_exclusive_at_the_closing() {
    for (millis, expected) in [
        (0, "1 refused: deal-not-open"),
        (999, "1 refused: deal-not-open"),
        (1_000, "1 reserved"),
        (1_999, "1 reserved"),
        (2_000, "1 refused: deal-closed"),
    ] {
        check(&[open(bounded()), Step::At(millis)], &wait("ann", 60), expected);
    }
}

#[test]
fn who_does_not_want_to_wait_is_refused_for_the_seats_before_the_amount() {
    let taken = [open(profile(100, 1)), wait("ann", 60)];
    for (step, expected) in [
        (now("ann", 40), "2 reserved"),
        (now("ann", 41), "2 refused: amount-exceeds-remaining"),
        (now("bob", 40), "2 refused: deal-full"),
        (now("bob", 41), "2 refused: deal-full"),
    ] {
        check(&taken, &step, expected);
    }
}

#[test]
fn who_would_wait_is_refused_when_no_end_of_what_is_on_its_way_makes_a_place() {
    let nothing_on_its_way = [open(profile(100, 2)), wait("ann", 60), Step::Confirm(1)];
    for (step, expected) in [
        (wait("bob", 40), "2 reserved"),
        (wait("bob", 41), "2 refused: amount-exceeds-remaining"),
        (wait("ann", 41), "2 refused: amount-exceeds-remaining"),
    ] {
        check(&nothing_on_its_way, &step, expected);
    }
    check(&[open(profile(100, 2))], &wait("ann", 101), "1 refused: amount-exceeds-remaining");
    // 60 confirmed, 30 on their way: 40 may become free, and no more.
    let mut some = nothing_on_its_way.to_vec();
    some.push(wait("bob", 30));
    for (step, expected) in [
        (wait("bob", 10), "3 reserved"),
        (wait("bob", 11), "3 waits at 1"),
        (wait("bob", 40), "3 waits at 1"),
        (wait("bob", 41), "3 refused: amount-exceeds-remaining"),
        (wait("cat", 10), "3 waits at 1"),
        (wait("cat", 41), "3 refused: deal-full"),
    ] {
        check(&some, &step, expected);
    }
    // Both seats are for good; more on its way for ann makes no seat for cat.
    some.extend([Step::Confirm(2), wait("ann", 5)]);
    check(&some, &wait("cat", 5), "4 refused: deal-full");
    check(&some, &wait("ann", 6), "4 waits at 1");
}

#[test]
fn the_words_of_a_refusal_say_what_is_left() {
    let detail = |given: &[Step], asked: Invest| {
        Bench::of(given).detail(&Invest { if_full: IfFull::Refuse, ..asked })
    };
    let taken = [open(profile(100, 1)), wait("ann", 60)];
    assert_eq!(detail(&taken, invest("ann", 41)), "0.40 EUR can still be invested");
    assert_eq!(detail(&taken, invest("bob", 1)), "all 1 seats are taken");
    let bounded = [open(bounded())];
    assert_eq!(detail(&bounded, invest("ann", 60)), "the deal opens at 1970-01-01T00:00:01.000Z");
}
