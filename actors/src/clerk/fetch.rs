//! Has the processor's report come: one question over HTTP, its answer as a stream.
//!
//! Each part that comes is handed to the thread that works on files by way of a short queue; while
//! that is full nothing is read, and so the processor waits (back-pressure down to TCP). What the
//! thread has against the report ends the reading, and dropping this ends the thread.
//!
//! Whether an answer is whole is known only from its framing: a length that came true, or chunks
//! with their last one. An answer that ends with its connection could have been cut between two
//! lines, so it is not taken at all.
//!
//! It is asked for once. Whether and when again is the run's to say, whose tries are on disk.
//!
//! Invariants: at most [`QUEUE`] parts of [`PART_BYTES`] wait; the token is in no text.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bursar_domain::errand::{Found, ReportSize};
use bursar_domain::id::EntityId;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

use super::report::shelf::Shelf;
use super::report::{self, Fault};
use super::settings::{Settings, StartError};
use crate::gateway::contract;
use crate::gateway::http::{base, bearer, connector, told};
use crate::gateway::transport::clip;

/// The most that is read from the connection at once.
const PART_BYTES: usize = 64 * 1_024;

/// How many parts may wait for the thread.
const QUEUE: usize = 16;

/// Where reports come from.
pub struct Source {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    report: Url,
    authorization: Option<HeaderValue>,
    idle: Duration,
    whole: Duration,
}

/// What the reading hands to the thread.
enum Part {
    Bytes(Bytes),
    /// All has come.
    End,
}

/// Why there is no report, and what to do about it.
enum Failed {
    /// It may be there a moment later.
    Later(Box<str>),
    /// It is as it is.
    Fault(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Source {
    /// Reports of this processor. Opens no connection yet.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let processor = &settings.processor;
        let base = base(processor.url.expose()).map_err(|fault| StartError::party("url", fault))?;
        let report = contract::under(&base, &["processor", "report"]);
        let report = report.map_err(|fault| StartError::party("url", fault.to_string()))?;
        let connector = connector(&base, settings.idle());
        let connector = connector.map_err(|fault| StartError::party("url", fault))?;
        let authorization = processor.token.as_ref().map(bearer).transpose();
        let authorization = authorization.map_err(|fault| StartError::party("token", fault))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(PART_BYTES)
            .build(connector);
        Ok(Self { client, report, authorization, idle: settings.idle(), whole: settings.whole() })
    }

    /// Fetches the report of the last days and sets aside for an entity what is new in it.
    pub async fn fetch(&self, shelf: &Arc<Shelf>, entity: &EntityId, days: u16) -> Found {
        match self.attempt(shelf, entity, days).await {
            Ok(size) => report::found(Ok(size)),
            Err(Failed::Fault(fault)) => report::found(Err(fault)),
            Err(Failed::Later(reason)) => Found::Unavailable { reason },
        }
    }

    async fn attempt(
        &self,
        shelf: &Arc<Shelf>,
        entity: &EntityId,
        days: u16,
    ) -> Result<ReportSize, Failed> {
        let body = self.ask(days).await?;
        let (parts, received) = mpsc::channel(QUEUE);
        let given_up = GivenUp::default();
        let taking = {
            let (shelf, entity) = (Arc::clone(shelf), entity.clone());
            let given_up = Arc::clone(&given_up.0);
            tokio::task::spawn_blocking(move || take(&shelf, &entity, received, &given_up))
        };
        let read = timeout(self.whole, self.read(body, parts)).await.unwrap_or_else(|_| {
            Err(Fault::incomplete(format!("it did not end in {} ms", self.whole.as_millis())))
        });
        // What was not read to its end is dropped by now, so the thread ends in any case; and it is
        // waited for, because the next report uses the same files.
        let taken = taking.await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()));
        match (taken, read) {
            (Err(Fault::GivenUp), Err(broken)) => Err(broken.into()),
            (taken, _) => Ok(taken?),
        }
    }

    /// Asks; gives the body of an answer that has a report.
    async fn ask(&self, days: u16) -> Result<Incoming, Failed> {
        let mut url = self.report.clone();
        url.query_pairs_mut().append_pair("days", &days.to_string());
        let mut request = Request::get(url.as_str())
            .header(ACCEPT, "application/x-ndjson, application/problem+json")
            .header(USER_AGENT, concat!("bursar/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = request.body(Empty::new()).expect("an address and headers that were checked");
        let answer = timeout(self.idle, self.client.request(request)).await;
        let silent = |_| format!("no answer in {} ms", self.idle.as_millis()).into();
        let answer = answer.map_err(silent).map_err(Failed::Later)?;
        let answer = answer.map_err(|error| Failed::Later(told(&error)))?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(framed(answer)?);
        }
        let reason = clip(&format!("the processor answered {status}"));
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(Failed::Later(reason));
        }
        Err(Fault::Unusable { code: "report-refused", detail: reason }.into())
    }

    /// Hands the body on, part by part, and says when all has come.
    async fn read(&self, mut body: Incoming, parts: mpsc::Sender<Part>) -> Result<(), Fault> {
        loop {
            let frame = timeout(self.idle, body.frame()).await.map_err(|_| {
                Fault::incomplete(format!("nothing came for {} ms", self.idle.as_millis()))
            })?;
            let part = match frame {
                None => Part::End,
                Some(Err(error)) => {
                    return Err(Fault::incomplete(format!("it breaks off: {}", told(&error))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => Part::Bytes(bytes),
                    // Trailers say nothing of the report.
                    Err(_) => continue,
                },
            };
            let last = matches!(part, Part::End);
            // A thread that takes no more has ended, and says itself why.
            if parts.send(part).await.is_err() || last {
                return Ok(());
            }
        }
    }
}

/// The body of an answer that says where it ends.
fn framed(answer: Response<Incoming>) -> Result<Incoming, Fault> {
    let chunked = answer.headers().contains_key(TRANSFER_ENCODING);
    let body = answer.into_body();
    if chunked || body.size_hint().exact().is_some() {
        return Ok(body);
    }
    Err(Fault::incomplete("it has neither a length nor chunks, so nobody knows where it ends"))
}

/// Takes a report in, on a thread that may wait for the disk.
fn take(
    shelf: &Shelf,
    entity: &EntityId,
    mut parts: mpsc::Receiver<Part>,
    given_up: &AtomicBool,
) -> Result<ReportSize, Fault> {
    let mut intake = shelf.take(entity)?;
    loop {
        match parts.blocking_recv() {
            Some(Part::Bytes(bytes)) => intake.push(&bytes)?,
            Some(Part::End) => return intake.finish(given_up),
            None => return Err(Fault::GivenUp),
        }
    }
}

/// Tells the thread when nobody waits for it any more.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
