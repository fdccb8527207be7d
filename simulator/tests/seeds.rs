//! Seeds: some are played, the same one twice gives the same to the last byte, and what failed once
//! is played again for ever.
//!
//! In a debug build these are few; `.ci/run` plays thousands of new ones with the simulator's own
//! profile. A seed's meaning changes with the workload, so a found bug has a test of its own beside the
//! mended code as well; `docs/testing.md` lists all of them.

use bursar_simulator::operations::Size;
use bursar_simulator::play;
use bursar_simulator::scenario::Scenario;
use bursar_simulator::{failure, shrink};

const SIZE: Size = Size { operations: 400, days: 10 };

fn assert_right(seed: u64, size: Size) {
    let scenario = Scenario::draw(seed, size);
    let report = play::play(&scenario);
    if !report.faults.is_empty() {
        let smaller = shrink::shrink(&scenario, report);
        panic!("{}", failure::text(&smaller.scenario, &smaller.report));
    }
}

#[test]
fn a_seed_replays_to_the_last_byte() {
    for seed in [3, 8] {
        let scenario = Scenario::draw(seed, SIZE);
        let (first, text) = play::written(&scenario, true);
        let (second, again) = play::written(&Scenario::draw(seed, SIZE), true);
        assert!(text.lines().count() > 100, "something happens");
        assert!(text == again, "the same seed gives the same text");
        assert_eq!((first.digest, first.counts), (second.digest, second.counts));
        assert_eq!(first.digest, play::play(&scenario).digest, "written or not");
    }
    let digest = |seed| play::play(&Scenario::draw(seed, SIZE)).digest;
    assert_ne!(digest(3), digest(8), "another seed is another run");
}

#[test]
fn the_first_seeds_are_right() {
    for seed in 1..=20 {
        assert_right(seed, Size { operations: 200, days: 4 });
    }
}

#[test]
fn seeds_that_failed_once_are_right() {
    // 189: a picture was taken while a repeat was still to come (the simulator's own fault).
    // 1683: a picture was taken over an instant at which a provider was due (its own fault, too).
    // 1791440898: who was turned away asked again for ever (its own fault).
    // 2074500052, 4001202280: no picture of one moment; a fault that began at rest (its own, too).
    // 2517062594: a cut tore one slot of the witness, and the next cut the other, before the first
    // was synced: the store was refused as damaged (mended in `snapshots/src/witness.rs`).
    for seed in [189, 1683, 1_791_440_898, 4_001_202_280, 2_517_062_594] {
        assert_right(seed, SIZE);
    }
}
