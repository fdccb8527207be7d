//! One actor, for operators: its state, its last decisions, what it waits for; and sending it away.
//!
//! Wallets, providers and deals are shown as their own addresses show them. A saga is shown with
//! its steps and what it found and holds, a compensation with the progress of each undo. Looking at
//! an actor goes through its mailbox, so what is shown is after everything that was asked before.

use actix_web::web::Path;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::view::{Seen, Summary};
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::compensation::{Compensation, UndoStatus};
use bursar_domain::id::{
    AdvanceId, CampaignId, DealId, EntityId, Kind, ProviderId, Seq, WalletId, is_entity_id,
};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::{Saga, Subject};
use bursar_domain::schedule::Schedule;
use bursar_domain::statement;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::Hold;
use serde::Serialize;
use serde_json::{Value, json as value};
use utoipa::ToSchema;

use crate::http::advances::runs::RunState;
use crate::http::deals::Deal;
use crate::http::problem::Problem;
use crate::http::providers::Provider;
use crate::http::resources::{Form, Wallet, wallet_of};
use crate::http::steps::Course;
use crate::http::{Answered, Shared, advances, campaigns, json};

fn not_found() -> Problem {
    let detail = "there is no such actor; a kind is wallet, provider, deal, saga, compensation, advance, \
                  run, schedule, campaign or statement";
    Problem::new(Code::ActorNotFound, detail)
}

/// The entity of a path.
fn entity(kind: &str, id: &str) -> Result<EntityId, Problem> {
    match Kind::from_name(kind) {
        Some(Kind::Wallet) => WalletId::parse(id).map(|id| EntityId::wallet(&id)),
        Some(Kind::Provider) => ProviderId::parse(id).map(|id| EntityId::provider(&id)),
        Some(Kind::Deal) => DealId::parse(id).map(|id| EntityId::deal(&id)),
        Some(Kind::Advance) => AdvanceId::parse(id).map(|id| EntityId::advance(&id)),
        Some(Kind::Campaign) => CampaignId::parse(id).map(|id| EntityId::campaign(&id)),
        Some(Kind::Statement) => WalletId::parse(id).map(|id| EntityId::statement(&id)),
        Some(Kind::Schedule) => Some(EntityId::schedule()).filter(|schedule| *schedule.id == *id),
        Some(kind @ (Kind::Saga | Kind::Compensation | Kind::Run)) => {
            is_entity_id(id).then(|| EntityId { kind, id: id.into() })
        }
        None => None,
    }
    .ok_or_else(not_found)
}

/// A decision, for an operator.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decision {
    seq: u64,
    at: String,
    idempotency_key: Option<String>,
    /// The events as the journal has them, or the refusal.
    outcome: Vec<String>,
}

/// A hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldAmount {
    id: String,
    amount: String,
}

/// One actor with its state.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActorState {
    kind: &'static str,
    id: String,
    shard: u16,
    /// The position of its last decision.
    seq: u64,
    /// A wallet, provider or deal as its own address shows it; a saga with its steps, findings and
    /// money; a compensation with its progress.
    #[schema(value_type = Object)]
    state: Value,
    holds: Vec<HeldAmount>,
    /// Its newest decisions that no checkpoint has saved, newest first.
    last_records: Vec<Decision>,
    /// Decisions that no checkpoint has saved.
    unsaved: usize,
    /// Idempotency keys in memory; older ones are on disk.
    keys_in_memory: usize,
    /// What it waits for.
    waits_for: Vec<String>,
}

/// One actor with its state. Brings it into memory when it was not.
#[utoipa::path(get, path = "/admin/actors/{kind}/{id}", tag = "admin",
    params(("kind" = String, Path,
            description = "wallet, provider, deal, saga, compensation, advance, run, schedule, campaign or statement"),
        ("id" = String, Path, description = "Its id")), responses(
    (status = 200, body = ActorState), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn actor(state: Shared, path: Path<(String, String)>) -> Answered {
    let id = entity(&path.0, &path.1)?;
    let Answer::Inspected(found) = state.ask(id.clone(), Ask::Inspect).await? else {
        return Err(Problem::overloaded());
    };
    let seen = found.seen.ok_or_else(not_found)?;
    let hold = |hold: &Hold| HeldAmount {
        id: hold.id.to_string(),
        amount: wallet_of(&seen)
            .map(|wallet| hold.amount.to_major(wallet.profile.currency))
            .expect("only wallets have holds"),
    };
    let record = |(seq, record): &(Seq, Record)| Decision {
        seq: seq.0,
        at: record.at.to_string(),
        idempotency_key: record.key.as_ref().map(|key| key.text.to_string()),
        outcome: outcome_of(&record.verdict),
    };
    Ok(json(&ActorState {
        kind: id.kind.as_str(),
        id: id.id.to_string(),
        shard: id.shard(state.config.shards.count).0,
        seq: found.last.0,
        state: state_of(&id, &seen, state.now()),
        holds: found.holds.iter().map(hold).collect(),
        last_records: found.records.iter().map(record).collect(),
        unsaved: found.unsaved,
        keys_in_memory: found.keys_in_memory,
        waits_for: found.waits_for,
    }))
}

/// What an actor is and has.
fn state_of(id: &EntityId, seen: &Seen, now: Timestamp) -> Value {
    let (id, version) = (&*id.id, seen.version);
    let shown = match &seen.summary {
        Summary::Wallet(wallet) => {
            serde_json::to_value(Wallet::seen(id, wallet, version, Form::Whole))
        }
        Summary::Provider(provider) => {
            serde_json::to_value(Provider::seen(id, provider, version, now, Form::Whole))
        }
        Summary::Deal(deal) => serde_json::to_value(Deal::seen(id, deal, version, now)),
        Summary::Saga(saga) => Ok(saga_state(id, saga, version)),
        Summary::Compensation(compensation) => Ok(compensation_state(id, compensation, version)),
        Summary::Advance(advance) => {
            serde_json::to_value(advances::Advance::seen(id, advance, version))
        }
        Summary::Run(run) => serde_json::to_value(RunState::seen(id, run)),
        Summary::Schedule(schedule) => Ok(schedule_state(id, schedule, version)),
        Summary::Campaign(campaign) => {
            serde_json::to_value(campaigns::Campaign::seen(campaign, version, now))
        }
        Summary::Statement(statement) => Ok(statement_state(id, *statement, version)),
    };
    shown.expect("a resource has a JSON form")
}

fn schedule_state(id: &str, schedule: &Schedule, version: u64) -> Value {
    value!({
        "id": id,
        "at": schedule.cadence().map(Cadence::at_text),
        "time_zone": schedule.cadence().map(Cadence::time_zone),
        "next_run_at": schedule.next().map(|at| at.to_string()),
        "last_run": schedule.last_run(),
        "report_read_to": schedule.read_to().map(|at| at.to_string()),
        "version": version,
    })
}

fn statement_state(id: &str, statement: statement::Summary, version: u64) -> Value {
    value!({
        "id": id,
        "currency": statement.currency.code(),
        "lines_remembered": statement.lines,
        "batches_waiting": statement.batches,
        "rewards": statement.rewards,
        "version": version,
    })
}

fn subject_state(subject: &Subject) -> Value {
    value!({
        "id": &*subject.id(),
        "wallet": subject.wallet().map(WalletId::as_str),
        "amount": subject.amount().to_major(subject.currency()),
        "currency": subject.currency().code(),
    })
}

fn saga_state(id: &str, saga: &std::sync::Arc<Saga>, version: u64) -> Value {
    let course = Course { saga: Some(saga.clone()), compensation: None };
    let subject = saga.subject();
    let steps = subject.map(|subject| course.of_subject(subject));
    let found = saga.found();
    value!({
        "id": id,
        "subject": subject.map(subject_state),
        "phase": format!("{:?}", saga.phase()),
        "cancelled": saga.is_cancelled(),
        "steps": steps,
        "found": {
            "email": found.email,
            "account": found.account,
            "transaction": found.transaction,
            "documents": found.documents,
            "url": found.url,
        },
        "held": subject.map(|subject| saga.held().to_major(subject.currency())),
        "version": version,
    })
}

fn compensation_state(id: &str, compensation: &Compensation, version: u64) -> Value {
    let undoing = compensation.undoing();
    let undos = undoing.map_or(&[][..], |undoing| &undoing.undos);
    let progress = compensation.progress().iter().zip(undos).map(|(progress, undo)| {
        let retry_at = match progress.status {
            UndoStatus::Delayed { retry_at } => Some(retry_at.to_string()),
            UndoStatus::Waiting | UndoStatus::Asked | UndoStatus::Calling | UndoStatus::Done => {
                None
            }
        };
        value!({
            "name": undo.name.as_str(),
            "status": progress.status.as_str(),
            "at": (progress.attempts > 0).then(|| progress.at.to_string()),
            "attempts": progress.attempts,
            "reason": progress.reason,
            "retry_at": retry_at,
        })
    });
    let stuck = compensation
        .stuck()
        .map(|(name, reason)| value!({ "name": name.as_str(), "reason": reason }));
    value!({
        "id": id,
        "subject": undoing.map(|undoing| subject_state(&undoing.subject)),
        "progress": progress.collect::<Vec<_>>(),
        "stuck": stuck,
        "finished": compensation.is_finished(),
        "held": undoing.map(|undoing| {
            compensation.held().to_major(undoing.subject.currency())
        }),
        "version": version,
    })
}

fn outcome_of(verdict: &Verdict) -> Vec<String> {
    fn words<E: std::fmt::Debug>(events: &[E]) -> Vec<String> {
        events.iter().map(|event| format!("{event:?}")).collect()
    }
    match verdict {
        Verdict::Wallet(events) => words(events),
        Verdict::Provider(events) => words(events),
        Verdict::Deal(events) => words(events),
        Verdict::Saga(events) => words(events),
        Verdict::Compensation(events) => words(events),
        Verdict::Advance(events) => words(events),
        Verdict::Run(events) => words(events),
        Verdict::Schedule(events) => words(events),
        Verdict::Campaign(events) => words(events),
        Verdict::Statement(events) => words(events),
        Verdict::Refused(refusal) => vec![format!("refused: {}", refusal.rejection.code)],
    }
}

/// Whether an actor has left memory.
#[derive(Serialize, ToSchema)]
pub(crate) struct Departure {
    kind: &'static str,
    id: String,
    /// False when it had something to do again at once, or waits for a third party or an instant.
    passivated: bool,
}

/// Saves an actor's shard and lets the actor leave memory. Nothing is lost: the next use reads it.
#[utoipa::path(post, path = "/admin/actors/{kind}/{id}/passivate", tag = "admin",
    params(("kind" = String, Path,
            description = "wallet, provider, deal, saga, compensation, advance, run or schedule"),
        ("id" = String, Path, description = "Its id")), responses(
    (status = 200, body = Departure), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn passivate(state: Shared, path: Path<(String, String)>) -> Answered {
    let id = entity(&path.0, &path.1)?;
    if state.see(&id).await?.is_none() {
        return Err(not_found());
    }
    let passivated = state.engine.passivate(&id).await?;
    Ok(json(&Departure { kind: id.kind.as_str(), id: id.id.to_string(), passivated }))
}
