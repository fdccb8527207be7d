//! Carries calls to the processor and to the maker of documents over HTTP.
//!
//! Straight on hyper's client rather than reqwest: it follows no redirect, asks no proxy, reads
//! nothing it was not told to, and TLS is set up only for a party that is reached by `https`, so a
//! machine without certificates still reaches one that is not. Connections are kept and used again;
//! one that was closed meanwhile is replaced, as long as nothing was written to it.
//!
//! What was seen is told as it was: an error before the connection stood means that nothing was
//! sent, any later one that nobody knows. How answers are read is in [`super::contract`].
//!
//! Invariants: never more than [`BODY_BYTES_MAX`] of a body is kept; every attempt ends in time;
//! the token is in no text.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bursar_domain::call::{Call, Party};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    USER_AGENT,
};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::contract::{self, Malformed, Prepared, Seen, Verb};
use super::retry_after;
use super::settings::{PartySettings, SettingsError, Token};
use super::transport::{Attempt, Sending, Transport, clip};
use crate::clock::Clock;

/// How much of a body is read. The answers of the contract are far smaller.
pub const BODY_BYTES_MAX: usize = 64 * 1_024;

/// How long an unused connection is kept. Shorter than the five seconds after which many servers
/// close theirs: a call that meets a closing connection is unknown, and then has to be asked about.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// How long a connection may take to stand, unless the whole call may take less. That it does not
/// stand is known for certain, so it is better seen early than as a timeout of the call.
const CONNECT_MAX: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Carries calls over HTTP to one party.
pub struct HttpTransport(Arc<Inner>);

struct Inner {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Url,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// A way to a party. Opens no connection yet.
    pub fn new(
        party: Party,
        settings: &PartySettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let wrong = |setting, fault: String| SettingsError { party, setting, fault: fault.into() };
        let base = base(settings.url.expose()).map_err(|fault| wrong("url", fault))?;
        let authorization = settings.token.as_ref().map(bearer).transpose();
        let authorization = authorization.map_err(|fault| wrong("token", fault))?;
        let timeout = settings.timeout();
        let connector = connector(&base, timeout).map_err(|fault| wrong("url", fault))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(settings.concurrency.get())
            .http1_max_buf_size(BODY_BYTES_MAX)
            .build(connector);
        Ok(Self(Arc::new(Inner { client, base, authorization, timeout, clock })))
    }
}

/// What proves to a party who we are, as a header that is not printed.
pub(crate) fn bearer(token: &Token) -> Result<HeaderValue, String> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
    let mut value = value.map_err(|_| "it does not fit into a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What stands before the paths of the contract.
pub(crate) fn base(text: &str) -> Result<Url, String> {
    if text.is_empty() {
        return Err("it is not set".to_owned());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it begins with neither http:// nor https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds credentials; they go into the token".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment".to_owned());
    }
    Ok(url)
}

/// Opens connections to there, encrypted when the address says so.
pub(crate) fn connector(
    base: &Url,
    timeout: Duration,
) -> Result<HttpsConnector<HttpConnector>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_MAX.min(timeout / 2)));
    let builder = HttpsConnectorBuilder::new();
    let builder = if base.scheme() == "https" {
        let roots = builder.with_provider_and_native_roots(provider);
        roots.map_err(|error| format!("the machine's certificates: {error}"))?.https_only()
    } else {
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.with_tls_config(tls).https_or_http()
    };
    Ok(builder.enable_http1().wrap_connector(tcp))
}

impl Transport for HttpTransport {
    fn send(&self, call: Arc<Call>) -> Sending {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let attempt = tokio::time::timeout(inner.timeout, inner.exchange(&call)).await;
            attempt.unwrap_or_else(|_| {
                Attempt::unknown(format!("no answer in {} ms", inner.timeout.as_millis()))
            })
        })
    }
}

impl Inner {
    async fn exchange(&self, call: &Call) -> Attempt {
        let prepared = contract::prepare(&self.base, call);
        let request = match prepared.and_then(|prepared| self.request(call, prepared)) {
            Ok(request) => request,
            Err(malformed) => return malformed.into(),
        };
        match self.client.request(request).await {
            Ok(response) => self.answer(call, response).await,
            Err(error) if error.is_connect() => Attempt::NotSent { reason: told(&error) },
            Err(error) => Attempt::unknown(told(&error)),
        }
    }

    fn request(&self, call: &Call, prepared: Prepared) -> Result<Request<Full<Bytes>>, Malformed> {
        let method = match prepared.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Delete => Method::DELETE,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(prepared.url.as_str())
            .header(ACCEPT, "application/json, application/problem+json")
            .header(USER_AGENT, concat!("bursar/", env!("CARGO_PKG_VERSION")))
            .header(IDEMPOTENCY_KEY, call.key.as_ref());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if prepared.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::new(prepared.body.unwrap_or_default().into()))
            .map_err(|_| Malformed::unfit())
    }

    async fn answer(&self, call: &Call, response: Response<Incoming>) -> Attempt {
        let (head, body) = response.into_parts();
        let body = whole(body).await;
        let body = body.as_ref().map(AsRef::as_ref).map_err(AsRef::as_ref);
        let wait = self.wait(&head.headers);
        contract::read(call, &Seen { status: head.status.as_u16(), wait, body })
    }

    fn wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        retry_after::read(text(RETRY_AFTER)?, text(DATE), self.clock.now())
    }
}

/// The whole body, or why there is none. A body that says it is too long is not read at all.
async fn whole(body: Incoming) -> Result<Bytes, Box<str>> {
    let too_long = || format!("a body longer than {BODY_BYTES_MAX} bytes").into_boxed_str();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_long());
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_long()),
        Err(error) => Err(format!("half a body: {}", told(&*error)).into()),
    }
}

/// An error with those under it: the upper ones often leave out what happened, and sometimes not.
pub fn told(error: &(dyn Error + 'static)) -> Box<str> {
    let mut text = error.to_string();
    let mut under = error.source();
    while let Some(error) = under {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        under = error.source();
    }
    clip(&text)
}
