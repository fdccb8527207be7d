//! Waking who is due: the shard's side of its [`Timers`](crate::shard::timers::Timers).
//!
//! A look moves the horizon when that is needed, wakes who is due, in the order of the instants,
//! and sees to it that there is a look when the next is due. The shard looks when the clock should
//! have come so far, with every tick, because clocks of machines are set, and when it is told that
//! the clock was moved.
//!
//! Who is woken may have to be read first, so those of one instant are woken together, and those of
//! the next when all of these have decided what follows.
//!
//! Invariants: so many are woken at a time that others have their turn in between, and nobody while
//! far too many are in memory; a clock that stands still is looked at ever more seldom.

use std::time::Duration;

use bursar_domain::id::Seq;
use bursar_domain::planted::{self, Bug};

use super::{Crew, Dispatch, TICK};
use crate::shard::messages::Ring;
use crate::shard::timers::Timer;
use crate::shard::work::ShardWork;
use crate::shard::worker::ToEntity;

/// How many are woken before others have their turn.
const WOKEN_AT_A_TIME: usize = 1_000;

/// How a shard looks at its timers.
#[derive(Debug)]
pub(super) struct Alarm {
    /// For which instant the next look is set.
    armed_for: Option<i64>,
    /// For which instant it woke whom it woke last.
    woken_for: i64,
    /// How long it waits at least, in milliseconds.
    pause_ms: u64,
    /// The checkpoint after which the timers are read, by number; counted with each that begins.
    pub(super) read_after: u64,
    pub(super) checkpoints: u64,
    /// The look that is to be set.
    pub(super) ring: Option<Ring>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            armed_for: None,
            woken_for: i64::MIN,
            pause_ms: 1,
            read_after: 0,
            checkpoints: 0,
            ring: None,
        }
    }
}

impl<C: Crew + 'static> Dispatch<C> {
    /// Begins to read timers. What began to wait before the process started is on disk, or in the
    /// tail, whose entities that wait are read at once; so nothing is saved before.
    pub(super) fn start_timers(&mut self) {
        let now_ms = self.now_ms();
        self.timers.borrow_mut().extend(now_ms);
        self.read_timers();
    }

    /// Looks at the clock and does what is due.
    pub(super) fn look(&mut self) {
        let now_ms = self.now_ms();
        let mut timers = self.timers.borrow_mut();
        let moves = timers.is_near(now_ms);
        if moves {
            timers.extend(now_ms);
        }
        drop(timers);
        if moves {
            self.save_for_timers();
        }
        self.wake_due(now_ms);
    }

    /// Saves everything that may have begun to wait under the old end of the horizon.
    fn save_for_timers(&mut self) {
        let is_running = self.shared.checkpoint.borrow().is_some();
        let is_dirty = !self.shared.core.borrow().dirty.is_empty();
        if is_running || is_dirty {
            // What runs began too early; the one after it is the one.
            self.alarm.read_after = self.alarm.checkpoints + 1;
            if !is_running {
                self.begin(Vec::new());
            }
        } else {
            self.read_timers();
        }
    }

    /// A checkpoint is done.
    pub(super) fn saved_for_timers(&mut self) {
        if !self.timers.borrow().is_saving() {
            return;
        }
        if self.alarm.checkpoints >= self.alarm.read_after {
            self.read_timers();
        } else {
            self.save_for_timers();
        }
    }

    fn read_timers(&mut self) {
        let until = self.timers.borrow_mut().read();
        self.shared.core.borrow().ports.read_timers(None, until);
    }

    /// A page of timers has been read.
    pub(super) fn timers_read(&mut self, page: Vec<Timer>) {
        let more = self.timers.borrow_mut().add(page);
        if let Some((after, until)) = more {
            self.shared.core.borrow().ports.read_timers(Some(after), until);
        }
        self.look();
    }

    fn wake_due(&mut self, now_ms: i64) {
        for _ in 0..WOKEN_AT_A_TIME {
            if self.residents.is_full() {
                // Those that leave make room; the next tick looks again.
                return;
            }
            let next = self.timers.borrow().next();
            if self.shared.work.is_waking() && next != Some(self.alarm.woken_for) {
                // When they have decided, there is another look.
                return;
            }
            let Some((at, id)) = self.timers.borrow_mut().pop(now_ms) else {
                return self.arm(self.alarm.pause_ms);
            };
            if planted::is(Bug::TimerLostAtPassivation) && self.residents.get(&id).is_none() {
                continue;
            }
            self.alarm.woken_for = at;
            self.forward(id, ToEntity::Wake);
        }
        self.arm(1);
    }

    /// Sees to it that the shard looks when the next is due, but not without a pause.
    pub(super) fn arm(&mut self, pause_ms: u64) {
        let Some(next) = self.timers.borrow().next() else { return };
        if self.alarm.armed_for.is_some_and(|at| at <= next) {
            return;
        }
        self.alarm.armed_for = Some(next);
        let millis = u64::try_from(next.saturating_sub(self.now_ms())).unwrap_or(0);
        let wait = Duration::from_millis(millis.max(pause_ms));
        self.alarm.ring = Some(Ring { wait, armed_for: next, pause_ms });
    }

    /// The time for which a look was set has come.
    pub(super) fn rung(&mut self, ring: Ring) {
        let Ring { armed_for, pause_ms, .. } = ring;
        if self.alarm.armed_for == Some(armed_for) {
            self.alarm.armed_for = None;
        }
        let stands = self.now_ms() < armed_for;
        let tick_ms = u64::try_from(TICK.as_millis()).expect("short");
        self.alarm.pause_ms = if stands { (pause_ms * 2).min(tick_ms) } else { 1 };
        self.look();
    }

    /// What is not done yet and comes by itself.
    pub(super) fn work(&self) -> ShardWork {
        let now_ms = self.now_ms();
        let core = self.shared.core.borrow();
        let work = self.shared.work.of(core.shard);
        ShardWork {
            begun: work.begun + core.begun(),
            decided: core.unasked(),
            unacknowledged: core.outbox.unasked(),
            last: Seq(core.next().0 - 1),
            oldest: core.outbox.oldest(),
            is_due: self.timers.borrow().is_due(now_ms),
            ..work
        }
    }

    fn now_ms(&self) -> i64 {
        self.shared.core.borrow_mut().now().millis()
    }
}
