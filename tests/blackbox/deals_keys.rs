//! Keys and waiting: a request to invest that is repeated, and one that waits for its end.
//!
//! A repeat gives the same investment as it stands by then, never a second one. `Prefer: wait` is
//! a wish: granted when the end comes in time, else the answer is what it would have been without.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Server, eventually};
use crate::http::{Answer, Client, Request};
use crate::investing::{from_wallet, id_of, investment_body, investments_of};
use crate::parties::Parties;
use crate::stub::{Manner, Route, Stub};

/// A deal with two seats and three wallets; the bank says nothing yet.
fn server_with_stub() -> (Stub, Server) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "1000.00", 2);
    for name in ["ann", "ben", "cleo"] {
        client.open(name);
    }
    (stub, server)
}

/// Asks to invest 10.00 and prefers so.
fn ask(client: &mut Client, wallet: &str, prefer: &str) -> Answer {
    let body = investment_body(wallet, "10.00");
    let request = Request::post(investments_of("harbour"), &body).key(wallet);
    client.send(&request.header("Prefer", prefer))
}

#[test]
fn a_repeat_gives_the_same_investment_as_it_stands() {
    let (stub, server) = server_with_stub();
    let mut client = server.client();
    let body = investment_body("ann", "10.00");
    let first = client.ask_to_invest("harbour", "k", &body);
    let id = id_of(&first.expect(202));
    assert!(!first.is_replay());
    client.until(&id, "collecting");
    let again = client.ask_to_invest("harbour", "k", &body);
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.header("location"), first.header("location"));
    let shown = again.expect(202);
    assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("collecting")));
    assert_eq!(shown["ticket"], 1);
    stub.order(Route::Pull, Manner::Right);
    client.until(&id, "confirmed");
    let again = client.ask_to_invest("harbour", "k", &body);
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(202)["status"], "confirmed");
    assert_eq!(client.deal_now("harbour")["last_ticket"], 1);
    assert_eq!(stub.done(Route::Pull).len(), 1);
}

#[test]
fn a_repeat_of_one_who_waited_gives_what_became_of_it() {
    let (stub, server) = server_with_stub();
    let mut client = server.client();
    for wallet in ["ann", "ben"] {
        client.invest("harbour", wallet, "10.00");
    }
    let cleo = client.invest("harbour", "cleo", "10.00");
    let body = investment_body("cleo", "10.00");
    let again = client.ask_to_invest("harbour", "cleo", &body);
    assert!(again.is_replay(), "{}", again.text());
    let shown = again.expect(202);
    assert_eq!((&shown["status"], &shown["position"]), (&json!("waitlisted"), &json!(1)));
    stub.order_account("ann", Manner::Declines("no"));
    stub.order(Route::Pull, Manner::Right);
    client.until(&cleo, "confirmed");
    let again = client.ask_to_invest("harbour", "cleo", &body).expect(202);
    assert_eq!((&again["status"], &again["ticket"]), (&json!("confirmed"), &json!(3)));
}

#[test]
fn a_key_with_other_content_is_refused_and_gets_no_ticket() {
    let (_stub, server) = server_with_stub();
    let mut client = server.client();
    let body = investment_body("ann", "10.00");
    client.ask_to_invest("harbour", "k", &body).expect(202);
    for (member, value) in [
        ("amount", json!("10.01")),
        ("wallet", json!("ben")),
        ("funding", json!("wallet")),
        ("waitlist", json!(false)),
    ] {
        let mut other = body.clone();
        other[member] = value;
        let answer = client.ask_to_invest("harbour", "k", &other);
        let problem = answer.problem(422, "idempotency-key-reused");
        assert_eq!(problem["ticket"], Value::Null, "{problem}");
    }
    assert_eq!(client.deal_now("harbour")["last_ticket"], 1);
    let mut spelled = body.clone();
    spelled["amount"] = json!("10");
    assert!(client.ask_to_invest("harbour", "k", &spelled).is_replay(), "it is the same amount");
    // Keys belong to their deal: another deal knows nothing of it.
    client.deal("quay", "100.00", 5);
    assert!(!client.ask_to_invest("quay", "k", &body).is_replay());
}

#[test]
fn one_key_from_many_connections_at_once_gives_one_ticket() {
    let (stub, server) = server_with_stub();
    let address = server.address();
    let start = Barrier::new(32);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let send = || {
            let mut client = Client::new(address);
            start.wait();
            client.ask_to_invest("harbour", "same", &investment_body("ann", "10.00"))
        };
        let senders: Vec<_> = (0..32).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(|sender| sender.join().expect("no sender panics")).collect()
    });
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    let id = id_of(&answers[0].expect(202));
    for answer in &answers {
        let shown = answer.expect(202);
        assert_eq!((&shown["id"], &shown["ticket"]), (&json!(id), &json!(1)));
    }
    let mut client = server.client();
    assert_eq!(client.deal_now("harbour")["last_ticket"], 1);
    stub.order(Route::Pull, Manner::Right);
    client.until(&id, "confirmed");
    assert_eq!(stub.asked(Route::Pull).len(), 1);
}

#[test]
fn keys_outlive_restarts_and_crashes() {
    let (stub, mut server) = server_with_stub();
    let mut client = server.client();
    let body = investment_body("ann", "10.00");
    let id = id_of(&client.ask_to_invest("harbour", "k", &body).expect(202));
    stub.order(Route::Pull, Manner::Right);
    client.until(&id, "confirmed");
    for round in 0..4 {
        if round % 2 == 0 {
            client.command("/admin/checkpoint").expect(200);
        }
        if round < 2 {
            server.kill();
        } else {
            assert_eq!(server.stop(), Some(0), "{}", server.log());
        }
        server.restart();
        client = server.client();
        let again = client.ask_to_invest("harbour", "k", &body);
        assert!(again.is_replay(), "{}", again.text());
        let shown = again.expect(202);
        assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("confirmed")));
    }
}

#[test]
fn who_prefers_to_wait_gets_the_end() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 2);
    client.open("ann");
    let answer = ask(&mut client, "ann", "wait=30");
    let shown = answer.expect(200);
    assert_eq!(shown["status"], "confirmed", "{shown}");
    assert!(shown["documents"]["id"].is_string(), "{shown}");
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    let location = format!("/v1/investments/{}", id_of(&shown));
    assert_eq!(answer.header("location"), Some(location.as_str()));
    let again = ask(&mut client, "ann", "wait=30");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(200)["status"], "confirmed");
    client.open_with("ben", "5.00");
    let request = Request::post(investments_of("harbour"), &from_wallet("ben", "5.01")).key("b");
    let failed = client.send(&request.header("Prefer", "wait=30")).expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["code"]),
        (&json!("failed"), &json!("insufficient-funds"))
    );
}

#[test]
fn a_wait_that_is_over_too_soon_answers_with_what_is() {
    let (stub, server) = server_with_stub();
    let mut client = server.client();
    for (wallet, prefer) in [("ann", "wait=1"), ("ben", "wait=0")] {
        let answer = ask(&mut client, wallet, prefer);
        let shown = answer.expect(202);
        assert!(shown["status"] == "collecting" || shown["status"] == "reserved", "{shown}");
        assert_eq!(answer.header("preference-applied"), None);
    }
    let waits = ask(&mut client, "cleo", "wait=1").expect(202);
    assert_eq!((&waits["status"], &waits["position"]), (&json!("waitlisted"), &json!(1)));
    stub.order(Route::Pull, Manner::Right);
    // It waited in line, and there will never be a place.
    let refused = ask(&mut client, "cleo", "wait=30").expect(200);
    assert_eq!(refused["status"], "refused", "{refused}");
    assert_eq!(ask(&mut client, "ann", "wait=30").expect(200)["status"], "confirmed");
}

#[test]
fn a_preference_that_cannot_be_read_is_ignored() {
    let (_stub, server) = server_with_stub();
    let mut client = server.client();
    for prefer in [
        "wait",
        "wait=",
        "wait=x",
        "wait=-1",
        "wait=1.5",
        "weight=9",
        ";;,,==",
        "respond-async",
        "",
    ] {
        let answer = ask(&mut client, "ann", prefer);
        answer.expect(202);
        assert_eq!(answer.header("preference-applied"), None, "{prefer}");
    }
}

#[test]
fn a_refusal_comes_at_once_whatever_is_preferred() {
    let (_stub, server) = server_with_stub();
    let mut client = server.client();
    let body = investment_body("ann", "1000.01");
    let request = Request::post(investments_of("harbour"), &body).key("k");
    let answer = client.send(&request.header("Prefer", "wait=30"));
    answer.problem(409, "amount-exceeds-remaining");
}

#[test]
fn many_who_wait_are_all_answered() {
    let (stub, server) = server_with_stub();
    let mut client = server.client();
    client.deal("quay", "1000.00", 50);
    for number in 0..50 {
        client.open(&format!("w{number}"));
    }
    let address = server.address();
    let statuses: Vec<Value> = thread::scope(|scope| {
        let wait = |number: usize| {
            let wallet = format!("w{number}");
            let body = investment_body(&wallet, "1.00");
            let request = Request::post(investments_of("quay"), &body).key(wallet);
            let answer = Client::new(address).send(&request.header("Prefer", "wait=30"));
            answer.expect(200)["status"].clone()
        };
        let waiting: Vec<_> = (0..50).map(|number| scope.spawn(move || wait(number))).collect();
        stub.wait_asked(Route::Pull, 50);
        stub.order(Route::Pull, Manner::Right);
        waiting.into_iter().map(|one| one.join().expect("no one panics")).collect()
    });
    assert!(statuses.iter().all(|status| status == "confirmed"), "{statuses:?}");
}

#[test]
fn who_waits_and_leaves_changes_nothing() {
    let (stub, server) = server_with_stub();
    let mut client = server.client();
    let body = investment_body("ann", "10.00").to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: test\r\nIdempotency-Key: ann\r\nPrefer: wait=30\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        investments_of("harbour"),
        body.len()
    );
    let mut stream = crate::http::connect(server.address()).expect("the server listens");
    std::io::Write::write_all(stream.get_mut(), request.as_bytes()).expect("it can be sent");
    stub.wait_asked(Route::Pull, 1);
    drop(stream);
    stub.order(Route::Pull, Manner::Right);
    let deal = eventually("it is confirmed", || {
        let deal = client.deal_now("harbour");
        (deal["investments"]["confirmed"] == 1).then_some(deal)
    });
    assert_eq!(deal["last_ticket"], 1);
}
