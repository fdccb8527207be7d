//! What the API says of itself, where it was once wrong: numbers, instants, and how it says no.
//!
//! `tests/schema` holds the whole server against its description with a tool of its own. What it
//! found stands here, so that it is seen without that tool, too.

use serde_json::{Value, json};

use crate::bank::deposit_body;
use crate::harness::Server;

#[test]
fn a_whole_number_may_have_a_fraction_of_zero() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    let deal =
        |most: Value| json!({"name":"D","amount":"1.00","currency":"EUR","max_investors":most});
    let opened = client.post("/v1/deals", "d1", &deal(json!(200.0))).expect(201);
    assert_eq!(opened["max_investors"], 200);
    client.post("/v1/deals", "d2", &deal(json!(1.5))).problem(400, "malformed-request");
    client.post("/v1/deals", "d3", &deal(json!(1e300))).problem(400, "malformed-request");
    let line = |code: Value| {
        json!([{"transaction_id":"t","date":"2020-01-01","status":"posted","amount":"1.00",
                "currency":"EUR","merchant":{"category_code":code}}])
    };
    for (at, (code, expected)) in [
        (json!(5814.0), "outside-window"),
        (json!("5814"), "outside-window"),
        (json!(5814.5), "malformed-request"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = "/v1/wallets/alice/transactions";
        let answer = client.post(path, &format!("t{at}"), &line(code.clone())).expect(202);
        assert_eq!(answer["items"][0]["code"], expected, "{code}");
    }
}

#[test]
fn an_instant_is_rfc_3339_and_nothing_else() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    for (at, text) in [
        "-009998-01-02T00:00:00Z",
        "0000-01-01T00:00:00+23:59",
        "20261120T101530Z",
        "2026-11-20 10:15Z",
        "2026-11-20T10:15:30Z[UTC]",
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = deposit_body("1.00");
        body["effective_at"] = json!(text);
        let answer = client.post("/v1/wallets/alice/deposits", &format!("bad{at}"), &body);
        let problem = answer.problem(422, "invalid-field");
        assert_eq!(problem["errors"][0]["pointer"], "/effective_at", "{text}");
    }
    let mut body = deposit_body("1.00");
    body["effective_at"] = json!("2026-11-20t10:15:30.25-01:00");
    let booked = client.post("/v1/wallets/alice/deposits", "good", &body).expect(201);
    assert_eq!(booked["effective_at"], "2026-11-20T11:15:30.250Z");
}

#[test]
fn every_way_to_be_told_no_is_described() {
    let server = Server::start();
    let whole = server.client().get("/openapi.json").expect(200);
    for (path, methods) in whole["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let answers = operation["responses"].as_object().expect("answers");
            for (status, answer) in answers {
                assert!(status.parse::<u16>().is_ok(), "{method} {path}: {status} is a guess");
                let place = answer["$ref"].as_str().map(|place| place.trim_start_matches('#'));
                let answer = place.map_or(Some(answer), |place| whole.pointer(place));
                let answer = answer.expect("what is referred to is there");
                assert!(answer["headers"]["X-Request-Id"].is_object(), "{method} {path} {status}");
            }
            let needs_id = path.contains("{id}");
            assert!(!needs_id || answers.contains_key("404"), "{method} {path}");
        }
    }
    let count = &whole["paths"]["/v1/providers/{id}/schedule"]["get"]["parameters"][1];
    assert_eq!((&count["name"], &count["in"]), (&json!("count"), &json!("query")));
}
