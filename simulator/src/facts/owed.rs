//! Wishes about what providers are owed: how they are paid, and what they did for members.
//!
//! Activities have numbers of their own; the same number comes again with the same content, which
//! is a duplicate, and with another, which is a conflict.
//!
//! Invariant: a wish is complete; whoever reads it needs no cast.

use super::Number;
use super::wish::{Money, Words};

/// Pay a provider otherwise from the next period on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settle {
    /// Which.
    pub provider: Number,
    /// How.
    pub settlement: Words,
}

/// Note what a provider did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activities {
    /// Which.
    pub provider: Number,
    /// What, in order.
    pub lines: Vec<Activity>,
}

/// Something that a provider did for a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Activity {
    /// Its number, from which its id is made.
    pub number: Number,
    /// The member.
    pub member: Number,
    /// The day, counted from the first of the plan.
    pub day: i32,
    /// How much the provider is owed for it.
    pub money: Money,
}
