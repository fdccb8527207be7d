//! Batches as fast as they are answered, and the same batches again.
//!
//! In slices, each of new lines. A slice is sent; it is waited until the campaign has drawn all of
//! it and everything that follows is done; then the slice is sent again. So both sides of the
//! comparison take turns, and what the first time put off is not charged to the second. What the
//! second time adds to the journal must be nothing at all.
//!
//! Drawing and granting go on while lines are taken in, on the same cores. Three rates say so: until
//! the last answer, until the last draw, and until all is done. Customers have no addresses here: it
//! would be mails that are measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::super::arguments::Rewards;
use super::super::super::bulk::inspect;
use super::super::super::client::{self, Connection};
use super::super::super::expectation::{AGAIN_TO_FIRST, LINES_PER_SECOND, LINES_SIZES};
use super::super::super::exposition::Journal;
use super::super::super::failure::Failure;
use super::super::super::measurement::{Latencies, Series, rate};
use super::super::super::process;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::server::Server;
use super::super::super::tally::Tally;
use super::super::super::workload::Lines;
use super::super::turns::report_journal;
use super::super::{Context, Subject};
use super::campaign;
use super::lines::{Bank, Call, Shape};

const SLICES: u64 = 5;
const QUICK_SLICES: u64 = 2;
/// Between two looks at the campaign.
const LOOK: Duration = Duration::from_millis(10);
/// How long drawing and granting a slice may take; far more than is expected of it.
const PATIENCE: Duration = Duration::from_mins(5);

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Rewards,
    report: &mut Report,
) -> Result<(), Failure> {
    let slices = if context.quick { QUICK_SLICES } else { SLICES };
    let calls_a_slice = (context.size(options.lines) / slices).div_ceil(options.batch);
    let lines = slices * calls_a_slice * options.batch;
    let wallets = context.size(options.wallets);
    let subject = Subject::fresh(context, "rewards-intake", &super::settings(0))?;
    subject.prepare(&Lines::open_wallets(wallets), wallets, "opening wallets")?;
    campaign::announce(&subject.server, &options.odds)?;
    subject.server.wait_quiet(PATIENCE)?;
    report.section(format!(
        "bank lines, {lines} in {slices} slices, {} a call, {} callers, {wallets} wallets, odds {}",
        options.batch, options.callers, options.odds
    ));

    let mut sides = Sides::default();
    let bank = Bank::new();
    let progress = Progress::new("taking bank lines in", 2 * slices);
    subject.server.forget_peak()?;
    for slice in 0..slices {
        let call = |number: u64| {
            let number = slice * calls_a_slice + number;
            bank.call(number % wallets, number * options.batch, options.batch, Shape::Ndjson)
        };
        let calls: Arc<Vec<Call>> = Arc::new((0..calls_a_slice).map(call).collect());
        let drawn = (slice + 1) * calls_a_slice * options.batch;
        sides.first.turn(&subject.server, &calls, options.callers, Expected::New(drawn))?;
        progress.advance(1);
        sides.again.turn(&subject.server, &calls, options.callers, Expected::Known)?;
        progress.advance(1);
    }
    drop(progress);
    let full = (options.batch, lines) == LINES_SIZES;
    sides.report(&subject.server, lines, full, report)?;
    subject.end(context)
}

/// What lines are answered.
#[derive(Clone, Copy)]
enum Expected {
    /// New; afterwards the campaign has drawn so many.
    New(u64),
    /// Duplicates.
    Known,
}

impl Expected {
    fn word(self) -> &'static str {
        match self {
            Self::New(_) => "\"new\"",
            Self::Known => "\"duplicate\"",
        }
    }
}

/// The first time, and again.
#[derive(Default)]
struct Sides {
    first: Side,
    again: Side,
}

/// What came of one of them, slice by slice.
#[derive(Default)]
struct Side {
    answered: Vec<f64>,
    drawn: Vec<f64>,
    done: Vec<f64>,
    processor_us: Vec<f64>,
    processor_done_us: Vec<f64>,
    generator_shares: Vec<f64>,
    others_cores: Vec<f64>,
    latencies: Option<Latencies>,
    journal: Journal,
    tally: Tally,
}

impl Side {
    /// Sends a slice, and waits until all that follows from it is done.
    fn turn(
        &mut self,
        server: &Server,
        calls: &Arc<Vec<Call>>,
        callers: u32,
        expected: Expected,
    ) -> Result<(), Failure> {
        let lines: u64 = calls.iter().map(|call| call.lines).sum();
        let journal = server.journal()?;
        let begin = Began::now(server)?;
        let (tally, latencies) = send(server.address, calls, callers, expected.word())?;
        let sent = Began::now(server)?;
        self.answered.push(rate(lines, sent.since(&begin)));
        let [of_server, own, others] = sent.used_since(&begin);
        self.processor_us.push(of_server * 1e6 / lines as f64);
        self.generator_shares.push(own / sent.since(&begin).as_secs_f64());
        self.others_cores.push(others / sent.since(&begin).as_secs_f64());
        if let Expected::New(all) = expected {
            wait_drawn(server, all)?;
            self.drawn.push(rate(lines, begin.at.elapsed()));
        }
        let quiet_after = Instant::now().duration_since(begin.at) + server.wait_quiet(PATIENCE)?;
        self.done.push(rate(lines, quiet_after));
        let [of_server, _, _] = Began::now(server)?.used_since(&begin);
        self.processor_done_us.push(of_server * 1e6 / lines as f64);
        if let (Some(before), Some(after)) = (journal, server.journal()?) {
            self.journal = self.journal.and(after.since(before));
        }
        self.latencies.get_or_insert_with(Latencies::new).add(&latencies);
        self.tally.add(tally);
        Ok(())
    }
}

/// How much of the machine was used when something began.
struct Began {
    at: Instant,
    server: Duration,
    own: Duration,
    machine: Duration,
}

impl Began {
    fn now(server: &Server) -> Result<Self, Failure> {
        let own = process::processor_time(std::process::id())?;
        let (server, machine) = (server.processor_time()?, process::machine_time()?);
        Ok(Self { at: Instant::now(), server, own, machine })
    }

    fn since(&self, earlier: &Self) -> Duration {
        self.at.duration_since(earlier.at)
    }

    /// Seconds of a core: the server's, the generator's, everybody else's.
    fn used_since(&self, earlier: &Self) -> [f64; 3] {
        let [server, own, machine] = [
            (self.server, earlier.server),
            (self.own, earlier.own),
            (self.machine, earlier.machine),
        ]
        .map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        [server, own, (machine - server - own).max(0.0)]
    }
}

/// Waits until the campaign has drawn so many lines.
fn wait_drawn(server: &Server, all: u64) -> Result<(), Failure> {
    let begin = Instant::now();
    loop {
        let standing = campaign::standing(server)?;
        if standing.draws == all {
            return Ok(());
        }
        if standing.draws > all || begin.elapsed() > PATIENCE {
            return Err(Failure::Answer(format!("{all} lines were taken: {standing:?}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// Sends all calls; the tally counts lines.
pub(super) fn send(
    address: SocketAddr,
    calls: &Arc<Vec<Call>>,
    callers: u32,
    word: &'static str,
) -> Result<(Tally, Latencies), Failure> {
    client::runtime()?.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let connection = Connection::open(address).await;
            let connection = connection.map_err(Failure::system("connecting to the server"))?;
            tasks.spawn(drive(connection, Arc::clone(calls), Arc::clone(&next), word));
        }
        let (mut tally, mut latencies) = (Tally::default(), Latencies::new());
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok((part, samples)) => {
                    tally.add(part);
                    for sample in samples {
                        latencies.record(sample);
                    }
                }
                Err(error) => tally.broken(&error),
            }
        }
        Ok((tally, latencies))
    })
}

async fn drive(
    mut connection: Connection,
    calls: Arc<Vec<Call>>,
    next: Arc<AtomicUsize>,
    word: &'static str,
) -> (Tally, Vec<u64>) {
    let (mut tally, mut samples) = (Tally::default(), Vec::new());
    while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begin = Instant::now();
        match connection.exchange_long(&call.head, &call.body).await {
            Ok(202) => {
                samples.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
                inspect(connection.body(), call.lines, word, &mut tally);
            }
            Ok(status) => {
                tally.answer(status, &[202], connection.body());
            }
            Err(error) => {
                tally.broken(&error);
                break;
            }
        }
    }
    (tally, samples)
}

impl Sides {
    fn report(
        &self,
        server: &Server,
        lines: u64,
        full: bool,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let Self { first, again } = self;
        report.answers("first time", &first.tally);
        report.answers("again", &again.tally);
        let series =
            |name: &str, samples: &[f64], unit| Row::series(name, Series::of(samples), unit);
        let row = series("lines, durable", &first.answered, Unit::PerSecond);
        report.row(row.at_least(LINES_PER_SECOND).judged_if(full));
        report.row(series("lines, drawn", &first.drawn, Unit::PerSecond));
        report.row(series("lines, all done", &first.done, Unit::PerSecond));
        let us = Unit::Microseconds;
        report.row(series("processor a line, until answered", &first.processor_us, us));
        report.row(series("processor a line, until done", &first.processor_done_us, us));
        first.report_calls("", report);
        report_journal(first.journal, report);
        let each = first.journal.bytes / lines as f64;
        report.row(Row::new("journal a line", each, Unit::Bytes));
        let standing = campaign::standing(server)?;
        report.row(Row::new("rewards granted", standing.rewards as f64, Unit::Count));
        let peak = server.peak_bytes()? as f64;
        report.row(Row::new("RSS, at most", peak, Unit::Mebibytes));
        report.row(Row::new("RSS, at the end", server.resident_bytes()? as f64, Unit::Mebibytes));

        report.row(series("again: lines", &again.answered, Unit::PerSecond));
        let ratios = Series::of_ratios(&again.answered, &first.answered);
        let row = Row::series("again: to the first time", ratios, Unit::Ratio);
        report.row(row.at_least(AGAIN_TO_FIRST).judged_if(full));
        report.row(series("again: processor a line", &again.processor_done_us, us));
        again.report_calls("again: ", report);
        let (records, groups) = (again.journal.records, again.journal.groups);
        report.row(Row::new("again: records", records, Unit::Count).at_most(0.0));
        report.row(Row::new("again: commits", groups, Unit::Count).at_most(0.0));

        let both = |of: fn(&Side) -> &Vec<f64>| [of(first).clone(), of(again).clone()].concat();
        let shares = both(|side| &side.generator_shares);
        report.row(series("generator's share of a core", &shares, Unit::Ratio));
        let others = both(|side| &side.others_cores);
        report.row(series("cores used by other processes", &others, Unit::Ratio));
        Ok(())
    }
}

impl Side {
    fn report_calls(&self, prefix: &str, report: &mut Report) {
        let Some(latencies) = &self.latencies else { return };
        for (figure, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let value = latencies.quantile_ms(quantile);
            report.row(Row::new(format!("{prefix}a call, {figure}"), value, Unit::Milliseconds));
        }
    }
}
