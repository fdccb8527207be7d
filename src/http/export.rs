//! A table of what happened, as a stream: `bursar export --url` reads it.
//!
//! The position is taken first, at one commit; then everything is saved, so that all records up to
//! it are in the history on disk; then the history is read, a small piece at a time between the other
//! work of the storage thread, and made into rows on a thread for work that takes its time. So no
//! shard and no HTTP worker is held up. A piece is made only when the one before it is on its way,
//! and a reader that takes nothing for long is left: memory is bounded by a few pieces.
//!
//! Invariant: the last line says how many rows there were, and is sent only when all were. An error
//! on the way breaks the connection off before it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Kind, Seq};
use bursar_snapshots::store::StoreError;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::IntoParams;

use crate::export::formats::write_ndjson;
use crate::export::position::Position;
use crate::export::rows::Range;
use crate::export::{Walk, stream, tables};
use crate::http::fields::instant;
use crate::http::problem::Problem;
use crate::http::{Answered, Shared, query};

/// How many exports may be under way at a time.
pub(crate) const EXPORTS_MAX: usize = 2;
/// How many bytes of history are read at a time.
const PIECE: usize = 128 * 1024;
/// A reader that does not take a piece for so long is left.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// Which rows are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only rows of this instant and later.
    from: Option<String>,
    /// Only rows before this instant.
    to: Option<String>,
    /// As of this position, which an earlier export told.
    at: Option<String>,
}

/// A table as of one position, as a stream.
#[utoipa::path(get, path = "/admin/export/{table}", tag = "admin",
    params(("table" = String, Path, description = "wallets, providers, payments, entries, \
        activities, reimbursements, deals, investments, advances, debits, transactions, draws, \
        rewards, campaigns, commitments or outcomes"), Wanted),
    responses(
    (status = 200, body = String, content_type = "application/x-ndjson",
        description = "A line {\"export\": {table, position, from, to, order, columns}}, a line for each \
            row, and a line {\"end\": {rows}}. Without that line the stream was cut off"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn table(state: Shared, request: HttpRequest, name: Path<String>) -> Answered {
    let Some(table) = tables::of_name(&name) else {
        let detail = format!("there is no such table; the tables are {}", tables::names());
        return Err(Problem::new(Code::NotFound, detail));
    };
    let wanted: Wanted = query(&request)?;
    let time = |text: Option<&str>, pointer| {
        text.map(|text| instant(text, Code::MalformedRequest, pointer)).transpose()
    };
    let range = Range {
        from: time(wanted.from.as_deref(), "/from")?,
        to: time(wanted.to.as_deref(), "/to")?,
        now: state.now(),
    };
    let malformed = |what: String| Problem::new(Code::MalformedRequest, format!("at: {what}"));
    let asked = wanted.at.as_deref().map(str::parse).transpose().map_err(malformed)?;
    let Ok(permit) = state.exports.clone().try_acquire_owned() else {
        let detail = format!("{EXPORTS_MAX} exports are under way; try again when one has ended");
        return Err(Problem::new(Code::Overloaded, detail));
    };
    let position = Position::new(state.engine.cut()).asked(asked.as_ref()).map_err(malformed)?;
    state.engine.checkpoint().await?;
    let export = Export {
        state,
        kinds: Some(table.kinds),
        after: None,
        walk: Some(Walk::new(table, position.clone(), range)),
        rows: 0,
        _permit: permit,
    };
    Ok(answer(export, Bytes::from(stream::head(table, &position, range))))
}

/// The response, and the task that fills it.
fn answer(export: Export, head: Bytes) -> HttpResponse {
    let (sender, receiver) = mpsc::channel(1);
    actix_web::rt::spawn(send(export, head, sender));
    let body = unfold(receiver, async |mut receiver: mpsc::Receiver<Piece>| {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(body)
}

/// Lines, or that there will be no more.
type Piece = Result<Bytes, io::Error>;

/// Sends pieces until the end, or until nobody takes them.
async fn send(mut export: Export, head: Bytes, sender: mpsc::Sender<Piece>) {
    let mut piece = Ok(head);
    loop {
        let is_broken = piece.is_err();
        if let Err(error) = &piece {
            tracing::error!("an export is broken off: {error}");
        }
        let sent = tokio::time::timeout(SEND_TIMEOUT, sender.send(piece)).await;
        if is_broken || !matches!(sent, Ok(Ok(()))) {
            return;
        }
        piece = match export.next().await {
            Ok(Some(lines)) => Ok(lines),
            Ok(None) => return,
            Err(error) => Err(error),
        };
    }
}

/// An export on its way.
struct Export {
    state: Shared,
    /// The kinds of which there may be more; none when all was sent.
    kinds: Option<&'static [Kind]>,
    /// The last record that was read of the first kind.
    after: Option<(EntityId, Seq)>,
    /// Away while it works.
    walk: Option<Walk>,
    rows: u64,
    _permit: OwnedSemaphorePermit,
}

/// Records of one kind as they are stored.
#[derive(Default)]
struct Records {
    entities: Vec<EntityId>,
    /// Which entity, the position, and where the bytes end.
    places: Vec<(usize, Seq, usize)>,
    bytes: Vec<u8>,
}

impl Records {
    fn add(&mut self, id: &EntityId, seq: Seq, bytes: &[u8]) {
        if self.entities.last() != Some(id) {
            self.entities.push(id.clone());
        }
        self.bytes.extend_from_slice(bytes);
        self.places.push((self.entities.len() - 1, seq, self.bytes.len()));
    }

    fn last(&self) -> Option<(EntityId, Seq)> {
        let (entity, seq, _) = self.places.last()?;
        Some((self.entities[*entity].clone(), *seq))
    }

    /// Gives them to the walk.
    fn walk(&self, walk: &mut Walk) -> Result<(), StoreError> {
        let mut begin = 0;
        for (entity, seq, end) in &self.places {
            walk.record(&self.entities[*entity], *seq, &self.bytes[begin..*end])?;
            begin = *end;
        }
        Ok(())
    }
}

impl Export {
    /// The next lines; none after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, io::Error> {
        while let Some(kinds) = self.kinds {
            if self.state.stopping.load(Ordering::Relaxed) {
                return Err(io::Error::other("the server is stopping"));
            }
            let Some((&kind, others)) = kinds.split_first() else {
                self.kinds = None;
                return self.end().await.map(Some);
            };
            let records = self.read(kind).await?;
            if let Some(last) = records.last() {
                self.after = Some(last);
            } else {
                (self.kinds, self.after) = (Some(others), None);
            }
            let lines = self.work(move |walk| {
                if records.places.is_empty() {
                    walk.end_kind(kind);
                }
                records.walk(walk)
            });
            let lines = lines.await?;
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
        Ok(None)
    }

    /// The next records of a kind, read on the storage thread.
    async fn read(&self, kind: Kind) -> Result<Records, io::Error> {
        let after = self.after.clone();
        let read = self.state.engine.read(move |archive| {
            let mut records = Records::default();
            let after = after.as_ref().map(|(id, seq)| (id, *seq));
            archive.histories(kind, after, PIECE, &mut |id, seq, bytes| {
                records.add(id, seq, bytes);
                Ok(())
            })?;
            Ok(records)
        });
        read.await.map_err(io::Error::other)
    }

    /// The last lines.
    async fn end(&mut self) -> Result<Bytes, io::Error> {
        let ended = self.work(|walk| {
            walk.end();
            Ok(())
        });
        let lines = ended.await?;
        Ok([lines, Bytes::from(stream::end(self.rows))].concat().into())
    }

    /// Does something with the walk where it may take its time. Returns the lines of the rows.
    async fn work(
        &mut self,
        work: impl FnOnce(&mut Walk) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Bytes, io::Error> {
        let mut walk = self.walk.take().expect("it is back after each piece");
        let worked = web::block(move || {
            work(&mut walk)?;
            let mut lines = Vec::new();
            write_ndjson(walk.rows(), &mut lines);
            let rows = walk.rows().len();
            walk.clear();
            Ok::<_, StoreError>((walk, rows, lines))
        });
        let worked = worked.await.map_err(io::Error::other)?;
        let (walk, rows, lines) = worked.map_err(io::Error::other)?;
        self.walk = Some(walk);
        self.rows += u64::try_from(rows).expect("a usize fits a u64");
        Ok(lines.into())
    }
}
