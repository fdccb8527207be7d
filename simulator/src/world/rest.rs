//! The end of a run: faults stop, and everything has to come to rest. Then all is compared.
//!
//! Liveness is a phase of its own: the machine is whole, third parties answer, clients send again
//! what was not answered. Within a bounded time every request is answered, no message is on its
//! way, no saga is unfinished. Then a picture is taken, the machine crashes once more, and another
//! one is taken: both have to be right.
//!
//! Invariant: nothing is asked of the system here that a client or an operator could not ask.

use std::collections::{BTreeMap, BTreeSet};

use bursar_actors::books::{Books, Line};
use bursar_actors::job::{Answer, Ask};
use bursar_actors::shard::messages::{Report, ToShard};
use bursar_actors::shard::work::{Quiet, ShardWork};
use bursar_actors::storage::decode_record;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::record::Record;
use tokio::sync::oneshot;

use super::World;
use super::heap::Event;
use crate::facts::Picture;
use crate::facts::picture::SagaState;
use crate::lens;

/// How long the system may take to come to rest, in virtual microseconds: a hundred days.
const REST_US: u64 = 100 * 86_400_000_000;

/// How much of a history is read at a time.
const PAGE_BYTES: usize = 1 << 20;

impl World<'_> {
    /// Faults stop; everything comes to rest, and is compared.
    pub(super) fn come_to_rest(&mut self) {
        if self.is_wrong() {
            return;
        }
        self.trace.step(self.now_us, "rest", &[]);
        self.mend();
        self.parties.calm(self.clock.true_ms(), |_| false);
        self.clerk.calm();
        self.heap.put(self.now_us, Event::Start);
        let Some(before) = self.settled() else { return };
        self.compare(&before);
        if self.is_wrong() {
            return;
        }
        self.crash(1);
        let Some(after) = self.settled() else { return };
        self.compare(&after);
        self.compare_pictures(&before, &after);
    }

    fn compare(&mut self, picture: &Picture) {
        let found = self.model.audit(picture);
        self.faults.extend(found);
    }

    /// A crash at rest takes nothing away: what was recorded and told before is there after it, and
    /// what came since comes after it.
    fn compare_pictures(&mut self, before: &Picture, after: &Picture) {
        if self.is_wrong() {
            return;
        }
        let mut later = after.records.iter();
        let lost = before.records.iter().find(|record| !later.any(|other| other == *record));
        if let Some(lost) = lost {
            self.faults.push(format!("a crash at rest lost or changed {lost:?}"));
        }
        let told = before.outcomes.iter().zip(&after.outcomes).find(|(one, other)| one != other);
        if let Some((before, after)) = told {
            self.faults.push(format!("a crash at rest made {after:?} of {before:?}"));
        }
        if before.outcomes.len() > after.outcomes.len() {
            self.faults.push("a crash at rest lost outcomes".to_owned());
        }
    }

    /// Lets everything come to rest, and takes the picture.
    fn settled(&mut self) -> Option<Picture> {
        let end_us = self.now_us + REST_US;
        let mut step_us = 200_000;
        while self.now_us < end_us {
            for place in self.clients.rest() {
                self.send_at(self.now_us + 1, place);
            }
            self.go_on_until(self.now_us + step_us);
            if self.is_wrong() {
                return None;
            }
            if self.clients.is_done() && self.is_quiet() {
                let Some(picture) = self.picture() else {
                    if self.is_wrong() {
                        return None;
                    }
                    continue;
                };
                let ends = |saga: &&crate::facts::picture::Saga| match saga.state {
                    SagaState::Running | SagaState::Undoing => false,
                    SagaState::Done | SagaState::Failed | SagaState::Cancelled => true,
                };
                if picture.sagas.iter().all(|saga| ends(&saga)) {
                    return Some(picture);
                }
            }
            step_us = (step_us * 2).min(86_400_000_000);
        }
        self.hangs();
        None
    }

    fn cut(&self) -> Vec<Seq> {
        self.node.as_ref().map(crate::node::Node::cut).unwrap_or_default()
    }

    fn hangs(&mut self) {
        let open = self.clients.rest();
        let planned = |place: &usize| self.scenario.plan.planned[*place].describe();
        let open: Vec<String> = open.iter().take(5).map(planned).collect();
        let picture = self.picture().unwrap_or_default();
        let sagas = picture.sagas.iter().filter(|saga| match saga.state {
            SagaState::Running | SagaState::Undoing => true,
            SagaState::Done | SagaState::Failed | SagaState::Cancelled => false,
        });
        let sagas: Vec<String> = sagas.take(5).map(|saga| format!("{saga:?}")).collect();
        let work = self.work();
        self.faults.push(format!(
            "it does not come to rest in {} days: not answered {open:?}; not finished {sagas:?}; \
             work {work:?}",
            REST_US / 86_400_000_000
        ));
    }

    fn work(&mut self) -> Vec<ShardWork> {
        self.ask_shards(|sender| ToShard::Report(Report::Work(sender))).unwrap_or_default()
    }

    fn is_quiet(&mut self) -> bool {
        let mut quiet = Quiet::default();
        (0..3).any(|_| {
            let work = self.work();
            !work.is_empty() && quiet.look(&work)
        })
    }

    /// Asks every shard, and lets things happen until all have answered.
    fn ask_shards<T>(&mut self, ask: impl Fn(oneshot::Sender<T>) -> ToShard) -> Option<Vec<T>> {
        let node = self.node.as_ref()?;
        let mut receivers = Vec::new();
        for shard in 0..node.shards() {
            let (sender, receiver) = oneshot::channel();
            node.tell(shard, ask(sender));
            receivers.push(receiver);
        }
        let mut answers = Vec::new();
        for receiver in receivers {
            answers.push(self.wait_for(receiver)?);
        }
        Some(answers)
    }

    /// Lets things happen until an answer has come.
    fn wait_for<T>(&mut self, mut receiver: oneshot::Receiver<T>) -> Option<T> {
        for _ in 0..1_000_000 {
            if let Ok(answer) = receiver.try_recv() {
                return Some(answer);
            }
            if self.is_wrong() {
                return None;
            }
            let is_due = self.heap.next_us().is_some_and(|at| at <= self.now_us);
            if is_due || !self.turn() {
                let next = self.heap.next_us().unwrap_or(self.now_us);
                self.go_on_until(next);
            }
        }
        self.faults.push("a question of the operator is not answered".to_owned());
        None
    }

    /// Everything as it is on disk and in memory, at rest. `None` when something is wrong, or when
    /// someone's time came meanwhile: then it is not a picture of one moment.
    fn picture(&mut self) -> Option<Picture> {
        let cut = self.cut();
        self.ask_shards(ToShard::Checkpoint)?;
        self.follow();
        let books = self.ask_shards(|sender| ToShard::Report(Report::Books(sender)))?;
        let records = self.records()?;
        self.no_gaps(&cut, &records);
        if self.is_wrong() || self.cut() != cut {
            return None;
        }
        let sums = sums(&books);
        let rows = records.iter().map(|(shard, seq, record)| (*shard, *seq, record));
        let mut picture = lens::picture(rows, &sums, &mut |entity, ask| self.ask_now(entity, ask));
        if self.is_wrong() {
            return None;
        }
        picture.outcomes = self.all_outcomes();
        self.parties.advance(self.clock.true_ms());
        picture.entries = lens::entries(self.parties.ledger());
        picture.papers = lens::papers(self.parties.papers());
        picture.letters = lens::letters(self.parties.letters());
        (self.cut() == cut).then_some(picture)
    }

    /// After a checkpoint, history has every decision that was durable before it.
    fn no_gaps(&mut self, cut: &[Seq], records: &[(ShardId, Seq, Record)]) {
        let mut missing: Vec<BTreeSet<u64>> =
            cut.iter().map(|last| (1..=last.0).collect()).collect();
        for (shard, seq, _) in records {
            missing[usize::from(shard.0)].remove(&seq.0);
        }
        for (shard, missing) in missing.iter().enumerate().filter(|(_, one)| !one.is_empty()) {
            let last = cut[shard];
            self.faults.push(format!(
                "after a checkpoint at rest, history has no {missing:?} of shard {shard}, which was \
                 durable up to {last}"
            ));
        }
    }

    fn ask_now(&mut self, entity: EntityId, ask: Ask) -> Answer {
        loop {
            let node = self.node.as_ref().expect("at rest the process runs");
            if let Ok(receiver) = node.ask(entity.clone(), ask_again(&ask)) {
                let answer = self.wait_for(receiver);
                return answer
                    .unwrap_or_else(|| panic!("no picture of {entity}: {:?}", self.faults));
            }
            let next = self.heap.next_us().unwrap_or(self.now_us);
            self.go_on_until(next);
        }
    }

    fn records(&mut self) -> Option<Vec<(ShardId, Seq, Record)>> {
        let node = self.node.as_ref()?;
        let shards = self.scenario.settings.shards;
        let mut records = Vec::new();
        for kind in Kind::ALL {
            let mut after: Option<(EntityId, Seq)> = None;
            loop {
                let from = after.as_ref().map(|(entity, seq)| (entity, *seq));
                let count = records.len();
                let mut last = None;
                let read =
                    node.archive.histories(kind, from, PAGE_BYTES, &mut |entity, seq, bytes| {
                        records.push((
                            entity.shard(shards),
                            seq,
                            decode_record(entity, seq, bytes)?,
                        ));
                        last = Some((entity.clone(), seq));
                        Ok(())
                    });
                if let Err(error) = read {
                    self.faults.push(format!("history cannot be read: {error}"));
                    return None;
                }
                if records.len() == count {
                    break;
                }
                after = last;
            }
        }
        Some(records)
    }

    fn all_outcomes(&self) -> Vec<crate::facts::Outcome> {
        let node = self.node.as_ref().expect("at rest the process runs");
        let all = node.archive.outcomes_after(bursar_domain::id::Position::default(), usize::MAX);
        let all = all.expect("a disk that is whole is read");
        all.iter().map(|(position, outcome)| lens::outcome(*position, outcome)).collect()
    }
}

/// The picture only asks how someone stands.
fn ask_again(ask: &Ask) -> Ask {
    match ask {
        Ask::Inspect => Ask::Inspect,
        Ask::Summary => Ask::Summary,
        Ask::Payment(seq) => Ask::Payment(*seq),
        Ask::Investment(seq) => Ask::Investment(*seq),
        Ask::Rewards { before, limit } => Ask::Rewards { before: *before, limit: *limit },
        Ask::Following { after, limit } => Ask::Following { after: *after, limit: *limit },
        Ask::Recent { before, limit } => Ask::Recent { before: *before, limit: *limit },
        Ask::Decide { .. } => unreachable!("a picture changes nothing"),
    }
}

fn sums(books: &[Books]) -> BTreeMap<Currency, Line> {
    let mut sums: BTreeMap<Currency, Line> = BTreeMap::new();
    for (currency, line) in books.iter().flat_map(|books| &books.lines) {
        sums.entry(*currency).or_default().merge(line);
    }
    sums
}
