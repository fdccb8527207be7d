//! What the answers of many operations have in common, written into each operation's description:
//! its refusals, status by status, and the headers.
//!
//! A handler says only what its yes looks like. How it can be told no follows from what it takes (an
//! address with an id, a query, a body, a key), so it is worked out here instead of being repeated
//! sixty times. What does not follow stands in [`MORE`]. A status that is not described is a fault:
//! `tests/schema` holds the running server against this.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Statuses that do not follow from what an operation takes.
const MORE: [(&str, &str, u16); 9] = [
    ("get", "/readyz", 503),
    ("get", "/admin/clock", 404),
    ("post", "/admin/clock", 404),
    ("post", "/admin/actors/{kind}/{id}/passivate", 409),
    ("post", "/admin/sagas/{id}/retry", 409),
    ("post", "/v1/wallets/{id}/transactions", 409),
    ("get", "/v1/outcomes", 410),
    ("get", "/v1/outcomes/events", 410),
    ("delete", "/v1/investments/{id}", 409),
];

/// Operations that answer as long as the process lives.
const ALWAYS: [&str; 4] = ["/livez", "/metrics", "/admin/gateways", "/admin/clock"];

/// Answers to something new that say no `Location`: there is no address for it alone.
const NOWHERE: [(&str, &str); 2] =
    [("/v1/payments/{id}/refunds", "201"), ("/v1/wallets/{id}/transactions", "202")];

/// Statuses of refusals, and what each means.
const REFUSALS: [(u16, &str); 9] = [
    (400, "Not well formed"),
    (404, "There is no such thing"),
    (408, "The body did not arrive in time"),
    (409, "The state says no"),
    (410, "The cursor is too old"),
    (413, "The body is too large"),
    (415, "The body is not of a type that is taken here"),
    (422, "Well formed, but makes no sense"),
    (503, "Too much is waiting, or the server is not ready: try again later, with the same key"),
];

/// Completes the description of every operation.
pub(super) fn complete(description: &mut Value) {
    let paths = description["paths"].as_object_mut().expect("a description has paths");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().expect("methods by name") {
            refuse(path, method, operation);
            head(path, operation);
        }
    }
    description["components"]["responses"] = refusals();
    description["components"]["headers"] = headers();
}

fn takes(operation: &Value, place: &str) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters.is_some_and(|parameters| parameters.iter().any(|one| one["in"] == place))
}

fn takes_key(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"))
}

/// Writes the refusals into an operation.
fn refuse(path: &str, method: &str, operation: &mut Value) {
    let mut statuses = BTreeSet::new();
    if takes(operation, "path") {
        statuses.insert(404);
    }
    if takes(operation, "query") {
        statuses.insert(400);
    }
    if takes_key(operation) {
        statuses.extend([400, 409, 422]);
    }
    if let Some(content) = operation.pointer("/requestBody/content") {
        statuses.extend([400, 408, 413, 415]);
        // Of many lines, each is refused on its own.
        if content.pointer("/application~1x-ndjson").is_none() {
            statuses.insert(422);
        }
    }
    if !ALWAYS.contains(&path) || method != "get" {
        statuses.insert(503);
    }
    let more = MORE.iter().filter(|(verb, place, _)| *verb == method && *place == path);
    statuses.extend(more.map(|(_, _, status)| *status));
    let responses = operation["responses"].as_object_mut().expect("an operation has answers");
    responses.retain(|status, _| !matches!(status.as_str(), "4XX" | "5XX"));
    for status in statuses {
        let refusal = format!("#/components/responses/Refused{status}");
        responses.insert(status.to_string(), json!({ "$ref": refusal }));
    }
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Writes the headers into the answers of an operation that are no refusals.
fn head(path: &str, operation: &mut Value) {
    let (takes_key, waits) = (
        takes_key(operation),
        operation["parameters"]
            .as_array()
            .is_some_and(|parameters| parameters.iter().any(|one| one["name"] == "Prefer")),
    );
    let responses = operation["responses"].as_object_mut().expect("an operation has answers");
    for (status, response) in responses {
        if response.get("$ref").is_some() {
            continue;
        }
        let mut headers = Map::new();
        headers.insert("X-Request-Id".to_owned(), header("X-Request-Id"));
        let is_new = matches!(status.as_str(), "201" | "202");
        if is_new && !NOWHERE.contains(&(path, status)) {
            headers.insert("Location".to_owned(), header("Location"));
        }
        if takes_key {
            let name = "Idempotency-Replayed";
            headers.insert(name.to_owned(), header(name));
        }
        if waits && status == "200" {
            headers.insert("Preference-Applied".to_owned(), header("Preference-Applied"));
        }
        response["headers"] = Value::Object(headers);
    }
}

fn refusals() -> Value {
    let one = |(status, meaning): (u16, &str)| {
        let mut headers = Map::new();
        headers.insert("X-Request-Id".to_owned(), header("X-Request-Id"));
        if matches!(status, 409 | 422) {
            headers.insert("Idempotency-Replayed".to_owned(), header("Idempotency-Replayed"));
        }
        if status == 503 {
            headers.insert("Retry-After".to_owned(), header("Retry-After"));
        }
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let response = json!({
            "description": meaning,
            "headers": headers,
            "content": { "application/problem+json": { "schema": schema } },
        });
        (format!("Refused{status}"), response)
    };
    Value::Object(REFUSALS.into_iter().map(one).collect())
}

fn headers() -> Value {
    json!({
        "X-Request-Id": {
            "description": "The id of the request: the client's own, or one made here",
            "required": true,
            "schema": { "type": "string", "pattern": "^[!-~]{1,128}$" },
            "example": "req_5b0c6e4d0000000001",
        },
        "Location": {
            "description": "Where it is",
            "required": true,
            "schema": { "type": "string", "format": "uri-reference" },
            "example": "/v1/wallets/alice",
        },
        "Idempotency-Replayed": {
            "description": "On the answer of an earlier request with the same key",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "Preference-Applied": {
            "description": "The wait that was granted: what was asked for has ended",
            "schema": { "type": "string", "pattern": "^wait=[0-9]{1,2}$" },
            "example": "wait=10",
        },
        "Retry-After": {
            "description": "In how many seconds to try again",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
            "example": 1,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_domain::code::Code;

    #[test]
    fn every_status_of_a_refusal_is_one_of_the_table_of_codes() {
        let known: BTreeSet<u16> = Code::ALL.iter().map(|code| code.status()).collect();
        for (status, _) in REFUSALS {
            assert!(known.contains(&status), "{status}");
        }
        for (_, _, status) in MORE {
            assert!(REFUSALS.iter().any(|(refusal, _)| *refusal == status), "{status}");
        }
    }

    #[test]
    fn refusals_follow_from_what_an_operation_takes() {
        let check = |operation: Value, expected: &[&str]| {
            let mut operation = operation;
            refuse("/v1/x", "post", &mut operation);
            let found: Vec<&String> =
                operation["responses"].as_object().expect("answers").keys().collect();
            assert_eq!(found, expected);
        };
        check(json!({ "responses": { "4XX": {}, "5XX": {} } }), &["503"]);
        let parameters = json!([{ "in": "path", "name": "id" }]);
        check(json!({ "parameters": parameters, "responses": {} }), &["404", "503"]);
        let parameters = json!([{ "in": "header", "name": "Idempotency-Key" }]);
        check(
            json!({ "parameters": parameters, "responses": { "201": {} } }),
            &["201", "400", "409", "422", "503"],
        );
        check(
            json!({ "requestBody": { "content": { "application/json": {} } }, "responses": {} }),
            &["400", "408", "413", "415", "422", "503"],
        );
    }
}
