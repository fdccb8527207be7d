//! Black-box tests: the real binary over HTTP, each test with its own server.
//!
//! A server gets a temporary data directory and port 0, so tests need no order and may run side
//! by side. Nothing here knows the server's insides: what is asserted is the contract that a
//! client may rely on. One test crate with many modules, because each crate is linked anew.
//!
//! [`harness`] starts and ends servers, [`http`] and [`streams`] speak to them, [`bank`] has the
//! calls that most tests make.

mod bad_input;
mod bank;
mod batches;
mod crash;
mod damage;
mod harness;
mod hostile_bodies;
mod http;
mod idempotency;
mod import;
mod operations;
mod outcomes;
mod paging;
mod payments;
mod protocol;
mod providers;
mod refunds;
mod residents;
mod streams;
mod wallets;
mod websocket;
