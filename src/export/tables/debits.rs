//! Debits: one row for each of an advance's plan, those to come included, as they stand.
//!
//! They are the `schedule` of `GET /v1/advances/{id}`, made by the same code. An advance that is
//! not active yet has none.

use bursar_domain::advance::Advance;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::Source;
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, date, int, money, text};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "debits",
    about: "a scheduled debit of an advance, with how it stands",
    kinds: &[Kind::Advance],
    columns: &COLUMNS,
    by: "due",
    order: "by advance, then by number",
    begin: || Box::new(Debits::default()),
};

static COLUMNS: [Column; 9] = [
    text("advance"),
    int("number"),
    date("due"),
    text("status"),
    money("amount"),
    text("currency"),
    int("attempts"),
    int("replaces").or_null(),
    text("transaction").distinct().or_null(),
];

/// The advance so far.
#[derive(Default)]
struct Debits {
    advance: Advance,
}

impl Fill for Debits {
    fn record(&mut self, source: Source, record: &Record, _rows: &mut Rows) {
        let Verdict::Advance(events) = &record.verdict else { return };
        for event in events {
            self.advance.apply(event, source.seq);
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let advance = std::mem::take(&mut self.advance);
        let Some(profile) = advance.profile() else { return };
        for debit in advance.schedule() {
            let Some(row) = rows.row(midnight(debit.due)) else { continue };
            row.text(&id.id)
                .count(debit.number.into())
                .date(debit.due)
                .text(debit.status.as_str())
                .money(debit.amount.minor(), profile.currency)
                .text(profile.currency.code())
                .count(debit.attempts.into())
                .count_or_null(debit.replaces.map(u64::from))
                .text_or_null(debit.transaction)
                .end();
        }
    }
}

/// When a day begins in UTC, as `--from` and `--to` take it.
fn midnight(day: Day) -> Timestamp {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let midnight = Timestamp::from_millis(i64::from(day.days()) * DAY_MS);
    midnight.expect("every day of the calendar begins")
}
