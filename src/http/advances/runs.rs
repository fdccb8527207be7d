//! Runs over the advances: daily by the configured time, or now by an operator.
//!
//! The schedule is an entity that rings; it is set from the configuration when the first advance is
//! opened, and again when a server starts that has one. A run answers 202 and goes on by itself; it
//! can be looked at by its id.

use actix_web::HttpRequest;
use actix_web::web::Path;
use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, is_entity_id};
use bursar_domain::record::Verdict;
use bursar_domain::run::{Phase, Report, Run, Tally};
use bursar_domain::schedule::{self, Event};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::operation::{KeyText, Operation};
use crate::http::prefer::Later;
use crate::http::problem::Problem;
use crate::http::resources::{instant, run_of};
use crate::http::{Answered, Shared, State, json, key_of};

/// What a run did, counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunCounts {
    /// Advances that had something to do on that day.
    advances: u64,
    /// Debits that became due.
    staged: u64,
    /// Debits given to the processor, each once.
    submitted: u64,
    /// Of these, those of which it is not known yet whether they arrived.
    unknown: u64,
    /// Debits that could not be given to the processor; the next run tries again.
    deferred: u64,
    /// Debits found to have succeeded.
    succeeded: u64,
    /// Debits found to have failed.
    failed: u64,
    /// Debits given up because nothing was heard of them.
    silent: u64,
    /// Debits put at the end of a plan, or presented again.
    replaced: u64,
    /// Replacements that were not needed any more.
    cancelled: u64,
    /// Debits collected twice, which are given back.
    refunded: u64,
    /// Lines of the report that say the opposite of what was known; they changed nothing.
    contradicted: u64,
    /// Lines of the report about debits that were never submitted; they changed nothing.
    strange: u64,
    /// Advances that were paid back.
    completed: u64,
    /// Advances that were given up.
    defaulted: u64,
}

/// How the processor's report was.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunReport {
    /// `awaited`, `read`, `unusable` (it breaks off, cannot be read or contradicts itself: nothing
    /// of it counts) or `unavailable`.
    status: &'static str,
    /// Lines in all.
    lines: u64,
    /// Lines about debits of advances that the report before did not have.
    fresh: u64,
    /// Lines about something else.
    others: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A run over the advances.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunState {
    #[schema(example = "run_2026-11-21")]
    id: String,
    /// The day whose debits are due, and all before it.
    day: Option<String>,
    /// `staging`, `fetching`, `reading`, `closing`, `submitting` or `done`.
    status: &'static str,
    planned_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    counts: RunCounts,
    report: RunReport,
    /// Advances that were asked and have not answered.
    outstanding: u32,
}

impl RunCounts {
    fn new(tally: &Tally) -> Self {
        Self {
            advances: tally.advances,
            staged: tally.staged,
            submitted: tally.submitted,
            unknown: tally.unknown,
            deferred: tally.deferred,
            succeeded: tally.succeeded,
            failed: tally.failed,
            silent: tally.silent,
            replaced: tally.replaced,
            cancelled: tally.cancelled,
            refunded: tally.refunded,
            contradicted: tally.contradicted,
            strange: tally.strange,
            completed: tally.completed,
            defaulted: tally.defaulted,
        }
    }
}

impl RunReport {
    fn new(report: &Report) -> Self {
        Self {
            status: report.status.as_str(),
            lines: report.lines,
            fresh: report.fresh,
            others: report.others,
            code: report.code.as_deref().map(str::to_owned),
            detail: report.detail.as_deref().map(str::to_owned),
        }
    }
}

impl RunState {
    /// A run as it stands.
    pub(crate) fn seen(id: &str, run: &Run) -> Self {
        Self {
            id: id.to_owned(),
            day: run.day().map(|day| day.to_string()),
            status: run.phase().as_str(),
            planned_at: instant(run.planned_at()),
            started_at: instant(run.started_at()),
            ended_at: instant(run.ended_at()),
            counts: RunCounts::new(run.tally()),
            report: RunReport::new(run.report()),
            outstanding: run.outstanding(),
        }
    }
}

fn not_found() -> Problem {
    Problem::new(Code::RunNotFound, "there is no such run")
}

/// Has the schedule ring as the configuration says. Once for each process.
pub(crate) async fn ensure_schedule(state: &State) -> Result<(), Problem> {
    let set = || async {
        let cadence = state.config.advances.cadence();
        let cadence = cadence.expect("checked when the configuration was read");
        let command = schedule::Command::Set(cadence);
        let content = command.content();
        let operation = Operation::of_operator(
            EntityId::schedule(),
            Command::Schedule(command),
            content,
            KeyText::None,
        )?;
        state.decide_for("schedule", operation).await.map(drop)
    };
    state.schedule_set.get_or_try_init(set).await.copied()
}

/// Begins a run now, whatever the time. What another one has submitted is not submitted again.
#[utoipa::path(post, path = "/v1/advances/runs", tag = "advances",
    params(("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    responses(
    (status = 202, body = RunState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn begin(state: Shared, request: HttpRequest) -> Answered {
    ensure_schedule(&state).await?;
    let command = schedule::Command::RunNow;
    let content = command.content();
    let to = EntityId::schedule();
    let key = key_of(&request);
    let operation = Operation::of_operator(to, Command::Schedule(command), content, key)?;
    let decided = state.decide(&request, operation).await?;
    let decided = decided.ok_or_else(Problem::stopping)?;
    let Verdict::Schedule(events) = &decided.record.verdict else {
        unreachable!("the schedule decides for itself")
    };
    let rang = events
        .iter()
        .find_map(|event| if let Event::Rang(rang) = event { Some(rang) } else { None });
    let rang = rang.expect("who asks for a run gets one");
    let (id, location) = (&*rang.run, format!("/v1/advances/runs/{}", rang.run));
    let run = match seen(&state, id).await {
        Some(run) => run,
        // It is on its way there.
        None => RunState {
            day: Some(rang.day.to_string()),
            planned_at: Some(rang.planned_at.to_string()),
            ..RunState::seen(id, &Run::default())
        },
    };
    Ok(Later { replayed: decided.replayed, ..Later::at(location) }.answer(&run))
}

async fn seen(state: &State, id: &str) -> Option<RunState> {
    let seen = state.look(&EntityId::run(id)).await.ok()??;
    let run = run_of(&seen)?;
    (run.phase() != Phase::Staging || run.day().is_some()).then(|| RunState::seen(id, run))
}

/// A run.
#[utoipa::path(get, path = "/v1/advances/runs/{id}", tag = "advances",
    params(("id" = String, Path, description = "The run")), responses(
    (status = 200, body = RunState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, id: Path<String>) -> Answered {
    if !is_entity_id(&id) {
        return Err(not_found());
    }
    let seen = state.look(&EntityId::run(id.as_str())).await?.ok_or_else(not_found)?;
    let run = run_of(&seen).ok_or_else(not_found)?;
    Ok(json(&RunState::seen(&id, run)))
}
