//! Problems: how a request is told no (RFC 9457).
//!
//! Every refusal leaves through here, so all have the same shape and a stable code. The id of the
//! request is part of the body; for a refusal that was recorded it is the id of the request that
//! was refused first, so a replay is the same to the letter.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use bursar_domain::call::Party;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::id::InvestmentId;
use serde::Serialize;
use utoipa::ToSchema;

/// The longest sentence about a refusal, in bytes. What was wrong is told in the sender's own words,
/// and a refusal must not grow with what is refused.
const DETAIL_BYTES_MAX: usize = 1_000;

/// One fault in a body.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// JSON pointer to the field.
    pub(crate) pointer: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

/// Why a request was refused. Boxed, because it is the rare half of every result.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Problem(Box<ProblemDetails>);

/// What is said of a refusal (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    /// A short sentence.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What was wrong with this request and what to do.
    detail: String,
    /// The stable reason.
    #[schema(value_type = String)]
    code: &'static str,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// The id of the request that was refused.
    request_id: String,
    /// The faulty fields, where the body had any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// For an investment that got no place: its ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<u64>,
    /// For an investment that got no place: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    investment: Option<String>,
    #[serde(skip)]
    reason: Option<Code>,
    #[serde(skip)]
    replayed: bool,
    #[serde(skip)]
    allowed: Option<&'static str>,
}

impl Problem {
    /// A refusal with its sentence.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDetails {
            kind: format!("/docs#{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            detail: clipped(detail.into()),
            code: code.as_str(),
            retryable: code.retryable(),
            request_id: String::new(),
            errors: Vec::new(),
            ticket: None,
            investment: None,
            reason: Some(code),
            replayed: false,
            allowed: None,
        }))
    }

    /// A refusal because of one field.
    pub(crate) fn field(code: Code, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = clipped(detail.into());
        let fault = Fault { pointer: pointer.to_owned(), detail: detail.clone() };
        let mut problem = Self::new(code, detail);
        problem.0.errors.push(fault);
        problem
    }

    /// The refusal that the rules gave.
    pub(crate) fn rejected(rejection: &Rejection) -> Self {
        Self::new(rejection.code, &*rejection.detail)
    }

    /// Refused because there is too much to do.
    pub(crate) fn overloaded() -> Self {
        Self::new(Code::Overloaded, "too much is waiting; try again in a second, with the same key")
    }

    /// Refused because a third party has too much to do for us.
    pub(crate) fn busy(party: Party) -> Self {
        let who = match party {
            Party::Processor => "the payment processor",
            Party::Documents => "the maker of documents",
            Party::Mail => "the mail server",
        };
        let detail = format!(
            "too many calls to {who} are waiting; nothing was begun, try again in a second, with \
             the same key"
        );
        Self::new(Code::Overloaded, detail)
    }

    /// Refused because the server is stopping.
    pub(crate) fn stopping() -> Self {
        Self::new(Code::NotReady, "the server is stopping; try again in a second")
    }

    /// Says which request was refused, unless that is said already.
    pub(crate) fn with_request(mut self, request_id: &str) -> Self {
        if self.0.request_id.is_empty() {
            request_id.clone_into(&mut self.0.request_id);
        }
        self
    }

    /// Says which ticket was refused.
    pub(crate) fn with_ticket(mut self, ticket: u64, investment: &InvestmentId) -> Self {
        self.0.ticket = Some(ticket);
        self.0.investment = Some(investment.to_string());
        self
    }

    /// The same refusal, given again.
    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.0.replayed = replayed;
        self
    }

    /// Says which methods the address takes.
    pub(crate) fn with_allowed(mut self, methods: &'static str) -> Self {
        self.0.allowed = Some(methods);
        self
    }

    /// Whether an earlier request with the same key was refused with this.
    pub(crate) fn is_replayed(&self) -> bool {
        self.0.replayed
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }

    /// Its code and what is said of it, for a line of a list.
    pub(crate) fn in_words(self) -> (Option<&'static str>, Option<String>) {
        (Some(self.0.code), Some(self.0.detail))
    }
}

/// A sentence that is not too long.
fn clipped(mut detail: String) -> String {
    const MORE: &str = " ...";
    if detail.len() > DETAIL_BYTES_MAX {
        detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX - MORE.len()));
        detail.push_str(MORE);
    }
    detail
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).expect("the table of codes has only HTTP statuses")
    }

    /// Only the status: whatever surrounds the request renders the rest, once it has put the
    /// request's id in.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl Problem {
    /// The whole answer.
    pub(crate) fn render(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if self.0.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        if let Some(methods) = self.0.allowed {
            response.insert_header((ALLOW, methods));
        }
        match self.0.reason {
            Some(Code::Overloaded | Code::NotReady) => {
                response.insert_header((RETRY_AFTER, "1"));
            }
            Some(Code::RequestTimeout | Code::BodyTooLarge) => {
                response.force_close();
            }
            Some(_) | None => {}
        }
        let body = serde_json::to_vec(self).expect("a problem has a JSON form");
        response.body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_does_not_grow_with_what_is_refused() {
        for (letter, length) in [("x", 1_000), ("x", 100_000), ("\u{e9}", 100_000)] {
            let name = letter.repeat(length);
            let problem = Problem::field(Code::InvalidField, "/name", name.clone());
            let value = serde_json::to_value(&problem).expect("a problem has a JSON form");
            let detail = value["detail"].as_str().expect("a text");
            assert!(detail.len() <= DETAIL_BYTES_MAX);
            assert_eq!(detail == name, name.len() <= DETAIL_BYTES_MAX);
            assert_eq!(value["errors"][0]["detail"], detail);
        }
    }
}
