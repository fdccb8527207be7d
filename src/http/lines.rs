//! Calls of many lines: a JSON array or NDJSON, cut into lines without reading them.
//!
//! What a line says is read by whoever takes it, so a bad line fails alone. An array is given up at
//! the first element that is too many: 32 MiB of `1,` would be a quarter of a gigabyte of places.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use bursar_domain::code::Code;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::http::problem::Problem;

/// Whether a body is an array; else it is taken for NDJSON.
pub(crate) fn is_array(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'[')
}

/// The lines of a body, at most so many; `what` they are, for a message.
pub(crate) fn cut<'a, const MOST: usize>(
    body: &'a [u8],
    what: &str,
) -> Result<Vec<&'a [u8]>, Problem> {
    let too_many = || {
        let detail = format!("a call has at most {MOST} lines");
        Problem::new(Code::BodyTooLarge, detail)
    };
    if !is_array(body) {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).take(MOST + 1).collect();
        return if lines.len() > MOST { Err(too_many()) } else { Ok(lines) };
    }
    let Elements::<'a, MOST>(elements) = serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not an array of {what}: {error}");
        Problem::new(Code::MalformedRequest, detail)
    })?;
    let elements = elements.ok_or_else(too_many)?;
    Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect())
}

/// Answers line by line.
pub(crate) fn answer(status: StatusCode, lines: &[impl Serialize]) -> HttpResponse {
    let mut body = Vec::with_capacity(lines.len() * 64);
    for line in lines {
        serde_json::to_writer(&mut body, line).expect("a line has a JSON form");
        body.push(b'\n');
    }
    HttpResponse::build(status).insert_header((CONTENT_TYPE, "application/x-ndjson")).body(body)
}

/// The elements of an array, unread; `None` when there are more than `MOST`.
struct Elements<'a, const MOST: usize>(Option<Vec<&'a RawValue>>);

impl<'de, const MOST: usize> Deserialize<'de> for Elements<'de, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor<const MOST: usize>;
        impl<'de, const MOST: usize> Visitor<'de> for ElementsVisitor<MOST> {
            type Value = Elements<'de, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while elements.len() < MOST {
                    match seq.next_element::<&RawValue>()? {
                        Some(element) => elements.push(element),
                        None => return Ok(Elements(Some(elements))),
                    }
                }
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(Elements(Some(elements)));
                }
                // The rest is read to its end, so that what is not JSON is told as that.
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(None))
            }
        }
        deserializer.deserialize_seq(ElementsVisitor::<MOST>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(body: &str) -> Result<usize, u16> {
        let cut = cut::<3>(body.as_bytes(), "lines");
        cut.map(|lines| lines.len()).map_err(|problem| problem.status())
    }

    #[test]
    fn lines_are_cut_unread_and_counted() {
        for (body, expected) in [
            ("", Ok(0)),
            ("[]", Ok(0)),
            (" [1, {\"a\": [2]}, \"x\"] ", Ok(3)),
            ("[1,2,3,4]", Err(413)),
            ("[1,2,3,4,5,6,7]", Err(413)),
            ("[1,2,3,4,", Err(400)),
            ("[1,2", Err(400)),
            ("[1] 2", Err(400)),
            ("1\n\n {} \r\n x", Ok(3)),
            ("1\n2\n3\n4\n5", Err(413)),
        ] {
            assert_eq!(count(body), expected, "{body}");
        }
    }
}
