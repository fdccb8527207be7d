//! Whole sagas in a small world without clock, disk or network, and all that can go wrong in it.
//!
//! `world`, `run` and `flight` are the world; `parties` and `faults` the third parties and what
//! befalls calls to them; `counterparts` plays providers, advances and statements; `stage` sets a
//! scene; `ends` says what must hold at the end. Two generic tests run on every saga: `twice`
//! repeats everything, `everywhere` fails, cancels and crashes at every point and finds nothing
//! left. `workload` mixes it all by chance; the others look closer.

mod books;
mod chance;
mod counterparts;
mod early;
mod ends;
mod everywhere;
mod faults;
mod flight;
#[path = "../model/mod.rs"]
mod model;
mod parties;
mod pushing;
mod rewards;
mod run;
mod stage;
mod twice;
mod undoing;
mod workload;
mod world;
