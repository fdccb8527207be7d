//! A crash at every call that writes: appends, saves and trims, and what half of them leaves behind.
//!
//! The same workload runs until the n-th call of a kind fails, then the power goes; the next engine
//! recovers and the clients ask everything again. Whatever n is, and however much of the failing
//! call reached the disk: what was answered is there, nothing is there twice, and at the end all
//! is as if there had been no crash.

use bursar_domain::id::Position;
use bursar_snapshots::memory::{Fault, Faults};

use crate::asks::{apart, balance, decided, deposit, open, pay, register, seen, summary, yes};
use crate::asks::{provider_id, wallet_id};
use crate::audit::{audit, outcomes};
use crate::gates::Call;
use crate::script::{Answered, Script, Step};
use crate::world::{World, run, until};

const SHARDS: u16 = 3;

/// Something of everything: several providers and wallets, a refused payment, a partial refund and
/// one of the rest, saves in the middle of payments.
fn script() -> Script {
    use Step::{Deposit, Freeze, Hold, Pay, Refund, Release, Save};
    let mut script = Script { wallets: 3, providers: 2, groups: Vec::new() };
    let first = script.first_of(0);
    script.groups = vec![
        vec![Deposit(0, 10_000), Deposit(1, 5_000), Deposit(2, 100)],
        vec![Pay(0, 0, 700), Pay(1, 0, 300), Pay(2, 1, 5_000), Pay(0, 1, 50)],
        vec![Save, Hold(1, 0, 4_000), Pay(1, 1, 900)],
        vec![Refund(first + 3, Some(200)), Pay(0, 0, 11)],
        vec![Save],
        vec![Refund(first + 3, None), Release(1, 0), Freeze(2, true), Pay(1, 1, 900)],
        vec![Refund(first + 4, None), Pay(0, 1, 1), Save],
        vec![Pay(1, 0, 2), Pay(0, 0, 3)],
        vec![Save],
    ];
    script
}

/// The balances that the script comes to in the end.
const BALANCES: [i128; 5] = [
    10_000 - 700 - 50 + 200 - 11 + 500 - 1 - 3,
    5_000 - 300 + 300 - 900 - 2,
    100,
    700 + 300 - 200 + 11 - 500 - 300 + 2 + 3,
    50 + 900 + 1,
];

/// Runs the script with a fault, crashes, and runs it again. Returns whether the fault struck.
async fn crash_once(faults: Faults) -> bool {
    let script = script();
    let world = World::new(SHARDS);
    let mut answered = Answered::new();
    let running = world.start();
    world.store.set_faults(faults);
    let struck = !script.run(&running, &mut answered).await;
    let told = outcomes(&running, Position::default()).await;
    running.crash();

    let running = world.start();
    assert!(running.ended().is_none());
    script.check_answered(&running, &answered).await;
    // Whoever followed the stream goes on where it was: nothing told changes or comes again.
    let told_now = outcomes(&running, Position::default()).await;
    assert_eq!(told_now[..told.len()], told, "{faults:?}");
    assert!(script.run(&running, &mut answered).await);
    audit(&running, &script.ids()).await;
    let last = told.last().map_or(Position::default(), |(at, _)| *at);
    let all = outcomes(&running, Position::default()).await;
    assert_eq!(outcomes(&running, last).await, all[told.len()..], "{faults:?}");
    for (id, expected) in script.ids().into_iter().zip(BALANCES) {
        let answer = running.ask(summary(id.clone())).await;
        assert_eq!(balance(seen(&answer).expect("it exists")), expected, "{id}, {faults:?}");
    }
    running.stop().await;
    struck
}

/// Lets the first call fail, the second, and so on until all succeed.
fn crash_at_each(keeps: &[usize], faults: impl Fn(Fault) -> Faults) {
    for &keeps in keeps {
        let struck = (1..).take_while(|&call| run(crash_once(faults(Fault { call, keeps }))));
        let count = struck.count();
        assert!(count >= 3, "the workload makes such calls, but only {count} failed");
    }
}

#[test]
fn nothing_is_lost_or_done_twice_when_an_append_fails() {
    let append = |fault| Faults { append: Some(fault), ..Faults::default() };
    crash_at_each(&[0, 1, usize::MAX], append);
}

#[test]
fn nothing_is_lost_or_done_twice_when_a_save_fails() {
    let save = |fault| Faults { save: Some(fault), ..Faults::default() };
    crash_at_each(&[0, 1, 4, usize::MAX], save);
}

#[test]
fn nothing_is_lost_or_done_twice_when_a_trim_fails() {
    let trim = |fault| Faults { trim: Some(fault), ..Faults::default() };
    crash_at_each(&[0, 1], trim);
}

#[actix::test]
async fn messages_that_come_again_are_dropped_and_the_outbox_drains() {
    let (wallet, provider) = apart(SHARDS);
    let world = World::new(SHARDS);
    let running = world.start();
    running.ask_all(vec![register(&provider), open(&wallet)]).await;
    yes(&running.ask(deposit(&wallet, "in", 1_000)).await);
    for n in 0..20 {
        yes(&running.ask(pay(&wallet, &format!("out-{n}"), &provider, 10)).await);
    }
    running.quiet().await;
    let arrived = world.gates.arrived(Call::Append);
    running.crash();

    // Nothing was saved, so every payment is sent again; the provider knows all of them.
    for _ in 0..3 {
        let running = world.start();
        assert_eq!(running.records, 3 + 2 * 20);
        let states = running.states().await;
        let sent: usize = states.iter().map(|state| state.unacknowledged).sum();
        assert!(sent <= 20);
        running.quiet().await;
        let answer = running.ask(summary(provider_id(&provider))).await;
        assert_eq!(balance(seen(&answer).expect("registered")), 200);
        audit(&running, &[wallet_id(&wallet), provider_id(&provider)]).await;
        assert_eq!(world.gates.arrived(Call::Append), arrived, "a duplicate is not recorded");
        running.crash();
    }
}

#[actix::test]
async fn a_message_that_was_never_received_is_received_after_a_crash() {
    let (wallet, provider) = apart(SHARDS);
    let world = World::new(SHARDS);
    let running = world.start();
    running.ask_all(vec![register(&provider), open(&wallet)]).await;
    yes(&running.ask(deposit(&wallet, "in", 1_000)).await);
    // The payment is on disk; what its message leads to is held, and lost with the power.
    world.gates.close(Call::Append);
    world.gates.let_one(Call::Append);
    let answer = running.ask(pay(&wallet, "out", &provider, 400)).await;
    assert!(!decided(&answer).2);
    until("the provider's record is held", || world.gates.waiting(Call::Append) == 1).await;
    running.crash();
    world.gates.open(Call::Append);

    let running = world.start();
    assert_eq!(running.records, 4);
    audit(&running, &[wallet_id(&wallet), provider_id(&provider)]).await;
    let answer = running.ask(summary(provider_id(&provider))).await;
    assert_eq!(balance(seen(&answer).expect("registered")), 400);
    running.stop().await;
}
