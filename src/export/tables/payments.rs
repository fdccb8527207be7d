//! Payments: one row for each, as it stands at the position.
//!
//! A payment to a provider on its calendar is posted by the record that decides it. One to a
//! provider that is settled at once is set aside first and ends later; until then it is kept here,
//! and a wallet has at most some hundred of those. Refunds are entries of their own (`entries`, kind
//! `refund`): a payment never changes once it has ended.

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Kind, Made, Seq};
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Event;
use bursar_domain::wallet::settled::PaymentHeld;

use crate::export::column::{Column, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "payments",
    about: "a payment, with how it stands",
    kinds: &[Kind::Wallet],
    columns: &COLUMNS,
    by: "decided_at",
    order: "by wallet, then in the order in which they were posted or failed; pending ones last",
    begin: || Box::new(Payments::default()),
};

static COLUMNS: [Column; 12] = [
    text("id").distinct(),
    time("decided_at"),
    text("wallet"),
    text("provider"),
    text("status"),
    money("amount"),
    text("currency"),
    time("effective_at").or_null(),
    time("ended_at").or_null(),
    text("failure").or_null(),
    text("description").or_null(),
    text("metadata").or_null(),
];

#[derive(Default)]
struct Payments {
    /// Those that were set aside, and when.
    pending: BTreeMap<Seq, (Timestamp, PaymentHeld)>,
}

/// How a payment stands.
struct Standing<'a> {
    status: &'static str,
    ended_at: Option<Timestamp>,
    failure: Option<&'a str>,
}

impl Standing<'static> {
    fn posted(at: Timestamp) -> Self {
        Self { status: "posted", ended_at: Some(at), failure: None }
    }
}

impl Fill for Payments {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Wallet(events) = &record.verdict else { return };
        for event in events {
            if let Event::Paid(paid) = event {
                let Some(row) = rows.row(record.at) else { continue };
                row.shown(format_args!("pay_{}_{}", source.seq, record.entity.id))
                    .time(record.at)
                    .text(&record.entity.id)
                    .text(paid.provider.as_str())
                    .text("posted")
                    .money(paid.amount.minor(), paid.currency)
                    .text(paid.currency.code())
                    .time_or_null(paid.effective_at)
                    .time(record.at)
                    .null()
                    .text_or_null(paid.description.as_deref())
                    .text_or_null(json(&paid.metadata).as_deref())
                    .end();
            } else if let Event::PaymentHeld(held) = event {
                self.pending.insert(source.seq, (record.at, held.clone()));
            } else if let Event::PaymentPosted(posted) = event {
                self.ended(posted.payment, &Standing::posted(record.at), rows);
            } else if let Event::PaymentFailed(failed) = event {
                let failure = Some(&*failed.failure.code);
                let ended_at = Some(record.at);
                self.ended(failed.payment, &Standing { status: "failed", ended_at, failure }, rows);
            }
        }
    }

    fn entity_ended(&mut self, _id: &EntityId, rows: &mut Rows) {
        let standing = Standing { status: "pending", ended_at: None, failure: None };
        for (seq, (at, held)) in std::mem::take(&mut self.pending) {
            put(seq, at, &held, &standing, rows);
        }
    }
}

impl Payments {
    fn ended(&mut self, payment: Seq, standing: &Standing<'_>, rows: &mut Rows) {
        let held = self.pending.remove(&payment);
        let (at, held) = held.expect("a payment was set aside before it ended");
        put(payment, at, &held, standing, rows);
    }
}

fn put(payment: Seq, at: Timestamp, held: &PaymentHeld, standing: &Standing<'_>, rows: &mut Rows) {
    let Some(row) = rows.row(at) else { return };
    row.text(&Made { wallet: held.wallet.clone(), seq: payment }.text("pay"))
        .time(at)
        .text(held.wallet.as_str())
        .text(held.provider.as_str())
        .text(standing.status)
        .money(held.amount.minor(), held.currency)
        .text(held.currency.code())
        .time_or_null(held.effective_at)
        .time_or_null(standing.ended_at)
        .text_or_null(standing.failure)
        .text_or_null(held.description.as_deref())
        .text_or_null(json(&held.metadata).as_deref())
        .end();
}

/// The client's own fields as a JSON object.
fn json(fields: &[(Box<str>, Box<str>)]) -> Option<String> {
    let fields: BTreeMap<&str, &str> =
        fields.iter().map(|(name, text)| (&**name, &**text)).collect();
    let text = || serde_json::to_string(&fields).expect("texts have a JSON form");
    (!fields.is_empty()).then(text)
}
