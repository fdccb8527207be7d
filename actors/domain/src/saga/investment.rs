//! The saga of an investment: place, mark, money, documents, and then for good.
//!
//! The deal reserved the place before the saga began. Money from the bank is pulled by the
//! processor and stays with the saga; money from the wallet is set aside there. When the documents
//! are made there is no way back: the wallet pays what was set aside, the deal gets the money, and
//! the customer is written to. Only that last step may fail, and it undoes nothing.

use bincode::{Decode, Encode};

use crate::call::{Lane, Mail, Request, Template};
use crate::currency::Currency;
use crate::id::{EntityId, InvestmentId, WalletId};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, Situation, Step, StepName, done_before, nothing, nothing_to_undo,
};

/// Where the money comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Funding {
    /// The processor pulls it from the customer's bank account.
    Bank,
    /// It is in the wallet.
    Wallet,
}

impl Funding {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Wallet => "wallet",
        }
    }
}

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Investment {
    /// Which deal, and which of its decisions gave the ticket.
    pub id: InvestmentId,
    /// The ticket.
    pub ticket: u64,
    /// Who invests.
    pub wallet: WalletId,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Where the money comes from.
    pub funding: Funding,
}

impl Investment {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = Outline { steps: 7, returnable_to: 3, ends_with: 5 };

    /// The table of steps.
    pub const STEPS: [Step<Self>; 7] = [
        Step { name: StepName::Reserve, act: done_before, undo: Self::free },
        Step { name: StepName::Mark, act: Self::mark, undo: Self::unmark },
        Step { name: StepName::Pull, act: Self::pull, undo: Self::refund },
        Step { name: StepName::Documents, act: Self::make, undo: void },
        Step { name: StepName::Settle, act: Self::settle, undo: nothing_to_undo },
        Step { name: StepName::Confirm, act: Self::confirm, undo: nothing_to_undo },
        Step { name: StepName::Tell, act: Self::tell, undo: nothing_to_undo },
    ];

    fn free(&self, at: Situation<'_>) -> Act {
        let body = Body::Free { by: at.by.clone(), investment: self.id.seq };
        Act::Send(EntityId::deal(&self.id.deal), Box::new(body))
    }

    fn mark(&self, at: Situation<'_>) -> Act {
        let hold = match self.funding {
            Funding::Bank => Amount::ZERO,
            Funding::Wallet => self.amount,
        };
        let body = Body::Mark { by: at.by.clone(), hold, currency: self.currency };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }

    fn unmark(&self, at: Situation<'_>) -> Act {
        let body = Body::Unmark { by: at.by.clone() };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }

    fn pull(&self, at: Situation<'_>) -> Act {
        match self.funding {
            Funding::Wallet => nothing("the wallet has set the amount aside"),
            Funding::Bank => {
                let request = Request::Pull {
                    account: at.found.account.clone(),
                    amount: self.amount,
                    currency: self.currency,
                    reference: self.id.to_string().into(),
                };
                Act::Call(request, Lane::Interactive)
            }
        }
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

    fn make(&self, _: Situation<'_>) -> Act {
        let data = vec![
            ("investment".into(), self.id.to_string().into()),
            ("deal".into(), self.id.deal.as_str().into()),
            ("wallet".into(), self.wallet.as_str().into()),
            ("ticket".into(), self.ticket.to_string().into()),
            ("amount".into(), self.amount.to_major(self.currency).into()),
            ("currency".into(), self.currency.code().into()),
        ];
        let request = Request::MakeDocuments {
            kind: "subscription".into(),
            subject: self.id.to_string().into(),
            data,
        };
        Act::Call(request, Lane::Interactive)
    }

    fn settle(&self, at: Situation<'_>) -> Act {
        let body = Body::Settle { by: at.by.clone(), deal: self.id.deal.clone() };
        Act::Send(EntityId::wallet(&self.wallet), Box::new(body))
    }

    fn confirm(&self, at: Situation<'_>) -> Act {
        let body = Body::Confirm {
            by: at.by.clone(),
            investment: self.id.seq,
            amount: self.amount,
            currency: self.currency,
        };
        Act::Send(EntityId::deal(&self.id.deal), Box::new(body))
    }

    fn tell(&self, at: Situation<'_>) -> Act {
        let Some(email) = &at.found.email else { return nothing("the wallet has no e-mail") };
        let amount = format!("{} {}", self.amount.to_major(self.currency), self.currency);
        let fields = vec![
            ("investment".into(), self.id.to_string().into()),
            ("deal".into(), self.id.deal.as_str().into()),
            ("amount".into(), amount.into()),
            ("documents".into(), at.found.url.clone().unwrap_or_default()),
        ];
        let mail = Mail { to: email.clone(), template: Template::InvestmentConfirmed, fields };
        Act::Call(Request::Mail(Box::new(mail)), Lane::Batch)
    }
}

fn void(_: &Investment, at: Situation<'_>) -> Act {
    match &at.found.documents {
        None => nothing("no documents were made"),
        Some(id) => Act::Call(Request::VoidDocuments { id: id.clone() }, Lane::Undo),
    }
}
