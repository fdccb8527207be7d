//! The saga of a reward: the money goes to the customer's wallet, and the customer is told.
//!
//! The campaign set the amount aside before the saga began. The wallet books it; one that has no
//! room for it says no, and the campaign has the amount again. The outcome is told by the wallet;
//! the mail comes last and may fail.
//!
//! Invariant: the saga holds no money; it comes from outside, and the wallet books both sides.

use bincode::{Decode, Encode};

use crate::call::{Lane, Mail, Request, Template};
use crate::campaign::Win;
use crate::currency::Currency;
use crate::id::{CampaignId, EntityId, RewardId};
use crate::message::Body;
use crate::money::Amount;
use crate::saga::subject::{
    Act, Outline, Situation, Step, StepName, done_before, nothing, nothing_to_undo,
};

/// The parameters.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reward {
    /// Which campaign grants it.
    pub campaign: CampaignId,
    /// The draw that won it; it names the reward.
    pub id: RewardId,
    /// The purchase, as the bank named it.
    pub purchase: Box<str>,
    /// How much, positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

impl Reward {
    /// How the steps are numbered.
    pub const OUTLINE: Outline = Outline { steps: 3, returnable_to: 0, ends_with: 1 };

    /// The table of steps.
    pub const STEPS: [Step<Self>; 3] = [
        Step { name: StepName::Reserve, act: done_before, undo: Self::ungrant },
        Step { name: StepName::Credit, act: Self::credit, undo: nothing_to_undo },
        Step { name: StepName::Tell, act: Self::tell, undo: nothing_to_undo },
    ];

    fn ungrant(&self, at: Situation<'_>) -> Act {
        let win = Win { line: self.id.line, purchase: self.purchase.clone(), amount: self.amount };
        let body = Body::Ungrant {
            by: at.by.clone(),
            wallet: self.id.wallet.clone(),
            draw: self.id.seq,
            win,
            failure: at.why(),
        };
        Act::Send(EntityId::campaign(&self.campaign), Box::new(body))
    }

    fn credit(&self, at: Situation<'_>) -> Act {
        let body = Body::RewardCredit { by: at.by.clone(), reward: Box::new(self.clone()) };
        Act::Send(EntityId::wallet(&self.id.wallet), Box::new(body))
    }

    fn tell(&self, at: Situation<'_>) -> Act {
        let Some(email) = &at.found.email else {
            return nothing("the wallet has no e-mail address");
        };
        let amount = format!("{} {}", self.amount.to_major(self.currency), self.currency);
        let fields = vec![
            ("reward".into(), at.id.as_ref().into()),
            ("campaign".into(), self.campaign.as_str().into()),
            ("purchase".into(), self.purchase.clone()),
            ("amount".into(), amount.into()),
        ];
        let mail = Mail { to: email.clone(), template: Template::RewardGranted, fields };
        Act::Call(Request::Mail(Box::new(mail)), Lane::Batch)
    }
}
