//! The lines of batches, sent and answered.
//!
//! A line is the body of a single call with `op`, its key, and what stands in the address there; its
//! answer is the resource of that call, or the problem, with the line's number and `status`, the HTTP
//! status, instead of the resource's own. So the schemas are made of those of the single calls.
//! NDJSON is described as an array, one element a line, as OpenAPI 3.2 has it.

use serde_json::{Map, Value, json};

use super::texts::{Shape, Way};

/// An operation of a batch: its word, its body, what comes from the address, whether it needs a key.
struct Op {
    word: &'static str,
    body: &'static str,
    address: Option<(&'static str, Shape)>,
    needs_key: bool,
}

const PAYMENT: Op = Op { word: "payment", body: "MakePayment", address: None, needs_key: true };

const OTHERS: [Op; 4] = [
    Op { word: "open-wallet", body: "OpenWallet", address: None, needs_key: false },
    Op { word: "register-provider", body: "RegisterProvider", address: None, needs_key: false },
    Op {
        word: "deposit",
        body: "BookDeposit",
        address: Some(("wallet", Shape::Id)),
        needs_key: true,
    },
    Op {
        word: "refund",
        body: "MakeRefund",
        address: Some(("payment", Shape::MadeId)),
        needs_key: true,
    },
];

/// What a line can be answered with.
const RESOURCES: [&str; 6] =
    ["Payment", "Deposit", "Refund", "Wallet", "Provider", "ProblemDetails"];

/// Writes the schemas of lines, and where they are sent and answered.
pub(super) fn complete(description: &mut Value) {
    let schemas = &description["components"]["schemas"];
    let mut one = line(schemas, &PAYMENT);
    one["required"].as_array_mut().expect("required fields").retain(|field| field != "op");
    let mixed: Vec<Value> =
        std::iter::once(&PAYMENT).chain(&OTHERS).map(|op| line(schemas, op)).collect();
    let answers: Vec<Value> = RESOURCES.iter().map(|name| answer(&schemas[*name])).collect();
    let schemas = &mut description["components"]["schemas"];
    one["description"] = "A payment of a batch.".into();
    schemas["PaymentLine"] = one;
    let what = "A line of a batch: the fields of the single call, and which one.";
    schemas["BatchLine"] = json!({ "description": what, "oneOf": mixed });
    let what = "The answer to a line: what the single call answers, or the problem.";
    schemas["BatchAnswer"] = json!({ "description": what, "anyOf": answers });
    for name in RESOURCES {
        alone(&mut schemas[name]);
    }
    let table = &mut description["paths"]["/admin/export/{table}"]["get"];
    let rows = json!({ "type": "array", "items": { "type": "object" } });
    table["responses"]["200"]["content"]["application/x-ndjson"]["schema"] = rows;
    for (path, sent) in [("/v1/payments/batch", "PaymentLine"), ("/v1/batch", "BatchLine")] {
        let operation = &mut description["paths"][path]["post"];
        let media = |name: &str| {
            let one = json!({ "$ref": format!("#/components/schemas/{name}") });
            json!({ "application/x-ndjson": { "schema": { "type": "array", "items": one } } })
        };
        operation["requestBody"] = json!({ "content": media(sent) });
        operation["responses"]["200"]["content"] = media("BatchAnswer");
    }
}

fn fields(schema: &Value) -> (Map<String, Value>, Vec<Value>) {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    (properties, required)
}

/// The schema of a line with an operation.
fn line(schemas: &Value, op: &Op) -> Value {
    let (mut properties, mut required) = fields(&schemas[op.body]);
    properties.insert("op".to_owned(), json!({ "type": "string", "enum": [op.word] }));
    required.push("op".into());
    let text = |shape: Shape| {
        let mut schema = shape.schema(Way::In);
        schema.insert("type".to_owned(), "string".into());
        schema
    };
    let mut key = text(Shape::Key);
    key.insert("description".to_owned(), "The line's own key".into());
    key.insert("example".to_owned(), "order-17".into());
    if op.needs_key {
        required.push("idempotency_key".into());
    } else {
        key.insert("type".to_owned(), json!(["string", "null"]));
    }
    properties.insert("idempotency_key".to_owned(), Value::Object(key));
    if let Some((name, shape)) = op.address {
        properties.insert(name.to_owned(), Value::Object(text(shape)));
        required.push(name.into());
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of a line's answer with a resource.
fn answer(resource: &Value) -> Value {
    let (mut properties, mut required) = fields(resource);
    required.retain(|field| field != "status");
    required.extend(["index".into(), "status".into()]);
    let more = json!({
        "index": { "type": "integer", "minimum": 0, "description": "Its place, from 0" },
        "status": {
            "type": "integer", "minimum": 200, "maximum": 599, "example": 201,
            "description": "What the single call answers",
        },
        "replayed": { "type": "boolean", "description": "As `Idempotency-Replayed`" },
    });
    let Value::Object(more) = more else { unreachable!("written as an object") };
    properties.extend(more);
    json!({ "type": "object", "properties": properties, "required": required })
}

/// On its own, a resource always says its status; only in lines it does not.
fn alone(resource: &mut Value) {
    let status = &mut resource["properties"]["status"];
    if status["type"] == json!(["string", "null"]) {
        status["type"] = "string".into();
        let words = status["enum"].as_array_mut().expect("a status has words");
        words.retain(|word| !word.is_null());
        resource["required"].as_array_mut().expect("required fields").push("status".into());
    }
}
