//! Playing a scenario: a panic of the product is a fault like any other.
//!
//! Assertions are on in release, and the server stops when one fails. Here the panic is caught and
//! becomes a line of the report, with the place where it happened.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::scenario::Scenario;
use crate::world::{Counts, Report, Trace, World};

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic says instead of printing it. For the whole process, once.
pub fn note_panics() {
    std::panic::set_hook(Box::new(|panic| {
        PANIC.with_borrow_mut(|noted| *noted = Some(panic.to_string()));
    }));
}

/// Plays a scenario.
pub fn play(scenario: &Scenario) -> Report {
    caught(|| World::new(scenario, Trace::silent()).run())
}

/// Plays a scenario; with every step as text, if that is wanted.
pub fn written(scenario: &Scenario, with_text: bool) -> (Report, String) {
    if !with_text {
        return (play(scenario), String::new());
    }
    let text = Trace::written();
    let report = caught(|| World::new(scenario, text.clone()).run());
    (report, text.text())
}

fn caught(run: impl FnOnce() -> Report) -> Report {
    if let Ok(report) = catch_unwind(AssertUnwindSafe(run)) {
        return report;
    }
    let noted = PANIC.take().unwrap_or_else(|| "somewhere".to_owned());
    let faults = vec![format!("a panic: {noted}")];
    Report { faults, digest: 0, counts: Counts::default() }
}

/// What was counted over many seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// How many were played.
    pub seeds: u64,
    counts: Counts,
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.counts.add(&report.counts);
    }

    /// In a line, with the rates over a time.
    pub fn line(&self, took: Duration) -> String {
        let Self { seeds, counts } = self;
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let steps = counts.turns + counts.events;
        format!(
            "{seeds} seeds in {:.1} s, {} a minute; {steps} steps, {} a millisecond; {} requests, {} \
             a millisecond; {} records; {} attempts at third parties; {} ends of processes; {} \
             damages found; {} simulated days, {} a minute",
            took.as_secs_f32(),
            seeds * 60_000 / millis,
            steps / millis,
            counts.sent,
            counts.sent / millis,
            counts.records,
            counts.attempts,
            counts.ends,
            counts.damage_found,
            counts.millis / 86_400_000,
            counts.millis * 60_000 / 86_400_000 / millis,
        )
    }
}
