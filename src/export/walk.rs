//! A walk over records, entity by entity, that fills the rows of a table.
//!
//! Whoever has the records gives them in order; the walk leaves out what is past the position,
//! notices where one entity ends and the next begins, and decodes each record once. Rows are taken
//! from it when there are enough.
//!
//! Invariant: every record up to the position is given to the table exactly once; the records of an
//! entity come together and their positions rise.

use bursar_actors::storage::decode_record;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::message::Source;
use bursar_snapshots::store::Result;

use super::position::Position;
use super::rows::{Range, Rows};
use super::{Fill, Table};

/// The entity whose records are being given.
struct Current {
    id: EntityId,
    shard: ShardId,
    /// The last record of it that may be in the export.
    end: Seq,
    last: Seq,
    is_wanted: bool,
}

/// A walk for one table.
pub(crate) struct Walk {
    fill: Box<dyn Fill>,
    rows: Rows,
    position: Position,
    current: Option<Current>,
}

impl Walk {
    /// Begins one, up to a position.
    pub(crate) fn new(table: &Table, position: Position, range: Range) -> Self {
        let rows = Rows::new(table.columns, range);
        Self { fill: (table.begin)(), rows, position, current: None }
    }

    /// The next record, as it is stored.
    pub(crate) fn record(&mut self, id: &EntityId, seq: Seq, bytes: &[u8]) -> Result<()> {
        if self.current.as_ref().is_none_or(|current| current.id != *id) {
            self.begin(id);
        }
        let current = self.current.as_mut().expect("just begun");
        assert!(seq > current.last, "{id} at {seq} after {}", current.last);
        current.last = seq;
        if current.is_wanted && seq <= current.end {
            let record = decode_record(id, seq, bytes)?;
            let source = Source { shard: current.shard, seq };
            self.fill.record(source, &record, &mut self.rows);
        }
        Ok(())
    }

    fn begin(&mut self, id: &EntityId) {
        self.end_entity();
        self.current = Some(Current {
            id: id.clone(),
            shard: id.shard(self.position.shards()),
            end: self.position.of(id),
            last: Seq(0),
            is_wanted: self.fill.wants(id),
        });
    }

    fn end_entity(&mut self) {
        if let Some(current) = self.current.take()
            && current.is_wanted
        {
            self.fill.entity_ended(&current.id, &mut self.rows);
        }
    }

    /// The last entity of a kind has been given.
    pub(crate) fn end_kind(&mut self, kind: Kind) {
        if self.current.as_ref().is_some_and(|current| current.id.kind == kind) {
            self.end_entity();
        }
    }

    /// Everything has been given.
    pub(crate) fn end(&mut self) {
        self.end_entity();
        self.fill.ended(&mut self.rows);
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Takes the rows so far; there must be others before the next record ([`Walk::give`]).
    pub(crate) fn take(&mut self) -> Rows {
        std::mem::replace(&mut self.rows, Rows::new(&[], Range::default()))
    }

    /// Gives empty rows to fill.
    pub(crate) fn give(&mut self, rows: Rows) {
        self.rows = rows;
    }

    /// Forgets the rows so far.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }
}
