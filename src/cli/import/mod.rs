//! `bursar import`: replays a bank statement through a running server and compares the balances,
//! opens an advance for each loan of a file, or sends bank lines to be rewarded.
//!
//! A statement's every line becomes a deposit or a payment with a key made from the bank's own
//! transaction id. So the command may be run again at any time, also after the server or the
//! command itself was killed half-way: what is done already is answered from its key, and the
//! rest follows. Calls go out one after the other, because a wallet's lines only make sense in
//! the order of the file.
//!
//! [`statement`] reads the file, [`plan`] makes orders of it, [`client`] sends them, [`report`]
//! compares the server's balances with the bank's. [`loans`] is the other kind of file;
//! [`transactions`] sends a statement's lines as a bank would, for rewards.

mod client;
mod loans;
mod plan;
mod report;
mod statement;
mod transactions;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bursar_domain::currency::Currency;
use bursar_domain::plan::Day;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Url;

use super::Exit;
use super::client::{Failure, server_url};
use client::Client;
use plan::Plan;
use report::{Report, Row, Tally};
use statement::StatementError;

/// The most calls that may be under way at once.
const AT_ONCE_MAX: u64 = 256;

/// The most lines that the server takes in one call.
const LINES_PER_CALL_MAX: u64 = 10_000;

const USAGE: &str = "\
bursar import [OPTIONS] <FILE>
       bursar import [OPTIONS] --loans <FILE>
       bursar import [OPTIONS] --transactions <FILE>";

/// What stands at the end of the help.
const AFTER_HELP: &str = "\
Either way the command may be killed and run again: what was done is answered from its key, or is a
duplicate. It exits with 0 when all went well, with 1 when an account is outside the bank's
rounding, a line was refused, an awaited credit did not come or a line was not drawn once, with 2
when the file cannot be read; the report says which.

Examples:
  bursar import statement.csv
  bursar import --loans loans.csv --wait
  bursar import --loans loans.csv --limit 10 --first-due 2027-01-31 --json
  bursar import --transactions statement.csv --to 1993-12-31";

/// Options of `bursar import`.
#[derive(clap::Args)]
#[command(override_usage = USAGE, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A statement to replay: CSV with the columns transaction_id, account, date, direction, operation,
    /// amount, balance_after_by_bank and purpose
    #[arg(required_unless_present_any = ["loans", "transactions"])]
    file: Option<PathBuf>,

    /// Where the server listens
    #[arg(long, default_value = "http://127.0.0.1:8080", value_parser = server_url)]
    url: Url,

    /// The currency of the file
    #[arg(long, default_value = "CZK", value_parser = currency)]
    currency: Currency,

    /// How many lines of a statement go into one call of POST /v1/batch
    #[arg(
        long,
        default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..=LINES_PER_CALL_MAX)
    )]
    lines_per_call: u64,

    /// How many calls of loans or bank lines may be under way at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        conflicts_with = "file",
        value_parser = clap::value_parser!(u64).range(1..=AT_ONCE_MAX)
    )]
    at_once: u64,

    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    loans: loans::Options,

    #[command(flatten)]
    bank_lines: transactions::Options,
}

/// What an import has to say at its end.
struct Told {
    /// The report.
    text: String,
    /// What went wrong with single lines, in words.
    refusals: Vec<String>,
    /// Whether all went well.
    is_good: bool,
}

/// Runs `bursar import`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let at_once = usize::try_from(arguments.at_once).expect("256 fits every usize");
    if let Some(file) = &arguments.bank_lines.transactions {
        let options = &arguments.bank_lines;
        let import = transactions::Import::read(options, file, arguments.currency, at_once);
        let send =
            async |import: transactions::Import| import.run(&arguments.url, arguments.json).await;
        return when_read(file, import, send);
    }
    match (&arguments.loans.loans, &arguments.file) {
        (Some(file), _) => {
            let import = loans::Import::read(&arguments.loans, file, arguments.currency, at_once);
            when_read(file, import, async |import| import.run(&arguments.url, arguments.json).await)
        }
        (None, Some(file)) => {
            let plan = read(file, arguments.currency);
            when_read(file, plan, async |plan| replay(arguments, &plan).await)
        }
        (None, None) => unreachable!("one of the three is required"),
    }
}

/// Imports what was read from a file; a file that could not be read is wrong use.
fn when_read<T, E: Display>(
    file: &Path,
    read: Result<T, E>,
    import: impl AsyncFnOnce(T) -> Result<Told, Failure>,
) -> Exit {
    let content = match read {
        Ok(content) => content,
        Err(error) => {
            eprintln!("bursar import: {}: {error}", file.display());
            return Exit::Usage;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bursar import: cannot start: {error}");
            return Exit::Fault;
        }
    };
    match runtime.block_on(import(content)) {
        Ok(told) => print(&told),
        Err(failure @ Failure::Unreachable { .. }) => {
            eprintln!(
                "bursar import: {failure}: it goes on where this one stopped, and nothing is \
                 done twice."
            );
            Exit::No
        }
        Err(failure @ Failure::Answer(_)) => {
            eprintln!("bursar import: {failure}");
            Exit::No
        }
    }
}

fn read(file: &Path, currency: Currency) -> Result<Plan, StatementError> {
    let reader = File::open(file).map_err(StatementError::Open)?;
    Ok(Plan::new(&statement::read(reader, currency)?, currency))
}

async fn replay(arguments: &Arguments, plan: &Plan) -> Result<Told, Failure> {
    let client = Client::new(&arguments.url)?;
    let size = usize::try_from(arguments.lines_per_call).expect("10,000 fits every usize");
    let bar = progress(plan.length(), "lines", arguments.json);
    let mut tally = Tally::new(plan.skipped);
    // Wallets and providers first and apart: lines of a batch are in order only for one wallet.
    for orders in plan.setup.chunks(size).chain(plan.lines.chunks(size)) {
        let answers = client.batch(orders).await?;
        tally.take(orders, &answers);
        bar.inc(u64::try_from(orders.len()).expect("a call has at most 10,000 lines"));
    }
    bar.finish_and_clear();
    let mut rows = Vec::with_capacity(plan.accounts.len());
    for account in &plan.accounts {
        let balance = client.balance(&account.wallet(), plan.currency).await?;
        rows.push(Row::new(account, balance, plan.currency));
    }
    let report = Report { currency: plan.currency, rows, tally };
    Ok(Told {
        text: if arguments.json { report.to_json() } else { report.to_table() },
        refusals: report.tally.refusals().collect(),
        is_good: report.agrees(),
    })
}

fn progress(length: u64, what: &'static str, hidden: bool) -> ProgressBar {
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {elapsed} ({per_sec})")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(length), target).with_style(style).with_message(what)
}

fn print(told: &Told) -> Exit {
    for refusal in &told.refusals {
        eprintln!("bursar import: {refusal}");
    }
    match io::stdout().write_all(told.text.as_bytes()) {
        Ok(()) => {}
        // Whoever reads had enough; the exit code still tells.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("bursar import: cannot write the report: {error}");
            return Exit::No;
        }
    }
    if told.is_good { Exit::Done } else { Exit::No }
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a date that exists, such as 2027-01-31".to_owned())
}

fn currency(code: &str) -> Result<Currency, String> {
    Currency::from_code(code).ok_or_else(|| "write a code of ISO 4217, such as CZK".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_one_that_exists() {
        assert_eq!(day("2027-01-31"), Ok(Day::parse("2027-01-31").expect("a day")));
        for text in ["2027-02-29", "31.1.2027", "2027-1-31", ""] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn currencies_are_codes_of_the_standard() {
        assert!(currency("CZK").is_ok());
        assert!(currency("czk").is_err());
        assert!(currency("ABC").is_err());
    }
}
