//! Loading an entity, saving it at a checkpoint, letting it go when idle.
//!
//! An entity is its snapshot and the records after it. A save takes the state, the unsaved records
//! and the index entries that may leave memory, in one turn; they leave memory only when the save
//! is on disk. An entity retires only with nothing unsaved, nothing waiting and an empty mailbox. Who
//! waits for an instant may retire: its timer is on disk with it, and its shard wakes it.

use bursar_domain::entity::Wake;
use bursar_domain::id::Seq;
use bursar_domain::machine::Machine;
use bursar_domain::planted::{self, Bug};
use bursar_snapshots::codec;
use bursar_snapshots::store::{IndexKind, RecordBytes, Saved, Snapshot};

use super::{Host, Hosted};
use crate::shard::core::{SLOTS_PAGE, ShardCore, Wanted};
use crate::view::View;

/// What a save on its way has taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saving {
    wanted: bool,
    keys: usize,
    side: usize,
    records: usize,
}

impl<E: Hosted> Host<E> {
    /// The snapshot has been read: brings it up to date with what recovery found after it.
    pub(super) fn loaded(&mut self, snapshot: Option<Snapshot>, core: &mut ShardCore) {
        assert!(self.machine.is_none(), "{} is loaded once", self.id);
        let covers = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.covers);
        let mut machine: Machine<E> = match snapshot {
            Some(snapshot) => codec::decode(&snapshot.state)
                .unwrap_or_else(|error| panic!("the snapshot of {}: {error}", self.id)),
            None => Machine::default(),
        };
        assert_eq!(machine.last(), covers, "{}: the snapshot covers what it says", self.id);
        for seq in core.recovered.remove(&self.id).unwrap_or_default() {
            self.slot.dirty.set(true);
            if seq > covers {
                let record = core.tail.record(seq).expect("the tail has what was recovered");
                machine.apply(&record, seq);
                self.unsaved.push(seq);
            }
        }
        self.machine = Some(Box::new(machine));
        if let Some(seen) = self.seen() {
            let view = View::new(self.id.clone());
            core.publish_loaded(&view, seen);
            self.view = Some(view);
        }
        let was_woken = self.busy.as_mut().is_some_and(|busy| std::mem::take(&mut busy.woken));
        self.wake(Wake::Resumed, core);
        if was_woken {
            self.wake(Wake::Due, core);
        }
        if self.machine().keys().spilled().is_partial() {
            self.list(IndexKind::Key, None, core);
        } else {
            self.list_side(core);
        }
        let Some(busy) = self.busy.as_mut() else { return };
        let messages = std::mem::take(&mut busy.messages);
        let mut queue = std::mem::take(&mut busy.queue);
        for message in &messages {
            self.receive(message, core);
        }
        for waiting in &mut queue {
            self.fetch(waiting, core);
        }
        self.busy().queue = queue;
    }

    /// Asks which entries are on disk, so that new ones can be told from them without asking.
    fn list(&mut self, kind: IndexKind, after: Option<u128>, core: &ShardCore) {
        self.busy().listing = true;
        core.ports.look_up(&self.id, 0, Wanted::Slots(kind, after));
    }

    /// The same of the index beside the keys, for a kind that asks for nearly all of it.
    fn list_side(&mut self, core: &ShardCore) {
        let machine = self.machine.as_mut().expect("listed after the entity was loaded");
        let side = machine.entity_mut().side_index();
        let partial = side.filter(|(_, index)| E::LISTS_SIDE && index.spilled().is_partial());
        if let Some((kind, _)) = partial {
            self.list(kind, None, core);
        }
    }

    /// Some of the entries on disk are known.
    pub(super) fn listed(&mut self, kind: IndexKind, slots: &[u128], core: &ShardCore) {
        let machine = self.machine.as_mut().expect("listed after the entity was loaded");
        let spilled = match kind {
            IndexKind::Key => machine.keys_mut().spilled_mut(),
            IndexKind::Refunded | IndexKind::Left | IndexKind::Activity => {
                let (_, side) = machine.entity_mut().side_index().expect("it was asked for");
                side.spilled_mut()
            }
        };
        spilled.add(slots.iter().copied());
        if slots.len() == SLOTS_PAGE {
            return self.list(kind, slots.last().copied(), core);
        }
        spilled.complete();
        self.busy().listing = false;
        if kind == IndexKind::Key {
            self.list_side(core);
        }
    }

    /// Takes what a checkpoint must write. `None` while the entity is still being read; then it is
    /// given as soon as it has been ([`Host::save_if_wanted`]).
    pub fn save(&mut self, core: &mut ShardCore) -> Option<Saved> {
        if self.machine.is_none() {
            self.busy().saving = Some(Saving { wanted: true, ..Saving::default() });
            return None;
        }
        core.flush();
        let mut saving = Saving { wanted: false, ..Saving::default() };
        let mut index = Vec::new();
        let machine = self.machine.as_mut().expect("just looked");
        let overflow = machine.keys().overflow();
        saving.keys = overflow.len();
        if !planted::is(Bug::KeyLostAtCheckpoint) {
            index.extend(overflow.iter().map(|(slot, value)| (IndexKind::Key, *slot, *value)));
        }
        let state = codec::encode(&**machine);
        if let Some((kind, side)) = machine.entity_mut().side_index() {
            saving.side = side.overflow().len();
            index.extend(side.overflow().iter().map(|(slot, value)| (kind, *slot, *value)));
        }
        saving.records = self.unsaved.len();
        let find = |seq: &Seq| -> (Seq, RecordBytes) {
            (*seq, core.tail.find(*seq).expect("unsaved records are in the tail"))
        };
        let records = self.unsaved.iter().map(find).collect();
        let snapshot = Snapshot { covers: self.machine().last(), state };
        self.busy().saving = Some(saving);
        let waits = self.waits();
        Some(Saved { entity: self.id.clone(), snapshot, records, index, waits })
    }

    /// Gives what a checkpoint asked for while the entity was being read.
    pub fn save_if_wanted(&mut self, core: &mut ShardCore) -> Option<Saved> {
        let saving = self.busy.as_ref()?.saving?;
        (saving.wanted && self.machine.is_some()).then(|| self.save(core)).flatten()
    }

    /// The save is on disk: what it took can leave memory.
    pub fn saved(&mut self, core: &mut ShardCore) {
        let Some(saving) = self.busy.as_mut().and_then(|busy| busy.saving.take()) else { return };
        let machine = self.machine.as_mut().expect("saved after the entity was loaded");
        machine.keys_mut().forget(saving.keys);
        if let Some((_, side)) = machine.entity_mut().side_index() {
            side.forget(saving.side);
        }
        self.unsaved.drain(..saving.records);
        if self.unsaved.is_empty() {
            self.unsaved = Vec::new();
            self.slot.dirty.set(false);
        } else if !planted::is(Bug::DirtyForgotten) {
            core.dirty.push(self.id.clone());
        }
        self.rest();
    }

    /// Whether the entity may stop now; then it is no longer shown, and the next message to it
    /// starts it anew.
    pub fn retire(&mut self, core: &mut ShardCore) -> bool {
        let idle = self.machine.as_ref().is_some_and(|machine| machine.last() <= core.durable_to())
            && self.busy.is_none()
            && !self.awaits_answer()
            && self.unsaved.is_empty()
            && !self.slot.dirty.get()
            && self.slot.inbox.get() == 0;
        if idle {
            self.slot.gone.set(true);
            core.retire(&self.id);
        }
        idle
    }

    /// Whether there is no such entity and nothing waits for it: then it need not stay.
    pub fn is_nobody(&self) -> bool {
        self.busy.is_none()
            && self.machine.as_ref().is_some_and(|machine| !machine.entity().exists())
    }
}
