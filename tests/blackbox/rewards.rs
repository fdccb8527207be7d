//! Rewards from the line to the money: drawn, granted, told, each once.
//!
//! With odds of 1 every purchase wins, so what becomes of wins can be foretold: the budget takes them
//! in their order, wallets are credited, the outcome and the mail come once, also over a kill.

use serde_json::{Value, json};

use crate::bank::{minor, texts};
use crate::harness::Server;
use crate::http::Client;
use crate::investing::{step, step_statuses};
use crate::providers_desk::{days_after, items};
use crate::rewards_desk::{
    campaign_body, number, purchase, purchase_at, server, stop_and_verify, text, with,
};
use crate::streams::{Events, Outcomes};

/// A campaign whose budget is enough for two of Alice's three purchases, and they.
fn two_of_three() -> (Server, Client, String) {
    let (server, mut client, today) = server();
    client.open_with_mail("alice");
    let body = campaign_body("coffee", &days_after(&today, -5), &today);
    client.announce(&with(&body, &json!({"budget": "14.99"})));
    (server, client, today)
}

fn three(today: &str) -> Vec<Value> {
    let line = |id: &str, days| purchase(id, &days_after(today, days), "20.00");
    vec![line("t1", 0), line("t2", -3), line("t3", -1)]
}

const EXPECTED: [(&str, &str); 3] =
    [("t1", "granted"), ("t2", "granted"), ("t3", "budget-exhausted")];

#[test]
fn wins_are_granted_in_their_order_until_the_budget_ends() {
    let (mut server, mut client, today) = two_of_three();
    client.take_new("alice", &three(&today));
    let rewards = client.wait_rewards("alice", &EXPECTED);
    for reward in &rewards {
        let expected = json!({"wallet": "alice", "campaign": "coffee", "amount": "5.00",
            "currency": "EUR", "prize": 0, "purchase_amount": "20.00", "reversed": false});
        for (member, value) in expected.as_object().expect("members") {
            assert_eq!(&reward[member], value, "{member}: {reward:#}");
        }
        let id = text(reward, "id");
        assert!(id.starts_with("rwd_") && id.ends_with("_alice"), "{id}");
    }
    assert_eq!(texts(&rewards, "date"), [0, -3, -1].map(|days| days_after(&today, days)));
    assert_eq!(rewards[2]["failure"]["code"], "budget-exhausted", "{:#}", rewards[2]);
    client.wait_told("alice");
    let campaign = client.campaign("coffee");
    let expected = json!({"granted": "10.00", "remaining": "4.99", "draws": 3, "wins": 3,
        "rewards": 2, "exhausted": 1, "failed": 0, "waiting": 0, "clawed_back": "0.00"});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&campaign[member], value, "{member}: {campaign:#}");
    }
    for reward in &rewards[..2] {
        let whole = client.reward(text(reward, "id"));
        assert_eq!(step_statuses(&whole), ["done", "done", "done"], "{whole:#}");
        for name in ["reserve", "credit", "tell"] {
            step(&whole, name);
        }
        assert!(whole["drawn_at"].is_string(), "{whole:#}");
    }
    let refused = client.reward(text(&rewards[2], "id"));
    assert_eq!(refused["steps"], Value::Null, "{refused:#}");
    stop_and_verify(&mut server);
}

#[test]
fn what_is_granted_stands_in_the_wallet_its_entries_and_its_feed() {
    let (_server, mut client, today) = two_of_three();
    client.deposit("alice", "d", "1.00").expect(201);
    client.take_new("alice", &three(&today));
    let rewards = client.wait_rewards("alice", &EXPECTED);
    assert_eq!(client.posted("alice"), "11.00");
    let entries = client.all("/v1/wallets/alice/entries");
    let granted: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "reward").collect();
    let mut references: Vec<_> = granted.iter().map(|entry| text(entry, "reference")).collect();
    references.sort_unstable();
    let mut ids: Vec<_> = rewards[..2].iter().map(|reward| text(reward, "id")).collect();
    ids.sort_unstable();
    assert_eq!(references, ids);
    for entry in &granted {
        assert_eq!((&entry["amount"], &entry["counterparty"]), (&json!("5.00"), &json!("coffee")));
    }
    assert_eq!(granted[0]["balance_after"], "11.00");
    assert_eq!(granted[1]["balance_after"], "6.00");
    let only = client.get("/v1/wallets/alice/entries?kind=reward").expect(200);
    assert_eq!(items(&only).len(), 2, "{only}");
    let feed = client.get("/v1/wallets/alice/feed").expect(200);
    assert_eq!(feed["balance"], 1_100, "{feed}");
    let transactions = feed["transactions"].as_array().expect("a feed has transactions");
    let amounts: Vec<_> = transactions.iter().map(|item| item["amount"].clone()).collect();
    assert_eq!(amounts, [100, 500, 500], "{feed}");
    client.wait_told("alice");
    let books = client.get("/admin/trial-balance").expect(200);
    assert_eq!(books["balanced"], true, "{books}");
    assert_eq!(minor(&items(&books)[0]["external"]), -1_100, "{books}");
}

/// The next outcomes about rewards, sorted by what they tell.
fn three_outcomes(outcomes: &mut Outcomes) -> Vec<Value> {
    let mut told: Vec<_> = (0..3).map(|_| outcomes.next()).collect();
    told.sort_by_key(|outcome| outcome["data"]["transaction_id"].to_string());
    told
}

#[test]
fn each_outcome_is_told_once_also_after_a_kill() {
    let (mut server, mut client, today) = two_of_three();
    let mut all = Outcomes::open(server.address(), "");
    client.deposit("alice", "start", "1.00").expect(201);
    let start = text(&all.next(), "cursor").to_owned();
    client.take_new("alice", &three(&today));
    let told = three_outcomes(&mut all);
    let rewards = client.wait_rewards("alice", &EXPECTED);
    for (outcome, reward) in told.iter().zip(&rewards) {
        let data = &outcome["data"];
        for member in ["id", "wallet", "campaign", "transaction_id", "amount", "currency"] {
            assert_eq!(data[member], reward[member], "{member}: {outcome:#}");
        }
        let is_refused = reward["status"] == "budget-exhausted";
        let (kind, status) =
            if is_refused { ("reward.refused", "refused") } else { ("reward.granted", "granted") };
        assert_eq!((text(outcome, "type"), text(data, "status")), (kind, status), "{outcome:#}");
        assert_eq!(data["balance_after"].is_string(), !is_refused, "{outcome:#}");
        assert_eq!(data["failure"]["code"] == "budget-exhausted", is_refused, "{outcome:#}");
    }
    let balances: Vec<_> =
        told[..2].iter().map(|told| minor(&told["data"]["balance_after"])).collect();
    assert_eq!(balances.iter().sum::<i128>(), 600 + 1_100, "one after the other: {balances:?}");
    for round in 0..3 {
        client.wait_told("alice");
        if round == 1 {
            client.command("/admin/checkpoint").expect(200);
        }
        server.kill();
        server.restart();
        client = server.client();
        let mut again = Outcomes::open(server.address(), &format!("cursor={start}"));
        assert_eq!(three_outcomes(&mut again), told);
        let query = format!("cursor={start}&type=reward.granted&wallet=alice");
        let mut granted = Outcomes::open(server.address(), &query);
        let mut events = Events::open(server.address(), &query, None);
        for _ in 0..2 {
            let outcome = granted.next();
            assert!(told[..2].contains(&outcome), "{outcome:#}");
            assert_eq!(events.next().data, outcome);
        }
        // Nothing else was told: all that follows are the deposits of the rounds.
        client.deposit("alice", &format!("end-{round}"), "1.00").expect(201);
        for _ in 0..=round {
            assert_eq!(again.next()["type"], "deposit.posted");
        }
    }
}

#[test]
fn the_winner_gets_one_mail() {
    let (_server, mut client, today) = two_of_three();
    client.open("bob");
    client.take_new("alice", &three(&today));
    let rewards = client.wait_rewards("alice", &EXPECTED);
    client.wait_told("alice");
    let mails = client.get("/sandbox/mail").expect(200);
    let mails = items(&mails);
    assert_eq!(mails.len(), 2, "{mails:#?}");
    for reward in &rewards[..2] {
        let id = text(reward, "id");
        let about = |mail: &&Value| mail["body"].as_str().is_some_and(|body| body.contains(id));
        let mail = mails.iter().find(about).unwrap_or_else(|| panic!("{id}: {mails:#?}"));
        assert_eq!(mail["to"][0], "alice@example.com", "{mail:#}");
        let body = text(mail, "body");
        for word in ["coffee", "5.00 EUR", text(reward, "transaction_id")] {
            assert!(body.contains(word), "{word}: {mail:#}");
        }
        assert!(!text(mail, "subject").is_empty(), "{mail:#}");
    }
    // Who has no address gets the money all the same.
    client.announce(&with(&campaign_body("tea", &today, &today), &json!({"priority": 1})));
    client.take_new("bob", &[purchase("t1", &today, "1.00")]);
    let rewards = client.wait_rewards("bob", &[("t1", "granted")]);
    client.wait_told("bob");
    let whole = client.reward(text(&rewards[0], "id"));
    assert_eq!(step_statuses(&whole)[..2], ["done", "done"], "{whole:#}");
    assert_eq!(client.mails().len(), 2);
}

#[test]
fn a_mail_that_fails_takes_nothing_back() {
    let (_server, mut client, today) = two_of_three();
    client.fault(&json!({"route": "mail", "mode": "decline", "count": 1}));
    client.take_new("alice", &three(&today));
    client.wait_rewards("alice", &EXPECTED);
    client.wait_told("alice");
    assert_eq!(client.posted("alice"), "10.00");
    assert_eq!(client.mails().len(), 1);
    assert_eq!(client.campaign("coffee")["granted"], "10.00");
}

#[test]
fn a_smaller_win_still_fits_what_a_larger_one_does_not() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let body = campaign_body("share", &today, &today);
    let prizes = json!([{"percent": "50", "rounding": "down"}]);
    client.announce(&with(&body, &json!({"budget": "10.00", "prizes": prizes})));
    let lines = [("t1", "16.00"), ("t2", "4.02"), ("t3", "4.00"), ("t4", "0.02"), ("t5", "0.01")];
    let lines = lines.map(|(id, amount)| purchase(id, &today, amount));
    client.take_new("alice", &lines);
    let rewards = client.wait_rewards(
        "alice",
        &[
            ("t1", "granted"),
            ("t2", "budget-exhausted"),
            ("t3", "granted"),
            ("t4", "budget-exhausted"),
            ("t5", "budget-exhausted"),
        ],
    );
    // Whatever the share comes to, it is at least one minor unit.
    assert_eq!(texts(&rewards, "amount"), ["8.00", "2.01", "2.00", "0.01", "0.01"]);
    assert_eq!(client.posted("alice"), "10.00");
}

#[test]
fn the_list_of_rewards_is_stable_and_newest_first() {
    let (_server, mut client, today) = server();
    client.open("alice");
    client.announce(&campaign_body("c", &today, &today));
    for batch in 0..4 {
        let lines = (0..3).map(|line| purchase(&format!("t{batch}{line}"), &today, "1.00"));
        client.take_new("alice", &lines.collect::<Vec<_>>());
    }
    let path = "/v1/wallets/alice/rewards";
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit=5{query}")).expect(200);
        found.extend(texts(items(&page), "transaction_id"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("&cursor={cursor}");
        // What comes in between is newer than this page.
        client.take("alice", &[purchase(&format!("new-{cursor}"), &today, "1.00")]);
    }
    let expected: Vec<_> = (0..4)
        .rev()
        .flat_map(|batch| (0..3).rev().map(move |line| format!("t{batch}{line}")))
        .collect();
    assert_eq!(found, expected);
    for query in ["limit=0", "limit=501", "cursor=x", "cursor=1-x", "cursor=-", "colour=red"] {
        client.get(&format!("{path}?{query}")).problem(400, "malformed-request");
    }
    client.open("bob");
    assert_eq!(client.get("/v1/wallets/bob/rewards").expect(200)["items"], json!([]));
    client.get("/v1/wallets/nobody/rewards").problem(404, "wallet-not-found");
}

#[test]
fn what_was_never_drawn_is_no_reward() {
    let (_server, mut client, today) = two_of_three();
    client.take_new("alice", &three(&today));
    let rewards = client.wait_rewards("alice", &EXPECTED);
    let id = text(&rewards[0], "id").to_owned();
    let seq = number(&client.get("/admin/actors/statement/alice").expect(200), "seq");
    let (head, _) = id.split_once('-').expect("rwd_{seq}-{line}_{wallet}");
    let mut unknown = vec![
        "rwd_1-0_nobody".to_owned(),
        "rwd_1-0_".to_owned(),
        "rwd_x-0_alice".to_owned(),
        "rwd_0-0_alice".to_owned(),
        "rwd_18446744073709551615-0_alice".to_owned(),
        format!("rwd_{seq}-65535_alice"),
        format!("rwd_{}-0_alice", seq + 1_000),
        format!("{head}-3_alice"),
        format!("{head}-65536_alice"),
        format!("{head}_alice"),
        format!("{id}x"),
        "pay_1_alice".to_owned(),
        "%FF".to_owned(),
    ];
    // The decision that took the lines drew none of them.
    let drawn: u64 = head["rwd_".len()..].parse().expect("a position");
    unknown.extend((1..drawn).map(|seq| format!("rwd_{seq}-0_alice")));
    for id in unknown {
        client.get(&format!("/v1/rewards/{id}")).problem(404, "reward-not-found");
        client.get(&format!("/v1/rewards/{id}/proof")).problem(404, "reward-not-found");
    }
    client.reward(&id);
}

#[test]
fn a_wallet_without_room_gives_the_money_back_to_the_campaign() {
    let (_server, mut client, today) = server();
    client.open_with("alice", "92233720368547758.00");
    client.announce(&campaign_body("c", &today, &today));
    let start = Outcomes::open(client.address(), "type=reward.refused");
    let mut refused = start;
    client.take_new("alice", &[purchase("t1", &today, "1.00")]);
    let rewards = client.wait_rewards("alice", &[("t1", "failed")]);
    assert_eq!(rewards[0]["failure"]["code"], "balance-overflow", "{:#}", rewards[0]);
    client.wait_told("alice");
    let campaign = client.campaign("c");
    assert_eq!((&campaign["granted"], &campaign["remaining"]), (&json!("0.00"), &json!("1000.00")));
    assert_eq!((&campaign["rewards"], &campaign["failed"]), (&json!(0), &json!(1)));
    let told = refused.next();
    assert_eq!(told["data"]["failure"]["code"], "balance-overflow", "{told:#}");
    assert_eq!(told["data"]["id"], rewards[0]["id"]);
    assert_eq!(client.mails().len(), 0);
    client.assert_balanced();
}

#[test]
fn a_frozen_wallet_wins_as_any_other() {
    let (_server, mut client, today) = server();
    client.open("alice");
    client.announce(&campaign_body("c", &today, &today));
    client.command("/v1/wallets/alice/freeze").expect(200);
    let cafe = json!({"name": "Cafe"});
    client.take_new("alice", &[purchase_at("t1", &today, "1.00", &cafe)]);
    client.wait_rewards("alice", &[("t1", "granted")]);
    assert_eq!(client.posted("alice"), "5.00");
    client.take_new(
        "alice",
        &[with(&purchase("t1", &today, "1.00"), &json!({"status": "reversed"}))],
    );
    client.wait_rewards("alice", &[("t1", "clawed-back")]);
    assert_eq!(client.posted("alice"), "0.00");
}

#[test]
fn ids_that_look_like_parts_of_other_ids_are_told_apart() {
    let (_server, mut client, today) = server();
    let wallets = ["a", "a_1-0_a", "_", "-", "1-0_a", "rwd_1-0_a"];
    client.announce(&campaign_body("_-c-_", &today, &today));
    for wallet in wallets {
        client.open_with_mail(wallet);
        client.take_new(wallet, &[purchase("a/b_1-0", &today, "1.00")]);
        let rewards = client.wait_rewards(wallet, &[("a/b_1-0", "granted")]);
        let reward = client.reward(text(&rewards[0], "id"));
        assert_eq!((text(&reward, "wallet"), text(&reward, "campaign")), (wallet, "_-c-_"));
        let proof = client.proof(text(&rewards[0], "id"));
        assert_eq!(proof["inputs"]["key"], format!("{wallet}/a/b_1-0"), "{proof:#}");
        client.wait_told(wallet);
    }
    assert_eq!(client.mails().len(), wallets.len());
}
