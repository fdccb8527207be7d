//! The clerk: pages of agendas, and the processor's report from a real socket to its last page.
//!
//! Each module holds facts of one meaning, and each test's name is the fact. `bench` starts clerks
//! and runs errands, `peer` is a scripted processor on port 0, `lines` writes reports.
//!
//! Nothing here sleeps to let something happen, and nothing asserts how long something took; what
//! `speed` prints is read when it is run by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agenda;
mod answers;
mod bench;
mod broken;
mod closing;
mod contradictions;
mod crashes;
mod lines;
mod peer;
mod properties;
mod speed;
mod taken;
