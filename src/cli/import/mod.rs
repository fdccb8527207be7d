//! `bursar import`: replays a bank statement through a running server and compares the balances.
//!
//! The file's every line becomes a deposit or a payment with a key made from the bank's own
//! transaction id. So the command may be run again at any time, also after the server or the
//! command itself was killed half-way: what is done already is answered from its key, and the
//! rest follows. Calls go out one after the other, because a wallet's lines only make sense in
//! the order of the file.
//!
//! [`statement`] reads the file, [`plan`] makes orders of it, [`client`] sends them, [`report`]
//! compares the server's balances with the bank's.

mod client;
mod plan;
mod report;
mod statement;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bursar_domain::currency::Currency;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Url;

use super::Exit;
use client::{Client, Failure};
use plan::Plan;
use report::{Report, Row, Tally};
use statement::StatementError;

/// The most lines that the server takes in one call.
const LINES_PER_CALL_MAX: u64 = 10_000;

/// Options of `bursar import`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The statement: CSV with the columns transaction_id, account, date, direction, operation,
    /// amount, balance_after_by_bank and purpose
    file: PathBuf,

    /// Where the server listens
    #[arg(long, default_value = "http://127.0.0.1:8080", value_parser = server_url)]
    url: Url,

    /// The currency of the statement
    #[arg(long, default_value = "CZK", value_parser = currency)]
    currency: Currency,

    /// How many lines go into one call of POST /v1/batch
    #[arg(
        long,
        default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..=LINES_PER_CALL_MAX)
    )]
    lines_per_call: u64,

    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs `bursar import`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let plan = match read(&arguments.file, arguments.currency) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("bursar import: {}: {error}", arguments.file.display());
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
    match runtime.block_on(replay(arguments, &plan)) {
        Ok(report) => print(&report, arguments.json),
        Err(failure) => {
            eprintln!("bursar import: {failure}");
            Exit::No
        }
    }
}

fn read(file: &Path, currency: Currency) -> Result<Plan, StatementError> {
    let reader = File::open(file).map_err(StatementError::Open)?;
    Ok(Plan::new(&statement::read(reader, currency)?, currency))
}

async fn replay(arguments: &Arguments, plan: &Plan) -> Result<Report, Failure> {
    let client = Client::new(&arguments.url)?;
    let size = usize::try_from(arguments.lines_per_call).expect("10,000 fits every usize");
    let bar = progress(plan.length(), arguments.json);
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
    Ok(Report { currency: plan.currency, rows, tally })
}

fn progress(length: u64, hidden: bool) -> ProgressBar {
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} lines, {elapsed} ({per_sec})")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(length), target).with_style(style)
}

fn print(report: &Report, json: bool) -> Exit {
    let text = if json { report.to_json() } else { report.to_table() };
    for refusal in report.tally.refusals() {
        eprintln!("bursar import: {refusal}");
    }
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => {}
        // Whoever reads had enough; the exit code still tells.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("bursar import: cannot write the report: {error}");
            return Exit::No;
        }
    }
    if report.agrees() { Exit::Done } else { Exit::No }
}

fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" => Ok(url),
        scheme => Err(format!("write http://HOST:PORT; {scheme} is not spoken here")),
    }
}

fn currency(code: &str) -> Result<Currency, String> {
    Currency::from_code(code).ok_or_else(|| "write a code of ISO 4217, such as CZK".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_is_a_server() {
        for (text, good) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:80/", true),
            ("https://127.0.0.1:8080", false),
            ("127.0.0.1:8080", false),
            ("", false),
        ] {
            assert_eq!(server_url(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn currencies_are_codes_of_the_standard() {
        assert!(currency("CZK").is_ok());
        assert!(currency("czk").is_err());
        assert!(currency("ABC").is_err());
    }
}
