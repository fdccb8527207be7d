//! Deposits that the processor pulls from the wallet's bank account.
//!
//! The wallet notes that it expects the money; it has it when the bank has paid, once, whatever
//! happens in between. Until then nothing of it can be spent, and when the bank says no the wallet
//! is as it was.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::bank::minor;
use crate::harness::{Server, eventually};
use crate::http::{Answer, Client, Request};
use crate::investing::{id_of, step, step_statuses};
use crate::parties::{Parties, Work};
use crate::streams::Outcomes;
use crate::stub::{Manner, Route, Stub, answer};

/// The body of a pull in euros.
fn pull_body(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR", "method": "bank_pull"})
}

fn pull(client: &mut Client, wallet: &str, key: &str, amount: &str) -> Answer {
    client.post(&format!("/v1/wallets/{wallet}/deposits"), key, &pull_body(amount))
}

/// A pull, waited for.
fn pull_and_wait(client: &mut Client, wallet: &str, key: &str, amount: &str) -> Answer {
    let path = format!("/v1/wallets/{wallet}/deposits");
    client.send(&Request::post(path, &pull_body(amount)).key(key).header("Prefer", "wait=30"))
}

fn deposit(client: &mut Client, wallet: &str, id: &str) -> Value {
    client.get(&format!("/v1/wallets/{wallet}/deposits/{id}")).expect(200)
}

/// The deposit once it has this status.
fn until(client: &mut Client, wallet: &str, id: &str, status: &str) -> Value {
    eventually(&format!("{id} is {status}"), || {
        let found = deposit(client, wallet, id);
        assert!(found["status"] == "pending" || found["status"] == status, "{found:#}");
        (found["status"] == status).then_some(found)
    })
}

/// What a pull alone leaves with the third parties.
fn pulled(amount: i128) -> Work {
    Work { documents: 0, ..Work::kept(amount) }
}

/// A stub that holds what it is asked, and a server that asks it for Ann.
fn held() -> (Stub, Server, String) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.open("ann");
    let asked = pull(&mut client, "ann", "d", "25.00").expect(202);
    stub.wait_asked(Route::Pull, 1);
    (stub, server, id_of(&asked))
}

#[test]
fn money_is_there_when_the_bank_has_paid_and_not_before() {
    let (stub, server, id) = held();
    let mut client = server.client();
    let shown = deposit(&mut client, "ann", &id);
    for (member, value) in [
        ("wallet", json!("ann")),
        ("amount", json!("25.00")),
        ("currency", json!("EUR")),
        ("method", json!("bank_pull")),
        ("status", json!("pending")),
        ("balance_after", Value::Null),
        ("failure", Value::Null),
    ] {
        assert_eq!(shown[member], value, "{member}: {shown}");
    }
    assert_eq!(step_statuses(&shown), ["done", "running", "pending"], "{shown}");
    assert!(shown["estimated_wait_ms"].is_u64(), "{shown}");
    assert_eq!(client.posted("ann"), "0.00");
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 0);
    client.register("shop");
    client.pay("ann", "shop", "p", "0.01").problem(409, "insufficient-funds");
    stub.order(Route::Pull, Manner::Right);
    let booked = until(&mut client, "ann", &id, "booked");
    assert_eq!(booked["balance_after"], "25.00", "{booked}");
    assert_eq!(client.posted("ann"), "25.00");
    eventually("all its steps are done", || {
        (step_statuses(&deposit(&mut client, "ann", &id)) == ["done"; 3]).then_some(())
    });
    client.assert_settled();
}

#[test]
fn a_pull_is_answered_at_once_with_where_it_is() {
    let (_stub, server, _) = held();
    let mut client = server.client();
    let answer = pull(&mut client, "ann", "more", "1.00");
    let asked = answer.expect(202);
    assert_eq!(asked["status"], "pending", "{asked}");
    let location = format!("/v1/wallets/ann/deposits/{}", id_of(&asked));
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(client.get(&location).expect(200)["id"], asked["id"]);
}

#[test]
fn a_pull_is_an_entry_an_outcome_and_a_line_of_the_feed() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    let body = json!({"id": "ann", "currency": "EUR", "bank_account": "tok_7"});
    client.post("/v1/wallets", "open", &body).expect(201);
    let mut outcomes = Outcomes::open(server.address(), "wallet=ann");
    let answer = pull_and_wait(&mut client, "ann", "d", "25");
    let booked = answer.expect(200);
    assert_eq!((&booked["status"], &booked["balance_after"]), (&json!("booked"), &json!("25.00")));
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    let id = id_of(&booked);
    let outcome = outcomes.next();
    assert_eq!(outcome["type"], "deposit.posted", "{outcome}");
    assert_eq!(outcome["data"]["id"], id.as_str(), "{outcome}");
    assert_eq!(outcome["data"]["balance_after"], "25.00", "{outcome}");
    for saved in [false, true] {
        let entries = client.all("/v1/wallets/ann/entries");
        assert_eq!(entries.len(), 1, "saved: {saved}");
        assert_eq!(
            (&entries[0]["kind"], &entries[0]["amount"]),
            (&json!("deposit"), &json!("25.00"))
        );
        assert_eq!(
            (&entries[0]["reference"], &entries[0]["balance_after"]),
            (&json!(id), &json!("25.00"))
        );
        let feed = client.get("/v1/wallets/ann/feed").expect(200);
        assert_eq!(feed["transactions"][0]["amount"], 2500, "{feed}");
        assert_eq!(deposit(&mut client, "ann", &id)["status"], "booked");
        client.command("/admin/checkpoint").expect(200);
    }
    assert_eq!(parties.work(&id), pulled(2_500));
    assert_eq!(parties.ledger()["items"][0]["account"], "tok_7");
    client.assert_settled();
}

#[test]
fn a_bank_that_says_no_leaves_the_wallet_as_it_was() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open_with("ann", "3.00");
    let mut outcomes = Outcomes::open(server.address(), "type=deposit.failed");
    parties.fault(&json!({"route": "pull", "mode": "decline", "count": 1, "code": "no-cover"}));
    let failed = pull_and_wait(&mut client, "ann", "d", "25.00").expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("failed"), &json!("no-cover"))
    );
    let id = id_of(&failed);
    let outcome = outcomes.next();
    assert_eq!(outcome["data"]["id"], id.as_str(), "{outcome}");
    assert_eq!(outcome["data"]["failure"]["code"], "no-cover", "{outcome}");
    assert_eq!(outcome["data"]["amount"], "25.00", "{outcome}");
    assert_eq!(client.posted("ann"), "3.00");
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 1, "the first deposit alone");
    assert_eq!(parties.work(&id), Work::default());
    let shown = until(&mut client, "ann", &id, "failed");
    assert_eq!(step(&shown, "pull")["status"], "failed", "{shown}");
    let again = pull(&mut client, "ann", "d", "25.00");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.json()["status"], "failed", "{}", again.text());
    client.assert_settled();
}

#[test]
fn a_repeat_gives_the_same_deposit_as_it_stands() {
    let (stub, server, id) = held();
    let mut client = server.client();
    let again = pull(&mut client, "ann", "d", "25");
    assert!(again.is_replay(), "{}", again.text());
    let shown = again.expect(202);
    assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("pending")));
    pull(&mut client, "ann", "d", "25.01").problem(422, "idempotency-key-reused");
    client.deposit("ann", "d", "25.00").problem(422, "idempotency-key-reused");
    stub.order(Route::Pull, Manner::Right);
    until(&mut client, "ann", &id, "booked");
    let again = pull(&mut client, "ann", "d", "25.00");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(202)["status"], "booked");
    assert_eq!(pull_and_wait(&mut client, "ann", "d", "25.00").expect(200)["id"], id.as_str());
    assert_eq!(client.posted("ann"), "25.00");
    assert_eq!(stub.asked(Route::Pull).len(), 1);
}

#[test]
fn a_pull_that_makes_no_sense_is_not_begun() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open("ann");
    for (member, value, status, code) in [
        ("amount", json!("0"), 422, "invalid-amount"),
        ("amount", json!(5), 422, "invalid-amount"),
        ("amount", json!("1.001"), 422, "invalid-amount"),
        ("currency", json!("USD"), 422, "currency-mismatch"),
        ("currency", json!("EURO"), 422, "unknown-currency"),
        ("method", json!("barter"), 422, "invalid-field"),
        ("colour", json!("red"), 400, "malformed-request"),
    ] {
        let mut body = pull_body("1.00");
        body[member] = value.clone();
        let answer = client.post("/v1/wallets/ann/deposits", "d", &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        answer.problem(status, code);
    }
    pull(&mut client, "nobody", "d", "1.00").problem(404, "wallet-not-found");
    let request = Request::post("/v1/wallets/ann/deposits", &pull_body("1.00"));
    client.send(&request).problem(400, "idempotency-key-missing");
    for id in ["txn_1_ann", "txn_99_ann", "txn_2_ben", "pay_2_ann", "x", "txn_0_ann"] {
        let answer = client.get(&format!("/v1/wallets/ann/deposits/{id}"));
        answer.problem(404, "deposit-not-found");
    }
    assert_eq!(parties.ledger()["items"], json!([]));
}

#[test]
fn money_that_had_arrived_can_be_read_at_its_address_too() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open("ann");
    let answer = client.deposit("ann", "d", "5.00");
    let booked = answer.expect(201);
    let location = answer.header("location").expect("a deposit has an address");
    let read = client.get(location).expect(200);
    assert_eq!(read, booked);
    assert_eq!((&read["method"], &read["status"]), (&json!("external"), &json!("booked")));
}

#[test]
fn a_frozen_wallet_receives_what_is_pulled() {
    let (stub, server, id) = held();
    let mut client = server.client();
    client.command("/v1/wallets/ann/freeze").expect(200);
    stub.order(Route::Pull, Manner::Right);
    until(&mut client, "ann", &id, "booked");
    assert_eq!(client.posted("ann"), "25.00");
}

#[test]
fn many_pulls_at_once_are_all_booked_and_too_many_are_refused() {
    let (stub, server, first) = held();
    let mut client = server.client();
    let mut ids = vec![first];
    for number in 1..256 {
        ids.push(id_of(&pull(&mut client, "ann", &format!("d{number}"), "1.00").expect(202)));
    }
    pull(&mut client, "ann", "too-many", "1.00").problem(409, "too-many-pending");
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        until(&mut client, "ann", id, "booked");
    }
    assert_eq!(client.posted("ann"), "280.00");
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 256);
    pull_and_wait(&mut client, "ann", "now", "1.00").expect(200);
    client.assert_settled();
}

#[test]
fn a_pull_in_a_batch_is_on_its_way_like_any_other() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    client.open("ann");
    let line = |key: &str, amount: &str| {
        let mut line = pull_body(amount);
        line["op"] = json!("deposit");
        line["wallet"] = json!("ann");
        line["idempotency_key"] = json!(key);
        line
    };
    let answers = client.batch("/v1/batch", &[line("a", "1.00"), line("b", "2.00")]);
    for answer in &answers {
        assert_eq!(answer["status"], 202, "{answer}");
        let id = id_of(answer);
        until(&mut client, "ann", &id, "booked");
        assert_eq!(parties.work(&id).pulls, 1);
    }
    assert_eq!(client.posted("ann"), "3.00");
    client.assert_settled();
}

#[test]
fn a_pull_that_is_killed_in_the_middle_is_booked_once() {
    let (parties, mut server) = Parties::with_server();
    server.client().open("ann");
    for (number, fault) in [
        json!({"route": "pull", "mode": "slow", "count": 1, "delay_ms": 400}),
        json!({"route": "pull", "mode": "timeout", "count": 1, "delay_ms": 400}),
        json!({"route": "pull", "mode": "lose-answer", "count": 1, "delay_ms": 400}),
        json!({"route": "pull", "mode": "pending", "count": 1, "delay_ms": 400}),
    ]
    .iter()
    .enumerate()
    {
        parties.fault(fault);
        let mut client = server.client();
        let asked = pull(&mut client, "ann", &format!("d{number}"), "10.00").expect(202);
        parties.wait_struck();
        server.kill();
        server.restart();
        let mut client = server.client();
        until(&mut client, "ann", &id_of(&asked), "booked");
        assert_eq!(parties.work(&id_of(&asked)), pulled(1_000), "{fault}");
    }
    let mut client = server.client();
    assert_eq!(client.posted("ann"), "40.00");
    assert_eq!(client.all("/v1/wallets/ann/entries").len(), 4);
    client.assert_settled();
}

#[test]
fn nonsense_from_the_bank_books_nothing_twice() {
    let (stub, server, id) = held();
    let mut client = server.client();
    stub.order(Route::Pull, Manner::DoesAndSays(answer("200 OK", "", "garbage")));
    stub.wait_asked(Route::Find, 1);
    until(&mut client, "ann", &id, "booked");
    assert_eq!(stub.asked(Route::Pull).len(), 1);
    assert_eq!(client.posted("ann"), "25.00");
    client.assert_settled();
}

/// A server that is put back to a backup gives positions again that the processor knows already,
/// as the keys of other wishes.
#[test]
fn after_a_backup_is_put_back_nothing_is_booked_that_was_not_pulled() {
    let (parties, mut server) = Parties::with_server();
    server.client().open("ann");
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let (data, backup) = (server.data(), server.home().path().join("backup"));
    copy(&data, &backup);
    server.restart();
    pull_and_wait(&mut server.client(), "ann", "small", "1.00").expect(200);
    server.kill();
    std::fs::remove_dir_all(&data).expect("a directory can be removed");
    copy(&backup, &data);
    server.restart();
    let mut client = server.client();
    let large = id_of(&pull(&mut client, "ann", "large", "5000.00").expect(202));
    let stands = eventually("it ends, or keeps asking", || {
        let found = deposit(&mut client, "ann", &large);
        let asked = step(&found, "pull")["attempts"].as_u64();
        (found["status"] != "pending" || asked > Some(5)).then_some(found)
    });
    let pulled = parties.ledger()["totals"]["EUR"]["net"].clone();
    let booked = client.posted("ann");
    assert!(
        booked == "0.00" || minor(&pulled) >= minor(&json!(booked)),
        "{booked} of {pulled}: {stands}"
    );
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.expect("cp can be run").success(), "{} is copied", from.display());
}
