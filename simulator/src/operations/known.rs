//! What the clients know: the places of what was answered with yes.
//!
//! A refund names the payment by its place, a withdrawal the investment. A plan names the earlier
//! operation by its number; this is the table between the two.
//!
//! Invariant: a place is noted once and does not change.

use crate::facts::{Number, Place, Said};

/// What the clients know.
#[derive(Clone, Debug)]
pub struct Known {
    shards: u16,
    places: Vec<Option<Place>>,
}

impl Known {
    /// Nothing yet, of a system with so many shards.
    pub const fn new(shards: u16) -> Self {
        Self { shards, places: Vec::new() }
    }

    /// How many shards the system has.
    pub const fn shards(&self) -> u16 {
        self.shards
    }

    /// Notes an answer.
    pub fn note(&mut self, number: Number, said: &Said) {
        let Said::Accepted(accepted) = said else { return };
        let index = number as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        self.places[index].get_or_insert(accepted.place);
    }

    /// The decision that said yes to an operation.
    pub fn place(&self, number: Number) -> Option<Place> {
        self.places.get(number as usize).copied().flatten()
    }
}
