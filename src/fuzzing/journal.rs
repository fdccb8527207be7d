//! What is read back from disk: the first byte says what the rest is.
//!
//! A value in its envelope, a group, a record, the saved state of each kind of entity, the books of
//! a shard, outcomes. In the server these bytes have passed a checksum, so what reads them is the
//! second line of defence, against another version of the program and against memory that flips.
//!
//! What decodes is encoded and must decode to the same. Of an envelope and a group there is one way
//! to write each value, so there the bytes must be the same. bincode also takes a small number in a
//! longer form; of what it decodes, the first encoding is compared with the second one.

use std::sync::Arc;

use bursar_actors::books::Books;
use bursar_domain::advance::Advance;
use bursar_domain::campaign::Campaign;
use bursar_domain::compensation::Compensation;
use bursar_domain::deal::Deal;
use bursar_domain::id::{Position, Seq};
use bursar_domain::machine::Machine;
use bursar_domain::message::Outcome;
use bursar_domain::provider::Provider;
use bursar_domain::record::Record;
use bursar_domain::run::Run;
use bursar_domain::saga::Saga;
use bursar_domain::schedule::Schedule;
use bursar_domain::statement::Statement;
use bursar_domain::wallet::Wallet;
use bursar_snapshots::codec;
use bursar_snapshots::envelope::{self, Kind};
use bursar_snapshots::group::{self, Group, GroupSlice, Part};
use bursar_snapshots::store::Slice;

/// Decodes, encodes, decodes and encodes again; a macro, because only `codec` names bincode.
macro_rules! again {
    ($type:ty, $bytes:expr) => {
        if let Ok(value) = codec::decode::<$type>($bytes) {
            let bytes = codec::encode(&value);
            assert!(bytes.len() <= $bytes.len(), "{value:?} became longer");
            let read: $type = codec::decode(&bytes).expect("what was encoded decodes");
            assert_eq!(format!("{read:?}"), format!("{value:?}"));
            assert_eq!(codec::encode(&read), bytes, "{value:?}");
        }
    };
}

/// Values of the journal and the archive.
pub fn journal(data: &[u8]) {
    let Some((letter, bytes)) = data.split_first() else { return };
    match letter {
        b'e' => enveloped(bytes),
        b'g' => grouped(bytes),
        b'r' => again!(Record, bytes),
        b'w' => again!(Machine<Wallet>, bytes),
        b'p' => again!(Machine<Provider>, bytes),
        b'd' => again!(Machine<Deal>, bytes),
        b's' => again!(Machine<Saga>, bytes),
        b'c' => again!(Machine<Compensation>, bytes),
        b'a' => again!(Machine<Advance>, bytes),
        b'n' => again!(Machine<Run>, bytes),
        b't' => again!(Machine<Schedule>, bytes),
        b'm' => again!(Machine<Campaign>, bytes),
        b'l' => again!(Machine<Statement>, bytes),
        b'b' => again!(Books, bytes),
        b'o' => again!(Vec<(Position, Outcome)>, bytes),
        _ => {}
    }
}

/// A value as it stands in the database; with its checksum put right, too, since no fuzzer guesses it.
fn enveloped(bytes: &[u8]) {
    let Some(number) = bytes.get(5) else { return };
    let Some(kind) = Kind::ALL.into_iter().find(|kind| *kind as u8 == *number) else { return };
    let check = |value: &[u8]| {
        let Ok((previous, body)) = envelope::open(kind, value) else { return false };
        assert_eq!(envelope::seal(kind, &previous, body), value);
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            assert!(envelope::open(other, value).is_err(), "{kind:?} opens as {other:?}");
        }
        true
    };
    let is_whole = check(bytes);
    let Some((head, body)) = bytes.split_first_chunk::<{ envelope::HEADER_LENGTH }>() else {
        assert!(!is_whole, "a value without a whole header was opened");
        return;
    };
    let previous = head[14..].try_into().expect("the header ends with the hash");
    assert!(check(&envelope::seal(kind, &previous, body)), "what was sealed opens");
}

/// The body of a group.
fn grouped(bytes: &[u8]) {
    let Ok(group) = group::decode(bytes) else { return };
    let slices: Vec<_> = group.slices().map(|slice| unpacked(&slice)).collect();
    let records: usize = group.slices().map(|slice| slice.records().count()).sum();
    assert!(records <= bytes.len(), "more records than bytes");
    let parts: Vec<_> =
        slices.iter().map(|slice| Part { slice, records: 0..slice.len() }).collect();
    let written = group::encode(group.number, &parts);
    let same = group::decode(&written).expect("what was encoded decodes");
    assert_eq!(contents(&same), contents(&group));
    // Slices that follow one another are written as one; a group that has none such is as it was.
    if same.slices().count() == slices.len() {
        assert_eq!(written, bytes);
    }
}

/// A slice as it was handed in.
fn unpacked(slice: &GroupSlice<'_>) -> Slice {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for (_, record) in slice.records() {
        bytes.extend_from_slice(record);
        ends.push(u32::try_from(bytes.len()).expect("an input is far smaller than 4 GiB"));
    }
    let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
    Slice { shard: slice.shard, epoch: slice.epoch, first: slice.first, bytes, ends }
}

/// What a group says, record by record and claim by claim.
fn contents<'a>(group: &Group<'a>) -> Vec<(u16, u64, Seq, Option<&'a [u8]>)> {
    let mut all = Vec::new();
    for slice in group.slices() {
        let (shard, epoch) = (slice.shard.0, slice.epoch);
        if slice.count == 0 {
            all.push((shard, epoch, slice.first, None));
        }
        all.extend(slice.records().map(|(seq, record)| (shard, epoch, seq, Some(record))));
    }
    all
}
