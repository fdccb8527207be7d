//! The gateways as clients and operators see them: full queues, pauses, and a mail server away.
//!
//! A queue that is full refuses before a ticket is given and never after; who has a ticket is
//! served, however long it takes. The processor is the tests' own: what it holds stays in the queue
//! until it is told to go on.

use serde_json::{Value, json};

use crate::harness::{Server, eventually};
use crate::http::{Answer, Client};
use crate::investing::{from_wallet, id_of, investment_body, step};
use crate::parties::{NO_MAIL, Parties};
use crate::stub::{Manner, Route, Stub, answer};

/// How one gateway stands.
fn gateway(client: &mut Client, party: &str) -> Value {
    let gateways = client.get("/admin/gateways").expect(200);
    let items = gateways["items"].as_array().expect("a list has items");
    let found = items.iter().find(|item| item["party"] == party);
    found.unwrap_or_else(|| panic!("no gateway {party}: {gateways}")).clone()
}

/// A deal with room for all, and a processor that takes one call at a time and holds it; two more
/// wait, and no more may.
fn full() -> (Stub, Server, Vec<String>) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let launch = stub.launch().and("BURSAR__PROCESSOR__QUEUE_MAX", "2");
    let server = Server::start_with(launch.and("BURSAR__PROCESSOR__CONCURRENCY", "1"));
    let mut client = server.client();
    client.deal("harbour", "100000.00", 200);
    let mut ids = Vec::new();
    for (waiting, wallet) in ["w0", "w1", "w2"].into_iter().enumerate() {
        client.open(wallet);
        ids.push(client.invest("harbour", wallet, "10.00"));
        stub.wait_asked(Route::Pull, 1);
        eventually("the call is in the queue", || {
            (gateway(&mut client, "processor")["waiting"]["interactive"] == waiting).then_some(())
        });
    }
    client.open_with("w3", "100.00");
    (stub, server, ids)
}

fn assert_busy(answer: &Answer) {
    let problem = answer.problem(503, "overloaded");
    assert_eq!(problem["retryable"], true, "{problem}");
    assert_eq!(problem["ticket"], Value::Null, "{problem}");
    assert!(problem["detail"].to_string().contains("payment processor"), "{problem}");
    let after = answer.header("retry-after").and_then(|after| after.parse::<u32>().ok());
    assert!(after.is_some_and(|seconds| seconds >= 1), "{problem}");
}

#[test]
fn a_full_queue_refuses_before_a_ticket_and_serves_who_has_one() {
    let (stub, server, mut ids) = full();
    let mut client = server.client();
    assert_eq!(gateway(&mut client, "processor")["full"], true);
    let body = investment_body("w3", "10.00");
    for key in ["w3", "another", "w3"] {
        assert_busy(&client.ask_to_invest("harbour", key, &body));
    }
    let pull = json!({"amount": "1.00", "currency": "EUR", "method": "bank_pull"});
    assert_busy(&client.post("/v1/wallets/w3/deposits", "d", &pull));
    assert_eq!(client.deal_now("harbour")["last_ticket"], 3, "no ticket was given");
    // What does not go to the processor is not held up by it.
    let own = client.ask_to_invest("harbour", "own", &from_wallet("w3", "5.00")).expect(202);
    assert_eq!(own["ticket"], 4);
    ids.push(id_of(&own));
    client.deposit("w3", "external", "1.00").expect(201);
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        client.until(id, "confirmed");
    }
    let later = client.ask_to_invest("harbour", "w3", &body);
    assert!(!later.is_replay(), "the refusal was not kept: {}", later.text());
    let later = later.expect(202);
    assert_eq!(later["ticket"], 5);
    client.until(&id_of(&later), "confirmed");
    assert_eq!(client.deal_now("harbour")["last_ticket"], 5);
    client.assert_settled();
}

#[test]
fn who_has_a_ticket_is_told_of_it_while_the_queue_is_full() {
    let (_stub, server, ids) = full();
    let mut client = server.client();
    let answer = client.ask_to_invest("harbour", "w1", &investment_body("w1", "10.00"));
    let shown = answer.expect(202);
    assert!(answer.is_replay(), "{shown}");
    assert_eq!((&shown["id"], &shown["ticket"]), (&json!(ids[1]), &json!(2)));
}

#[test]
fn who_asked_for_a_pull_is_told_of_it_while_the_queue_is_full() {
    let (stub, server, _) = full();
    let mut client = server.client();
    let pull = json!({"amount": "1.00", "currency": "EUR", "method": "bank_pull"});
    assert_busy(&client.post("/v1/wallets/w3/deposits", "first", &pull));
    stub.order(Route::Pull, Manner::Right);
    let first = eventually("there is room again", || {
        let answer = client.post("/v1/wallets/w3/deposits", "first", &pull);
        (answer.status != 503).then_some(answer)
    });
    let id = id_of(&first.expect(202));
    eventually("it is booked", || (client.posted("w3") == "101.00").then_some(()));
    stub.order(Route::Pull, Manner::Holds);
    let mut number = 0;
    eventually("the queue is full again", || {
        number += 1;
        let answer = client.post("/v1/wallets/w3/deposits", &format!("later-{number}"), &pull);
        (answer.status == 503).then_some(())
    });
    let again = client.post("/v1/wallets/w3/deposits", "first", &pull);
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(202)["id"], id.as_str());
}

#[test]
fn how_long_it_will_take_is_told_while_it_waits() {
    let (stub, server, ids) = full();
    let mut client = server.client();
    for id in &ids {
        let shown = client.investment(id);
        assert!(shown["estimated_wait_ms"].is_u64(), "{shown}");
    }
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        let shown = client.until(id, "confirmed");
        assert_eq!(shown["estimated_wait_ms"], Value::Null, "{shown}");
    }
}

#[test]
fn a_gateway_shows_its_queue_its_limits_and_what_it_counted() {
    let (stub, server, ids) = full();
    let mut client = server.client();
    let gateways = client.get("/admin/gateways").expect(200);
    let parties: Vec<_> =
        gateways["items"].as_array().expect("a list").iter().map(|item| &item["party"]).collect();
    assert_eq!(parties, ["processor", "documents", "mail"]);
    let seen = gateway(&mut client, "processor");
    assert_eq!(seen["waiting"], json!({"undo": 0, "interactive": 2, "batch": 0}));
    assert_eq!((&seen["in_flight"], &seen["concurrency"]), (&json!(1), &json!(1)));
    assert_eq!((&seen["queue_max"], &seen["breaker"]), (&json!(2), &json!("closed")));
    assert_eq!((&seen["rate_per_s"], &seen["paused_until"]), (&json!(200), &Value::Null));
    assert!(seen["address"].as_str().is_some_and(|at| at.starts_with(&stub.url())), "{seen}");
    assert!(seen["oldest_wait_ms"].is_u64() && seen["last_error"].is_null(), "{seen}");
    for lane in ["undo", "interactive", "batch"] {
        assert!(seen["estimated_wait_ms"][lane].is_u64(), "{seen}");
    }
    let counts = &seen["counts"];
    assert_eq!((&counts["submitted"], &counts["sent"]), (&json!(3), &json!(1)), "{seen}");
    let metrics = client.get("/metrics").text();
    let waits = "bursar_gateway_waiting{lane=\"interactive\",party=\"processor\"} 2";
    assert!(metrics.contains(waits), "{metrics}");
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        client.until(id, "confirmed");
    }
    let counts = gateway(&mut client, "processor")["counts"].clone();
    assert_eq!((&counts["answered"], &counts["unknown"]), (&json!(3), &json!(0)), "{counts}");
}

/// What undoes something goes before what somebody waits for, however long that has waited.
#[test]
fn money_that_goes_back_goes_first() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    let server = Server::start_with(stub.launch().and("BURSAR__PROCESSOR__CONCURRENCY", "1"));
    let mut client = server.client();
    client.deal("harbour", "100000.00", 200);
    for wallet in ["ann", "w0", "w1", "w2"] {
        client.open(wallet);
    }
    let ann = client.invest("harbour", "ann", "10.00");
    stub.wait_asked(Route::Documents, 1);
    stub.order(Route::Pull, Manner::Holds);
    // Each saga reaches the gateway on its own way: only what has been asked is surely the first.
    let first = client.invest("harbour", "w0", "10.00");
    stub.wait_asked(Route::Pull, 2);
    let held =
        [first, client.invest("harbour", "w1", "10.00"), client.invest("harbour", "w2", "10.00")];
    let waiting = json!({"undo": 0, "interactive": 2, "batch": 0});
    eventually("two wait", || {
        (gateway(&mut client, "processor")["waiting"] == waiting).then_some(())
    });
    stub.order(Route::Documents, Manner::Declines("no"));
    let waiting = json!({"undo": 1, "interactive": 2, "batch": 0});
    eventually("the refund waits, too", || {
        (gateway(&mut client, "processor")["waiting"] == waiting).then_some(())
    });
    stub.order(Route::Pull, Manner::Right);
    client.until(&ann, "failed");
    for id in &held {
        client.until(id, "failed");
    }
    let all = stub.all_asked();
    let place =
        |route, id: &str| all.iter().position(|asked| asked.route == route && asked.is_for(id));
    let refund = place(Route::Refund, &ann);
    assert!(place(Route::Pull, &held[0]) < refund, "it was on its way: {all:?}");
    for late in &held[1..] {
        assert!(refund < place(Route::Pull, late), "{all:?}");
    }
}

#[test]
fn secrets_in_addresses_and_tokens_are_not_shown() {
    let stub = Stub::start();
    let launch = stub.launch().and("BURSAR__PROCESSOR__TOKEN", "s3cret-token");
    let mail = "smtps://user:s3cret-password@127.0.0.1:1";
    let server = Server::start_with(launch.and("BURSAR__MAIL__URL", mail));
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    let id = client.invest("harbour", "ann", "10.00");
    client.until(&id, "confirmed");
    for path in ["/admin/gateways", "/metrics", "/openapi.json", "/admin/actors"] {
        let text = client.get(path).text();
        assert!(!text.contains("s3cret"), "{path}: {text}");
    }
    assert!(!server.log().contains("s3cret"), "{}", server.log());
}

/// An answer that asks for a pause until a date an hour after its own.
fn one_hour() -> String {
    let dates = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                 Retry-After: Sun, 06 Nov 1994 09:49:37 GMT\r\n";
    answer("429 Too Many Requests", dates, "{}")
}

#[test]
fn a_date_to_come_back_at_is_kept_to() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Says(one_hour()));
    let server = Server::start_with(stub.launch().and("BURSAR__SAGAS__STEP_DEADLINE_MS", "300"));
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    client.open("ben");
    for wallet in ["ann", "ben"] {
        let id = client.invest("harbour", wallet, "10.00");
        let failed = client.until(&id, "failed");
        assert_eq!(failed["failure"]["code"], "processor-unavailable", "{failed}");
        client.assert_nothing_pending(wallet);
    }
    assert_eq!(stub.asked(Route::Pull).len(), 1, "asked once, and not again within the hour");
    let seen = gateway(&mut client, "processor");
    assert!(seen["paused_until"].is_string(), "{seen}");
    assert_eq!((&seen["counts"]["throttled"], &seen["breaker"]), (&json!(1), &json!("closed")));
    assert_eq!(client.deal_now("harbour")["seats"]["taken"], 0);
    client.assert_settled();
}

#[test]
fn a_date_that_is_past_asks_for_no_pause() {
    let stub = Stub::start();
    let past = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    stub.order(Route::Pull, Manner::Says(answer("429 Too Many Requests", past, "{}")));
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    let id = client.invest("harbour", "ann", "10.00");
    stub.wait_asked(Route::Pull, 2);
    stub.order(Route::Pull, Manner::Right);
    client.until(&id, "confirmed");
    assert_eq!(stub.done_for(Route::Pull, &id), 1);
}

#[test]
fn a_mail_server_that_is_away_holds_nothing_up_and_is_written_to_once_it_is_back() {
    let parties = Parties::start(0);
    let mut server = Server::start_with(parties.launch().and("BURSAR__MAIL__URL", NO_MAIL));
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    let ids = ["ann", "ben"].map(|name| {
        client.open_with_mail(name);
        client.invest("harbour", name, "10.00")
    });
    for id in &ids {
        let told = client.until(id, "confirmed");
        assert_eq!(told["failure"], Value::Null, "{told}");
    }
    let seen = eventually("the fault is shown", || {
        let seen = gateway(&mut client, "mail");
        seen["last_error"]["reason"].is_string().then_some(seen)
    });
    assert_eq!(seen["counts"]["answered"], 0, "{seen}");
    for id in &ids {
        let told = client.investment(id);
        let status = &step(&told, "tell")["status"];
        assert!(*status == "running" || *status == "unanswered", "{told}");
    }
    client.command("/admin/checkpoint").expect(200);
    for launch in [parties.launch().and("BURSAR__MAIL__URL", NO_MAIL), parties.launch()] {
        assert_eq!(server.stop(), Some(0), "{}", server.log());
        server.restart_with(launch);
    }
    let mut client = server.client();
    for id in &ids {
        client.until_step(id, "tell", "done");
    }
    let mut to: Vec<_> = parties.mails().iter().map(|mail| mail["to"][0].clone()).collect();
    to.sort_by_key(ToString::to_string);
    assert_eq!(to, ["ann@example.com", "ben@example.com"]);
    client.assert_settled();
}
