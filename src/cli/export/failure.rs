//! Why there is no export.
//!
//! Each reason has its sentence, which says what to do, and its exit code. Nothing here leaves a
//! file: what was written of it is removed.

use std::io;
use std::path::PathBuf;

use bursar_snapshots::store::StoreError;

use crate::cli::serve::exit_of;
use crate::cli::{Exit, client};

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The options make no sense.
    #[error("{0}")]
    Usage(String),
    /// A server has the directory open.
    #[error(
        "{0} is in use by a running server: export through it, with --url http://HOST:PORT instead \
         of --data, or stop it first"
    )]
    InUse(PathBuf),
    /// The directory cannot be read.
    #[error("{0}")]
    Store(StoreError),
    /// The file cannot be written.
    #[error("{path}: {source}; there is no export")]
    Output {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The server gave none.
    #[error("{0}")]
    Server(client::Failure),
    /// The server's stream cannot be used.
    #[error("{0}; nothing was written, run the same command again")]
    Stream(String),
    /// The process could not do what it needs.
    #[error("cannot start: {0}")]
    Start(io::Error),
}

impl Failure {
    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::InUse(_) => Exit::InUse,
            Self::Store(error) => exit_of(error),
            Self::Output { .. } => Exit::Disk,
            Self::Server(_) | Self::Stream(_) => Exit::No,
            Self::Start(_) => Exit::Fault,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InUse { path } => Self::InUse(path),
            other @ (StoreError::Fenced { .. }
            | StoreError::Damaged { .. }
            | StoreError::Incompatible { .. }
            | StoreError::Io { .. }
            | StoreError::Database { .. }) => Self::Store(other),
        }
    }
}
