//! The log: to standard output for `serve`, structured, without colours, so that it can be read by
//! people and by machines.
//!
//! Only what an operator can act on is told at `info`: where it listens, what recovery found, why
//! it stops. Requests are counted (`/metrics`), not logged. The first line is `listening on ...`,
//! by which scripts know that the server is ready; nothing is logged before it.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts the log. What the level's text does not say well falls back to `info`.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|error| {
        eprintln!("bursar: log.level {:?}: {error}; using \"info\"", log.level);
        EnvFilter::new("info")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if started.is_err() {
        eprintln!("bursar: a log was started before; going on with that one");
    }
}
