//! Nothing leaves before it is durable, and nothing leaves any more once the disk has failed.
//!
//! The journal is held in the middle of an append, and everyone who could know something is asked:
//! the client that waits, the view, the stream of outcomes, the provider, a reader in the mailbox.
//! Each of them must know nothing until the journal has returned, and everything afterwards.

use bursar_domain::id::Position;
use bursar_snapshots::memory::{Fault, Faults};

use crate::asks::{
    apart, balance, decided, deposit, open, pay, provider_id, refusal, register, seen, summary,
    wallet_id, yes,
};
use crate::audit::{audit, outcomes};
use crate::gates::Call;
use crate::world::{Running, World, is_pending, run, until};

use bursar_domain::code::Code;

const SHARDS: u16 = 2;

/// Someone with a thousand cents, and someone to pay, in different shards.
async fn two(running: &Running) -> (String, String) {
    let (wallet, provider) = apart(SHARDS);
    running.ask_all(vec![register(&provider), open(&wallet)]).await;
    yes(&running.ask(deposit(&wallet, "in", 1_000)).await);
    // The first payment lets the wallet's shard know the provider.
    yes(&running.ask(pay(&wallet, "first", &provider, 1)).await);
    running.quiet().await;
    (wallet, provider)
}

#[actix::test]
async fn nothing_of_a_payment_is_seen_before_it_is_durable() {
    let world = World::new(SHARDS);
    let running = world.start();
    let (wallet, provider) = two(&running).await;
    let (payer, payee) = (wallet_id(&wallet), provider_id(&provider));
    let told = running.engine.outcomes().newest();
    let lasts = |states: Vec<bursar_actors::shard::messages::ShardState>| {
        states.iter().map(|state| state.last.0).collect::<Vec<_>>()
    };
    let before = lasts(running.states().await);

    world.gates.close(Call::Append);
    let asked = running.hand_on(vec![pay(&wallet, "out", &provider, 400)]).await;
    let mut paid = Box::pin(asked.answers());
    let asked = running.hand_on(vec![summary(payer.clone())]).await;
    let mut read = Box::pin(asked.answers());
    until("the append is held", || world.gates.waiting(Call::Append) == 1).await;
    for _ in 0..50 {
        // Each round goes through the mailboxes of all shards: what has left would have arrived.
        let now = lasts(running.states().await);
        assert_eq!(now.iter().sum::<u64>(), before.iter().sum::<u64>() + 1, "one record, no more");
        let of_provider = usize::from(payee.shard(SHARDS).0);
        assert_eq!(now[of_provider], before[of_provider], "the provider was told");
        assert!(is_pending(&mut paid), "the payer was answered");
        assert!(is_pending(&mut read), "a reader was answered");
        assert_eq!(balance(&running.engine.see(&payer).expect("shown")), 999);
        assert_eq!(balance(&running.engine.see(&payee).expect("shown")), 1);
        assert_eq!(running.engine.outcomes().newest(), told);
    }

    world.gates.open(Call::Append);
    let answers = running.get(paid).await;
    let seq = yes(&answers[0]);
    // Whoever was answered sees at least that.
    assert_eq!(balance(&running.engine.see(&payer).expect("shown")), 599);
    assert_eq!(balance(seen(&running.get(read).await[0]).expect("it exists")), 599);
    let news = outcomes(&running, told).await;
    assert_eq!(news.iter().map(|(_, outcome)| outcome.seq).collect::<Vec<_>>(), [seq]);
    running.quiet().await;
    assert_eq!(balance(&running.engine.see(&payee).expect("shown")), 401);
    running.stop().await;
}

#[actix::test]
async fn a_refusal_and_a_replay_wait_for_the_disk_too() {
    let world = World::new(SHARDS);
    let running = world.start();
    let (wallet, provider) = two(&running).await;
    world.gates.close(Call::Append);
    let twice = || pay(&wallet, "out", &provider, 400);
    let too_much = pay(&wallet, "too much", &provider, 4_000);
    let asked = running.hand_on(vec![too_much, twice(), twice()]).await;
    let mut answers = Box::pin(asked.answers());
    until("the append is held", || world.gates.waiting(Call::Append) == 1).await;
    for _ in 0..50 {
        running.states().await;
        assert!(is_pending(&mut answers));
    }
    world.gates.open(Call::Append);
    let answers = running.get(answers).await;
    assert_eq!(refusal(&answers[0]), Code::InsufficientFunds);
    let ((first, _, replayed), (second, _, again)) = (decided(&answers[1]), decided(&answers[2]));
    assert_eq!((first, replayed, again), (second, false, true));
    running.stop().await;
}

#[actix::test]
async fn an_entity_decides_on_while_the_disk_is_busy() {
    let world = World::new(SHARDS);
    let running = world.start();
    let (wallet, provider) = two(&running).await;
    world.gates.close(Call::Append);
    let first = running.hand_on(vec![pay(&wallet, "a", &provider, 600)]).await;
    until("the append is held", || world.gates.waiting(Call::Append) == 1).await;
    let appends = world.gates.arrived(Call::Append);
    // Decided on the state after the first: 399 are left, and then 99.
    let more = vec![
        pay(&wallet, "b", &provider, 400),
        pay(&wallet, "c", &provider, 300),
        pay(&wallet, "d", &provider, 100),
    ];
    let more = running.hand_on(more).await;
    running.states().await;
    world.gates.open(Call::Append);
    let (first, more) = (running.get(first.answers()).await, running.get(more.answers()).await);
    let seqs = [yes(&first[0]), decided(&more[0]).0, yes(&more[1]), decided(&more[2]).0];
    assert!(seqs.is_sorted_by(|a, b| a < b));
    assert_eq!(refusal(&more[0]), Code::InsufficientFunds);
    assert_eq!(refusal(&more[2]), Code::InsufficientFunds);
    running.quiet().await;
    // What gathered behind the first went in one group; the provider's two receipts in at most two.
    assert!(world.gates.arrived(Call::Append) <= appends + 3);
    running.stop().await;
}

/// The append of a payment fails after so many of its commits are on disk.
async fn fail_an_append(keeps: usize) {
    let world = World::new(SHARDS);
    let running = world.start();
    let (wallet, provider) = two(&running).await;
    let fault = Some(Fault { call: 1, keeps });
    world.store.set_faults(Faults { append: fault, ..Faults::default() });
    let asked = running.hand_on(vec![pay(&wallet, "out", &provider, 400)]).await;
    let mut answers = Box::pin(asked.answers());
    until("the engine ends", || running.ended().is_some()).await;
    let more = running.engine.ask_all(vec![pay(&wallet, "more", &provider, 5)]).await;
    let mut more = Box::pin(more.answers());
    for _ in 0..50 {
        running.engine.states().await.expect("the shards still run in a test");
        assert!(is_pending(&mut answers), "a payment was answered that may not be on disk");
        assert!(is_pending(&mut more), "the engine went on after its disk failed");
    }
    assert!(running.ended().expect("noted").contains("disk failed"), "{:?}", running.ended());
    assert_eq!(balance(&running.engine.see(&wallet_id(&wallet)).expect("shown")), 999);
    running.crash();

    let running = world.start();
    let was_there = running.records == 6;
    assert!(was_there || running.records == 5, "{} records", running.records);
    assert_eq!(was_there, keeps > 0);
    let again = running.ask(pay(&wallet, "out", &provider, 400)).await;
    assert_eq!(decided(&again).2, was_there, "decided once, now or then");
    assert_eq!(balance(&running.engine.see(&wallet_id(&wallet)).expect("shown")), 599);
    audit(&running, &[wallet_id(&wallet), provider_id(&provider)]).await;
    assert_eq!(outcomes(&running, Position::default()).await.len(), 3);
    running.stop().await;
}

#[test]
fn a_failed_append_ends_the_engine_and_answers_nobody() {
    run(fail_an_append(0));
    run(fail_an_append(1));
}
