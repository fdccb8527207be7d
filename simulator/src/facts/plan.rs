//! A workload: what is wished when, under which key, and how often.
//!
//! A plan is data. An operation can be taken out of it and the rest still is a plan: whoever names
//! the missing one is left out while it runs.
//!
//! Invariant: numbers are unique and never change; operations stand in the order of time.

use super::{Number, Wish, names};

/// One operation of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Its number, for ever.
    pub number: Number,
    /// When it is first sent, in milliseconds after the beginning.
    pub at_ms: u64,
    /// What is wished.
    pub wish: Wish,
    /// The number of its key, if it has one: its own, or an earlier operation's.
    pub key: Option<Number>,
    /// When it is sent again, in milliseconds after the first time, whatever was answered.
    pub repeats: Vec<u64>,
    /// Whether the client goes away before it hears anything.
    pub vanishes: bool,
}

/// A workload.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The operations, in the order of time.
    pub planned: Vec<Planned>,
}

impl Planned {
    /// What it is, in a line.
    pub fn describe(&self) -> String {
        let key = self.key.map_or_else(String::new, |key| format!(" under {}", names::key(key)));
        format!("#{} at {} ms: {:?}{key}", self.number, self.at_ms, self.wish)
    }
}
