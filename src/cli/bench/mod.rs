//! `bursar bench`: measures a fresh server on this machine and holds the figures against what is
//! expected of them.
//!
//! Each scenario starts the same binary again as `bursar serve` on an empty directory, prepares it
//! through the HTTP contract alone, and drives it with a load generator of its own ([`load`],
//! [`bulk`]). Only the million advances of [`scenario::schedule`] are made by the engine in this
//! process. Beside it runs the [`ceiling`]: an actix-web handler that only parses and answers the
//! same JSON, in a process of its own. Absolute numbers say as much about the machine as about the
//! server; the ratio of the two, taken in turns within one run, says what durability costs.
//!
//! The code here is synchronous and reads from top to bottom; only the generator itself is async.

#![allow(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "rates, ratios and times are measurements, never money"
)]

mod arguments;
mod bulk;
mod ceiling;
mod client;
mod directory;
mod expectation;
mod exposition;
mod failure;
mod interrupt;
mod load;
mod measurement;
mod process;
mod progress;
mod report;
mod response;
mod scenario;
mod server;
mod tally;
mod template;
mod tickets;
mod workload;

pub(crate) use arguments::Arguments;

use std::io::{self, Write};

use arguments::Scenario;
use failure::Failure;
use report::Report;
use scenario::Context;

use super::Exit;

/// Runs `bursar bench`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    if let Scenario::Ceiling(options) = &arguments.scenario {
        return match ceiling::serve(options.listen) {
            Ok(()) => Exit::Done,
            Err(error) => {
                eprintln!("the ceiling's server stopped: {error}");
                Exit::No
            }
        };
    }
    let mut report = Report::default();
    let outcome = measure(arguments, &mut report);
    // What was measured before a failure is still worth reading.
    let text = if arguments.common.json {
        format!("{}\n", report.json(outcome.as_ref().err()))
    } else if report.is_empty() {
        String::new()
    } else {
        report.table()
    };
    if let Err(error) = io::stdout().write_all(text.as_bytes()) {
        eprintln!("bursar bench: the report: {error}");
        return Exit::No;
    }
    match outcome {
        Ok(()) if report.has_problems() => Exit::No,
        Ok(()) => Exit::Done,
        Err(failure) => {
            eprintln!("bursar bench: {failure}");
            failure.exit()
        }
    }
}

fn measure(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        eprintln!("bursar bench: this is a debug build; its figures say nothing about a release");
    }
    interrupt::watch()?;
    let context = Context::new(&arguments.common)?;
    match &arguments.scenario {
        Scenario::Http(options) => scenario::http::run(&context, options, report),
        Scenario::Hot(options) => scenario::hot::run(&context, options, report),
        Scenario::Batch(options) => scenario::batch::run(&context, options, report),
        Scenario::Wallets(options) => scenario::wallets::run(&context, options, report),
        Scenario::Restart(options) => scenario::restart::run(&context, options, report),
        Scenario::Deals(options) => scenario::deals::run(&context, options, report),
        Scenario::Schedule(options) => scenario::schedule::run(&context, options, report),
        Scenario::Rewards(options) => scenario::rewards::run(&context, options, report),
        Scenario::All(options) => scenario::all(&context, options, report),
        Scenario::Ceiling(_) => unreachable!("the ceiling was served before anything is measured"),
    }
}
