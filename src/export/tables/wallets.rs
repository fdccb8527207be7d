//! Wallets: one row for each, with its balances at the position.
//!
//! A wallet is brought up to the position from its events, by the rules' own code; the snapshot may
//! be ahead of it. Of the owner there is what the client called it; mail and bank account are
//! nobody's business in an analysis.

use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::key::Index;
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::{Event, Wallet};

use crate::export::column::{Column, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "wallets",
    about: "a wallet, with its balances",
    kinds: &[Kind::Wallet],
    columns: &COLUMNS,
    by: "opened_at",
    order: "by id",
    begin: || Box::new(Wallets::default()),
};

static COLUMNS: [Column; 10] = [
    text("id").distinct(),
    time("opened_at"),
    text("status"),
    text("owner").or_null(),
    money("posted"),
    money("held"),
    money("available"),
    money("credit_limit"),
    text("currency"),
    time("last_at"),
];

/// The wallet so far.
#[derive(Default)]
struct Wallets {
    wallet: Wallet,
    opened_at: Timestamp,
    last_at: Timestamp,
}

impl Fill for Wallets {
    fn record(&mut self, source: Source, record: &Record, _rows: &mut Rows) {
        let Verdict::Wallet(events) = &record.verdict else { return };
        for event in events {
            if let Event::Opened(_) = event {
                self.opened_at = record.at;
            }
            self.wallet.apply(event, source.seq);
            self.last_at = record.at;
        }
        // What was refunded of each payment is not asked for here, and would grow without end.
        if let Some(refunded) = self.wallet.refunded_mut() {
            *refunded = Index::default();
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let Self { wallet, opened_at, last_at } = std::mem::take(self);
        let Some(wallet) = wallet.summary() else { return };
        let Some(row) = rows.row(opened_at) else { return };
        let currency = wallet.profile.currency;
        row.text(&id.id)
            .time(opened_at)
            .text(wallet.status.as_str())
            .text_or_null(wallet.profile.owner.as_deref())
            .money(wallet.posted.minor(), currency)
            .money(wallet.held.minor(), currency)
            .money(wallet.available().minor(), currency)
            .money(wallet.profile.credit_limit.minor(), currency)
            .text(currency.code())
            .time(last_at)
            .end();
    }
}
