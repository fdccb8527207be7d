//! What a job has to know before it is decided, and fetching it.
//!
//! Four things can be missing: the record of an earlier request with the same key, a payment that
//! is to be refunded, another entity (who is paid, who invests). Records come from the tail when they are there, from disk when
//! they are not. An answer from disk is only as good as the index in memory was complete: when
//! entries were dropped from memory after the question was asked, it is asked again.

use std::sync::Arc;

use bursar_domain::id::Seq;
use bursar_domain::key::{Key, Known};
use bursar_domain::record::Record;

use super::kinds::{Need, fill_neighbour, fill_payment, fill_values, forget_payment};
use super::{Host, Hosted};
use crate::job::{Ask, Job};
use crate::shard::core::{ShardCore, Wanted};
use crate::view::Neighbour;

/// A record with its position.
pub(super) type Placed = (Seq, Arc<Record>);

/// How far a question to the disk is. `spills` is how often the index had dropped entries when the
/// question was asked.
#[derive(Debug)]
enum Fetch<T> {
    Not,
    Asked { spills: u32 },
    Here { spills: u32, value: T },
}

/// A job in line.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) job: Job,
    ticket: Option<u32>,
    earlier: Fetch<Option<Placed>>,
    payment: Fetch<()>,
    /// The payment's record, when memory has it and only what was refunded of it is on disk.
    paid: Option<Arc<Record>>,
    neighbour_asked: bool,
    /// Slots of the index beside the keys, whose values are filled into the command.
    values: Fetch<()>,
}

impl Waiting {
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            ticket: None,
            earlier: Fetch::Not,
            payment: Fetch::Not,
            paid: None,
            neighbour_asked: false,
            values: Fetch::Not,
        }
    }

    pub(super) fn is(&self, ticket: u32) -> bool {
        self.ticket == Some(ticket)
    }

    /// The disk has answered the one open question of this job.
    pub(super) fn found_record(&mut self, record: Option<Placed>, refunded: Option<u64>) {
        if let Fetch::Asked { spills } = self.earlier {
            self.earlier = Fetch::Here { spills, value: record };
        } else if let Fetch::Asked { spills } = self.payment {
            let record = self.paid.take().or(record.map(|(_, record)| record));
            if let Ask::Decide { command, .. } = &mut self.job.ask {
                fill_payment(command, record.as_deref(), refunded);
            }
            self.payment = Fetch::Here { spills, value: () };
        }
    }

    /// The disk has said which of the slots it has.
    pub(super) fn found_values(&mut self, values: Vec<(u128, u64)>) {
        let Fetch::Asked { spills } = self.values else { return };
        if let Ask::Decide { command, .. } = &mut self.job.ask {
            fill_values(command, values);
        }
        self.values = Fetch::Here { spills, value: () };
    }

    /// The other entity's shard has answered.
    pub(super) fn found_neighbour(&mut self, neighbour: Option<Neighbour>) {
        if let Ask::Decide { command, .. } = &mut self.job.ask {
            fill_neighbour(command, neighbour);
        }
    }

    /// The earlier record that the disk found.
    pub(super) fn earlier(&mut self) -> Option<Placed> {
        match &mut self.earlier {
            Fetch::Here { value, .. } => value.take(),
            Fetch::Not | Fetch::Asked { .. } => None,
        }
    }

    /// What this job waits for.
    pub(super) fn in_words(&self) -> Option<String> {
        if matches!(self.earlier, Fetch::Asked { .. }) {
            Some("an earlier request with the same key, on disk".to_owned())
        } else if matches!(self.payment, Fetch::Asked { .. }) {
            Some("a payment, on disk".to_owned())
        } else if matches!(self.values, Fetch::Asked { .. }) {
            Some("earlier lines with the same ids, on disk".to_owned())
        } else if self.neighbour_asked {
            Some("another entity's shard".to_owned())
        } else {
            None
        }
    }
}

/// Whether a job can be decided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ready {
    Yes,
    NotYet,
}

impl<E: Hosted> Host<E> {
    /// Asks for what a job has to know. True when nothing is missing.
    pub(super) fn fetch(&mut self, waiting: &mut Waiting, core: &mut ShardCore) -> bool {
        if !self.machine().entity().exists() {
            return true;
        }
        let Ask::Decide { command, key, .. } = &waiting.job.ask else { return true };
        let need = E::command(command).and_then(E::need);
        let key = key.clone();
        if let Some(key) = key
            && self.fetch_earlier(&key, waiting, core) == Ready::NotYet
        {
            return false;
        }
        if self.fetch_values(waiting, core) == Ready::NotYet {
            return false;
        }
        match need {
            None => true,
            Some(Need::Neighbour(entity)) => {
                if waiting.neighbour_asked {
                    return false;
                }
                if let Some(neighbour) = core.neighbour(&entity) {
                    waiting.found_neighbour(Some(neighbour));
                    return true;
                }
                let ticket = self.ticket(waiting);
                core.ask_neighbour(&entity, &self.id, ticket);
                waiting.neighbour_asked = true;
                false
            }
            Some(Need::Payment(seq)) => self.fetch_payment(seq, waiting, core) == Ready::Yes,
        }
    }

    fn fetch_earlier(&mut self, key: &Key, waiting: &mut Waiting, core: &ShardCore) -> Ready {
        let spills = self.machine().keys().spills();
        let known = self.machine().find(key);
        match &waiting.earlier {
            Fetch::Asked { .. } => return Ready::NotYet,
            // Good until entries leave memory, or the key is decided again: a refund's is, when
            // its money arrives.
            Fetch::Here { spills: asked, value } if *asked == spills => {
                let found = value.as_ref().map(|(seq, _)| Known::Value(seq.0));
                if known == Known::AskDisk || found == Some(known) {
                    return Ready::Yes;
                }
            }
            Fetch::Here { .. } | Fetch::Not => {}
        }
        if matches!(waiting.payment, Fetch::Asked { .. }) {
            // One question at a time, or its answer would be taken for the payment's.
            return Ready::NotYet;
        }
        let wanted = match known {
            Known::Never => return Ready::Yes,
            Known::Value(seq) if core.tail.record(Seq(seq)).is_some() => return Ready::Yes,
            Known::Value(seq) => Wanted::Record(Seq(seq)),
            Known::AskDisk => Wanted::KeyRecord(key.slot()),
        };
        let ticket = self.ticket(waiting);
        core.ports.look_up(&self.id, ticket, wanted);
        waiting.earlier = Fetch::Asked { spills };
        Ready::NotYet
    }

    /// Asks for the slots that memory does not know. What the disk said is good until entries leave
    /// memory: those would be in neither.
    fn fetch_values(&mut self, waiting: &mut Waiting, core: &ShardCore) -> Ready {
        let spills = self.side_spills();
        match waiting.values {
            Fetch::Asked { .. } => return Ready::NotYet,
            Fetch::Here { spills: asked, .. } if asked == spills => return Ready::Yes,
            Fetch::Here { .. } | Fetch::Not => {}
        }
        let Ask::Decide { command, .. } = &waiting.job.ask else { return Ready::Yes };
        let Some(command) = E::command(command) else { return Ready::Yes };
        let slots = self.machine().entity().unknown_slots(command);
        if slots.is_empty() {
            return Ready::Yes;
        }
        let machine = self.machine.as_mut().expect("asked after the entity was loaded");
        let (kind, _) = machine.entity_mut().side_index().expect("slots are of an index");
        let ticket = self.ticket(waiting);
        core.ports.look_up(&self.id, ticket, Wanted::Values(kind, slots.into()));
        waiting.values = Fetch::Asked { spills };
        Ready::NotYet
    }

    fn fetch_payment(&mut self, seq: Seq, waiting: &mut Waiting, core: &ShardCore) -> Ready {
        if matches!(waiting.payment, Fetch::Asked { .. }) {
            return Ready::NotYet;
        }
        let refunded = E::refunded(self.machine().entity(), seq);
        let own = self.unsaved.binary_search(&seq).is_ok();
        let record = if own { core.tail.record(seq) } else { None };
        if let (Some(record), Known::Value(_) | Known::Never) = (&record, refunded) {
            if let Ask::Decide { command, .. } = &mut waiting.job.ask {
                fill_payment(command, Some(record), None);
            }
            // Nothing was refunded, as far as memory knows: until entries leave memory.
            waiting.payment = Fetch::Here { spills: self.side_spills(), value: () };
            return Ready::Yes;
        }
        waiting.paid = record.map(Arc::new);
        let ticket = self.ticket(waiting);
        core.ports.look_up(&self.id, ticket, Wanted::Payment(seq, u128::from(seq.0)));
        waiting.payment = Fetch::Asked { spills: self.side_spills() };
        Ready::NotYet
    }

    /// Forgets what the disk said of a payment when it may have been overtaken.
    pub(super) fn refresh_payment(&mut self, waiting: &mut Waiting) {
        let Fetch::Here { spills, .. } = waiting.payment else { return };
        if spills == self.side_spills() {
            return;
        }
        waiting.payment = Fetch::Not;
        if let Ask::Decide { command, .. } = &mut waiting.job.ask {
            forget_payment(command);
        }
    }

    fn side_spills(&mut self) -> u32 {
        let machine = self.machine.as_mut().expect("asked after the entity was loaded");
        machine.entity_mut().side_index().map_or(0, |(_, index)| index.spills())
    }

    fn ticket(&mut self, waiting: &mut Waiting) -> u32 {
        *waiting.ticket.get_or_insert_with(|| {
            let busy = self.busy();
            busy.next_ticket = busy.next_ticket.wrapping_add(1);
            busy.next_ticket
        })
    }
}
