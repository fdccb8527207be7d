//! Millions of bank lines, exported to Parquet from the directory of a stopped server.
//!
//! The directory is filled over HTTP: a tenth of the lines, then the others; after each, the server
//! is stopped in order and `bursar export` is run as anyone would run it. Its rate is its own report,
//! from the opened directory to the finished file; the time of the whole process stands beside it.
//! What ten times the rows take in memory, more than a tenth of them, says whether memory follows
//! the rows: the kernel keeps the peak of the process.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::super::arguments::Rewards;
use super::super::super::expectation::{
    EXPORT_GROWTH_BYTES, EXPORT_PER_SECOND, EXPORTED_ROWS, MILLION,
};
use super::super::super::failure::Failure;
use super::super::super::interrupt;
use super::super::super::process;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::Server;
use super::super::super::workload::Lines;
use super::super::{Context, Subject};
use super::intake;
use super::lines::{Bank, Call, Shape};

/// Lines a call, and calls that are rendered at a time.
const LINES: u64 = 500;
const CALLS: u64 = 400;
/// Lines of each wallet.
const LINES_A_WALLET: u64 = 1_000;
/// The first export has a tenth of the rows.
const SMALLER: u64 = 10;
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(5);

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Rewards,
    report: &mut Report,
) -> Result<(), Failure> {
    let calls = context.size(options.rows).div_ceil(SMALLER * LINES) * SMALLER;
    let (rows, wallets) = (calls * LINES, (calls * LINES).div_ceil(LINES_A_WALLET));
    let subject = Subject::fresh(context, "rewards-export", &[])?;
    subject.prepare(&Lines::open_wallets(wallets), wallets, "opening wallets")?;
    let Subject { mut server, data, keys } = subject;
    let mut peaks = Vec::new();
    let mut from = 0;
    for to in [calls / SMALLER, calls] {
        report.section(format!("export of {} bank lines to Parquet", to * LINES));
        fill(&server, from..to, wallets, options.callers)?;
        from = to;
        server.stop()?;
        let exported = export(&data, to * LINES)?;
        report_export(&exported, rows, report);
        peaks.push(exported.peak_bytes);
        server = Server::serve(&data, &[])?;
        server.wait_ready()?;
    }
    let growth = peaks[1].saturating_sub(peaks[0]) as f64;
    let row = Row::new("memory: more than for a tenth", growth, Unit::Mebibytes);
    report.row(row.at_most(EXPORT_GROWTH_BYTES).judged_if(rows >= MILLION));
    Subject { server, data, keys }.end(context)
}

/// Takes lines in.
fn fill(
    server: &Server,
    calls: std::ops::Range<u64>,
    wallets: u64,
    callers: u32,
) -> Result<(), Failure> {
    let progress = Progress::new("filling a directory with bank lines", calls.end - calls.start);
    let bank = Bank::new();
    let mut first = calls.start;
    while first < calls.end {
        let end = (first + CALLS).min(calls.end);
        let call = |number: u64| bank.call(number % wallets, number * LINES, LINES, Shape::Ndjson);
        let rendered: Arc<Vec<Call>> = Arc::new((first..end).map(call).collect());
        let (tally, _) = intake::send(server.address, &rendered, callers, "\"new\"")?;
        if !tally.is_clean() {
            return Err(Failure::Answer(format!("filling a directory: {tally}")));
        }
        progress.advance(end - first);
        first = end;
    }
    Ok(())
}

/// What an export came to.
struct Exported {
    rows: u64,
    bytes: u64,
    per_second: f64,
    whole: Duration,
    processor: Duration,
    peak_bytes: u64,
}

/// Exports all lines of a directory; there are so many.
fn export(data: &Path, rows: u64) -> Result<Exported, Failure> {
    let failed = || Failure::system("running an export");
    let file = data.with_extension("parquet");
    let program = std::env::current_exe().map_err(failed())?;
    let begin = Instant::now();
    let mut child = Command::new(program)
        .args(["export", "--table", "transactions", "--format", "parquet", "--json", "--data"])
        .arg(data)
        .arg("--out")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed())?;
    let pid = child.id();
    interrupt::process_began(pid);
    let (mut peak_bytes, mut processor) = (0, Duration::ZERO);
    while child.try_wait().map_err(failed())?.is_none() {
        // Neither can be read any more between the end and the next look.
        peak_bytes = process::peak_bytes(pid).unwrap_or(peak_bytes);
        processor = process::processor_time(pid).unwrap_or(processor);
        std::thread::sleep(LOOK);
    }
    interrupt::process_ended(pid);
    let whole = begin.elapsed();
    let output = child.wait_with_output().map_err(failed())?;
    std::fs::remove_file(&file)
        .map_err(|source| Failure::Directory { path: file.clone(), source })?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let (found, bytes, per_second) =
        (said["rows"].as_u64(), said["bytes"].as_u64(), said["rows_per_second"].as_f64());
    match (found, bytes, per_second) {
        (Some(found), Some(bytes), Some(per_second)) if found == rows => {
            Ok(Exported { rows, bytes, per_second, whole, processor, peak_bytes })
        }
        _ => Err(Failure::Answer(format!("{rows} lines were taken; the export says {said}"))),
    }
}

fn report_export(exported: &Exported, all: u64, report: &mut Report) {
    let Exported { rows, bytes, per_second, whole, processor, peak_bytes } = exported;
    let judged = *rows == all && *rows >= EXPORTED_ROWS;
    let row = Row::new("rows", *per_second, Unit::PerSecond);
    report.row(row.at_least(EXPORT_PER_SECOND).judged_if(judged));
    report.row(Row::new("the whole command", whole.as_secs_f64(), Unit::Seconds));
    let each = processor.as_secs_f64() * 1e6 / *rows as f64;
    report.row(Row::new("processor a row", each, Unit::Microseconds));
    report.row(Row::new("file, a row", *bytes as f64 / *rows as f64, Unit::Bytes));
    report.row(Row::new("memory, at most", *peak_bytes as f64, Unit::Mebibytes));
}
