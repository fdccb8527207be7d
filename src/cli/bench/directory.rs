//! The directory a benchmark's servers write to: fresh, and gone afterwards.
//!
//! By default it lies under the working directory: the system's temporary directory is often in
//! memory, where a sync costs nothing and the figures would lie. Nothing that was there before is
//! ever removed: a directory that is not empty is refused.

use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::interrupt;

const PARENT: &str = "data-bench";

/// A directory that was empty when the benchmark began.
pub(crate) struct Directory {
    path: PathBuf,
    /// Removed as well when nothing else is in it.
    parent: Option<PathBuf>,
    keep: bool,
}

impl Directory {
    /// Makes the directory, or takes the given one if it is empty.
    pub(crate) fn fresh(chosen: Option<&Path>, keep: bool) -> Result<Self, Failure> {
        let (path, parent) = if let Some(path) = chosen {
            (path.to_owned(), None)
        } else {
            let parent = PathBuf::from(PARENT);
            (parent.join(std::process::id().to_string()), Some(parent))
        };
        let failed = |source| Failure::Directory { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(failed)?;
        if fs::read_dir(&path).map_err(failed)?.next().is_some() {
            let name = path.display();
            return Err(Failure::Usage(format!("{name} is not empty: choose a new directory")));
        }
        let path = path.canonicalize().map_err(failed)?;
        if !keep {
            interrupt::directory_made(&path, parent.as_deref());
        }
        Ok(Self { path, parent, keep })
    }

    /// Makes an empty directory for one server.
    pub(crate) fn subdirectory(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        fs::create_dir(&path)
            .map_err(|source| Failure::Directory { path: path.clone(), source })?;
        Ok(path)
    }

    /// Removes a server's directory before the next one needs the room.
    pub(crate) fn discard(&self, path: &Path) -> Result<(), Failure> {
        if self.keep {
            return Ok(());
        }
        fs::remove_dir_all(path)
            .map_err(|source| Failure::Directory { path: path.to_owned(), source })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("the data is in {}", self.path.display());
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} stays behind: {error}", self.path.display());
        }
        interrupt::directory_settled();
        if let Some(parent) = &self.parent {
            // Fails when another run still has its directory there, and then it must stay.
            drop(fs::remove_dir(parent));
        }
    }
}
