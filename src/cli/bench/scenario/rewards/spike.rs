//! Calls as a bank pushes them: a thousand lines a second, rising to five thousand, all drawn.
//!
//! Twice, each on a server of its own: calls of ten lines as a list, and calls of one line. The rate
//! stays, rises evenly, and stays at the height. A call counts from the instant it was due.
//!
//! How long a line waits to be drawn is measured in two ways, because a campaign tells only how many
//! it drew. For all lines, how far the campaign's count is behind the answers ([`super::watch`]), to
//! 10 ms. For the winners, a twentieth of all lines by their digests, line by line until
//! `reward.granted` is on the stream ([`super::winners`]): then the line is drawn, counted, granted
//! and in the wallet. Both count from the answer. The mails come after that; they go out meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::super::arguments::Rewards;
use super::super::super::expectation::{
    EVALUATED_WITHIN, SPIKE_P99_MS, SPIKE_PER_SECOND, SPIKE_WITHIN,
};
use super::super::super::failure::Failure;
use super::super::super::load::Timetable;
use super::super::super::measurement::{Latencies, ratio};
use super::super::super::process;
use super::super::super::progress::Progress;
use super::super::super::report::{Report, Row, Unit};
use super::super::super::template::Picks;
use super::super::super::workload::Lines;
use super::super::{Context, Subject};
use super::campaign::{self, Standing};
use super::lines::{Bank, Call, Shape};
use super::push::{self, Pushed};
use super::watch::{self, Watch};
use super::winners::{Told, Winners};

/// Wallets that are pushed to.
const WALLETS: u64 = 10_000;
/// How the sandbox's mail server is: 150 ms for each answer.
const LATENCY_MS: u32 = 150;
const QUICK_RISING: Duration = Duration::from_secs(3);
/// Between two looks at the campaign.
const LOOK: Duration = Duration::from_millis(10);
/// How long drawing and granting may go on after the last call.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs it.
pub(super) fn run(
    context: &Context,
    options: &Rewards,
    report: &mut Report,
) -> Result<(), Failure> {
    let rising = Duration::from_secs(options.rising);
    let rising = if context.quick { QUICK_RISING } else { rising };
    for (name, lines_a_call) in [("rewards-spike-ten", 10), ("rewards-spike-one", 1)] {
        let subject = Subject::fresh(context, name, &super::settings(LATENCY_MS))?;
        let wallets = context.size(WALLETS);
        subject.prepare(&Lines::open_wallets_with_mail(wallets), wallets, "opening wallets")?;
        campaign::announce(&subject.server, &options.odds)?;
        subject.server.wait_quiet(PATIENCE)?;
        let (low, high) = SPIKE_PER_SECOND;
        report.section(format!(
            "spike: {low} lines a second to {high} within {} s, {lines_a_call} a call, odds {}",
            rising.as_secs(),
            options.odds
        ));
        let judged = rising <= SPIKE_WITHIN && !context.quick;
        spike(&subject, (wallets, lines_a_call), rising, judged, report)?;
        subject.end(context)?;
    }
    Ok(())
}

fn spike(
    subject: &Subject,
    (wallets, lines_a_call): (u64, u64),
    rising: Duration,
    judged: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let (low, high) = SPIKE_PER_SECOND;
    let [low, high] = [low, high].map(|rate| rate as f64 / lines_a_call as f64);
    let phases = [(low, low, rising / 3), (low, high, rising), (high, high, rising / 3)];
    let server = &subject.server;
    let calls = render(Timetable::rising(&phases).total() as u64, wallets, lines_a_call);
    let lines: u64 = calls.iter().map(|call| call.lines).sum();

    let progress = Progress::new("pushing bank lines", 2);
    let (winners, watching) = (Winners::listen(server.address)?, Watch::begin(server.address));
    let used = (server.processor_time()?, process::processor_time(std::process::id())?);
    let (machine, begin) = (process::machine_time()?, Instant::now());
    let pushed = push::send(server.address, &calls, Timetable::rising(&phases))?;
    let elapsed = begin.elapsed();
    let own = process::processor_time(std::process::id())?.saturating_sub(used.1).as_secs_f64();
    let busy = server.processor_time()?.saturating_sub(used.0).as_secs_f64();
    let machine = process::machine_time()?.saturating_sub(machine).as_secs_f64();
    progress.advance(1);
    let standing = settled(subject, lines)?;
    server.wait_quiet(PATIENCE)?;
    let (drawn, told) = (watching.end()?, winners.end()?);
    drop(progress);

    report.answers("pushed", &pushed.tally);
    report_calls(&pushed, judged, report);
    let answered = in_time(&pushed, &calls);
    report_drawn(&watch::behind(&answered, &drawn), lines, judged, report);
    report_told(&pushed, &told, (lines_a_call, standing), judged, report);
    let each = ratio(busy * 1e6, lines as f64);
    report.row(Row::new("processor a line, with its rewards", each, Unit::Microseconds));
    report.row(Row::new("server's cores", busy / elapsed.as_secs_f64(), Unit::Ratio));
    let share = own / elapsed.as_secs_f64();
    report.row(Row::new("generator's share of a core", share, Unit::Ratio));
    let others = (machine - busy - own).max(0.0) / elapsed.as_secs_f64();
    report.row(Row::new("cores used by other processes", others, Unit::Ratio));
    report.row(Row::new("RSS, at the end", server.resident_bytes()? as f64, Unit::Mebibytes));
    Ok(())
}

fn render(count: u64, wallets: u64, lines: u64) -> Arc<Vec<Call>> {
    let (bank, mut picks) = (Bank::new(), Picks::new(count));
    let call = |number| bank.call(picks.below(wallets), number * lines, lines, Shape::Array);
    Arc::new((0..count).map(call).collect())
}

/// Waits until all lines are drawn and all that they won is granted.
fn settled(subject: &Subject, lines: u64) -> Result<Standing, Failure> {
    let begin = Instant::now();
    loop {
        let standing = campaign::standing(&subject.server)?;
        if standing.draws == lines && standing.rewards == standing.wins {
            return Ok(standing);
        }
        if begin.elapsed() > PATIENCE {
            return Err(Failure::Answer(format!("{lines} lines were pushed: {standing:?}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// The answers in the order of time, each with how many lines it was about.
fn in_time(pushed: &Pushed, calls: &[Call]) -> Vec<(Instant, u64)> {
    let answered = pushed.answered.iter().zip(calls);
    let mut answered: Vec<_> =
        answered.filter_map(|(at, call)| at.map(|at| (at, call.lines))).collect();
    answered.sort_unstable();
    answered
}

fn report_calls(pushed: &Pushed, judged: bool, report: &mut Report) {
    let latencies = &pushed.latencies;
    if latencies.len() == 0 {
        report.problem("pushed: no answers".to_owned());
        return;
    }
    let row = |figure: &str, value| Row::new(figure, value, Unit::Milliseconds);
    report.row(Row::new("calls", latencies.len() as f64, Unit::Count));
    report.row(row("a call, p50", latencies.quantile_ms(0.5)));
    let p99 = row("a call, p99", latencies.quantile_ms(0.99));
    report.row(p99.under(SPIKE_P99_MS).judged_if(judged));
    report.row(row("a call, p99.9", latencies.quantile_ms(0.999)));
    report.row(row("a call, longest", latencies.longest_ms()));
}

fn report_drawn(behind: &Latencies, lines: u64, judged: bool, report: &mut Report) {
    if behind.len() != lines {
        report.problem(format!("{lines} lines were pushed, {} seen to be drawn", behind.len()));
        return;
    }
    let row = |figure: &str, value| Row::new(figure, value, Unit::Seconds);
    report.row(row("drawn after its answer, p99", behind.quantile_ms(0.99) / 1_000.0));
    let longest = row("drawn after its answer, longest", behind.longest_ms() / 1_000.0);
    report.row(longest.under(EVALUATED_WITHIN.as_secs_f64()).judged_if(judged));
}

fn report_told(
    pushed: &Pushed,
    told: &Told,
    (lines_a_call, standing): (u64, Standing),
    judged: bool,
    report: &mut Report,
) {
    let by_line: BTreeMap<u64, Instant> = told.iter().map(|(at, line)| (*line, *at)).collect();
    if (by_line.len() as u64, told.len() as u64) != (standing.wins, standing.wins) {
        report.problem(format!("{} of {standing:?} were told of", told.len()));
    }
    let mut latencies = Latencies::new();
    for (line, at) in by_line {
        let call = usize::try_from(line / lines_a_call).expect("a count of calls fits in memory");
        if let Some(Some(answered)) = pushed.answered.get(call) {
            let after = at.saturating_duration_since(*answered).as_micros();
            latencies.record(u64::try_from(after).unwrap_or(u64::MAX));
        }
    }
    if latencies.len() == 0 {
        return;
    }
    let row = |figure: &str, value| Row::new(figure, value, Unit::Seconds);
    report.row(Row::new("rewards granted", latencies.len() as f64, Unit::Count));
    report.row(row("granted after its answer, p50", latencies.quantile_ms(0.5) / 1_000.0));
    report.row(row("granted after its answer, p99", latencies.quantile_ms(0.99) / 1_000.0));
    let longest = row("granted after its answer, longest", latencies.longest_ms() / 1_000.0);
    report.row(longest.under(EVALUATED_WITHIN.as_secs_f64()).judged_if(judged));
}
