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

<<<<<<< HEAD
=======
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
>>>>>>> bb37b44a17384591c91aab7acbcaafe7d8a99962
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::disk::{self, Disk, Trees, damaged};
use super::mark::Mark;
use super::tally::{self, Tallied};
use super::{DiskArchive, DiskJournal, Halves, Options, check, waits};
use crate::codec;
use crate::envelope::{self, Kind, NO_HASH};
use crate::port::{Database, Home, Slots, Tree};
use crate::store::{Result, StoreError};
use crate::witness::{Found, NOTHING, Seen, Witness};

/// The version of the directory's format.
const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";
const FORMAT_PLACE: &str = "tree meta, key format";

/// The directory, within the data directory, in which a new store is made.
const NEW: &str = "new";

/// In [`Options::shards`]: as many as the directory was made with.
pub(super) const AS_MADE: u16 = 0;

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
<<<<<<< HEAD
pub(super) fn open<H: Home>(home: &H, options: &Options) -> Result<Halves<H>> {
    let lock = home.lock()?;
    let is_checked = check::check(home, options)?;
=======
pub(super) fn open(path: &Path, options: &Options) -> Result<(SledJournal, Arc<SledArchive>)> {
    fs::create_dir_all(path).map_err(io("making the data directory"))?;
    let lock = lock(path)?;
    make(path, options)?;
    let is_checked = check::check(path, options)?;
>>>>>>> bb37b44a17384591c91aab7acbcaafe7d8a99962
    let scrub = if is_checked { Scrub::No } else { Scrub::IfSmall };
    open_locked(home, Some(lock), options, scrub)
}

<<<<<<< HEAD
/// Opens a store in a home that nobody else has open.
pub(super) fn open_locked<H: Home>(
    home: &H,
    lock: Option<H::Lock>,
    options: &Options,
    scrub: Scrub,
) -> Result<Halves<H>> {
    let witness = Witness::open(home.witness()?)?;
    let database = home.database(options.cache_bytes)?;
=======
/// Makes a store where there is none: complete and synced in a directory beside it, then moved into
/// place. sled does not open what it was cut off making (`conf` with half its bytes, or a witness
/// whose name was lost while the database was kept), and no one could tell that from damage.
fn make(path: &Path, options: &Options) -> Result<()> {
    let (new, sled, witness) = (path.join(NEW), path.join("sled"), path.join("witness"));
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(io("removing a store that was never finished")(error));
        }
        Ok(()) | Err(_) => {}
    }
    let is_there = sled.try_exists().map_err(io("looking for the database"))?;
    let was_used = match Witness::open(&witness)? {
        Found::Readable(witness) => witness.seen() != NOTHING,
        Found::Missing | Found::Unreadable => false,
    };
    if is_there || was_used || options.shards == AS_MADE {
        return Ok(());
    }
    fs::create_dir(&new).map_err(io("making the directory of a new store"))?;
    open_locked(&new, None, options, Scrub::No).map(drop)?;
    // The witness first: a database without one is damage.
    for (name, place) in [("witness", &witness), ("sled", &sled)] {
        fs::rename(new.join(name), place).map_err(io("moving a new store into place"))?;
        sync_directory(path)?;
    }
    fs::remove_dir(&new).map_err(io("removing the directory of a new store"))
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
    sync_settings(&database_path)?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(database_path.join("db"))
        .map_err(io("opening the database file"))?;
>>>>>>> bb37b44a17384591c91aab7acbcaafe7d8a99962
    let trees = open_trees(&database)?;
    let shards = match options.shards {
        AS_MADE => stored_shards(&trees, &witness)?,
        shards => shards,
    };
    let is_new = check_format(&trees, &witness, shards)?;
    let witness = match witness {
        Found::Readable(witness) => witness,
        Found::Missing | Found::Unreadable => Witness::create(home.make_witness()?)?,
    };
    let seen = witness.seen();
    let is_finished = AtomicBool::new(false);
    let witness = Mutex::new(witness);
    let disk: Arc<Disk<H>> = Arc::new(Disk { trees, database, witness, is_finished, _lock: lock });
    // Before the format is written: a database that has one, beside a witness whose name a power cut
    // took, would be taken for damage.
    home.sync_names()?;
    if is_new {
        create(&disk, shards)?;
    }

    let mark = Mark::read(&disk, shards)?;
    let journal = DiskJournal::open(Arc::clone(&disk), mark)?;
    journal.check_seen(seen)?;
    let archive = Tallied::open(Arc::clone(&disk), seen)?;
    let size = disk.database.length().map_err(|source| {
        let doing = "measuring the database file";
        StoreError::Io { doing, source }
    })?;
    let is_small = size <= options.scrub_limit_bytes;
    if scrub == Scrub::Full || (scrub == Scrub::IfSmall && is_small) {
        archive.verify()?;
    }
    waits::make(&archive, shards)?;
    disk.sync("opening the store")?;
    let (group, hash) = journal.last();
    disk.witness().catch_up(Seen { group, hash, saves: archive.saves() })?;
    Ok((journal, Arc::new(DiskArchive::new(archive, shards))))
}

fn open_trees<D: Database>(database: &D) -> Result<Trees<D::Tree>> {
    let tree = |name: &'static str| {
        let place = format!("tree {name}");
        database.tree(name).map_err(disk::error("opening a tree", &place))
    };
    Ok(Trees {
        journal: tree("journal")?,
        snapshots: tree("snapshots")?,
        history: tree("history")?,
        keys: tree("keys")?,
        outcomes: tree("outcomes")?,
        // Directories made before these were needed do not have them; they are made, empty.
        waits: tree("waits")?,
        due: tree("due")?,
        pieces: tree("pieces")?,
        meta: tree("meta")?,
    })
}

/// The format and the number of shards of the directory; `None` when it has none yet.
fn read_format<T: Tree>(trees: &Trees<T>) -> Result<Option<(u32, u16)>> {
    let value = trees.meta.get(FORMAT_KEY);
    let value = value.map_err(disk::error("reading the format", FORMAT_PLACE))?;
    let Some(value) = value else { return Ok(None) };
    let (_, body) =
        envelope::open(Kind::Meta, &value).map_err(|what| damaged(FORMAT_PLACE, what))?;
    codec::decode(body).map(Some).map_err(|what| damaged(FORMAT_PLACE, what))
}

/// How many shards the directory was made with.
fn stored_shards<T: Tree, S: Slots>(trees: &Trees<T>, witness: &Found<S>) -> Result<u16> {
    if let Some((_, shards)) = read_format(trees)? {
        return Ok(shards);
    }
    check_new(trees, witness)?;
    Err(StoreError::Incompatible { what: "the data directory was never written to".to_owned() })
}

/// Compares the directory's format with ours. Returns whether the store is new.
fn check_format<T: Tree, S: Slots>(
    trees: &Trees<T>,
    witness: &Found<S>,
    shards: u16,
) -> Result<bool> {
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
fn check_new<T: Tree, S: Slots>(trees: &Trees<T>, witness: &Found<S>) -> Result<()> {
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
    let Trees { journal, snapshots, history, keys, outcomes, waits, due, pieces, meta: _ } = trees;
    let others = [journal, snapshots, history, keys, outcomes, waits, due, pieces];
    if others.into_iter().any(|tree| tree.range(..).next().is_some()) {
        return Err(damaged(FORMAT_PLACE, "it is missing, but there is data"));
    }
    Ok(())
}

/// Writes what every store has.
fn create<H: Home>(disk: &Disk<H>, shards: u16) -> Result<()> {
    Mark::new(shards).write(disk)?;
    tally::create(disk)?;
    let body = codec::encode(&(FORMAT, shards));
    let value = envelope::seal(Kind::Meta, &NO_HASH, &body);
    disk::insert(&disk.trees.meta, "making the store", FORMAT_KEY, value)?;
    disk.sync("making the store")
}
<<<<<<< HEAD
=======

/// sled writes its settings into a file that it never syncs, and does not open without them: after
/// a power cut they may be zeros.
fn sync_settings(path: &Path) -> Result<()> {
    File::open(path.join("conf"))
        .and_then(|settings| settings.sync_all())
        .map_err(io("syncing the database's settings"))
}

/// Makes the names of the files durable: without it, a power cut may leave synced files that
/// nobody finds. Also after each open, because sled renames a file then.
fn sync_directories(path: &Path) -> Result<()> {
    let whole = fs::canonicalize(path).map_err(io("finding the data directory"))?;
    let sled = whole.join("sled");
    for directory in [Some(sled.as_path()), Some(whole.as_path()), whole.parent()] {
        let Some(directory) = directory else { continue };
        sync_directory(directory)?;
    }
    Ok(())
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
>>>>>>> bb37b44a17384591c91aab7acbcaafe7d8a99962
