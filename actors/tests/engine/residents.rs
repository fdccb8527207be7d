//! Memory follows the active set: who is idle leaves, and comes back as it was.
//!
//! Thousands of wallets go through an engine that keeps a few. The ceiling holds after checkpoints,
//! because only what is saved can leave, and each wallet answers as if it had stayed. Who has
//! something to wait for stays, and who only repeats what it said before need not.

use std::time::Instant;

use bursar_domain::id::EntityId;

use crate::asks::{
    all_yes, balance, decided, deposit, open, pay, provider_id, refund, register, seen, summary,
    wallet_id, yes,
};
use crate::audit::audit;
use crate::gates::Call;
use crate::world::{DEADLINE, Running, World, is_pending, until};

const CEILING: usize = 40;
const SHARDS: u16 = 2;

fn world() -> World {
    let mut world = World::new(SHARDS);
    world.settings.limits.residents_max = CEILING;
    world
}

async fn residents(running: &Running) -> usize {
    running.states().await.iter().map(|state| state.residents).max().expect("there are shards")
}

/// Saves, and lets go who may, until no shard has more than so many in memory. Each checkpoint ends
/// with asking the excess to leave, which they do when they have their turn.
async fn settle(running: &Running, most: usize) {
    running.quiet().await;
    let began = Instant::now();
    while residents(running).await > most {
        let stay = running.get(running.engine.residents()).await.expect("it runs");
        assert!(began.elapsed() < DEADLINE, "{} are still in memory: {stay:?}", stay.len());
        running.checkpoint().await;
    }
}

#[actix::test]
async fn thousands_of_wallets_go_through_a_memory_for_a_few() {
    let world = world();
    let running = world.start();
    running.ask(register("clinic")).await;
    let names: Vec<String> = (0..2_000).map(|n| format!("wallet-{n}")).collect();
    let worth = |n: usize| i64::try_from(n).expect("few") + 10;
    for (chunk, names) in names.chunks(CEILING).enumerate() {
        let numbered = || names.iter().zip(chunk * CEILING..);
        running.ask_all(names.iter().map(|name| open(name)).collect()).await;
        running.ask_all(numbered().map(|(name, n)| deposit(name, "in", worth(n))).collect()).await;
        let paid = names.iter().map(|name| pay(name, "out", "clinic", 3)).collect();
        all_yes(&running.ask_all(paid).await);
        settle(&running, CEILING).await;
    }
    let ids: Vec<EntityId> = names.iter().map(|name| wallet_id(name)).collect();
    let shown = ids.iter().filter(|id| running.engine.see(id).is_some()).count();
    assert!(shown <= CEILING * usize::from(SHARDS), "{shown} are shown");
    for (chunk, names) in names.chunks(CEILING).enumerate() {
        let asks = names.iter().map(|name| summary(wallet_id(name))).collect();
        for (answer, n) in running.ask_all(asks).await.iter().zip(chunk * CEILING..) {
            let seen = seen(answer).expect("it exists");
            assert_eq!((balance(seen), seen.version), (i128::from(worth(n) - 3), 3), "{n}");
        }
        let asks = names.iter().map(|name| pay(name, "out", "clinic", 3)).collect();
        let answers = running.ask_all(asks).await;
        assert!(answers.iter().all(|answer| decided(answer).2), "replayed from disk");
        settle(&running, CEILING).await;
    }
    let answer = running.ask(summary(provider_id("clinic"))).await;
    assert_eq!(balance(seen(&answer).expect("registered")), 3 * 2_000);
    running.stop().await;
}

#[actix::test]
async fn who_is_asked_for_and_does_not_exist_does_not_stay() {
    let world = world();
    let running = world.start();
    let asks = (0..CEILING * 4).map(|n| summary(wallet_id(&format!("nobody-{n}")))).collect();
    let answers = running.ask_all(asks).await;
    assert!(answers.iter().all(|answer| seen(answer).is_none()));
    settle(&running, 0).await;
    running.stop().await;
}

#[actix::test]
async fn a_wallet_that_only_repeats_answers_may_leave() {
    let world = World::new(1);
    let running = world.start();
    running.ask_all(vec![register("clinic"), open("payer"), open("other")]).await;
    running.ask(deposit("payer", "in", 100)).await;
    let paid = yes(&running.ask(pay("payer", "out", "clinic", 40)).await);
    running.ask(refund("payer", "back", paid, Some(1))).await;
    running.quiet().await;
    // So many small groups while it is saved that its records stay in memory with them.
    world.gates.close(Call::Save);
    let mut save = Box::pin(running.engine.checkpoint());
    assert!(is_pending(&mut save));
    until("the save is held", || world.gates.waiting(Call::Save) == 1).await;
    for n in 0..200 {
        running.ask(deposit("other", &format!("in-{n}"), 1)).await;
    }
    world.gates.open(Call::Save);
    running.get(save).await.expect("it runs");
    let repeats = [
        pay("payer", "out", "clinic", 40),
        refund("payer", "back", paid, Some(1)),
        summary(wallet_id("payer")),
    ];
    for repeat in repeats {
        running.ask(repeat).await;
        running.passivate(&wallet_id("payer")).await;
        assert!(running.engine.see(&wallet_id("payer")).is_none());
    }
    running.stop().await;
}

#[actix::test]
async fn who_waits_for_money_stays_until_it_has_come() {
    let world = World::new(SHARDS);
    let running = world.start();
    running.ask_all(vec![register("clinic"), open("payer")]).await;
    running.ask(deposit("payer", "in", 100)).await;
    for n in 0..20 {
        let paid = yes(&running.ask(pay("payer", &format!("out-{n}"), "clinic", 40)).await);
        // Asked to leave while the refund is on its way; its answer comes all the same.
        let back = running.hand_on(vec![refund("payer", &format!("back-{n}"), paid, None)]).await;
        running.get(running.engine.passivate(&wallet_id("payer"))).await.expect("it runs");
        yes(&running.get(back.answers()).await[0]);
    }
    audit(&running, &[wallet_id("payer"), provider_id("clinic")]).await;
    running.stop().await;
}

#[actix::test]
async fn the_idle_leave_by_themselves() {
    let mut world = World::new(SHARDS);
    world.settings.limits.idle_ms = 1_000;
    let running = world.start();
    running.ask_all((0..10).map(|n| open(&format!("wallet-{n}"))).collect()).await;
    running.checkpoint().await;
    world.pass_ms(999);
    running.checkpoint().await;
    assert_ne!(residents(&running).await, 0);
    world.pass_ms(1);
    for _ in 0..2 {
        running.checkpoint().await;
    }
    let shown = |n| running.engine.see(&wallet_id(&format!("wallet-{n}"))).is_some();
    until("all have left", || !(0..10).any(shown)).await;
    running.stop().await;
}
