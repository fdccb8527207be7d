//! The saga of a payment that is settled at once: the money goes to the provider's bank.
//!
//! The wallet set the amount aside before the saga began. The processor brings it to the provider's
//! account; then there is no way back, and the wallet books it. A push that was not to be ends the
//! payment, and the wallet has the amount again. The wallet tells both outcomes.
//!
//! Invariants: the saga holds no money, the books are moved by the wallet and the provider; what
//! the wallet needs to book the payment comes back to it with [`Body::Post`], so that it remembers
//! nothing but the hold.

use bincode::{Decode, Encode};

use crate::call::{Lane, Request};
use crate::currency::Currency;
use crate::id::{EntityId, Made, ProviderId, Seq, WalletId};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, PUSHING, Situation, Step, StepName, done_before, nothing_to_undo,
};
use crate::time::Timestamp;

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Payment {
    /// Who pays.
    pub wallet: WalletId,
    /// The wallet's decision that set the amount aside; it names the payment.
    pub seq: Seq,
    /// Who is paid.
    pub provider: ProviderId,
    /// The provider's account at the processor.
    pub account: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The payer's words.
    pub description: Option<Box<str>>,
    /// The date of the business.
    pub effective_at: Option<Timestamp>,
}

impl Payment {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = PUSHING;

    /// The table of steps.
    pub const STEPS: [Step<Self>; 3] = [
        Step { name: StepName::Hold, act: done_before, undo: Self::unhold },
        Step { name: StepName::Push, act: Self::push, undo: nothing_to_undo },
        Step { name: StepName::Post, act: Self::post, undo: nothing_to_undo },
    ];

    /// The id of the payment, which is its saga's and its hold's.
    pub fn id(wallet: &WalletId, seq: Seq) -> String {
        Made { wallet: wallet.clone(), seq }.text("pay")
    }

    fn unhold(&self, at: Situation<'_>) -> Act {
        let (by, payment, failure) = (at.by.clone(), Box::new(self.clone()), at.why());
        let body = Body::Unhold { by, payment, failure };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }

    fn push(&self, at: Situation<'_>) -> Act {
        let request = Request::Push {
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency,
            reference: at.id.as_ref().into(),
        };
        Act::Call(request, Lane::Interactive)
    }

    fn post(&self, at: Situation<'_>) -> Act {
        let body = Body::Post { by: at.by.clone(), payment: Box::new(self.clone()) };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }
}
