//! A shard: one writer, one sequence, and the entities that live in it.
//!
//! [`core`] is the shard without its actor, [`tail`] its newest records, [`outbox`] its
//! unacknowledged messages, [`checkpoint`] the steps of a checkpoint, [`residents`] who is in
//! memory, [`timers`] who waits for which instant, [`work`] what is not done yet. [`dispatch`] receives
//! and forwards, [`worker`] is one entity at work, [`messages`] what they are told, [`desk`] what the
//! shards of a thread share; [`actor`] and [`ports`] are the thin shell of actors around all that.

pub mod actor;
pub mod checkpoint;
pub mod core;
pub mod desk;
pub mod dispatch;
pub mod messages;
pub mod outbox;
pub mod ports;
pub mod residents;
pub mod tail;
pub mod timers;
pub mod work;
pub mod worker;
