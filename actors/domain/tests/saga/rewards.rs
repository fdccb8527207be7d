//! Rewards: campaigns that grant, wallets that take or have no room, statements that are told.
//!
//! The campaign is the real one; the statement is played: it says what was won, takes back, and
//! keeps what it is told. Held at every end: each win was told once, as granted or as refused;
//! each line of a statement has one story; a campaign has granted what is in the wallets, and not
//! over its budget. What comes before the credit may be given up, and the campaign is free of it;
//! nothing after it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::campaign::terms::{Limits, Odds, OnReversal, Prize, Secret, Terms, Worth};
use bursar_domain::campaign::{self, Campaign, Merchants, News, RewardNews, Win};
use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq};
use bursar_domain::message::{About, Body, Message, Outcome, OutcomeKind};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::saga::{StepName, StepStatus, Subject};
use bursar_domain::wallet::reward::Back;

use crate::ends::Ending;
use crate::everywhere::at_every_point;
use crate::faults::{Fault, Plan};
use crate::flight::Strays;
use crate::parties::Route;
use crate::stage::{Scene, euro, policy, wallet, wallet_id};
use crate::twice::seen;
use crate::undoing::{calls, failed};
use crate::world::{Delivery, World};

const DELIVERIES: [Delivery; 3] = [Delivery::Once, Delivery::Twice, Delivery::Anyhow];

fn campaign_id(name: &str) -> CampaignId {
    CampaignId::parse(name).expect("well-formed")
}

pub(crate) fn campaign(name: &str) -> EntityId {
    EntityId::campaign(&campaign_id(name))
}

fn statement(name: &str) -> EntityId {
    EntityId::statement(&wallet_id(name))
}

impl World {
    /// Announces a campaign with this budget.
    pub(crate) fn announce(&mut self, name: &str, budget: i64) {
        let terms = Terms {
            id: campaign_id(name),
            name: None,
            currency: euro(),
            budget: Amount::from_minor(budget),
            starts_at: self.at(),
            ends_at: self.at(),
            first_day: Day::utc(self.at()),
            last_day: Day::utc(self.at()),
            odds: Odds { wins: 1, of: 1 },
            prizes: vec![Prize { weight: 1, worth: Worth::Fixed(Amount::from_minor(1)) }],
            merchants: Merchants::default(),
            min_amount: None,
            limits: Limits::default(),
            on_reversal: OnReversal::ClawBack,
            priority: 0,
            open_days: 32,
            secret: Secret([7; 32]),
            announced_at: self.at(),
        };
        let announce = campaign::Command::Announce(Arc::new(terms));
        self.ask::<Campaign>(&campaign(name), &announce).expect("it is announced");
    }

    /// Grants nothing for now, or again.
    pub(crate) fn set_paused(&mut self, name: &str, is_paused: bool) {
        let command = if is_paused { campaign::Command::Pause } else { campaign::Command::Resume };
        self.ask::<Campaign>(&campaign(name), &command).expect("anyone may");
    }

    /// Says that a customer's purchases won so much each; the sagas of the rewards, if they are
    /// granted.
    pub(crate) fn win(&mut self, into: &str, name: &str, minors: &[i64]) -> Vec<EntityId> {
        let source = self.next_source(&statement(name));
        let win = |(line, minor): (u16, &i64)| {
            let purchase = format!("tx-{}-{line}", source.seq).into();
            Win { line, purchase, amount: Amount::from_minor(*minor) }
        };
        let wins: Vec<_> = (0..).zip(minors).map(win).collect();
        let draws = u32::try_from(wins.len()).expect("few") + 1;
        let id = |win: &Win| {
            RewardId { wallet: wallet_id(name), seq: source.seq, line: win.line }.saga()
        };
        let sagas = wins.iter().map(id).collect();
        let body = Body::Drew { wallet: wallet_id(name), draws, wins };
        self.send(Message { source, to: campaign(into), body });
        sagas
    }

    /// Whether a statement was told that a reward is in its wallet.
    pub(crate) fn is_credited(&self, saga: &EntityId) -> bool {
        let id = RewardId::parse(&saga.id).expect("one of ours");
        let told = self.counterparts.get(&EntityId::statement(&id.wallet));
        let is_this = |told: &RewardNews| {
            (told.draw, told.line, &told.news) == (id.seq, id.line, &News::Credited)
        };
        told.is_some_and(|told| told.news.iter().any(is_this))
    }

    /// The purchases of these rewards of one customer were reversed.
    pub(crate) fn claw_back(&mut self, into: &str, rewards: &[(&EntityId, i64)]) {
        let wallet = RewardId::parse(&rewards[0].0.id).expect("one of ours").wallet;
        let source = self.next_source(&EntityId::statement(&wallet));
        let back = |(saga, minor): &(&EntityId, i64)| Back {
            id: RewardId::parse(&saga.id).expect("one of ours"),
            campaign: campaign_id(into),
            amount: Amount::from_minor(*minor),
            currency: euro(),
        };
        let body = Body::ClawBack(rewards.iter().map(back).collect());
        self.send(Message { source, to: EntityId::wallet(&wallet), body });
    }

    /// What was told of one reward, but that it was taken back.
    pub(crate) fn told_of(&self, id: &RewardId) -> Vec<&Outcome> {
        let of_this = |told: &&Outcome| {
            let Some(About::Reward { line, .. }) = &told.about else { return false };
            let place = (told.wallet.as_ref(), told.seq, *line);
            place == (Some(&id.wallet), id.seq, id.line)
                && told.kind != OutcomeKind::RewardTakenBack
        };
        self.told.iter().filter(of_this).collect()
    }

    /// How much was taken back from a wallet, as it was told.
    pub(crate) fn taken_back(&self, wallet: &EntityId) -> i64 {
        let ours = self.told.iter().filter(|told| {
            told.kind == OutcomeKind::RewardTakenBack
                && told.wallet.as_ref().map(EntityId::wallet).as_ref() == Some(wallet)
        });
        ours.map(|told| told.amount.minor()).sum()
    }

    /// The stories of rewards agree: what statements and the world were told, what campaigns have
    /// granted, what the sagas did. How much came into wallets and stayed there.
    pub(crate) fn check_rewards(&self, sagas: &BTreeMap<EntityId, (Subject, Ending)>) -> i64 {
        let mut stories: BTreeMap<RewardId, Vec<&News>> = BTreeMap::new();
        for (to, one) in &self.counterparts {
            for told in &one.news {
                let wallet = wallet_id(&to.id);
                let id = RewardId { wallet, seq: told.draw, line: told.line };
                stories.entry(id).or_default().push(&told.news);
            }
        }
        for (id, story) in &stories {
            let credited = story.iter().filter(|news| ***news == News::Credited).count();
            let reserved = story.iter().filter(|news| ***news == News::Reserved).count();
            let no = story.iter().filter(|news| matches!(news, News::Failed(_))).count();
            let back = story.iter().filter(|news| matches!(news, News::TakenBack(_))).count();
            assert_eq!((credited + no, self.told_of(id).len()), (1, 1), "{id}: {story:?}");
            assert!(reserved <= 1 && credited <= reserved && back <= credited, "{id}: {story:?}");
            let ending = sagas.get(&id.saga()).map(|(_, ending)| ending);
            assert_eq!(ending.is_some(), reserved == 1, "{id}: {story:?}");
            assert_eq!(ending == Some(&Ending::Done), credited == 1, "{id}: {story:?}");
        }
        let mut granted: BTreeMap<EntityId, i64> = BTreeMap::new();
        for (subject, ending) in sagas.values() {
            if let (Subject::Reward(reward), Ending::Done) = (subject, ending) {
                assert!(stories.contains_key(&reward.id), "{reward:?} was told");
                *granted.entry(EntityId::campaign(&reward.campaign)).or_default() +=
                    reward.amount.minor();
            }
        }
        for told in &self.told {
            if let (OutcomeKind::RewardTakenBack, Some(About::Reward { campaign, .. })) =
                (told.kind, &told.about)
            {
                *granted.entry(EntityId::campaign(campaign)).or_default() -= told.amount.minor();
            }
        }
        for (id, account) in &self.campaigns {
            let seen = account.live.entity().summary().expect("announced");
            let kept = granted.get(id).copied().unwrap_or_default();
            assert_eq!((seen.granted.minor(), seen.waiting), (kept, 0), "{id}");
        }
        granted.values().sum()
    }
}

/// A wallet with so much, a campaign, and a win of its whole budget.
fn begin(delivery: Delivery, plan: Plan, has: i64, minor: i64) -> (World, EntityId) {
    let mut world = World::new(policy(), delivery, plan, 3);
    world.open_wallet("ann", has, Some("ann@example.com"));
    world.announce("spring", minor);
    let saga = world.win("spring", "ann", &[minor]).remove(0);
    (world, saga)
}

/// A wallet that has no room for it.
fn begin_unwelcome(delivery: Delivery) -> (World, EntityId) {
    begin(delivery, Plan::fair(), i64::MAX - 40, 41)
}

fn granted(world: &World) -> i64 {
    world.campaigns[&campaign("spring")].live.entity().granted().minor()
}

fn posted(world: &World, name: &str) -> i64 {
    world.wallets[&wallet(name)].live.entity().summary().expect("open").posted.minor()
}

#[test]
fn a_reward_is_credited_and_then_the_customer_is_written_to() {
    let (mut world, saga) = Scene::Reward.begin(Delivery::Once, Plan::fair());
    assert_eq!(world.settled()[&saga], Ending::Done);
    assert_eq!((posted(&world, "ann"), granted(&world)), (600, 100));
    assert_eq!(calls(&world, &saga, "tell"), ["0 Mail tell"]);
    assert_eq!(world.parties.mails(&saga.id), 1);
    let id = RewardId::parse(&saga.id).expect("a reward");
    let [told] = &*world.told_of(&id) else { panic!("{:?}", world.told) };
    assert_eq!((told.kind, told.balance_after.minor()), (OutcomeKind::RewardGranted, 600));
    let about = About::Reward {
        campaign: campaign_id("spring"),
        line: 0,
        purchase: Some(format!("tx-{}-0", id.seq).into()),
        failure: None,
    };
    assert_eq!(told.about, Some(about));
    assert_eq!(world.compensation(&saga), None);
}

#[test]
fn a_wallet_without_room_says_no_and_the_campaign_is_free_of_it() {
    for delivery in DELIVERIES {
        let (mut world, saga) = begin_unwelcome(delivery);
        assert_eq!(world.settled()[&saga], failed("balance-overflow"), "{delivery:?}");
        assert_eq!((posted(&world, "ann"), granted(&world)), (i64::MAX - 40, 0));
        let undone = world.compensation(&saga).expect("it undid").undoing().expect("begun");
        let undone: Vec<_> = undone.undos.iter().map(|undo| undo.name).collect();
        assert_eq!(undone, [StepName::Reserve]);
        let steps: Vec<_> = world.saga(&saga).steps().iter().map(|step| step.status).collect();
        assert_eq!(steps, [StepStatus::Done, StepStatus::Failed], "nobody is written to");
        assert!(world.called.is_empty());
        let id = RewardId::parse(&saga.id).expect("a reward");
        let [told] = &*world.told_of(&id) else { panic!("{:?}", world.told) };
        let Some(About::Reward { failure: Some(failure), purchase, .. }) = &told.about else {
            panic!("{told:?}")
        };
        assert_eq!((told.kind, &*failure.code), (OutcomeKind::RewardRefused, "balance-overflow"));
        assert_eq!((told.amount.minor(), purchase.is_some()), (41, true));
        let counts = *world.campaigns[&campaign("spring")].live.entity().counts();
        assert_eq!((counts.wins, counts.rewards, counts.failed), (1, 0, 1));
        // What is free again is there for the next one.
        let next = world.win("spring", "ann", &[40]).remove(0);
        assert_eq!(world.settled()[&next], Ending::Done);
        assert_eq!((posted(&world, "ann"), granted(&world)), (i64::MAX, 40));
    }
    // A reward that just fits is taken.
    let (mut world, saga) = begin(Delivery::Once, Plan::fair(), i64::MAX - 41, 41);
    assert_eq!((&world.settled()[&saga], posted(&world, "ann")), (&Ending::Done, i64::MAX));
}

#[test]
fn an_undoing_of_a_reward_in_which_everything_comes_twice_ends_as_if_it_came_once() {
    let [once, twice] = [Delivery::Once, Delivery::Twice].map(|delivery| {
        let (mut world, saga) = begin_unwelcome(delivery);
        assert_eq!(world.settled()[&saga], failed("balance-overflow"));
        seen(&world)
    });
    assert_eq!(once, twice);
}

#[test]
fn a_refused_reward_is_undone_whatever_crashes_and_whenever_it_is_cancelled() {
    for (delivery, strays) in [
        (Delivery::Once, Strays::Lost),
        (Delivery::Twice, Strays::Arrive),
        (Delivery::Anyhow, Strays::Either),
    ] {
        let (world, saga) = begin_unwelcome(delivery);
        let crashed = at_every_point(&world, |mut world| {
            world.crash(strays);
            assert_eq!(world.settled()[&saga], failed("balance-overflow"));
            assert_eq!(granted(&world), 0);
        });
        let cancelled = at_every_point(&world, |mut world| {
            let expected = match world.cancel(&saga) {
                Ok(true) => Ending::Cancelled,
                Ok(false) | Err(Code::InvestmentConfirmed) => failed("balance-overflow"),
                Err(code) => panic!("{code}"),
            };
            assert_eq!(world.settled()[&saga], expected);
            assert_eq!(granted(&world), 0);
        });
        assert!(crashed > 5 && cancelled > 5, "{crashed} {cancelled}");
    }
}

#[test]
fn once_the_wallet_is_asked_nothing_is_cancelled_and_no_mail_undoes_a_reward() {
    for fault in [None, Some(Fault::Decline), Some(Fault::Late), Some(Fault::NotSent)] {
        let plan = fault.map_or(Plan::fair(), |fault| Plan::first(Route::Mail, 99, fault));
        let (mut world, saga) = Scene::Reward.begin(Delivery::Once, plan);
        while !world.sagas.contains_key(&saga) {
            assert!(world.step(), "it begins");
        }
        let points = at_every_point(&world, |mut world| {
            assert_eq!(world.cancel(&saga), Err(Code::InvestmentConfirmed));
            assert_eq!(world.settled()[&saga], Ending::Done, "{fault:?}");
            assert_eq!((posted(&world, "ann"), granted(&world)), (600, 100));
            let last = world.saga(&saga).steps().last().expect("the mail").status;
            let is_given_up = fault.is_some_and(|fault| fault != Fault::Late);
            assert_eq!(last == StepStatus::Failed, is_given_up, "{fault:?}: {last:?}");
        });
        assert!(points > 3, "{points}");
    }
}

#[test]
fn without_an_address_nobody_is_written_to() {
    let mut world = World::new(policy(), Delivery::Once, Plan::fair(), 1);
    world.open_wallet("ann", 0, None);
    world.announce("spring", 100);
    let saga = world.win("spring", "ann", &[100]).remove(0);
    assert_eq!(world.settled()[&saga], Ending::Done);
    let last = world.saga(&saga).steps().last().expect("the mail");
    assert_eq!(last.status, StepStatus::Skipped);
    assert_eq!(last.detail.as_deref(), Some("the wallet has no e-mail address"));
    assert!(world.called.is_empty());
}

#[test]
fn a_frozen_wallet_takes_a_reward_and_gives_it_back() {
    let (mut world, saga) = Scene::Reward.begin(Delivery::Once, Plan::fair());
    world.set_frozen("ann", true);
    assert_eq!(world.settled()[&saga], Ending::Done);
    world.claw_back("spring", &[(&saga, 100)]);
    world.settled();
    assert_eq!((posted(&world, "ann"), granted(&world)), (500, 0));
}

#[test]
fn what_the_budget_does_not_hold_is_refused_in_order_and_has_no_saga() {
    for delivery in DELIVERIES {
        let mut world = World::new(policy(), delivery, Plan::fair(), 5);
        world.open_wallet("ann", 0, None);
        world.announce("spring", 100);
        let sagas = world.win("spring", "ann", &[60, 50, 40, 1]);
        let ended = world.settled();
        assert_eq!(ended.keys().collect::<Vec<_>>(), [&sagas[0], &sagas[2]]);
        assert_eq!((posted(&world, "ann"), granted(&world)), (100, 100));
        for (saga, expected) in sagas.iter().zip([None, Some(()), None, Some(())]) {
            let id = RewardId::parse(&saga.id).expect("a reward");
            let [told] = &*world.told_of(&id) else { panic!("{:?}", world.told) };
            let Some(About::Reward { failure, .. }) = &told.about else { panic!("{told:?}") };
            let code = failure.as_ref().map(|failure| &*failure.code);
            assert_eq!(code, expected.map(|()| "budget-exhausted"), "{saga}");
        }
        let counts = *world.campaigns[&campaign("spring")].live.entity().counts();
        assert_eq!((counts.draws, counts.wins, counts.rewards, counts.exhausted), (5, 4, 2, 2));
    }
}

#[test]
fn what_waits_over_a_pause_is_brought_to_its_wallets_afterwards() {
    for strays in [None, Some(Strays::Lost), Some(Strays::Arrive)] {
        let mut world = World::new(policy(), Delivery::Twice, Plan::fair(), 1);
        for name in ["ann", "bob"] {
            world.open_wallet(name, 0, None);
        }
        world.announce("spring", 100);
        world.set_paused("spring", true);
        let first = world.win("spring", "ann", &[70]).remove(0);
        let second = world.win("spring", "bob", &[40, 30]);
        world.run();
        assert!(world.sagas.is_empty() && world.told.is_empty(), "it pauses");
        if let Some(strays) = strays {
            world.crash(strays);
            world.run();
        }
        world.set_paused("spring", false);
        let ended = world.settled();
        assert_eq!(ended.len(), 2);
        assert!(ended.contains_key(&first) && ended.contains_key(&second[1]), "{ended:?}");
        assert_eq!((posted(&world, "ann"), posted(&world, "bob")), (70, 30));
    }
}

#[test]
fn what_is_taken_back_is_with_the_campaign_again_once_whatever_comes_twice() {
    for delivery in DELIVERIES {
        for strays in [None, Some(Strays::Lost)] {
            let mut world = World::new(policy(), delivery, Plan::fair(), 9);
            world.open_wallet("ann", 10, None);
            world.announce("spring", 100);
            let sagas = world.win("spring", "ann", &[60, 40]);
            world.settled();
            assert_eq!((posted(&world, "ann"), granted(&world)), (110, 100));
            // The customer has spent most of it meanwhile.
            let spent = world.pay_at_once("ann", 45).expect("it is covered");
            assert_eq!(world.settled()[&spent], Ending::Done);
            world.claw_back("spring", &[(&sagas[1], 40), (&sagas[0], 60)]);
            if let Some(strays) = strays {
                world.run();
                world.crash(strays);
            }
            world.settled();
            assert_eq!((posted(&world, "ann"), granted(&world)), (0, 35));
            let counts = *world.campaigns[&campaign("spring")].live.entity().counts();
            assert_eq!((counts.rewards, counts.taken_back), (2, Amount::from_minor(65).into()));
            let told = world.told.iter().filter_map(|told| {
                let Some(About::Reward { line, .. }) = told.about else { return None };
                let is_back = told.kind == OutcomeKind::RewardTakenBack;
                is_back.then(|| (line, told.amount.minor(), told.balance_after.minor()))
            });
            assert_eq!(told.collect::<Vec<_>>(), [(1, 40, 25), (0, 25, 0)]);
            let news = &world.counterparts[&statement("ann")].news;
            let news = news.iter().filter_map(|told| match told.news {
                News::TakenBack(amount) => Some((told.line, amount.minor())),
                News::Reserved | News::Failed(_) | News::Credited => None,
            });
            assert_eq!(news.collect::<Vec<_>>(), [(1, 40), (0, 25)]);
        }
    }
}

#[test]
fn the_id_of_a_reward_is_its_sagas_and_says_whose_it_is() {
    let (world, saga) = Scene::Reward.begin(Delivery::Once, Plan::fair());
    let id = RewardId::parse(&saga.id).expect("a reward");
    assert_eq!((id.wallet, id.seq > Seq(0), id.line), (wallet_id("ann"), true, 0));
    assert!(!world.sagas.contains_key(&saga), "the campaign has not heard of it yet");
}
