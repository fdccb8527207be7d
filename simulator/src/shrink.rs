//! Making a failing scenario smaller: fewer operations, fewer faults, still failing.
//!
//! Delta debugging (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", 2002):
//! pieces of the lists are left out, half of them at first, then ever smaller ones, and what fails
//! in the same way is kept. The same way means that the first words of the first fault are the same, so that one
//! bug is not shrunk into another.
//!
//! Invariants: what is given back fails; at most [`RUNS_MAX`] runs are made.

use crate::play::play;
use crate::scenario::Scenario;
use crate::world::Report;

/// How many runs are made at most.
const RUNS_MAX: u32 = 600;

/// A smaller scenario, and what it reports.
#[derive(Debug)]
pub struct Smaller {
    /// The scenario.
    pub scenario: Scenario,
    /// Its report.
    pub report: Report,
    /// How many runs it took.
    pub runs: u32,
}

/// Which list something is left out of.
#[derive(Clone, Copy)]
enum List {
    Machine,
    Parties,
    Planned,
}

/// Makes a failing scenario smaller.
pub fn shrink(scenario: &Scenario, report: Report) -> Smaller {
    let mut smaller = Smaller { scenario: scenario.clone(), report, runs: 0 };
    loop {
        let before = size(&smaller.scenario);
        for list in [List::Machine, List::Parties, List::Planned] {
            smaller.leave_out(list);
        }
        if size(&smaller.scenario) == before || smaller.runs >= RUNS_MAX {
            return smaller;
        }
    }
}

fn size(scenario: &Scenario) -> usize {
    scenario.plan.planned.len() + scenario.parties.all.len() + scenario.machine.len()
}

/// The first words of what is wrong, without the numbers that change from run to run.
fn kind(report: &Report) -> String {
    let first = report.faults.first().map_or("", String::as_str);
    let words = first.chars().filter(|letter| letter.is_ascii_alphabetic() || *letter == ' ');
    words.take(40).collect()
}

impl Smaller {
    fn leave_out(&mut self, list: List) {
        let mut piece = len(&self.scenario, list).div_ceil(2);
        while piece > 0 && self.runs < RUNS_MAX {
            let mut from = 0;
            while from < len(&self.scenario, list) && self.runs < RUNS_MAX {
                let tried = without(&self.scenario, list, from, piece);
                self.runs += 1;
                let report = play(&tried);
                if !report.faults.is_empty() && kind(&report) == kind(&self.report) {
                    (self.scenario, self.report) = (tried, report);
                } else {
                    from += piece;
                }
            }
            piece /= 2;
        }
    }
}

fn len(scenario: &Scenario, list: List) -> usize {
    match list {
        List::Machine => scenario.machine.len(),
        List::Parties => scenario.parties.all.len(),
        List::Planned => scenario.plan.planned.len(),
    }
}

fn without(scenario: &Scenario, list: List, from: usize, piece: usize) -> Scenario {
    let mut scenario = scenario.clone();
    let end = (from + piece).min(len(&scenario, list));
    match list {
        List::Machine => drop(scenario.machine.drain(from..end)),
        List::Parties => drop(scenario.parties.all.drain(from..end)),
        List::Planned => drop(scenario.plan.planned.drain(from..end)),
    }
    scenario
}
