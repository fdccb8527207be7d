//! The same month again and again: whole, in parts, in any order, from several connections at once.
//!
//! Each line is new in exactly one answer and drawn once; what it draws is what the day's seed says.
//! A call in which nothing is new writes nothing at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::{Random, eventually};
use crate::http::{Client, NDJSON, Request};
use crate::providers_desk::{days_after, items};
use crate::rewards_desk::{
    REVEALED_AFTER_DAYS, campaign_body, drawn, lines_of, purchase, server, stop_and_verify, text,
    unhex, with,
};

/// The lines of a month, ten a day.
const LINES: usize = 300;

fn month(today: &str) -> Vec<Value> {
    let line = |number: usize| {
        let day = days_after(today, -i32::try_from(number / 10).expect("small"));
        purchase(&format!("t{number}"), &day, &format!("{}.{:02}", 1 + number % 40, number % 100))
    };
    (0..LINES).map(line).collect()
}

/// A part of the month, sometimes backwards: what a bank may send in one batch.
fn part(month: &[Value], random: &mut Random) -> Vec<Value> {
    let mut below = |end: usize| usize::try_from(random.below(end as u64)).expect("it was one");
    let start = below(month.len());
    let end = (start + 1 + below(150)).min(month.len());
    let mut part = month[start..end].to_vec();
    if below(3) == 0 {
        part.reverse();
    }
    if below(3) == 0 {
        part.extend(part.clone());
    }
    part
}

/// Sends parts, as arrays and as NDJSON, from so many connections at once, and at the end the whole;
/// how often each line was new.
fn send(address: std::net::SocketAddr, month: &[Value], connections: u64) -> BTreeMap<String, u32> {
    let new = Mutex::new(BTreeMap::new());
    let send = |client: &mut Client, lines: &[Value], number: u64| {
        let answers = if number.is_multiple_of(2) {
            items(&client.take("alice", lines)).to_vec()
        } else {
            let answer = client.send(&Request::lines(lines_of("alice"), lines));
            assert_eq!(answer.status, 202, "{}", answer.text());
            answer.lines()
        };
        assert_eq!(answers.len(), lines.len());
        for (answer, line) in answers.iter().zip(lines) {
            assert_eq!(answer["transaction_id"], line["transaction_id"]);
            match text(answer, "status") {
                "new" => {
                    let id = text(answer, "transaction_id").to_owned();
                    *new.lock().expect("no sender panics").entry(id).or_default() += 1;
                }
                status => assert_eq!(status, "duplicate", "{answer}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for connection in 1..=connections {
            let send = &send;
            scope.spawn(move || {
                let (mut client, mut random) = (Client::new(address), Random::new(connection));
                for number in 0..8 {
                    send(&mut client, &part(month, &mut random), number);
                }
                send(&mut client, month, connection);
            });
        }
    });
    new.into_inner().expect("no sender panics")
}

#[test]
fn overlapping_batches_from_many_connections_draw_each_line_once() {
    let (mut server, mut client, today) = server();
    client.open("alice");
    let body = campaign_body("c", &days_after(&today, -31), &today);
    client.announce(&with(&body, &json!({"budget": "100000.00"})));
    let month = month(&today);
    let new = send(server.address(), &month, 8);
    assert_eq!(new.len(), LINES);
    assert!(new.values().all(|times| *times == 1), "{new:?}");
    client.wait_looked_at("alice");
    eventually("all are granted", || {
        let campaign = client.campaign("c");
        (campaign["rewards"] == LINES && client.posted("alice") == "1500.00").then_some(())
    });
    client.wait_told("alice");
    let rewards = client.rewards("alice");
    let drawn: BTreeSet<_> = rewards.iter().map(|reward| text(reward, "transaction_id")).collect();
    assert_eq!((rewards.len(), drawn.len()), (LINES, LINES));
    for reward in &rewards {
        let number: usize = text(reward, "transaction_id")[1..].parse().expect("a number");
        assert_eq!(reward["date"], month[number]["date"], "{reward}");
        assert_eq!(reward["purchase_amount"], month[number]["amount"], "{reward}");
        assert_eq!(reward["status"], "granted", "{reward}");
    }
    let entries = client.all("/v1/wallets/alice/entries");
    let references: BTreeSet<_> = entries.iter().map(|entry| text(entry, "reference")).collect();
    assert_eq!((entries.len(), references.len()), (LINES, LINES));
    let campaign = client.campaign("c");
    assert_eq!((&campaign["draws"], &campaign["wins"]), (&json!(LINES), &json!(LINES)));
    stop_and_verify(&mut server);
}

#[test]
fn however_lines_come_they_draw_what_the_seeds_say() {
    let (server, mut client, today) = server();
    client.open("alice");
    let body = campaign_body("c", &days_after(&today, -31), &today);
    let prizes = json!([{"amount": "1.00", "weight": 3}, {"amount": "2.00"}]);
    client.announce(&with(&body, &json!({"odds": "2/7", "prizes": prizes})));
    let month = month(&today);
    send(server.address(), &month, 3);
    client.wait_looked_at("alice");
    client.pass_to_noon(&days_after(&today, REVEALED_AFTER_DAYS));
    let seeds: BTreeMap<String, Vec<u8>> = client
        .commitments("c")
        .iter()
        .map(|commitment| (text(commitment, "day").to_owned(), unhex(text(commitment, "seed"))))
        .collect();
    let won = |line: &Value| {
        let id = text(line, "transaction_id");
        let prize = drawn(&seeds[text(line, "date")], &format!("alice/{id}"), (2, 7), &[3, 1])?;
        Some((id.to_owned(), prize as u64))
    };
    let expected: BTreeSet<_> = month.iter().filter_map(won).collect();
    let found = client.rewards("alice");
    let found: Vec<_> = found
        .iter()
        .map(|reward| (text(reward, "transaction_id").to_owned(), reward["prize"].as_u64()))
        .map(|(id, prize)| (id, prize.expect("a place")))
        .collect();
    assert_eq!(found.len(), expected.len(), "none is there twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(expected.len() > 20 && expected.len() < 200, "{}", expected.len());
    client.wait_drawn("c", LINES);
}

#[test]
fn a_call_in_which_nothing_is_new_writes_nothing() {
    let (mut server, mut client, today) = server();
    client.open_with_mail("alice");
    let body = campaign_body("c", &days_after(&today, -31), &today);
    client.announce(&with(&body, &json!({"odds": "0.1"})));
    let mut month = month(&today);
    let status = |line: &Value, status: &str| with(line, &json!({ "status": status }));
    month.push(status(&purchase("pending", &today, "1.00"), "pending"));
    month.push(status(&month[7], "reversed"));
    client.take_new("alice", &month);
    for round in 0..2 {
        client.wait_told("alice");
        let before = client.records();
        let backwards: Vec<_> = month.iter().rev().cloned().collect();
        for lines in [&month, &backwards] {
            let answer = client.take("alice", lines);
            assert_eq!(answer["counts"]["duplicate"], lines.len(), "{}", answer["counts"]);
        }
        let lines = month.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let again = Request::new("POST", lines_of("alice")).body(NDJSON, lines);
        assert_eq!(client.send(&again).status, 202);
        // Known with other content, or not allowed: nothing of it is kept.
        let other = [
            with(&month[0], &json!({"amount": "999.00"})),
            with(&month[0], &json!({"date": days_after(&today, -9)})),
            with(&month[0], &json!({"transaction_id": "old", "date": days_after(&today, -40)})),
            with(&month[0], &json!({"transaction_id": "usd", "currency": "USD"})),
            json!({}),
        ];
        let answer = client.take("alice", &other);
        let expected = json!({"new": 0, "duplicate": 0, "conflict": 2, "refused": 3});
        assert_eq!(answer["counts"], expected);
        assert_eq!(client.records(), before, "nothing was written");
        if round == 0 {
            server.kill();
            server.restart();
            client = server.client();
        }
    }
    client.take_new("alice", &[purchase("another", &today, "1.00")]);
}

#[test]
fn wallets_that_share_a_bank_share_no_lines() {
    let (_server, mut client, today) = server();
    client.announce(&campaign_body("c", &today, &today));
    let lines: Vec<_> = (0..5).map(|n| purchase(&format!("t{n}"), &today, "1.00")).collect();
    for wallet in ["alice", "bob"] {
        client.open(wallet);
        client.take_new(wallet, &lines);
        let ids: Vec<_> = (0..5).map(|n| format!("t{n}")).collect();
        let expected: Vec<_> = ids.iter().map(|id| (&**id, "granted")).collect();
        client.wait_rewards(wallet, &expected);
    }
    client.wait_drawn("c", 10);
}

#[test]
fn what_was_answered_is_durable() {
    let (mut server, mut client, today) = server();
    client.open("alice");
    client.announce(&campaign_body("c", &days_after(&today, -31), &today));
    let month = month(&today);
    for (round, lines) in month.chunks(30).enumerate() {
        let answer = client.take("alice", lines);
        assert_eq!(answer["counts"]["new"], lines.len(), "{}", answer["counts"]);
        if round % 3 == 1 {
            client.command("/admin/checkpoint").expect(200);
        }
        // At once: nothing of it need be looked at by now.
        server.kill();
        server.restart();
        client = server.client();
        let again = client.take("alice", &month[..(round + 1) * 30]);
        assert_eq!(again["counts"]["duplicate"], (round + 1) * 30, "{}", again["counts"]);
    }
    client.wait_looked_at("alice");
    eventually("the budget is granted", || (client.posted("alice") == "1000.00").then_some(()));
    let campaign = client.campaign("c");
    let expected = json!({"draws": LINES, "wins": LINES, "rewards": 200, "exhausted": 100,
        "granted": "1000.00", "remaining": "0.00"});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&campaign[member], value, "{member}: {campaign:#}");
    }
    client.wait_told("alice");
    stop_and_verify(&mut server);
}
