//! The records of one entity in order, from memory and from disk as one.
//!
//! The newest records are in memory until a checkpoint moves them to the history on disk. Memory is
//! asked first and says from where on it has them; only what stands before that is read from disk,
//! so nothing is missed or shown twice while a checkpoint is at work.
//!
//! Records are read a piece at a time. Most are small, but one can hold a thousand activities; so a
//! piece grows while they are light and shrinks when they are heavy, and neither a shard nor the
//! storage thread is held up for long.

use bursar_actors::job::{Answer, Ask};
use bursar_actors::storage::decode_record;
use bursar_actors::view::Seen;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::provider::Event;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement;

use crate::http::State;
use crate::http::problem::Problem;

/// How many records are read at a time at the most.
const PIECE_MAX: usize = 1_000;
/// A piece with fewer lines is light, and the next one is larger.
const LIGHT: usize = 2_000;
/// A piece with more lines is heavy, and the next one is smaller.
const HEAVY: usize = 8_000;

/// How many records are read next.
fn next_piece(piece: usize, read: &[(Seq, Record)]) -> usize {
    match read.iter().map(|(_, record)| lines_in(record)).sum::<usize>() {
        0..LIGHT => (piece * 2).min(PIECE_MAX),
        LIGHT..=HEAVY => piece,
        _ => (piece / 2).max(1),
    }
}

fn lines_in(record: &Record) -> usize {
    if let Verdict::Statement(events) = &record.verdict {
        return events.iter().map(lines_of_statement).sum();
    }
    let Verdict::Provider(events) = &record.verdict else { return 1 };
    let lines = events.iter().map(|event| match event {
        Event::Activities(noted) => noted.lines.len(),
        Event::Registered(_)
        | Event::Received(_)
        | Event::RefundSent(_)
        | Event::PeriodBegan(_)
        | Event::PeriodClosed(_)
        | Event::CarriedOver(_)
        | Event::Reimbursed(_)
        | Event::Returned(_)
        | Event::ReceivedSettled(_)
        | Event::SettlementChanged { .. } => 1,
    });
    lines.sum()
}

fn lines_of_statement(event: &statement::Event) -> usize {
    match event {
        statement::Event::Taken(taken) => taken.entries.len(),
        statement::Event::Drawn(drawn) => drawn.draws.len(),
        statement::Event::Heard(_) => 1,
    }
}

/// What memory has of an entity's records, and how the entity stands with them.
struct Unsaved {
    seen: Option<Seen>,
    records: Vec<(Seq, Record)>,
    history_before: Seq,
}

async fn ask(state: &State, entity: &EntityId, ask: Ask) -> Result<Unsaved, Problem> {
    match state.ask(entity.clone(), ask).await? {
        Answer::Recent { seen, records, history_before } => {
            Ok(Unsaved { seen, records, history_before })
        }
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Decided { .. }
        | Answer::Rejected(_)
        | Answer::Summary(_)
        | Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Judged(_)
        | Answer::Known(_)
        | Answer::Rewards(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

/// One record of an entity.
pub(crate) async fn record(
    state: &State,
    entity: &EntityId,
    seq: Seq,
) -> Result<Option<Record>, Problem> {
    let before = Seq(seq.0.saturating_add(1));
    let unsaved = ask(state, entity, Ask::Recent { before, limit: 1 }).await?;
    if let Some((_, record)) = unsaved.records.into_iter().find(|(found, _)| *found == seq) {
        return Ok(Some(record));
    }
    let entity = entity.clone();
    let read = state.engine.read(move |archive| {
        let bytes = archive.record(&entity, seq)?;
        bytes.map(|bytes| decode_record(&entity, seq, &bytes)).transpose()
    });
    Ok(read.await?)
}

/// An entity's records, newest first.
pub(crate) struct Backwards {
    entity: EntityId,
    /// How the entity stood when the newest of them were asked for.
    pub(crate) seen: Seen,
    /// Those before this one come next.
    before: Seq,
    /// Everything before this one is on disk.
    history_before: Seq,
    unsaved: Vec<(Seq, Record)>,
    piece: usize,
}

impl Backwards {
    /// Those before a position, `piece` of them at first; `None` when there is no such entity.
    pub(crate) async fn begin(
        state: &State,
        entity: &EntityId,
        before: Seq,
        piece: usize,
    ) -> Result<Option<Self>, Problem> {
        let unsaved = ask(state, entity, Ask::Recent { before, limit: piece }).await?;
        let Some(seen) = unsaved.seen else { return Ok(None) };
        let entity = entity.clone();
        let history_before = unsaved.history_before;
        let mut walk = Self { entity, seen, before, history_before, unsaved: Vec::new(), piece };
        walk.take(unsaved.records, history_before);
        Ok(Some(walk))
    }

    fn take(&mut self, records: Vec<(Seq, Record)>, history_before: Seq) {
        self.history_before = history_before;
        if records.is_empty() {
            self.before = self.before.min(history_before);
        }
        self.unsaved = records;
    }

    /// The next ones; none at the end.
    pub(crate) async fn next(&mut self, state: &State) -> Result<Vec<(Seq, Record)>, Problem> {
        if self.unsaved.is_empty() && self.before > self.history_before {
            let question = Ask::Recent { before: self.before, limit: self.piece };
            let unsaved = ask(state, &self.entity, question).await?;
            self.take(unsaved.records, unsaved.history_before);
        }
        let records = match std::mem::take(&mut self.unsaved) {
            unsaved if unsaved.is_empty() => self.stored(state).await?,
            unsaved => unsaved,
        };
        if let Some((last, _)) = records.last() {
            self.before = *last;
            self.piece = next_piece(self.piece, &records);
        }
        Ok(records)
    }

    async fn stored(&self, state: &State) -> Result<Vec<(Seq, Record)>, Problem> {
        let (entity, before, piece) = (self.entity.clone(), self.before, self.piece);
        let read = state.engine.read(move |archive| {
            let records = archive.records_before(&entity, before, piece)?;
            let decoded =
                |(seq, bytes): &(Seq, Vec<u8>)| Ok((*seq, decode_record(&entity, *seq, bytes)?));
            records.iter().map(decoded).collect()
        });
        Ok(read.await?)
    }
}

/// An entity's records, oldest first.
pub(crate) struct Forwards {
    entity: EntityId,
    /// How the entity stood when the last of them were asked for.
    pub(crate) seen: Seen,
    /// Those after this one come next.
    after: Seq,
    /// Everything before this one is on disk.
    history_before: Seq,
    unsaved: Vec<(Seq, Record)>,
    /// Whether there are more unsaved ones than were given.
    more_unsaved: bool,
    piece: usize,
}

impl Forwards {
    /// Those after a position, `piece` of them at first; `None` when there is no such entity.
    pub(crate) async fn begin(
        state: &State,
        entity: &EntityId,
        after: Seq,
        piece: usize,
    ) -> Result<Option<Self>, Problem> {
        let unsaved = ask(state, entity, Ask::Following { after, limit: piece }).await?;
        let Some(seen) = unsaved.seen else { return Ok(None) };
        Ok(Some(Self {
            entity: entity.clone(),
            seen,
            after,
            history_before: unsaved.history_before,
            more_unsaved: unsaved.records.len() == piece,
            unsaved: unsaved.records,
            piece,
        }))
    }

    /// The next ones; none at the end.
    pub(crate) async fn next(&mut self, state: &State) -> Result<Vec<(Seq, Record)>, Problem> {
        loop {
            let mut records = self.stored(state).await?;
            if records.is_empty() {
                records = std::mem::take(&mut self.unsaved);
            }
            if let Some((last, _)) = records.last() {
                self.after = *last;
                self.piece = next_piece(self.piece, &records);
                return Ok(records);
            }
            if !self.more_unsaved {
                return Ok(records);
            }
            self.ask_again(state).await?;
        }
    }

    async fn stored(&mut self, state: &State) -> Result<Vec<(Seq, Record)>, Problem> {
        if self.after.0.saturating_add(1) >= self.history_before.0 {
            return Ok(Vec::new());
        }
        let mut records = state.stored_after(&self.entity, self.after, self.piece).await?;
        // What was saved since is among the unsaved, too.
        records.retain(|(seq, _)| *seq < self.history_before);
        if records.is_empty() {
            self.after = self.after.max(Seq(self.history_before.0 - 1));
        }
        Ok(records)
    }

    async fn ask_again(&mut self, state: &State) -> Result<(), Problem> {
        let question = Ask::Following { after: self.after, limit: self.piece };
        let unsaved = ask(state, &self.entity, question).await?;
        self.more_unsaved = unsaved.records.len() == self.piece;
        (self.unsaved, self.history_before) = (unsaved.records, unsaved.history_before);
        // An entity that has records exists for good.
        self.seen = unsaved.seen.ok_or_else(Problem::stopping)?;
        Ok(())
    }
}
