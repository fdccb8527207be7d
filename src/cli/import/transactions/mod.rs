//! `bursar import --transactions`: sends the lines of a bank statement as a bank would.
//!
//! Each account gets a wallet, and every day one batch with its lines of the last 30 days, so most
//! lines are sent again and again. The sandbox's clock is moved from day to day; the dates of the
//! file are moved so that its first day is tomorrow. At the end the server must have taken each line
//! once, and drawn each that fits a campaign once.
//!
//! The command may be killed and run again: it goes on with the day that the clock shows, and what
//! was taken is a duplicate. [`line`] makes bank lines of the file, [`clock`] moves the time,
//! [`feeding`] makes the calls, [`tally`] keeps the answers, [`campaigns`] says what is to be
//! drawn, [`report`] holds both against each other.

mod campaigns;
mod clock;
mod feeding;
mod line;
mod report;
mod tally;

use std::fs::File;
use std::path::{Path, PathBuf};

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use reqwest::Url;
use thiserror::Error;

use super::statement::{self, StatementError};
use super::{Told, day, progress};
use crate::cli::client::{Client, Failure};
use campaigns::Campaigns;
use line::{Calendar, accounts, day_of};
use report::{Outcome, Report};
use tally::Tally;

/// Options that only bank lines have.
#[derive(clap::Args)]
#[command(next_help_heading = "Bank lines")]
#[group(id = "bank-lines")]
pub(crate) struct Options {
    /// Send the lines of this statement for rewards instead of replaying it: CSV as above, and with
    /// counter_bank and counter_account. The wallet is customer-ACCOUNT; needs a server with
    /// --sandbox, whose clock it moves
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["file", "loans", "lines_per_call", "first_due", "limit", "wait"]
    )]
    pub(crate) transactions: Option<PathBuf>,

    /// Only lines of this day of the file and later
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["file", "loans"], value_parser = day)]
    from: Option<Day>,

    /// Only lines up to this day of the file
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["file", "loans"], value_parser = day)]
    to: Option<Day>,

    /// Which day the file's first one becomes [default: tomorrow, or the same as in the last run]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["file", "loans"], value_parser = day)]
    first_day: Option<Day>,
}

/// Why a file cannot be sent.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// It is not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Nothing of it is wanted.
    #[error("there is no line between --from and --to")]
    Nothing,
}

/// A statement and what to do with it.
pub(super) struct Import {
    lines: Vec<statement::Line>,
    currency: Currency,
    /// The first day of the file.
    first: Day,
    from: Day,
    to: Day,
    from_its_beginning: bool,
    first_day: Option<Day>,
    at_once: usize,
}

impl Import {
    /// Reads and checks the file.
    pub(super) fn read(
        options: &Options,
        file: &Path,
        currency: Currency,
        at_once: usize,
    ) -> Result<Self, ReadError> {
        let reader = File::open(file).map_err(StatementError::Open)?;
        let lines = statement::read(reader, currency)?;
        let days = lines.iter().map(day_of);
        let first = days.clone().min().expect("a statement has lines");
        let last = days.clone().max().expect("a statement has lines");
        let wanted = options.from.unwrap_or(first)..=options.to.unwrap_or(last);
        let days = days.filter(|day| wanted.contains(day));
        let from = days.clone().min().ok_or(ReadError::Nothing)?;
        let to = days.max().ok_or(ReadError::Nothing)?;
        let from_its_beginning = from == first;
        let first_day = options.first_day;
        Ok(Self { lines, currency, first, from, to, from_its_beginning, first_day, at_once })
    }

    /// Sends everything, and tells what came of it.
    pub(super) async fn run(&self, url: &Url, json: bool) -> Result<Told, Failure> {
        let client = Client::new(url)?;
        let today = Day::utc(clock::now(&client).await?);
        let calendar =
            Calendar { shift: self.shift(&client, today).await?, from: self.from, to: self.to };
        let too_late = || Failure::Answer("the dates end with the year 9999".to_owned());
        let (accounts, zeros) =
            accounts(&self.lines, &calendar, self.currency).ok_or_else(too_late)?;
        let moved = |day| calendar.moved(day).ok_or_else(too_late);
        let (first, from, to) = (moved(self.first)?, moved(self.from)?, moved(self.to)?);
        let opened = (self.first, first);
        feeding::open(&client, &accounts, opened, self.currency, self.at_once).await?;
        // Whatever an earlier run left is done before anything is counted.
        clock::settle(&client).await?;
        let before = Campaigns::read(&client).await?;
        let begin = from.max(today);
        let days = (begin.days()..=to.max(begin).days()).filter_map(Day::from_days);
        let bar = progress(feeding::length(&accounts, days.clone()), "lines", json);
        let mut tally = Tally::new(&accounts);
        let fed = feeding::feed(&client, &accounts, days, self.at_once, &mut tally, &bar).await;
        bar.finish_and_clear();
        fed?;
        clock::settle(&client).await?;
        let after = Campaigns::read(&client).await?;
        let report = Report::new(Outcome {
            currency: self.currency,
            days: (from, to),
            accounts: accounts.len(),
            zeros,
            counts: tally.counts,
            standing: tally.standing(),
            from_its_beginning: self.from_its_beginning,
            eligible: tally.eligible(&accounts, &after, self.currency),
            before,
            after,
            faults: tally.faults(),
        });
        Ok(Told {
            text: if json { report.to_json() } else { report.to_table() },
            refusals: report.complaints(),
            is_good: report.is_good(),
        })
    }

    /// By how many days the dates of the file are moved.
    async fn shift(&self, client: &Client, today: Day) -> Result<i32, Failure> {
        let before = feeding::shift_before(client, &self.lines[0].account).await?;
        let wanted = self.first_day.map(|day| day.days() - self.first.days());
        match (before, wanted) {
            (Some(before), Some(wanted)) if before != wanted => {
                let what = "an earlier run moved the file's first day to another date; leave \
                            --first-day out";
                Err(Failure::Answer(what.to_owned()))
            }
            (Some(shift), _) | (None, Some(shift)) => Ok(shift),
            (None, None) => Ok(today.days() + 1 - self.first.days()),
        }
    }
}
