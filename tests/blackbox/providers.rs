//! Providers: registering, their calendar, and what they accrue.
//!
//! A provider hears of a payment one commit after the wallet, so what it accrued is polled for.
//! Its entries are its own record of the same money, and its calendar is asked for by the words of
//! the contract only.

use serde_json::{Value, json};

use crate::bank::{minor, provider_body, texts};
use crate::harness::Server;

#[test]
fn a_provider_registers_and_says_when_it_is_reimbursed() {
    let server = Server::start();
    let mut client = server.client();
    let made = client.register("shop");
    assert_eq!(made["id"], "shop");
    assert_eq!(made["name"], "Provider shop");
    assert_eq!(made["currency"], "EUR");
    let next = made["next_reimbursement_at"].as_str().expect("an instant");
    assert!(next.ends_with("T00:00:00.000Z") && &next[8..10] == "01", "{next}");
    let read = client.get("/v1/providers/shop").expect(200);
    assert_eq!(read["balance"]["accrued"], "0.00");
    assert_eq!(read["next_reimbursement_at"], next);
    client.post("/v1/providers", "other", &provider_body("shop")).problem(409, "already-exists");
    client.get("/v1/providers/nobody").problem(404, "provider-not-found");
}

#[test]
fn every_cadence_of_the_contract_is_taken_and_others_are_not() {
    let server = Server::start();
    let mut client = server.client();
    for (index, (settlement, good)) in [
        (json!({"every": "day"}), true),
        (json!({"every": "day", "at": "06:30", "time_zone": "Europe/Prague"}), true),
        (json!({"every": "week", "on": "friday"}), true),
        (json!({"every": "month", "on": "last"}), true),
        (json!({"every": "year", "on": "02-29"}), true),
        (json!({"every": "hour"}), false),
        (json!({"every": "month", "on": "32"}), false),
        (json!({"every": "day", "at": "25:00"}), false),
        (json!({"every": "day", "time_zone": "Europe/Atlantis"}), false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("p{index}");
        let mut body = provider_body(&id);
        body["settlement"] = settlement.clone();
        let answer = client.post("/v1/providers", &id, &body);
        if good {
            let made = answer.expect(201);
            assert!(made["next_reimbursement_at"].is_string(), "{settlement}: {made}");
        } else {
            answer.problem(422, "invalid-cadence");
        }
    }
}

#[test]
fn the_schedule_lists_the_next_times() {
    let server = Server::start();
    let mut client = server.client();
    let made = client.register("shop");
    let schedule = client.get("/v1/providers/shop/schedule?count=3").expect(200);
    let mut times = Vec::new();
    strings(&schedule, &mut times);
    times.retain(|time| time.ends_with("T00:00:00.000Z"));
    assert_eq!(times.len(), 3, "{schedule}");
    assert_eq!(times[0], made["next_reimbursement_at"]);
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|item| strings(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_provider_accrues_what_it_is_paid_less_what_it_gives_back() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.open_with("bob", "10.00");
    client.register("shop");
    client.pay("alice", "shop", "p1", "1.25").expect(201);
    let paid = client.pay("bob", "shop", "p2", "2.50").expect(201);
    client.wait_accrued("shop", "3.75");
    let id = paid["id"].as_str().expect("an id is a string");
    client.refund(id, "r1", Some("0.50")).expect(201);
    client.wait_accrued("shop", "3.25");
    let balance = client.get("/v1/providers/shop").expect(200)["balance"].clone();
    let expected = json!({"accrued": "3.25", "in_reimbursement": "0.00", "reimbursed": "0.00"});
    assert_eq!(balance, expected);
}

#[test]
fn a_providers_entries_are_newest_first_and_add_up() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "100.00");
    client.register("shop");
    for number in 1..=7 {
        client.pay("alice", "shop", &format!("p{number}"), &format!("{number}.00")).expect(201);
    }
    client.wait_accrued("shop", "28.00");
    let entries = client.all("/v1/providers/shop/entries");
    let amounts = texts(&entries, "amount");
    assert_eq!(amounts[0], "7.00");
    assert_eq!(amounts.len(), 7);
    assert_eq!(minor(&entries[0]["balance_after"]), 2800);
    let page = client.get("/v1/providers/shop/entries?limit=5").expect(200);
    client.pay("alice", "shop", "late", "8.00").expect(201);
    client.wait_accrued("shop", "36.00");
    let cursor = page["next_cursor"].as_str().expect("two are left");
    let rest = client.get(&format!("/v1/providers/shop/entries?cursor={cursor}")).expect(200);
    let items = rest["items"].as_array().expect("a list has items");
    assert_eq!(texts(items, "amount"), ["2.00", "1.00"]);
    client.get("/v1/providers/nobody/entries").problem(404, "provider-not-found");
}
