//! The gateways: all calls of sagas to the outside go through one actor per party.
//!
//! A shard hands a call to [`Gateways`]; the party's [`actor`] queues it. What goes when is in
//! [`core`]: lanes and order in [`queue`], the rate in [`pace`], the [`breaker`], the waits in
//! [`backoff`]. A [`transport`] makes one attempt: [`http`] by the [`contract`], [`mail`] by SMTP
//! with what [`letter`] writes. The reply goes back by `on_reply`; [`board`], [`state`] and
//! [`metrics`] show how it stands.
//!
//! Invariants: each call handed over is answered exactly once, unless the process ends before;
//! only what certainly was not acted on is tried again here, under the same key; what is not
//! definite is told as unknown at once, and the saga decides (invariants 15, 16, 20).
//!
//! Deliberately absent: a memory of what was sent. It is in the sagas' journal, and a saga that
//! comes back after a crash makes its call again under the same key.

pub mod actor;
pub mod backoff;
pub mod board;
pub mod breaker;
pub mod contract;
pub mod core;
pub mod http;
pub mod letter;
pub mod mail;
pub mod metrics;
pub mod pace;
pub mod port;
pub mod queue;
pub mod retry_after;
pub mod server;
pub mod settings;
pub mod state;
pub mod transport;

pub use actor::OnReply;
pub use metrics::Metrics;
pub use port::{CallPort, Gateways, Transports, World};
pub use settings::{Address, PartySettings, Settings, SettingsError, Token};
pub use state::GatewayState;
pub use transport::{Attempt, Sending, Transport};
