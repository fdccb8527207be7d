//! Transactions: one row for each bank line that was taken.
//!
//! A line comes as often as it says something new: pending, posted, reversed are rows of their own.
//! Duplicates, conflicts and refused lines left no trace. `purchase` is the name under which a posted
//! line is drawn; with the wallet, it leads to its row in `draws`, if a campaign was for it.

use bursar_domain::id::Kind;
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::Event;

use crate::export::column::{Column, date, flag, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "transactions",
    about: "a bank line that was taken",
    kinds: &[Kind::Statement],
    columns: &COLUMNS,
    by: "taken_at",
    order: "by wallet, then in the order in which they were taken",
    begin: || Box::new(Transactions),
};

static COLUMNS: [Column; 18] = [
    text("wallet"),
    text("transaction_id").distinct(),
    time("taken_at"),
    int("seq"),
    date("date"),
    text("status"),
    money("amount"),
    text("currency"),
    text("from_account").or_null(),
    text("to_account").or_null(),
    text("description").or_null(),
    text("merchant_id").or_null(),
    text("merchant_name").or_null(),
    int("category_code").or_null(),
    text("purchase").distinct(),
    flag("eligible"),
    text("pending_id").or_null(),
    text("reversal_of").or_null(),
];

struct Transactions;

impl Fill for Transactions {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Statement(events) = &record.verdict else { return };
        for event in events {
            let Event::Taken(taken) = event else { continue };
            for entry in &taken.entries {
                let Some(row) = rows.row(record.at) else { break };
                let content = entry.line.content();
                let merchant = content.merchant.as_ref();
                let code = merchant.and_then(|merchant| merchant.category_code);
                row.text(&record.entity.id)
                    .text(&content.id)
                    .time(record.at)
                    .count(source.seq.0)
                    .date(content.date)
                    .text(content.status.as_str())
                    .money(content.amount.minor(), taken.currency)
                    .text(taken.currency.code())
                    .text_or_null(content.from_account.as_deref())
                    .text_or_null(content.to_account.as_deref())
                    .text_or_null(content.description.as_deref())
                    .text_or_null(merchant.and_then(|merchant| merchant.id.as_deref()))
                    .text_or_null(merchant.and_then(|merchant| merchant.name.as_deref()))
                    .count_or_null(code.map(u64::from))
                    .text(entry.line.purchase())
                    .flag(entry.draws)
                    .text_or_null(content.pending_id.as_deref())
                    .text_or_null(content.reversal_of.as_deref())
                    .end();
            }
        }
    }
}
