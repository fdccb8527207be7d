//! Sagas for operators: what is on its way, what is stuck and why, and trying again.
//!
//! The last pause of the ladder is an hour here, so what is stuck stays so until the operator
//! acts. An undo is never given up: what is listed as stuck is someone's money.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::{Launch, Server, eventually};
use crate::http::{Answer, Client, JSON, Request};
use crate::investing::{id_of, investment_body, step};
use crate::parties::{Parties, Work};
use crate::stub::{Manner, Route, Stub, answer};

fn an_hour(launch: Launch) -> Launch {
    let launch = launch.and("BURSAR__SAGAS__LADDER_MS", "10,10,10,3600000");
    launch.and("BURSAR__SAGAS__STUCK_AFTER", "3")
}

fn sagas(client: &mut Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/admin/sagas?{query}")).expect(200);
    page["items"].as_array().expect("a list has items").clone()
}

fn retry(client: &mut Client, id: &str) -> Answer {
    client.send(&Request::new("POST", format!("/admin/sagas/{id}/retry")).body(JSON, ""))
}

/// An investment whose documents are refused and whose money cannot be given back.
fn stuck() -> (Parties, Server, String) {
    let parties = Parties::start(0);
    let server = Server::start_with(an_hour(parties.launch()));
    let mut client = server.client();
    client.deal("harbour", "1000.00", 1);
    client.open("ann");
    parties.fault(&json!({"route": "documents", "mode": "decline", "count": 1}));
    parties.fault(&json!({"route": "refund", "mode": "error"}));
    let id = client.invest("harbour", "ann", "100.00");
    until_tried(&mut client, &id, 4);
    (parties, server, id)
}

/// Waits until the refund was tried so often and waits for its hour.
fn until_tried(client: &mut Client, id: &str, attempts: u64) -> Value {
    eventually(&format!("the refund was tried {attempts} times"), || {
        let found = client.investment(id);
        let undo = &step(&found, "pull")["undo"];
        (undo["attempts"] == attempts && undo["status"] == "delayed").then_some(found)
    })
}

#[test]
fn an_undo_that_keeps_failing_is_shown_as_stuck_with_its_reason() {
    let (parties, server, id) = stuck();
    let mut client = server.client();
    let listed = sagas(&mut client, "status=stuck");
    assert_eq!(texts(&listed, "id"), [id.as_str()]);
    for (member, value) in [
        ("kind", json!("investment")),
        ("status", json!("stuck")),
        ("stuck", json!(true)),
        ("step", json!("pull")),
        ("attempts", json!(4)),
        ("wallet", json!("ann")),
        ("amount", json!("100.00")),
        ("currency", json!("EUR")),
        ("held", json!("100.00")),
    ] {
        assert_eq!(listed[0][member], value, "{member}: {}", listed[0]);
    }
    assert!(listed[0]["reason"].to_string().contains("500"), "{}", listed[0]);
    assert!(listed[0]["since"].is_string(), "{}", listed[0]);
    let shown = client.investment(&id);
    assert_eq!(
        (&shown["status"], &shown["failure"]["code"]),
        (&json!("compensating"), &json!("refused"))
    );
    let undo = &step(&shown, "pull")["undo"];
    assert_eq!((&undo["stuck"], &undo["status"]), (&json!(true), &json!("delayed")), "{shown}");
    assert_eq!(step(&shown, "reserve")["undo"]["status"], "waiting", "{shown}");
    // The seat is not free: who comes waits in line.
    client.open("ben");
    let ben = client.ask_to_invest("harbour", "ben", &investment_body("ben", "100.00"));
    assert_eq!(ben.expect(202)["status"], "waitlisted");
    assert_eq!(client.wallet("ann")["pending_investments"], json!([id]));
    assert_eq!(parties.work(&id), Work { pulls: 1, refunds: 0, net: 10_000, documents: 0 });
    client.assert_balanced();
}

#[test]
fn an_operator_has_it_tried_again_and_it_ends() {
    let (parties, server, id) = stuck();
    let mut client = server.client();
    // Too early: the fault is still there.
    let tried = retry(&mut client, &id).expect(200);
    assert_eq!((&tried["id"], &tried["kind"]), (&json!(id), &json!("investment")), "{tried}");
    until_tried(&mut client, &id, 5);
    assert_eq!(sagas(&mut client, "status=stuck").len(), 1);
    parties.heal();
    retry(&mut client, &id).expect(200);
    let failed = client.until(&id, "failed");
    assert_eq!(failed["failure"]["code"], "refused", "{failed}");
    assert_eq!(step(&failed, "pull")["undo"]["status"], "undone", "{failed}");
    assert_eq!(parties.work(&id), Work::given_back());
    assert_eq!(sagas(&mut client, "status=stuck"), Vec::<Value>::new());
    retry(&mut client, &id).problem(409, "saga-not-stuck");
    client.assert_nothing_pending("ann");
    assert_eq!(client.deal_now("harbour")["seats"]["taken"], 0);
    client.assert_settled();
}

#[test]
fn a_key_retries_once() {
    let (parties, server, id) = stuck();
    let mut client = server.client();
    let ask = || Request::new("POST", format!("/admin/sagas/{id}/retry")).body(JSON, "").key("k");
    assert!(!client.send(&ask()).is_replay());
    until_tried(&mut client, &id, 5);
    let again = client.send(&ask());
    again.expect(200);
    assert!(again.is_replay(), "{}", again.text());
    until_tried(&mut client, &id, 5);
    parties.heal();
    retry(&mut client, &id).expect(200);
    client.until(&id, "failed");
}

#[test]
fn what_is_stuck_is_stuck_after_a_crash_too() {
    let (parties, mut server, id) = stuck();
    for saved in [false, true] {
        if saved {
            server.client().command("/admin/checkpoint").expect(200);
        }
        server.kill();
        server.restart();
        let mut client = server.client();
        let listed = sagas(&mut client, "status=stuck");
        assert_eq!(texts(&listed, "id"), [id.as_str()], "saved: {saved}");
        assert_eq!(listed[0]["attempts"], 4, "its hour is not over: {}", listed[0]);
    }
    let mut client = server.client();
    parties.heal();
    retry(&mut client, &id).expect(200);
    client.until(&id, "failed");
    assert_eq!(parties.work(&id), Work::given_back());
    client.assert_settled();
}

#[test]
fn what_there_is_not_cannot_be_retried() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    client.open("ann");
    let id = client.invest("harbour", "ann", "10.00");
    client.until_step(&id, "tell", "skipped");
    retry(&mut client, &id).problem(409, "saga-not-stuck");
    let long = "x".repeat(97);
    for unknown in ["inv_99_harbour", "txn_1_ann", "ann", "a%2Fb", "%C3%BC", long.as_str()] {
        retry(&mut client, unknown).problem(404, "saga-not-found");
    }
    drop(parties);
}

#[test]
fn a_call_that_waits_for_its_hour_is_made_at_once_when_an_operator_says_so() {
    let stub = Stub::start();
    let down = || Manner::Says(answer("500 Internal Server Error", "", "{}"));
    stub.order(Route::Pull, down());
    stub.order(Route::Find, down());
    let server = Server::start_with(an_hour(stub.launch()));
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    client.open("ann");
    let id = client.invest("harbour", "ann", "10.00");
    let waits = eventually("it waits for its hour", || {
        let found = client.investment(&id);
        let pull = step(&found, "pull");
        (pull["attempts"] == 4 && pull["status"] == "unanswered").then_some(found)
    });
    assert_eq!(waits["status"], "collecting", "going on is not stuck: {waits}");
    assert_eq!(sagas(&mut client, "status=stuck"), Vec::<Value>::new());
    let listed = sagas(&mut client, "status=running");
    assert_eq!((&listed[0]["step"], &listed[0]["reason"]), (&json!("pull"), &json!("500")));
    stub.order(Route::Pull, Manner::Right);
    stub.order(Route::Find, Manner::Right);
    retry(&mut client, &id).expect(200);
    client.until(&id, "confirmed");
    client.assert_settled();
}

#[test]
fn sagas_are_listed_by_how_they_stand_in_pages() {
    let stub = Stub::start();
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "1000.00", 50);
    stub.order(Route::Pull, Manner::Holds);
    let [kept, lost, left, first, second] = ["kept", "lost", "left", "w1", "w2"].map(|wallet| {
        client.open(wallet);
        client.invest("harbour", wallet, "10.00")
    });
    stub.wait_asked(Route::Pull, 5);
    stub.order_account("kept", Manner::Right);
    stub.order_account("lost", Manner::Declines("no"));
    client.until(&kept, "confirmed");
    client.until(&lost, "failed");
    client.cancel(&left).expect(202);
    stub.order_account("left", Manner::Right);
    client.until(&left, "cancelled");
    for (status, expected) in [
        ("done", vec![&kept]),
        ("failed", vec![&lost]),
        ("cancelled", vec![&left]),
        ("running", vec![&first, &second]),
        ("compensating", vec![]),
        ("stuck", vec![]),
    ] {
        let (mut found, mut query) = (Vec::new(), format!("status={status}&limit=1"));
        loop {
            let page = client.get(&format!("/admin/sagas?{query}")).expect(200);
            let items = page["items"].as_array().expect("a list has items");
            assert!(items.iter().all(|item| item["status"] == status), "{page}");
            found.extend(texts(items, "id"));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("limit=1&cursor={cursor}");
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{status}");
    }
    for query in ["status=odd", "limit=0", "limit=501", "cursor=zz", "colour=red"] {
        client.get(&format!("/admin/sagas?{query}")).problem(400, "malformed-request");
    }
}

#[test]
fn a_deposit_that_waits_for_its_hour_is_retried_like_an_investment() {
    let stub = Stub::start();
    let down = || Manner::Says(answer("500 Internal Server Error", "", "{}"));
    stub.order(Route::Pull, down());
    stub.order(Route::Find, down());
    let server = Server::start_with(an_hour(stub.launch()));
    let mut client = server.client();
    client.open("ann");
    let body = json!({"amount": "5.00", "currency": "EUR", "method": "bank_pull"});
    let asked = client.post("/v1/wallets/ann/deposits", "d", &body).expect(202);
    let path = format!("/v1/wallets/ann/deposits/{}", id_of(&asked));
    eventually("it waits for its hour", || {
        let found = client.get(&path).expect(200);
        let pull = step(&found, "pull");
        (pull["attempts"] == 4 && pull["status"] == "unanswered").then_some(())
    });
    let listed = sagas(&mut client, "status=running");
    assert_eq!((&listed[0]["id"], &listed[0]["kind"]), (&asked["id"], &json!("deposit")));
    assert_eq!(listed[0]["reason"], "500", "{}", listed[0]);
    stub.order(Route::Pull, Manner::Right);
    stub.order(Route::Find, Manner::Right);
    retry(&mut client, &id_of(&asked)).expect(200);
    eventually("it is booked", || (client.posted("ann") == "5.00").then_some(()));
    client.assert_settled();
}

#[test]
fn deals_sagas_and_compensations_are_actors() {
    let (_parties, server, id) = stuck();
    let mut client = server.client();
    for (kind, actor) in [("deal", "harbour"), ("saga", &id), ("compensation", &id)] {
        let listed = client.get(&format!("/admin/actors?kind={kind}")).expect(200);
        let items = listed["items"].as_array().expect("a list has items");
        assert_eq!(texts(items, "id"), [actor], "{kind}");
        assert!(items.iter().all(|item| item["kind"] == kind), "{listed}");
        let shown = client.get(&format!("/admin/actors/{kind}/{actor}")).expect(200);
        assert_eq!((&shown["kind"], &shown["id"]), (&json!(kind), &json!(actor)));
        assert!(shown["shard"].is_u64() && shown["seq"].is_u64(), "{shown}");
        assert!(!shown["last_records"].as_array().expect("a list").is_empty(), "{shown}");
        client.get(&format!("/admin/actors/{kind}/nobody")).problem(404, "actor-not-found");
    }
    let deal = client.get("/admin/actors/deal/harbour").expect(200);
    assert_eq!(deal["state"], client.deal_now("harbour"));
    let saga = client.get(&format!("/admin/actors/saga/{id}")).expect(200);
    assert_eq!(saga["state"]["subject"]["amount"], "100.00", "{saga}");
    assert_eq!(step(&saga["state"], "pull")["status"], "done", "{saga}");
    let undoing = client.get(&format!("/admin/actors/compensation/{id}")).expect(200);
    assert_eq!(undoing["state"]["held"], "100.00", "{undoing}");
    assert_eq!(undoing["state"]["stuck"]["name"], "pull", "{undoing}");
    assert!(!undoing["waits_for"].as_array().expect("a list").is_empty(), "{undoing}");
    let ann = client.get("/admin/actors/wallet/ann").expect(200);
    assert_eq!(ann["holds"], json!([{"id": id, "amount": "0.00"}]), "{ann}");
}

#[test]
fn who_waits_for_its_hour_may_leave_memory_and_stays_listed_and_ends_as_ever() {
    let (parties, server, id) = stuck();
    let mut client = server.client();
    let passivate = |client: &mut Client, actor: &str| {
        let path = format!("/admin/actors/{actor}/passivate");
        client.command(&path).expect(200)["passivated"].clone()
    };
    for actor in [format!("compensation/{id}"), format!("saga/{id}")] {
        eventually(&format!("{actor} leaves"), || {
            (passivate(&mut client, &actor) == true).then_some(())
        });
    }
    let actors = client.get("/admin/actors?kind=compensation").expect(200);
    assert_eq!(actors["items"], json!([]), "it sleeps");
    let listed = sagas(&mut client, "status=stuck");
    assert_eq!(texts(&listed, "id"), [id.as_str()], "it is found on disk");
    assert_eq!(listed[0]["attempts"], 4, "reading it makes no attempt: {}", listed[0]);
    parties.heal();
    retry(&mut client, &id).expect(200);
    let before = client.until(&id, "failed");
    for actor in [format!("compensation/{id}"), format!("saga/{id}"), "deal/harbour".to_owned()] {
        eventually(&format!("{actor} leaves"), || {
            (passivate(&mut client, &actor) == true).then_some(())
        });
    }
    assert_eq!(client.investment(&id), before);
    let again = client.ask_to_invest("harbour", "ann", &investment_body("ann", "100.00"));
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(id_of(&again.expect(202)), id);
    let listed = client.all("/v1/deals/harbour/investments");
    assert_eq!(listed[0]["status"], "failed", "{listed:?}");
}
