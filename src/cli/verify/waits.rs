//! Who waits for the outside world: what a start reads of it, against what the snapshots say.
//!
//! After a crash nobody reminds a saga of its call or of its next attempt, so the archive keeps a
//! list of those that wait, and an index of it by time, from which they are woken. An entity that
//! waits and does not stand in both would never go on; one that stands in the list and no longer
//! waits is woken in vain, which is harmless. The index must say what the list says, no more and no
//! less.
//!
//! An entity with records after its snapshot is woken because of these, and a save that a crash cut
//! off may have written its entries already; so of such an entity nothing is asked here.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::id::{EntityId, Kind};
use bursar_snapshots::store::{Archive, Awaited, Due, Result, Waits};

use super::faults::Faults;

/// The list of those that wait, and what the index says beyond it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    entries: BTreeMap<EntityId, Entry>,
    /// What stands in the index and not in the list.
    astray: BTreeMap<EntityId, Vec<Due>>,
    shards: u16,
}

#[derive(Debug, Default)]
struct Entry {
    waits: Waits,
    is_awaited_indexed: bool,
    is_listed_indexed: bool,
    is_known: bool,
}

impl Waiting {
    /// Reads the list and the index.
    pub(super) fn read(archive: &dyn Archive, shards: u16, faults: &mut Faults) -> Result<Self> {
        let mut waiting = Self { shards, ..Self::default() };
        let visited = archive.waiting(&mut |id, waits| {
            waiting.add(id, waits, faults);
            Ok(())
        });
        faults.take(visited)?;
        let visited = archive.due(&mut |due| {
            waiting.index(due);
            Ok(())
        });
        faults.take(visited)?;
        Ok(waiting)
    }

    fn add(&mut self, id: EntityId, waits: Waits, faults: &mut Faults) {
        match id.kind {
            Kind::Saga
            | Kind::Compensation
            | Kind::Provider
            | Kind::Advance
            | Kind::Run
            | Kind::Schedule => {
                self.entries.insert(id, Entry { waits, ..Entry::default() });
            }
            Kind::Wallet | Kind::Deal | Kind::Campaign | Kind::Statement => {
                let what = "it stands among those that wait; its kind never waits";
                faults.wrong(id, what);
            }
        }
    }

    fn index(&mut self, due: Due) {
        let (Due::Timer { entity, .. } | Due::Listed { entity, .. } | Due::Answer(entity)) = &due;
        let entity = entity.clone();
        if let Some(entry) = self.entries.get_mut(&entity) {
            let Waits { awaits, listed } = entry.waits;
            let (is_indexed, is_so) = match &due {
                Due::Timer { shard, at, .. } => {
                    let is_here = *shard == entity.shard(self.shards);
                    let is_so = is_here && awaits == Awaited::Instant(*at);
                    (&mut entry.is_awaited_indexed, is_so)
                }
                Due::Listed { number, .. } => {
                    (&mut entry.is_listed_indexed, listed == Some(*number))
                }
                Due::Answer(_) => (&mut entry.is_awaited_indexed, awaits == Awaited::Answer),
            };
            if is_so {
                *is_indexed = true;
                return;
            }
        }
        self.astray.entry(entity).or_default().push(due);
    }

    /// An entity exists.
    pub(super) fn exists(&mut self, id: &EntityId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.is_known = true;
        }
    }

    /// The last that is known of an entity is its snapshot, which says what it waits for: until
    /// when, in milliseconds since the epoch, 0 for an answer; and where it is listed.
    pub(super) fn check(
        &mut self,
        id: &EntityId,
        until: Option<i64>,
        listed: Option<i64>,
        faults: &mut Faults,
    ) {
        let awaits = until.map_or(Awaited::Nothing, |millis| match millis {
            0 => Awaited::Answer,
            millis => Awaited::Instant(millis),
        });
        let waits = Waits { awaits, listed };
        for due in self.astray.remove(id).unwrap_or_default() {
            let what = format!("the index of those that wait has {due:?}, which is not so");
            faults.wrong(id, what);
        }
        match self.entries.get(id) {
            _ if waits == Waits::NO => {}
            None => {
                let what = format!(
                    "it {}, but does not stand among those that wait: after a start nobody would \
                     wake it",
                    text(waits)
                );
                faults.wrong(format_args!("{id}, snapshot"), what);
            }
            Some(entry) if entry.waits != waits => {
                let what = format!(
                    "it {}; among those that wait it stands as one that {}",
                    text(waits),
                    text(entry.waits)
                );
                faults.wrong(format_args!("{id}, snapshot"), what);
            }
            Some(entry) => {
                let is_awaited = entry.is_awaited_indexed || awaits == Awaited::Nothing;
                let is_listed = entry.is_listed_indexed || listed.is_none();
                if !(is_awaited && is_listed) {
                    let what = format!(
                        "it {}, but the index of those that wait does not have it: nobody would \
                         find it",
                        text(waits)
                    );
                    faults.wrong(format_args!("{id}, snapshot"), what);
                }
            }
        }
    }

    /// An entity has records after its snapshot: a save may have been cut off.
    pub(super) fn excuse(&mut self, id: &EntityId) {
        self.astray.remove(id);
    }

    /// All entities have been given.
    pub(super) fn judge(&self, faults: &mut Faults) {
        let unknown = self.entries.iter().filter(|(_, entry)| !entry.is_known).map(|(id, _)| id);
        for id in unknown.chain(self.astray.keys()).collect::<BTreeSet<_>>() {
            faults.wrong(id, "it stands among those that wait, but there is no such entity");
        }
    }
}

fn text(waits: Waits) -> String {
    let awaits = match waits.awaits {
        Awaited::Nothing => "waits for nothing".to_owned(),
        Awaited::Answer => "waits for an answer".to_owned(),
        Awaited::Instant(millis) => format!("waits until {millis} ms"),
    };
    match waits.listed {
        Some(number) => format!("{awaits} and is listed under {number}"),
        None => awaits,
    }
}

#[cfg(test)]
mod tests {
    use bursar_domain::id::ShardId;

    use super::*;

    const SHARDS: u16 = 4;

    fn saga() -> EntityId {
        EntityId::saga("inv_1_tower")
    }

    /// What is told of a saga that waits for an instant and is listed, by a list and an index.
    fn told(waits: Option<Waits>, index: &[Due]) -> Vec<String> {
        let mut waiting = Waiting { shards: SHARDS, ..Waiting::default() };
        let mut faults = Faults::default();
        if let Some(waits) = waits {
            waiting.add(saga(), waits, &mut faults);
        }
        for due in index {
            waiting.index(due.clone());
        }
        waiting.exists(&saga());
        waiting.check(&saga(), Some(7), Some(-3), &mut faults);
        waiting.judge(&mut faults);
        faults.kept().iter().map(|fault| fault.what.clone()).collect()
    }

    fn right() -> (Waits, Due, Due) {
        let timer = Due::Timer { shard: saga().shard(SHARDS), at: 7, entity: saga() };
        (Waits::until(7).listed(-3), timer, Due::Listed { number: -3, entity: saga() })
    }

    #[test]
    fn list_and_index_must_say_the_same() {
        let (waits, timer, listed) = right();
        let good = [timer.clone(), listed.clone()];
        assert_eq!(told(Some(waits), &good), [""; 0]);
        let has = |told: Vec<String>, parts: &[&str]| {
            assert_eq!(told.len(), parts.len(), "{told:?}");
            for (told, part) in told.iter().zip(parts) {
                assert!(told.contains(part), "{told} / {part}");
            }
        };
        let not_found = "listed under -3, but the index of those that wait does not have it";
        has(told(Some(waits), std::slice::from_ref(&timer)), &[not_found]);
        has(told(Some(waits), std::slice::from_ref(&listed)), &[not_found]);
        let other = ShardId((saga().shard(SHARDS).0 + 1) % SHARDS);
        for wrong in [
            Due::Timer { shard: saga().shard(SHARDS), at: 8, entity: saga() },
            Due::Timer { shard: other, at: 7, entity: saga() },
            Due::Listed { number: 3, entity: saga() },
            Due::Answer(saga()),
        ] {
            let index = [timer.clone(), listed.clone(), wrong];
            has(told(Some(waits), &index), &["which is not so"]);
        }
        has(told(Some(Waits::until(7)), &[timer]), &["it stands as one that waits until 7 ms"]);
        has(told(None, &[]), &["does not stand among those that wait"]);
    }

    #[test]
    fn after_a_crash_the_index_may_say_more() {
        let (waits, timer, _) = right();
        let mut waiting = Waiting { shards: SHARDS, ..Waiting::default() };
        let mut faults = Faults::default();
        waiting.add(saga(), waits, &mut faults);
        waiting.index(timer);
        waiting.index(Due::Answer(saga()));
        waiting.exists(&saga());
        waiting.excuse(&saga());
        waiting.judge(&mut faults);
        assert_eq!(faults.count_wrong(), 0);
    }

    #[test]
    fn who_stands_there_and_cannot_wait_is_named() {
        let mut waiting = Waiting { shards: SHARDS, ..Waiting::default() };
        let mut faults = Faults::default();
        waiting.add(saga(), Waits::ANSWER, &mut faults);
        waiting.judge(&mut faults);
        assert!(faults.kept()[0].what.contains("there is no such entity"), "{faults:?}");
        waiting.exists(&saga());
        let mut faults = Faults::default();
        waiting.judge(&mut faults);
        assert_eq!(faults.count_wrong(), 0);
        waiting.index(Due::Answer(EntityId::saga("inv_2_tower")));
        waiting.judge(&mut faults);
        assert_eq!(faults.count_wrong(), 1);
    }
}
