//! What sagas ask of wallets, as tables: marks, settlements, credits, payments, and their undoing.
//!
//! Every case goes through one `check()`: it brings a wallet into a state, delivers one message,
//! and compares what the wallet answers, and what is posted and held afterwards. Each message
//! comes a second time, which changes nothing. A message carries money or a promise, so the only
//! ones that may be refused are the mark, which comes before anything else, and the reward, which
//! the wallet did not ask for. `payments` has payments that are settled at once, `rewards` what
//! campaigns give and take back, `bench` what the cases run on.

mod bench;
mod payments;
mod rewards;

use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::id::{DealId, Seq};
use bursar_domain::message::{Answer, Body, Effect, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::saga::Failure;
use bursar_domain::wallet::command::Deposit;
use bursar_domain::wallet::{Command, EXPECTED_MAX, HOLDS_MAX};

use crate::bench::{
    Bench, MOST, Step, ask, by, check, check_code, currency, deposit, hold, money, open, pay, pull,
    send,
};

pub(crate) fn mark(seq: u64, minor: i64) -> Step {
    send(Body::Mark { by: by(seq), hold: Amount::from_minor(minor), currency: currency("EUR") })
}

fn settle(seq: u64) -> Step {
    send(Body::Settle { by: by(seq), deal: DealId::parse("wind").expect("well-formed") })
}

fn unmark(seq: u64) -> Step {
    send(Body::Unmark { by: by(seq) })
}

fn credit(deposit: u64, minor: i64) -> Step {
    let (amount, currency) = (Amount::from_minor(minor), currency("EUR"));
    send(Body::Credit { by: by(1), deposit: Seq(deposit), amount, currency })
}

fn abandon(deposit: u64) -> Step {
    let failure = Failure::new("declined", "no money");
    send(Body::Abandon { by: by(1), deposit: Seq(deposit), failure })
}

fn contact() -> Answer {
    Answer::Contact { email: Some("ann@example.com".into()), account: "ann".into() }
}

pub(crate) fn refused(code: Code) -> Answer {
    Answer::Refused(bursar_domain::code::Rejection::new(code, ""))
}

fn paid(minor: i64) -> Answer {
    Answer::Money { amount: Amount::from_minor(minor), currency: currency("EUR") }
}

#[test]
fn a_mark_sets_the_amount_aside_and_says_how_the_customer_is_reached() {
    check(&[open(0), deposit(100)], &mark(7, 100), &contact(), (100, 100));
    check(&[open(50)], &mark(7, 50), &contact(), (0, 50));
    // The bank pays: nothing is set aside, and nothing need be there.
    check(&[open(0)], &mark(7, 0), &contact(), (0, 0));
    let bench = Bench::of(&[open(0), deposit(9), mark(7, 0), mark(8, 9), hold("mine", 0)]);
    let pending: Vec<_> = bench.wallet.pending_investments().collect();
    assert_eq!(pending, ["inv_7_wind", "inv_8_wind"]);
    let seen = bench.wallet.summary().expect("open").pending_investments.expect("some");
    assert_eq!(&*seen, ["inv_7_wind".into(), "inv_8_wind".into()]);
}

#[test]
fn a_mark_is_refused_as_a_payment_would_be_and_the_first_reason_wins() {
    let frozen = [open(0), mark(7, 0), ask(Command::Freeze)];
    check(&frozen, &mark(7, 1), &refused(Code::WalletFrozen), (0, 0));
    check(&[open(0), mark(7, 0)], &mark(7, 1), &refused(Code::AlreadyExists), (0, 0));
    let dollars = send(Body::Mark { by: by(7), hold: Amount::ZERO, currency: currency("USD") });
    check(&[open(0)], &dollars, &refused(Code::CurrencyMismatch), (0, 0));
    let mut many = vec![open(0)];
    many.extend((0..HOLDS_MAX).map(|n| mark(10 + n as u64, 0)));
    check(&many, &mark(7, 1), &refused(Code::TooManyHolds), (0, 0));
    check(&many, &mark(7, 0), &refused(Code::TooManyHolds), (0, 0));
    check(&[open(0), deposit(9)], &mark(7, 10), &refused(Code::InsufficientFunds), (9, 0));
    let held = [open(0), deposit(9), mark(8, 5)];
    check(&held, &mark(7, 5), &refused(Code::InsufficientFunds), (9, 5));
}

#[test]
fn a_settlement_pays_what_was_set_aside_whatever_came_between() {
    let marked = [open(0), deposit(100), mark(7, 60)];
    check(&marked, &settle(7), &paid(60), (40, 0));
    let mut frozen = marked.to_vec();
    frozen.extend([pay(40), ask(Command::Freeze)]);
    check(&frozen, &settle(7), &paid(60), (0, 0));
    check(&[open(0), mark(7, 0)], &settle(7), &Answer::Done, (0, 0));
    check(&[open(50), mark(7, 50)], &settle(7), &paid(50), (-50, 0));
}

#[test]
fn an_unmark_gives_back_what_was_set_aside() {
    let marked = [open(0), deposit(100), mark(7, 60), mark(8, 40)];
    check(&marked, &unmark(7), &Answer::Done, (100, 40));
    let mut again = marked.to_vec();
    again.push(unmark(7));
    check(&again, &mark(7, 60), &contact(), (100, 100));
}

#[test]
fn a_mark_is_not_released_by_whoever_knows_its_name() {
    let marked = [open(0), deposit(100), mark(7, 60), hold("mine", 1)];
    for (name, expected) in [
        ("inv_7_wind", Err(Code::HoldNotFound)),
        ("inv_8_wind", Err(Code::HoldNotFound)),
        ("mine", Ok(())),
    ] {
        let mut bench = Bench::of(&marked);
        let release = ask(Command::Release { id: name.into() });
        assert_eq!(bench.step(&release).map(drop), expected, "{name}");
    }
    // Nor can a hold be placed where a mark will stand.
    let mut bench = Bench::of(&marked);
    assert_eq!(bench.step(&hold("inv_8_wind", 1)).map(drop), Err(Code::InvalidId));
}

#[test]
fn a_pull_is_expected_until_it_is_credited_or_abandoned() {
    let asked = [open(0), deposit(5), pull(100), pull(30)];
    check(&asked, &credit(3, 100), &Answer::Done, (105, 0));
    check(&asked, &abandon(4), &Answer::Done, (5, 0));
    let mut frozen = asked.to_vec();
    frozen.push(ask(Command::Freeze));
    check(&frozen, &credit(3, 100), &Answer::Done, (105, 0));
    let mut bench = Bench::of(&asked);
    for (step, kind, left) in [
        (credit(4, 30), OutcomeKind::DepositPosted, 1),
        (abandon(3), OutcomeKind::DepositFailed, 0),
    ] {
        let effects = bench.step(&step).expect("a message is not refused");
        let told = effects.iter().filter_map(|effect| match effect {
            Effect::Tell(outcome) => Some(outcome.kind),
            Effect::Send(_) | Effect::Call(_) | Effect::Fetch(_) => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [kind]);
        assert_eq!(bench.wallet.expected().len(), left);
    }
}

#[test]
fn a_pull_is_refused_before_the_money_would_have_no_room() {
    check_code(&[], &pull(1), Err(Code::WalletNotFound));
    let dollars = Deposit { currency: currency("USD"), ..money(1) };
    check_code(&[open(0)], &ask(Command::Pull(dollars)), Err(Code::CurrencyMismatch));
    check_code(&[open(0), ask(Command::Freeze)], &pull(1), Ok(()));
    check_code(&[open(0), deposit(1), pull(MOST - 1)], &pull(1), Err(Code::BalanceOverflow));
    check_code(&[open(0), deposit(1), pull(MOST - 1)], &deposit(1), Err(Code::BalanceOverflow));
    check_code(&[open(0), deposit(1), pull(MOST - 1), abandon(3)], &deposit(1), Ok(()));
    let mut many = vec![open(0)];
    many.extend((0..EXPECTED_MAX).map(|_| pull(1)));
    check_code(&many, &pull(1), Err(Code::TooManyPending));
    check_code(&many, &pull(MOST), Err(Code::TooManyPending));
}

#[test]
fn sums_past_the_largest_amount_are_refused_and_stop_nothing() {
    // Two pulls that fit one after the other, because the wallet is as far below zero as can be.
    let deep = [open(MOST), pay(MOST), pull(MOST), pull(MOST)];
    check_code(&deep, &pull(1), Err(Code::BalanceOverflow));
    check_code(&deep, &deposit(1), Err(Code::BalanceOverflow));
    let mut arrived = deep.to_vec();
    arrived.extend([credit(3, MOST), credit(4, MOST)]);
    assert_eq!(Bench::of(&arrived).balance(), (MOST, 0));
    // What is set aside is an amount, too, however much credit there is.
    let held = [open(MOST), deposit(1), mark(7, MOST)];
    check_code(&held, &hold("one-more", 1), Err(Code::BalanceOverflow));
    check(&held, &mark(8, 1), &refused(Code::BalanceOverflow), (1, MOST));
    check(&held, &settle(7), &paid(MOST), (1 - MOST, 0));
}
