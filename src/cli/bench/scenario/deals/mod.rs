//! Deals: the tickets of one hot deal against the ceiling, and tickets at a steady pace while sagas
//! run.
//!
//! [`rush`] asks how many requests for one deal are decided and durable in a second, [`steady`] how
//! long one waits for its ticket while places are paid for and confirmed. Both hold the tickets
//! against each other: dense, and ascending on every connection.

mod book;
mod parties;
mod rush;
mod steady;

use super::super::arguments::Load;
use super::super::failure::Failure;
use super::super::report::{Report, Row, Unit};
use super::super::tickets::Fairness;
use super::Context;

/// Runs the scenario.
pub(crate) fn run(context: &Context, options: &Load, report: &mut Report) -> Result<(), Failure> {
    rush::run(context, options, report)?;
    steady::run(context, report)
}

/// Adds the rows that say how tickets followed the order of writing, and notes what must not be.
fn report_fairness(name: &str, fairness: Fairness, report: &mut Report) {
    let Fairness { tickets, backwards, gaps, pairs, swapped, places_lost } = fairness;
    let row = Row::new(format!("{name}: tickets"), tickets as f64, Unit::Count);
    report.row(row);
    let row =
        Row::new(format!("{name}: inversions on a connection"), backwards as f64, Unit::Count);
    report.row(row.at_most(0.0));
    let share = swapped as f64 / pairs.max(1) as f64;
    let row = Row::new(format!("{name}: swapped to the order written"), share, Unit::Ratio);
    report.row(row);
    let row = Row::new(format!("{name}: most places lost"), places_lost as f64, Unit::Count);
    report.row(row);
    if backwards > 0 {
        report.problem(format!("{name}: {backwards} tickets descend on their connection"));
    }
    if gaps > 0 {
        report.problem(format!("{name}: {gaps} gaps or doubles among the tickets"));
    }
}
