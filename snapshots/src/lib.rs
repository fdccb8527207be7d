//! Bursar's storage: the journal of decisions, snapshots of entities, their history.
//!
//! [`store`] has the two traits and their contract; [`sled_store`] is the embedded form,
//! [`memory`] the twin for tests and simulation, with faults that can be switched on. [`port`] has
//! what the embedded form needs of a machine, so that it also runs on a simulated one. [`codec`] is
//! the only place that names bincode, [`envelope`] the form of every stored value, [`group`] what
//! one commit writes, [`witness`] the small file that says how far the journal had come.

pub mod codec;
pub mod envelope;
pub mod group;
pub mod memory;
pub mod port;
pub mod sled_store;
pub mod store;
pub mod witness;
