//! `bursar verify`.
use super::Exit;

/// Options of `bursar verify`.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Runs `bursar verify`.
pub(crate) fn run(_arguments: &Arguments) -> Exit {
    Exit::Done
}
