//! One advance and a few days, killed at every point, and run twice at every point.
//!
//! The days have all that a debit can meet: success, decline, an unknown answer, silence and a late
//! success before and after the replacement was submitted. Before each single step a copy of the
//! world is killed, or a run is begun by hand, and goes on to the end.

use bursar_domain::call::{Collecting, Policy};
use bursar_domain::plan::Plan;
use bursar_domain::schedule::Command;

use crate::bench::{DAY_MS, START_MS, policy};
use crate::flow::Faults;
use crate::processor::Fate;
use crate::world::World;

/// The days in which something is done; then the world is left to itself.
const DAYS: i64 = 22;

fn scene(seed: u64, percent: u64) -> World {
    let faults = Faults { percent, until: START_MS + 18 * DAY_MS, ..Faults::NONE };
    let collecting = Collecting { silent_days: 2, ..policy().collecting };
    let mut world = World::new(Policy { collecting, ..policy() }, faults, seed);
    // Debits 1 to 4; then those that replace the third and the second. What replaces the first is
    // cancelled before its day.
    world.processor.script = vec![
        Fate::after_hours(60, true),
        Fate::after_hours(9 * 24 + 6, true),
        Fate::DECLINED,
        Fate::DONE,
        Fate::after_hours(30, true),
        Fate::DONE,
    ];
    world.open("adv_0", 4_003, Plan::new(4, "day", None).expect("a plan"));
    world
}

/// Does something to a copy of the world before each of its steps.
fn at_every_point(mut world: World, mut act: impl FnMut(World)) -> usize {
    let until = START_MS + DAYS * DAY_MS;
    let mut count = 0;
    loop {
        act(world.clone());
        count += 1;
        if !world.step(until) {
            return count;
        }
    }
}

#[test]
fn the_scene_has_what_it_says() {
    let mut world = scene(1, 0);
    world.finish();
    let statuses = world.statuses();
    let expected = [("cancelled", 1), ("failed", 1), ("refunded", 1), ("succeeded", 4)];
    assert_eq!(Vec::from_iter(statuses), expected);
    let tally = world.tally();
    assert_eq!((tally.silent, tally.submitted, tally.completed), (2, 6, 1));
}

#[test]
fn killed_at_any_point_it_goes_on() {
    for (seed, percent) in [(1, 0), (2, 30), (3, 60)] {
        let points = at_every_point(scene(seed, percent), |mut world| {
            world.crash();
            world.finish();
        });
        assert!(points > 200, "{points}");
    }
}

#[test]
fn run_twice_at_any_point_the_ledgers_agree() {
    for (seed, percent) in [(1, 0), (2, 30)] {
        at_every_point(scene(seed, percent), |mut world| {
            world.command(&Command::RunNow);
            world.command(&Command::RunNow);
            world.finish();
        });
    }
}

#[test]
fn run_again_after_it_ended_nothing_is_changed() {
    let mut world = scene(1, 0);
    let mut done = 0;
    for day in 0..DAYS {
        let began = START_MS + day * DAY_MS;
        while world.step(began + 300_000) {}
        let mut again = world.clone();
        again.command(&Command::RunNow);
        again.command(&Command::RunNow);
        while again.step(began + 600_000) {}
        let debits = |world: &World| {
            let advances = world.advances.values();
            let rows = advances.map(|one| format!("{:?}", one.live.entity().schedule()));
            (rows.collect::<String>(), world.processor.entries.len())
        };
        assert_eq!(debits(&again), debits(&world), "day {day}");
        assert_eq!(again.runs.len(), world.runs.len() + 2);
        assert!(again.open_runs.is_empty(), "they ended");
        done += again.processor.entries.len();
    }
    assert!(done > 50, "or this shows nothing: {done}");
}
