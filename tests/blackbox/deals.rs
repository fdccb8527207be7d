//! A deal from its opening to the last document: who gets a seat, who waits, who moves up.
//!
//! The processor is the tests' own and holds every pull until it is told to go on, so that each
//! state in between can be looked at for as long as a test likes; documents and mails are the
//! sandbox's. What is told is compared on both streams, and with what the third parties did.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::{Server, eventually};
use crate::http::Client;
use crate::investing::{
    STEPS, deal_body, id_of, investment_body, investments_of, is_over, step, step_statuses,
};
use crate::parties::Parties;
use crate::streams::{Events, Outcomes};
use crate::stub::{Manner, PATIENCE_MS, Route, Stub};

/// Ann and Ben have the two seats of a deal and Cleo waits; the bank has not said anything yet.
struct Harbour {
    parties: Parties,
    stub: Stub,
    server: Server,
    ann: String,
    ben: String,
    cleo: String,
}

impl Harbour {
    fn begin() -> Self {
        let (parties, stub) = (Parties::start(0), Stub::start());
        stub.order(Route::Pull, Manner::Holds);
        let launch = parties.launch().and("BURSAR__PROCESSOR__URL", &stub.url());
        let launch = launch.and("BURSAR__PROCESSOR__TIMEOUT_MS", PATIENCE_MS);
        let server = Server::start_with(launch.and("BURSAR__SAGAS__STEP_DEADLINE_MS", PATIENCE_MS));
        let mut client = server.client();
        client.deal("harbour", "30000.00", 2);
        let [ann, ben, cleo] = ["ann", "ben", "cleo"].map(|name| {
            client.open_with_mail(name);
            client.invest("harbour", name, "10000.00")
        });
        stub.wait_asked(Route::Pull, 2);
        Self { parties, stub, server, ann, ben, cleo }
    }

    fn bank_declines_ben(&self) -> Value {
        self.stub.order_account("ben", Manner::Declines("insufficient-funds"));
        self.server.client().until(&self.ben, "failed")
    }

    fn bank_pays(&self) {
        self.stub.order(Route::Pull, Manner::Right);
    }
}

#[test]
fn a_deal_opens_with_all_its_seats_free() {
    let server = Server::start();
    let mut client = server.client();
    let body = json!({"id": "harbour", "name": "Harbour Lofts", "amount": "30000",
        "currency": "EUR", "min_investment": "100.00", "max_investment": "20000.00",
        "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2200-01-01T00:00:00Z"});
    let answer = client.post("/v1/deals", "open", &body);
    assert_eq!(answer.header("location"), Some("/v1/deals/harbour"));
    let opened = answer.expect(201);
    for (member, value) in [
        ("id", json!("harbour")),
        ("name", json!("Harbour Lofts")),
        ("amount", json!("30000.00")),
        ("currency", json!("EUR")),
        ("max_investors", json!(200)),
        ("min_investment", json!("100.00")),
        ("max_investment", json!("20000.00")),
        ("opens_at", json!("2020-01-01T00:00:00.000Z")),
        ("closes_at", json!("2200-01-01T00:00:00.000Z")),
        ("status", json!("open")),
        ("remaining", json!("30000.00")),
        ("seats", json!({"taken": 0, "confirmed": 0, "max": 200})),
        ("reserved", json!("0.00")),
        ("confirmed", json!("0.00")),
        ("waiting", json!(0)),
        ("last_ticket", json!(0)),
    ] {
        assert_eq!(opened[member], value, "{member}");
    }
    assert_eq!(client.deal_now("harbour"), opened);
    let again = client.post("/v1/deals", "open", &body);
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.text(), answer.text());
    let made =
        client.post("/v1/deals", "made", &json!({"name": "D", "amount": "1", "currency": "JPY"}));
    let made = made.expect(201);
    assert!(id_of(&made).starts_with("deal_"), "{made}");
    assert_eq!(made["remaining"], "1");
}

#[test]
fn deals_are_listed_by_id_and_status() {
    let mut server = Server::start();
    let mut client = server.client();
    for number in 0..7 {
        let mut body = deal_body(&format!("d{number}"), "100.00", 5);
        if number % 2 == 1 {
            body["opens_at"] = json!("2200-01-01");
        }
        client.post("/v1/deals", &format!("open-{number}"), &body).expect(201);
    }
    client.command("/v1/deals/d0/close").expect(200);
    let all = ["d0", "d1", "d2", "d3", "d4", "d5", "d6"];
    assert_eq!(texts(&client.all("/v1/deals"), "id"), all);
    client.command("/admin/checkpoint").expect(200);
    let mut listed = |query: &str| {
        let (mut found, mut query) = (Vec::new(), query.to_owned());
        loop {
            let page = client.get(&format!("/v1/deals?{query}")).expect(200);
            found.extend(texts(page["items"].as_array().expect("a list has items"), "id"));
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            query = format!("limit=2&cursor={cursor}");
        }
    };
    assert_eq!(listed("limit=2"), all);
    assert_eq!(listed("limit=2&status=upcoming"), ["d1", "d3", "d5"]);
    assert_eq!(listed("limit=2&status=open"), ["d2", "d4", "d6"]);
    assert_eq!(listed("status=closed"), ["d0"]);
    assert_eq!(listed("status=full"), Vec::<String>::new());
    for query in ["status=odd", "limit=0", "limit=501", "cursor=zz", "colour=red"] {
        client.get(&format!("/v1/deals?{query}")).problem(400, "malformed-request");
    }
    // After a restart some are on disk and some in memory; both are listed, in one order.
    server.kill();
    server.restart();
    let mut client = server.client();
    assert_eq!(client.deal_now("d3")["status"], "upcoming");
    client.deal("d35", "1.00", 1);
    let with_new = ["d0", "d1", "d2", "d3", "d35", "d4", "d5", "d6"];
    assert_eq!(texts(&client.all("/v1/deals"), "id"), with_new);
}

#[test]
fn tickets_follow_the_order_of_requests_and_who_finds_no_seat_waits() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    for (id, wallet, ticket) in
        [(&harbour.ann, "ann", 1), (&harbour.ben, "ben", 2), (&harbour.cleo, "cleo", 3)]
    {
        let found = client.investment(id);
        assert_eq!(found["ticket"], ticket, "{found}");
        assert_eq!((&found["deal"], &found["wallet"]), (&json!("harbour"), &json!(wallet)));
        assert_eq!((&found["amount"], &found["currency"]), (&json!("10000.00"), &json!("EUR")));
    }
    client.open("dan");
    let answer = client.ask_to_invest("harbour", "dan", &investment_body("dan", "5000"));
    let dan = answer.expect(202);
    assert_eq!(answer.header("location"), Some(&*format!("/v1/investments/{}", id_of(&dan))));
    assert_eq!((&dan["status"], &dan["position"]), (&json!("waitlisted"), &json!(2)));
    assert_eq!(client.investment(&harbour.cleo)["position"], 1);
    let ann = client.until(&harbour.ann, "collecting");
    assert_eq!(ann["position"], Value::Null, "{ann}");
    assert_eq!(step_statuses(&ann)[..3], ["done", "done", "running"], "{ann}");
    assert!(step_statuses(&ann)[3..].iter().all(|status| *status == "pending"), "{ann}");
    let deal = client.deal_now("harbour");
    assert_eq!((&deal["status"], &deal["remaining"]), (&json!("full"), &json!("10000.00")));
    assert_eq!((&deal["reserved"], &deal["confirmed"]), (&json!("20000.00"), &json!("0.00")));
    assert_eq!(deal["seats"], json!({"taken": 2, "confirmed": 0, "max": 2}));
    assert_eq!(deal["investments"], json!({"reserved": 2, "confirmed": 0}));
    assert_eq!((&deal["waiting"], &deal["last_ticket"]), (&json!(2), &json!(4)));
}

#[test]
fn a_wallet_shows_its_investments_while_they_are_on_their_way() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    let ann = client.wallet("ann");
    assert_eq!(ann["pending_investments"], json!([harbour.ann]));
    assert_eq!(ann["balance"]["held"], "0.00", "the bank pays, not the wallet");
    assert_eq!(client.wallet("cleo")["pending_investments"], json!([]), "in line nothing is done");
    harbour.bank_declines_ben();
    client.assert_nothing_pending("ben");
    client.until(&harbour.cleo, "collecting");
    eventually("Cleo's is on its way", || {
        (client.wallet("cleo")["pending_investments"] == json!([harbour.cleo])).then_some(())
    });
    harbour.bank_pays();
    for (id, wallet) in [(&harbour.ann, "ann"), (&harbour.cleo, "cleo")] {
        client.until(id, "confirmed");
        client.assert_nothing_pending(wallet);
    }
}

#[test]
fn a_declined_investor_gives_its_seat_to_who_waits_longest() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    let ben = harbour.bank_declines_ben();
    assert_eq!(ben["failure"]["code"], "insufficient-funds", "{ben}");
    assert_eq!(step_statuses(&ben)[..4], ["done", "done", "failed", "pending"], "{ben}");
    for undone in ["mark", "reserve"] {
        assert_eq!(step(&ben, undone)["undo"]["status"], "undone", "{ben}");
    }
    assert_eq!(ben["documents"], Value::Null, "{ben}");
    let cleo = client.until(&harbour.cleo, "collecting");
    assert_eq!((&cleo["ticket"], &cleo["position"]), (&json!(3), &Value::Null));
    harbour.bank_pays();
    let cleo = client.until(&harbour.cleo, "confirmed");
    let names: Vec<_> =
        cleo["steps"].as_array().expect("steps").iter().map(|s| &s["name"]).collect();
    assert_eq!(names, STEPS);
    assert!(step_statuses(&cleo)[..6].iter().all(|status| *status == "done"), "{cleo}");
    for step in &cleo["steps"].as_array().expect("steps")[..6] {
        assert!(step["at"].is_string() && step["attempts"].is_number(), "{step}");
    }
    for member in ["id", "url"] {
        assert!(cleo["documents"][member].as_str().is_some_and(|text| !text.is_empty()), "{cleo}");
    }
    client.until(&harbour.ann, "confirmed");
    let deal = client.deal_now("harbour");
    assert_eq!((&deal["reserved"], &deal["confirmed"]), (&json!("0.00"), &json!("20000.00")));
    assert_eq!(deal["seats"], json!({"taken": 2, "confirmed": 2, "max": 2}));
    assert_eq!((&deal["waiting"], &deal["remaining"]), (&json!(0), &json!("10000.00")));
    assert_eq!(harbour.stub.done(Route::Pull).len(), 2, "two banks paid");
    assert_eq!(harbour.parties.work(&harbour.ben).documents, 0);
    assert_eq!(harbour.parties.work(&harbour.cleo).documents, 1);
    client.assert_settled();
    let books = client.get("/admin/trial-balance").expect(200);
    assert_eq!(books["items"][0]["accounts"], "20000.00", "{books}");
    assert_eq!(books["items"][0]["external"], "-20000.00", "{books}");
}

/// What an outcome of an investment says in short.
fn told(outcome: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{outcome}")).to_owned();
    let data = &outcome["data"];
    assert_eq!((&data["deal"], &data["amount"]), (&json!("harbour"), &json!("10000.00")));
    assert!(data["ticket"].is_number(), "{outcome}");
    (text(&data["id"]), text(&outcome["type"]))
}

#[test]
fn how_it_ends_is_told_on_both_streams_to_who_asks_for_the_deal() {
    let harbour = Harbour::begin();
    let address = harbour.server.address();
    let mut outcomes = Outcomes::open(address, "deal=harbour");
    let mut events = Events::open(address, "deal=harbour", None);
    let mut others = Outcomes::open(address, "deal=nowhere&deal=quay");
    let mut reserved = Outcomes::open(address, "type=investment.reserved");
    let mut client = harbour.server.client();
    harbour.bank_declines_ben();
    harbour.bank_pays();
    client.until(&harbour.ann, "confirmed");
    client.until(&harbour.cleo, "confirmed");
    let (mut all, mut last) = (BTreeSet::new(), Value::Null);
    for _ in 0..4 {
        last = outcomes.next();
        assert_eq!(events.next().data, last, "both say the same");
        assert!(all.insert(told(&last)), "told twice: {last}");
    }
    let expected = [
        (&harbour.cleo, "investment.reserved"),
        (&harbour.ben, "investment.failed"),
        (&harbour.ann, "investment.confirmed"),
        (&harbour.cleo, "investment.confirmed"),
    ];
    assert_eq!(all, expected.map(|(id, kind)| (id.clone(), kind.to_owned())).into());
    assert_eq!(reserved.next()["data"]["id"], harbour.cleo.as_str());
    // Nothing more is told: what comes next is what happens last.
    client.deal("quay", "10.00", 1);
    let body = investment_body("ann", "11.00");
    let refused = client.ask_to_invest("quay", "late", &body);
    let refused = refused.problem(409, "amount-exceeds-remaining");
    let next = others.next();
    assert_eq!(next["type"], "investment.refused", "{next}");
    assert_eq!(next["data"]["id"], refused["investment"], "{next}");
    assert_eq!(next["data"]["failure"]["code"], "amount-exceeds-remaining", "{next}");
    let cursor = last["cursor"].as_str().expect("a cursor is a string");
    let after = Outcomes::open(address, &format!("cursor={cursor}")).next();
    assert_eq!(after, next, "and after the last one of the deal comes this one");
}

#[test]
fn the_failure_of_an_investment_is_told_with_its_reason() {
    let harbour = Harbour::begin();
    let mut failed = Outcomes::open(harbour.server.address(), "wallet=ben");
    harbour.bank_declines_ben();
    let outcome = failed.next();
    assert_eq!(outcome["type"], "investment.failed", "{outcome}");
    assert_eq!(outcome["data"]["failure"]["code"], "insufficient-funds", "{outcome}");
    assert_eq!(outcome["data"]["ticket"], 2, "{outcome}");
}

#[test]
fn who_is_confirmed_is_written_to_once_in_text_and_html() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    harbour.bank_declines_ben();
    harbour.bank_pays();
    for id in [&harbour.ann, &harbour.cleo] {
        let told = client.until_step(id, "tell", "done");
        assert_eq!(told["status"], "confirmed", "{told}");
    }
    let mails = harbour.parties.mails();
    let mut to: Vec<_> = mails.iter().map(|mail| mail["to"][0].to_string()).collect();
    to.sort();
    assert_eq!(to, ["\"ann@example.com\"", "\"cleo@example.com\""], "once each, and not to Ben");
    for mail in &mails {
        let is_ann = mail["to"][0] == "ann@example.com";
        let id = if is_ann { &harbour.ann } else { &harbour.cleo };
        let subject = mail["subject"].as_str().expect("a subject");
        assert!(subject.contains(id.as_str()), "{subject}");
        let body = mail["body"].as_str().expect("a body");
        for part in ["text/plain", "text/html", "harbour", "10000.00 EUR", "/documents/"] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert_eq!(body.matches(id.as_str()).count(), 2, "in both parts: {body}");
    }
}

#[test]
fn investments_are_listed_by_ticket_in_pages_and_by_status() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    harbour.bank_declines_ben();
    let listed = |client: &mut Client, filter: &str| {
        let (mut found, mut query) = (Vec::new(), format!("limit=1{filter}"));
        loop {
            let page = client.get(&format!("{}?{query}", investments_of("harbour"))).expect(200);
            let items = page["items"].as_array().expect("a list has items");
            assert!(items.len() <= 1, "{page}");
            found.extend(texts(items, "id"));
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            query = format!("limit=1&cursor={cursor}");
        }
    };
    let all = [&harbour.ann, &harbour.ben, &harbour.cleo].map(Clone::clone);
    assert_eq!(listed(&mut client, ""), all);
    assert_eq!(listed(&mut client, "&status=failed"), [harbour.ben.as_str()]);
    client.until(&harbour.cleo, "collecting");
    let under_way = [harbour.ann.as_str(), &harbour.cleo];
    assert_eq!(listed(&mut client, "&status=collecting"), under_way);
    assert_eq!(listed(&mut client, "&status=refused"), Vec::<String>::new());
    harbour.bank_pays();
    client.until(&harbour.ann, "confirmed");
    client.until(&harbour.cleo, "confirmed");
    client.command("/admin/checkpoint").expect(200);
    assert_eq!(listed(&mut client, ""), all, "on disk as in memory");
    assert_eq!(listed(&mut client, "&status=confirmed"), under_way);
    let items = client.all(&investments_of("harbour"));
    for (item, ticket) in items.iter().zip(1..) {
        assert_eq!(item["ticket"], ticket, "{item}");
        assert!(is_over(item) && item["steps"].is_null(), "{item}");
    }
    for query in ["status=odd", "limit=0", "cursor=zz", "cursor=1.odd", "colour=red"] {
        let answer = client.get(&format!("{}?{query}", investments_of("harbour")));
        answer.problem(400, "malformed-request");
    }
    client.get(&investments_of("nowhere")).problem(404, "deal-not-found");
}

#[test]
fn a_wallet_takes_one_seat_however_often_it_invests() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "100.00", 1);
    client.open("ann");
    let first = client.invest("harbour", "ann", "30.00");
    let again = client.ask_to_invest("harbour", "more", &investment_body("ann", "50.00"));
    let again = id_of(&again.expect(202));
    for id in [&first, &again] {
        client.until(id, "confirmed");
    }
    let deal = client.deal_now("harbour");
    assert_eq!(deal["seats"], json!({"taken": 1, "confirmed": 1, "max": 1}));
    assert_eq!(deal["investments"], json!({"reserved": 0, "confirmed": 2}));
    assert_eq!((&deal["confirmed"], &deal["remaining"]), (&json!("80.00"), &json!("20.00")));
    client.assert_settled();
}

#[test]
fn who_says_nothing_about_waiting_waits() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    client.open("dan");
    let body = json!({"wallet": "dan", "amount": "1.00", "currency": "EUR", "funding": "bank"});
    let waits = client.ask_to_invest("harbour", "dan", &body).expect(202);
    assert_eq!((&waits["status"], &waits["position"]), (&json!("waitlisted"), &json!(2)));
}

#[test]
fn who_can_no_longer_get_a_place_is_refused_when_the_deal_is_full_for_good() {
    let harbour = Harbour::begin();
    let mut client = harbour.server.client();
    let mut outcomes = Outcomes::open(harbour.server.address(), "type=investment.refused");
    harbour.bank_pays();
    let cleo = client.until(&harbour.cleo, "refused");
    assert_eq!(cleo["failure"]["code"], "deal-full", "{cleo}");
    assert_eq!((&cleo["ticket"], &cleo["position"]), (&json!(3), &Value::Null));
    assert!(step_statuses(&cleo).iter().all(|status| *status == "pending"), "{cleo}");
    let outcome = outcomes.next();
    assert_eq!(outcome["data"]["id"], harbour.cleo.as_str(), "{outcome}");
    let deal = client.deal_now("harbour");
    assert_eq!((&deal["waiting"], &deal["confirmed"]), (&json!(0), &json!("20000.00")));
    assert_eq!(harbour.stub.asked(Route::Pull).len(), 2, "nobody asked Cleo's bank");
    client.assert_nothing_pending("cleo");
}
