//! Rewards and advances at rest, plain: the part of a picture that counts most things.
//!
//! A statement's rows say which lines it took and what each purchase drew; a campaign's what it
//! granted; an advance's how each of its debits stands.
//!
//! Invariant: rows are in the order of the decisions behind them.

use super::Number;
use super::given::Stage;

/// A campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Campaign {
    /// Which.
    pub number: Number,
    /// Its currency.
    pub currency: &'static str,
    /// The cap.
    pub budget: i64,
    /// What is granted and not taken back.
    pub granted: i64,
    /// Whether it grants nothing for now.
    pub paused: bool,
    /// How many wins wait.
    pub waiting: u64,
    /// Purchases drawn, and draws that won.
    pub drawn: (u64, u64),
    /// Wins that are granted, found the budget exhausted, came to nothing otherwise.
    pub decided: (u64, u64, u64),
    /// What was taken back.
    pub taken_back: i128,
}

/// A statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Whose.
    pub wallet: Number,
    /// The lines that it took.
    pub taken: Vec<Taken>,
    /// What was drawn.
    pub draws: Vec<Draw>,
}

/// A line that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The decision, and which of its lines.
    pub at: (u64, u16),
    /// The line's number.
    pub number: Number,
    /// How far it was.
    pub stage: Stage,
    /// How much.
    pub amount: i64,
}

/// What a draw came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Nothing.
    Lost,
    /// So much, as far as the budget holds.
    Won(i64),
    /// It is more than a customer may win.
    Limited,
}

/// A draw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draw {
    /// The decision, and which line: with the wallet they name the reward.
    pub at: (u64, u16),
    /// The decision that took the line.
    pub taken: u64,
    /// The purchase: the number of the line that names it.
    pub purchase: Number,
    /// The purchase's date, in days since 1970.
    pub day: i32,
    /// In which campaign.
    pub campaign: Number,
    /// How much the purchase was.
    pub amount: i64,
    /// What it came to.
    pub fate: Fate,
}

/// An advance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advance {
    /// Which.
    pub number: Number,
    /// Its currency.
    pub currency: &'static str,
    /// How much.
    pub amount: i64,
    /// How it stands, in the product's word.
    pub status: &'static str,
    /// What has come and counts.
    pub collected: i64,
    /// What came a second time and is not given back yet.
    pub overpaid: i128,
    /// What is given up.
    pub written_off: i64,
    /// What is still to come.
    pub outstanding: i64,
    /// Its debits, in order.
    pub debits: Vec<Debit>,
}

/// A debit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Debit {
    /// Which, from 1.
    pub number: u32,
    /// The debit that it replaces.
    pub replaces: Option<u32>,
    /// How much.
    pub amount: i64,
    /// How it stands, in the product's word.
    pub status: &'static str,
}
