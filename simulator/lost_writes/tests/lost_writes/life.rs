//! Lives of one store: opened, worked with, cut off, found again, and so on.
//!
//! A life opens what the one before left, compares it with the model, and goes on working in two
//! threads, as the committer and the checkpoints do, until its cut. What was acknowledged by then
//! is what both workers had finished when the cut came; the operation that each was in may be there
//! or not. The cut is drawn over all calls of a life, with those of the opening more often than
//! their share. Some lives end with a killed process instead: what was written stays, what was not
//! synced stays unsynced for the next cut.
//!
//! A seed draws work, cut and outcome. It does not draw how sled's threads run between: a failure
//! prints its seed, and leaves the files as they were found in the folder of this build.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;

use bursar_domain::id::Position;
use bursar_lost_writes::shadow::{Image, Shadow};
use bursar_simulator::chance::Chance;
use bursar_snapshots::sled_store::{Options, SledArchive, SledJournal, SledStore};

use crate::journal::SHARDS;
use crate::watch::{Plan, Tree, Without};
use crate::{archive, journal};

/// How a chain of lives is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// How many cuts.
    pub(crate) cuts: u64,
    /// How many calls a life has at most; the cut is drawn below it.
    pub(crate) calls: u64,
    /// How often an operation is a large one, in parts per million.
    pub(crate) large: u32,
    /// What is taken out.
    pub(crate) without: Without,
}

/// The world between two lives.
struct World {
    chance: Chance,
    shadow: Shadow,
    journal: journal::Model,
    archive: archive::Model,
    cut_off: (Option<journal::Operation>, Option<archive::Operation>),
}

/// What a life has written down about one worker: its operations, with the answers of the finished.
type Log<O, A> = Mutex<Vec<(O, Option<A>)>>;

/// The logs of both workers.
type Logs = (Log<journal::Operation, journal::Answer>, Log<archive::Operation, Position>);

type Failure = String;

/// Runs a chain of lives; says what went wrong in which.
pub(crate) fn run(seed: u64, course: &Course) -> Result<(), Failure> {
    let chance = Chance::new(seed);
    let mut world = World {
        chance: chance.split("records"),
        shadow: Shadow::default(),
        journal: journal::Model::default(),
        archive: archive::Model::default(),
        cut_off: (None, None),
    };
    for life in 0..=course.cuts {
        let is_last = life == course.cuts;
        let mut chance = chance.split_at(life);
        let directory = tempfile::tempdir().expect("a directory");
        let image = world.shadow.now();
        image.write_to(directory.path()).expect("the disk works");
        let result = catch_unwind(AssertUnwindSafe(|| {
            live(directory.path(), &mut world, &mut chance, course, is_last)
        }));
        let failed = match result {
            Ok(Ok(told)) => {
                if std::env::var_os("LOST_WRITES_TELL").is_some() {
                    println!("seed {seed}, life {life}: {told}");
                }
                continue;
            }
            Ok(Err(failed)) => failed,
            Err(panic) => {
                let kept = keep(seed, life, &image);
                println!("seed {seed}, life {life}, files as found: {}", kept.display());
                resume_unwind(panic)
            }
        };
        let kept = keep(seed, life, &image);
        return Err(format!(
            "seed {seed}, life {life}: {failed}\nfiles as found: {}",
            kept.display()
        ));
    }
    Ok(())
}

/// Keeps the files of a life that failed, as it found them.
fn keep(seed: u64, life: u64, image: &Image) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lost-{seed}-{life}"));
    drop(std::fs::remove_dir_all(&path));
    std::fs::create_dir_all(&path).expect("the disk works");
    image.write_to(&path).expect("the disk works");
    path
}

fn options(chance: &mut Chance) -> Options {
    // Half of the stores are checked as a copy first, as those in use are; the others faster.
    let scrub_limit_bytes = if chance.strikes(300_000) { 512 << 20 } else { 0 };
    Options { shards: SHARDS, cache_bytes: 64 << 20, scrub_limit_bytes }
}

fn live(
    root: &Path,
    world: &mut World,
    chance: &mut Chance,
    course: &Course,
    is_last: bool,
) -> Result<String, Failure> {
    let range = if chance.strikes(300_000) { 60.min(course.calls) } else { course.calls };
    let cut_at = if is_last { 0 } else { 1 + chance.below(range) };
    let plan = Plan { cut_at, without: course.without };
    let tree = Tree::watch(root, std::mem::take(&mut world.shadow), plan);
    let opened = SledStore::open(&tree.root().join("data"), &options(chance));
    let (journal, archive) = opened.map_err(|error| format!("it does not open: {error}"))?;
    let calls = tree.calls();
    // What an opening finds is durable once it is done, and not sooner.
    let is_open = tree.cut().is_none();
    let (mut commits, mut saves) = (world.journal.clone(), world.archive.clone());
    commits.compare(&journal, world.cut_off.0.as_ref())?;
    saves.compare(&archive, world.cut_off.1.as_ref())?;
    if is_open {
        (world.journal, world.archive, world.cut_off) = (commits, saves, (None, None));
    }
    let count = if is_last { 5 } else { course.calls };
    let logs = Logs::default();
    let work = work(&tree, world, (journal, archive), chance, (count, course.large), &logs);
    let (shadow, cut) = tree.end();
    work?;
    if is_open {
        settle(world, cut, logs);
    }
    let is_killed = !is_last && chance.strikes(200_000);
    let told = if is_killed {
        world.shadow = shadow;
        "killed".to_owned()
    } else {
        let (image, kept) = shadow.after_cut(chance);
        world.shadow = Shadow::synced(image);
        kept
    };
    Ok(format!("cut at {cut_at}, opened by {calls}, done {cut:?}; {told}"))
}

/// Works until the cut, or until so much is done.
fn work(
    tree: &Arc<Tree>,
    world: &World,
    store: (SledJournal, Arc<SledArchive>),
    chance: &Chance,
    (count, large): (u64, u32),
    logs: &Logs,
) -> Result<(), Failure> {
    let (mut journal, archive) = store;
    thread::scope(|scope| {
        let commits = scope.spawn(|| {
            let (mut chance, mut model) = (chance.split("journal"), world.journal.clone());
            for number in 0..count {
                if tree.cut().is_some() {
                    break;
                }
                let number = usize::try_from(number).expect("small");
                let next = journal::Operation::draw(&mut chance, &model, number, large);
                logs.0.lock().expect("whole").push((next.clone(), None));
                let answer = next.perform(&mut journal).map_err(|error| error.to_string())?;
                if !model.finished(&next, &answer) {
                    return Err(format!("{answer:?} is no answer to {next:?}"));
                }
                logs.0.lock().expect("whole").last_mut().expect("just there").1 = Some(answer);
                tree.done[0].fetch_add(1, Ordering::SeqCst);
            }
            drop(journal);
            Ok(())
        });
        let saves = scope.spawn(|| {
            let (mut chance, mut model) = (chance.split("archive"), world.archive.clone());
            for _ in 0..count.div_ceil(2) {
                if tree.cut().is_some() {
                    break;
                }
                let next = archive::Operation::draw(&mut chance, &world.chance, &model, large);
                logs.1.lock().expect("whole").push((next.clone(), None));
                let answer = next.perform(&archive).map_err(|error| error.to_string())?;
                model.finished(&next, answer);
                logs.1.lock().expect("whole").last_mut().expect("just there").1 = Some(answer);
                tree.done[1].fetch_add(1, Ordering::SeqCst);
            }
            drop(archive);
            Ok(())
        });
        let ends = [commits.join(), saves.join()];
        ends.into_iter().try_for_each(|end| end.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Brings the models up to what was acknowledged when the cut came.
fn settle(world: &mut World, cut: [u64; 2], logs: Logs) {
    let [commits, saves] = cut.map(|done| usize::try_from(done).expect("small"));
    let mut log = logs.0.into_inner().expect("whole");
    for (operation, answer) in log.drain(..commits) {
        world.journal.finished(&operation, &answer.expect("it was finished"));
    }
    world.cut_off.0 = log.into_iter().next().map(|(operation, _)| operation);
    let mut log = logs.1.into_inner().expect("whole");
    for (operation, answer) in log.drain(..saves) {
        world.archive.finished(&operation, answer.expect("it was finished"));
    }
    world.cut_off.1 = log.into_iter().next().map(|(operation, _)| operation);
}
