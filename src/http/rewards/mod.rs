//! Rewards: what a wallet's owner has won, and how anyone checks it.
//!
//! A reward is a draw of the wallet's statement; its id says which, so it is found without an index.
//! What was drawn is read from the records; how rewards stand is asked of the statement, and for older
//! ones read as well (`older`).

mod older;
mod proof;
mod view;

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq, WalletId};
use bursar_domain::statement::{Draw, Drawn, Reward};
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::campaigns::campaign_of;
use crate::http::problem::Problem;
use crate::http::resources::wallet_of;
use crate::http::steps::Course;
use crate::http::{Answered, Shared, State, entries, history, json, query};

pub(crate) use proof::Proof;
pub(crate) use view::RewardState;

fn not_found() -> Problem {
    Problem::new(Code::RewardNotFound, "there is no such reward")
}

fn no_wallet() -> Problem {
    Problem::new(Code::WalletNotFound, "there is no such wallet")
}

/// Which rewards are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on.
    cursor: Option<String>,
}

/// A page of rewards.
#[derive(Serialize, ToSchema)]
pub(crate) struct RewardPage {
    /// Newest first.
    items: Vec<RewardState>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

async fn rewards_before(
    state: &State,
    wallet: &WalletId,
    before: (Seq, u16),
    limit: usize,
) -> Result<Vec<(Seq, u16, Reward)>, Problem> {
    match state.ask(EntityId::statement(wallet), Ask::Rewards { before, limit }).await? {
        Answer::Rewards(rewards) => Ok(rewards),
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Decided { .. }
        | Answer::Rejected(_)
        | Answer::Summary(_)
        | Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Recent { .. }
        | Answer::Judged(_)
        | Answer::Known(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

/// Where a page begins, by its cursor: before which line of which record.
pub(crate) fn place(cursor: &str) -> Option<(Seq, u16)> {
    let (seq, line) = cursor.split_once('-')?;
    Some((Seq(seq.parse().ok()?), line.parse().ok()?))
}

/// What a wallet's owner has won, newest first.
#[utoipa::path(get, path = "/v1/wallets/{id}/rewards", tag = "rewards",
    params(("id" = String, Path, description = "The wallet"), Paging), responses(
    (status = 200, body = RewardPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let wallet = WalletId::parse(&id).ok_or_else(no_wallet)?;
    let paging: Paging = query(&request)?;
    let limit = entries::limit(paging.limit)?;
    let no_cursor = || {
        let detail = "the cursor is not one that was given; begin without it";
        Problem::new(Code::MalformedRequest, detail)
    };
    let before = match paging.cursor.as_deref() {
        None => (Seq(u64::MAX), u16::MAX),
        Some(cursor) => place(cursor).ok_or_else(no_cursor)?,
    };
    let seen = state.see(&EntityId::wallet(&wallet)).await?.ok_or_else(no_wallet)?;
    let currency = wallet_of(&seen).ok_or_else(no_wallet)?.profile.currency;
    let statement = EntityId::statement(&wallet);
    let mut newest = older::newest(&state, &statement, before, limit).await?;
    let standing = rewards_before(&state, &wallet, before, limit).await?;
    let standing: HashMap<(Seq, u16), Reward> =
        standing.into_iter().map(|(seq, line, reward)| ((seq, line), reward)).collect();
    let mut ended = Vec::new();
    for won in &mut newest.wins {
        match standing.get(&(won.0, won.1)) {
            Some(reward) => won.2 = reward.clone(),
            None => ended.push(won),
        }
    }
    older::complete(&state, &statement, &mut ended).await?;
    let state_of = |(seq, line, reward): &older::Won| {
        let id = RewardId { wallet: wallet.clone(), seq: *seq, line: *line };
        RewardState::won(&id, reward, newest.currency.unwrap_or(currency))
    };
    let items = newest.wins.iter().map(state_of).collect();
    let next_cursor = newest.next.map(|(seq, line)| format!("{seq}-{line}"));
    Ok(json(&RewardPage { items, next_cursor }))
}

/// A draw as its record has it.
struct Found {
    at: Timestamp,
    drawn: Drawn,
    draw: Draw,
    campaign: CampaignId,
}

async fn find(state: &State, id: &RewardId) -> Result<Found, Problem> {
    let statement = EntityId::statement(&id.wallet);
    let record = history::record(state, &statement, id.seq).await?.ok_or_else(not_found)?;
    let drawn = older::drawn_in(&record).ok_or_else(not_found)?.clone();
    let draw = drawn.draws.iter().find(|draw| draw.line == id.line).ok_or_else(not_found)?.clone();
    let campaign = drawn.campaigns[usize::from(draw.campaign)].campaign.clone();
    Ok(Found { at: record.at, drawn, draw, campaign })
}

/// A draw: what it won and what became of it.
#[utoipa::path(get, path = "/v1/rewards/{id}", tag = "rewards",
    params(("id" = String, Path, description = "The reward")), responses(
    (status = 200, body = RewardState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    let id = RewardId::parse(&id).ok_or_else(not_found)?;
    let found = find(&state, &id).await?;
    let place = (id.seq, id.line.saturating_add(1));
    let newest = rewards_before(&state, &id.wallet, place, 1).await?;
    let standing = newest.into_iter().find(|(seq, line, _)| (*seq, *line) == (id.seq, id.line));
    let reward = match (standing, older::win_in(&found.drawn, id.line)) {
        (Some((_, _, reward)), _) => Some(reward),
        (None, None) => None,
        (None, Some(reward)) => {
            let mut won = (id.seq, id.line, reward);
            let statement = EntityId::statement(&id.wallet);
            older::complete(&state, &statement, &mut [&mut won]).await?;
            Some(won.2)
        }
    };
    let currency = found.drawn.currency;
    let mut shown = match &reward {
        Some(reward) => RewardState::won(&id, reward, currency),
        None => RewardState::lost(&id, &found.draw, found.campaign.as_str(), currency),
    };
    shown.drawn_at = Some(found.at.to_string());
    if reward.is_some() {
        let course = Course::of(&state, &id.saga()).await?;
        if course.saga.is_some() {
            shown.steps = course.of_reward(Some(found.at));
        }
    }
    Ok(json(&shown))
}

/// Everything that is needed to do a draw again.
#[utoipa::path(get, path = "/v1/rewards/{id}/proof", tag = "rewards",
    params(("id" = String, Path, description = "The reward")), responses(
    (status = 200, body = Proof), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn proof(state: Shared, id: Path<String>) -> Answered {
    let id = RewardId::parse(&id).ok_or_else(not_found)?;
    let found = find(&state, &id).await?;
    let seen = state.see(&EntityId::campaign(&found.campaign)).await?.ok_or_else(not_found)?;
    let campaign = campaign_of(&seen).ok_or_else(not_found)?;
    Ok(json(&Proof::of(&id, &found.draw, &campaign.terms, state.now())))
}
