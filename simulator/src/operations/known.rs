//! What the clients know: the places of what was answered with yes.
//!
//! A refund names the payment by its place, a withdrawal the investment. A plan names the earlier
//! operation by its number; this is the table between the two.
//!
//! Invariant: a place is noted once and does not change.

use bursar_domain::plan::Day;

use crate::facts::{Granted, Number, Place, Said};

/// What the clients know.
#[derive(Clone, Debug)]
pub struct Known {
    shards: u16,
    began_ms: i64,
    places: Vec<Option<Noted>>,
}

/// What is remembered of a yes.
#[derive(Clone, Copy, Debug)]
struct Noted {
    place: Place,
    /// Whether it gave a place in a deal.
    reserved: bool,
}

impl Known {
    /// Nothing yet, of a system with so many shards, in a plan that begins at an instant.
    pub const fn new(shards: u16, began_ms: i64) -> Self {
        Self { shards, began_ms, places: Vec::new() }
    }

    /// The instant so many milliseconds after the beginning.
    pub fn instant_ms(&self, after_ms: u64) -> i64 {
        self.began_ms + i64::try_from(after_ms).expect("a plan is short")
    }

    /// How many shards the system has.
    pub const fn shards(&self) -> u16 {
        self.shards
    }

    /// The day so many days after the first.
    pub(super) fn day(&self, after: i32) -> Day {
        let first = Day::utc_ms(self.began_ms).expect("a plan is within the calendar");
        first.checked_add_days(after).expect("a plan is within the calendar")
    }

    /// Notes an answer.
    pub fn note(&mut self, number: Number, said: &Said) {
        let Said::Accepted(accepted) = said else { return };
        let index = number as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        let reserved = matches!(accepted.granted, Granted::Reserved { .. });
        self.places[index].get_or_insert(Noted { place: accepted.place, reserved });
    }

    /// The decision that said yes to an operation.
    pub fn place(&self, number: Number) -> Option<Place> {
        self.noted(number).map(|noted| noted.place)
    }

    /// Whether an investment had a place at once.
    pub fn is_reserved(&self, number: Number) -> bool {
        self.noted(number).is_some_and(|noted| noted.reserved)
    }

    fn noted(&self, number: Number) -> Option<Noted> {
        self.places.get(number as usize).copied().flatten()
    }
}
