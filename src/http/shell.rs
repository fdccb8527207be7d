//! What surrounds every request: its id, its problem if it has one, its count and time.
//!
//! `X-Request-Id` is on every answer: the client's own when it is short and visible, else one made
//! here. Errors of the framework (a broken body, a path it cannot read) leave as problems too.

use std::cell::Ref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;
use bursar_domain::code::Code;
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

use crate::http::operation::random;
use crate::http::problem::Problem;
use crate::http::{Answered, Shared};

/// The longest request id taken from a client.
const REQUEST_ID_MAX: usize = 128;

/// The id of a request.
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    fn new(request: &ServiceRequest) -> Self {
        let given = request.headers().get("x-request-id").filter(|value| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        });
        given.map_or_else(Self::made, |value| Self(value.clone()))
    }

    fn made() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let process = *PROCESS.get_or_init(random);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let text = format!("req_{:08x}{count:010x}", process >> 32);
        Self(HeaderValue::from_str(&text).expect("hexadecimal digits are visible"))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("checked or made of visible characters")
    }

    /// The id of the request with these extensions.
    pub(crate) fn of<'a>(extensions: &'a Ref<'_, Extensions>) -> &'a str {
        extensions.get::<Self>().map_or("", Self::text)
    }
}

/// What the edge counts.
pub(crate) struct Counts {
    seconds: Histogram,
    classes: [IntCounter; 5],
}

impl Counts {
    /// Counters that the registry shows.
    pub(crate) fn new(registry: &Registry) -> Self {
        let buckets =
            vec![0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
        let options = HistogramOpts::new("bursar_http_request_seconds", "Time to answer a request");
        let seconds = Histogram::with_opts(options.buckets(buckets)).expect("buckets ascend");
        registry.register(Box::new(seconds.clone())).expect("registered once");
        let counter = |class: usize| {
            let name = format!("bursar_http_responses_{class}xx_total");
            let help = format!("Answers with a status of {class}00 to {class}99");
            let counter = IntCounter::new(name, help).expect("the name is well-formed");
            registry.register(Box::new(counter.clone())).expect("registered once");
            counter
        };
        Self { seconds, classes: std::array::from_fn(|at| counter(at + 1)) }
    }

    fn count(&self, status: StatusCode, began: Instant) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5);
        self.classes[class - 1].inc();
        self.seconds.observe(began.elapsed().as_secs_f64());
    }
}

/// Goes around every request.
pub(crate) async fn around(
    state: Shared,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let id = RequestId::new(&request);
    let header = id.0.clone();
    request.extensions_mut().insert(id);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(problem) = problem_of(&response) {
        let problem = problem.with_request(header.to_str().unwrap_or_default());
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, problem.render());
    }
    response.headers_mut().insert(HeaderName::from_static("x-request-id"), header);
    if response.request().version() < Version::HTTP_11
        && matches!(response.response().body().size(), BodySize::Stream)
    {
        // HTTP/1.0 knows no chunks: there, the body ends with the connection.
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    state.counts.count(response.status(), began);
    Ok(response)
}

/// The problem behind a response, if there is one.
fn problem_of(response: &ServiceResponse<BoxBody>) -> Option<Problem> {
    let error = response.response().error()?;
    if let Some(problem) = error.as_error::<Problem>() {
        return Some(problem.clone());
    }
    let code = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::NOT_FOUND => Code::NotFound,
        _ => Code::MalformedRequest,
    };
    Some(Problem::new(code, error.to_string()))
}

/// An address that is not served.
pub(crate) async fn not_found() -> Answered {
    Err(Problem::new(Code::NotFound, "there is nothing at this address; see /docs"))
}

/// An address that does not take this method, but these.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Answered {
    let detail = format!("this address takes {allowed}; see /docs");
    Err(Problem::new(Code::MethodNotAllowed, detail).with_allowed(allowed))
}
