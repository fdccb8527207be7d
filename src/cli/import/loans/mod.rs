//! `bursar import --loans`: opens one advance for each loan of a file.
//!
//! Each advance has a key made from the bank's id of the loan, so the command may be run again at
//! any time, also after the server or the command itself was killed half-way: what was opened is
//! answered from its key, the rest follows. Other than the lines of a statement, loans do not
//! depend on each other, so some calls are under way at once.
//!
//! [`file`] reads the file, [`order`] makes calls of it, [`opening`] makes the calls, [`report`]
//! says what came of them.

mod file;
mod opening;
mod order;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use indicatif::ProgressBar;
use reqwest::Url;

use super::{Told, day, progress};
use crate::cli::advances::status::Status;
use crate::cli::client::{Client, Failure};
use file::{Loan, LoansError};
use order::Terms;
use report::Report;

/// The longest that may be waited for, in seconds: a day.
const WAIT_MAX_S: u64 = 24 * 3600;

/// Options that only loans have.
#[derive(clap::Args)]
#[command(next_help_heading = "Loans")]
pub(crate) struct Options {
    /// Open one advance for each loan of this file instead of replaying a statement: CSV with the
    /// columns loan_id, account, amount, months and monthly_payment. The account at the processor
    /// is acct-ACCOUNT, the plan one debit a month, the key loan-LOAN_ID
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "lines_per_call"])]
    pub(crate) loans: Option<PathBuf>,

    /// The day of every plan's first debit [default: a month after the credit]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "file", value_parser = day)]
    first_due: Option<Day>,

    /// Only the first N lines of the file
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "file",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    limit: Option<u64>,

    /// Wait until every advance is credited or has failed, at most so many seconds
    /// [default with --wait: 300]
    #[arg(
        long,
        value_name = "SECONDS",
        conflicts_with = "file",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "300",
        value_parser = clap::value_parser!(u64).range(1..=WAIT_MAX_S)
    )]
    wait: Option<u64>,
}

/// A file of loans and what to do with it.
pub(super) struct Import {
    loans: Vec<Loan>,
    terms: Terms,
    at_once: usize,
    wait: Option<Duration>,
}

impl Import {
    /// Reads and checks the file.
    pub(super) fn read(
        options: &Options,
        file: &Path,
        currency: Currency,
        at_once: usize,
    ) -> Result<Self, LoansError> {
        let reader = File::open(file).map_err(LoansError::Open)?;
        let limit = options.limit.and_then(|limit| usize::try_from(limit).ok());
        Ok(Self {
            loans: file::read(reader, currency, limit.unwrap_or(usize::MAX))?,
            terms: Terms { currency, first_due: options.first_due },
            at_once,
            wait: options.wait.map(Duration::from_secs),
        })
    }

    /// Opens the advances, waits for them if that is wanted, and tells what came of it.
    pub(super) async fn run(&self, url: &Url, json: bool) -> Result<Told, Failure> {
        let client = Client::new(url)?;
        let bar = progress(count(self.loans.len()), "loans", json);
        let opened = opening::open(&client, &self.loans, &self.terms, self.at_once, &bar).await;
        bar.finish_and_clear();
        let mut outcomes = opened?;
        if let Some(time) = self.wait {
            let bar = waiting(&outcomes, json);
            let settled = opening::settle(&client, &mut outcomes, self.at_once, time, &bar).await;
            bar.finish_and_clear();
            settled?;
        }
        let report = Report::new(self.terms.currency, &self.loans, &outcomes, self.wait.is_some());
        Ok(Told {
            text: if json { report.to_json() } else { report.to_table() },
            refusals: report.complaints(),
            is_good: report.is_good(),
        })
    }
}

/// A bar over what has been opened, as far as it is credited or has failed.
fn waiting(outcomes: &[opening::Outcome], json: bool) -> ProgressBar {
    let standing = outcomes.iter().filter_map(opening::Outcome::standing);
    let settled = standing.clone().filter(|standing| standing.status != Status::Pending).count();
    progress(count(standing.count()), "credited or failed", json).with_position(count(settled))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a usize fits a u64")
}
