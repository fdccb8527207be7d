//! Chunks: several records of a history, or several outcomes, under one key.
//!
//! A key per record would cost more in keys than in records, and one value per entity could not be
//! added to. So a save cuts what it is given, from the first on, into chunks that are filled
//! greedily. Where it cuts depends on nothing but the records, so when the same records are saved
//! again after a crash, then perhaps with more behind them, they come to the same keys.
//!
//! ```text
//! history chunk: (seq u64 LE | length u32 LE | bytes)*
//! outcome chunk: codec's Vec<(Position, Outcome)>
//! ```
//! Invariant: no chunk is empty, its positions strictly rise, and it holds more than its limit
//! only when it holds one thing.

use bursar_domain::id::{Position, Seq};
use bursar_domain::message::Outcome;

use crate::codec;

/// A history chunk is filled up to this many bytes.
pub(super) const HISTORY_SIZE: usize = 16 * 1024;
/// An outcome chunk is filled up to this many bytes.
pub(super) const OUTCOMES_SIZE: usize = 32 * 1024;

/// Cuts records into chunks: the first position and the body of each.
pub(super) fn history<'a>(records: impl Iterator<Item = (Seq, &'a [u8])>) -> Vec<(Seq, Vec<u8>)> {
    let mut chunks: Vec<(Seq, Vec<u8>)> = Vec::new();
    let mut last = Seq(0);
    for (seq, bytes) in records {
        assert!(seq > last, "history at {seq} after {last}");
        last = seq;
        let length = u32::try_from(bytes.len()).expect("a record is far smaller than 4 GiB");
        let size = 8 + 4 + bytes.len();
        let body = match chunks.last_mut() {
            Some((_, body)) if body.len() + size <= HISTORY_SIZE => body,
            _ => {
                chunks.push((seq, Vec::with_capacity(size)));
                &mut chunks.last_mut().expect("just pushed").1
            }
        };
        body.extend_from_slice(&seq.0.to_le_bytes());
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(bytes);
    }
    chunks
}

/// Reads a history chunk that is stored under its first position.
pub(super) fn read_history(first: Seq, body: &[u8]) -> Result<Vec<(Seq, &[u8])>, String> {
    let mut records: Vec<(Seq, &[u8])> = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let cut = || format!("the chunk ends within record {}", records.len());
        let (seq, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let (length, after) = after.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
        let (bytes, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let seq = Seq(u64::from_le_bytes(*seq));
        check_order(records.last().map(|record| record.0), seq, first)?;
        records.push((seq, bytes));
        rest = after;
    }
    if records.is_empty() { Err("the chunk is empty".to_owned()) } else { Ok(records) }
}

/// Cuts outcomes into chunks: the first position and the body of each.
pub(super) fn outcomes(outcomes: &[(Position, Outcome)]) -> Vec<(Position, Vec<u8>)> {
    let mut chunks: Vec<Vec<(Position, Outcome)>> = Vec::new();
    let mut size = 0;
    let mut last = None;
    for entry in outcomes {
        assert!(last < Some(entry.0), "an outcome at {:?} after {last:?}", entry.0);
        last = Some(entry.0);
        let added = codec::encode(entry).len();
        match chunks.last_mut() {
            Some(chunk) if size + added <= OUTCOMES_SIZE => {
                chunk.push(entry.clone());
                size += added;
            }
            _ => {
                chunks.push(vec![entry.clone()]);
                size = added;
            }
        }
    }
    chunks.iter().map(|chunk| (chunk[0].0, codec::encode(chunk))).collect()
}

/// Reads an outcome chunk that is stored under its first position.
pub(super) fn read_outcomes(
    first: Position,
    body: &[u8],
) -> Result<Vec<(Position, Outcome)>, String> {
    let outcomes: Vec<(Position, Outcome)> =
        codec::decode(body).map_err(|error| error.to_string())?;
    let mut last = None;
    for (position, _) in &outcomes {
        check_order(last, *position, first)?;
        last = Some(*position);
    }
    if outcomes.is_empty() { Err("the chunk is empty".to_owned()) } else { Ok(outcomes) }
}

fn check_order<P: Copy + Ord + std::fmt::Debug>(
    last: Option<P>,
    here: P,
    first: P,
) -> Result<(), String> {
    match last {
        None if here != first => Err(format!("the chunk begins with {here:?} and not {first:?}")),
        Some(last) if here <= last => Err(format!("the chunk has {here:?} after {last:?}")),
        None | Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(records: &[(Seq, Vec<u8>)]) -> Vec<(Seq, Vec<u8>)> {
        history(records.iter().map(|(seq, bytes)| (*seq, bytes.as_slice())))
    }

    #[test]
    fn more_records_behind_change_no_key() {
        let records: Vec<_> = (1..200)
            .map(|n| (Seq(n * 3), vec![7; usize::try_from(n).expect("small") * 5]))
            .collect();
        let all = cut(&records);
        assert!(all.len() > 3);
        for count in 1..records.len() {
            let fewer = cut(&records[..count]);
            let (last, before) = fewer.split_last().expect("not empty");
            assert_eq!(before, &all[..before.len()]);
            let same = &all[before.len()];
            assert_eq!(last.0, same.0);
            assert!(same.1.starts_with(&last.1));
        }
        let read: Vec<_> = all
            .iter()
            .flat_map(|(first, body)| read_history(*first, body).expect("just made"))
            .map(|(seq, bytes)| (seq, bytes.to_vec()))
            .collect();
        assert_eq!(read, records);
    }

    #[test]
    fn a_chunk_that_is_not_one_is_told() {
        let records = [(Seq(5), vec![1; 10]), (Seq(9), vec![2; 10])];
        let (_, body) = cut(&records).remove(0);
        assert!(read_history(Seq(5), &body).is_ok());
        assert!(read_history(Seq(4), &body).is_err());
        assert!(read_history(Seq(5), &[]).is_err());
        for length in 1..body.len() {
            let is_boundary = length == 8 + 4 + 10;
            assert_eq!(read_history(Seq(5), &body[..length]).is_ok(), is_boundary, "{length}");
        }
    }

    #[test]
    fn the_layout_is_fixed() {
        let chunks = cut(&[(Seq(0x0102), vec![7, 8, 9]), (Seq(0x0103), vec![])]);
        let body = b"\x02\x01\0\0\0\0\0\0\x03\0\0\0\x07\x08\x09\x03\x01\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(chunks, [(Seq(0x0102), body.to_vec())]);
    }

    #[test]
    fn a_large_record_has_its_own_chunk() {
        let chunks =
            cut(&[(Seq(1), vec![0; 10]), (Seq(2), vec![0; 90_000]), (Seq(3), vec![0; 10])]);
        let firsts: Vec<_> = chunks.iter().map(|chunk| chunk.0.0).collect();
        assert_eq!(firsts, [1, 2, 3]);
    }
}
