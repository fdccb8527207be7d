//! `bursar sandbox`: the simulated third parties alone, as a process of their own.
//!
//! For tests that kill the server while its third parties live on, and for trying a server that is
//! configured as in production. The first line on standard output says where HTTP listens, the
//! second where SMTP does. Everything is in memory and ends with the process.

use std::net::SocketAddr;
use std::path::PathBuf;

use bursar_sandbox::Sandbox;
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use super::parties::sandbox_settings;
use crate::config::Config;

/// Options of `bursar sandbox`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Listen here; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where SMTP listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    smtp_listen: SocketAddr,
    /// Read this configuration file (TOML): its section [sandbox]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where all chance comes from [default: the configuration's, which is 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Milliseconds that each answer takes [default: the configuration's, which is 150]
    #[arg(long, value_name = "MS")]
    latency_ms: Option<u64>,
}

/// Runs `bursar sandbox`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let mut config = match Config::load(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("bursar: {error}");
            return Exit::Usage;
        }
    };
    config.sandbox.seed = arguments.seed.unwrap_or(config.sandbox.seed);
    config.sandbox.latency_ms = arguments.latency_ms.unwrap_or(config.sandbox.latency_ms);
    crate::telemetry::start(&config.log);
    match actix_web::rt::System::new().block_on(serve(arguments, &config)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("bursar: {error}");
            Exit::Usage
        }
    }
}

async fn serve(arguments: &Arguments, config: &Config) -> std::io::Result<()> {
    let mut settings = sandbox_settings(config, Some(arguments.listen));
    settings.smtp_listen = arguments.smtp_listen;
    let running = Sandbox::start(settings)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tracing::info!("listening on {}", running.url());
    tracing::info!("mail on smtp://{}", running.smtp());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    Ok(())
}
