//! The engine as a whole, on the store in memory: what its parts promise one another.
//!
//! Each module holds facts of one meaning, and each test's name is the fact. `world` starts engines
//! on a store that outlives them, `gates` holds a call up for as long as a test likes, `wrapped`
//! puts gates into the store and the clock, `asks` makes commands, `audit` compares an engine with
//! its own records, `script` is a workload that can be repeated after a crash, `bank` a third party.
//!
//! Nothing here sleeps to let something happen: a test waits for a condition, or holds a gate.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod asks;
mod audit;
mod bank;
mod checkpoints;
mod crash;
mod durability;
mod gates;
mod keys;
mod order;
mod properties;
mod refunds;
mod residents;
mod script;
mod stop;
mod timers;
mod world;
mod wrapped;
