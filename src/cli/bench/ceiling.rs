//! The ceiling: what actix-web reaches on this machine when a handler only parses and answers.
//!
//! The same JSON in (typed, unknown fields refused) and the same JSON out as the server's, with as
//! many workers, but no rule, no actor, no record and no disk. No server that parses and answers
//! these bodies with this library can be faster, so a ratio to it says what the rest costs. It runs
//! as a process of its own, as the server does.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::{Deserialize, Serialize};

/// As the server's defaults.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What a client sends to `POST /v1/payments`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    wallet: String,
    provider: String,
    amount: String,
    currency: String,
    #[serde(default)]
    #[expect(dead_code, reason = "parsed as the server parses it")]
    description: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "parsed as the server parses it")]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What `POST /v1/payments` answers.
#[derive(Serialize)]
struct Payment<'a> {
    id: String,
    wallet: &'a str,
    provider: &'a str,
    amount: &'a str,
    currency: &'a str,
    status: &'a str,
    at: &'a str,
    seq: u64,
    balance_after: &'a str,
}

/// What `GET /v1/wallets/{id}` answers.
#[derive(Serialize)]
struct Wallet<'a> {
    id: &'a str,
    currency: &'a str,
    status: &'a str,
    balance: Balance<'a>,
    pending_investments: [&'a str; 0],
    version: u64,
}

/// What a client sends to `POST /v1/deals/{id}/investments`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invest {
    wallet: String,
    amount: String,
    currency: String,
    funding: String,
    #[serde(default)]
    #[expect(dead_code, reason = "parsed as the server parses it")]
    waitlist: Option<bool>,
}

/// What `POST /v1/deals/{id}/investments` answers.
#[derive(Serialize)]
struct Investment<'a> {
    id: String,
    deal: &'a str,
    wallet: &'a str,
    amount: &'a str,
    currency: &'a str,
    funding: &'a str,
    ticket: u64,
    status: &'a str,
    position: u64,
    at: &'a str,
}

#[derive(Serialize)]
struct Balance<'a> {
    posted: &'a str,
    held: &'a str,
    available: &'a str,
}

async fn payment(request: web::Json<Request>) -> HttpResponse {
    let seq = NUMBER.fetch_add(1, Ordering::Relaxed);
    HttpResponse::Created().json(Payment {
        id: format!("pay_{seq:026}"),
        wallet: &request.wallet,
        provider: &request.provider,
        amount: &request.amount,
        currency: &request.currency,
        status: "posted",
        at: "2026-01-01T00:00:00.000Z",
        seq,
        balance_after: "999999.99",
    })
}

async fn wallet(id: web::Path<String>) -> HttpResponse {
    let balance = Balance { posted: "999999.99", held: "0.00", available: "999999.99" };
    HttpResponse::Ok().json(Wallet {
        id: &id,
        currency: "EUR",
        status: "open",
        balance,
        pending_investments: [],
        version: 2,
    })
}

async fn investment(deal: web::Path<String>, request: web::Json<Invest>) -> HttpResponse {
    let ticket = NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
    let id = format!("inv_{ticket}_{deal}");
    let location = format!("/v1/investments/{id}");
    HttpResponse::Accepted().insert_header((LOCATION, location)).json(Investment {
        id,
        deal: &deal,
        wallet: &request.wallet,
        amount: &request.amount,
        currency: &request.currency,
        funding: &request.funding,
        ticket,
        status: "waitlisted",
        position: ticket,
        at: "2026-01-01T00:00:00.000Z",
    })
}

/// Serves until the process is told to stop.
pub(crate) fn serve(listen: SocketAddr) -> io::Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(|| {
            App::new()
                .route("/v1/payments", web::post().to(payment))
                .route("/v1/wallets/{id}", web::get().to(wallet))
                .route("/v1/deals/{id}/investments", web::post().to(investment))
        });
        let workers = std::thread::available_parallelism()?.get();
        let server = server
            .workers(workers)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .shutdown_timeout(1)
            .bind(listen)?;
        for address in server.addrs() {
            println!("listening on http://{address}");
        }
        io::stdout().flush()?;
        server.run().await
    })
}
