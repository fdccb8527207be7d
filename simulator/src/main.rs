//! `bursar-simulator`: plays seeds, and replays the one that failed.
//!
//! `--seed N` plays one scenario to its end and prints what was counted and its digest; played
//! again, it prints the same, byte for byte. Without it, seeds are played one after the other for
//! some minutes. A failing seed is made smaller before it is shown, with the commit at which it
//! failed. `docs/testing.md` says what this can find and what it cannot.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bursar_simulator::operations::Size;
use bursar_simulator::{failure, play, shrink};
use clap::Parser;

/// Plays the whole of Bursar in one thread under virtual time, with every fault, from a seed.
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Arguments {
    /// Play this seed alone
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The first of the seeds [default: drawn from the time of day]
    #[arg(long, value_name = "N", conflicts_with = "seed")]
    from: Option<u64>,
    /// Play so many seeds
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["seed", "minutes"])]
    seeds: Option<u64>,
    /// Play seeds for so many minutes [default: 1]
    #[arg(long, value_name = "MINUTES", conflicts_with = "seed")]
    minutes: Option<u64>,
    /// How many operations a seed has at most
    #[arg(long, value_name = "COUNT", default_value_t = 400)]
    operations: u32,
    /// Over how many simulated days they are spread at most
    #[arg(long, value_name = "DAYS", default_value_t = 10)]
    days: u32,
    /// Print every step, with --seed
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Show a failing seed as it is, without making it smaller
    #[arg(long)]
    whole: bool,
}

const HELP: &str = "\
A seed means: how the process is set up, what clients do, and what goes wrong with the machine and
with third parties. It is played twice as fast without --trace.

Ends with 0 when all was right, 1 when something was found.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    play::note_panics();
    let size = Size { operations: arguments.operations, days: arguments.days };
    match arguments.seed {
        Some(seed) => one(seed, size, &arguments),
        None => many(size, &arguments),
    }
}

fn one(seed: u64, size: Size, arguments: &Arguments) -> ExitCode {
    let scenario = bursar_simulator::scenario::Scenario::draw(seed, size);
    let (report, text) = play::written(&scenario, arguments.trace);
    print!("{text}");
    println!("seed {seed}: digest {:016x}, {:?}", report.digest, report.counts);
    if report.faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    show(&scenario, report, arguments.whole);
    ExitCode::FAILURE
}

fn show(
    scenario: &bursar_simulator::scenario::Scenario,
    report: bursar_simulator::world::Report,
    is_whole: bool,
) {
    if is_whole {
        println!("{}", failure::text(scenario, &report));
    } else {
        let smaller = shrink::shrink(scenario, report);
        println!("{}", failure::text(&smaller.scenario, &smaller.report));
    }
}

fn many(size: Size, arguments: &Arguments) -> ExitCode {
    let first = arguments.from.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_secs() * 1_000)
    });
    let minutes = arguments.minutes.unwrap_or(1);
    let limit = arguments.seeds.map_or(Duration::from_secs(minutes * 60), |_| Duration::MAX);
    let began = Instant::now();
    let mut tally = play::Tally::default();
    let last = arguments.seeds.map_or(u64::MAX, |seeds| first.saturating_add(seeds));
    for seed in first..last {
        if began.elapsed() >= limit {
            break;
        }
        let scenario = bursar_simulator::scenario::Scenario::draw(seed, size);
        let report = play::play(&scenario);
        tally.add(&report);
        if !report.faults.is_empty() {
            println!("{}", tally.line(began.elapsed()));
            show(&scenario, report, arguments.whole);
            return ExitCode::FAILURE;
        }
        if tally.seeds.is_multiple_of(1_000) {
            eprintln!("{}", tally.line(began.elapsed()));
        }
    }
    println!("from seed {first}: {}", tally.line(began.elapsed()));
    ExitCode::SUCCESS
}
