//! The simulator is tested too: each planted bug is found within a stated number of seeds.
//!
//! A bug that is not found fails the suite: then the simulator has gone blind, or the workload does
//! not go there any more. The numbers have room over what was measured; what each bug is, and what it
//! takes to show, stands in `actors/domain/src/planted.rs`. A few are too rare for a suite; they stand
//! apart, with who finds them. `-- --nocapture` prints the seeds; `BUG=trim-one-too-far SEEDS=5000` looks
//! for one of them for longer.
#![cfg(feature = "planted")]

use bursar_domain::planted::{Bug, plant};
use bursar_simulator::operations::Size;
use bursar_simulator::play;
use bursar_simulator::scenario::Scenario;

/// The size of the scenarios.
const SIZE: Size = Size { operations: 400, days: 10 };

/// Within how many seeds a bug is found; `None` when that is not for a suite: the tests of the
/// rules and of the engine, or of the store, fail with it.
const fn within(bug: Bug) -> Option<u64> {
    match bug {
        Bug::ReplyBeforeSync
        | Bug::ReadBeforeSync
        | Bug::CreditTwice
        | Bug::HighWaterDoubles
        | Bug::HighWaterLoses
        | Bug::WaitingListSkips
        | Bug::KeyLostAtCheckpoint
        | Bug::TrimOneTooFar
        | Bug::WrongOrderAfterRecovery
        | Bug::DirtyForgotten
        | Bug::OutcomesLost
        | Bug::OutcomesTwice
        | Bug::JobsOvertake
        | Bug::UnknownTakenAsNo
        | Bug::RetryUnderNewKey
        | Bug::SeatNotFreed
        | Bug::DrawnTwice => Some(100),
        Bug::CompensationForgetsRefund
        | Bug::TimerLostAtPassivation
        | Bug::FailureLeavesHold
        | Bug::HoldsNotCounted
        | Bug::UnknownUndoTakenAsDone
        | Bug::TakenBackTwice => Some(600),
        Bug::RefusalNotKept
        | Bug::TrimPastUnacknowledged
        | Bug::AcknowledgedOnArrival
        | Bug::SaveBeforeSync
        | Bug::SnapshotBeforeHistory
        | Bug::WaitsNotWritten
        | Bug::ResumeForgotten
        | Bug::NeverSeenBelieved
        | Bug::ReplacementNotCancelled => None,
    }
}

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
    let only = std::env::var("BUG").ok();
    let seeds = std::env::var("SEEDS").ok().map(|seeds| seeds.parse::<u64>().expect("a number"));
    let mut blind = Vec::new();
    for bug in Bug::ALL {
        let wanted =
            only.as_deref().map_or(within(bug), |only| (only == bug.as_str()).then_some(100));
        let Some(within) = wanted else { continue };
        match found(bug, seeds.unwrap_or(within)) {
            Some((seed, fault)) => {
                let fault: String = fault.chars().take(160).collect();
                println!("{}: seed {seed}: {fault}", bug.as_str());
            }
            None => {
                println!("{}: not found", bug.as_str());
                blind.push(bug.as_str());
            }
        }
    }
    if !blind.is_empty() {
        // The hook keeps what a panic says.
        drop(std::panic::take_hook());
        panic!("not found: {blind:?}");
    }
}
