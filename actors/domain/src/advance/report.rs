//! What a line of the processor's report means.
//!
//! The same line stands in several reports, and the answer to the call may have said the same
//! before; so a line counts only where it is news. An attempt that failed is over: a line that says
//! that it succeeded after all contradicts what was known, and changes nothing. Only a debit that
//! was given up as silent may still end either way.
//!
//! The report may know what a call that is under way will say. Then its answer is not waited for any
//! more, and the next call may be made before it has come.
//!
//! Invariant: a line changes nothing but how the attempt ended whose key it has.

use std::sync::Arc;

use super::debit::DebitStatus;
use super::event::Event;
use super::key::DebitKey;
use super::rules::Turn;
use crate::errand::{ReportLine, Reported};
use crate::saga::Failure;

/// What a line is to an advance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// The attempt succeeded.
    Success,
    /// The attempt failed.
    Failure,
    /// A debit that was given up as silent failed.
    LateFailure,
    /// It was known.
    Nothing,
    /// The opposite was known.
    Contradiction,
    /// There was no such attempt.
    Strange,
}

impl Turn<'_> {
    /// Looks at lines of the report, which are about the advance with this id.
    pub(super) fn read(&mut self, id: &Arc<str>, lines: &[ReportLine]) {
        let (mut contradicted, mut strange) = (0, 0);
        for line in lines {
            let key = DebitKey::parse(&line.key).filter(|key| key.advance.as_str() == &**id);
            let news = key.as_ref().map_or(News::Strange, |key| self.news(key, line.status));
            let number = key.map_or(0, |key| key.debit);
            match news {
                News::Success => self.succeeded(number, &line.transaction),
                News::Failure => {
                    let code = line.code.clone().unwrap_or_else(|| "failed".into());
                    let failure = Failure::new(code, "the processor's report says so");
                    self.failed(number, failure);
                }
                News::LateFailure => self.push(Event::FoundFailed { debit: number }),
                News::Nothing => {}
                News::Contradiction => contradicted += 1,
                News::Strange => strange += 1,
            }
        }
        if contradicted + strange > 0 {
            self.push(Event::Ignored { contradicted, strange });
        }
    }

    fn news(&self, key: &DebitKey, reported: Reported) -> News {
        let Some(debit) = self.advance.find(key.debit) else { return News::Strange };
        let last = u32::from(debit.attempts);
        if key.attempt > last {
            return News::Strange;
        }
        let said = |success, failure| match reported {
            Reported::Succeeded => success,
            Reported::Failed => failure,
        };
        if key.attempt < last {
            // It is presented again only after it failed.
            return said(News::Contradiction, News::Nothing);
        }
        match debit.status {
            DebitStatus::Submitting | DebitStatus::Submitted { .. } => {
                said(News::Success, News::Failure)
            }
            DebitStatus::Silent => said(News::Success, News::LateFailure),
            DebitStatus::Succeeded | DebitStatus::Refunding | DebitStatus::Refunded => {
                said(News::Nothing, News::Contradiction)
            }
            // Ahead or cancelled after an attempt: the attempt failed.
            DebitStatus::Scheduled
            | DebitStatus::Due
            | DebitStatus::Failed
            | DebitStatus::Cancelled => said(News::Contradiction, News::Nothing),
        }
    }
}
