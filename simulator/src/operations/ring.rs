//! The daily runs over the advances: having the schedule ring, and having a run now.
//!
//! The server sets the schedule from its configuration when the first advance is given; here that
//! is an operation at the beginning. Setting what is set already has no record. A run now is always
//! a yes.

use bursar_actors::job::{Answer, Command};
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::schedule::{self, Event};

use super::{Operation, Sending};
use crate::facts::lent::Ring;
use crate::facts::{Granted, Said};

impl Operation for Ring {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let command = match self.at {
            None => schedule::Command::RunNow,
            Some(at) => {
                let cadence = Cadence::new("day", None, Some(at), Some("UTC"));
                schedule::Command::Set(cadence.expect("a plan has well-formed times"))
            }
        };
        Some((EntityId::schedule(), Command::Schedule(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Schedule(events) = &record.verdict else { return None };
        let is_it = match events.as_slice() {
            [] | [Event::Set { .. }] => self.at.is_some(),
            [Event::Rang(_)] => self.at.is_none(),
            _ => false,
        };
        is_it.then_some(Granted::Done)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(Some(_))).then_some(Said::Unchanged)
    }
}
