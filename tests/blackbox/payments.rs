//! Payments and refunds: what they answer, what they move, and what refuses them.
//!
//! A payment is answered when it is on disk, so its balance reads back at once. A refund goes to
//! the provider and back; the tests wait for it (`Prefer: wait`). Refunds over crashes and from
//! disk are in `refunds`.

use serde_json::json;

use crate::bank::payment_body;
use crate::harness::Server;

fn server_with_money() -> Server {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "10.00");
    client.register("shop");
    server
}

#[test]
fn a_payment_is_posted_with_the_balance_after_it() {
    let server = server_with_money();
    let mut client = server.client();
    let mut body = payment_body("alice", "shop", "2.5");
    body["description"] = json!("two coffees");
    body["metadata"] = json!({"table": "7"});
    body["effective_at"] = json!("2020-02-29T00:00:00Z");
    let paid = client.post("/v1/payments", "p1", &body).expect(201);
    assert!(paid["id"].as_str().is_some_and(|id| id.starts_with("pay_")), "{paid}");
    assert_eq!(paid["status"], "posted");
    assert_eq!(paid["balance_after"], "7.50");
    assert_eq!(paid["amount"], "2.50");
    assert_eq!(paid["currency"], "EUR");
    assert_eq!(paid["wallet"], "alice");
    assert_eq!(paid["provider"], "shop");
    assert_eq!(paid["description"], "two coffees");
    assert_eq!(paid["metadata"], json!({"table": "7"}));
    assert_eq!(paid["effective_at"], "2020-02-29T00:00:00.000Z");
    assert_eq!(client.posted("alice"), "7.50");
}

#[test]
fn a_payment_reads_back() {
    let server = server_with_money();
    let mut client = server.client();
    let paid = client.pay("alice", "shop", "p1", "2.50").expect(201);
    let id = paid["id"].as_str().expect("an id is a string");
    let read = client.get(&format!("/v1/payments/{id}")).expect(200);
    for member in ["id", "status", "amount", "currency", "wallet", "provider", "balance_after"] {
        assert_eq!(read[member], paid[member], "{member}: {read}");
    }
}

#[test]
fn a_payment_that_was_never_made_is_not_found() {
    let server = server_with_money();
    let mut client = server.client();
    for id in ["pay_1_nobody", "pay_999999_alice", "pay_1_alice", "x", "pay_99999999999999999999_a"]
    {
        client.get(&format!("/v1/payments/{id}")).problem(404, "payment-not-found");
    }
}

#[test]
fn a_wallet_pays_all_it_has_and_not_a_cent_more() {
    let server = server_with_money();
    let mut client = server.client();
    client.pay("alice", "shop", "p1", "10.01").problem(409, "insufficient-funds");
    assert_eq!(client.posted("alice"), "10.00");
    assert_eq!(client.pay("alice", "shop", "p2", "10.00").expect(201)["balance_after"], "0.00");
    client.pay("alice", "shop", "p3", "0.01").problem(409, "insufficient-funds");
    client.wait_accrued("shop", "10.00");
    client.assert_balanced();
}

#[test]
fn payments_at_the_same_time_never_overdraw() {
    let server = server_with_money();
    let address = server.client().address();
    let paid: usize = std::thread::scope(|scope| {
        let payers: Vec<_> = (0..10)
            .map(|payer| {
                scope.spawn(move || {
                    let mut client = crate::http::Client::new(address);
                    (0..3)
                        .filter(|number| {
                            let key = format!("p{payer}-{number}");
                            client.pay("alice", "shop", &key, "1.00").status == 201
                        })
                        .count()
                })
            })
            .collect();
        payers.into_iter().map(|payer| payer.join().expect("a payer does not panic")).sum()
    });
    assert_eq!(paid, 10);
    assert_eq!(server.client().posted("alice"), "0.00");
    server.client().wait_accrued("shop", "10.00");
}

#[test]
fn a_payment_is_refunded_in_parts_and_never_beyond() {
    let server = server_with_money();
    let mut client = server.client();
    let paid = client.pay("alice", "shop", "p1", "10.00").expect(201);
    let id = paid["id"].as_str().expect("an id is a string");
    let part = client.refund(id, "r1", Some("3.00")).expect(201);
    assert_eq!(part["amount"], "3.00");
    client.refund(id, "r2", Some("7.01")).problem(409, "refund-exceeds-payment");
    let rest = client.refund(id, "r3", None).expect(201);
    assert_eq!(rest["amount"], "7.00");
    client.refund(id, "r4", None).problem(409, "refund-exceeds-payment");
    client.refund(id, "r5", Some("0.01")).problem(409, "refund-exceeds-payment");
    assert_eq!(client.posted("alice"), "10.00");
    client.wait_accrued("shop", "0.00");
    client.assert_balanced();
    let refunds = client.get("/v1/wallets/alice/entries?kind=refund").expect(200);
    assert_eq!(refunds["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_refund_is_replayed_by_its_key() {
    let server = server_with_money();
    let mut client = server.client();
    let paid = client.pay("alice", "shop", "p1", "10.00").expect(201);
    let id = paid["id"].as_str().expect("an id is a string");
    let first = client.refund(id, "r1", Some("3.00"));
    let again = client.refund(id, "r1", Some("3.00"));
    first.expect(201);
    assert!(again.is_replay());
    assert_eq!(again.text(), first.text());
    assert_eq!(client.posted("alice"), "3.00");
    client.refund(id, "r1", Some("4.00")).problem(422, "idempotency-key-reused");
}

#[test]
fn a_refund_of_nothing_is_refused() {
    let server = server_with_money();
    let mut client = server.client();
    let paid = client.pay("alice", "shop", "p1", "1.00").expect(201);
    let id = paid["id"].as_str().expect("an id is a string");
    client.refund("pay_999999_alice", "r1", None).problem(404, "payment-not-found");
    client.refund(id, "r2", Some("0")).problem(422, "invalid-amount");
    client.refund(id, "r3", Some("-1")).problem(422, "invalid-amount");
}
