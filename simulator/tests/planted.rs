//! The simulator is tested too: each planted bug is found within a stated number of seeds.
//!
//! A bug that is not found fails the suite: then the simulator has gone blind, or the workload does
//! not go there any more. The numbers were measured and have room; what each bug is, and what it takes
//! to show, stands in `actors/domain/src/planted.rs`. `cargo test --profile simulator -p
//! bursar-simulator --features planted --test planted -- --nocapture` prints the seeds.
#![cfg(feature = "planted")]

use bursar_domain::planted::{Bug, plant};
use bursar_simulator::operations::Size;
use bursar_simulator::play;
use bursar_simulator::scenario::Scenario;

/// The size of the scenarios.
const SIZE: Size = Size { operations: 400, days: 10 };

/// The seed at which a bug is found, and what is seen of it.
fn found(bug: Bug, within: u64) -> Option<(u64, String)> {
    plant(Some(bug));
    let found = (1..=within).find_map(|seed| {
        let report = play::play(&Scenario::draw(seed, SIZE));
        report.faults.into_iter().next().map(|fault| (seed, fault))
    });
    plant(None);
    found
}

#[test]
fn every_planted_bug_is_found() {
    play::note_panics();
    let mut blind = Vec::new();
    let within = std::env::var("SEEDS").map_or(300, |seeds| seeds.parse().expect("a number"));
    for bug in Bug::ALL {
        match found(bug, within) {
            Some((seed, fault)) => {
                let fault: String = fault.chars().take(160).collect();
                println!("{}: seed {seed}: {fault}", bug.as_str());
            }
            None => blind.push(bug.as_str()),
        }
    }
    assert!(blind.is_empty(), "not found: {blind:?}");
}
