//! More wallets than fit in memory, under load.
//!
//! With a ceiling of a thousand residents and several thousand wallets, every call may find its
//! wallet on disk, being saved, being read or just about to leave. None of that may be seen from
//! outside: no money is lost or doubled, every key is remembered, and a server that is full says
//! so (503) rather than forgetting.

use std::collections::HashMap;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Launch, Random, Server, eventually};
use crate::http::{Answer, Client, Request};

const WALLETS: u64 = 3000;
const WRITERS: u64 = 6;
const PAYMENTS: u64 = 150;
const RESIDENTS: u64 = 1000;

fn small() -> Launch {
    let mut launch = Launch::with("BURSAR__RESIDENTS__MAX", &RESIDENTS.to_string());
    launch.environment.push(("BURSAR__CHECKPOINT__INTERVAL_S", "1".to_owned()));
    launch
}

fn fill(client: &mut Client) {
    client.register("shop");
    let lines: Vec<Value> = (0..WALLETS)
        .flat_map(|number| {
            let id = format!("w{number}");
            [
                json!({"op": "open-wallet", "idempotency_key": "open", "id": id,
                    "currency": "EUR"}),
                json!({"op": "deposit", "idempotency_key": "first", "wallet": id,
                    "amount": "10.00", "currency": "EUR", "method": "external"}),
            ]
        })
        .collect();
    for answer in client.batch("/v1/batch", &lines) {
        assert_eq!(answer["status"], 201, "{answer}");
    }
}

/// Sends until the server has room, as its answer asks for.
fn send(client: &mut Client, request: &Request) -> Answer {
    eventually("the server has room", || {
        let answer = client.send(request);
        if answer.status == 503 {
            answer.problem(503, "overloaded");
            assert!(answer.header("retry-after").is_some());
            return None;
        }
        Some(answer)
    })
}

fn payment(wallet: u64, key: &str) -> Request {
    let body = json!({"wallet": format!("w{wallet}"), "provider": "shop", "amount": "0.10",
        "currency": "EUR"});
    Request::post("/v1/payments", &body).key(key)
}

/// Pays from wallets by chance; some of them twice with one key. Returns how much each has paid.
fn pay(client: &mut Client, writer: u64) -> HashMap<u64, u64> {
    let mut random = Random::new(writer + 1);
    let mut paid = HashMap::new();
    for number in 0..PAYMENTS {
        let wallet = random.below(WALLETS);
        let request = payment(wallet, &format!("p-{writer}-{number}"));
        let first = send(client, &request);
        let payment = first.expect(201);
        *paid.entry(wallet).or_default() += 10;
        match random.below(4) {
            0 => {
                let again = send(client, &request);
                assert!(again.is_replay());
                assert_eq!(again.text(), first.text());
            }
            1 => {
                let id = payment["id"].as_str().expect("a payment has an id");
                let read = send(client, &Request::new("GET", format!("/v1/payments/{id}")));
                assert_eq!(read.expect(200)["balance_after"], payment["balance_after"]);
                let refund = Request::post(format!("/v1/payments/{id}/refunds"), &json!({}));
                send(client, &refund.key(format!("r-{writer}-{number}"))).expect(201);
                *paid.entry(wallet).or_default() -= 10;
            }
            _ => {}
        }
    }
    paid
}

fn check(client: &mut Client, paid: &HashMap<u64, u64>) {
    for wallet in 0..WALLETS {
        let seen = send(client, &Request::new("GET", format!("/v1/wallets/w{wallet}")));
        let left = 1000 - paid.get(&wallet).copied().unwrap_or_default();
        assert_eq!(seen.expect(200)["balance"]["posted"], crate::bank::major(left), "w{wallet}");
    }
    let sum = paid.values().sum();
    client.wait_accrued("shop", &crate::bank::major(sum));
    client.assert_balanced();
}

#[test]
fn more_wallets_than_fit_in_memory_lose_nothing() {
    let mut server = Server::start_with(small());
    let mut client = server.client();
    fill(&mut client);
    let address = server.address();
    let mut paid: HashMap<u64, u64> = HashMap::new();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || pay(&mut Client::new(address), writer)))
            .collect();
        for writer in writers {
            for (wallet, amount) in writer.join().expect("no writer panics") {
                *paid.entry(wallet).or_default() += amount;
            }
        }
    });
    check(&mut client, &paid);
    eventually("who is idle leaves memory", || {
        let actors = client.get("/admin/actors?limit=1").expect(200);
        actors["total"].as_u64().filter(|total| *total <= RESIDENTS)
    });
    server.kill();
    server.restart();
    let mut client = server.client();
    check(&mut client, &paid);
    // A key of the very beginning, of a wallet that has left memory more than once.
    let again = json!({"amount": "10.00", "currency": "EUR", "method": "external"});
    let again = Request::post("/v1/wallets/w0/deposits", &again).key("first");
    assert!(send(&mut client, &again).is_replay());
}

#[test]
fn asking_for_whom_nobody_knows_fills_no_memory() {
    let server = Server::start_with(small());
    let mut client = server.client();
    client.open_with("alice", "1.00");
    for number in 0..5000 {
        let path = format!("/v1/wallets/nobody{number}");
        send(&mut client, &Request::new("GET", path)).problem(404, "wallet-not-found");
    }
    eventually("nobody stays in memory", || {
        let actors = client.get("/admin/actors?limit=1").expect(200);
        actors["total"].as_u64().filter(|total| *total <= 1)
    });
    let paid = send(&mut client, &payment(0, "p1"));
    paid.problem(404, "wallet-not-found");
    assert_eq!(client.posted("alice"), "1.00");
}
