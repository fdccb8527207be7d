//! Rewards: one row for each draw that won, with what became of it.
//!
//! A statement hears of its rewards later, so they are kept until all of its records have come by.
//!
//! Memory: some 200 bytes for each win of one wallet.

use std::collections::BTreeMap;

use bursar_domain::campaign::News;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, RewardId, Seq, WalletId};
use bursar_domain::message::Source;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{Drawn, Event, Reward, RewardStatus};
use bursar_domain::time::Timestamp;

use crate::export::column::{Column, date, int, money, text, time};
use crate::export::rows::Rows;
use crate::export::{Fill, Table};

/// The table.
pub(super) static TABLE: Table = Table {
    name: "rewards",
    about: "a draw that won, with what became of it",
    kinds: &[Kind::Statement],
    columns: &COLUMNS,
    by: "drawn_at",
    order: "by wallet, then in the order in which they were drawn",
    begin: || Box::new(Rewards::default()),
};

static COLUMNS: [Column; 14] = [
    text("reward_id").distinct(),
    text("wallet"),
    text("campaign"),
    text("transaction_id").distinct(),
    date("day"),
    time("drawn_at"),
    money("purchase_amount"),
    int("prize"),
    money("amount"),
    text("currency"),
    text("status"),
    time("ended_at").or_null(),
    money("clawed_back").or_null(),
    text("failure").or_null(),
];

#[derive(Default)]
struct Rewards(BTreeMap<(Seq, u16), Won>);

/// A win of the wallet that is being read.
struct Won {
    reward: Reward,
    currency: Currency,
    drawn_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl Fill for Rewards {
    fn record(&mut self, source: Source, record: &Record, _: &mut Rows) {
        let Verdict::Statement(events) = &record.verdict else { return };
        for event in events {
            if let Event::Drawn(drawn) = event {
                self.drawn(source.seq, record.at, drawn);
            }
            if let Event::Heard(heard) = event {
                for (draw, line, news) in &heard.news {
                    let won = self.0.get_mut(&(*draw, *line));
                    won.expect("only what was won is talked of").heard(news, record.at);
                }
            }
        }
    }

    fn entity_ended(&mut self, id: &EntityId, rows: &mut Rows) {
        let wallet = WalletId::from_shared(id.id.clone());
        for ((seq, line), won) in std::mem::take(&mut self.0) {
            put(&RewardId { wallet: wallet.clone(), seq, line }, &won, rows);
        }
    }
}

impl Rewards {
    fn drawn(&mut self, seq: Seq, at: Timestamp, drawn: &Drawn) {
        for draw in &drawn.draws {
            let Some(reward) = Reward::drawn(drawn, draw) else { continue };
            let won = Won { reward, currency: drawn.currency, drawn_at: at, ended_at: None };
            self.0.insert((seq, draw.line), won);
        }
    }
}

impl Won {
    fn heard(&mut self, news: &News, at: Timestamp) {
        self.reward.hear(news);
        if *news != News::Reserved {
            self.ended_at = Some(at);
        }
    }
}

fn put(id: &RewardId, won: &Won, rows: &mut Rows) {
    let Some(row) = rows.row(won.drawn_at) else { return };
    let reward = &won.reward;
    let (clawed_back, failure) = match &reward.status {
        RewardStatus::TakenBack(amount) => (Some(amount.minor()), None),
        RewardStatus::Failed(failure) => (None, Some(&*failure.code)),
        RewardStatus::Won
        | RewardStatus::Reserved
        | RewardStatus::Granted
        | RewardStatus::Limited => (None, None),
    };
    row.shown(id)
        .text(id.wallet.as_str())
        .text(reward.campaign.as_str())
        .text(&reward.purchase)
        .date(reward.day)
        .time(won.drawn_at)
        .money(reward.spent.minor(), won.currency)
        .count(u64::from(reward.prize))
        .money(reward.amount.minor(), won.currency)
        .text(won.currency.code())
        .text(reward.status.as_str())
        .time_or_null(won.ended_at)
        .money_or_null(clawed_back, won.currency)
        .text_or_null(failure)
        .end();
}
