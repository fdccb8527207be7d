//! Taking back an investment that has a place.
//!
//! Its saga is asked, which may not have begun yet. Yes before the point of no return, and what was
//! done is undone; `investment-confirmed` after it. Taking back twice changes nothing and has no
//! record. Only asked where the deal gave a place: at once, or as seen later.

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, InvestmentId, Seq};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga;

use super::cast::Cast;
use super::{Operation, Sending, deal_id};
use crate::chance::Chance;
use crate::facts::wish::Cancel;
use crate::facts::{Granted, Said, Wish};

impl Operation for Cancel {
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)> {
        let seq = Seq(sending.known.place(self.investment)?.seq);
        let to = InvestmentId { deal: deal_id(self.deal), seq }.saga();
        let has_place =
            sending.known.is_reserved(self.investment) || sending.sight.see(&to).is_some();
        has_place.then_some((to, Command::Saga(saga::Command::Cancel)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::InvestmentConfirmed]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Saga(events) = &record.verdict else { return None };
        matches!(events.first(), Some(saga::Event::CancelAsked)).then_some(Granted::Done)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(_)).then_some(Said::Unchanged)
    }
}

/// Draws one of an investment that was wished before; `None` before the first.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Option<Wish> {
    let investment = cast.investment(chance)?;
    Some(Wish::Cancel(Cancel { deal: investment.deal, investment: investment.operation }))
}
