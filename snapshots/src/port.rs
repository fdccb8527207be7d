//! What the store needs of a machine: trees of keys and values, a small file, a lock, a copy.
//!
//! [`crate::sled_store`] stands on this and on nothing below it. In production all of it is a
//! directory ([`crate::sled_store::Directory`]: sled, files, the kernel's locks); in the simulation
//! it is a machine in memory that crashes, fills up and forgets, so that the code which survives
//! all that is the code which is shipped. Everything is generic over [`Home`], never `dyn`: an
//! append costs what it did when sled was called directly.
//!
//! What an implementation must hold, and the store relies on:
//! - one insert or removal is there whole or not at all;
//! - what was written survives any crash once [`Database::sync`] returned; of what was written
//!   since, a crash keeps what came first, over all trees, and loses the rest;
//! - slots are a file of their own, with no order towards the trees but that of syncs; a write may
//!   be torn, but not one that is older than the other slot's newest.

use std::fmt::Debug;
use std::io;
use std::ops::{Deref, RangeBounds};

use crate::store::Result;

/// What a machine says when it does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The disk failed or is full.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The database's own checks found what it had not written; where, if it says.
    #[error("the database's own checksum does not match{0}")]
    Corrupted(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Shorthand for what a machine answers.
pub type Answer<T> = std::result::Result<T, Failure>;

/// A key and its value, as found.
pub type Found<B> = Answer<(B, B)>;

/// Keys and values in ascending order of keys.
pub trait Tree: Debug + Send + Sync {
    /// A key or value as read.
    type Bytes: Deref<Target = [u8]> + Debug;

    /// For people.
    fn name(&self) -> String;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Answer<Option<Self::Bytes>>;

    /// Whether there is such a key.
    fn contains_key(&self, key: &[u8]) -> Answer<bool>;

    /// Writes one value; returns what was there.
    fn insert(&self, key: &[u8], value: Vec<u8>) -> Answer<Option<Self::Bytes>>;

    /// Removes a key.
    fn remove(&self, key: &[u8]) -> Answer<()>;

    /// The entries whose keys are in a range. Reading goes on beside changes.
    fn range(
        &self,
        range: impl RangeBounds<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = Found<Self::Bytes>>;

    /// The entries whose keys begin so.
    fn scan_prefix(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = Found<Self::Bytes>>;
}

/// The open trees. They are closed when it is dropped.
pub trait Database: Debug + Send + Sync {
    /// One tree.
    type Tree: Tree;

    /// Opens a tree, which is made, empty, when it is not there.
    fn tree(&self, name: &'static str) -> Answer<Self::Tree>;

    /// Makes everything written to the trees so far durable.
    fn sync(&self) -> Answer<()>;

    /// The size of the file with the values, in bytes.
    fn length(&self) -> io::Result<u64>;

    /// All that is on disk, in bytes.
    fn size(&self) -> Answer<u64>;
}

/// The small open file of the witness.
pub trait Slots: Debug + Send {
    /// Fills a buffer with what stands at a place; an error of the kind `UnexpectedEof` where the
    /// file is shorter.
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;

    /// Writes at a place; not synced.
    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes what was written, and the file's length, durable.
    fn sync(&self) -> io::Result<()>;
}

/// Where a store lives while it is closed, and which opens once at a time.
pub trait Home: Sized + Debug + Send + Sync + 'static {
    /// Held while the store is open; given back when it is dropped.
    type Lock: Debug + Send + Sync;
    /// The trees.
    type Database: Database;
    /// The witness's file.
    type Slots: Slots;

    /// Takes the lock, or says that another process has it.
    fn lock(&self) -> Result<Self::Lock>;

    /// Opens the trees, which are made when they are not there.
    fn database(&self, cache_bytes: u64) -> Result<Self::Database>;

    /// Opens the witness's file; `None` when there is none.
    fn witness(&self) -> Result<Option<Self::Slots>>;

    /// Makes the witness's file, or empties it.
    fn make_witness(&self) -> Result<Self::Slots>;

    /// A place beside it in which a new store is made, emptied; `None` when there is a store, or
    /// when one can be made in place because nothing of it can be cut off.
    fn draft(&self) -> Result<Option<Self>> {
        Ok(None)
    }

    /// Moves the store that was made in the draft into place, durably.
    fn adopt(&self) -> Result<()> {
        Ok(())
    }

    /// Makes the names of the files durable: without it, a power cut may leave synced files that
    /// nobody finds.
    fn sync_names(&self) -> Result<()>;

    /// A copy to be checked, of a size up to a limit; `None` when it is larger, when there is
    /// nothing to copy, or no room for it. What an earlier copy left goes first.
    fn copy(&self, limit_bytes: u64) -> Result<Option<Self>>;

    /// Removes the copy.
    fn remove_copy(&self) -> Result<()>;
}

/// The trees of a home.
pub type TreeOf<H> = <<H as Home>::Database as Database>::Tree;

/// What the trees of a home read.
pub type BytesOf<H> = <TreeOf<H> as Tree>::Bytes;
