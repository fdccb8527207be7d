//! How an advance stands, as the server says it.
//!
//! The words are the contract's, in the order of an advance's life. A word that is not among them
//! comes from a newer server; it is refused rather than left out of a sum.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an advance stands. Ordered by its life.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// The credit is on its way
    Pending,
    /// Credited; debits are scheduled
    Active,
    /// Paid back whole
    Completed,
    /// Not paid back; the rest is written off
    Defaulted,
    /// Never credited
    Failed,
}

impl Status {
    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Defaulted => "defaulted",
            Self::Failed => "failed",
        }
    }

    /// Whether the money went out.
    pub(crate) const fn is_credited(self) -> bool {
        match self {
            Self::Active | Self::Completed | Self::Defaulted => true,
            Self::Pending | Self::Failed => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn words_are_the_same_on_the_line_and_in_json() {
        for status in Status::value_variants() {
            let word = serde_json::to_value(status).expect("a word is JSON");
            assert_eq!(word, status.as_str());
            assert_eq!(Status::from_str(status.as_str(), false), Ok(*status));
        }
        assert!(serde_json::from_str::<Status>("\"paused\"").is_err());
    }
}
