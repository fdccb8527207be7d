//! What both test programs of this package share: the C library's calls, the watched trees, and
//! work for a store with the model of what it must keep.
//!
//! The calls are defined once in each program. A program watches as many trees as it likes, each
//! with a plan of its own. A panic in a thread of sled ends the process in the release build, which
//! aborts; here it is counted ([`panics`]), so that nobody takes a store for sound that lost a
//! thread.

#![allow(dead_code, reason = "each program uses some of it")]

pub(crate) mod archive;
mod interpose;
pub(crate) mod journal;
pub(crate) mod panics;
pub(crate) mod watch;

/// A number from the environment.
pub(crate) fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}
