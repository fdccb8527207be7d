//! Many payments at once to a provider that is settled at once, kills in the middle, and a provider
//! that changes how it is paid.
//!
//! What the processor booked is compared with what was posted, one by one: whoever was told that a
//! payment is posted has paid it once, and whoever was not has the money.

use std::thread;

use serde_json::{Value, json};

use crate::bank::{minor, texts};
use crate::harness::{Server, bursar, eventually};
use crate::http::Client;
use crate::investing::id_of;
use crate::providers_desk::{Push, launch, line, server, server_with};
use crate::stub::{Manner, Route, Stub};

/// How many people pay at once, and how often.
const PEOPLE: usize = 40;
const PAYMENTS: usize = 10;

fn assert_whole(mut server: Server) {
    server.client().assert_settled();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn a_crowd_is_paced_and_everyone_is_posted_once() {
    let server = server();
    let mut client = server.client();
    client.register_so("kiosk", &json!("immediate"));
    client.fault(&json!({"route": "push", "mode": "lose-answer", "probability": 0.02,
        "delay_ms": 10}));
    client.fault(&json!({"route": "push", "mode": "decline", "probability": 0.1}));
    for person in 0..PEOPLE {
        client.open_with(&format!("w{person}"), "100.00");
    }
    let address = server.address();
    let people: Vec<_> = (0..PEOPLE)
        .map(|person| {
            thread::spawn(move || {
                let mut client = Client::new(address);
                let wallet = format!("w{person}");
                let pay = |number: usize| {
                    let answer = client.pay(&wallet, "kiosk", &format!("p{number}"), "1.00");
                    id_of(&answer.expect(202))
                };
                (0..PAYMENTS).map(pay).collect::<Vec<_>>()
            })
        })
        .collect();
    let ids: Vec<String> =
        people.into_iter().flat_map(|person| person.join().expect("it is answered")).collect();
    let mut posted = Vec::new();
    for id in &ids {
        let ended = eventually(&format!("{id} ends"), || {
            let found = client.get(&format!("/v1/payments/{id}")).expect(200);
            (found["status"] != "pending").then_some(found)
        });
        if ended["status"] == "posted" {
            posted.push(Push::done(id, "account-kiosk", 100));
        } else {
            assert_eq!(ended["status"], "failed", "{ended}");
        }
    }
    let mut pushes = client.pushes();
    pushes.retain(|push| push.status == "succeeded");
    pushes.sort();
    posted.sort();
    assert_eq!(pushes, posted);
    assert!(posted.len() > ids.len() / 2 && posted.len() < ids.len(), "{}", posted.len());
    client.assert_settled();
    client.wait_reimbursed("kiosk", i128::try_from(posted.len()).expect("it is small") * 100);
    // Each payment went through what the provider accrued; pages end between the two.
    let entries = client.provider_entries("kiosk");
    assert_eq!(entries.len(), 2 * posted.len());
    for limit in [1, 7] {
        let path = format!("/v1/providers/kiosk/entries?limit={limit}");
        let (mut seen, mut next) = (Vec::new(), Some(path.clone()));
        while let Some(path_now) = next.filter(|_| seen.len() < 40) {
            let page = client.get(&path_now).expect(200);
            seen.extend(page["items"].as_array().expect("a list has items").iter().cloned());
            next = page["next_cursor"].as_str().map(|cursor| format!("{path}&cursor={cursor}"));
            if seen.len() == 5 * limit {
                client.command("/admin/checkpoint").expect(200);
            }
        }
        assert_eq!(seen[..], entries[..seen.len()], "{limit} a page");
    }
    assert_whole(server);
}

#[test]
fn a_payment_is_posted_once_however_often_the_server_is_killed() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let mut server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.open_with("ann", "100.00");
    client.register_so("kiosk", &json!("immediate"));
    let id = id_of(&client.pay("ann", "kiosk", "p", "25.00").expect(202));
    stub.wait_asked(Route::Pull, 1);
    for saved in [false, true, false] {
        if saved {
            client.command("/admin/checkpoint").expect(200);
        }
        server.kill();
        server.restart();
        client = server.client();
        let wallet = client.wallet("ann");
        assert_eq!(wallet["balance"]["held"], "25.00", "{wallet}");
        assert_eq!(wallet["pending_payments"], json!([id]), "{wallet}");
        // It was never seen, so it is asked for again, under the same key.
        let asked = stub.asked(Route::Pull).len();
        stub.wait_asked(Route::Pull, asked.max(2));
    }
    server.kill();
    stub.order(Route::Pull, Manner::Right);
    server.restart();
    client = server.client();
    eventually("it is posted", || (client.posted("ann") == "75.00").then_some(()));
    assert_eq!(stub.done_for(Route::Pull, &id), 1);
    assert_eq!(client.wallet("ann")["balance"]["held"], "0.00");
    assert_whole(server);
}

#[test]
fn payments_survive_kills_at_any_moment() {
    let mut server = server_with(launch());
    let mut client = server.client();
    client.register_so("kiosk", &json!("immediate"));
    for person in 0..4 {
        client.open_with(&format!("w{person}"), "100.00");
    }
    client.fault(&json!({"route": "push", "mode": "lose-answer", "probability": 0.1,
        "delay_ms": 20}));
    client.fault(&json!({"route": "push", "mode": "timeout", "probability": 0.1,
        "delay_ms": 20}));
    client.fault(&json!({"route": "push", "mode": "decline", "probability": 0.1}));
    for round in 0..5 {
        for person in 0..4 {
            for number in 0..5 {
                let key = format!("{round}-{number}");
                client.pay(&format!("w{person}"), "kiosk", &key, "1.00").expect(202);
            }
        }
        server.kill();
        server.restart();
        client = server.client();
    }
    client.assert_settled();
    eventually("all have ended", || {
        let open = (0..4).any(|person| {
            let wallet = client.wallet(&format!("w{person}"));
            wallet["pending_payments"] != json!([])
        });
        (!open).then_some(())
    });
    client.assert_settled();
    let brought: i128 = client
        .pushes()
        .iter()
        .filter(|push| push.status == "succeeded")
        .map(|push| push.amount)
        .sum();
    let left: i128 = (0..4).map(|person| minor(&json!(client.posted(&format!("w{person}"))))).sum();
    assert_eq!(left + brought, 40_000);
    client.wait_reimbursed("kiosk", brought);
    client.provider_entries("kiosk");
    assert_whole(server);
}

#[test]
fn a_change_counts_for_the_next_payment_at_once() {
    let server = server();
    let mut client = server.client();
    client.open_with("ann", "100.00");
    let calendar = json!({"every": "month", "on": "31", "at": "00:00", "time_zone": "UTC"});
    client.register_so("shop", &calendar);
    for round in 0..5 {
        let paid = client.pay("ann", "shop", &format!("a{round}"), "1.00").expect(201);
        assert_eq!(paid["status"], "posted", "{paid}");
        let changed = client.settle("shop", &json!("immediate")).expect(200);
        // What accrued is paid at the end of the period that runs.
        assert_eq!(changed["settlement"], calendar, "{changed}");
        assert_eq!(changed["next_settlement"], "immediate", "{changed}");
        assert!(changed["next_reimbursement_at"].is_string(), "{changed}");
        let paid = client.pay("ann", "shop", &format!("b{round}"), "1.00").expect(202);
        assert_eq!(paid["status"], "pending", "{paid}");
        let changed = client.settle("shop", &calendar).expect(200);
        assert_eq!(changed["settlement"], calendar, "{changed}");
        assert_eq!(changed["next_settlement"], Value::Null, "{changed}");
    }
    client.settle("shop", &json!("immediate")).expect(200);
    client.assert_settled();
    eventually("all is posted", || (client.posted("ann") == "90.00").then_some(()));
    client.wait_accrued("shop", "5.00");
    client.pass_the_end("shop");
    let provider = client.provider("shop");
    // While that was on its way, one more period began; it ends with nothing, and none follows.
    assert_eq!(provider["next_settlement"], "immediate", "{provider}");
    client.pass_the_end("shop");
    let provider = client.provider("shop");
    assert_eq!(provider["settlement"], "immediate", "{provider}");
    assert_eq!(provider["next_settlement"], Value::Null, "{provider}");
    assert_eq!(provider["next_reimbursement_at"], Value::Null, "{provider}");
    assert_eq!(provider["balance"]["reimbursed"], "10.00", "{provider}");
    let list = client.reimbursements("shop");
    assert_eq!(texts(&list, "total"), ["5.00"]);
    assert_eq!(list[0]["payments"], json!({"count": 5, "amount": "5.00"}));
    client.provider_entries("shop");
    assert_whole(server);
}

#[test]
fn a_new_calendar_counts_from_the_next_period() {
    let server = server();
    let mut client = server.client();
    client.register_so("clinic", &json!({"every": "day", "at": "02:00"}));
    let first = client.provider("clinic")["next_reimbursement_at"].clone();
    let weekly = json!({"every": "week", "on": "friday", "at": "03:00", "time_zone": "UTC"});
    let changed = client.settle("clinic", &weekly).expect(200);
    assert_eq!(changed["next_reimbursement_at"], first, "{changed}");
    assert_eq!(changed["next_settlement"], weekly, "{changed}");
    let schedule = client.get("/v1/providers/clinic/schedule?count=4").expect(200);
    let times = schedule["items"].as_array().expect("a list has items").clone();
    assert_eq!(times[0], first, "{schedule}");
    for time in &times[1..] {
        let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
        let local = time.to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!((local.weekday(), local.hour()), (jiff::civil::Weekday::Friday, 3), "{time}");
    }
    let today = client.today();
    client.submit_new("clinic", &[line("a", "m", &today, "1.00")]);
    client.pass_the_end("clinic");
    let provider = client.provider("clinic");
    assert_eq!((&provider["settlement"], &provider["next_settlement"]), (&weekly, &Value::Null));
    assert_eq!(provider["next_reimbursement_at"], times[1], "{provider}");
    assert_eq!(texts(&client.reimbursements("clinic"), "total"), ["0.00", "1.00"]);
    // A change is a write like others: with a key it is done once.
    let daily = json!({"every": "day"});
    let patch = crate::http::Request::new("PATCH", "/v1/providers/clinic/settlement")
        .body(crate::http::JSON, daily.to_string())
        .key("change");
    assert!(!client.send(&patch).is_replay());
    assert!(client.send(&patch).is_replay());
    for wrong in [
        json!("never"),
        json!({"every": "hour"}),
        json!({"every": "week", "on": "someday"}),
        json!({"every": "day", "time_zone": "Europe/Atlantis"}),
    ] {
        client.settle("clinic", &wrong).problem(422, "invalid-cadence");
    }
    for wrong in [json!(5), json!({}), json!(null), json!({"every": "day", "colour": "red"})] {
        client.settle("clinic", &wrong).problem(400, "malformed-request");
    }
    client.settle("nobody", &daily).problem(404, "provider-not-found");
    let get = client.get("/v1/providers/clinic/settlement");
    get.problem(405, "method-not-allowed");
}
