//! The rules of providers: periods, submitted activities, settlement, and their form on disk.
//!
//! Most cases go through the `stand`: one provider, what happens to it, and its books afterwards.
//! After every decision the stand encodes the provider, reads it back and goes on with what it read,
//! so each case is also one about the disk. `properties` drives a provider through random lives and
//! compares it with the simple `model`, which counts periods by arithmetic of its own.

mod layout;
mod lines;
mod model;
mod periods;
mod properties;
mod settlement;
mod speed;
mod stand;
