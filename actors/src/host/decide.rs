//! The ladder of a decision: is all known, was it decided before, what do the rules say, record.
//!
//! After `core.stage` nothing may fail: the record will be written. The entity's state and its
//! record change in the same turn, so the next job sees the new state while the disk is still
//! busy with the record.

use std::sync::Arc;

use bursar_domain::call::Context;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::id::Seq;
use bursar_domain::key::{Key, Known};
use bursar_domain::message::Message;
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::{Record, Refusal, Verdict};

use super::lookup::{Placed, Waiting};
use super::{Host, Hosted};
use crate::job::{Answer, Ask, ReplyTo, Room};
use crate::shard::core::{Along, ShardCore};
use crate::shard::work::Cause;
use crate::view::View;

impl<E: Hosted> Host<E> {
    /// Decides a job, or gives it back because something is still missing.
    pub(super) fn decide(&mut self, mut waiting: Waiting, core: &mut ShardCore) -> Option<Waiting> {
        self.refresh_payment(&mut waiting);
        if !self.fetch(&mut waiting, core) {
            return Some(waiting);
        }
        let found = waiting.earlier();
        let reply = waiting.job.reply;
        let Ask::Decide { command, key, request_id, room } = waiting.job.ask else {
            unreachable!("only decisions are decided")
        };
        if let Some(key) = &key
            && let Some(earlier) = self.earlier(key, found, core)
        {
            self.replay(key, &earlier, reply, core);
            return None;
        }
        let command = E::command(&command).expect("the edge sends a command to its own kind");
        if room == Room::Full || self.machine().entity().would_overload(command) {
            core.reply_after(self.machine().last(), reply, Answer::Overloaded);
            return None;
        }
        let (now, policy) = (core.now(), core.current.policy());
        let context = Context { now, policy: &policy };
        let last = self.machine().last();
        let entity = self.machine().entity();
        match entity.decide(command, &context) {
            Err(rejection)
                if key.is_none() || !entity.exists() || planted::is(Bug::RefusalNotKept) =>
            {
                core.reply_after(last, reply, Answer::Rejected(rejection));
            }
            Err(rejection) => {
                let verdict = Verdict::Refused(Refusal { rejection, request_id });
                let record = Record { at: now, entity: self.id.clone(), key, verdict };
                let reply = Some((reply, false));
                let along = Along { reply, received: None, cause: Cause::Asked };
                self.record(record, along, core);
            }
            Ok(events) => match entity.answer(command, &events, &context) {
                Some(answer) => self.answered_beside(events, (reply, answer), core),
                None if events.is_empty() && key.is_none() => {
                    core.reply_after(last, reply, Answer::Summary(self.seen()));
                }
                None => {
                    let verdict = E::verdict(events);
                    let record = Record { at: now, entity: self.id.clone(), key, verdict };
                    self.record_accepted(record, reply, core);
                }
            },
        }
        None
    }

    /// Records what happened, if anything did, and answers with what no record says.
    fn answered_beside(
        &mut self,
        events: Vec<E::Event>,
        (reply, answer): (ReplyTo, Answer),
        core: &mut ShardCore,
    ) {
        self.happened(events, core);
        core.reply_after(self.machine().last(), reply, answer);
    }

    fn record_accepted(&mut self, record: Record, reply: ReplyTo, core: &mut ShardCore) {
        let seq = core.next();
        self.machine_mut().apply(&record, seq);
        let entity = self.machine().entity();
        let reply = if entity.is_pending_refund(&record, seq) {
            // Answered when the money has come back.
            self.busy().refunds.push((seq, reply, false));
            None
        } else {
            Some((reply, false))
        };
        let along = Along { reply, received: None, cause: Cause::Asked };
        self.stage_applied(record, along, core);
    }

    /// The earlier decision under a key: from memory, else from what the disk found.
    fn earlier(&self, key: &Key, found: Option<Placed>, core: &ShardCore) -> Option<Placed> {
        let in_memory = match self.machine().find(key) {
            Known::Value(seq) => {
                core.tail.record(Seq(seq)).map(|record| (Seq(seq), Arc::new(record)))
            }
            Known::Never | Known::AskDisk => None,
        };
        let is_same =
            |placed: &Placed| placed.1.key.as_ref().is_some_and(|earlier| earlier.text == key.text);
        in_memory.filter(is_same).or(found.filter(is_same))
    }

    /// Gives an earlier decision again.
    fn replay(&mut self, key: &Key, earlier: &Placed, reply: ReplyTo, core: &mut ShardCore) {
        let (seq, record) = earlier;
        let same_content =
            record.key.as_ref().is_some_and(|key_then| key_then.content == key.content);
        if !same_content {
            let detail = "this Idempotency-Key was used for a request with other content; \
                          use a new key for a new request";
            let rejection = Rejection::new(Code::IdempotencyKeyReused, detail);
            core.reply_after(*seq, reply, Answer::Rejected(rejection));
        } else if self.machine().entity().is_pending_refund(record, *seq) {
            self.busy().refunds.push((*seq, reply, true));
        } else {
            let record = Arc::clone(record);
            core.reply_after(*seq, reply, Answer::Decided { seq: *seq, record, replayed: true });
        }
    }

    /// A message of another entity has come: it is received once, however often it comes.
    pub(super) fn receive(&mut self, message: &Message, core: &mut ShardCore) {
        let (now, policy) = (core.now(), core.current.policy());
        let events = self.machine().entity().receive(message, &Context { now, policy: &policy });
        if events.is_empty() {
            core.acknowledge_after(self.machine().last(), message.source);
            return;
        }
        let refund = self.machine().entity().refund_of(message);
        let (refund, key) = refund.map_or((None, None), |(seq, key)| (Some(seq), key));
        let verdict = E::verdict(events);
        let record = Record { at: now, entity: self.id.clone(), key, verdict };
        let mut replies = self.take_refund_replies(refund).into_iter();
        let (reply, received) = (replies.next(), Some(message.source));
        let along = Along { reply, received, cause: Cause::Itself };
        let seq = core.next();
        let record_again = (replies.len() > 0).then(|| Arc::new(record.clone()));
        self.record(record, along, core);
        for (reply, replayed) in replies {
            let record = Arc::clone(record_again.as_ref().expect("made because there are more"));
            core.reply_after(seq, reply, Answer::Decided { seq, record, replayed });
        }
        self.rest();
    }

    fn take_refund_replies(&mut self, refund: Option<Seq>) -> Vec<(ReplyTo, bool)> {
        let (Some(refund), Some(busy)) = (refund, self.busy.as_mut()) else { return Vec::new() };
        let (ended, others): (Vec<_>, Vec<_>) =
            busy.refunds.drain(..).partition(|(seq, ..)| *seq == refund);
        busy.refunds = others;
        ended.into_iter().map(|(_, reply, replayed)| (reply, replayed)).collect()
    }

    pub(super) fn record(&mut self, record: Record, along: Along, core: &mut ShardCore) {
        let seq = core.next();
        self.machine_mut().apply(&record, seq);
        self.stage_applied(record, along, core);
    }

    /// Stages a record that the entity has applied.
    fn stage_applied(&mut self, record: Record, along: Along, core: &mut ShardCore) {
        self.slot.active.set(record.at.millis());
        self.unsaved.push(self.machine().last());
        if !self.slot.dirty.replace(true) {
            core.dirty.push(self.id.clone());
        }
        let seen = self.seen();
        let id = &self.id;
        let view = self.view.get_or_insert_with(|| View::new(id.clone()));
        let publish = seen.map(|seen| (Arc::clone(view), seen));
        core.stage(record, publish, along);
        self.set_timer(core);
    }

    fn machine_mut(&mut self) -> &mut bursar_domain::machine::Machine<E> {
        self.machine.as_mut().expect("recorded after the entity was loaded")
    }
}
