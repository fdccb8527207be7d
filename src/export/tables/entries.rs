//! Entries: one row for each thing that moved a balance, of wallets and of providers.
//!
//! They are those of `GET /v1/wallets/{id}/entries` and `GET /v1/providers/{id}/entries`, made by
//! the same code: for each account, the amounts add up to its balance, and each `balance_after` is
//! the one before it and its amount. A payment has an entry on either side, the provider's a moment
//! later; what is on its way at the position has only one.

use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Source;
use bursar_domain::money::Total;
use bursar_domain::record::Record;

use crate::export::column::{Column, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};
use crate::http::entries::moved::{Parts, moved};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "entries",
    about: "what moved the balance of a wallet or a provider",
    kinds: &[Kind::Wallet, Kind::Provider],
    columns: &COLUMNS,
    by: "decided_at",
    order: "wallets, then providers; by id, then by seq",
    begin: || Box::new(Entries::default()),
};

static COLUMNS: [Column; 12] = [
    text("entity"),
    text("account"),
    int("seq"),
    time("decided_at"),
    text("kind"),
    money("amount"),
    text("currency"),
    money("balance_after"),
    text("reference").distinct(),
    text("counterparty"),
    text("description").or_null(),
    time("effective_at").or_null(),
];

#[derive(Default)]
struct Entries {
    /// What the provider has accrued so far.
    accrued: Total,
}

impl Fill for Entries {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let id = &record.entity;
        let mut found = moved(id, source.seq, record, Some(self.accrued));
        if let Some(after) = found.accrued_after {
            self.accrued = after;
            // This one does not say what was accrued, so it is counted back from the end.
            if found.parts.iter().any(|parts| parts.kind == "settlement") {
                found = moved(id, source.seq, record, Some(after));
            }
        }
        for parts in found.parts.iter().rev() {
            put(source, record, parts, rows);
        }
    }

    fn entity_ended(&mut self, _id: &EntityId, _rows: &mut Rows) {
        self.accrued = Total::ZERO;
    }
}

fn put(source: Source, record: &Record, parts: &Parts<'_>, rows: &mut Rows) {
    let Some(row) = rows.row(record.at) else { return };
    row.text(record.entity.kind.as_str())
        .text(&record.entity.id)
        .count(source.seq.0)
        .time(record.at)
        .text(parts.kind)
        .money(parts.amount.minor(), parts.currency)
        .text(parts.currency.code())
        .money(parts.balance_after.minor(), parts.currency)
        .text(&parts.reference)
        .text(&parts.counterparty)
        .text_or_null(parts.description)
        .time_or_null(parts.effective_at)
        .end();
}
