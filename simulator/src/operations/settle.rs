//! Changing how a provider is paid, from the next period on.
//!
//! Yes where the provider exists, also when it was so already: then there is no record without a
//! key, and an empty one with a key. It also takes a provider off hold, so it is drawn often enough.

use bursar_actors::job::{Answer, Command};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::provider;
use bursar_domain::record::Record;

use super::cast::Cast;
use super::{Operation, Sending, provider_events, provider_id, register};
use crate::chance::Chance;
use crate::facts::owed::Settle;
use crate::facts::{Granted, Said, Wish};

impl Operation for Settle {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let command = provider::Command::Settle(register::settlement(&self.settlement));
        Some((EntityId::provider(&provider_id(self.provider)), Command::Provider(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::ProviderNotFound]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let events = provider_events(record)?;
        let asked = register::settlement(&self.settlement);
        let is_it = |event: &provider::Event| match event {
            provider::Event::SettlementChanged { settlement, .. } => *settlement == asked,
            provider::Event::Registered(_)
            | provider::Event::Received(_)
            | provider::Event::RefundSent(_)
            | provider::Event::PeriodBegan(_)
            | provider::Event::Activities(_)
            | provider::Event::PeriodClosed(_)
            | provider::Event::CarriedOver(_)
            | provider::Event::Reimbursed(_)
            | provider::Event::Returned(_)
            | provider::Event::ReceivedSettled(_) => false,
        };
        (events.is_empty() || events.iter().any(is_it)).then_some(Granted::Done)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(Some(_))).then_some(Said::Unchanged)
    }
}

/// Draws one.
pub(super) fn draw(chance: &mut Chance, cast: &Cast) -> Wish {
    let provider = cast.provider(chance).number;
    Wish::Settle(Settle { provider, settlement: register::draw_settlement(chance) })
}
