//! What each step of a reward's saga has to do, and what undoes it; written a second time.
//!
//! The campaign set the amount aside before the saga began. The wallet of the reward is asked to book
//! it and answers with how the customer is reached; then it is done, and what comes last is a mail.
//! The money comes from outside when the wallet books it, so the saga holds none at any time. A
//! wallet that says no is the only way in which it fails; then the campaign has the amount again.

use bursar_domain::campaign::Win;
use bursar_domain::id::{EntityId, RewardId};
use bursar_domain::message::{Asker, Body};
use bursar_domain::saga::reward::Reward;
use bursar_domain::saga::{Failure, Findings, StepName};

use super::plan::{Deed, Plan};

pub(super) const REWARD: Plan = Plan {
    names: &[StepName::Reserve, StepName::Credit, StepName::Tell],
    returnable_to: 0,
    fails_to: 1,
    done_with: 1,
};

/// The id of a reward, which is its saga's.
pub(in crate::cli::verify) fn reward_id(id: &RewardId) -> String {
    let RewardId { wallet, seq, line } = id;
    format!("rwd_{seq}-{line}_{wallet}")
}

pub(super) fn rewards_deed(reward: &Reward, name: StepName, by: Asker, found: &Findings) -> Deed {
    if name == StepName::Tell {
        return found.email.clone().map_or(Deed::Nothing, Deed::Mail);
    }
    if name != StepName::Credit {
        return Deed::Nothing;
    }
    let body = Body::RewardCredit { by, reward: Box::new(reward.clone()) };
    Deed::Ask(EntityId::wallet(&reward.id.wallet), body)
}

/// What undoes a step: only the first one has something, and that is a word to the campaign.
pub(super) fn undo(
    reward: &Reward,
    name: StepName,
    by: Asker,
    failure: Failure,
) -> Option<(EntityId, Body)> {
    if name != StepName::Reserve {
        return None;
    }
    let Reward { campaign, id, purchase, amount, .. } = reward;
    let win = Win { line: id.line, purchase: purchase.clone(), amount: *amount };
    let (wallet, draw) = (id.wallet.clone(), id.seq);
    Some((EntityId::campaign(campaign), Body::Ungrant { by, wallet, draw, win, failure }))
}
