//! From pending to posted to given back: one purchase draws once, and what it won may go back.
//!
//! A campaign that claws back takes as much as the wallet may spend, never more; the campaign has it
//! for others. In whatever order the lines of a purchase come, the end is the same.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::{Server, eventually};
use crate::http::Client;
use crate::providers_desk::{days_after, items, statuses};
use crate::rewards_desk::{
    TAKEN_DAYS, campaign_body, purchase, server, stop_and_verify, text, with,
};
use crate::streams::Outcomes;

fn posted(id: &str, date: &str) -> Value {
    purchase(id, date, "20.00")
}

fn pending(id: &str, date: &str) -> Value {
    with(&posted(id, date), &json!({"status": "pending"}))
}

fn posted_for(id: &str, pending: &str, date: &str) -> Value {
    with(&posted(id, date), &json!({ "pending_id": pending }))
}

/// A purchase is given back under its own id.
fn reversed(id: &str, date: &str) -> Value {
    with(&posted(id, date), &json!({"status": "reversed"}))
}

/// The same, under another id.
fn reversal_of(id: &str, purchase: &str, date: &str) -> Value {
    with(&reversed(id, date), &json!({ "reversal_of": purchase }))
}

/// A server with Alice and a campaign of a month that always wins 5.00.
fn alice(members: &Value) -> (Server, Client, String) {
    let (server, mut client, today) = server();
    client.open("alice");
    let body = campaign_body("c", &days_after(&today, -31), &days_after(&today, 60));
    client.announce(&with(&body, members));
    (server, client, today)
}

/// Submits lines one call each; how each was answered.
fn one_by_one(client: &mut Client, lines: &[Value]) -> Vec<String> {
    let mut answered = Vec::new();
    for line in lines {
        let answer = client.take("alice", std::slice::from_ref(line));
        answered.extend(statuses(items(&answer)).into_iter().map(str::to_owned));
    }
    client.wait_looked_at("alice");
    answered
}

fn drawn(client: &mut Client) -> u64 {
    client.campaign("c")["draws"].as_u64().expect("a number")
}

#[test]
fn a_pending_line_draws_when_it_is_posted() {
    let (_server, mut client, today) = alice(&json!({}));
    let yesterday = days_after(&today, -1);
    assert_eq!(one_by_one(&mut client, &[pending("t1", &yesterday)]), ["new"]);
    assert_eq!(drawn(&mut client), 0);
    // The bank may correct what it said before it was posted.
    let corrected = with(&posted("t1", &today), &json!({"amount": "21.00"}));
    let again = [corrected.clone(), pending("t1", &yesterday), corrected, pending("t1", &today)];
    let expected = ["new", "duplicate", "duplicate", "duplicate"];
    assert_eq!(one_by_one(&mut client, &again), expected);
    let rewards = client.wait_rewards("alice", &[("t1", "granted")]);
    assert_eq!(
        (&rewards[0]["date"], &rewards[0]["purchase_amount"]),
        (&json!(today), &json!("21.00"))
    );
    assert_eq!(drawn(&mut client), 1);
    let other = [pending("t2", &today), with(&pending("t2", &today), &json!({"amount": "1.00"}))];
    assert_eq!(one_by_one(&mut client, &other), ["new", "conflict"]);
}

#[test]
fn a_posted_line_draws_for_the_pending_one_that_it_names() {
    let (_server, mut client, today) = alice(&json!({}));
    let lines = [
        pending("p1", &today),
        posted_for("t1", "p1", &today),
        // The same purchase again, under whatever name.
        posted_for("t2", "p1", &today),
        posted("p1", &today),
        posted_for("t1", "p1", &today),
    ];
    let answered = one_by_one(&mut client, &lines);
    assert_eq!(answered, ["new", "new", "new", "new", "duplicate"]);
    let rewards = client.wait_rewards("alice", &[("p1", "granted")]);
    let proof = client.proof(text(&rewards[0], "id"));
    assert_eq!(proof["inputs"]["key"], "alice/p1", "{proof:#}");
    assert_eq!(drawn(&mut client), 1);
    // Also when the named one was never seen, or comes after.
    let lines = [
        posted_for("t3", "p3", &today),
        pending("p3", &today),
        posted("p4", &today),
        posted_for("t4", "p4", &today),
    ];
    one_by_one(&mut client, &lines);
    let expected = [("p1", "granted"), ("p3", "granted"), ("p4", "granted")];
    client.wait_rewards("alice", &expected);
    assert_eq!(drawn(&mut client), 3);
    assert_eq!(client.posted("alice"), "15.00");
}

#[test]
fn a_posted_line_that_is_like_a_pending_one_draws_once_for_both() {
    let (_server, mut client, today) = alice(&json!({}));
    let at = |line: Value, days: i32| {
        let more = json!({"date": days_after(&today, days), "from_account": "DE-1",
            "merchant": {"name": "Cafe"}});
        with(&line, &more)
    };
    one_by_one(&mut client, &[at(pending("p1", &today), -3), at(posted("t1", &today), 0)]);
    client.wait_rewards("alice", &[("t1", "granted")]);
    assert_eq!(drawn(&mut client), 1);
    assert_eq!(client.posted("alice"), "5.00");
}

#[test]
fn a_reversal_takes_the_reward_back() {
    let (mut server, mut client, today) = alice(&json!({"budget": "5.00"}));
    let mut outcomes = Outcomes::open(server.address(), "wallet=alice");
    one_by_one(&mut client, &[posted("t1", &today), posted("t2", &today)]);
    client.wait_rewards("alice", &[("t1", "granted"), ("t2", "budget-exhausted")]);
    let told = [outcomes.next(), outcomes.next()];
    let mut kinds = texts(&told, "type");
    kinds.sort_unstable();
    assert_eq!(kinds, ["reward.granted", "reward.refused"]);
    assert_eq!(one_by_one(&mut client, &[reversed("t1", &today)]), ["new"]);
    let expected = [("t1", "clawed-back"), ("t2", "budget-exhausted")];
    let rewards = client.wait_rewards("alice", &expected);
    assert_eq!(rewards[0]["clawed_back"], "5.00", "{:#}", rewards[0]);
    assert_eq!((&rewards[0]["reversed"], &rewards[0]["amount"]), (&json!(true), &json!("5.00")));
    let back = outcomes.next();
    assert_eq!(back["type"], "reward.clawed-back", "{back:#}");
    let expected = json!({"id": rewards[0]["id"], "status": "clawed-back", "wallet": "alice",
        "campaign": "c", "amount": "5.00", "currency": "EUR", "balance_after": "0.00"});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&back["data"][member], value, "{member}: {back:#}");
    }
    let entries = client.all("/v1/wallets/alice/entries");
    assert_eq!(texts(&entries, "kind"), ["reward-clawed-back", "reward"]);
    assert_eq!(texts(&entries, "amount"), ["-5.00", "5.00"]);
    assert_eq!(texts(&entries, "reference"), [text(&rewards[0], "id"); 2]);
    client.wait_told("alice");
    let campaign = client.campaign("c");
    let expected = json!({"granted": "0.00", "remaining": "5.00", "clawed_back": "5.00",
        "draws": 2, "wins": 2, "rewards": 1, "exhausted": 1});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&campaign[member], value, "{member}: {campaign:#}");
    }
    // Given back once more, in other words: once was enough. The budget serves another one.
    let lines = [
        reversed("t1", &today),
        reversal_of("r1", "t1", &today),
        reversed("t2", &today),
        posted("t3", &today),
    ];
    assert_eq!(one_by_one(&mut client, &lines), ["duplicate", "new", "new", "new"]);
    let expected = [("t1", "clawed-back"), ("t2", "budget-exhausted"), ("t3", "granted")];
    client.wait_rewards("alice", &expected);
    assert_eq!(client.posted("alice"), "5.00");
    let next = outcomes.next();
    assert_eq!(
        (text(&next, "type"), &next["data"]["transaction_id"]),
        ("reward.granted", &json!("t3"))
    );
    client.wait_told("alice");
    stop_and_verify(&mut server);
}

#[test]
fn in_whatever_order_the_lines_come_the_end_is_the_same() {
    let (mut server, mut client, today) = alice(&json!({}));
    let line = |kind: char, n: usize| match kind {
        'p' => pending(&format!("p{n}"), &today),
        't' => posted_for(&format!("t{n}"), &format!("p{n}"), &today),
        'r' => reversal_of(&format!("r{n}"), &format!("t{n}"), &today),
        'R' => reversal_of(&format!("r{n}"), &format!("p{n}"), &today),
        'o' => with(&reversed(&format!("t{n}"), &today), &json!({})),
        other => panic!("{other} is no line"),
    };
    let orders =
        ["ptr", "prt", "tpr", "trp", "rpt", "rtp", "ptR", "Rpt", "tRp", "pto", "otp", "tpo"];
    for (n, order) in orders.iter().enumerate() {
        let lines: Vec<_> = order.chars().map(|kind| line(kind, n)).collect();
        if n.is_multiple_of(2) {
            one_by_one(&mut client, &lines);
        } else {
            client.take("alice", &lines);
            client.wait_looked_at("alice");
        }
    }
    let ids: Vec<_> = (0..orders.len()).map(|n| format!("p{n}")).collect();
    let expected: Vec<_> = ids.iter().map(|id| (&**id, "clawed-back")).collect();
    client.wait_rewards("alice", &expected);
    assert_eq!(drawn(&mut client), orders.len() as u64);
    client.wait_told("alice");
    assert_eq!(client.posted("alice"), "0.00");
    assert_eq!(client.campaign("c")["granted"], "0.00");
    stop_and_verify(&mut server);
}

#[test]
fn what_was_spent_is_not_taken_back() {
    let (mut server, mut client, today) = alice(&json!({}));
    client.register("shop");
    let credit = json!({"id": "bob", "currency": "EUR", "credit_limit": "2.00"});
    client.post("/v1/wallets", "open-bob", &credit).expect(201);
    for (wallet, spent, taken, left) in
        [("alice", "4.00", "1.00", "0.00"), ("bob", "4.00", "3.00", "-2.00")]
    {
        let before = client.campaign("c")["clawed_back"].clone();
        client.take_new(wallet, &[posted("t1", &today), posted("t2", &today)]);
        client.wait_rewards(wallet, &[("t1", "granted"), ("t2", "granted")]);
        client.pay(wallet, "shop", &format!("pay-{wallet}"), "5.00").expect(201);
        client.pay(wallet, "shop", &format!("more-{wallet}"), spent).expect(201);
        client.take_new(wallet, &[reversed("t1", &today)]);
        let expected = [("t1", "clawed-back"), ("t2", "granted")];
        let rewards = client.wait_rewards(wallet, &expected);
        assert_eq!(rewards[0]["clawed_back"], taken, "{wallet}: {:#}", rewards[0]);
        assert_eq!(client.posted(wallet), left);
        // Nothing more is there to be taken.
        client.take_new(wallet, &[reversed("t2", &today)]);
        let expected = [("t1", "clawed-back"), ("t2", "clawed-back")];
        let rewards = client.wait_rewards(wallet, &expected);
        assert_eq!(rewards[1]["clawed_back"], "0.00", "{:#}", rewards[1]);
        assert_eq!(client.posted(wallet), left);
        let entries = client.all(&format!("/v1/wallets/{wallet}/entries"));
        let back = entries.iter().filter(|entry| entry["kind"] == "reward-clawed-back");
        assert_eq!(back.count(), 1, "{entries:#?}");
        client.assert_settled();
        let after = client.campaign("c")["clawed_back"].clone();
        assert_ne!(after, before);
    }
    let campaign = client.campaign("c");
    assert_eq!((&campaign["clawed_back"], &campaign["granted"]), (&json!("4.00"), &json!("16.00")));
    client.wait_told("alice");
    stop_and_verify(&mut server);
}

#[test]
fn a_campaign_may_let_its_winners_keep() {
    let (_server, mut client, today) = alice(&json!({"on_reversal": "keep"}));
    let lines = [
        posted("t1", &today),
        reversed("t1", &today),
        reversed("t2", &today),
        posted("t2", &today),
        reversal_of("r3", "t3", &today),
        posted("t3", &today),
    ];
    one_by_one(&mut client, &lines);
    let expected = [("t1", "granted"), ("t2", "granted"), ("t3", "granted")];
    let rewards = client.wait_rewards("alice", &expected);
    assert!(rewards.iter().all(|reward| reward["reversed"] == true), "{rewards:#?}");
    assert_eq!(client.posted("alice"), "15.00");
    assert_eq!(client.campaign("c")["clawed_back"], "0.00");
}

#[test]
fn what_is_reversed_while_it_waits_goes_back_when_it_is_granted() {
    let (mut server, mut client, today) = alice(&json!({}));
    client.command("/v1/campaigns/c/pause").expect(200);
    one_by_one(&mut client, &[posted("t1", &today), posted("t2", &today), reversed("t1", &today)]);
    let rewards = client.wait_rewards("alice", &[("t1", "won"), ("t2", "won")]);
    assert_eq!(rewards[0]["reversed"], true, "{:#}", rewards[0]);
    server.kill();
    server.restart();
    client = server.client();
    client.command("/v1/campaigns/c/resume").expect(200);
    client.wait_rewards("alice", &[("t1", "clawed-back"), ("t2", "granted")]);
    assert_eq!(client.posted("alice"), "5.00");
    client.wait_told("alice");
    stop_and_verify(&mut server);
}

#[test]
fn a_reversal_counts_as_long_as_its_purchase_is_in_the_window() {
    let (mut server, mut client, today) = alice(&json!({}));
    let lines = [posted("t1", &today), posted_for("t2", "p2", &today), posted("t3", &today)];
    one_by_one(&mut client, &lines);
    let granted = [("t1", "granted"), ("p2", "granted"), ("t3", "granted")];
    client.wait_rewards("alice", &granted);
    client.wait_told("alice");
    let last = days_after(&today, TAKEN_DAYS);
    client.pass_to_noon(&last);
    server.kill();
    server.restart();
    client = server.client();
    one_by_one(&mut client, &[reversal_of("r1", "t1", &last), reversal_of("r2", "t2", &last)]);
    let expected = [("t1", "clawed-back"), ("p2", "clawed-back"), ("t3", "granted")];
    client.wait_rewards("alice", &expected);
    let later = days_after(&last, 1);
    client.pass_to_noon(&later);
    let lines = [reversed("t3", &today), reversal_of("r3", "t3", &later), posted("t4", &later)];
    assert_eq!(one_by_one(&mut client, &lines), ["refused", "new", "new"]);
    let expected =
        [("t1", "clawed-back"), ("p2", "clawed-back"), ("t3", "granted"), ("t4", "granted")];
    client.wait_rewards("alice", &expected);
    assert_eq!(client.posted("alice"), "10.00");
    client.wait_told("alice");
    stop_and_verify(&mut server);
}

#[test]
fn what_was_won_long_ago_is_shown_as_before() {
    let limits = json!({"budget": "15.00", "limits": {"rewards_per_day": 3}});
    let (mut server, mut client, today) = alice(&limits);
    let yesterday = days_after(&today, -1);
    let lines = [
        posted("t1", &today),
        posted("t2", &today),
        posted("t3", &today),
        posted("t4", &today),
        posted("y1", &yesterday),
        reversed("t2", &today),
    ];
    one_by_one(&mut client, &lines);
    let expected = [
        ("t1", "granted"),
        ("t2", "clawed-back"),
        ("t3", "granted"),
        ("t4", "limit-reached"),
        ("y1", "budget-exhausted"),
    ];
    client.wait_rewards("alice", &expected);
    client.wait_told("alice");
    let shown = client.rewards("alice");
    let ids = texts(&shown, "id");
    let whole: Vec<_> = ids.iter().map(|id| client.reward(id)).collect();
    for days in [40, 55] {
        let later = days_after(&today, days);
        client.pass_to_noon(&later);
        // With this line the others leave the window.
        let id = format!("n{days}");
        client.take_new("alice", &[posted(&id, &later)]);
        eventually("the new one has ended", || {
            let newest = client.rewards("alice")[0].clone();
            let is_new = newest["transaction_id"] == *id && newest["status"] != "won";
            (is_new && newest["status"] != "reserved").then_some(())
        });
        let list = client.rewards("alice");
        assert_eq!(list[list.len() - shown.len()..], shown);
        let page = client.get("/v1/wallets/alice/rewards?limit=2").expect(200);
        let cursor = text(&page, "next_cursor");
        let path = format!("/v1/wallets/alice/rewards?limit=3&cursor={cursor}");
        assert_eq!(items(&client.get(&path).expect(200)), &list[2..5]);
        let again: Vec<_> = ids.iter().map(|id| client.reward(id)).collect();
        assert_eq!(again, whole);
        client.command("/admin/checkpoint").expect(200);
        server.kill();
        server.restart();
        client = server.client();
        assert_eq!(client.rewards("alice"), list);
        let again: Vec<_> = ids.iter().map(|id| client.reward(id)).collect();
        assert_eq!(again, whole);
    }
}
