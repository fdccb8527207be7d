//! Reading calls: bodies, keys, queries, amounts; strictly, as the contract is written.
//!
//! Bodies are JSON objects of at most [`BODY_BYTES_MAX`], unknown fields are refused, whatever the
//! body says its type is. An amount is a string in major units; a number is taken off the wire
//! only to be refused by name.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Query};
use bursar_domain::currency::Currency;
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::{Code, Problem};

/// The largest body.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body as actix gives it.
pub(crate) type Body = Result<Bytes, actix_web::Error>;

/// A malformed request.
pub(crate) fn malformed(detail: String) -> Problem {
    Problem::new(Code::MalformedRequest, detail)
}

/// Reads a JSON object into its fields. A list of their values is not one.
pub(crate) fn object<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let body = body.map_err(|error| {
        if matches!(error.as_error::<PayloadError>(), Some(PayloadError::Overflow)) {
            let detail = format!("a body here has at most {BODY_BYTES_MAX} bytes");
            return Problem::new(Code::BodyTooLarge, detail);
        }
        malformed(format!("the body cannot be read: {error}"))
    })?;
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(malformed("the body is a list; send a JSON object".to_owned()));
    }
    serde_json::from_slice(&body)
        .map_err(|error| malformed(format!("the body is not what is expected here: {error}")))
}

/// The idempotency key, which is required.
pub(crate) fn key(request: &HttpRequest) -> Result<String, Problem> {
    let mut values = request.headers().get_all("idempotency-key");
    let Some(value) = values.next() else {
        return Err(Problem::new(Code::KeyMissing, "send an Idempotency-Key with this call"));
    };
    match value.to_str() {
        Ok(text) if Key::is_well_formed(text) && values.next().is_none() => Ok(text.to_owned()),
        Ok(_) | Err(_) => {
            let detail = "an Idempotency-Key is 1 to 255 visible characters, once";
            Err(malformed(detail.to_owned()))
        }
    }
}

/// The query; unknown parameters are refused.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let query = Query::<T>::from_query(request.query_string());
    query
        .map(Query::into_inner)
        .map_err(|error| malformed(format!("the query is not right: {error}")))
}

/// The id in the address.
pub(crate) fn id(request: &HttpRequest) -> String {
    request.match_info().get("id").unwrap_or_default().to_owned()
}

/// A text of a bounded number of characters.
pub(crate) fn text(
    field: &str,
    text: &str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<(), Problem> {
    if lengths.contains(&text.chars().count()) {
        return Ok(());
    }
    let detail = format!("{field} has {} to {} characters", lengths.start(), lengths.end());
    Err(Problem::new(Code::InvalidField, detail))
}

/// A currency by its code.
pub(crate) fn currency(code: &str) -> Result<Currency, Problem> {
    Currency::from_code(code).ok_or_else(|| {
        let detail = format!("{code:?} is not an ISO 4217 code such as \"EUR\"");
        Problem::new(Code::UnknownCurrency, detail)
    })
}

/// An amount above zero.
pub(crate) fn amount(value: &Value, currency: Currency) -> Result<Amount, Problem> {
    let Some(text) = value.as_str() else {
        let detail = "write the amount as a string such as \"12.30\"";
        return Err(Problem::new(Code::InvalidAmount, detail));
    };
    Amount::parse(text, currency)
        .map_err(|error| Problem::new(Code::InvalidAmount, error.to_string()))
}
