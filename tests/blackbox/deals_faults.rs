//! Every fault that the sandbox knows, on every call that an investment makes.
//!
//! Each strikes once. Whatever it is, the investment ends as the answers imply: money is pulled
//! once or not at all, documents are made once, a mail is written once; what was not to be is
//! undone to nothing. Faults of a connection are short here, so that a cut line is seen at once.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::investing::{step, step_statuses};
use crate::parties::{Parties, Work};

/// Third parties and a server with a deal in which everyone finds a seat.
fn begin() -> (Parties, Server) {
    let (parties, server) = Parties::with_server();
    server.client().deal("harbour", "100000.00", 200);
    (parties, server)
}

/// Faults that keep the answer away or delay it, and change nothing of what is done in the end.
fn passing(route: &str) -> Vec<Value> {
    vec![
        json!({"route": route, "mode": "error", "count": 1}),
        json!({"route": route, "mode": "timeout", "count": 1, "delay_ms": 20}),
        json!({"route": route, "mode": "lose-answer", "count": 1, "delay_ms": 20}),
        json!({"route": route, "mode": "slow", "count": 1, "delay_ms": 20}),
        json!({"route": route, "mode": "rate-limit", "count": 1, "delay_ms": 1}),
    ]
}

/// Invests 100.00 once for each fault, and checks how it ended and what was done for it.
fn each(faults: &[Value], end: &str, work: &Work, before: Option<&Value>) -> Vec<Value> {
    let (parties, server) = begin();
    let mut client = server.client();
    let mut ended = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let wallet = format!("w{number}");
        client.open_with_mail(&wallet);
        before.into_iter().chain([fault]).for_each(|fault| parties.fault(fault));
        let id = client.invest("harbour", &wallet, "100.00");
        let found = client.until(&id, end);
        if end == "confirmed" {
            client.until_step(&id, "tell", "done");
        }
        parties.wait_struck();
        assert_eq!(&parties.work(&id), work, "{fault}: {found:#}");
        client.assert_nothing_pending(&wallet);
        ended.push(found);
    }
    client.assert_settled();
    let deal = client.deal_now("harbour");
    let confirmed = if end == "confirmed" { faults.len() } else { 0 };
    assert_eq!(deal["seats"]["taken"], confirmed, "{deal}");
    ended
}

#[test]
fn pulls_that_are_not_answered_are_asked_after_and_done_once() {
    let mut faults = passing("pull");
    faults.push(json!({"route": "pull", "mode": "pending", "count": 1, "delay_ms": 20}));
    each(&faults, "confirmed", &Work::kept(10_000), None);
}

#[test]
fn questions_that_are_not_answered_are_asked_again() {
    let lost = json!({"route": "pull", "mode": "lose-answer", "count": 1, "delay_ms": 1});
    each(&passing("lookup"), "confirmed", &Work::kept(10_000), Some(&lost));
}

#[test]
fn pulls_that_are_declined_sooner_or_later_leave_nothing() {
    let faults = [
        json!({"route": "pull", "mode": "decline", "count": 1, "code": "closed-account"}),
        json!({"route": "pull", "mode": "pending", "count": 1, "delay_ms": 50,
            "code": "closed-account"}),
    ];
    for ended in each(&faults, "failed", &Work::default(), None) {
        assert_eq!(ended["failure"]["code"], "closed-account", "{ended}");
        assert_eq!(step(&ended, "pull")["status"], "failed", "{ended}");
    }
}

#[test]
fn documents_that_are_not_answered_are_made_once() {
    each(&passing("documents"), "confirmed", &Work::kept(10_000), None);
}

#[test]
fn documents_that_are_refused_give_the_money_back() {
    let refused = [json!({"route": "documents", "mode": "decline", "count": 1})];
    for ended in each(&refused, "failed", &Work::given_back(), None) {
        assert_eq!(ended["failure"]["code"], "refused", "{ended}");
        let expected = ["done", "done", "done", "failed", "pending", "pending", "pending"];
        assert_eq!(step_statuses(&ended), expected, "{ended}");
        assert_eq!(step(&ended, "pull")["undo"]["status"], "undone", "{ended}");
    }
}

#[test]
fn refunds_that_fail_are_tried_until_the_money_is_back_once() {
    let refused = json!({"route": "documents", "mode": "decline", "count": 1});
    let mut faults = passing("refund");
    faults.push(json!({"route": "refund", "mode": "decline", "count": 1}));
    faults.push(json!({"route": "refund", "mode": "pending", "count": 1, "delay_ms": 20}));
    faults.push(json!({"route": "refund", "mode": "pending", "count": 1, "delay_ms": 20,
        "code": "try-later"}));
    let ended = each(&faults, "failed", &Work::given_back(), Some(&refused));
    for found in ended {
        assert_eq!(found["failure"]["code"], "refused", "the reason stays: {found}");
    }
}

#[test]
fn mails_that_fail_are_written_again_under_the_same_name() {
    let (parties, server) = begin();
    let mut client = server.client();
    for (number, fault) in passing("mail").iter().enumerate() {
        let wallet = format!("w{number}");
        client.open_with_mail(&wallet);
        parties.fault(fault);
        let id = client.invest("harbour", &wallet, "100.00");
        client.until(&id, "confirmed");
        client.until_step(&id, "tell", "done");
        parties.wait_struck();
        let to = format!("{wallet}@example.com");
        let mut names = parties.mails();
        names.retain(|mail| mail["to"][0] == to.as_str());
        let attempts = names.len();
        names.dedup_by_key(|mail| mail["message_id"].to_string());
        assert_eq!(names.len(), 1, "{fault}: one mail, by its name");
        let lost = fault["mode"] == "lose-answer";
        assert!(attempts == 1 || (lost && attempts == 2), "{fault}: {attempts}");
    }
}

#[test]
fn a_mail_that_is_refused_undoes_nothing() {
    let (parties, server) = begin();
    let mut client = server.client();
    client.open_with_mail("ann");
    parties.fault(&json!({"route": "mail", "mode": "decline", "count": 1}));
    let id = client.invest("harbour", "ann", "100.00");
    let told = client.until_step(&id, "tell", "failed");
    assert_eq!(told["status"], "confirmed", "{told}");
    assert!(step(&told, "tell")["detail"].to_string().contains("550"), "{told}");
    assert_eq!(told["failure"], Value::Null, "the investment did not fail: {told}");
    assert_eq!(parties.work(&id), Work::kept(10_000));
    assert_eq!(parties.mails().len(), 0);
}

#[test]
fn a_wallet_without_an_address_is_not_written_to() {
    let (parties, server) = begin();
    let mut client = server.client();
    client.open("ann");
    let id = client.invest("harbour", "ann", "100.00");
    let told = client.until_step(&id, "tell", "skipped");
    assert_eq!(told["status"], "confirmed", "{told}");
    assert_eq!(parties.mails().len(), 0);
}

#[test]
fn the_bank_account_of_the_wallet_is_charged() {
    let (parties, server) = begin();
    let mut client = server.client();
    let body = json!({"id": "ann", "currency": "EUR", "bank_account": "tok_42"});
    client.post("/v1/wallets", "open", &body).expect(201);
    client.open("ben");
    for (wallet, account) in [("ann", "tok_42"), ("ben", "ben")] {
        let id = client.invest("harbour", wallet, "100.00");
        client.until(&id, "confirmed");
        let ledger = parties.ledger();
        let items = ledger["items"].as_array().expect("a ledger has items");
        let pull = items.iter().find(|item| item["account"] == account);
        let pull = pull.unwrap_or_else(|| panic!("no pull: {ledger}"));
        assert_eq!((&pull["kind"], &pull["amount"]), (&json!("pull"), &json!("100.00")));
        assert_eq!(pull["attempts"], 1, "{pull}");
        assert!(pull["reference"].as_str().is_some_and(|text| text.contains(&id)), "{pull}");
    }
}
