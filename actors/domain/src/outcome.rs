//! What the world is told after a commit: one outcome each, in the order of commits.
//!
//! An outcome says everything a listener needs without asking: whose wallet, how much, how it
//! ended and why. It is on disk with the stream, so a kind is never removed. What only some kinds
//! have stands in [`About`], which is written behind the fields that all have, so outcomes of older
//! versions stay readable.

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{DealId, ProviderId, Seq, WalletId};
use crate::money::Amount;
use crate::saga::subject::Failure;
use crate::time::Timestamp;

/// What kind of thing happened. Only appended to: the number is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum OutcomeKind {
    /// Money from outside was booked to a wallet.
    DepositPosted,
    /// A wallet paid a provider.
    PaymentPosted,
    /// A refund reached the wallet.
    RefundPosted,
    /// Money that was to be pulled from the bank did not come.
    DepositFailed,
    /// A waiting investment got a place.
    InvestmentReserved,
    /// An investment is done.
    InvestmentConfirmed,
    /// An investment did not come about; everything is undone.
    InvestmentFailed,
    /// An investment was cancelled; everything is undone.
    InvestmentCancelled,
    /// An investment got no place.
    InvestmentRefused,
}

impl OutcomeKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::DepositPosted,
        Self::PaymentPosted,
        Self::RefundPosted,
        Self::DepositFailed,
        Self::InvestmentReserved,
        Self::InvestmentConfirmed,
        Self::InvestmentFailed,
        Self::InvestmentCancelled,
        Self::InvestmentRefused,
    ];

    /// The `type` of the outcome on the stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DepositPosted => "deposit.posted",
            Self::PaymentPosted => "payment.posted",
            Self::RefundPosted => "refund.posted",
            Self::DepositFailed => "deposit.failed",
            Self::InvestmentReserved => "investment.reserved",
            Self::InvestmentConfirmed => "investment.confirmed",
            Self::InvestmentFailed => "investment.failed",
            Self::InvestmentCancelled => "investment.cancelled",
            Self::InvestmentRefused => "investment.refused",
        }
    }

    /// Whether [`Outcome::about`] is written with it.
    const fn has_about(self) -> bool {
        match self {
            Self::DepositPosted | Self::PaymentPosted | Self::RefundPosted => false,
            Self::DepositFailed
            | Self::InvestmentReserved
            | Self::InvestmentConfirmed
            | Self::InvestmentFailed
            | Self::InvestmentCancelled
            | Self::InvestmentRefused => true,
        }
    }
}

/// What only some outcomes have. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum About {
    /// An investment; [`Outcome::seq`] is the deal's decision that gave the ticket.
    Investment {
        /// What is invested in.
        deal: DealId,
        /// The ticket.
        ticket: u64,
        /// Why not, if it was not to be.
        failure: Option<Failure>,
    },
    /// Money that did not come.
    Failure(Failure),
}

/// A thing that happened, as told to those who listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What kind of thing.
    pub kind: OutcomeKind,
    /// When it was decided.
    pub at: Timestamp,
    /// Whose wallet.
    pub wallet: WalletId,
    /// The decision that names the deposit, payment, refund or investment: the wallet's, for an
    /// investment the deal's.
    pub seq: Seq,
    /// The provider on the other side, if there is one.
    pub provider: Option<ProviderId>,
    /// For a refund: the payment it belongs to.
    pub payment: Option<Seq>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The wallet's posted balance afterwards; zero where [`Outcome::moves_balance`] is false.
    pub balance_after: Amount,
    /// The payer's words.
    pub description: Option<Box<str>>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// What only some kinds have.
    pub about: Option<About>,
}

impl Outcome {
    /// Whether the wallet's posted balance changed with it.
    pub fn moves_balance(&self) -> bool {
        !self.kind.has_about()
    }
}

impl Encode for Outcome {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.kind.encode(encoder)?;
        self.at.encode(encoder)?;
        self.wallet.encode(encoder)?;
        self.seq.encode(encoder)?;
        self.provider.encode(encoder)?;
        self.payment.encode(encoder)?;
        self.amount.encode(encoder)?;
        self.currency.encode(encoder)?;
        self.balance_after.encode(encoder)?;
        self.description.encode(encoder)?;
        self.effective_at.encode(encoder)?;
        if self.kind.has_about() { self.about.encode(encoder) } else { Ok(()) }
    }
}

impl<C> Decode<C> for Outcome {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut outcome = Self {
            kind: OutcomeKind::decode(decoder)?,
            at: Timestamp::decode(decoder)?,
            wallet: WalletId::decode(decoder)?,
            seq: Seq::decode(decoder)?,
            provider: Option::decode(decoder)?,
            payment: Option::decode(decoder)?,
            amount: Amount::decode(decoder)?,
            currency: Currency::decode(decoder)?,
            balance_after: Amount::decode(decoder)?,
            description: Option::decode(decoder)?,
            effective_at: Option::decode(decoder)?,
            about: None,
        };
        if outcome.kind.has_about() {
            outcome.about = Option::decode(decoder)?;
        }
        Ok(outcome)
    }
}

bincode::impl_borrow_decode!(Outcome);
