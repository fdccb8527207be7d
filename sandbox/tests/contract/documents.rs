//! Documents: made once per key, voided as often as one likes.
//!
//! The facts here are those of an undisturbed maker of documents: the first answer of a key, the
//! address that leads to the document, voiding, and what is refused. What goes wrong on purpose is
//! in `faults.rs`.

use serde_json::{Value, json};

use crate::harness::Bench;

fn document(subject: &str) -> Value {
    json!({ "kind": "contract", "subject": subject, "data": { "b": 1, "a": [2, "x"] } })
}

#[actix_web::test]
async fn a_document_is_made_once_and_voided_for_good() {
    let bench = Bench::start();
    let made = bench.post("/documents", "k", &document("inv_1")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, url) = (made.json()["id"].clone(), made.json()["url"].clone());
    let id = id.as_str().expect("an id");
    assert_eq!(url, format!("{}/documents/{id}", bench.running().url()));
    let again = bench.post("/documents", "k", &document("inv_1")).await;
    assert_eq!((again.status, &again.text), (201, &made.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));

    let path = format!("/documents/{id}");
    let status = async || bench.get(&path).await.json()["status"].clone();
    assert_eq!(status().await, "made");
    for _ in 0..2 {
        assert_eq!(bench.delete(&path).await.status, 204);
        assert_eq!(status().await, "voided");
    }
    assert_eq!(bench.post("/documents", "k", &document("inv_1")).await.text, made.text);
    let documents = bench.ledger().await["documents"].clone();
    let expected = json!([{
        "id": id, "key": "k", "kind": "contract", "subject": "inv_1", "status": "voided",
        "at": documents[0]["at"],
    }]);
    assert_eq!(documents, expected);
}

#[actix_web::test]
async fn what_is_wrong_with_a_document_is_told() {
    let bench = Bench::start();
    bench.post("/documents", "used", &document("inv_1")).await;
    let mut other = document("inv_1");
    other["data"]["b"] = json!(2);
    for (key, body, status, code) in [
        ("used", document("inv_2"), 422, "idempotency-key-reused"),
        ("used", other, 422, "idempotency-key-reused"),
        ("k", json!({ "kind": "", "subject": "s", "data": 1 }), 422, "invalid-field"),
        ("k", json!({ "kind": "k", "subject": "", "data": 1 }), 422, "invalid-field"),
        ("k", json!({ "kind": "k", "subject": "s" }), 400, "malformed-request"),
        ("k", json!({ "kind": "k", "subject": "s", "data": 1, "x": 1 }), 400, "malformed-request"),
    ] {
        let problem = bench.post("/documents", key, &body).await.problem();
        assert_eq!(problem, (status, code.to_owned()), "{key} {body}");
    }
    for answer in [bench.get("/documents/doc_0").await, bench.delete("/documents/doc_0").await] {
        assert_eq!(answer.problem(), (404, "document-not-found".to_owned()));
    }
}
