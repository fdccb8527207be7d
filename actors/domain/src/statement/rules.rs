//! What a statement decides: taking lines in, looking at them, hearing of its rewards.
//!
//! `judge` says what a call comes to and `evaluate` what a batch draws; here they are put together,
//! and written into the state. Forgetting happens with the first call of a day that brings anything
//! new, and leaves what a batch in the queue still needs.
//!
//! Invariants: a call that brings nothing new leaves no record; what was received before changes
//! nothing; batches are looked at in the order in which they were taken.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Event, Taken};
use super::window::note;
use super::{Batch, Command, Owner, Statement, Summary};
use crate::call::Context;
use crate::code::Rejection;
use crate::entity::Entity;
use crate::id::{Kind, Seq};
use crate::message::{Body, Effect, Message, Movement, Stamp};

impl Entity for Statement {
    type Command = Command;
    type Event = Event;
    type Summary = Summary;
    const KIND: Kind = Kind::Statement;

    fn exists(&self) -> bool {
        self.owner.is_some()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
        let Command::Take(take) = command;
        let taken = self.judged(take, context);
        // What is known already is not worth a record.
        Ok(if taken.is_news() { vec![Event::Taken(taken)] } else { Vec::new() })
    }

    fn receive(&self, message: &Message, context: &Context<'_>) -> Vec<Event> {
        if self.marks.has(message.source) {
            return Vec::new();
        }
        vec![match &message.body {
            Body::Continue => Event::Drawn(self.drawn(message.source, context)),
            Body::RewardNews(news) => Event::Heard(self.heard(message.source, news)),
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
            | Body::Ungrant { .. }
            | Body::TakenBack { .. }
            | Body::RewardCredit { .. }
            | Body::ClawBack(_) => unreachable!("{message:?} is not for a statement"),
        }]
    }

    fn apply(&mut self, event: &Event, seq: Seq) {
        if let Some(source) = event.received() {
            self.marks.raise(source);
        }
        match event {
            Event::Taken(event) => self.write_taken(event, seq),
            Event::Drawn(event) => self.write_drawn(event, seq),
            Event::Heard(event) => {
                for (draw, line, news) in &event.news {
                    self.rewards.heard(*draw, *line, news);
                }
            }
        }
        if self.batches.is_empty() {
            // An empty queue need not keep its room: there are many statements.
            self.batches = VecDeque::new();
        }
    }

    fn react(id: &Arc<str>, event: &Event, stamp: Stamp) -> Vec<Effect> {
        event.effects(id, stamp)
    }

    fn movement(_: &Event) -> Option<Movement> {
        None
    }

    fn summary(&self) -> Option<Summary> {
        let owner = self.owner.as_ref()?;
        Some(Summary {
            currency: owner.currency,
            lines: self.window.len(),
            batches: self.batches.len(),
            rewards: self.rewards.len(),
        })
    }
}

impl Statement {
    fn write_taken(&mut self, event: &Taken, seq: Seq) {
        self.owner.get_or_insert_with(|| Owner {
            wallet: event.wallet.clone(),
            currency: event.currency,
        });
        if event.oldest > self.window.oldest {
            // What is in a batch that has yet to be looked at is needed until then.
            let dates = self.batches.iter().flat_map(Batch::dates);
            let needed = dates.min().unwrap_or(event.oldest);
            self.window.forget_before(event.oldest, needed);
            self.rewards.forget_before(event.oldest.min(needed));
        }
        for entry in &event.entries {
            note(&mut self.window, entry);
        }
        for (slot, until) in &event.kept {
            self.window.keep(*slot, *until);
        }
        if !event.entries.is_empty() {
            let (today, entries) = (event.today, event.entries.clone());
            self.batches.push_back(Batch { taken: seq, today, entries });
        }
    }
}
