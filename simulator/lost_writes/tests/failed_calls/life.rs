//! One short life of a store, of which one call on files fails, and the look at what is left.
//!
//! The life runs in a thread of its own, which is left behind when it does not come back. What
//! counts is the moment at which the process would have stopped: the first refused call, the first
//! panic, or the end. From then on the shadow stays as it is, so nothing that is done later, by
//! sled's threads or by the closing of files, reaches what is opened again.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bursar_domain::id::Seq;
use bursar_lost_writes::shadow::{Image, Shadow};
use bursar_simulator::chance::Chance;
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};
use bursar_snapshots::store::{Archive, Journal, Snapshot, StoreError};

use crate::common::journal::SHARDS;
use crate::common::watch::{Fault, Plan, Tree};
use crate::common::{archive, journal, number, panics};

/// How the process ends after the failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It is killed: what it wrote is there.
    Killed,
    /// The power is cut: what it synced is there.
    Cut,
}

/// How a life went.
#[derive(Debug)]
pub(crate) struct Outcome {
    stopped: Option<Stop>,
    /// Whether it had fewer calls.
    pub(crate) is_past: bool,
}

/// What stopped it.
#[derive(Debug)]
enum Stop {
    Refused(String),
    Panicked(String),
}

impl Outcome {
    /// The kind of it.
    pub(crate) fn name(&self) -> &'static str {
        match self.stopped {
            None => "harmless",
            Some(Stop::Refused(_)) => "refused",
            Some(Stop::Panicked(_)) => "stopped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stopped {
            None => Ok(()),
            Some(Stop::Refused(why) | Stop::Panicked(why)) => f.write_str(why),
        }
    }
}

/// What is acknowledged, and what is being done.
#[derive(Clone, Default)]
struct Known {
    journal: journal::Model,
    archive: archive::Model,
    begun: (Option<journal::Operation>, Option<archive::Operation>),
}

type Failure = String;

/// No call on a store takes this long, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

const OPTIONS: Options = Options { shards: SHARDS, cache_bytes: 64 << 20, scrub_limit_bytes: 0 };
/// With a copy that is checked first.
const CHECKED: Options = Options { scrub_limit_bytes: 512 << 20, ..OPTIONS };

/// Runs a life with a fault, and looks at what is left.
pub(crate) fn run(seed: u64, fault: Fault, end: End) -> (Option<String>, Result<Outcome, Failure>) {
    panics::count();
    drop(panics::take());
    let directory = tempfile::tempdir().expect("a directory");
    let plan = Plan { fault: Some(fault), ..Plan::default() };
    let tree = Tree::watch(directory.path(), Shadow::default(), plan);
    let known = Arc::new(Mutex::new(Known::default()));
    let stopped = watched(seed, &tree, &known);
    // Whoever still runs counts nothing as done from here on.
    let known = {
        let known = known.lock().expect("whole");
        tree.cut_now();
        known.clone()
    };
    let (calls, told) = (tree.calls(), tree.told());
    let (shadow, _) = tree.end();
    let outcome = stopped.and_then(|stopped| {
        look(seed, &shadow, end, known)?;
        Ok(Outcome { stopped, is_past: calls < fault.at })
    });
    (told, outcome)
}

/// Runs a life in a thread of its own, until it ends or a thread of sled panics.
fn watched(
    seed: u64,
    tree: &Arc<Tree>,
    known: &Arc<Mutex<Known>>,
) -> Result<Option<Stop>, Failure> {
    let (sender, receiver) = mpsc::channel();
    let (of_thread, known) = (Arc::clone(tree), Arc::clone(known));
    thread::spawn(move || {
        let lived = catch_unwind(AssertUnwindSafe(|| live(seed, &of_thread, &known)));
        of_thread.cut_now();
        drop(sender.send(lived));
    });
    let mut left = PATIENCE;
    loop {
        let step = Duration::from_millis(100);
        match receiver.recv_timeout(step) {
            Ok(Ok(Err(failed))) => return Err(failed),
            Ok(Ok(Ok(Some(error)))) => return Ok(Some(Stop::Refused(error))),
            Ok(Ok(Ok(None))) if panics::is_empty() => return Ok(None),
            Ok(Ok(Ok(None)) | Err(_)) => break,
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                return Err("it hangs".to_owned());
            }
            // The release build is over now, whatever is still running here.
            Err(RecvTimeoutError::Timeout) if !panics::is_empty() => break,
            Err(RecvTimeoutError::Timeout) => left = left.saturating_sub(step),
            Err(RecvTimeoutError::Disconnected) => return Err("the thread is gone".to_owned()),
        }
    }
    Ok(Some(Stop::Panicked(panics::take().join("; "))))
}

/// A short life, twice opened. Gives the error that stopped it.
fn live(seed: u64, tree: &Tree, known: &Mutex<Known>) -> Result<Option<String>, Failure> {
    let world = Chance::new(seed).split("records");
    let mut chance = Chance::new(seed).split("work");
    let checks = number("FAILED_CALLS_EACH", 0) != 0;
    let first = if checks { CHECKED } else { OPTIONS };
    for (count, options) in [(8, first), (3, OPTIONS)] {
        let opened = SledStore::open(&tree.root().join("data"), &options);
        let (mut journal, archive) = match opened {
            Ok(store) => store,
            Err(error) => return Ok(Some(error.to_string())),
        };
        for number in 0..count {
            let done = append(number, &mut journal, tree, known, &mut chance)?;
            let done = done.and_then(|()| save(&archive, tree, known, (&mut chance, &world)));
            if let Err(error) = done {
                tree.cut_now();
                // A read that fails changes nothing, so the store need not be finished.
                if tree.told().is_some_and(|told| told.starts_with("Read")) {
                    return Ok(Some(error.to_string()));
                }
                let known = known.lock().expect("whole");
                return finished(&error, &mut journal, &*archive, &known).map(Some);
            }
        }
    }
    Ok(None)
}

/// One call on the journal.
fn append(
    number: usize,
    journal: &mut SledJournal,
    tree: &Tree,
    known: &Mutex<Known>,
    chance: &mut Chance,
) -> Result<Result<(), StoreError>, Failure> {
    let lock = || known.lock().expect("whole");
    let model = lock().journal.clone();
    let next = match number {
        6 => journal::Operation::trim_all(&model),
        _ => journal::Operation::draw(chance, &model, number, 100_000),
    };
    lock().begun.0 = Some(next.clone());
    let answer = match next.perform(journal) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    let mut known = lock();
    if tree.cut().is_none() {
        if !known.journal.finished(&next, &answer) {
            return Err(format!("{answer:?} is no answer to {next:?}"));
        }
        known.begun.0 = None;
    }
    Ok(Ok(()))
}

/// One call on the archive.
fn save(
    archive: &SledArchive,
    tree: &Tree,
    known: &Mutex<Known>,
    (chance, world): (&mut Chance, &Chance),
) -> Result<(), StoreError> {
    let lock = || known.lock().expect("whole");
    let model = lock().archive.clone();
    let next = archive::Operation::draw(chance, world, &model, 100_000);
    lock().begun.1 = Some(next.clone());
    let answer = next.perform(archive)?;
    let mut known = lock();
    if tree.cut().is_none() {
        known.archive.finished(&next, answer);
        known.begun.1 = None;
    }
    Ok(())
}

/// After a refused writing call no other succeeds, although the disk works again.
fn finished(
    error: &StoreError,
    journal: &mut impl Journal,
    archive: &impl Archive,
    known: &Known,
) -> Result<String, Failure> {
    let append = journal::Operation::one_record(&known.journal);
    if journal.append(&append).is_ok() {
        return Err(format!("an append succeeds after {error}"));
    }
    let books = Snapshot { covers: Seq(1 << 40), state: b"too late".to_vec() };
    if archive.save_shard(bursar_domain::id::ShardId(0), &books).is_ok() {
        return Err(format!("a save succeeds after {error}"));
    }
    Ok(error.to_string())
}

/// Opens what is left, without faults.
fn look(seed: u64, shadow: &Shadow, end: End, mut known: Known) -> Result<(), Failure> {
    let image = match end {
        End::Killed => shadow.now(),
        End::Cut => shadow.after_cut(&mut Chance::new(seed).split("cut")).0,
    };
    let opened = catch_unwind(AssertUnwindSafe(|| open(&image, &mut known)));
    let opened = opened.unwrap_or_else(|_| Err(format!("it panics: {:?}", panics::take())));
    opened.map_err(|failed| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failed");
        drop(std::fs::remove_dir_all(&kept));
        std::fs::create_dir_all(&kept).expect("the disk works");
        image.write_to(&kept).expect("the disk works");
        format!("{failed}\nfiles as found: {}", kept.display())
    })
}

fn open(image: &Image, known: &mut Known) -> Result<(), Failure> {
    let directory = tempfile::tempdir().expect("a directory");
    image.write_to(directory.path()).expect("the disk works");
    let opened = SledStore::open(&directory.path().join("data"), &OPTIONS);
    let (mut journal, archive) = opened.map_err(|error| format!("it does not open: {error}"))?;
    known.journal.compare(&journal, known.begun.0.as_ref())?;
    known.archive.compare(&archive, known.begun.1.as_ref())?;
    let claim = journal::Operation::Claim;
    let answer = claim.perform(&mut journal).map_err(|error| format!("then it stops: {error}"))?;
    if known.journal.finished(&claim, &answer) { Ok(()) } else { Err(format!("{answer:?}")) }
}
