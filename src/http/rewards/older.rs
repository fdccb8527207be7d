//! Rewards from the records: wins of a statement, newest first, and how older ones ended.
//!
//! A statement's state has the rewards of its window and those of which something may still be heard.
//! All others have ended, and how stands in its records, behind the draw: so these are read from
//! there on until all that were asked for are found.

use std::collections::BTreeMap;

use bursar_domain::campaign::News;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{Drawn, Event, Reward, RewardStatus};

use crate::http::State;
use crate::http::history::{Backwards, Forwards};
use crate::http::problem::Problem;

/// How many records are read at a time at first.
const PIECE: usize = 16;

/// How many records are looked at for one page at the most: with tiny odds wins are far apart.
const LOOK_MAX: usize = 5_000;

/// A draw that won: the decision that drew it, its line, the reward as it was drawn.
pub(super) type Won = (Seq, u16, Reward);

/// The newest wins before a place.
pub(super) struct Newest {
    /// They, newest first.
    pub(super) wins: Vec<Won>,
    /// In which currency; `None` when nothing was ever drawn.
    pub(super) currency: Option<Currency>,
    /// Where the search goes on, when there may be more.
    pub(super) next: Option<(Seq, u16)>,
}

/// The draws of a record.
pub(super) fn drawn_in(record: &Record) -> Option<&Drawn> {
    let Verdict::Statement(events) = &record.verdict else { return None };
    events.iter().find_map(|event| if let Event::Drawn(drawn) = event { Some(drawn) } else { None })
}

/// The wins before a place, at most `limit`.
pub(super) async fn newest(
    state: &State,
    statement: &EntityId,
    (before, line): (Seq, u16),
    limit: usize,
) -> Result<Newest, Problem> {
    let mut newest = Newest { wins: Vec::new(), currency: None, next: None };
    // The record of the place itself may have wins before it.
    let first = Seq(before.0.saturating_add(1));
    let Some(mut walk) = Backwards::begin(state, statement, first, PIECE).await? else {
        return Ok(newest);
    };
    let mut looked = 0;
    loop {
        let records = walk.next(state).await?;
        if records.is_empty() {
            return Ok(newest);
        }
        for (seq, record) in &records {
            looked += 1;
            let Some(drawn) = drawn_in(record) else { continue };
            newest.currency = Some(drawn.currency);
            for draw in drawn.draws.iter().rev() {
                if (*seq, draw.line) >= (before, line) {
                    continue;
                }
                let Some(reward) = Reward::drawn(drawn, draw) else { continue };
                if newest.wins.len() == limit {
                    newest.next = newest.wins.last().map(|(seq, line, _)| (*seq, *line));
                    return Ok(newest);
                }
                newest.wins.push((*seq, draw.line, reward));
            }
        }
        if looked >= LOOK_MAX {
            newest.next = records.last().map(|(seq, _)| (*seq, 0));
            return Ok(newest);
        }
    }
}

/// One win, as it was drawn.
pub(super) fn win_in(drawn: &Drawn, line: u16) -> Option<Reward> {
    drawn.draws.iter().find(|draw| draw.line == line).and_then(|draw| Reward::drawn(drawn, draw))
}

/// Writes into wins of which the statement's state knows nothing any more how they ended.
pub(super) async fn complete(
    state: &State,
    statement: &EntityId,
    wins: &mut [&mut Won],
) -> Result<(), Problem> {
    let mut sought = BTreeMap::new();
    for (seq, line, reward) in wins.iter_mut().map(|won| &mut **won) {
        if reward.status == RewardStatus::Won {
            sought.insert((*seq, *line), reward);
        }
    }
    let Some(((first, _), _)) = sought.first_key_value() else { return Ok(()) };
    let Some(mut walk) = Forwards::begin(state, statement, *first, PIECE).await? else {
        return Ok(());
    };
    // A purchase that left the window is not reversed any more.
    let rewards = &state.config.rewards;
    let days = i32::from(rewards.window_days) + i32::from(rewards.margin_days) + 1;
    let last = sought.values().map(|reward| reward.day).max().unwrap_or(Day::MIN);
    let last = last.checked_add_days(days).unwrap_or(Day::MAX);
    while sought.values().any(|reward| is_open(reward)) {
        let records = walk.next(state).await?;
        let Some((_, newest)) = records.last() else { return Ok(()) };
        let is_late = Day::utc(newest.at) > last;
        for (_, record) in &records {
            hear(record, &mut sought);
        }
        let has_ended = |reward: &&mut Reward| {
            !matches!(reward.status, RewardStatus::Won | RewardStatus::Reserved)
        };
        if is_late && sought.values().all(has_ended) {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether something may still be found that was said of a reward.
fn is_open(reward: &Reward) -> bool {
    match reward.status {
        RewardStatus::Won | RewardStatus::Reserved => true,
        RewardStatus::Granted => reward.claws_back,
        RewardStatus::TakenBack(_) | RewardStatus::Limited | RewardStatus::Failed(_) => false,
    }
}

fn hear(record: &Record, sought: &mut BTreeMap<(Seq, u16), &mut Reward>) {
    let Verdict::Statement(events) = &record.verdict else { return };
    for event in events {
        let Event::Heard(heard) = event else { continue };
        for (draw, line, news) in &heard.news {
            let Some(reward) = sought.get_mut(&(*draw, *line)) else { continue };
            reward.hear(news);
            reward.reversed |= matches!(news, News::TakenBack(_));
        }
    }
}
