//! Which index entries are on disk, in four bytes each: so that most questions need no disk.
//!
//! Nearly every key that a client sends is new. Without this, each of them would cost a look-up on
//! disk as soon as its entity has older keys there; that took a hot wallet from 1.2 to 0.85 of the
//! speed of many (measured in `benches/README.md`). A print is the low 32 bits of a slot's hash: a
//! print that is not here proves that the entry is not on disk, one that is here proves nothing.
//!
//! Prints are not saved. An entity read from disk with entries there is `Partial` until its entries
//! have been listed once, and until then the disk is asked.
//!
//! Invariant: when complete, the prints of all entries on disk are here.

/// What is known of the entries on disk.
#[derive(Clone, Debug, Default)]
#[allow(clippy::box_collection, reason = "most entities have none, and there are millions")]
pub enum Spilled {
    /// There are none.
    #[default]
    Nothing,
    /// There are some; these are not all of them.
    Partial(Box<Vec<u32>>),
    /// These are all, sorted.
    Complete(Box<Vec<u32>>),
}

#[allow(clippy::cast_possible_truncation, reason = "a print is the low part of a hash")]
fn print(slot: u128) -> u32 {
    slot as u32
}

impl Spilled {
    /// Something is on disk, and nothing is known of it.
    pub fn unknown() -> Self {
        Self::Partial(Box::default())
    }

    /// Whether there is anything on disk.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether the entries on disk have yet to be listed.
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::Partial(_))
    }

    /// Whether an entry may be on disk.
    pub fn may_have(&self, slot: u128) -> bool {
        match self {
            Self::Nothing => false,
            Self::Partial(_) => true,
            Self::Complete(prints) => prints.binary_search(&print(slot)).is_ok(),
        }
    }

    /// These entries are on disk.
    pub fn add(&mut self, slots: impl Iterator<Item = u128>) {
        match self {
            Self::Nothing => {
                let mut prints: Vec<u32> = slots.map(print).collect();
                prints.sort_unstable();
                *self = Self::Complete(Box::new(prints));
            }
            Self::Partial(prints) => prints.extend(slots.map(print)),
            Self::Complete(prints) => {
                let mut new: Vec<u32> = slots.map(print).collect();
                new.sort_unstable();
                **prints = merge(prints, &new);
            }
        }
    }

    /// All entries on disk have been added.
    pub fn complete(&mut self) {
        if let Self::Partial(prints) = self {
            let mut prints = std::mem::take(&mut **prints);
            prints.sort_unstable();
            prints.dedup();
            *self = Self::Complete(Box::new(prints));
        }
    }
}

/// Two sorted lists as one.
fn merge(old: &[u32], new: &[u32]) -> Vec<u32> {
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut old = old.iter().copied().peekable();
    for print in new {
        while let Some(smaller) = old.next_if(|old| old <= print) {
            merged.push(smaller);
        }
        merged.push(*print);
    }
    merged.extend(old);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(numbers: std::ops::Range<u64>) -> impl Iterator<Item = u128> {
        numbers.map(|n| xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes()))
    }

    #[test]
    fn what_is_on_disk_is_never_denied() {
        let mut spilled = Spilled::default();
        assert!(slots(0..9).all(|slot| !spilled.may_have(slot)));
        for step in 0..20 {
            spilled.add(slots(step * 50..(step + 1) * 50));
            assert!(slots(0..(step + 1) * 50).all(|slot| spilled.may_have(slot)));
        }
        let wrong = slots(1_000..51_000).filter(|slot| spilled.may_have(*slot)).count();
        assert!(wrong < 10, "{wrong} of 50,000 would ask the disk in vain");
    }

    #[test]
    fn until_all_are_listed_the_disk_is_asked() {
        let mut spilled = Spilled::unknown();
        spilled.add(slots(0..10));
        assert!(slots(10..20).all(|slot| spilled.may_have(slot)));
        spilled.add(slots(5..15));
        spilled.complete();
        assert!(slots(0..15).all(|slot| spilled.may_have(slot)));
        assert!(slots(15..20).all(|slot| !spilled.may_have(slot)));
    }
}
