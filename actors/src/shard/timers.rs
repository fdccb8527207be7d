//! The instants for which a shard's entities wait: the near ones in memory, all of them on disk.
//!
//! An entity that waits for an instant need not be in memory, and neither need its timer: the
//! archive has an index of them by time. Here stand those up to a horizon, as ids. Whatever an
//! entity waits for up to the end of the horizon is put here when it begins to wait; what lies
//! beyond is found again on disk when the horizon moves. It moves in three steps, so that nothing
//! falls between: the new end counts at once; then everything is saved that may have begun to wait
//! under the old one; then the timers up to the new end are read, page by page.
//!
//! Who is woken and no longer waits does nothing, so a timer may stand here that no longer holds.
//!
//! Invariants: every timer up to `known_to` is here; the earliest is woken first, and none while an
//! earlier one may still be on disk.

use std::collections::BTreeSet;

use bursar_domain::id::EntityId;

/// How far the horizon reaches ahead of the clock, in milliseconds: an hour. Longer would hold more
/// timers in memory, shorter would save and read more often; a deal's or a saga's next attempt is
/// seconds or minutes away, a debit is days away.
pub const HORIZON_MS: i64 = 3_600_000;

/// The horizon moves when its end is nearer than this, in milliseconds: time enough to save and
/// read while nothing that is due is missed.
const NEAR_MS: i64 = HORIZON_MS / 2;

/// How many timers are read at a time.
pub const PAGE: usize = 1_000;

/// One timer: the instant in milliseconds since the epoch, and who waits for it.
pub type Timer = (i64, EntityId);

/// Where a move of the horizon stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing was read yet.
    Unread,
    /// All up to the end are here.
    Settled,
    /// What may wait beyond the old end is being saved.
    Saving,
    /// Timers are being read.
    Reading,
}

/// The timers of one shard.
#[derive(Debug)]
pub struct Timers {
    set: BTreeSet<Timer>,
    end: i64,
    known_to: i64,
    stage: Stage,
}

impl Default for Timers {
    fn default() -> Self {
        let set = BTreeSet::new();
        Self { set, end: i64::MIN, known_to: i64::MIN, stage: Stage::Unread }
    }
}

impl Timers {
    /// An entity begins to wait. True when it is the next to be woken.
    pub fn set(&mut self, at: i64, entity: EntityId) -> bool {
        if at > self.end {
            return false;
        }
        let timer = (at, entity);
        let is_first = at <= self.known_to && self.set.first().is_none_or(|first| timer < *first);
        self.set.insert(timer);
        is_first
    }

    /// Whether the horizon should move.
    pub fn is_near(&self, now: i64) -> bool {
        self.stage == Stage::Settled && self.end.saturating_sub(now) < NEAR_MS
    }

    /// Moves the end of the horizon. What may wait beyond the old one is to be saved.
    pub fn extend(&mut self, now: i64) {
        self.end = self.end.max(now.saturating_add(HORIZON_MS));
        self.stage = Stage::Saving;
    }

    /// Whether it is to be told when everything is saved.
    pub fn is_saving(&self) -> bool {
        self.stage == Stage::Saving
    }

    /// Whether nothing was read yet.
    pub fn is_unread(&self) -> bool {
        self.stage == Stage::Unread
    }

    /// Everything is saved: timers are to be read up to the end, which it gives.
    pub fn read(&mut self) -> i64 {
        self.stage = Stage::Reading;
        self.end
    }

    /// A page has been read. Gives after which timer to go on, and up to where, if there are more.
    pub fn add(&mut self, page: Vec<Timer>) -> Option<(Timer, i64)> {
        let last = page.last().filter(|_| page.len() >= PAGE).cloned();
        self.set.extend(page);
        let Some(last) = last else {
            self.known_to = self.end;
            self.stage = Stage::Settled;
            return None;
        };
        // Of the last instant there may be more.
        self.known_to = self.known_to.max(last.0.saturating_sub(1));
        Some((last, self.end))
    }

    /// The next instant at which someone is to be woken, as far as is known.
    pub fn next(&self) -> Option<i64> {
        self.set.first().map(|first| first.0).filter(|at| *at <= self.known_to)
    }

    /// Takes the first whose instant has come.
    pub fn pop(&mut self, now: i64) -> Option<Timer> {
        let is_due = self.next().is_some_and(|at| at <= now);
        is_due.then(|| self.set.pop_first().expect("just looked"))
    }

    /// Whether someone waits, or may wait, for an instant that has come.
    pub fn is_due(&self, now: i64) -> bool {
        self.known_to < now || self.next().is_some_and(|at| at <= now)
    }

    /// Up to where every timer is in memory.
    pub fn known_to(&self) -> i64 {
        self.known_to
    }

    /// How many are in memory.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether none is in memory.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saga(n: usize) -> EntityId {
        EntityId::saga(format!("s{n}").as_str())
    }

    fn popped(timers: &mut Timers, now: i64) -> Vec<EntityId> {
        std::iter::from_fn(|| timers.pop(now)).map(|timer| timer.1).collect()
    }

    #[test]
    fn nobody_is_woken_while_an_earlier_one_may_be_on_disk() {
        let mut timers = Timers::default();
        assert!(!timers.set(5, saga(0)), "beyond the end: the disk has it");
        assert!(timers.is_unread() && timers.is_due(0));
        timers.extend(0);
        assert!(timers.is_saving() && !timers.set(5, saga(0)));
        assert_eq!(timers.read(), HORIZON_MS);
        assert_eq!(popped(&mut timers, 10), []);
        let page: Vec<Timer> = (0..PAGE).map(|n| (3, saga(n + 1))).collect();
        let (after, until) = timers.add(page).expect("there may be more");
        assert_eq!((after, until), ((3, saga(PAGE)), HORIZON_MS));
        assert_eq!(popped(&mut timers, 10), [], "of the same instant there may be more");
        assert_eq!(timers.add(vec![(4, saga(0))]), None);
        let woken = popped(&mut timers, 4);
        assert_eq!(woken.len(), PAGE + 1);
        assert_eq!(woken.last(), Some(&saga(0)));
        assert_eq!((timers.next(), timers.is_due(4), timers.is_due(5)), (Some(5), false, true));
        assert_eq!(popped(&mut timers, 5), [saga(0)]);
        assert!(timers.is_empty());
    }

    #[test]
    fn the_horizon_moves_when_its_end_is_near_or_past() {
        let mut timers = Timers::default();
        timers.extend(0);
        timers.read();
        assert_eq!(timers.add(Vec::new()), None);
        assert!(!timers.is_near(HORIZON_MS - NEAR_MS) && timers.is_near(HORIZON_MS - NEAR_MS + 1));
        assert!(timers.set(HORIZON_MS, saga(1)) && !timers.set(HORIZON_MS + 1, saga(2)));
        let jumped = 30 * HORIZON_MS;
        assert!(timers.is_near(jumped));
        timers.extend(jumped);
        assert!(!timers.is_near(jumped), "it moves");
        assert_eq!(popped(&mut timers, jumped), [saga(1)], "all before were known");
        assert!(!timers.set(HORIZON_MS + 2, saga(3)) && timers.is_due(jumped));
        assert_eq!(popped(&mut timers, jumped), []);
        assert_eq!(timers.read(), jumped + HORIZON_MS);
        timers.add(vec![(HORIZON_MS + 1, saga(2))]);
        assert_eq!(popped(&mut timers, jumped), [saga(2), saga(3)]);
        assert_eq!((timers.len(), timers.known_to()), (0, jumped + HORIZON_MS));
    }
}
