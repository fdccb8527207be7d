//! What a compensation decides: the next undo when one is done, another attempt when one is not.
//!
//! Every refusal and every unknown answer leads to another attempt; nothing is ever given up,
//! because what is not undone is someone's money or signature. See `compensation` for the keys.

use std::sync::Arc;

use super::{Command, Compensation, Event, Refused, UndoStatus};
use crate::call::{Answered, Context, Reply, Request};
use crate::code::{Code, Rejection};
use crate::entity::{Due, Entity, Wake};
use crate::id::{EntityId, Kind, Seq};
use crate::message::{Answer, Body, Effect, Message, Movement, Source, Stamp};
use crate::money::Amount;
use crate::planted::{self, Bug};
use crate::saga::Action;
use crate::saga::UNDONE;
use crate::saga::subject::Act;

impl Entity for Compensation {
    type Command = Command;
    type Event = Event;
    type Summary = Arc<Self>;
    const KIND: Kind = Kind::Compensation;
    const WAITS: bool = true;

    fn exists(&self) -> bool {
        self.undoing.is_some()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        match (command, self.status()) {
            (Command::Retry, Some(UndoStatus::Delayed { .. })) => {
                let mut turn = Turn::new(self, context);
                turn.attempt();
                Ok(turn.events)
            }
            (
                Command::Retry,
                Some(
                    UndoStatus::Waiting
                    | UndoStatus::Asked
                    | UndoStatus::Calling
                    | UndoStatus::Done,
                )
                | None,
            ) => {
                let detail = "no undo of this saga waits for its next attempt";
                Err(Rejection::new(Code::SagaNotStuck, detail))
            }
        }
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let mut turn = Turn::new(self, context);
        match &message.body {
            Body::Compensate(undoing) => {
                let undoing = Arc::new((**undoing).clone());
                turn.push(Event::Begun { source: message.source, undoing });
            }
            Body::Reply { step, answer } => {
                assert_eq!(*answer, Answer::Done, "an undo is not refused by one of us");
                turn.done(*step, Some(message.source), Amount::ZERO);
            }
            Body::Payment { .. }
            | Body::RefundOrder { .. }
            | Body::RefundMoney { .. }
            | Body::Begin(_)
            | Body::Mark { .. }
            | Body::Settle { .. }
            | Body::Unmark { .. }
            | Body::Credit { .. }
            | Body::Abandon { .. }
            | Body::Confirm { .. }
            | Body::Free { .. }
            | Body::Continue
            | Body::Post { .. }
            | Body::Unhold { .. }
            | Body::SettledPayment { .. }
            | Body::Reimbursed { .. }
            | Body::NotReimbursed { .. }
            | Body::Activate { .. }
            | Body::NotCredited { .. }
            | Body::StartRun { .. }
            | Body::Collect { .. }
            | Body::ReportSaid { .. }
            | Body::Collected { .. }
            | Body::Drew { .. }
            | Body::RewardNews(_)
            | Body::RewardCredit { .. }
            | Body::Ungrant { .. }
            | Body::ClawBack(_)
            | Body::TakenBack { .. } => unreachable!("{message:?} is not for a compensation"),
        }
        turn.advance();
        turn.events
    }

    fn answered(&self, answered: &Answered, context: &Context<'_>) -> Vec<Event> {
        let waits = answered.step == self.current
            && self.status() == Some(UndoStatus::Calling)
            && self.progress[usize::from(self.current)].attempts == answered.attempt;
        if !waits {
            return Vec::new();
        }
        let mut turn = Turn::new(self, context);
        match &answered.reply {
            Reply::Done { .. } => {
                turn.done(answered.step, None, self.returns());
                turn.advance();
            }
            Reply::Declined { code, detail } => {
                turn.delay(&format!("{code}: {detail}"), Refused::Yes);
            }
            Reply::Unknown { .. } if planted::is(Bug::UnknownUndoTakenAsDone) => {
                turn.done(answered.step, None, self.returns());
                turn.advance();
            }
            Reply::NeverSeen => turn.delay("it was never seen", Refused::No),
            Reply::Pending => turn.delay("it has not been decided yet", Refused::Undecided),
            Reply::NotSent { reason } | Reply::Unknown { reason } => {
                // This says nothing, so what was known before still holds.
                let is_undecided = self.progress[usize::from(self.current)].undecided;
                turn.delay(reason, if is_undecided { Refused::Undecided } else { Refused::No });
            }
        }
        turn.events
    }

    fn woken(&self, why: Wake, context: &Context<'_>) -> Vec<Event> {
        let tries = match self.status() {
            Some(UndoStatus::Calling) => why == Wake::Resumed,
            Some(UndoStatus::Delayed { retry_at }) => retry_at <= context.now,
            Some(UndoStatus::Waiting | UndoStatus::Asked | UndoStatus::Done) | None => false,
        };
        let mut turn = Turn::new(self, context);
        if tries {
            turn.attempt();
        }
        turn.events
    }

    fn due(&self) -> Due {
        match self.status() {
            Some(UndoStatus::Calling) => Due::Answer,
            Some(UndoStatus::Delayed { retry_at }) => Due::At(retry_at),
            Some(UndoStatus::Waiting | UndoStatus::Asked | UndoStatus::Done) | None => Due::Nothing,
        }
    }

    fn apply(&mut self, event: &Event, _: Seq) {
        self.take(event);
    }

    fn react(_: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        match event {
            Event::Tried { action: Action::Send(to, body), .. } => {
                let body = (**body).clone();
                vec![Effect::Send(Message { source: stamp.source, to: to.clone(), body })]
            }
            Event::Tried { action: Action::Call(call), .. } => {
                vec![Effect::Call((**call).clone())]
            }
            Event::Finished { saga, .. } => {
                let body = Body::Reply { step: UNDONE, answer: Answer::Done };
                vec![Effect::Send(Message { source: stamp.source, to: saga.clone(), body })]
            }
            Event::Begun { .. } | Event::Delayed { .. } | Event::Undone { .. } => Vec::new(),
        }
    }

    fn movement(event: &Event) -> Option<Movement> {
        match event {
            Event::Begun { undoing, .. } if undoing.money.is_positive() => {
                Some(Movement::received(undoing.subject.currency(), undoing.money))
            }
            Event::Undone { returned, subject, .. } if returned.is_positive() => {
                Some(Movement::returned(subject.currency(), *returned))
            }
            Event::Begun { .. }
            | Event::Tried { .. }
            | Event::Delayed { .. }
            | Event::Undone { .. }
            | Event::Finished { .. } => None,
        }
    }

    fn summary(&self) -> Option<Arc<Self>> {
        self.exists().then(|| Arc::new(self.clone()))
    }
}

impl Compensation {
    fn status(&self) -> Option<UndoStatus> {
        Some(self.progress.get(usize::from(self.current))?.status)
    }

    /// The money that goes back when the current undo is done.
    fn returns(&self) -> Amount {
        let undoing = self.undoing.as_deref().expect("only what has begun is undone");
        match Self::act(undoing, self.current) {
            Act::Call(Request::Refund { amount, .. }, _) => *amount,
            Act::Call(
                Request::Pull { .. }
                | Request::Push { .. }
                | Request::Find
                | Request::MakeDocuments { .. }
                | Request::VoidDocuments { .. }
                | Request::Mail(_),
                _,
            )
            | Act::Send(..)
            | Act::Nothing(_) => Amount::ZERO,
        }
    }

    /// Writes an event and holds the invariants; broken ones are our fault, so the process stops.
    fn take(&mut self, event: &Event) {
        self.write(event);
        if let Some(moved) = Self::movement(event) {
            let held = self.held.checked_add(moved.account);
            self.held = held.expect("a compensation holds the amount of its subject or nothing");
        }
        assert!(!self.held.is_negative(), "{event:?}: only what is held goes back");
        assert!(!self.finished || self.held.is_zero(), "{event:?}: in the end nothing is held");
    }
}

/// One decision being made: events, and the state as they leave it.
struct Turn<'a> {
    compensation: Compensation,
    events: Vec<Event>,
    context: &'a Context<'a>,
}

impl<'a> Turn<'a> {
    fn new(compensation: &Compensation, context: &'a Context<'a>) -> Self {
        Self { compensation: compensation.clone(), events: Vec::new(), context }
    }

    fn push(&mut self, event: Event) {
        self.compensation.take(&event);
        self.events.push(event);
    }

    /// Begins the next undo, or ends.
    fn advance(&mut self) {
        match self.compensation.status() {
            Some(UndoStatus::Waiting) => {
                if planted::is(Bug::CompensationForgetsRefund)
                    && self.compensation.returns().is_positive()
                {
                    let (step, returns) = (self.compensation.current, self.compensation.returns());
                    self.done(step, None, returns);
                    return self.advance();
                }
                self.attempt();
            }
            Some(
                UndoStatus::Asked
                | UndoStatus::Calling
                | UndoStatus::Delayed { .. }
                | UndoStatus::Done,
            ) => {}
            None => {
                let undoing = self.compensation.undoing.as_ref().expect("it has begun");
                let saga = EntityId::saga(Arc::clone(&undoing.saga));
                self.push(Event::Finished { at: self.context.now, saga });
            }
        }
    }

    /// Tries the current undo.
    fn attempt(&mut self) {
        let compensation = &self.compensation;
        let undoing = compensation.undoing.as_ref().expect("only what has begun is undone");
        let (step, at) = (compensation.current, self.context.now);
        let attempt = compensation.progress[usize::from(step)].attempts + 1;
        let not_after = self.context.after_ms(self.context.policy.step_deadline_ms);
        let action = match Compensation::act(undoing, step) {
            Act::Send(to, body) => Action::Send(to.clone(), body.clone()),
            Act::Call(..) => {
                let call = compensation.call(undoing, attempt, not_after);
                Action::Call(Box::new(call.expect("it is a call")))
            }
            Act::Nothing(_) => unreachable!("what needs no undoing is not handed over"),
        };
        self.push(Event::Tried { step, at, attempt, action });
    }

    fn done(&mut self, step: u8, source: Option<Source>, returned: Amount) {
        let undoing = self.compensation.undoing.as_ref().expect("only what has begun is undone");
        let (at, subject) = (self.context.now, Arc::clone(&undoing.subject));
        self.push(Event::Undone { step, at, source, returned, subject });
    }

    fn delay(&mut self, reason: &str, refused: Refused) {
        let step = self.compensation.current;
        let attempts = self.compensation.progress[usize::from(step)].attempts;
        let policy = self.context.policy;
        let retry_at = self.context.after_ms(policy.pause_ms(attempts));
        let (at, stuck_after) = (self.context.now, policy.stuck_after);
        let reason = reason.into();
        self.push(Event::Delayed { step, at, reason, refused, stuck_after, retry_at });
    }
}
