//! One row of the outcome stream, plain.
//!
//! What a listener is told, with the position at which it is told. Kinds are the product's words
//! (`payment.posted`), because they are a promise to listeners.
//!
//! Invariant: whoever compares two rows compares all that a listener could tell apart.

use std::rc::Rc;

use super::Number;

/// A row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Where in the stream: which commit, and which outcome in it.
    pub position: (u64, u32),
    /// What happened.
    pub kind: &'static str,
    /// When it was decided.
    pub at_ms: i64,
    /// Whose wallet.
    pub wallet: Option<Number>,
    /// The decision that names what it is about: the wallet's, the deal's, the provider's or the
    /// statement's.
    pub seq: u64,
    /// The provider on the other side.
    pub provider: Option<Number>,
    /// For a refund: the payment.
    pub payment: Option<u64>,
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: &'static str,
    /// The wallet's posted balance afterwards, where it changed.
    pub balance_after: Option<i64>,
    /// The deal and the ticket.
    pub ticket: Option<(Number, u64)>,
    /// The advance, and which of its debits.
    pub advance: Option<(Number, Option<u32>)>,
    /// The campaign, and which line of the decision.
    pub reward: Option<(Number, u16)>,
    /// Why not.
    pub failure: Option<Rc<str>>,
}
