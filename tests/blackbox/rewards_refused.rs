//! Campaigns that make no sense: refused, with the place of the fault, and without a trace.
//!
//! Each case changes a good body in one place. After all of them there is no campaign, and the good
//! body is still taken under the same id and key.

use serde_json::{Value, json};

use crate::http::{Client, JSON, Request};
use crate::providers_desk::days_after;
use crate::rewards_desk::{campaign_body, server, with};

/// Announces a good campaign with members changed, and expects this refusal.
fn refused(client: &mut Client, good: &Value, members: &Value, code: &str, pointer: &str) {
    let status = if code == "malformed-request" { 400 } else { 422 };
    let answer = client.post("/v1/campaigns", "k", &with(good, members));
    assert_eq!(answer.status, status, "{members}: {}", answer.text());
    let problem = answer.problem(status, code);
    if pointer.is_empty() {
        assert_eq!(problem["errors"], Value::Null, "{members}: {problem}");
    } else {
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{members}: {problem}");
    }
}

/// The good one is still to be had.
fn nothing_was_announced(client: &mut Client, good: &Value) {
    assert_eq!(client.all("/v1/campaigns"), [] as [Value; 0]);
    assert!(!client.post("/v1/campaigns", "k", good).is_replay());
    client.campaign("c");
}

/// Amounts that are none.
fn bad_amounts() -> Vec<Value> {
    let texts = ["0", "0.00", "-5", "+5", "1e3", "1.234", "1,000", "", "92233720368547758.08"];
    let numbers = [json!(0), json!(100), json!(100.5)];
    texts.into_iter().map(Value::from).chain(numbers).collect()
}

#[test]
fn terms_that_make_no_sense_name_the_faulty_field() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    let cases = [
        (json!({"id": "a b"}), "invalid-id", "/id"),
        (json!({"id": ""}), "invalid-id", "/id"),
        (json!({"id": "x".repeat(65)}), "invalid-id", "/id"),
        (json!({"name": "x".repeat(201)}), "invalid-field", "/name"),
        (json!({"name": "a\u{7}"}), "invalid-field", "/name"),
        (json!({"currency": "EURO"}), "unknown-currency", "/currency"),
        (json!({"currency": "eur"}), "unknown-currency", "/currency"),
        (json!({"currency": "JPY"}), "invalid-amount", "/budget"),
        (json!({"starts_at": "soon"}), "invalid-field", "/starts_at"),
        (json!({"starts_at": "2026-02-30"}), "invalid-field", "/starts_at"),
        (json!({"ends_at": "later"}), "invalid-field", "/ends_at"),
        (json!({"ends_at": today}), "invalid-field", "/ends_at"),
        (json!({"ends_at": days_after(&today, -1)}), "invalid-field", "/ends_at"),
        (json!({"ends_at": days_after(&today, 3_661)}), "invalid-field", "/ends_at"),
        (
            json!({"starts_at": format!("{today}T10:00:00Z"),
            "ends_at": format!("{today}T11:00:00+01:00")}),
            "invalid-field",
            "/ends_at",
        ),
        (json!({"on_reversal": "perhaps"}), "invalid-field", "/on_reversal"),
        (json!({"on_reversal": "Keep"}), "invalid-field", "/on_reversal"),
        (json!({"limits": {"rewards_per_day": 0}}), "invalid-field", "/limits/rewards_per_day"),
    ];
    for (members, code, pointer) in &cases {
        refused(&mut client, &good, members, code, pointer);
    }
    for amount in bad_amounts() {
        let limit = json!({ "limits": { "amount_per_day": amount } });
        refused(&mut client, &good, &limit, "invalid-amount", "/limits/amount_per_day");
        let members = json!({ "budget": amount });
        refused(&mut client, &good, &members, "invalid-amount", "/budget");
        let members = json!({ "min_amount": amount });
        refused(&mut client, &good, &members, "invalid-amount", "/min_amount");
    }
    nothing_was_announced(&mut client, &good);
    let longest = with(&good, &json!({"id": "d", "ends_at": days_after(&today, 3_660)}));
    client.announce(&longest);
}

#[test]
fn odds_that_are_no_chance_are_refused() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    for odds in [
        "0",
        "0.0",
        "0/1",
        "1.1",
        "2",
        "2/1",
        "21/20",
        "abc",
        "",
        " ",
        "1/0",
        "0/0",
        "1/",
        "/20",
        "1/2/3",
        "-1/2",
        "1/-2",
        "-0.5",
        "+0.5",
        " 0.5",
        "0.5 ",
        ".5",
        "1.",
        "0,5",
        "5%",
        "5e-2",
        "1_0/20",
        "0x1/2",
        "NaN",
        "0.5/1",
        "\u{0661}",
        "1/1000000000000000001",
        "1/18446744073709551616",
        "0.0000000000000000001",
        "1/99999999999999999999999999",
    ] {
        refused(&mut client, &good, &json!({ "odds": odds }), "invalid-odds", "/odds");
    }
    nothing_was_announced(&mut client, &good);
}

#[test]
fn prizes_that_are_none_are_refused() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    let prize = |prize: Value| json!({ "prizes": [{"amount": "1.00"}, prize] });
    let cases = [
        (json!({}), ""),
        (json!({"weight": 2}), ""),
        (json!({"amount": "1.00", "percent": "5"}), ""),
        (json!({"amount": "1.00", "rounding": "up"}), ""),
        (json!({"amount": "1.00", "max": "2.00"}), ""),
        (json!({"amount": "1.00", "weight": 0}), "/weight"),
        (json!({"percent": "5", "weight": 0}), "/weight"),
        (json!({"percent": "5", "rounding": "nearest"}), "/rounding"),
        (json!({"percent": "5", "rounding": ""}), "/rounding"),
    ];
    for (bad, place) in cases {
        let pointer = format!("/prizes/1{place}");
        refused(&mut client, &good, &prize(bad), "invalid-prizes", &pointer);
    }
    for percent in [
        "0",
        "0.0000",
        "-5",
        "+5",
        "1000.0001",
        "1001",
        "0.00001",
        "5.00001",
        "abc",
        "",
        " 5",
        "5 ",
        "5%",
        "1e2",
        "1_0",
        "0x5",
        "NaN",
        "1,5",
        ".",
        "5.",
        ".5",
        "1/2",
        "99999999999999999999999999999999",
    ] {
        let bad = prize(json!({ "percent": percent }));
        refused(&mut client, &good, &bad, "invalid-prizes", "/prizes/1/percent");
    }
    for amount in bad_amounts() {
        let bad = prize(json!({ "amount": amount }));
        refused(&mut client, &good, &bad, "invalid-amount", "/prizes/1/amount");
        let bad = prize(json!({"percent": "5", "max": amount}));
        refused(&mut client, &good, &bad, "invalid-amount", "/prizes/1/max");
    }
    refused(&mut client, &good, &json!({"prizes": []}), "invalid-prizes", "/prizes");
    let many = vec![json!({"amount": "1.00"}); 101];
    refused(&mut client, &good, &json!({ "prizes": many }), "invalid-prizes", "/prizes");
    nothing_was_announced(&mut client, &good);
    let most = json!({"id": "d", "prizes": many[1..]});
    client.announce(&with(&good, &most));
    let extremes = json!([{"percent": "0.0001", "weight": 4_294_967_295_u32}, {"percent": "1000"}]);
    client.announce(&with(&good, &json!({"id": "e", "prizes": extremes})));
}

#[test]
fn rules_for_merchants_that_fit_nobody_are_refused() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    for code in [
        "541",
        "54111",
        "",
        " 5411",
        "5411 ",
        "abcd",
        "54-5411",
        "5411-54",
        "5814-5812",
        "-5411",
        "5411-",
        "5411-5412-5413",
        "54 11",
        "+411",
        "\u{0665}\u{0664}\u{0661}\u{0661}",
    ] {
        let rules = json!({ "merchants": { "category_codes": ["5411", code] } });
        let pointer = "/merchants/category_codes/1";
        refused(&mut client, &good, &rules, "invalid-field", pointer);
    }
    for list in ["ids", "names"] {
        for bad in [String::new(), "x".repeat(257)] {
            let rules = json!({ "merchants": { list: ["good", bad] } });
            let pointer = format!("/merchants/{list}/1");
            refused(&mut client, &good, &rules, "invalid-field", &pointer);
        }
    }
    for list in ["ids", "category_codes", "names"] {
        let rules = json!({ "merchants": { list: vec!["5411"; 1_001] } });
        refused(&mut client, &good, &rules, "invalid-field", &format!("/merchants/{list}"));
    }
    nothing_was_announced(&mut client, &good);
}

#[test]
fn bodies_that_are_not_well_formed_are_refused() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for members in [
        json!({"colour": "red"}),
        json!({"secret": "00"}),
        json!({"granted": "0.00"}),
        json!({"status": "running"}),
        json!({"currency": null}),
        json!({"budget": null}),
        json!({"starts_at": null}),
        json!({"ends_at": null}),
        json!({"odds": null}),
        json!({"prizes": null}),
        json!({"odds": 0.05}),
        json!({"odds": 1}),
        json!({"odds": ["1"]}),
        json!({"odds": {"wins": 1, "of": 20}}),
        json!({"prizes": {"amount": "1.00"}}),
        json!({"prizes": "1.00"}),
        json!({"prizes": ["1.00"]}),
        json!({"prizes": [{"amount": ["1.00"]}]}),
        json!({"prizes": [{"amount": "1.00", "colour": "red"}]}),
        json!({"prizes": [{"percent": 5}]}),
        json!({"prizes": [{"amount": "1.00", "weight": "1"}]}),
        json!({"prizes": [{"amount": "1.00", "weight": -1}]}),
        json!({"prizes": [{"amount": "1.00", "weight": 1.5}]}),
        json!({"prizes": [{"amount": "1.00", "weight": 4_294_967_296_u64}]}),
        json!({"merchants": "all"}),
        json!({"merchants": {"colours": ["red"]}}),
        json!({"merchants": {"ids": "m-1"}}),
        json!({"merchants": {"ids": [1]}}),
        json!({"merchants": {"category_codes": [5411]}}),
        json!({"merchants": {"names": [["Cafe"]]}}),
        json!({"limits": 3}),
        json!({"limits": {"rewards_per_week": 3}}),
        json!({"limits": {"rewards_per_day": "3"}}),
        json!({"limits": {"rewards_per_day": -3}}),
        json!({"limits": {"rewards_per_day": 4_294_967_296_u64}}),
        json!({"priority": "high"}),
        json!({"priority": 1.5}),
        json!({"priority": 2_147_483_648_u64}),
        json!({"on_reversal": true}),
        json!({"name": 5}),
        json!({"name": deep}),
    ] {
        refused(&mut client, &good, &members, "malformed-request", "");
    }
    nothing_was_announced(&mut client, &good);
}

#[test]
fn a_list_of_values_is_not_taken_for_an_object_anywhere() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    for members in [
        json!({"prizes": [[1, "5.00", null, null, null]]}),
        json!({"prizes": [{"amount": "1.00"}, [1, null, "5", "up", "2.00"]]}),
        json!({"merchants": [["m-1"], null, null]}),
        json!({"merchants": [null, null, null]}),
        json!({"limits": [3, "50.00"]}),
        json!({"limits": [null, null]}),
    ] {
        refused(&mut client, &good, &members, "malformed-request", "");
    }
    nothing_was_announced(&mut client, &good);
}

#[test]
fn what_is_no_body_of_the_call_is_refused_whole() {
    let (_server, mut client, today) = server();
    let good = campaign_body("c", &today, &today);
    let twice = good.to_string().replacen('{', r#"{"odds":"0.5","#, 1);
    let prize_twice = with(&good, &json!({"prizes": ["here"]})).to_string();
    let prize_twice = prize_twice.replace(r#""here""#, r#"{"amount":"1.00","amount":"2.00"}"#);
    let whole = good.to_string();
    for body in ["", "null", "[]", "5", "{", "{}", &twice, &prize_twice, &whole[..40]] {
        let request = Request::new("POST", "/v1/campaigns").key("k").body(JSON, body);
        client.send(&request).problem(400, "malformed-request");
    }
    let request = Request::new("POST", "/v1/campaigns").key("k").body(JSON, format!("{whole} x"));
    client.send(&request).problem(400, "malformed-request");
    let request = Request::new("POST", "/v1/campaigns").key("k").body("text/plain", whole);
    client.send(&request).problem(415, "unsupported-media-type");
    let request = Request::post("/v1/campaigns", &good).key("a b");
    client.send(&request).problem(400, "malformed-request");
    nothing_was_announced(&mut client, &good);
}
