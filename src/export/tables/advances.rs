//! Advances: one row for each, with what was collected and is outstanding at the position.
//!
//! An advance is brought up to the position from its events, by the rules' own code. Its debits are a
//! table of their own (`debits`).

use bursar_domain::advance::{Advance, Event, Status};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "advances",
    about: "an advance, with what was collected and is outstanding",
    kinds: &[Kind::Advance],
    columns: &COLUMNS,
    by: "decided_at",
    order: "by id",
    begin: || Box::new(Advances::default()),
};

static COLUMNS: [Column; 13] = [
    text("id").distinct(),
    time("decided_at"),
    text("account"),
    text("status"),
    money("amount"),
    money("collected"),
    money("outstanding"),
    money("written_off"),
    text("currency"),
    int("installments"),
    text("every"),
    time("ended_at").or_null(),
    text("failure").or_null(),
];

/// The advance so far.
#[derive(Default)]
struct Advances {
    advance: Advance,
    at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl Fill for Advances {
    fn record(&mut self, source: Source, record: &Record, _rows: &mut Rows) {
        let Verdict::Advance(events) = &record.verdict else { return };
        for event in events {
            if let Event::Opened(_) = event {
                self.at = record.at;
            }
            self.advance.apply(event, source.seq);
        }
        match self.advance.status() {
            Status::Pending | Status::Active => {}
            Status::Failed | Status::Completed | Status::Defaulted => {
                self.ended_at.get_or_insert(record.at);
            }
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let Self { advance, at, ended_at } = std::mem::take(self);
        let Some(profile) = advance.profile() else { return };
        let Some(row) = rows.row(at) else { return };
        let currency = profile.currency;
        row.text(&id.id)
            .time(at)
            .text(&profile.account)
            .text(advance.status().as_str())
            .money(profile.amount.minor(), currency)
            .money(advance.collected().minor(), currency)
            .money(advance.outstanding().minor(), currency)
            .money(advance.written_off().minor(), currency)
            .text(currency.code())
            .count(profile.plan.installments().into())
            .text(profile.plan.every().as_str())
            .time_or_null(ended_at)
            .text_or_null(advance.failure().map(|failure| &*failure.code))
            .end();
    }
}
