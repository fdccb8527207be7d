//! The door for fuzzing: every function here takes bytes from outside to where they are read.
//!
//! One file for each of the ways in: [`bodies`] and [`lines`] come from clients, [`cursors`] come
//! back from them, [`answers`] come from third parties, [`journal`] from the disk. A target does what
//! the server does with the bytes and then asserts what must hold whatever they are: nothing panics,
//! a refusal is the client's fault (4xx) and of bounded length, and what was understood is written
//! down and understood again as the same.
//!
//! `fuzz/` feeds them under a fuzzer (`tests/fuzz.sh`), `tests/fuzz_seeds.rs` feeds them the seeds and
//! mutations of them with any compiler. Nothing in the server calls into here.

mod answers;
mod bodies;
mod cursors;
mod journal;
mod lines;

pub use answers::answers;
pub use bodies::bodies;
pub use cursors::cursors;
pub use journal::journal;
pub use lines::lines;

use crate::http::problem::Problem;

/// What takes bytes from outside. Panics when something that must hold does not.
pub type Target = fn(&[u8]);

/// All targets, by the names under which `fuzz/` has them.
pub const TARGETS: [(&str, Target); 5] = [
    ("answers", answers),
    ("bodies", bodies),
    ("cursors", cursors),
    ("journal", journal),
    ("lines", lines),
];

/// The longest answer to what was refused, in bytes.
const REFUSAL_BYTES_MAX: usize = 8 * 1024;

/// A refusal is the sender's fault, is JSON, and is not longer because the input was.
fn check_refusal(problem: &Problem) {
    let status = problem.status();
    assert!((400..500).contains(&status), "{problem}");
    let body = serde_json::to_vec(problem).expect("a problem has a JSON form");
    assert!(body.len() <= REFUSAL_BYTES_MAX, "{} bytes of refusal", body.len());
    let value: serde_json::Value = serde_json::from_slice(&body).expect("what was written is JSON");
    let faults = value["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    for fault in faults {
        let pointer = fault["pointer"].as_str().expect("a fault says where");
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer:?} is no JSON pointer");
    }
}
