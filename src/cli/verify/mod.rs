//! `bursar verify`: is a data directory whole, and does everything in it add up.
//!
//! It opens the directory of a stopped server, under its lock, and reads all of it. Opening checks
//! the journal's chain and the archive's tally, on a copy first whatever the size, so that damage
//! is found while the files are as they were. Nothing is claimed or appended.
//!
//! Then everything is computed a second time, from the records alone and by code that shares no
//! rules with the server: `entity` folds one entity (a module for each kind; `keys`, `side`) against
//! its snapshot; `positions`, `transfers`, `sums`, `outcomes`, `cases`, `rewards`, `draws` and
//! `waits` hold what concerns several, `tail` is the journal, `report` what is said. What only the
//! configuration or the calendar of that time could say is not computed again.
//!
//! Memory: the journal's records, 1 bit a record, 64 bytes a message, 16 an outcome, each list at
//! worst twice that, 150 a saga, 200 a reward, 50 an activity of one provider: 180 MB for a million
//! payments. An entity without snapshot and record in the journal is found by its positions only.

mod advance;
mod campaign;
mod cases;
mod compensation;
mod deal;
mod draws;
mod entity;
mod faults;
mod history;
mod keys;
mod ledger;
mod outcomes;
mod positions;
mod progress;
mod provider;
mod report;
mod rewards;
mod run;
mod saga;
mod schedule;
mod side;
mod statement;
mod sums;
mod tail;
#[cfg(test)]
mod tests;
mod transfers;
mod waits;
mod wallet;

use std::path::{Path, PathBuf};

use bursar_actors::clock::{Clock, SystemClock};
use bursar_domain::id::{Kind, Seq, ShardId};
use bursar_snapshots::sled_store::{Options, SledStore};
use bursar_snapshots::store::{Archive, Journal, Result};

use self::cases::Cases;
use self::draws::Draws;
use self::entity::Store;
use self::faults::Faults;
use self::ledger::Ledger;
use self::outcomes::Outcomes;
use self::positions::Positions;
use self::progress::Progress;
use self::report::{Counts, Report, Shard};
use self::rewards::Rewards;
use self::sums::Sums;
use self::tail::Tail;
use self::transfers::Transfers;
use self::waits::Waiting;
use super::Exit;
use super::serve::{exit_of, sandbox_clock};
use crate::config::Config;

const HELP: &str = "\
What is checked:
  journal     every group: checksum, chain of hashes, positions without gaps
  archive     every entry: checksum; that none is missing or has gone back
  entities    every balance, hold, refund and key, recomputed from all records, against the
              snapshot; every position of every shard has one record
  providers   each activity accepted once, for ever, and in the index; periods without gaps, each
              the sum of its lines; what is accrued, in reimbursement and reimbursed; every
              reimbursement ends once
  advances    the plan and its division; collected + outstanding + written off = amount after
              every event; no part of it asked for or counted twice; each key of a debit
              used once and nothing submitted blindly
  runs        phases in order, everybody asked has answered, the counts are those of the
              advances; the schedule rings each time once, and no report leaves a day out
  deals       tickets without gaps, never over the amount or the seats at any time, nobody
              passed over in line, how each left it
  sagas       steps and undos in order, one at a time, each what it has to be, repeats under
              the same key; no money left at the end; saga, compensation, deal and whoever
              has the money agree on how it ended
  campaigns   never over the budget; every win decided in the order in which it came; what is
              granted is what wallets booked, less what they gave back, and what is on its way
  statements  each line new once, each purchase drawn once, each batch looked at in its turn;
              every draw made again from the campaign's secret: the same prize, the same amount
  rewards     granted, booked and taken back once, on the same terms
  transfers   each message sent once and received once, or still in the journal
  books       the trial balance of every currency, and the saved books of every shard
  outcomes    each saved once, in order, none missing
  waits       everyone who waits for an answer or an instant will be woken after a start, and
              every advance is found on its day; the index by time says the same

The server must be stopped. The directory is not changed; while it is checked, a copy of the
database needs as much room again. Ends with 0 when all is right, 1 when something does not
add up, 3 when the directory is in use, 4 when it is damaged.";

/// Options of `bursar verify`.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The data directory [default: the configuration's, which is ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's configuration file (TOML), for how long outcomes are kept
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the report as one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs `bursar verify`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let config = match Config::load(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("bursar: {error}");
            return Exit::Usage;
        }
    };
    let directory = arguments.data.clone().unwrap_or_else(|| config.data.dir.clone());
    if !directory.join("sled").exists() && !directory.join("witness").exists() {
        let directory = directory.display();
        eprintln!("bursar: there is no data in {directory}: name the directory with --data DIR");
        return Exit::Usage;
    }
    tell_of_panics(&directory, arguments.json);
    match verify_directory(&directory, &config) {
        Ok(report) => {
            print(&report, arguments.json);
            report.exit()
        }
        Err(error) => {
            eprintln!("bursar: {error}");
            exit_of(&error)
        }
    }
}

fn print(report: &Report, json: bool) {
    print!("{}", if json { report.to_json() } else { report.to_table() });
}

/// The database panics on some damage; then this is the report.
fn tell_of_panics(directory: &Path, json: bool) {
    let before = std::panic::take_hook();
    let directory = directory.display().to_string();
    std::panic::set_hook(Box::new(move |panic| {
        let Some(location) = panic.location().filter(|at| at.file().contains("/sled-0.34")) else {
            return before(panic);
        };
        let message = panic.payload_as_str().unwrap_or("no reason given");
        let mut faults = Faults::default();
        let what = format!("the database cannot read it: {message} ({location})");
        faults.damaged("the database's files", what);
        let report = Report { directory: directory.clone(), faults, ..Report::default() };
        print(&report, json);
        std::process::exit(Exit::Damaged as i32);
    }));
}

fn verify_directory(directory: &Path, config: &Config) -> Result<Report> {
    let progress = Progress::new();
    progress.begin("opening and checking a copy");
    let mut faults = Faults::default();
    let options = Options { scrub_limit_bytes: u64::MAX, ..config.store() };
    let opened = SledStore::open_existing(directory, &options);
    let Some((journal, archive)) = faults.take(opened)? else {
        let directory = directory.display().to_string();
        return Ok(Report { directory, faults, ..Report::default() });
    };
    progress.begin("archive");
    let entries = faults.take(archive.verify())?.unwrap_or_default();
    let mut report = verify(
        &journal,
        &*archive,
        &journal.ends(),
        kept_after_ms(config, directory),
        faults,
        &progress,
    )?;
    report.directory = directory.display().to_string();
    if let Some(counts) = &mut report.counts {
        counts.archive_entries = entries;
    }
    Ok(report)
}

/// Outcomes decided before this instant may have been dropped. A sandbox's clock may be ahead.
fn kept_after_ms(config: &Config, directory: &Path) -> i64 {
    let keep_ms = config.outcomes.keep_days.saturating_mul(24 * 3600 * 1000);
    let now = match sandbox_clock(directory) {
        Ok(clock) => clock.now(),
        // Its own file is not what verify is about; the server says what is wrong with it.
        Err(_) => SystemClock.now(),
    };
    now.millis().saturating_sub(i64::try_from(keep_ms).unwrap_or(i64::MAX))
}

/// Checks an open store whose shards end with these positions.
fn verify(
    journal: &dyn Journal,
    archive: &dyn Archive,
    ends: &[Seq],
    kept_after_ms: i64,
    mut faults: Faults,
    progress: &Progress,
) -> Result<Report> {
    let shards = u16::try_from(ends.len()).expect("a store has at most 65535 shards");
    progress.begin("records of the journal");
    let mut tail = Tail::read(journal, shards, &mut faults, progress)?;
    let sums = Sums::read(archive, &tail, ends, &mut faults)?;
    let waiting = Waiting::read(archive, shards, &mut faults)?;
    let mut ledger = Ledger {
        shards,
        positions: Positions::new(ends.iter().copied()),
        transfers: Transfers::new(shards),
        outcomes: Outcomes::new(shards, kept_after_ms),
        sums,
        cases: Cases::default(),
        rewards: Rewards::default(),
        draws: Draws::default(),
        waiting,
        faults,
        entities: [0; Kind::ALL.len()],
    };
    progress.begin("entities");
    check_entities(archive, &mut tail, &mut ledger, progress)?;
    judge(archive, &tail, ledger, progress)
}

/// Every entity: those with a snapshot, then those that only the journal knows.
fn check_entities(
    archive: &dyn Archive,
    tail: &mut Tail,
    ledger: &mut Ledger,
    progress: &Progress,
) -> Result<()> {
    let visited = archive.entities(&mut |id, snapshot| {
        progress.advance();
        let held = tail.take(&id);
        let store = Store { archive, tail };
        let checked = entity::check(store, &id, Some(&snapshot), &held, ledger);
        ledger.faults.take(checked).map(drop)
    });
    ledger.faults.take(visited)?;
    for id in tail.left() {
        progress.advance();
        let held = tail.take(&id);
        let checked = entity::check(Store { archive, tail }, &id, None, &held, ledger);
        ledger.faults.take(checked)?;
    }
    Ok(())
}

/// What concerns all entities together. After damage it is only counted: what is missing there
/// would be told again in every sum.
fn judge(
    archive: &dyn Archive,
    tail: &Tail,
    ledger: Ledger,
    progress: &Progress,
) -> Result<Report> {
    let Ledger { positions, mut transfers, sums, mut outcomes, cases, waiting, .. } = ledger;
    let (rewards, draws) = (ledger.rewards, ledger.draws);
    let mut faults = ledger.faults;
    let is_whole = faults.count_damaged() == 0;
    let mut unjudged = Faults::default();
    let judged = if is_whole { &mut faults } else { &mut unjudged };
    positions.judge(judged);
    let in_transit = transfers.settle(tail, judged);
    let trial = sums.trial(&in_transit);
    sums.judge(&trial, judged);
    cases.judge(judged);
    rewards.judge(&transfers, judged);
    let (drawn, granted) = (draws.count(), rewards.count());
    draws.judge(judged);
    waiting.judge(judged);
    progress.begin("outcomes");
    let told = outcomes.judge(archive, tail, judged, progress)?;
    faults.add_damage(unjudged);

    let (messages_sent, messages_received) = transfers.counts();
    let mut counts = Counts {
        records: positions.count(),
        records_in_journal: tail.shards().iter().map(tail::ShardTail::records).sum(),
        groups_in_journal: tail.groups(),
        bytes_on_disk: archive.size_bytes()?,
        messages_sent,
        messages_received,
        draws: drawn,
        rewards: granted,
        ..Counts::default()
    };
    counts.entities(&ledger.entities);
    counts.outcomes(told);
    let shards = (0..).zip(tail.shards()).map(|(number, part)| Shard {
        number,
        last_record: positions.end(ShardId(number)).0,
        books_cover: sums.covers(ShardId(number)).0,
        records_in_journal: part.records(),
        groups_in_journal: part.groups,
    });
    let shards = shards.collect();
    Ok(Report { directory: String::new(), counts: Some(counts), shards, trial, faults })
}
