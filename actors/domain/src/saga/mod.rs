//! A saga: something brought about in steps, some of them by third parties, all or nothing.
//!
//! `subject` says what a saga can bring about and how a table of steps looks (`investment`,
//! `deposit`, `payment`, `reimbursement`, `credit`, `reward`), `event` what may happen, `rules` is the
//! machine that runs any table; this file holds the state. What was done is undone by another entity, the
//! saga's compensation.
//!
//! A saga holds money between the step that took it and the one that hands it on, so it is an
//! account of the books like a wallet. One that pushes money to a bank holds none: whoever has it
//! books it when the push succeeded.
//!
//! Invariants: one step is under way at a time; a step that cannot be undone begins only when all
//! before it are done; what the saga holds is what its events booked; an ended saga holds nothing.

pub mod credit;
pub mod deposit;
pub mod event;
pub mod investment;
pub mod payment;
pub mod reimbursement;
pub mod reward;
mod rules;
pub mod subject;

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::call::Call;
use crate::key::ContentMark;
use crate::message::Marks;
use crate::money::Amount;
use crate::time::Timestamp;

pub use event::{Action, End, Event, Found, Sent};
pub use rules::UNDONE;
pub use subject::{Failure, Findings, StepName, Subject};

/// What may be asked of a saga.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Undo it, unless it is too late. May come before the saga has begun.
    Cancel,
    /// Ask after the call that has no answer now, not later.
    Retry,
}

impl Command {
    /// The mark of what was asked for.
    pub fn content(self) -> u64 {
        match self {
            Self::Cancel => ContentMark::of("cancel-saga").finish(),
            Self::Retry => ContentMark::of("retry-saga").finish(),
        }
    }
}

/// How a step stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum StepStatus {
    /// An entity was asked.
    Asked,
    /// A third party is being called.
    Calling,
    /// It is not known how it stands; it will be asked after.
    Unanswered {
        /// When.
        retry_at: Timestamp,
    },
    /// It is done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It failed and did nothing.
    Failed,
}

impl StepStatus {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked | Self::Calling => "running",
            Self::Unanswered { .. } => "unanswered",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// One step that has begun.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct StepState {
    /// How it stands.
    pub status: StepStatus,
    /// Since when.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// What there is to say about it.
    pub detail: Option<Box<str>>,
    began_at: Timestamp,
    deadline: Timestamp,
    /// The call as first made, while it has no definite answer.
    call: Option<Box<Call>>,
    /// When the last attempt that may have been acted on was under way.
    last_sent: Option<Timestamp>,
}

/// Where a saga stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub enum Phase {
    /// On its way.
    #[default]
    Running,
    /// What was done is being undone; why, unless it was cancelled.
    Undoing(Option<Failure>),
    /// It is over.
    Ended(End),
}

/// The state of a saga. Before `Begun` it has no subject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Saga {
    subject: Option<Arc<Subject>>,
    steps: Vec<StepState>,
    found: Findings,
    phase: Phase,
    cancelled: bool,
    held: Amount,
    marks: Marks,
}

impl Saga {
    /// What it is to bring about; `None` when it was cancelled before it began.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// The steps that have begun, in order.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// What the finished steps found.
    pub fn found(&self) -> &Findings {
        &self.found
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether it is no longer wanted.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The money it holds.
    pub fn held(&self) -> Amount {
        self.held
    }

    /// The step under way or ended last, from 0.
    fn current(&self) -> Option<(usize, &StepState)> {
        Some((self.steps.len().checked_sub(1)?, self.steps.last()?))
    }

    fn began(&mut self, at: Timestamp, deadline: Timestamp, status: StepStatus) -> &mut StepState {
        let call = None;
        let (attempts, detail, last_sent) = (1, None, None);
        let began_at = at;
        self.steps.push(StepState {
            status,
            at,
            attempts,
            detail,
            began_at,
            deadline,
            call,
            last_sent,
        });
        self.steps.last_mut().expect("just pushed")
    }

    fn step_mut(&mut self, step: u8) -> &mut StepState {
        assert_eq!(usize::from(step) + 1, self.steps.len(), "one step is under way at a time");
        self.steps.last_mut().expect("counted just before")
    }

    fn end_step(&mut self, step: u8, at: Timestamp, status: StepStatus) -> &mut StepState {
        let state = self.step_mut(step);
        (state.status, state.at, state.call) = (status, at, None);
        state
    }

    fn keep(&mut self, found: &Found) {
        match found {
            Found::Nothing | Found::Money(..) => {}
            Found::Contact { email, account } => {
                self.found.email.clone_from(email);
                self.found.account.clone_from(account);
            }
            Found::Pulled { transaction, .. } | Found::Pushed { transaction } => {
                self.found.transaction = Some(transaction.clone());
            }
            Found::Documents { id, url } => {
                self.found.documents = Some(id.clone());
                self.found.url.clone_from(url);
            }
        }
    }

    fn write(&mut self, event: &Event) {
        match event {
            Event::Begun { at, subject, .. } => {
                self.subject = Some(Arc::clone(subject));
                self.began(*at, *at, StepStatus::Done);
            }
            Event::CancelAsked => self.cancelled = true,
            Event::StepBegun { step, at, deadline, action } => {
                assert_eq!(usize::from(*step), self.steps.len(), "steps begin in order");
                match action {
                    Action::Send(..) => drop(self.began(*at, *deadline, StepStatus::Asked)),
                    Action::Call(call) => {
                        let state = self.began(*at, *deadline, StepStatus::Calling);
                        state.call = Some(call.clone());
                    }
                }
            }
            Event::StepSkipped { step, at, why } => {
                assert_eq!(usize::from(*step), self.steps.len(), "steps begin in order");
                let state = self.began(*at, *at, StepStatus::Skipped);
                (state.attempts, state.detail) = (0, Some(why.clone()));
            }
            Event::CallRepeated { at, call } => {
                let state = self.step_mut(call.step);
                (state.status, state.at, state.attempts) = (StepStatus::Calling, *at, call.attempt);
            }
            Event::CallUnanswered { step, at, reason, sent, retry_at } => {
                let state = self.step_mut(*step);
                state.status = StepStatus::Unanswered { retry_at: *retry_at };
                (state.at, state.detail) = (*at, Some(reason.clone()));
                if *sent == Sent::Perhaps {
                    state.last_sent = Some(*at);
                }
            }
            Event::StepDone { step, at, found, .. } => {
                self.end_step(*step, *at, StepStatus::Done).detail = None;
                self.keep(found);
            }
            Event::StepFailed { step, at, failure, .. } => {
                let detail = format!("{}: {}", failure.code, failure.detail);
                self.end_step(*step, *at, StepStatus::Failed).detail = Some(detail.into());
            }
            Event::UndoingBegun { failure, .. } => self.phase = Phase::Undoing(failure.clone()),
            Event::Ended { end, .. } => self.phase = Phase::Ended(end.clone()),
        }
    }

    /// Writes an event and holds the invariants; broken ones are our fault, so the process stops.
    fn take(&mut self, event: &Event) {
        if let Some(source) = event.received() {
            self.marks.raise(source);
        }
        self.write(event);
        if let Some(moved) = event.booked() {
            let held = self.held.checked_add(moved.account);
            self.held = held.expect("a saga holds the amount of its subject or nothing");
        }
        assert!(!self.held.is_negative(), "{event:?}: a saga hands on only what it holds");
        if matches!(self.phase, Phase::Ended(_)) {
            assert!(self.held.is_zero(), "{event:?}: an ended saga holds nothing");
        }
    }
}
