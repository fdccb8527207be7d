//! Rewards of a wallet: booked once each, and taken back once at most.
//!
//! A reward comes from outside with its saga, which the wallet answers either way. When the purchase
//! was reversed, the statement asks for it back: the wallet gives what may be spent, in the order in
//! which it is asked, and tells the statement of each and every campaign of its sum.
//!
//! What campaign and wallet say of one reward is laid side by side in `rewards`.

use std::collections::BTreeMap;

use bursar_domain::campaign::{News, RewardNews};
use bursar_domain::code::Rejection;
use bursar_domain::id::{CampaignId, EntityId, Kind};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind, Source};
use bursar_domain::money::Amount;
use bursar_domain::wallet::reward::{Back, RewardBooked, RewardEvent, RewardsTakenBack};

use super::{Wallet, outcome, own_id};
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money, must_be};
use crate::cli::verify::rewards::Grant;
use crate::cli::verify::saga::reward::reward_id;
use crate::cli::verify::sums::major;
use crate::cli::verify::transfers::Known;

impl Wallet {
    pub(super) fn reward(&mut self, event: &RewardEvent, entry: &mut Entry<'_>) {
        match event {
            RewardEvent::Booked(event) => self.reward_booked(event, entry),
            RewardEvent::Refused { source, by, rejection } => {
                self.reward_refused(*source, by, rejection, entry);
            }
            RewardEvent::TakenBack(event) => self.rewards_taken_back(event, entry),
        }
    }

    fn reward_booked(&mut self, event: &RewardBooked, entry: &mut Entry<'_>) {
        let RewardBooked { source, by, reward, balance_after, email } = event;
        let (amount, currency) = (reward.amount, reward.currency);
        must_be(Kind::Saga, by, entry);
        let credit = Body::RewardCredit { by: by.clone(), reward: reward.clone() };
        self.marks.receive(*source, &credit, entry);
        check_money(amount, currency, self.currency(), entry);
        check_own(&reward.id.wallet, entry);
        if *by.entity.id != *reward_id(&reward.id) {
            let id = reward_id(&reward.id);
            entry.wrong(format!("{} asks, which is not about reward {id}", by.entity));
        }
        self.step(amount, *balance_after, currency, entry);
        entry.booked(currency, amount);
        if *email != self.profile.as_ref().and_then(|profile| profile.email.clone()) {
            entry.wrong("it gives another address than the wallet was opened with");
        }
        let grant = Grant::new(&reward.campaign, amount, &reward.purchase);
        let fault = entry.ledger.rewards.booked(&reward.id, grant);
        entry.wrong_if(fault);
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, Part::Kept);
        entry.replied(by, Answer::Contact { email: email.clone(), account: "".into() });
        let (draw, line) = (reward.id.seq, reward.id.line);
        let news = vec![RewardNews { draw, line, news: News::Credited }];
        entry.sent(&EntityId::statement(&own_id(entry)), &Body::RewardNews(news));
        let purchase = Some(reward.purchase.clone());
        let campaign = reward.campaign.clone();
        entry.told(&Outcome {
            seq: draw,
            about: Some(About::Reward { campaign, line, purchase, failure: None }),
            ..outcome(OutcomeKind::RewardGranted, (amount, currency, *balance_after), entry)
        });
    }

    fn reward_refused(
        &mut self,
        source: Source,
        by: &Asker,
        rejection: &Rejection,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Saga, by, entry);
        self.marks.receive_known(source, Known::RefusedReward(by), entry);
        entry.replied(by, Answer::Refused(rejection.clone()));
    }

    fn rewards_taken_back(&mut self, event: &RewardsTakenBack, entry: &mut Entry<'_>) {
        let RewardsTakenBack { source, rewards, taken, currency, balance_after } = event;
        let asked = rewards.iter().map(|(back, _)| back.clone()).collect();
        self.marks.receive(*source, &Body::ClawBack(asked), entry);
        if self.currency() != Some(*currency) || rewards.is_empty() {
            entry.wrong(format!("{} rewards in {currency} are taken back", rewards.len()));
        }
        self.check_parts(event, entry);
        for (back, part) in rewards {
            check_own(&back.id.wallet, entry);
            if back.currency != *currency {
                entry.wrong(format!("reward {} is in {}", reward_id(&back.id), back.currency));
            }
            let Back { id, campaign, amount, .. } = back;
            let fault = entry.ledger.rewards.taken_back(id, campaign, *amount, *part);
            entry.wrong_if(fault);
        }
        self.step(taken.checked_neg().unwrap_or_default(), *balance_after, *currency, entry);
        if taken.is_positive() {
            entry.returned(*currency, *taken);
            self.check_limit(entry);
        }
        tell(event, entry);
    }

    /// Of each reward as much as may be spent is taken, one after the other.
    fn check_parts(&self, event: &RewardsTakenBack, entry: &mut Entry<'_>) {
        let credit = self.profile.as_ref().map_or(Amount::ZERO, |profile| profile.credit_limit);
        let mut left = self.balance.told() - self.held() + i128::from(credit.minor());
        left = left.max(0);
        let mut sum = 0;
        for (back, part) in &event.rewards {
            let (asked, part) = (i128::from(back.amount.minor()), i128::from(part.minor()));
            let expected = asked.min(left);
            if part != expected {
                entry.wrong(format!(
                    "{} of reward {} is taken back; it should be {}",
                    major(part, event.currency),
                    reward_id(&back.id),
                    major(expected, event.currency)
                ));
            }
            left -= part;
            sum += part;
        }
        if sum != i128::from(event.taken.minor()) {
            let (taken, sum) = (event.taken.to_major(event.currency), major(sum, event.currency));
            entry.wrong(format!("{taken} is taken back in all; its parts come to {sum}"));
        }
    }
}

/// A reward is of the wallet that its id names.
fn check_own(wallet: &bursar_domain::id::WalletId, entry: &mut Entry<'_>) {
    if *wallet != own_id(entry) {
        entry.wrong(format!("it is a reward of wallet {wallet}"));
    }
}

/// What is told of rewards that were taken back: the statement of each, every campaign of its sum,
/// the world of each, with the balance as if they went one after the other.
fn tell(event: &RewardsTakenBack, entry: &mut Entry<'_>) {
    let RewardsTakenBack { rewards, taken, currency, balance_after, .. } = event;
    let wallet = own_id(entry);
    let news = |(back, part): &(Back, Amount)| {
        let (draw, line) = (back.id.seq, back.id.line);
        RewardNews { draw, line, news: News::TakenBack(*part) }
    };
    let news = Body::RewardNews(rewards.iter().map(news).collect());
    entry.sent(&EntityId::statement(&wallet), &news);
    let mut sums: BTreeMap<&CampaignId, i64> = BTreeMap::new();
    let mut left = taken.minor();
    for (back, part) in rewards {
        *sums.entry(&back.campaign).or_default() += part.minor();
        left -= part.minor();
        let after = Amount::from_minor(balance_after.minor().saturating_add(left));
        let (campaign, line) = (back.campaign.clone(), back.id.line);
        entry.told(&Outcome {
            seq: back.id.seq,
            about: Some(About::Reward { campaign, line, purchase: None, failure: None }),
            ..outcome(OutcomeKind::RewardTakenBack, (*part, *currency, after), entry)
        });
    }
    for (campaign, sum) in sums {
        let (wallet, amount) = (wallet.clone(), Amount::from_minor(sum));
        let body = Body::TakenBack { wallet, amount, currency: *currency };
        entry.sent(&EntityId::campaign(campaign), &body);
    }
}
