//! A saved state in sled: one value, or pieces when it is too large for one.
//!
//! Nearly every state is small. But a deal with a long waiting list has some megabytes, and sled
//! writes large values into files that it never syncs (`disk.rs`).
//!
//! ```text
//! snapshots  key -> covers u64 LE | state                                  Kind::Snapshot or Shard
//!            key -> covers u64 LE | name u128 LE | pieces u16 LE           Kind::Pieces
//! pieces     key | name u128 BE | number u16 BE -> a piece of the state    Kind::Piece
//! ```
//! A state's name is its XXH3-128, so the pieces of two states never meet.
//!
//! Invariants: the pieces are durable before the value that names them, and go only after no value
//! names them; a state is replaced only by one that covers as much or more. Pieces that nobody
//! names (a crash left them) go with the next save in pieces.

use bursar_domain::id::Seq;
use xxhash_rust::xxh3::xxh3_128;

use super::archive::open;
use super::disk::{self, Disk, damaged};
use super::keys;
use super::tally::{self, Changes, Place};
use crate::codec;
use crate::envelope::{self, EnvelopeError, Kind, NO_HASH};
use crate::port::{BytesOf, Home, Tree};
use crate::store::{Result, Snapshot};

/// A larger state is saved in pieces of this size, in bytes.
const PIECE_SIZE: usize = 128 * 1024;

/// What a save changes, in the order in which it becomes durable.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// What the snapshots stand on.
    pub(super) before: Changes,
    /// The snapshots, and what need not be sooner.
    pub(super) snapshots: Changes,
    /// What the snapshots no longer stand on.
    pub(super) after: Changes,
}

/// How a state is saved.
#[derive(Debug)]
enum Form<'a> {
    Whole(&'a [u8]),
    Pieces { name: u128, count: u16 },
}

/// Puts a snapshot into a save, unless a later one is there. Returns whether it did.
pub(super) fn put<H: Home>(
    disk: &Disk<H>,
    kind: Kind,
    key: &[u8],
    snapshot: &Snapshot,
    stages: &mut Stages,
) -> Result<bool> {
    let state = &snapshot.state;
    assert!(state.len() <= codec::VALUE_SIZE_MAX, "a state of {} bytes", state.len());
    let mut has_pieces = false;
    if let Some(old) = get(disk, key)? {
        let (covers, form) = parse(kind, key, &old)?;
        if covers > snapshot.covers {
            return Ok(false);
        }
        has_pieces = matches!(form, Form::Pieces { .. });
    }
    let mut body = Vec::with_capacity(8 + state.len().min(PIECE_SIZE));
    body.extend_from_slice(&snapshot.covers.0.to_le_bytes());
    let value = if state.len() <= PIECE_SIZE {
        body.extend_from_slice(state);
        envelope::seal(kind, &NO_HASH, &body)
    } else {
        has_pieces = true;
        let (name, mut count) = (xxh3_128(state), 0_u16);
        for piece in state.chunks(PIECE_SIZE) {
            let piece = envelope::seal(Kind::Piece, &NO_HASH, piece);
            stages.before.insert((Place::Pieces, keys::piece(key, name, count)), Some(piece));
            count += 1;
        }
        body.extend_from_slice(&name.to_le_bytes());
        body.extend_from_slice(&count.to_le_bytes());
        envelope::seal(Kind::Pieces, &NO_HASH, &body)
    };
    stages.snapshots.insert((Place::Snapshots, key.to_vec()), Some(value));
    if has_pieces {
        remove_others(disk, key, stages)?;
    }
    Ok(true)
}

/// Puts the removal of all pieces under a key into a save, but for those it writes.
fn remove_others<H: Home>(disk: &Disk<H>, key: &[u8], stages: &mut Stages) -> Result<()> {
    for found in Place::Pieces.tree(disk).scan_prefix(key) {
        let name = || Place::Pieces.name(key);
        let (found, _) = found.map_err(|e| disk::error("reading the archive", &name())(e))?;
        let piece = (Place::Pieces, found.to_vec());
        if !stages.before.contains_key(&piece) {
            stages.after.insert(piece, None);
        }
    }
    Ok(())
}

/// The snapshot under a key.
pub(super) fn load<H: Home>(disk: &Disk<H>, kind: Kind, key: &[u8]) -> Result<Option<Snapshot>> {
    get(disk, key)?.map(|value| read(disk, kind, key, value)).transpose()
}

/// The snapshot under a key whose value was just read.
pub(super) fn read<H: Home>(
    disk: &Disk<H>,
    kind: Kind,
    key: &[u8],
    mut value: BytesOf<H>,
) -> Result<Snapshot> {
    loop {
        let read = join(disk, kind, key, &value);
        if read.is_ok() {
            return read;
        }
        // A save may have replaced it meanwhile, and removed its pieces.
        match get(disk, key)? {
            Some(newer) if newer[..] != value[..] => value = newer,
            Some(_) | None => return read,
        }
    }
}

fn get<H: Home>(disk: &Disk<H>, key: &[u8]) -> Result<Option<BytesOf<H>>> {
    tally::get(disk, "reading the archive", Place::Snapshots, key)
}

/// The snapshot that a value holds or names.
fn join<H: Home>(disk: &Disk<H>, kind: Kind, key: &[u8], value: &[u8]) -> Result<Snapshot> {
    let (covers, form) = parse(kind, key, value)?;
    let (name, count) = match form {
        Form::Whole(state) => return Ok(Snapshot { covers, state: state.to_vec() }),
        Form::Pieces { name, count } => (name, count),
    };
    let mut state = Vec::with_capacity(PIECE_SIZE * usize::from(count));
    for number in 0..count {
        let key = keys::piece(key, name, number);
        let piece = tally::get(disk, "reading the archive", Place::Pieces, &key)?;
        let missing = || damaged(Place::Pieces.name(&key), "the piece of a snapshot is missing");
        let piece = piece.ok_or_else(missing)?;
        open(Place::Pieces, Kind::Piece, &key, &piece, |bytes| {
            state.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    if xxh3_128(&state) == name {
        Ok(Snapshot { covers, state })
    } else {
        Err(damaged(Place::Snapshots.name(key), "the snapshot's pieces do not make it up"))
    }
}

/// What a value says: what it covers, and the state or where it is.
fn parse<'v>(kind: Kind, key: &[u8], value: &'v [u8]) -> Result<(Seq, Form<'v>)> {
    let at = |what: &dyn ToString| damaged(Place::Snapshots.name(key), what.to_string());
    let (is_whole, body) = match envelope::open(kind, value) {
        Ok((_, body)) => (true, body),
        Err(EnvelopeError::Kind { found, .. }) if found == Kind::Pieces as u8 => {
            let (_, body) = envelope::open(Kind::Pieces, value).map_err(|what| at(&what))?;
            (false, body)
        }
        Err(what) => return Err(at(&what)),
    };
    let (covers, rest) =
        body.split_first_chunk::<8>().ok_or_else(|| at(&"the snapshot has no position"))?;
    let covers = Seq(u64::from_le_bytes(*covers));
    if is_whole {
        return Ok((covers, Form::Whole(rest)));
    }
    let pieces = rest.split_first_chunk::<16>().and_then(|(name, count)| {
        let count = u16::from_le_bytes(count.try_into().ok()?);
        Some(Form::Pieces { name: u128::from_le_bytes(*name), count })
    });
    pieces.map(|pieces| (covers, pieces)).ok_or_else(|| at(&"it does not name its pieces"))
}
