//! Leaving a deal's line.
//!
//! Needs the investment's ticket. Yes while it waits; no with `investment-not-waiting` when it has
//! a place by then, had none, or has left before. Asked without a key: twice is the same as once.

use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::deal;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;

use super::cast::Cast;
use super::{Operation, Sending, deal_events, deal_id};
use crate::chance::Chance;
use crate::facts::wish::Withdraw;
use crate::facts::{Granted, Wish};

impl Operation for Withdraw {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let investment = Seq(sending.known.place(self.investment)?.seq);
        let to = EntityId::deal(&deal_id(self.deal));
        Some((to, Command::Deal(deal::Command::Withdraw { investment })))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::DealNotFound, Code::InvestmentNotWaiting]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [deal::Event::Withdrawn { .. }] = deal_events(record)? else { return None };
        Some(Granted::Done)
    }
}

/// Draws one of an investment that was wished before; `None` before the first.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Option<Wish> {
    let investment = cast.investment(chance)?;
    let (deal, investment) = (investment.deal, investment.operation);
    Some(Wish::Withdraw(Withdraw { deal, investment }))
}
