//! The HTTP edge: from a request to a command, from an answer to a response.
//!
//! One file per resource. A handler checks the request, makes an [`operation::Operation`], hands it
//! to the engine and renders what comes back; it decides nothing. What all share is here: the
//! state, the routes, the id of each request, and turning every error into a problem.

pub(crate) mod admin;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod entries;
pub(crate) mod feed;
pub(crate) mod fields;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod operations;
pub(crate) mod outcomes;
pub(crate) mod payments;
pub(crate) mod problem;
pub(crate) mod providers;
pub(crate) mod requests;
pub(crate) mod resources;
pub(crate) mod shell;
pub(crate) mod wallets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard};
use bursar_actors::engine::Engine;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::EntityId;
use prometheus::Registry;
use tokio::sync::watch;

use crate::config::Config;
use operation::{KeyText, Operation, Rendered};
use problem::Problem;
use resources::Form;
use shell::RequestId;

/// What every handler can reach.
pub(crate) struct State {
    /// The engine.
    pub(crate) engine: Engine,
    /// The configuration in force.
    pub(crate) config: Config,
    /// What is counted.
    pub(crate) registry: Registry,
    /// What the edge counts.
    pub(crate) counts: shell::Counts,
    /// Set when the server begins to stop.
    pub(crate) stopping: AtomicBool,
    /// Tells readers of outcomes that the server stops.
    pub(crate) stop: watch::Sender<bool>,
    /// How many readers of outcomes there are.
    pub(crate) readers: AtomicUsize,
}

/// The state in a handler.
pub(crate) type Shared = web::Data<State>;

/// What a handler returns.
pub(crate) type Answered = Result<HttpResponse, Problem>;

impl State {
    /// The longest time a body may take.
    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.config.server.body_timeout_ms)
    }

    /// Reads a JSON body.
    pub(crate) async fn json(
        &self,
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<Bytes, Problem> {
        body::check_type(request, body::Media::Json)?;
        let bytes_max = self.config.server.body_bytes_max;
        body::read(request, payload, bytes_max, self.body_timeout()).await
    }

    /// Does a write and answers it.
    pub(crate) async fn write(&self, request: &HttpRequest, operation: Operation) -> Answered {
        let (to, ask) = {
            let extensions = request.extensions();
            operation.into_ask(RequestId::of(&extensions))
        };
        let answer = self.ask(to.clone(), ask).await?;
        let rendered = operation::render(&to, answer, Form::Whole)?;
        Ok(respond(rendered))
    }

    /// Asks an entity.
    pub(crate) async fn ask(&self, to: EntityId, ask: Ask) -> Result<Answer, Problem> {
        if self.stopping.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Problem::stopping());
        }
        self.engine.ask(to, ask).await.map_err(|_| Problem::overloaded())
    }

    /// How an entity stands; from what is shown when it is in memory, else by asking it.
    pub(crate) async fn see(&self, id: &EntityId) -> Result<Option<Seen>, Problem> {
        if let Some(seen) = self.engine.see(id) {
            return Ok(Some(seen));
        }
        match self.ask(id.clone(), Ask::Summary).await? {
            Answer::Summary(seen) => Ok(seen),
            Answer::Overloaded => Err(Problem::overloaded()),
            Answer::Decided { .. }
            | Answer::Rejected(_)
            | Answer::Payment { .. }
            | Answer::Recent { .. }
            | Answer::Inspected(_) => Err(Problem::stopping()),
        }
    }
}

/// The idempotency key of a request.
pub(crate) fn key_of(request: &HttpRequest) -> KeyText<'_> {
    let mut values = request.headers().get_all("idempotency-key");
    match (values.next(), values.next()) {
        // What is not visible text is refused as a key that is not well formed, and so are two.
        (Some(value), None) => KeyText::Some(value.to_str().unwrap_or("\u{0}")),
        (Some(_), Some(_)) => KeyText::Some("\u{0}"),
        (None, _) => KeyText::None,
    }
}

fn respond(rendered: Rendered) -> HttpResponse {
    let status = StatusCode::from_u16(rendered.status).expect("a status of HTTP");
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    if let Some(location) = rendered.location {
        response.insert_header((LOCATION, location));
    }
    if rendered.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.body(rendered.body)
}

/// Answers with a resource.
pub(crate) fn json(resource: &impl serde::Serialize) -> HttpResponse {
    let body = serde_json::to_vec(resource).expect("a resource has a JSON form");
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body)
}

/// The query of a request; unknown parameters are refused.
pub(crate) fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    web::Query::<T>::from_query(request.query_string()).map(web::Query::into_inner).map_err(
        |error| Problem::new(Code::MalformedRequest, format!("the query is not right: {error}")),
    )
}

/// An address that is read; HEAD is GET without the body.
fn read<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let guard = guard::Any(guard::Get()).or(guard::Head());
    let resource = web::resource(path).route(web::route().guard(guard).to(handler));
    resource.default_service(web::to(|| async { shell::method_not_allowed("GET, HEAD") }))
}

/// An address that is written to.
fn write<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let resource = web::resource(path).route(web::post().to(handler));
    resource.default_service(web::to(|| async { shell::method_not_allowed("POST") }))
}

/// All routes, the busiest first. A known address with another method says so.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(write("/v1/payments", payments::pay))
        .service(write("/v1/payments/batch", batch::payments))
        .service(read("/v1/payments/{id}", payments::get))
        .service(write("/v1/payments/{id}/refunds", payments::refund))
        .service(write("/v1/batch", batch::mixed))
        .service(write("/v1/wallets", wallets::open))
        .service(read("/v1/wallets/{id}", wallets::get))
        .service(write("/v1/wallets/{id}/deposits", wallets::deposit))
        .service(read("/v1/wallets/{id}/entries", wallets::entries))
        .service(read("/v1/wallets/{id}/feed", feed::feed))
        .service(write("/v1/wallets/{id}/freeze", wallets::freeze))
        .service(write("/v1/wallets/{id}/unfreeze", wallets::unfreeze))
        .service(write("/v1/providers", providers::register))
        .service(read("/v1/providers/{id}", providers::get))
        .service(read("/v1/providers/{id}/entries", providers::entries))
        .service(read("/v1/providers/{id}/schedule", providers::schedule))
        .service(read("/v1/outcomes", outcomes::websocket))
        .service(read("/v1/outcomes/events", outcomes::events))
        .service(read("/livez", operations::livez))
        .service(read("/readyz", operations::readyz))
        .service(read("/metrics", operations::metrics))
        .service(read("/openapi.json", openapi::description))
        .service(read("/docs", openapi::page))
        .service(read("/admin/actors", admin::actors))
        .service(read("/admin/actors/{kind}/{id}", admin::actor))
        .service(write("/admin/actors/{kind}/{id}/passivate", admin::passivate))
        .service(read("/admin/shards", admin::shards))
        .service(read("/admin/trial-balance", admin::trial_balance))
        .service(write("/admin/checkpoint", admin::checkpoint))
        .default_service(web::to(shell::not_found));
}

/// The state, for the server's start.
pub(crate) fn state(engine: Engine, config: Config, registry: Registry) -> Arc<State> {
    let counts = shell::Counts::new(&registry);
    Arc::new(State {
        engine,
        config,
        registry,
        counts,
        stopping: AtomicBool::new(false),
        stop: watch::Sender::new(false),
        readers: AtomicUsize::new(0),
    })
}
