//! The saga of an advance's credit: the money goes to the customer's bank.
//!
//! The advance was opened before the saga began. The processor brings the money to the customer's
//! account; then there is no way back, and the advance becomes active: its plan begins. A push that
//! was not to be ends the advance as failed. The advance tells both outcomes.
//!
//! Invariant: the saga holds no money, the books are moved by the advance.

use bincode::{Decode, Encode};

use crate::call::{Lane, Request};
use crate::currency::Currency;
use crate::id::{AdvanceId, EntityId};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, PUSHING, Situation, Step, StepName, done_before, nothing_to_undo,
};

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Credit {
    /// Which advance; its id is the saga's.
    pub advance: AdvanceId,
    /// The customer's account at the processor.
    pub account: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

impl Credit {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = PUSHING;

    /// The table of steps.
    pub const STEPS: [Step<Self>; 3] = [
        Step { name: StepName::Open, act: done_before, undo: Self::fail },
        Step { name: StepName::Push, act: Self::push, undo: nothing_to_undo },
        Step { name: StepName::Activate, act: Self::activate, undo: nothing_to_undo },
    ];

    fn fail(&self, at: Situation<'_>) -> Act {
        let body = Body::NotCredited { by: at.by.clone(), failure: at.why() };
        Act::Send(EntityId::advance(&self.advance), Box::new(body))
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

    fn activate(&self, at: Situation<'_>) -> Act {
        let body = Body::Activate { by: at.by.clone() };
        Act::Send(EntityId::advance(&self.advance), Box::new(body))
    }
}
