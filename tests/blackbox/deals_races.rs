//! What happens at the same time: seats that are freed while others ask, investments taken back in
//! the middle of everything, lists that are read while they grow, a server that stops meanwhile.
//!
//! When something meets something else differs from run to run; what must hold does not.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::harness::{Random, Server, eventually};
use crate::http::{Client, Request};
use crate::investing::{id_of, investment_body, investments_of, is_over};
use crate::parties::{Parties, Work};
use crate::stub::{Manner, Route, Stub};

/// Whoever asks while a seat is freed comes after who waited for it.
#[test]
fn a_seat_that_is_freed_goes_to_who_waits_and_to_nobody_who_comes_meanwhile() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    for number in 0..8 {
        client.open(&format!("w{number}"));
    }
    for round in 0..15 {
        let deal = format!("deal{round}");
        client.deal(&deal, "100.00", 1);
        let [first, next] = ["first", "next"].map(|name| {
            let wallet = format!("{name}{round}");
            client.open(&wallet);
            client.invest(&deal, &wallet, "10.00")
        });
        stub.wait_asked(Route::Pull, 2 * round + 1);
        let (address, stop) = (server.address(), AtomicBool::new(false));
        thread::scope(|scope| {
            for number in 0..8 {
                let (stop, deal) = (&stop, &deal);
                scope.spawn(move || {
                    let mut client = Client::new(address);
                    let mut body = investment_body(&format!("w{number}"), "10.00");
                    body["waitlist"] = json!(number % 2 == 0);
                    for attempt in 0.. {
                        let key = format!("{number}-{attempt}");
                        let answer = client.ask_to_invest(deal, &key, &body);
                        if number % 2 == 0 {
                            assert_eq!(answer.expect(202)["status"], "waitlisted");
                        } else {
                            answer.problem(409, "deal-full");
                        }
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            stub.order_account(&format!("first{round}"), Manner::Declines("no"));
            client.until(&first, "failed");
            client.until(&next, "collecting");
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(client.investment(&next)["status"], "collecting");
        assert_eq!(client.deal_now(&deal)["seats"]["taken"], 1);
    }
}

/// How an investment may have ended that was perhaps taken back, and what was then done for it.
fn check_end(client: &mut Client, parties: &Parties, id: &str) -> bool {
    let found = eventually("it ends", || {
        let found = client.investment(id);
        is_over(&found).then_some(found)
    });
    let work = parties.work(id);
    if found["status"] == "confirmed" {
        assert_eq!(work, Work::kept(1_000), "{found:#}");
        return true;
    }
    assert!(found["status"] == "cancelled" || found["status"] == "refused", "{found:#}");
    assert_eq!((work.net, work.documents), (0, 0), "{found:#}");
    assert!(work.pulls == work.refunds && work.pulls <= 1, "{work:?} {found:#}");
    false
}

#[test]
fn taken_back_at_any_moment_it_is_there_whole_or_not_at_all() {
    let parties = Parties::start(2);
    let mut server = Server::start_with(parties.launch());
    let mut client = server.client();
    client.deal("harbour", "1000000.00", 60);
    for number in 0..90 {
        client.open(&format!("w{number}"));
    }
    let address = server.address();
    let ids: Vec<String> = thread::scope(|scope| {
        let some = |writer: u64| {
            let mut client = Client::new(address);
            let mut random = Random::new(writer + 1);
            let invest = |number: u64| {
                let wallet = format!("w{}", writer * 15 + number);
                let body = investment_body(&wallet, "10.00");
                let asked = client.ask_to_invest("harbour", &wallet, &body);
                if asked.status == 409 {
                    let problem = asked.problem(409, "deal-full");
                    return problem["investment"].as_str().expect("an id").to_owned();
                }
                let asked = asked.expect(202);
                // Meanwhile it goes on: some are taken back early, some late, some too late.
                for _ in 0..random.below(40) {
                    client.get("/livez").expect_ok();
                }
                if random.below(4) > 0 {
                    let answer = client.cancel(&id_of(&asked));
                    assert!(matches!(answer.status, 200 | 202 | 409), "{}", answer.text());
                }
                id_of(&asked)
            };
            (0..15).map(invest).collect::<Vec<_>>()
        };
        let writers: Vec<_> = (0..6).map(|writer| scope.spawn(move || some(writer))).collect();
        writers.into_iter().flat_map(|one| one.join().expect("no writer fails")).collect()
    });
    server.kill();
    server.restart();
    let mut client = server.client();
    let confirmed = ids.iter().filter(|id| check_end(&mut client, &parties, id)).count();
    let deal = client.deal_now("harbour");
    assert_eq!(deal["seats"]["taken"], confirmed, "{deal}");
    assert_eq!(deal["investments"], json!({"reserved": 0, "confirmed": confirmed}));
    for number in 0..90 {
        client.assert_nothing_pending(&format!("w{number}"));
    }
    client.assert_settled();
}

#[test]
fn a_list_that_is_read_while_it_grows_and_is_saved_has_no_gaps() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100.00", 1);
    client.open("ann");
    client.open("ben");
    client.invest("harbour", "ann", "10.00");
    let (address, done) = (server.address(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::new(address);
            for number in 0..900 {
                let body = investment_body("ben", "10.00");
                client.ask_to_invest("harbour", &format!("k{number}"), &body).expect(202);
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let mut client = Client::new(address);
            while !done.load(Ordering::Acquire) {
                client.command("/admin/checkpoint").expect(200);
            }
        });
        scope.spawn(|| {
            let mut client = Client::new(address);
            let mut shown = 0;
            while !done.load(Ordering::Acquire) {
                let items = client.all(&investments_of("harbour"));
                let tickets: BTreeSet<_> =
                    items.iter().map(|item| item["ticket"].as_u64().expect("a ticket")).collect();
                assert_eq!(tickets.len(), items.len(), "none twice");
                assert_eq!(tickets.last().copied(), Some(items.len() as u64), "no gaps");
                assert!(items.len() >= shown, "what was there is there");
                shown = items.len();
            }
        });
    });
    assert_eq!(client.all(&investments_of("harbour")).len(), 901);
}

#[test]
fn who_waits_for_the_end_is_answered_when_the_server_stops() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let mut server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "100.00", 5);
    client.open("ann");
    let address = server.address();
    let answer = thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let body = investment_body("ann", "10.00");
            let request = Request::post(investments_of("harbour"), &body).key("k");
            Client::new(address).send(&request.header("Prefer", "wait=30"))
        });
        stub.wait_asked(Route::Pull, 1);
        assert_eq!(server.stop(), Some(0), "{}", server.log());
        waiting.join().expect("it is answered")
    });
    let shown = answer.expect(202);
    assert!(!is_over(&shown), "{shown}");
    stub.order(Route::Pull, Manner::Right);
    server.restart();
    server.client().until(&id_of(&shown), "confirmed");
}
