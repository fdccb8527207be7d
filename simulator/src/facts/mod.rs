//! Plain facts: what was wished, what was answered, how the whole system stands at rest.
//!
//! Numbers and words only, nothing of the product: the model judges by these and shares no code
//! with what it judges. The lens makes them from production types.
//!
//! Who takes part has a small number, which is also its name: wallet 3 is `w3` (see [`names`]).
//! Amounts are whole minor units, instants milliseconds since 1970.
//!
//! Invariant: no type here knows a crate of the product; a house test holds that.

mod drawn;
pub mod given;
pub mod lent;
pub mod names;
pub mod outcome;
pub mod owed;
pub mod picture;
pub mod plan;
pub mod said;
mod who;
pub mod wish;

pub use outcome::Outcome;
pub use picture::Picture;
pub use plan::{Plan, Planned};
pub use said::{Accepted, Granted, Refused, Said};
pub use who::Who;
pub use wish::{Wish, Words};

/// An operation's number in its plan, or that of a wallet, provider, deal, campaign or advance.
pub type Number = u32;

/// A position: a shard, and how manieth decision of it, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Which shard.
    pub shard: u16,
    /// How manieth decision.
    pub seq: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.shard, self.seq)
    }
}
