//! Which campaign draws a purchase, and what holds its wins back: pauses and customers' limits.
//!
//! A purchase is drawn in one campaign at most. A pause holds wins in their order, a limit ends a
//! customer's wins of one day; neither changes what is drawn.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::http::Client;
use crate::providers_desk::days_after;
use crate::rewards_desk::{
    campaign_body, purchase, purchase_at, server, stop_and_verify, text, with,
};
use crate::streams::Outcomes;

fn lines(ids: &[&str], date: &str) -> Vec<Value> {
    ids.iter().map(|id| purchase(id, date, "20.00")).collect()
}

/// The campaign that drew each line, ascending by line; a line that none drew is not there.
fn drawn_by(client: &mut Client, wallet: &str) -> Vec<(String, String)> {
    let rewards = client.rewards(wallet);
    let pair = |reward: &Value| {
        let member = |name| text(reward, name).to_owned();
        (member("transaction_id"), member("campaign"))
    };
    let mut drawn: Vec<_> = rewards.iter().map(pair).collect();
    drawn.sort();
    drawn
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(line, campaign)| ((*line).to_owned(), (*campaign).to_owned())).collect()
}

#[test]
fn wins_wait_while_the_campaign_pauses_and_are_granted_in_their_order() {
    let (mut server, mut client, today) = server();
    let mut outcomes = Outcomes::open(server.address(), "type=reward.granted&type=reward.refused");
    client.announce(&with(&campaign_body("c", &today, &today), &json!({"budget": "15.00"})));
    for wallet in ["alice", "bob"] {
        client.open(wallet);
    }
    client.take_new("bob", &lines(&["b0"], &today));
    client.wait_rewards("bob", &[("b0", "granted")]);
    assert_eq!(outcomes.next()["data"]["transaction_id"], "b0");
    client.command("/v1/campaigns/c/pause").expect(200);
    let come = |client: &mut Client, wallet: &str, id: &str| {
        let before = client.campaign("c")["waiting"].as_u64().expect("a number");
        client.take_new(wallet, &lines(&[id], &today));
        crate::harness::eventually("it waits", || {
            (client.campaign("c")["waiting"] == before + 1).then_some(())
        });
    };
    for (wallet, id) in [("alice", "a1"), ("bob", "b1")] {
        come(&mut client, wallet, id);
    }
    server.kill();
    server.restart();
    client = server.client();
    come(&mut client, "alice", "a2");
    let campaign = client.campaign("c");
    let expected = json!({"status": "paused", "draws": 4, "wins": 4, "rewards": 1,
        "granted": "5.00", "waiting": 3, "exhausted": 0});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&campaign[member], value, "{member}: {campaign:#}");
    }
    client.wait_rewards("alice", &[("a1", "won"), ("a2", "won")]);
    assert_eq!(client.posted("alice"), "0.00");
    client.command("/admin/checkpoint").expect(200);
    client.command("/v1/campaigns/c/resume").expect(200);
    client.wait_rewards("alice", &[("a1", "granted"), ("a2", "budget-exhausted")]);
    client.wait_rewards("bob", &[("b0", "granted"), ("b1", "granted")]);
    let campaign = client.campaign("c");
    let expected = json!({"status": "running", "rewards": 3, "granted": "15.00", "waiting": 0,
        "exhausted": 1, "remaining": "0.00"});
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&campaign[member], value, "{member}: {campaign:#}");
    }
    client.wait_told("alice");
    client.wait_told("bob");
    stop_and_verify(&mut server);
}

#[test]
fn a_customer_wins_so_often_a_day() {
    let (_server, mut client, today) = server();
    let yesterday = days_after(&today, -1);
    let mut refused = Outcomes::open(client.address(), "");
    let limits = json!({"limits": {"rewards_per_day": 2}});
    client.announce(&with(&campaign_body("c", &yesterday, &today), &limits));
    for wallet in ["alice", "bob"] {
        client.open(wallet);
    }
    client.take_new("alice", &lines(&["t1"], &today));
    client.take_new("alice", &lines(&["t2", "t3"], &today));
    client.take_new("alice", &lines(&["t4"], &today));
    // By the date of the purchase, not the day on which it came.
    client.take_new("alice", &lines(&["y1", "y2", "y3"], &yesterday));
    client.take_new("bob", &lines(&["t1", "t2"], &today));
    let rewards = client.wait_rewards(
        "alice",
        &[
            ("t1", "granted"),
            ("t2", "granted"),
            ("t3", "limit-reached"),
            ("t4", "limit-reached"),
            ("y1", "granted"),
            ("y2", "granted"),
            ("y3", "limit-reached"),
        ],
    );
    client.wait_rewards("bob", &[("t1", "granted"), ("t2", "granted")]);
    assert_eq!(client.posted("alice"), "20.00");
    // What a limit holds back is drawn all the same, and takes nothing of the budget.
    let campaign = client.campaign("c");
    assert_eq!((&campaign["draws"], &campaign["granted"]), (&json!(9), &json!("30.00")));
    assert_eq!(campaign["rewards"], 6);
    let proof = client.proof(text(&rewards[2], "id"));
    assert_eq!((&proof["won"], &proof["amount"]), (&json!(true), &json!("5.00")));
    let told: Vec<_> = (0..6).map(|_| refused.next()).collect();
    assert!(told.iter().all(|told| told["type"] == "reward.granted"), "{told:#?}");
    // A reversal makes no room: it was won.
    client.take_new("alice", &[with(&lines(&["t1"], &today)[0], &json!({"status": "reversed"}))]);
    client.take_new("alice", &lines(&["t5"], &today));
    let newest = client.rewards("alice")[0].clone();
    assert_eq!(
        (&newest["transaction_id"], &newest["status"]),
        (&json!("t5"), &json!("limit-reached"))
    );
}

#[test]
fn a_customer_wins_so_much_a_day() {
    let (mut server, mut client, today) = server();
    client.open("alice");
    client.announce(&with(
        &campaign_body("c", &today, &today),
        &json!({"prizes": [{"percent": "100"}], "limits": {"amount_per_day": "10.00"}}),
    ));
    let line = |id: &str, amount: &str| purchase(id, &today, amount);
    client.take_new("alice", &[line("t1", "6.00"), line("t2", "4.01"), line("t3", "4.00")]);
    client.take_new("alice", &[line("t4", "0.01")]);
    let expected =
        [("t1", "granted"), ("t2", "limit-reached"), ("t3", "granted"), ("t4", "limit-reached")];
    client.wait_rewards("alice", &expected);
    server.kill();
    server.restart();
    client = server.client();
    client.take_new("alice", &[line("t5", "0.01")]);
    assert_eq!(client.rewards("alice")[0]["status"], "limit-reached");
    assert_eq!(client.posted("alice"), "10.00");
}

#[test]
fn the_campaign_with_the_highest_priority_draws() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let yesterday = days_after(&today, -1);
    let campaign =
        |id: &str, first: &str, more: Value| with(&campaign_body(id, first, &today), &more);
    // Announced in an order that plays no part.
    for body in [
        campaign("b-later", &today, json!({"priority": 5})),
        campaign("z-early", &yesterday, json!({"priority": 5})),
        campaign("y-early", &yesterday, json!({"priority": 5})),
        campaign("a-low", &yesterday, json!({"priority": -1})),
        campaign("top", &today, json!({"priority": 9, "min_amount": "50.00"})),
        campaign("usd", &yesterday, json!({"priority": 99, "currency": "USD"})),
        campaign("cafes", &yesterday, json!({"priority": 20, "merchants": {"names": ["Cafe"]}})),
    ] {
        client.announce(&body);
    }
    let cafe = json!({"name": "Cafe"});
    client.take_new(
        "alice",
        &[
            purchase("t1", &today, "49.99"),
            purchase("t2", &today, "50.00"),
            purchase("t3", &yesterday, "50.00"),
            purchase_at("t4", &today, "99.00", &cafe),
        ],
    );
    let expected = [("t1", "y-early"), ("t2", "top"), ("t3", "y-early"), ("t4", "cafes")];
    assert_eq!(drawn_by(&mut client, "alice"), pairs(&expected));
    // One that pauses or whose budget ended draws all the same: what is drawn is promised.
    client.command("/v1/campaigns/top/pause").expect(200);
    client.take_new("alice", &[purchase("t5", &today, "50.00")]);
    let newest = client.rewards("alice")[0].clone();
    assert_eq!((text(&newest, "campaign"), text(&newest, "status")), ("top", "won"));
    for (campaign, draws) in [("y-early", 2), ("top", 2), ("cafes", 1)] {
        client.wait_drawn(campaign, draws);
    }
    for campaign in ["b-later", "z-early", "a-low", "usd"] {
        assert_eq!(client.campaign(campaign)["draws"], 0, "each purchase was drawn in one");
    }
}

#[test]
fn a_campaign_is_for_the_merchants_that_it_names() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let rules = [
        ("any", 0, json!({})),
        ("ids", 3, json!({"ids": ["m-9", "m-1"]})),
        ("codes", 2, json!({"category_codes": ["5411", "5812-5814", "0001"]})),
        (
            "names",
            1,
            json!({"names": ["Cafe*", " Corner SHOP ", "\u{39a}\u{391}\u{3a6}\u{395}\u{3a3}*"]}),
        ),
    ];
    for (id, priority, merchants) in rules {
        let more = json!({"priority": priority, "merchants": merchants});
        client.announce(&with(&campaign_body(id, &today, &today), &more));
    }
    let name = |name: &str| json!({ "name": name });
    let code = |code: &str| json!({ "category_code": code });
    let cases = [
        (Value::Null, "any"),
        (json!({}), "any"),
        (json!({"id": "m-1"}), "ids"),
        (json!({"id": "m-9", "name": "Cafe", "category_code": "5411"}), "ids"),
        (json!({"id": "M-1"}), "any"),
        (json!({"id": "m-10"}), "any"),
        (json!({"id": "m-2", "name": "Cafe", "category_code": "5814"}), "codes"),
        (code("5411"), "codes"),
        (code("5812"), "codes"),
        (code("5813"), "codes"),
        (code("5814"), "codes"),
        (json!({"category_code": 5411}), "codes"),
        (json!({"category_code": 1}), "codes"),
        (code("5811"), "any"),
        (code("5815"), "any"),
        (code("0000"), "any"),
        (name("Cafe"), "names"),
        (name("CAFE CENTRAL"), "names"),
        (name("  cafeteria"), "names"),
        (name("The Cafe"), "any"),
        (name("Caf"), "any"),
        (name("corner shop"), "names"),
        (name("Corner Shop 2"), "any"),
        (name("\u{39a}\u{3b1}\u{3c6}\u{3b5}\u{3c2}"), "names"),
        (name("\u{39a}\u{391}\u{3a6}\u{395}\u{3a3} 1"), "names"),
        (name("\u{39a}\u{391}\u{3a6}\u{395}\u{3a3}\u{391}"), "names"),
    ];
    let line = |(at, (merchant, _)): (usize, &(Value, &str))| {
        purchase_at(&format!("t{at:02}"), &today, "1.00", merchant)
    };
    client.take_new("alice", &cases.iter().enumerate().map(line).collect::<Vec<_>>());
    let expected: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(at, (_, campaign))| (format!("t{at:02}"), (*campaign).to_owned()))
        .collect();
    for ((found, expected), case) in
        drawn_by(&mut client, "alice").iter().zip(&expected).zip(&cases)
    {
        assert_eq!(found, expected, "{case:?}");
    }
    assert_eq!(client.rewards("alice").len(), cases.len());
}

#[test]
fn a_campaign_draws_from_its_first_day_to_its_last() {
    let (_server, mut client, today) = server();
    client.open("alice");
    let day = |days: i32| days_after(&today, days);
    let hours = json!({"starts_at": format!("{}T23:59:59Z", day(-3)),
        "ends_at": format!("{}T00:00:01Z", day(-1))});
    client.announce(&with(&campaign_body("c", &day(-3), &day(-1)), &hours));
    let line = |days: i32| purchase(&format!("t{}", 10 + days), &day(days), "1.00");
    client.take_new("alice", &[line(-4), line(-3), line(-2), line(-1), line(0)]);
    let expected = [("t7", "granted"), ("t8", "granted"), ("t9", "granted")];
    client.wait_rewards("alice", &expected);
    assert_eq!(client.campaign("c")["draws"], 3);
    // What came before a campaign was announced is not drawn any more, what comes after is.
    client.announce(&campaign_body("late", &day(-4), &day(0)));
    client.take("alice", &[line(-4), line(0)]);
    client.take_new("alice", &[purchase("new", &day(0), "1.00")]);
    assert_eq!(drawn_by(&mut client, "alice")[0], ("new".to_owned(), "late".to_owned()));
    client.wait_drawn("late", 1);
}

#[test]
fn each_currency_has_campaigns_of_its_own() {
    let (_server, mut client, today) = server();
    for (wallet, currency, budget, prize) in [
        ("yen", "JPY", "1000", "700"),
        ("dinar", "KWD", "1.000", "0.125"),
        ("euro", "EUR", "9", "5"),
    ] {
        let body = json!({"id": wallet, "currency": currency});
        client.post("/v1/wallets", &format!("open-{wallet}"), &body).expect(201);
        let more = json!({"currency": currency, "budget": budget,
            "prizes": [{"amount": prize}, {"percent": "0.0001"}], "odds": "1"});
        client.announce(&with(&campaign_body(wallet, &today, &today), &more));
    }
    for (wallet, currency, fixed, least) in [
        ("yen", "JPY", "700", "1"),
        ("dinar", "KWD", "0.125", "0.001"),
        ("euro", "EUR", "5.00", "0.01"),
    ] {
        let of = |id: &str, amount: &str| {
            with(&purchase(id, &today, amount), &json!({ "currency": currency }))
        };
        client.take_new(wallet, &[of("t1", "1")]);
        let rewards = client.wait_rewards(wallet, &[("t1", "granted")]);
        let expected = if rewards[0]["prize"] == 0 { fixed } else { least };
        assert_eq!(
            (text(&rewards[0], "amount"), text(&rewards[0], "currency")),
            (expected, currency)
        );
        assert_eq!(client.posted(wallet), expected);
    }
    let all = client.all("/v1/campaigns");
    assert_eq!(texts(&all, "budget"), ["1.000", "9.00", "1000"]);
    client.assert_balanced();
}
