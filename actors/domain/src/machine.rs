//! An entity with its idempotency: the unit that is decided on, recorded, saved and loaded.
//!
//! A machine is what an actor holds. It adds to the entity's state the index of keys, the count of
//! its decisions (`version`) and the position of the last one. Its encoded form is the snapshot.
//!
//! Invariants: records are applied in the order of their positions, each once; a key that was
//! recorded is found until it is known to be on disk.

use bincode::{Decode, Encode};

use crate::id::Seq;
use crate::key::{Index, Key, Known};
use crate::record::{Record, Recorded};

/// An entity's state with its keys.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Machine<E> {
    entity: E,
    keys: Index,
    version: u64,
    last: Seq,
}

impl<E: Recorded> Machine<E> {
    /// The entity's state.
    pub fn entity(&self) -> &E {
        &self.entity
    }

    /// The entity's state, for what is not decided but kept (forgetting what a save wrote).
    pub fn entity_mut(&mut self) -> &mut E {
        &mut self.entity
    }

    /// How many records the entity has, refusals included.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The position of its last record; 0 before the first.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The index of its keys.
    pub fn keys(&self) -> &Index {
        &self.keys
    }

    /// The index of its keys, for forgetting what a save wrote.
    pub fn keys_mut(&mut self) -> &mut Index {
        &mut self.keys
    }

    /// Where a key was decided, as far as memory knows.
    pub fn find(&self, key: &Key) -> Known {
        self.keys.get(key.slot())
    }

    /// Writes a record of this entity into the state.
    ///
    /// # Panics
    /// When the record is not this kind's, or does not come after the last one.
    pub fn apply(&mut self, record: &Record, seq: Seq) {
        assert!(seq > self.last, "{} at {seq} after {}", record.entity, self.last);
        let events = E::events(&record.verdict).expect("a record of this entity's kind");
        for event in events {
            self.entity.apply(event, seq);
        }
        if let Some(key) = &record.key {
            self.keys.set(key.slot(), seq.0);
        }
        self.version += 1;
        self.last = seq;
    }
}
