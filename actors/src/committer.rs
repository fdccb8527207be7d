//! The committer: one thread that makes records durable.
//!
//! It takes all that waits, from every shard, writes it in one append, and tells each shard how far
//! it is durable. It never waits to gather more: while it syncs, the next ones gather by themselves.
//! Outcomes are published here, because only here is the order of commits known.
//!
//! [`Committer`] is the plain struct; [`spawn`] runs it on its thread.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bursar_domain::id::{Position, Seq, ShardId};
use bursar_domain::message::Outcome;
use bursar_snapshots::store::{Journal, Result, Slice, Written};

use crate::fatal::OnFatal;
use crate::metrics::Metrics;
use crate::outcomes::OutcomeLog;
use crate::shard::core::Handed;

/// How many outcomes may be unsaved before a save is asked for. A save is synced with the commits
/// that follow it: 65,536 at a time made one commit in a thousand wait for 75 ms.
const UNSAVED_OUTCOMES_MAX: usize = 8_192;

/// Makes records durable.
pub struct Committer {
    journal: Box<dyn Journal>,
    outcomes: Arc<OutcomeLog>,
    metrics: Metrics,
}

/// What a commit made durable.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    /// The last durable position of each shard that had records.
    pub durable: Vec<(ShardId, Seq)>,
    /// Whether outcomes should be saved soon.
    pub save_outcomes: bool,
}

impl Committed {
    /// By the first shard of each thread, `leads` having it for each shard: one message per thread.
    pub fn by_thread(&self, leads: &[usize]) -> Vec<(usize, Vec<(ShardId, Seq)>)> {
        let mut by_lead: Vec<(usize, Vec<(ShardId, Seq)>)> = Vec::new();
        for (shard, seq) in &self.durable {
            let lead = leads[usize::from(shard.0)];
            match by_lead.iter_mut().find(|(other, _)| *other == lead) {
                Some((_, durable)) => durable.push((*shard, *seq)),
                None => by_lead.push((lead, vec![(*shard, *seq)])),
            }
        }
        by_lead
    }
}

impl Committer {
    /// A committer that owns the journal.
    pub fn new(journal: Box<dyn Journal>, outcomes: Arc<OutcomeLog>, metrics: Metrics) -> Self {
        Self { journal, outcomes, metrics }
    }

    /// Writes and syncs all of it; then, and only then, publishes its outcomes.
    pub fn commit(&mut self, handed: Vec<Handed>) -> Result<Committed> {
        let began = Instant::now();
        let (slices, outcomes): (Vec<Slice>, Vec<Vec<(u32, Outcome)>>) =
            handed.into_iter().map(|handed| (handed.slice, handed.outcomes)).unzip();
        let written = self.journal.append(&slices)?;
        self.metrics.sync_seconds.observe(began.elapsed().as_secs_f64());
        self.count(&slices, &written);
        let placed = place(&slices, outcomes, &written);
        self.metrics.outcomes.inc_by(placed.len() as u64);
        let unsaved = self.outcomes.publish(placed);
        let mut durable: Vec<(ShardId, Seq)> = Vec::new();
        for slice in &slices {
            let last = Seq(slice.next().0 - 1);
            match durable.iter_mut().find(|(shard, _)| *shard == slice.shard) {
                Some((_, seq)) => *seq = last,
                None => durable.push((slice.shard, last)),
            }
        }
        Ok(Committed { durable, save_outcomes: unsaved > UNSAVED_OUTCOMES_MAX })
    }

    fn count(&self, slices: &[Slice], written: &[Written]) {
        let mut groups: Vec<u64> = written.iter().map(|written| written.commit).collect();
        groups.dedup();
        let bytes: usize = slices.iter().map(|slice| slice.bytes.len()).sum();
        let records: usize = slices.iter().map(Slice::len).sum();
        self.metrics.groups.inc_by(groups.len() as u64);
        self.metrics.bytes.inc_by(bytes as u64);
        self.metrics.records.inc_by(records as u64);
    }

    /// Lets the journal go before these positions.
    pub fn trim(&mut self, keep_from: &[(ShardId, Seq)]) -> Result<()> {
        self.journal.trim(keep_from)
    }
}

/// Gives each outcome its position: the commit of its record, counted within the commit.
fn place(
    slices: &[Slice],
    outcomes: Vec<Vec<(u32, Outcome)>>,
    written: &[Written],
) -> Vec<(Position, Outcome)> {
    let mut placed = Vec::with_capacity(outcomes.iter().map(Vec::len).sum());
    let mut next = Position::default();
    let mut parts = written.iter().peekable();
    for (slice, outcomes) in slices.iter().zip(outcomes) {
        let mut outcomes = outcomes.into_iter().peekable();
        while let Some(part) = parts.next_if(|part| {
            part.shard == slice.shard && part.first >= slice.first && part.first < slice.next()
        }) {
            if part.commit != next.commit {
                next = Position { commit: part.commit, index: 0 };
            }
            let end = part.first.0 + u64::from(part.count) - slice.first.0;
            while let Some((_, outcome)) = outcomes.next_if(|(index, _)| u64::from(*index) < end) {
                placed.push((next, outcome));
                next.index += 1;
            }
        }
        assert!(outcomes.next().is_none(), "every record that was handed over was written");
    }
    assert!(parts.next().is_none(), "nothing was written that was not handed over");
    placed
}

/// What waits for the committer.
#[derive(Debug, Default)]
struct Inbox {
    handed: Vec<Handed>,
    trims: Vec<(ShardId, Seq)>,
    stop: bool,
    /// Whether the committer sleeps; only then does it have to be woken, which is a system call.
    sleeping: bool,
}

/// Records to write, and how far the journal may go.
type Work = (Vec<Handed>, Vec<(ShardId, Seq)>);

/// The way to the committer's thread.
#[derive(Clone, Debug, Default)]
pub struct CommitterHandle(Arc<(Mutex<Inbox>, Condvar)>);

impl CommitterHandle {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lock();
        put(&mut inbox);
        let wake = std::mem::take(&mut inbox.sleeping);
        drop(inbox);
        if wake {
            self.0.1.notify_one();
        }
    }

    /// Hands records over.
    pub fn commit(&self, handed: Vec<Handed>) {
        self.put(|inbox| inbox.handed.extend(handed));
    }

    /// Lets the journal of a shard go before a position.
    pub fn trim(&self, shard: ShardId, keep_from: Seq) {
        self.put(|inbox| inbox.trims.push((shard, keep_from)));
    }

    /// Ends the thread once nothing waits.
    pub fn stop(&self) {
        self.put(|inbox| inbox.stop = true);
    }

    /// Waits for work. `None` when there is none and the end was asked for.
    fn take(&self) -> Option<Work> {
        let mut inbox = self.lock();
        while inbox.handed.is_empty() && inbox.trims.is_empty() {
            if inbox.stop {
                return None;
            }
            inbox.sleeping = true;
            inbox = self.0.1.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        Some((std::mem::take(&mut inbox.handed), std::mem::take(&mut inbox.trims)))
    }
}

/// Runs the committer on its own thread. `tell` is called after each commit.
pub fn spawn(
    mut committer: Committer,
    handle: CommitterHandle,
    tell: impl Fn(&Committed) + Send + 'static,
    on_fatal: OnFatal,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("committer".to_owned()).spawn(move || {
        while let Some((handed, trims)) = handle.take() {
            if !handed.is_empty() {
                match committer.commit(handed) {
                    Ok(committed) => tell(&committed),
                    Err(error) => return on_fatal.end(&error),
                }
            }
            if !trims.is_empty()
                && let Err(error) = committer.trim(&trims)
            {
                return on_fatal.end(&error);
            }
        }
    })
}
