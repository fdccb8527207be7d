//! Outcomes: one row for each that was or will be told on the stream of outcomes.
//!
//! They are made from the records as the server makes them, so they are all here for ever; the stream
//! itself keeps them for some time only. A cursor they have not: that is their place in the order of
//! commits, which history does not keep.

use bursar_domain::id::{AdvanceId, DealId, Kind, Made, ProviderId, WalletId};
use bursar_domain::message::{About, Effect, Outcome, Source, Stamp};
use bursar_domain::record::Record;

use crate::export::column::{Column, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};
use crate::http::frames::{advance_of, deal_of, subject_id, words};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "outcomes",
    about: "what was told on the stream of outcomes",
    kinds: &Kind::ALL,
    columns: &COLUMNS,
    by: "decided_at",
    order: "by kind and id of who decided, then by seq",
    begin: || Box::new(Outcomes),
};

static COLUMNS: [Column; 16] = [
    text("type"),
    time("decided_at"),
    text("id").distinct(),
    text("status"),
    text("wallet").or_null(),
    text("provider").or_null(),
    text("deal").or_null(),
    text("advance").or_null(),
    int("debit").or_null(),
    text("payment").or_null(),
    money("amount"),
    text("currency"),
    money("balance_after").or_null(),
    text("failure").or_null(),
    text("description").or_null(),
    int("seq"),
];

struct Outcomes;

impl Fill for Outcomes {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        for effect in record.effects(Stamp { source, at: record.at }) {
            if let Effect::Tell(outcome) = effect {
                put(source, &outcome, rows);
            }
        }
    }
}

fn put(source: Source, outcome: &Outcome, rows: &mut Rows) {
    let Some(row) = rows.row(outcome.at) else { return };
    let (status, prefix) = words(outcome.kind);
    let (debit, failure) = match &outcome.about {
        Some(About::Investment { failure, .. } | About::Reimbursement { failure }) => {
            (None, failure.as_ref())
        }
        Some(About::Failure(failure)) => (None, Some(failure)),
        Some(About::Advance { debit, failure, .. }) => (*debit, failure.as_ref()),
        Some(About::Reward { failure, .. }) => (None, failure.as_ref()),
        None => (None, None),
    };
    let payment = |seq| Some(Made { wallet: outcome.wallet.clone()?, seq }.text("pay"));
    let balance = outcome.moves_balance().then(|| outcome.balance_after.minor());
    row.text(outcome.kind.as_str())
        .time(outcome.at)
        .text(&subject_id(outcome, prefix))
        .text(status)
        .text_or_null(outcome.wallet.as_ref().map(WalletId::as_str))
        .text_or_null(outcome.provider.as_ref().map(ProviderId::as_str))
        .text_or_null(deal_of(outcome).map(DealId::as_str))
        .text_or_null(advance_of(outcome).map(AdvanceId::as_str))
        .count_or_null(debit.map(u64::from))
        .text_or_null(outcome.payment.and_then(payment).as_deref())
        .money(outcome.amount.minor(), outcome.currency)
        .text(outcome.currency.code())
        .money_or_null(balance, outcome.currency)
        .text_or_null(failure.map(|failure| &*failure.code))
        .text_or_null(outcome.description.as_deref())
        .count(source.seq.0)
        .end();
}
