//! The saga of a deposit that is pulled from a bank account.
//!
//! The wallet noted that it expects the money before the saga began. The processor pulls it; then
//! there is no way back, and the wallet is credited. The outcome is told by the wallet.

use bincode::{Decode, Encode};

use crate::call::{Lane, Request};
use crate::currency::Currency;
use crate::id::{EntityId, Made, Seq, WalletId};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, Situation, Step, StepName, done_before, nothing, nothing_to_undo,
};

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Deposit {
    /// Whose wallet.
    pub wallet: WalletId,
    /// The wallet's decision that asked for it; it names the deposit.
    pub seq: Seq,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account at the processor.
    pub account: Box<str>,
}

impl Deposit {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = Outline { steps: 3, returnable_to: 1, ends_with: 2 };

    /// The table of steps.
    pub const STEPS: [Step<Self>; 3] = [
        Step { name: StepName::Expect, act: done_before, undo: Self::abandon },
        Step { name: StepName::Pull, act: Self::pull, undo: Self::refund },
        Step { name: StepName::Credit, act: Self::credit, undo: nothing_to_undo },
    ];

    /// The id of the deposit, which is its saga's.
    pub fn id(wallet: &WalletId, seq: Seq) -> String {
        Made { wallet: wallet.clone(), seq }.text("txn")
    }

    fn abandon(&self, at: Situation<'_>) -> Act {
        let body = Body::Abandon { by: at.by.clone(), deposit: self.seq, failure: at.why() };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }

    fn pull(&self, at: Situation<'_>) -> Act {
        let request = Request::Pull {
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency,
            reference: at.id.as_ref().into(),
        };
        Act::Call(request, Lane::Interactive)
    }

    fn refund(&self, at: Situation<'_>) -> Act {
        match &at.found.transaction {
            None => nothing("nothing was pulled"),
            Some(transaction) => {
                let request = Request::Refund {
                    transaction: transaction.clone(),
                    amount: self.amount,
                    currency: self.currency,
                };
                Act::Call(request, Lane::Undo)
            }
        }
    }

    fn credit(&self, at: Situation<'_>) -> Act {
        let body = Body::Credit {
            by: at.by.clone(),
            deposit: self.seq,
            amount: self.amount,
            currency: self.currency,
        };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }
}
