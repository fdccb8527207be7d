//! Idempotency: the same key moves money once, whatever happens in between.
//!
//! A replay is byte for byte the first answer, refusals included, and says that it is one. Keys
//! live as long as their wallet: over a restart, a crash, and after newer keys have pushed them
//! out of memory.

use std::sync::Barrier;
use std::thread;

use crate::bank::{deposit_body, payment_body};
use crate::harness::Server;
use crate::http::{Answer, Client, Request};

fn server_with_money() -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    server
}

fn assert_replay(first: &Answer, again: &Answer) {
    assert!(!first.is_replay(), "the first answer is no replay");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.status, first.status);
    assert_eq!(again.text(), first.text());
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

#[test]
fn a_replay_is_the_first_answer_byte_for_byte() {
    let server = server_with_money();
    let mut client = server.client();
    let first = client.pay("alice", "shop", "p1", "2.00");
    first.expect(201);
    client.deposit("alice", "d1", "1.00").expect(201);
    assert_replay(&first, &client.pay("alice", "shop", "p1", "2.00"));
    assert_eq!(client.posted("alice"), "9.00");
    client.wait_accrued("shop", "2.00");
}

#[test]
fn spelling_the_same_amount_otherwise_is_the_same_request() {
    let server = server_with_money();
    let mut client = server.client();
    let first = client.pay("alice", "shop", "p1", "2");
    assert_replay(&first, &client.pay("alice", "shop", "p1", "2.00"));
}

#[test]
fn deposits_wallets_and_providers_are_replayed_too() {
    let server = Server::start();
    let mut client = server.client();
    let wallet = serde_json::json!({"id": "alice", "currency": "EUR"});
    for (key, path, body) in [
        ("open", "/v1/wallets", wallet),
        ("deposit", "/v1/wallets/alice/deposits", deposit_body("5.00")),
        ("register", "/v1/providers", crate::bank::provider_body("shop")),
    ] {
        let first = client.post(path, key, &body);
        first.expect(201);
        assert_replay(&first, &client.post(path, key, &body));
    }
    assert_eq!(client.posted("alice"), "5.00");
}

#[test]
fn a_refusal_is_replayed_even_when_it_would_now_succeed() {
    let server = server_with_money();
    let mut client = server.client();
    let first = client.pay("alice", "shop", "p1", "11.00");
    first.problem(409, "insufficient-funds");
    client.deposit("alice", "d1", "100.00").expect(201);
    let again = client.pay("alice", "shop", "p1", "11.00");
    again.problem(409, "insufficient-funds");
    assert_replay(&first, &again);
    assert_eq!(client.posted("alice"), "110.00");
}

#[test]
fn a_key_with_other_content_is_refused_and_moves_nothing() {
    let server = server_with_money();
    let mut client = server.client();
    client.pay("alice", "shop", "p1", "2.00").expect(201);
    client.pay("alice", "shop", "p1", "2.01").problem(422, "idempotency-key-reused");
    client.deposit("alice", "p1", "2.00").problem(422, "idempotency-key-reused");
    let mut body = payment_body("alice", "shop", "2.00");
    body["description"] = "another".into();
    client.post("/v1/payments", "p1", &body).problem(422, "idempotency-key-reused");
    assert_eq!(client.posted("alice"), "8.00");
}

#[test]
fn moving_money_needs_a_key_of_visible_characters() {
    let server = server_with_money();
    let mut client = server.client();
    let body = payment_body("alice", "shop", "1.00");
    let payment = || Request::post("/v1/payments", &body);
    client.send(&payment()).problem(400, "idempotency-key-missing");
    let deposit = Request::post("/v1/wallets/alice/deposits", &deposit_body("1.00"));
    client.send(&deposit).problem(400, "idempotency-key-missing");
    for key in [String::new(), "a b".to_owned(), "k".repeat(256), "k".repeat(10_000)] {
        let answer = client.send(&payment().key(&key));
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    assert_eq!(client.posted("alice"), "10.00");
    client.send(&payment().key("k".repeat(255))).expect(201);
}

#[test]
fn one_key_from_many_connections_at_once_moves_money_once() {
    let server = server_with_money();
    let address = server.address();
    let start = Barrier::new(100);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let pay = || {
            let mut client = Client::new(address);
            start.wait();
            client.pay("alice", "shop", "same", "3.00")
        };
        let senders: Vec<_> = (0..100).map(|_| scope.spawn(pay)).collect();
        senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect()
    });
    assert_eq!(answers.len(), 100);
    let firsts = answers.iter().filter(|answer| !answer.is_replay()).count();
    assert_eq!(firsts, 1, "all but one are replays");
    for answer in &answers {
        answer.expect(201);
        assert_eq!(answer.text(), answers[0].text());
    }
    let mut client = server.client();
    assert_eq!(client.posted("alice"), "7.00");
    client.wait_accrued("shop", "3.00");
}

/// One answer of each sort, made before something ends the server.
fn three_answers(client: &mut Client) -> [Answer; 3] {
    let answers = again(client);
    answers[0].expect(201);
    answers[1].problem(409, "insufficient-funds");
    answers[2].expect(201);
    answers
}

fn again(client: &mut Client) -> [Answer; 3] {
    [
        client.pay("alice", "shop", "p1", "2.00"),
        client.pay("alice", "shop", "p2", "1000.00"),
        client.deposit("alice", "d1", "1.00"),
    ]
}

fn assert_replays(first: &[Answer; 3], again: &[Answer; 3]) {
    for (first, again) in first.iter().zip(again) {
        assert_replay(first, again);
    }
}

#[test]
fn keys_outlive_a_restart() {
    let mut server = server_with_money();
    let first = three_answers(&mut server.client());
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server.restart();
    assert_replays(&first, &again(&mut server.client()));
    assert_eq!(server.client().posted("alice"), "9.00");
}

#[test]
fn keys_outlive_a_crash() {
    let mut server = server_with_money();
    let first = three_answers(&mut server.client());
    server.kill();
    server.restart();
    assert_replays(&first, &again(&mut server.client()));
    assert_eq!(server.client().posted("alice"), "9.00");
}

#[test]
fn a_key_on_disk_is_found_by_many_at_once() {
    let mut server = server_with_money();
    let mut client = server.client();
    let first = three_answers(&mut client);
    for number in 0..100 {
        client.deposit("alice", &format!("newer-{number}"), "0.01").expect(201);
    }
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server.restart();
    let address = server.address();
    // Old keys, young keys and new ones, while checkpoints move keys to disk.
    thread::scope(|scope| {
        for sender in 0..8 {
            let first = &first;
            scope.spawn(move || {
                let mut client = Client::new(address);
                for number in 0..20 {
                    assert_replays(first, &again(&mut client));
                    let key = format!("newer-{}", (sender * 20 + number) % 100);
                    assert!(client.deposit("alice", &key, "0.01").is_replay(), "{key}");
                    let key = format!("new-{number}");
                    client.deposit("alice", &key, "0.01").expect(201);
                    if sender == 0 {
                        client.command("/admin/checkpoint").expect(200);
                    }
                }
            });
        }
    });
    assert_eq!(server.client().posted("alice"), "10.20");
}

#[test]
fn keys_outlive_many_newer_ones_and_a_checkpoint() {
    let mut server = server_with_money();
    let mut client = server.client();
    let first = three_answers(&mut client);
    for number in 0..150 {
        client.deposit("alice", &format!("newer-{number}"), "0.01").expect(201);
    }
    let answer = client.command("/admin/checkpoint");
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    assert_replays(&first, &again(&mut client));
    client.pay("alice", "shop", "p1", "2.01").problem(422, "idempotency-key-reused");
    server.kill();
    server.restart();
    let mut client = server.client();
    assert_replays(&first, &again(&mut client));
    assert_eq!(client.posted("alice"), "10.50");
    client.wait_accrued("shop", "2.00");
}
