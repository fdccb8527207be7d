//! Payments that are settled at once: what is held, and what their sagas ask of the wallet.
//!
//! A payment is held under its id; its saga has it posted or not. What is posted can be refunded,
//! and nothing else. A saved wallet has the form that the first release gave it.

use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Seq, ShardId, WalletId};
use bursar_domain::key::{Index, Known};
use bursar_domain::message::{About, Answer, Asker, Body, Effect, Message, OutcomeKind, Source};
use bursar_domain::money::Amount;
use bursar_domain::saga::payment::Payment;
use bursar_domain::saga::{Failure, Subject};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::{Lookup, Paid, PayeeSettlement, Refund};
use bursar_domain::wallet::{Command, Expected, Hold, Profile, Status, Wallet};

use crate::bench::{
    Bench, MOST, Step, ask, check, check_code, clinic, currency, deposit, hold, open, pay, pay_in,
    send,
};
use crate::mark;

/// A payment that is settled at once.
fn pay_at_once(minor: i64) -> Step {
    pay_in(minor, PayeeSettlement::Immediate { account: "acct".into() })
}

/// What the saga of a payment brings back to the wallet that decided it.
fn payment(seq: u64, minor: i64) -> Payment {
    Payment {
        wallet: WalletId::parse("ann").expect("well-formed"),
        seq: Seq(seq),
        provider: clinic(),
        account: "acct".into(),
        amount: Amount::from_minor(minor),
        currency: currency("EUR"),
        description: Some("glasses".into()),
        effective_at: Timestamp::from_millis(5),
    }
}

/// The saga of a payment, or its compensation.
fn by_payment(seq: u64) -> Asker {
    Asker { entity: EntityId::saga(format!("pay_{seq}_ann")), step: 4 }
}

fn post(seq: u64, minor: i64) -> Step {
    send(Body::Post { by: by_payment(seq), payment: Box::new(payment(seq, minor)) })
}

fn unhold(seq: u64, minor: i64) -> Step {
    let failure = Failure::new("declined", "the account is closed");
    send(Body::Unhold { by: by_payment(seq), payment: Box::new(payment(seq, minor)), failure })
}

/// A refund of a payment that was held, with what the disk says of it.
fn refund(seq: u64, minor: Option<&str>, refunded: Option<i64>) -> Step {
    let refunded = refunded.map(Amount::from_minor);
    let amount = Amount::from_minor(60);
    let paid = Paid { provider: clinic(), amount, refunded, was_held: true };
    ask(Command::Refund(Refund {
        payment: Seq(seq),
        amount: minor.map(Into::into),
        effective_at: None,
        key: None,
        paid: Lookup::Found(paid),
    }))
}

#[test]
fn a_payment_settled_at_once_is_a_hold_under_its_id_and_begins_its_saga() {
    let mut bench = Bench::of(&[open(0), deposit(100)]);
    let effects = bench.step(&pay_at_once(60)).expect("it is covered");
    let source = Source { shard: ShardId(0), seq: Seq(3) };
    let subject = Subject::Payment(payment(3, 60));
    let to = EntityId::saga("pay_3_ann");
    assert_eq!(subject.id(), to.id);
    let body = Body::Begin(Box::new(subject));
    assert_eq!(effects, [Effect::Send(Message { source, to, body })]);
    let seen = bench.wallet.summary().expect("open");
    let hold = Hold { id: "pay_3_ann".into(), amount: Amount::from_minor(60) };
    assert_eq!(seen.pending_payments.as_deref(), Some(&[hold][..]));
    assert_eq!((seen.available().minor(), seen.pending_investments), (40, None));
}

#[test]
fn what_was_held_is_posted_whatever_came_between() {
    let held = [open(0), deposit(100), pay_at_once(60)];
    check(&held, &post(3, 60), &Answer::Done, (40, 0));
    let mut frozen = held.to_vec();
    frozen.extend([pay(40), ask(Command::Freeze)]);
    check(&frozen, &post(3, 60), &Answer::Done, (0, 0));
    check(&[open(60), pay_at_once(60)], &post(2, 60), &Answer::Done, (-60, 0));
    let several = [open(0), deposit(100), pay_at_once(60), pay_at_once(40)];
    check(&several, &post(4, 40), &Answer::Done, (60, 60));
    let most = [open(MOST), pay_at_once(MOST)];
    check(&most, &post(2, MOST), &Answer::Done, (-MOST, 0));
}

#[test]
fn a_payment_that_was_not_to_be_gives_back_what_was_held() {
    let held = [open(0), deposit(100), pay_at_once(60), mark(7, 40)];
    check(&held, &unhold(3, 60), &Answer::Done, (100, 40));
    let mut frozen = held.to_vec();
    frozen.push(ask(Command::Freeze));
    check(&frozen, &unhold(3, 60), &Answer::Done, (100, 40));
    let bench = Bench::of(&[open(0), deposit(100), pay_at_once(60), unhold(3, 60), pay(100)]);
    assert_eq!(bench.balance(), (0, 0));
    assert_eq!(bench.wallet.summary().expect("open").pending_payments, None);
}

#[test]
fn a_posted_payment_reaches_the_provider_and_its_end_is_told_under_its_own_position() {
    let mut bench = Bench::of(&[open(0), deposit(100), pay_at_once(60), pay_at_once(10)]);
    let effects = bench.step(&post(3, 60)).expect("a message is not refused");
    let [Effect::Send(message), Effect::Send(_), Effect::Tell(outcome)] = &*effects else {
        panic!("{effects:?}")
    };
    let sent = payment(3, 60);
    let body = Body::SettledPayment {
        wallet: sent.wallet,
        payment: Seq(3),
        amount: sent.amount,
        currency: sent.currency,
        description: sent.description.clone(),
        effective_at: sent.effective_at,
    };
    assert_eq!((&message.to, &message.body), (&EntityId::provider(&clinic()), &body));
    assert_eq!((outcome.kind, outcome.seq), (OutcomeKind::PaymentPosted, Seq(3)));
    assert_eq!((outcome.amount.minor(), outcome.balance_after.minor()), (60, 40));
    let words = (&outcome.description, outcome.effective_at);
    assert_eq!(words, (&sent.description, sent.effective_at));
    let effects = bench.step(&unhold(4, 10)).expect("a message is not refused");
    let [Effect::Send(_), Effect::Tell(outcome)] = &*effects else { panic!("{effects:?}") };
    assert_eq!((outcome.kind, outcome.seq), (OutcomeKind::PaymentFailed, Seq(4)));
    let failure = Failure::new("declined", "the account is closed");
    assert_eq!(outcome.about, Some(About::Failure(failure)));
    assert_eq!((outcome.amount.minor(), &outcome.provider), (10, &Some(clinic())));
}

#[test]
fn a_payment_is_refunded_only_once_it_is_posted() {
    let held = [open(0), deposit(100), pay_at_once(60)];
    let and = |more: &[Step]| [&held[..], more].concat();
    check_code(&held, &refund(3, None, None), Err(Code::PaymentNotPosted));
    check_code(&and(&[unhold(3, 60)]), &refund(3, None, None), Err(Code::PaymentNotPosted));
    let posted = and(&[post(3, 60)]);
    check_code(&posted, &refund(3, None, None), Ok(()));
    check_code(&posted, &refund(3, Some("0.60"), None), Ok(()));
    check_code(&posted, &refund(3, Some("0.61"), None), Err(Code::RefundExceedsPayment));
    let part = and(&[post(3, 60), refund(3, Some("0.20"), None)]);
    check_code(&part, &refund(3, Some("0.41"), None), Err(Code::RefundExceedsPayment));
    check_code(&part, &refund(3, Some("0.40"), None), Ok(()));
    // What is no more in memory, the disk knows.
    check_code(&[open(0)], &refund(3, None, Some(0)), Ok(()));
    check_code(&[open(0)], &refund(3, Some("0.21"), Some(40)), Err(Code::RefundExceedsPayment));
    // The other payments' standing says nothing of this one.
    let two = and(&[pay_at_once(40), post(4, 40)]);
    check_code(&two, &refund(3, None, None), Err(Code::PaymentNotPosted));
}

#[test]
fn a_pending_payment_is_not_released_by_whoever_knows_its_name() {
    let held = [open(0), deposit(100), pay_at_once(60)];
    for name in ["pay_3_ann", "pay_4_ann"] {
        let release = ask(Command::Release { id: name.into() });
        check_code(&held, &release, Err(Code::HoldNotFound));
        check_code(&held, &hold(name, 1), Err(Code::InvalidId));
    }
    check_code(&held, &hold("pay_me", 1), Ok(()));
}

/// A wallet's state and what is rare in it, as the first release wrote them.
type Old = (
    (Option<Profile>, Status, Amount, Amount),
    Option<(Vec<Hold>, Vec<Expected>, Index, Vec<(ShardId, Seq)>)>,
);

#[test]
fn pending_and_posted_payments_are_saved_in_the_form_of_the_first_release() {
    let steps = [open(0), deposit(100), pay_at_once(60), pay_at_once(10), post(3, 60)];
    let bench = Bench::of(&steps);
    let config = bincode::config::standard();
    let bytes = bincode::encode_to_vec(&bench.wallet, config).expect("encodes");
    let (old, read): (Old, usize) = bincode::decode_from_slice(&bytes, config).expect("decodes");
    assert_eq!(read, bytes.len(), "nothing was added");
    let ((_, _, posted, held), rare) = old;
    assert_eq!((posted.minor(), held.minor()), (40, 10));
    let (holds, expected, refunded, marks) = rare.expect("it has a hold");
    assert_eq!(holds, [Hold { id: "pay_4_ann".into(), amount: Amount::from_minor(10) }]);
    assert_eq!((expected, marks), (Vec::new(), vec![(ShardId(3), Seq(5))]));
    assert_eq!(refunded.get(3), Known::Value(0), "posted, and nothing was refunded");
    assert_eq!(refunded.get(4), Known::Never);
    // And read again, it goes on.
    let read: Wallet = bincode::decode_from_slice(&bytes, config).expect("decodes").0;
    let mut bench = Bench { wallet: read, seq: bench.seq };
    bench.step(&post(4, 10)).expect("a message is not refused");
    assert_eq!(bench.balance(), (30, 0));
}
