//! Errands: what an entity has fetched inside the server, as data, and what was brought.
//!
//! A run over the advances must know who stands in their agenda and what stands in the processor's
//! report. Neither is a call to be repeated under a key: nothing is changed by it. So it is not a
//! [`crate::call::Call`]; an entity asks with an errand, whoever runs errands brings back one
//! [`Brought`] with the same number, and after a crash the entity asks anew.
//!
//! Invariants: an errand changes nothing that money depends on; what is brought with a number that
//! is not waited for is ignored.

use bincode::{Decode, Encode};

use crate::id::Kind;
use crate::time::Timestamp;

/// A place in an agenda: the number under which an entity stands there, and its id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct Place {
    /// The number ([`crate::entity::Entity::listed`]).
    pub number: i64,
    /// The entity's id.
    pub id: Box<str>,
}

/// What is to be fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Who stands in the agenda of a kind, ascending, up to a number. The first page, without
    /// `after`, is taken when everything decided before is in the agenda.
    Agenda {
        /// Of which kind.
        kind: Kind,
        /// Up to and including this number.
        until: i64,
        /// After this place.
        after: Option<Place>,
        /// At most so many.
        limit: u32,
    },
    /// The processor's report of the last days: read to its end, checked, and what is new in it
    /// set aside under the asking entity's id.
    FetchReport {
        /// Of how many days.
        days: u16,
    },
    /// Lines of the report that was set aside.
    ReportLines {
        /// From this position, 0 at first.
        from: u64,
        /// At most so many.
        limit: u32,
    },
    /// The report was worked through: its lines need not be brought again by the next one.
    CloseReport,
}

/// An errand on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errand {
    /// Counted by the entity; it comes back with what was brought.
    pub number: u32,
    /// What is to be fetched.
    pub wanted: Wanted,
}

/// How the processor says that a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Reported {
    /// The money moved.
    Succeeded,
    /// It did not.
    Failed,
}

/// A line of the processor's report.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReportLine {
    /// The transaction, as the processor named it.
    pub transaction: Box<str>,
    /// The key under which it was asked for.
    pub key: Box<str>,
    /// How it ended.
    pub status: Reported,
    /// When, by the processor's clock.
    pub at: Timestamp,
    /// The processor's reason, a word.
    pub code: Option<Box<str>>,
}

/// What a report has, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct ReportSize {
    /// Lines in all.
    pub lines: u64,
    /// Lines about debits of advances that the report before did not have.
    pub fresh: u64,
    /// Lines that are not about debits of advances.
    pub others: u64,
}

/// What was fetched.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Found {
    /// A page of the agenda.
    Agenda {
        /// Who stands there, ascending.
        places: Vec<Place>,
        /// Whether there are more.
        more: bool,
    },
    /// The report is whole and set aside.
    Report(ReportSize),
    /// The report is there and cannot be used: it breaks off, cannot be read, or contradicts
    /// itself. Nothing of it counts.
    Unusable {
        /// A word.
        code: Box<str>,
        /// What was found, and where.
        detail: Box<str>,
    },
    /// The report could not be had now.
    Unavailable {
        /// What was seen.
        reason: Box<str>,
    },
    /// Lines of the report.
    Lines {
        /// The lines.
        lines: Vec<ReportLine>,
        /// Where the next ones begin; `None` after the last.
        next: Option<u64>,
    },
    /// The report that was set aside is not there any more: it has to be fetched again.
    Gone,
    /// The report is closed.
    Closed,
}

/// What an errand brought, on its way back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Brought {
    /// The errand's number.
    pub number: u32,
    /// What was fetched.
    pub found: Found,
}
