//! NDJSON: bodies of many lines, which arrive in pieces.
//!
//! The first byte says how large the pieces are, the rest is the body. The reader of batches must
//! find the same lines however the body was cut, each whole, without its end, and none that is blank;
//! the reader of arrays and lists must find each element as it stands.

use bursar_domain::code::Code;
use bytes::Bytes;

use super::check_refusal;
use crate::http::batch::{self, Gathered};
use crate::http::lines as lists;
use crate::http::problem::Problem;

/// The longest line of a batch here; in the server it is longer.
const LINE_BYTES_MAX: usize = 256;

/// The most lines of a list here; in the server there are more.
const MOST: usize = 64;

/// The lines of batches and lists.
pub fn lines(data: &[u8]) {
    let Some((size, body)) = data.split_first() else { return };
    let size = usize::from(*size) + 1;
    let is_long = |line: &[u8]| line.len() > LINE_BYTES_MAX;
    let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let expected: Vec<Option<Vec<u8>>> = body
        .split(|byte| *byte == b'\n')
        .filter(|line| is_long(line) || !is_blank(line))
        .map(|line| (!is_long(line)).then(|| line.to_vec()))
        .collect();
    for gathered in [Gathered::First, Gathered::Never] {
        let found = of(body, size, expected.len(), gathered).expect("within all limits");
        assert_eq!(found, expected);
        if let Some(fewer) = expected.len().checked_sub(1) {
            let refused = of(body, size, fewer, gathered).expect_err("a line too many is refused");
            assert_eq!(refused.status(), Code::BodyTooLarge.status());
            check_refusal(&refused);
        }
    }
    listed(body);
}

/// The lines of a batch that comes in pieces of some size; `None` for one that fails alone.
fn of(
    body: &[u8],
    size: usize,
    lines_max: usize,
    gathered: Gathered,
) -> Result<Vec<Option<Vec<u8>>>, Problem> {
    let limits = (lines_max, LINE_BYTES_MAX);
    let found = clocked(batch::lines_of(body.chunks(size), limits, gathered))?;
    let line = |found: Result<Bytes, Problem>| match found {
        Ok(bytes) => Some(bytes.to_vec()),
        Err(problem) => {
            check_refusal(&problem);
            None
        }
    };
    Ok(found.into_iter().map(line).collect())
}

/// Runs what waits only for what is there already. Timers are set on the way, so there is a clock.
fn clocked<F: Future>(work: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without threads and files");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// A list, as an array or as lines.
fn listed(body: &[u8]) {
    let elements = match lists::cut::<MOST>(body, "lines") {
        Ok(elements) => elements,
        Err(problem) => return check_refusal(&problem),
    };
    assert!(elements.len() <= MOST);
    let joined = elements.join(&b"\n"[..]);
    if !lists::is_array(body) {
        if !lists::is_array(&joined) {
            assert_eq!(lists::cut::<MOST>(&joined, "lines").expect("the same lines"), elements);
        }
        return;
    }
    // An element that nests too deeply is no value; it is refused when it is read, alone.
    let Ok(value) = serde_json::from_slice::<Vec<serde_json::Value>>(body) else { return };
    let of = |element: &&[u8]| serde_json::from_slice(element).expect("an element is JSON");
    assert_eq!(elements.iter().map(of).collect::<Vec<serde_json::Value>>(), value);
}
