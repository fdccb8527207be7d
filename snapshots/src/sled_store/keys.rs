//! The keys of the archive's trees.
//!
//! ```text
//! entity     kind u8 | id | 0          an id has no zero byte, so no entity is another's prefix
//! snapshots  entity                    or 0xFF | shard u16 BE, which is no kind's number
//! history    entity | first seq u64 BE
//! keys       entity | index u8 | slot u128 BE
//! outcomes   commit u64 BE | index u32 BE
//! waits      entity
//! due        0 | shard u16 BE | instant | entity       who waits for an instant
//!            1 | kind u8 | number | id | 0             who stands in the agenda of a kind
//!            2 | entity                                who waits for an answer
//! pieces     a key of snapshots | name u128 BE | number u16 BE
//! marks      a name
//! ```
//! Instants and numbers in keys are i64 BE with the sign bit flipped, so that they ascend.
//!
//! Invariant: the order of keys is the order of what they name (`EntityId`, `Seq`, `Position`), so
//! ranges give neighbours.

use std::sync::Arc;

use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId, is_entity_id};

use crate::store::{Due, IndexKind};

/// The first byte of a shard's key.
pub(super) const SHARD: u8 = 0xFF;

/// The key of an entity, and the prefix of what belongs to it.
pub(super) fn entity(entity: &EntityId) -> Vec<u8> {
    assert!(is_entity_id(&entity.id), "the id {:?} is not well formed", entity.id);
    let mut key = Vec::with_capacity(entity.id.len() + 2 + 1 + 16);
    key.push(entity.kind.number());
    key.extend_from_slice(entity.id.as_bytes());
    key.push(0);
    key
}

/// The entity of a key; `None` when it is not one that [`entity`] made.
pub(super) fn parse_entity(key: &[u8]) -> Option<EntityId> {
    let (kind, rest) = key.split_first()?;
    let (end, id) = rest.split_last()?;
    let id = std::str::from_utf8(id).ok().filter(|id| *end == 0 && is_entity_id(id))?;
    Some(EntityId { kind: Kind::from_number(*kind)?, id: Arc::from(id) })
}

/// Whether a key is this entity's.
pub(super) fn is_of(key: &[u8], of: &EntityId) -> bool {
    let id = key.strip_prefix(&[of.kind.number()]).and_then(|rest| rest.strip_suffix(&[0]));
    id == Some(of.id.as_bytes())
}

/// Where the entities of a kind begin that come after an id, and where they end; neither key is
/// among them.
pub(super) fn after(kind: Kind, id: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let mut key = vec![kind.number()];
    if let Some(id) = id {
        key.extend_from_slice(id.as_bytes());
        key.push(0);
    }
    (key, vec![kind.number() + 1])
}

/// The key of a chunk of an entity's history.
pub(super) fn history(of: &EntityId, first: Seq) -> Vec<u8> {
    let mut key = entity(of);
    key.extend_from_slice(&first.0.to_be_bytes());
    key
}

/// The number of an index in keys. Only appended to: it is on disk.
fn index_number(kind: IndexKind) -> u8 {
    match kind {
        IndexKind::Key => 0,
        IndexKind::Refunded => 1,
        IndexKind::Left => 2,
        IndexKind::Activity => 3,
    }
}

/// The key of an index entry.
pub(super) fn index(of: &EntityId, kind: IndexKind, slot: u128) -> Vec<u8> {
    let mut key = entity(of);
    key.push(index_number(kind));
    key.extend_from_slice(&slot.to_be_bytes());
    key
}

/// The slot in the key of an index entry.
pub(super) fn slot(key: &[u8]) -> Option<u128> {
    Some(u128::from_be_bytes(*key.last_chunk()?))
}

/// The key of a shard's books.
pub(super) fn shard(shard: ShardId) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [SHARD, high, low]
}

const TIMER: u8 = 0;
const LISTED: u8 = 1;
const ANSWER: u8 = 2;

/// A number as it stands in a key.
fn ascending(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The key of an entry of those that wait.
pub(super) fn due(due: &Due) -> Vec<u8> {
    match due {
        Due::Timer { shard, at, entity: of } => {
            let mut key = timers(*shard);
            key.extend_from_slice(&ascending(*at));
            key.extend_from_slice(&entity(of));
            key
        }
        Due::Listed { number, entity } => listed(entity.kind, *number, &entity.id),
        Due::Answer(of) => [&[ANSWER][..], &entity(of)].concat(),
    }
}

/// The entry of a key; `None` when it is not one that [`due`] made.
pub(super) fn parse_due(key: &[u8]) -> Option<Due> {
    let number = |bytes: &[u8; 8]| (u64::from_be_bytes(*bytes) ^ (1 << 63)).cast_signed();
    match key.split_first()? {
        (&TIMER, rest) => {
            let (shard, rest) = rest.split_first_chunk()?;
            let (at, rest) = rest.split_first_chunk()?;
            let shard = ShardId(u16::from_be_bytes(*shard));
            Some(Due::Timer { shard, at: number(at), entity: parse_entity(rest)? })
        }
        (&LISTED, rest) => {
            let (kind, rest) = rest.split_first()?;
            let (listed, id) = rest.split_first_chunk()?;
            let entity = parse_entity(&[&[*kind], id].concat())?;
            Some(Due::Listed { number: number(listed), entity })
        }
        (&ANSWER, rest) => parse_entity(rest).map(Due::Answer),
        _ => None,
    }
}

/// Where the timers of a shard begin.
pub(super) fn timers(shard: ShardId) -> Vec<u8> {
    let [high, low] = shard.0.to_be_bytes();
    vec![TIMER, high, low]
}

/// After all timers of a shard up to an instant, and with it; no kind has the number that follows.
pub(super) fn after_timers(shard: ShardId, until: i64) -> Vec<u8> {
    [&timers(shard)[..], &ascending(until), &[0xFF]].concat()
}

/// Where the agenda of a kind begins.
pub(super) fn agenda(kind: Kind) -> Vec<u8> {
    vec![LISTED, kind.number()]
}

/// An entry of the agenda of a kind. Any text will do for the id of one to come after.
pub(super) fn listed(kind: Kind, number: i64, id: &str) -> Vec<u8> {
    [&agenda(kind)[..], &ascending(number), id.as_bytes(), &[0]].concat()
}

/// After all of an agenda up to a number, and with it; no id begins with what follows.
pub(super) fn after_agenda(kind: Kind, until: i64) -> Vec<u8> {
    [&agenda(kind)[..], &ascending(until), &[0xFF]].concat()
}

/// Where those that wait for an answer begin, and where they end.
pub(super) fn answers() -> (Vec<u8>, Vec<u8>) {
    (vec![ANSWER], vec![ANSWER + 1])
}

/// The key of a piece of the snapshot under a key.
pub(super) fn piece(of: &[u8], name: u128, number: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(of.len() + 16 + 2);
    key.extend_from_slice(of);
    key.extend_from_slice(&name.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The key of a chunk of outcomes.
pub(super) fn position(position: Position) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&position.commit.to_be_bytes());
    key[8..].copy_from_slice(&position.index.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use bursar_domain::id::WalletId;

    use super::*;

    #[test]
    fn keys_read_back_and_keep_the_order() {
        let mut entities = Vec::new();
        let longest = "x".repeat(bursar_domain::id::ENTITY_ID_LENGTH_MAX);
        for id in ["a", "a-", "a0", "aa", "b", "Z", "_", longest.as_str()] {
            for kind in Kind::ALL {
                entities.push(EntityId { kind, id: Arc::from(id) });
            }
        }
        entities.sort();
        let keys: Vec<_> = entities.iter().map(entity).collect();
        assert!(keys.is_sorted());
        let read: Vec<_> = keys.iter().filter_map(|key| parse_entity(key)).collect();
        assert_eq!(read, entities);
        let too_long = [b"\x03", "x".repeat(97).as_bytes(), b"\0"].concat();
        assert_eq!(parse_entity(&too_long), None);
        for bad in [&b""[..], b"\0", b"\0\0", b"\0a", b"\xF7a\0", b"\0a b\0", b"\0a\0\0"] {
            assert_eq!(parse_entity(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_layout_is_fixed() {
        let wallet = EntityId::wallet(&WalletId::parse("w-1").expect("well formed"));
        assert_eq!(entity(&wallet), b"\0w-1\0");
        assert_eq!(history(&wallet, Seq(258)), b"\0w-1\0\0\0\0\0\0\0\x01\x02");
        let slot = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;
        let key = b"\0w-1\0\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";
        assert_eq!(index(&wallet, IndexKind::Refunded, slot), key);
        assert_eq!(index(&wallet, IndexKind::Key, slot)[5], 0);
        assert_eq!(index(&wallet, IndexKind::Left, slot)[5], 2);
        assert_eq!(index(&wallet, IndexKind::Activity, slot)[5], 3);
        let name = slot;
        let key =
            b"\0w-1\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x01\x02";
        assert_eq!(piece(&entity(&wallet), name, 258), key);
        assert_eq!(after(Kind::Deal, None), (b"\x02".to_vec(), b"\x03".to_vec()));
        assert_eq!(after(Kind::Wallet, Some("w-1")), (entity(&wallet), b"\x01".to_vec()));
        assert_eq!(shard(ShardId(258)), [0xFF, 1, 2]);
        let at = Position { commit: 258, index: 3 };
        assert_eq!(position(at), *b"\0\0\0\0\0\0\x01\x02\0\0\0\x03");
        let timer = Due::Timer { shard: ShardId(258), at: 258, entity: wallet.clone() };
        assert_eq!(due(&timer), b"\0\x01\x02\x80\0\0\0\0\0\x01\x02\0w-1\0");
        let listed = Due::Listed { number: -1, entity: wallet.clone() };
        assert_eq!(due(&listed), b"\x01\0\x7f\xff\xff\xff\xff\xff\xff\xffw-1\0");
        assert_eq!(due(&Due::Answer(wallet)), b"\x02\0w-1\0");
    }

    #[test]
    fn those_that_wait_read_back_and_keep_the_order() {
        let numbers = [i64::MIN, -258, -1, 0, 1, 256, i64::MAX];
        let mut all = Vec::new();
        for kind in Kind::ALL {
            for id in ["a", "a-", "aa", "b"] {
                let entity = EntityId { kind, id: Arc::from(id) };
                all.push(Due::Answer(entity.clone()));
                for number in numbers {
                    let entity = || entity.clone();
                    let timer = |shard| Due::Timer { shard, at: number, entity: entity() };
                    all.extend([0, 1, u16::MAX].map(ShardId).map(timer));
                    all.push(Due::Listed { number, entity: entity() });
                }
            }
        }
        // As `Due` orders them, but that an agenda is of one kind.
        all.sort_by_key(|due| match due {
            Due::Listed { entity, .. } => (1, Some(entity.kind), due.clone()),
            Due::Timer { .. } => (0, None, due.clone()),
            Due::Answer(_) => (2, None, due.clone()),
        });
        let keys: Vec<_> = all.iter().map(due).collect();
        assert!(keys.is_sorted());
        let read: Vec<_> = keys.iter().filter_map(|key| parse_due(key)).collect();
        assert_eq!(read, all);
        for (key, due) in keys.iter().zip(&all) {
            let end = |until| match due {
                Due::Timer { shard, .. } => after_timers(*shard, until),
                Due::Listed { entity, .. } => after_agenda(entity.kind, until),
                Due::Answer(_) => answers().1,
            };
            let (Due::Timer { at: number, .. } | Due::Listed { number, .. }) = due else {
                continue;
            };
            assert!(*key < end(*number) && *key < end(i64::MAX), "{due:?}");
            assert!(*number == i64::MIN || *key > end(number - 1), "{due:?}");
        }
        for bad in [&b""[..], b"\0", b"\x01", b"\x02", b"\x03\0w-1\0", b"\x02\0w-1", b"\x01\0w-1\0"]
        {
            assert_eq!(parse_due(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn no_entity_is_anothers_prefix() {
        let of = |id| EntityId::wallet(&WalletId::parse(id).expect("well formed"));
        let longer = history(&of("ab"), Seq(u64::MAX));
        assert!(!longer.starts_with(&entity(&of("a"))));
        assert!(Kind::ALL.iter().all(|kind| kind.number() != SHARD));
    }
}
