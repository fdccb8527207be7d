//! Bursar's server and its tools, as the library that the `bursar` binary is made of.
//!
//! The binary only calls [`run`], which picks the command. `cli` has one file per command; `http`
//! one file per resource; `export` one per table for analysis; the rules are in `bursar-domain`,
//! the machinery in `bursar-actors`, the disk in `bursar-snapshots`.
//!
//! It is a library so that what reads bytes from outside can be reached without a process and a
//! socket. [`fuzzing`] is the only door for that; nothing else is public.

mod cli;
mod config;
mod export;
pub mod fuzzing;
mod http;
mod telemetry;

pub use cli::run;
