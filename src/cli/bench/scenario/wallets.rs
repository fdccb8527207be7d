//! A million wallets: how long to open them, what each takes in memory, and what a ceiling of
//! residents does to that.
//!
//! Memory is what the process has more of than before the first wallet, after a checkpoint and when
//! it is quiet. The first run lets all wallets stay resident; the second lets a tenth of them,
//! and its memory must follow.

use std::time::Duration;

use super::super::arguments::Wallets;
use super::super::expectation::{BYTES_PER_WALLET, CAPPED_TO_RESIDENT, MILLION, OPENED_WITHIN};
use super::super::failure::Failure;
use super::super::measurement::ratio;
use super::super::report::{Report, Row, Unit};
use super::super::server::QUIET_PATIENCE;
use super::super::workload::Lines;
use super::{Context, Subject};

/// The setting of the ceiling of residents.
const RESIDENTS_MAX: &str = "BURSAR__RESIDENTS__MAX";

/// The least the server takes for it.
const RESIDENTS_LEAST: u64 = 1_000;

/// What a run came to.
struct Opened {
    elapsed: Duration,
    before: u64,
    after: u64,
}

impl Opened {
    fn grown(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64
    }
}

/// Runs the scenario.
pub(crate) fn run(
    context: &Context,
    options: &Wallets,
    report: &mut Report,
) -> Result<(), Failure> {
    let count = context.size(options.count);
    let residents = context.size(options.resident_max).max(RESIDENTS_LEAST);
    let full = count == MILLION;

    report.section(format!("{count} wallets, all resident"));
    let all = open(context, "wallets-resident", count, (2 * count).max(RESIDENTS_LEAST))?;
    report_opened(&all, count, full, report);
    let each = ratio(all.grown(), count as f64);
    let row = Row::new("RSS a resident wallet", each, Unit::Bytes);
    report.row(row.under(BYTES_PER_WALLET).judged_if(full));

    report.section(format!("{count} wallets, {residents} of them resident at most"));
    let capped = open(context, "wallets-capped", count, residents)?;
    report_opened(&capped, count, full, report);
    let share = ratio(capped.grown(), all.grown());
    let row = Row::new("growth to that with all resident", share, Unit::Ratio);
    report.row(row.under(CAPPED_TO_RESIDENT).judged_if(full && 10 * residents <= count));
    Ok(())
}

fn open(context: &Context, name: &str, count: u64, residents: u64) -> Result<Opened, Failure> {
    let subject = Subject::fresh(context, name, &[(RESIDENTS_MAX, residents.to_string())])?;
    subject.server.wait_quiet(QUIET_PATIENCE)?;
    let before = subject.server.resident_bytes()?;
    let outcome = subject.prepare(&Lines::open_wallets(count), count, "opening wallets")?;
    subject.server.checkpoint()?;
    subject.server.wait_quiet(QUIET_PATIENCE)?;
    let after = subject.server.resident_bytes()?;
    subject.end(context)?;
    Ok(Opened { elapsed: outcome.elapsed, before, after })
}

fn report_opened(opened: &Opened, count: u64, full: bool, report: &mut Report) {
    let seconds = opened.elapsed.as_secs_f64();
    let row = Row::new("opened in", seconds, Unit::Seconds);
    report.row(row.under(OPENED_WITHIN.as_secs_f64()).judged_if(full));
    report.row(Row::new("opened, durable", ratio(count as f64, seconds), Unit::PerSecond));
    report.row(Row::new("RSS before", opened.before as f64, Unit::Mebibytes));
    report.row(Row::new("RSS after", opened.after as f64, Unit::Mebibytes));
}
