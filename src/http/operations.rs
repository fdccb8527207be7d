//! For whoever runs it: is it alive, is it ready, what does it count.
//!
//! Alive means that the process answers at all; a failed disk or a broken invariant ends it, so
//! there is no half-dead state to tell. Ready means more: recovery is done, the storage thread
//! answers, and the server is not stopping.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use prometheus::{Encoder, TextEncoder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::{Answered, Shared, json};

/// A yes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 200, body = Health)))]
pub(crate) async fn livez() -> HttpResponse {
    json(&Health { status: "ok" })
}

/// Whether requests are taken: recovery is done, the disk answers, the server is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, body = Health), (status = 503, body = Problem)))]
pub(crate) async fn readyz(state: Shared) -> Answered {
    if state.stopping.load(Ordering::Relaxed) {
        return Err(Problem::stopping());
    }
    // A failed disk ends the process, so the storage thread answers or it is gone.
    state.engine.read(|archive| archive.size_bytes()).await.map_err(|_| Problem::stopping())?;
    Ok(json(&Health { status: "ok" }))
}

/// What is counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(state: Shared) -> Answered {
    let mut text = Vec::new();
    let encoded = TextEncoder::new().encode(&state.registry.gather(), &mut text);
    encoded.expect("the encoder writes to memory");
    let in_flight: usize = state.engine.in_flight().iter().sum();
    let readers = state.readers.load(Ordering::Relaxed);
    let more = format!(
        "# HELP bursar_in_flight Requests on their way\n# TYPE bursar_in_flight gauge\n\
         bursar_in_flight {in_flight}\n\
         # HELP bursar_outcome_readers Readers of outcomes\n\
         # TYPE bursar_outcome_readers gauge\nbursar_outcome_readers {readers}\n"
    );
    text.extend_from_slice(more.as_bytes());
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text))
}
