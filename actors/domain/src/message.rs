//! What one entity sends to another, and what the world is told, after a commit.
//!
//! Money moves by two records: sent by the source, received by the destination (DESIGN
//! invariant 11). The message between them is sent again until it is acknowledged; the receiver
//! drops what it already has. Messages of one shard reach one entity in the order of their
//! sequence, so a high-water mark per sending shard is all that a receiver remembers.

use bincode::{Decode, Encode};

use crate::currency::Currency;
use crate::id::{EntityId, ProviderId, Seq, ShardId, WalletId};
use crate::money::Amount;
use crate::time::Timestamp;

/// Which record sent a message: the shard, and the position in it. A record sends at most one
/// message to one entity, so this names the message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct Source {
    /// The sending shard.
    pub shard: ShardId,
    /// The sending record.
    pub seq: Seq,
}

/// When and where a record was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The shard and position.
    pub source: Source,
    /// The server's own time of the decision.
    pub at: Timestamp,
}

/// A message between two entities, delivered exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The record that sent it.
    pub source: Source,
    /// Who receives it.
    pub to: EntityId,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A wallet paid a provider. The payment is the message's source.
    Payment {
        /// Who paid.
        wallet: WalletId,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The payer's words.
        description: Option<Box<str>>,
        /// The date of the business.
        effective_at: Option<Timestamp>,
    },
    /// A wallet asks a provider to give money back. The refund is the message's source.
    RefundOrder {
        /// Who asks.
        wallet: WalletId,
        /// Which payment of that wallet.
        payment: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The date of the business.
        effective_at: Option<Timestamp>,
    },
    /// A provider gave money back to a wallet.
    RefundMoney {
        /// Who gave.
        provider: ProviderId,
        /// Which payment of the wallet.
        payment: Seq,
        /// The wallet's decision that asked for it.
        refund: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
}

/// The highest position received from each sending shard.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Marks(Vec<(ShardId, Seq)>);

impl Marks {
    /// Nothing received.
    pub const EMPTY: Self = Self(Vec::new());

    /// Whether a message was received before.
    pub fn has(&self, source: Source) -> bool {
        self.0.iter().any(|(shard, seq)| *shard == source.shard && source.seq <= *seq)
    }

    /// Remembers a message as received.
    ///
    /// # Panics
    /// When it was received before: a `decide` let a duplicate through.
    pub fn raise(&mut self, source: Source) {
        match self.0.iter_mut().find(|(shard, _)| *shard == source.shard) {
            Some((_, seq)) => {
                assert!(*seq < source.seq, "message {source:?} was applied twice");
                *seq = source.seq;
            }
            None => self.0.push((source.shard, source.seq)),
        }
    }
}

/// Something to do after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Deliver this exactly once.
    Send(Message),
    /// Publish this on the outcome stream.
    Tell(Outcome),
}

/// What kind of thing happened. Only appended to: the number is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum OutcomeKind {
    /// Money from outside was booked to a wallet.
    DepositPosted,
    /// A wallet paid a provider.
    PaymentPosted,
    /// A refund reached the wallet.
    RefundPosted,
}

impl OutcomeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::DepositPosted, Self::PaymentPosted, Self::RefundPosted];

    /// The `type` of the outcome on the stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DepositPosted => "deposit.posted",
            Self::PaymentPosted => "payment.posted",
            Self::RefundPosted => "refund.posted",
        }
    }
}

/// A thing that happened, as told to those who listen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Outcome {
    /// What kind of thing.
    pub kind: OutcomeKind,
    /// When it was decided.
    pub at: Timestamp,
    /// Whose wallet.
    pub wallet: WalletId,
    /// The wallet's decision that names the deposit, payment or refund.
    pub seq: Seq,
    /// The provider on the other side, if there is one.
    pub provider: Option<ProviderId>,
    /// For a refund: the payment it belongs to.
    pub payment: Option<Seq>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The wallet's posted balance afterwards.
    pub balance_after: Amount,
    /// The payer's words.
    pub description: Option<Box<str>>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

/// What an event does to the books of its shard, in one currency:
/// `account + external + sent - received = 0`. What an account gains, another account, the
/// outside world or the way between entities loses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    /// The currency.
    pub currency: Currency,
    /// The change of the entity's posted balance.
    pub account: Amount,
    /// The change of the outside world's account.
    pub external: Amount,
    /// What left for another entity.
    pub sent: Amount,
    /// What arrived from another entity.
    pub received: Amount,
}

impl Movement {
    /// Money from the outside world arrives in an account.
    pub fn booked(currency: Currency, amount: Amount) -> Self {
        let external = amount.checked_neg().expect("a booked amount is positive");
        Self { currency, account: amount, external, sent: Amount::ZERO, received: Amount::ZERO }
    }

    /// An account sends money to another one.
    pub fn sent(currency: Currency, amount: Amount) -> Self {
        let account = amount.checked_neg().expect("a sent amount is positive");
        Self { currency, account, external: Amount::ZERO, sent: amount, received: Amount::ZERO }
    }

    /// An account receives what another one sent.
    pub fn received(currency: Currency, amount: Amount) -> Self {
        Self {
            currency,
            account: amount,
            external: Amount::ZERO,
            sent: Amount::ZERO,
            received: amount,
        }
    }
}
