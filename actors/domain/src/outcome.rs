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
use crate::id::{AdvanceId, CampaignId, DealId, ProviderId, Seq, WalletId};
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
    /// A payment that was to be settled at once did not come about.
    PaymentFailed,
    /// A provider was reimbursed.
    ReimbursementPaid,
    /// A reimbursement was declined; it goes back to what is accrued.
    ReimbursementReturned,
    /// An advance was credited; its plan has begun.
    AdvanceActive,
    /// An advance could not be credited.
    AdvanceFailed,
    /// A debit of an advance succeeded.
    DebitSucceeded,
    /// A debit of an advance failed, or stayed without an outcome.
    DebitFailed,
    /// A debit that was collected twice was given back.
    DebitRefunded,
    /// An advance is paid back.
    AdvanceCompleted,
    /// An advance is given up: one of its instalments failed too often.
    AdvanceDefaulted,
    /// A reward is in the wallet.
    RewardGranted,
    /// A win came to nothing.
    RewardRefused,
    /// A reward was taken back, because its purchase was reversed.
    RewardTakenBack,
}

impl OutcomeKind {
    /// All kinds.
    pub const ALL: [Self; 22] = [
        Self::DepositPosted,
        Self::PaymentPosted,
        Self::RefundPosted,
        Self::DepositFailed,
        Self::InvestmentReserved,
        Self::InvestmentConfirmed,
        Self::InvestmentFailed,
        Self::InvestmentCancelled,
        Self::InvestmentRefused,
        Self::PaymentFailed,
        Self::ReimbursementPaid,
        Self::ReimbursementReturned,
        Self::AdvanceActive,
        Self::AdvanceFailed,
        Self::DebitSucceeded,
        Self::DebitFailed,
        Self::DebitRefunded,
        Self::AdvanceCompleted,
        Self::AdvanceDefaulted,
        Self::RewardGranted,
        Self::RewardRefused,
        Self::RewardTakenBack,
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
            Self::PaymentFailed => "payment.failed",
            Self::ReimbursementPaid => "reimbursement.paid",
            Self::ReimbursementReturned => "reimbursement.returned",
            Self::AdvanceActive => "advance.active",
            Self::AdvanceFailed => "advance.failed",
            Self::DebitSucceeded => "advance.debit.succeeded",
            Self::DebitFailed => "advance.debit.failed",
            Self::DebitRefunded => "advance.debit.refunded",
            Self::AdvanceCompleted => "advance.completed",
            Self::AdvanceDefaulted => "advance.defaulted",
            Self::RewardGranted => "reward.granted",
            Self::RewardRefused => "reward.refused",
            Self::RewardTakenBack => "reward.clawed-back",
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
            | Self::InvestmentRefused
            | Self::PaymentFailed
            | Self::ReimbursementPaid
            | Self::ReimbursementReturned
            | Self::AdvanceActive
            | Self::AdvanceFailed
            | Self::DebitSucceeded
            | Self::DebitFailed
            | Self::DebitRefunded
            | Self::AdvanceCompleted
            | Self::AdvanceDefaulted
            | Self::RewardGranted
            | Self::RewardRefused
            | Self::RewardTakenBack => true,
        }
    }

    /// Whether it is about a wallet, which is written with it.
    pub const fn has_wallet(self) -> bool {
        match self {
            Self::DepositPosted
            | Self::PaymentPosted
            | Self::RefundPosted
            | Self::DepositFailed
            | Self::InvestmentReserved
            | Self::InvestmentConfirmed
            | Self::InvestmentFailed
            | Self::InvestmentCancelled
            | Self::InvestmentRefused
            | Self::PaymentFailed
            | Self::RewardGranted
            | Self::RewardRefused
            | Self::RewardTakenBack => true,
            Self::ReimbursementPaid
            | Self::ReimbursementReturned
            | Self::AdvanceActive
            | Self::AdvanceFailed
            | Self::DebitSucceeded
            | Self::DebitFailed
            | Self::DebitRefunded
            | Self::AdvanceCompleted
            | Self::AdvanceDefaulted => false,
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
    /// A reimbursement of [`Outcome::provider`]; [`Outcome::seq`] is the provider's decision that
    /// closed the period.
    Reimbursement {
        /// Why not, if it was not to be.
        failure: Option<Failure>,
    },
    /// An advance.
    Advance {
        /// Which.
        advance: AdvanceId,
        /// Which of its debits, from 1.
        debit: Option<u32>,
        /// Why not, if it was not to be.
        failure: Option<Failure>,
    },
    /// A reward; [`Outcome::seq`] is the statement's decision that drew it.
    Reward {
        /// In which campaign.
        campaign: CampaignId,
        /// Which line of the decision.
        line: u16,
        /// The purchase, as the bank named it; not said when it is taken back.
        purchase: Option<Box<str>>,
        /// Why not, if it was not to be.
        failure: Option<Failure>,
    },
}

/// A thing that happened, as told to those who listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What kind of thing.
    pub kind: OutcomeKind,
    /// When it was decided.
    pub at: Timestamp,
    /// Whose wallet; `None` exactly where [`OutcomeKind::has_wallet`] is false.
    pub wallet: Option<WalletId>,
    /// The decision that names the deposit, payment, refund or investment: the wallet's, for an
    /// investment the deal's.
    pub seq: Seq,
    /// The provider on the other side, if there is one.
    pub provider: Option<ProviderId>,
    /// For a refund: the payment it belongs to.
    pub payment: Option<Seq>,
    /// How much, positive; zero where there was nothing that could be taken back.
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
        let rewards = [OutcomeKind::RewardGranted, OutcomeKind::RewardTakenBack];
        rewards.contains(&self.kind) || !self.kind.has_about()
    }
}

impl Encode for Outcome {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        assert_eq!(self.wallet.is_some(), self.kind.has_wallet(), "{self:?}");
        self.kind.encode(encoder)?;
        self.at.encode(encoder)?;
        if let Some(wallet) = &self.wallet {
            wallet.encode(encoder)?;
        }
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
        let (kind, at) = (OutcomeKind::decode(decoder)?, Timestamp::decode(decoder)?);
        let wallet = if kind.has_wallet() { Some(WalletId::decode(decoder)?) } else { None };
        let mut outcome = Self {
            kind,
            at,
            wallet,
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
