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
pub(super) fn open<H: Home>(home: &H, options: &Options) -> Result<Halves<H>> {
    let lock = home.lock()?;
    make(home, options)?;
    let is_checked = check::check(home, options)?;
    let scrub = if is_checked { Scrub::No } else { Scrub::IfSmall };
    open_locked(home, Some(lock), options, scrub)
}

/// Makes a store where there is none: complete and synced in a place beside it, then moved into its
/// own. sled does not open what it was cut off making (`conf` with half its bytes, or a witness
/// whose name was lost while the database was kept), and no one could tell that from damage.
fn make<H: Home>(home: &H, options: &Options) -> Result<()> {
    let was_used = match Witness::open(home.witness()?)? {
        Found::Readable(witness) => witness.seen() != NOTHING,
        Found::Missing | Found::Unreadable => false,
    };
    if was_used || options.shards == AS_MADE {
        return Ok(());
    }
    let Some(draft) = home.draft()? else { return Ok(()) };
    open_locked(&draft, None, options, Scrub::No).map(drop)?;
    home.adopt()
}

/// Opens a store in a home that nobody else has open.
pub(super) fn open_locked<H: Home>(
    home: &H,
    lock: Option<H::Lock>,
    options: &Options,
    scrub: Scrub,
) -> Result<Halves<H>> {
    let witness = Witness::open(home.witness()?)?;
    let database = home.database(options.cache_bytes)?;
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
