//! Refunds over everything that can come between: concurrency, restarts, crashes, passivation, and
//! payments so old that only the disk knows what was refunded of them.
//!
//! A refund asks the provider for the money and is answered when it has come back, so whoever has
//! an answer sees the balance. What was refunded of a payment is never forgotten: no sequence of
//! restarts makes more of it than was paid.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::bank::{major, texts};
use crate::harness::Server;
use crate::http::{Answer, Client, Request};

/// More payments than an entity keeps refunds of in memory.
const MANY: usize = 80;

fn server_with_payment() -> (Server, String) {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    let paid = client.pay("alice", "shop", "p1", "8.00").expect(201);
    let id = paid["id"].as_str().expect("a payment has an id").to_owned();
    (server, id)
}

/// A refund without any header that would ask to wait.
fn refund(client: &mut Client, payment: &str, key: &str, amount: Option<&str>) -> Answer {
    let body = amount.map_or_else(|| json!({}), |amount| json!({"amount": amount}));
    client.send(&Request::post(format!("/v1/payments/{payment}/refunds"), &body).key(key))
}

fn passivate(client: &mut Client, actor: &str) {
    let answer = client.command(&format!("/admin/actors/{actor}/passivate"));
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

#[test]
fn whoever_is_answered_has_the_money() {
    let (server, payment) = server_with_payment();
    let mut client = server.client();
    for number in 1..=8 {
        let refunded = refund(&mut client, &payment, &format!("r{number}"), Some("1.00"));
        let refunded = refunded.expect(201);
        assert_eq!(refunded["status"], "posted");
        assert_eq!(refunded["payment"], payment.as_str());
        let balance = format!("{}.00", 2 + number);
        assert_eq!(refunded["balance_after"], balance.as_str());
        assert_eq!(client.posted("alice"), balance);
        let read = client.get(&format!("/v1/payments/{payment}")).expect(200);
        assert_eq!(read["refunded"], format!("{number}.00"));
    }
    client.wait_accrued("shop", "0.00");
    client.assert_balanced();
}

#[test]
fn one_key_at_the_same_time_refunds_once() {
    let (server, payment) = server_with_payment();
    let address = server.address();
    let start = Barrier::new(20);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let send = || {
            let mut client = Client::new(address);
            start.wait();
            refund(&mut client, &payment, "same", Some("3.00"))
        };
        let senders: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect()
    });
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    for answer in &answers {
        answer.expect(201);
        assert_eq!(answer.text(), answers[0].text());
    }
    let mut client = server.client();
    assert_eq!(client.posted("alice"), "5.00");
    client.wait_accrued("shop", "5.00");
    refund(&mut client, &payment, "same", Some("2.99")).problem(422, "idempotency-key-reused");
}

#[test]
fn refunds_at_the_same_time_never_exceed_the_payment() {
    let (server, payment) = server_with_payment();
    let address = server.address();
    let start = Barrier::new(20);
    let refunded = thread::scope(|scope| {
        let (start, payment) = (&start, &payment);
        let send = |number: usize| {
            let mut client = Client::new(address);
            start.wait();
            let answer = refund(&mut client, payment, &format!("r{number}"), Some("1.00"));
            if answer.status != 201 {
                answer.problem(409, "refund-exceeds-payment");
            }
            answer.status == 201
        };
        let senders: Vec<_> = (0..20).map(|number| scope.spawn(move || send(number))).collect();
        let joined = senders.into_iter().map(|sender| sender.join().expect("no sender panics"));
        joined.filter(|done| *done).count()
    });
    assert_eq!(refunded, 8);
    let mut client = server.client();
    assert_eq!(client.posted("alice"), "10.00");
    client.wait_accrued("shop", "0.00");
    client.assert_balanced();
}

#[test]
fn refunds_go_on_after_passivation_restart_and_crash() {
    let (mut server, payment) = server_with_payment();
    let mut client = server.client();
    let first = refund(&mut client, &payment, "r0", Some("1.00"));
    first.expect(201);
    for round in 1..=5 {
        match round % 3 {
            0 => {
                passivate(&mut client, "wallet/alice");
                passivate(&mut client, "provider/shop");
            }
            1 => {
                assert_eq!(server.stop(), Some(0), "{}", server.log());
                server.restart();
            }
            _ => {
                server.kill();
                server.restart();
            }
        }
        client = server.client();
        let again = refund(&mut client, &payment, "r0", Some("1.00"));
        assert!(again.is_replay(), "{}", again.text());
        assert_eq!(again.text(), first.text());
        refund(&mut client, &payment, "much", Some("7.01")).problem(409, "refund-exceeds-payment");
        refund(&mut client, &payment, &format!("r{round}"), Some("1.00")).expect(201);
    }
    let rest = refund(&mut client, &payment, "rest", None).expect(201);
    assert_eq!(rest["amount"], "2.00");
    refund(&mut client, &payment, "more", None).problem(409, "refund-exceeds-payment");
    assert_eq!(client.posted("alice"), "10.00");
    client.wait_accrued("shop", "0.00");
    client.assert_balanced();
}

/// Many payments of 1.00 by a wallet that had 100.00.
fn payments(client: &mut Client, wallet: &str) -> Vec<String> {
    client.open_with(wallet, "100.00");
    let line = |number| {
        json!({"wallet": wallet, "provider": "shop", "amount": "1.00", "currency": "EUR",
            "idempotency_key": format!("p{number}")})
    };
    let lines: Vec<Value> = (0..MANY).map(line).collect();
    texts(&client.batch("/v1/payments/batch", &lines), "id")
}

fn refund_all(client: &mut Client, payments: &[String], name: &str, amount: Option<&str>) {
    for (number, payment) in payments.iter().enumerate() {
        let refunded = refund(client, payment, &format!("{name}{number}"), amount).expect(201);
        assert_eq!(refunded["amount"], "0.25", "{name} {number}");
    }
}

fn refuse_all(client: &mut Client, payments: &[String], name: &str, amount: Option<&str>) {
    for (number, payment) in payments.iter().enumerate() {
        let answer = refund(client, payment, &format!("{name}{number}"), amount);
        answer.problem(409, "refund-exceeds-payment");
    }
}

/// Four quarters of many payments, with a checkpoint after each, so that what was refunded of most
/// of them is only on disk when the next quarter is asked for.
#[test]
fn what_was_refunded_of_old_payments_is_known_from_disk() {
    let mut server = Server::start();
    let mut client = server.client();
    client.register("shop");
    let payments = payments(&mut client, "alice");
    for quarter in 1..=3 {
        refund_all(&mut client, &payments, &format!("q{quarter}-"), Some("0.25"));
        let saved = client.command("/admin/checkpoint");
        assert!((200..300).contains(&saved.status), "{}", saved.text());
        match quarter {
            1 => {}
            2 => passivate(&mut client, "wallet/alice"),
            _ => {
                server.kill();
                server.restart();
                client = server.client();
            }
        }
        let read = client.get(&format!("/v1/payments/{}", payments[0])).expect(200);
        assert_eq!(read["refunded"], format!("0.{}", 25 * quarter));
        let too_much = major(101 - 25 * quarter);
        refuse_all(&mut client, &payments[..40], &format!("x{quarter}-"), Some(&too_much));
    }
    // All that is left, from payments in memory and on disk alike.
    refund_all(&mut client, &payments, "q4-", None);
    refuse_all(&mut client, &payments, "x4-", Some("0.01"));
    // The very first refund is still answered by its key, and moves nothing.
    let again = refund(&mut client, &payments[0], "q1-0", Some("0.25"));
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(client.posted("alice"), "100.00");
    client.wait_accrued("shop", "0.00");
    client.assert_balanced();
}

/// Refunds a half of every payment under keys that a twin uses too, and asks again for each of them
/// when its key has left memory.
fn refund_halves(client: &mut Client, payments: &[String], half: usize) {
    let mut answers: Vec<Answer> = Vec::new();
    for number in 0..MANY + 40 {
        if let Some(payment) = payments.get(number) {
            let answer = refund(client, payment, &format!("h{half}-{number}"), Some("0.50"));
            answer.expect(201);
            answers.push(answer);
        }
        if let Some(old) = number.checked_sub(40) {
            let key = format!("h{half}-{old}");
            let again = refund(client, &payments[old], &key, Some("0.50"));
            assert!(again.is_replay(), "{key}: {}", again.text());
            assert_eq!(again.text(), answers[old].text());
        }
    }
}

/// Keys and refunds move to disk all the time, so that every look-up may find its place changed.
#[test]
fn checkpoints_in_between_let_no_refund_through_twice() {
    let server = Server::start();
    let mut client = server.client();
    client.register("shop");
    let wallets = ["alice", "bob", "carol", "dave"];
    let payments = wallets.map(|wallet| payments(&mut client, wallet));
    let address = server.address();
    thread::scope(|scope| {
        let mut writers = Vec::new();
        for payments in &payments {
            let writer = |half| move || refund_halves(&mut Client::new(address), payments, half);
            writers.extend([0, 1, 0, 1].map(|half| scope.spawn(writer(half))));
        }
        while writers.iter().any(|writer| !writer.is_finished()) {
            client.command("/admin/checkpoint").expect(200);
        }
        for writer in writers {
            writer.join().expect("no writer panics");
        }
    });
    let mut client = server.client();
    client.wait_accrued("shop", "0.00");
    for wallet in wallets {
        assert_eq!(client.posted(wallet), "100.00", "each payment came back whole, none twice");
        let entries = client.all(&format!("/v1/wallets/{wallet}/entries"));
        let refunds = entries.iter().filter(|entry| entry["kind"] == "refund").count();
        assert_eq!(refunds, 2 * MANY, "{wallet}");
    }
    client.assert_balanced();
}
