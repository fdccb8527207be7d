//! Rewards: what is booked, what is said no to, and what is taken back of them.
//!
//! A reward comes from outside, with a saga that waits for the answer. Taking back never says no:
//! it takes in order what may be spent, and tells of each reward how much it was. Held against a
//! plain model: whatever comes between, taking back never brings the wallet under its limit, and
//! everything that is booked has two sides.

use bursar_domain::campaign::{News, RewardNews};
use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq, ShardId, WalletId};
use bursar_domain::key::Index;
use bursar_domain::message::{
    About, Answer, Asker, Body, Effect, Message, Movement, Outcome, OutcomeKind, Source, Stamp,
};
use bursar_domain::money::Amount;
use bursar_domain::saga::reward::Reward;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::reward::Back;
use bursar_domain::wallet::{Command, Expected, Hold, Profile, Status, Wallet};
use proptest::prelude::*;

use crate::bench::{
    Bench, MOST, Step, ask, check, context, currency, deposit, hold, open, pay, pull, send,
};
use crate::refused;

fn ann() -> WalletId {
    WalletId::parse("ann").expect("well-formed")
}

fn campaign(name: &str) -> CampaignId {
    CampaignId::parse(name).expect("well-formed")
}

fn id(line: u16) -> RewardId {
    RewardId { wallet: ann(), seq: Seq(70), line }
}

fn by_reward() -> Asker {
    Asker { entity: id(2).saga(), step: 4 }
}

fn reward_in(minor: i64, code: &str) -> Step {
    let reward = Reward {
        campaign: campaign("spring"),
        id: id(2),
        purchase: "tx-9".into(),
        amount: Amount::from_minor(minor),
        currency: currency(code),
    };
    send(Body::RewardCredit { by: by_reward(), reward: Box::new(reward) })
}

fn reward(minor: i64) -> Step {
    reward_in(minor, "EUR")
}

/// Rewards by their lines, campaigns and amounts.
fn claw_back(rewards: &[(u16, &str, i64)]) -> Step {
    let back = |(line, name, minor): &(u16, &str, i64)| Back {
        id: id(*line),
        campaign: campaign(name),
        amount: Amount::from_minor(*minor),
        currency: currency("EUR"),
    };
    send(Body::ClawBack(rewards.iter().map(back).collect()))
}

/// How the customer is reached; no account is needed.
fn contact() -> Answer {
    Answer::Contact { email: Some("ann@example.com".into()), account: "".into() }
}

/// The messages of one decision, and what is told.
fn sent_and_told(effects: Vec<Effect>) -> (Vec<Message>, Vec<Outcome>) {
    let (mut sent, mut told) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Send(message) => sent.push(message),
            Effect::Tell(outcome) => told.push(outcome),
            Effect::Call(_) | Effect::Fetch(_) => panic!("{effect:?}"),
        }
    }
    (sent, told)
}

#[test]
fn a_reward_is_booked_whatever_the_wallet_may_not_do() {
    check(&[open(0)], &reward(5), &contact(), (5, 0));
    check(&[open(0), deposit(9), hold("mine", 9)], &reward(5), &contact(), (14, 9));
    check(&[open(0), ask(Command::Freeze)], &reward(5), &contact(), (5, 0));
    check(&[open(50), pay(50)], &reward(5), &contact(), (-45, 0));
    check(&[open(0), deposit(1)], &reward(MOST - 1), &contact(), (MOST, 0));
}

#[test]
fn a_reward_for_which_there_is_no_room_is_refused() {
    let full = Answer::Refused(bursar_domain::code::Rejection::new(Code::BalanceOverflow, ""));
    check(&[open(0), deposit(1)], &reward(MOST), &full, (1, 0));
    // What is on its way has its room already.
    check(&[open(0), pull(MOST - 4)], &reward(5), &refused(Code::BalanceOverflow), (0, 0));
    check(&[open(0), pull(MOST - 5)], &reward(5), &contact(), (5, 0));
    let frozen = [open(0), deposit(1), ask(Command::Freeze)];
    check(&frozen, &reward(MOST), &full, (1, 0));
}

#[test]
fn a_reward_in_another_currency_is_refused() {
    check(&[open(0)], &reward_in(5, "USD"), &refused(Code::CurrencyMismatch), (0, 0));
    // Both reasons hold: the currency comes first.
    let both = [open(0), deposit(1)];
    check(&both, &reward_in(MOST, "USD"), &refused(Code::CurrencyMismatch), (1, 0));
}

#[test]
fn a_booked_reward_is_told_to_the_saga_the_statement_and_the_world() {
    let mut bench = Bench::of(&[open(0), deposit(10)]);
    let (sent, told) = sent_and_told(bench.step(&reward(5)).expect("a message is not refused"));
    let [reply, news] = &*sent else { panic!("{sent:?}") };
    assert_eq!(reply.to, id(2).saga());
    assert_eq!(reply.body, Body::Reply { step: 4, answer: contact() });
    let credited = RewardNews { draw: Seq(70), line: 2, news: News::Credited };
    assert_eq!(news.to, EntityId::statement(&ann()));
    assert_eq!(news.body, Body::RewardNews(vec![credited]));
    let about = About::Reward {
        campaign: campaign("spring"),
        line: 2,
        purchase: Some("tx-9".into()),
        failure: None,
    };
    let expected = Outcome {
        kind: OutcomeKind::RewardGranted,
        at: Timestamp::default(),
        wallet: Some(ann()),
        seq: Seq(70),
        provider: None,
        payment: None,
        amount: Amount::from_minor(5),
        currency: currency("EUR"),
        balance_after: Amount::from_minor(15),
        description: None,
        effective_at: None,
        about: Some(about),
    };
    assert_eq!(told, [expected]);
    // A no goes to the saga alone: the campaign tells the rest.
    let effects = bench.step(&reward(MOST)).expect("a message is not refused");
    let (sent, told) = sent_and_told(effects);
    assert_eq!((sent.len(), told.len()), (1, 0), "{sent:?}");
    assert_eq!(sent[0].to, id(2).saga());
}

/// `given`, then rewards are taken back: of each so much, with posted and held afterwards.
#[track_caller]
fn takes(given: &[Step], rewards: &[(u16, &str, i64)], expected: &[i64], balance: (i64, i64)) {
    let mut bench = Bench::of(given);
    let effects = bench.step(&claw_back(rewards)).expect("a message is not refused");
    let (sent, told) = sent_and_told(effects);
    let taken: Vec<_> = told.iter().map(|told| told.amount.minor()).collect();
    assert_eq!((&*taken, bench.balance()), (expected, balance), "{given:?}, then {rewards:?}");
    // The balances that are told go from the one before to the one after.
    let mut left: i64 = taken.iter().sum::<i64>() + balance.0;
    for (told, (line, name, _)) in told.iter().zip(rewards) {
        left -= told.amount.minor();
        assert_eq!((told.kind, told.seq), (OutcomeKind::RewardTakenBack, Seq(70)));
        assert_eq!((told.balance_after.minor(), &told.wallet), (left, &Some(ann())));
        let (campaign, line) = (campaign(name), *line);
        let about = About::Reward { campaign, line, purchase: None, failure: None };
        assert_eq!(told.about, Some(about));
    }
    assert_eq!(left, balance.0);
    // The statement hears of each reward, and each campaign of its sum.
    let news = |((line, ..), taken): (&(u16, &str, i64), &i64)| {
        let news = News::TakenBack(Amount::from_minor(*taken));
        RewardNews { draw: Seq(70), line: *line, news }
    };
    let news = rewards.iter().zip(&taken).map(news).collect();
    assert_eq!(sent[0].to, EntityId::statement(&ann()));
    assert_eq!(sent[0].body, Body::RewardNews(news));
    let mut names: Vec<_> = rewards.iter().map(|(_, name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let back = |name: &str| {
        let ours = rewards.iter().zip(&taken).filter(|((_, of, _), _)| *of == name);
        let amount = Amount::from_minor(ours.map(|(_, taken)| taken).sum());
        let body = Body::TakenBack { wallet: ann(), amount, currency: currency("EUR") };
        (EntityId::campaign(&campaign(name)), body)
    };
    let to_campaigns = sent[1..].iter().map(|sent| (sent.to.clone(), sent.body.clone()));
    assert_eq!(to_campaigns.collect::<Vec<_>>(), names.into_iter().map(back).collect::<Vec<_>>());
}

#[test]
fn what_is_there_is_taken_back_in_order_and_no_more() {
    let rewards = [(3, "spring", 40), (2, "spring", 30), (7, "spring", 20)];
    takes(&[open(0), deposit(100)], &rewards, &[40, 30, 20], (10, 0));
    takes(&[open(0), deposit(90)], &rewards, &[40, 30, 20], (0, 0));
    takes(&[open(0), deposit(50)], &rewards, &[40, 10, 0], (0, 0));
    takes(&[open(0)], &rewards, &[0, 0, 0], (0, 0));
}

#[test]
fn what_is_taken_back_goes_to_each_campaign_that_gave_it() {
    let rewards = [(1, "spring", 40), (2, "autumn", 30), (3, "spring", 20)];
    takes(&[open(0), deposit(100)], &rewards, &[40, 30, 20], (10, 0));
    takes(&[open(0), deposit(75)], &rewards, &[40, 30, 5], (0, 0));
    takes(&[open(0), deposit(40)], &rewards, &[40, 0, 0], (0, 0));
}

#[test]
fn what_is_set_aside_stays_and_credit_is_used_up_to_the_limit() {
    let one = [(1, "spring", 40)];
    takes(&[open(0), deposit(100), hold("mine", 90)], &one, &[10], (90, 90));
    takes(&[open(0), deposit(100), hold("mine", 100)], &one, &[0], (100, 100));
    takes(&[open(30)], &one, &[30], (-30, 0));
    takes(&[open(30), deposit(20)], &one, &[40], (-20, 0));
    takes(&[open(30), deposit(20), hold("mine", 25)], &one, &[25], (-5, 25));
    takes(&[open(30), pay(30)], &one, &[0], (-30, 0));
    // Far below zero, and far above the range of amounts.
    takes(&[open(MOST), pay(MOST)], &one, &[0], (-MOST, 0));
    takes(&[open(MOST), deposit(MOST)], &[(1, "spring", MOST)], &[MOST], (0, 0));
    takes(&[open(MOST), pay(MOST - 1)], &one, &[1], (-MOST, 0));
}

#[test]
fn a_frozen_wallet_gives_back_because_nobody_is_paid_with_it() {
    takes(&[open(0), deposit(9), ask(Command::Freeze)], &[(1, "spring", 5)], &[5], (4, 0));
}

/// A wallet's state and what is rare in it, as the first release wrote them.
type Old = (
    (Option<Profile>, Status, Amount, Amount),
    Option<(Vec<Hold>, Vec<Expected>, Index, Vec<(ShardId, Seq)>)>,
);

#[test]
fn a_wallet_with_rewards_is_saved_in_the_form_of_the_first_release() {
    let back = claw_back(&[(1, "spring", 5)]);
    let bench = Bench::of(&[open(0), deposit(1), reward(7), reward(MOST), back]);
    let config = bincode::config::standard();
    let bytes = bincode::encode_to_vec(&bench.wallet, config).expect("encodes");
    let (old, read): (Old, usize) = bincode::decode_from_slice(&bytes, config).expect("decodes");
    assert_eq!(read, bytes.len(), "nothing was added");
    let ((_, _, posted, held), rare) = old;
    assert_eq!((posted.minor(), held.minor()), (3, 0));
    let (holds, expected, refunded, marks) = rare.expect("it has marks");
    assert_eq!((holds, expected, refunded.len()), (Vec::new(), Vec::new(), 0));
    assert_eq!(marks, [(ShardId(3), Seq(5))], "the last message");
}

/// What a wallet does with a message, seen from the books: what moved, and what is told.
fn moves(wallet: &Wallet, seq: u64, step: &Step) -> Option<Movement> {
    let Step::Send(body) = step else { return None };
    let source = Source { shard: ShardId(3), seq: Seq(seq + 1) };
    let message = Message { source, to: EntityId::wallet(&ann()), body: (**body).clone() };
    let events = wallet.receive(&message, &context());
    let [event] = &*events else { panic!("{events:?}") };
    let stamp = Stamp { source, at: Timestamp::default() };
    let told = Wallet::react(&"ann".into(), event, stamp)
        .into_iter()
        .any(|effect| matches!(effect, Effect::Tell(outcome) if outcome.amount.is_positive()));
    let movement = Wallet::movement(event);
    assert_eq!(movement.is_some(), told, "{event:?}: what moves is told, and nothing else");
    movement
}

#[derive(Clone, Debug)]
enum Act {
    Deposit(i64),
    Pay(i64),
    Hold(i64),
    Freeze(bool),
    Reward(i64),
    TakeBack(Vec<i64>),
}

fn act() -> impl Strategy<Value = Act> {
    let back = prop::collection::vec(1..80_i64, 1..5);
    prop_oneof![
        2 => (1..100_i64).prop_map(Act::Deposit),
        3 => (1..100_i64).prop_map(Act::Pay),
        1 => (1..60_i64).prop_map(Act::Hold),
        1 => any::<bool>().prop_map(Act::Freeze),
        3 => (1..80_i64).prop_map(Act::Reward),
        3 => back.prop_map(Act::TakeBack),
    ]
}

impl Act {
    fn step(&self, at: usize) -> Step {
        match self {
            Self::Deposit(minor) => deposit(*minor),
            Self::Pay(minor) => pay(*minor),
            Self::Hold(minor) => hold(&format!("h{at}"), *minor),
            Self::Freeze(true) => ask(Command::Freeze),
            Self::Freeze(false) => ask(Command::Unfreeze),
            Self::Reward(minor) => reward(*minor),
            Self::TakeBack(minors) => {
                let names = ["spring", "autumn"];
                let one = |(line, minor): (u16, &i64)| (line, names[usize::from(line) % 2], *minor);
                claw_back(&(0..).zip(minors).map(one).collect::<Vec<_>>())
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_between_taking_back_never_goes_under_the_limit(
        credit in prop_oneof![Just(0_i64), 1..200_i64],
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let mut bench = Bench::of(&[open(credit)]);
        let mut outside = 0;
        for (at, act) in acts.iter().enumerate() {
            let step = act.step(at);
            let (before, held) = bench.balance();
            let moved = moves(&bench.wallet, bench.seq, &step);
            let asked = bench.step(&step);
            let (after, _) = bench.balance();
            let expected = match act {
                Act::Reward(minor) => before + minor,
                Act::TakeBack(minors) => {
                    before - (before - held + credit).max(0).min(minors.iter().sum())
                }
                Act::Deposit(_) | Act::Pay(_) | Act::Hold(_) | Act::Freeze(_) => after,
            };
            prop_assert_eq!(after, expected, "{:?} {:?}", act, asked);
            if let Some(moved) = moved {
                let Movement { account, external, sent, received, .. } = moved;
                let change = after - before;
                prop_assert_eq!((account.minor(), -external.minor()), (change, change));
                prop_assert_eq!((sent, received), (Amount::ZERO, Amount::ZERO));
                outside += external.minor();
            } else if matches!(step, Step::Send(_)) {
                prop_assert_eq!(before, after);
            }
            let (posted, held) = bench.balance();
            prop_assert!(posted - held >= -credit);
        }
        let came = |act: &Act| if let Act::Reward(minor) = act { *minor } else { 0 };
        prop_assert!(-outside <= acts.iter().map(came).sum::<i64>());
    }
}
