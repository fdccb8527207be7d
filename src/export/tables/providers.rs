//! Providers: one row for each, with its name and what it is owed at the position.
//!
//! A provider is brought up to the position from its events, by the rules' own code. Which activities
//! it knows is not asked for here and is forgotten on the way: there may be millions.

use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::key::Index;
use bursar_domain::message::Source;
use bursar_domain::money::Amount;
use bursar_domain::provider::{Event, Provider, Settlement};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, flag, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "providers",
    about: "a provider, with what it is owed and was paid",
    kinds: &[Kind::Provider],
    columns: &COLUMNS,
    by: "registered_at",
    order: "by id",
    begin: || Box::new(Providers::default()),
};

static COLUMNS: [Column; 10] = [
    text("id").distinct(),
    time("registered_at"),
    text("name"),
    text("settlement"),
    money("accrued"),
    money("in_reimbursement"),
    money("reimbursed"),
    text("currency"),
    flag("on_hold"),
    time("last_at"),
];

/// The provider so far.
#[derive(Default)]
struct Providers {
    provider: Provider,
    registered_at: Timestamp,
    last_at: Timestamp,
}

impl Fill for Providers {
    fn record(&mut self, source: Source, record: &Record, _rows: &mut Rows) {
        let Verdict::Provider(events) = &record.verdict else { return };
        for event in events {
            if let Event::Registered(_) = event {
                self.registered_at = record.at;
            }
            self.provider.apply(event, source.seq);
            self.last_at = record.at;
        }
        if !self.provider.activities().is_empty() {
            *self.provider.activities_mut() = Index::default();
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let Self { provider, registered_at, last_at } = std::mem::take(self);
        let Some(provider) = provider.summary() else { return };
        let Some(row) = rows.row(registered_at) else { return };
        let currency = provider.profile.currency;
        let on_its_way = provider.pending.map_or(Amount::ZERO, |pending| pending.amount);
        row.text(&id.id)
            .time(registered_at)
            .text(&provider.profile.name)
            .text(match &provider.terms.settlement {
                Settlement::OnCalendar(cadence) => cadence.every_name(),
                Settlement::Immediate => "immediate",
            })
            .money(provider.accrued.minor(), currency)
            .money(on_its_way.minor(), currency)
            .money(provider.reimbursed.minor(), currency)
            .text(currency.code())
            .flag(provider.on_hold)
            .time(last_at)
            .end();
    }
}
