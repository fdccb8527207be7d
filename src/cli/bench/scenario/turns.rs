//! Sides that take turns: A B A B in short slices, so that noise of the machine falls on all.
//!
//! Before the next side begins, the one before must be quiet: work a server has put off until after
//! its answers (crediting providers, writing snapshots) would else be charged to its rival.

use std::time::{Duration, Instant};

use super::super::exposition::Journal;
use super::super::failure::Failure;
use super::super::load::{self, Length, Window};
use super::super::measurement::{Latencies, Series};
use super::super::process;
use super::super::progress::Progress;
use super::super::report::{Report, Row, Unit};
use super::super::server::Server;
use super::super::tally::Tally;
use super::super::tickets::Fairness;
use super::super::workload::Workload;

/// How long a side may go on after its turn; what it does later falls on the next side's turn.
const QUIET_PATIENCE: Duration = Duration::from_secs(5);

/// One side of a comparison: a server and what is asked of it.
pub(super) struct Side<'a> {
    name: &'static str,
    server: &'a Server,
    workload: Workload,
    rates: Vec<f64>,
    processor_us: Vec<f64>,
    generator_shares: Vec<f64>,
    others_cores: Vec<f64>,
    quiet_after: Vec<f64>,
    latencies: Latencies,
    fairness: Fairness,
    tally: Tally,
    journal: Option<Journal>,
}

impl<'a> Side<'a> {
    /// A side that has not had a turn.
    pub(super) fn new(name: &'static str, server: &'a Server, workload: Workload) -> Self {
        Self {
            name,
            server,
            workload,
            rates: Vec::new(),
            processor_us: Vec::new(),
            generator_shares: Vec::new(),
            others_cores: Vec::new(),
            quiet_after: Vec::new(),
            latencies: Latencies::new(),
            fairness: Fairness::default(),
            tally: Tally::default(),
            journal: None,
        }
    }

    /// From now on this is asked.
    pub(super) fn ask(&mut self, workload: Workload) {
        self.workload = workload;
    }

    /// Takes a turn, and waits until the server is quiet.
    pub(super) fn turn(&mut self, connections: u32, length: Length) -> Result<(), Failure> {
        let journal = self.server.journal()?;
        let processor = self.server.processor_time()?;
        let (machine, begin) = (process::machine_time()?, Instant::now());
        let slice = load::saturate(self.server.address, &self.workload, connections, length)?;
        let used = self.server.processor_time()?.saturating_sub(processor).as_secs_f64();
        let machine = process::machine_time()?.saturating_sub(machine).as_secs_f64();
        let cores = machine / begin.elapsed().as_secs_f64();
        let own = used / begin.elapsed().as_secs_f64() + slice.generator_share;
        self.others_cores.push((cores - own).max(0.0));
        let quiet_after = self.server.wait_quiet(QUIET_PATIENCE)?;
        self.quiet_after.push(quiet_after.as_secs_f64());
        if let (Some(before), Some(after)) = (journal, self.server.journal()?) {
            self.journal = Some(self.journal.unwrap_or_default().and(after.since(before)));
        }
        self.rates.push(slice.rate);
        self.processor_us.push(used * 1e6 / slice.tally.answered.max(1) as f64);
        self.generator_shares.push(slice.generator_share);
        self.latencies.add(&slice.latencies);
        self.fairness.add(slice.heard.fairness());
        self.tally.add(slice.tally);
        Ok(())
    }

    /// Requests per second.
    pub(super) fn rate(&self) -> Series {
        Series::of(&self.rates)
    }

    /// Requests per second, as a share of another side's in the same round.
    pub(super) fn rate_to(&self, other: &Side<'_>) -> Series {
        Series::of_ratios(&self.rates, &other.rates)
    }

    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// How many answers came so far.
    pub(super) fn answered(&self) -> u64 {
        self.tally.answered
    }

    /// Latencies, where answers have tickets.
    pub(super) fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// What the tickets say about the order.
    pub(super) fn fairness(&self) -> Fairness {
        self.fairness
    }

    /// What was asked of the server.
    pub(super) fn workload(&self) -> &Workload {
        &self.workload
    }

    /// Adds the rows that say what a request cost.
    pub(super) fn report_cost(&self, report: &mut Report) {
        let name = self.name;
        let processor = Series::of(&self.processor_us);
        report.row(Row::series(
            format!("{name}: processor a request"),
            processor,
            Unit::Microseconds,
        ));
        let share = Series::of(&self.generator_shares);
        report.row(Row::series(format!("{name}: generator's share of a core"), share, Unit::Ratio));
    }

    /// Adds the row that says how long work went on after the last answer of a turn.
    pub(super) fn report_quiet(&self, report: &mut Report) {
        let name = self.name;
        let quiet_after = Series::of(&self.quiet_after);
        report.row(Row::series(format!("{name}: quiet after"), quiet_after, Unit::Seconds));
    }

    /// Cores that processes other than the server and the generator used meanwhile.
    pub(super) fn others_cores(&self) -> &[f64] {
        &self.others_cores
    }

    /// Adds the rows that say how records shared syncs.
    pub(super) fn report_journal(&self, report: &mut Report) {
        let Some(journal) = self.journal.filter(|journal| journal.records > 0.0) else { return };
        report_journal(journal, report);
    }

    /// Notes answers nobody expected.
    pub(super) fn report_answers(&self, report: &mut Report) {
        report.answers(self.name, &self.tally);
    }
}

/// Adds the rows that say how records shared syncs.
pub(super) fn report_journal(journal: Journal, report: &mut Report) {
    report.row(Row::new("records a group", journal.records_per_group(), Unit::Count));
    report.row(Row::new("bytes a record", journal.bytes_per_record(), Unit::Bytes));
    if let Some(sync_ms) = journal.sync_ms() {
        report.row(Row::new("mean sync", sync_ms, Unit::Milliseconds));
    }
}

/// Adds the row that says how much of the machine others used meanwhile: what makes a run noisy.
pub(super) fn report_others<'s, 'a: 's>(
    sides: impl IntoIterator<Item = &'s Side<'a>>,
    report: &mut Report,
) {
    let samples: Vec<f64> = sides.into_iter().flat_map(Side::others_cores).copied().collect();
    let others = Series::of(&samples);
    report.row(Row::series("cores used by other processes", others, Unit::Ratio));
}

/// Gives every side its turn, round after round.
pub(super) fn take(
    label: &str,
    (rounds, window): (u32, Window),
    connections: u32,
    sides: &mut [Side<'_>],
) -> Result<(), Failure> {
    let progress = Progress::new(label, u64::from(rounds) * sides.len() as u64);
    for _ in 0..rounds {
        for side in &mut *sides {
            side.turn(connections, Length::Time(window))?;
            progress.advance(1);
        }
    }
    Ok(())
}
