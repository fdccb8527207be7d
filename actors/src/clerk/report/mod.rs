//! The processor's report: read as a stream, checked as a whole, set aside, brought in pages.
//!
//! A report may have millions of lines, and memory does not follow their number. While it comes,
//! each [`line`] is parsed and thrown into [`bins`] on disk by the hash of its key, and by that of
//! its id; when all of it is there, bin by bin is [`check`]ed against itself and against what the
//! last closed report had ([`digests`]), and what is new is set aside in a [`spool`] (Grace hash
//! partitioning: Kitsuregawa, Tanaka, Moto-oka, "Application of hash to data base machine and its
//! architecture", 1983). The [`shelf`] is all that in its [`folder`]; [`intake`] is one report on
//! its way in.
//!
//! Invariants: nothing of a report can be read before all of it was checked; a spool is there whole
//! or not at all. Nothing here is synced to disk: what a loss of power takes or damages is seen as
//! such, and the report is asked for again.

use std::io;

use bursar_domain::errand::{Found, ReportSize};

use crate::gateway::transport::clip;

pub mod bins;
pub mod check;
pub mod digests;
pub mod folder;
pub mod intake;
pub mod line;
pub mod set_aside;
pub mod shelf;
pub mod spool;

/// Why a report is not set aside.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be used.
    #[error("{code}: {detail}")]
    Unusable {
        /// A word.
        code: &'static str,
        /// What was found, and where.
        detail: Box<str>,
    },
    /// The disk does not take it or give it back.
    #[error("the reports' directory: {0}")]
    Disk(#[from] io::Error),
    /// Nobody waits for it any more.
    #[error("given up")]
    GivenUp,
}

/// What is brought when a report was fetched, or was not.
pub fn found(fetched: Result<ReportSize, Fault>) -> Found {
    match fetched {
        Ok(size) => Found::Report(size),
        Err(Fault::Unusable { code, detail }) => {
            Found::Unusable { code: code.into(), detail: clip(&detail) }
        }
        Err(fault @ (Fault::Disk(_) | Fault::GivenUp)) => {
            Found::Unavailable { reason: clip(&fault.to_string()) }
        }
    }
}

impl Fault {
    /// A line, or the whole, that is not as agreed.
    pub(super) fn malformed(detail: impl Into<Box<str>>) -> Self {
        Self::Unusable { code: "report-malformed", detail: detail.into() }
    }

    /// A report of which a part is missing.
    pub fn incomplete(detail: impl Into<Box<str>>) -> Self {
        Self::Unusable { code: "report-incomplete", detail: detail.into() }
    }
}
