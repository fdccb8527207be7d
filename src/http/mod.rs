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
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
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

/// All routes. A known address with another method says so.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str, routes: Vec<actix_web::Route>| {
        let mut resource = web::resource(path);
        for route in routes {
            resource = resource.route(route);
        }
        resource.default_service(web::to(shell::method_not_allowed))
    };
    config
        .service(resource("/v1/payments", vec![web::post().to(payments::pay)]))
        .service(resource("/v1/payments/batch", vec![web::post().to(batch::payments)]))
        .service(resource("/v1/payments/{id}", vec![web::get().to(payments::get)]))
        .service(resource("/v1/payments/{id}/refunds", vec![web::post().to(payments::refund)]))
        .service(resource("/v1/batch", vec![web::post().to(batch::mixed)]))
        .service(resource("/v1/wallets", vec![web::post().to(wallets::open)]))
        .service(resource("/v1/wallets/{id}", vec![web::get().to(wallets::get)]))
        .service(resource("/v1/wallets/{id}/deposits", vec![web::post().to(wallets::deposit)]))
        .service(resource("/v1/wallets/{id}/entries", vec![web::get().to(wallets::entries)]))
        .service(resource("/v1/wallets/{id}/feed", vec![web::get().to(feed::feed)]))
        .service(resource("/v1/wallets/{id}/freeze", vec![web::post().to(wallets::freeze)]))
        .service(resource("/v1/wallets/{id}/unfreeze", vec![web::post().to(wallets::unfreeze)]))
        .service(resource("/v1/providers", vec![web::post().to(providers::register)]))
        .service(resource("/v1/providers/{id}", vec![web::get().to(providers::get)]))
        .service(resource("/v1/providers/{id}/entries", vec![web::get().to(providers::entries)]))
        .service(resource("/v1/providers/{id}/schedule", vec![web::get().to(providers::schedule)]))
        .service(resource("/v1/outcomes", vec![web::get().to(outcomes::websocket)]))
        .service(resource("/v1/outcomes/events", vec![web::get().to(outcomes::events)]))
        .service(resource("/livez", vec![web::get().to(operations::livez)]))
        .service(resource("/readyz", vec![web::get().to(operations::readyz)]))
        .service(resource("/metrics", vec![web::get().to(operations::metrics)]))
        .service(resource("/openapi.json", vec![web::get().to(openapi::description)]))
        .service(resource("/docs", vec![web::get().to(openapi::page)]))
        .service(resource("/admin/actors", vec![web::get().to(admin::actors)]))
        .service(resource("/admin/actors/{kind}/{id}", vec![web::get().to(admin::actor)]))
        .service(resource(
            "/admin/actors/{kind}/{id}/passivate",
            vec![web::post().to(admin::passivate)],
        ))
        .service(resource("/admin/shards", vec![web::get().to(admin::shards)]))
        .service(resource("/admin/trial-balance", vec![web::get().to(admin::trial_balance)]))
        .service(resource("/admin/checkpoint", vec![web::post().to(admin::checkpoint)]))
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
