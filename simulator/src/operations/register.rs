//! Registering a provider, on a calendar or paid at once.
//!
//! Drawn first of all, some late, some twice. Yes once for an id; `already-exists` after that.

use bursar_actors::job::Command;
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::provider::{self, Settlement};
use bursar_domain::record::{Record, Verdict};

use super::{Operation, Sending, currency, provider_id};
use crate::facts::wish::Register;
use crate::facts::{Granted, Words, names};

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
