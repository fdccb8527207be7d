//! The form of every stored value: what it is, how long it is, and that it is what was written.
//!
//! ```text
//! 0   magic      "BRSR"
//! 4   version    u8, 1
//! 5   kind       u8, see [`Kind`]
//! 6   length     u32 LE, of the body
//! 10  checksum   u32 LE, CRC32C of bytes 0..10 and of everything from byte 14
//! 14  previous   32 bytes, SHA-256 of the whole value of the group before; zero for other kinds
//! 46  body
//! ```
//!
//! It stands outside bincode, so that a value can be told from a damaged one before it is decoded.
//! Invariants: the layout of version 1 never changes (`tests/golden.rs` holds it); `open` accepts
//! only bytes that `seal` made, never panics, and says exactly what is wrong with others.

use sha2::{Digest, Sha256};

/// The bytes before the body.
pub const HEADER_LENGTH: usize = 46;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash that stands before the first group, and in every value that is not a group.
pub const NO_HASH: Hash = [0; 32];

const MAGIC: [u8; 4] = *b"BRSR";
const VERSION: u8 = 1;

/// What a value is. The numbers are on disk: only appended to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A group of the journal.
    Group = 1,
    /// A saved entity.
    Snapshot = 2,
    /// Records of an entity's history.
    History = 3,
    /// An index entry.
    Index = 4,
    /// Outcomes.
    Outcomes = 5,
    /// A shard's books.
    Shard = 6,
    /// What the store knows about itself.
    Meta = 7,
    /// What an entity waits for.
    Wait = 8,
    /// A saved entity, or a shard's books, in pieces: which.
    Pieces = 9,
    /// A piece of one.
    Piece = 10,
    /// An entry of the index of those that wait.
    Due = 11,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Group,
        Self::Snapshot,
        Self::History,
        Self::Index,
        Self::Outcomes,
        Self::Shard,
        Self::Meta,
        Self::Wait,
        Self::Pieces,
        Self::Piece,
        Self::Due,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Why bytes are not the value that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not even a header.
    #[error("{found} bytes are too short for a value, whose header alone has {HEADER_LENGTH}")]
    Short {
        /// How many there are.
        found: usize,
    },
    /// Not a value of Bursar.
    #[error("it starts with {found:02x?} and not with \"BRSR\"")]
    Magic {
        /// The first bytes.
        found: [u8; 4],
    },
    /// Another version of the layout.
    #[error("it has layout version {found}; this program knows {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Another kind of value.
    #[error("it is of kind {found} ({name}) and not {expected:?}", name = kind_name(*.found))]
    Kind {
        /// The number found.
        found: u8,
        /// What should be there.
        expected: Kind,
    },
    /// Cut off, or with something behind it.
    #[error("its body has {found} bytes and not {said}, as its header says")]
    Length {
        /// As the header says.
        said: u32,
        /// As it is.
        found: usize,
    },
    /// Some bytes are not what was written.
    #[error("its checksum is {found:08x} and not {said:08x}, as its header says")]
    Checksum {
        /// As the header says.
        said: u32,
        /// As it is.
        found: u32,
    },
}

fn kind_name(number: u8) -> String {
    Kind::from_number(number).map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"))
}

/// Puts a body into its envelope.
///
/// # Panics
/// When the body has 4 GiB or more.
pub fn seal(kind: Kind, previous: &Hash, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("stored values are far smaller than 4 GiB");
    let mut value = Vec::with_capacity(HEADER_LENGTH + body.len());
    value.extend_from_slice(&MAGIC);
    value.push(VERSION);
    value.push(kind as u8);
    value.extend_from_slice(&length.to_le_bytes());
    value.extend_from_slice(&[0; 4]);
    value.extend_from_slice(previous);
    value.extend_from_slice(body);
    let checksum = checksum(&value).to_le_bytes();
    value[10..14].copy_from_slice(&checksum);
    value
}

/// Takes a body out of its envelope, with the hash of the value before it.
pub fn open(kind: Kind, value: &[u8]) -> Result<(Hash, &[u8]), EnvelopeError> {
    let Some((header, body)) = value.split_first_chunk::<HEADER_LENGTH>() else {
        return Err(EnvelopeError::Short { found: value.len() });
    };
    let word = |at: usize| {
        let bytes = header[at..at + 4].try_into().expect("the header is longer than this");
        u32::from_le_bytes(bytes)
    };
    let magic: [u8; 4] = header[..4].try_into().expect("four bytes of the header");
    if magic != MAGIC {
        return Err(EnvelopeError::Magic { found: magic });
    }
    if header[4] != VERSION {
        return Err(EnvelopeError::Version { found: header[4] });
    }
    if header[5] != kind as u8 {
        return Err(EnvelopeError::Kind { found: header[5], expected: kind });
    }
    let said = word(6);
    if usize::try_from(said) != Ok(body.len()) {
        return Err(EnvelopeError::Length { said, found: body.len() });
    }
    let (said, found) = (word(10), checksum(value));
    if said != found {
        return Err(EnvelopeError::Checksum { said, found });
    }
    let previous = header[14..].try_into().expect("the header ends with the hash");
    Ok((previous, body))
}

/// The hash of a whole value, for the value after it.
pub fn hash(value: &[u8]) -> Hash {
    Sha256::digest(value).into()
}

/// The checksum of a value that is at least a header long.
fn checksum(value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&value[..10]), &value[14..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_reason_is_told() {
        let value = seal(Kind::Index, &NO_HASH, b"body");
        let changed = |at: usize, to: u8| {
            let mut value = value.clone();
            value[at] = to;
            open(Kind::Index, &value).map(|(_, body)| body.to_vec())
        };
        assert_eq!(open(Kind::Index, &value), Ok((NO_HASH, &b"body"[..])));
        assert_eq!(open(Kind::Index, &value[..45]), Err(EnvelopeError::Short { found: 45 }));
        assert_eq!(open(Kind::Index, &[]), Err(EnvelopeError::Short { found: 0 }));
        assert_eq!(changed(0, b'X'), Err(EnvelopeError::Magic { found: *b"XRSR" }));
        assert_eq!(changed(4, 2), Err(EnvelopeError::Version { found: 2 }));
        assert_eq!(changed(5, 99), Err(EnvelopeError::Kind { found: 99, expected: Kind::Index }));
        assert_eq!(
            open(Kind::Group, &value),
            Err(EnvelopeError::Kind { found: 4, expected: Kind::Group })
        );
        assert_eq!(changed(6, 3), Err(EnvelopeError::Length { said: 3, found: 4 }));
        for at in [10, 14, 45, 46, 49] {
            let to = value[at] ^ 1;
            assert!(matches!(changed(at, to), Err(EnvelopeError::Checksum { .. })), "{at}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(body in any::<Vec<u8>>(), previous in any::<Hash>()) {
            for kind in Kind::ALL {
                let value = seal(kind, &previous, &body);
                prop_assert_eq!(open(kind, &value), Ok((previous, &body[..])));
            }
        }

        #[test]
        fn a_flipped_bit_is_found(body in any::<Vec<u8>>(), at in any::<usize>(), bit in 0..8_u8) {
            let mut value = seal(Kind::Group, &NO_HASH, &body);
            let at = at % value.len();
            value[at] ^= 1_u8 << bit;
            prop_assert!(open(Kind::Group, &value).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>(), head in any::<bool>()) {
            let mut value = if head { b"BRSR\x01\x01".to_vec() } else { Vec::new() };
            value.extend(bytes);
            prop_assert!(open(Kind::Group, &value).is_err());
        }
    }
}
