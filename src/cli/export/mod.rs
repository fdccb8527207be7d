//! `bursar export`: a table of what happened, as a file for analysis.
//!
//! The rows come from the directory of a stopped server (`local`) or from a running one
//! (`remote`), and go through a thread that writes them (`pipe`) into a file that gets its name
//! only when it is whole (`output`); `report` is what is said at the end. What a table is, is in
//! [`crate::export`].
//!
//! Invariant: a file of the name that was asked for is complete, or it is the one that was there
//! before.

mod failure;
mod local;
mod output;
mod pipe;
mod remote;
mod report;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bursar_actors::clock::{Clock, SystemClock};
use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use reqwest::Url;

use super::Exit;
use super::client::server_url;
use super::serve::sandbox_clock;
use crate::export::formats::Format;
use crate::export::position::Position;
use crate::export::rows::Range;
use crate::export::{Table, tables};
use failure::Failure;
use output::Output;
use report::Report;

/// What stands at the end of the help, after the tables.
const AFTER_HELP: &str = "\
Everything in a file is as of one position: all records up to it and no others. The report says
which; --at gives other tables, or the same one later, at the same position. A position is told
again in the file, where the format has room (Parquet).

An amount is two columns: `amount` in major units (a decimal number) and `amount_minor` (the exact
integer), beside `currency`. Times are UTC. Every column of every table is in docs/export.md, and in
which order the rows come.

With --data the server must be stopped; what it had acknowledged before a crash is there. With
--url it goes on working; a stream that is cut off is an error and leaves no file.

It exits with 0 when the file is whole, 1 when the server gave none, 2 for wrong use, 3 when the
directory is in use, 4 when it is damaged, 5 when the file cannot be written.

Examples:
  bursar export --table payments --format parquet --data ./data --out payments.parquet
  bursar export --table entries --format csv --from 2026-01-01 --to 2026-02-01 \\
      --url http://127.0.0.1:8080 --out january.csv
  bursar export --table deals --format ndjson --url http://127.0.0.1:8080 --out - | jq .name";

/// The end of the help, with the tables.
fn after_help() -> String {
    let line = |table: &&Table| format!("  {:14}  {}; by {}\n", table.name, table.about, table.by);
    let lines: String = tables::TABLES.iter().map(line).collect();
    format!("Tables, and the column that --from and --to go by:\n{lines}\n{AFTER_HELP}")
}

/// Options of `bursar export`.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct Arguments {
    /// Which table; they are listed below
    #[arg(long, value_name = "TABLE", value_parser = table)]
    table: &'static Table,

    /// What the file is like
    #[arg(long, value_enum)]
    format: Format,

    /// The file, which is replaced when it is there; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    source: Source,

    /// Only rows of this day or instant (UTC) and later, such as 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "DATE|INSTANT", value_parser = instant)]
    from: Option<Timestamp>,

    /// Only rows before this day or instant
    #[arg(long, value_name = "DATE|INSTANT", value_parser = instant)]
    to: Option<Timestamp>,

    /// As of this position, which an earlier export told
    #[arg(long, value_name = "POSITION")]
    at: Option<Position>,

    /// The server's configuration file (TOML), for how its directory is opened
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,

    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
}

/// Where the rows come from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// The data directory of a stopped server
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// A running server, such as http://127.0.0.1:8080
    #[arg(long, value_parser = server_url)]
    url: Option<Url>,
}

fn table(name: &str) -> Result<&'static Table, String> {
    tables::of_name(name).ok_or_else(|| format!("the tables are {}", tables::names()))
}

/// A day, which stands for its beginning in UTC, or an instant.
fn instant(text: &str) -> Result<Timestamp, String> {
    let day = |text| Timestamp::parse(&format!("{}T00:00:00Z", Day::parse(text)?));
    day(text).or_else(|| Timestamp::parse(text)).ok_or_else(|| {
        "write a day, such as 2026-01-31, or an instant, such as 2026-01-31T12:00:00Z".to_owned()
    })
}

/// What is asked for.
struct Wanted<'a> {
    table: &'static Table,
    format: Format,
    range: Range,
    at: Option<&'a Position>,
}

/// Runs `bursar export`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    match export(arguments) {
        Ok(mut report) => {
            report.seconds = began.elapsed();
            tell(&report, arguments)
        }
        Err(failure) => {
            eprintln!("bursar export: {failure}");
            failure.exit()
        }
    }
}

/// The time by the clock of the directory, which in a sandbox may have been moved ahead.
fn now(arguments: &Arguments) -> Result<Timestamp, Failure> {
    match arguments.source.data.as_deref().filter(|data| data.join("clock").is_file()) {
        Some(data) => {
            let clock = sandbox_clock(data).map_err(|error| Failure::Usage(error.to_string()))?;
            Ok(clock.now())
        }
        None => Ok(SystemClock.now()),
    }
}

fn export(arguments: &Arguments) -> Result<Report, Failure> {
    let wanted = Wanted {
        table: arguments.table,
        format: arguments.format,
        range: Range { from: arguments.from, to: arguments.to, now: now(arguments)? },
        at: arguments.at.as_ref(),
    };
    check(arguments)?;
    match (&arguments.source.data, &arguments.source.url) {
        (Some(data), _) => {
            let output = Output::open(&arguments.out)?;
            let directory = local::open(data, arguments.config.as_deref())?;
            local::export(&directory, &wanted, output)
        }
        (None, Some(url)) => remote::export(url, &wanted, &arguments.out),
        (None, None) => unreachable!("one of both is required"),
    }
}

fn check(arguments: &Arguments) -> Result<(), Failure> {
    let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
    if let Err(what) = arguments.format.check() {
        return usage(what);
    }
    if arguments.format == Format::Parquet && arguments.out == Path::new("-") {
        return usage("Parquet goes to a file: --out FILE, or choose csv or ndjson for --out -");
    }
    match (arguments.from, arguments.to) {
        (Some(from), Some(to)) if from >= to => {
            usage("--from is not before --to, so no row could be in between")
        }
        _ => Ok(()),
    }
}

/// The report goes to standard output, unless the rows went there.
fn tell(report: &Report, arguments: &Arguments) -> Exit {
    let text = if arguments.json { report.to_json() } else { report.to_text() };
    let written = match report.file {
        Some(_) => io::stdout().write_all(text.as_bytes()),
        None => io::stderr().write_all(text.as_bytes()),
    };
    match written {
        // Whoever reads had enough; the file is there.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("bursar export: cannot write the report: {error}");
            Exit::No
        }
        Ok(()) | Err(_) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        let read = |text| instant(text).expect("an instant").to_string();
        assert_eq!(read("2026-01-31"), "2026-01-31T00:00:00.000Z");
        assert_eq!(read("2026-01-31T12:30:00Z"), "2026-01-31T12:30:00.000Z");
        for bad in ["", "2026-02-30", "31.1.2026", "yesterday", "2026-01-31 12:00"] {
            assert!(instant(bad).is_err(), "{bad:?}");
        }
    }
}
