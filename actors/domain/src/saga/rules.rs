//! The machine that runs any table of steps, and decides what an answer means.
//!
//! Going forward: when a step is done, the next one begins, in the same decision. A step is given
//! up when it is refused, when the saga is cancelled or when its deadline has passed, but only once
//! it is known how it stands: after an unknown answer, a pull or a push is asked after by its key,
//! other calls are repeated under their key, until the answer is definite. Then what was done is
//! handed to the compensation, in reverse.
//!
//! Invariants: nothing is repeated under another key; nothing is undone whose state is not known;
//! past the point of no return nothing is given up.

use std::sync::Arc;

use crate::call::{Answered, Call, Context, Reply, Request};
use crate::code::{Code, Rejection};
use crate::compensation::{Undo, Undoing};
use crate::entity::{Due, Entity, Wake};
use crate::id::{EntityId, Kind, Seq};
use crate::message::{Answer, Asker, Body, Effect, Message, Movement, Source, Stamp};
use crate::planted::{self, Bug};
use crate::saga::event::{Action, End, Event, Found, Sent};
use crate::saga::subject::{Act, Failure, Situation, StepName, Subject};
use crate::saga::{Command, Phase, Saga, StepState, StepStatus};
use crate::time::Timestamp;

/// The step under which a compensation answers.
pub const UNDONE: u8 = u8::MAX;

impl Entity for Saga {
    type Command = Command;
    type Event = Event;
    type Summary = Arc<Self>;
    const KIND: Kind = Kind::Saga;
    const WAITS: bool = true;

    fn exists(&self) -> bool {
        self.subject.is_some() || self.cancelled
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Cancel => self.cancel(context),
            Command::Retry => self.retry(context),
        }
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        if let Body::Begin(subject) = &message.body {
            assert!(self.subject.is_none(), "{message:?}: a saga begins once");
            let (source, at) = (message.source, context.now);
            let mut turn = Turn::new(self, context);
            turn.push(Event::Begun { source, at, subject: Arc::new((**subject).clone()) });
            turn.advance();
            return turn.events;
        }
        let Body::Reply { step, answer } = &message.body else {
            unreachable!("{message:?} is not for a saga")
        };
        let mut turn = Turn::new(self, context);
        if *step == UNDONE {
            turn.undone(message.source);
        } else {
            turn.replied(*step, message.source, answer);
        }
        turn.events
    }

    fn answered(&self, answered: &Answered, context: &Context<'_>) -> Vec<Event> {
        let waits = self.current().is_some_and(|(step, state)| {
            step == usize::from(answered.step)
                && state.status == StepStatus::Calling
                && state.attempts == answered.attempt
        });
        if !waits {
            return Vec::new();
        }
        let mut turn = Turn::new(self, context);
        turn.answered(answered.step, &answered.reply);
        turn.events
    }

    fn woken(&self, why: Wake, context: &Context<'_>) -> Vec<Event> {
        let Some((step, state)) = self.current() else { return Vec::new() };
        let mut turn = Turn::new(self, context);
        match (state.status, why) {
            (StepStatus::Calling, Wake::Resumed) => {
                let step = u8::try_from(step).expect("a table has few steps");
                let reason = "the server was restarted during the call";
                turn.unanswered(step, reason, Sent::Perhaps, context.now);
                turn.repeat();
            }
            (StepStatus::Unanswered { retry_at }, _) if retry_at <= context.now => turn.repeat(),
            (
                StepStatus::Unanswered { .. }
                | StepStatus::Calling
                | StepStatus::Asked
                | StepStatus::Done
                | StepStatus::Skipped
                | StepStatus::Failed,
                _,
            ) => {}
        }
        turn.events
    }

    fn due(&self) -> Due {
        match self.current().map(|(_, state)| state.status) {
            Some(StepStatus::Calling) => Due::Answer,
            Some(StepStatus::Unanswered { retry_at }) => Due::At(retry_at),
            Some(
                StepStatus::Asked | StepStatus::Done | StepStatus::Skipped | StepStatus::Failed,
            )
            | None => Due::Nothing,
        }
    }

    fn apply(&mut self, event: &Event, _: Seq) {
        self.take(event);
    }

    fn react(_: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(stamp)
    }

    fn movement(event: &Event) -> Option<Movement> {
        event.booked()
    }

    fn summary(&self) -> Option<Arc<Self>> {
        self.exists().then(|| Arc::new(self.clone()))
    }
}

impl Saga {
    fn cancel(&self, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        let Some(subject) = &self.subject else {
            // It is on its way here: whoever asks has seen its ticket.
            return Ok(if self.cancelled { Vec::new() } else { vec![Event::CancelAsked] });
        };
        if self.cancelled || self.phase != Phase::Running {
            let done = self.phase == Phase::Ended(End::Done);
            return if done { Err(too_late()) } else { Ok(Vec::new()) };
        }
        if self.steps.len() > subject.outline().returnable_to + 1 {
            return Err(too_late());
        }
        let mut turn = Turn::new(self, context);
        turn.push(Event::CancelAsked);
        turn.advance();
        Ok(turn.events)
    }

    fn retry(&self, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match self.current().map(|(_, state)| state.status) {
            Some(StepStatus::Unanswered { .. }) => {
                let mut turn = Turn::new(self, context);
                turn.repeat();
                Ok(turn.events)
            }
            Some(
                StepStatus::Asked
                | StepStatus::Calling
                | StepStatus::Done
                | StepStatus::Skipped
                | StepStatus::Failed,
            )
            | None => {
                let detail = "no call of this saga waits for its next attempt";
                Err(Rejection::new(Code::SagaNotStuck, detail))
            }
        }
    }
}

fn too_late() -> Rejection {
    Rejection::new(Code::InvestmentConfirmed, "it is past the point of no return")
}

/// One decision being made: events, and the state as they leave it.
struct Turn<'a> {
    saga: Saga,
    events: Vec<Event>,
    context: &'a Context<'a>,
}

impl<'a> Turn<'a> {
    fn new(saga: &Saga, context: &'a Context<'a>) -> Self {
        Self { saga: saga.clone(), events: Vec::new(), context }
    }

    fn push(&mut self, event: Event) {
        self.saga.take(&event);
        self.events.push(event);
    }

    fn subject(&self) -> Arc<Subject> {
        Arc::clone(self.saga.subject.as_ref().expect("only a saga that has begun goes on"))
    }

    fn state(&self) -> &StepState {
        self.saga.current().expect("only a saga that has begun goes on").1
    }

    /// Begins what comes next, as far as it goes without waiting.
    fn advance(&mut self) {
        let subject = self.subject();
        let outline = subject.outline();
        while self.saga.phase == Phase::Running || self.saga.phase == Phase::Ended(End::Done) {
            let ended = self.state().status;
            if !matches!(ended, StepStatus::Done | StepStatus::Skipped) {
                return;
            }
            let next = self.saga.steps.len();
            if next == outline.ends_with + 1 && self.saga.phase == Phase::Running {
                let (at, subject) = (self.context.now, Arc::clone(&subject));
                self.push(Event::Ended { at, source: None, end: End::Done, subject });
            }
            if next == outline.steps {
                return;
            }
            if next <= outline.returnable_to + 1
                && let Some(failure) = self.stops()
            {
                return self.undo(failure);
            }
            self.begin(&subject, next);
        }
    }

    /// Whether the saga is given up: `Some(None)` when it was cancelled.
    #[allow(clippy::option_option, reason = "whether to stop, and why if there is a why")]
    fn stops(&self) -> Option<Option<Failure>> {
        if self.saga.cancelled {
            return Some(None);
        }
        let step = self.state();
        let was_called = step.call.is_some() || step.deadline > step.began_at;
        (was_called && self.context.now > step.deadline).then(|| Some(self.late()))
    }

    fn late(&self) -> Failure {
        let name = self.subject().step(self.saga.steps.len() - 1);
        let detail = format!("the step {} was not done in time", name.as_str());
        Failure::new("deadline-exceeded", detail)
    }

    fn begin(&mut self, subject: &Subject, next: usize) {
        let at = self.context.now;
        let step = u8::try_from(next).expect("a table has few steps");
        let id = subject.id();
        let by = Asker { entity: EntityId::saga(Arc::clone(&id)), step };
        let situation = Situation { id: &id, by: &by, found: &self.saga.found, failure: None };
        let event = match subject.act(next, situation) {
            Act::Nothing(why) => Event::StepSkipped { step, at, why },
            Act::Send(to, body) => {
                Event::StepBegun { step, at, deadline: at, action: Action::Send(to, body) }
            }
            Act::Call(request, lane) => {
                let name = subject.step(next);
                let policy = self.context.policy;
                let deadline = self.context.after_ms(name.patience_ms(lane, policy));
                // With the instant of the saga's beginning: a server that was put back to a backup
                // gives positions, and so ids, again that third parties know already.
                let began = self.saga.steps[0].at.millis();
                let key = format!("{id}/{began}/{}", name.as_str()).into();
                let is_push = matches!(request, Request::Push { .. });
                // A push may wait for its turn until it is given up.
                let step_deadline = self.context.after_ms(policy.step_deadline_ms);
                let not_after = if is_push { deadline } else { step_deadline };
                let call = Call { step, attempt: 1, key, lane, not_after, request };
                Event::StepBegun { step, at, deadline, action: Action::Call(Box::new(call)) }
            }
        };
        self.push(event);
    }

    /// An entity that was asked has answered.
    fn replied(&mut self, step: u8, source: Source, answer: &Answer) {
        assert_eq!(self.state().status, StepStatus::Asked, "step {step}: nobody was asked");
        let (at, source) = (self.context.now, Some(source));
        let found = match answer {
            Answer::Done => Found::Nothing,
            Answer::Contact { email, account } => {
                Found::Contact { email: email.clone(), account: account.clone() }
            }
            Answer::Money { amount, currency } => Found::Money(*amount, *currency),
            Answer::Refused(rejection) => {
                let failure = Failure::new(rejection.code.as_str(), rejection.detail.clone());
                return self.failed(step, source, failure);
            }
        };
        self.push(Event::StepDone { step, at, source, found });
        self.advance();
    }

    /// A third party has answered.
    fn answered(&mut self, step: u8, reply: &Reply) {
        match reply {
            Reply::Done { id, url } => self.call_done(step, id, url.as_deref()),
            Reply::Declined { code, detail } if detail.is_empty() => {
                let detail = format!("the {} said no", self.wish().request.party().as_str());
                self.call_failed(step, Failure::new(code.clone(), detail));
            }
            Reply::Declined { code, detail } => {
                self.call_failed(step, Failure::new(code.clone(), detail.clone()));
            }
            Reply::NeverSeen => self.never_seen(step),
            Reply::Pending => {
                self.retry_later(step, "the processor has not decided yet", Sent::Perhaps);
            }
            Reply::Unknown { reason } if planted::is(Bug::UnknownTakenAsNo) => {
                self.call_failed(step, Failure::new("declined", reason.clone()));
            }
            Reply::Unknown { reason } => self.retry_later(step, reason, Sent::Perhaps),
            Reply::NotSent { reason } if self.is_mail() || self.state().last_sent.is_some() => {
                self.retry_later(step, reason, Sent::No);
            }
            Reply::NotSent { reason } => {
                let party = self.wish().request.party().as_str();
                let failure = Failure::new(format!("{party}-unavailable"), reason.clone());
                self.call_failed(step, failure);
            }
        }
    }

    fn call_done(&mut self, step: u8, id: &str, url: Option<&str>) {
        let subject = self.subject();
        let found = match subject.step(usize::from(step)) {
            StepName::Pull => Found::Pulled {
                transaction: id.into(),
                amount: subject.amount(),
                currency: subject.currency(),
            },
            StepName::Push => Found::Pushed { transaction: id.into() },
            StepName::Documents => Found::Documents { id: id.into(), url: url.map(Into::into) },
            StepName::Reserve
            | StepName::Mark
            | StepName::Settle
            | StepName::Confirm
            | StepName::Tell
            | StepName::Expect
            | StepName::Credit
            | StepName::Hold
            | StepName::Post
            | StepName::Close
            | StepName::Paid
            | StepName::Open
            | StepName::Activate => Found::Nothing,
        };
        let at = self.context.now;
        self.push(Event::StepDone { step, at, source: None, found });
        self.advance();
    }

    fn call_failed(&mut self, step: u8, failure: Failure) {
        self.failed(step, None, failure);
    }

    fn failed(&mut self, step: u8, source: Option<Source>, failure: Failure) {
        let at = self.context.now;
        self.push(Event::StepFailed { step, at, source, failure: failure.clone() });
        if self.saga.phase == Phase::Running {
            let cancelled = self.saga.cancelled;
            self.undo(if cancelled { None } else { Some(failure) });
        }
    }

    /// The processor does not know the key. While there is time, the wish is made again; after
    /// that it is believed, if a request that was cut off could not be on its way any more when the
    /// processor was asked. When its answer came says nothing: it may have been long on its way.
    fn never_seen(&mut self, step: u8) {
        let now = self.context.now;
        if !self.saga.cancelled && now < self.state().deadline {
            let mut call = self.next_attempt();
            call.not_after = self.state().deadline;
            return self.push(Event::CallRepeated { at: now, call: Box::new(call) });
        }
        let asked_at = self.state().at;
        let settled = self.state().last_sent.is_none_or(|last| {
            asked_at.millis().saturating_sub(last.millis()) >= self.context.policy.settle_ms
        });
        if settled || planted::is(Bug::NeverSeenBelieved) {
            let failure = self.late();
            self.call_failed(step, failure);
        } else {
            self.retry_later(step, "it was never seen; asked again to be sure", Sent::No);
        }
    }

    fn retry_later(&mut self, step: u8, reason: &str, sent: Sent) {
        if self.is_mail() && self.context.now >= self.state().deadline {
            let detail = format!("given up after {} attempts: {reason}", self.state().attempts);
            return self.call_failed(step, Failure::new("mail-undeliverable", detail));
        }
        let pause = self.context.policy.pause_ms(self.state().attempts);
        self.unanswered(step, reason, sent, self.context.after_ms(pause));
    }

    fn unanswered(&mut self, step: u8, reason: &str, sent: Sent, retry_at: Timestamp) {
        let (at, reason) = (self.context.now, reason.into());
        self.push(Event::CallUnanswered { step, at, reason, sent, retry_at });
    }

    /// Asks after a call without an answer: what moves money by its key, anything else by
    /// repeating it.
    fn repeat(&mut self) {
        let mut call = self.next_attempt();
        let moves_money = matches!(call.request, Request::Pull { .. } | Request::Push { .. });
        if moves_money && self.state().last_sent.is_some() {
            call.request = Request::Find;
        }
        call.not_after = self.context.after_ms(self.context.policy.step_deadline_ms);
        let at = self.context.now;
        self.push(Event::CallRepeated { at, call: Box::new(call) });
    }

    fn wish(&self) -> &Call {
        self.state().call.as_deref().expect("a call is kept until its answer is definite")
    }

    fn is_mail(&self) -> bool {
        matches!(self.wish().request, Request::Mail(_))
    }

    fn next_attempt(&self) -> Call {
        let mut call = Call { attempt: self.state().attempts + 1, ..self.wish().clone() };
        if planted::is(Bug::RetryUnderNewKey) {
            call.key = format!("{}/{}", call.key, call.attempt).into();
        }
        call
    }

    /// Hands what was done to the compensation, the last first.
    fn undo(&mut self, failure: Option<Failure>) {
        let subject = self.subject();
        let id = subject.id();
        let mut undos = Vec::new();
        for step in (0..self.saga.steps.len()).rev() {
            if self.saga.steps[step].status != StepStatus::Done {
                continue;
            }
            let number = u8::try_from(undos.len()).expect("a table has few steps");
            let by = Asker { entity: EntityId::compensation(&id), step: number };
            let failure = failure.as_ref();
            let situation = Situation { id: &id, by: &by, found: &self.saga.found, failure };
            match subject.undo(step, situation) {
                Act::Nothing(_) => {}
                act @ (Act::Send(..) | Act::Call(..)) => {
                    undos.push(Undo { name: subject.step(step), act });
                }
            }
        }
        let money = self.saga.held;
        let undoing = Box::new(Undoing { saga: id, subject, undos, money });
        self.push(Event::UndoingBegun { failure, undoing });
    }

    /// The compensation has undone everything.
    fn undone(&mut self, source: Source) {
        let end = match &self.saga.phase {
            Phase::Undoing(Some(failure)) => End::Failed(failure.clone()),
            Phase::Undoing(None) => End::Cancelled,
            Phase::Running | Phase::Ended(_) => unreachable!("undone before it was asked for"),
        };
        let (at, subject) = (self.context.now, self.subject());
        self.push(Event::Ended { at, source: Some(source), end, subject });
    }
}
