//! Activities in bulk: what a few providers did for their members, ten thousand lines a call.
//!
//! Two rates, of the same calls: the first time every line is new and accrues, the second time every
//! line is known and changes nothing. A call is answered when all of its lines are durable; what is
//! put off is a checkpoint, which gives each line its place in history. It is waited for before the
//! second time, and the rate until it is done is shown as well. Each provider's lines are judged by
//! one actor, and all providers share the shards' thread.

use std::time::Instant;

use super::super::super::arguments::Schedule;
use super::super::super::bulk::{self, Outcome, Plan, Until};
use super::super::super::expectation::{ACTIVITIES_PER_SECOND, MILLION};
use super::super::super::failure::Failure;
use super::super::super::measurement::rate;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::QUIET_PATIENCE;
use super::super::super::workload::{ACTIVITY_PROVIDERS, Lines, PROVIDERS};
use super::super::turns::report_journal;
use super::super::{Context, Subject};
use super::prepared::today;

/// Lines a call.
const LINES: u64 = 10_000;
/// Calls in flight at a time.
const CALLERS: u32 = 2;

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Schedule,
    report: &mut Report,
) -> Result<(), Failure> {
    let count = context.size(options.activities).next_multiple_of(LINES);
    let full = count >= MILLION;
    let subject = Subject::fresh(context, "schedule-activities", &[])?;
    subject.prepare(&Lines::register_providers(), PROVIDERS, "registering providers")?;
    report.section(format!(
        "activities, {count} lines, {LINES} a call, {CALLERS} callers, {ACTIVITY_PROVIDERS} \
         providers"
    ));
    let date = today(0).to_string();
    for (name, word) in [("new", "\"new\""), ("duplicates", "\"duplicate\"")] {
        let server = &subject.server;
        server.wait_quiet(QUIET_PATIENCE)?;
        let (journal, processor) = (server.journal()?, server.processor_time()?);
        let lines = Lines::activities(&date, LINES, word);
        let plan = Plan { lines: LINES, callers: CALLERS, until: Until::Lines(count) };
        let label = format!("submitting activities: {name}");
        let outcome = bulk::send(server.address, &lines, &subject.keys, plan, &label)?;
        let used = server.processor_time()?.saturating_sub(processor);
        report_outcome(name, &outcome, used.as_secs_f64(), full, report);
        let saving = Instant::now();
        server.checkpoint()?;
        let saved = rate(count, outcome.elapsed + saving.elapsed());
        report.row(Row::new(format!("{name}: lines, saved"), saved, Unit::PerSecond));
        if let (Some(before), Some(after)) = (journal, server.journal()?) {
            report_journal(after.since(before), report);
        }
        report.row(Row::new("RSS", server.resident_bytes()? as f64, Unit::Mebibytes));
    }
    subject.end(context)
}

fn report_outcome(name: &str, outcome: &Outcome, used: f64, full: bool, report: &mut Report) {
    report.answers(name, &outcome.tally);
    let row = Row::new(format!("{name}: lines, durable"), outcome.rate(), Unit::PerSecond);
    report.row(row.at_least(ACTIVITIES_PER_SECOND).judged_if(full));
    for (figure, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let value = outcome.latencies.quantile_ms(quantile);
        report.row(Row::new(format!("{name}: a call, {figure}"), value, Unit::Milliseconds));
    }
    let cost = used * 1e6 / outcome.tally.answered.max(1) as f64;
    report.row(Row::new(format!("{name}: processor a line"), cost, Unit::Microseconds));
}
