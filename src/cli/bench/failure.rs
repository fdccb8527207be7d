//! Why a benchmark could not go on.
//!
//! Three kinds a caller can tell apart by the exit code: wrong use, the disk, and an answer that is
//! no. Unexpected answers under load are not here: they are counted ([`super::tally`]), shown in
//! the report, and fail the run at its end.

use std::io;
use std::path::PathBuf;

use crate::cli::Exit;

/// Why a benchmark could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The options do not fit together.
    #[error("{0}")]
    Usage(String),
    /// The directory for the data cannot be made or removed.
    #[error("{path}: {source}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server under test did not start, or died.
    #[error("{0}")]
    Server(String),
    /// The server answered something the scenario cannot go on with.
    #[error("{0}")]
    Answer(String),
    /// The system refused something the generator needs.
    #[error("{doing}: {source}")]
    System {
        /// What the generator was doing.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Failure {
    /// An error of the system, with what the generator was doing.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Directory { .. } => Exit::Disk,
            Self::Server(_) | Self::Answer(_) | Self::System { .. } => Exit::No,
        }
    }
}
