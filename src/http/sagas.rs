//! Sagas, for operators: which are on their way, which are stuck, and trying again at once.
//!
//! A saga and its compensation are shown as one. Who waits for an instant may have left memory and
//! stands among those that wait, on disk; a saga that waits for its compensation has nothing to do
//! itself, but the compensation has. So both kinds are looked through, in memory and on disk. Ended
//! ones are listed while they are in memory; each is found by the id of what it was about.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::compensation::{self, Compensation, UndoStatus};
use bursar_domain::id::{EntityId, InvestmentId, Kind, Made, ReimbursementId, is_entity_id};
use bursar_domain::money::Amount;
use bursar_domain::saga::{self, End, Phase, Saga, Subject};
use bursar_snapshots::store::Archive;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::operation::Operation;
use crate::http::problem::Problem;
use crate::http::resources::{compensation_of, saga_of};
use crate::http::steps::Course;
use crate::http::{Answered, Shared, State, entries, json, json_replayed, key_of, query};

/// How many sagas are looked at for one page at the most.
const LOOK_MAX: usize = 100_000;
/// How many of them are found on disk for one page at the most, of each kind.
const FOUND_MAX: usize = 1_000;

/// How a saga stands, for operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    /// On its way.
    Running,
    /// What was done is being undone.
    Compensating,
    /// An undo keeps failing.
    Stuck,
    /// What it was to bring about has come about.
    Done,
    /// It failed; everything is undone.
    Failed,
    /// It was cancelled; everything is undone.
    Cancelled,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Running, Self::Compensating, Self::Stuck, Self::Done, Self::Failed, Self::Cancelled];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    fn of(course: &Course) -> Self {
        let stuck = course.compensation.as_ref().is_some_and(|undoing| undoing.stuck().is_some());
        match course.saga.as_ref().map(|saga| (saga.phase(), saga.is_cancelled())) {
            Some((Phase::Ended(End::Done), _)) => Self::Done,
            Some((Phase::Ended(End::Failed(_)), _)) => Self::Failed,
            Some((Phase::Ended(End::Cancelled), _)) => Self::Cancelled,
            Some((Phase::Undoing(_), _)) | None if stuck => Self::Stuck,
            Some((Phase::Undoing(_), _) | (Phase::Running, true)) => Self::Compensating,
            Some((Phase::Running, false)) | None => Self::Running,
        }
    }
}

/// A saga with its compensation, for operators.
#[derive(Serialize, ToSchema)]
pub(crate) struct SagaState {
    /// The id of what it is to bring about.
    #[schema(example = "inv_12_harbour")]
    id: String,
    /// `investment`, `deposit`, `payment`, `reimbursement` or `advance`.
    #[schema(example = "investment")]
    kind: &'static str,
    /// `running`, `compensating`, `stuck` (an undo keeps failing), `done`, `failed` or `cancelled`.
    #[schema(example = "running")]
    status: &'static str,
    /// The step under way, or the step that is being undone; null before the first.
    step: Option<&'static str>,
    /// How often it was tried.
    attempts: u32,
    /// What was said the last time it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whose wallet; null while only its cancellation is known.
    wallet: Option<String>,
    /// In major units.
    amount: Option<String>,
    currency: Option<&'static str>,
    /// The money that it and its compensation hold.
    held: Option<String>,
    /// Since when the step or its undoing stands like this.
    since: Option<String>,
    /// Whether an undo keeps failing. It is tried without end.
    stuck: bool,
}

/// Where a saga is: which step, and how that goes.
#[derive(Default)]
struct Position {
    step: Option<&'static str>,
    attempts: u32,
    reason: Option<String>,
    since: Option<String>,
}

impl Position {
    fn of(course: &Course) -> Self {
        let undoing = course.compensation.as_deref().and_then(Self::of_undo);
        let going = || course.saga.as_deref().map(Self::of_step);
        undoing.or_else(going).unwrap_or_default()
    }

    fn of_step(saga: &Saga) -> Self {
        let at = saga.steps().len().checked_sub(1);
        let Some((subject, at)) = saga.subject().zip(at) else { return Self::default() };
        let state = &saga.steps()[at];
        Self {
            step: Some(subject.step(at).as_str()),
            attempts: state.attempts,
            reason: state.detail.as_deref().map(str::to_owned),
            since: Some(state.at.to_string()),
        }
    }

    /// The undo under way; `None` when there is none any more.
    fn of_undo(compensation: &Compensation) -> Option<Self> {
        let undoing = compensation.undoing()?;
        let mut undos = undoing.undos.iter().zip(compensation.progress());
        let (undo, progress) = undos.find(|(_, progress)| progress.status != UndoStatus::Done)?;
        Some(Self {
            step: Some(undo.name.as_str()),
            attempts: progress.attempts,
            reason: progress.reason.as_deref().map(str::to_owned),
            since: (progress.attempts > 0).then(|| progress.at.to_string()),
        })
    }
}

impl SagaState {
    fn new(id: &str, course: &Course) -> Self {
        let saga = course.saga.as_deref();
        let undoing = course.compensation.as_deref().and_then(Compensation::undoing);
        let subject = saga.and_then(Saga::subject).or(undoing.map(|undoing| &*undoing.subject));
        let position = Position::of(course);
        let status = Status::of(course);
        let major = |amount: Amount| subject.map(|subject| amount.to_major(subject.currency()));
        Self {
            id: id.to_owned(),
            kind: kind_of(id, subject),
            status: status.as_str(),
            step: position.step,
            attempts: position.attempts,
            reason: position.reason,
            wallet: wallet_of(id, subject),
            amount: subject.and_then(|subject| major(subject.amount())),
            currency: subject.map(|subject| subject.currency().code()),
            held: major(held(course)),
            since: position.since,
            stuck: status == Status::Stuck,
        }
    }
}

/// What a saga brings about, in a word; before it has begun, as its id says.
fn kind_of(id: &str, subject: Option<&Subject>) -> &'static str {
    match subject {
        Some(Subject::Investment(_)) => "investment",
        Some(Subject::Deposit(_)) => "deposit",
        Some(Subject::Payment(_)) => "payment",
        Some(Subject::Reimbursement(_)) => "reimbursement",
        Some(Subject::Advance(_)) => "advance",
        Some(Subject::Reward(_)) => "reward",
        None => kind_by(id),
    }
}

fn kind_by(id: &str) -> &'static str {
    if InvestmentId::parse(id).is_some() {
        "investment"
    } else if Made::parse(id, "txn").is_some() {
        "deposit"
    } else if Made::parse(id, "pay").is_some() {
        "payment"
    } else if ReimbursementId::parse(id).is_some() {
        "reimbursement"
    } else {
        "advance"
    }
}

fn wallet_of(id: &str, subject: Option<&Subject>) -> Option<String> {
    let named = || Made::parse(id, "txn").map(|made| made.wallet.to_string());
    subject.map_or_else(named, |subject| subject.wallet().map(ToString::to_string))
}

/// What a saga and its compensation hold.
fn held(course: &Course) -> Amount {
    let saga = course.saga.as_ref().map_or(Amount::ZERO, |saga| saga.held());
    let undoing = course.compensation.as_ref().map_or(Amount::ZERO, |undoing| undoing.held());
    saga.checked_add(undoing).expect("one of them holds the amount of the subject")
}

/// Which sagas are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SagaFilters {
    /// Only these: `running`, `compensating`, `stuck`, `done`, `failed` or `cancelled`.
    status: Option<String>,
    /// 1 to 500; 50 when it is not said.
    limit: Option<usize>,
    /// Where to go on; carries the filters of the first page.
    cursor: Option<String>,
}

/// A page of sagas.
#[derive(Serialize, ToSchema)]
pub(crate) struct SagaPage {
    /// Ascending by id.
    items: Vec<SagaState>,
    /// Give this as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// Where a page begins and what is shown on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    status: Option<Status>,
    after: Option<String>,
}

impl Place {
    fn of(filters: &SagaFilters) -> Result<Self, Problem> {
        let malformed = |detail: String| Problem::new(Code::MalformedRequest, detail);
        if let Some(cursor) = &filters.cursor {
            let detail = "the cursor is not one that was given; begin without it".to_owned();
            return Self::from_cursor(cursor).ok_or_else(|| malformed(detail));
        }
        let status = filters.status.as_deref().map(|name| {
            let words = Status::ALL.map(Status::as_str).join(", ");
            Status::from_name(name).ok_or_else(|| malformed(format!("status is one of {words}")))
        });
        Ok(Self { status: status.transpose()?, after: None })
    }

    /// Written for a client.
    pub(crate) fn cursor(&self) -> String {
        let status = self.status.map(Status::as_str).unwrap_or_default();
        format!("{status}.{}", self.after.as_deref().unwrap_or_default())
    }

    /// Read again; `None` when it is not one that was written.
    pub(crate) fn from_cursor(text: &str) -> Option<Self> {
        let (status, after) = text.split_once('.')?;
        let status = match status {
            "" => None,
            name => Some(Status::from_name(name)?),
        };
        is_entity_id(after).then(|| Self { status, after: Some(after.to_owned()) })
    }
}

/// Sagas on their way, and those that have ended and are still in memory.
#[utoipa::path(get, path = "/admin/sagas", tag = "admin", params(SagaFilters), responses(
    (status = 200, body = SagaPage), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn list(state: Shared, request: HttpRequest) -> Answered {
    let filters: SagaFilters = query(&request)?;
    let limit = entries::limit(filters.limit)?;
    let mut place = Place::of(&filters)?;
    let (ids, is_all) = ids_after(&state, place.after.as_deref()).await?;
    let mut items = Vec::new();
    let mut looked = 0;
    for id in ids.iter().take(LOOK_MAX) {
        if items.len() == limit {
            break;
        }
        looked += 1;
        place.after = Some(id.to_string());
        let course = shown(&state, id).await?;
        let is_wanted = place.status.is_none_or(|status| Status::of(&course) == status);
        if is_wanted && (course.saga.is_some() || course.compensation.is_some()) {
            items.push(SagaState::new(id, &course));
        }
    }
    let next_cursor = (looked < ids.len() || !is_all).then(|| place.cursor());
    Ok(json(&SagaPage { items, next_cursor }))
}

/// The ids of the first sagas after one, in memory or among those that wait, and whether these are
/// all.
async fn ids_after(state: &State, after: Option<&str>) -> Result<(Vec<Arc<str>>, bool), Problem> {
    // Memory first: one that leaves it meanwhile has been saved before and is found on disk.
    let mut ids = in_memory(state).await?;
    ids.retain(|id| after.is_none_or(|after| &**id > after));
    let mut end: Option<Arc<str>> = None;
    for kind in [Kind::Saga, Kind::Compensation] {
        let after = after.map(str::to_owned);
        let read =
            move |archive: &dyn Archive| archive.waiting_of(kind, after.as_deref(), FOUND_MAX);
        let found = state.engine.read(read).await?;
        if let Some(last) = found.last().filter(|_| found.len() == FOUND_MAX)
            && end.as_ref().is_none_or(|end| last.id < *end)
        {
            end = Some(Arc::clone(&last.id));
        }
        ids.extend(found.into_iter().map(|entity| entity.id));
    }
    ids.sort();
    ids.dedup();
    if let Some(end) = &end {
        ids.retain(|id| id <= end);
    }
    Ok((ids, end.is_none()))
}

/// The ids of the sagas that are in memory, or whose compensation is and is not finished.
async fn in_memory(state: &State) -> Result<Vec<Arc<str>>, Problem> {
    let unfinished = |id: &EntityId| {
        let seen = state.engine.see(id);
        let compensation = seen.as_ref().and_then(compensation_of);
        // One that is still being read will show how it stands.
        compensation.is_none_or(|compensation| !compensation.is_finished())
    };
    let sagas = state.engine.present(Kind::Saga).await?.into_iter();
    let undone = state.engine.present(Kind::Compensation).await?.into_iter().filter(unfinished);
    let mut ids: Vec<Arc<str>> = sagas.chain(undone).map(|id| id.id).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// A saga as it is shown, with its compensation; both are read when they are not in memory.
async fn shown(state: &State, id: &Arc<str>) -> Result<Course, Problem> {
    let seen = state.see(&EntityId::saga(Arc::clone(id))).await?;
    let saga = seen.as_ref().and_then(saga_of).cloned();
    let undoing = saga.as_ref().is_some_and(|saga| matches!(saga.phase(), Phase::Undoing(_)));
    let id = EntityId::compensation(id);
    let seen = if undoing { state.see(&id).await? } else { state.engine.see(&id) };
    let compensation = seen.as_ref().and_then(compensation_of).cloned();
    Ok(Course { saga, compensation })
}

fn not_found() -> Problem {
    Problem::new(Code::SagaNotFound, "there is no such saga")
}

/// Tries at once what a saga, or its compensation, would try again later.
#[utoipa::path(post, path = "/admin/sagas/{id}/retry", tag = "admin",
    params(("id" = String, Path, description = "The saga: the id of what it is about"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses(
    (status = 200, body = SagaState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn retry(state: Shared, request: HttpRequest, id: Path<String>) -> Answered {
    let id = is_entity_id(&id).then(|| EntityId::saga(id.as_str())).ok_or_else(not_found)?;
    let course = Course::of(&state, &id).await?;
    course.saga.as_ref().ok_or_else(not_found)?;
    let undoes = course.compensation.is_some_and(|undoing| !undoing.is_finished());
    let (to, command, content) = if undoes {
        let command = compensation::Command::Retry;
        let to = EntityId::compensation(&id.id);
        (to, Command::Compensation(command), command.content())
    } else {
        let command = saga::Command::Retry;
        (id.clone(), Command::Saga(command), command.content())
    };
    let operation = Operation::of_operator(to, command, content, key_of(&request))?;
    let decided = state.decide(&request, operation).await?;
    let replayed = decided.is_some_and(|decided| decided.replayed);
    let course = Course::of(&state, &id).await?;
    Ok(json_replayed(&SagaState::new(&id.id, &course), replayed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_filter() {
        for status in [None, Some(Status::Stuck)] {
            let place = Place { status, after: Some("inv_7_harbour".to_owned()) };
            assert_eq!(Place::from_cursor(&place.cursor()), Some(place));
        }
        for bad in ["", "x", ".", "running.", "bad.inv_7_harbour"] {
            assert_eq!(Place::from_cursor(bad), None, "{bad}");
        }
    }
}
