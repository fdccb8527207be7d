//! `bursar advances`: what was given, collected and is outstanding, summed up; or one plan.
//!
//! The command reads and changes nothing. It walks the whole list, page by page, and adds up
//! itself: of every advance, of every row and of the total, what was collected, is outstanding and
//! was written off must make what was given. A difference is told and makes the exit code 1, so
//! that a script may rely on the table.
//!
//! [`status`] has the words, [`item`] reads one advance, [`summary`] adds up, [`schedule`] shows a
//! plan.

mod item;
mod schedule;
pub(crate) mod status;
mod summary;

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::Exit;
use super::client::{self, Client, Failure, server_url};
use item::Item;
use schedule::Schedule;
use status::Status;
use summary::Summary;

/// How many advances are asked for at once: what the server gives at the most.
const PAGE_LENGTH: &str = "500";

/// What stands at the end of the help.
const AFTER_HELP: &str = "\
An advance that is pending or has failed was asked for and not given: it counts and adds nothing.
It exits with 0 when everything adds up, with 1 when it does not, when there is no such advance or
when the server does not answer.

Examples:
  bursar advances
  bursar advances --status defaulted --json
  bursar advances --schedule adv_0123456789abcdef0123456789abcdef";

/// Options of `bursar advances`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where the server listens
    #[arg(long, default_value = "http://127.0.0.1:8080", value_parser = server_url)]
    url: Url,

    /// Only the advances that stand like this
    #[arg(long)]
    status: Option<Status>,

    /// Show the plan of this advance, debit by debit, instead of the sums
    #[arg(long, value_name = "ID", conflicts_with = "status", value_parser = advance_id)]
    schedule: Option<String>,

    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
}

/// An id, which becomes a part of an address.
fn advance_id(text: &str) -> Result<String, String> {
    if bursar_domain::id::is_well_formed(text) {
        Ok(text.to_owned())
    } else {
        Err("write an advance's id, such as the import and the list give it".to_owned())
    }
}

/// What the command has to say.
struct Told {
    text: String,
    /// What does not add up, in words.
    faults: Vec<String>,
}

/// Runs `bursar advances`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bursar advances: cannot start: {error}");
            return Exit::Fault;
        }
    };
    match runtime.block_on(tell(arguments)) {
        Ok(told) => print(&told),
        Err(failure) => {
            eprintln!("bursar advances: {failure}");
            Exit::No
        }
    }
}

async fn tell(arguments: &Arguments) -> Result<Told, Failure> {
    let client = Client::new(&arguments.url)?;
    if let Some(id) = &arguments.schedule {
        let document: Value = client
            .patiently(async || {
                let request = client.get(&format!("/v1/advances/{id}"))?;
                client::send(request).await?.read("an advance")
            })
            .await?;
        let schedule = Schedule::read(&document).map_err(unreadable)?;
        let text = if arguments.json { pretty(&document) } else { schedule.to_table() };
        return Ok(Told { text, faults: schedule.faults() });
    }
    let summary = walk(&client, arguments).await?;
    let text = if arguments.json { pretty(&summary.to_document()) } else { summary.to_table() };
    Ok(Told { text, faults: summary.faults() })
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// Adds up the whole list, one page in memory at a time.
async fn walk(client: &Client, arguments: &Arguments) -> Result<Summary, Failure> {
    let bar = progress(arguments.json);
    let mut summary = Summary::default();
    let mut cursor: Option<String> = None;
    loop {
        let page: Page = client
            .patiently(async || {
                let mut query = vec![("limit", PAGE_LENGTH)];
                query.extend(arguments.status.map(|status| ("status", status.as_str())));
                query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
                let request = client.get_with("/v1/advances", &query)?;
                client::send(request).await?.read("a list of advances")
            })
            .await?;
        for document in &page.items {
            summary.add(&Item::read(document).map_err(unreadable)?);
        }
        bar.inc(u64::try_from(page.items.len()).expect("a usize fits a u64"));
        match page.next_cursor {
            None => break,
            Some(next) if cursor.as_ref() == Some(&next) => {
                return Err(Failure::Answer(format!("the list does not go on after {next:?}")));
            }
            next => cursor = next,
        }
    }
    bar.finish_and_clear();
    Ok(summary)
}

fn unreadable(what: String) -> Failure {
    Failure::Answer(format!("the server answered an advance that cannot be read: {what}"))
}

fn progress(hidden: bool) -> ProgressBar {
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{pos} advances, {elapsed} ({per_sec})")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a value always is JSON");
    text.push('\n');
    text
}

fn print(told: &Told) -> Exit {
    for fault in &told.faults {
        eprintln!("bursar advances: {fault}");
    }
    match io::stdout().write_all(told.text.as_bytes()) {
        Ok(()) => {}
        // Whoever reads had enough; the exit code still tells.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("bursar advances: cannot write the report: {error}");
            return Exit::No;
        }
    }
    if told.faults.is_empty() { Exit::Done } else { Exit::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_place_in_an_address() {
        assert!(advance_id("adv_0123456789abcdef0123456789abcdef").is_ok());
        for text in ["", "../wallets/alice", "a?b", "a/b", "a b"] {
            assert!(advance_id(text).is_err(), "{text:?}");
        }
    }
}
