//! The daily run over a million advances, of which a tenth is due.
//!
//! The server opens a directory with all of them, credited a day before; their first debits are
//! spread over ten days, of which today is the first. Then an operator begins a run. Selecting and
//! staging is the time from there until the run leaves its first phase: every advance that is due
//! has recorded its debit by then. No other advance may be read for it, which is seen in how many
//! are in memory.
//!
//! Then the run submits, at the pace of the processor's limit. That takes as long as it must (the
//! default is 200 calls in a second, and there are a hundred thousand), so it is looked at for some
//! time and cut off; the sandbox counts the calls.

use std::time::{Duration, Instant};

use super::super::super::arguments::Schedule;
use super::super::super::expectation::{MILLION, PACED_TO_LIMIT, RESIDENTS_TO_DUE, STAGED_WITHIN};
use super::super::super::failure::Failure;
use super::super::super::measurement::ratio;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::{QUIET_PATIENCE, Server};
use super::super::Context;
use super::ask::{self, Standing};
use super::prepared::{self, Order};
use super::watch::{self, Peak};

/// Over how many days the first debits are spread: one part is due.
const SPREAD_DAYS: u32 = 10;
/// Between two looks at the run.
const LOOK: Duration = Duration::from_millis(20);
/// How long a phase may take; far more than is expected of it.
const PATIENCE: Duration = Duration::from_mins(10);

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Schedule,
    report: &mut Report,
) -> Result<(), Failure> {
    let advances = context.size(options.advances);
    let due = advances.div_ceil(u64::from(SPREAD_DAYS));
    let full = advances >= MILLION;
    report.section(format!("daily run, {advances} advances, {due} of them due"));
    let data = context.directory.subdirectory("schedule-daily")?;
    let order = Order { advances, days_ago: 1, spread_days: SPREAD_DAYS, submitted: false };
    let made = prepared::make(&data, &order)?;
    report.row(Row::new("made, in the bench", made.as_secs_f64(), Unit::Seconds));

    let rate = options.rate;
    let settings = ["BURSAR__PROCESSOR__RATE_PER_S", "BURSAR__SANDBOX__RATE_PER_S"];
    let settings = settings.map(|name| (name, rate.to_string()));
    let server = Server::serve(&data, &settings)?;
    let ready = server.wait_ready()?;
    report.row(Row::new("ready", ready.as_secs_f64(), Unit::Seconds));
    server.wait_quiet(QUIET_PATIENCE)?;
    let before = server.resident_bytes()?;
    let ((begun, staging, standing), peak) = watch::during(&server, || stage(&server, due))?;
    report_staging(&standing, due, staging, full, report);
    report_memory(before, peak, due, full, report);

    let seconds = context.length(options.submitting);
    let (pace, peak) = watch::during(&server, || submit(&server, &begun, seconds))?;
    report_pace(&pace, rate, report);
    let (most, turned_away) = ask::processor_calls(&server)?;
    let row = Row::new("most in any one second", most as f64, Unit::Count);
    report.row(row.at_most(f64::from(rate)));
    report.row(Row::new("of them turned away", turned_away as f64, Unit::Count).at_most(0.0));
    report.row(Row::new("submission: RSS", peak.bytes as f64, Unit::Mebibytes));
    // A run is journaled, so it may be cut off; it would go on for minutes.
    server.kill()?;
    context.directory.discard(&data)
}

/// Begins a run and waits until all that is due has been staged; gives its address and the time.
fn stage(server: &Server, due: u64) -> Result<(String, Duration, Standing), Failure> {
    let progress = Progress::new("staging", due);
    let mut staged = 0;
    let begin = Instant::now();
    let run = ask::begin_run(server)?;
    loop {
        if let Some(standing) = ask::standing(server, &run)? {
            progress.advance(standing.staged - staged);
            staged = standing.staged;
            if standing.status != "staging" {
                return Ok((run, begin.elapsed(), standing));
            }
        }
        if begin.elapsed() > PATIENCE {
            return Err(Failure::Answer(format!("{run} is still staging, {staged} of {due}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// How debits went out.
struct Pace {
    /// How many.
    submitted: u64,
    elapsed: Duration,
    /// Whether the run came to its end.
    is_done: bool,
}

/// Looks at the submission until it is over, or for some time.
fn submit(server: &Server, run: &str, length: Duration) -> Result<Pace, Failure> {
    let progress = Progress::new("submitting, at the processor's pace", length.as_secs());
    let (mut begin, mut before, mut shown) = (Instant::now(), None, 0);
    loop {
        if let Some(standing) = ask::standing(server, run)? {
            // The clock starts with the first debit, not with the report that is read before.
            if standing.submitted > 0 && before.is_none() {
                (begin, before) = (Instant::now(), Some(standing.submitted));
            }
            let elapsed = begin.elapsed();
            let is_done = standing.status == "done";
            if is_done || (before.is_some() && elapsed >= length) {
                let submitted = standing.submitted - before.unwrap_or(standing.submitted);
                return Ok(Pace { submitted, elapsed, is_done });
            }
            if before.is_none() && elapsed > PATIENCE {
                return Err(Failure::Answer(format!("{run} submits nothing: {standing:?}")));
            }
            progress.advance(elapsed.as_secs().saturating_sub(shown));
            shown = shown.max(elapsed.as_secs());
        }
        std::thread::sleep(LOOK);
    }
}

fn report_staging(
    standing: &Standing,
    due: u64,
    staging: Duration,
    full: bool,
    report: &mut Report,
) {
    let row = Row::new("selecting and staging", staging.as_secs_f64(), Unit::Seconds);
    report.row(row.under(STAGED_WITHIN.as_secs_f64()).judged_if(full));
    let rate = ratio(standing.staged as f64, staging.as_secs_f64());
    report.row(Row::new("staged, durable", rate, Unit::PerSecond));
    if (standing.advances, standing.staged) != (due, due) {
        report.problem(format!("staging: {due} advances are due: {standing:?}"));
    }
}

fn report_memory(before: u64, peak: Peak, due: u64, full: bool, report: &mut Report) {
    let row = Row::new("staging: entities in memory", peak.residents as f64, Unit::Count);
    report.row(row.at_most(RESIDENTS_TO_DUE * due as f64).judged_if(full));
    report.row(Row::new("RSS before", before as f64, Unit::Mebibytes));
    report.row(Row::new("staging: RSS", peak.bytes as f64, Unit::Mebibytes));
}

fn report_pace(pace: &Pace, rate: u32, report: &mut Report) {
    let name = if pace.is_done { "submitted, to the end" } else { "submitted meanwhile" };
    report.row(Row::new(name, pace.submitted as f64, Unit::Count));
    let per_second = ratio(pace.submitted as f64, pace.elapsed.as_secs_f64());
    let row = Row::new("submission", per_second, Unit::PerSecond);
    // A few debits are over before a pace can be seen.
    let long = pace.elapsed >= Duration::from_secs(5);
    report.row(row.at_least(PACED_TO_LIMIT * f64::from(rate)).judged_if(long));
}
