//! What may be asked of a wallet.
//!
//! A command carries everything its decision needs: what only another entity or the disk knows
//! comes in as a [`Lookup`] that the host has filled before `decide` is called. The content mark
//! covers what the client sent, never what was looked up.

use crate::currency::Currency;
use crate::id::{ProviderId, Seq, WalletId};
use crate::key::{ContentMark, Key};
use crate::money::Amount;
use crate::time::Timestamp;
use crate::wallet::Profile;

/// Something that has to be known before a decision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Lookup<T> {
    /// Not asked yet.
    #[default]
    Open,
    /// There is no such thing.
    Missing,
    /// Here it is.
    Found(T),
}

/// How a provider gets what it is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PayeeSettlement {
    /// It accrues, and is reimbursed on the provider's calendar.
    OnCalendar,
    /// Each payment is brought to the provider's bank before it is posted.
    Immediate {
        /// The provider's account at the processor.
        account: Box<str>,
    },
}

/// What a wallet must know of a provider to pay it. Its currency never changes; its settlement is
/// what it was when it was looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payee {
    /// The provider's one currency.
    pub currency: Currency,
    /// How it gets the money.
    pub settlement: PayeeSettlement,
}

/// What a wallet must know of a payment to refund it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paid {
    /// Who received it.
    pub provider: ProviderId,
    /// How much was paid.
    pub amount: Amount,
    /// What the disk says was refunded of it, `None` when it has no entry; memory knows better when
    /// it knows.
    pub refunded: Option<Amount>,
    /// Whether its record only set the amount aside ([`crate::wallet::Event::PaymentHeld`]): then
    /// it is posted once there is an entry of what was refunded of it, be it nothing.
    pub was_held: bool,
}

/// Money from outside: it arrived, or is to be pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deposit {
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's words.
    pub description: Option<Box<str>>,
}

/// Pay a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pay {
    /// The wallet that is asked: it is part of the payment's id, and no wallet knows its own.
    pub wallet: WalletId,
    /// Whom.
    pub provider: ProviderId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The client's words.
    pub description: Option<Box<str>>,
    /// The client's own fields, sorted by name.
    pub metadata: Vec<(Box<str>, Box<str>)>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// What is known of the provider.
    pub payee: Lookup<Payee>,
    /// Whether the processor's queue takes no more at this moment.
    pub queue_full: bool,
}

impl Pay {
    /// Whether the payment would have to wait for a queue that takes no more. Whoever is about to
    /// have a payment decided that was not decided under its key before asks this first, when the
    /// payee is known, and answers 503 `overloaded` in the decision's stead. That answer must not
    /// be recorded: the same request with the same key may succeed later.
    pub fn would_overload(&self) -> bool {
        self.queue_full && self.is_immediate()
    }

    /// Whether the payee gets its money at once.
    fn is_immediate(&self) -> bool {
        match &self.payee {
            Lookup::Found(payee) => match payee.settlement {
                PayeeSettlement::Immediate { .. } => true,
                PayeeSettlement::OnCalendar => false,
            },
            Lookup::Open | Lookup::Missing => false,
        }
    }
}

/// Ask a provider for money back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Which payment of this wallet.
    pub payment: Seq,
    /// How much; without it, all that is left.
    pub amount: Option<RefundAmount>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
    /// The client's key: the money's arrival, a later decision, closes it.
    pub key: Option<Key>,
    /// What is known of the payment.
    pub paid: Lookup<Paid>,
}

/// How much to refund, as written: which currency it is in is only known with the wallet.
pub type RefundAmount = Box<str>;

/// What may be asked of a wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Open it.
    Open(Profile),
    /// Book money that arrived from outside.
    Deposit(Deposit),
    /// Have the processor pull money from the bank account.
    Pull(Deposit),
    /// Pay a provider.
    Pay(Pay),
    /// Ask a provider for money back.
    Refund(Refund),
    /// Set money aside under a name.
    Hold {
        /// The name.
        id: Box<str>,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// Stop setting money aside.
    Release {
        /// The name of the hold.
        id: Box<str>,
    },
    /// Stop it from paying.
    Freeze,
    /// Let it pay again.
    Unfreeze,
}

/// An amount's text without zeros at the end of its decimals: `1.50` and `1.5` ask for the same.
fn without_zeros(amount: &str) -> &str {
    if amount.contains('.') { amount.trim_end_matches('0').trim_end_matches('.') } else { amount }
}

impl Command {
    /// The mark of what the client asked for.
    pub fn content(&self) -> u64 {
        let mut mark;
        match self {
            Self::Open(profile) => {
                mark = ContentMark::of("open-wallet");
                mark.text(profile.currency.code());
                mark.number(profile.credit_limit.minor());
                mark.optional_text(profile.owner.as_deref());
                mark.optional_text(profile.email.as_deref());
                mark.optional_text(profile.bank_account.as_deref());
            }
            Self::Deposit(deposit) | Self::Pull(deposit) => {
                let is_pull = matches!(self, Self::Pull(_));
                mark = ContentMark::of(if is_pull { "pull" } else { "deposit" });
                mark.text(deposit.currency.code());
                mark.number(deposit.amount.minor());
                mark.optional_number(deposit.effective_at.map(Timestamp::millis));
                mark.optional_text(deposit.description.as_deref());
            }
            Self::Pay(pay) => {
                mark = ContentMark::of("pay");
                mark.text(pay.provider.as_str());
                mark.text(pay.currency.code());
                mark.number(pay.amount.minor());
                mark.optional_number(pay.effective_at.map(Timestamp::millis));
                mark.optional_text(pay.description.as_deref());
                for (name, value) in &pay.metadata {
                    mark.text(name);
                    mark.text(value);
                }
            }
            Self::Refund(refund) => {
                mark = ContentMark::of("refund");
                mark.text(&refund.payment.to_string());
                mark.optional_text(refund.amount.as_deref().map(without_zeros));
                mark.optional_number(refund.effective_at.map(Timestamp::millis));
            }
            Self::Hold { id, amount, currency } => {
                mark = ContentMark::of("hold");
                mark.text(id);
                mark.number(amount.minor());
                mark.text(currency.code());
            }
            Self::Release { id } => {
                mark = ContentMark::of("release");
                mark.text(id);
            }
            Self::Freeze => mark = ContentMark::of("freeze"),
            Self::Unfreeze => mark = ContentMark::of("unfreeze"),
        }
        mark.finish()
    }
}
