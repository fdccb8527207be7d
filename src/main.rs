//! The `bursar` binary: the server and its tools.
//!
//! `main` only picks the command. [`cli`] has one file per command; [`http`] one file per resource;
//! [`export`] one per table for analysis;
//! the rules are in `bursar-domain`, the machinery in `bursar-actors`, the disk in
//! `bursar-snapshots`.

mod cli;
mod config;
mod export;
mod http;
mod telemetry;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// What handles money has no bugs planted.
const _: () =
    assert!(!bursar_domain::planted::IS_BUILT_IN, "the server was asked for planted bugs");

fn main() -> ExitCode {
    cli::run()
}
