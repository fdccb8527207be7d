//! Reimbursements: one row for each closed period that was paid out, with how it stands.
//!
//! The period that runs is not among them: nothing is sent for it yet. One that was returned is
//! accrued again and part of the next.

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Kind, ProviderId, ReimbursementId, Seq};
use bursar_domain::message::Source;
use bursar_domain::provider::Event;
use bursar_domain::provider::event::PeriodClosed;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "reimbursements",
    about: "a reimbursement of a provider, with how it stands",
    kinds: &[Kind::Provider],
    columns: &COLUMNS,
    by: "closed_at",
    order: "by provider, then in the order in which they were paid or returned; those on their way last",
    begin: || Box::new(Reimbursements::default()),
};

static COLUMNS: [Column; 11] = [
    text("id").distinct(),
    time("closed_at"),
    text("provider"),
    int("number"),
    time("period_from"),
    time("period_to"),
    text("status"),
    money("amount"),
    text("currency"),
    time("ended_at").or_null(),
    text("failure").or_null(),
];

#[derive(Default)]
struct Reimbursements {
    /// Those on their way, and when their periods were closed.
    paying: BTreeMap<Seq, (Timestamp, PeriodClosed)>,
}

/// How one ended.
struct Ended<'a> {
    status: &'static str,
    at: Option<Timestamp>,
    failure: Option<&'a str>,
}

impl Fill for Reimbursements {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Provider(events) = &record.verdict else { return };
        let at = Some(record.at);
        for event in events {
            if let Event::PeriodClosed(closed) = event {
                self.paying.insert(source.seq, (record.at, (**closed).clone()));
            } else if let Event::Reimbursed(paid) = event {
                let ended = Ended { status: "paid", at, failure: None };
                self.ended(&record.entity, paid.reimbursement, &ended, rows);
            } else if let Event::Returned(returned) = event {
                let ended = Ended { status: "returned", at, failure: Some(&returned.failure.code) };
                self.ended(&record.entity, returned.reimbursement, &ended, rows);
            }
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let ended = Ended { status: "paying", at: None, failure: None };
        for (seq, (at, closed)) in std::mem::take(&mut self.paying) {
            put(id, seq, (at, &closed), &ended, rows);
        }
    }
}

impl Reimbursements {
    fn ended(&mut self, id: &EntityId, seq: Seq, ended: &Ended<'_>, rows: &mut Rows) {
        let paying = self.paying.remove(&seq);
        let (at, closed) = paying.expect("a period was closed before it was paid");
        put(id, seq, (at, &closed), ended, rows);
    }
}

fn put(
    id: &EntityId,
    seq: Seq,
    (at, closed): (Timestamp, &PeriodClosed),
    ended: &Ended<'_>,
    rows: &mut Rows,
) {
    let Some(row) = rows.row(at) else { return };
    let provider = ProviderId::from_shared(std::sync::Arc::clone(&id.id));
    row.shown(ReimbursementId { provider, seq })
        .time(at)
        .text(&id.id)
        .count(closed.period.number)
        .time(closed.period.began_at)
        .time(closed.to)
        .text(ended.status)
        .money(closed.amount.minor(), closed.currency)
        .text(closed.currency.code())
        .time_or_null(ended.at)
        .text_or_null(ended.failure)
        .end();
}
