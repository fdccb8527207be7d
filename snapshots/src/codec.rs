//! The one place where bincode is named.
//!
//! Everything that is stored is encoded here with one configuration: variable-length integers,
//! little endian. Decoding is bounded, must use every byte, and gives an error, never a panic, on
//! bytes that are not what was written. Checksums stand outside, in [`crate::envelope`].

use bincode::{Decode, Encode};

/// No stored value is larger than this, in bytes. Decoding refuses to allocate more.
pub const VALUE_SIZE_MAX: usize = 16 * 1024 * 1024;

/// Why bytes could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not the encoding of the type.
    #[error("not decodable: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    /// A value, and then more.
    #[error("{left} bytes too many")]
    Trailing {
        /// How many.
        left: usize,
    },
}

/// Encodes a value at the end of a buffer.
pub fn encode_into<T: Encode>(value: &T, buffer: &mut Vec<u8>) {
    bincode::encode_into_std_write(value, buffer, bincode::config::standard())
        .expect("writing to memory does not fail, and our types have no failing encoding");
}

/// Encodes a value.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode_into(value, &mut buffer);
    buffer
}

/// Decodes a value that fills the bytes exactly.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let config = bincode::config::standard().with_limit::<VALUE_SIZE_MAX>();
    let (value, used) = bincode::decode_from_slice(bytes, config)?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(CodecError::Trailing { left: bytes.len() - used })
    }
}
