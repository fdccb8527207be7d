//! Deals at the edge of what they hold: long lines, many investments of one wallet, the largest
//! amounts, the longest names.
//!
//! A line is worked off in pieces, because a decision must fit one group of the journal. Nobody may
//! see the pieces: who comes meanwhile passes nobody, and a crash in between changes nothing.

use std::net::SocketAddr;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Server, eventually};
use crate::http::{Client, Request};
use crate::investing::{deal_body, id_of, investment_body, investments_of, is_over};
use crate::parties::{Parties, Work};
use crate::stub::{Manner, Route, Stub};

/// The longest line.
const LINE_MAX: u64 = 20_000;

/// The most investments of one wallet at one time.
const HOLDS_MAX: usize = 256;

/// Ann has the only seat and all the money of a deal; these wallets wait behind her, so often each.
fn line(wallets: u64, each: u64) -> (Stub, Server, String) {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch().and("BURSAR__PROCESSOR__RATE_PER_S", "0"));
    let mut client = server.client();
    client.deal("long", "1000000.00", 10);
    client.open("ann");
    let ann = client.invest("long", "ann", "1000000.00");
    for wallet in 0..wallets {
        client.open(&format!("w{wallet}"));
    }
    let address = server.address();
    thread::scope(|scope| {
        for wallet in 0..wallets {
            scope.spawn(move || wait_in_line(address, wallet, each));
        }
    });
    assert_eq!(client.deal_now("long")["waiting"], wallets * each);
    (stub, server, ann)
}

fn wait_in_line(address: SocketAddr, wallet: u64, each: u64) {
    let body = investment_body(&format!("w{wallet}"), "1.00");
    let request =
        |number| Request::post(investments_of("long"), &body).key(format!("w{wallet}-{number}"));
    let requests: Vec<_> = (0..each).map(request).collect();
    for some in requests.chunks(50) {
        for answer in Client::new(address).send_all(some) {
            assert_eq!(answer.expect(202)["status"], "waitlisted");
        }
    }
}

/// A place for everyone, freed in one go, while newcomers ask and the server is killed.
#[test]
fn a_long_line_moves_up_in_one_go_and_nobody_passes_it() {
    let (stub, mut server, ann) = line(6, 250);
    stub.order_account("ann", Manner::Declines("no"));
    let mut client = server.client();
    client.until(&ann, "failed");
    let late = client.ask_to_invest("long", "late", &investment_body("w0", "1.00")).expect(202);
    // There is room for all; until all have been given theirs, it is behind them.
    assert!(late["status"] == "reserved" || late["status"] == "waitlisted", "{late}");
    server.kill();
    stub.order(Route::Pull, Manner::Right);
    server.restart();
    let mut client = server.client();
    let deal = eventually("all have a place", || {
        let deal = client.deal_now("long");
        (deal["waiting"] == 0 && deal["investments"]["reserved"] == 0).then_some(deal)
    });
    assert_eq!(deal["last_ticket"], 1502, "{deal}");
    let items = eventually("all have heard of it", || {
        let items = client.all(&investments_of("long"));
        items.iter().all(is_over).then_some(items)
    });
    assert_eq!((items.len(), &items[0]["status"]), (1502, &json!("failed")));
    assert!(items[1..].iter().all(|item| item["status"] == "confirmed"));
    assert_eq!(deal["confirmed"], "1501.00", "{deal}");
    assert_eq!(stub.done(Route::Pull).len(), 1501, "each was pulled once");
    client.assert_settled();
}

/// A line as long as it may be; then the deal is full for good, and nobody in it can get a place.
#[test]
fn a_line_of_twenty_thousand_is_full_and_is_refused_as_a_whole() {
    let (stub, mut server, ann) = line(8, LINE_MAX / 8);
    let mut client = server.client();
    let body = investment_body("w0", "1.00");
    let answer = client.ask_to_invest("long", "one-more", &body);
    let problem = answer.problem(409, "waiting-list-full");
    assert_eq!(problem["ticket"], LINE_MAX + 2, "{problem}");
    let last = client.get(&format!("{}?limit=1&status=refused", investments_of("long")));
    assert!(last.expect(200)["next_cursor"].is_string(), "it is not found on the first page");
    client.command("/admin/checkpoint").expect(200);
    stub.order(Route::Pull, Manner::Right);
    client.until(&ann, "confirmed");
    eventually("the line is empty", || (client.deal_now("long")["waiting"] == 0).then_some(()));
    client.command("/admin/checkpoint").expect(200);
    server.kill();
    server.restart();
    client = server.client();
    let items = client.all(&investments_of("long"));
    assert_eq!(items.len() as u64, LINE_MAX + 2);
    assert_eq!(items[0]["status"], "confirmed");
    for (item, ticket) in items.iter().zip(1_u64..).skip(1) {
        assert_eq!((&item["ticket"], &item["status"]), (&json!(ticket), &json!("refused")));
    }
    let one = client.investment(&id_of(&items[9_999]));
    assert_eq!(one["failure"]["code"], "amount-exceeds-remaining", "{one}");
    assert_eq!(client.cancel(&id_of(&one)).expect(200)["status"], "refused");
    client.assert_settled();
}

#[test]
fn a_wallet_has_so_many_investments_on_their_way_and_no_more() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("many", "1000000.00", 10);
    client.open("ann");
    let ask = |client: &mut Client, number: usize| {
        let body = investment_body("ann", "1.00");
        id_of(&client.ask_to_invest("many", &format!("k{number}"), &body).expect(202))
    };
    let ids: Vec<_> = (0..HOLDS_MAX).map(|number| ask(&mut client, number)).collect();
    eventually("all are on their way", || {
        let pending = client.wallet("ann")["pending_investments"].as_array().map(Vec::len);
        (pending == Some(HOLDS_MAX)).then_some(())
    });
    let much = ask(&mut client, HOLDS_MAX);
    let failed = client.until(&much, "failed");
    assert_eq!(failed["failure"]["code"], "too-many-holds", "{failed}");
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        client.until(id, "confirmed");
    }
    let after = ask(&mut client, HOLDS_MAX + 1);
    client.until(&after, "confirmed");
    client.assert_nothing_pending("ann");
    client.assert_settled();
}

/// What waits for a third party stays in memory. When that is twice what should be there, others
/// are asked to come later; nobody is forgotten, and when the party is back it all ends.
#[test]
fn more_on_their_way_than_fit_in_memory_all_end() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let launch = stub.launch().and("BURSAR__RESIDENTS__MAX", "1000");
    let launch = launch.and("BURSAR__SHARDS__COUNT", "1");
    let server = Server::start_with(launch.and("BURSAR__PROCESSOR__RATE_PER_S", "0"));
    let mut client = server.client();
    client.deal("many", "1000000.00", 200);
    let mut ids = Vec::new();
    for wallet in (0..11).map(|number| format!("w{number}")) {
        let body = json!({"id": wallet, "currency": "EUR"});
        if client.post("/v1/wallets", "open", &body).status == 503 {
            continue;
        }
        let body = investment_body(&wallet, "1.00");
        let ask =
            |number| Request::post(investments_of("many"), &body).key(format!("{wallet}-{number}"));
        for answer in client.send_all(&(0..200).map(ask).collect::<Vec<_>>()) {
            if answer.status == 503 {
                answer.problem(503, "overloaded");
            } else {
                ids.push(id_of(&answer.expect(202)));
            }
        }
    }
    eventually("nobody else is let in", || {
        (client.deposit("w0", "d", "1.00").status == 503).then_some(())
    });
    stub.order(Route::Pull, Manner::Right);
    for id in &ids {
        eventually(&format!("{id} ends"), || {
            let answer = client.get(&format!("/v1/investments/{id}"));
            (answer.status == 200 && answer.json()["status"] == "confirmed").then_some(())
        });
    }
    eventually("there is room again", || {
        (client.deposit("w0", "d", "1.00").status == 201).then_some(())
    });
    client.assert_settled();
}

#[test]
fn the_largest_amounts_add_up() {
    let (_parties, server) = Parties::with_server();
    let mut client = server.client();
    client.post("/v1/deals", "d", &deal_body("huge", "92233720368547758.07", 3)).expect(201);
    for wallet in ["ann", "ben", "cleo"] {
        client.open(wallet);
    }
    let ann = client.invest("huge", "ann", "92233720368547758.06");
    client.until(&ann, "confirmed");
    let much = client.ask_to_invest("huge", "much", &investment_body("ben", "0.02"));
    much.problem(409, "amount-exceeds-remaining");
    let ben = client.invest("huge", "ben", "0.01");
    client.until(&ben, "confirmed");
    let deal = client.deal_now("huge");
    assert_eq!(
        (&deal["confirmed"], &deal["remaining"]),
        (&json!("92233720368547758.07"), &json!("0.00"))
    );
    // Two such deals hold more than one amount can say.
    client.post("/v1/deals", "e", &deal_body("other", "92233720368547758.07", 3)).expect(201);
    let cleo = client.invest("other", "cleo", "92233720368547758.07");
    client.until(&cleo, "confirmed");
    client.assert_settled();
    let books = client.get("/admin/trial-balance").expect(200);
    assert_eq!(books["items"][0]["accounts"], "184467440737095516.14", "{books}");
}

#[test]
fn currencies_without_and_with_many_decimals_are_invested() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    for (currency, amount, bad) in [("JPY", "500", "500.5"), ("BHD", "0.005", "0.0005")] {
        let wallet = json!({"id": currency, "currency": currency,
            "email": format!("{currency}@example.com")});
        client.post("/v1/wallets", "open", &wallet).expect(201);
        let mut deal = deal_body(currency, "1000", 3);
        deal["currency"] = json!(currency);
        client.post("/v1/deals", "open", &deal).expect(201);
        let mut body = investment_body(currency, bad);
        body["currency"] = json!(currency);
        client.ask_to_invest(currency, "bad", &body).problem(422, "invalid-amount");
        body["amount"] = json!(amount);
        let id = id_of(&client.ask_to_invest(currency, "good", &body).expect(202));
        let told = client.until_step(&id, "tell", "done");
        assert_eq!((&told["amount"], &told["status"]), (&json!(amount), &json!("confirmed")));
        let ledger = parties.ledger();
        assert_eq!(ledger["totals"][currency]["pulled"], amount, "{ledger}");
        let mails = parties.mails();
        let mail = mails.last().expect("a mail")["body"].to_string();
        assert!(mail.contains(&format!("{amount} {currency}")), "{mail}");
    }
    client.assert_balanced();
}

#[test]
fn the_longest_names_go_all_the_way_and_back() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    let (deal, wallet) = ("d".repeat(64), "w".repeat(64));
    client.post("/v1/deals", &"k".repeat(255), &deal_body(&deal, "100.00", 3)).expect(201);
    let body = json!({"id": wallet, "currency": "EUR", "bank_account": "b".repeat(200)});
    client.post("/v1/wallets", "open", &body).expect(201);
    for mode in ["decline", "error"] {
        parties.fault(&json!({"route": "refund", "mode": mode, "count": 1}));
    }
    parties.fault(&json!({"route": "documents", "mode": "decline", "count": 1}));
    let key = "q".repeat(255);
    let asked = client.ask_to_invest(&deal, &key, &investment_body(&wallet, "10.00")).expect(202);
    client.until(&id_of(&asked), "failed");
    assert_eq!(parties.work(&id_of(&asked)), Work::given_back());
    let id = client.invest(&deal, &wallet, "10.00");
    client.until(&id, "confirmed");
    assert_eq!(client.all(&investments_of(&deal)).len(), 2);
    let shown = client.get(&format!("/admin/actors/saga/{id}")).expect(200);
    assert_eq!(shown["id"], id.as_str());
    client.assert_settled();
}

#[test]
fn an_address_that_is_none_undoes_nothing() {
    let (parties, server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 20);
    let evil = json!({"id": "evil", "currency": "EUR", "email": "a@b.c\r\nBcc: all@b.c"});
    client.post("/v1/wallets", "evil", &evil).problem(422, "invalid-field");
    for (number, email) in ["nobody", "a b@example.com", "@", "a@b@c", ""].iter().enumerate() {
        let wallet = format!("w{number}");
        let body = json!({"id": wallet, "currency": "EUR", "email": email});
        if client.post("/v1/wallets", &wallet, &body).status != 201 {
            continue;
        }
        let id = client.invest("harbour", &wallet, "1.00");
        let told = client.until_step(&id, "tell", "failed");
        assert_eq!(told["status"], "confirmed", "{email}: {told}");
    }
    assert_eq!(parties.mails(), Vec::<Value>::new());
    client.assert_settled();
}

#[test]
fn many_that_have_ended_are_listed_from_disk() {
    let (_parties, mut server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000000.00", 10);
    for wallet in 0..10 {
        client.open(&format!("w{wallet}"));
    }
    for number in 0..300 {
        let body = investment_body(&format!("w{}", number % 10), "1.00");
        let asked = client.ask_to_invest("harbour", &format!("k{number}"), &body).expect(202);
        if number % 3 == 0 {
            client.cancel(&id_of(&asked));
        }
    }
    eventually("all have ended", || {
        (client.deal_now("harbour")["investments"]["reserved"] == 0).then_some(())
    });
    let before = eventually("all are shown as they ended", || {
        let items = client.all(&investments_of("harbour"));
        items.iter().all(is_over).then_some(items)
    });
    assert_eq!(before.len(), 300);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server.restart();
    client = server.client();
    assert_eq!(client.all(&investments_of("harbour")), before);
    let sagas = client.get("/admin/sagas?limit=500").expect(200);
    assert!(sagas["items"].as_array().is_some(), "{sagas}");
    let answer = client.send(&Request::new("GET", "/v1/deals?limit=1"));
    assert_eq!(answer.expect(200)["items"][0]["id"], "harbour");
}
