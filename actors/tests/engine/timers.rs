//! Who waits for an instant sleeps on disk and is woken in time, in the order of the instants.
//!
//! The entities that wait are deposits whose bank gives no answer at first: each is a saga that
//! asks again when its pause is over. The clock stands until a test moves it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bursar_actors::clock::ClockError;
use bursar_actors::scheduler::{MoveError, Moved, Step, run_until};
use bursar_domain::id::{EntityId, Kind, WalletId};
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::time::Timestamp;
use bursar_snapshots::memory::{Fault, Faults};

use crate::asks::{
    all_yes, apart, balance, deposit, open, open_with_bank, pay, pull, register, seen, summary,
    wallet_id, yes,
};
use crate::audit::{audit, records};
use crate::bank::Bank;
use crate::gates::Call;
use crate::world::{Running, World, is_pending, run, until};

/// So many deposits of one wallet; it may have a few more on their way.
const EACH: usize = 240;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A world whose bank is asked so often in vain, with these pauses in between.
fn world(shards: u16, in_vain: u32, ladder_ms: &[i64]) -> World {
    let mut world = World::new(shards);
    world.bank = Some(Arc::new(Bank::new(in_vain)));
    world.policy.ladder_ms = ladder_ms.to_vec();
    world.policy.step_deadline_ms = 1_000 * DAY;
    world
}

fn bank(world: &World) -> &Bank {
    world.bank.as_deref().expect("these worlds have one")
}

/// Asks for a deposit and waits until its saga waits. Returns the saga.
async fn ask_bank(running: &Running, wallet: &str, key: &str) -> EntityId {
    let seq = yes(&running.ask(pull(wallet, key, 100)).await);
    settle(running).await;
    let wallet = WalletId::parse(wallet).expect("well formed");
    EntityId::saga(Deposit::id(&wallet, seq))
}

async fn posted(running: &Running, wallet: &str) -> i128 {
    balance(seen(&running.ask(summary(wallet_id(wallet))).await).expect("it exists"))
}

async fn in_memory(running: &Running) -> BTreeSet<EntityId> {
    let residents = running.get(running.engine.residents()).await.expect("it runs");
    residents.into_iter().map(|resident| resident.id).collect()
}

/// Saves everything, and lets all who may leave memory leave it.
async fn let_all_go(running: &Running) {
    settle(running).await;
    running.checkpoint().await;
    for id in in_memory(running).await {
        running.passivate(&id).await;
    }
    assert_eq!(in_memory(running).await, BTreeSet::new());
}

/// Time has passed: all that is due is done.
async fn settle(running: &Running) {
    running.get(running.engine.time_moved()).await.expect("it runs");
    running.get(running.engine.quiet()).await.expect("it runs");
}

async fn move_to(world: &World, running: &Running, target: Timestamp) -> (Moved, Vec<Step>) {
    let mut steps = Vec::new();
    let moving = run_until(&running.engine, &world.clock, target, |step| steps.push(step));
    let moved = running.get(moving).await.expect("it runs");
    (moved, steps)
}

#[actix::test]
async fn who_waits_for_an_instant_leaves_memory_and_is_woken_when_it_comes() {
    // Within the horizon and beyond it.
    for pause in [10 * MINUTE, 2 * DAY] {
        let world = world(3, 1, &[pause]);
        let running = world.start();
        running.ask(open_with_bank("ann")).await;
        let saga = ask_bank(&running, "ann", "in").await;
        let_all_go(&running).await;
        world.pass_ms(pause - 1);
        settle(&running).await;
        assert_eq!(bank(&world).calls().len(), 1, "it sleeps on");
        assert_eq!(in_memory(&running).await, BTreeSet::new());
        world.pass_ms(1);
        settle(&running).await;
        assert_eq!(bank(&world).calls(), [saga.clone(), saga.clone()]);
        assert_eq!(posted(&running, "ann").await, 100);
        audit(&running, &[wallet_id("ann"), saga]).await;
        running.stop().await;
    }
}

#[actix::test]
async fn who_sleeps_is_not_read_at_start_and_is_woken_after_a_crash() {
    for pause in [10 * MINUTE, 2 * DAY] {
        let world = world(3, 1, &[pause]);
        let running = world.start();
        running.ask(open_with_bank("ann")).await;
        let saga = ask_bank(&running, "ann", "in").await;
        let_all_go(&running).await;
        // The journal lets go of what is saved between two appends at the latest.
        running.ask(open("other")).await;
        running.ask(deposit("other", "in", 1)).await;
        running.crash();

        let running = world.start();
        running.get(running.engine.quiet()).await.expect("it runs");
        assert_eq!((running.records, in_memory(&running).await.len()), (2, 0));
        assert_eq!(bank(&world).calls().len(), 1);
        running.crash();

        // While it is down, the instant passes.
        world.pass_ms(pause + 5);
        let running = world.start();
        settle(&running).await;
        assert_eq!(bank(&world).calls(), [saga.clone(), saga.clone()]);
        assert_eq!(posted(&running, "ann").await, 100);
        audit(&running, &[wallet_id("ann"), wallet_id("other"), saga]).await;
        running.stop().await;
    }
}

#[actix::test]
async fn who_waits_and_was_never_saved_is_woken_after_a_crash() {
    for pause in [10 * MINUTE, 2 * DAY] {
        let world = world(2, 1, &[pause]);
        let running = world.start();
        running.ask(open_with_bank("ann")).await;
        let saga = ask_bank(&running, "ann", "in").await;
        running.crash();
        let running = world.start();
        let present = running.get(running.engine.present(Kind::Saga)).await.expect("it runs");
        assert_eq!(present, [saga], "it stands in the tail, and is shown from the beginning");
        running.get(running.engine.quiet()).await.expect("it runs");
        world.pass_ms(pause);
        settle(&running).await;
        assert_eq!(posted(&running, "ann").await, 100);
        running.stop().await;
    }
}

#[actix::test]
async fn who_began_to_wait_beyond_the_horizon_is_saved_before_it_moves() {
    for is_saving in [false, true] {
        let world = world(1, 1, &[2 * DAY]);
        let running = world.start();
        running.ask(open_with_bank("ann")).await;
        bank(&world).hold();
        yes(&running.ask(pull("ann", "in", 100)).await);
        until("the bank is asked", || bank(&world).held() == 1).await;
        let mut save = Box::pin(running.engine.checkpoint());
        if is_saving {
            // What is being saved waits for the answer, not yet for an instant.
            world.gates.close(Call::Save);
            assert!(is_pending(&mut save));
            until("the save is held", || world.gates.waiting(Call::Save) == 1).await;
        }
        bank(&world).release();
        running.get(running.engine.quiet()).await.expect("it runs");
        world.pass_ms(2 * DAY);
        running.get(running.engine.time_moved()).await.expect("it runs");
        world.gates.open(Call::Save);
        running.get(save).await.expect("it runs");
        running.get(running.engine.quiet()).await.expect("it runs");
        assert_eq!(bank(&world).calls().len(), 2);
        assert_eq!(posted(&running, "ann").await, 100);
        running.stop().await;
    }
}

#[actix::test]
async fn who_waits_for_an_answer_stays_and_is_read_at_start() {
    let world = world(2, 0, &[DAY]);
    bank(&world).hold();
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    yes(&running.ask(pull("ann", "in", 100)).await);
    until("the bank is asked", || bank(&world).held() == 1).await;
    let saga = bank(&world).calls().remove(0);
    running.checkpoint().await;
    assert!(!running.get(running.engine.passivate(&saga)).await.expect("it runs"));
    running.crash();

    bank(&world).release();
    let running = world.start();
    settle(&running).await;
    assert_eq!(bank(&world).calls(), [saga.clone(), saga], "it asks again by itself");
    assert_eq!(posted(&running, "ann").await, 100);
    running.stop().await;
}

#[actix::test]
async fn after_a_jump_the_sleeping_wake_in_the_order_of_their_instants() {
    const COUNT: usize = 40;
    let world = world(1, 1, &[5 * HOUR]);
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    let mut sagas = Vec::new();
    for n in 0..COUNT {
        sagas.push(ask_bank(&running, "ann", &format!("in-{n}")).await);
        // Some within an hour of one another, some not.
        world.pass_ms(if n % 7 == 3 { 3 * MINUTE } else { SECOND });
        if n == COUNT / 2 {
            let_all_go(&running).await;
        }
    }
    let_all_go(&running).await;
    bank(&world).forget();
    world.pass_ms(30 * DAY);
    settle(&running).await;
    assert_eq!(bank(&world).calls(), sagas);
    assert_eq!(posted(&running, "ann").await, 100 * i128::try_from(COUNT).expect("few"));
    running.stop().await;
}

#[actix::test]
async fn far_more_than_a_page_sleep_and_wake() {
    const WALLETS: usize = 13;
    const COUNT: usize = WALLETS * EACH;
    let world = world(1, 1, &[2 * HOUR]);
    let running = world.start();
    let names: Vec<String> = (0..WALLETS).map(|n| format!("wallet-{n}")).collect();
    for name in &names {
        running.ask(open_with_bank(name)).await;
        let asks = (0..EACH).map(|n| pull(name, &format!("in-{n}"), 100)).collect();
        all_yes(&running.ask_all(asks).await);
    }
    let_all_go(&running).await;
    running.ask(open("other")).await;
    running.ask(deposit("other", "in", 1)).await;
    running.crash();
    let running = world.start();
    settle(&running).await;
    assert_eq!(in_memory(&running).await.len(), 0, "they cost no actors");
    bank(&world).forget();
    world.pass_ms(2 * HOUR);
    settle(&running).await;
    assert_eq!(bank(&world).calls().len(), COUNT);
    for name in &names {
        assert_eq!(posted(&running, name).await, 100 * i128::try_from(EACH).expect("few"));
    }
    running.stop().await;
}

#[actix::test]
async fn not_all_are_in_memory_at_once_when_many_wake() {
    const COUNT: usize = EACH;
    const CEILING: usize = EACH / 4;
    let mut world = world(1, 2, &[2 * HOUR]);
    world.settings.limits.residents_max = CEILING;
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    for n in 0..COUNT / CEILING {
        let asks = (0..CEILING).map(|k| pull("ann", &format!("in-{n}-{k}"), 100)).collect();
        all_yes(&running.ask_all(asks).await);
        let_all_go(&running).await;
    }
    bank(&world).forget();
    bank(&world).hold();
    world.pass_ms(2 * HOUR);
    running.get(running.engine.time_moved()).await.expect("it runs");
    until("some ask", || bank(&world).held() > CEILING).await;
    assert!(in_memory(&running).await.len() <= 2 * CEILING + 1);
    bank(&world).release();
    running.get(running.engine.quiet()).await.expect("it runs");
    assert_eq!(bank(&world).calls().len(), COUNT);
    running.stop().await;
}

#[actix::test]
async fn the_way_is_gone_step_by_step_and_what_comes_on_the_way_takes_its_place() {
    let world = world(3, 3, &[DAY]);
    let running = world.start();
    let names = ["ann", "ben", "cleo"];
    let mut sagas = Vec::new();
    for name in names {
        running.ask(open_with_bank(name)).await;
        sagas.push(ask_bank(&running, name, "in").await);
        world.pass_ms(6 * HOUR);
    }
    let_all_go(&running).await;
    bank(&world).forget();
    let start = world.now().millis() - 18 * HOUR;
    let target = world.after_ms(10 * DAY);
    let (moved, steps) = move_to(&world, &running, target).await;
    // Each asks three times more; the last time it learns that it is done.
    let rounds = [&sagas[..], &sagas, &sagas].concat();
    assert_eq!(bank(&world).calls(), rounds);
    let expected: Vec<i64> =
        (1..=3).flat_map(|day| (0..3).map(move |n| start + day * DAY + n * 6 * HOUR)).collect();
    assert_eq!(steps.iter().map(|step| step.at.millis()).collect::<Vec<_>>(), expected);
    assert!(steps.iter().map(|step| step.number).eq(1..=9));
    assert_eq!(moved, Moved { steps: 9, now: target });
    for (n, saga) in (0..).zip(&sagas) {
        let decided = records(&running, saga).await;
        let at = decided.last().expect("it has decided").1.at.millis();
        assert_eq!(at, start + 3 * DAY + n * 6 * HOUR, "decided when it was due");
    }
    let ids = names.map(wallet_id);
    audit(&running, &[&ids[..], &sagas].concat()).await;
    running.stop().await;
}

#[actix::test]
async fn a_slow_answer_is_waited_for_before_the_clock_moves_on() {
    let world = world(2, 1, &[DAY]);
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    ask_bank(&running, "ann", "in").await;
    let_all_go(&running).await;
    bank(&world).hold();
    let due = world.after_ms(DAY);
    let target = world.after_ms(3 * DAY);
    let mut moving = Box::pin(run_until(&running.engine, &world.clock, target, |_| ()));
    while bank(&world).held() == 0 {
        assert!(is_pending(&mut moving));
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        assert!(is_pending(&mut moving));
        running.states().await;
        assert_eq!(world.now(), due);
    }
    bank(&world).release();
    let moved = running.get(moving).await.expect("it runs");
    assert_eq!(moved, Moved { steps: 1, now: target });
    assert_eq!(posted(&running, "ann").await, 100);
    running.stop().await;
}

#[actix::test]
async fn clients_may_ask_all_the_while() {
    let world = world(2, 3, &[DAY]);
    let running = world.start();
    let (payer, provider) = apart(2);
    running.ask_all(vec![open_with_bank("ann"), open(&payer), register(&provider)]).await;
    yes(&running.ask(deposit(&payer, "in", 1_000_000)).await);
    ask_bank(&running, "ann", "in").await;
    let target = world.after_ms(30 * DAY);
    // Each payment's message is on its way when the next one is asked for.
    let mut moving = Box::pin(run_until(&running.engine, &world.clock, target, |_| ()));
    let mut asked = 0;
    let moved = loop {
        tokio::select! {
            biased;
            moved = &mut moving => break moved.expect("it runs"),
            _ = running.ask(pay(&payer, &format!("out-{asked}"), &provider, 1)) => asked += 1,
        }
    };
    drop(moving);
    assert_eq!(moved, Moved { steps: 3, now: target });
    assert!(posted(&running, &payer).await <= 1_000_000 - asked);
    assert_eq!(posted(&running, "ann").await, 100);
    running.stop().await;
}

#[actix::test]
async fn one_at_a_time_moves_the_clock_and_never_back() {
    let world = world(2, 2, &[DAY]);
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    ask_bank(&running, "ann", "in").await;
    let (near, far) = (world.after_ms(DAY), world.after_ms(5 * DAY));
    let first = run_until(&running.engine, &world.clock, far, |_| ());
    let second = run_until(&running.engine, &world.clock, near, |_| ());
    let (first, second) = running.get(async { tokio::join!(first, second) }).await;
    assert_eq!(first.expect("it runs"), Moved { steps: 2, now: far });
    match second {
        Err(MoveError::Clock(ClockError::Back { now, to })) => assert_eq!((now, to), (far, near)),
        other => panic!("{other:?}"),
    }
    let again = move_to(&world, &running, far).await;
    assert_eq!(again, (Moved { steps: 0, now: far }, Vec::new()));
    running.stop().await;
}

#[actix::test]
async fn who_moves_the_clock_is_told_when_the_engine_stops() {
    let world = world(2, 1, &[DAY]);
    let running = world.start();
    running.ask(open_with_bank("ann")).await;
    ask_bank(&running, "ann", "in").await;
    let target = world.after_ms(5 * DAY);
    running.get(running.engine.stop()).await.expect("it stops");
    let moved = run_until(&running.engine, &world.clock, target, |_| ()).await;
    assert!(matches!(moved, Err(MoveError::Stopped(_))), "{moved:?}");
}

/// Goes a week with a fault on the way, and, after the power has gone, the rest of it. Returns
/// whether the fault struck.
async fn crash_on_the_way(faults: Faults) -> bool {
    let world = world(2, 2, &[DAY]);
    let names = ["ann", "ben"];
    let running = world.start();
    let mut sagas = Vec::new();
    for name in names {
        running.ask(open_with_bank(name)).await;
        sagas.push(ask_bank(&running, name, "in").await);
        world.pass_ms(6 * HOUR);
    }
    let_all_go(&running).await;
    world.store.set_faults(faults);
    let target = world.after_ms(7 * DAY);
    let moving = run_until(&running.engine, &world.clock, target, |_| ());
    let struck = !matches!(running.unless_ended(moving).await, Some(Ok(_)));
    running.crash();

    let running = world.start();
    let (moved, _) = move_to(&world, &running, world.after_ms(7 * DAY)).await;
    assert!(moved.now >= target);
    for name in names {
        assert_eq!(posted(&running, name).await, 100, "{name}, {faults:?}");
    }
    audit(&running, &[&names.map(wallet_id)[..], &sagas].concat()).await;
    running.stop().await;
    struck
}

#[test]
fn a_crash_on_the_way_leaves_nothing_out() {
    for keeps in [0, 1, usize::MAX] {
        let append = |call| Faults { append: Some(Fault { call, keeps }), ..Faults::default() };
        let save = |call| Faults { save: Some(Fault { call, keeps }), ..Faults::default() };
        for faults in [&append as &dyn Fn(u64) -> Faults, &save] {
            let struck = (1..).take_while(|call| run(crash_on_the_way(faults(*call))));
            let count = struck.count();
            assert!(count >= 3, "only {count} calls failed");
        }
    }
}
