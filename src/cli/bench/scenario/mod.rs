//! The scenarios, and the steps they share: a fresh server, and wallets with money in them.
//!
//! Everything but a million advances is set up through the HTTP contract, by batch, and every answer
//! of the set-up must be the expected one: a scenario on half of its wallets would measure something
//! else. Every server gets a directory of its own.

pub(crate) mod batch;
pub(crate) mod deals;
pub(crate) mod hot;
pub(crate) mod http;
pub(crate) mod restart;
pub(crate) mod rewards;
pub(crate) mod schedule;
mod turns;
pub(crate) mod wallets;

use std::path::PathBuf;
use std::time::Duration;

use super::arguments::{Batch, Common, Load, Restart, Rewards, Schedule, Wallets};
use super::bulk::{self, Outcome, Plan};
use super::directory::Directory;
use super::expectation::{BATCH_SIZES, LINES_SIZES, MILLION, PROCESSOR_RATE};
use super::failure::Failure;
use super::load::Window;
use super::report::Report;
use super::server::Server;
use super::template::Keys;
use super::workload::{Lines, PROVIDERS};

/// How a run is made, whatever the scenario.
pub(crate) struct Context {
    directory: Directory,
    /// Short phases and small sizes.
    pub(crate) quick: bool,
}

impl Context {
    /// Prepares a run.
    pub(crate) fn new(common: &Common) -> Result<Self, Failure> {
        let directory = Directory::fresh(common.data.as_deref(), common.keep)?;
        Ok(Self { directory, quick: common.quick })
    }

    /// A size, or a fiftieth of it in a quick run.
    fn size(&self, full: u64) -> u64 {
        if self.quick { (full / 50).max(1) } else { full }
    }

    /// How long to measure a figure.
    fn length(&self, seconds: u64) -> Duration {
        if self.quick { Duration::from_secs(1) } else { Duration::from_secs(seconds) }
    }

    /// How many slices a figure is the median of, and how long each of them is.
    fn slices(&self, seconds: u64) -> (u32, Window) {
        let (rounds, warm_up) = if self.quick { (2, 100) } else { (5, 300) };
        let measured = self.length(seconds) / rounds;
        (rounds, Window { warm_up: Duration::from_millis(warm_up), measured })
    }
}

/// A server with its directory and the keys it has seen.
struct Subject {
    server: Server,
    data: PathBuf,
    keys: Keys,
}

impl Subject {
    /// Starts a server on an empty directory.
    fn fresh(context: &Context, name: &str, settings: &[(&str, String)]) -> Result<Self, Failure> {
        let data = context.directory.subdirectory(name)?;
        let server = Server::serve(&data, settings)?;
        server.wait_ready()?;
        Ok(Self { server, data, keys: Keys::default() })
    }

    /// Sends lines of which every one must succeed.
    fn prepare(&self, lines: &Lines, count: u64, label: &str) -> Result<Outcome, Failure> {
        let plan = Plan::lines(count);
        bulk::send(self.server.address, lines, &self.keys, plan, label)?.clean(label)
    }

    /// Registers the providers, opens wallets and gives each of them money.
    fn open_and_fund(&self, wallets: u64) -> Result<(), Failure> {
        self.prepare(&Lines::register_providers(), PROVIDERS, "registering providers")?;
        self.prepare(&Lines::open_wallets(wallets), wallets, "opening wallets")?;
        self.prepare(&Lines::deposits(wallets), wallets, "depositing")?;
        Ok(())
    }

    /// Opens the hot wallet and gives it money.
    fn open_hot_wallet(&self) -> Result<(), Failure> {
        self.prepare(&Lines::open_hot_wallet(), 1, "opening the hot wallet")?;
        self.prepare(&Lines::hot_deposit(), 1, "depositing to the hot wallet")?;
        Ok(())
    }

    /// Stops the server in order and gives its room back.
    fn end(self, context: &Context) -> Result<(), Failure> {
        self.server.stop()?;
        context.directory.discard(&self.data)
    }
}

/// All scenarios at their own sizes, into one report.
pub(crate) fn all(context: &Context, options: &Load, report: &mut Report) -> Result<(), Failure> {
    http::run(context, options, report)?;
    let (lines, wallets) = BATCH_SIZES;
    let batch = Batch { wallets, lines, callers: bulk::CALLERS, seconds: options.seconds };
    batch::run(context, &batch, report)?;
    let wallets = Wallets { count: MILLION, resident_max: MILLION / 10 };
    wallets::run(context, &wallets, report)?;
    let restart = Restart { wallets: MILLION, payments: MILLION };
    restart::run(context, &restart, report)?;
    deals::run(context, options, report)?;
    let schedule = Schedule {
        only: Vec::new(),
        advances: MILLION,
        rate: PROCESSOR_RATE,
        submitting: 3 * options.seconds,
        lines: MILLION,
        activities: MILLION,
        sleepers: MILLION,
    };
    schedule::run(context, &schedule, report)?;
    let rewards = Rewards {
        only: Vec::new(),
        lines: MILLION,
        wallets: MILLION / 1_000,
        batch: LINES_SIZES.0,
        callers: 8,
        odds: "0.05".to_owned(),
        rising: 36,
        rows: MILLION,
    };
    rewards::run(context, &rewards, report)
}
