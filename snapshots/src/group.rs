//! A group: what one commit writes, all slices of all shards that waited, as one value.
//!
//! ```text
//! group number u64 | slices u32 | slices
//! a slice:  shard u16 | epoch u64 | first seq u64 | records u32 | records
//! a record: length u32 | bytes
//! ```
//! All integers little endian. A slice without records carries a claim: its epoch.
//!
//! Invariants: a group's value (with its envelope) has at most [`GROUP_SIZE_MAX`] bytes, because
//! sled puts larger ones into files that it does not sync; a record is in one group whole; records
//! that follow one another in a shard and epoch are one slice. `decode` checks every bound once
//! and never panics, whatever the bytes; after it, iterating cannot fail.

use std::ops::Range;

use bursar_domain::id::{Seq, ShardId};

use crate::envelope;
use crate::store::{Slice, Written};

/// The largest value of a group in bytes, envelope included.
pub const GROUP_SIZE_MAX: usize = 128 * 1024;

/// The largest record in bytes: one that fills a group alone.
pub const RECORD_SIZE_MAX: usize =
    GROUP_SIZE_MAX - envelope::HEADER_LENGTH - GROUP_HEADER - SLICE_HEADER - RECORD_HEADER;

const GROUP_HEADER: usize = 8 + 4;
const SLICE_HEADER: usize = 2 + 8 + 8 + 4;
const RECORD_HEADER: usize = 4;

/// Why bytes are not a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GroupError {
    /// Cut off.
    #[error("the group ends within its {part}, at byte {at}")]
    Short {
        /// Where in the format.
        part: &'static str,
        /// How far it could be read.
        at: usize,
    },
    /// Something after the last record.
    #[error("the group has {left} bytes too many")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// Position 0, or past the last number.
    #[error("the group has a slice of {count} records at impossible position {first}")]
    Position {
        /// The first position.
        first: u64,
        /// How many records.
        count: u32,
    },
}

/// Some records of a slice, all in one group.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The slice.
    pub slice: &'a Slice,
    /// Which of its records, from 0.
    pub records: Range<usize>,
}

impl Part<'_> {
    fn first(&self) -> Seq {
        Seq(self.slice.first.0 + self.records.start as u64)
    }

    fn next(&self) -> Seq {
        Seq(self.slice.first.0 + self.records.end as u64)
    }

    /// Whether the other part's records come directly after these, under the same claim.
    fn is_continued_by(&self, other: &Self) -> bool {
        self.slice.shard == other.slice.shard
            && self.slice.epoch == other.slice.epoch
            && self.next() == other.first()
    }
}

/// Divides slices into groups, in order, each as full as [`GROUP_SIZE_MAX`] allows. Slices without
/// records are left out.
///
/// # Panics
/// When a record is larger than [`RECORD_SIZE_MAX`].
pub fn plan(slices: &[Slice]) -> Vec<Vec<Part<'_>>> {
    let empty = envelope::HEADER_LENGTH + GROUP_HEADER;
    let mut groups: Vec<Vec<Part<'_>>> = Vec::new();
    let mut size = GROUP_SIZE_MAX;
    for slice in slices.iter().filter(|slice| !slice.is_empty()) {
        let mut is_open = false;
        for index in 0..slice.len() {
            let length = slice.record(index).len();
            assert!(
                length <= RECORD_SIZE_MAX,
                "a record of {length} bytes does not fit a group; {RECORD_SIZE_MAX} do",
            );
            let record = RECORD_HEADER + length;
            let header = if is_open { 0 } else { SLICE_HEADER };
            if size + header + record > GROUP_SIZE_MAX {
                groups.push(Vec::new());
                size = empty;
                is_open = false;
            }
            let group = groups.last_mut().expect("the first record opens a group");
            if is_open {
                group.last_mut().expect("an open part").records.end += 1;
                size += record;
            } else {
                group.push(Part { slice, records: index..index + 1 });
                size += SLICE_HEADER + record;
                is_open = true;
            }
        }
    }
    groups
}

/// The body of a group.
pub fn encode(number: u64, parts: &[Part<'_>]) -> Vec<u8> {
    let bytes: usize = parts.iter().map(|part| part.slice.bytes.len()).sum();
    let mut body = Vec::with_capacity(GROUP_HEADER + bytes + parts.len() * 64);
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(&[0; 4]);
    let mut slices = 0_u32;
    let mut at = 0;
    while at < parts.len() {
        let run = parts[at..]
            .windows(2)
            .take_while(|pair| !pair[0].records.is_empty() && pair[0].is_continued_by(&pair[1]))
            .count();
        let run = &parts[at..=at + run];
        at += run.len();
        slices += 1;
        encode_slice(run, &mut body);
    }
    body[8..GROUP_HEADER].copy_from_slice(&slices.to_le_bytes());
    body
}

/// Parts that follow one another, as one slice.
fn encode_slice(parts: &[Part<'_>], body: &mut Vec<u8>) {
    let count: usize = parts.iter().map(|part| part.records.len()).sum();
    let (shard, epoch) = (parts[0].slice.shard, parts[0].slice.epoch);
    body.extend_from_slice(&shard.0.to_le_bytes());
    body.extend_from_slice(&epoch.to_le_bytes());
    body.extend_from_slice(&parts[0].first().0.to_le_bytes());
    body.extend_from_slice(&narrow(count).to_le_bytes());
    for part in parts {
        for index in part.records.clone() {
            let record = part.slice.record(index);
            body.extend_from_slice(&narrow(record.len()).to_le_bytes());
            body.extend_from_slice(record);
        }
    }
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("a group holds far fewer than 2^32 bytes")
}

/// What a group's parts are to the caller of `append`.
pub fn written(number: u64, parts: &[Part<'_>]) -> impl Iterator<Item = Written> {
    parts.iter().map(move |part| Written {
        shard: part.slice.shard,
        first: part.first(),
        count: narrow(part.records.len()),
        commit: number,
    })
}

/// A group whose bounds are checked.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Its number, from 1.
    pub number: u64,
    slices: u32,
    bytes: &'a [u8],
}

/// A slice of a [`Group`].
#[derive(Clone, Copy, Debug)]
pub struct GroupSlice<'a> {
    /// Whose.
    pub shard: ShardId,
    /// Under which claim.
    pub epoch: u64,
    /// The position of the first record.
    pub first: Seq,
    /// How many records.
    pub count: u32,
    bytes: &'a [u8],
}

impl<'a> Group<'a> {
    /// The slices, in the order written.
    pub fn slices(&self) -> impl Iterator<Item = GroupSlice<'a>> + use<'a> {
        let mut reader = Reader { bytes: self.bytes, at: 0 };
        (0..self.slices).map(move |_| reader.slice().expect("decode checked the bounds"))
    }
}

impl<'a> GroupSlice<'a> {
    /// The position after the last record.
    pub fn next(&self) -> Seq {
        Seq(self.first.0 + u64::from(self.count))
    }

    /// The records with their positions.
    pub fn records(&self) -> impl Iterator<Item = (Seq, &'a [u8])> + use<'a> {
        let mut reader = Reader { bytes: self.bytes, at: 0 };
        let first = self.first.0;
        (0..self.count).map(move |index| {
            let record = reader.record().expect("decode checked the bounds");
            (Seq(first + u64::from(index)), record)
        })
    }
}

/// Reads the body of a group.
pub fn decode(body: &[u8]) -> Result<Group<'_>, GroupError> {
    let mut reader = Reader { bytes: body, at: 0 };
    let number = u64::from_le_bytes(reader.array("number")?);
    let slices = u32::from_le_bytes(reader.array("number of slices")?);
    for _ in 0..slices {
        reader.slice()?;
    }
    match body.len() - reader.at {
        0 => Ok(Group { number, slices, bytes: &body[GROUP_HEADER..] }),
        left => Err(GroupError::Trailing { left }),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], GroupError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(GroupError::Short { part, at: self.at })?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], GroupError> {
        Ok(self.take(N, part)?.try_into().expect("as many bytes as asked for"))
    }

    fn record(&mut self) -> Result<&'a [u8], GroupError> {
        let length = u32::from_le_bytes(self.array("record")?);
        let too_long = GroupError::Short { part: "record", at: self.at };
        self.take(usize::try_from(length).map_err(|_| too_long)?, "record")
    }

    fn slice(&mut self) -> Result<GroupSlice<'a>, GroupError> {
        let shard = ShardId(u16::from_le_bytes(self.array("slice header")?));
        let epoch = u64::from_le_bytes(self.array("slice header")?);
        let first = u64::from_le_bytes(self.array("slice header")?);
        let count = u32::from_le_bytes(self.array("slice header")?);
        if first == 0 || first.checked_add(u64::from(count)).is_none() {
            return Err(GroupError::Position { first, count });
        }
        let start = self.at;
        for _ in 0..count {
            self.record()?;
        }
        let bytes = &self.bytes[start..self.at];
        Ok(GroupSlice { shard, epoch, first: Seq(first), count, bytes })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn slice(shard: u16, epoch: u64, first: u64, records: &[Vec<u8>]) -> Slice {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for record in records {
            bytes.extend_from_slice(record);
            ends.push(narrow(bytes.len()));
        }
        let (bytes, ends) = (Arc::new(bytes), Arc::new(ends));
        Slice { shard: ShardId(shard), epoch, first: Seq(first), bytes, ends }
    }

    /// Slices of three shards as a committer would hand them in.
    fn slices() -> impl Strategy<Value = Vec<Slice>> {
        let size = prop_oneof![8 => 0..300_usize, 1 => 0..RECORD_SIZE_MAX];
        let records = prop::collection::vec(size, 0..6);
        prop::collection::vec((0..3_u16, records), 0..12).prop_map(|plans| {
            let mut next = [1_u64; 3];
            let mut made = Vec::new();
            for (shard, sizes) in plans {
                let records: Vec<_> =
                    sizes.iter().map(|size| vec![size.to_le_bytes()[0]; *size]).collect();
                let first = &mut next[usize::from(shard)];
                made.push(slice(shard, 7, *first, &records));
                *first += records.len() as u64;
            }
            made
        })
    }

    #[test]
    fn neighbours_of_one_shard_become_one_slice() {
        let slices = [
            slice(1, 3, 10, &[vec![1], vec![2]]),
            slice(1, 3, 12, &[vec![3]]),
            slice(2, 3, 1, &[vec![4]]),
            slice(1, 3, 13, &[vec![5]]),
            slice(1, 4, 14, &[vec![6]]),
        ];
        let plan = plan(&slices);
        assert_eq!(plan.len(), 1);
        let body = encode(9, &plan[0]);
        let group = decode(&body).expect("just encoded");
        let found: Vec<_> =
            group.slices().map(|s| (s.shard.0, s.epoch, s.first.0, s.count)).collect();
        assert_eq!(found, [(1, 3, 10, 3), (2, 3, 1, 1), (1, 3, 13, 1), (1, 4, 14, 1)]);
        assert_eq!(written(9, &plan[0]).count(), 5);
    }

    #[test]
    fn claims_keep_their_empty_slices() {
        let slices = [slice(0, 1, 1, &[]), slice(0, 2, 1, &[]), slice(1, 1, 5, &[])];
        let parts: Vec<_> = slices.iter().map(|slice| Part { slice, records: 0..0 }).collect();
        let body = encode(1, &parts);
        let group = decode(&body).expect("just encoded");
        let found: Vec<_> = group.slices().map(|s| (s.shard.0, s.epoch, s.next().0)).collect();
        assert_eq!(found, [(0, 1, 1), (0, 2, 1), (1, 1, 5)]);
    }

    #[test]
    fn the_largest_record_fills_a_group() {
        let slices = [slice(0, 1, 1, &[vec![0], vec![1; RECORD_SIZE_MAX], vec![2]])];
        let plan = plan(&slices);
        let sizes: Vec<_> =
            plan.iter().map(|parts| encode(1, parts).len() + envelope::HEADER_LENGTH).collect();
        assert_eq!(plan.len(), 3);
        assert_eq!(sizes[1], GROUP_SIZE_MAX);
    }

    #[test]
    #[should_panic(expected = "does not fit a group")]
    fn a_larger_record_is_our_fault() {
        plan(&[slice(0, 1, 1, &[vec![1; RECORD_SIZE_MAX + 1]])]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn groups_hold_the_slices_in_order(slices in slices()) {
            let expected: Vec<_> = slices
                .iter()
                .flat_map(|s| (0..s.len()).map(move |i| {
                    (s.shard, Seq(s.first.0 + i as u64), s.record(i).to_vec())
                }))
                .collect();
            let mut found = Vec::new();
            for (index, parts) in plan(&slices).iter().enumerate() {
                let number = index as u64 + 1;
                let body = encode(number, parts);
                prop_assert!(body.len() + envelope::HEADER_LENGTH <= GROUP_SIZE_MAX);
                let group = decode(&body).expect("just encoded");
                prop_assert_eq!(group.number, number);
                let told: u32 = written(number, parts).map(|w| w.count).sum();
                let count: u32 = group.slices().map(|s| s.count).sum();
                prop_assert_eq!(told, count);
                for slice in group.slices() {
                    let shard = slice.shard;
                    found.extend(slice.records().map(|(seq, r)| (shard, seq, r.to_vec())));
                }
            }
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            if let Ok(group) = decode(&bytes) {
                group.slices().for_each(|slice| slice.records().for_each(drop));
            }
        }

        #[test]
        fn no_cut_and_no_flip_panics(slices in slices(), at in any::<usize>(), bit in 0..8_u8) {
            for parts in plan(&slices) {
                let mut body = encode(1, &parts);
                let at = at % body.len();
                prop_assert!(decode(&body[..at]).is_err());
                body[at] ^= 1_u8 << bit;
                if let Ok(group) = decode(&body) {
                    group.slices().for_each(|slice| slice.records().for_each(drop));
                }
            }
        }
    }
}
