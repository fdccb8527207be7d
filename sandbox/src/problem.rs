//! How a call is told no: a problem (RFC 9457), as Bursar's own are.
//!
//! `type` is `about:blank` and so `title` is the phrase of the status: what distinguishes problems
//! is `code`, one stable word. A real third party would have other words; its status is what a
//! client has to go by.
//!
//! To actix a problem is an answer like any other, not an error: a host that serves these addresses
//! may turn errors into problems of its own ([`crate::Mount`]), and these are to stay as they are.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::json;

use crate::rate::retry_after_s;

/// What a call comes to.
pub(crate) type Answered = Result<HttpResponse, Problem>;

/// What a handler returns.
pub(crate) fn told(answered: Answered) -> HttpResponse {
    answered.unwrap_or_else(|problem| problem.response())
}

/// Why a call is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
    /// Not JSON of the expected shape, or a bad header or query.
    MalformedRequest,
    /// No `Idempotency-Key` where one is required.
    KeyMissing,
    /// The address is unknown.
    NotFound,
    /// No such transaction, or none with such a key.
    TransactionNotFound,
    /// No such document.
    DocumentNotFound,
    /// The address takes other methods.
    MethodNotAllowed,
    /// The body is too large.
    BodyTooLarge,
    /// Not an amount of the currency.
    InvalidAmount,
    /// Not a currency.
    UnknownCurrency,
    /// A text that is empty or too long.
    InvalidField,
    /// A fault that makes no sense.
    InvalidFault,
    /// The key was used for something else.
    KeyReused,
    /// Refused because a fault says so.
    Refused,
    /// More calls than the limit lets in.
    RateLimited,
    /// Failed because a fault says so.
    InternalError,
    /// The sandbox keeps as much as it may.
    Full,
    /// What was to be done could not be written to the file.
    NotWritten,
    /// Where no answer was to be given; see [`crate::line`].
    NoAnswer,
}

impl Code {
    fn parts(self) -> (u16, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed-request"),
            Self::KeyMissing => (400, "idempotency-key-missing"),
            Self::NotFound => (404, "not-found"),
            Self::TransactionNotFound => (404, "transaction-not-found"),
            Self::DocumentNotFound => (404, "document-not-found"),
            Self::MethodNotAllowed => (405, "method-not-allowed"),
            Self::BodyTooLarge => (413, "body-too-large"),
            Self::InvalidAmount => (422, "invalid-amount"),
            Self::UnknownCurrency => (422, "unknown-currency"),
            Self::InvalidField => (422, "invalid-field"),
            Self::InvalidFault => (422, "invalid-fault"),
            Self::KeyReused => (422, "idempotency-key-reused"),
            Self::Refused => (422, "refused"),
            Self::RateLimited => (429, "rate-limited"),
            Self::InternalError => (500, "internal-error"),
            Self::Full => (503, "full"),
            Self::NotWritten => (503, "not-written"),
            Self::NoAnswer => (504, "no-answer"),
        }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    allowed: Option<&'static str>,
    breaks_off: bool,
}

impl Problem {
    /// A refusal with its sentence.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { code, detail, retry_after: None, allowed: None, breaks_off: false }
    }

    /// Too many calls; the next may come after this time.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let problem = Self::new(Code::RateLimited, "more calls than the limit lets in");
        Self { retry_after: Some(wait), ..problem }
    }

    /// The address takes only these methods.
    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let problem = Self::new(Code::MethodNotAllowed, format!("this address takes {allowed}"));
        Self { allowed: Some(allowed), ..problem }
    }

    /// Nothing more fits.
    pub(crate) fn full() -> Self {
        Self::new(Code::Full, "the sandbox keeps as much as it may; start another")
    }

    /// The file does not take it.
    pub(crate) fn not_written() -> Self {
        let detail = "the sandbox cannot write to its file, so nothing was done; its log says why";
        Self::new(Code::NotWritten, detail)
    }

    /// The same, but its body fails before its first byte; see [`crate::line`].
    pub(crate) fn breaking_off(self) -> Self {
        Self { breaks_off: true, ..self }
    }

    /// Why.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The answer.
    pub(crate) fn response(&self) -> HttpResponse {
        let (status, code) = self.code.parts();
        let status = StatusCode::from_u16(status).expect("the table has only HTTP statuses");
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.detail,
            "code": code,
        });
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Some(wait) = self.retry_after {
            response.insert_header((RETRY_AFTER, retry_after_s(wait).to_string()));
        }
        if let Some(methods) = self.allowed {
            response.insert_header((ALLOW, methods));
        }
        if matches!(self.code, Code::BodyTooLarge | Code::NoAnswer) {
            response.force_close();
        }
        if self.breaks_off {
            let failure = Err::<Bytes, _>(io::Error::other("a fault of the sandbox: no answer"));
            return response.streaming(stream::iter([failure]));
        }
        response.body(body.to_string())
    }
}
