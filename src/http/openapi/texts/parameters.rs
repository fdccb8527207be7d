//! What the parameters of addresses, queries and headers look like.
//!
//! As the fields of bodies: by their name, and by the address where the words depend on it. In an
//! address, whatever cannot be an id is not found rather than refused.

use serde_json::{Value, json};

use super::words::{ENTRY_KIND, INVESTMENT_STATUS, KIND, SAGA_STATUS};
use super::{Shape, Way};

/// Parameters with a list of words: address, name, words.
const WORDS: [(&str, &str, &[&str]); 10] = [
    ("/admin/actors", "kind", KIND),
    ("/admin/actors", "state", &["idle", "dirty", "busy"]),
    ("/admin/actors", "sort", &["id", "active", "mailbox"]),
    ("/admin/actors/{kind}/{id}", "kind", KIND),
    ("/admin/actors/{kind}/{id}/passivate", "kind", KIND),
    ("/admin/sagas", "status", SAGA_STATUS),
    ("/v1/advances", "status", &["pending", "active", "failed", "completed", "defaulted"]),
    ("/v1/deals", "status", &["upcoming", "open", "full", "closed"]),
    ("/v1/deals/{id}/investments", "status", INVESTMENT_STATUS),
    ("/v1/wallets/{id}/entries", "kind", ENTRY_KIND),
];

/// Writes the shapes of all parameters into a description.
pub(super) fn complete(description: &mut Value) {
    let paths = description["paths"].as_object_mut().expect("a description has paths");
    for (path, methods) in paths {
        for operation in methods.as_object_mut().expect("methods by name").values_mut() {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                let is_path = parameter["in"] == "path";
                if let Some(schema) = shape(path, &name, is_path) {
                    let description = parameter["schema"]["description"].take();
                    parameter["schema"] = schema;
                    if parameter.get("description").is_none() && description.is_string() {
                        parameter["description"] = description;
                    }
                }
            }
        }
    }
}

/// What a parameter looks like.
fn shape(path: &str, name: &str, is_path: bool) -> Option<Value> {
    if let Some((.., words)) = WORDS.iter().find(|(p, n, _)| *p == path && *n == name) {
        return Some(json!({ "type": "string", "enum": words }));
    }
    let text = |shape: Shape| {
        let mut schema = shape.schema(Way::In);
        schema.insert("type".to_owned(), json!("string"));
        Some(Value::Object(schema))
    };
    let number = |least: u32, most: u32, default: u32| {
        Some(json!({ "type": "integer", "minimum": least, "maximum": most, "default": default }))
    };
    match (path, name) {
        ("/v1/providers/{id}/reimbursements/{rmb}", "limit") => number(1, 10_000, 500),
        (_, "limit") => number(1, 500, 50),
        (_, "count") => number(1, 500, 10),
        (_, "Idempotency-Key") => text(Shape::Key),
        (_, "Prefer" | "Last-Event-ID") => Some(json!({ "type": "string" })),
        (_, "cursor") => Some(json!({ "type": "string", "minLength": 1 })),
        (_, "from" | "to") => text(Shape::Instant),
        (_, "member") => text(Shape::LineId),
        (_, "reimbursement") => text(Shape::MadeId),
        _ if is_path => text(Shape::MadeId),
        _ => None,
    }
}
