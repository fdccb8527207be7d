//! Who waits for the outside world: what a start reads of it, against what the snapshots say.
//!
//! After a crash nobody reminds a saga of its call or of its next attempt, so the archive keeps a
//! list of those that wait, and a start wakes them. An entity that waits and does not stand there
//! would never go on; one that stands there and no longer waits is woken in vain, which is harmless.
//!
//! An entity with records after its snapshot is woken because of these, and a save that a crash cut
//! off may have written its entry already; so of such an entity nothing is asked here.

use std::collections::BTreeMap;

use bursar_domain::id::{EntityId, Kind};
use bursar_snapshots::store::{Archive, Result};

use super::faults::Faults;

/// The list of those that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<EntityId, Entry>);

#[derive(Debug)]
struct Entry {
    /// Milliseconds since the epoch; 0 for the answer to a call.
    until: i64,
    is_known: bool,
}

impl Waiting {
    /// Reads the list.
    pub(super) fn read(archive: &dyn Archive, faults: &mut Faults) -> Result<Self> {
        let mut waiting = Self::default();
        for (id, until) in faults.take(archive.waiting())?.unwrap_or_default() {
            match id.kind {
                Kind::Saga | Kind::Compensation => {
                    waiting.0.insert(id, Entry { until, is_known: false });
                }
                Kind::Wallet | Kind::Provider | Kind::Deal => {
                    let what = "it stands among those that wait; its kind never waits";
                    faults.wrong(id, what);
                }
            }
        }
        Ok(waiting)
    }

    /// An entity exists.
    pub(super) fn exists(&mut self, id: &EntityId) {
        if let Some(entry) = self.0.get_mut(id) {
            entry.is_known = true;
        }
    }

    /// An entity waits, by its snapshot, which is the last that is known of it.
    pub(super) fn check(&self, id: &EntityId, until: i64, faults: &mut Faults) {
        let text = |millis: i64| match millis {
            0 => "for an answer".to_owned(),
            millis => format!("until {millis} ms"),
        };
        match self.0.get(id) {
            None => {
                let what = format!(
                    "it waits {}, but does not stand among those that wait: after a start nobody \
                     would wake it",
                    text(until)
                );
                faults.wrong(format_args!("{id}, snapshot"), what);
            }
            Some(entry) if entry.until != until => {
                let what = format!(
                    "it waits {}; among those that wait it stands as waiting {}",
                    text(until),
                    text(entry.until)
                );
                faults.wrong(format_args!("{id}, snapshot"), what);
            }
            Some(_) => {}
        }
    }

    /// All entities have been given.
    pub(super) fn judge(&self, faults: &mut Faults) {
        for (id, _) in self.0.iter().filter(|(_, entry)| !entry.is_known) {
            faults.wrong(id, "it stands among those that wait, but there is no such entity");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_there_and_cannot_wait_is_named() {
        let saga = EntityId::saga("inv_1_tower");
        let entry = || Entry { until: 0, is_known: false };
        let mut waiting = Waiting([(saga.clone(), entry())].into());
        let mut faults = Faults::default();
        waiting.judge(&mut faults);
        assert!(faults.kept()[0].what.contains("there is no such entity"), "{faults:?}");
        waiting.exists(&saga);
        let mut faults = Faults::default();
        waiting.judge(&mut faults);
        assert_eq!(faults.count_wrong(), 0);
    }
}
