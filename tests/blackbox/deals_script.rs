//! Third parties that break the contract itself: garbage, half an answer, silence.
//!
//! What such an answer means is not known, so nothing may be done twice and nothing undone before
//! it is. The script counts what was asked beside what was done: a pull that was done is asked
//! after and never asked for again, one that was not is asked for again under the same key.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Launch, Server, eventually};
use crate::http::Client;
use crate::investing::step;
use crate::stub::{Manner, Route, Stub, answer};

/// A server with a deal and Ann, whose bank is this stub.
fn server(launch: Launch) -> Server {
    let server = Server::start_with(launch);
    let mut client = server.client();
    client.deal("harbour", "100000.00", 200);
    client.open("ann");
    server
}

/// Answers that say nothing that the contract knows, whatever was done.
fn nonsense() -> Vec<(&'static str, String)> {
    let page = "<html>It works!</html>";
    let odd = r#"{"id":"x","status":"maybe"}"#;
    let other = r#"{"id":"x","key":"another","status":"succeeded"}"#;
    let nameless = r#"{"id":"","status":"succeeded"}"#;
    vec![
        ("garbage", answer("200 OK", "", "\u{1}\u{2}garbage")),
        ("an empty body", answer("200 OK", "", "")),
        ("a page", answer("200 OK", "", page).replace("application/json", "text/html")),
        ("an unknown status", answer("200 OK", "", odd)),
        ("another key", answer("200 OK", "", other)),
        ("no name", answer("200 OK", "", nameless)),
        ("half an answer", answer("200 OK", "", odd).replace("ength: ", "ength: 9")),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-".to_owned()),
        ("no HTTP", "220 smtp.example.com ESMTP\r\n".to_owned()),
        ("nothing", String::new()),
        ("a status of nobody", answer("299 Odd", "", "{}")),
        ("moved", answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "")),
        ("a gateway in between", answer("502 Bad Gateway", "", page)),
        ("a conflict", answer("409 Conflict", "", r#"{"code":"in-progress"}"#)),
        ("a body without end", answer("200 OK", "", &"x".repeat(300_000))),
    ]
}

/// Each time a new investment meets one of these, and the party is well again once it has.
fn each(route: Route, manner: impl Fn(String) -> Manner, check: impl Fn(&Stub, &str, &str)) {
    let stub = Stub::start();
    let server = server(stub.launch().and("BURSAR__PROCESSOR__BREAKER_AFTER", "1000"));
    let mut client = server.client();
    for (number, (what, bytes)) in nonsense().into_iter().enumerate() {
        let wallet = format!("w{number}");
        client.open(&wallet);
        stub.order(route, manner(bytes));
        let id = client.invest("harbour", &wallet, "100.00");
        eventually(&format!("{what} is said"), || {
            (!stub.asked_for(route, &id).is_empty()).then_some(())
        });
        stub.order(route, Manner::Right);
        client.until(&id, "confirmed");
        client.assert_nothing_pending(&wallet);
        check(&stub, &id, what);
    }
    client.assert_settled();
}

/// The different keys under which a kind was asked for.
fn distinct(stub: &Stub, route: Route, id: &str) -> usize {
    stub.asked_for(route, id).into_iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn a_pull_that_was_done_and_answered_with_nonsense_is_never_asked_for_again() {
    each(Route::Pull, Manner::DoesAndSays, |stub, id, what| {
        assert_eq!(stub.asked_for(Route::Pull, id).len(), 1, "{what}");
    });
}

#[test]
fn a_pull_that_was_not_done_is_asked_for_again_under_its_key() {
    each(Route::Pull, Manner::Says, |stub, id, what| {
        assert!(stub.asked_for(Route::Pull, id).len() >= 2, "{what}");
        assert_eq!(distinct(stub, Route::Pull, id), 1, "{what}");
    });
}

#[test]
fn documents_that_were_made_and_answered_with_nonsense_keep_their_key() {
    each(Route::Documents, Manner::DoesAndSays, |stub, id, what| {
        assert_eq!(distinct(stub, Route::Documents, id), 1, "{what}");
        assert_eq!(stub.asked_for(Route::Pull, id).len(), 1, "{what}");
    });
}

/// Asks for an investment whose pull was done and not heard of; questions about it get nonsense.
#[test]
fn nonsense_to_a_question_is_no_answer_to_it() {
    let stub = Stub::start();
    let server = server(stub.launch().and("BURSAR__PROCESSOR__BREAKER_AFTER", "1000"));
    let mut client = server.client();
    for (number, (what, bytes)) in nonsense().into_iter().enumerate() {
        let wallet = format!("w{number}");
        client.open(&wallet);
        stub.order(Route::Pull, Manner::DoesAndSays(String::new()));
        stub.order(Route::Find, Manner::Says(bytes));
        let questions = stub.asked(Route::Find).len();
        let id = client.invest("harbour", &wallet, "100.00");
        stub.wait_asked(Route::Find, questions + 1);
        assert_eq!(stub.asked_for(Route::Pull, &id).len(), 1, "{what}: not asked for again");
        stub.order(Route::Find, Manner::Right);
        client.until(&id, "confirmed");
        assert_eq!(stub.asked_for(Route::Pull, &id).len(), 1, "{what}");
    }
    client.assert_settled();
}

#[test]
fn a_party_that_fails_for_long_is_left_alone_in_between_and_then_does_it_once() {
    let stub = Stub::start();
    let launch = stub.launch().and("BURSAR__PROCESSOR__BREAKER_AFTER", "3");
    let server = server(launch.and("BURSAR__PROCESSOR__BREAKER_COOLDOWN_MS", "50"));
    let mut client = server.client();
    for route in [Route::Pull, Route::Find] {
        stub.order(route, Manner::Says(answer("500 Internal Server Error", "", "{}")));
    }
    let id = client.invest("harbour", "ann", "100.00");
    let processor = |client: &mut Client| {
        let gateways = client.get("/admin/gateways").expect(200);
        gateways["items"][0].clone()
    };
    eventually("the circuit breaker opens", || {
        (processor(&mut client)["breaker"] != "closed").then_some(())
    });
    let seen = processor(&mut client);
    assert_eq!(seen["last_error"]["reason"], "500", "{seen}");
    let waits = client.until_step(&id, "pull", "unanswered");
    assert_eq!(waits["status"], "collecting", "{waits}");
    let attempts = stub.asked(Route::Find).len();
    stub.wait_asked(Route::Find, attempts + 3);
    for route in [Route::Pull, Route::Find] {
        stub.order(route, Manner::Right);
    }
    client.until(&id, "confirmed");
    assert_eq!(stub.done(Route::Pull).len(), 1);
    eventually("the circuit breaker closes", || {
        (processor(&mut client)["breaker"] == "closed").then_some(())
    });
    client.assert_settled();
}

#[test]
fn a_pull_that_is_never_answered_is_given_up_when_its_time_is_over() {
    let stub = Stub::start();
    let launch = stub.launch().and("BURSAR__PROCESSOR__TIMEOUT_MS", "100");
    let server = server(launch.and("BURSAR__SAGAS__STEP_DEADLINE_MS", "800"));
    let mut client = server.client();
    stub.order(Route::Pull, Manner::Ignores);
    let id = client.invest("harbour", "ann", "100.00");
    let failed = client.until(&id, "failed");
    assert_eq!(failed["failure"]["code"], "deadline-exceeded", "{failed}");
    assert!(step(&failed, "pull")["attempts"].as_u64() >= Some(2), "{failed}");
    assert_eq!(stub.asked(Route::Refund).len(), 0, "nothing was pulled");
    client.assert_nothing_pending("ann");
    assert_eq!(client.deal_now("harbour")["seats"]["taken"], 0);
    client.assert_settled();
}

#[test]
fn a_party_that_never_answers_and_then_does_is_waited_for() {
    let stub = Stub::start();
    let server = server(stub.launch().and("BURSAR__PROCESSOR__TIMEOUT_MS", "100"));
    let mut client = server.client();
    for route in [Route::Pull, Route::Find] {
        stub.order(route, Manner::Ignores);
    }
    let id = client.invest("harbour", "ann", "100.00");
    stub.wait_asked(Route::Find, 2);
    assert_eq!(stub.asked(Route::Pull).len(), 1, "its state is not known, so it is not repeated");
    for route in [Route::Pull, Route::Find] {
        stub.order(route, Manner::Right);
    }
    client.until(&id, "confirmed");
    assert_eq!(distinct(&stub, Route::Pull, &id), 1);
    client.assert_settled();
}

/// What is heard only after the step's time is over is money that must go back.
#[test]
fn a_pull_that_is_heard_of_too_late_is_refunded() {
    let stub = Stub::start();
    let server = server(stub.launch().and("BURSAR__SAGAS__STEP_DEADLINE_MS", "200"));
    let mut client = server.client();
    stub.order(Route::Pull, Manner::DoesAndSays(String::new()));
    stub.order(Route::Find, Manner::Says(String::new()));
    let id = client.invest("harbour", "ann", "100.00");
    // The pauses before the sixth question come to more than the step's time.
    stub.wait_asked(Route::Find, 6);
    assert_eq!(client.investment(&id)["status"], "collecting", "how it stands is not known");
    stub.order(Route::Find, Manner::Right);
    let failed = client.until(&id, "failed");
    assert_eq!(failed["failure"]["code"], "deadline-exceeded", "{failed}");
    assert_eq!(stub.asked(Route::Pull).len(), 1);
    assert_eq!(stub.done_for(Route::Refund, &id), 1);
    assert_eq!(stub.asked(Route::Documents).len(), 0);
    client.assert_nothing_pending("ann");
    client.assert_settled();
}

/// A server whose documents are refused, so that each investment has to be undone.
fn undoing() -> (Stub, Server) {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Declines("no"));
    let server = server(stub.launch().and("BURSAR__PROCESSOR__BREAKER_AFTER", "1000"));
    (stub, server)
}

#[test]
fn a_refund_that_was_done_and_answered_with_nonsense_keeps_its_key() {
    let (stub, server) = undoing();
    let mut client = server.client();
    for (number, (what, bytes)) in nonsense().into_iter().enumerate() {
        let wallet = format!("w{number}");
        client.open(&wallet);
        stub.order(Route::Refund, Manner::DoesAndSays(bytes));
        let refunds = stub.asked(Route::Refund).len();
        let id = client.invest("harbour", &wallet, "100.00");
        stub.wait_asked(Route::Refund, refunds + 1);
        stub.order(Route::Refund, Manner::Right);
        client.until(&id, "failed");
        assert_eq!(distinct(&stub, Route::Refund, &id), 1, "{what}");
        client.assert_nothing_pending(&wallet);
    }
    client.assert_settled();
}

/// A party gives its first answer to a key for ever, so what was declined needs another.
#[test]
fn a_refund_that_is_declined_is_asked_for_under_a_new_key() {
    let (stub, server) = undoing();
    let mut client = server.client();
    stub.order(Route::Refund, Manner::Declines("try-tomorrow"));
    let id = client.invest("harbour", "ann", "100.00");
    stub.wait_asked(Route::Refund, 3);
    let shown = client.investment(&id);
    assert_eq!(shown["status"], "compensating", "{shown}");
    let reason = step(&shown, "pull")["undo"]["reason"].to_string();
    assert!(reason.contains("try-tomorrow"), "{shown}");
    stub.order(Route::Refund, Manner::Right);
    let failed = client.until(&id, "failed");
    assert_eq!(failed["failure"]["code"], "no", "the first reason stays: {failed}");
    let asked = stub.asked_for(Route::Refund, &id);
    assert_eq!(distinct(&stub, Route::Refund, &id), asked.len(), "no key twice: {asked:?}");
    assert_eq!(stub.done(Route::Refund).len(), 1, "and it was given back once");
    client.assert_settled();
}

#[test]
fn documents_that_cannot_be_voided_are_tried_until_they_are() {
    let stub = Stub::start();
    stub.order(Route::Documents, Manner::Holds);
    stub.order(Route::Void, Manner::Says(answer("500 Internal Server Error", "", "{}")));
    let server = server(stub.launch().and("BURSAR__DOCUMENTS__BREAKER_AFTER", "1000"));
    let mut client = server.client();
    let id = client.invest("harbour", "ann", "100.00");
    stub.wait_asked(Route::Documents, 1);
    client.cancel(&id).expect(202);
    stub.order(Route::Documents, Manner::Right);
    stub.wait_asked(Route::Void, 3);
    assert_eq!(stub.asked(Route::Refund).len(), 0, "the last step is undone first");
    // What is not there is void, too.
    stub.order(Route::Void, Manner::Says(answer("404 Not Found", "", "{}")));
    client.until(&id, "cancelled");
    assert_eq!(stub.done_for(Route::Refund, &id), 1);
    client.assert_settled();
}

/// A refusal that blames us is no refusal of the customer: it waits for the configuration.
#[test]
fn wrong_credentials_decline_nobody() {
    let stub = Stub::start();
    let server = server(stub.launch());
    let mut client = server.client();
    let turned_away = answer("401 Unauthorized", "", r#"{"code":"bad-token"}"#);
    stub.order(Route::Pull, Manner::Says(turned_away));
    let id = client.invest("harbour", "ann", "100.00");
    stub.wait_asked(Route::Pull, 2);
    assert_eq!(client.investment(&id)["status"], "collecting");
    stub.order(Route::Pull, Manner::Right);
    client.until(&id, "confirmed");
    let gateways = client.get("/admin/gateways").expect(200);
    assert_eq!(gateways["items"][0]["last_error"]["reason"], "401 bad-token", "{gateways}");
    assert_eq!(stub.asked(Route::Find).len(), 0, "what was turned away was not done");
}

#[test]
fn a_definite_no_is_taken_with_its_words() {
    let stub = Stub::start();
    let server = server(stub.launch());
    let mut client = server.client();
    for (number, (status, body, code)) in [
        (
            "422 Unprocessable Content",
            json!({"code": "account-closed", "detail": "since May"}),
            "account-closed",
        ),
        ("400 Bad Request", Value::Null, "http-400"),
        ("403 Forbidden", Value::Null, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let wallet = format!("w{number}");
        client.open(&wallet);
        stub.order(Route::Pull, Manner::Says(answer(status, "", &body.to_string())));
        let id = client.invest("harbour", &wallet, "100.00");
        if code.is_empty() {
            let pulls = stub.asked(Route::Pull).len();
            stub.wait_asked(Route::Pull, pulls + 1);
            stub.order(Route::Pull, Manner::Right);
            client.until(&id, "confirmed");
        } else {
            let failed = client.until(&id, "failed");
            assert_eq!(failed["failure"]["code"], code, "{failed}");
        }
    }
    client.assert_settled();
}
