//! What happens on `SIGINT` and `SIGTERM`: the servers under test end and their data goes.
//!
//! Signals do not run destructors, and a benchmark that was given up would leave a server that
//! keeps a port, two cores and gigabytes. So the processes and the directory to remove are noted
//! here while they exist, and a thread waits for a signal. `SIGKILL` cannot be helped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use super::client;
use super::failure::Failure;
use crate::cli::Exit;

static LEFT_BEHIND: Mutex<LeftBehind> =
    Mutex::new(LeftBehind { processes: BTreeSet::new(), directories: Vec::new() });

struct LeftBehind {
    processes: BTreeSet<u32>,
    /// The first with all that is in it, the others if nothing else is.
    directories: Vec<PathBuf>,
}

fn left_behind() -> MutexGuard<'static, LeftBehind> {
    LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process of ours runs.
pub(crate) fn process_began(pid: u32) {
    left_behind().processes.insert(pid);
}

/// It runs no more, and its number may soon be another's.
pub(crate) fn process_ended(pid: u32) {
    left_behind().processes.remove(&pid);
}

/// A directory is ours to remove, and what it was made in if nothing else is there.
pub(crate) fn directory_made(path: &Path, parent: Option<&Path>) {
    left_behind().directories =
        [Some(path), parent].into_iter().flatten().map(Path::to_owned).collect();
}

/// It is gone, or has been left to its owner.
pub(crate) fn directory_settled() {
    left_behind().directories.clear();
}

/// Waits for a signal on a thread of its own.
pub(crate) fn watch() -> Result<(), Failure> {
    let runtime = client::runtime()?;
    let waiting = runtime.block_on(async {
        Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    });
    let (mut interrupt, mut terminate) = waiting.map_err(Failure::system("waiting for signals"))?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        give_up();
    });
    Ok(())
}

fn give_up() {
    // Held until the end, so that nothing new begins meanwhile.
    let left = left_behind();
    for pid in &left.processes {
        // It may have ended on the same signal.
        drop(Command::new("kill").args(["-KILL", &pid.to_string()]).output());
    }
    if let Some((directory, parents)) = left.directories.split_first() {
        if let Err(error) = fs::remove_dir_all(directory) {
            eprintln!("{} stays behind: {error}", directory.display());
        }
        for parent in parents {
            // Fails when another run still has its directory there, and then it must stay.
            drop(fs::remove_dir(parent));
        }
    }
    eprintln!("bursar bench: given up");
    std::process::exit(Exit::No as i32);
}
