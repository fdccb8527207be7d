//! The keys of the archive's trees.
//!
//! ```text
//! entity     kind u8 | id | 0          an id has no zero byte, so no entity is another's prefix
//! snapshots  entity                    or 0xFF | shard u16 BE, which is no kind's number
//! history    entity | first seq u64 BE
//! keys       entity | index u8 | slot u128 BE
//! outcomes   commit u64 BE | index u32 BE
//! waits      entity
//! pieces     a key of snapshots | name u128 BE | number u16 BE
//! ```
//! Invariant: the order of keys is the order of what they name (`EntityId`, `Seq`, `Position`), so
//! ranges give neighbours.

use std::sync::Arc;

use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId, is_entity_id};

use crate::store::IndexKind;

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
        for bad in [&b""[..], b"\0", b"\0\0", b"\0a", b"\x07a\0", b"\0a b\0", b"\0a\0\0"] {
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
        let name = slot;
        let key =
            b"\0w-1\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x01\x02";
        assert_eq!(piece(&entity(&wallet), name, 258), key);
        assert_eq!(after(Kind::Deal, None), (b"\x02".to_vec(), b"\x03".to_vec()));
        assert_eq!(after(Kind::Wallet, Some("w-1")), (entity(&wallet), b"\x01".to_vec()));
        assert_eq!(shard(ShardId(258)), [0xFF, 1, 2]);
        let at = Position { commit: 258, index: 3 };
        assert_eq!(position(at), *b"\0\0\0\0\0\0\x01\x02\0\0\0\x03");
    }

    #[test]
    fn no_entity_is_anothers_prefix() {
        let of = |id| EntityId::wallet(&WalletId::parse(id).expect("well formed"));
        let longer = history(&of("ab"), Seq(u64::MAX));
        assert!(!longer.starts_with(&entity(&of("a"))));
        assert!(Kind::ALL.iter().all(|kind| kind.number() != SHARD));
    }
}
