//! Payments by the batch.
//!
//! Two rates: until the last answer, when every payment is durable, and until the server is quiet,
//! when what it put off (crediting the providers) is done as well. A server that only runs up
//! debts to itself shows in the second.

use std::time::Duration;

use super::super::arguments::Batch;
use super::super::bulk::{self, Plan, Until};
use super::super::expectation::{BATCH_PER_SECOND, BATCH_SIZES};
use super::super::failure::Failure;
use super::super::measurement::rate;
use super::super::report::{Report, Row, Unit};
use super::super::server::QUIET_PATIENCE;
use super::super::workload::{Lines, Spread};
use super::turns::report_journal;
use super::{Context, Subject};

/// Runs the scenario.
pub(crate) fn run(context: &Context, options: &Batch, report: &mut Report) -> Result<(), Failure> {
    let wallets = context.size(options.wallets);
    let subject = Subject::fresh(context, "batch", &[])?;
    subject.open_and_fund(wallets)?;
    let server = &subject.server;
    let lines = Lines::payments(Spread::AtRandom(wallets));
    let plan = |until| Plan { lines: options.lines, callers: options.callers, until };
    let send = |until, label| bulk::send(server.address, &lines, &subject.keys, plan(until), label);

    send(Until::Elapsed(Duration::from_secs(1)), "warming up")?.clean("warming up")?;
    server.wait_quiet(QUIET_PATIENCE)?;
    let (journal, processor) = (server.journal()?, server.processor_time()?);
    let length = context.length(options.seconds);
    let outcome = send(Until::Elapsed(length), "payments by batch")?;
    let quiet_after = server.wait_quiet(QUIET_PATIENCE)?;
    let used = server.processor_time()?.saturating_sub(processor);

    let (count, callers) = (options.lines, options.callers);
    report.section(format!("batch, {count} lines a call, {callers} callers, {wallets} wallets"));
    report.answers("batch", &outcome.tally);
    let full = (options.lines, wallets) == BATCH_SIZES;
    let row = Row::new("payments, durable", outcome.rate(), Unit::PerSecond);
    report.row(row.at_least(BATCH_PER_SECOND).judged_if(full));
    report.row(Row::new("quiet after", quiet_after.as_secs_f64(), Unit::Seconds));
    let until_quiet = rate(outcome.tally.answered, outcome.elapsed + quiet_after);
    report.row(Row::new("payments until quiet", until_quiet, Unit::PerSecond));
    let call = |figure, quantile| {
        Row::new(figure, outcome.latencies.quantile_ms(quantile), Unit::Milliseconds)
    };
    report.row(call("a call, p50", 0.5));
    report.row(call("a call, p99", 0.99));
    let cost = used.as_secs_f64() * 1e6 / outcome.tally.answered.max(1) as f64;
    report.row(Row::new("processor a payment", cost, Unit::Microseconds));
    if let (Some(before), Some(after)) = (journal, server.journal()?) {
        report_journal(after.since(before), report);
    }
    report.row(Row::new("RSS", server.resident_bytes()? as f64, Unit::Mebibytes));
    subject.end(context)
}
