//! One investment at a time, killed at every step of its way.
//!
//! The third parties live on, hold the call that the test is about, and let it go while the server
//! is down or after it is up again. Whatever the moment: it ends as if nothing had happened, each
//! call was done once, and the database is whole.

use serde_json::json;

use crate::harness::{Server, bursar, eventually};
use crate::http::Client;
use crate::investing::{from_wallet, id_of};
use crate::parties::{Parties, Work};
use crate::stub::{Manner, Route, Stub};

/// How often the server is killed in one state.
const KILLS: usize = 3;

/// Stops it and checks every record on its disk.
fn assert_whole(mut server: Server) {
    server.client().assert_settled();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

/// A server with a deal of one seat that Ann has asked for, from the bank.
fn ann(stub: &Stub) -> (Server, String) {
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "1000.00", 1);
    client.open_with("ann", "500.00");
    let id = client.invest("harbour", "ann", "100.00");
    (server, id)
}

fn kill_and_restart(server: &mut Server, saved: bool) -> Client {
    if saved {
        server.client().command("/admin/checkpoint").expect(200);
    }
    server.kill();
    server.restart();
    server.client()
}

#[test]
fn killed_right_after_the_ticket() {
    let (parties, mut server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 50);
    let mut ids = Vec::new();
    for number in 0..8 {
        let wallet = format!("w{number}");
        client.open(&wallet);
        ids.push(client.invest("harbour", &wallet, "10.00"));
        client = kill_and_restart(&mut server, false);
    }
    for id in &ids {
        client.until(id, "confirmed");
        assert_eq!(parties.work(id), Work::kept(1_000));
    }
    assert_whole(server);
}

#[test]
fn killed_while_the_bank_pulls() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let (mut server, id) = ann(&stub);
    stub.wait_asked(Route::Pull, 1);
    for saved in [false, true, false] {
        let mut client = kill_and_restart(&mut server, saved);
        // It was never seen, so it is asked for again, under the same key.
        let asked = stub.asked(Route::Pull).len();
        stub.wait_asked(Route::Pull, asked.max(2));
        assert_eq!(client.investment(&id)["status"], "collecting");
    }
    server.kill();
    // Now all that was held is done, at once, while nobody is there.
    stub.order(Route::Pull, Manner::Right);
    server.restart();
    server.client().until(&id, "confirmed");
    assert_eq!(stub.done_for(Route::Pull, &id), 1);
    assert_whole(server);
}

#[test]
fn killed_while_a_slow_bank_pulls() {
    let (parties, mut server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 50);
    parties.fault(&json!({"route": "pull", "mode": "slow", "count": 1, "delay_ms": 600}));
    client.open("ann");
    let id = client.invest("harbour", "ann", "10.00");
    parties.wait_struck();
    for saved in [true, false] {
        client = kill_and_restart(&mut server, saved);
    }
    client.until(&id, "confirmed");
    assert_eq!(parties.work(&id), Work::kept(1_000));
    assert_whole(server);
}

#[test]
fn killed_after_the_pull_was_done_and_before_it_was_heard_of() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::DoesAndSays(String::new()));
    stub.order(Route::Find, Manner::Holds);
    let (mut server, id) = ann(&stub);
    for kills in 1..=KILLS {
        stub.wait_asked(Route::Find, kills);
        kill_and_restart(&mut server, kills % 2 == 0);
    }
    stub.order(Route::Find, Manner::Right);
    server.client().until(&id, "confirmed");
    assert_eq!(stub.asked(Route::Pull).len(), 1, "it was asked after, and not asked for again");
    assert_whole(server);
}

#[test]
fn killed_while_the_documents_are_made() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    let (mut server, id) = ann(&stub);
    for kills in 1..=KILLS {
        stub.wait_asked(Route::Documents, kills);
        let mut client = kill_and_restart(&mut server, kills % 2 == 0);
        assert_eq!(client.investment(&id)["status"], "documenting");
    }
    stub.order(Route::Documents, Manner::Right);
    server.client().until(&id, "confirmed");
    assert_eq!(stub.done_for(Route::Documents, &id), 1);
    assert_eq!(stub.asked(Route::Pull).len(), 1);
    assert_whole(server);
}

#[test]
fn killed_while_the_money_goes_back() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Declines("no"));
    stub.order(Route::Refund, Manner::Holds);
    let (mut server, id) = ann(&stub);
    for kills in 1..=KILLS {
        stub.wait_asked(Route::Refund, kills);
        let mut client = kill_and_restart(&mut server, kills % 2 == 0);
        assert_eq!(client.investment(&id)["status"], "compensating");
    }
    stub.order(Route::Refund, Manner::Right);
    let failed = server.client().until(&id, "failed");
    assert_eq!(failed["failure"]["code"], "no", "{failed}");
    assert_eq!(stub.done_for(Route::Refund, &id), 1);
    server.client().assert_nothing_pending("ann");
    assert_eq!(server.client().deal_now("harbour")["seats"]["taken"], 0);
    assert_whole(server);
}

#[test]
fn killed_while_documents_are_voided() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    stub.order(Route::Void, Manner::Holds);
    let (mut server, id) = ann(&stub);
    stub.wait_asked(Route::Documents, 1);
    server.client().cancel(&id).expect(202);
    stub.order(Route::Documents, Manner::Right);
    for kills in 1..=KILLS {
        stub.wait_asked(Route::Void, kills);
        kill_and_restart(&mut server, kills % 2 == 0);
    }
    assert_eq!(stub.asked(Route::Refund).len(), 0, "the last step is undone first");
    stub.order(Route::Void, Manner::Right);
    server.client().until(&id, "cancelled");
    assert_eq!(stub.done_for(Route::Refund, &id), 1);
    assert_whole(server);
}

#[test]
fn killed_while_the_wallet_has_set_money_aside() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    client.deal("harbour", "1000.00", 1);
    client.open_with("ann", "500.00");
    let asked = client.ask_to_invest("harbour", "ann", &from_wallet("ann", "100.00"));
    let id = id_of(&asked.expect(202));
    let mut server = server;
    for kills in 1..=KILLS {
        stub.wait_asked(Route::Documents, kills);
        let mut client = kill_and_restart(&mut server, kills % 2 == 0);
        assert_eq!(client.wallet("ann")["balance"]["held"], "100.00");
    }
    stub.order(Route::Documents, Manner::Right);
    let mut client = server.client();
    client.until(&id, "confirmed");
    assert_eq!(client.posted("ann"), "400.00");
    client.assert_nothing_pending("ann");
    assert_whole(server);
}

#[test]
fn killed_while_the_mail_is_written() {
    let (parties, mut server) = Parties::with_server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 50);
    client.open_with_mail("ann");
    for _ in 0..2 {
        parties.fault(&json!({"route": "mail", "mode": "slow", "count": 1, "delay_ms": 300}));
    }
    let id = client.invest("harbour", "ann", "10.00");
    client.until(&id, "confirmed");
    eventually("the mail is on its way", || {
        let calls = parties.client().get("/sandbox/calls").expect(200);
        let calls = calls["mail"]["calls"].as_u64().or(calls["routes"]["mail"]["calls"].as_u64());
        (calls >= Some(1)).then_some(())
    });
    client = kill_and_restart(&mut server, true);
    client.until_step(&id, "tell", "done");
    let mut names: Vec<_> =
        parties.mails().iter().map(|mail| mail["message_id"].to_string()).collect();
    names.dedup();
    assert_eq!(names.len(), 1, "whoever gets it twice sees that it is the same");
    assert_whole(server);
}

#[test]
fn the_line_outlives_a_crash() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let (mut server, id) = ann(&stub);
    let mut client = server.client();
    let line = ["ben", "cleo", "dan"].map(|name| {
        client.open(name);
        client.invest("harbour", name, "100.00")
    });
    client.cancel(&line[1]).expect(200);
    for saved in [false, true] {
        client = kill_and_restart(&mut server, saved);
        for (investment, status, position) in [
            (&line[0], "waitlisted", json!(1)),
            (&line[1], "cancelled", json!(null)),
            (&line[2], "waitlisted", json!(2)),
        ] {
            let found = client.investment(investment);
            assert_eq!((&found["status"], &found["position"]), (&json!(status), &position));
        }
    }
    stub.order_account("ann", Manner::Declines("no"));
    client.until(&id, "failed");
    stub.order(Route::Pull, Manner::Right);
    client.until(&line[0], "confirmed");
    client.until(&line[2], "refused");
    assert_eq!(client.deal_now("harbour")["last_ticket"], 4);
    assert_whole(server);
}

/// What was waited for at the last checkpoint and came since is not asked for again.
#[test]
fn killed_after_the_answer_to_what_a_checkpoint_waited_for() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let (mut server, id) = ann(&stub);
    stub.wait_asked(Route::Pull, 1);
    server.client().command("/admin/checkpoint").expect(200);
    stub.order(Route::Pull, Manner::Right);
    server.client().until(&id, "confirmed");
    let asked = stub.all_asked().len();
    for saved in [false, true, false] {
        let mut client = kill_and_restart(&mut server, saved);
        assert_eq!(client.investment(&id)["status"], "confirmed");
    }
    assert_eq!(stub.all_asked().len(), asked, "nobody was asked again");
    assert_whole(server);
}

/// Everyone but the saga may leave memory while it waits, and is read when it goes on.
#[test]
fn the_others_may_leave_memory_meanwhile() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    let (server, id) = ann(&stub);
    stub.wait_asked(Route::Documents, 1);
    let mut client = server.client();
    for (actor, leaves) in [
        ("wallet/ann".to_owned(), true),
        ("deal/harbour".to_owned(), true),
        (format!("saga/{id}"), false),
    ] {
        let path = format!("/admin/actors/{actor}/passivate");
        eventually(&format!("{actor} is asked to leave"), || {
            (client.command(&path).expect(200)["passivated"] == leaves).then_some(())
        });
    }
    stub.order(Route::Documents, Manner::Right);
    client.until(&id, "confirmed");
    assert_eq!(client.deal_now("harbour")["confirmed"], "100.00");
    client.assert_nothing_pending("ann");
    assert_whole(server);
}

#[test]
fn stopped_in_order_while_something_is_on_its_way() {
    let stub = Stub::start();
    stub.order(Route::Pull, Manner::Holds);
    let (mut server, id) = ann(&stub);
    stub.wait_asked(Route::Pull, 1);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    stub.order(Route::Pull, Manner::Right);
    server.restart();
    server.client().until(&id, "confirmed");
    assert_eq!(stub.done_for(Route::Pull, &id), 1);
    assert_whole(server);
}
