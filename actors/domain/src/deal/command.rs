//! What may be asked of a deal.
//!
//! A command carries everything its decision needs; what only the wallet knows comes in as a
//! [`Lookup`] that the host has filled. The content mark covers what the client sent, never what was
//! looked up.

use crate::currency::Currency;
use crate::deal::Profile;
use crate::id::{Seq, WalletId};
use crate::key::ContentMark;
use crate::money::Amount;
use crate::saga::investment::Funding;
use crate::time::Timestamp;
use crate::wallet::Status;
use crate::wallet::command::Lookup;

/// What a deal must know of a wallet that invests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Investor {
    /// The wallet's one currency.
    pub currency: Currency,
    /// Whether it may pay, when it was looked up; the saga asks the wallet itself.
    pub status: Status,
}

/// What an investor wants when there is no place now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfFull {
    /// To wait in line.
    Wait,
    /// To be refused.
    Refuse,
}

/// Invest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invest {
    /// Who invests.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where the money comes from.
    pub funding: Funding,
    /// What to do when there is no place now.
    pub if_full: IfFull,
    /// The id of the request, kept with a refusal.
    pub request_id: Box<str>,
    /// What is known of the wallet.
    pub investor: Lookup<Investor>,
}

/// What may be asked of a deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Open it.
    Open(Profile),
    /// Invest in it.
    Invest(Invest),
    /// Leave the line.
    Withdraw {
        /// The decision that gave the ticket.
        investment: Seq,
    },
    /// Take no more requests. Who was before keeps the place.
    Close,
}

impl Command {
    /// The mark of what the client asked for.
    pub fn content(&self) -> u64 {
        let mut mark;
        match self {
            Self::Open(profile) => {
                mark = ContentMark::of("open-deal");
                mark.text(&profile.name);
                mark.text(profile.currency.code());
                mark.number(profile.amount.minor());
                mark.number(i64::from(profile.investors_max));
                mark.optional_number(profile.investment_min.map(Amount::minor));
                mark.optional_number(profile.investment_max.map(Amount::minor));
                mark.optional_number(profile.opens_at.map(Timestamp::millis));
                mark.optional_number(profile.closes_at.map(Timestamp::millis));
            }
            Self::Invest(invest) => {
                mark = ContentMark::of("invest");
                mark.text(invest.wallet.as_str());
                mark.text(invest.currency.code());
                mark.number(invest.amount.minor());
                mark.text(invest.funding.as_str());
                mark.number(i64::from(invest.if_full == IfFull::Wait));
            }
            Self::Withdraw { investment } => {
                mark = ContentMark::of("withdraw");
                mark.text(&investment.to_string());
            }
            Self::Close => mark = ContentMark::of("close-deal"),
        }
        mark.finish()
    }
}
