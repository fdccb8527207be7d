//! The steps of a saga as JSON: what was done, what is under way, what is undone.
//!
//! A saga knows only the steps that have begun; here all of its table are listed in order, so that
//! a client sees what is still to come. How an undo stands is known to the saga's compensation,
//! another entity; the two are put side by side.

use std::sync::Arc;

use bursar_domain::compensation::{Compensation, Progress, UndoStatus};
use bursar_domain::id::EntityId;
use bursar_domain::saga::credit::Credit;
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::saga::investment::Investment;
use bursar_domain::saga::payment::Payment;
use bursar_domain::saga::reimbursement::Reimbursement;
use bursar_domain::saga::reward::Reward;
use bursar_domain::saga::{End, Phase, Saga, StepName, StepState, Subject};
use bursar_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::problem::Problem;
use crate::http::resources::{compensation_of, saga_of};

/// How the undoing of a step stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Undo {
    /// `waiting`, `undoing`, `delayed` or `undone`.
    #[schema(example = "undone")]
    status: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// Since when; null before the first attempt.
    at: Option<String>,
    /// Why it was not done, the last time it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether it keeps failing. It is tried without end; an operator can have it tried at once.
    stuck: bool,
}

/// One step of a saga.
#[derive(Serialize, ToSchema)]
pub(crate) struct Step {
    #[schema(example = "pull")]
    pub(crate) name: &'static str,
    /// `pending`, `running`, `unanswered` (it is not known how it stands; it is asked after),
    /// `done`, `skipped` (there was nothing to do) or `failed`.
    #[schema(example = "done")]
    pub(crate) status: &'static str,
    /// Since when; null before it begins.
    pub(crate) at: Option<String>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// What there is to say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// How its undoing stands, when it is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) undo: Option<Undo>,
}

/// A saga with its compensation, as far as there are any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    /// The saga; not there while the message that begins it is on its way.
    pub(crate) saga: Option<Arc<Saga>>,
    /// Its compensation, when something is or was undone.
    pub(crate) compensation: Option<Arc<Compensation>>,
}

impl Course {
    /// The saga with this id and its compensation, with all that they have decided.
    pub(crate) async fn of(state: &State, id: &EntityId) -> Result<Self, Problem> {
        let saga = Self::saga(state, id).await?;
        let compensation = match saga.as_ref().map(|saga| saga.phase()) {
            Some(Phase::Undoing(_) | Phase::Ended(End::Failed(_) | End::Cancelled)) => {
                let seen = state.see(&EntityId::compensation(&id.id)).await?;
                seen.as_ref().and_then(compensation_of).cloned()
            }
            Some(Phase::Running | Phase::Ended(End::Done)) | None => None,
        };
        Ok(Self { saga, compensation })
    }

    /// The saga alone. A view that shows the end is right; any other may be a moment behind.
    pub(crate) async fn saga(state: &State, id: &EntityId) -> Result<Option<Arc<Saga>>, Problem> {
        let seen = state.engine.see(id);
        let saga = seen.as_ref().and_then(saga_of);
        if let Some(saga) = saga.filter(|saga| matches!(saga.phase(), Phase::Ended(_))) {
            return Ok(Some(Arc::clone(saga)));
        }
        Ok(state.look(id).await?.as_ref().and_then(saga_of).cloned())
    }

    /// The steps of an investment. `reserved_at` is when its place was given, as far as is known
    /// without the saga.
    pub(crate) fn of_investment(&self, reserved_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Investment::STEPS.map(|step| step.name), reserved_at)
    }

    /// The steps of a deposit. `asked_at` is when the wallet asked for it, as far as is known.
    pub(crate) fn of_deposit(&self, asked_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Deposit::STEPS.map(|step| step.name), asked_at)
    }

    /// The steps of whatever a saga brings about.
    pub(crate) fn of_subject(&self, subject: &Subject) -> Vec<Step> {
        match subject {
            Subject::Investment(_) => self.of_investment(None),
            Subject::Deposit(_) => self.of_deposit(None),
            Subject::Payment(_) => self.of_payment(None),
            Subject::Reimbursement(_) => self.of_reimbursement(None),
            Subject::Advance(_) => self.of_credit(None),
            Subject::Reward(_) => self.of_reward(None),
        }
    }

    /// The steps of a payment that is settled at once. `held_at` is when it was set aside.
    pub(crate) fn of_payment(&self, held_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Payment::STEPS.map(|step| step.name), held_at)
    }

    /// The steps of a reimbursement. `closed_at` is when its period was closed.
    pub(crate) fn of_reimbursement(&self, closed_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Reimbursement::STEPS.map(|step| step.name), closed_at)
    }

    /// The steps of an advance's credit. `opened_at` is when it was asked for.
    pub(crate) fn of_credit(&self, opened_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Credit::STEPS.map(|step| step.name), opened_at)
    }

    /// The steps of a reward. `drawn_at` is when it was drawn.
    pub(crate) fn of_reward(&self, drawn_at: Option<Timestamp>) -> Vec<Step> {
        self.steps(Reward::STEPS.map(|step| step.name), drawn_at)
    }

    fn steps<const N: usize>(&self, names: [StepName; N], first: Option<Timestamp>) -> Vec<Step> {
        let begun = self.saga.as_ref().map_or(&[][..], |saga| saga.steps());
        let step = |(at, name): (usize, &StepName)| match begun.get(at) {
            Some(state) => self.begun(*name, state),
            // Whoever began the saga did the first step; the saga has not heard of it yet.
            None if at == 0 => not_begun(*name, first),
            None => not_begun(*name, None),
        };
        names.iter().enumerate().map(step).collect()
    }

    fn begun(&self, name: StepName, state: &StepState) -> Step {
        Step {
            name: name.as_str(),
            status: state.status.as_str(),
            at: Some(state.at.to_string()),
            attempts: state.attempts,
            detail: state.detail.as_deref().map(str::to_owned),
            undo: self.undo(name),
        }
    }

    fn undo(&self, name: StepName) -> Option<Undo> {
        let compensation = self.compensation.as_deref()?;
        let mut undos = compensation.undoing()?.undos.iter().zip(compensation.progress());
        let (_, progress) = undos.find(|(undo, _)| undo.name == name)?;
        let stuck = compensation.stuck().is_some_and(|(stuck, _)| stuck == name);
        Some(undo(progress, stuck))
    }
}

fn undo(progress: &Progress, stuck: bool) -> Undo {
    let reason = match progress.status {
        UndoStatus::Done => None,
        UndoStatus::Waiting
        | UndoStatus::Asked
        | UndoStatus::Calling
        | UndoStatus::Delayed { .. } => progress.reason.as_deref().map(str::to_owned),
    };
    Undo {
        status: progress.status.as_str(),
        attempts: progress.attempts,
        at: (progress.attempts > 0).then(|| progress.at.to_string()),
        reason,
        stuck,
    }
}

fn not_begun(name: StepName, done_at: Option<Timestamp>) -> Step {
    Step {
        name: name.as_str(),
        status: if done_at.is_some() { "done" } else { "pending" },
        at: done_at.map(|at| at.to_string()),
        attempts: u32::from(done_at.is_some()),
        detail: None,
        undo: None,
    }
}
