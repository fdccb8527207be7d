//! Years go by in the small world, by chance: declines, silence, late successes, odd reports,
//! unknown answers, crashes, downtime, runs by hand. What `ends` says holds all the time.
//!
//! A failing case is named by one number, the seed; it can be run again with it alone. What is found
//! here is worth little if nothing happens in those years, so a test counts what does.

use std::collections::BTreeMap;

use bursar_domain::call::{Collecting, Policy};
use bursar_domain::plan::Plan;
use bursar_domain::run::Tally;
use bursar_domain::schedule::Command;
use proptest::prelude::*;

use crate::bench::{DAY_MS, START_MS, policy};
use crate::chance::Chance;
use crate::flow::Faults;
use crate::world::World;

/// How long things go wrong.
const WILD_DAYS: i64 = 500;

fn wild(seed: u64, representments_max: u32) -> World {
    let faults = Faults {
        percent: 25,
        uncredited_percent: 10,
        until: START_MS + WILD_DAYS * DAY_MS,
        page: 2,
    };
    let mut chance = Chance::new(seed ^ 0xbad);
    let attempts_max = u32::try_from(2 + chance.below(3)).expect("small");
    let collecting = Collecting { attempts_max, representments_max, ..Collecting::default() };
    // A refund may be pending for days: it is not asked after every second.
    let ladder_ms = vec![1_000, 4_000, 3_600_000];
    let mut world = World::new(Policy { ladder_ms, collecting, ..policy() }, faults, seed);
    world.processor.percent = u64::try_from(30 + chance.below(50)).expect("small");
    world
}

fn any_plan(chance: &mut Chance) -> Plan {
    let (installments, every) = [
        (1, "day"),
        (5, "day"),
        (12, "week"),
        (4, "week"),
        (3, "month"),
        (6, "month"),
        (1, "year"),
    ][chance.below(7)];
    let first_due = ["2025-12-01", "2026-01-31", "2026-02-28"][chance.below(3)];
    let first_due = chance.of(30).then_some(first_due);
    Plan::new(installments, every, first_due).expect("a plan")
}

/// A world of some advances, until all of them have ended.
fn live(seed: u64, representments_max: u32, advances: usize) -> World {
    let mut world = wild(seed, representments_max);
    let mut chance = Chance::new(seed ^ 0x5eed);
    for number in 0..advances {
        let cents = 100 + i64::try_from(chance.below(100_000)).expect("small");
        world.open(&format!("adv_{number}"), cents, any_plan(&mut chance));
        pass(&mut world, &mut chance, 15);
    }
    while world.faults.are_on(world.now) {
        pass(&mut world, &mut chance, 30);
    }
    world.finish();
    world
}

/// Some time passes, and an operator or a crash interferes.
fn pass(world: &mut World, chance: &mut Chance, days: usize) {
    for _ in 0..chance.below(days) {
        let until = world.now + DAY_MS;
        let mut steps = if chance.of(30) { chance.below(60) } else { usize::MAX };
        while steps > 0 && world.step(until) {
            steps -= 1;
        }
        match chance.below(40) {
            0..10 if steps == 0 => world.crash(),
            10 => world.command(&Command::RunNow),
            11 => {
                world.command(&Command::RunNow);
                world.command(&Command::RunNow);
            }
            12 => {
                world.crash();
                world.now += i64::try_from(chance.below(20)).expect("small") * DAY_MS;
                world.crash();
            }
            _ => {}
        }
        while world.step(until) {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_the_ledgers_agree(
        seed in any::<u64>(),
        representments_max in 0..3_u32,
        advances in 1..6_usize,
    ) {
        live(seed, representments_max, advances);
    }
}

/// Without this, the property above could hold because nothing happens.
#[test]
fn everything_happens_in_those_years() {
    let mut tally = Tally::default();
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..12 {
        let world = live(seed, u32::try_from(seed % 3).expect("small"), 5);
        tally.add(&world.tally());
        for (status, count) in world.statuses() {
            *statuses.entry(status).or_default() += count;
        }
        for (kind, count) in &world.told {
            *told.entry(kind).or_default() += count;
        }
    }
    println!("{tally:?}\n{statuses:?}\n{told:?}");
    for (word, count) in tally.counts() {
        assert!(count > 0, "{word}: {tally:?}");
    }
    for status in ["succeeded", "failed", "silent", "cancelled", "refunded"] {
        assert!(statuses[status] > 0, "{status}: {statuses:?}");
    }
    for kind in [
        "advance.active",
        "advance.failed",
        "advance.debit.succeeded",
        "advance.debit.failed",
        "advance.debit.refunded",
        "advance.completed",
        "advance.defaulted",
    ] {
        assert!(told[kind] > 0, "{kind}: {told:?}");
    }
    let refunded = u64::try_from(statuses["refunded"]).expect("small");
    assert_eq!(told["advance.debit.refunded"], refunded, "each is told once");
}
