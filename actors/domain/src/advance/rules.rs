//! What an advance decides: what comes in, and the turn that each decision is.
//!
//! A turn is made of events, each written into a copy of the state before the next is decided. At
//! the end of every turn stands [`Turn::go_on`], which asks the processor for what is next and
//! answers the run that waits. So whatever comes in, nothing is left lying.
//!
//! A run gets its answer when all that was due has been tried once; a slow processor is asked after
//! later, without the run. While one run waits, another one that asks is answered at once: its
//! debits are under way, and each thing is counted for one run. The same run may ask twice, too,
//! when the advance moved in the agenda between two pages; nothing that its second question does
//! can end the first one's work, so one record never answers one run twice.

use std::sync::Arc;

use super::event::{Event, Task};
use super::wish::{Next, Wish};
use super::{Advance, Command, DebitStatus, Status};
use crate::cadence::Zone;
use crate::call::{Answered, Context};
use crate::code::Rejection;
use crate::entity::{Due, Entity, Wake};
use crate::id::{Kind, Seq};
use crate::message::{Asker, Body, Effect, Message, Movement, Pass, Source, Stamp};
use crate::plan::{Dates, Day};
use crate::saga::Failure;

impl Entity for Advance {
    type Command = Command;
    type Event = Event;
    type Summary = Arc<Self>;
    const KIND: Kind = Kind::Advance;
    const WAITS: bool = true;

    /// Also true when nobody opened it but a run wrote to it: what was received must be kept.
    fn exists(&self) -> bool {
        *self != Self::default()
    }

    fn decide(&self, command: &Command, _: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        self.open(command)
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        let source = message.source;
        let mut turn = Turn::new(self, context);
        match &message.body {
            Body::Activate { by } => turn.activate(source, by),
            Body::NotCredited { by, failure } => turn.not_credited(source, by, failure),
            Body::Collect { by, .. } if self.profile.is_none() => turn.mistaken(source, by, 0),
            Body::ReportSaid { by, lines, .. } if self.profile.is_none() => {
                turn.mistaken(source, by, lines.len());
            }
            Body::Collect { by, day, pass: Pass::Stage, .. } => {
                turn.asked(source, by, Task::Stage, |turn| turn.stage(*day));
            }
            Body::Collect { by, day, pass: Pass::Submit, judge_silence } => {
                turn.asked(source, by, Task::Submit, |turn| {
                    if *judge_silence {
                        turn.judge_silence(*day);
                    }
                });
            }
            Body::ReportSaid { by, lines, .. } => {
                turn.asked(source, by, Task::Report, |turn| turn.read(&message.to.id, lines));
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
            | Body::Compensate(_)
            | Body::Reply { .. }
            | Body::Continue
            | Body::Post { .. }
            | Body::Unhold { .. }
            | Body::SettledPayment { .. }
            | Body::Reimbursed { .. }
            | Body::NotReimbursed { .. }
            | Body::StartRun { .. }
            | Body::Collected { .. }
            | Body::Drew { .. }
            | Body::RewardNews(_)
            | Body::RewardCredit { .. }
            | Body::Ungrant { .. }
            | Body::ClawBack(_)
            | Body::TakenBack { .. } => unreachable!("{message:?} is not for an advance"),
        }
        turn.go_on();
        turn.events
    }

    fn answered(&self, answered: &Answered, context: &Context<'_>) -> Vec<Event> {
        let Some(wish) = self.calling() else { return Vec::new() };
        if answered.attempt != self.calls || answered.step != wish.want.step() {
            return Vec::new();
        }
        let mut turn = Turn::new(self, context);
        turn.replied(wish, &answered.reply);
        turn.go_on();
        turn.events
    }

    fn woken(&self, why: Wake, context: &Context<'_>) -> Vec<Event> {
        let mut turn = Turn::new(self, context);
        if let (Some(wish), Wake::Resumed) = (self.calling(), why) {
            let reason = "the server was restarted during the call";
            turn.later(wish, reason, wish.sent(), Next::Find, context.now);
        }
        turn.go_on();
        turn.events
    }

    fn due(&self) -> Due {
        if self.calling().is_some() {
            return Due::Answer;
        }
        let next = self.wishes.iter().filter_map(Wish::retry_at).min();
        next.map_or(Due::Nothing, Due::At)
    }

    fn listed(&self) -> Option<i64> {
        self.listed_day()
    }

    fn apply(&mut self, event: &Event, _: Seq) {
        self.take(event);
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(event: &Event) -> Option<Movement> {
        event.booked()
    }

    fn summary(&self) -> Option<Arc<Self>> {
        self.profile.is_some().then(|| Arc::new(self.clone()))
    }
}

/// One decision being made: events, and the state as they leave it.
pub(super) struct Turn<'a> {
    pub(super) advance: Advance,
    pub(super) events: Vec<Event>,
    pub(super) context: &'a Context<'a>,
}

impl<'a> Turn<'a> {
    fn new(advance: &Advance, context: &'a Context<'a>) -> Self {
        Self { advance: advance.clone(), events: Vec::new(), context }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.advance.take(&event);
        self.events.push(event);
    }

    /// The local date.
    pub(super) fn today(&self) -> Day {
        let zone = Zone::named(&self.context.policy.collecting.time_zone);
        let zone = zone.expect("checked when the configuration was read");
        Day::from_timestamp_in(&zone, self.context.now)
            .expect("the clock shows a year of four digits")
    }

    fn activate(&mut self, source: Source, by: &Asker) {
        let profile = self.advance.profile.as_ref().expect("only what was opened is credited");
        let (plan, amount, currency) = (profile.plan, profile.amount, profile.currency);
        let dates = plan.dates(self.today());
        let dates = dates.unwrap_or(Dates { first: Day::MAX, every: plan.every() });
        let by = by.clone();
        self.push(Event::Activated { source, by, dates, amount, currency });
    }

    fn not_credited(&mut self, source: Source, by: &Asker, failure: &Failure) {
        let profile = self.advance.profile.as_ref().expect("only what was opened is credited");
        let (amount, currency) = (profile.amount, profile.currency);
        let (by, failure) = (by.clone(), failure.clone());
        self.push(Event::NotCredited { source, by, failure, amount, currency });
    }

    fn mistaken(&mut self, source: Source, by: &Asker, lines: usize) {
        let lines = u32::try_from(lines).expect("a message has few lines");
        self.push(Event::Mistaken { source, by: by.clone(), lines });
    }

    /// Does what a run asked for. While another run waits for its answer, this one gets it at once.
    fn asked(&mut self, source: Source, by: &Asker, task: Task, act: impl FnOnce(&mut Self)) {
        let is_beside = self.advance.work.is_some();
        self.push(Event::Asked { source, by: by.clone(), task });
        act(self);
        if is_beside {
            self.push(Event::AnsweredBeside { by: by.clone() });
        } else if task != Task::Submit {
            self.answer();
        }
    }

    /// Answers the run that waits.
    pub(super) fn answer(&mut self) {
        let work = self.advance.work.as_ref().expect("only a run that asked is answered");
        let mut tally = work.tally;
        tally.advances = 1;
        self.push(Event::Answered { by: work.by.clone(), tally });
    }

    /// What became due by a day.
    fn stage(&mut self, day: Day) {
        let Some(terms) = self.advance.terms else { return };
        let scheduled =
            self.advance.numbered().filter(|(_, debit)| debit.status == DebitStatus::Scheduled);
        let due = scheduled.map(|(number, _)| number).take_while(|n| terms.due(*n) <= day);
        let debits: Vec<u32> = due.collect();
        if !debits.is_empty() {
            self.push(Event::Staged { debits });
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.advance.status == Status::Defaulted
    }
}
