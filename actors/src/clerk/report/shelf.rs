//! The folder of the reports: what stands in it, and how it comes and goes.
//!
//! | File | What it is |
//! |---|---|
//! | `{id}.lines` | the new lines of the report that this entity had set aside: [`super::spool`] |
//! | `{id}.digests` | what stands in that report, new or not: [`super::digests`] |
//! | `closed` | the digests of the report that was closed last |
//! | `*.part` | what is being written; of no meaning after a crash |
//!
//! Invariants: a file with its own name is whole, because it got it when it was; of the two of a
//! report the lines get theirs last and lose it first, so where there are lines there are their
//! digests, unless the report is being closed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bursar_domain::errand::ReportSize;
use bursar_domain::id::EntityId;

use super::bins::Bins;
use super::check::{Binned, Outcome};
use super::folder::{Folder, Memory};
use super::intake::Intake;
use super::spool::{Page, Spool};
use super::{digests, spool};
use crate::clerk::settings::Limits;

/// How long a report that nobody closed is kept.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// The file of the digests of what was closed last. No id has a dot, and all other names have one.
const CLOSED: &str = "closed";

/// How much of a bin is in memory: of lines, and of ids. There are 256 of each.
const BLOCK_BYTES: usize = 16 * 1_024;
const ID_BLOCK_BYTES: usize = 4 * 1_024;

/// The folder of the reports.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: Folder,
    limits: Limits,
}

impl Shelf {
    /// Makes the folder if it is not there, and removes from it what is of no use any more.
    pub fn open(folder: PathBuf, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if is_left_over(&entry.path(), entry.metadata()?.modified()?) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder: Folder::Disk(folder), limits })
    }

    /// A shelf in memory.
    pub fn in_memory(memory: Memory, limits: Limits) -> Self {
        Self { folder: Folder::Memory(memory), limits }
    }

    fn places(&self, entity: &EntityId) -> Places {
        Places { folder: self.folder.clone(), id: entity.id.as_ref().into() }
    }

    /// Removes the report that was set aside for an entity, if there is one.
    pub fn remove(&self, entity: &EntityId) -> io::Result<()> {
        self.places(entity).clear()
    }

    /// Takes a new report for an entity. Until it is set aside there is none.
    pub fn take(&self, entity: &EntityId) -> io::Result<Intake> {
        let places = self.places(entity);
        places.clear()?;
        let lines = Bins::create(&self.folder, places.part("bins"), BLOCK_BYTES)?;
        let ids = Bins::create(&self.folder, places.part("ids"), ID_BLOCK_BYTES)?;
        let binned = Binned::new(lines, ids);
        Ok(Intake::new(places, self.limits, binned))
    }

    /// Lines of the report that was set aside for an entity; `None` when there is none, or the
    /// position is not one in it.
    pub fn page(&self, entity: &EntityId, from: u64, limit: usize) -> io::Result<Option<Page>> {
        match Spool::open(&self.folder, &self.places(entity).whole("lines"))? {
            Some(mut spool) => spool.page(from, limit),
            None => Ok(None),
        }
    }

    /// Closes the report of an entity: the next one is compared with it. When there is none, it was
    /// closed before.
    pub fn close(&self, entity: &EntityId) -> io::Result<()> {
        let places = self.places(entity);
        if self.folder.has(&places.whole("lines"))? {
            let closed = self.folder.rename(&places.whole("digests"), CLOSED);
            or_not_there(closed)?;
        }
        places.clear()
    }
}

fn is_left_over(path: &Path, written: SystemTime) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let old = written.elapsed().is_ok_and(|age| age > KEPT);
    match ending {
        Some("part") => true,
        Some("digests") => old || !path.with_extension("lines").exists(),
        Some("lines") => old,
        Some(_) | None => false,
    }
}

/// Where the files of one entity's report stand.
#[derive(Debug)]
pub(super) struct Places {
    folder: Folder,
    id: Box<str>,
}

impl Places {
    fn whole(&self, what: &str) -> String {
        format!("{}.{what}", self.id)
    }

    fn part(&self, what: &str) -> String {
        format!("{}.{what}.part", self.id)
    }

    /// The digests of the report that was closed last.
    pub(super) fn before(&self) -> io::Result<digests::Reader> {
        digests::Reader::open(&self.folder, CLOSED)
    }

    /// Begins the file of the new lines.
    pub(super) fn lines(&self) -> io::Result<spool::Writer> {
        spool::Writer::create(&self.folder, &self.part("lines"))
    }

    /// Begins the file of the digests.
    pub(super) fn digests(&self) -> io::Result<digests::Writer> {
        digests::Writer::create(&self.folder, &self.part("digests"))
    }

    /// Both are written: from here on they are there.
    pub(super) fn set_aside(&self, outcome: Outcome, size: ReportSize) -> io::Result<()> {
        let mark = self.folder.mark(&self.id);
        outcome.digests.finish()?;
        outcome.lines.finish(size, mark)?;
        self.folder.rename(&self.part("digests"), &self.whole("digests"))?;
        self.folder.rename(&self.part("lines"), &self.whole("lines"))
    }

    /// Removes what was set aside.
    fn clear(&self) -> io::Result<()> {
        or_not_there(self.folder.remove(&self.whole("lines")))?;
        or_not_there(self.folder.remove(&self.whole("digests")))
    }
}

/// Whatever was not set aside is not needed. What cannot be removed now is removed by the next
/// start.
impl Drop for Places {
    fn drop(&mut self) {
        drop(self.folder.remove(&self.part("lines")));
        drop(self.folder.remove(&self.part("digests")));
    }
}

fn or_not_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
