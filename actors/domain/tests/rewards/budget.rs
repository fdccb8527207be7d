//! The campaign alone: who gets a part of the budget, and who waits.
//!
//! Beside the campaign runs an independent model: a list of all wins in the order in which they were
//! told, from which everything else is worked out anew each time. Proptest tells wins, pauses and
//! resumes, delivers the campaign's messages to itself or leaves them on their way, and gives money
//! back; after each step campaign and model must agree.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bursar_domain::call::{Context, Policy};
use bursar_domain::campaign::{
    ADMITTED_MAX, Campaign, Command, Counts, Decided, Decision, Event, Terms, WAITING_MAX, Win,
};
use bursar_domain::code::Code;
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Asker, Body, Effect, Message, OutcomeKind, Source, Stamp};
use bursar_domain::money::Total;
use bursar_domain::saga::Failure;
use proptest::prelude::*;

use crate::stage::{amount, campaign, euro, noon, terms, wallet};

/// A campaign, its messages to itself, and what it told.
struct Bench {
    live: Campaign,
    continues: VecDeque<Source>,
    seq: u64,
    told: u64,
    effects: Vec<Effect>,
}

impl Bench {
    fn new(budget: i64) -> Self {
        let terms = Terms { budget: amount(budget), ..terms("spring") };
        let mut bench = Self {
            live: Campaign::default(),
            continues: VecDeque::new(),
            seq: 0,
            told: 0,
            effects: Vec::new(),
        };
        bench.ask(&Command::Announce(Arc::new(terms))).expect("it is new");
        bench
    }

    fn ask(&mut self, command: &Command) -> Result<Vec<Event>, Code> {
        let policy = Policy::default();
        let context = Context { now: noon(40), policy: &policy };
        let before = self.live.clone();
        let events = self.live.decide(command, &context).map_err(|no| no.code)?;
        assert_eq!(self.live, before, "deciding changes nothing");
        self.record(&events);
        Ok(events)
    }

    fn receive(&mut self, source: Source, body: Body) -> Vec<Event> {
        let policy = Policy::default();
        let context = Context { now: noon(40), policy: &policy };
        let message = Message { source, to: EntityId::campaign(&campaign("spring")), body };
        let events = self.live.receive(&message, &context);
        assert_eq!(events.len(), 1, "{message:?} comes for the first time");
        self.record(&events);
        assert_eq!(self.live.receive(&message, &context), [], "and has no effect again");
        events
    }

    fn record(&mut self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let config = bincode::config::standard();
        self.seq += 1;
        let source = Source { shard: ShardId(1), seq: Seq(self.seq) };
        for event in events {
            let bytes = bincode::encode_to_vec(event, config).expect("encodes");
            let (read, _): (Event, _) =
                bincode::decode_from_slice(&bytes, config).expect("decodes");
            assert_eq!(read, *event);
            self.live.apply(&read, source.seq);
            let id = campaign("spring").shared();
            for effect in Campaign::react(&id, event, Stamp { source, at: noon(40) }) {
                let is_own = |message: &&Message| message.body == Body::Continue;
                let message = match &effect {
                    Effect::Send(message) => Some(message).filter(is_own),
                    Effect::Tell(_) | Effect::Call(_) | Effect::Fetch(_) => None,
                };
                self.continues.extend(message.map(|message| message.source));
                self.effects.push(effect);
            }
        }
        if self.live.waiting().len() < 64 {
            let bytes = bincode::encode_to_vec(&self.live, config).expect("encodes");
            let (read, _) = bincode::decode_from_slice(&bytes, config).expect("decodes");
            assert_eq!(self.live, read, "the state reads back");
        }
    }

    fn next_source(&mut self) -> Source {
        self.told += 1;
        Source { shard: ShardId(2), seq: Seq(self.told) }
    }

    /// A statement says what it drew: draws that lost, and wins; what became of the wins.
    fn drew(&mut self, name: &str, lost: u32, wins: &[i64]) -> Vec<Decision> {
        let source = self.next_source();
        let win = |(line, minor): (usize, &i64)| Win {
            line: u16::try_from(line).expect("few"),
            purchase: format!("t{}-{line}", source.seq).into(),
            amount: amount(*minor),
        };
        let wins: Vec<_> = wins.iter().enumerate().map(win).collect();
        let draws = lost + u32::try_from(wins.len()).expect("few");
        let events = self.receive(source, Body::Drew { wallet: wallet(name), draws, wins });
        let [Event::Counted(counted)] = &*events else { panic!("{events:?}") };
        assert!(counted.wins.iter().all(|win| win.wallet == wallet(name)));
        counted.wins.iter().map(|win| win.decision).collect()
    }

    /// Its oldest message to itself comes; what was decided.
    fn go_on(&mut self) -> Option<Vec<Decided>> {
        let source = self.continues.pop_front()?;
        let events = self.receive(source, Body::Continue);
        match &*events {
            [Event::Admitted(admitted)] => Some(admitted.wins.clone()),
            [Event::NothingWaits { .. }] => Some(Vec::new()),
            _ => panic!("{events:?}"),
        }
    }

    fn ungrant(&mut self, decided: &Decided) {
        let source = self.next_source();
        let saga = format!("rwd_{}-{}_{}", decided.draw, decided.win.line, decided.wallet);
        let by = Asker { entity: EntityId::compensation(&saga.into()), step: 0 };
        let failure = Failure::new("balance-overflow", "no room");
        let (wallet, draw, win) = (decided.wallet.clone(), decided.draw, decided.win.clone());
        self.receive(source, Body::Ungrant { by, wallet, draw, win, failure });
    }

    fn give_back(&mut self, minor: i64) {
        let source = self.next_source();
        let (wallet, amount, currency) = (wallet("ann"), amount(minor), euro());
        self.receive(source, Body::TakenBack { wallet, amount, currency });
    }

    /// How often each kind of outcome was told.
    fn outcomes(&self, kind: OutcomeKind) -> usize {
        let is_it = |effect: &&Effect| matches!(effect, Effect::Tell(told) if told.kind == kind);
        self.effects.iter().filter(is_it).count()
    }
}

use Decision::{Exhausted, Granted, TurnedAway, Waits};

#[test]
fn the_budget_goes_to_who_came_first_and_a_smaller_win_may_still_fit() {
    let mut bench = Bench::new(100);
    assert_eq!(bench.drew("ann", 3, &[60, 50, 30]), [Granted, Exhausted, Granted]);
    assert_eq!(bench.drew("bob", 0, &[11, 10, 1]), [Exhausted, Granted, Exhausted]);
    assert_eq!(bench.live.granted(), amount(100));
    assert_eq!(bench.drew("ann", 1, &[]), []);
    let counts = *bench.live.counts();
    assert_eq!((counts.draws, counts.wins, counts.rewards, counts.exhausted), (10, 6, 3, 3));
    assert_eq!(bench.outcomes(OutcomeKind::RewardRefused), 3);
    assert_eq!(bench.live.summary().expect("announced").remaining(), amount(0));
}

#[test]
fn what_is_given_back_is_free_for_the_next_win() {
    let mut bench = Bench::new(100);
    assert_eq!(bench.drew("ann", 0, &[70, 40]), [Granted, Exhausted]);
    bench.give_back(20);
    assert_eq!(bench.live.granted(), amount(50));
    assert_eq!(bench.drew("ann", 0, &[51, 50]), [Exhausted, Granted]);
    bench.give_back(0);
    assert_eq!(bench.live.granted(), amount(100));
    let win = Win { line: 0, purchase: "t1-0".into(), amount: amount(70) };
    let decided = Decided { wallet: wallet("ann"), draw: Seq(1), win, decision: Granted };
    bench.ungrant(&decided);
    assert_eq!(bench.live.granted(), amount(30));
    let counts = *bench.live.counts();
    assert_eq!((counts.rewards, counts.exhausted, counts.failed), (1, 2, 1));
    assert_eq!(counts.taken_back, Total::from(amount(20)));
    assert_eq!(bench.outcomes(OutcomeKind::RewardRefused), 3);
}

#[test]
fn while_it_pauses_wins_wait_and_are_decided_in_order_when_it_goes_on() {
    let mut bench = Bench::new(100);
    bench.ask(&Command::Pause).expect("it may");
    assert_eq!(bench.ask(&Command::Pause), Ok(vec![]), "it pauses already");
    assert_eq!(bench.drew("ann", 0, &[60, 50]), [Waits, Waits]);
    assert_eq!(bench.drew("bob", 0, &[40]), [Waits]);
    assert!(bench.effects.is_empty(), "nobody is told anything: {:?}", bench.effects);
    let events = bench.ask(&Command::Resume).expect("it may");
    let [Event::Resumed, Event::Admitted(admitted)] = &*events else { panic!("{events:?}") };
    let decisions: Vec<_> = admitted.wins.iter().map(|win| win.decision).collect();
    assert_eq!(decisions, [Granted, Exhausted, Granted]);
    assert_eq!(bench.ask(&Command::Resume), Ok(vec![]), "it goes on already");
    assert_eq!(bench.drew("ann", 0, &[1]), [Exhausted]);
}

#[test]
fn a_campaign_is_announced_once_and_only_then_paused() {
    let mut bench = Bench::new(100);
    let again = Command::Announce(Arc::new(terms("spring")));
    assert_eq!(bench.ask(&again), Err(Code::AlreadyExists));
    bench.live = Campaign::default();
    assert_eq!(bench.ask(&Command::Pause), Err(Code::CampaignNotFound));
    assert_eq!(bench.ask(&Command::Resume), Err(Code::CampaignNotFound));
    assert!(!bench.live.exists() && bench.live.summary().is_none());
}

#[test]
fn a_long_line_is_worked_off_page_by_page_and_newcomers_go_behind() {
    let mut bench = Bench::new(1_000_000);
    bench.ask(&Command::Pause).expect("it may");
    for _ in 0..3 {
        bench.drew("ann", 0, &[1; 256]);
    }
    bench.ask(&Command::Resume).expect("it may");
    assert_eq!(bench.live.waiting().len(), 512);
    // It goes on already, and still who comes now goes behind.
    assert_eq!(bench.drew("bob", 0, &[7]), [Waits]);
    assert_eq!(bench.go_on().map(|wins| wins.len()), Some(ADMITTED_MAX));
    // Paused while its message is on the way: that one finds nothing to do.
    bench.ask(&Command::Pause).expect("it may");
    assert_eq!(bench.go_on(), Some(vec![]));
    assert_eq!(bench.drew("cat", 0, &[8]), [Waits]);
    bench.ask(&Command::Resume).expect("it may");
    assert_eq!(bench.live.waiting().len(), 2);
    let last = bench.go_on().expect("it wrote to itself");
    let names: Vec<_> = last.iter().map(|win| win.wallet.as_str()).collect();
    assert_eq!(names, ["bob", "cat"]);
    assert_eq!(bench.go_on(), None, "nothing is on its way");
    assert_eq!(bench.drew("dan", 0, &[9]), [Granted]);
    assert_eq!(bench.live.counts().rewards, 768 + 3);
}

#[test]
fn pausing_and_resuming_while_a_message_is_on_the_way_loses_nobody() {
    let mut bench = Bench::new(1_000_000);
    bench.ask(&Command::Pause).expect("it may");
    for _ in 0..4 {
        bench.drew("ann", 0, &[1; 300]);
    }
    // Two chains of messages at once.
    bench.ask(&Command::Resume).expect("it may");
    bench.ask(&Command::Pause).expect("it may");
    bench.ask(&Command::Resume).expect("it may");
    assert_eq!(bench.continues.len(), 2);
    while bench.go_on().is_some() {}
    assert_eq!(bench.live.waiting().len(), 0);
    assert_eq!(bench.live.counts().rewards, 1_200);
}

#[test]
fn a_line_that_is_full_turns_away_and_the_first_keep_their_places() {
    let mut bench = Bench::new(i64::MAX);
    bench.ask(&Command::Pause).expect("it may");
    for _ in 0..WAITING_MAX / 500 - 1 {
        assert_eq!(bench.drew("ann", 0, &[1; 500]), [Waits; 500]);
    }
    assert_eq!(bench.drew("ann", 0, &[1; 499]), [Waits; 499]);
    assert_eq!(bench.drew("bob", 0, &[2, 3, 4]), [Waits, TurnedAway, TurnedAway]);
    assert_eq!(bench.drew("cat", 0, &[5]), [TurnedAway]);
    assert_eq!(bench.live.waiting().len(), WAITING_MAX);
    assert_eq!(bench.live.counts().failed, 3);
    assert_eq!(bench.outcomes(OutcomeKind::RewardRefused), 3);
    bench.ask(&Command::Resume).expect("it may");
    while bench.go_on().is_some() {}
    assert_eq!(bench.live.granted(), amount(19_999 + 2));
}

/// All wins in the order in which they were told, and what became of each.
#[derive(Default)]
struct Model {
    wins: Vec<(String, i64, Option<Decision>)>,
    is_paused: bool,
    given_back: i64,
    /// Wins that were granted and then not taken by their wallets.
    ungranted: i64,
}

impl Model {
    fn granted(&self) -> i64 {
        let granted = self.wins.iter().filter(|(.., decision)| *decision == Some(Granted));
        granted.map(|(_, minor, _)| minor).sum::<i64>() - self.given_back - self.ungranted
    }

    fn waiting(&self) -> usize {
        self.wins.iter().filter(|(.., decision)| decision.is_none()).count()
    }

    /// What the campaign counts is what the model has.
    fn counted(&self, counts: &Counts, undone: usize, statements: u64) {
        let count = |decision| self.wins.iter().filter(|win| win.2 == Some(decision)).count();
        assert_eq!(counts.wins, self.wins.len() as u64);
        assert_eq!(counts.rewards, (count(Granted) - undone) as u64);
        assert_eq!(counts.exhausted, count(Exhausted) as u64);
        assert_eq!(counts.failed, undone as u64);
        assert_eq!(counts.draws, counts.wins + 2 * statements);
    }

    /// Decides the oldest of those that wait.
    fn admit(&mut self, budget: i64, most: usize) {
        for _ in 0..most {
            let granted = self.granted();
            let Some(win) = self.wins.iter_mut().find(|(.., decision)| decision.is_none()) else {
                return;
            };
            win.2 = Some(if win.1 <= budget - granted { Granted } else { Exhausted });
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Drew(Vec<i64>),
    Pause,
    Resume,
    GoOn,
    GiveBack(i64),
    Ungrant(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => proptest::collection::vec(1..60_i64, 0..6).prop_map(Step::Drew),
        1 => (200..400_usize).prop_map(|count| Step::Drew(vec![1; count])),
        2 => Just(Step::Pause),
        2 => Just(Step::Resume),
        3 => Just(Step::GoOn),
        2 => (0..50_i64).prop_map(Step::GiveBack),
        1 => (0..1_000_usize).prop_map(Step::Ungrant),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_budget_is_decided_as_the_model_says(steps in steps(), budget in 1..2_000_i64) {
        let (mut bench, mut model) = (Bench::new(budget), Model::default());
        let (mut names, mut undone) = (0_u64, BTreeMap::new());
        for step in steps {
            match step {
                Step::Drew(wins) => {
                    names += 1;
                    let name = format!("w{names}");
                    let before = model.wins.len();
                    model.wins.extend(wins.iter().map(|minor| (name.clone(), *minor, None)));
                    if !model.is_paused && model.waiting() == wins.len() {
                        model.admit(budget, wins.len());
                    }
                    let said = bench.drew(&name, 2, &wins);
                    let expected = model.wins[before..].iter();
                    let expected: Vec<_> =
                        expected.map(|(.., decision)| decision.unwrap_or(Waits)).collect();
                    prop_assert_eq!(said, expected);
                }
                Step::Pause => {
                    bench.ask(&Command::Pause).expect("it may");
                    model.is_paused = true;
                }
                Step::Resume => {
                    bench.ask(&Command::Resume).expect("it may");
                    if model.is_paused {
                        model.admit(budget, ADMITTED_MAX);
                    }
                    model.is_paused = false;
                }
                Step::GoOn => {
                    if bench.go_on().is_some() && !model.is_paused {
                        model.admit(budget, ADMITTED_MAX);
                    }
                }
                Step::GiveBack(minor) => {
                    let minor = minor.min(model.granted());
                    bench.give_back(minor);
                    model.given_back += minor;
                }
                Step::Ungrant(at) => {
                    let is_granted = |(_, win): &(usize, &(_, i64, _))| win.2 == Some(Granted);
                    let wins = model.wins.iter().enumerate();
                    let granted: Vec<_> = wins.filter(is_granted).map(|(at, _)| at).collect();
                    let Some(at) = granted.get(at).copied() else { continue };
                    let (name, minor, _) = model.wins[at].clone();
                    if undone.contains_key(&at) || minor > model.granted() {
                        continue;
                    }
                    undone.insert(at, minor);
                    model.ungranted += minor;
                    let win = Win { line: 0, purchase: "any".into(), amount: amount(minor) };
                    let (wallet, draw) = (wallet(&name), Seq(1));
                    bench.ungrant(&Decided { wallet, draw, win, decision: Granted });
                }
            }
            prop_assert_eq!(bench.live.granted().minor(), model.granted());
            prop_assert_eq!(bench.live.waiting().len(), model.waiting());
            prop_assert!(model.granted() <= budget);
            let waits = bench.live.waiting().map(|win| win.wallet.to_string());
            let expected = model.wins.iter().filter(|(.., decision)| decision.is_none());
            prop_assert!(waits.eq(expected.map(|(name, ..)| name.clone())), "the oldest first");
            // Nobody waits without a reason: it pauses, or a message is on its way.
            prop_assert!(
                model.waiting() == 0 || model.is_paused || !bench.continues.is_empty()
            );
        }
        model.counted(bench.live.counts(), undone.len(), names);
    }
}
