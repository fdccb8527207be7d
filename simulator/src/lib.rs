//! The whole system in one thread under virtual time: one seed replays its worst day.
//!
//! The shards, the committer, checkpoints, sagas, gateways and the outcome stream are the
//! production structs; clock, disk, third parties, clients and chance are simulated behind their
//! ports. What a seed means is drawn before it runs ([`chance`]), so that a run that fails can be
//! made smaller.
//!
//! Invariant: nothing here reads a real clock, real randomness or the order of a hash map.

pub mod chance;
pub mod clerk;
pub mod disk;
pub mod facts;
pub mod failure;
pub mod lens;
pub mod model;
pub mod node;
pub mod operations;
pub mod parties;
pub mod play;
pub mod scenario;
pub mod shrink;
pub mod world;
