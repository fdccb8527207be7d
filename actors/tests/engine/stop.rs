//! Stopping in order: who was let in is answered, everything is saved, nobody is let in any more.
//!
//! After an orderly stop the next start reads no journal at all. What makes it hard is work that
//! begins other work: an entity still to be read from disk, a provider to be asked, a message whose
//! receiver has to record it, a refund that goes there and back.

use bursar_actors::admission::Overloaded;
use bursar_actors::job::Answer;
use bursar_domain::id::EntityId;

use crate::asks::{
    all_yes, decided, deposit, open, pay, provider_id, refund, register, seen, summary, wallet_id,
    yes,
};
use crate::audit::audit;
use crate::gates::Call;
use crate::world::{Running, World, is_pending, until};

const WALLETS: usize = 30;

fn names() -> impl Iterator<Item = String> {
    (0..WALLETS).map(|n| format!("wallet-{n}"))
}

fn ids() -> Vec<EntityId> {
    names().map(|name| wallet_id(&name)).chain([provider_id("clinic")]).collect()
}

/// Everyone exists and has money, and nobody is in memory.
async fn saved_world(world: &World) -> Running {
    let running = world.start();
    running.ask(register("clinic")).await;
    running.ask_all(names().map(|name| open(&name)).collect()).await;
    running.ask_all(names().map(|name| deposit(&name, "in", 1_000)).collect()).await;
    running.stop().await;
    let running = world.start();
    assert_eq!(running.records, 0);
    running
}

#[actix::test]
async fn what_was_let_in_is_answered_and_saved() {
    for _ in 0..10 {
        let world = World::new(4);
        let running = saved_world(&world).await;
        // Each has to be read from disk, has to ask about the provider, and sends it a message.
        let asked = running.hand_on(names().map(|name| pay(&name, "out", "clinic", 3)).collect());
        let asked = asked.await;
        running.get(running.engine.stop()).await.expect("it stops");
        let answers = running.get(asked.answers()).await;
        all_yes(&answers);
        assert_eq!(running.engine.in_flight(), [0; 4]);
        drop(running);
        let running = world.start();
        assert_eq!(running.records, 0, "everything was saved");
        audit(&running, &ids()).await;
        let answers = names().map(|name| pay(&name, "out", "clinic", 3)).collect();
        let again = running.ask_all(answers).await;
        assert!(again.iter().all(|answer| decided(answer).2));
        running.stop().await;
    }
}

#[actix::test]
async fn a_refund_that_was_let_in_comes_home() {
    for _ in 0..10 {
        let world = World::new(4);
        let running = saved_world(&world).await;
        let paid = running.ask_all(names().map(|name| pay(&name, "out", "clinic", 3)).collect());
        let paid = paid.await;
        let back = names().zip(&paid).map(|(name, paid)| refund(&name, "back", yes(paid), None));
        let back = running.hand_on(back.collect()).await;
        running.get(running.engine.stop()).await.expect("it stops");
        all_yes(&running.get(back.answers()).await);
        drop(running);
        let running = world.start();
        assert_eq!(running.records, 0);
        audit(&running, &ids()).await;
        running.stop().await;
    }
}

#[actix::test]
async fn nobody_is_let_in_while_it_stops() {
    let world = World::new(1);
    let running = world.start();
    running.ask(open("payer")).await;
    world.gates.close(Call::Append);
    let inside = running.hand_on(vec![deposit("payer", "in", 1)]).await;
    let mut stop = Box::pin(running.engine.stop());
    assert!(is_pending(&mut stop));
    until("the append is held", || world.gates.waiting(Call::Append) == 1).await;
    let (to, ask) = summary(wallet_id("payer"));
    assert!(matches!(running.engine.ask(to, ask).await, Err(Overloaded)));
    let refused = running.engine.ask_all(vec![deposit("payer", "late", 1)]).await;
    let refused = running.get(refused.answers()).await;
    assert!(matches!(refused[..], [Answer::Overloaded]), "{refused:?}");
    assert!(is_pending(&mut stop), "it waits for who was let in");
    world.gates.open(Call::Append);
    running.get(stop).await.expect("it stops");
    yes(&running.get(inside.answers()).await[0]);
    drop(running);
    let running = world.start();
    assert_eq!(running.records, 0);
    assert_eq!(audit(&running, &[wallet_id("payer")]).await[&wallet_id("payer")].len(), 2);
    running.stop().await;
}

#[actix::test]
async fn an_engine_that_is_dropped_lets_its_store_go() {
    let world = World::new(2);
    let running = world.start();
    yes(&running.ask(open("payer")).await);
    running.checkpoint().await;
    drop(running);
    // Its threads end by themselves, and with them the last who has the store open.
    until("the store can be opened", || world.store.open().is_ok()).await;
    let running = world.start();
    let answer = running.ask(summary(wallet_id("payer"))).await;
    assert!(seen(&answer).is_some());
    running.stop().await;
}
