//! Reading bodies: of a known type, not too large, in time.
//!
//! A body that has already arrived, as nearly all have, is taken without setting a timer. The depth
//! of JSON is bounded by the parser (128), the size here, the time by a limit on the whole body.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use bursar_domain::code::Code;
use futures_util::StreamExt;
use serde::Deserialize;

use crate::http::problem::Problem;

/// What kind of body is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// One JSON object.
    Json,
    /// A JSON value per line.
    Lines,
}

/// Refuses a body of another type. A body without a type is taken for what is expected.
pub(crate) fn check_type(request: &HttpRequest, media: Media) -> Result<(), Problem> {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let taken: &[&str] = match media {
        Media::Json => &["application/json"],
        Media::Lines => {
            &["application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"]
        }
    };
    if taken.iter().any(|taken| essence.eq_ignore_ascii_case(taken)) {
        return Ok(());
    }
    let detail = format!("send the body as Content-Type: {}", taken[0]);
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

/// Refuses a body that says itself that it is too large.
pub(crate) fn check_length(request: &HttpRequest, bytes_max: usize) -> Result<(), Problem> {
    let Some(value) = request.headers().get(CONTENT_LENGTH) else { return Ok(()) };
    let length = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    Ok(())
}

/// A body above its limit.
pub(crate) fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("a body here has at most {bytes_max} bytes"))
}

/// A body that does not come.
pub(crate) fn too_slow(timeout: Duration) -> Problem {
    let detail = format!("the body did not arrive within {} ms", timeout.as_millis());
    Problem::new(Code::RequestTimeout, detail)
}

/// Reads a whole body.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    check_length(request, bytes_max)?;
    let mut reading = std::pin::pin!(read_whole(payload, bytes_max));
    match futures_util::poll!(reading.as_mut()) {
        std::task::Poll::Ready(body) => body,
        std::task::Poll::Pending => {
            tokio::time::timeout(timeout, reading).await.unwrap_or_else(|_| Err(too_slow(timeout)))
        }
    }
}

async fn read_whole(payload: &mut Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|error| broken(&error))?;
    let mut whole: Option<BytesMut> = None;
    let mut length = first.len();
    while let Some(part) = payload.next().await {
        let part = part.map_err(|error| broken(&error))?;
        length += part.len();
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        whole.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&part);
    }
    if length > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

/// A body that breaks off or is not what its head says.
pub(crate) fn broken(error: &actix_web::error::PayloadError) -> Problem {
    Problem::new(Code::MalformedRequest, format!("the body cannot be read: {error}"))
}

/// Reads a JSON object into its fields. A list of their values is not one: it says no names, so a
/// value in the wrong place would be taken for another.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        let detail = "the body is not what is expected here: a JSON object, not a list";
        return Err(Problem::new(Code::MalformedRequest, detail));
    }
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not what is expected here: {error}");
        Problem::new(Code::MalformedRequest, detail)
    })
}
