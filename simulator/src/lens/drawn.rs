//! Rewards and advances at rest, from the records of statements and the states of campaigns.
//!
//! Invariant: a line and a draw stand under the decision that made them.

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{self, Event, LineStatus};
use bursar_domain::{advance, campaign, provider};

use super::outcome::member;
use crate::facts::Number;
use crate::facts::given::Stage;
use crate::facts::picture::{Advance, Campaign, Debit, Draw, Fate, Statement, Taken};

/// Adds what a record of a statement says.
pub(super) fn statement(seq: Seq, record: &Record, into: &mut Statement) {
    let Verdict::Statement(events) = &record.verdict else { return };
    for event in events {
        match event {
            Event::Taken(taken) => {
                let lines = taken.entries.iter().enumerate();
                into.taken.extend(lines.map(|(index, entry)| line(seq, index, entry)));
            }
            Event::Drawn(drawn) => {
                into.draws.extend(drawn.draws.iter().map(|draw| self::draw(seq, drawn, draw)));
            }
            Event::Heard(_) => {}
        }
    }
}

fn line(seq: Seq, index: usize, entry: &statement::Entry) -> Taken {
    let content = entry.line.content();
    Taken {
        at: (seq.0, u16::try_from(index).expect("a decision has few lines")),
        number: member('l', &content.id),
        stage: match content.status {
            LineStatus::Pending => Stage::Pending,
            LineStatus::Posted => Stage::Posted,
            LineStatus::Reversed => Stage::Reversed,
        },
        amount: content.amount.minor(),
    }
}

fn draw(seq: Seq, drawn: &statement::Drawn, draw: &statement::Draw) -> Draw {
    let party = &drawn.campaigns[usize::from(draw.campaign)];
    Draw {
        at: (seq.0, draw.line),
        taken: drawn.taken.0,
        purchase: member('l', &draw.purchase),
        day: draw.day.days(),
        campaign: member('c', party.campaign.as_str()),
        amount: draw.amount.minor(),
        fate: match draw.fate {
            statement::Fate::Lost => Fate::Lost,
            statement::Fate::Won { amount, .. } => Fate::Won(amount.minor()),
            statement::Fate::Limited { .. } => Fate::Limited,
        },
    }
}

/// A campaign.
pub(super) fn campaign(entity: &EntityId, summary: &campaign::Summary) -> Campaign {
    let counts = &summary.counts;
    Campaign {
        number: member('c', &entity.id),
        currency: summary.terms.currency.code(),
        budget: summary.terms.budget.minor(),
        granted: summary.granted.minor(),
        paused: summary.paused,
        waiting: summary.waiting as u64,
        drawn: (counts.draws, counts.wins),
        decided: (counts.rewards, counts.exhausted, counts.failed),
        taken_back: counts.taken_back.minor(),
    }
}

/// An advance; nothing before it was opened.
pub(super) fn advance(entity: &EntityId, advance: &advance::Advance) -> Option<Advance> {
    let profile = advance.profile()?;
    let debit = |row: advance::Row<'_>| Debit {
        number: row.number,
        replaces: row.replaces,
        amount: row.amount.minor(),
        status: row.status.as_str(),
    };
    Some(Advance {
        number: member('a', &entity.id),
        currency: profile.currency.code(),
        amount: profile.amount.minor(),
        status: advance.status().as_str(),
        collected: advance.collected().minor(),
        overpaid: advance.overpaid().minor(),
        written_off: advance.written_off().minor(),
        outstanding: advance.outstanding().minor(),
        debits: advance.schedule().into_iter().map(debit).collect(),
    })
}

/// The activities that a record of a provider notes.
pub(super) fn noted(seq: Seq, record: &Record, into: &mut Vec<(u64, Number, i64)>) {
    let Verdict::Provider(events) = &record.verdict else { return };
    for event in events {
        if let provider::Event::Activities(noted) = event {
            let row =
                |line: &provider::Activity| (seq.0, member('x', line.id()), line.amount().minor());
            into.extend(noted.lines.iter().map(|line| row(line)));
        }
    }
}
