//! The sandbox under another server of the same process: both serve the same state, and neither
//! changes what the other does.
//!
//! The host here is as unlike the sandbox as it may be: it has data, a bound on bodies, a default
//! and a `/livez` of its own, and turns every error of a handler into a problem of its own.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use bursar_sandbox::Settings;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Bench, Scratch, TRANSACTIONS, refund_of, transaction};

async fn own(data: Data<String>, body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(format!("{} {}", **data, body.len()))
}

async fn no_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    if response.response().error().is_none() {
        return Ok(response);
    }
    Ok(response.into_response(HttpResponse::ImATeapot().finish()))
}

/// Starts a host of this sandbox; its address.
fn host(bench: &Bench) -> String {
    let mount = bench.running().mount();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new("host".to_owned()))
            .app_data(web::PayloadConfig::new(100_000))
            .wrap(from_fn(no_errors))
            .route("/v1/own", web::post().to(own))
            .route("/livez", web::get().to(|| async { "of the host" }))
            .configure(|config| mount.configure(config))
            .default_service(web::to(|| async { HttpResponse::Gone().finish() }))
    });
    let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a free port");
    let address = server.addrs()[0];
    drop(tokio::spawn(server.run()));
    format!("http://{address}")
}

#[actix_web::test]
async fn a_host_serves_its_own_and_the_sandbox() {
    let bench = Bench::start();
    bench.pull("before", "1.00").await;
    let url = host(&bench);
    let bench = bench.through(url.clone());
    let own = bench.send(Method::POST, "/v1/own", None, Some("x".repeat(99_999))).await;
    assert_eq!(own.expect("an answer").text, "host 99999", "its own data and bound");
    assert_eq!(bench.get("/livez").await.text, "of the host");
    for path in ["/", "/processor", "/sandbox", "/sandbox/nothing", "/documents/1/2"] {
        assert_eq!(bench.get(path).await.status, 410, "{path}");
    }
    let pulled = bench.pull("k", "5.00").await;
    assert_eq!(pulled.json()["status"], "succeeded");
    let refund = bench.post(&refund_of(&pulled), "r", &json!({ "amount": "1.00" })).await;
    assert_eq!(refund.json()["status"], "succeeded");
    let document = json!({ "kind": "k", "subject": "s", "data": {} });
    let made = bench.post("/documents", "k", &document).await.json();
    let made = made["url"].as_str().expect("an address").to_owned();
    assert!(made.starts_with(&url), "{made} is at the host, where it was made");
    assert_eq!(bench.delete(&made[url.len()..]).await.status, 204);
    let mounted = bench.ledger().await;
    assert_eq!(bench.get("/sandbox/calls").await.json()["pull"]["calls"], 2, "they are shared");
    let direct = bench.running().url();
    assert_eq!(bench.through(direct).ledger().await, mounted);
}

#[actix_web::test]
async fn the_sandboxs_problems_stay_what_they_are() {
    let bench = Bench::start();
    let bench = {
        let url = host(&bench);
        bench.through(url)
    };
    let mut large = transaction("pull", "alice", "1.00");
    large["reference"] = json!("r".repeat(64 * 1024));
    let too_large = bench.post(TRANSACTIONS, "k", &large).await.problem();
    assert_eq!(too_large, (413, "body-too-large".to_owned()), "not the host's bound");
    let put = bench.send(Method::PUT, TRANSACTIONS, None, None).await.expect("an answer");
    assert_eq!(put.problem(), (405, "method-not-allowed".to_owned()));
    assert_eq!(put.header("allow"), Some("GET, POST"));
    let unknown = bench.get(&format!("{TRANSACTIONS}?key=k")).await.problem();
    assert_eq!(unknown, (404, "transaction-not-found".to_owned()));
    let fault = bench.fault(json!({ "route": "pull" })).await.problem();
    assert_eq!(fault, (400, "malformed-request".to_owned()));
    bench.ordered(json!({ "route": "pull", "mode": "error" })).await;
    assert_eq!(bench.pull("k", "1.00").await.problem(), (500, "internal-error".to_owned()));
}

#[actix_web::test]
async fn no_answer_comes_through_the_host_either() {
    let bench = Bench::start();
    let bench = {
        let url = host(&bench);
        bench.through(url)
    };
    let body = transaction("pull", "alice", "1.00").to_string();
    for (mode, booked) in [("timeout", false), ("lose-answer", true)] {
        for delay_ms in [0, 5] {
            let fault = json!({ "route": "pull", "mode": mode, "count": 1, "delay_ms": delay_ms });
            bench.ordered(fault).await;
            let key = format!("{mode}{delay_ms}");
            let request = format!(
                "POST {TRANSACTIONS} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = bench.raw(&request).await;
            assert_eq!(String::from_utf8_lossy(&answer), "", "{mode} after {delay_ms} ms");
            assert_eq!(bench.booked(&key).await.is_some(), booked, "{mode}");
        }
    }
    assert_eq!(bench.get("/sandbox/calls").await.json()["pull"]["silent"], 4);
}

#[actix_web::test]
async fn what_is_done_through_the_host_is_written_too() {
    let scratch = Scratch::new();
    let file = scratch.path("journal");
    let settings = |file| Settings { file: Some(file), ..Settings::default() };
    let bench = Bench::start_with(settings(file.clone()));
    let bench = {
        let url = host(&bench);
        bench.through(url)
    };
    bench.pull("k", "5.00").await;
    let after = Bench::start_with(settings(scratch.killed(&file, "killed")));
    assert_eq!(after.ledger().await, bench.ledger().await);
}
