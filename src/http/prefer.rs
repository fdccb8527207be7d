//! `Prefer: wait=N` (RFC 7240), and the answers of writes that end later.
//!
//! Such a write answers 202 with the resource as it stands and where it is. Who prefers to wait
//! gets 200 with the final state when it comes in time, and is told that the wish was granted. A
//! preference that cannot be read is ignored, as the RFC says, because it is only a wish.

use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// Nobody waits longer, in seconds.
const WAIT_MAX: u64 = 30;

/// How long a client wants to wait for the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wait {
    seconds: u64,
}

impl Wait {
    /// The wait that a request prefers, if it says one.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let values = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
        values.flat_map(|value| pieces(value, ',')).find_map(named_wait).flatten()
    }

    /// The same as a duration.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// The wait of a preference with this name: the inner `None` when it is not a number of seconds.
#[allow(clippy::option_option, reason = "only the first one of a name counts, even a bad one")]
fn named_wait(preference: &str) -> Option<Option<Wait>> {
    let (name, value) = pieces(preference, ';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large to be read is larger than the most.
    let wait = || Wait { seconds: bare.parse().unwrap_or(WAIT_MAX).min(WAIT_MAX) };
    Some(is_number.then(wait))
}

/// The pieces of a text between separators that stand outside of quotes.
fn pieces(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |letter| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    })
}

/// How the answer of a write that ends later is given.
#[derive(Debug)]
pub(crate) struct Later {
    /// Where the resource is.
    pub(crate) location: String,
    /// Whether an earlier request with the same key did it.
    pub(crate) replayed: bool,
    /// The wait that was granted: the resource has ended.
    pub(crate) ended_within: Option<Wait>,
}

impl Later {
    /// The first answer of what has just begun.
    pub(crate) fn at(location: String) -> Self {
        Self { location, replayed: false, ended_within: None }
    }

    /// The answer with the resource as it stands.
    pub(crate) fn answer(self, resource: &impl Serialize) -> HttpResponse {
        let mut response = match self.ended_within {
            Some(_) => HttpResponse::Ok(),
            None => HttpResponse::Accepted(),
        };
        response.insert_header((CONTENT_TYPE, "application/json"));
        response.insert_header((LOCATION, self.location));
        if let Some(wait) = self.ended_within {
            response.insert_header(("Preference-Applied", format!("wait={}", wait.seconds)));
        }
        if self.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        response.body(serde_json::to_vec(resource).expect("a resource has a JSON form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_what_is_no_wait_is_ignored() {
        for (headers, seconds) in [
            (&["wait=10"][..], Some(10)),
            (&["Wait = 5"], Some(5)),
            (&["wait=0"], Some(0)),
            (&["wait=\"7\""], Some(7)),
            (&["respond-async, wait=12; strict"], Some(12)),
            (&["respond-async", "wait=3"], Some(3)),
            (&["wait=31"], Some(30)),
            (&["wait=99999999999999999999999"], Some(30)),
            (&["wait=2, wait=9"], Some(2)),
            (&["wait=x, wait=9"], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            (&["wait"], None),
            (&["wait="], None),
            (&["note=\"a, wait=4\""], None),
            (&[], None),
        ] {
            let mut request = actix_web::test::TestRequest::default();
            for header in headers {
                request = request.append_header(("prefer", *header));
            }
            let found = Wait::of(&request.to_http_request()).map(|wait| wait.seconds);
            assert_eq!(found, seconds, "{headers:?}");
        }
    }
}
