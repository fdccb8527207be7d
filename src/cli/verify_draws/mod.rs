//! `bursar verify-draws`: does every draw again, from exported files alone.
//!
//! Who runs it needs neither a server nor trust in one: the files of `bursar export`, and, best,
//! the commitments that were noted before the days began. [`input`] reads the files, [`draw`] is the
//! arithmetic once more, written apart from the server's, [`check`] holds both against each other,
//! [`report`] says what came of it.

mod check;
mod draw;
mod input;
mod report;
mod rows;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bursar_domain::id::is_well_formed;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Exit;
use check::Check;
use input::InputError;
use rows::{Campaign, Commitment, Draw};

/// What stands at the end of the help.
const AFTER_HELP: &str = "\
A draw is HMAC-SHA256 of the purchase's key under the day's seed; decision 0024 says how it
decides. Checked is: the SHA-256 of each revealed seed is the commitment; each draw of such a day wins
the same prize and amount again; each purchase was drawn once; terms, days and amounts fit. Draws of
days that are not revealed yet are counted, and days whose commitment was published late are named.

Files are told by their first bytes: NDJSON, CSV or Parquet. It exits with 0 when nothing is wrong,
with 1 when anything is, with 2 when a file cannot be read.

Examples:
  for T in draws campaigns commitments; do
    bursar export --table $T --format ndjson --url http://127.0.0.1:8080 --out $T.ndjson
  done
  bursar verify-draws --draws draws.ndjson
  bursar verify-draws --draws draws.parquet --noted spring=commitments-of-march.json --json";

/// Options of `bursar verify-draws`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The exported table `draws`
    #[arg(long, value_name = "FILE")]
    draws: PathBuf,

    /// The exported table `campaigns` [default: campaigns.* beside the draws]
    #[arg(long, value_name = "FILE")]
    campaigns: Option<PathBuf>,

    /// The exported table `commitments`, with the seeds that are revealed, or saved answers of
    /// GET /v1/campaigns/{id}/commitments [default: commitments.* beside the draws]
    #[arg(long, value_name = "FILE")]
    commitments: Option<PathBuf>,

    /// Commitments that were noted earlier and must not have changed: saved answers of
    /// GET /v1/campaigns/{id}/commitments, or an earlier export; may be given several times
    #[arg(long, value_name = "[CAMPAIGN=]FILE", value_parser = noted)]
    noted: Vec<Noted>,

    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
}

/// A file of noted commitments.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Noted {
    /// Whose they are, where the file does not say.
    campaign: Option<String>,
    file: PathBuf,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn noted(text: &str) -> Result<Noted, String> {
    let named = text.split_once('=').filter(|(campaign, _)| is_well_formed(campaign));
    Ok(match named {
        Some((campaign, file)) => Noted { campaign: Some(campaign.to_owned()), file: file.into() },
        None => Noted { campaign: None, file: text.into() },
    })
}

/// Runs `bursar verify-draws`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let check = match checked(arguments) {
        Ok(check) => check,
        Err(error) => {
            eprintln!("bursar verify-draws: {error}");
            return Exit::Usage;
        }
    };
    let text = if arguments.json { report::to_json(&check) } else { report::to_table(&check) };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("bursar verify-draws: cannot write the report: {error}");
            return Exit::No;
        }
        // Whoever reads had enough; the exit code still tells.
        Ok(()) | Err(_) => {}
    }
    if report::is_good(&check) { Exit::Done } else { Exit::No }
}

fn checked(arguments: &Arguments) -> Result<Check, InputError> {
    let beside = |given: &Option<PathBuf>, table: &str| {
        given.clone().unwrap_or_else(|| beside(&arguments.draws, table))
    };
    let campaigns = beside(&arguments.campaigns, "campaigns");
    let commitments = beside(&arguments.commitments, "commitments");
    let mut check = Check::default();
    let hidden = ProgressBar::hidden();
    input::each(&campaigns, &hidden, |row: Campaign| check.campaign(row))?;
    of_campaigns(&commitments, None, &mut check, Check::commitment)?;
    for Noted { campaign, file } in &arguments.noted {
        of_campaigns(file, campaign.as_deref(), &mut check, Check::noted)?;
    }
    let bar = progress(arguments.json);
    let read = input::each(&arguments.draws, &bar, |row: Draw| check.draw(&row));
    bar.finish_and_clear();
    read?;
    Ok(check)
}

/// Reads commitments with the campaigns that they are of.
fn of_campaigns(
    file: &Path,
    campaign: Option<&str>,
    check: &mut Check,
    take: fn(&mut Check, &Commitment, &str),
) -> Result<(), InputError> {
    let only = campaign.or(check.only_campaign()).map(str::to_owned);
    let mut nameless = false;
    input::commitments(file, |row| match row.campaign.as_deref().or(only.as_deref()) {
        Some(campaign) => take(check, &row, campaign),
        None => nameless = true,
    })?;
    if nameless {
        let what = "does not say which campaign it is of; write CAMPAIGN=FILE";
        return Err(InputError::new(file, what));
    }
    Ok(())
}

/// The file of another table in the same folder and form.
fn beside(draws: &Path, table: &str) -> PathBuf {
    let mut file = draws.with_file_name(table);
    if let Some(extension) = draws.extension() {
        file.set_extension(extension);
    }
    file
}

fn progress(hidden: bool) -> ProgressBar {
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:40} {percent}% of the draws, {elapsed}")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(0), target).with_style(style)
}

#[cfg(test)]
mod tests;
