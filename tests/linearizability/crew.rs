//! Clients that use a few entities at the same time, while the server is killed.
//!
//! What is the same for every kind of entity: a history under a lock, patience that is drawn but
//! bounded (each request that is never answered multiplies the search), clients in threads, and
//! kills after a drawn number of answers. Whoever kills looks at every entity before the clients
//! find the server again. What is sent is drawn from the seed; how it falls together is the
//! machine's, so a seed that failed is run some times.
//!
//! `BURSAR_LINEARIZABILITY_SEED` gives another seed, `BURSAR_LINEARIZABILITY_ROUNDS` more rounds,
//! each with new entities, for a longer run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::Random;
use crate::history::{History, Specification};
use crate::site::{Caller, Heard, Patience, Site, request};

/// Clients that share an entity.
const CLIENTS: usize = 4;

/// The client who looks right after a restart, and at the end.
const LOOKER: usize = CLIENTS;

/// What each client sends.
const CALLS: usize = 12;

/// The same where orders are not only found but all tried.
const CALLS_FEW: usize = 5;

/// At the most so many calls of an entity are never answered.
const UNANSWERED_MAX: usize = 5;

/// The same where orders are not only found but all tried.
const UNANSWERED_FEW: usize = 2;

/// What happened to one entity.
pub(crate) struct Watched<S: Specification> {
    history: Mutex<History<S>>,
    may_give_up: Mutex<usize>,
}

impl<S: Specification> Watched<S> {
    /// Nothing yet.
    pub(crate) fn new(begins: S) -> Self {
        Self { history: Mutex::new(History::new(begins)), may_give_up: Mutex::new(UNANSWERED_MAX) }
    }

    /// The history so far.
    pub(crate) fn history(&self) -> MutexGuard<'_, History<S>> {
        locked(&self.history)
    }

    /// Everything that was sent, also what is not answered yet.
    pub(crate) fn sent(&self) -> Vec<S::Wish> {
        self.history().wishes().cloned().collect()
    }

    /// How patient a client is now.
    fn patience(&self, random: &mut Random) -> Patience {
        let patience = match random.below(12) {
            0 => Patience::None,
            1..=3 => Patience::UntilBroken,
            _ => return Patience::Insists,
        };
        let mut may_give_up = locked(&self.may_give_up);
        if *may_give_up == 0 {
            return Patience::Insists;
        }
        *may_give_up -= 1;
        patience
    }
}

/// An entity that clients use.
pub(crate) trait Used: Sync {
    /// What it may answer.
    type Rules: Specification<Wish: Send, Said: Send> + Send;

    /// A look at it.
    const READ: <Self::Rules as Specification>::Wish;

    /// Its name.
    fn id(&self) -> &str;

    /// What happened to it.
    fn watched(&self) -> &Watched<Self::Rules>;

    /// What a client does next, under this key if it needs a new one.
    fn draw(&self, random: &mut Random, key: u32) -> <Self::Rules as Specification>::Wish;

    /// The bytes to send.
    fn request(&self, wish: &<Self::Rules as Specification>::Wish) -> Vec<u8>;

    /// The answer in the words of the rules.
    fn understand(
        &self,
        wish: &<Self::Rules as Specification>::Wish,
        heard: &Heard,
    ) -> <Self::Rules as Specification>::Said;

    /// Sends, and writes down what came of it.
    fn ask(
        &self,
        caller: &mut Caller<'_>,
        client: usize,
        wish: <Self::Rules as Specification>::Wish,
        patience: Patience,
    ) {
        let request = self.request(&wish);
        let number = self.watched().history().call(client, wish.clone());
        if let Some(heard) = caller.ask(&request, patience) {
            let said = self.understand(&wish, &heard);
            self.watched().history().answer(number, said);
        }
    }

    /// Looks at it.
    fn look(&self, caller: &mut Caller<'_>) {
        self.ask(caller, LOOKER, Self::READ, Patience::Insists);
    }
}

/// What a run came to.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    kills: usize,
    calls: usize,
    places: usize,
}

/// One client of one entity.
fn be_client(site: &Site, used: &impl Used, client: usize, calls: usize, mut random: Random) {
    let mut caller = site.caller();
    for call in 0..calls {
        let key = u32::try_from(client * CALLS + call).expect("it is small");
        let wish = used.draw(&mut random, key);
        let patience = used.watched().patience(&mut random);
        used.ask(&mut caller, client, wish, patience);
    }
}

/// Some entities, each with its clients, and kills until all are done.
fn rush<U: Used>(site: &Site, entities: &[U], calls: usize, random: &mut Random) -> usize {
    let mut kills = 0;
    thread::scope(|scope| {
        let clients = entities.iter().flat_map(|used| (0..CLIENTS).map(move |n| (used, n)));
        let clients: Vec<_> = clients
            .map(|(used, client)| {
                let random = Random::new(random.below(u64::MAX - 1) + 1);
                scope.spawn(move || be_client(site, used, client, calls, random))
            })
            .collect();
        let mut next = site.answered() + entities.len() * CLIENTS * calls / 4;
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            if site.answered() >= next {
                site.strike(|caller| entities.iter().for_each(|used| used.look(caller)));
                kills += 1;
                next = site.answered() + 20 + usize::try_from(random.below(40)).expect("small");
            }
            thread::park_timeout(Duration::from_millis(1));
        }
    });
    kills
}

/// Rounds with new entities, each checked by itself.
pub(crate) fn run<U: Used>(
    site: &Site,
    rounds: u64,
    mut open: impl FnMut(&mut Caller<'_>, u64) -> Vec<U>,
) -> Tally {
    let seed = from_environment("BURSAR_LINEARIZABILITY_SEED", 42);
    let rounds = from_environment("BURSAR_LINEARIZABILITY_ROUNDS", rounds);
    println!("seed {seed}, {rounds} rounds");
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    let mut caller = site.caller();
    for number in 0..rounds {
        let entities = open(&mut caller, number);
        tally.kills += rush(site, &entities, CALLS, &mut random);
        for used in &entities {
            used.look(&mut caller);
            let history = used.watched().history();
            tally.calls += history.calls();
            let whose = format!("seed {seed}, {}", used.id());
            tally.places += history.assert_linearizable(&whose);
        }
    }
    println!("{tally:?}");
    assert!(tally.kills >= usize::try_from(rounds).expect("it is small"), "{tally:?}");
    tally
}

/// One entity under its clients and kills; what it was until then is linearizable.
pub(crate) fn use_one<U: Used>(site: &Site, used: U) -> U {
    let seed = from_environment("BURSAR_LINEARIZABILITY_SEED", 42);
    println!("seed {seed}");
    *locked(&used.watched().may_give_up) = UNANSWERED_FEW;
    let entities = [used];
    rush(site, &entities, CALLS_FEW, &mut Random::new(seed));
    let [used] = entities;
    used.look(&mut site.caller());
    used.watched().history().assert_linearizable(used.id());
    used
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// A lock, also after a panic: then there is a failure to show already.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of them; `None` when there is none.
pub(crate) fn pick<T: Clone>(random: &mut Random, items: &[T]) -> Option<T> {
    let count = u64::try_from(items.len()).expect("a length is a u64");
    if count == 0 {
        return None;
    }
    let index = usize::try_from(random.below(count)).expect("it is below a length");
    Some(items[index].clone())
}

/// A small number that is not 0.
pub(crate) fn amount(random: &mut Random, most: u64) -> i64 {
    1 + i64::try_from(random.below(most)).expect("it is small")
}

/// Makes something that the entities need; it must be new.
pub(crate) fn write(caller: &mut Caller<'_>, path: &str, key: &str, body: &Value) {
    let request = request("POST", path, Some(key), Some(body));
    let heard = caller.ask(&request, Patience::Insists).expect("it insists");
    assert_eq!(heard.answer.status, 201, "{}", heard.answer.text());
}
