//! The command line: which command, with which options, and how it ends.
//!
//! One file (or folder) per command. Reports go to standard output, logs to standard error, except
//! for `serve`, whose log is its output. Exit codes stand once, in [`Exit`].

mod advances;
mod agenda;
mod bench;
mod client;
mod config;
mod export;
mod import;
mod parties;
mod sandbox;
mod serve;
mod table;
mod verify;
mod verify_draws;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the answer is no: a check failed, accounts differ
  2  wrong use: options, configuration, an unreadable input file
  3  the data directory is in use by another process
  4  the data directory is damaged or of another version; nothing was changed
  5  the disk failed or is full; nothing that was answered is lost, start again when there is room
  6  a fault in Bursar itself (an assertion); nothing that was answered is lost";

/// How a command ended. The numbers are a contract with whoever runs the binary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no.
    No = 1,
    /// Wrong use.
    Usage = 2,
    /// The data directory is in use.
    InUse = 3,
    /// The data directory is damaged or of another version.
    Damaged = 4,
    /// The disk failed or is full.
    Disk = 5,
    /// A fault in Bursar itself.
    Fault = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A payments core: every wallet, provider and deal an actor, every answer on disk before it is given.
#[derive(Parser)]
#[command(name = "bursar", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (this is also what happens without a subcommand, then with --sandbox)
    Serve(serve::Arguments),
    /// Check or show the configuration
    Config(config::Arguments),
    /// Check a data directory of a stopped server: every checksum, position, balance and sum
    Verify(verify::Arguments),
    /// Do every draw of exported rewards again and compare: needs no server
    VerifyDraws(verify_draws::Arguments),
    /// Replay a bank statement (CSV) through a running server and compare the balances, open an
    /// advance for each loan of a file, or send bank lines to be rewarded
    Import(import::Arguments),
    /// Sum up the advances of a running server: given, collected, outstanding, written off
    Advances(advances::Arguments),
    /// Write a table of what happened (payments, entries, ...) to a file for analysis
    Export(export::Arguments),
    /// Measure a fresh server on this machine
    Bench(bench::Arguments),
    /// Serve the simulated third parties alone: processor, documents, mail
    Sandbox(sandbox::Arguments),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    exit_on_fault();
    let arguments = Arguments::parse();
    let exit = match arguments.command {
        None => serve::run(&serve::Arguments { sandbox: true, ..serve::Arguments::default() }),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Config(arguments)) => config::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::VerifyDraws(arguments)) => verify_draws::run(&arguments),
        Some(Command::Import(arguments)) => import::run(&arguments),
        Some(Command::Advances(arguments)) => advances::run(&arguments),
        Some(Command::Export(arguments)) => export::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Sandbox(arguments)) => sandbox::run(&arguments),
    };
    exit.into()
}

/// A failed assertion ends the process with its own exit code: going on could lose money.
fn exit_on_fault() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to") {
            // Whoever read our output has gone away, as `head` does.
            std::process::exit(Exit::Done as i32);
        }
        report(info);
        if info.location().is_some_and(|location| location.file().contains("/sled-0.34")) {
            eprintln!(
                "bursar: the embedded database stopped: its files are damaged, or it has a fault \
                 of its own. Start again once, in case the disk was read wrongly; if it stops \
                 again, restore the data directory from a copy"
            );
            std::process::exit(Exit::Damaged as i32);
        }
        eprintln!(
            "bursar: this is a fault in Bursar itself; nothing that was answered is lost. \
             Please report it with the lines above"
        );
        std::process::exit(Exit::Fault as i32);
    }));
}
