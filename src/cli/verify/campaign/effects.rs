//! What follows from a campaign's decisions, made from them a second time.
//!
//! A reward that is granted begins its saga; every statement whose wins were decided is told, in one
//! message; a refusal, now or when the wallet said no, is told to the world. Whose wins wait hears
//! nothing yet. What stands here is laid beside what the others received and what was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::campaign::event::Ungranted;
use bursar_domain::campaign::{Decided, Decision, News, RewardNews, Win};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq, WalletId};
use bursar_domain::message::{About, Body, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::saga::reward::Reward;
use bursar_domain::saga::{Failure, Subject};

use crate::cli::verify::ledger::Entry;
use crate::cli::verify::saga::reward::reward_id;

/// The campaign whose record this is.
pub(super) fn own_id(entry: &Entry<'_>) -> CampaignId {
    CampaignId::from_shared(Arc::clone(&entry.place.id.id))
}

/// Wins were decided.
pub(super) fn decided(wins: &[Decided], currency: Currency, entry: &mut Entry<'_>) {
    let mut told: BTreeMap<&WalletId, Vec<RewardNews>> = BTreeMap::new();
    for Decided { wallet, draw, win, decision } in wins {
        let no = match decision {
            Decision::Waits => continue,
            Decision::Granted => None,
            Decision::Exhausted => {
                Some(Failure::new("budget-exhausted", "the campaign's budget has less left"))
            }
            Decision::TurnedAway => {
                Some(Failure::new("campaign-paused", "too many wins wait for the campaign"))
            }
        };
        let news = match no {
            None => {
                let id = RewardId { wallet: wallet.clone(), seq: *draw, line: win.line };
                let saga = EntityId::saga(reward_id(&id));
                let (campaign, purchase) = (own_id(entry), win.purchase.clone());
                let reward = Reward { campaign, id, purchase, amount: win.amount, currency };
                entry.sent(&saga, &Body::Begin(Box::new(Subject::Reward(reward))));
                News::Reserved
            }
            Some(failure) => {
                refused((wallet, *draw, win), currency, &failure, entry);
                News::Failed(failure)
            }
        };
        let news = RewardNews { draw: *draw, line: win.line, news };
        told.entry(wallet).or_default().push(news);
    }
    for (wallet, news) in told {
        entry.sent(&EntityId::statement(wallet), &Body::RewardNews(news));
    }
}

/// A reward could not be brought to its wallet.
pub(super) fn ungranted(event: &Ungranted, entry: &mut Entry<'_>) {
    let Ungranted { wallet, draw, win, currency, failure, .. } = event;
    let news = News::Failed(failure.clone());
    let news = vec![RewardNews { draw: *draw, line: win.line, news }];
    entry.sent(&EntityId::statement(wallet), &Body::RewardNews(news));
    refused((wallet, *draw, win), *currency, failure, entry);
}

/// A win came to nothing, and everyone may know.
fn refused(
    (wallet, draw, win): (&WalletId, Seq, &Win),
    currency: Currency,
    failure: &Failure,
    entry: &mut Entry<'_>,
) {
    let about = About::Reward {
        campaign: own_id(entry),
        line: win.line,
        purchase: Some(win.purchase.clone()),
        failure: Some(failure.clone()),
    };
    entry.told(&Outcome {
        kind: OutcomeKind::RewardRefused,
        at: entry.at,
        wallet: Some(wallet.clone()),
        seq: draw,
        provider: None,
        payment: None,
        amount: win.amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(about),
    });
}
