//! What the third parties know, on disk: one file, one line for each change, in order.
//!
//! `bursar serve --sandbox` runs them in its own process, and what a processor booked has to
//! outlive that process. So each change is written, whole, in one call, before it is made, and with
//! that before it is answered or seen; on start the file is read again. There is no fsync: what was
//! written is in the page cache, which a SIGKILL does not touch. Only a machine that loses power
//! may forget the last lines, and these are simulations.
//!
//! The first line is [`HEADER`], every other `{"sum":"…","did":…}`: a [`Change`], and the XXH3-64
//! of its bytes, seeded with the sum of the line before (0 at first). So a line that was altered,
//! lost or moved is noticed, not only one that is no JSON.
//!
//! Invariants: a change that could not be written is not made; the file grows to [`FILE_BYTES_MAX`]
//! and no line past [`LINE_BYTES_MAX`]; nobody else writes to it, because it is locked.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::change::{Change, Misfit};

pub(crate) mod forms;
mod replay;

use replay::{Torn, replay};

/// The first line of the file, with its end.
const HEADER: &str = "{\"journal\":\"bursar-sandbox\",\"version\":1}\n";
/// The version in it.
const VERSION: u64 = 1;
/// What stands before the sum, between it and the change, and after that.
const PARTS: [&str; 3] = ["{\"sum\":\"", "\",\"did\":", "}\n"];
/// The digits of a sum.
const SUM_DIGITS: usize = 16;
/// The longest line: the largest mail, made of nothing but headers, stays below.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The largest file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How much of the memory for a line is kept for the next.
const KEPT_BYTES: usize = 64 * 1024;

/// Where the file ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct End {
    bytes: u64,
    sum: u64,
}

/// The file, open to be written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    /// `None` when it was closed.
    file: Option<File>,
    end: End,
    bytes_max: u64,
    /// The line that is written, kept for its memory.
    line: Vec<u8>,
    /// Whether a part of a line stands behind the end.
    torn: bool,
    /// Whether the last line could not be written.
    failing: bool,
}

/// A change could not be written; why is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unwritten;

impl Journal {
    /// Opens a file, or begins it, and gives the changes in it to `apply`, in order. What is no
    /// regular file is only written.
    ///
    /// Fails, naming the file and where it can the line, when the file cannot be opened, is in use
    /// by another sandbox, is of another version or damaged anywhere but in a torn last line.
    pub(crate) fn open(
        path: &Path,
        apply: impl FnMut(Change) -> Result<(), Misfit>,
    ) -> io::Result<Self> {
        Self::open_named(path, apply).map_err(|error| {
            let text = format!("the sandbox's file {}: {error}", path.display());
            io::Error::new(error.kind(), text)
        })
    }

    fn open_named(
        path: &Path,
        apply: impl FnMut(Change) -> Result<(), Misfit>,
    ) -> io::Result<Self> {
        let file = File::options().read(true).append(true).create(true).open(path)?;
        let mut end = End::default();
        if file.metadata()?.is_file() {
            lock(&file)?;
            let (found, torn) = replay(&file, apply)?;
            end = found;
            if let Some(Torn { line, bytes }) = torn {
                file.set_len(end.bytes)?;
                tracing::warn!(
                    "the sandbox's file {}: line {line}, the last, was torn after {bytes} bytes \
                     and is cut off; nothing of it was answered",
                    path.display()
                );
            }
        }
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            end,
            bytes_max: FILE_BYTES_MAX,
            line: Vec::new(),
            torn: false,
            failing: false,
        })
    }

    /// Writes a change. When it fails, nothing of the change is in the file for any reader.
    pub(crate) fn append(&mut self, change: &Change) -> Result<(), Unwritten> {
        let sum = self.render(change);
        match self.write() {
            Ok(()) => {
                self.end = End { bytes: self.end.bytes + self.line.len() as u64, sum };
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the sandbox's file {} is written again", self.path.display());
                }
                Ok(())
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(
                        "the sandbox's file {} cannot be written: {error}; until it can, nothing \
                         is done and calls are answered 503",
                        self.path.display()
                    );
                }
                Err(Unwritten)
            }
        }
    }

    /// Closes the file, so that another sandbox may open it. From now on nothing can be written.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    /// Puts a change, and the header before the first, into `self.line`; gives its sum.
    fn render(&mut self, change: &Change) -> u64 {
        let line = &mut self.line;
        line.clear();
        line.shrink_to(KEPT_BYTES);
        if self.end.bytes == 0 {
            line.extend_from_slice(HEADER.as_bytes());
        }
        line.extend_from_slice(PARTS[0].as_bytes());
        let sum_at = line.len();
        line.extend_from_slice(&[b'0'; SUM_DIGITS]);
        line.extend_from_slice(PARTS[1].as_bytes());
        let change_at = line.len();
        serde_json::to_writer(&mut *line, change)
            .expect("a change has a JSON form, and memory takes it");
        let sum = sum(&line[change_at..], self.end.sum);
        line[sum_at..sum_at + SUM_DIGITS].copy_from_slice(digits(sum).as_bytes());
        line.extend_from_slice(PARTS[2].as_bytes());
        sum
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the sandbox has stopped"));
        };
        let bytes = self.line.len() as u64;
        if self.line.len() > LINE_BYTES_MAX || self.end.bytes + bytes > self.bytes_max {
            return Err(io::Error::other("it is as large as it may be"));
        }
        if self.torn {
            file.set_len(self.end.bytes)?;
            self.torn = false;
        }
        match file.write(&self.line)? {
            written if written == self.line.len() => Ok(()),
            written => {
                // Cut off before the next line, or by the next start.
                self.torn = written > 0;
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }
}

/// Keeps other sandboxes away until the file is closed, however that comes about.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::ResourceBusy, "another sandbox has it open")
        }
        TryLockError::Error(error) => error,
    })
}

/// The sum of a change that follows a line with this sum.
fn sum(change: &[u8], before: u64) -> u64 {
    xxh3_64_with_seed(change, before)
}

fn digits(sum: u64) -> String {
    format!("{sum:016x}")
}

#[cfg(test)]
mod tests;
