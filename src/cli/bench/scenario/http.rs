//! Single requests: payments, reads and one hot wallet, held against the ceiling.
//!
//! For each number of connections: ceiling, payments and hot wallet take turns at saturation; then
//! payments at half of what was reached, for latency; then the ceiling's and the server's reads.
//! The half load is run against the ceiling too: a tail that is there as well is the machine's.

use std::time::Duration;

use super::super::arguments::Load;
use super::super::expectation::{
    HALF_LOAD_P99_MS, HOT_TO_SPREAD, PAYMENTS_TO_CEILING, READS_TO_CEILING,
};
use super::super::failure::Failure;
use super::super::load::{self, Paced};
use super::super::progress::Progress;
use super::super::report::{Report, Row, Unit};
use super::super::server::{QUIET_PATIENCE, Server};
use super::super::workload::Workload;
use super::turns::{self, Side};
use super::{Context, Subject};

/// Wallets the payments are spread over.
pub(super) const WALLETS: u64 = 10_000;

/// Runs the scenario.
pub(crate) fn run(context: &Context, options: &Load, report: &mut Report) -> Result<(), Failure> {
    let subject = Subject::fresh(context, "http", &[])?;
    subject.open_and_fund(WALLETS)?;
    subject.open_hot_wallet()?;
    let ceiling = Server::ceiling()?;
    for connections in &options.connections {
        report.section(format!("http, {connections} connections"));
        writes(context, options.seconds, *connections, &subject, &ceiling, report)?;
        reads(context, options.seconds, *connections, &subject, &ceiling, report)?;
    }
    report.section("http, the server afterwards");
    subject.server.wait_quiet(QUIET_PATIENCE)?;
    let resident = subject.server.resident_bytes()?;
    report.row(Row::new("RSS", resident as f64, Unit::Mebibytes));
    ceiling.stop()?;
    subject.end(context)
}

fn writes(
    context: &Context,
    seconds: u64,
    connections: u32,
    subject: &Subject,
    ceiling: &Server,
    report: &mut Report,
) -> Result<(), Failure> {
    let spread = Workload::payments(&subject.keys, WALLETS);
    let hot = Workload::hot(&subject.keys);
    let mut sides = [
        Side::new("ceiling, payments", ceiling, spread.clone()),
        Side::new("payments", &subject.server, spread),
        Side::new("hot wallet", &subject.server, hot),
    ];
    let label = format!("payments, {connections} connections");
    turns::take(&label, context.slices(seconds), connections, &mut sides)?;
    let [top, payments, hot] = &sides;

    report.row(Row::series("ceiling, payments", top.rate(), Unit::PerSecond));
    report.row(Row::series("payments, durable", payments.rate(), Unit::PerSecond));
    let ratio = Row::series("payments to ceiling", payments.rate_to(top), Unit::Ratio);
    report.row(ratio.at_least(PAYMENTS_TO_CEILING));
    payments.report_quiet(report);
    payments.report_journal(report);
    report.row(Row::series("one hot wallet", hot.rate(), Unit::PerSecond));
    let ratio = Row::series("hot wallet to payments", hot.rate_to(payments), Unit::Ratio);
    report.row(ratio.at_least(HOT_TO_SPREAD));
    for side in &sides {
        side.report_answers(report);
        side.report_cost(report);
    }
    turns::report_others(&sides, report);

    let half = payments.rate().median / 2.0;
    report.row(Row::new("half load", half, Unit::PerSecond));
    let length = context.length(seconds);
    let own = half_load(&subject.server, payments.workload(), connections, half, length)?;
    report_latency("half load", &own, report);
    subject.server.wait_quiet(QUIET_PATIENCE)?;
    let rival = half_load(ceiling, top.workload(), connections, half, length)?;
    let p99 = rival.latencies.quantile_ms(0.99);
    report.row(Row::new("ceiling at that load, p99", p99, Unit::Milliseconds));
    report.answers("ceiling at half load", &rival.tally);
    Ok(())
}

fn half_load(
    server: &Server,
    workload: &Workload,
    connections: u32,
    per_second: f64,
    length: Duration,
) -> Result<Paced, Failure> {
    let _progress = Progress::new(&format!("half load, {connections} connections"), 1);
    load::pace(server.address, workload, connections, per_second, length)
}

fn report_latency(name: &str, paced: &Paced, report: &mut Report) {
    let latencies = &paced.latencies;
    report.answers(name, &paced.tally);
    if latencies.len() == 0 {
        report.problem(format!("{name}: no answers"));
        return;
    }
    let row =
        |figure: &str, value| Row::new(format!("{name}, {figure}"), value, Unit::Milliseconds);
    report.row(row("p50", latencies.quantile_ms(0.5)));
    report.row(row("p99", latencies.quantile_ms(0.99)).under(HALF_LOAD_P99_MS));
    report.row(row("p99.9", latencies.quantile_ms(0.999)));
    report.row(row("longest", latencies.longest_ms()));
}

fn reads(
    context: &Context,
    seconds: u64,
    connections: u32,
    subject: &Subject,
    ceiling: &Server,
    report: &mut Report,
) -> Result<(), Failure> {
    let workload = Workload::reads(WALLETS);
    let mut sides = [
        Side::new("ceiling, reads", ceiling, workload.clone()),
        Side::new("reads", &subject.server, workload),
    ];
    let label = format!("reads, {connections} connections");
    turns::take(&label, context.slices(seconds), connections, &mut sides)?;
    let [top, reads] = &sides;
    report.row(Row::series("ceiling, reads", top.rate(), Unit::PerSecond));
    report.row(Row::series("reads", reads.rate(), Unit::PerSecond));
    let ratio = Row::series("reads to ceiling", reads.rate_to(top), Unit::Ratio);
    report.row(ratio.at_least(READS_TO_CEILING));
    for side in &sides {
        side.report_answers(report);
        side.report_cost(report);
    }
    turns::report_others(&sides, report);
    Ok(())
}
