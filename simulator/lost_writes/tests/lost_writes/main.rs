//! The real store on a disk that forgets what was not synced.
//!
//! A killed process keeps what it wrote: only a power cut shows a sync that is missing. So this
//! program stands in for the C library (`interpose`), keeps for every watched file what is sure to
//! be on disk (`watch`, and the shadow in this package's library), cuts the power at any call, and
//! opens what is left (`life`); `journal` and `archive` say what must be there.
//!
//! `LOST_WRITES_SEED` is the first seed, `LOST_WRITES_CUTS` how many cuts, for a night or for one
//! seed again; `LOST_WRITES_TELL` prints each life.

#![cfg(target_os = "linux")]

mod archive;
mod interpose;
mod journal;
mod life;
mod watch;

use life::Course;
use watch::Without;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

const CUTS_PER_SEED: u64 = 5;

#[test]
fn all_that_was_acknowledged_survives_power_cuts() {
    let first = number("LOST_WRITES_SEED", 1);
    let cuts = number("LOST_WRITES_CUTS", 60);
    let course = Course {
        cuts: CUTS_PER_SEED,
        calls: number("LOST_WRITES_CALLS", 300),
        large: 50_000,
        without: Without::Nothing,
    };
    for seed in first..first + cuts.div_ceil(CUTS_PER_SEED) {
        life::run(seed, &course).unwrap_or_else(|failed| panic!("{failed}"));
    }
}
