//! The configuration: every key with its default, read from a file, the environment and flags.
//!
//! Flags win over the environment (`BURSAR__SERVER__LISTEN=...`), that over the file, that over the
//! defaults. `config/bursar.toml` lists every key with its unit and why it is what it is; a test
//! holds that file and these defaults together. Unknown keys are refused, so a typing error is
//! never a default in disguise.

mod parties;
mod rewards;
mod schedule;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bursar_actors::engine;
use bursar_actors::shard::messages::Limits;
use bursar_snapshots::sled_store;
use serde::{Deserialize, Serialize};

pub(crate) use parties::{Party, Sagas, Sandbox};
pub(crate) use rewards::Rewards;
pub(crate) use schedule::{Advances, Reimbursements};

const MIB: u64 = 1024 * 1024;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: Data,
    pub(crate) shards: Shards,
    pub(crate) residents: Residents,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) outcomes: Outcomes,
    pub(crate) sagas: Sagas,
    pub(crate) reimbursements: Reimbursements,
    pub(crate) advances: Advances,
    pub(crate) rewards: Rewards,
    pub(crate) processor: Party,
    pub(crate) documents: Party,
    pub(crate) mail: Party,
    pub(crate) sandbox: Sandbox,
    pub(crate) log: Log,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) workers: usize,
    pub(crate) connections_max: usize,
    pub(crate) head_timeout_ms: u64,
    pub(crate) body_timeout_ms: u64,
    pub(crate) keep_alive_s: u64,
    pub(crate) body_bytes_max: usize,
    pub(crate) batch_bytes_max: usize,
    pub(crate) batch_lines_max: usize,
    pub(crate) shutdown_timeout_s: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
    pub(crate) cache_mib: u64,
    pub(crate) scrub_limit_mib: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shards {
    pub(crate) count: u16,
    pub(crate) threads: usize,
    pub(crate) in_flight_max: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Residents {
    pub(crate) max: usize,
    pub(crate) idle_s: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) interval_s: u64,
    pub(crate) tail_mib: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Outcomes {
    pub(crate) keep_days: u64,
    pub(crate) behind_max: usize,
    pub(crate) ping_s: u64,
    pub(crate) readers_max: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            data: Data::default(),
            shards: Shards::default(),
            residents: Residents::default(),
            checkpoint: Checkpoint::default(),
            outcomes: Outcomes::default(),
            sagas: Sagas::default(),
            reimbursements: Reimbursements::default(),
            advances: Advances::default(),
            rewards: Rewards::default(),
            processor: Party::processor(),
            documents: Party::documents(),
            mail: Party::mail(),
            sandbox: Sandbox::default(),
            log: Log::default(),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            connections_max: 25_000,
            head_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
            keep_alive_s: 75,
            body_bytes_max: 64 * 1024,
            batch_bytes_max: 32 * 1024 * 1024,
            batch_lines_max: 10_000,
            shutdown_timeout_s: 20,
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("./data"), cache_mib: 64, scrub_limit_mib: 128 }
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self { count: 16, threads: 0, in_flight_max: 8_192 }
    }
}

impl Default for Residents {
    fn default() -> Self {
        Self { max: 1_000_000, idle_s: 600 }
    }
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { interval_s: 30, tail_mib: 64 }
    }
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { keep_days: 30, behind_max: 50_000, ping_s: 20, readers_max: 1_000 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info,actix_server=warn".to_owned(), format: LogFormat::Text }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] config::ConfigError),
    #[error("{key} is {value}: {rule}")]
    OutOfRange { key: &'static str, value: String, rule: &'static str },
}

impl Config {
    /// Reads the file, if one is named, and the environment over it.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        // A section of which only some keys are given keeps the defaults of the others.
        let defaults = config::Config::try_from(&Self::default())?;
        let mut builder = config::Config::builder().add_source(defaults);
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let environment =
            config::Environment::with_prefix("BURSAR").prefix_separator("__").separator("__");
        let environment = environment
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("sagas.ladder_ms");
        let config: Self = builder.add_source(environment).build()?.try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the types cannot.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let rule = |good: bool, key, value: String, rule| {
            if good { Ok(()) } else { Err(ConfigError::OutOfRange { key, value, rule }) }
        };
        let shards = self.shards.count;
        rule((1..=1024).contains(&shards), "shards.count", shards.to_string(), "1 to 1024")?;
        let lines = self.server.batch_lines_max;
        rule(
            (1..=10_000).contains(&lines),
            "server.batch_lines_max",
            lines.to_string(),
            "1 to 10000, as the contract says",
        )?;
        let in_flight = self.shards.in_flight_max;
        rule(
            (1_024..=1_000_000).contains(&in_flight),
            "shards.in_flight_max",
            in_flight.to_string(),
            "1024 to 1000000, so that a piece of a batch has room",
        )?;
        let residents = self.residents.max;
        rule(
            residents >= 1_000,
            "residents.max",
            residents.to_string(),
            "at least 1000, or entities come and go with every request",
        )?;
        let body = self.server.body_bytes_max;
        rule(
            (1_024..=96 * 1024).contains(&body),
            "server.body_bytes_max",
            body.to_string(),
            "1024 to 98304 bytes, so that a decision fits one group of the journal",
        )?;
        let ping = self.outcomes.ping_s;
        rule(ping >= 1, "outcomes.ping_s", ping.to_string(), "at least 1 second")?;
        let ladder = &self.sagas.ladder_ms;
        rule(
            (1..=32).contains(&ladder.len()) && ladder.iter().all(|pause| *pause > 0),
            "sagas.ladder_ms",
            format!("{ladder:?}"),
            "1 to 32 pauses of at least 1 ms",
        )?;
        for (key, party) in [
            ("processor.concurrency", &self.processor),
            ("documents.concurrency", &self.documents),
            ("mail.concurrency", &self.mail),
        ] {
            let concurrency = party.concurrency;
            let good = (1..=10_000).contains(&concurrency);
            rule(good, key, concurrency.to_string(), "1 to 10000 calls at once")?;
        }
        self.policy().map(drop)
    }

    /// The store's part.
    pub(crate) fn store(&self) -> sled_store::Options {
        sled_store::Options {
            shards: self.shards.count,
            cache_bytes: self.data.cache_mib * MIB,
            scrub_limit_bytes: self.data.scrub_limit_mib * MIB,
        }
    }

    /// The engine's part.
    pub(crate) fn engine(&self) -> engine::Settings {
        let shards = usize::from(self.shards.count);
        let tail = usize::try_from(self.checkpoint.tail_mib * MIB).unwrap_or(usize::MAX);
        let millis = |seconds: u64| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        engine::Settings {
            shards: self.shards.count,
            threads: match self.shards.threads {
                0 => (cores() / 4).max(1),
                threads => threads,
            },
            limits: Limits {
                residents_max: (self.residents.max / shards).max(1),
                idle_ms: millis(self.residents.idle_s),
                checkpoint_ms: millis(self.checkpoint.interval_s),
                checkpoint_bytes: (tail / shards).max(64 * 1024),
            },
            in_flight_max: self.shards.in_flight_max,
            tail_bytes_max: (tail / shards).max(64 * 1024).saturating_mul(4),
        }
    }

    /// How many HTTP workers.
    pub(crate) fn workers(&self) -> usize {
        match self.server.workers {
            0 => cores(),
            workers => workers,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_in_the_repository_states_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bursar.toml");
        let text = std::fs::read_to_string(&file).expect("the file is there");
        let source = config::File::from_str(&text, config::FileFormat::Toml);
        let built = config::Config::builder().add_source(source).build().expect("it is TOML");
        let read: Config = built.clone().try_deserialize().expect("it has no unknown keys");
        assert_eq!(read, Config::default());
        // And it names every key: nothing is left to an unwritten default.
        let all = serde_json::to_value(Config::default()).expect("it has a JSON form");
        for (section, keys) in all.as_object().expect("sections") {
            for key in keys.as_object().expect("keys").keys() {
                let path = format!("{section}.{key}");
                assert!(built.get::<config::Value>(&path).is_ok(), "{path} is not in the file");
            }
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_its_key() {
        let mut config = Config::default();
        config.shards.count = 0;
        let error = config.check().expect_err("no shards").to_string();
        assert!(error.contains("shards.count"), "{error}");
    }
}
