//! What the clerk is told when it starts: where the reports are kept, where the processor is, and
//! how much of a report is believed to be one.
//!
//! The bounds are there so that a processor gone wrong fills neither the memory nor the disk; they
//! are far above what an honest report has.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bursar_domain::call::Party;

use crate::gateway::{PartySettings, SettingsError};

/// How the clerk works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// In its folder `reports` stands what was read of reports.
    pub directory: PathBuf,
    /// Where the processor is and with which token; the rest of it is the gateway's.
    pub processor: PartySettings,
    /// How much of a report is taken.
    pub limits: Limits,
    /// How long the processor may take to begin its answer, and between two parts of it, in
    /// milliseconds.
    pub idle_ms: u64,
    /// How long a whole report may take, in milliseconds.
    pub whole_ms: u64,
}

/// How much of a report is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest line, in bytes, without its end.
    pub line_bytes_max: usize,
    /// The most lines.
    pub lines_max: u64,
    /// The most bytes.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes_max: 4_096, lines_max: 20_000_000, bytes_max: 8 * 1_024 * 1_024 * 1_024 }
    }
}

impl Settings {
    /// The defaults, with the processor's settings as its gateway has them.
    pub fn new(directory: impl Into<PathBuf>, processor: PartySettings) -> Self {
        Self {
            directory: directory.into(),
            processor,
            limits: Limits::default(),
            idle_ms: 60_000,
            whole_ms: 3_600_000,
        }
    }

    pub(super) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub(super) fn whole(&self) -> Duration {
        Duration::from_millis(self.whole_ms)
    }
}

/// Why the clerk cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The processor's settings cannot work.
    #[error(transparent)]
    Party(#[from] SettingsError),
    /// Its directory cannot be made or read.
    #[error("the reports' directory {directory}: {source}", directory = .directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StartError {
    pub(super) fn party(setting: &'static str, fault: String) -> Self {
        SettingsError { party: Party::Processor, setting, fault: fault.into() }.into()
    }
}
