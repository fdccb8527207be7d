//! Looking before opening: a small database is opened as a copy first.
//!
//! sled cannot be asked to only look. When it opens a file with one byte that is not what it
//! wrote, it overwrites the rest of its log with zeros, forgets pages, or panics; then the file
//! that could have been repaired, or that was only read wrongly, is gone. So up to a size the
//! files are copied, the copy is opened and checked in full, and only then the files are opened.
//!
//! In the release build a panic ends the process, so its message is all that people see; the
//! command line's panic hook says what a panic within sled means and what to do.
//!
//! Invariant: when the check finds damage, the files are as they were.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{Options, open};
use crate::store::{Result, StoreError};

/// The directory of the copy, within the data directory.
const COPY: &str = "check";

/// Checks a copy of a store. Returns whether there was one to check, and room for the copy.
pub(super) fn check(path: &Path, options: &Options) -> Result<bool> {
    let copy = path.join(COPY);
    remove(&copy)?;
    match fs::metadata(path.join("sled").join("db")) {
        Ok(found) if found.len() > options.scrub_limit_bytes => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("measuring the database file")(error)),
    }
    let copied = copy_directory(&path.join("sled"), &copy.join("sled"))
        .and_then(|()| copy_file(&path.join("witness"), &copy.join("witness")));
    match copied {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            remove(&copy)?;
            return Ok(false);
        }
        Err(error) => return Err(failed("copying the database to check it")(error)),
    }
    let checked = open::open_locked(&copy, None, options, open::Scrub::Full).map(drop);
    remove(&copy)?;
    checked.map(|()| true)
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}

fn remove(copy: &Path) -> Result<()> {
    match fs::remove_dir_all(copy) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed("removing the copy that was checked")(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
