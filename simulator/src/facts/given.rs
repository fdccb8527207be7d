//! Wishes about rewards: campaigns, and the bank lines that are drawn in them.
//!
//! A bank line has a number from which its id is made; the same line comes again, pending and then
//! posted, in overlapping batches, and is reversed now and then.
//!
//! Invariant: a wish is complete; whoever reads it needs no cast.

use super::Number;
use super::wish::Money;

/// Announce a campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announce {
    /// Which.
    pub campaign: Number,
    /// The cap on what is granted.
    pub budget: Money,
    /// The first day and the last, counted from the first of the plan.
    pub days: (i32, i32),
    /// How likely a draw wins: so many of so many.
    pub odds: (u64, u64),
    /// The prizes: weight and worth.
    pub prizes: Vec<(u32, Worth)>,
    /// Purchases from this amount on.
    pub least: Option<i64>,
    /// The most rewards of a customer for one day.
    pub rewards_max: Option<u32>,
    /// Whether a reward goes back when its purchase is reversed.
    pub claws_back: bool,
    /// Where several campaigns fit, the highest draws.
    pub priority: i32,
    /// Where its seeds come from.
    pub secret: u64,
}

/// What a prize is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worth {
    /// So much.
    Fixed(i64),
    /// So many millionths of the purchase.
    Share(u64),
}

/// Stop a campaign from granting, or let it go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Which.
    pub campaign: Number,
    /// Whether it is to stop.
    pub paused: bool,
}

/// Take bank lines in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lines {
    /// Whose.
    pub wallet: Number,
    /// The operation that opened the wallet.
    pub opened: Number,
    /// The wallet's currency.
    pub currency: &'static str,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// How far a purchase is at the bank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Announced.
    Pending,
    /// Booked.
    Posted,
    /// Given back.
    Reversed,
}

/// A bank line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its number, from which its id is made.
    pub number: Number,
    /// The day, counted from the first of the plan.
    pub day: i32,
    /// How far it is.
    pub stage: Stage,
    /// How much.
    pub money: Money,
    /// The pending line that it replaces.
    pub replaces: Option<Number>,
    /// The line that it gives back.
    pub reverses: Option<Number>,
}
