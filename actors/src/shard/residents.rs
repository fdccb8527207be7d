//! Who is in memory, and who may go.
//!
//! A clock hand goes round the residents: who has been idle for long may go, and when there are
//! more than the ceiling allows, whoever was not busy lately. Only an entity itself can say that it
//! is free to stop; here it is only asked. So memory follows the active set, not all entities.

use std::collections::VecDeque;
use std::rc::Rc;

use bursar_domain::id::EntityId;
use foldhash::{HashMap, HashMapExt};

use crate::host::Slot;

/// How many residents one sweep looks at.
const SWEEP: usize = 20_000;

/// One resident entity and how it is reached.
#[derive(Debug)]
pub struct Resident<A> {
    /// Its address.
    pub address: A,
    /// What the shard and the entity both see.
    pub slot: Rc<Slot>,
}

/// The residents of one shard. `A` is how an entity is reached.
#[derive(Debug)]
pub struct Residents<A> {
    by_id: HashMap<EntityId, Resident<A>>,
    /// Each resident once, with its slot: who has left and come back has another one.
    hand: VecDeque<(EntityId, Rc<Slot>)>,
    /// At most so many, as far as they can be let go.
    pub max: usize,
    /// Who had nothing to do for so long may go, in milliseconds.
    pub idle_ms: i64,
}

impl<A> Residents<A> {
    /// Nobody yet.
    pub fn new(max: usize, idle_ms: i64) -> Self {
        Self { by_id: HashMap::new(), hand: VecDeque::new(), max, idle_ms }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nobody is resident.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether there are more than the ceiling allows.
    pub fn is_over(&self) -> bool {
        self.by_id.len() > self.max
    }

    /// Whether there are twice as many: nobody comes in until some have left.
    pub fn is_full(&self) -> bool {
        self.by_id.len() > self.max.saturating_mul(2)
    }

    /// A resident that has not stopped.
    pub fn get(&self, id: &EntityId) -> Option<&Resident<A>> {
        self.by_id.get(id).filter(|resident| !resident.slot.gone.get())
    }

    /// Adds a resident, in place of one that has stopped.
    pub fn add(&mut self, id: EntityId, resident: Resident<A>) {
        self.hand.push_back((id.clone(), Rc::clone(&resident.slot)));
        if let Some(before) = self.by_id.insert(id.clone(), resident) {
            assert!(before.slot.gone.get(), "{id} is resident once");
        }
    }

    /// Removes one that has stopped, unless it was started anew.
    pub fn remove_stopped(&mut self, id: &EntityId) {
        if self.by_id.get(id).is_some_and(|resident| resident.slot.gone.get()) {
            self.by_id.remove(id);
        }
    }

    /// Who should be asked to stop, at a time in milliseconds.
    pub fn sweep(&mut self, now_ms: i64) -> Vec<EntityId> {
        let mut asked = Vec::new();
        let mut over = self.by_id.len().saturating_sub(self.max);
        for _ in 0..self.hand.len().min(SWEEP) {
            let Some((id, slot)) = self.hand.pop_front() else { break };
            if slot.gone.get() {
                continue;
            }
            let idle_ms = now_ms - slot.active.get();
            let quiet = !slot.dirty.get() && slot.inbox.get() == 0;
            if quiet && (over > 0 || idle_ms >= self.idle_ms) {
                over = over.saturating_sub(1);
                asked.push(id.clone());
            }
            self.hand.push_back((id, slot));
        }
        asked
    }

    /// All residents.
    pub fn iter(&self) -> impl Iterator<Item = (&EntityId, &Resident<A>)> {
        self.by_id.iter().filter(|(_, resident)| !resident.slot.gone.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::id::WalletId;

    fn wallet(n: usize) -> EntityId {
        EntityId::wallet(&WalletId::parse(&format!("w{n}")).expect("well-formed"))
    }

    fn filled(count: usize, max: usize) -> Residents<()> {
        let mut residents = Residents::new(max, 1000);
        for n in 0..count {
            residents.add(wallet(n), Resident { address: (), slot: Rc::default() });
        }
        residents
    }

    #[test]
    fn the_idle_are_asked_and_the_dirty_are_not() {
        let mut residents = filled(3, 10);
        residents.get(&wallet(1)).expect("resident").slot.dirty.set(true);
        residents.get(&wallet(2)).expect("resident").slot.active.set(500);
        assert_eq!(residents.sweep(1000), [wallet(0)]);
        assert_eq!(residents.sweep(1500), [wallet(0), wallet(2)]);
    }

    #[test]
    fn over_the_ceiling_the_excess_is_asked() {
        let mut residents = filled(10, 7);
        assert_eq!(residents.sweep(0), [wallet(0), wallet(1), wallet(2)]);
        residents.get(&wallet(0)).expect("resident").slot.gone.set(true);
        residents.remove_stopped(&wallet(0));
        assert_eq!(residents.len(), 9);
        assert!(residents.get(&wallet(0)).is_none());
    }

    #[test]
    fn who_leaves_and_comes_back_is_asked_once() {
        let mut residents = filled(3, 10);
        for _ in 0..5 {
            let slot = &residents.get(&wallet(1)).expect("resident").slot;
            slot.gone.set(true);
            residents.remove_stopped(&wallet(1));
            residents.add(wallet(1), Resident { address: (), slot: Rc::default() });
        }
        assert_eq!(residents.sweep(1000), [wallet(0), wallet(2), wallet(1)]);
        assert_eq!(residents.hand.len(), 3);
    }
}
