//! Activities: one row for each that a provider submitted and that counts.
//!
//! Only new lines are in the records; duplicates, conflicts and refused lines were answered and left
//! no trace. A line that is late was dated before the period in which it is paid.

use bursar_domain::id::Kind;
use bursar_domain::message::Source;
use bursar_domain::provider::Event;
use bursar_domain::record::{Record, Verdict};

use crate::export::column::{Column, date, flag, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "activities",
    about: "an activity that a provider submitted",
    kinds: &[Kind::Provider],
    columns: &COLUMNS,
    by: "decided_at",
    order: "by provider, then in the order in which they were taken",
    begin: || Box::new(Activities),
};

static COLUMNS: [Column; 11] = [
    text("provider"),
    text("activity_id").distinct(),
    time("decided_at"),
    int("seq"),
    text("member"),
    date("service_date"),
    int("period"),
    flag("late"),
    money("amount"),
    text("currency"),
    text("description").or_null(),
];

struct Activities;

impl Fill for Activities {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Provider(events) = &record.verdict else { return };
        for event in events {
            let Event::Activities(noted) = event else { continue };
            for line in &noted.lines {
                let Some(row) = rows.row(record.at) else { break };
                row.text(&record.entity.id)
                    .text(line.id())
                    .time(record.at)
                    .count(source.seq.0)
                    .text(line.member())
                    .date(line.service_date())
                    .count(noted.period)
                    .flag(noted.is_late(line))
                    .money(line.amount().minor(), noted.currency)
                    .text(noted.currency.code())
                    .text_or_null(line.description())
                    .end();
            }
        }
    }
}
