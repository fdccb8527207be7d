//! Draws: one row for each purchase that was drawn, won or not.
//!
//! Together with `campaigns` and `commitments` this is all that anyone needs to do the draws again
//! (`bursar verify-draws`). What became of a win is in `rewards`.

use bursar_domain::campaign::draw::business_key;
use bursar_domain::id::{Kind, RewardId, WalletId};
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{Drawn, Event, Fate};

use crate::export::column::{Column, date, flag, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "draws",
    about: "a purchase that was drawn",
    kinds: &[Kind::Statement],
    columns: &COLUMNS,
    by: "drawn_at",
    order: "by wallet, then in the order in which they were drawn",
    begin: || Box::new(Draws),
};

static COLUMNS: [Column; 13] = [
    text("reward_id").distinct(),
    text("wallet"),
    text("campaign"),
    text("transaction_id").distinct(),
    text("business_key").distinct(),
    date("day"),
    money("purchase_amount"),
    text("currency"),
    flag("won"),
    int("prize").or_null(),
    money("prize_amount").or_null(),
    flag("limited"),
    time("drawn_at"),
];

struct Draws;

impl Fill for Draws {
    fn record(&mut self, source: Source, record: &Record, rows: &mut Rows) {
        let Verdict::Statement(events) = &record.verdict else { return };
        for event in events {
            if let Event::Drawn(drawn) = event {
                put(source, record, drawn, rows);
            }
        }
    }
}

fn put(source: Source, record: &Record, drawn: &Drawn, rows: &mut Rows) {
    let wallet = WalletId::from_shared(record.entity.id.clone());
    for draw in &drawn.draws {
        let Some(row) = rows.row(record.at) else { return };
        let (won, limited) = match draw.fate {
            Fate::Lost => (None, false),
            Fate::Won { prize, amount } => (Some((prize, amount)), false),
            Fate::Limited { prize, amount } => (Some((prize, amount)), true),
        };
        let campaign = &drawn.campaigns[usize::from(draw.campaign)].campaign;
        let amount = won.map(|(_, amount)| amount.minor());
        row.shown(RewardId { wallet: wallet.clone(), seq: source.seq, line: draw.line })
            .text(wallet.as_str())
            .text(campaign.as_str())
            .text(&draw.purchase)
            .text(&business_key(&wallet, &draw.purchase))
            .date(draw.day)
            .money(draw.amount.minor(), drawn.currency)
            .text(drawn.currency.code())
            .flag(won.is_some())
            .count_or_null(won.map(|(prize, _)| u64::from(prize)))
            .money_or_null(amount, drawn.currency)
            .flag(limited)
            .time(record.at)
            .end();
    }
}
