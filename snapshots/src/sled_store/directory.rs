//! The store's home in production: a directory with a sled database, a witness and a lock.
//!
//! This is the only file that names sled. sled's `flush` writes but does not sync (measured: no
//! fsync in 200 flushes), so [`SledDatabase::sync`] follows every flush with `fdatasync` on a handle
//! of our own. That handle also sees write errors that sled's background threads ran into, because
//! the kernel tells each open file once.
//!
//! Invariants: nothing is durable before a sync of ours returned; sled made no file for a large
//! value, which nobody would sync; a copy is never left beside an open store.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::RangeBounds;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::disk;
use crate::port::{Answer, Database, Failure, Found, Home, Slots, Tree};
use crate::store::{Result, StoreError};

/// Large segments, because sled writes values above a quarter of one into files of their own,
/// which it does not sync. This is the largest it takes.
const SEGMENT_SIZE: usize = 16 * 1024 * 1024;
/// With sled's background flush off it would not reclaim space either.
const FLUSH_EVERY_MS: u64 = 500;

/// How often sled's own lock is asked for: sled may hold it for a moment after it was closed.
const LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The directory of the copy that is checked, within the data directory.
const COPY: &str = "check";

/// The directory, within the data directory, in which a new store is made.
const NEW: &str = "new";

/// A data directory.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// One that is there or will be made.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn sled(&self) -> PathBuf {
        self.path.join("sled")
    }
}

/// The open sled database.
#[derive(Debug)]
pub struct SledDatabase {
    /// Dropped before our handle on the file that it writes.
    pub(super) database: sled::Db,
    file: File,
}

/// One tree of it.
#[derive(Debug)]
pub struct SledTree(sled::Tree);

impl From<sled::Error> for Failure {
    fn from(found: sled::Error) -> Self {
        match found {
            sled::Error::Io(source) => Self::Io(source),
            sled::Error::Corruption { at, .. } => {
                Self::Corrupted(at.map_or_else(String::new, |at| format!(" at {at:?} of the file")))
            }
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_) => Self::Other(found.to_string()),
        }
    }
}

impl Tree for SledTree {
    type Bytes = sled::IVec;

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.0.name()).into_owned()
    }

    fn get(&self, key: &[u8]) -> Answer<Option<sled::IVec>> {
        Ok(self.0.get(key)?)
    }

    fn contains_key(&self, key: &[u8]) -> Answer<bool> {
        Ok(self.0.contains_key(key)?)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> Answer<Option<sled::IVec>> {
        Ok(self.0.insert(key, value)?)
    }

    fn remove(&self, key: &[u8]) -> Answer<()> {
        self.0.remove(key)?;
        Ok(())
    }

    fn range(
        &self,
        range: impl RangeBounds<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = Found<sled::IVec>> {
        self.0.range(range).map(|found| found.map_err(Failure::from))
    }

    fn scan_prefix(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = Found<sled::IVec>> {
        self.0.scan_prefix(prefix).map(|found| found.map_err(Failure::from))
    }
}

impl Database for SledDatabase {
    type Tree = SledTree;

    fn tree(&self, name: &'static str) -> Answer<SledTree> {
        Ok(SledTree(self.database.open_tree(name)?))
    }

    fn sync(&self) -> Answer<()> {
        self.database.flush()?;
        Ok(self.file.sync_data()?)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn size(&self) -> Answer<u64> {
        Ok(self.database.size_on_disk()?)
    }
}

impl Slots for File {
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(bytes, at)
    }

    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Home for Directory {
    type Lock = File;
    type Database = SledDatabase;
    type Slots = File;

    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.path).map_err(io("making the data directory"))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join("LOCK"))
            .map_err(io("opening the lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(io("taking the lock")(error)),
        }
    }

    fn database(&self, cache_bytes: u64) -> Result<SledDatabase> {
        let path = self.sled();
        let database = open_database(&path, cache_bytes)?;
        sync_settings(&path)?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(path.join("db"))
            .map_err(io("opening the database file"))?;
        check_blobs(&path)?;
        Ok(SledDatabase { database, file })
    }

    fn witness(&self) -> Result<Option<File>> {
        match File::options().read(true).write(true).open(self.path.join("witness")) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("opening the witness")(error)),
        }
    }

    fn make_witness(&self) -> Result<File> {
        File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(self.path.join("witness"))
            .map_err(io("creating the witness"))
    }

    /// Also needed after each open, because sled renames a file then.
    fn sync_names(&self) -> Result<()> {
        let whole = fs::canonicalize(&self.path).map_err(io("finding the data directory"))?;
        let sled = whole.join("sled");
        for directory in [Some(sled.as_path()), Some(whole.as_path()), whole.parent()] {
            let Some(directory) = directory else { continue };
            sync_directory(directory)?;
        }
        Ok(())
    }

    fn draft(&self) -> Result<Option<Self>> {
        let new = self.path.join(NEW);
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io("removing a store that was never finished")(error));
            }
            Ok(()) | Err(_) => {}
        }
        if self.sled().try_exists().map_err(io("looking for the database"))? {
            return Ok(None);
        }
        fs::create_dir(&new).map_err(io("making the directory of a new store"))?;
        Ok(Some(Self { path: new }))
    }

    fn adopt(&self) -> Result<()> {
        let new = self.path.join(NEW);
        // The witness first: a database without one is damage.
        for name in ["witness", "sled"] {
            fs::rename(new.join(name), self.path.join(name))
                .map_err(io("moving a new store into place"))?;
            sync_directory(&self.path)?;
        }
        fs::remove_dir(&new).map_err(io("removing the directory of a new store"))
    }

    fn copy(&self, limit_bytes: u64) -> Result<Option<Self>> {
        self.remove_copy()?;
        match fs::metadata(self.sled().join("db")) {
            Ok(found) if found.len() > limit_bytes => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("measuring the database file")(error)),
        }
        let copy = Self { path: self.path.join(COPY) };
        let copied = copy_directory(&self.sled(), &copy.sled())
            .and_then(|()| copy_file(&self.path.join("witness"), &copy.path.join("witness")));
        match copied {
            Ok(()) => Ok(Some(copy)),
            Err(error)
                if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
            {
                self.remove_copy().map(|()| None)
            }
            Err(error) => Err(io("copying the database to check it")(error)),
        }
    }

    fn remove_copy(&self) -> Result<()> {
        match fs::remove_dir_all(self.path.join(COPY)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(io("removing the copy that was checked")(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}

/// Opens sled.
fn open_database(path: &Path, cache_bytes: u64) -> Result<sled::Db> {
    fs::create_dir_all(path).map_err(io("making the database directory"))?;
    remove_torn_snapshots(path)?;
    let config = sled::Config::new()
        .path(path)
        .segment_size(SEGMENT_SIZE)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .cache_capacity(cache_bytes);
    let mut attempts = 0;
    loop {
        attempts += 1;
        match config.open() {
            Err(sled::Error::Io(error))
                if attempts < LOCK_ATTEMPTS && error.to_string().contains("acquire lock") =>
            {
                thread::sleep(LOCK_PAUSE);
            }
            opened => {
                let error = disk::error("opening the database", "the database file");
                return opened.map_err(|found| error(found.into()));
            }
        }
    }
}

/// A crash while sled opens leaves a torn file that it then takes for damage.
fn remove_torn_snapshots(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path).map_err(io("listing the database directory"))? {
        let entry = entry.map_err(io("listing the database directory"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(io("removing a torn file of the database"))?;
        }
    }
    Ok(())
}

/// sled writes its settings into a file that it never syncs, and does not open without them: after
/// a power cut they may be zeros.
fn sync_settings(path: &Path) -> Result<()> {
    File::open(path.join("conf"))
        .and_then(|settings| settings.sync_all())
        .map_err(io("syncing the database's settings"))
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(io("syncing a directory"))
}

/// sled must never have made a file for a large value: it would not be synced.
fn check_blobs(path: &Path) -> Result<()> {
    let mut blobs = fs::read_dir(path.join("blobs")).map_err(io("listing large values"))?;
    assert!(blobs.next().is_none(), "the database made a file for a large value, never synced");
    Ok(())
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
