//! Money on a schedule: a daily run over a million advances, a report of a million lines,
//! activities by the hundred thousand, and a million timers asleep.
//!
//! Each part has a server and a directory of its own. [`daily`] and [`reading`] open directories
//! with advances that [`prepared`] made, the other two are set up over HTTP. [`peer`] is a processor
//! with any report one likes, [`watch`] looks at the server's memory meanwhile, [`ask`] is how the
//! parts speak with it.

mod activities;
mod ask;
mod daily;
mod peer;
pub(super) mod prepared;
mod reading;
mod sleepers;
mod watch;

use super::super::arguments::{Part, Schedule};
use super::super::failure::Failure;
use super::super::report::Report;
use super::Context;

/// Runs the scenario, or the parts of it that were asked for.
pub(crate) fn run(
    context: &Context,
    options: &Schedule,
    report: &mut Report,
) -> Result<(), Failure> {
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    if wanted(Part::Daily) {
        daily::run(context, options, report)?;
    }
    if wanted(Part::Report) {
        reading::run(context, options, report)?;
    }
    if wanted(Part::Activities) {
        activities::run(context, options, report)?;
    }
    if wanted(Part::Timers) {
        sleepers::run(context, options, report)?;
    }
    Ok(())
}
