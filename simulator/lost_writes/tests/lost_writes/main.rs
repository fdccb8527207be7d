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

use std::panic::{AssertUnwindSafe, catch_unwind};

use life::Course;
use watch::Without;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

const CUTS_PER_SEED: u64 = 5;

const COURSE: Course =
    Course { cuts: CUTS_PER_SEED, calls: 300, large: 50_000, without: Without::Nothing };

#[test]
fn all_that_was_acknowledged_survives_power_cuts() {
    let first = number("LOST_WRITES_SEED", 1);
    let cuts = number("LOST_WRITES_CUTS", 60);
    let course = Course { calls: number("LOST_WRITES_CALLS", COURSE.calls), ..COURSE };
    for seed in first..first + cuts.div_ceil(CUTS_PER_SEED) {
        life::run(seed, &course).unwrap_or_else(|failed| panic!("{failed}"));
    }
}

/// How many cuts are made until a loss is found, with something taken out.
fn cuts_until_found(course: Course) -> Option<u64> {
    let is_lost = |seed: &u64| {
        let run = catch_unwind(AssertUnwindSafe(|| life::run(*seed, &course)));
        match run {
            Ok(Ok(())) => false,
            Ok(Err(failed)) => {
                println!("{:?}: {failed:.300}", course.without);
                true
            }
            Err(_) => true,
        }
    };
    (1..=6).find(is_lost).map(|seed| seed * course.cuts)
}

#[test]
fn without_the_sync_of_the_data_a_loss_is_found() {
    let course = Course { without: Without::DataSync, ..COURSE };
    let cuts = cuts_until_found(course);
    assert!(cuts.is_some_and(|cuts| cuts <= 15), "{cuts:?}");
}

#[test]
fn without_the_sync_of_directories_a_loss_is_found() {
    let course = Course { without: Without::DirectorySync, ..COURSE };
    let cuts = cuts_until_found(course);
    assert!(cuts.is_some_and(|cuts| cuts <= 15), "{cuts:?}");
}

#[test]
fn without_the_sync_of_the_settings_a_loss_is_found() {
    let course = Course { without: Without::SettingsSync, calls: 80, ..COURSE };
    let cuts = cuts_until_found(course);
    assert!(cuts.is_some_and(|cuts| cuts <= 30), "{cuts:?}");
}
