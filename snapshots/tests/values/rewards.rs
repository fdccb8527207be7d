//! Campaigns and rewards, event by event: what campaigns decide, what wallets book and give back,
//! the sagas of rewards and the compensation of one; every message of theirs.
//!
//! Each record is one that the rules could have written, but that the line of a campaign is full
//! after two wins and is gone through one by one: what is on disk looks the same. What may be
//! missing is there once and missing once.

use std::sync::Arc;

use bursar_domain::call::{Call, Lane, Mail, Request, Template};
use bursar_domain::campaign::event::{Admitted, Counted, Ungranted};
use bursar_domain::campaign::merchants::{CodeRange, Merchants, NameRule};
use bursar_domain::campaign::terms::{
    Limits, Odds, OnReversal, Prize, Rounding, Secret, Terms, Worth,
};
use bursar_domain::campaign::{self, Decided, Decision, News, RewardNews, Win};
use bursar_domain::code::Code;
use bursar_domain::compensation::{self, Undo, Undoing};
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq};
use bursar_domain::message::{Answer, Body, Source};
use bursar_domain::money::Amount;
use bursar_domain::record::Verdict;
use bursar_domain::saga::reward::Reward;
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{self, Action, End, Failure, Found, Sent, StepName, Subject};
use bursar_domain::wallet::reward::{Back, RewardBooked, RewardEvent, RewardsTakenBack};
use bursar_domain::wallet::{self, Hold};

use super::orders::day;
use super::sagas::{
    Life, begun, compensation_of, done, failure, life, now, rejection, saga_of, unanswered,
    wallet_id, wallet_of,
};
use super::{amount, at, eur, source};

/// Two wins wait, and a third one found the line full.
pub(crate) const WAITING: u64 = 604;
/// One of the two was decided.
pub(crate) const ADMITTING: u64 = 605;
/// The last record of the campaign.
pub(crate) const CAMPAIGN: u64 = 610;
/// The last record of the wallet.
pub(crate) const WALLET: u64 = 646;

pub(crate) fn spring() -> CampaignId {
    CampaignId::parse("spring").expect("well formed")
}

pub(crate) fn autumn() -> CampaignId {
    CampaignId::parse("cmp_9").expect("well formed")
}

/// A line of a statement's decision that won.
pub(super) fn reward_id(wallet: &str, seq: u64, line: u16) -> RewardId {
    RewardId { wallet: wallet_id(wallet), seq: Seq(seq), line }
}

/// Why a win comes to nothing.
pub(super) fn exhausted() -> Failure {
    Failure::new("budget-exhausted", "the campaign's budget has less left")
}

/// Terms with all that they may have.
pub(crate) fn full_terms() -> Terms {
    let share = |millionths, rounding, most: Option<i64>| Worth::Share {
        millionths,
        rounding,
        most: most.map(amount),
    };
    let prize = |weight, worth| Prize { weight, worth };
    Terms {
        id: spring(),
        name: Some("Spring – Měsíc".into()),
        currency: eur(),
        budget: amount(10_000),
        starts_at: at(1_700_000_000_123),
        ends_at: at(1_900_000_000_000),
        first_day: day(-700),
        last_day: day(1_212),
        odds: Odds { wins: 5, of: 1_000_000_007 },
        prizes: vec![
            prize(90, Worth::Fixed(amount(500))),
            prize(9, share(100_000, Rounding::HalfEven, Some(2_500))),
            prize(70_000, share(1, Rounding::Down, None)),
            prize(1, share(10_000_000, Rounding::Up, Some(9_000))),
        ],
        merchants: Merchants {
            ids: vec!["m-1".into(), "m-2".into()],
            codes: vec![CodeRange { first: 5_411, last: 5_499 }, CodeRange { first: 1, last: 1 }],
            names: vec![
                NameRule::Exactly("potraviny měsíc".into()),
                NameRule::BeginsWith("kavárna".into()),
            ],
        },
        min_amount: Some(amount(100)),
        limits: Limits { rewards: Some(3), amount: Some(amount(70_000)) },
        on_reversal: OnReversal::ClawBack,
        priority: -7,
        open_days: 32,
        secret: Secret(std::array::from_fn(|index| u8::try_from(index * 7).expect("small"))),
        announced_at: now(0),
    }
}

/// Terms with what they must have.
pub(crate) fn bare_terms() -> Terms {
    Terms {
        id: autumn(),
        name: None,
        prizes: vec![Prize { weight: u32::MAX, worth: Worth::Fixed(amount(1)) }],
        merchants: Merchants::default(),
        min_amount: None,
        limits: Limits::default(),
        on_reversal: OnReversal::Keep,
        priority: i32::MAX,
        open_days: 0,
        odds: Odds { wins: 1, of: 1 },
        ..full_terms()
    }
}

fn win(line: u16, minor: i64) -> Win {
    Win { line, purchase: format!("tx {line} – Měsíc").into(), amount: amount(minor) }
}

fn decided(wallet: &str, draw: u64, win: Win, decision: Decision) -> Decided {
    Decided { wallet: wallet_id(wallet), draw: Seq(draw), win, decision }
}

fn counted(source: Source, draws: u32, wins: Vec<Decided>, minor: i64) -> campaign::Event {
    let granted_after = amount(minor);
    campaign::Event::Counted(Counted { source, draws, wins, currency: eur(), granted_after })
}

fn admitted(source: Option<Source>, one: Decided, minor: i64, more: bool) -> campaign::Event {
    let (wins, currency, granted_after) = (vec![one], eur(), amount(minor));
    campaign::Event::Admitted(Admitted { source, wins, currency, granted_after, more })
}

fn campaign_life(id: &CampaignId, first: u64, decisions: Vec<Vec<campaign::Event>>) -> Life {
    let verdicts = decisions.into_iter().map(Verdict::Campaign).collect();
    life(&EntityId::campaign(id), first, verdicts)
}

/// A campaign that grants, pauses, goes on and gets something back.
pub(crate) fn campaign() -> Life {
    let ungranted = campaign::Event::Ungranted(Ungranted {
        source: source(7, 660),
        by: compensation_of("rwd_620-9_bob", 0),
        wallet: wallet_id("bob"),
        draw: Seq(620),
        win: win(9, 3_000),
        currency: eur(),
        failure: failure(),
    });
    let taken_back = |seq, minor| campaign::Event::TakenBack {
        source: source(2, seq),
        wallet: wallet_id("alice"),
        amount: amount(minor),
        currency: eur(),
    };
    let first = vec![
        decided("bob", 620, win(3, 2_000), Decision::Granted),
        decided("bob", 620, win(7, 8_500), Decision::Exhausted),
        decided("bob", 620, win(9, 3_000), Decision::Granted),
    ];
    let later = vec![
        decided("alice", 621, win(0, 4_000), Decision::Waits),
        decided("alice", 621, win(70, 4_500), Decision::Waits),
        decided("alice", 621, win(499, 1), Decision::TurnedAway),
    ];
    let next = || decided("alice", 621, win(0, 4_000), Decision::Granted);
    let last = || decided("alice", 621, win(70, 4_500), Decision::Exhausted);
    let decisions = vec![
        vec![campaign::Event::Announced(Arc::new(full_terms()))],
        vec![counted(source(1, 620), 500, first, 5_000)],
        vec![campaign::Event::Paused],
        vec![counted(source(2, 619), 70_000, Vec::new(), 5_000)],
        vec![counted(source(2, 621), 501, later, 5_000)],
        vec![campaign::Event::Resumed, admitted(None, next(), 9_000, true)],
        vec![admitted(Some(source(13, 605)), last(), 9_000, false)],
        vec![campaign::Event::NothingWaits { source: source(13, 606) }],
        vec![ungranted],
        vec![taken_back(640, 1_500)],
        vec![taken_back(645, 0)],
    ];
    campaign_life(&spring(), 600, decisions)
}

/// A campaign of which nobody has heard.
pub(crate) fn fresh_campaign() -> Life {
    campaign_life(&autumn(), 615, vec![vec![campaign::Event::Announced(Arc::new(bare_terms()))]])
}

pub(super) fn reward(wallet: &str, seq: u64, line: u16, minor: i64) -> Reward {
    Reward {
        campaign: spring(),
        id: reward_id(wallet, seq, line),
        purchase: format!("tx {line} – Měsíc").into(),
        amount: amount(minor),
        currency: eur(),
    }
}

/// One of the other campaign, on the last line that there can be.
fn other_reward() -> Reward {
    Reward { campaign: autumn(), ..reward("alice", 619, 65_535, 3_000) }
}

fn back(id: RewardId, campaign: CampaignId, minor: i64) -> Back {
    Back { id, campaign, amount: amount(minor), currency: eur() }
}

fn booked(seq: u64, reward: Reward, balance: i64, email: Option<&str>) -> wallet::Event {
    wallet::Event::Reward(RewardEvent::Booked(RewardBooked {
        source: source(6, seq),
        by: saga_of(&reward.id.to_string(), 1),
        reward: Box::new(reward),
        balance_after: amount(balance),
        email: email.map(Into::into),
    }))
}

fn taken_back(seq: u64, rewards: Vec<(Back, Amount)>, taken: i64, balance: i64) -> wallet::Event {
    wallet::Event::Reward(RewardEvent::TakenBack(RewardsTakenBack {
        source: source(1, seq),
        rewards,
        taken: amount(taken),
        currency: eur(),
        balance_after: amount(balance),
    }))
}

/// A wallet that gets rewards, has no room for one, and gives back what it has.
pub(crate) fn wallet() -> Life {
    let profile = wallet::Profile {
        currency: eur(),
        credit_limit: amount(1_000),
        owner: None,
        email: Some("alice@example.com".into()),
        bank_account: None,
    };
    let two = || {
        vec![
            (back(reward_id("alice", 621, 0), spring(), 4_000), amount(4_000)),
            (back(reward_id("alice", 619, 65_535), autumn(), 3_000), amount(1_500)),
        ]
    };
    let nothing = vec![(back(reward_id("alice", 618, 2), spring(), 70_000), Amount::ZERO)];
    let events = vec![
        wallet::Event::Opened(Arc::new(profile)),
        booked(630, reward("alice", 621, 0, 4_000), 4_000, Some("alice@example.com")),
        wallet::Event::Reward(RewardEvent::Refused {
            source: source(6, 631),
            by: saga_of("rwd_621-70_alice", 1),
            rejection: rejection(Code::BalanceOverflow),
        }),
        booked(632, other_reward(), 7_000, None),
        wallet::Event::HoldPlaced {
            hold: Hold { id: "h1".into(), amount: amount(2_500) },
            currency: eur(),
        },
        taken_back(641, two(), 5_500, 1_500),
        taken_back(642, nothing, 0, 1_500),
    ];
    let verdicts = events.into_iter().map(|event| Verdict::Wallet(vec![event])).collect();
    life(&wallet_of("alice"), 640, verdicts)
}

fn mail(id: &str) -> Request {
    Request::Mail(Box::new(Mail {
        to: "alice@example.com".into(),
        template: Template::RewardGranted,
        fields: vec![
            ("reward".into(), id.into()),
            ("campaign".into(), "spring".into()),
            ("purchase".into(), "tx 0 – Měsíc".into()),
            ("amount".into(), "40.00 EUR".into()),
        ],
    }))
}

fn saga_life(subject: &Subject, first: u64, decisions: Vec<Vec<saga::Event>>) -> Life {
    let verdicts = decisions.into_iter().map(Verdict::Saga).collect();
    life(&EntityId::saga(subject.id()), first, verdicts)
}

fn credit(reward: &Reward) -> saga::Event {
    let body = Body::RewardCredit {
        by: saga_of(&reward.id.to_string(), 1),
        reward: Box::new(reward.clone()),
    };
    begun(1, Action::Send(EntityId::wallet(&reward.id.wallet), Box::new(body)))
}

fn beginning(reward: &Reward, began: u64) -> Vec<saga::Event> {
    let (at, subject) = (now(0), Arc::new(Subject::Reward(reward.clone())));
    vec![saga::Event::Begun { source: source(13, began), at, subject }, credit(reward)]
}

fn ended(reward: &Reward, source: Option<Source>, end: End) -> saga::Event {
    saga::Event::Ended {
        at: now(2),
        source,
        end,
        subject: Arc::new(Subject::Reward(reward.clone())),
    }
}

fn contact(email: Option<&str>) -> Found {
    Found::Contact { email: email.map(Into::into), account: "".into() }
}

/// The saga of a reward that is credited, and whose mail is repeated.
pub(crate) fn credited() -> Life {
    let reward = reward("alice", 621, 0, 4_000);
    let id = reward.id.to_string();
    let call = |attempt| Call {
        step: 2,
        attempt,
        key: format!("{id}/1763633730123/tell").into(),
        lane: Lane::Batch,
        not_after: now(60_000),
        request: mail(&id),
    };
    let repeated = saga::Event::CallRepeated { at: now(300), call: Box::new(call(2)) };
    let decisions = vec![
        beginning(&reward, 605),
        vec![
            done(1, Some(source(5, 641)), contact(Some("alice@example.com"))),
            ended(&reward, None, End::Done),
            begun(2, Action::Call(Box::new(call(1)))),
        ],
        vec![unanswered(2, Sent::Perhaps)],
        vec![repeated],
        vec![done(2, None, Found::Nothing)],
    ];
    saga_life(&Subject::Reward(reward), 650, decisions)
}

/// The saga of a reward whose wallet has no address.
pub(crate) fn untold() -> Life {
    let reward = other_reward();
    let why = "the wallet has no e-mail address".into();
    let decisions = vec![
        beginning(&reward, 609),
        vec![
            done(1, Some(source(5, 643)), contact(None)),
            ended(&reward, None, End::Done),
            saga::Event::StepSkipped { step: 2, at: now(1), why },
        ],
    ];
    saga_life(&Subject::Reward(reward), 657, decisions)
}

fn ungrant(reward: &Reward) -> Body {
    let win =
        Win { line: reward.id.line, purchase: reward.purchase.clone(), amount: reward.amount };
    Body::Ungrant {
        by: compensation_of(&reward.id.to_string(), 0),
        wallet: reward.id.wallet.clone(),
        draw: reward.id.seq,
        win,
        failure: failure(),
    }
}

fn undoing(reward: &Reward) -> Undoing {
    let act = Act::Send(EntityId::campaign(&reward.campaign), Box::new(ungrant(reward)));
    Undoing {
        saga: reward.id.to_string().into(),
        subject: Arc::new(Subject::Reward(reward.clone())),
        undos: vec![Undo { name: StepName::Reserve, act }],
        money: Amount::ZERO,
    }
}

/// The saga of a reward for which the wallet has no room.
pub(crate) fn refused() -> Life {
    let reward = reward("bob", 620, 9, 3_000);
    let (at, received) = (now(1), Some(source(5, 642)));
    let undoing = Box::new(undoing(&reward));
    let decisions = vec![
        beginning(&reward, 601),
        vec![
            saga::Event::StepFailed { step: 1, at, source: received, failure: failure() },
            saga::Event::UndoingBegun { failure: Some(failure()), undoing },
        ],
        vec![ended(&reward, Some(source(7, 671)), End::Failed(failure()))],
    ];
    saga_life(&Subject::Reward(reward), 660, decisions)
}

/// Its compensation.
pub(crate) fn undone() -> Life {
    let reward = reward("bob", 620, 9, 3_000);
    let subject = Arc::new(Subject::Reward(reward.clone()));
    let to = EntityId::campaign(&reward.campaign);
    let action = Action::Send(to, Box::new(ungrant(&reward)));
    let undoing = Arc::new(undoing(&reward));
    let (at, returned) = (now(1), Amount::ZERO);
    let decisions = vec![
        vec![
            compensation::Event::Begun { source: source(6, 661), undoing },
            compensation::Event::Tried { step: 0, at: now(0), attempt: 1, action },
        ],
        vec![
            compensation::Event::Undone {
                step: 0,
                at,
                source: Some(source(13, 608)),
                returned,
                subject: Arc::clone(&subject),
            },
            compensation::Event::Finished { at, saga: EntityId::saga(subject.id()) },
        ],
    ];
    let entity = EntityId::compensation(&subject.id());
    life(&entity, 670, decisions.into_iter().map(Verdict::Compensation).collect())
}

/// One of everything that a statement is told.
pub(super) fn news() -> Vec<News> {
    vec![News::Reserved, News::Failed(exhausted()), News::Credited, News::TakenBack(amount(1_500))]
}

/// One of every message.
pub(crate) fn bodies() -> Vec<Body> {
    let told = |(line, news): (u16, News)| RewardNews { draw: Seq(621), line: line * 300, news };
    let rewards = vec![
        back(reward_id("alice", 621, 0), spring(), 4_000),
        back(reward_id("alice", 619, 65_535), autumn(), 3_000),
    ];
    vec![
        Body::Drew {
            wallet: wallet_id("alice"),
            draws: 70_000,
            wins: vec![win(0, 4_000), win(65_535, 1)],
        },
        Body::RewardNews((0..).zip(news()).map(told).collect()),
        Body::RewardCredit {
            by: saga_of("rwd_621-0_alice", 1),
            reward: Box::new(reward("alice", 621, 0, 4_000)),
        },
        ungrant(&reward("bob", 620, 9, 3_000)),
        Body::ClawBack(rewards),
        Body::TakenBack { wallet: wallet_id("alice"), amount: amount(1_500), currency: eur() },
    ]
}

/// Those again that may lack something, and what else there is of rewards.
pub(crate) fn bare_bodies() -> Vec<Body> {
    vec![
        Body::Drew { wallet: wallet_id("alice"), draws: 1, wins: Vec::new() },
        Body::RewardNews(Vec::new()),
        Body::ClawBack(Vec::new()),
        Body::TakenBack { wallet: wallet_id("alice"), amount: Amount::ZERO, currency: eur() },
        Body::Begin(Box::new(Subject::Reward(reward("alice", 621, 0, 4_000)))),
        Body::Reply { step: 1, answer: Answer::Contact { email: None, account: "".into() } },
    ]
}

/// The one new mail.
pub(crate) fn letter() -> Request {
    mail("rwd_621-0_alice")
}
