//! Deals: one row for each, with its seats and sums at the position.
//!
//! A deal is brought up to the position from its events, by the rules' own code. Whether it is open
//! depends on the clock as well, so there is no status here: `closed` says whether it was closed by
//! hand, `opens_at`, `closes_at` and the sums say the rest.

use bursar_domain::deal::{Deal, Event};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::key::Index;
use bursar_domain::message::Source;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, flag, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "deals",
    about: "a deal, with its seats and sums",
    kinds: &[Kind::Deal],
    columns: &COLUMNS,
    by: "decided_at",
    order: "by id",
    begin: || Box::new(Deals::default()),
};

static COLUMNS: [Column; 20] = [
    text("id").distinct(),
    time("decided_at"),
    text("name"),
    money("amount"),
    money("reserved"),
    money("confirmed"),
    money("remaining"),
    text("currency"),
    int("investors_max"),
    money("investment_min").or_null(),
    money("investment_max").or_null(),
    time("opens_at").or_null(),
    time("closes_at").or_null(),
    flag("closed"),
    int("last_ticket"),
    int("seats_taken"),
    int("seats_confirmed"),
    int("reserved_count"),
    int("confirmed_count"),
    int("waiting"),
];

/// The deal so far.
#[derive(Default)]
struct Deals {
    deal: Deal,
    at: Timestamp,
}

impl Fill for Deals {
    fn record(&mut self, source: Source, record: &Record, _rows: &mut Rows) {
        let Verdict::Deal(events) = &record.verdict else { return };
        for event in events {
            if let Event::Opened(_) = event {
                self.at = record.at;
            }
            self.deal.apply(event, source.seq);
        }
        // Who left the line is not asked for here.
        *self.deal.left_mut() = Index::default();
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let Self { deal, at } = std::mem::take(self);
        let Some(deal) = deal.summary() else { return };
        let Some(row) = rows.row(at) else { return };
        let (profile, currency) = (&deal.profile, deal.profile.currency);
        let long = |count: usize| u64::try_from(count).expect("a usize fits a u64");
        row.text(&id.id)
            .time(at)
            .text(&profile.name)
            .money(profile.amount.minor(), currency)
            .money(deal.reserved.minor(), currency)
            .money(deal.confirmed.minor(), currency)
            .money(deal.remaining().minor(), currency)
            .text(currency.code())
            .count(profile.investors_max.into())
            .money_or_null(profile.investment_min.map(Amount::minor), currency)
            .money_or_null(profile.investment_max.map(Amount::minor), currency)
            .time_or_null(profile.opens_at)
            .time_or_null(profile.closes_at)
            .flag(deal.closed)
            .count(deal.last_ticket)
            .count(long(deal.seats_taken))
            .count(long(deal.seats_confirmed))
            .count(long(deal.reserved_count))
            .count(deal.confirmed_count.into())
            .count(long(deal.waiting))
            .end();
    }
}
