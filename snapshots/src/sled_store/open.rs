//! Opening a store: lock, database, format, journal, witness, archive, in this order.
//!
//! Each step can trust the ones before. The lock comes first, so that nothing is touched that
//! another process has open; then a copy is checked (`check.rs`), because sled changes what it
//! opens. What must be there is known from the witness, which sled does not touch, and the witness
//! is only raised after everything was checked.
//!
//! Invariants: a store that opens has every group the witness saw, and an archive with every save
//! it saw; a directory of another format or number of shards is refused before anything in it is
//! changed by us; a new store is complete on disk before it is returned.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::disk::{self, Disk, Trees, damaged};
use super::mark::Mark;
use super::tally::{self, Tallied};
use super::{Options, SledArchive, SledJournal, check, waits};
use crate::codec;
use crate::envelope::{self, Kind, NO_HASH};
use crate::store::{Result, StoreError};
use crate::witness::{Found, NOTHING, Seen, Witness};

/// The version of the directory's format.
const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";
const FORMAT_PLACE: &str = "tree meta, key format";

/// In [`Options::shards`]: as many as the directory was made with.
pub(super) const AS_MADE: u16 = 0;

/// Large segments, because sled writes values above a quarter of one into files of their own,
/// which it does not sync. This is the largest it takes.
const SEGMENT_SIZE: usize = 16 * 1024 * 1024;
/// With sled's background flush off it would not reclaim space either.
const FLUSH_EVERY_MS: u64 = 500;

/// How often sled's own lock is asked for: sled may hold it for a moment after it was closed.
const LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// How much of the archive is read while it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scrub {
    /// All of it.
    Full,
    /// All of it when the database is small enough.
    IfSmall,
    /// Nothing.
    No,
}

/// Opens a store.
pub(super) fn open(path: &Path, options: &Options) -> Result<(SledJournal, Arc<SledArchive>)> {
    fs::create_dir_all(path).map_err(io("making the data directory"))?;
    let lock = lock(path)?;
    let is_checked = check::check(path, options)?;
    let scrub = if is_checked { Scrub::No } else { Scrub::IfSmall };
    open_locked(path, Some(lock), options, scrub)
}

/// Opens a store in a directory that nobody else has open.
pub(super) fn open_locked(
    path: &Path,
    lock: Option<File>,
    options: &Options,
    scrub: Scrub,
) -> Result<(SledJournal, Arc<SledArchive>)> {
    let witness = Witness::open(&path.join("witness"))?;
    let database_path = path.join("sled");
    let database = open_database(&database_path, options)?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(database_path.join("db"))
        .map_err(io("opening the database file"))?;
    let trees = open_trees(&database)?;
    let shards = match options.shards {
        AS_MADE => stored_shards(&trees, &witness)?,
        shards => shards,
    };
    let is_new = check_format(&trees, &witness, shards)?;
    let witness = match witness {
        Found::Readable(witness) => witness,
        Found::Missing | Found::Unreadable => Witness::create(&path.join("witness"))?,
    };
    let seen = witness.seen();
    let is_finished = AtomicBool::new(false);
    let witness = Mutex::new(witness);
    let disk = Arc::new(Disk { trees, database, file, witness, is_finished, _lock: lock });
    if is_new {
        create(&disk, shards)?;
    }
    sync_directories(path)?;
    check_blobs(&database_path)?;

    let mark = Mark::read(&disk, shards)?;
    let journal = SledJournal::open(Arc::clone(&disk), mark)?;
    journal.check_seen(seen)?;
    let archive = Tallied::open(Arc::clone(&disk), seen)?;
    let size = disk.file.metadata().map_err(io("measuring the database file"))?.len();
    let is_small = size <= options.scrub_limit_bytes;
    if scrub == Scrub::Full || (scrub == Scrub::IfSmall && is_small) {
        archive.verify()?;
    }
    waits::make(&archive, shards)?;
    disk.sync("opening the store")?;
    let (group, hash) = journal.last();
    disk.witness().catch_up(Seen { group, hash, saves: archive.saves() })?;
    Ok((journal, Arc::new(SledArchive::new(archive, shards))))
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}

/// Takes the directory's lock, or says that another process has it.
fn lock(path: &Path) -> Result<File> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("LOCK"))
        .map_err(io("opening the lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io("taking the lock")(error)),
    }
}

/// Opens sled.
fn open_database(path: &Path, options: &Options) -> Result<sled::Db> {
    fs::create_dir_all(path).map_err(io("making the database directory"))?;
    remove_torn_snapshots(path)?;
    let config = sled::Config::new()
        .path(path)
        .segment_size(SEGMENT_SIZE)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .cache_capacity(options.cache_bytes);
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
                return opened.map_err(disk::error("opening the database", "the database file"));
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

fn open_trees(database: &sled::Db) -> Result<Trees> {
    let tree = |name: &str| {
        let place = format!("tree {name}");
        database.open_tree(name).map_err(disk::error("opening a tree", &place))
    };
    Ok(Trees {
        journal: tree("journal")?,
        snapshots: tree("snapshots")?,
        history: tree("history")?,
        keys: tree("keys")?,
        outcomes: tree("outcomes")?,
        // Directories made before these were needed do not have them; sled makes them, empty.
        waits: tree("waits")?,
        due: tree("due")?,
        pieces: tree("pieces")?,
        marks: tree("marks")?,
        meta: tree("meta")?,
    })
}

/// The format and the number of shards of the directory; `None` when it has none yet.
fn read_format(trees: &Trees) -> Result<Option<(u32, u16)>> {
    let value = trees.meta.get(FORMAT_KEY);
    let value = value.map_err(disk::error("reading the format", FORMAT_PLACE))?;
    let Some(value) = value else { return Ok(None) };
    let (_, body) =
        envelope::open(Kind::Meta, &value).map_err(|what| damaged(FORMAT_PLACE, what))?;
    codec::decode(body).map(Some).map_err(|what| damaged(FORMAT_PLACE, what))
}

/// How many shards the directory was made with.
fn stored_shards(trees: &Trees, witness: &Found) -> Result<u16> {
    if let Some((_, shards)) = read_format(trees)? {
        return Ok(shards);
    }
    check_new(trees, witness)?;
    Err(StoreError::Incompatible { what: "the data directory was never written to".to_owned() })
}

/// Compares the directory's format with ours. Returns whether the store is new.
fn check_format(trees: &Trees, witness: &Found, shards: u16) -> Result<bool> {
    let Some((format, found)) = read_format(trees)? else {
        return check_new(trees, witness).map(|()| true);
    };
    if !matches!(witness, Found::Readable(_)) {
        let what = "it is missing or unreadable, so nobody knows how much should be here";
        return Err(damaged("the file witness", what));
    }
    if format != FORMAT {
        let what = format!(
            "the data directory has format {format}; this program reads format {FORMAT}: use the \
             version of the program that made it"
        );
        return Err(StoreError::Incompatible { what });
    }
    if found != shards {
        let what = format!(
            "the data directory was made with {found} shards and cannot be opened with {shards}: \
             set the number of shards to {found}, or choose another directory"
        );
        return Err(StoreError::Incompatible { what });
    }
    Ok(false)
}

/// A store without a format must be one that never held anything.
fn check_new(trees: &Trees, witness: &Found) -> Result<()> {
    if let Found::Readable(witness) = witness
        && witness.seen() != NOTHING
    {
        let Seen { group, saves, .. } = witness.seen();
        let what = format!(
            "it is empty, but the witness saw group {group} of the journal and save {saves} of the \
             archive: {group} groups are missing"
        );
        return Err(damaged("the database file", what));
    }
    let Trees { journal, snapshots, history, keys, outcomes, waits, due, pieces, marks, meta: _ } =
        trees;
    let others = [journal, snapshots, history, keys, outcomes, waits, due, pieces, marks];
    if others.into_iter().any(|tree| tree.iter().next().is_some()) {
        return Err(damaged(FORMAT_PLACE, "it is missing, but there is data"));
    }
    Ok(())
}

/// Writes what every store has.
fn create(disk: &Disk, shards: u16) -> Result<()> {
    Mark::new(shards).write(disk)?;
    tally::create(disk)?;
    let body = codec::encode(&(FORMAT, shards));
    let value = envelope::seal(Kind::Meta, &NO_HASH, &body);
    disk::insert(&disk.trees.meta, "making the store", FORMAT_KEY, value)?;
    disk.sync("making the store")
}

/// Makes the names of the files durable: without it, a power cut may leave synced files that
/// nobody finds. Also after each open, because sled renames a file then.
fn sync_directories(path: &Path) -> Result<()> {
    let whole = fs::canonicalize(path).map_err(io("finding the data directory"))?;
    let sled = whole.join("sled");
    for directory in [Some(sled.as_path()), Some(whole.as_path()), whole.parent()] {
        let Some(directory) = directory else { continue };
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io("syncing a directory"))?;
    }
    Ok(())
}

/// sled must never have made a file for a large value: it would not be synced.
fn check_blobs(path: &Path) -> Result<()> {
    let mut blobs = fs::read_dir(path.join("blobs")).map_err(io("listing large values"))?;
    assert!(blobs.next().is_none(), "the database made a file for a large value, never synced");
    Ok(())
}
