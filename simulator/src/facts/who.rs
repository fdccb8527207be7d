//! Members of the cast: whom a wish goes to, who decided a record.
//!
//! Read from the product's words (`wallet/w3`). What the server makes by itself, a saga or a run,
//! is no member and is named by its id.
//!
//! Invariant: what is written reads back.

use super::{Number, names};

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    /// A wallet.
    Wallet(Number),
    /// A provider.
    Provider(Number),
    /// A deal.
    Deal(Number),
    /// An advance.
    Advance(Number),
    /// A campaign.
    Campaign(Number),
    /// The statement beside a wallet.
    Statement(Number),
    /// The one schedule of the runs over the advances.
    Schedule,
}

impl Who {
    /// The member of a kind and an id; `None` when it is none.
    pub fn of(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "wallet" => names::number('w', id).map(Self::Wallet),
            "provider" => names::number('p', id).map(Self::Provider),
            "deal" => names::number('d', id).map(Self::Deal),
            "advance" => names::number('a', id).map(Self::Advance),
            "campaign" => names::number('c', id).map(Self::Campaign),
            "schedule" => Some(Self::Schedule),
            "statement" => names::number('w', id).map(Self::Statement),
            _ => None,
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wallet(number) => write!(f, "wallet {}", names::wallet(*number)),
            Self::Provider(number) => write!(f, "provider {}", names::provider(*number)),
            Self::Deal(number) => write!(f, "deal {}", names::deal(*number)),
            Self::Advance(number) => write!(f, "advance {}", names::advance(*number)),
            Self::Campaign(number) => write!(f, "campaign {}", names::campaign(*number)),
            Self::Schedule => f.write_str("the schedule"),
            Self::Statement(number) => write!(f, "statement {}", names::wallet(*number)),
        }
    }
}
