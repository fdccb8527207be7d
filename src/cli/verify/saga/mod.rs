//! A saga, folded a second time and written apart from the machine in `bursar-domain`.
//!
//! From nothing, record by record: the steps in their order, one at a time (`steps`), against a
//! second table of what each has to do (`plan`, `push`); the money that it holds between the step
//! that took it and the one that hands it on; how it ends (`end`). A saga that is over holds
//! nothing, and what it had done is handed to its compensation, all of it, the last first.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.

mod end;
pub(super) mod plan;
pub(super) mod push;
pub(super) mod reward;
mod steps;

use std::sync::Arc;

use bursar_domain::call::Call;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Body, Source};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::{End, Event, Findings, Phase, StepStatus, Subject};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};

use self::plan::Plan;
use super::cases::Stage;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Ledger, Marks, compare, same, strange};
use super::sums::major;

/// One step as it is on disk: status, since when, attempts, what there is to say, when it began,
/// until when it is tried, its call, when an attempt was last under way that may have counted.
type Step = (
    StepStatus,
    Timestamp,
    u32,
    Option<Box<str>>,
    Timestamp,
    Timestamp,
    Option<Box<Call>>,
    Option<Timestamp>,
);

/// A saga's state as it is on disk: subject, steps, what they found, phase, whether it is no longer
/// wanted, the money it holds, received messages.
pub(super) type State =
    (Option<Arc<Subject>>, Vec<Step>, Findings, Phase, bool, Amount, Vec<(ShardId, Seq)>);

/// A saga as its records make it.
#[derive(Debug, Default)]
pub(super) struct Saga {
    subject: Option<Arc<Subject>>,
    steps: Vec<Step>,
    /// Whether the last call of the step under way only asked how it stands.
    is_asked_after: bool,
    found: Findings,
    phase: Phase,
    is_cancelled: bool,
    held: i128,
    marks: Marks,
}

impl Account for Saga {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Saga(events) => {
                for event in events {
                    self.event(event, entry);
                    self.check_held(entry);
                }
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_exist(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (subject, steps, found, phase, cancelled, held, marks) = state;
        let mut list = Vec::new();
        same(&mut list, subject, &self.subject, "the subject is not what the saga began with");
        same(&mut list, steps, &self.steps, "the steps are not those that the records took");
        same(&mut list, found, &self.found, "the findings are not those of the records");
        same(&mut list, phase, &self.phase, "the phase is not where the records came to");
        compare(&mut list, "cancelled", cancelled, &self.is_cancelled);
        if let Some(currency) = self.currency() {
            let saved = major(i128::from(held.minor()), currency);
            compare(&mut list, "held", &saved, &major(self.held, currency));
        }
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    fn balance(&self) -> Option<(Currency, i128)> {
        Some((self.currency()?, self.held))
    }

    fn waits((_, steps, ..): &State) -> Option<i64> {
        match steps.last()?.0 {
            StepStatus::Calling => Some(0),
            StepStatus::Unanswered { retry_at } => Some(retry_at.millis()),
            StepStatus::Asked | StepStatus::Done | StepStatus::Skipped | StepStatus::Failed => None,
        }
    }

    fn conclude(&self, id: &EntityId, ledger: &mut Ledger) {
        let stage = match &self.phase {
            Phase::Running if self.subject.is_none() => Stage::NotBegun,
            Phase::Running => Stage::Running,
            Phase::Undoing(_) => Stage::Undoing,
            Phase::Ended(End::Done) => Stage::Done,
            Phase::Ended(End::Failed(_) | End::Cancelled) => Stage::Undone,
        };
        ledger.cases.saga(&id.id, stage);
    }
}

impl Saga {
    fn currency(&self) -> Option<Currency> {
        self.subject.as_ref().map(|subject| subject.currency())
    }

    fn plan(&self) -> Option<&'static Plan> {
        self.subject.as_deref().map(plan::of)
    }

    fn must_exist(&self, entry: &mut Entry<'_>) {
        if self.subject.is_none() && !self.is_cancelled {
            entry.wrong("it was decided before the saga began");
        }
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if self.subject.is_none() && !matches!(event, Event::Begun { .. } | Event::CancelAsked) {
            entry.wrong("it was decided before the saga began");
        }
        match event {
            Event::Begun { source, at, subject } => self.begun(*source, *at, subject, entry),
            Event::CancelAsked => self.cancel_asked(entry),
            Event::StepBegun { step, at, deadline, action } => {
                self.step_begun(*step, *at, *deadline, action, entry);
            }
            Event::StepSkipped { step, at, why } => self.step_skipped(*step, *at, why, entry),
            Event::CallRepeated { at, call } => self.call_repeated(*at, call, entry),
            Event::CallUnanswered { step, at, reason, sent, retry_at } => {
                let status = StepStatus::Unanswered { retry_at: *retry_at };
                self.call_unanswered(*step, *at, (status, reason), *sent, entry);
            }
            Event::StepDone { step, at, source, found } => {
                self.step_done(*step, *at, *source, found, entry);
            }
            Event::StepFailed { step, at, source, failure } => {
                self.step_failed(*step, *at, *source, failure, entry);
            }
            Event::UndoingBegun { failure, undoing } => {
                self.undoing_begun(failure.as_ref(), undoing, entry);
            }
            Event::Ended { at, source, end, subject } => {
                self.ended(*at, *source, end, subject, entry);
            }
        }
    }

    fn begun(
        &mut self,
        source: Source,
        at: Timestamp,
        subject: &Arc<Subject>,
        entry: &mut Entry<'_>,
    ) {
        self.marks.receive(source, &Body::Begin(Box::new((**subject).clone())), entry);
        self.check_at(at, entry);
        if *plan::id(subject) != *entry.place.id.id {
            entry.wrong(format!("it begins as {}", plan::id(subject)));
        }
        if self.subject.replace(Arc::clone(subject)).is_some() {
            entry.wrong("the saga began before");
        }
        self.steps.push((StepStatus::Done, at, 1, None, at, at, None, None));
    }

    fn cancel_asked(&mut self, entry: &mut Entry<'_>) {
        let is_late = self.plan().is_some_and(|plan| self.steps.len() > plan.returnable_to + 1);
        if is_late || self.phase != Phase::Running {
            entry.wrong("it is cancelled when it is too late");
        }
        if std::mem::replace(&mut self.is_cancelled, true) {
            entry.wrong("it was cancelled before");
        }
    }

    /// What happens is not later than its record, nor earlier than what happened before.
    fn check_at(&self, at: Timestamp, entry: &mut Entry<'_>) {
        if at > entry.at {
            entry.wrong(format!("it says that it happened at {at}, after it was recorded"));
        }
        if self.steps.last().is_some_and(|step| at < step.1) {
            entry.wrong(format!("it says that it happened at {at}, before the event before it"));
        }
    }

    fn check_held(&self, entry: &mut Entry<'_>) {
        let Some(currency) = self.currency() else { return };
        if self.held < 0 {
            entry.wrong(format!(
                "it leaves the saga with {} {currency}",
                major(self.held, currency)
            ));
        }
    }
}
