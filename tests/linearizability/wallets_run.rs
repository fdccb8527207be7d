//! Wallets under concurrent clients and kills, each checked by itself.
//!
//! A few clients share a wallet, some wallets are used at a time, and the server is killed after a
//! drawn number of answers, again and again. What is sent is drawn from the seed; how it falls
//! together is the machine's. `BURSAR_LINEARIZABILITY_SEED` gives another seed,
//! `BURSAR_LINEARIZABILITY_ROUNDS` more rounds (each draws new wallets) for a longer run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Launch, Random};
use crate::history::History;
use crate::site::{Caller, Heard, Patience, Site, major, mark, minor, request};
use crate::wallet::{Replay, Said, Wallet, Wish};

/// Clients that share a wallet.
const CLIENTS: usize = 4;

/// The client of who looks right after a restart.
const LOOKER: usize = CLIENTS;

/// What each client sends.
const CALLS: usize = 12;

/// Wallets that are used at the same time.
const AT_ONCE: usize = 3;

/// At the most so many calls of a wallet are never answered: each multiplies the search.
const UNANSWERED_MAX: usize = 5;

/// What a wallet begins with.
const BEGINS: i64 = 1_000;

/// A wallet that is used.
struct Used {
    id: String,
    history: Mutex<History<Wallet>>,
    /// The payments that were answered: by their key, their id.
    payments: Mutex<BTreeMap<u32, String>>,
    unanswered: Mutex<usize>,
}

impl Used {
    fn open(caller: &mut Caller<'_>, id: String) -> Self {
        let body = json!({"id": id, "currency": "EUR"});
        write(caller, "/v1/wallets", &format!("open-{id}"), &body);
        let body = json!({"amount": major(BEGINS), "currency": "EUR", "method": "external"});
        write(caller, &format!("/v1/wallets/{id}/deposits"), "first", &body);
        let history = History::new(Wallet::new(BEGINS, 2));
        Self {
            id,
            history: Mutex::new(history),
            payments: Mutex::default(),
            unanswered: Mutex::default(),
        }
    }

    fn request(&self, wish: &Wish) -> Vec<u8> {
        let key = wish.key().map(|key| format!("key-{key}"));
        let (path, body) = match wish {
            Wish::Deposit { amount, .. } => {
                let body =
                    json!({"amount": major(*amount), "currency": "EUR", "method": "external"});
                (format!("/v1/wallets/{}/deposits", self.id), Some(body))
            }
            Wish::Pay { amount, .. } => {
                let body = json!({"wallet": self.id, "provider": "shop",
                    "amount": major(*amount), "currency": "EUR"});
                ("/v1/payments".to_owned(), Some(body))
            }
            Wish::Refund { payment, amount, .. } => {
                let payments = self.payments.lock().unwrap_or_else(PoisonError::into_inner);
                let payment = &payments[payment];
                let body = json!({"amount": major(*amount)});
                (format!("/v1/payments/{payment}/refunds"), Some(body))
            }
            Wish::Read => (format!("/v1/wallets/{}", self.id), None),
        };
        let method = if body.is_some() { "POST" } else { "GET" };
        request(method, &path, key.as_deref(), body.as_ref())
    }

    /// Sends, and writes down what came of it.
    fn ask(&self, caller: &mut Caller<'_>, client: usize, wish: Wish, patience: Patience) {
        let request = self.request(&wish);
        let number = locked(&self.history).call(client, wish.clone());
        let Some(heard) = caller.ask(&request, patience) else { return };
        let said = said(&heard);
        if let (Wish::Pay { key, .. }, Said::Booked { .. }) = (&wish, &said) {
            let id = heard.answer.json()["id"].as_str().expect("a payment has an id").to_owned();
            locked(&self.payments).insert(*key, id);
        }
        locked(&self.history).answer(number, said);
    }

    /// How patient a client is now.
    fn patience(&self, random: &mut Random) -> Patience {
        let patience = match random.below(12) {
            0 => Patience::None,
            1..=3 => Patience::UntilBroken,
            _ => return Patience::Insists,
        };
        let mut unanswered = locked(&self.unanswered);
        if *unanswered == UNANSWERED_MAX {
            return Patience::Insists;
        }
        *unanswered += 1;
        patience
    }

    /// What a client does next, under this key if it needs a new one.
    fn draw(&self, random: &mut Random, key: u32) -> Wish {
        let amount = 1 + i64::try_from(random.below(600)).expect("it is small");
        match random.below(20) {
            0..=2 => Wish::Deposit { key, amount },
            3..=7 => Wish::Pay { key, amount },
            8..=10 => self.draw_refund(random, key),
            11..=13 => self.draw_repeat(random),
            _ => Wish::Read,
        }
    }

    fn draw_refund(&self, random: &mut Random, key: u32) -> Wish {
        let wishes: Vec<_> = locked(&self.history).wishes().cloned().collect();
        let payments = locked(&self.payments);
        let paid = wishes.iter().filter_map(|wish| match wish {
            Wish::Pay { key, amount } => payments.contains_key(key).then_some((*key, *amount)),
            Wish::Deposit { .. } | Wish::Refund { .. } | Wish::Read => None,
        });
        let Some((payment, amount)) = pick(random, &paid.collect::<Vec<_>>()) else {
            return Wish::Read;
        };
        let parts = 1 + i64::try_from(random.below(3)).expect("it is small");
        Wish::Refund { key, payment, amount: (amount / parts).max(1) }
    }

    /// Something that was sent already, also while it is not answered; now and then altered.
    fn draw_repeat(&self, random: &mut Random) -> Wish {
        let wishes: Vec<_> = locked(&self.history).wishes().cloned().collect();
        let keyed: Vec<_> = wishes.into_iter().filter(|wish| wish.key().is_some()).collect();
        let Some(mut wish) = pick(random, &keyed) else { return Wish::Read };
        if random.below(6) == 0 {
            match &mut wish {
                Wish::Deposit { amount, .. }
                | Wish::Pay { amount, .. }
                | Wish::Refund { amount, .. } => *amount += 1,
                Wish::Read => {}
            }
        }
        wish
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pick<T: Clone>(random: &mut Random, items: &[T]) -> Option<T> {
    let count = u64::try_from(items.len()).expect("a length is a u64");
    if count == 0 {
        return None;
    }
    let index = usize::try_from(random.below(count)).expect("it is below a length");
    Some(items[index].clone())
}

fn write(caller: &mut Caller<'_>, path: &str, key: &str, body: &Value) {
    let request = request("POST", path, Some(key), Some(body));
    let heard = caller.ask(&request, Patience::Insists).expect("it insists");
    assert_eq!(heard.answer.status, 201, "{}", heard.answer.text());
}

/// An answer in the words of the specification.
fn said(heard: &Heard) -> Said {
    let (answer, json) = (&heard.answer, heard.answer.json());
    let replay = match (heard.attempts, answer.is_replay()) {
        (1, false) => Replay::No,
        (1, true) => Replay::Yes,
        _ => Replay::Either,
    };
    let body = mark(&answer.body);
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{json}"));
    match answer.status {
        200 => Said::Stands {
            posted: minor(&json["balance"]["posted"]),
            held: minor(&json["balance"]["held"]),
            version: number(&json["version"]),
        },
        201 => Said::Booked {
            balance: minor(&json["balance_after"]),
            seq: number(&json["seq"]),
            body,
            replay,
        },
        422 if json["code"] == "idempotency-key-reused" => Said::Reused,
        409 => {
            let code = json["code"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
            Said::Refused { code, body, replay }
        }
        other => panic!("{other}: {json}"),
    }
}

/// One client of one wallet.
fn use_wallet(site: &Site, used: &Used, client: usize, mut random: Random) {
    let mut caller = site.caller();
    for call in 0..CALLS {
        let key = u32::try_from(client * CALLS + call).expect("it is small");
        let wish = used.draw(&mut random, key);
        let patience = used.patience(&mut random);
        used.ask(&mut caller, client, wish, patience);
    }
}

/// Some wallets, each with its clients, and kills until all are done. Returns the kills.
fn round(site: &Site, wallets: &[Used], random: &mut Random) -> usize {
    let mut kills = 0;
    thread::scope(|scope| {
        let clients: Vec<_> = wallets
            .iter()
            .flat_map(|used| (0..CLIENTS).map(move |client| (used, client)))
            .map(|(used, client)| {
                let random = Random::new(random.below(u64::MAX - 1) + 1);
                scope.spawn(move || use_wallet(site, used, client, random))
            })
            .collect();
        let total = wallets.len() * CLIENTS * CALLS;
        let mut next = site.answered() + total / 4;
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            if site.answered() >= next {
                site.strike(|caller| {
                    for used in wallets {
                        used.ask(caller, LOOKER, Wish::Read, Patience::Insists);
                    }
                });
                kills += 1;
                let step = usize::try_from(random.below(40)).expect("it is small");
                next = site.answered() + 20 + step;
            }
            thread::park_timeout(std::time::Duration::from_millis(1));
        }
    });
    kills
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[test]
fn wallets_are_linearizable_under_kills() {
    let seed = from_environment("BURSAR_LINEARIZABILITY_SEED", 42);
    let rounds = from_environment("BURSAR_LINEARIZABILITY_ROUNDS", 8);
    println!("seed {seed}, {rounds} rounds");
    let site = Site::start(Launch::default());
    let mut caller = site.caller();
    let shop = json!({"id": "shop", "name": "Shop", "currency": "EUR",
        "settlement": {"every": "month"}, "account": "account-shop"});
    write(&mut caller, "/v1/providers", "shop", &shop);
    let mut random = Random::new(seed);
    let (mut kills, mut calls, mut places) = (0, 0, 0);
    for number in 0..rounds {
        let open = |wallet| Used::open(&mut caller, format!("w{number}-{wallet}"));
        let wallets: Vec<_> = (0..AT_ONCE).map(open).collect();
        let struck = round(&site, &wallets, &mut random);
        kills += struck;
        for used in &wallets {
            used.ask(&mut caller, LOOKER, Wish::Read, Patience::Insists);
            let history = locked(&used.history);
            calls += history.calls();
            places += history.assert_linearizable(&format!("seed {seed}: {}", used.id));
        }
    }
    println!("{kills} kills, {calls} calls, {places} places of the search");
    assert!(kills >= usize::try_from(rounds).expect("it is small"), "{kills} kills");
}
