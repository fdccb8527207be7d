//! What the texts of bodies look like: a pattern, a format or a list of words for each.
//!
//! A word of the glossary means the same wherever it stands, so a shape goes by the name of the
//! field: `currency` is a currency in every body. Fields whose words depend on the resource stand in
//! [`WORDS`]. Requests are taken a little more narrowly or widely than answers are given: amounts
//! carry no sign, instants may be dates. Every text has a shape or is known to be anyone's words
//! (`words::FREE`); a test sees to that, and `tests/schema` sees that the server keeps to it.

mod parameters;
mod words;

use serde_json::{Map, Value, json};

use words::{FREE, NAMED, SHAPED, WORDS};

/// What a text looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A decimal in major units.
    Money,
    /// ISO 4217.
    Currency,
    /// RFC 3339; in UTC with milliseconds in answers.
    Instant,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM`.
    Time,
    /// An id that clients may choose.
    Id,
    /// An id that may be one that the server made.
    MadeId,
    /// A client's name for a line: an activity, a bank line.
    LineId,
    /// An idempotency key.
    Key,
    /// 32 bytes as hexadecimal digits.
    Digest,
    /// Four digits of ISO 18245.
    CategoryCode,
    /// The same, or a range of them.
    CategoryCodes,
    /// A decimal or a fraction.
    Odds,
    /// A decimal.
    Percent,
    /// One of the stable codes, or a third party's word.
    Code,
}

/// Whether a text is sent or given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// In a request.
    In,
    /// In an answer.
    Out,
}

impl Shape {
    /// The part of a schema that says so.
    pub(super) fn schema(self, way: Way) -> Map<String, Value> {
        let pattern = |pattern: &str| json!({ "pattern": pattern });
        let schema = match (self, way) {
            (Self::Money, Way::In) => {
                json!({ "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$", "maxLength": 32 })
            }
            (Self::Money, Way::Out) => pattern(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"),
            (Self::Currency, _) => pattern("^[A-Z]{3}$"),
            (Self::Instant, Way::In) => {
                json!({ "anyOf": [{ "format": "date-time" }, { "format": "date" }] })
            }
            (Self::Instant, Way::Out) => {
                let utc = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$";
                json!({ "format": "date-time", "pattern": utc })
            }
            (Self::Date, _) => json!({ "format": "date" }),
            (Self::Time, _) => pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$"),
            (Self::Id, _) => pattern("^[A-Za-z0-9_-]{1,64}$"),
            (Self::MadeId, _) => pattern("^[A-Za-z0-9_-]{1,96}$"),
            (Self::LineId, _) => json!({ "minLength": 1, "maxLength": 64 }),
            (Self::Key, _) => pattern("^[!-~]{1,255}$"),
            (Self::Digest, _) => pattern("^[0-9a-f]{64}$"),
            (Self::CategoryCode, _) => pattern("^[0-9]{4}$"),
            (Self::CategoryCodes, _) => pattern("^[0-9]{4}(-[0-9]{4})?$"),
            (Self::Odds, _) => pattern(r"^[0-9]{1,19}(/[0-9]{1,19}|\.[0-9]{1,19})?$"),
            (Self::Percent, _) => pattern(r"^[0-9]+(\.[0-9]+)?$"),
            (Self::Code, _) => pattern("^[A-Za-z0-9_.:-]+$"),
        };
        if let Value::Object(schema) = schema { schema } else { Map::new() }
    }
}

/// Writes the shapes of all texts into a description.
pub(super) fn complete(description: &mut Value) {
    let schemas = description["components"]["schemas"].as_object_mut().expect("schemas by name");
    for (name, schema) in schemas {
        let way = if is_closed(schema) { Way::In } else { Way::Out };
        walk(name, schema, way);
    }
    parameters::complete(description);
}

/// Whether unknown fields are refused: only bodies of requests say so.
fn is_closed(schema: &Value) -> bool {
    schema["additionalProperties"] == Value::Bool(false)
}

/// Goes through the fields of a schema and of those in it.
fn walk(owner: &str, schema: &mut Value, way: Way) {
    let Some(schema) = schema.as_object_mut() else { return };
    for list in ["oneOf", "anyOf", "allOf"] {
        for one in schema.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            walk(owner, one, way);
        }
    }
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    let is_page = fields.as_ref().is_some_and(|fields| fields.contains_key("next_cursor"));
    for (name, field) in fields.into_iter().flatten() {
        shape(owner, name, field, way);
        walk(&format!("{owner}.{name}"), field, way);
    }
    if is_page && let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        // It is null on the last page, but always there.
        required.push("next_cursor".into());
    }
    if let Some(items) = schema.get_mut("items") {
        walk(owner, items, way);
    }
}

/// Whether a schema takes values of a type.
fn takes(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// Whether a schema is of a text that nothing is said about.
fn is_bare(schema: &Value) -> bool {
    let said = ["enum", "pattern", "format", "anyOf", "maxLength", "minLength"];
    takes(schema, "string") && said.iter().all(|word| schema.get(word).is_none())
}

/// Writes the shape of one field.
fn shape(owner: &str, name: &str, field: &mut Value, way: Way) {
    let field = if takes(field, "array") { &mut field["items"] } else { field };
    if !is_bare(field) {
        return;
    }
    let is_nullable = takes(field, "null");
    let Some(field) = field.as_object_mut() else { return };
    if let Some((.., words)) = WORDS.iter().find(|(o, n, _)| *o == owner && *n == name) {
        let mut words: Vec<Value> = words.iter().map(|word| json!(word)).collect();
        if is_nullable {
            words.push(Value::Null);
        }
        field.insert("enum".to_owned(), Value::Array(words));
    } else if let Some((.., most)) = FREE.iter().find(|(o, n, _)| *o == owner && *n == name) {
        field.insert("maxLength".to_owned(), json!(most));
    } else if let Some(shape) = shape_of(owner, name) {
        field.extend(shape.schema(way));
    }
}

fn shape_of(owner: &str, name: &str) -> Option<Shape> {
    let here = SHAPED.iter().find(|(o, n, _)| *o == owner && *n == name);
    let named = || NAMED.iter().find(|(names, _)| names.contains(&name));
    here.map(|(.., shape)| *shape).or_else(|| named().map(|(_, shape)| *shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi::whole;

    /// Anyone's words in answers, as they were given.
    const SAID: [&str; 24] = [
        "account",
        "address",
        "bank_account",
        "counterparty",
        "description",
        "detail",
        "email",
        "idempotency_key",
        "key",
        "member",
        "name",
        "names",
        "next_cursor",
        "outcome",
        "owner",
        "pointer",
        "reason",
        "reference",
        "request_id",
        "time_zone",
        "title",
        "transaction",
        "url",
        "waits_for",
    ];

    fn bare(owner: &str, schema: &Value, found: &mut Vec<String>) {
        for list in ["oneOf", "anyOf", "allOf"] {
            for one in schema[list].as_array().into_iter().flatten() {
                bare(owner, one, found);
            }
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let text = if takes(field, "array") { &field["items"] } else { field };
            if is_bare(text) && !SAID.contains(&name.as_str()) {
                found.push(format!("{owner}.{name}"));
            }
            bare(&format!("{owner}.{name}"), field, found);
        }
        bare_items(owner, schema, found);
    }

    fn bare_items(owner: &str, schema: &Value, found: &mut Vec<String>) {
        if let Some(items) = schema.get("items") {
            bare(owner, items, found);
        }
    }

    #[test]
    fn every_text_has_a_shape_or_is_anyones_words() {
        let whole = whole();
        let mut found = Vec::new();
        for (name, schema) in whole["components"]["schemas"].as_object().expect("schemas") {
            bare(name, schema, &mut found);
        }
        assert!(found.is_empty(), "no shape: {found:#?}");
    }

    #[test]
    fn shapes_are_put_beside_what_was_said() {
        let mut schema = json!({ "additionalProperties": false, "properties": {
            "amount": { "type": "string", "example": "1.00" },
            "currency": { "type": ["string", "null"] },
            "count": { "type": "integer" },
        }});
        walk("X", &mut schema, Way::In);
        assert_eq!(schema["properties"]["amount"]["maxLength"], 32);
        assert_eq!(schema["properties"]["amount"]["example"], "1.00");
        assert_eq!(schema["properties"]["currency"]["pattern"], "^[A-Z]{3}$");
        assert_eq!(schema["properties"]["count"], json!({ "type": "integer" }));
    }
}
