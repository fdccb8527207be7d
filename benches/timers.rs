//! A million sagas that sleep until an instant: what they cost at start, in memory, and to find.
//!
//! The store is filled as checkpoints fill it, then opened anew, and an engine is started on it, once
//! with instants spread over a year (few are within the horizon) and once with all of them within
//! the next hour (all are). Nobody is woken: what is measured is sleeping. Memory is the process's
//! resident set; sled's cache, which is bounded, is most of it after everything was written, so each
//! part runs in a process of its own.
//!
//! `cargo bench -p bursar --bench timers`. Run as a test it only shows that it runs.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use bursar_actors::answers::Answers;
use bursar_actors::clerk::Clerk;
use bursar_actors::clock::{Clock, SystemClock};
use bursar_actors::engine::{Engine, Settings, World};
use bursar_actors::fatal::OnFatal;
use bursar_actors::gateway::Gateways;
use bursar_actors::metrics::Metrics;
use bursar_actors::shard::messages::Limits;
use bursar_domain::call::Policy;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_snapshots::sled_store::{Options, SledStore};
use bursar_snapshots::store::{Archive, Saved, Snapshot, Waits};
use prometheus::Registry;

/// How many shards the stores have, as by default.
const SHARDS: u16 = 16;
const COUNT: usize = 1_000_000;
const COUNT_IN_A_TEST: usize = 2_000;
/// As many as a checkpoint saves at a time.
const SAVED_TOGETHER: usize = 512;
/// A saga that waits has about so many bytes.
const STATE_BYTES: usize = 250;
const PAGE: usize = 1_000;

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;
/// Nothing falls due while it is measured.
const FIRST_MS: i64 = HOUR_MS / 2;

fn options() -> Options {
    Options { shards: SHARDS, scrub_limit_bytes: 0, ..Options::default() }
}

/// The process's resident memory, in MiB.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn tell(what: &str, value: impl std::fmt::Display) {
    println!("  {what:<56} {value}");
}

/// Fills a store with sagas that wait for instants from soon on, over a span.
fn fill(place: &Path, count: usize, span_ms: i64) {
    let (_journal, archive) = SledStore::open(place, &options()).expect("a new store");
    let first = SystemClock.now().millis() + FIRST_MS;
    let began = Instant::now();
    let numbers: Vec<usize> = (0..count).collect();
    for numbers in numbers.chunks(SAVED_TOGETHER) {
        let saved = numbers.iter().map(|number| {
            // Scattered, as the ids of sagas are against their instants.
            let scattered = number.wrapping_mul(7_919) % count;
            let part = i64::try_from(*number).expect("few") * span_ms;
            let at = first + part / i64::try_from(count).expect("few");
            Saved {
                entity: EntityId::saga(format!("txn_{scattered}_wallet-{scattered:08}")),
                snapshot: Snapshot { covers: Seq(1), state: vec![7; STATE_BYTES] },
                records: Vec::new(),
                index: Vec::new(),
                waits: Some(Waits::until(at)),
            }
        });
        archive.save(&saved.collect::<Vec<_>>()).expect("saved");
    }
    tell("saved in, ms", millis(began.elapsed()));
    tell("on disk, MiB", archive.size_bytes().expect("read") / 1024 / 1024);
}

/// Opens the store and finds the first that are due, and the first after half of them.
fn find(place: &Path, count: usize) {
    let before = resident_mib();
    let began = Instant::now();
    let (_journal, archive) = SledStore::open(place, &options()).expect("it is whole");
    tell("opened in, ms", began.elapsed().as_millis());
    tell("memory of that, MiB", resident_mib() - before);
    for round in ["cold", "again"] {
        let began = Instant::now();
        let page = archive.timers(ShardId(0), None, i64::MAX, PAGE).expect("read");
        let found = began.elapsed();
        tell(&format!("first {} of a shard, {round}, ms", page.len()), millis(found));
    }
    let began = Instant::now();
    let mut all = 0;
    for shard in (0..SHARDS).map(ShardId) {
        all += archive.timers(shard, None, i64::MAX, PAGE).expect("read").len();
    }
    tell(&format!("first {all} of all shards, ms"), millis(began.elapsed()));
    let began = Instant::now();
    let mut firsts = 0;
    for shard in (0..SHARDS).map(ShardId) {
        firsts += usize::from(archive.first_timer(shard, 0).expect("read").is_some());
    }
    tell("first instant of every shard, ms", millis(began.elapsed()));
    assert_eq!(firsts, usize::from(SHARDS).min(count));
    let began = Instant::now();
    assert_eq!(archive.answer_waiters().expect("read"), []);
    tell("those that wait for an answer, none, ms", millis(began.elapsed()));
}

fn millis(time: std::time::Duration) -> String {
    format!("{}.{:03}", time.as_millis(), time.subsec_micros() % 1000)
}

/// Starts an engine on the store, and waits until all timers within its horizon are in memory.
fn start(place: &Path, near: usize) {
    let (journal, archive) = SledStore::open(place, &options()).expect("it is whole");
    let before = resident_mib();
    actix::System::new().block_on(async move {
        let limits = Limits {
            residents_max: 100_000,
            idle_ms: i64::MAX,
            checkpoint_ms: i64::MAX,
            checkpoint_bytes: usize::MAX,
        };
        let settings = Settings {
            shards: SHARDS,
            threads: 1,
            limits,
            in_flight_max: 1_000,
            tail_bytes_max: usize::MAX,
        };
        let world = World {
            journal: Box::new(journal),
            archive,
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(&Registry::new()),
            on_fatal: OnFatal::new(|error| panic!("{error}")),
            policy: Policy::default(),
            gateways: Gateways::from_port(Arc::new(|entity, _| panic!("{entity} sleeps"))),
            clerk: Clerk::from_port(Arc::new(|entity, _| panic!("{entity} sleeps"))),
            answers: Answers::default(),
        };
        let began = Instant::now();
        let (engine, _) = Engine::start(&settings, world).expect("it recovers");
        tell("engine started in, ms", millis(began.elapsed()));
        let mut known = 0;
        while known < near {
            let states = engine.states().await.expect("it runs");
            known = states.iter().map(|state| state.timers).sum();
        }
        engine.quiet().await.expect("it runs");
        tell(&format!("{known} timers within the horizon read in, ms"), millis(began.elapsed()));
        tell("memory of that, MiB", resident_mib() - before);
        let residents = engine.residents().await.expect("it runs");
        tell("sagas in memory", residents.len());
        assert_eq!(residents.len(), 0);
        engine.stop().await.expect("it stops");
    });
}

/// Runs this program again for one part, so that each part's memory is its own.
fn part(name: &str, place: &Path, count: usize, span_ms: i64) {
    let program = std::env::current_exe().expect("this program");
    let arguments = [name.to_owned(), count.to_string(), span_ms.to_string()];
    let ended = Command::new(program).arg("part").arg(place).args(arguments).status();
    assert!(ended.expect("it runs").success(), "{name}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [part, place, name, count, span_ms] = &arguments[..]
        && part == "part"
    {
        let count = count.parse().expect("a number");
        match name.as_str() {
            "fill" => fill(Path::new(place), count, span_ms.parse().expect("a number")),
            "find" => find(Path::new(place), count),
            name => {
                assert_eq!(name, "start");
                let span_ms: i64 = span_ms.parse().expect("a number");
                start(Path::new(place), if span_ms < HOUR_MS { count } else { 1 });
            }
        }
        return;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let count = if is_measured { COUNT } else { COUNT_IN_A_TEST };
    for (name, span_ms) in [("a year", YEAR_MS), ("half an hour", HOUR_MS / 2 - 60_000)] {
        // Not under the temporary directory, which may be in memory.
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        println!("{count} timers over {name}");
        for name in ["fill", "find", "start"] {
            part(name, place.path(), count, span_ms);
        }
    }
}
