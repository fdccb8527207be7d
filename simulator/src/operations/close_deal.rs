//! Closing a deal: no more requests; who was before keeps the place.
//!
//! Always yes where the deal exists. Closing again has no record without a key, and an empty one
//! with a key. Drawn rarely, or nothing would happen in deals.

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::deal;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;

use super::{Operation, Sending, deal_events, deal_id};
use crate::facts::wish::CloseDeal;
use crate::facts::{Granted, Said};

impl Operation for CloseDeal {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let to = EntityId::deal(&deal_id(self.deal));
        Some((to, Command::Deal(deal::Command::Close)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::DealNotFound]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        match deal_events(record)? {
            [] | [deal::Event::Closed] => Some(Granted::Done),
            _ => None,
        }
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(Some(_))).then_some(Said::Unchanged)
    }
}
