//! The stream of outcomes: over WebSocket and as server-sent events, resumable without gap or
//! repeat.
//!
//! A reader is a position that moves through the log: it asks for what comes after, from memory or
//! from disk, filters, sends, and waits for more. A cursor is that position, so a client goes on
//! exactly where it was, with any server that has the log. A reader that was live and has fallen
//! too far behind is closed with 4008 and resumes by its cursor.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use bursar_actors::outcomes::{After, Placed};
use bursar_domain::code::Code;
use bursar_domain::id::{AdvanceId, DealId, Position, ProviderId, WalletId, is_well_formed};
use bursar_domain::message::Outcome;
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::http::frames::{advance_of, cursor, deal_of, frame, position, types};
use crate::http::problem::Problem;
use crate::http::{Answered, Shared, State};

/// How many outcomes are taken from the log at a time.
const TAKE: usize = 256;
/// A reader that does not take a frame for so long is closed.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Closed because it fell too far behind.
const TOO_SLOW: u16 = 4008;

/// What a reader wants to see.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    wallets: Vec<String>,
    providers: Vec<String>,
    deals: Vec<String>,
    advances: Vec<String>,
    kinds: Vec<String>,
}

impl Filter {
    fn shows(&self, outcome: &Outcome) -> bool {
        let among = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one == value))
        };
        among(&self.wallets, outcome.wallet.as_ref().map(WalletId::as_str))
            && among(&self.providers, outcome.provider.as_ref().map(ProviderId::as_str))
            && among(&self.deals, deal_of(outcome).map(DealId::as_str))
            && among(&self.advances, advance_of(outcome).map(AdvanceId::as_str))
            && among(&self.kinds, Some(outcome.kind.as_str()))
    }
}

fn parse_cursor(text: &str) -> Result<Position, Problem> {
    position(text).ok_or_else(not_given)
}

fn not_given() -> Problem {
    let detail = "the cursor is not one that was given on this stream";
    Problem::new(Code::MalformedRequest, detail)
}

/// Reads the query: filters may be repeated.
pub(crate) fn parse_query(query: &str) -> Result<(Filter, Option<Position>), Problem> {
    let malformed = |detail: String| Problem::new(Code::MalformedRequest, detail);
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(query);
    let pairs = query.map_err(|error| malformed(error.to_string()))?.into_inner();
    let mut filter = Filter::default();
    let mut after = None;
    for (name, value) in pairs {
        match name.as_str() {
            "wallet" | "provider" | "deal" if !is_well_formed(&value) => {
                return Err(malformed(format!("{name} is not an id")));
            }
            "wallet" => filter.wallets.push(value),
            "provider" => filter.providers.push(value),
            "deal" => filter.deals.push(value),
            "advance" => filter.advances.push(value),
            "type" if types().any(|known| known == value) => filter.kinds.push(value),
            "type" => {
                let words: Vec<_> = types().collect();
                return Err(malformed(format!("type is one of {}", words.join(", "))));
            }
            "cursor" if after.is_none() => after = Some(parse_cursor(&value)?),
            "cursor" => return Err(malformed("there is more than one cursor".to_owned())),
            other => return Err(malformed(format!("unknown parameter {other:?}"))),
        }
    }
    Ok((filter, after))
}

/// Refuses a cursor that was never given, or after which something has been dropped.
async fn check_kept(state: &State, after: Position) -> Result<(), Problem> {
    let log = state.engine.outcomes();
    if after > log.newest() {
        return Err(not_given());
    }
    if let After::Here(_) = log.after(after, 0) {
        return Ok(());
    }
    let dropped_to = state.engine.read(|archive| archive.outcomes_dropped_to()).await;
    if after >= dropped_to.map_err(|_| Problem::stopping())? {
        return Ok(());
    }
    let detail = format!(
        "outcomes are kept for {} days, and some after this cursor are gone; begin without a \
         cursor and read the entries for what was missed",
        state.config.outcomes.keep_days
    );
    Err(Problem::new(Code::CursorExpired, detail))
}

/// A reader on its way through the log.
struct Reader {
    state: Shared,
    filter: Filter,
    position: Position,
    newest: watch::Receiver<Position>,
    stop: watch::Receiver<bool>,
    live: bool,
}

/// Why a reader gets no more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    TooSlow,
    Stopping,
}

impl Reader {
    async fn open(state: Shared, filter: Filter, after: Option<Position>) -> Result<Self, Problem> {
        if let Some(after) = after {
            check_kept(&state, after).await?;
        }
        let log = state.engine.outcomes();
        let newest = log.follow();
        let stop = state.stop.subscribe();
        let position = after.unwrap_or_else(|| log.newest());
        if *stop.borrow() {
            return Err(Problem::stopping());
        }
        let readers = state.readers.fetch_add(1, Ordering::Relaxed);
        if readers >= state.config.outcomes.readers_max {
            state.readers.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem::overloaded());
        }
        Ok(Self { state, filter, position, newest, stop, live: false })
    }

    /// What comes next: at least one outcome, once there is one that is wanted.
    async fn next(&mut self) -> Result<Vec<Placed>, End> {
        loop {
            if *self.stop.borrow() {
                return Err(End::Stopping);
            }
            self.newest.mark_unchanged();
            let taken = match self.state.engine.outcomes().after(self.position, TAKE) {
                After::Here(taken) => taken,
                After::OnDisk if self.live => return Err(End::TooSlow),
                After::OnDisk => self.read_disk().await?,
            };
            let Some((last, _)) = taken.last() else {
                self.live = true;
                tokio::select! {
                    _ = self.newest.changed() => {}
                    _ = self.stop.changed() => {}
                }
                continue;
            };
            self.position = *last;
            if self.live && self.is_behind() {
                return Err(End::TooSlow);
            }
            let wanted: Vec<Placed> =
                taken.into_iter().filter(|(_, outcome)| self.filter.shows(outcome)).collect();
            if !wanted.is_empty() {
                return Ok(wanted);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn read_disk(&self) -> Result<Vec<Placed>, End> {
        let after = self.position;
        let read = self.state.engine.read(move |archive| archive.outcomes_after(after, TAKE));
        let outcomes = read.await.map_err(|_| End::Stopping)?;
        Ok(outcomes.into_iter().map(|(at, outcome)| (at, Arc::new(outcome))).collect())
    }

    /// Whether a live reader has fallen too far behind.
    fn is_behind(&self) -> bool {
        let limit = self.state.config.outcomes.behind_max;
        let log = self.state.engine.outcomes();
        log.count_after(self.position) > limit
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.state.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream over WebSocket.
#[utoipa::path(get, path = "/v1/outcomes", tag = "outcomes",
    params(("wallet" = Option<Vec<String>>, Query, description = "Only of these wallets"),
        ("provider" = Option<Vec<String>>, Query, description = "Only of these providers"),
        ("deal" = Option<Vec<String>>, Query, description = "Only of these deals"),
        ("advance" = Option<Vec<String>>, Query, description = "Only of these advances"),
        ("type" = Option<Vec<String>>, Query, description = "Only these types"),
        ("cursor" = Option<String>, Query, description = "Go on after this one")), responses(
    (status = 101, description = "JSON text frames {cursor, id, type, at, data}"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn websocket(state: Shared, request: HttpRequest, payload: Payload) -> Answered {
    let (filter, after) = parse_query(request.query_string())?;
    let reader = Reader::open(state, filter, after).await?;
    let (response, session, stream) = actix_ws::handle(&request, payload).map_err(|error| {
        let detail = format!("a WebSocket handshake is needed here: {error}");
        Problem::new(Code::MalformedRequest, detail)
    })?;
    actix_web::rt::spawn(serve(reader, session, stream.max_frame_size(4096)));
    Ok(response)
}

/// Sends outcomes and answers pings until either side ends.
async fn serve(mut reader: Reader, mut session: Session, mut stream: MessageStream) {
    let ping_every = Duration::from_secs(reader.state.config.outcomes.ping_s);
    let mut ping = tokio::time::interval(ping_every);
    let mut answered = true;
    let close = loop {
        tokio::select! {
            outcomes = reader.next() => match outcomes {
                Ok(outcomes) => if !send_all(&mut session, &outcomes).await {
                    break Some((CloseCode::Other(TOO_SLOW), "too slow; resume by cursor"));
                },
                Err(End::TooSlow) => {
                    break Some((CloseCode::Other(TOO_SLOW), "too far behind; resume by cursor"));
                }
                Err(End::Stopping) => break Some((CloseCode::Away, "the server is stopping")),
            },
            message = stream.next() => match message {
                Some(Ok(Message::Ping(bytes))) => if session.pong(&bytes).await.is_err() {
                    break None;
                },
                Some(Ok(Message::Pong(_))) => answered = true,
                Some(Ok(Message::Close(_))) => break Some((CloseCode::Normal, "")),
                Some(Err(_)) | None => break None,
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Continuation(_)
                    | Message::Nop)) => {}
            },
            _ = ping.tick() => {
                if !std::mem::replace(&mut answered, false) || session.ping(b"").await.is_err() {
                    break Some((CloseCode::Away, "no answer to the last ping"));
                }
            }
        }
    };
    if let Some((code, description)) = close {
        let reason = CloseReason { code, description: Some(description.to_owned()) };
        let closing = tokio::time::timeout(SEND_TIMEOUT, session.close(Some(reason)));
        if closing.await.is_err() {
            tracing::debug!("a reader of outcomes did not take its close frame");
        }
    }
}

/// Sends frames in order. False when the reader does not take them in time or is gone.
async fn send_all(session: &mut Session, outcomes: &[Placed]) -> bool {
    let sending = async {
        for outcome in outcomes {
            if session.text(frame(outcome)).await.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(SEND_TIMEOUT, sending).await.unwrap_or(false)
}

/// The stream as server-sent events.
#[utoipa::path(get, path = "/v1/outcomes/events", tag = "outcomes",
    params(("wallet" = Option<Vec<String>>, Query, description = "Only of these wallets"),
        ("provider" = Option<Vec<String>>, Query, description = "Only of these providers"),
        ("deal" = Option<Vec<String>>, Query, description = "Only of these deals"),
        ("advance" = Option<Vec<String>>, Query, description = "Only of these advances"),
        ("type" = Option<Vec<String>>, Query, description = "Only these types"),
        ("cursor" = Option<String>, Query, description = "Go on after this one"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it")),
    responses(
    (status = 200, body = String, content_type = "text/event-stream",
        description = "Events with id (the cursor), event (the type) and data"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn events(state: Shared, request: HttpRequest) -> Answered {
    let (filter, mut after) = parse_query(request.query_string())?;
    if let Some(value) = request.headers().get("last-event-id") {
        after = Some(parse_cursor(value.to_str().unwrap_or_default())?);
    }
    let reader = Reader::open(state, filter, after).await?;
    let stream = futures_util::stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        let every = Duration::from_secs(reader.state.config.outcomes.ping_s);
        let text = match tokio::time::timeout(every, reader.next()).await {
            Err(_) => ": still here\n\n".to_owned(),
            Ok(Ok(outcomes)) => outcomes.iter().map(event).collect(),
            Ok(Err(End::Stopping)) => return None,
            Ok(Err(End::TooSlow)) => {
                let text = format!("event: closed\ndata: {{\"code\":{TOO_SLOW}}}\n\n");
                return Some((Ok::<_, Problem>(Bytes::from(text)), None));
            }
        };
        Some((Ok(Bytes::from(text)), Some(reader)))
    });
    let opening = futures_util::stream::iter([Ok(Bytes::from_static(b": open\n\n"))]);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(opening.chain(stream)))
}

fn event(placed: &Placed) -> String {
    let (position, outcome) = placed;
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        cursor(*position),
        outcome.kind.as_str(),
        frame(placed)
    )
}

/// Tells all readers that the server stops.
pub(crate) fn close_all(state: &State) {
    state.stop.send_replace(true);
}
