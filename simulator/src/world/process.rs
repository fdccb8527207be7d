//! Starting and ending the process, and what its disk does.
//!
//! The disk works when its time has come, not when it was asked: until then a crash takes what was
//! asked, or cuts it in the middle. A disk that fails ends the process, as in the server: nothing
//! more is answered, and after a while it is started again.
//!
//! Invariant: a process that has ended is never heard of again.

use bursar_snapshots::store::StoreError;

use super::heap::{Edge, Event, OfProcess};
use super::machine::Kind;
use super::{TICK_US, World};
use crate::clerk::Power;
use crate::disk::Failure;
use crate::node::{self, Node};

/// How long after its end a process is started again, at most, in microseconds.
const DOWN_US: u64 = 300_000;

impl World<'_> {
    /// Starts the process, if the disk lets it.
    pub(super) fn start(&mut self) {
        if self.node.is_some() {
            return;
        }
        self.process += 1;
        match self.opened() {
            Ok(node) => {
                self.trace.step(self.now_us, "start", &[u64::from(self.process), node.records]);
                self.node = Some(node);
                self.nothing_seen_is_lost();
                self.began_us = self.now_us;
                let first = self.chance.below(TICK_US);
                self.later(first, OfProcess::Tick);
                self.call_listener();
                self.after_turn();
            }
            Err(error) => {
                self.trace.tell(self.now_us, "cannot start", || error.to_string());
                self.not_started(&error);
            }
        }
    }

    fn opened(&mut self) -> Result<Node, StoreError> {
        let (journal, archive) = self.disk.open(&self.options)?;
        let clock = std::sync::Arc::new(self.clock.clone());
        let metrics = self.metrics.clone();
        let world = node::World { journal, archive, clock, metrics };
        Node::start(&self.scenario.settings, world, &mut self.chance)
    }

    fn not_started(&mut self, error: &StoreError) {
        let is_faulty = self.is_full || self.disk.has_failed();
        match error {
            StoreError::Io { .. } | StoreError::Database { .. } if is_faulty => {
                self.disk.crash(&mut self.chance);
                self.down(DOWN_US);
            }
            StoreError::InUse { .. }
            | StoreError::Fenced { .. }
            | StoreError::Damaged { .. }
            | StoreError::Incompatible { .. }
            | StoreError::Io { .. }
            | StoreError::Database { .. } => {
                self.faults.push(format!("the process does not start: {error}"));
            }
        }
    }

    /// It is started again after a while.
    fn down(&mut self, most_us: u64) {
        let after = 1 + self.chance.below(most_us.max(1));
        self.heap.put(self.now_us + after, Event::Start);
    }

    /// The process ends, and the machine with it.
    pub(super) fn crash(&mut self, down_us: u64) {
        if let Some(mut node) = self.node.take() {
            self.counts.ends += 1;
            self.cut_short(&mut node);
            drop(node);
        }
        self.errands.clear();
        self.clerk.crash(Power::Lost);
        self.clients.lost(&mut self.heap, self.now_us, &mut self.chance);
        self.disk.crash(&mut self.chance);
        if self.is_full {
            self.disk.fail_at(self.disk.operations(), Failure::Full);
        }
        self.trace.step(self.now_us, "crash", &[self.disk.operations()]);
        self.down(down_us);
    }

    /// What the disk was doing is done in part, and nobody hears of it.
    fn cut_short(&mut self, node: &mut Node) {
        let (commits, stores) = node.under_way();
        let cuts = self.disk.operations() + self.chance.below(8);
        self.disk.fail_at(cuts, Failure::End);
        // Whether they came to their ends makes no difference: nobody is told.
        if commits && self.chance.strikes(700_000) {
            drop(node.commit());
        }
        if stores && self.chance.strikes(700_000) {
            drop(node.store());
        }
    }

    /// What follows from a turn: the committer, the storage, timers, calls, errands, answers.
    pub(super) fn after_turn(&mut self) {
        let Some(node) = &mut self.node else { return };
        if node.begin_commit() {
            let (base, slow) = (self.scenario.commit_us, self.slow_us);
            let after = base / 2 + self.chance.below(base) + slow;
            self.later(after, OfProcess::Committed);
        }
        let Some(node) = &mut self.node else { return };
        if node.begin_store() {
            let (base, slow) = (self.scenario.commit_us, self.slow_us);
            let after = 1 + self.chance.below(base * 2) + slow;
            self.later(after, OfProcess::Stored);
        }
        let Some(node) = &mut self.node else { return };
        for (shard, ring) in node.take_rings() {
            let after = u64::try_from(ring.wait.as_micros()).expect("a wait is short");
            self.later(after, OfProcess::Ring(shard, ring));
        }
        self.send_out();
        self.run_saved();
        self.hear();
    }

    pub(super) fn committed(&mut self) {
        let result = self.process_mut().commit();
        match result {
            Ok(records) => {
                self.counts.records += records as u64;
                self.trace.step(self.now_us, "commit", &[records as u64]);
                self.call_listener();
            }
            Err(error) => self.failed(&error),
        }
    }

    pub(super) fn stored(&mut self) {
        let result = self.process_mut().store();
        match result {
            Ok(()) => self.trace.step(self.now_us, "store", &[]),
            Err(error) => self.failed(&error),
        }
    }

    /// The disk has failed: the process ends (invariant 8).
    fn failed(&mut self, error: &StoreError) {
        self.trace.tell(self.now_us, "fatal", || error.to_string());
        if !self.disk.has_failed() {
            self.faults.push(format!("the store fails on a disk that does not: {error}"));
        }
        self.crash(DOWN_US);
    }

    /// A fault of the machine begins or ends.
    pub(super) fn fault(&mut self, place: usize, edge: Edge) {
        let fault = self.scenario.machine[place];
        self.trace.step(self.now_us, "fault", &[u64::from(fault.number), edge as u64]);
        let begins = edge == Edge::Begin;
        if begins && self.clients.is_at_rest {
            // Faults have stopped; this one would have begun later.
            return;
        }
        let ends_after = match fault.kind {
            Kind::Crash { down_us } => {
                self.crash(down_us);
                None
            }
            Kind::CrashAtDisk { operations } => {
                self.disk.fail_at(self.disk.operations() + operations, Failure::End);
                None
            }
            Kind::SyncFails { operations } => {
                self.disk.fail_at(self.disk.operations() + operations, Failure::Sync);
                None
            }
            Kind::Full { for_us } => {
                self.is_full = begins;
                if begins {
                    self.disk.fail_at(self.disk.operations(), Failure::Full);
                } else {
                    self.disk.repair();
                }
                Some(for_us)
            }
            Kind::Flip { count } => {
                self.flip(count);
                None
            }
            Kind::Slow { for_us, by_us } => {
                self.slow_us = if begins { by_us } else { 0 };
                Some(for_us)
            }
            Kind::Clock { for_us, by_ms } => {
                self.clock.set_wrong(if begins { by_ms } else { 0 });
                Some(for_us)
            }
        };
        if let (true, Some(after)) = (begins, ends_after) {
            self.heap.put(self.now_us + after, Event::Fault(place, Edge::End));
        }
    }

    /// Bits flip in what is at rest. The next start finds it, and the operator puts a copy back, or
    /// it does no harm.
    fn flip(&mut self, count: u32) {
        self.crash(DOWN_US);
        let copy = self.disk.copy();
        for _ in 0..count {
            let flipped = self.disk.flip(&mut self.chance);
            self.trace.tell(self.now_us, "flip", || flipped);
        }
        match self.disk.open(&self.options) {
            // Then it does no harm; what follows shows that.
            Ok(halves) => drop(halves),
            Err(StoreError::Damaged { .. } | StoreError::Incompatible { .. }) => {
                self.counts.damage_found += 1;
                self.disk = copy;
            }
            // The disk is full besides: nobody can look.
            Err(_) if self.disk.has_failed() => self.disk = copy,
            Err(error) => {
                self.faults.push(format!("flipped bits are not called damage: {error}"));
            }
        }
    }

    /// Nothing of the machine goes wrong any more.
    pub(super) fn mend(&mut self) {
        self.is_full = false;
        self.slow_us = 0;
        self.clock.set_wrong(0);
        self.disk.repair();
    }
}
