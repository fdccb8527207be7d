//! What an entity waits for outside: a third party's answer, an errand, an instant.
//!
//! An answer goes to the entity as an event like any other decision; one that nobody waits for any
//! more (an attempt that was given up with a crash) changes nothing. A checkpoint writes down what
//! an entity waits for. Who waits for an answer stays in memory, and is read and woken after a crash;
//! who waits for an instant need not: the shard keeps the instant, or finds it on disk.

use bursar_domain::call::{Answered, Context};
use bursar_domain::entity::{Due, Wake};
use bursar_domain::errand::Brought;
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::{Awaited, Waits};

use super::{Host, Hosted};
use crate::shard::core::{Along, ShardCore};

/// How much later one is woken that did nothing when its instant had come, in milliseconds.
const AGAIN_MS: i64 = 500;

impl<E: Hosted> Host<E> {
    /// A third party's answer has come.
    pub fn answered(&mut self, answered: &Answered, core: &mut ShardCore) {
        if self.machine.is_none() {
            // It was called before a restart of the actor, which asks anew when it is loaded.
            return;
        }
        let (now, policy) = (core.now(), core.current.policy());
        let context = Context { now, policy: &policy };
        let events = self.machine().entity().answered(answered, &context);
        self.happened(events, core);
    }

    /// An errand has brought something.
    pub fn brought(&mut self, brought: &Brought, core: &mut ShardCore) {
        if self.machine.is_none() {
            // It was asked for before a restart of the actor, which asks anew when it is loaded.
            return;
        }
        let (now, policy) = (core.now(), core.current.policy());
        let context = Context { now, policy: &policy };
        let events = self.machine().entity().brought(brought, &context);
        self.happened(events, core);
    }

    /// The instant it waits for has come, or it was just read from disk.
    pub fn wake(&mut self, why: Wake, core: &mut ShardCore) {
        if !E::WAITS {
            return;
        }
        if self.machine.is_none() {
            self.busy().woken = true;
            return;
        }
        let (now, policy) = (core.now(), core.current.policy());
        let events = self.machine().entity().woken(why, &Context { now, policy: &policy });
        if events.is_empty() {
            // It waits for another instant by now, or the clock went back.
            self.set_timer_again(now, core);
        }
        self.happened(events, core);
    }

    pub(super) fn happened(&mut self, events: Vec<E::Event>, core: &mut ShardCore) {
        if events.is_empty() {
            return;
        }
        let (at, entity) = (core.now(), self.id.clone());
        let record = Record { at, entity, key: None, verdict: E::verdict(events) };
        self.record(record, Along::default(), core);
    }

    /// Has the shard wake this entity at the instant it waits for.
    pub(super) fn set_timer(&mut self, core: &ShardCore) {
        if let Due::At(at) = self.machine().entity().due() {
            core.ports.wake_at(&self.id, at);
        }
    }

    /// The same for one that was just woken and did nothing: should its instant have come all the
    /// same, it is not woken at once, and at once again.
    fn set_timer_again(&self, now: Timestamp, core: &ShardCore) {
        if let Due::At(at) = self.machine().entity().due() {
            let again = Timestamp::from_millis(now.millis().saturating_add(AGAIN_MS));
            core.ports.wake_at(&self.id, if at > now { at } else { again.unwrap_or(at) });
        }
    }

    /// Whether it waits for a third party's answer.
    pub fn awaits_answer(&self) -> bool {
        E::WAITS && self.machine.as_ref().is_some_and(|m| m.entity().due() == Due::Answer)
    }

    /// Whether it has been read from disk: then it has decided what it was woken for.
    pub fn is_read(&self) -> bool {
        self.machine.is_some()
    }

    /// What a checkpoint writes down about it.
    pub(super) fn waits(&self) -> Option<Waits> {
        let waits = || {
            let entity = self.machine().entity();
            let awaits = match entity.due() {
                Due::Nothing => Awaited::Nothing,
                Due::Answer if planted::is(Bug::WaitsNotWritten) => Awaited::Nothing,
                Due::Answer => Awaited::Answer,
                Due::At(at) => Awaited::Instant(at.millis()),
            };
            Waits { awaits, listed: entity.listed() }
        };
        E::WAITS.then(waits)
    }
}
