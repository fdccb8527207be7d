//! `bursar serve`: recovers, listens, serves, and stops in order.
//!
//! The first line of the log on standard output says where it listens; by then recovery is done.
//! What goes wrong before is said on standard error. Stopping: no new connections, readers of
//! outcomes are closed, what was let in is answered, everything is saved, the process ends with 0.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use bursar_actors::clock::{Clock, ClockError, MovableClock, SystemClock};
use bursar_actors::engine::{Engine, World};
use bursar_actors::fatal::OnFatal;
use bursar_actors::metrics::Metrics;
use bursar_domain::id::EntityId;
use bursar_sandbox::{Mount, Running};
use bursar_snapshots::sled_store::SledStore;
use bursar_snapshots::store::StoreError;
use prometheus::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use super::agenda::EngineAgenda;
use super::parties::{self, Parties, PartiesError};
use crate::config::{Config, ConfigError};
use crate::http::{self, State};

/// How often outcomes that are older than they are kept are dropped, some at a time.
const OUTCOMES_DROPPED_EVERY: Duration = Duration::from_mins(1);

/// Options of `bursar serve`.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Arguments {
    /// Read this configuration file (TOML); see config/bursar.toml for every key
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep the data in this directory; it is made when it is not there [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Listen here; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Call simulated third parties, served here too, instead of those of the configuration
    #[arg(long)]
    pub(crate) sandbox: bool,
}

impl Arguments {
    /// The configuration with the flags over it.
    pub(crate) fn configuration(&self) -> Result<Config, crate::config::ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            config.data.dir.clone_from(data);
        }
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        Ok(config)
    }
}

/// Why the server did not start or ended.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {source}. Choose another address with --listen")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("{0}: see config/bursar.toml")]
    Party(#[from] PartiesError),
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the server failed: {0}")]
    Server(#[from] std::io::Error),
}

impl ServeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Store(error) => exit_of(error),
            Self::Listen { .. } | Self::Party(_) | Self::Config(_) | Self::Clock(_) => Exit::Usage,
            Self::Server(_) => Exit::Fault,
        }
    }
}

/// The exit code that goes with an error of the store.
pub(crate) fn exit_of(error: &StoreError) -> Exit {
    match error {
        StoreError::InUse { .. } => Exit::InUse,
        StoreError::Fenced { .. }
        | StoreError::Damaged { .. }
        | StoreError::Incompatible { .. } => Exit::Damaged,
        StoreError::Io { .. } | StoreError::Database { .. } => Exit::Disk,
    }
}

/// Runs `bursar serve`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let config = match arguments.configuration() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("bursar: {error}");
            return Exit::Usage;
        }
    };
    let dir = &config.data.dir;
    if dir.exists() && !dir.is_dir() {
        eprintln!("bursar: {} is not a directory; choose another with --data", dir.display());
        return Exit::Usage;
    }
    let missing = config.missing_parties();
    if !arguments.sandbox && !missing.is_empty() {
        eprintln!(
            "bursar: {} not set: name the third parties in the configuration, or call simulated \
             ones with --sandbox",
            missing.join(", ")
        );
        return Exit::Usage;
    }
    crate::telemetry::start(&config.log);
    let sandbox = arguments.sandbox;
    match actix_web::rt::System::new().block_on(serve(config, sandbox)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("bursar: {error}");
            error.exit()
        }
    }
}

/// Ends the process when going on could lose money.
fn on_fatal() -> OnFatal {
    OnFatal::new(|error| {
        tracing::error!("stopping at once, nothing more is answered: {error}");
        eprintln!("bursar: stopping at once: {error}");
        std::process::exit(exit_of(error) as i32);
    })
}

async fn serve(mut config: Config, sandbox: bool) -> Result<(), ServeError> {
    let began = Instant::now();
    let dir = config.data.dir.clone();
    let (journal, archive) = SledStore::open(&dir, &config.store())?;
    let registry = Registry::new();
    let movable = if sandbox { Some(sandbox_clock(&dir)?) } else { None };
    let clock: Arc<dyn Clock> = match &movable {
        Some(movable) => Arc::new(movable.clone()),
        None => Arc::new(SystemClock),
    };
    let sandbox =
        movable.as_ref().map(|clock| parties::start_sandbox(&config, clock)).transpose()?;
    let parties = Parties::start(&mut config, sandbox, &registry, &clock)?;
    let world = World {
        journal: Box::new(journal),
        archive,
        clock: Arc::clone(&clock),
        metrics: Metrics::new(&registry),
        on_fatal: on_fatal(),
        policy: config.policy()?,
        gateways: parties.gateways.clone(),
        clerk: parties.clerk.clone(),
        answers: parties.answers.clone(),
    };
    let (engine, started) = Engine::start(&config.engine(), world)?;
    let state = http::state(engine, config, registry, parties.gateways.clone(), (clock, movable));
    parties.agenda.link(Arc::new(EngineAgenda(Arc::clone(&state))));
    resume_schedule(&state).await;
    let mount = parties.sandbox.as_ref().map(Running::mount);
    let (server, addresses) = listen(&state, mount)?;
    // Before anyone is told that it listens: who stops it right then stops it in order.
    let signals = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    for address in addresses {
        tracing::info!("listening on http://{address}");
    }
    tracing::info!(
        data = %dir.display(),
        records = started.records,
        millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "recovered"
    );
    say_parties(&parties, &state.config);
    until_stopped(server, &state, &parties, signals).await?;
    if let Some(sandbox) = parties.sandbox {
        sandbox.stop().await;
    }
    tracing::info!("stopped in order");
    Ok(())
}

/// A schedule that rings does so as the configuration says now.
async fn resume_schedule(state: &State) {
    let exists = state.look(&EntityId::schedule()).await.is_ok_and(|seen| seen.is_some());
    if exists && http::advances::runs::ensure_schedule(state).await.is_err() {
        tracing::warn!("the time of the daily run could not be set; it is as it was");
    }
}

/// The clock of a sandbox, as far ahead as it was moved; that stands beside the data.
pub(crate) fn sandbox_clock(dir: &std::path::Path) -> Result<MovableClock, ClockError> {
    MovableClock::kept(Arc::new(SystemClock), &dir.join("clock"))
}

/// Says who the third parties are.
fn say_parties(parties: &Parties, config: &Config) {
    if let Some(sandbox) = &parties.sandbox {
        tracing::warn!(
            "sandbox: the processor, documents and mail are simulated; no money moves. They \
             listen at {}; faults, ledger and mails are at /sandbox/ here, too",
            sandbox.url()
        );
        return;
    }
    let settings = config.gateways();
    tracing::info!(
        processor = %settings.processor.url,
        documents = %settings.documents.url,
        mail = %settings.mail.url,
        "third parties"
    );
}

/// Listens. Returns the running server and where it listens.
fn listen(
    state: &Arc<State>,
    sandbox: Option<Mount>,
) -> Result<(actix_web::dev::Server, Vec<std::net::SocketAddr>), ServeError> {
    let shared = web::Data::from(Arc::clone(state));
    let limits = &state.config.server;
    let address = limits.listen;
    let server = HttpServer::new(move || {
        let around = shared.clone();
        let sandbox = sandbox.clone();
        App::new()
            .app_data(shared.clone())
            .wrap(from_fn(move |request, next| http::shell::around(around.clone(), request, next)))
            .configure(http::routes)
            .configure(move |config| {
                if let Some(sandbox) = &sandbox {
                    sandbox.configure(config);
                }
            })
    })
    .workers(state.config.workers())
    .max_connections(limits.connections_max)
    .backlog(4096)
    .keep_alive(Duration::from_secs(limits.keep_alive_s))
    .client_request_timeout(Duration::from_millis(limits.head_timeout_ms))
    .client_disconnect_timeout(Duration::from_secs(1))
    .shutdown_timeout(limits.shutdown_timeout_s)
    .disable_signals()
    .bind(address)
    .map_err(|source| ServeError::Listen { address, source })?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// Serves until a signal comes, then stops in order.
async fn until_stopped(
    server: actix_web::dev::Server,
    state: &Arc<State>,
    parties: &Parties,
    [mut terminate, mut interrupt]: [Signal; 2],
) -> Result<(), ServeError> {
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    let mut daily = tokio::time::interval(OUTCOMES_DROPPED_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = daily.tick() => drop_old_outcomes(state),
        }
    }
    tracing::info!("stopping: no new connections; what was let in is answered and saved");
    state.stopping.store(true, Ordering::Relaxed);
    http::outcomes::close_all(state);
    handle.stop(true).await;
    if let Err(error) = serving.await {
        tracing::warn!("the HTTP server ended badly: {error}");
    }
    parties.stop_calling();
    if state.engine.stop().await.is_err() {
        tracing::error!(
            "the engine did not stop in order; the next start recovers from the journal"
        );
    }
    Ok(())
}

fn drop_old_outcomes(state: &State) {
    let keep_ms = state.config.outcomes.keep_days.saturating_mul(24 * 3600 * 1000);
    let keep_ms = i64::try_from(keep_ms).unwrap_or(i64::MAX);
    let before = state.now().millis().saturating_sub(keep_ms);
    state.engine.drop_outcomes_before(before);
}
