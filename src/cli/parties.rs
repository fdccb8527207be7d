//! The third parties of a server: the sandbox in this process, or those of the configuration; and
//! the gateways to them.
//!
//! With `--sandbox` the parties are simulated here: they listen at ports of their own, their
//! addresses are served at the server's too, and what they booked stands in a file in the data
//! directory, so that they remember it when the process was killed. Without, all addresses must be
//! configured: a server that could not pull money would take investments and undo them all.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use actix::Arbiter;
use bursar_actors::answers::Answers;
use bursar_actors::clerk::{self, AgendaLink, Clerk};
use bursar_actors::clock::{Clock, MovableClock};
use bursar_actors::gateway::{self, Gateways, SettingsError, Transports};
use bursar_sandbox::{Latency, Rate, Rates, Running, Sandbox, Settings};
use prometheus::Registry;

use crate::config::Config;

/// The third parties and the way to them.
pub(crate) struct Parties {
    /// The simulated ones, when they are.
    pub(crate) sandbox: Option<Running>,
    /// The way there.
    pub(crate) gateways: Gateways,
    /// The way back.
    pub(crate) answers: Answers,
    /// Who runs errands.
    pub(crate) clerk: Clerk,
    /// Where the clerk reads agendas, to be linked with the engine.
    pub(crate) agenda: AgendaLink,
    arbiter: Arbiter,
}

/// Why the way to the third parties cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartiesError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The clerk cannot start.
    #[error(transparent)]
    Clerk(#[from] clerk::StartError),
}

/// How the sandbox is set up.
pub(crate) fn sandbox_settings(config: &Config, listen: Option<SocketAddr>) -> Settings {
    let rate = NonZeroU32::new(config.sandbox.rate_per_s).map(|per_second| {
        let burst = NonZeroU32::new(per_second.get() / 4).unwrap_or(NonZeroU32::MIN);
        Rate { per_second, burst }
    });
    let defaults = Settings::default();
    Settings {
        listen: listen.unwrap_or(defaults.listen),
        seed: config.sandbox.seed,
        latency: Latency {
            base_ms: config.sandbox.latency_ms,
            jitter_ms: config.sandbox.latency_jitter_ms,
        },
        rates: Rates { processor: rate, ..Rates::default() },
        ..defaults
    }
}

impl Parties {
    /// Starts the gateways on their own thread, to the sandbox in this process if it is given.
    pub(crate) fn start(
        config: &mut Config,
        sandbox: Option<Running>,
        registry: &Registry,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, PartiesError> {
        if let Some(sandbox) = &sandbox {
            config.processor.url = sandbox.url();
            config.documents.url = sandbox.url();
            config.mail.url = format!("smtp://{}", sandbox.smtp());
        }
        let settings = config.gateways();
        let answers = Answers::default();
        let back = answers.clone();
        let world = gateway::World {
            transports: Transports::new(&settings, clock)?,
            on_reply: Arc::new(move |entity, answered| back.bring(entity, answered)),
            clock: Arc::clone(clock),
            metrics: gateway::Metrics::new(registry),
        };
        let arbiter = Arbiter::new();
        let handle = arbiter.handle();
        let gateways = Gateways::start(&settings, &handle, world);
        let (agenda, back) = (AgendaLink::default(), answers.clone());
        let world = clerk::World {
            agenda: Arc::new(agenda.clone()),
            on_brought: Arc::new(move |entity, brought| back.bring_found(entity, brought)),
        };
        let clerk = Clerk::start(&clerk_settings(config, &settings), &handle, world)?;
        Ok(Self { sandbox, gateways, answers, clerk, agenda, arbiter })
    }

    /// Ends the gateways: no call leaves any more, no answer comes back. Sagas go on from there at
    /// the next start.
    pub(crate) fn stop_calling(&self) {
        self.arbiter.stop();
    }
}

fn clerk_settings(config: &Config, parties: &gateway::Settings) -> clerk::Settings {
    let defaults = clerk::Settings::new(&config.data.dir, parties.processor.clone());
    let limits =
        clerk::settings::Limits { lines_max: config.advances.report_lines_max, ..defaults.limits };
    let whole_ms = config.advances.report_timeout_s.saturating_mul(1_000);
    clerk::Settings { limits, whole_ms, ..defaults }
}

/// Starts the simulated parties of a server. What they booked stands beside its data.
pub(crate) fn start_sandbox(config: &Config, clock: &MovableClock) -> std::io::Result<Running> {
    let file = Some(config.data.dir.join("sandbox.ndjson"));
    let shared = clock.clone();
    let clock = bursar_sandbox::Clock::new(move || shared.now());
    Sandbox::start(Settings { file, clock, ..sandbox_settings(config, None) })
}
