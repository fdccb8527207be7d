//! Every idempotency key of an entity leads to its record.
//!
//! A key is found in the index within the snapshot, else in the archive's; both together must give
//! the position of the record that has the key. There is one exception: a refund is decided twice
//! under one key, when it is asked for and when its money arrives, and then the arrival counts.
//!
//! Records after the snapshot are in no index yet (the next start puts them there), but their keys
//! must be new. A save that a crash cut off may have written index entries of such records; then
//! these must be right too. No key may lead to two records in any other way.

use std::collections::HashMap;

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::key::{Index, Key, Known};
use bursar_snapshots::store::{Archive, IndexKind, Result};

use super::ledger::Entry;

/// What a record is to its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// It decided what was asked under the key.
    Decision,
    /// It asked for a refund, whose arrival takes the key over.
    RefundRequest,
    /// The money of the refund that this record asked for arrived.
    RefundArrival(Seq),
}

/// The keys of one entity.
pub(super) struct Keys<'a> {
    archive: &'a dyn Archive,
    id: &'a EntityId,
    saved: Option<&'a Index>,
    covers: Seq,
    /// Keys of the records after the snapshot.
    newer: HashMap<u128, Seq>,
    /// Requests whose keys lead on to another record.
    led_on: HashMap<Seq, Seq>,
}

impl<'a> Keys<'a> {
    /// The keys of an entity whose snapshot covers records up to a position.
    pub(super) fn new(
        archive: &'a dyn Archive,
        id: &'a EntityId,
        saved: Option<&'a Index>,
        covers: Seq,
    ) -> Self {
        Self { archive, id, saved, covers, newer: HashMap::new(), led_on: HashMap::new() }
    }

    fn find(&self, slot: u128) -> Result<Option<Seq>> {
        match self.saved.map(|index| index.get(slot)) {
            Some(Known::Value(seq)) => Ok(Some(Seq(seq))),
            Some(Known::Never) => Ok(None),
            Some(Known::AskDisk) | None => {
                Ok(self.archive.index(self.id, IndexKind::Key, slot)?.map(Seq))
            }
        }
    }

    /// A record with a key.
    pub(super) fn add(&mut self, key: &Key, role: Role, entry: &mut Entry<'_>) -> Result<()> {
        let seq = entry.place.seq;
        let found = self.find(key.slot())?;
        let text = &key.text;
        let is_newer = seq > self.covers;
        if is_newer {
            let before = self.newer.insert(key.slot(), seq);
            if let Some(before) = before.filter(|before| role != Role::RefundArrival(*before)) {
                entry.wrong(format!("its key {text:?} was used before, at {before}"));
            }
        }
        if let Role::RefundArrival(request) = role
            && let Some(to) = self.led_on.remove(&request)
            && to != seq
        {
            entry.wrong(format!("its key {text:?} leads to {to}, which is another record"));
        }
        match found {
            Some(found) if found == seq => {}
            None if is_newer => {}
            None => entry.wrong(format!("its key {text:?} is in no index")),
            Some(found) if role == Role::RefundRequest && found > seq => {
                self.led_on.insert(seq, found);
            }
            Some(found) if is_newer && role == Role::RefundArrival(found) => {}
            Some(found) if is_newer => {
                entry.wrong(format!("its key {text:?} was used before, at {found}"));
            }
            Some(found) => {
                entry.wrong(format!("its key {text:?} leads to {found}, which is another record"));
            }
        }
        Ok(())
    }

    /// All records have been given: requests whose keys led on to records that are no arrival.
    pub(super) fn astray(&self) -> Vec<String> {
        let mut astray: Vec<_> = self.led_on.iter().collect();
        astray.sort_unstable();
        let tell = |(seq, to): (&Seq, &Seq)| {
            format!("the key of refund {seq} leads to {to}, which is not its arrival")
        };
        astray.into_iter().map(tell).collect()
    }
}
