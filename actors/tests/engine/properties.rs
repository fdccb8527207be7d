//! Whatever is asked, saved and lost in whatever order: what was answered stays, once.
//!
//! Random workloads on random numbers of shards, with the power going at random calls, several
//! times in a row, and the clients asking everything again each time. At the end the engine is
//! audited, and the state that recovers is the state that was.

use bursar_snapshots::memory::{Fault, Faults};
use proptest::prelude::*;

use crate::audit::{audit, standing};
use crate::script::{Answered, Script, Step};
use crate::world::{World, run};

const WALLETS: usize = 4;
const PROVIDERS: usize = 2;

fn step() -> impl Strategy<Value = Step> {
    let wallet = 0..WALLETS;
    let everyone = WALLETS + PROVIDERS;
    prop_oneof![
        4 => (wallet.clone(), 1..2_000_i64).prop_map(|(w, cents)| Step::Deposit(w, cents)),
        6 => (wallet.clone(), 0..PROVIDERS, 1..600_i64).prop_map(|(w, p, c)| Step::Pay(w, p, c)),
        4 => (everyone..everyone + 40, prop::option::of(1..400_i64))
            .prop_map(|(question, cents)| Step::Refund(question, cents)),
        1 => (wallet.clone(), 0..3_u8, 1..300_i64).prop_map(|(w, h, c)| Step::Hold(w, h, c)),
        1 => (wallet.clone(), 0..3_u8).prop_map(|(w, h)| Step::Release(w, h)),
        1 => (wallet, any::<bool>()).prop_map(|(w, freeze)| Step::Freeze(w, freeze)),
        2 => Just(Step::Save),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let groups = prop::collection::vec(prop::collection::vec(step(), 1..6), 1..12);
    groups.prop_map(|groups| Script { wallets: WALLETS, providers: PROVIDERS, groups })
}

/// One loss of power: at one of the calls of a kind, with some of its writes done.
fn loss() -> impl Strategy<Value = Faults> {
    let fault = (1..25_u64, 0..4_usize).prop_map(|(call, keeps)| Fault { call, keeps });
    (fault, 0..3_u8).prop_map(|(fault, kind)| match kind {
        0 => Faults { append: Some(fault), ..Faults::default() },
        1 => Faults { save: Some(fault), ..Faults::default() },
        _ => Faults { trim: Some(fault), ..Faults::default() },
    })
}

async fn check(script: Script, shards: u16, threads: usize, losses: Vec<Faults>) {
    let mut world = World::new(shards);
    world.settings.threads = threads;
    let ids = script.ids();
    let mut answered = Answered::new();
    for faults in losses {
        let running = world.start();
        script.check_answered(&running, &answered).await;
        world.store.set_faults(faults);
        script.run(&running, &mut answered).await;
        running.crash();
    }
    let running = world.start();
    script.check_answered(&running, &answered).await;
    assert!(script.run(&running, &mut answered).await);
    script.check_answered(&running, &answered).await;
    audit(&running, &ids).await;
    let mut before = Vec::new();
    for id in &ids {
        before.push(standing(&running, id).await);
    }
    running.crash();
    let running = world.start();
    for (id, before) in ids.iter().zip(before) {
        assert_eq!(standing(&running, id).await, before, "what recovers is what was");
    }
    audit(&running, &ids).await;
    running.stop().await;
    let running = world.start();
    assert_eq!(running.records, 0);
    script.check_answered(&running, &answered).await;
    running.crash();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_answered_stays_once_whatever_is_lost(
        script in script(),
        shards in 1..5_u16,
        threads in 1..4_usize,
        losses in prop::collection::vec(loss(), 0..4),
    ) {
        run(check(script, shards, threads, losses));
    }
}
