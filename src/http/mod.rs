//! The HTTP edge: from a request to a command, from an answer to a response.
//!
//! One file per resource. A handler checks the request, makes an [`operation::Operation`], hands it
//! to the engine and renders what comes back; it decides nothing. What all share is here: the
//! state, the routes, the id of each request, and turning every error into a problem.

pub(crate) mod admin;
pub(crate) mod advances;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod campaigns;
pub(crate) mod clock;
pub(crate) mod deals;
pub(crate) mod deposits;
pub(crate) mod entries;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod fields;
pub(crate) mod frames;
pub(crate) mod gateways;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod investments;
pub(crate) mod lines;
pub(crate) mod listing;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod operations;
pub(crate) mod outcomes;
pub(crate) mod payments;
pub(crate) mod prefer;
pub(crate) mod problem;
pub(crate) mod providers;
pub(crate) mod requests;
pub(crate) mod resources;
pub(crate) mod rewards;
pub(crate) mod routes;
pub(crate) mod sagas;
pub(crate) mod shell;
pub(crate) mod statements;
pub(crate) mod steps;
pub(crate) mod waiters;
pub(crate) mod wallets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bursar_actors::clock::{Clock, MovableClock};
use bursar_actors::engine::Engine;
use bursar_actors::gateway::Gateways;
use bursar_actors::job::{Answer, Ask};
use bursar_actors::storage::decode_record;
use bursar_actors::view::Seen;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::Record;
use bursar_domain::time::Timestamp;
use prometheus::Registry;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::config::Config;
use operation::{Decided, KeyText, Operation, Rendered};
use problem::Problem;
use resources::Form;
use shell::RequestId;
use waiters::Waiters;

pub(crate) use routes::routes;

/// What every handler can reach.
pub(crate) struct State {
    /// The engine.
    pub(crate) engine: Engine,
    /// The gateways, to see how busy they are.
    pub(crate) gateways: Gateways,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// The same, when it can be moved.
    pub(crate) movable_clock: Option<MovableClock>,
    /// Filled once the schedule of runs rings as the configuration says.
    pub(crate) schedule_set: OnceCell<()>,
    /// How many are moving it.
    pub(crate) moving: AtomicUsize,
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
    /// Requests that wait for an outcome.
    pub(crate) waiters: Arc<Waiters>,
    /// Permits for exports.
    pub(crate) exports: Arc<Semaphore>,
}

/// The state in a handler.
pub(crate) type Shared = web::Data<State>;

/// What a handler returns.
pub(crate) type Answered = Result<HttpResponse, Problem>;

impl State {
    /// Now, by the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

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

    /// Does a write and answers it from its record.
    pub(crate) async fn write(&self, request: &HttpRequest, operation: Operation) -> Answered {
        let (to, answer) = self.asked(request, operation).await?;
        Self::rendered(&to, answer)
    }

    /// Does a write; the answer as its entity gave it.
    pub(crate) async fn asked(
        &self,
        request: &HttpRequest,
        operation: Operation,
    ) -> Result<(EntityId, Answer), Problem> {
        let (to, ask) = {
            let extensions = request.extensions();
            operation.into_ask(RequestId::of(&extensions), &self.gateways)
        };
        let answer = self.ask(to.clone(), ask).await?;
        Ok((to, answer))
    }

    /// Does a write under a request's id, or on the server's own behalf; `None` when there was
    /// nothing to record.
    pub(crate) async fn decide_for(
        &self,
        whom: &str,
        operation: Operation,
    ) -> Result<Option<Decided>, Problem> {
        let (to, ask) = operation.into_ask(whom, &self.gateways);
        operation::decided(self.ask(to, ask).await?)
    }

    /// The response to a write, from its entity's answer.
    pub(crate) fn rendered(to: &EntityId, answer: Answer) -> Answered {
        operation::render(to, answer, Form::Whole).map(respond)
    }

    /// Does a write; `None` when there was nothing to record.
    pub(crate) async fn decide(
        &self,
        request: &HttpRequest,
        operation: Operation,
    ) -> Result<Option<Decided>, Problem> {
        let full = operation.full_party(&self.gateways);
        match (self.asked(request, operation).await?.1, full) {
            (Answer::Overloaded, Some(party)) => Err(Problem::busy(party)),
            (answer, _) => operation::decided(answer),
        }
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
        match self.engine.see(id) {
            Some(seen) => Ok(Some(seen)),
            None => self.look(id).await,
        }
    }

    /// How an entity stands with all that it has decided. What [`State::see`] shows may be a moment
    /// behind the stream of outcomes; this is not.
    pub(crate) async fn look(&self, id: &EntityId) -> Result<Option<Seen>, Problem> {
        match self.ask(id.clone(), Ask::Summary).await? {
            Answer::Summary(seen) => Ok(seen),
            Answer::Overloaded => Err(Problem::overloaded()),
            Answer::Decided { .. }
            | Answer::Rejected(_)
            | Answer::Payment { .. }
            | Answer::Investment { .. }
            | Answer::Recent { .. }
            | Answer::Judged(_)
            | Answer::Known(_)
            | Answer::Rewards(_)
            | Answer::Inspected(_) => Err(Problem::stopping()),
        }
    }

    /// A record of an entity's history on disk.
    pub(crate) async fn stored(
        &self,
        entity: &EntityId,
        seq: Seq,
    ) -> Result<Option<Arc<Record>>, Problem> {
        let entity = entity.clone();
        let read = self.engine.read(move |archive| {
            let bytes = archive.record(&entity, seq)?;
            bytes.map(|bytes| decode_record(&entity, seq, &bytes).map(Arc::new)).transpose()
        });
        Ok(read.await?)
    }

    /// Records of an entity's history on disk after a position, oldest first.
    pub(crate) async fn stored_after(
        &self,
        entity: &EntityId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Record)>, Problem> {
        let entity = entity.clone();
        let read = self.engine.read(move |archive| {
            let records = archive.records_after(&entity, after, limit)?;
            let decoded =
                |(seq, bytes): &(Seq, Vec<u8>)| Ok((*seq, decode_record(&entity, *seq, bytes)?));
            records.iter().map(decoded).collect()
        });
        Ok(read.await?)
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

/// Answers a write with a resource as it stands now.
pub(crate) fn json_replayed(resource: &impl serde::Serialize, replayed: bool) -> HttpResponse {
    let mut response = json(resource);
    if replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// The query of a request; unknown parameters are refused.
pub(crate) fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    web::Query::<T>::from_query(request.query_string()).map(web::Query::into_inner).map_err(
        |error| Problem::new(Code::MalformedRequest, format!("the query is not right: {error}")),
    )
}

/// The state, for the server's start. Must be called in an actix system.
pub(crate) fn state(
    engine: Engine,
    config: Config,
    registry: Registry,
    gateways: Gateways,
    (clock, movable_clock): (Arc<dyn Clock>, Option<MovableClock>),
) -> Arc<State> {
    let counts = shell::Counts::new(&registry);
    let stop = watch::Sender::new(false);
    let waiters = Arc::new(Waiters::default());
    let log = Arc::clone(engine.outcomes());
    actix_web::rt::spawn(waiters::follow(log, Arc::clone(&waiters), stop.subscribe()));
    Arc::new(State {
        engine,
        gateways,
        clock,
        movable_clock,
        schedule_set: OnceCell::new(),
        moving: AtomicUsize::new(0),
        config,
        registry,
        counts,
        stopping: AtomicBool::new(false),
        stop,
        readers: AtomicUsize::new(0),
        waiters,
        exports: Arc::new(Semaphore::new(export::EXPORTS_MAX)),
    })
}
