//! The gateways: their rules on virtual time, their contracts as tables, their ways out on real
//! sockets.
//!
//! Each module holds facts of one meaning, and each test's name is the fact. `bench` drives the
//! rules without a clock, `calls` makes calls, `peers` are scripted servers on port 0.
//!
//! Nothing here sleeps to let something happen, and nothing measures how long something took.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod again;
mod bench;
mod breaking;
mod calls;
mod contract;
mod http;
mod letters;
mod order;
mod pace;
mod peers;
mod properties;
mod retry_after;
mod settings;
mod smtp;
mod whole;
