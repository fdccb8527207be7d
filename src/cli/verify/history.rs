//! An entity's whole history, oldest first, in pages.
//!
//! The archive gives records newest first, as feeds want them; a fold needs them oldest first. So a
//! first pass goes back to the beginning and notes only where each page ends, and a second one
//! reads the pages again from there. Histories of one page, which are nearly all, are read once; a
//! provider with a million payments costs a page of memory and two readings.

use bursar_domain::id::{EntityId, Seq};
use bursar_snapshots::store::{Archive, Result};

/// Records a page.
const PAGE: usize = 1_024;

/// Gives every record to `visit`.
pub(super) fn each(
    archive: &dyn Archive,
    id: &EntityId,
    visit: &mut dyn FnMut(Seq, &[u8]) -> Result<()>,
) -> Result<()> {
    each_by(archive, id, PAGE, visit)
}

fn each_by(
    archive: &dyn Archive,
    id: &EntityId,
    page_size: usize,
    visit: &mut dyn FnMut(Seq, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut visit_page = |page: Vec<(Seq, Vec<u8>)>| {
        page.iter().rev().try_for_each(|(seq, bytes)| visit(*seq, bytes))
    };
    let mut befores = Vec::new();
    let mut before = Seq(u64::MAX);
    let oldest = loop {
        let page = archive.records_before(id, before, page_size)?;
        match page.last() {
            Some((first, _)) if page.len() >= page_size => {
                befores.push(before);
                before = *first;
            }
            Some(_) | None => break page,
        }
    };
    visit_page(oldest)?;
    for before in befores.into_iter().rev() {
        visit_page(archive.records_before(id, before, page_size)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bursar_domain::id::{ShardId, WalletId};
    use bursar_snapshots::memory::MemoryStore;
    use bursar_snapshots::store::{RecordBytes, Saved, Slice, Snapshot};

    use super::*;

    #[test]
    fn every_record_is_given_once_and_in_order() {
        let (_journal, archive) = MemoryStore::new(1).open().expect("opened");
        let id = EntityId::wallet(&WalletId::parse("w").expect("well-formed"));
        let bytes = Arc::new((0..100).collect::<Vec<u8>>());
        let slice = Slice {
            shard: ShardId(0),
            epoch: 1,
            first: Seq(1),
            bytes,
            ends: Arc::new((1..=100).collect()),
        };
        let record =
            |index| (Seq(3 * index as u64 + 1), RecordBytes { slice: slice.clone(), index });
        for count in [0, 1, 6, 7, 8, 14, 100] {
            let saved = Saved {
                entity: id.clone(),
                snapshot: Snapshot { covers: Seq(0), state: Vec::new() },
                records: (0..count).map(record).collect(),
                index: Vec::new(),
                waits: None,
            };
            archive.save(&[saved]).expect("saved");
            let mut found = Vec::new();
            let mut visit = |seq: Seq, bytes: &[u8]| {
                assert_eq!(u64::from(bytes[0]) * 3 + 1, seq.0);
                found.push(seq.0);
                Ok(())
            };
            each_by(&*archive, &id, 7, &mut visit).expect("read");
            assert_eq!(found, (0..count as u64).map(|n| n * 3 + 1).collect::<Vec<_>>());
        }
    }
}
