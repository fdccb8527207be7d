//! The outcome stream: every outcome once and in order, also over reconnects and crashes.
//!
//! That nothing is missing or repeated is shown by position: the next frame is the next thing
//! that happened, and after it comes what the test made happen last. A cursor that cannot be gone
//! on from without a gap is refused.

use serde_json::Value;

use crate::harness::{Launch, Server, eventually};
use crate::streams::{Events, Outcomes};

fn server_with_money() -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "100.00");
    client.open_with("bob", "100.00");
    client.register("shop");
    client.register("cinema");
    server
}

/// What identifies a payment among those of a test: who, whom, how much.
fn payment(outcome: &Value) -> String {
    assert_eq!(outcome["type"], "payment.posted", "{outcome}");
    let data = &outcome["data"];
    let text = |name: &str| data[name].as_str().unwrap_or_else(|| panic!("{name}: {outcome}"));
    format!("{} {} {}", text("wallet"), text("provider"), text("amount"))
}

fn cursor(outcome: &Value) -> String {
    outcome["cursor"].as_str().expect("a cursor is a string").to_owned()
}

#[test]
fn a_payment_is_told_with_its_data() {
    let server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    let paid = client.pay("alice", "shop", "p1", "1.00").expect(201);
    let outcome = outcomes.next();
    assert_eq!(payment(&outcome), "alice shop 1.00");
    assert_eq!(outcome["data"]["id"], paid["id"], "{outcome}");
    assert_eq!(outcome["data"]["currency"], "EUR");
    assert_eq!(outcome["data"]["balance_after"], "99.00");
    assert!(outcome["id"].as_str().is_some_and(|id| id.starts_with("out_")), "{outcome}");
}

#[test]
fn without_a_cursor_the_stream_begins_now() {
    let server = server_with_money();
    let mut client = server.client();
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let mut outcomes = Outcomes::open(server.address(), "");
    client.pay("alice", "shop", "p2", "2.00").expect(201);
    assert_eq!(payment(&outcomes.next()), "alice shop 2.00");
}

#[test]
fn a_cursor_resumes_without_gap_or_repeat() {
    let server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let mut last = cursor(&outcomes.next());
    drop(outcomes);
    for round in 0..5 {
        for number in 0..20 {
            let amount = format!("0.{}", 10 + number);
            client.pay("alice", "shop", &format!("p-{round}-{number}"), &amount).expect(201);
        }
        let mut outcomes = Outcomes::open(server.address(), &format!("cursor={last}"));
        for number in 0..20 {
            assert_eq!(payment(&outcomes.next()), format!("alice shop 0.{}", 10 + number));
        }
        // Live after what was missed, on the same connection.
        client.pay("bob", "shop", &format!("live-{round}"), "1.00").expect(201);
        let outcome = outcomes.next();
        assert_eq!(payment(&outcome), "bob shop 1.00");
        last = cursor(&outcome);
    }
}

#[test]
fn filters_let_through_what_they_name() {
    let server = server_with_money();
    let mut client = server.client();
    let mut by_wallet = Outcomes::open(server.address(), "wallet=bob");
    let mut by_provider = Outcomes::open(server.address(), "provider=cinema");
    let mut by_type = Outcomes::open(server.address(), "type=deposit.posted");
    let mut by_two = Outcomes::open(server.address(), "type=deposit.posted&type=payment.posted");
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    client.pay("bob", "shop", "p2", "2.00").expect(201);
    client.pay("alice", "cinema", "p3", "3.00").expect(201);
    client.deposit("alice", "d1", "4.00").expect(201);
    assert_eq!(payment(&by_wallet.next()), "bob shop 2.00");
    assert_eq!(payment(&by_provider.next()), "alice cinema 3.00");
    let deposited = by_type.next();
    assert_eq!(deposited["type"], "deposit.posted");
    assert_eq!(deposited["data"]["amount"], "4.00");
    let types: Vec<_> = (0..4).map(|_| by_two.next()["type"].clone()).collect();
    assert_eq!(types, ["payment.posted", "payment.posted", "payment.posted", "deposit.posted"]);
}

#[test]
fn filters_hold_for_what_is_resumed_too() {
    let server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let start = cursor(&outcomes.next());
    client.pay("alice", "shop", "p2", "2.00").expect(201);
    client.pay("bob", "shop", "p3", "3.00").expect(201);
    let query = format!("cursor={start}&wallet=bob");
    assert_eq!(payment(&Outcomes::open(server.address(), &query).next()), "bob shop 3.00");
}

#[test]
fn a_bad_query_is_refused() {
    let server = server_with_money();
    let mut client = server.client();
    // A type of the contract that nothing tells yet can be asked for all the same.
    Outcomes::open(server.address(), "type=payment.posted&type=reward.granted");
    for query in [
        "cursor=nonsense",
        "cursor=",
        "cursor=%00",
        "cursor=1-1-1",
        "cursor=-1-0",
        "cursor=0-0&cursor=0-0",
        "type=no.such.thing",
        "type=",
        "wallet=",
        "wallet=%00",
        "provider=a%2Fb",
        "deal=",
        "deal=a%2Fb",
        "colour=red",
    ] {
        assert_eq!(Outcomes::try_open(server.address(), query).err(), Some(400), "{query}");
        let answer = client.get(&format!("/v1/outcomes/events?{query}"));
        answer.problem(400, "malformed-request");
    }
}

#[test]
fn a_plain_request_for_the_websocket_is_refused() {
    let server = server_with_money();
    let answer = server.client().get("/v1/outcomes");
    assert!((400..500).contains(&answer.status), "{}", answer.text());
}

#[test]
fn server_sent_events_resume_after_the_last_event_id() {
    let server = server_with_money();
    let mut client = server.client();
    let mut events = Events::open(server.address(), "", None);
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let event = events.next();
    assert_eq!(payment(&event.data), "alice shop 1.00");
    assert_eq!(event.id, cursor(&event.data));
    drop(events);
    client.pay("alice", "shop", "p2", "2.00").expect(201);
    client.deposit("alice", "d1", "5.00").expect(201);
    client.pay("alice", "shop", "p3", "3.00").expect(201);
    let mut events = Events::open(server.address(), "type=payment.posted", Some(&event.id));
    assert_eq!(payment(&events.next().data), "alice shop 2.00");
    assert_eq!(payment(&events.next().data), "alice shop 3.00");
    // The two forms have one cursor.
    let query = format!("cursor={}", event.id);
    assert_eq!(payment(&Outcomes::open(server.address(), &query).next()), "alice shop 2.00");
}

#[test]
fn a_cursor_outlives_a_crash() {
    let mut server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let first = outcomes.next();
    client.pay("alice", "shop", "p2", "2.00").expect(201);
    client.pay("bob", "shop", "p3", "3.00").expect(201);
    server.kill();
    server.restart();
    let mut client = server.client();
    client.pay("alice", "shop", "p4", "4.00").expect(201);
    let query = format!("cursor={}", cursor(&first));
    let mut outcomes = Outcomes::open(server.address(), &query);
    assert_eq!(payment(&outcomes.next()), "alice shop 2.00");
    assert_eq!(payment(&outcomes.next()), "bob shop 3.00");
    assert_eq!(payment(&outcomes.next()), "alice shop 4.00");
}

/// What a reader has got, by cursor, in order.
type Told = Vec<(String, String)>;

/// Reads until the server goes away.
fn read_to_the_end(mut outcomes: Outcomes, told: &mut Told) {
    while let Ok(outcome) = outcomes.next_or_end() {
        told.push((cursor(&outcome), outcome["data"]["id"].to_string()));
    }
}

/// Reads up to the outcome of this payment.
fn read_up_to(mut outcomes: Outcomes, id: &str, told: &mut Told) {
    while told.last().is_none_or(|(_, last)| last != id) {
        let outcome = outcomes.next();
        told.push((cursor(&outcome), outcome["data"]["id"].to_string()));
    }
}

#[test]
fn a_reader_that_goes_on_after_every_kill_misses_and_repeats_nothing() {
    let mut server = server_with_money();
    let mut told = Told::new();
    let mut outcomes = Outcomes::open(server.address(), "");
    server.client().pay("alice", "shop", "start", "0.01").expect(201);
    let first = outcomes.next();
    let start = cursor(&first);
    told.push((start.clone(), first["data"]["id"].to_string()));
    drop(outcomes);
    for round in 0..6 {
        let (last, _) = told.last().expect("there is a first one");
        let outcomes = Outcomes::open(server.address(), &format!("cursor={last}"));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_to_the_end(outcomes, &mut told));
            let mut client = server.client();
            for number in 0..30 {
                let key = format!("p-{round}-{number}");
                client.pay("alice", "shop", &key, "0.01").expect(201);
            }
            if round % 2 == 0 {
                client.command("/admin/checkpoint").expect(200);
            }
            let mut client = server.client();
            scope.spawn(move || {
                // Until it is killed: some of these are told, some are only on disk.
                let pay = |number| format!("late-{round}-{number}");
                let body = |key: &str| {
                    let body = crate::bank::payment_body("bob", "cinema", "0.01");
                    crate::http::Request::post("/v1/payments", &body).key(key)
                };
                (0..).map_while(|n| client.try_send(&body(&pay(n))).ok()).for_each(drop);
            });
            server.kill();
            reader.join().expect("the reader does not panic");
        });
        server.restart();
    }
    let end = server.client().pay("alice", "shop", "end", "0.01").expect(201)["id"].to_string();
    let (last, _) = told.last().expect("there is a last one");
    read_up_to(Outcomes::open(server.address(), &format!("cursor={last}")), &end, &mut told);
    let mut again = vec![told[0].clone()];
    read_up_to(Outcomes::open(server.address(), &format!("cursor={start}")), &end, &mut again);
    assert_eq!(told, again, "what was told in parts is what is told in one go");
    let of_alice = told.iter().filter(|(_, id)| id.contains("_alice")).count();
    assert_eq!(of_alice, 1 + 6 * 30 + 1, "every payment that was answered is told, once");
}

#[test]
fn a_cursor_of_the_future_is_refused() {
    let server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    client.pay("alice", "shop", "p1", "1.00").expect(201);
    let given = cursor(&outcomes.next());
    let (commit, _) = given.split_once('-').expect("a cursor of this version");
    let commit: u64 = commit.parse().expect("a number");
    for future in [format!("{}-0", commit + 1), format!("{commit}-9"), format!("{}-0", u64::MAX)] {
        let query = format!("cursor={future}");
        assert_eq!(Outcomes::try_open(server.address(), &query).err(), Some(400), "{future}");
        let answer = client.get(&format!("/v1/outcomes/events?{query}"));
        answer.problem(400, "malformed-request");
    }
}

#[test]
fn a_cursor_older_than_what_is_kept_has_expired() {
    let mut server = server_with_money();
    let mut client = server.client();
    let mut outcomes = Outcomes::open(server.address(), "");
    let mut cursors = Vec::new();
    for number in 0..3 {
        client.pay("alice", "shop", &format!("p{number}"), "1.00").expect(201);
        cursors.push(cursor(&outcomes.next()));
        client.command("/admin/checkpoint").expect(200);
    }
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let launch = Launch::with("BURSAR__OUTCOMES__KEEP_DAYS", "0");
    let server = Server::start_in(server.home(), launch);
    let server = server.expect("a server starts again in its directory");
    let mut client = server.client();
    let path = format!("/v1/outcomes/events?cursor={}", cursors[0]);
    eventually("what is old is dropped", || {
        let status = Outcomes::try_open(server.address(), &format!("cursor={}", cursors[0])).err();
        status.filter(|status| *status == 410)
    });
    client.get(&path).problem(410, "cursor-expired");
    client.pay("alice", "shop", "p3", "1.00").expect(201);
    let query = format!("cursor={}", cursors[2]);
    let outcome = Outcomes::open(server.address(), &query).next();
    assert_eq!(outcome["data"]["balance_after"], "96.00", "{outcome}");
}

#[test]
fn a_refund_is_told_when_the_money_is_back() {
    let server = server_with_money();
    let mut client = server.client();
    let paid = client.pay("alice", "shop", "p1", "5.00").expect(201);
    let mut outcomes = Outcomes::open(server.address(), "type=refund.posted");
    let id = paid["id"].as_str().expect("an id is a string");
    client.refund(id, "r1", Some("2.00")).expect(201);
    let outcome = outcomes.next();
    assert_eq!(outcome["data"]["amount"], "2.00", "{outcome}");
    assert_eq!(outcome["data"]["payment"], paid["id"], "{outcome}");
    assert_eq!(outcome["data"]["wallet"], "alice", "{outcome}");
}
