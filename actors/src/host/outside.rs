//! What an entity waits for outside: a third party's answer, an instant.
//!
//! An answer goes to the entity as an event like any other decision; one that nobody waits for any
//! more (an attempt that was given up with a crash) changes nothing. An entity that waits stays in
//! memory, and a checkpoint writes down that it waits, so that after a crash it is read and woken.

use std::sync::Arc;

use bursar_domain::call::{Answered, Context};
use bursar_domain::entity::{Due, Wake};
use bursar_domain::record::Record;
use bursar_snapshots::store::Waits;

use super::{Host, Hosted};
use crate::shard::core::{Along, ShardCore};

impl<E: Hosted> Host<E> {
    /// A third party's answer has come.
    pub fn answered(&mut self, answered: &Answered, core: &mut ShardCore) {
        if self.machine.is_none() {
            // It was called before a restart of the actor, which asks anew when it is loaded.
            return;
        }
        let (now, policy) = (core.now(), Arc::clone(&core.policy));
        let context = Context { now, policy: &policy };
        let events = self.machine().entity().answered(answered, &context);
        self.happened(events, core);
    }

    /// The instant it waits for has come, or it was just read from disk.
    pub fn wake(&mut self, why: Wake, core: &mut ShardCore) {
        if self.machine.is_none() || !E::WAITS {
            return;
        }
        let (now, policy) = (core.now(), Arc::clone(&core.policy));
        let events = self.machine().entity().woken(why, &Context { now, policy: &policy });
        if events.is_empty() {
            // Too early, by a clock that went back: the timer is set again.
            self.set_timer(core);
        }
        self.happened(events, core);
    }

    fn happened(&mut self, events: Vec<E::Event>, core: &mut ShardCore) {
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

    /// Whether it waits for anything outside.
    pub(super) fn is_waiting(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.entity().due() != Due::Nothing)
    }

    /// What a checkpoint writes down about it.
    pub(super) fn waits(&self) -> Option<Waits> {
        let waits = || match self.machine().entity().due() {
            Due::Nothing => Waits::No,
            Due::Answer => Waits::Until(0),
            Due::At(at) => Waits::Until(at.millis()),
        };
        E::WAITS.then(waits)
    }
}
