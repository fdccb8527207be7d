//! The index beside the keys, where a kind has one: what it says against what the records came to.
//!
//! A wallet remembers what was refunded of each payment, a deal how each investment left its line
//! without a place. The newest entries are in the snapshot, older ones on disk. Either place must
//! have the value that the records covered by the snapshot come to, or one that a save wrote which
//! a crash cut off. The activities of a provider have their own check.

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Seq};
use bursar_domain::key::{Index, Known};
use bursar_snapshots::store::{Archive, IndexKind, Result};

use super::faults::Faults;

/// How many slots are listed at a time.
const PAGE: usize = 4_096;

/// For each slot: after which record it had which value, ascending.
pub(super) type Values = BTreeMap<Seq, Vec<(Seq, u64)>>;

/// An index as the records make it, and as a snapshot has it.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) kind: IndexKind,
    /// What a slot is the position of.
    pub(super) of: &'static str,
    /// What a value says.
    pub(super) says: &'static str,
    pub(super) values: &'a Values,
    pub(super) saved: Option<&'a Index>,
}

/// Which entity, and up to where its snapshot goes.
pub(super) type Covered<'a> = (&'a EntityId, Seq);

impl Side<'_> {
    /// Compares all values.
    pub(super) fn check(
        &self,
        archive: &dyn Archive,
        (id, covers): Covered<'_>,
        faults: &mut Faults,
    ) -> Result<()> {
        for (slot, values) in self.values {
            let number = u128::from(slot.0);
            let found = match self.saved.map(|index| index.get(number)) {
                Some(Known::Value(value)) => Some(value),
                Some(Known::Never) => None,
                Some(Known::AskDisk) | None => archive.index(id, self.kind, number)?,
            };
            self.compare((id, covers), (*slot, values), found, faults);
        }
        match self.kind {
            IndexKind::Left => self.check_slots(archive, id, faults),
            // There are millions of wallets, and a listing of each is a read.
            IndexKind::Key | IndexKind::Refunded | IndexKind::Activity => Ok(()),
        }
    }

    fn compare(
        &self,
        (id, covers): Covered<'_>,
        (slot, values): (Seq, &[(Seq, u64)]),
        found: Option<u64>,
        faults: &mut Faults,
    ) {
        let (covered, newer) = values.split_at(values.partition_point(|(seq, _)| *seq <= covers));
        let expected = covered.last().map(|(_, value)| *value);
        if found != expected && !newer.iter().any(|(_, value)| found == Some(*value)) {
            let text = |value: Option<u64>| value.map_or("nothing".to_owned(), |v| v.to_string());
            let what = format!(
                "the index has {} {}; the records come to {}",
                text(found),
                self.says,
                text(expected)
            );
            faults.wrong(format_args!("{id}, {} {slot}", self.of), what);
        }
    }

    /// Nothing is on disk that no record made.
    fn check_slots(&self, archive: &dyn Archive, id: &EntityId, faults: &mut Faults) -> Result<()> {
        each_slot(archive, (id, self.kind), &mut |slot| {
            let seq = u64::try_from(slot).ok().map(Seq);
            if seq.is_none_or(|seq| !self.values.contains_key(&seq)) {
                let what = "the index has it, and no record says so";
                faults.wrong(format_args!("{id}, {} {slot}", self.of), what);
            }
        })
    }
}

/// Gives every slot of an entity's index that is on disk to `visit`.
pub(super) fn each_slot(
    archive: &dyn Archive,
    (id, kind): (&EntityId, IndexKind),
    visit: &mut dyn FnMut(u128),
) -> Result<()> {
    let mut after = None;
    loop {
        let slots = archive.index_slots(id, kind, after, PAGE)?;
        for slot in &slots {
            visit(*slot);
        }
        match slots.last() {
            Some(last) if slots.len() >= PAGE => after = Some(*last),
            Some(_) | None => return Ok(()),
        }
    }
}
