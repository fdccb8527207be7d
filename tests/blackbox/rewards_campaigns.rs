//! Campaigns: announced once, with commitments that never change, paused and resumed.
//!
//! What was announced is what is shown, for ever; a repeat under the same key shows the same
//! commitment, so no seed is ever thrown away once it was promised. What makes no sense is in
//! `rewards_refused`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bank::texts;
use crate::http::{Client, JSON, Request};
use crate::providers_desk::{days_after, items};
use crate::rewards_desk::{REVEALED_AFTER_DAYS, campaign_body, server, text, with};

/// Every field that a campaign may have.
fn whole_body(first_day: &str, last_day: &str) -> Value {
    with(
        &campaign_body("coffee", first_day, last_day),
        &json!({
            "name": "Free coffee", "budget": "10000", "odds": "1/20",
            "starts_at": format!("{first_day}T08:00:00+02:00"),
            "prizes": [{"amount": "5"}, {"weight": 9, "percent": "12.5", "rounding": "half-even",
                "max": "20.00"}],
            "merchants": {"ids": ["m-2", "m-1", "m-2"], "category_codes": ["5411", "5812-5814"],
                "names": ["Cafe*", " Corner Shop "]},
            "min_amount": "5", "limits": {"rewards_per_day": 3, "amount_per_day": "50"},
            "on_reversal": "keep", "priority": -7
        }),
    )
}

#[test]
fn an_announced_campaign_is_shown_as_it_was_announced() {
    let (_server, mut client, today) = server();
    let last = days_after(&today, 40);
    let answer = client.post("/v1/campaigns", "k", &whole_body(&today, &last));
    assert_eq!(answer.header("location"), Some("/v1/campaigns/coffee"), "{}", answer.text());
    assert!(!answer.is_replay());
    let shown = answer.expect(201);
    let expected = json!({
        "id": "coffee", "name": "Free coffee", "currency": "EUR", "budget": "10000.00",
        "starts_at": format!("{today}T06:00:00.000Z"),
        "ends_at": format!("{}T00:00:00.000Z", days_after(&last, 1)),
        "first_day": today, "last_day": last, "odds": "1/20",
        "prizes": [{"weight": 1, "amount": "5.00"},
            {"weight": 9, "percent": "12.5", "rounding": "half-even", "max": "20.00"}],
        "merchants": {"ids": ["m-1", "m-2"], "category_codes": ["5411", "5812-5814"],
            "names": ["cafe*", "corner shop"]},
        "min_amount": "5.00", "limits": {"rewards_per_day": 3, "amount_per_day": "50.00"},
        "on_reversal": "keep", "priority": -7, "status": "running", "granted": "0.00",
        "remaining": "10000.00", "draws": 0, "wins": 0, "rewards": 0, "exhausted": 0,
        "failed": 0, "waiting": 0, "clawed_back": "0.00",
    });
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&shown[member], value, "{member}: {shown:#}");
    }
    let commitment = &shown["commitment"];
    assert_eq!(commitment["day"], today.as_str());
    assert_eq!(commitment["seed"], Value::Null);
    assert_eq!(commitment["published_at"], shown["announced_at"]);
    assert_eq!(commitment["revealed_from"], days_after(&today, REVEALED_AFTER_DAYS));
    let looked_at = client.campaign("coffee");
    assert_eq!(looked_at, shown);
    assert_eq!(client.all("/v1/campaigns"), [shown]);
}

#[test]
fn what_is_not_said_has_its_default() {
    let (_server, mut client, today) = server();
    let body = with(&campaign_body("x", &today, &today), &json!({"id": null}));
    let made = client.send(&Request::post("/v1/campaigns", &body)).expect(201);
    assert!(text(&made, "id").starts_with("cmp_"), "{made:#}");
    for member in ["name", "min_amount", "limits"] {
        assert_eq!(made[member], Value::Null, "{made:#}");
    }
    assert_eq!(made["merchants"], json!({}));
    assert_eq!(made["on_reversal"], "claw-back");
    assert_eq!(made["priority"], 0);
    assert_eq!(made["prizes"], json!([{"weight": 1, "amount": "5.00"}]));
    let other = client.send(&Request::post("/v1/campaigns", &body)).expect(201);
    assert_ne!(other["id"], made["id"], "without a key or an id each is another one");
    assert_ne!(other["commitment"]["sha256"], made["commitment"]["sha256"]);
}

#[test]
fn odds_are_shown_as_the_exact_fraction_that_they_are() {
    let (_server, mut client, today) = server();
    for (at, (said, shown)) in [
        ("1", "1"),
        ("1.0", "1.0"),
        ("0.05", "0.05"),
        ("0.050", "0.050"),
        ("1/20", "1/20"),
        ("5/100", "0.05"),
        ("3/3", "3/3"),
        ("1/1000000000000000000", "0.000000000000000001"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("999999999999999999/1000000000000000000", "0.999999999999999999"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("c{at}");
        let body = with(&campaign_body(&id, &today, &today), &json!({ "odds": said }));
        assert_eq!(client.announce(&body)["odds"], shown, "{said}");
    }
}

#[test]
fn a_repeat_shows_the_same_campaign_with_the_same_commitments() {
    let (mut server, mut client, today) = server();
    let body = with(&campaign_body("c", &today, &today), &json!({"odds": "0.5"}));
    let first = client.post("/v1/campaigns", "k", &body);
    let commitments = {
        first.expect(201);
        client.commitments("c")
    };
    for round in 0..3 {
        let again = client.post("/v1/campaigns", "k", &body);
        assert!(again.is_replay(), "{}", again.text());
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.text(), first.text(), "to the letter");
        assert_eq!(client.commitments("c"), commitments);
        if round == 1 {
            client.command("/admin/checkpoint").expect(200);
        }
        server.kill();
        server.restart();
        client = server.client();
    }
    // Said in other words it is the same.
    let same = with(&body, &json!({"budget": "1000", "odds": "0.5", "priority": 0}));
    assert!(client.post("/v1/campaigns", "k", &same).is_replay());
    for other in [
        json!({"budget": "1000.01"}),
        json!({"odds": "0.4"}),
        json!({"name": "Other"}),
        json!({"prizes": [{"amount": "5.01"}]}),
        json!({"prizes": [{"amount": "5.00", "weight": 2}]}),
        json!({"prizes": [{"percent": "5"}]}),
        json!({"merchants": {"ids": ["m"]}}),
        json!({"min_amount": "1"}),
        json!({"limits": {"rewards_per_day": 1}}),
        json!({"on_reversal": "keep"}),
        json!({"priority": 1}),
        json!({"ends_at": days_after(&today, 2)}),
    ] {
        let answer = client.post("/v1/campaigns", "k", &with(&body, &other));
        answer.problem(422, "idempotency-key-reused");
    }
    client.post("/v1/campaigns", "other", &body).problem(409, "already-exists");
    client.send(&Request::post("/v1/campaigns", &body)).problem(409, "already-exists");
    assert_eq!(client.commitments("c"), commitments);
    // The server's id comes from the key.
    let body = with(&body, &json!({"id": null}));
    let made = client.post("/v1/campaigns", "made", &body).expect(201);
    let again = client.post("/v1/campaigns", "made", &body);
    assert!(again.is_replay());
    assert_eq!(again.json()["id"], made["id"]);
    assert_eq!(client.all("/v1/campaigns").len(), 2);
}

#[test]
fn one_key_from_many_connections_at_once_announces_once() {
    let (server, mut client, today) = server();
    let body = campaign_body("c", &today, &today);
    let address = server.address();
    let texts: BTreeSet<String> = std::thread::scope(|scope| {
        let body = &body;
        let send = || Client::new(address).post("/v1/campaigns", "k", body);
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
        let joined = senders.into_iter().map(|sender| sender.join().expect("no sender panics"));
        joined.map(|answer| answer.expect(201)["commitment"].to_string()).collect()
    });
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(client.campaign("c")["commitment"].to_string(), *texts.first().expect("one"));
}

#[test]
fn every_day_has_a_commitment_of_its_own() {
    let (_server, mut client, today) = server();
    let (first, last) = (days_after(&today, -2), days_after(&today, 5));
    client.announce(&campaign_body("c", &first, &last));
    client.announce(&campaign_body("d", &first, &last));
    let commitments = client.commitments("c");
    let days: Vec<_> = (-2..=5).map(|days| days_after(&today, days)).collect();
    assert_eq!(texts(&commitments, "day"), days);
    let both = [commitments.clone(), client.commitments("d")].concat();
    let promises: BTreeSet<_> = texts(&both, "sha256").into_iter().collect();
    assert_eq!(promises.len(), 16, "no two are alike, also not of two campaigns");
    assert!(promises.iter().all(|text| text.len() == 64));
    for (at, commitment) in commitments.iter().enumerate() {
        let day = text(commitment, "day");
        assert_eq!(commitment["seed"], Value::Null, "{commitment}");
        assert_eq!(commitment["revealed_from"], days_after(day, REVEALED_AFTER_DAYS));
        // At noon in UTC tomorrow has begun at UTC+14.
        assert_eq!(commitment["published_before_day"], at >= 4, "{commitment}");
    }
    // In pages.
    let path = "/v1/campaigns/c/commitments";
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit=3{query}")).expect(200);
        assert!((1..=3).contains(&items(&page).len()), "{page}");
        found.extend(items(&page).to_vec());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("&cursor={cursor}");
    }
    assert_eq!(found, commitments);
    for query in ["limit=0", "limit=501", "limit=x", "cursor=yesterday", "colour=red"] {
        client.get(&format!("{path}?{query}")).problem(400, "malformed-request");
    }
    client.get("/v1/campaigns/nobody/commitments").problem(404, "campaign-not-found");
}

#[test]
fn a_list_has_every_campaign_in_the_order_of_their_ids() {
    let (_server, mut client, today) = server();
    let ids: Vec<_> = (0..7).map(|number| format!("c{number}")).collect();
    for id in ids.iter().rev() {
        client.announce(&campaign_body(id, &today, &today));
    }
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/campaigns?limit=2{query}")).expect(200);
        assert!((1..=2).contains(&items(&page).len()), "{page}");
        found.extend(texts(items(&page), "id"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("&cursor={cursor}");
    }
    assert_eq!(found, ids);
    for query in ["limit=0", "limit=501", "cursor=a%20b", "status=running"] {
        client.get(&format!("/v1/campaigns?{query}")).problem(400, "malformed-request");
    }
}

#[test]
fn a_campaign_is_upcoming_then_runs_then_has_ended() {
    let (_server, mut client, today) = server();
    let (first, last) = (days_after(&today, 1), days_after(&today, 2));
    let body = campaign_body("c", &first, &last);
    let body = with(&body, &json!({"ends_at": format!("{last}T06:00:00Z")}));
    let shown = client.announce(&body);
    assert_eq!((text(&shown, "status"), text(&shown["commitment"], "day")), ("upcoming", &*first));
    client.pass_to_noon(&first);
    assert_eq!(client.campaign("c")["status"], "running");
    client.pass_to_noon(&last);
    let shown = client.campaign("c");
    assert_eq!((text(&shown, "status"), text(&shown["commitment"], "day")), ("ended", &*last));
    assert_eq!(shown["last_day"], last, "a part of a day is a day");
    client.pass_to_noon(&days_after(&last, 3));
    assert_eq!(client.campaign("c")["commitment"]["day"], last);
}

#[test]
fn a_campaign_pauses_and_resumes_as_often_as_it_is_told() {
    let (mut server, mut client, today) = server();
    client.announce(&campaign_body("c", &today, &today));
    for command in ["pause", "pause", "resume", "resume"] {
        let shown = client.command(&format!("/v1/campaigns/c/{command}")).expect(200);
        let status = if command == "pause" { "paused" } else { "running" };
        assert_eq!(shown["status"], status, "{command}: {shown:#}");
        assert_eq!(client.campaign("c"), shown);
    }
    let pause = |key: &str| Request::new("POST", "/v1/campaigns/c/pause").key(key).body(JSON, "");
    assert!(!client.send(&pause("k")).is_replay());
    client.command("/v1/campaigns/c/resume").expect(200);
    // A repeat does not pause again; it shows the campaign as it stands.
    let again = client.send(&pause("k"));
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.expect(200)["status"], "running");
    let resume = Request::new("POST", "/v1/campaigns/c/resume").body(JSON, "");
    client.send(&resume.key("k")).problem(422, "idempotency-key-reused");
    client.send(&pause("other")).expect(200);
    server.kill();
    server.restart();
    client = server.client();
    assert_eq!(client.campaign("c")["status"], "paused");
    client.send(&pause("a b")).problem(400, "malformed-request");
}

#[test]
fn whom_nobody_announced_is_not_found() {
    let (_server, mut client, _) = server();
    client.open("alice");
    for id in ["nobody", "alice", "no%20body", "%FF", "a.b"] {
        let answer = client.get(&format!("/v1/campaigns/{id}"));
        answer.problem(404, "campaign-not-found");
        for command in ["pause", "resume"] {
            let answer = client.command(&format!("/v1/campaigns/{id}/{command}"));
            answer.problem(404, "campaign-not-found");
        }
    }
    for (method, path) in [
        ("DELETE", "/v1/campaigns/nobody"),
        ("DELETE", "/v1/campaigns"),
        ("GET", "/v1/campaigns/nobody/pause"),
        ("POST", "/v1/campaigns/nobody/commitments"),
    ] {
        client.send(&Request::new(method, path)).problem(405, "method-not-allowed");
    }
    assert_eq!(items(&client.get("/v1/campaigns").expect(200)), &[] as &[Value]);
}

#[test]
fn the_description_lists_the_calls_about_rewards() {
    let (_server, mut client, _) = server();
    let description = client.get("/openapi.json").expect(200);
    for (path, methods) in [
        ("/v1/campaigns", &["get", "post"][..]),
        ("/v1/campaigns/{id}", &["get"]),
        ("/v1/campaigns/{id}/commitments", &["get"]),
        ("/v1/campaigns/{id}/pause", &["post"]),
        ("/v1/campaigns/{id}/resume", &["post"]),
        ("/v1/wallets/{id}/transactions", &["post"]),
        ("/v1/wallets/{id}/rewards", &["get"]),
        ("/v1/rewards/{id}", &["get"]),
        ("/v1/rewards/{id}/proof", &["get"]),
    ] {
        for method in methods {
            assert!(description["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}
