//! From production types to plain facts.
//!
//! The one place where both are known: answers, records and outcomes of the product go in, numbers
//! and words come out. It judges nothing. What cannot be said in plain facts is a fault of the lens
//! or an id that nobody of the cast has; both panic, because no run makes sense after that.
//!
//! Invariant: the same input gives the same facts.

mod deal;
mod drawn;
mod entries;
mod outcome;
mod picture;

use bursar_domain::id::{Seq, ShardId};
use bursar_domain::record::Record;

pub use entries::{entries, letters, papers};
pub use outcome::outcome;
pub use picture::picture;

use crate::facts::Place;

/// A position.
pub const fn place(shard: ShardId, seq: Seq) -> Place {
    Place { shard: shard.0, seq: seq.0 }
}

/// A hash of a whole record.
pub fn fingerprint(record: &Record) -> u64 {
    thread_local! {
        static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        bursar_snapshots::codec::encode_into(record, buffer);
        hash(buffer)
    })
}

/// A hash of bytes: eight at a time, multiplied and folded.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64 ^ 0x243f_6a88_85a3_08d3;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mixed = (state ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state = mixed ^ (mixed >> 29);
    }
    state
}
