//! The sandbox over real sockets: the contract of the third parties, and every fault.
//!
//! Each test starts a sandbox of its own on free ports. Time that matters to a result is a clock
//! that the test sets; nothing sleeps to wait for something and nothing measures time.

mod documents;
mod edges;
mod faults;
mod file;
mod harness;
mod mail;
mod mount;
mod order;
mod processor;
mod report;
