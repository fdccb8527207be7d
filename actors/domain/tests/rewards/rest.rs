//! What must hold when nothing is left to happen, whatever happened before.
//!
//! Money: the books balance, what wallets have of rewards is what the campaigns count as granted,
//! and no budget is exceeded. Words: each reward ends once, and is told once; who got one is written
//! to once. Counts: campaigns count the draws that statements made.

use std::collections::{BTreeMap, HashMap, HashSet};

use bursar_domain::entity::Entity;
use bursar_domain::id::{RewardId, Seq};
use bursar_domain::message::{About, Outcome, OutcomeKind};
use bursar_domain::saga::{End, Phase};
use bursar_domain::statement::{Fate, Reward, RewardStatus};

use crate::stage::wallet;
use crate::world::World;

impl World {
    /// Every reward of every statement.
    pub(crate) fn rewards(&self) -> BTreeMap<RewardId, Reward> {
        let mut all = BTreeMap::new();
        for (id, account) in &self.statements {
            let rewards = account.live.entity().rewards();
            for (seq, line, reward) in rewards.before(Seq(u64::MAX), 0) {
                let id = RewardId { wallet: wallet(&id.id), seq, line };
                assert!(all.insert(id, reward.clone()).is_none(), "a reward is there once");
            }
        }
        all
    }

    /// What must hold when nothing is left to happen.
    pub(crate) fn rest(&mut self) {
        self.crash_is_harmless();
        self.money_is_where_it_belongs();
        self.draws_are_counted();
        self.each_reward_is_told_once();
    }

    fn crash_is_harmless(&mut self) {
        let mut other = self.clone();
        other.is_rough = false;
        other.crash();
        while other.step() {}
        assert_eq!(other.told, self.told, "nothing is told anew");
        assert_eq!(other.mails, self.mails);
        assert_eq!(other.rewards(), self.rewards());
        for (id, account) in &self.statements {
            let batches = account.live.entity().summary().expect("it took something").batches;
            assert_eq!(batches, 0, "{id} has looked at everything");
        }
    }

    fn money_is_where_it_belongs(&self) {
        assert_eq!(self.books, 0, "every movement has two sides");
        let in_wallets: i64 = self
            .wallets
            .values()
            .map(|account| account.live.entity().summary().expect("open").posted.minor())
            .sum();
        let granted: i64 =
            self.campaigns.values().map(|account| account.live.entity().granted().minor()).sum();
        assert_eq!(in_wallets - self.elsewhere, granted, "wallets have what was granted");
        for (id, account) in &self.campaigns {
            let campaign = account.live.entity();
            let budget = campaign.terms().expect("announced").budget;
            assert!(campaign.granted() <= budget, "{id}");
            assert_eq!(self.told_of(&id.id), campaign.granted().minor(), "{id}: what was told");
        }
    }

    /// What wallets were told that they have of a campaign's rewards.
    fn told_of(&self, name: &str) -> i64 {
        let of = |told: &Outcome| {
            let Some(About::Reward { campaign, .. }) = &told.about else { return 0 };
            let is = |kind| i64::from(told.kind == kind && campaign.as_str() == name);
            let sign = is(OutcomeKind::RewardGranted) - is(OutcomeKind::RewardTakenBack);
            sign * told.amount.minor()
        };
        self.told.iter().map(of).sum()
    }

    fn draws_are_counted(&self) {
        let mut keys = HashSet::new();
        for (wallet, campaign, draw) in &self.draws {
            assert!(
                keys.insert((wallet, &draw.purchase)),
                "{draw:?} in {campaign} is a second one"
            );
        }
        for (id, account) in &self.campaigns {
            let (campaign, of) = (account.live.entity(), |name: &str| *name == *id.id);
            let draws = || self.draws.iter().filter(|(_, name, _)| of(name));
            let won = |(_, _, draw): &&(_, _, bursar_domain::statement::Draw)| {
                matches!(draw.fate, Fate::Won { .. })
            };
            let counts = *campaign.counts();
            assert_eq!(counts.draws, u64::try_from(draws().count()).expect("small"), "{id}");
            assert_eq!(counts.wins, u64::try_from(draws().filter(won).count()).expect("small"));
            let waiting = u64::try_from(campaign.waiting().len()).expect("small");
            assert_eq!(counts.wins, counts.rewards + counts.exhausted + counts.failed + waiting);
            assert!(waiting == 0 || campaign.is_paused(), "{id}: nobody waits without a reason");
        }
    }

    fn each_reward_is_told_once(&self) {
        let mut told: HashMap<RewardId, Vec<OutcomeKind>> = HashMap::new();
        for outcome in &self.told {
            let Some(About::Reward { line, .. }) = outcome.about else { continue };
            let wallet = outcome.wallet.clone().expect("rewards are of someone");
            let id = RewardId { wallet, seq: outcome.seq, line };
            told.entry(id).or_default().push(outcome.kind);
        }
        let rewards = self.rewards();
        let (granted, refused) = (OutcomeKind::RewardGranted, OutcomeKind::RewardRefused);
        let taken_back = OutcomeKind::RewardTakenBack;
        for (id, _, draw) in &self.draws {
            let told = told.remove(id).unwrap_or_default();
            if draw.fate == Fate::Lost {
                assert_eq!((told, rewards.get(id)), (vec![], None), "{id} is none");
                continue;
            }
            let expected = match rewards.get(id) {
                Some(reward) => self.expected_of(id, reward),
                // Forgotten: whatever it was, it is over.
                None if matches!(draw.fate, Fate::Limited { .. }) => vec![],
                None => {
                    let ends = [vec![granted], vec![granted, taken_back], vec![refused]];
                    assert!(ends.contains(&told), "{id} was told as {told:?}");
                    told.clone()
                }
            };
            assert_eq!(told, expected, "{id}: {:?}", rewards.get(id));
            self.saga_ended(id, expected.first().copied());
        }
        assert!(told.is_empty(), "told of what was not won: {told:?}");
    }

    /// What must have been told of a reward.
    fn expected_of(&self, id: &RewardId, reward: &Reward) -> Vec<OutcomeKind> {
        let is_due = reward.reversed && reward.claws_back;
        match reward.status {
            RewardStatus::Won => {
                let campaign = self.campaign(reward.campaign.as_str());
                assert!(campaign.is_paused(), "{id} waits for nothing");
                vec![]
            }
            RewardStatus::Reserved => panic!("{id} is neither here nor there"),
            RewardStatus::Granted => {
                assert!(!is_due, "{id} was to go back");
                vec![OutcomeKind::RewardGranted]
            }
            RewardStatus::TakenBack(_) => {
                assert!(is_due, "{id} was taken back for no reason");
                vec![OutcomeKind::RewardGranted, OutcomeKind::RewardTakenBack]
            }
            RewardStatus::Limited => vec![],
            RewardStatus::Failed(_) => vec![OutcomeKind::RewardRefused],
        }
    }

    /// The saga of a reward ended as was told, and wrote one mail.
    fn saga_ended(&self, id: &RewardId, told: Option<OutcomeKind>) {
        let saga = self.sagas.get(&id.saga()).map(|account| account.live.entity().phase());
        let mails = self.mails.iter().filter(|key| key.starts_with(&*id.saga().id)).count();
        if told == Some(OutcomeKind::RewardGranted) {
            assert_eq!(saga, Some(&Phase::Ended(End::Done)), "{id}");
            assert_eq!(mails, 1, "{id}");
        } else {
            // One that the budget did not hold never had a saga.
            assert!(matches!(saga, None | Some(Phase::Ended(End::Failed(_)))), "{id}: {saga:?}");
            assert_eq!(mails, 0, "{id}");
        }
    }
}
