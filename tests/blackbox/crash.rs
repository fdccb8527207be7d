//! Crashes: the real binary, killed again and again under concurrent payments.
//!
//! Eight writers pay from four wallets to two providers; some amounts are too large on purpose.
//! After a random number of answers the process gets SIGKILL; in every other round while it saves
//! all the time and wallets come and go from memory. Each round then checks on the
//! restarted server: what was acknowledged is there once, what was refused left no trace, what
//! got no answer can be asked again with its key and is then there once, and the books add up.
//! At the end the outcome stream, resumed from the very start, tells every payment exactly once.
//!
//! Each attempt carries a tag of its own as its description, so that it is found even when no
//! answer told its id. The generator's seed is fixed; what differs from run to run is only when
//! the kill meets the writers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::bank::{major, minor};
use crate::harness::{Random, Server, eventually};
use crate::http::{Answer, Client, Request};
use crate::streams::Outcomes;

const ROUNDS: u64 = 20;
const WRITERS: u64 = 8;
const WALLETS: u64 = 4;
const PROVIDERS: u64 = 2;

/// More than any wallet holds.
const TOO_MUCH: &str = "900000000.00";

/// One payment that a writer asked for.
#[derive(Clone, Debug)]
struct Attempt {
    tag: String,
    wallet: String,
    provider: String,
    amount: String,
}

impl Attempt {
    fn new(round: u64, writer: u64, number: u64) -> Self {
        let amount = if number % 7 == 3 { TOO_MUCH.to_owned() } else { major(number % 97 + 1) };
        Self {
            tag: format!("r{round}-w{writer}-n{number}"),
            wallet: format!("w{}", (writer + number) % WALLETS),
            provider: format!("p{}", number % PROVIDERS),
            amount,
        }
    }

    fn send(&self, client: &mut Client) -> std::io::Result<Answer> {
        let body = json!({"wallet": self.wallet, "provider": self.provider,
            "amount": self.amount, "currency": "EUR", "description": self.tag});
        client.try_send(&Request::post("/v1/payments", &body).key(&self.tag))
    }
}

/// What is known of all attempts so far.
#[derive(Default)]
struct Known {
    /// By tag: the attempt and the id under which it was acknowledged.
    paid: HashMap<String, (Attempt, String)>,
    refused: HashSet<String>,
    unanswered: Vec<Attempt>,
}

impl Known {
    fn learn(&mut self, attempt: Attempt, answer: Option<Answer>) {
        match answer {
            None => self.unanswered.push(attempt),
            Some(answer) if answer.status == 201 => {
                let id = answer.json()["id"].as_str().expect("a payment has an id").to_owned();
                self.paid.insert(attempt.tag.clone(), (attempt, id));
            }
            Some(answer) => {
                answer.problem(409, "insufficient-funds");
                assert_eq!(attempt.amount, TOO_MUCH, "only what is too much is refused");
                self.refused.insert(attempt.tag);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.paid.extend(other.paid);
        self.refused.extend(other.refused);
        self.unanswered.extend(other.unanswered);
    }

    /// What all acknowledged payments of these come to.
    fn sum(&self, of: impl Fn(&Attempt) -> bool) -> i128 {
        let attempts = self.paid.values().map(|(attempt, _)| attempt);
        attempts.filter(|a| of(a)).map(|a| minor(&Value::from(a.amount.as_str()))).sum()
    }
}

/// Pays until the connection breaks.
fn write(client: &mut Client, round: u64, writer: u64, answered: &AtomicUsize) -> Known {
    let mut known = Known::default();
    for number in 0.. {
        let attempt = Attempt::new(round, writer, number);
        let answer = attempt.send(client).ok();
        let broken = answer.is_none();
        known.learn(attempt, answer);
        if broken {
            break;
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    known
}

/// Saves everything and lets wallets and providers leave memory, until the connection breaks.
fn save_and_passivate(client: &mut Client) {
    let wallets = (0..WALLETS).map(|number| format!("wallet/w{number}"));
    let actors: Vec<_> = wallets.chain((0..PROVIDERS).map(|n| format!("provider/p{n}"))).collect();
    let command = |path: String| Request::new("POST", path);
    for actor in actors.iter().cycle() {
        let saved = client.try_send(&command("/admin/checkpoint".to_owned()));
        let passivated = client.try_send(&command(format!("/admin/actors/{actor}/passivate")));
        if saved.is_err() || passivated.is_err() {
            break;
        }
    }
}

/// Lets the writers loose and kills the server after so many answers; in every other round while
/// it saves.
fn write_and_kill(server: &mut Server, round: u64, answers: usize) -> Known {
    let answered = AtomicUsize::new(0);
    let address = server.address();
    let mut known = Known::default();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let answered = &answered;
                scope.spawn(move || write(&mut Client::new(address), round, writer, answered))
            })
            .collect();
        if round % 2 == 1 {
            scope.spawn(move || save_and_passivate(&mut Client::new(address)));
        }
        eventually("the writers get answers", || {
            (answered.load(Ordering::Relaxed) >= answers).then_some(())
        });
        server.kill();
        for writer in writers {
            known.merge(writer.join().expect("a writer does not panic"));
        }
    });
    known
}

/// Asks again for what got no answer.
fn retry(client: &mut Client, known: &mut Known) {
    for attempt in std::mem::take(&mut known.unanswered) {
        let answer = attempt.send(client).expect("the restarted server answers");
        let again = attempt.send(client).expect("the restarted server answers");
        assert!(again.is_replay());
        assert_eq!(again.text(), answer.text());
        known.learn(attempt, Some(answer));
    }
}

/// What one round acknowledged reads back by id.
fn check_payments(client: &mut Client, round: &Known) {
    for (attempt, id) in round.paid.values() {
        let payment = client.get(&format!("/v1/payments/{id}")).expect(200);
        assert_eq!(payment["id"], id.as_str());
        assert_eq!(payment["description"], attempt.tag.as_str(), "{payment}");
        assert_eq!(payment["amount"], attempt.amount.as_str(), "{payment}");
        assert_eq!(payment["wallet"], attempt.wallet.as_str(), "{payment}");
    }
}

/// Every acknowledged payment stands in its wallet's entries once, nothing else does, and the
/// balance is the sum of the entries.
fn check_wallets(client: &mut Client, known: &Known) {
    let mut found = HashSet::new();
    for wallet in (0..WALLETS).map(|number| format!("w{number}")) {
        let entries = client.all(&format!("/v1/wallets/{wallet}/entries"));
        let sum: i128 = entries.iter().map(|entry| minor(&entry["amount"])).sum();
        assert_eq!(minor(&Value::from(client.posted(&wallet))), sum, "{wallet}");
        assert_eq!(minor(&entries[0]["balance_after"]), sum, "{wallet}");
        for entry in entries.iter().filter(|entry| entry["kind"] == "payment") {
            let tag = entry["description"].as_str().expect("a payment here has its tag");
            let (attempt, id) = known.paid.get(tag).unwrap_or_else(|| {
                panic!("refused: {}; {entry}", known.refused.contains(tag));
            });
            assert_eq!(entry["reference"], id.as_str(), "{entry}");
            assert_eq!(entry["amount"], format!("-{}", attempt.amount), "{entry}");
            assert_eq!(attempt.wallet, wallet, "{entry}");
            assert!(found.insert(tag.to_owned()), "{tag} stands there twice");
        }
    }
    assert_eq!(found.len(), known.paid.len(), "every acknowledged payment is there");
}

/// Providers have received exactly what wallets have paid, and it is the sum of their entries.
fn check_providers(client: &mut Client, known: &Known) {
    for provider in (0..PROVIDERS).map(|number| format!("p{number}")) {
        let paid = known.sum(|attempt| attempt.provider == provider);
        let accrued = major(u64::try_from(paid).expect("a sum of payments is not negative"));
        client.wait_accrued(&provider, &accrued);
        let entries = client.all(&format!("/v1/providers/{provider}/entries"));
        let sum: i128 = entries.iter().map(|entry| minor(&entry["amount"])).sum();
        assert_eq!(sum, paid, "{provider}");
    }
}

/// The stream from the start tells every payment exactly once, each wallet's in seq order.
fn check_stream(server: &Server, start: &str, known: &Known) {
    let query = format!("type=payment.posted&cursor={start}");
    let mut outcomes = Outcomes::open(server.address(), &query);
    let mut told = HashSet::new();
    let mut last: HashMap<String, u64> = HashMap::new();
    for _ in 0..known.paid.len() {
        let outcome = outcomes.next();
        let data = &outcome["data"];
        let id = data["id"].as_str().expect("a payment has an id").to_owned();
        let wallet = data["wallet"].as_str().expect("a payment has a wallet").to_owned();
        let seq = id.split('_').nth(1).and_then(|seq| seq.parse().ok());
        let seq: u64 = seq.unwrap_or_else(|| panic!("no seq in {id}"));
        assert!(last.insert(wallet, seq).is_none_or(|last| last < seq), "{outcome} out of order");
        assert!(told.insert(id), "{outcome} was told twice");
    }
    let paid: HashSet<_> = known.paid.values().map(|(_, id)| id.clone()).collect();
    assert_eq!(told, paid);
    let marker = server.client().pay("w0", "p0", "marker", "0.01").expect(201);
    assert_eq!(outcomes.next()["data"]["id"], marker["id"], "nothing else was told");
}

#[test]
fn twenty_kills_under_load_lose_nothing_and_double_nothing() {
    let mut server = Server::start();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    for provider in 0..PROVIDERS {
        client.register(&format!("p{provider}"));
    }
    for wallet in 0..WALLETS {
        client.open_with(&format!("w{wallet}"), "1000000.00");
    }
    let start = outcomes.next()["cursor"].as_str().expect("a cursor").to_owned();
    drop(outcomes);
    let mut random = Random::new(0x0b5e_55ed_5eed);
    let mut known = Known::default();
    for round in 0..ROUNDS {
        let answers = usize::try_from(10 + random.below(120)).expect("a small number");
        let mut this = write_and_kill(&mut server, round, answers);
        server.restart();
        let mut client = server.client();
        check_payments(&mut client, &this);
        retry(&mut client, &mut this);
        known.merge(this);
        check_wallets(&mut client, &known);
        check_providers(&mut client, &known);
        client.assert_balanced();
    }
    assert!(!known.refused.is_empty() && !known.paid.is_empty());
    check_stream(&server, &start, &known);
}

#[test]
fn a_stop_in_order_under_load_loses_nothing() {
    let mut server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "1000000.00");
    client.register("shop");
    for round in 0..3 {
        let address = server.address();
        let answered = AtomicUsize::new(0);
        let paid: Vec<(String, Value)> = thread::scope(|scope| {
            let answered = &answered;
            let pay = |writer: u64| {
                let mut client = Client::new(address);
                let mut paid = Vec::new();
                for number in 0.. {
                    let key = format!("r{round}-w{writer}-n{number}");
                    let body = crate::bank::payment_body("alice", "shop", "0.01");
                    let request = Request::post("/v1/payments", &body).key(&key);
                    let Ok(answer) = client.try_send(&request) else { break };
                    if answer.status == 503 {
                        assert_eq!(answer.json()["retryable"], true, "{}", answer.text());
                        break;
                    }
                    paid.push((key, answer.expect(201)["id"].clone()));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                paid
            };
            let writers: Vec<_> = (0..WRITERS).map(|w| scope.spawn(move || pay(w))).collect();
            eventually("the writers get answers", || {
                (answered.load(Ordering::Relaxed) >= 50).then_some(())
            });
            assert_eq!(server.stop(), Some(0), "{}", server.log());
            let joined = writers.into_iter().map(|w| w.join().expect("a writer does not panic"));
            joined.flatten().collect()
        });
        server.restart();
        let mut client = server.client();
        for (key, id) in &paid {
            let again = client.pay("alice", "shop", key, "0.01");
            assert!(again.is_replay(), "{key} was acknowledged and is lost");
            assert_eq!(&again.expect(201)["id"], id);
        }
        client.assert_balanced();
    }
}

#[test]
fn refunds_cut_off_by_a_kill_arrive_once() {
    let mut server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "100.00");
    client.register("shop");
    let mut random = Random::new(0x5eed);
    let mut refunded = 0;
    for round in 0..5 {
        let paid = client.pay("alice", "shop", &format!("p{round}"), "10.00").expect(201);
        let id = paid["id"].as_str().expect("a payment has an id").to_owned();
        let refund = |client: &mut Client, number: u64| {
            let path = format!("/v1/payments/{id}/refunds");
            let request = Request::post(path, &json!({"amount": "1.00"}));
            client.try_send(&request.key(format!("f{round}-{number}")))
        };
        let count = 1 + random.below(5);
        for number in 0..count {
            // Not waited for: the money is still on its way when the process is killed.
            refund(&mut client, number).expect("a running server answers");
        }
        server.kill();
        server.restart();
        client = server.client();
        for number in 0..count {
            let answer = refund(&mut client, number).expect("the restarted server answers");
            assert!(matches!(answer.status, 200..=202), "{}", answer.text());
        }
        refunded += count;
        client.wait_accrued("shop", &major(1000 * (round + 1) - 100 * refunded));
        let left = major(10_000 - 1000 * (round + 1) + 100 * refunded);
        eventually("every refund arrives", || (client.posted("alice") == left).then_some(()));
    }
    client.assert_balanced();
}
