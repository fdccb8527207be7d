//! Whatever the split, overlap, order and repetition of calls: the same draws and the same money.
//!
//! Purchases are made up with all the lines that a bank may send of them; the lines are shuffled, sent
//! again, and cut into calls, while messages come in any order and everything crashes now and then.
//! What must come of it is worked out from the set of lines alone by `model`, which knows neither
//! slots nor windows nor statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bursar_domain::campaign::Terms;
use bursar_domain::campaign::draw::{Drawer, business_key, seed};
use bursar_domain::campaign::merchants::CodeRange;
use bursar_domain::campaign::terms::{Limits, Odds, OnReversal, Prize, Rounding, Worth};
use bursar_domain::campaign::{Campaign, Merchants};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, RewardId};
use bursar_domain::statement::{self, Content, Draw, Fate, LineStatus, Statement, Submitted, Take};
use proptest::prelude::*;

use crate::chances::Chance;
use crate::stage::{
    amount, content, euro, merchant, noon, pending, posted, posted_for, prize, reversal, reversed,
    submitted, terms, wallet, with,
};
use crate::world::World;

const WALLETS: [&str; 3] = ["ann", "bob", "cat"];

/// Two campaigns: one for bakers that takes back, one for the rest that does not.
fn campaigns() -> [Terms; 2] {
    let share =
        Worth::Share { millionths: 33_333, rounding: Rounding::HalfEven, most: Some(amount(40)) };
    let baker = Terms {
        priority: 5,
        odds: Odds { wins: 1, of: 2 },
        prizes: vec![prize(2, 100), prize(1, 7), Prize { weight: 3, worth: share }],
        merchants: Merchants {
            codes: vec![CodeRange { first: 5_400, last: 5_499 }],
            ..Merchants::default()
        },
        ..terms("baker")
    };
    let rest = Terms {
        odds: Odds { wins: 2, of: 3 },
        on_reversal: OnReversal::Keep,
        min_amount: Some(amount(300)),
        ..terms("rest")
    };
    [baker, rest]
}

/// Which lines a bank sends of a purchase.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Posted,
    PendingFirst,
    Linked,
    LinkedAlone,
    PostedTwice,
    Chained,
    AlikeOnly,
    OnlyPending,
}

/// How it is given back.
#[derive(Clone, Copy, Debug)]
enum Back {
    Not,
    Own,
    Named,
    NamedPending,
    Both,
}

#[derive(Clone, Debug)]
struct Made {
    wallet: &'static str,
    kind: Kind,
    back: Back,
    day: i32,
    minor: i64,
    is_baker: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let kinds = [
        Kind::Posted,
        Kind::PendingFirst,
        Kind::Linked,
        Kind::LinkedAlone,
        Kind::PostedTwice,
        Kind::Chained,
        Kind::AlikeOnly,
        Kind::OnlyPending,
    ];
    let backs = [Back::Not, Back::Not, Back::Own, Back::Named, Back::NamedPending, Back::Both];
    let wallet = proptest::sample::select(&WALLETS[..]);
    let kind = proptest::sample::select(kinds.to_vec());
    let back = proptest::sample::select(backs.to_vec());
    // Few amounts and days, so that lines look alike.
    let minor = proptest::sample::select(vec![299_i64, 300, 1_500, 2_500]);
    (wallet, kind, back, 30..38_i32, minor, any::<bool>()).prop_map(
        |(wallet, kind, back, day, minor, is_baker)| Made {
            wallet,
            kind,
            back,
            day,
            minor,
            is_baker,
        },
    )
}

impl Made {
    /// Its lines; `number` is its own.
    fn lines(&self, number: usize) -> Vec<Submitted> {
        let (p, x, y) = (format!("p{number}"), format!("x{number}"), format!("y{number}"));
        let (day, minor) = (self.day, self.minor);
        let mut lines = match self.kind {
            Kind::Posted => vec![posted(&x, day, minor)],
            Kind::PendingFirst => vec![pending(&x, day - 1, minor + 1), posted(&x, day, minor)],
            Kind::Linked => vec![pending(&p, day - 2, minor), posted_for(&x, &p, day, minor)],
            Kind::LinkedAlone => vec![posted_for(&x, &p, day, minor)],
            Kind::PostedTwice => vec![
                posted(&p, day, minor),
                posted_for(&x, &p, day, minor),
                posted_for(&y, &p, day, minor),
            ],
            Kind::Chained => vec![posted_for(&x, &p, day, minor), posted_for(&y, &x, day, minor)],
            Kind::AlikeOnly => vec![pending(&p, day - 3, minor), posted(&x, day, minor)],
            Kind::OnlyPending => vec![pending(&x, day, minor)],
        };
        let (own, named) = (reversed(&x, day + 1, minor), |of: &str| {
            reversal(&format!("r{number}"), of, day + 2, minor)
        });
        match self.back {
            Back::Not => {}
            Back::Own => lines.push(own),
            Back::Named => lines.push(named(&x)),
            Back::NamedPending => lines.push(named(&p)),
            Back::Both => lines.extend([own, named(&x)]),
        }
        if self.is_baker {
            return lines;
        }
        let elsewhere = |line: &mut Content| line.merchant = Some(merchant("m2", "Kiosk", None));
        lines.iter().map(|line| with(line, elsewhere)).collect()
    }
}

type Lines = Vec<(&'static str, Submitted)>;

fn all_lines(purchases: &[Made]) -> Lines {
    let of = |(number, made): (usize, &Made)| {
        let lines = made.lines(number).into_iter();
        lines.map(|line| (made.wallet, line)).collect::<Vec<_>>()
    };
    purchases.iter().enumerate().flat_map(of).collect()
}

/// What must be drawn, and what each wallet must have in the end when nothing binds.
#[derive(PartialEq, Eq, Debug, Default)]
struct Expected {
    draws: BTreeMap<(String, String), (String, Fate)>,
    money: BTreeMap<&'static str, i64>,
}

/// Worked out from the lines alone.
fn model(terms: &[Terms; 2], lines: &Lines) -> Expected {
    let [baker, rest] = terms;
    let mut expected = Expected::default();
    for name in WALLETS {
        let own = || lines.iter().filter(|(wallet, _)| *wallet == name);
        let contents: Vec<&Content> = own().map(|(_, line)| line.line.content()).collect();
        let with = |status| contents.iter().copied().filter(move |line| line.status == status);
        let mut back: BTreeSet<&str> = BTreeSet::new();
        for line in with(LineStatus::Reversed) {
            match &line.reversal_of {
                Some(of) => back.extend([&**of]),
                None => back.extend([&*line.id].into_iter().chain(line.pending_id.as_deref())),
            }
        }
        let mut names: BTreeMap<&str, (&Content, BTreeSet<&str>)> = BTreeMap::new();
        for line in with(LineStatus::Posted) {
            let purchase = line.pending_id.as_deref().unwrap_or(&line.id);
            let (_, ids) = names.entry(purchase).or_insert((line, BTreeSet::from([purchase])));
            ids.insert(&line.id);
        }
        let mut money = 0;
        for (purchase, (line, ids)) in names {
            let code = line.merchant.as_ref().and_then(|merchant| merchant.category_code);
            let terms = match code {
                Some(5_400..=5_499) => baker,
                _ if line.amount.minor() >= 300 => rest,
                _ => continue,
            };
            let drawer = Drawer::new(&seed(terms, line.date));
            let key = business_key(&wallet(name), purchase);
            let fate = match drawer.draw(&key, terms.odds, &terms.prizes) {
                None => Fate::Lost,
                Some(prize) => {
                    let amount = terms.prizes[usize::from(prize)].worth.of(line.amount);
                    let goes_back = terms.on_reversal == OnReversal::ClawBack
                        && ids.iter().any(|id| back.contains(id));
                    money += if goes_back { 0 } else { amount.minor() };
                    Fate::Won { prize, amount }
                }
            };
            let place = (name.to_owned(), purchase.to_owned());
            assert!(expected.draws.insert(place, (terms.id.to_string(), fate)).is_none());
        }
        expected.money.insert(name, money);
    }
    expected
}

/// Sends the lines in any order, some of them again, in calls of any size, and lets things happen in
/// between.
fn send(world: &mut World, lines: &Lines, chance: &mut Chance) {
    let mut rest: Vec<_> = lines.clone();
    let mut sent: Lines = Vec::new();
    while !rest.is_empty() {
        let name = WALLETS[chance.below(WALLETS.len())];
        let mut call = Vec::new();
        for _ in 0..=chance.below(6) {
            let again = !sent.is_empty() && chance.of(30);
            let pool = if again { &sent } else { &rest };
            let own: Vec<usize> = (0..pool.len()).filter(|at| pool[*at].0 == name).collect();
            let Some(at) = (!own.is_empty()).then(|| own[chance.below(own.len())]) else {
                continue;
            };
            let line = if again { sent[at].clone() } else { rest.swap_remove(at) };
            call.push(line.1.clone());
            sent.push(line);
        }
        if chance.of(30) {
            // And some of it twice in one call.
            let again = call.clone();
            call.extend(again);
        }
        if !call.is_empty() {
            world.take(name, &call);
        }
        world.steps(chance.below(12));
    }
}

/// Everything again brings nothing: no record, so no draw and no word.
fn resend(world: &mut World, lines: &Lines) {
    for name in WALLETS {
        let own = lines.iter().filter(|(wallet, _)| *wallet == name);
        let own: Vec<Submitted> = own.map(|(_, line)| line.clone()).collect();
        if own.is_empty() {
            continue;
        }
        for take in Take::cut(&wallet(name), euro(), own) {
            let command = statement::Command::Take(take);
            let events = world.ask::<Statement>(&EntityId::statement(&wallet(name)), &command);
            assert_eq!(events, [], "lines that are known leave no record");
        }
    }
    world.run();
}

fn drawn(world: &World) -> BTreeMap<(String, String), (String, Fate)> {
    let entry = |(id, campaign, draw): &(RewardId, String, Draw)| {
        ((id.wallet.to_string(), draw.purchase.to_string()), (campaign.clone(), draw.fate))
    };
    world.draws.iter().map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_split_overlap_order_and_repetition_gives_the_same_draws_and_the_same_money(
        purchases in proptest::collection::vec(made(), 1..24),
        seed in any::<u64>(),
    ) {
        let (terms, lines) = (campaigns(), all_lines(&purchases));
        let expected = model(&terms, &lines);
        for turn in 0..2 {
            let mut chance = Chance::new(seed.wrapping_add(turn));
            let mut world = World::with(&terms, &WALLETS, noon(40), seed);
            send(&mut world, &lines, &mut chance);
            world.run();
            prop_assert_eq!(&drawn(&world), &expected.draws);
            for name in WALLETS {
                prop_assert_eq!(world.posted(name), expected.money[name], "{}", name);
            }
            let told = world.told.len();
            resend(&mut world, &lines);
            prop_assert_eq!(world.told.len(), told);
            prop_assert_eq!(&drawn(&world), &expected.draws);
        }
    }

    #[test]
    fn with_a_budget_that_binds_and_pauses_the_draws_are_the_same_and_it_is_never_exceeded(
        purchases in proptest::collection::vec(made(), 8..30),
        budget in 1..600_i64,
        rewards in proptest::option::of(0..4_u32),
        seed in any::<u64>(),
    ) {
        let mut terms = campaigns();
        for terms in &mut terms {
            terms.budget = amount(budget);
            terms.limits = Limits { rewards, amount: rewards.map(|_| amount(150)) };
        }
        let lines = all_lines(&purchases);
        let prize_of = |fate: Fate| match fate {
            Fate::Lost => None,
            Fate::Won { prize, amount } | Fate::Limited { prize, amount } => Some((prize, amount)),
        };
        let expected = model(&terms, &lines).draws;
        let mut chance = Chance::new(seed);
        let mut world = World::with(&terms, &WALLETS, noon(40), seed);
        for part in lines.chunks(10) {
            let name = terms[chance.below(2)].id.as_str();
            if chance.of(40) {
                world.pause(name);
            } else {
                world.resume(name);
            }
            send(&mut world, &part.to_vec(), &mut chance);
        }
        world.run();
        for terms in &terms {
            world.resume(terms.id.as_str());
        }
        world.run();
        let drawn = drawn(&world);
        prop_assert!(drawn.keys().eq(expected.keys()));
        for (place, (campaign, fate)) in &drawn {
            let (other, draws) = &expected[place];
            prop_assert_eq!((campaign, prize_of(*fate)), (other, prize_of(*draws)));
            prop_assert!(rewards.is_some() || fate == draws, "nothing is limited");
        }
        for terms in &terms {
            let campaign = world.campaign(terms.id.as_str());
            prop_assert!(campaign.granted().minor() <= budget);
            prop_assert_eq!(campaign.waiting().len(), 0);
        }
        resend(&mut world, &lines);
    }

    #[test]
    fn a_customer_never_has_more_of_a_day_than_the_limit(
        purchases in proptest::collection::vec(made(), 8..40),
        (rewards, money) in (0..4_u32, 1..250_i64),
        seed in any::<u64>(),
    ) {
        let mut terms = campaigns();
        for terms in &mut terms {
            terms.limits = Limits { rewards: Some(rewards), amount: Some(amount(money)) };
        }
        let mut chance = Chance::new(seed);
        let mut world = World::with(&terms, &WALLETS, noon(40), seed);
        send(&mut world, &all_lines(&purchases), &mut chance);
        world.run();
        let mut sums: HashMap<_, (u32, i64)> = HashMap::new();
        for (id, campaign, draw) in &world.draws {
            if let Fate::Won { amount, .. } = draw.fate {
                let sum = sums.entry((&id.wallet, campaign, draw.day)).or_default();
                *sum = (sum.0 + 1, sum.1 + amount.minor());
            }
        }
        for (place, (count, sum)) in sums {
            prop_assert!(count <= rewards && sum <= money, "{:?}: {} of {}", place, sum, count);
        }
    }
}

#[test]
fn overlapping_months_day_by_day_draw_each_line_once() {
    // Each day the last 30 days come again; twice the server was away for a while.
    let terms = campaigns();
    let mut world = World::with(&terms, &WALLETS, noon(0), 7);
    let line = |name: &str, on: i32| {
        let minor = 200 + i64::from(on * 37 % 400);
        submitted(content(&format!("{name}-{on}"), LineStatus::Posted, on, minor))
    };
    let mut lines: Lines = Vec::new();
    for name in WALLETS {
        lines.extend((0..100).map(|on| (name, line(name, on))));
    }
    for today in (0..100).filter(|today| !(20..30).contains(today) && !(50..80).contains(today)) {
        world.now = noon(today);
        for name in WALLETS {
            let days: Vec<_> = (0.max(today - 30)..=today).map(|on| line(name, on)).collect();
            world.take(name, &days);
        }
        world.steps(usize::try_from(today % 7).expect("small"));
    }
    world.run();
    let expected = model(&terms, &lines);
    assert_eq!(drawn(&world), expected.draws);
    world.now = noon(100);
    for name in WALLETS {
        assert_eq!(world.posted(name), expected.money[name]);
        world.take(name, &[line(name, 100)]);
        let kept = world.statement(name).summary().expect("it took lines").lines;
        assert!(kept <= 33, "{kept} lines of {name} are remembered");
    }
}

#[test]
fn the_same_calls_give_the_same_states_in_every_run() {
    let purchases = |number: i32| Made {
        wallet: WALLETS[usize::try_from(number % 3).expect("small")],
        kind: Kind::Linked,
        back: if number % 5 == 0 { Back::Own } else { Back::Not },
        day: 30 + number % 8,
        minor: 1_500,
        is_baker: number % 2 == 0,
    };
    let lines = all_lines(&(0..40).map(purchases).collect::<Vec<_>>());
    let run = || {
        let mut world = World::with(&campaigns(), &WALLETS, noon(40), 11);
        send(&mut world, &lines, &mut Chance::new(5));
        world.run();
        let campaign = |world: &World, name: &str| -> Campaign { world.campaign(name).clone() };
        let states = WALLETS.map(|name| world.statement(name).clone());
        (states, campaign(&world, "baker"), campaign(&world, "rest"), world.told)
    };
    assert!(run() == run(), "nothing depends on anything but the calls");
}
