//! Wishes about advances: money given now, collected by debits, and the runs that collect it.
//!
//! Invariant: a wish is complete; whoever reads it needs no cast.

use super::Number;
use super::wish::Money;

/// Give an advance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lend {
    /// Which.
    pub advance: Number,
    /// How much.
    pub money: Money,
    /// In how many debits it is paid back.
    pub installments: u16,
    /// What lies between two debits: `day`, `week`, `month`.
    pub every: &'static str,
    /// The day of the first debit, counted from the first of the plan.
    pub first_day: Option<i32>,
}

/// Have the schedule ring every day at a time, or now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ring {
    /// The time of day; without it, now.
    pub at: Option<&'static str>,
}
