//! How a saga is given up, and how it ends.
//!
//! What was done is handed to the compensation when a step failed, came too late, or the saga was
//! cancelled; never while it is unknown how a step stands. It must be all that was done, the last
//! first, and all the money. At the end the saga holds nothing, and an investment's outcome is told.

use std::sync::Arc;

use bursar_domain::compensation::{Undo, Undoing};
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind, Source};
use bursar_domain::money::Amount;
use bursar_domain::saga::investment::Investment;
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{End, Failure, Phase, StepStatus, Subject, UNDONE};
use bursar_domain::time::Timestamp;

use super::{Saga, plan};
use crate::cli::verify::ledger::Entry;
use crate::cli::verify::sums::major;

impl Saga {
    pub(super) fn undoing_begun(
        &mut self,
        failure: Option<&Failure>,
        undoing: &Undoing,
        entry: &mut Entry<'_>,
    ) {
        self.check_given_up(failure, entry);
        let id = &entry.place.id.id;
        if undoing.saga != *id || Some(&undoing.subject) != self.subject.as_ref() {
            entry.wrong(format!("it hands over what is not its own, but of {}", undoing.saga));
        }
        if i128::from(undoing.money.minor()) != self.held {
            let currency = undoing.subject.currency();
            entry.wrong(format!(
                "it holds {} and hands over {}",
                major(self.held, currency),
                undoing.money.to_major(currency)
            ));
        }
        self.check_undos(failure, &undoing.undos, entry);
        let to = EntityId { kind: Kind::Compensation, id: Arc::clone(&entry.place.id.id) };
        entry.sent(&to, &Body::Compensate(Box::new(undoing.clone())));
        if undoing.money.is_positive() {
            self.hand_on(undoing.money, undoing.subject.currency(), entry);
        }
        self.phase = Phase::Undoing(failure.cloned());
    }

    /// Whether the saga may be given up now.
    fn check_given_up(&self, failure: Option<&Failure>, entry: &mut Entry<'_>) {
        let Some(plan) = self.plan() else { return };
        let Some((status, at, _, detail, began_at, deadline, ..)) = self.steps.last() else {
            return;
        };
        let is_failed = *status == StepStatus::Failed;
        let last = if is_failed { plan.fails_to } else { plan.returnable_to };
        if self.phase != Phase::Running || self.steps.len() > last + 1 {
            entry.wrong("it is given up, and it is too late for that");
        }
        let why = failure.map(|failure| format!("{}: {}", failure.code, failure.detail));
        let is_right = match status {
            StepStatus::Asked | StepStatus::Calling | StepStatus::Unanswered { .. } => {
                return entry.wrong("it is given up while it is not known how a step stands");
            }
            StepStatus::Failed => match &why {
                Some(why) => detail.as_deref() == Some(why),
                None => self.is_cancelled,
            },
            StepStatus::Done | StepStatus::Skipped => {
                let is_late = deadline > began_at && at > deadline;
                if failure.is_some() { is_late } else { self.is_cancelled }
            }
        };
        if !is_right {
            let why = why.as_deref().unwrap_or("cancelled");
            entry.wrong(format!("it is given up for a reason that is not there: {why}"));
        }
    }

    /// All that was done must be undone, the last first.
    fn check_undos(&self, failure: Option<&Failure>, undos: &[Undo], entry: &mut Entry<'_>) {
        let (Some(subject), Some(plan)) = (&self.subject, self.plan()) else { return };
        let entity = EntityId { kind: Kind::Compensation, id: Arc::clone(&entry.place.id.id) };
        let told = failure.cloned().or_else(|| undos.iter().find_map(told));
        let told = told.unwrap_or_else(|| Failure::new("", ""));
        let mut expected = Vec::new();
        let steps = self.steps.iter().zip(plan.names).rev();
        for (_, name) in steps.filter(|(step, _)| step.0 == StepStatus::Done) {
            let step = u8::try_from(expected.len()).expect("a plan has few steps");
            let by = Asker { entity: entity.clone(), step };
            if let Some(act) = plan::undo(subject, *name, by, &self.found, &told) {
                expected.push(Undo { name: *name, act });
            }
        }
        if undos != expected.as_slice() {
            let names = |undos: &[Undo]| {
                let names: Vec<_> = undos.iter().map(|undo| undo.name.as_str()).collect();
                names.join(", ")
            };
            entry.wrong(format!(
                "it hands over to be undone [{}]; what was done is [{}], or its terms differ",
                names(undos),
                names(&expected)
            ));
        }
    }

    pub(super) fn ended(
        &mut self,
        at: Timestamp,
        source: Option<Source>,
        end: &End,
        subject: &Arc<Subject>,
        entry: &mut Entry<'_>,
    ) {
        self.check_at(at, entry);
        if self.subject.as_ref() != Some(subject) {
            entry.wrong("it ends with another subject than it began with");
        }
        if let Some(source) = source {
            let undone = Body::Reply { step: UNDONE, answer: Answer::Done };
            self.marks.receive(source, &undone, entry);
        }
        let is_right = match end {
            End::Done => source.is_none() && self.phase == Phase::Running && self.is_through(),
            End::Failed(failure) => {
                source.is_some() && self.phase == Phase::Undoing(Some(failure.clone()))
            }
            End::Cancelled => source.is_some() && self.phase == Phase::Undoing(None),
        };
        if !is_right {
            entry.wrong(format!("it ends as {}, which does not follow", word(end)));
        }
        if self.held != 0 {
            let currency = subject.currency();
            entry.wrong(format!("it ends and holds {} {currency}", major(self.held, currency)));
        }
        self.phase = Phase::Ended(end.clone());
        if let Subject::Investment(investment) = &**subject {
            entry.told(&outcome(at, end, investment));
        }
    }

    /// Whether all steps are done that it is done with.
    fn is_through(&self) -> bool {
        let ended = |status| matches!(status, StepStatus::Done | StepStatus::Skipped);
        self.plan().is_some_and(|plan| self.steps.len() == plan.done_with + 1)
            && self.steps.last().is_some_and(|step| ended(step.0))
    }
}

fn word(end: &End) -> &'static str {
    match end {
        End::Done => "done",
        End::Failed(_) => "failed",
        End::Cancelled => "cancelled",
    }
}

/// Why an owner is told that it was not to be.
fn told(undo: &Undo) -> Option<Failure> {
    let Act::Send(_, body) = &undo.act else { return None };
    if let Body::Abandon { failure, .. }
    | Body::Unhold { failure, .. }
    | Body::NotReimbursed { failure, .. }
    | Body::NotCredited { failure, .. }
    | Body::Ungrant { failure, .. } = &**body
    {
        Some(failure.clone())
    } else {
        None
    }
}

fn outcome(at: Timestamp, end: &End, investment: &Investment) -> Outcome {
    let (kind, failure) = match end {
        End::Done => (OutcomeKind::InvestmentConfirmed, None),
        End::Failed(failure) => (OutcomeKind::InvestmentFailed, Some(failure.clone())),
        End::Cancelled => (OutcomeKind::InvestmentCancelled, None),
    };
    let Investment { id, ticket, wallet, amount, currency, .. } = investment.clone();
    Outcome {
        kind,
        at,
        wallet: Some(wallet),
        seq: id.seq,
        provider: None,
        payment: None,
        amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Investment { deal: id.deal, ticket, failure }),
    }
}
