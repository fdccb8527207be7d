//! The options of `bursar bench`, one struct per scenario.
//!
//! The defaults are the sizes the expectations are written for; smaller sizes run the same steps
//! and leave out the verdicts that would then say nothing. The server under test inherits the
//! environment, so any setting can be tried with `BURSAR__...` in front of the command.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{RangedI64ValueParser, RangedU64ValueParser};
use clap::{Args, Subcommand, ValueEnum};

const SERVER_SETTINGS: &str = "\
The server under test is this same binary, started as `bursar serve --sandbox` on a free port of
127.0.0.1 and an empty directory. It inherits the environment, so settings can be tried with
BURSAR__...=... in front of the command. Generator and server share this machine's cores.

The report goes to standard output, progress to standard error. A figure that falls short is
reported and does not change the exit code; an answer nobody asked for (a status other than the
expected one, a broken connection, a missing line) makes it 1.";

/// Options of `bursar bench`.
#[derive(Args)]
#[command(after_help = SERVER_SETTINGS)]
pub(crate) struct Arguments {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
    /// What every scenario understands.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What every scenario understands.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// Print one JSON document instead of the table
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Short phases and small sizes: does it run at all (verdicts on sizes are left out)
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Where to put the servers' data; must be empty or missing [default: a new directory under
    /// ./data-bench, so that it lies on a disk and not in memory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep the data when done
    #[arg(long, global = true)]
    pub(crate) keep: bool,
}

/// The scenarios.
#[derive(Subcommand)]
pub(crate) enum Scenario {
    /// Single payments and reads against the ceiling, latency under half load, one hot wallet
    Http(Load),
    /// One hot wallet against payments spread over ten thousand wallets
    Hot(Load),
    /// Payments by the batch (NDJSON), two callers at a time
    Batch(Batch),
    /// A million wallets: time to open them, memory each, memory under a ceiling of residents
    Wallets(Wallets),
    /// Time to be ready again after a kill and after an orderly stop
    Restart(Restart),
    /// Tickets of one hot deal against the ceiling, and 500 a second while sagas run
    Deals(Load),
    /// A daily run over a million advances, a report of a million lines, activities in bulk, timers
    Schedule(Schedule),
    /// Bank lines: taken in, sent again, at a rate that rises, and exported
    Rewards(Rewards),
    /// All of these, one after the other
    All(Load),
    /// The handler that only parses and answers, in a process of its own
    #[command(hide = true)]
    Ceiling(Ceiling),
}

/// How long and over how many connections to drive single requests.
#[derive(Args, Clone)]
pub(crate) struct Load {
    /// How long to measure each figure, in seconds
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = seconds())]
    pub(crate) seconds: u64,
    /// Numbers of connections, each measured by itself
    #[arg(long, value_delimiter = ',', default_value = "64,256", value_name = "N,N",
          value_parser = connections())]
    pub(crate) connections: Vec<u32>,
}

/// Payments by the batch.
#[derive(Args, Clone)]
pub(crate) struct Batch {
    /// Wallets the payments are spread over
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = wallets())]
    pub(crate) wallets: u64,
    /// Lines a call
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = up_to(10_000))]
    pub(crate) lines: u64,
    /// Calls in flight at a time
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = callers())]
    pub(crate) callers: u32,
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = seconds())]
    pub(crate) seconds: u64,
}

/// A million wallets.
#[derive(Args, Clone)]
pub(crate) struct Wallets {
    /// Wallets to open
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) count: u64,
    /// The ceiling of resident wallets in the second run
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = wallets())]
    pub(crate) resident_max: u64,
}

/// Ready again.
#[derive(Args, Clone)]
pub(crate) struct Restart {
    /// Wallets to open and fund
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) wallets: u64,
    /// Payments to make from them, each wallet in turn
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = up_to(100_000_000))]
    pub(crate) payments: u64,
}

/// Money on a schedule.
#[derive(Args, Clone)]
pub(crate) struct Schedule {
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub(crate) only: Vec<Part>,
    /// Advances of the daily run, of which a tenth is due
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) advances: u64,
    /// Calls that the processor takes in a second
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = calls())]
    pub(crate) rate: u32,
    /// How long to look at the submission, in seconds
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = seconds())]
    pub(crate) submitting: u64,
    /// Lines of the processor's report, of which a tenth is new
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) lines: u64,
    /// Activities to submit, and to submit again
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) activities: u64,
    /// Providers that wait for the end of their period
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) sleepers: u64,
}

/// The parts of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Part {
    /// Selecting, staging and submitting what is due
    Daily,
    /// Reading the processor's report
    Report,
    /// Activities in bulk
    Activities,
    /// Timers asleep
    Timers,
}

/// Bank lines.
#[derive(Args, Clone)]
pub(crate) struct Rewards {
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub(crate) only: Vec<RewardsPart>,
    /// Bank lines to take in, and to send again, in five slices
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = wallets())]
    pub(crate) lines: u64,
    /// Wallets they are of
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = wallets())]
    pub(crate) wallets: u64,
    /// Lines a call
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = up_to(10_000))]
    pub(crate) batch: u64,
    /// Calls in flight at a time
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = callers())]
    pub(crate) callers: u32,
    /// The chance of a line to win, as campaigns have it
    #[arg(long, default_value = "0.05", value_name = "ODDS")]
    pub(crate) odds: String,
    /// How long the rate rises, in seconds; before and after it, it stays for a third of that
    #[arg(long, default_value_t = 36, value_name = "N", value_parser = seconds())]
    pub(crate) rising: u64,
    /// Bank lines to export; what is expected was set for 10000000
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = up_to(100_000_000))]
    pub(crate) rows: u64,
}

/// The parts of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum RewardsPart {
    /// Taking in, and the same again
    Intake,
    /// A rate that rises to five times as much
    Spike,
    /// To Parquet, from the directory of a stopped server
    Export,
}

fn up_to(most: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=most)
}

fn seconds() -> RangedU64ValueParser {
    up_to(3_600)
}

fn callers() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=64)
}

fn calls() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=100_000)
}

fn connections() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=10_000)
}

/// As many as seven digits tell apart.
fn wallets() -> RangedU64ValueParser {
    up_to(9_999_999)
}

/// The ceiling's own options.
#[derive(Args)]
pub(crate) struct Ceiling {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}
