//! Batches: NDJSON in, NDJSON out, one answer per line in the same order.
//!
//! A body that arrives in one go is gathered first, so that one with too many lines is refused as a
//! whole; one that comes slowly is taken as it comes, and its first answers leave while the last
//! lines are still on their way. A bad line fails alone. Lines for one wallet are decided in their
//! order: pieces are handed on one after the other, and a shard's mailbox keeps the order within.
//!
//! How much is on its way is bounded: two pieces of a batch at a time, each let in by the shards.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bursar_actors::engine::Asked;
use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::id::EntityId;
use futures_util::{Stream, StreamExt};

use crate::http::operation::{self, KeyText, Operation};
use crate::http::problem::Problem;
use crate::http::requests::{
    BookDeposit, Line, MakePayment, MakeRefund, OpenWallet, RegisterProvider,
};
use crate::http::resources::Form;
use crate::http::shell::RequestId;
use crate::http::{Answered, Shared, State, body, fields, providers};

/// How many lines are handed on together.
const PIECE: usize = 2_000;
/// A body that pauses for so long is taken as far as it has come.
const GATHER_PAUSE: Duration = Duration::from_millis(50);
/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Which lines are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Payments,
    Mixed,
}

/// Makes many payments.
#[utoipa::path(post, path = "/v1/payments/batch", tag = "batches",
    request_body(content = Line, content_type = "application/x-ndjson"), responses(
    (status = 200, body = String, content_type = "application/x-ndjson",
        description = "One line per line: index, status, and the resource or the problem"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn payments(state: Shared, request: HttpRequest, payload: Payload) -> Answered {
    answer(state, &request, payload, Kind::Payments).await
}

/// Does many writes of any kind.
#[utoipa::path(post, path = "/v1/batch", tag = "batches",
    request_body(content = Line, content_type = "application/x-ndjson"), responses(
    (status = 200, body = String, content_type = "application/x-ndjson",
        description = "One line per line: index, status, and the resource or the problem"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn mixed(state: Shared, request: HttpRequest, payload: Payload) -> Answered {
    answer(state, &request, payload, Kind::Mixed).await
}

/// The lines of a body as they arrive.
struct Lines<S> {
    payload: S,
    rest: BytesMut,
    taken: usize,
    bytes: usize,
    ended: bool,
    /// The longest line, in bytes.
    line_bytes_max: usize,
    /// What has arrived of a line that is longer was thrown away; the rest of it is, too.
    is_too_long: bool,
}

/// A line, or why it fails alone.
type Found = Result<Bytes, Problem>;

/// Whether what has arrived is gathered before the first line is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// As when it came in one go.
    First,
    /// As when it comes slowly.
    Never,
}

/// A line that is in, or the reason why it failed by itself.
type Prepared = Result<(EntityId, Ask), Problem>;

/// Lines that have been handed on: who was asked, and the answers on their way.
type Piece = (Vec<Result<EntityId, Problem>>, Asked);

/// A batch on its way.
struct Running {
    state: Shared,
    lines: Lines<Payload>,
    kind: Kind,
    request_id: String,
    index: usize,
    pieces: VecDeque<Piece>,
    failed: Option<Problem>,
    exhausted: bool,
}

async fn answer(state: Shared, request: &HttpRequest, payload: Payload, kind: Kind) -> Answered {
    body::check_type(request, body::Media::Lines)?;
    body::check_length(request, state.config.server.batch_bytes_max)?;
    let request_id = RequestId::of(&request.extensions()).to_owned();
    let mut lines = Lines::new(payload, LINE_BYTES_MAX);
    lines.gather(&state.config.server).await?;
    let mut running = Running {
        state,
        lines,
        kind,
        request_id,
        index: 0,
        pieces: VecDeque::new(),
        failed: None,
        exhausted: false,
    };
    // What fails before the first answer is a plain refusal.
    let first = match running.next().await {
        Some(Ok(first)) => first,
        Some(Err(problem)) => return Err(problem),
        None => Bytes::new(),
    };
    let rest = futures_util::stream::unfold(running, |mut running| async move {
        let next = running.next().await?;
        Some((next, running))
    });
    let all = futures_util::stream::iter([Ok::<_, Problem>(first)]).chain(rest);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/x-ndjson")).streaming(all))
}

impl Running {
    /// The answers of the next piece. After an error nothing more comes.
    async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        while self.pieces.len() < 2 && self.failed.is_none() && !self.exhausted {
            match self.read_piece().await {
                Ok(Some(piece)) => self.pieces.push_back(piece),
                Ok(None) => self.exhausted = true,
                Err(problem) => self.failed = Some(problem),
            }
        }
        if let Some((asked, answers)) = self.pieces.pop_front() {
            let answers = answers.answers().await;
            return Some(Ok(self.render(asked, answers)));
        }
        let problem = self.failed.take()?.with_request(&self.request_id);
        self.exhausted = true;
        if self.index == 0 {
            return Some(Err(problem));
        }
        // Answers have left already: the line that could not be read says why it ends here.
        let mut out = Vec::new();
        refuse(&mut out, self.index, &problem);
        Some(Ok(Bytes::from(out)))
    }

    /// Reads and hands on the next piece. `None` when there are no more lines.
    async fn read_piece(&mut self) -> Result<Option<Piece>, Problem> {
        let mut asked = Vec::new();
        let mut asks = Vec::new();
        while asked.len() < PIECE {
            let limits = &self.state.config.server;
            let wait_for_more = asked.is_empty();
            let Some(line) = self.lines.next(limits, wait_for_more).await? else { break };
            let prepared =
                line.and_then(|line| prepare(&self.state, &line, self.kind, &self.request_id));
            match prepared {
                Ok((to, ask)) => {
                    asked.push(Ok(to.clone()));
                    asks.push((to, ask));
                }
                Err(problem) => asked.push(Err(problem)),
            }
        }
        if asked.is_empty() {
            return Ok(None);
        }
        // Handed on before the next piece is read, so that the order of lines is kept.
        let answers = self.state.engine.ask_all(asks).await;
        Ok(Some((asked, answers)))
    }

    fn render(&mut self, asked: Vec<Result<EntityId, Problem>>, answers: Vec<Answer>) -> Bytes {
        let mut out = Vec::with_capacity(asked.len() * 192);
        let mut answers = answers.into_iter();
        for asked in asked {
            let rendered = asked.and_then(|to| {
                let answer = answers.next().expect("as many answers as were asked");
                operation::render(&to, answer, Form::Line)
            });
            match rendered {
                Ok(done) => line(&mut out, self.index, done.status, done.replayed, &done.body),
                Err(problem) => {
                    refuse(&mut out, self.index, &problem.with_request(&self.request_id));
                }
            }
            self.index += 1;
        }
        Bytes::from(out)
    }
}

/// Writes the line of a problem.
fn refuse(out: &mut Vec<u8>, index: usize, problem: &Problem) {
    let mut body = serde_json::to_value(problem).expect("a problem has a JSON form");
    if let Some(fields) = body.as_object_mut() {
        fields.remove("status");
    }
    line(out, index, problem.status(), problem.is_replayed(), body.to_string().as_bytes());
}

/// Writes `{"index":…,"status":…,` and the fields of an object that does not say its status itself.
fn line(out: &mut Vec<u8>, index: usize, status: u16, replayed: bool, object: &[u8]) {
    let replayed = if replayed { ",\"replayed\":true" } else { "" };
    out.extend_from_slice(format!("{{\"index\":{index},\"status\":{status}{replayed}").as_bytes());
    let fields = &object[1..];
    if fields != b"}" {
        out.push(b',');
    }
    out.extend_from_slice(fields);
    out.push(b'\n');
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Lines<S> {
    fn new(payload: S, line_bytes_max: usize) -> Self {
        Self {
            payload,
            rest: BytesMut::new(),
            taken: 0,
            bytes: 0,
            ended: false,
            line_bytes_max,
            is_too_long: false,
        }
    }

    /// Gathers what arrives without a pause; refuses too many lines before any is taken.
    async fn gather(&mut self, limits: &crate::config::Server) -> Result<(), Problem> {
        while !self.ended {
            match tokio::time::timeout(GATHER_PAUSE, self.payload.next()).await {
                Ok(part) => self.arrived(part, limits)?,
                Err(_) => break,
            }
        }
        let lines = self.rest[..].split(|byte| *byte == b'\n');
        let count = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace)).count();
        if count > limits.batch_lines_max { Err(too_many_lines(limits)) } else { Ok(()) }
    }

    /// The next line that is not blank; `None` at the end, or, without waiting, when none is here.
    async fn next(
        &mut self,
        limits: &crate::config::Server,
        wait: bool,
    ) -> Result<Option<Found>, Problem> {
        loop {
            if let Some(end) = memchr(&self.rest) {
                let line = self.rest.split_to(end + 1).freeze().slice(..end);
                match self.take(line, limits)? {
                    Some(line) => return Ok(Some(line)),
                    None => continue,
                }
            }
            if self.ended {
                let line = self.rest.split().freeze();
                return self.take(line, limits);
            }
            if self.rest.len() > self.line_bytes_max {
                self.rest.clear();
                self.is_too_long = true;
            }
            if !wait && self.rest.is_empty() {
                // What is here is handed on rather than held back until a piece is full.
                match futures_util::poll!(self.payload.next()) {
                    std::task::Poll::Ready(part) => self.arrived(part, limits)?,
                    std::task::Poll::Pending => return Ok(None),
                }
                continue;
            }
            let timeout = Duration::from_millis(limits.body_timeout_ms);
            let part = tokio::time::timeout(timeout, self.payload.next())
                .await
                .map_err(|_| body::too_slow(timeout))?;
            self.arrived(part, limits)?;
        }
    }

    fn arrived(
        &mut self,
        part: Option<Result<Bytes, PayloadError>>,
        limits: &crate::config::Server,
    ) -> Result<(), Problem> {
        match part {
            Some(part) => {
                let part = part.map_err(|error| body::broken(&error))?;
                self.bytes += part.len();
                if self.bytes > limits.batch_bytes_max {
                    return Err(body::too_large(limits.batch_bytes_max));
                }
                self.rest.extend_from_slice(&part);
            }
            None => self.ended = true,
        }
        Ok(())
    }

    fn take(
        &mut self,
        line: Bytes,
        limits: &crate::config::Server,
    ) -> Result<Option<Found>, Problem> {
        let is_too_long = std::mem::take(&mut self.is_too_long) || line.len() > self.line_bytes_max;
        if !is_too_long && line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        self.taken += 1;
        if self.taken > limits.batch_lines_max {
            return Err(too_many_lines(limits));
        }
        Ok(Some(if is_too_long { Err(too_long(self.line_bytes_max)) } else { Ok(line) }))
    }
}

/// The lines of a body that arrives in these pieces: each as it stands, or refused alone.
pub(crate) async fn lines_of<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    (lines_max, line_bytes_max): (usize, usize),
    gathered: Gathered,
) -> Result<Vec<Found>, Problem> {
    let limits = crate::config::Server { batch_lines_max: lines_max, ..Default::default() };
    let arrived = pieces.map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let mut lines = Lines::new(futures_util::stream::iter(arrived), line_bytes_max);
    if gathered == Gathered::First {
        lines.gather(&limits).await?;
    }
    let mut all = Vec::new();
    while let Some(found) = lines.next(&limits, true).await? {
        all.push(found);
    }
    Ok(all)
}

fn too_long(bytes_max: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("a line has at most {bytes_max} bytes"))
}

fn too_many_lines(limits: &crate::config::Server) -> Problem {
    let detail = format!("a batch has at most {} lines", limits.batch_lines_max);
    Problem::new(Code::BodyTooLarge, detail)
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

fn prepare(state: &State, bytes: &[u8], kind: Kind, request_id: &str) -> Prepared {
    let operation = operation_of(body::parse(bytes)?, kind)?;
    Ok(operation.into_ask(request_id, &state.gateways))
}

/// What a line of a batch of payments asks for.
pub(crate) fn payment_line(bytes: &[u8]) -> Result<Operation, Problem> {
    operation_of(body::parse(bytes)?, Kind::Payments)
}

/// What a line of a mixed batch asks for.
pub(crate) fn mixed_line(bytes: &[u8]) -> Result<Operation, Problem> {
    operation_of(body::parse(bytes)?, Kind::Mixed)
}

/// A field that the operation needs.
fn need<T>(field: Option<T>, name: &str) -> Result<T, Problem> {
    field.ok_or_else(|| Problem::new(Code::MalformedRequest, format!("missing field `{name}`")))
}

fn operation_of(mut line: Line<'_>, kind: Kind) -> Result<Operation, Problem> {
    let key = line.idempotency_key.take();
    let key = key.as_deref().map_or(KeyText::None, KeyText::Some);
    let op = match (kind, line.op.take()) {
        (Kind::Payments, None) => "payment".into(),
        (Kind::Mixed, None) => need(None, "op")?,
        (_, Some(op)) => op,
    };
    match &*op {
        "payment" => payment(line, key),
        "open-wallet" | "register-provider" | "deposit" | "refund" if kind == Kind::Payments => {
            let detail = "only payments are taken here; send other lines to /v1/batch";
            Err(Problem::new(Code::MalformedRequest, detail))
        }
        "open-wallet" => open_wallet(line, key),
        "register-provider" => register_provider(line, key),
        "deposit" => deposit(line, key),
        "refund" => refund(line, key),
        other => {
            let detail = format!(
                "op {other:?} is not one of open-wallet, register-provider, deposit, payment, \
                 refund"
            );
            Err(Problem::new(Code::MalformedRequest, detail))
        }
    }
}

fn nothing_left(line: &Line<'_>) -> Result<(), Problem> {
    match line.leftover() {
        Some(name) => {
            let detail = format!("field `{name}` does not belong to this op");
            Err(Problem::new(Code::MalformedRequest, detail))
        }
        None => Ok(()),
    }
}

fn payment(mut line: Line<'_>, key: KeyText<'_>) -> Result<Operation, Problem> {
    let body = MakePayment {
        wallet: need(line.wallet.take(), "wallet")?,
        provider: need(line.provider.take(), "provider")?,
        amount: need(line.amount.take(), "amount")?,
        currency: need(line.currency.take(), "currency")?,
        description: line.description.take(),
        metadata: line.metadata.take(),
        effective_at: line.effective_at.take(),
    };
    nothing_left(&line)?;
    Operation::payment(body, key)
}

fn open_wallet(mut line: Line<'_>, key: KeyText<'_>) -> Result<Operation, Problem> {
    let body = OpenWallet {
        id: line.id.take(),
        currency: need(line.currency.take(), "currency")?,
        owner: line.owner.take(),
        email: line.email.take(),
        credit_limit: line.credit_limit.take(),
        bank_account: line.bank_account.take(),
    };
    nothing_left(&line)?;
    Operation::open_wallet(body, key)
}

fn register_provider(mut line: Line<'_>, key: KeyText<'_>) -> Result<Operation, Problem> {
    let body = RegisterProvider {
        id: line.id.take(),
        name: need(line.name.take(), "name")?,
        currency: need(line.currency.take(), "currency")?,
        settlement: need(line.settlement.take(), "settlement")?,
        account: need(line.account.take(), "account")?,
    };
    nothing_left(&line)?;
    providers::bodies::register(body, key)
}

fn deposit(mut line: Line<'_>, key: KeyText<'_>) -> Result<Operation, Problem> {
    let wallet = need(line.wallet.take(), "wallet")?;
    let body = BookDeposit {
        amount: need(line.amount.take(), "amount")?,
        currency: need(line.currency.take(), "currency")?,
        method: need(line.method.take(), "method")?,
        description: line.description.take(),
        effective_at: line.effective_at.take(),
    };
    nothing_left(&line)?;
    let wallet = fields::wallet_id(&wallet, "/wallet")?;
    Operation::deposit(&wallet, body, key)
}

fn refund(mut line: Line<'_>, key: KeyText<'_>) -> Result<Operation, Problem> {
    let payment = need(line.payment.take(), "payment")?;
    let body = MakeRefund { amount: line.amount.take(), effective_at: line.effective_at.take() };
    nothing_left(&line)?;
    Operation::refund(&payment, body, key)
}
