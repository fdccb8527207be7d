//! Checkpoints while deciding: whatever is saved when, what recovers is what was.
//!
//! A checkpoint runs beside the decisions, in steps on several threads. The journal may go only as
//! far as everything before it is in some saved state, whoever was slow to hear of what. So the
//! tests let checkpoints and payments race, and hold a shard's thread in the worst moments.

use bursar_domain::id::EntityId;

use crate::asks::{
    all_yes, balance, deposit, open, pay, provider_id, refund, register, seen, summary, wallet_id,
    yes,
};
use crate::audit::{audit, standing};
use crate::gates::Call;
use crate::world::{Running, World, is_pending, until};

/// How everyone stands.
async fn standings(running: &Running, ids: &[EntityId]) -> Vec<String> {
    let mut all = Vec::new();
    for id in ids {
        all.push(standing(running, id).await);
    }
    all
}

/// Everyone is given money, pays, and gets a part of it back.
async fn go_round(running: &Running, wallets: &[String], round: i64) {
    let key = format!("in-{round}");
    running.ask_all(wallets.iter().map(|name| deposit(name, &key, 500)).collect()).await;
    let key = format!("out-{round}");
    let paid = wallets.iter().map(|name| pay(name, &key, "clinic", 30 + round));
    let paid = running.ask_all(paid.collect()).await;
    let key = format!("back-{round}");
    let back = wallets.iter().zip(&paid);
    let back = back.map(|(name, paid)| refund(name, &key, yes(paid), Some(7)));
    all_yes(&running.ask_all(back.collect()).await);
}

#[actix::test]
async fn what_recovers_is_what_was_however_often_it_was_saved() {
    let world = World::new(4);
    let running = world.start();
    let wallets: Vec<String> = (0..6).map(|n| format!("wallet-{n}")).collect();
    let mut ids: Vec<EntityId> = wallets.iter().map(|name| wallet_id(name)).collect();
    ids.push(provider_id("clinic"));
    running.ask(register("clinic")).await;
    running.ask_all(wallets.iter().map(|name| open(name)).collect()).await;
    for round in 0..40 {
        // Three checkpoints begin while the round's payments are on their way.
        let save = || async {
            if round % 3 != 0 {
                running.checkpoint().await;
            }
        };
        tokio::join!(save(), save(), save(), go_round(&running, &wallets, round));
    }
    audit(&running, &ids).await;
    let before = standings(&running, &ids).await;
    running.crash();
    let running = world.start();
    assert_eq!(standings(&running, &ids).await, before);
    audit(&running, &ids).await;
    running.stop().await;
    let running = world.start();
    assert_eq!(running.records, 0);
    assert_eq!(standings(&running, &ids).await, before);
    running.crash();
}

#[actix::test]
async fn a_second_checkpoint_does_not_overtake_the_news_of_the_first() {
    let world = World::new(1);
    let running = world.start();
    running.ask(open("payer")).await;
    running.ask(deposit("payer", "first", 100)).await;
    world.gates.close(Call::Save);
    let mut saves = [0; 2].map(|_| Box::pin(running.engine.checkpoint()));
    assert!(is_pending(&mut saves[0]));
    until("the first save is held", || world.gates.waiting(Call::Save) == 1).await;
    // Not in the first save, and the wallet will only say so when it hears of that one.
    yes(&running.ask(deposit("payer", "second", 20)).await);
    assert!(is_pending(&mut saves[1]));

    // The shard's thread goes on only from question to question. In between, whatever the storage
    // has to say is in the mailbox already, so that no entity has a turn before the shard is idle.
    let stall = |number| world.gates.stall(number, || running.engine.states());
    let mut held = vec![stall(0)];
    until("it is held", || world.gates.waiting(Call::Answer(0)) == 1).await;
    world.gates.open(Call::Save);
    for number in 1..6 {
        running.get(running.engine.read(|_| Ok(()))).await.expect("it runs");
        held.push(stall(number));
        world.gates.open(Call::Answer(number - 1));
        until("it is held", || world.gates.waiting(Call::Answer(number)) == 1).await;
    }
    world.gates.open_all();
    for save in saves {
        running.get(save).await.expect("it runs");
    }
    // Both have let the journal go: the committer trims at the latest between two appends.
    running.ask(open("other")).await;
    running.ask(deposit("other", "in", 1)).await;
    drop(held);
    running.crash();

    let running = world.start();
    let answer = running.ask(summary(wallet_id("payer"))).await;
    assert_eq!(balance(seen(&answer).expect("it exists")), 120, "both deposits were answered");
    audit(&running, &[wallet_id("payer"), wallet_id("other")]).await;
    running.stop().await;
}

#[actix::test]
async fn a_checkpoint_is_due_by_time_and_by_bytes() {
    let mut world = World::new(1);
    world.settings.limits.checkpoint_ms = 60_000;
    world.settings.limits.checkpoint_bytes = 10_000;
    let running = world.start();
    running.ask(open("payer")).await;
    assert_eq!(world.gates.arrived(Call::Save), 0);
    world.pass_ms(60_000);
    until("it is saved by time", || world.gates.arrived(Call::Save) == 1).await;
    let asks = (0..2_000).map(|n| deposit("payer", &format!("in-{n}"), 1)).collect();
    running.ask_all(asks).await;
    until("it is saved by bytes", || world.gates.arrived(Call::Save) >= 2).await;
    running.stop().await;
}
