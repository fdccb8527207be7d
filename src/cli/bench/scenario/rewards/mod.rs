//! Bank lines by the hundred thousand: taken in, sent again, pushed at a rate that rises, exported.
//!
//! Each part has a server and a directory of its own; in all but the last, a campaign draws every
//! line. [`lines`] renders what a bank would send before anything is measured, [`campaign`] is what
//! the parts ask of the campaign. [`intake`] sends batches as fast as they are answered; [`spike`]
//! sends calls when they are due ([`push`]) and looks meanwhile at what has been drawn ([`watch`])
//! and who has been told of a reward ([`winners`]); [`export`] has the lines written to a file.

mod campaign;
mod export;
mod intake;
mod lines;
mod push;
mod spike;
mod watch;
mod winners;

use super::super::arguments::{Rewards, RewardsPart};
use super::super::failure::Failure;
use super::super::report::Report;
use super::Context;

/// Settings of the servers: mails go out as fast as the sandbox takes them. By default there are 50 a
/// second, and all rewards of a spike would wait for theirs for minutes.
fn settings(latency_ms: u32) -> [(&'static str, String); 4] {
    [
        ("BURSAR__MAIL__RATE_PER_S", "0".to_owned()),
        ("BURSAR__MAIL__CONCURRENCY", "64".to_owned()),
        ("BURSAR__SANDBOX__LATENCY_MS", latency_ms.to_string()),
        ("BURSAR__SANDBOX__LATENCY_JITTER_MS", "0".to_owned()),
    ]
}

/// Runs the scenario, or the parts of it that were asked for.
pub(crate) fn run(
    context: &Context,
    options: &Rewards,
    report: &mut Report,
) -> Result<(), Failure> {
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    if wanted(RewardsPart::Intake) {
        intake::run(context, options, report)?;
    }
    if wanted(RewardsPart::Spike) {
        spike::run(context, options, report)?;
    }
    if wanted(RewardsPart::Export) {
        export::run(context, options, report)?;
    }
    Ok(())
}
