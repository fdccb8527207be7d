//! The rules of wallets and providers as tables: what is asked, in which state, and what follows.
//!
//! Every case goes through one `check()`: it brings a wallet into a state by events, asks one thing,
//! and compares the answer. The order of checks in a rule is the precedence of its codes, so cases
//! in which two reasons hold say which one wins.

use std::sync::LazyLock;

use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Context, Policy};
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::message::{Body, Message, Source};
use bursar_domain::money::Amount;
use bursar_domain::provider::{self, Provider, Settlement};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Deposit, Lookup, Paid, Pay, Payee, PayeeSettlement, Refund};
use bursar_domain::wallet::{Command, HOLDS_MAX, Profile, Wallet};

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

/// Neither wallets nor providers look at the time.
fn context() -> Context<'static> {
    Context { now: Timestamp::default(), policy: &POLICY }
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("known")
}

fn open(credit_limit: i64) -> Command {
    Command::Open(Profile {
        currency: currency("EUR"),
        credit_limit: Amount::from_minor(credit_limit),
        owner: None,
        email: None,
        bank_account: None,
    })
}

fn deposit(minor: i64) -> Command {
    deposit_in(minor, "EUR")
}

fn deposit_in(minor: i64, code: &str) -> Command {
    Command::Deposit(Deposit {
        amount: Amount::from_minor(minor),
        currency: currency(code),
        effective_at: None,
        description: None,
    })
}

fn pay(minor: i64) -> Command {
    pay_with(minor, "EUR", on_calendar("EUR"))
}

fn on_calendar(code: &str) -> Lookup<Payee> {
    let settlement = PayeeSettlement::OnCalendar;
    Lookup::Found(Payee { currency: currency(code), settlement })
}

fn immediate(code: &str) -> Lookup<Payee> {
    let settlement = PayeeSettlement::Immediate { account: "acct".into() };
    Lookup::Found(Payee { currency: currency(code), settlement })
}

/// A payment that is settled at once.
fn pay_at_once(minor: i64) -> Command {
    pay_with(minor, "EUR", immediate("EUR"))
}

fn with_full_queue(mut command: Command) -> Command {
    let Command::Pay(pay) = &mut command else { panic!("{command:?} is no payment") };
    pay.queue_full = true;
    command
}

fn pay_with(minor: i64, code: &str, payee: Lookup<Payee>) -> Command {
    Command::Pay(Pay {
        wallet: WalletId::parse("alice").expect("well-formed"),
        provider: ProviderId::parse("clinic").expect("well-formed"),
        amount: Amount::from_minor(minor),
        currency: currency(code),
        description: None,
        metadata: Vec::new(),
        effective_at: None,
        payee,
        queue_full: false,
    })
}

fn refund(payment: u64, amount: Option<&str>, paid: Lookup<i64>) -> Command {
    let found = |minor| Paid {
        provider: ProviderId::parse("clinic").expect("well-formed"),
        amount: Amount::from_minor(minor),
        refunded: None,
        was_held: false,
    };
    Command::Refund(Refund {
        payment: Seq(payment),
        amount: amount.map(Into::into),
        effective_at: None,
        key: None,
        paid: match paid {
            Lookup::Open => Lookup::Open,
            Lookup::Missing => Lookup::Missing,
            Lookup::Found(minor) => Lookup::Found(found(minor)),
        },
    })
}

fn hold(id: &str, minor: i64) -> Command {
    Command::Hold { id: id.into(), amount: Amount::from_minor(minor), currency: currency("EUR") }
}

fn release(id: &str) -> Command {
    Command::Release { id: id.into() }
}

/// Decides and applies; the given ones must all be accepted.
fn wallet(given: &[Command]) -> (Wallet, u64) {
    let mut wallet = Wallet::default();
    let mut seq = 0;
    for command in given {
        let events = wallet.decide(command, &context());
        for event in events.unwrap_or_else(|no| panic!("{command:?}: {no:?}")) {
            seq += 1;
            wallet.apply(&event, Seq(seq));
        }
    }
    (wallet, seq)
}

/// `given`, then `ask`: refused with `expected`, or accepted with posted and held afterwards.
fn check(given: &[Command], ask: &Command, expected: Result<(i64, i64), Code>) {
    let (mut wallet, seq) = wallet(given);
    let found = wallet.decide(ask, &context()).map(|events| {
        for (event, seq) in events.iter().zip(seq + 1..) {
            wallet.apply(event, Seq(seq));
        }
        let summary = wallet.summary().expect("it is open");
        (summary.posted.minor(), summary.held.minor())
    });
    assert_eq!(found.map_err(|no| no.code), expected, "{given:?}, then {ask:?}");
}

#[test]
fn nothing_happens_to_a_wallet_that_is_not_open() {
    for ask in [deposit(1), pay(1), refund(1, None, Lookup::Open), hold("h", 1), release("h")] {
        check(&[], &ask, Err(Code::WalletNotFound));
    }
    check(&[], &Command::Freeze, Err(Code::WalletNotFound));
    check(&[], &open(0), Ok((0, 0)));
    check(&[open(0)], &open(0), Err(Code::AlreadyExists));
}

#[test]
fn money_from_outside_is_booked_up_to_the_largest_amount() {
    check(&[open(0)], &deposit(500), Ok((500, 0)));
    check(&[open(0)], &deposit_in(500, "USD"), Err(Code::CurrencyMismatch));
    check(&[open(0), Command::Freeze], &deposit(500), Ok((500, 0)));
    check(&[open(0), deposit(i64::MAX)], &deposit(1), Err(Code::BalanceOverflow));
    check(&[open(0), deposit(i64::MAX - 1)], &deposit(1), Ok((i64::MAX, 0)));
}

#[test]
fn a_payment_never_takes_available_below_the_limit() {
    check(&[open(0), deposit(500)], &pay(500), Ok((0, 0)));
    check(&[open(0), deposit(500)], &pay(501), Err(Code::InsufficientFunds));
    check(&[open(100), deposit(500)], &pay(600), Ok((-100, 0)));
    check(&[open(100), deposit(500)], &pay(601), Err(Code::InsufficientFunds));
    check(&[open(0), deposit(500), hold("h", 200)], &pay(300), Ok((200, 200)));
    check(&[open(0), deposit(500), hold("h", 200)], &pay(301), Err(Code::InsufficientFunds));
    check(&[open(i64::MAX), deposit(i64::MAX)], &pay(i64::MAX), Ok((0, 0)));
}

#[test]
fn the_payee_comes_before_the_freeze_and_that_before_the_currency() {
    let frozen = [open(0), deposit(500), Command::Freeze];
    check(&frozen, &pay_with(1, "EUR", Lookup::Missing), Err(Code::ProviderNotFound));
    let wrong = pay_with(1, "USD", on_calendar("EUR"));
    check(&frozen, &wrong, Err(Code::WalletFrozen));
    check(&[open(0)], &wrong, Err(Code::CurrencyMismatch));
    let dollars = pay_with(1, "EUR", on_calendar("USD"));
    check(&[open(0)], &dollars, Err(Code::CurrencyMismatch));
}

#[test]
fn a_payment_settled_at_once_sets_its_amount_aside_as_a_payment_would_take_it() {
    check(&[open(0), deposit(500)], &pay_at_once(500), Ok((500, 500)));
    check(&[open(0), deposit(500)], &pay_at_once(501), Err(Code::InsufficientFunds));
    check(&[open(100), deposit(500)], &pay_at_once(600), Ok((500, 600)));
    let pending = [open(0), deposit(500), pay_at_once(200), pay_at_once(200)];
    check(&pending, &pay_at_once(100), Ok((500, 500)));
    check(&pending, &pay_at_once(101), Err(Code::InsufficientFunds));
    check(&pending, &pay(101), Err(Code::InsufficientFunds));
    check(&pending, &hold("h", 101), Err(Code::InsufficientFunds));
    let held = [open(i64::MAX), deposit(1), pay_at_once(i64::MAX)];
    check(&held, &pay_at_once(1), Err(Code::BalanceOverflow));
}

#[test]
fn a_payment_settled_at_once_is_refused_in_the_order_of_the_ladder() {
    let frozen = [open(0), deposit(500), Command::Freeze];
    check(&[], &pay_at_once(1), Err(Code::WalletNotFound));
    check(&frozen, &pay_with(1, "EUR", Lookup::Missing), Err(Code::ProviderNotFound));
    check(&frozen, &pay_at_once(1), Err(Code::WalletFrozen));
    check(&frozen, &pay_with(1, "USD", immediate("EUR")), Err(Code::WalletFrozen));
    check(&[open(0)], &pay_with(1, "USD", immediate("USD")), Err(Code::CurrencyMismatch));
    check(&[open(0)], &pay_with(1, "EUR", immediate("USD")), Err(Code::CurrencyMismatch));
    let mut many = vec![open(0), deposit(9_999)];
    many.extend((1..HOLDS_MAX).map(|n| hold(&n.to_string(), 1)));
    check(&many, &pay_at_once(1), Ok((9_999, 256)));
    many.push(pay_at_once(1));
    check(&many, &pay_at_once(10_000), Err(Code::TooManyHolds));
    check(&many, &pay(1), Ok((9_998, 256)));
}

#[test]
fn a_full_queue_is_said_before_anything_is_held_and_only_to_who_would_wait_in_it() {
    let full = with_full_queue(pay_at_once(1));
    check(&[], &full, Err(Code::WalletNotFound));
    check(&[open(0), deposit(9)], &full, Err(Code::Overloaded));
    check(&[open(0), Command::Freeze], &full, Err(Code::Overloaded));
    check(&[open(0), deposit(9)], &with_full_queue(pay(1)), Ok((8, 0)));
    for (payee, expected) in [
        (immediate("EUR"), true),
        (on_calendar("EUR"), false),
        (Lookup::Missing, false),
        (Lookup::Open, false),
    ] {
        for queue_full in [true, false] {
            let Command::Pay(pay) = pay_with(1, "EUR", payee.clone()) else { unreachable!() };
            let pay = Pay { queue_full, ..pay };
            assert_eq!(pay.would_overload(), expected && queue_full, "{pay:?}");
        }
    }
    // What the server knew when it was asked is no part of what was asked.
    assert_eq!(full.content(), pay(1).content());
}

#[test]
fn freezing_twice_is_freezing_once() {
    check(&[open(0), Command::Freeze], &Command::Freeze, Ok((0, 0)));
    check(&[open(0), deposit(9), Command::Freeze], &pay(1), Err(Code::WalletFrozen));
    check(&[open(0), deposit(9), Command::Freeze, Command::Unfreeze], &pay(1), Ok((8, 0)));
}

#[test]
fn holds_set_money_aside_until_released() {
    check(&[open(0), deposit(9)], &hold("a", 9), Ok((9, 9)));
    check(&[open(0), deposit(9)], &hold("a", 10), Err(Code::InsufficientFunds));
    check(&[open(0), deposit(9), hold("a", 4)], &hold("a", 1), Err(Code::AlreadyExists));
    check(&[open(0), deposit(9), hold("a", 4)], &release("a"), Ok((9, 0)));
    check(&[open(0), deposit(9), hold("a", 4)], &release("b"), Err(Code::HoldNotFound));
    check(&[open(0), deposit(9), Command::Freeze], &hold("a", 1), Err(Code::WalletFrozen));
    let mut many = vec![open(0), deposit(9_999)];
    many.extend((0..HOLDS_MAX).map(|n| hold(&n.to_string(), 1)));
    check(&many, &hold("one-more", 1), Err(Code::TooManyHolds));
}

#[test]
fn a_refund_never_exceeds_its_payment() {
    let paid = [open(0), deposit(900), pay(500)];
    check(&paid, &refund(3, None, Lookup::Missing), Err(Code::PaymentNotFound));
    check(&paid, &refund(3, Some("5.01"), Lookup::Found(500)), Err(Code::RefundExceedsPayment));
    check(&paid, &refund(3, Some("1e2"), Lookup::Found(500)), Err(Code::InvalidAmount));
    // The money is not back yet, so the balance has not changed.
    check(&paid, &refund(3, Some("5.00"), Lookup::Found(500)), Ok((400, 0)));
    let half = refund(3, Some("2.50"), Lookup::Found(500));
    let mut halves = paid.to_vec();
    halves.push(half.clone());
    check(&halves, &refund(3, Some("2.51"), Lookup::Found(500)), Err(Code::RefundExceedsPayment));
    halves.push(half);
    check(&halves, &refund(3, None, Lookup::Found(500)), Err(Code::RefundExceedsPayment));
}

#[test]
fn money_on_its_way_back_counts_as_arrived() {
    let asked = [open(0), deposit(500), pay(500), refund(3, None, Lookup::Found(500))];
    check(&asked, &deposit(i64::MAX - 499), Err(Code::BalanceOverflow));
    check(&asked, &deposit(i64::MAX - 500), Ok((i64::MAX - 500, 0)));
}

fn registered() -> Provider {
    let mut provider = Provider::default();
    let cadence = Cadence::new("month", None, None, None);
    let command = provider::Command::Register(provider::Profile {
        name: "Clinic".into(),
        currency: currency("EUR"),
        settlement: Settlement::OnCalendar(cadence.expect("a cadence")),
        account: "acct".into(),
    });
    let events = provider.decide(&command, &context()).expect("registered");
    for event in &events {
        provider.apply(event, Seq(1));
    }
    let again = provider.decide(&command, &context());
    assert_eq!(again.map_err(|no| no.code), Err(Code::AlreadyExists));
    provider
}

fn to_provider(seq: u64, body: Body) -> Message {
    let to = EntityId::provider(&ProviderId::parse("clinic").expect("well-formed"));
    Message { source: Source { shard: ShardId(3), seq: Seq(seq) }, to, body }
}

#[test]
fn a_message_is_received_once_however_often_it_comes() {
    let mut provider = registered();
    let alice = WalletId::parse("alice").expect("well-formed");
    let payment = to_provider(
        7,
        Body::Payment {
            wallet: alice.clone(),
            amount: Amount::from_minor(500),
            currency: currency("EUR"),
            description: None,
            effective_at: None,
        },
    );
    let order = to_provider(
        9,
        Body::RefundOrder {
            wallet: alice,
            payment: Seq(7),
            amount: Amount::from_minor(800),
            currency: currency("EUR"),
            effective_at: None,
        },
    );
    let mut seq = 1;
    for (message, events_expected, accrued) in [
        (&payment, 1, 500),
        (&payment, 0, 500),
        (&order, 1, -300),
        (&order, 0, -300),
        (&payment, 0, -300),
    ] {
        let events = provider.receive(message, &context());
        assert_eq!(events.len(), events_expected, "{message:?}");
        for event in &events {
            seq += 1;
            provider.apply(event, Seq(seq));
        }
        assert_eq!(provider.summary().expect("registered").accrued.minor(), accrued);
    }
}

#[test]
fn the_same_amount_written_differently_is_the_same_request() {
    let content = |amount| refund(3, Some(amount), Lookup::Open).content();
    assert_eq!(content("1.50"), content("1.5"));
    assert_eq!(content("10.00"), content("10"));
    assert_ne!(content("10"), content("1"));
    assert_ne!(content("1.05"), content("1.5"));
}
