//! What a client may wish, as plain words and numbers.
//!
//! A wish that needs an earlier one's result names that earlier operation by its number, so that a
//! plan can be written before anything has run and an operation can be left out of it.
//!
//! Invariant: a wish is complete; whoever reads it needs no cast.

use super::given::{Announce, Lines, Pause};
use super::lent::{Lend, Ring};
use super::owed::{Activities, Settle};
use super::{Number, Who};

/// Money: whole minor units of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Money {
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: &'static str,
}

/// How a provider is to be paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Words {
    /// Each payment at once.
    Immediate,
    /// On a calendar: every what, on which, at what time, in which zone.
    Calendar {
        /// `day`, `week`, `month`.
        every: &'static str,
        /// Which of them.
        on: Option<&'static str>,
        /// The time of day.
        at: &'static str,
        /// The time zone.
        zone: &'static str,
    },
}

/// A wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Open a wallet.
    OpenWallet(OpenWallet),
    /// Book money that arrived.
    Deposit(Deposit),
    /// Have money pulled from the bank.
    Pull(Pull),
    /// Pay a provider.
    Pay(Pay),
    /// Get money of a payment back.
    Refund(Refund),
    /// Stop a wallet from paying, or let it pay again.
    Freeze(Freeze),
    /// Register a provider.
    Register(Register),
    /// Open a deal.
    OpenDeal(OpenDeal),
    /// Invest in a deal.
    Invest(Invest),
    /// Leave a deal's line.
    Withdraw(Withdraw),
    /// Take back an investment that has a place.
    Cancel(Cancel),
    /// Take no more requests in a deal.
    CloseDeal(CloseDeal),
    /// Pay a provider otherwise.
    Settle(Settle),
    /// Note what a provider did.
    Activities(Activities),
    /// Announce a campaign.
    Announce(Announce),
    /// Stop a campaign from granting, or let it go on.
    Pause(Pause),
    /// Take bank lines in.
    Lines(Lines),
    /// Give an advance.
    Lend(Lend),
    /// Have the advances' runs begin.
    Ring(Ring),
}

/// Open a wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenWallet {
    /// Which.
    pub wallet: Number,
    /// Its currency.
    pub currency: &'static str,
    /// How far below zero it may go.
    pub credit_limit: i64,
    /// Whether its owner gets mails.
    pub has_email: bool,
}

/// Book money that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deposit {
    /// Where to.
    pub wallet: Number,
    /// How much.
    pub money: Money,
}

/// Have money pulled from the bank.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pull {
    /// Where to.
    pub wallet: Number,
    /// How much.
    pub money: Money,
}

/// Pay a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pay {
    /// Who pays.
    pub wallet: Number,
    /// Whom.
    pub provider: Number,
    /// How much.
    pub money: Money,
}

/// Get money of a payment back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Whose payment.
    pub wallet: Number,
    /// The operation that paid.
    pub payment: Number,
    /// How much, in minor units of the currency; without it, all that is left.
    pub amount: Option<i64>,
    /// The currency that the wallet is thought to have.
    pub currency: &'static str,
}

/// Stop a wallet from paying, or let it pay again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Freeze {
    /// Which.
    pub wallet: Number,
    /// Whether it is to stop.
    pub frozen: bool,
}

/// Register a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    /// Which.
    pub provider: Number,
    /// The one currency that it takes.
    pub currency: &'static str,
    /// How it is to be paid.
    pub settlement: Words,
}

/// Open a deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenDeal {
    /// Which.
    pub deal: Number,
    /// The most that it takes.
    pub money: Money,
    /// The most investors.
    pub investors_max: u16,
    /// The least of one investment.
    pub least: Option<i64>,
    /// The most of one investment.
    pub most: Option<i64>,
    /// Before this nothing is taken, in milliseconds after the beginning.
    pub opens_ms: Option<u64>,
    /// From this on nothing is taken.
    pub closes_ms: Option<u64>,
}

/// Invest in a deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invest {
    /// In which.
    pub deal: Number,
    /// Who.
    pub wallet: Number,
    /// How much.
    pub money: Money,
    /// Whether the bank pays, not the wallet.
    pub from_bank: bool,
    /// Whether to wait in line when there is no place.
    pub waits: bool,
}

/// Leave a deal's line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdraw {
    /// Which deal.
    pub deal: Number,
    /// The operation that invested.
    pub investment: Number,
}

/// Take back an investment that has a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancel {
    /// In which deal.
    pub deal: Number,
    /// The operation that invested.
    pub investment: Number,
}

/// Take no more requests in a deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseDeal {
    /// Which.
    pub deal: Number,
}

/// Whether a wish is sent under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keyed {
    /// It must be.
    Always,
    /// It may be.
    Perhaps,
    /// The edge sends it on without one.
    Never,
}

impl Wish {
    /// Whether it is sent under a key.
    pub const fn keyed(&self) -> Keyed {
        match self {
            Self::Deposit(_)
            | Self::Pull(_)
            | Self::Pay(_)
            | Self::Refund(_)
            | Self::Invest(_)
            | Self::Lend(_) => Keyed::Always,
            Self::OpenWallet(_)
            | Self::Freeze(_)
            | Self::Register(_)
            | Self::OpenDeal(_)
            | Self::CloseDeal(_)
            | Self::Settle(_)
            | Self::Announce(_)
            | Self::Pause(_)
            | Self::Lines(_) => Keyed::Perhaps,
            Self::Withdraw(_) | Self::Cancel(_) | Self::Activities(_) | Self::Ring(_) => {
                Keyed::Never
            }
        }
    }

    /// To whom it goes; `None` when that is what an earlier operation began.
    pub const fn who(&self) -> Option<Who> {
        Some(match self {
            Self::OpenWallet(OpenWallet { wallet, .. })
            | Self::Deposit(Deposit { wallet, .. })
            | Self::Pull(Pull { wallet, .. })
            | Self::Pay(Pay { wallet, .. })
            | Self::Refund(Refund { wallet, .. })
            | Self::Freeze(Freeze { wallet, .. }) => Who::Wallet(*wallet),
            Self::Register(Register { provider, .. })
            | Self::Settle(Settle { provider, .. })
            | Self::Activities(Activities { provider, .. }) => Who::Provider(*provider),
            Self::OpenDeal(OpenDeal { deal, .. })
            | Self::Invest(Invest { deal, .. })
            | Self::Withdraw(Withdraw { deal, .. })
            | Self::CloseDeal(CloseDeal { deal }) => Who::Deal(*deal),
            Self::Cancel(_) => return None,
            Self::Announce(Announce { campaign, .. }) | Self::Pause(Pause { campaign, .. }) => {
                Who::Campaign(*campaign)
            }
            Self::Lines(Lines { wallet, .. }) => Who::Statement(*wallet),
            Self::Lend(Lend { advance, .. }) => Who::Advance(*advance),
            Self::Ring(_) => Who::Schedule,
        })
    }
}
