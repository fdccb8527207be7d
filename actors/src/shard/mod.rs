//! A shard: one writer, one sequence, and the entities that live in it.
//!
//! [`core`] is the shard without its actor, [`tail`] its newest records, [`outbox`] its
//! unacknowledged messages, [`checkpoint`] the steps of a checkpoint, [`residents`] who is in
//! memory, [`timers`] who waits for which instant, [`work`] what is not done yet. [`actor`] is the thin shell in which it runs, [`messages`] what it is told, [`desk`] what
//! the shards of a thread share, [`ports`] the way out; [`entity`] is the shell of one entity.

pub mod actor;
pub mod checkpoint;
pub mod core;
pub mod desk;
pub mod entity;
pub mod messages;
pub mod outbox;
pub mod ports;
pub mod residents;
pub mod tail;
pub mod timers;
pub mod work;
