//! Who waits, and the index of it by time: trees `waits` and `due`.
//!
//! ```text
//! waits  entity -> 0 i64 LE                for an answer           Kind::Wait
//!        entity -> millis i64 LE           for an instant, not 0
//!        entity -> awaited u8 | millis i64 LE | listed u8 | number i64 LE    anything else
//! due    a key of `keys.rs` -> nothing                             Kind::Due
//! ```
//! The index is made from `waits` and says nothing that is not there: an entry that its entity's
//! value does not bear out is left out by every read. Directories from before the index have none;
//! it is made when they are opened, and a mark in the tree `meta` says that it was.
//!
//! Invariants: what an entity waits for and its entries are durable before its snapshot; entries
//! it no longer has go with the snapshot; what a crash leaves of them goes when the store is opened
//! (`tally.rs`), so a value's entries are all that its entity has.

use std::ops::Bound;

use bursar_domain::id::{EntityId, Kind as EntityKind, ShardId};

use super::archive::{open, parse_entity};
use super::disk::{self, Disk, damaged};
use super::keys;
use super::snapshot::Stages;
use super::tally::{self, Changes, Place, Tallied};
use crate::envelope::{self, Kind, NO_HASH};
use crate::port::{BytesOf, Found, Home, Tree};
use crate::store::{Awaited, Due, Result, Waits};

/// Under this key of the tree `meta` stands that the index was made.
const MADE: &[u8] = b"due";
/// How many entities are indexed at a time when the index is made.
const MADE_AT_A_TIME: usize = 1_000;

const READING: &str = "reading who waits";

fn write_waits(waits: Waits) -> Vec<u8> {
    let mut body = Vec::with_capacity(18);
    match waits {
        Waits { awaits: Awaited::Answer, listed: None } => body.extend(0_i64.to_le_bytes()),
        Waits { awaits: Awaited::Instant(millis), listed: None } if millis != 0 => {
            body.extend(millis.to_le_bytes());
        }
        Waits { awaits, listed } => {
            let (awaited, millis) = match awaits {
                Awaited::Nothing => (0, 0),
                Awaited::Answer => (1, 0),
                Awaited::Instant(millis) => (2, millis),
            };
            body.push(awaited);
            body.extend(millis.to_le_bytes());
            body.push(u8::from(listed.is_some()));
            body.extend(listed.unwrap_or_default().to_le_bytes());
        }
    }
    envelope::seal(Kind::Wait, &NO_HASH, &body)
}

fn read_waits(body: &[u8]) -> std::result::Result<Waits, String> {
    if let Ok(bytes) = body.try_into() {
        let millis = i64::from_le_bytes(bytes);
        return Ok(if millis == 0 { Waits::ANSWER } else { Waits::until(millis) });
    }
    let parts = body.split_first().and_then(|(awaited, rest)| {
        let (millis, rest) = rest.split_first_chunk()?;
        let (listed, number) = rest.split_first()?;
        let number = i64::from_le_bytes(number.try_into().ok()?);
        Some((*awaited, i64::from_le_bytes(*millis), *listed, number))
    });
    let parts = parts.ok_or_else(|| format!("what it waits for has {} bytes", body.len()))?;
    let awaits = match parts {
        (0, 0, ..) => Some(Awaited::Nothing),
        (1, 0, ..) => Some(Awaited::Answer),
        (2, millis, ..) => Some(Awaited::Instant(millis)),
        _ => None,
    };
    let listed = match parts {
        (.., 0, 0) => Some(None),
        (.., 1, number) => Some(Some(number)),
        _ => None,
    };
    let waits = awaits.zip(listed).map(|(awaits, listed)| Waits { awaits, listed });
    waits.ok_or_else(|| format!("nothing is waited for as {parts:?} says"))
}

/// The entries that an entity has in the index.
fn entries(entity: &EntityId, waits: Waits, shards: u16) -> impl Iterator<Item = Due> {
    let awaited = match waits.awaits {
        Awaited::Nothing => None,
        Awaited::Answer => Some(Due::Answer(entity.clone())),
        Awaited::Instant(at) => {
            Some(Due::Timer { shard: entity.shard(shards), at, entity: entity.clone() })
        }
    };
    let listed = waits.listed.map(|number| Due::Listed { number, entity: entity.clone() });
    awaited.into_iter().chain(listed)
}

/// Puts what an entity waits for into a save: what is new before its snapshot, what goes with it.
pub(super) fn put<H: Home>(
    disk: &Disk<H>,
    shards: u16,
    entity: &EntityId,
    waits: Waits,
    stages: &mut Stages,
) -> Result<()> {
    let key = keys::entity(entity);
    if let Some(old) = get(disk, &key)? {
        for due in entries(entity, old, shards) {
            stages.snapshots.insert((Place::Due, keys::due(&due)), None);
        }
    }
    for due in entries(entity, waits, shards) {
        let key = (Place::Due, keys::due(&due));
        stages.snapshots.remove(&key);
        stages.before.insert(key, Some(envelope::seal(Kind::Due, &NO_HASH, &[])));
    }
    if waits == Waits::NO {
        stages.snapshots.insert((Place::Waits, key), None);
    } else {
        stages.before.insert((Place::Waits, key), Some(write_waits(waits)));
    }
    Ok(())
}

/// What stands under an entity's key.
fn get<H: Home>(disk: &Disk<H>, key: &[u8]) -> Result<Option<Waits>> {
    let value = tally::get(disk, READING, Place::Waits, key)?;
    value.map(|value| open(Place::Waits, Kind::Wait, key, &value, read_waits)).transpose()
}

fn parse(key: &[u8]) -> Result<Due> {
    let what = "the key is not one of those that wait";
    keys::parse_due(key).ok_or_else(|| damaged(Place::Due.name(key), what))
}

/// Whether an entry of the index is one that its entity no longer has.
pub(super) fn is_stale<H: Home>(disk: &Disk<H>, key: &[u8]) -> Result<bool> {
    let due = parse(key)?;
    let (Due::Timer { entity, .. } | Due::Listed { entity, .. } | Due::Answer(entity)) = &due;
    let waits = get(disk, &keys::entity(entity))?.unwrap_or_default();
    Ok(match due {
        Due::Timer { at, .. } => waits.awaits != Awaited::Instant(at),
        Due::Listed { number, .. } => waits.listed != Some(number),
        Due::Answer(_) => waits.awaits != Awaited::Answer,
    })
}

/// The entries between two keys that their entities bear out.
fn range<H: Home>(
    disk: &Disk<H>,
    from: Bound<Vec<u8>>,
    to: Vec<u8>,
) -> impl Iterator<Item = Result<Due>> {
    let found = disk.trees.due.range((from, Bound::Excluded(to)));
    let valid = |found: Found<BytesOf<H>>| {
        let (key, value) = found.map_err(disk::error(READING, &Place::Due.name(b"(next)")))?;
        open(Place::Due, Kind::Due, &key, &value, |_| Ok(()))?;
        Ok(if is_stale(disk, &key)? { None } else { Some(parse(&key)?) })
    };
    found.map(valid).filter_map(Result::transpose)
}

/// See [`crate::store::Archive::timers`].
pub(super) fn timers<H: Home>(
    disk: &Disk<H>,
    shard: ShardId,
    after: Option<&(i64, EntityId)>,
    until: i64,
    limit: usize,
) -> Result<Vec<(i64, EntityId)>> {
    let from = match after {
        Some((at, entity)) => {
            let due = Due::Timer { shard, at: *at, entity: entity.clone() };
            Bound::Excluded(keys::due(&due))
        }
        None => Bound::Included(keys::timers(shard)),
    };
    let found = range(disk, from, keys::after_timers(shard, until));
    found.take(limit).map(|due| due.and_then(timed)).collect()
}

fn timed(due: Due) -> Result<(i64, EntityId)> {
    match due {
        Due::Timer { at, entity, .. } => Ok((at, entity)),
        Due::Listed { number, entity } => Ok((number, entity)),
        Due::Answer(_) => Err(damaged(Place::Due.name(&keys::due(&due)), "it has no number")),
    }
}

/// See [`crate::store::Archive::first_timer`].
pub(super) fn first_timer<H: Home>(
    disk: &Disk<H>,
    shard: ShardId,
    after: i64,
) -> Result<Option<i64>> {
    let from = Bound::Included(keys::after_timers(shard, after));
    let first = range(disk, from, keys::after_timers(shard, i64::MAX)).next();
    first.map(|due| due.and_then(timed).map(|(at, _)| at)).transpose()
}

/// See [`crate::store::Archive::agenda`].
pub(super) fn agenda<H: Home>(
    disk: &Disk<H>,
    kind: EntityKind,
    after: Option<(i64, &str)>,
    until: i64,
    limit: usize,
) -> Result<Vec<(i64, EntityId)>> {
    let from = match after {
        Some((number, id)) => Bound::Excluded(keys::listed(kind, number, id)),
        None => Bound::Included(keys::agenda(kind)),
    };
    let found = range(disk, from, keys::after_agenda(kind, until));
    found.take(limit).map(|due| due.and_then(timed)).collect()
}

/// See [`crate::store::Archive::answer_waiters`].
pub(super) fn answer_waiters<H: Home>(disk: &Disk<H>) -> Result<Vec<EntityId>> {
    let (from, to) = keys::answers();
    let entity = |due: Due| match due {
        Due::Answer(entity) | Due::Timer { entity, .. } | Due::Listed { entity, .. } => entity,
    };
    range(disk, Bound::Included(from), to).map(|due| due.map(entity)).collect()
}

/// See [`crate::store::Archive::waiting`].
pub(super) fn waiting<H: Home>(
    disk: &Disk<H>,
    visit: &mut dyn FnMut(EntityId, Waits) -> Result<()>,
) -> Result<()> {
    let place = Place::Waits;
    for found in disk.trees.waits.range(..) {
        let (key, value) = found.map_err(disk::error(READING, &place.name(b"(next)")))?;
        let waits = open(place, Kind::Wait, &key, &value, read_waits)?;
        visit(parse_entity(place, &key)?, waits)?;
    }
    Ok(())
}

/// See [`crate::store::Archive::waiting_of`].
pub(super) fn waiting_of<H: Home>(
    disk: &Disk<H>,
    kind: EntityKind,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<EntityId>> {
    let (start, end) = keys::after(kind, after);
    let found = disk.trees.waits.range((Bound::Excluded(start), Bound::Excluded(end)));
    let entity = |found: Found<BytesOf<H>>| {
        let (key, _) = found.map_err(disk::error(READING, &Place::Waits.name(b"(next)")))?;
        parse_entity(Place::Waits, &key)
    };
    found.take(limit).map(entity).collect()
}

/// See [`crate::store::Archive::due`].
pub(super) fn due<H: Home>(disk: &Disk<H>, visit: &mut dyn FnMut(Due) -> Result<()>) -> Result<()> {
    for found in disk.trees.due.range(..) {
        let (key, value) = found.map_err(disk::error(READING, &Place::Due.name(b"(next)")))?;
        open(Place::Due, Kind::Due, &key, &value, |_| Ok(()))?;
        visit(parse(&key)?)?;
    }
    Ok(())
}

/// Makes the index of a directory that has none yet. Cut off, it begins anew with the next open.
pub(super) fn make<H: Home>(entries: &Tallied<H>, shards: u16) -> Result<()> {
    let (disk, doing) = (&entries.disk, "indexing who waits");
    let meta = &disk.trees.meta;
    if meta.contains_key(MADE).map_err(disk::error(doing, "tree meta, key due"))? {
        return Ok(());
    }
    let mut changes = Changes::new();
    waiting(disk, &mut |entity, waits| {
        for due in self::entries(&entity, waits, shards) {
            let value = envelope::seal(Kind::Due, &NO_HASH, &[]);
            changes.insert((Place::Due, keys::due(&due)), Some(value));
        }
        if changes.len() < MADE_AT_A_TIME {
            return Ok(());
        }
        entries.change(doing, vec![std::mem::take(&mut changes)])
    })?;
    entries.change(doing, vec![changes])?;
    let value = envelope::seal(Kind::Meta, &NO_HASH, &[]);
    disk::insert(meta, doing, MADE, value).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_what_is_waited_for_is_fixed() {
        let body = |waits| write_waits(waits)[envelope::HEADER_LENGTH..].to_vec();
        assert_eq!(body(Waits::ANSWER), [0; 8]);
        assert_eq!(body(Waits::until(258)), [2, 1, 0, 0, 0, 0, 0, 0]);
        let instant = Waits::until(258).listed(-1);
        let expected = [2, 2, 1, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(body(instant), expected);
        assert_eq!(
            body(Waits::NO.listed(7)),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(body(Waits::ANSWER.listed(0))[..10], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(body(Waits::until(0))[..10], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_waited_for_reads_back() {
        for awaits in [i64::MIN, -1, 0, 1, i64::MAX]
            .map(Awaited::Instant)
            .into_iter()
            .chain([Awaited::Nothing, Awaited::Answer])
        {
            for listed in [None, Some(i64::MIN), Some(0), Some(5)] {
                let waits = Waits { awaits, listed };
                let value = write_waits(waits);
                assert_eq!(read_waits(&value[envelope::HEADER_LENGTH..]), Ok(waits));
            }
        }
        let good = &write_waits(Waits::ANSWER.listed(3))[envelope::HEADER_LENGTH..];
        for (at, to) in [(0, 0), (0, 3), (1, 1), (9, 0), (9, 2)] {
            let mut bad = good.to_vec();
            bad[at] = to;
            assert_eq!(read_waits(&bad).is_err(), (at, to) != (0, 0), "{bad:?}");
        }
        for length in (0..18).filter(|length| *length != 8) {
            assert!(read_waits(&good[..length]).is_err(), "{length}");
        }
    }
}
