//! A rush on deals while third parties fail and the server is killed every two seconds.
//!
//! 5,000 requests from 64 connections: most for a deal in which everyone invests the same, the
//! others for one with mixed amounts and wallets that come again. The processor declines a fifth,
//! does not answer a tenth (half of those it did), documents fail now and then, and the server gets
//! SIGKILL after every 700 answers and then every two seconds until all is over; the third parties
//! live on.
//!
//! What must have come of it is then computed from the tickets that were answered and from what the
//! third parties booked, by nothing that the server says about itself. In the first deal that is
//! exact: everyone asks for the same, so the confirmed are the first two hundred tickets whose pull
//! was not declined. The stream of outcomes, read from its very start, tells each end once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bank::{major, minor, texts};
use crate::harness::{DEADLINE, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::investing::{id_of, investment_body, investments_of, is_over};
use crate::parties::Parties;
use crate::streams::Outcomes;

const CONNECTIONS: usize = 64;
const SAME: u64 = 4_000;
const MIXED: u64 = 1_000;
const SEATS: usize = 200;
const KILL_EVERY: Duration = Duration::from_secs(2);
const KILL_AFTER: usize = 700;

/// One request that was made, again and again until it was answered.
#[derive(Clone, Debug)]
struct Asked {
    deal: &'static str,
    wallet: String,
    key: String,
    amount: u64,
}

impl Asked {
    fn number(number: u64) -> Self {
        let (deal, wallet, amount) = if number.is_multiple_of(5) {
            ("mixed", format!("w{}", number % 700), 1_000 + number % 977 * 100)
        } else {
            ("same", format!("w{number}"), 50_000)
        };
        Self { deal, wallet, key: format!("key-{number}"), amount }
    }

    fn request(&self) -> Request {
        let body = investment_body(&self.wallet, &major(self.amount));
        Request::post(investments_of(self.deal), &body).key(&self.key)
    }
}

/// What an answer said: the investment's id and its ticket.
fn ticket(asked: &Asked, answer: &crate::http::Answer) -> Option<(String, u64)> {
    let json = match answer.status {
        202 | 409 => answer.json(),
        503 => return None,
        other => panic!("{asked:?}: {other} {}", answer.text()),
    };
    let id = if answer.status == 202 { &json["id"] } else { &json["investment"] };
    let id = id.as_str().unwrap_or_else(|| panic!("{asked:?}: no id in {json}"));
    let ticket = json["ticket"].as_u64().unwrap_or_else(|| panic!("{asked:?}: {json}"));
    Some((id.to_owned(), ticket))
}

/// Asks until there is an answer, wherever the server is by then.
fn insist(asked: &Asked, address: &Mutex<SocketAddr>) -> (String, u64) {
    loop {
        let at = *address.lock().expect("nobody panics with it");
        let answer = Client::new(at).try_send(&asked.request());
        if let Some(found) = answer.ok().and_then(|answer| ticket(asked, &answer)) {
            return found;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// All requests, from many connections, while `kills` go on. Returns what was answered to each.
fn rush(
    address: &Mutex<SocketAddr>,
    answered: &AtomicUsize,
) -> BTreeMap<u64, (Asked, String, u64)> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if number >= SAME + MIXED {
                        return;
                    }
                    let asked = Asked::number(number);
                    let (id, ticket) = insist(&asked, address);
                    answered.fetch_add(1, Ordering::Relaxed);
                    let mut found = found.lock().expect("nobody panics with it");
                    found.insert(number, (asked, id, ticket));
                }
            });
        }
    });
    found.into_inner().expect("nobody panics with it")
}

/// Waits until so many more requests were answered, but no longer than the time between two kills.
fn wait_for_more(answered: &AtomicUsize, more: usize) {
    let (begun, enough) = (Instant::now(), answered.load(Ordering::Relaxed) + more);
    while begun.elapsed() < KILL_EVERY && answered.load(Ordering::Relaxed) < enough {
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Whether nothing is on its way in either deal.
fn all_over(client: &mut Client) -> Option<()> {
    for deal in ["same", "mixed"] {
        let request = Request::new("GET", format!("/v1/deals/{deal}"));
        let deal = client.try_send(&request).ok()?.json();
        (deal["investments"]["reserved"] == 0 && deal["waiting"] == 0).then_some(())?;
    }
    Some(())
}

fn prepare(server: &Server, parties: &Parties) {
    let wallets = (0..SAME + MIXED).map(|number| {
        json!({"op": "open-wallet", "idempotency_key": format!("open-{number}"),
            "id": format!("w{number}"), "currency": "EUR"})
    });
    let mut client = server.client();
    for answer in client.batch("/v1/batch", &wallets.collect::<Vec<_>>()) {
        assert_eq!(answer["status"], 201, "{answer}");
    }
    client.deal("same", "9000000.00", 200);
    client.deal("mixed", "20000.00", 200);
    for (mode, probability) in [("decline", 0.2), ("timeout", 0.05), ("lose-answer", 0.05)] {
        let delay = if mode == "decline" { Value::Null } else { json!(1500) };
        let mut fault = json!({"route": "pull", "mode": mode, "probability": probability});
        if !delay.is_null() {
            fault["delay_ms"] = delay;
        }
        parties.fault(&fault);
    }
    parties.fault(&json!({"route": "documents", "mode": "error", "probability": 0.1}));
    parties.fault(&json!({"route": "refund", "mode": "error", "probability": 0.1}));
}

#[test]
fn a_rush_with_faults_and_kills_ends_as_tickets_and_ledger_imply() {
    let parties = Parties::start(5);
    // Saved all the time, and out of memory as soon as may be.
    let launch = parties.launch().and("BURSAR__CHECKPOINT__INTERVAL_S", "1");
    let mut server = Server::start_with(launch.and("BURSAR__RESIDENTS__IDLE_S", "1"));
    prepare(&server, &parties);
    let address = Mutex::new(server.address());
    let (answered, rushed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let asked = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let asked = rush(&address, &answered);
            rushed.store(true, Ordering::Release);
            asked
        });
        for kills in 1.. {
            wait_for_more(&answered, KILL_AFTER);
            if rushed.load(Ordering::Acquire) && all_over(&mut server.client()).is_some() {
                assert!(kills > 5, "it was killed in the middle, {kills} times");
                break;
            }
            assert!(KILL_EVERY * kills < 4 * DEADLINE, "it never ends: {:?}", server.log());
            server.kill();
            server.restart();
            *address.lock().expect("nobody panics with it") = server.address();
        }
        asking.join().expect("the clients did not panic")
    });
    assert_eq!(asked.len() as u64, SAME + MIXED);
    let mut client = server.client();
    check_tickets(&mut client, &asked);
    let ledger = Ledger::read(&parties);
    let listed = listed(&mut client);
    check_same(&asked, &listed, &ledger);
    check_all(&mut client, &listed, &ledger);
    check_told(&server, &listed);
    check_nothing_left(&mut client);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

/// Tickets are dense, and a repeat of a request names the same.
fn check_tickets(client: &mut Client, asked: &BTreeMap<u64, (Asked, String, u64)>) {
    let mut tickets: HashMap<&str, BTreeSet<u64>> = HashMap::new();
    for (asked, id, first) in asked.values() {
        assert!(tickets.entry(asked.deal).or_default().insert(*first), "{id}: ticket twice");
    }
    for (deal, tickets) in tickets {
        assert_eq!(tickets.first(), Some(&1), "{deal}");
        assert_eq!(tickets.last().copied(), Some(tickets.len() as u64), "{deal}: no gaps");
    }
    for (asked, id, first) in asked.values().step_by(7) {
        let answer = client.send(&asked.request());
        assert!(answer.is_replay(), "{asked:?}: {}", answer.text());
        let again = ticket(asked, &answer).expect("it is answered");
        assert_eq!(again, (id.clone(), *first), "{asked:?}");
    }
}

/// What the third parties booked, by investment.
#[derive(Default)]
struct Ledger {
    /// By investment: what was pulled and not given back, and how often a pull succeeded.
    net: HashMap<String, i128>,
    pulls: HashMap<String, u32>,
    declined: BTreeSet<String>,
    documents: HashMap<String, u32>,
}

impl Ledger {
    fn read(parties: &Parties) -> Self {
        let ledger = parties.ledger();
        let mut found = Self::default();
        let items = ledger["items"].as_array().expect("items");
        let investment = |item: &Value| {
            let key = item["key"].as_str().expect("a key").to_owned();
            key.split('/').next().expect("a first part").to_owned()
        };
        for item in items {
            let id = investment(item);
            match (item["kind"].as_str(), item["status"].as_str()) {
                (Some("pull"), Some("succeeded")) => {
                    *found.net.entry(id.clone()).or_default() += minor(&item["amount"]);
                    *found.pulls.entry(id).or_default() += 1;
                }
                (Some("pull"), Some("declined")) => drop(found.declined.insert(id)),
                (Some("refund"), Some("succeeded")) => {
                    *found.net.entry(id).or_default() -= minor(&item["amount"]);
                }
                other => panic!("{other:?}: {item}"),
            }
        }
        for made in ledger["documents"].as_array().expect("documents") {
            if made["status"] == "made" {
                *found.documents.entry(investment(made)).or_default() += 1;
            }
        }
        found
    }
}

/// Both deals' investments, by ticket.
fn listed(client: &mut Client) -> HashMap<&'static str, Vec<Value>> {
    let mut listed = HashMap::new();
    for deal in ["same", "mixed"] {
        // The deal has counted it a moment before the investment itself hears that it is over.
        let items = eventually("all are over", || {
            let items = client.all(&investments_of(deal));
            items.iter().all(is_over).then_some(items)
        });
        let tickets: Vec<_> = items.iter().map(|item| item["ticket"].as_u64()).collect();
        let dense = (1..=tickets.len() as u64).map(Some);
        assert_eq!(tickets, dense.collect::<Vec<_>>(), "{deal}: by ticket, without gaps");
        listed.insert(deal, items);
    }
    listed
}

/// Everyone asked for the same: the first two hundred who could pay are in.
fn check_same(
    asked: &BTreeMap<u64, (Asked, String, u64)>,
    listed: &HashMap<&str, Vec<Value>>,
    ledger: &Ledger,
) {
    let items = &listed["same"];
    assert_eq!(items.len(), asked.values().filter(|(asked, ..)| asked.deal == "same").count());
    let mut expected = Vec::new();
    for item in items {
        let id = item["id"].as_str().expect("an id");
        if expected.len() == SEATS {
            assert_eq!(item["status"], "refused", "{item}");
            assert_eq!(ledger.pulls.get(id), None, "{item}: nobody was asked for its money");
        } else if ledger.declined.contains(id) {
            assert_eq!(item["status"], "failed", "{item}");
        } else {
            assert_eq!(item["status"], "confirmed", "{item}");
            expected.push(id.to_owned());
        }
    }
    assert_eq!(expected.len(), SEATS, "the deal is full");
}

/// Whatever the deal: the confirmed paid once and have their documents, the others have neither.
fn check_all(client: &mut Client, listed: &HashMap<&str, Vec<Value>>, ledger: &Ledger) {
    for (deal, items) in listed {
        let (mut sum, mut wallets) = (0, BTreeSet::new());
        for item in items {
            let id = item["id"].as_str().expect("an id");
            let net = ledger.net.get(id).copied().unwrap_or_default();
            let documents = ledger.documents.get(id).copied().unwrap_or_default();
            if item["status"] == "confirmed" {
                assert_eq!((net, documents), (minor(&item["amount"]), 1), "{item}");
                assert_eq!(ledger.pulls[id], 1, "{item}: pulled once");
                sum += net;
                wallets.insert(item["wallet"].as_str().expect("a wallet").to_owned());
            } else {
                assert_eq!((net, documents), (0, 0), "{item}: nothing is left behind");
            }
        }
        let shown = client.get(&format!("/v1/deals/{deal}")).expect(200);
        assert!(wallets.len() <= SEATS, "{deal}: {} seats", wallets.len());
        assert!(sum <= minor(&shown["amount"]), "{deal}: {sum}");
        assert_eq!(minor(&shown["confirmed"]), sum, "{shown}");
        assert_eq!(shown["seats"]["taken"], wallets.len(), "{shown}");
        assert_eq!(shown["last_ticket"], items.len(), "{shown}");
    }
}

/// The stream tells how each investment ended, once, and of nobody else.
fn check_told(server: &Server, listed: &HashMap<&str, Vec<Value>>) {
    let ends = ["confirmed", "failed", "cancelled", "refused"];
    let kinds: Vec<_> = ends.iter().map(|end| format!("type=investment.{end}")).collect();
    let query = format!("cursor=0-0&{}", kinds.join("&"));
    let mut outcomes = Outcomes::open(server.address(), &query);
    let mut expected: HashMap<String, String> = HashMap::new();
    for item in listed.values().flatten() {
        let status = item["status"].as_str().expect("a status");
        expected.insert(id_of(item), format!("investment.{status}"));
    }
    while !expected.is_empty() {
        let outcome = outcomes.next();
        let told = expected.remove(outcome["data"]["id"].as_str().expect("an id"));
        assert_eq!(told.as_deref(), outcome["type"].as_str(), "told twice or wrongly: {outcome}");
    }
}

/// No wallet has anything pending, nothing is in transit, no saga hangs.
fn check_nothing_left(client: &mut Client) {
    client.assert_settled();
    for number in (0..SAME + MIXED).step_by(11) {
        let wallet = client.wallet(&format!("w{number}"));
        assert_eq!(wallet["pending_investments"], json!([]), "{wallet}");
        assert_eq!(wallet["balance"]["held"], "0.00", "{wallet}");
    }
    let stuck = client.get("/admin/sagas?status=stuck").expect(200);
    assert_eq!(texts(stuck["items"].as_array().expect("items"), "id"), Vec::<String>::new());
}
