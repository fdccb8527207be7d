//! Campaigns: one row for each, with its terms and how far it is.
//!
//! The secret from which the seeds come is in no table; the seeds that are revealed are in
//! `commitments`.

use bursar_domain::campaign::terms::{Prize, Worth};
use bursar_domain::campaign::{Campaign, Terms};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Source;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use serde_json::{Value, json};

use crate::export::column::{Column, date, flag, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "campaigns",
    about: "a campaign with its terms and counts",
    kinds: &[Kind::Campaign],
    columns: &COLUMNS,
    by: "announced_at",
    order: "by campaign",
    begin: || Box::new(Campaigns::default()),
};

static COLUMNS: [Column; 22] = [
    text("campaign").distinct(),
    text("name").or_null(),
    text("currency"),
    money("budget"),
    money("granted"),
    int("draws"),
    int("wins"),
    int("rewards"),
    int("exhausted"),
    int("failed"),
    int("waiting"),
    money("clawed_back"),
    date("first_day"),
    date("last_day"),
    int("odds_wins"),
    int("odds_of"),
    text("prizes"),
    money("min_amount").or_null(),
    text("on_reversal"),
    int("open_days"),
    flag("paused"),
    time("announced_at"),
];

#[derive(Default)]
struct Campaigns(Campaign);

impl Fill for Campaigns {
    fn record(&mut self, source: Source, record: &Record, _: &mut Rows) {
        let Verdict::Campaign(events) = &record.verdict else { return };
        for event in events {
            self.0.apply(event, source.seq);
        }
    }

    fn entity_ended(&mut self, _: &EntityId, rows: &mut Rows) {
        let campaign = std::mem::take(&mut self.0);
        if let Some(terms) = campaign.terms() {
            put(&campaign, terms, rows);
        }
    }
}

fn prize(prize: &Prize) -> Value {
    match &prize.worth {
        Worth::Fixed(amount) => json!({ "weight": prize.weight, "amount_minor": amount.minor() }),
        Worth::Share { millionths, rounding, most } => json!({
            "weight": prize.weight,
            "millionths": millionths,
            "rounding": rounding.as_str(),
            "max_minor": most.map(Amount::minor),
        }),
    }
}

/// The prize table as JSON.
fn prizes(terms: &Terms) -> String {
    Value::from(terms.prizes.iter().map(prize).collect::<Vec<_>>()).to_string()
}

fn put(campaign: &Campaign, terms: &Terms, rows: &mut Rows) {
    let Some(row) = rows.row(terms.announced_at) else { return };
    let (counts, currency) = (campaign.counts(), terms.currency);
    row.text(terms.id.as_str())
        .text_or_null(terms.name.as_deref())
        .text(currency.code())
        .money(terms.budget.minor(), currency)
        .money(campaign.granted().minor(), currency)
        .count(counts.draws)
        .count(counts.wins)
        .count(counts.rewards)
        .count(counts.exhausted)
        .count(counts.failed)
        .count(campaign.waiting().len() as u64)
        .money(counts.taken_back.minor(), currency)
        .date(terms.first_day)
        .date(terms.last_day)
        .count(terms.odds.wins)
        .count(terms.odds.of)
        .text(&prizes(terms))
        .money_or_null(terms.min_amount.map(Amount::minor), currency)
        .text(terms.on_reversal.as_str())
        .count(u64::from(terms.open_days))
        .flag(campaign.is_paused())
        .time(terms.announced_at)
        .end();
}
