//! For operators: who is in memory, the shards, the books, a checkpoint. One actor is shown in
//! `inspect`, sagas in `sagas`, gateways in `gateways`.
//!
//! Nothing here decides or moves money; the one thing an operator can do is ask for what the
//! server does by itself anyway, sooner. Answers are of one moment of each shard, not of one
//! moment of all: only the sums of the trial balance are exact, because what is in transit is
//! counted too.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use bursar_actors::engine::Stopped;
use bursar_actors::shard::messages::ResidentState;
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::id::Kind;
use bursar_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::Problem;
use crate::http::{Answered, Shared, json, query};

impl From<Stopped> for Problem {
    fn from(_: Stopped) -> Self {
        Self::stopping()
    }
}

/// Which actors are wanted, and in which order.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActorFilters {
    /// `wallet`, `provider`, `deal`, `saga` or `compensation`.
    kind: Option<String>,
    /// `idle`, `dirty` (has records that no checkpoint has saved) or `busy` (has requests waiting).
    state: Option<String>,
    /// `id`, `active` (latest first) or `mailbox` (deepest first); `id` when it is not said.
    sort: Option<String>,
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
}

/// One actor in memory.
#[derive(Serialize, ToSchema)]
pub(crate) struct Actor {
    kind: &'static str,
    id: String,
    shard: u16,
    /// `idle`, `dirty` or `busy`.
    state: &'static str,
    /// Requests in its mailbox.
    mailbox: u32,
    /// The position of its last decision; 0 when it has made none or does not exist.
    seq: u64,
    /// When it was last used.
    last_active: Option<String>,
}

/// Actors in memory.
#[derive(Serialize, ToSchema)]
pub(crate) struct Actors {
    items: Vec<Actor>,
    next_cursor: Option<String>,
    /// How many there are with these filters.
    total: usize,
}

fn state_of(resident: &ResidentState) -> &'static str {
    match resident {
        resident if resident.mailbox > 0 => "busy",
        resident if resident.dirty => "dirty",
        _ => "idle",
    }
}

/// A place in a sorted list: which filters, which order, how many were shown.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Place {
    kind: Option<String>,
    state: Option<String>,
    sort: String,
    shown: usize,
}

impl Place {
    fn of(filters: &ActorFilters) -> Result<Self, Problem> {
        let malformed = |detail: &str| Problem::new(Code::MalformedRequest, detail);
        let place = match &filters.cursor {
            None => Self {
                kind: filters.kind.clone(),
                state: filters.state.clone(),
                sort: filters.sort.clone().unwrap_or_else(|| "id".to_owned()),
                shown: 0,
            },
            Some(cursor) => Self::from_cursor(cursor)
                .ok_or_else(|| malformed("the cursor is not one that was given"))?,
        };
        if place.kind.as_deref().is_some_and(|kind| Kind::from_name(kind).is_none()) {
            let words = Kind::ALL.map(Kind::as_str).join(", ");
            return Err(malformed(&format!("kind is one of {words}")));
        }
        if place.state.as_deref().is_some_and(|state| !["idle", "dirty", "busy"].contains(&state)) {
            return Err(malformed("state is idle, dirty or busy"));
        }
        if !["id", "active", "mailbox"].contains(&place.sort.as_str()) {
            return Err(malformed("sort is id, active or mailbox"));
        }
        Ok(place)
    }

    /// Written for a client.
    pub(crate) fn cursor(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or_default();
        let state = self.state.as_deref().unwrap_or_default();
        format!("{kind}.{state}.{}.{}", self.sort, self.shown)
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut optional =
            || parts.next().map(|part| Some(part.to_owned()).filter(|p| !p.is_empty()));
        let (kind, state) = (optional()?, optional()?);
        let (sort, shown) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { kind, state, sort, shown })
    }

    fn shows(&self, resident: &ResidentState) -> bool {
        self.kind.as_deref().is_none_or(|kind| resident.id.kind.as_str() == kind)
            && self.state.as_deref().is_none_or(|state| state_of(resident) == state)
    }

    fn sort(&self, residents: &mut [ResidentState]) {
        match self.sort.as_str() {
            "active" => residents.sort_by(|a, b| (b.active_ms, &a.id).cmp(&(a.active_ms, &b.id))),
            "mailbox" => residents.sort_by(|a, b| (b.mailbox, &a.id).cmp(&(a.mailbox, &b.id))),
            _ => residents.sort_by(|a, b| a.id.cmp(&b.id)),
        }
    }
}

/// Who is in memory.
#[utoipa::path(get, path = "/admin/actors", tag = "admin", params(ActorFilters), responses(
    (status = 200, body = Actors), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn actors(state: Shared, request: HttpRequest) -> Answered {
    let filters: ActorFilters = query(&request)?;
    let limit = crate::http::entries::limit(filters.limit)?;
    let mut place = Place::of(&filters)?;
    let mut residents = state.engine.residents().await?;
    residents.retain(|resident| place.shows(resident));
    place.sort(&mut residents);
    let total = residents.len();
    let page = residents.iter().skip(place.shown).take(limit);
    let items: Vec<Actor> = page
        .map(|resident| Actor {
            kind: resident.id.kind.as_str(),
            id: resident.id.id.to_string(),
            shard: resident.shard.0,
            state: state_of(resident),
            mailbox: resident.mailbox,
            seq: state.engine.see(&resident.id).map_or(0, |seen| seen.last.0),
            last_active: Timestamp::from_millis(resident.active_ms).map(|at| at.to_string()),
        })
        .collect();
    place.shown += items.len();
    let next_cursor = (place.shown < total).then(|| place.cursor());
    Ok(json(&Actors { items, next_cursor, total }))
}

/// One shard.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShardProgress {
    shard: u16,
    /// The last position given.
    seq: u64,
    /// The last durable position.
    durable_seq: u64,
    /// Entities in memory.
    residents: usize,
    /// Entities with unsaved records.
    dirty: usize,
    /// Requests on their way.
    in_flight: usize,
    /// Records and answers that wait for the disk.
    awaiting_commit: usize,
    /// Messages sent and not acknowledged.
    unacknowledged: usize,
    /// Bytes of records that no checkpoint has saved.
    tail_bytes: usize,
    checkpointing: bool,
}

/// All shards.
#[derive(Serialize, ToSchema)]
pub(crate) struct Shards {
    items: Vec<ShardProgress>,
}

/// How far every shard is.
#[utoipa::path(get, path = "/admin/shards", tag = "admin", responses(
    (status = 200, body = Shards), (status = "5XX", body = Problem)))]
pub(crate) async fn shards(state: Shared) -> Answered {
    let in_flight = state.engine.in_flight();
    let states = state.engine.states().await?;
    let items = states.iter().zip(in_flight).map(|(shard, in_flight)| ShardProgress {
        shard: shard.shard.0,
        seq: shard.last.0,
        durable_seq: shard.durable.0,
        residents: shard.residents,
        dirty: shard.dirty,
        in_flight,
        awaiting_commit: shard.waiting,
        unacknowledged: shard.unacknowledged,
        tail_bytes: shard.tail_bytes,
        checkpointing: shard.checkpointing,
    });
    Ok(json(&Shards { items: items.collect() }))
}

/// The books of one currency, in major units.
#[derive(Serialize, ToSchema)]
pub(crate) struct Balance {
    currency: &'static str,
    /// What all wallets, providers, deals and sagas hold.
    accounts: String,
    /// What is on its way between them.
    in_transit: String,
    /// The outside world's account: minus what came in.
    external: String,
    /// Zero, always.
    sum: String,
}

/// The books of all currencies.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialBalance {
    items: Vec<Balance>,
    /// Whether every sum is zero.
    balanced: bool,
}

/// The trial balance, per currency. Each shard's sums are of one moment.
#[utoipa::path(get, path = "/admin/trial-balance", tag = "admin", responses(
    (status = 200, body = TrialBalance), (status = "5XX", body = Problem)))]
pub(crate) async fn trial_balance(state: Shared) -> Answered {
    let mut lines: BTreeMap<Currency, bursar_actors::books::Line> = BTreeMap::new();
    for books in state.engine.books().await? {
        for (currency, line) in &books.lines {
            lines.entry(*currency).or_default().merge(line);
        }
    }
    let items: Vec<Balance> = lines
        .iter()
        .map(|(currency, line)| Balance {
            currency: currency.code(),
            accounts: line.accounts.to_major(*currency),
            in_transit: line.in_transit().to_major(*currency),
            external: line.external.to_major(*currency),
            sum: line.sum().to_major(*currency),
        })
        .collect();
    let balanced = lines.values().all(|line| line.sum().minor() == 0);
    Ok(json(&TrialBalance { items, balanced }))
}

/// What a checkpoint did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checkpointed {
    /// How many wallets, providers, deals and sagas were saved.
    saved: usize,
}

/// Saves everything that has changed, now.
#[utoipa::path(post, path = "/admin/checkpoint", tag = "admin", responses(
    (status = 200, body = Checkpointed), (status = "5XX", body = Problem)))]
pub(crate) async fn checkpoint(state: Shared) -> Answered {
    Ok(json(&Checkpointed { saved: state.engine.checkpoint().await? }))
}
