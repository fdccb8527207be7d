//! A report of a million lines, read as a stream.
//!
//! The directory has advances whose first debits were submitted yesterday, and the processor has
//! not decided. Two reports come, one after the other, each to a server of its own: a tenth of the
//! lines, then all of them. In each, a tenth is new debits; those of the first report are in the
//! second one again, and count for nothing; the rest is about others.
//!
//! Two times: until the report was fetched, checked and set aside, and until every advance it is
//! about has recorded what it says. Memory is looked at for the fetching alone, because afterwards
//! the advances are in it; it must not follow the number of lines.

use std::time::{Duration, Instant};

use super::super::super::arguments::Schedule;
use super::super::super::expectation::{MILLION, REPORT_GROWTH_BYTES, REPORT_WITHIN};
use super::super::super::failure::Failure;
use super::super::super::measurement::ratio;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::{QUIET_PATIENCE, Server};
use super::super::Context;
use super::ask::{self, Standing};
use super::peer::{Contents, Peer};
use super::prepared::{self, Order};
use super::watch;

/// One line in so many is about a debit that is new.
const FRESH_IN: u64 = 10;
/// The first report has a tenth of the lines.
const SMALLER: u64 = 10;
/// Between two looks at the run.
const LOOK: Duration = Duration::from_millis(10);
/// How long a run may take; far more than is expected of it.
const PATIENCE: Duration = Duration::from_mins(10);

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Schedule,
    report: &mut Report,
) -> Result<(), Failure> {
    let lines = context.size(options.lines).max(SMALLER * FRESH_IN);
    let full = lines >= MILLION;
    let few = Contents { lines: lines / SMALLER, debits: lines / SMALLER / FRESH_IN };
    // The second report has the debits of the first one, too.
    let all = Contents { lines, debits: few.debits + lines / FRESH_IN };
    let data = context.directory.subdirectory("schedule-report")?;
    let order = Order { advances: all.debits, days_ago: 2, spread_days: 1, submitted: true };
    prepared::make(&data, &order)?;

    let peer = Peer::start()?;
    let mut grown = Vec::new();
    for (contents, before) in [(few, 0), (all, few.debits)] {
        let (count, fresh) = (contents.lines, contents.debits - before);
        report.section(format!("report of {count} lines, {fresh} of them new"));
        peer.report(contents);
        let server = start(&data, &peer)?;
        grown.push(read(&server, (contents, fresh), full, report)?);
        server.stop()?;
    }
    let difference = grown[1].saturating_sub(grown[0]) as f64;
    let row = Row::new("fetching: growth, to that of a tenth", difference, Unit::Mebibytes);
    report.row(row.at_most(REPORT_GROWTH_BYTES).judged_if(full));
    context.directory.discard(&data)
}

/// Starts a server that calls the peer.
fn start(data: &std::path::Path, peer: &Peer) -> Result<Server, Failure> {
    let url = format!("http://{}", peer.address);
    let settings = [
        ("BURSAR__PROCESSOR__URL", url.clone()),
        ("BURSAR__DOCUMENTS__URL", url),
        ("BURSAR__MAIL__URL", format!("smtp://{}", peer.address)),
    ];
    let server = Server::serve_calling_others(data, &settings)?;
    server.wait_ready()?;
    server.wait_quiet(QUIET_PATIENCE)?;
    Ok(server)
}

/// Has a run read the report; gives by how much memory had grown when it was fetched.
fn read(
    server: &Server,
    (contents, fresh): (Contents, u64),
    full: bool,
    report: &mut Report,
) -> Result<u64, Failure> {
    let progress = Progress::new("reading the processor's report", 3);
    let before = server.resident_bytes()?;
    let run = ask::begin_run(server)?;
    until(server, &run, |status| status != "staging")?;
    progress.advance(1);
    let begin = Instant::now();
    let (fetched, peak) = watch::during(server, || {
        until(server, &run, |status| status != "fetching")?;
        Ok(begin.elapsed())
    })?;
    progress.advance(1);
    let ((standing, applied), applying_peak) = watch::during(server, || {
        let standing = until(server, &run, |status| !matches!(status, "reading" | "closing"))?;
        Ok((standing, begin.elapsed()))
    })?;
    progress.advance(1);
    drop(progress);

    if (standing.lines, standing.fresh) != (contents.lines, fresh) || standing.report != "read" {
        report.problem(format!("{contents:?} was served, {fresh} new: {standing:?}"));
    }
    if (standing.ended, standing.misfits) != (fresh, 0) {
        report.problem(format!("{fresh} debits have ended: {standing:?}"));
    }
    let judged = full && contents.lines >= MILLION;
    let rate = |count: u64, time: Duration| ratio(count as f64, time.as_secs_f64());
    report.row(Row::new("fetched and checked in", fetched.as_secs_f64(), Unit::Seconds));
    report.row(Row::new("lines fetched", rate(contents.lines, fetched), Unit::PerSecond));
    let row = Row::new("read, all that is new applied", applied.as_secs_f64(), Unit::Seconds);
    report.row(row.under(REPORT_WITHIN.as_secs_f64()).judged_if(judged));
    let applied = applied.saturating_sub(fetched);
    report.row(Row::new("new lines applied", rate(fresh, applied), Unit::PerSecond));
    let grown = peak.bytes.saturating_sub(before);
    report.row(Row::new("fetching: growth of RSS", grown as f64, Unit::Mebibytes));
    report.row(Row::new(
        "applying: entities in memory",
        applying_peak.residents as f64,
        Unit::Count,
    ));
    report.row(Row::new("applying: RSS", applying_peak.bytes as f64, Unit::Mebibytes));
    until(server, &run, |status| status == "done")?;
    Ok(grown)
}

/// Waits until a run has come to a phase.
fn until(server: &Server, run: &str, is_there: impl Fn(&str) -> bool) -> Result<Standing, Failure> {
    let begin = Instant::now();
    loop {
        let standing = ask::standing(server, run)?;
        if let Some(standing) = &standing
            && is_there(&standing.status)
        {
            return Ok(standing.clone());
        }
        if begin.elapsed() > PATIENCE {
            return Err(Failure::Answer(format!("{run} does not go on: {standing:?}")));
        }
        std::thread::sleep(LOOK);
    }
}
