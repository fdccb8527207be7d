//! Which reports were set aside, and what is brought of them.
//!
//! A report that is asked for again under the number under which it was set aside is not fetched
//! again: the entity only has not heard of it. After a restart it is, because nobody knows how old
//! it is; so this is only in memory.
//!
//! No file is touched here: what was found on the [`super::shelf`] is made into what is brought.

use std::collections::HashMap;
use std::io;

use bursar_domain::errand::{Found, ReportSize};
use bursar_domain::id::EntityId;

use super::spool::Page;
use crate::gateway::transport::clip;

/// The most lines that are brought at once, whatever is asked for.
const LINES_MAX: u32 = 10_000;

/// The reports that were set aside since the start, and under which number.
#[derive(Debug, Default)]
pub struct SetAside(HashMap<EntityId, (u32, ReportSize)>);

impl SetAside {
    /// The report that was set aside under this number; one of another number is forgotten.
    pub fn again(&mut self, entity: &EntityId, number: u32) -> Option<ReportSize> {
        match self.0.get(entity) {
            Some((before, size)) if *before == number => Some(*size),
            Some(_) => {
                self.forget(entity);
                None
            }
            None => None,
        }
    }

    /// A report was set aside.
    pub fn put(&mut self, entity: EntityId, number: u32, size: ReportSize) {
        self.0.insert(entity, (number, size));
    }

    /// There is none any more.
    pub fn forget(&mut self, entity: &EntityId) {
        self.0.remove(entity);
    }
}

/// How many lines are taken when so many are asked for.
pub fn lines_taken(limit: u32) -> usize {
    limit.clamp(1, LINES_MAX) as usize
}

/// What is brought of lines.
pub fn lines(page: io::Result<Option<Page>>) -> Found {
    match page {
        Ok(Some(page)) => Found::Lines { lines: page.lines, next: page.next },
        Ok(None) => Found::Gone,
        Err(error) => unavailable(&error),
    }
}

/// What is brought when a report was closed.
pub fn closed(closed: io::Result<()>) -> Found {
    closed.map_or_else(|error| unavailable(&error), |()| Found::Closed)
}

/// What is brought when the disk says no.
pub fn unavailable(error: &io::Error) -> Found {
    Found::Unavailable { reason: clip(&format!("the reports' directory: {error}")) }
}
