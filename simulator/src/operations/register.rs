//! Registering a provider, on a calendar or paid at once.
//!
//! Drawn first of all, some late, some twice. Yes once for an id; `already-exists` after that.

use bursar_actors::job::Command;
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::provider::{self, Settlement};
use bursar_domain::record::{Record, Verdict};

use super::cast::Member;
use super::{Operation, Sending, currency, provider_id};
use crate::chance::Chance;
use crate::facts::wish::Register;
use crate::facts::{Granted, Wish, Words, names};

impl Operation for Register {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let name = names::provider(self.provider);
        let profile = provider::Profile {
            name: name.as_str().into(),
            currency: currency(self.currency),
            settlement: settlement(&self.settlement),
            account: format!("bank-{name}").into(),
        };
        let to = EntityId::provider(&provider_id(self.provider));
        Some((to, Command::Provider(provider::Command::Register(profile))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::AlreadyExists]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Provider(events) = &record.verdict else { return None };
        let registered = provider::Summary::registered(events)?;
        (registered.profile.currency.code() == self.currency).then_some(Granted::Opened)
    }
}

/// The settlement of its words.
pub(super) fn settlement(words: &Words) -> Settlement {
    match words {
        Words::Immediate => Settlement::Immediate,
        Words::Calendar { every, on, at, zone } => {
            let cadence = Cadence::new(every, *on, Some(at), Some(zone));
            Settlement::OnCalendar(cadence.expect("a plan has well-formed calendars"))
        }
    }
}

/// Draws one.
pub(super) fn draw(chance: &mut Chance, member: Member) -> Wish {
    let settlement = draw_settlement(chance);
    Wish::Register(Register { provider: member.number, currency: member.currency, settlement })
}

/// A calendar that comes round within a simulated week, mostly; or at once.
pub(super) fn draw_settlement(chance: &mut Chance) -> Words {
    let zone = *chance.pick(&["UTC", "Europe/Prague", "Pacific/Kiritimati"]);
    match chance.weighted(&[3, 3, 1, 3]) {
        0 => Words::Calendar { every: "day", on: None, at: "03:30", zone },
        1 => Words::Calendar { every: "week", on: Some("friday"), at: "00:00", zone },
        2 => Words::Calendar { every: "month", on: Some("31"), at: "23:59", zone },
        _ => Words::Immediate,
    }
}
