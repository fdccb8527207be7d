//! Bursar's rules: what wallets, providers, deals and sagas may do, and what follows.
//!
//! Pure: no clock, no randomness, no I/O, no async, no actors. Time, ids and what others know come
//! in with a command; the same input gives the same output, so all of it can be replayed and
//! simulated. Everything else in the workspace may depend on this crate; it depends on none of it.
//!
//! Start with [`entity`] for the shape of an entity, then [`wallet`], [`provider`] and [`deal`] for
//! the rules, [`saga`] and [`compensation`] for what third parties take part in, [`record`] for what
//! is written to disk, [`machine`] for an entity with its keys.

pub mod advance;
pub mod cadence;
pub mod call;
pub mod campaign;
pub mod code;
pub mod compensation;
pub mod currency;
pub mod deal;
pub mod entity;
pub mod errand;
pub mod id;
pub mod key;
pub mod machine;
pub mod message;
pub mod money;
pub mod outcome;
pub mod plan;
pub mod planted;
pub mod provider;
pub mod record;
pub mod run;
pub mod saga;
pub mod schedule;
pub mod spilled;
pub mod statement;
pub mod time;
pub mod wallet;
