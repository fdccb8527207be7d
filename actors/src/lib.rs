//! The actors and what drives them: from a parsed request to a durable answer.
//!
//! [`engine`] starts and stops all of it and is what the server talks to. A request is a [`job`];
//! [`admission`] lets it in; its [`shard`] forwards it to the entity, whose [`host`] decides and
//! records; the [`committer`] makes it durable; then the answer goes out and [`outcomes`] are told.
//! Sagas call third parties through the [`gateway`]; [`answers`] come back to them.
//! [`storage`] writes checkpoints and reads cold data; [`recovery`] brings all back after a crash.
//! [`cut`] is the one position of all shards. [`scheduler`] moves the [`clock`] ahead, where that is allowed.
//!
//! Logic lives in plain structs with ports, actix is a thin shell around them.

pub mod admission;
pub mod answers;
pub mod books;
pub mod catalogue;
pub mod clerk;
pub mod clock;
pub mod committer;
pub mod cut;
pub mod engine;
pub mod fatal;
pub mod gateway;
pub mod host;
pub mod job;
pub mod metrics;
pub mod outcomes;
pub mod peers;
pub mod recovery;
pub mod scheduler;
pub mod shard;
pub mod storage;
pub mod view;
