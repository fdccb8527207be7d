//! What is not done yet, and comes by itself: counted, so that someone can wait for it to be done.
//!
//! Entities work because a client asks, or because something else leads to it: an instant, a third
//! party's answer, and the messages that follow. Only the latter is counted here; clients may ask at
//! any time. Whoever moves the clock waits until nothing is left of it ([`Quiet`]) before it moves on,
//! and until what clients were answered before has arrived where it leads to.
//!
//! Each shard is asked at its own moment, and what is done in one may have begun in another. So one
//! look is not enough: two in a row must find nothing to do, and nothing begun between them. Then
//! there was nothing to do at any moment between the first and the second: it would have been there
//! in the first look, or have begun after it.
//!
//! Invariant: what leads to other work is done only after that has begun.

use std::cell::Cell;

use bursar_domain::id::{Seq, ShardId};

use crate::shard::worker::ToEntity;

/// What led to a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    /// A client asked for it.
    Asked,
    /// An instant has come, an answer or a message.
    #[default]
    Itself,
}

/// What the entities of a shard have to do that does not come from other entities: messages count
/// where they come from, until they are acknowledged.
#[derive(Debug, Default)]
pub struct Work {
    waking: Cell<usize>,
    awaiting: Cell<usize>,
    begun: Cell<u64>,
}

impl Work {
    fn begins(&self) {
        self.begun.set(self.begun.get() + 1);
    }

    /// A message is on its way to an entity.
    pub fn sent(&self, message: &ToEntity) {
        match message {
            ToEntity::Wake => {
                self.waking.set(self.waking.get() + 1);
                self.begins();
            }
            // Who is answered waits for it until then.
            ToEntity::Answered(_)
            | ToEntity::Brought(_)
            | ToEntity::Job(_)
            | ToEntity::Messages(_)
            | ToEntity::Found(_)
            | ToEntity::Neighbour(..)
            | ToEntity::Save
            | ToEntity::Saved
            | ToEntity::Retire => {}
        }
    }

    /// An entity has decided what follows from being woken, perhaps more than once. True when all
    /// who were woken have.
    pub fn woken(&self, wakes: usize) -> bool {
        self.waking.set(self.waking.get() - wakes);
        wakes > 0 && self.waking.get() == 0
    }

    /// Whether someone was woken who has not decided yet.
    pub fn is_waking(&self) -> bool {
        self.waking.get() > 0
    }

    /// An entity begins, or ends, to wait for a third party's answer.
    pub fn awaits(&self, begins: bool) {
        let awaiting = self.awaiting.get();
        self.awaiting.set(if begins { awaiting + 1 } else { awaiting - 1 });
        if begins {
            self.begins();
        }
    }

    /// What there is, without what the shard knows besides.
    pub fn of(&self, shard: ShardId) -> ShardWork {
        ShardWork {
            shard,
            begun: self.begun.get(),
            waking: self.waking.get(),
            awaiting: self.awaiting.get(),
            decided: 0,
            unacknowledged: 0,
            last: Seq(0),
            oldest: None,
            is_due: false,
        }
    }
}

/// What a shard has to do that comes by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShardWork {
    /// Which.
    pub shard: ShardId,
    /// How much of it has begun since the start.
    pub begun: u64,
    /// Entities that were woken and have not decided yet; some are still being read.
    pub waking: usize,
    /// Entities that wait for a third party's answer.
    pub awaiting: usize,
    /// Decisions that are not durable.
    pub decided: usize,
    /// Messages that other entities may not have received, without those that clients' requests
    /// have sent.
    pub unacknowledged: usize,
    /// The last decision, whatever led to it.
    pub last: Seq,
    /// The oldest decision with a message that may not have been received, whatever led to it.
    pub oldest: Option<Seq>,
    /// Whether an instant has come for which someone may wait.
    pub is_due: bool,
}

impl ShardWork {
    /// Whether there is nothing.
    pub fn is_done(&self) -> bool {
        let count = self.waking + self.awaiting + self.decided + self.unacknowledged;
        count == 0 && !self.is_due
    }
}

/// Looks, one after the other, until two in a row show that all is done.
#[derive(Debug, Default)]
pub struct Quiet {
    /// Where the shards were in the first look: messages up to there are waited for.
    first: Option<Vec<Seq>>,
    before: Option<Vec<u64>>,
}

impl Quiet {
    /// Whether the last look found nothing to do.
    pub fn was_done(&self) -> bool {
        self.before.is_some()
    }

    /// A look at all shards. True when all was done between the last look and this one.
    pub fn look(&mut self, shards: &[ShardWork]) -> bool {
        let here = || shards.iter().map(|work| work.last).collect();
        let first: &Vec<Seq> = self.first.get_or_insert_with(here);
        let has_arrived =
            |(work, first): (&ShardWork, &Seq)| work.oldest.is_none_or(|s| s > *first);
        let is_done =
            shards.iter().all(ShardWork::is_done) && shards.iter().zip(first).all(has_arrived);
        let begun: Vec<u64> = shards.iter().map(|work| work.begun).collect();
        let before = self.before.take();
        let is_quiet = is_done && before.is_some_and(|before| before == begun);
        self.before = is_done.then_some(begun);
        is_quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_until_it_is_done() {
        let work = Work::default();
        for message in [ToEntity::Wake, ToEntity::Save, ToEntity::Wake] {
            work.sent(&message);
        }
        work.awaits(true);
        let found = work.of(ShardId(3));
        assert_eq!((found.waking, found.awaiting, found.begun), (2, 1, 3));
        assert!(!found.is_done() && work.is_waking());
        assert!(!work.woken(1) && !work.woken(0) && work.woken(1) && !work.is_waking());
        assert!(!work.of(ShardId(3)).is_done());
        work.awaits(false);
        let found = work.of(ShardId(3));
        assert_eq!((found.waking, found.awaiting, found.begun), (0, 0, 3));
        assert!(found.is_done());
        assert!(!ShardWork { is_due: true, ..found }.is_done());
        assert!(!ShardWork { decided: 1, ..found }.is_done());
        assert!(!ShardWork { unacknowledged: 1, ..found }.is_done());
    }

    #[test]
    fn two_looks_must_find_nothing_and_nothing_in_between() {
        let work =
            |begun, awaiting| ShardWork { begun, awaiting, ..Work::default().of(ShardId(0)) };
        let mut quiet = Quiet::default();
        assert!(!quiet.look(&[work(1, 0), work(1, 0)]));
        assert!(!quiet.look(&[work(1, 0), work(2, 0)]), "something began in between");
        assert!(!quiet.look(&[work(1, 1), work(2, 0)]));
        assert!(!quiet.look(&[work(2, 0), work(2, 0)]), "the look before found something");
        assert!(quiet.look(&[work(2, 0), work(2, 0)]));
    }

    #[test]
    fn what_clients_have_sent_before_the_first_look_has_to_arrive() {
        let work = |last, oldest: Option<u64>| {
            let (last, oldest) = (Seq(last), oldest.map(Seq));
            [ShardWork { last, oldest, ..Work::default().of(ShardId(0)) }]
        };
        let mut quiet = Quiet::default();
        assert!(!quiet.look(&work(7, Some(6))));
        assert!(!quiet.look(&work(9, Some(7))));
        assert!(!quiet.look(&work(12, Some(8))), "the first look that finds nothing");
        assert!(quiet.look(&work(15, Some(12))), "what came after the first look does not count");
    }
}
