//! The saga of a reimbursement: what a provider's period accrued goes to its bank.
//!
//! The provider closed the period before the saga began: what was accrued is in reimbursement. The
//! processor brings it to the provider's account; then there is no way back, and the provider books
//! it as reimbursed. A push that was not to be gives it back to what is accrued. The provider tells
//! both outcomes.
//!
//! Invariant: the saga holds no money, the books are moved by the provider.

use bincode::{Decode, Encode};

use crate::call::{Lane, Request};
use crate::currency::Currency;
use crate::id::{EntityId, ProviderId, ReimbursementId, Seq};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, PUSHING, Situation, Step, StepName, done_before, nothing_to_undo,
};

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reimbursement {
    /// Who is reimbursed.
    pub provider: ProviderId,
    /// The provider's decision that closed the period; it names the reimbursement.
    pub seq: Seq,
    /// The provider's account at the processor.
    pub account: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

impl Reimbursement {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = PUSHING;

    /// The table of steps.
    pub const STEPS: [Step<Self>; 3] = [
        Step { name: StepName::Close, act: done_before, undo: Self::give_back },
        Step { name: StepName::Push, act: Self::push, undo: nothing_to_undo },
        Step { name: StepName::Paid, act: Self::paid, undo: nothing_to_undo },
    ];

    /// The id of the reimbursement, which is its saga's.
    pub fn id(&self) -> ReimbursementId {
        ReimbursementId { provider: self.provider.clone(), seq: self.seq }
    }

    fn give_back(&self, at: Situation<'_>) -> Act {
        let (by, reimbursement, failure) = (at.by.clone(), self.seq, at.why());
        let body = Body::NotReimbursed { by, reimbursement, failure };
        Act::Send(EntityId::provider(&self.provider), Box::new(body))
    }

    fn push(&self, at: Situation<'_>) -> Act {
        let request = Request::Push {
            account: self.account.clone(),
            amount: self.amount,
            currency: self.currency,
            reference: at.id.as_ref().into(),
        };
        Act::Call(request, Lane::Batch)
    }

    fn paid(&self, at: Situation<'_>) -> Act {
        let body = Body::Reimbursed { by: at.by.clone(), reimbursement: self.seq };
        Act::Send(EntityId::provider(&self.provider), Box::new(body))
    }
}
