//! Money that a wallet asked for from the bank: what follows when it was asked for, came, or will
//! not come.
//!
//! A saga pulls it (`saga::deposit`); the wallet expects it from the decision that asked on, and
//! hears of it once. The events themselves stand with the others in `event`, the rules in `rules`.
//!
//! Invariant: one outcome for each pull, whichever way it ends, under the decision that asked.

use crate::currency::Currency;
use crate::id::{EntityId, Seq, WalletId};
use crate::message::{About, Body, Message, Outcome, OutcomeKind, Stamp};
use crate::money::Amount;
use crate::saga::Subject;
use crate::saga::deposit::Deposit;
use crate::saga::subject::Failure;
use crate::wallet::event::{PullBooked, PullRequested};

impl PullRequested {
    pub(super) fn message(&self, wallet: WalletId, stamp: Stamp) -> Message {
        let account = self.account.clone().unwrap_or_else(|| wallet.as_str().into());
        let (amount, currency) = (self.amount, self.currency);
        let deposit = Deposit { wallet, seq: stamp.source.seq, amount, currency, account };
        let subject = Subject::Deposit(deposit);
        let to = EntityId::saga(subject.id());
        Message { source: stamp.source, to, body: Body::Begin(Box::new(subject)) }
    }
}

impl PullBooked {
    pub(super) fn outcome(&self, wallet: WalletId, stamp: Stamp) -> Outcome {
        Outcome {
            kind: OutcomeKind::DepositPosted,
            at: stamp.at,
            wallet: Some(wallet),
            seq: self.deposit,
            provider: None,
            payment: None,
            amount: self.amount,
            currency: self.currency,
            balance_after: self.balance_after,
            description: None,
            effective_at: self.effective_at,
            about: None,
        }
    }
}

/// What is told when the money will not come.
pub(super) fn abandoned(
    wallet: WalletId,
    deposit: Seq,
    (amount, currency): (Amount, Currency),
    failure: Failure,
    stamp: Stamp,
) -> Outcome {
    Outcome {
        kind: OutcomeKind::DepositFailed,
        at: stamp.at,
        wallet: Some(wallet),
        seq: deposit,
        provider: None,
        payment: None,
        amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Failure(failure)),
    }
}
