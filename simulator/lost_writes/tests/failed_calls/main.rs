//! The real store on a disk that fails: the n-th call, for every n.
//!
//! A short life (a new store, appends, saves, a trim, closed, opened again, more of it) is run once
//! for each of its calls on files, reads too, and that call fails: the device errs, once or from
//! then on, or the disk is full, once, or halfway through a write and from then on. A failed sync
//! loses what was to be synced, as it does in the kernel, and is told once to each open file.
//!
//! Then three things must hold. The failure is noticed or harmless: an operation that is answered
//! with success is done. After a refused writing call the store is finished: no later one succeeds,
//! although the disk may work again. And what is left, as a killed process leaves it or as a power
//! cut does, opens without faults, with all that was acknowledged.
//!
//! A panic anywhere is the end of the process, as in the release build. A store that neither
//! answers nor panics is a failure of this test.
//!
//! By default each call fails in one way, drawn from the seed; `FAILED_CALLS_EACH=1` tries all ways
//! and both ends, and has the store check a copy of itself first, which are twice as many calls;
//! `FAILED_CALLS_SEED` draws other work, `FAILED_CALLS_FIRST` begins with a call.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod life;

use std::collections::BTreeMap;

use bursar_simulator::chance::Chance;
use common::number;
use common::watch::{Fault, Kind};
use life::{End, Outcome};

const KINDS: [Kind; 4] = [Kind::Errs, Kind::IsBroken, Kind::IsFull, Kind::FillsUp];
const ENDS: [End; 2] = [End::Killed, End::Cut];

/// Runs one life, which must end as it should.
fn run(seed: u64, fault: Fault, end: End) -> Outcome {
    let Fault { at, kind } = fault;
    let (told, outcome) = life::run(seed, fault, end);
    let told = format!("seed {seed}, call {at}, {kind:?}, {end:?}, {}", told.unwrap_or_default());
    let outcome = outcome.unwrap_or_else(|failed| panic!("{told}: {failed}"));
    if number("FAILED_CALLS_TELL", 0) != 0 {
        println!("{told}: {}, {outcome}", outcome.name());
    }
    outcome
}

#[test]
fn every_call_that_fails_stops_the_store_or_does_no_harm() {
    let seed = number("FAILED_CALLS_SEED", 1);
    let tries_all = number("FAILED_CALLS_EACH", 0) != 0;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut is_past = false;
    let mut at = number("FAILED_CALLS_FIRST", 1);
    while !is_past {
        let mut chance = Chance::new(seed).split_at(at);
        let one = (*chance.pick(&KINDS), *chance.pick(&ENDS));
        let all = KINDS.into_iter().flat_map(|kind| ENDS.map(|end| (kind, end)));
        let ways: Vec<_> = if tries_all { all.collect() } else { vec![one] };
        for (kind, end) in ways {
            let outcome = run(seed, Fault { at, kind }, end);
            is_past |= outcome.is_past;
            *counts.entry(outcome.name()).or_default() += 1;
        }
        at += 1;
    }
    println!("{at} calls: {counts:?}");
    assert!(at > 100 && counts.len() == 3, "{at}: {counts:?}");
}
