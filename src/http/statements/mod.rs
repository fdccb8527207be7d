//! Bank lines of a wallet's owner: taken in here, drawn later.
//!
//! One call has up to ten thousand lines, as a JSON array or as NDJSON, and is answered the same
//! way, a line for a line, once all that is new is durable. Each line counts once by its
//! `transaction_id`, so a call that was cut off is simply sent again, and needs no key; with one, a
//! repeat gets the first answer.
//!
//! The lines are cut into as many decisions as they need, handed on together and in order. Nothing
//! is drawn here: the statement looks at what it took after it was answered.

pub(crate) mod requests;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_domain::campaign::Merchant;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, WalletId};
use bursar_domain::key::Key;
use bursar_domain::plan::Day;
use bursar_domain::record::Verdict;
use bursar_domain::statement::line::{
    self, DESCRIPTION_SIZE_MAX, MERCHANT_SIZE_MAX, NAME_SIZE_MAX,
};
use bursar_domain::statement::{
    self, Content, Event, Line, LineAnswer, LineStatus, LineVerdict, Submitted, Take,
};
use bursar_domain::time::Timestamp;

use self::requests::{CategoryCode, LineBody, LineCounts, LineList, LineState, MerchantBody};
use crate::http::campaigns::bodies::category_code;
use crate::http::fields;
use crate::http::problem::Problem;
use crate::http::resources::wallet_of;
use crate::http::{Answered, Shared, State, body, key_of, lines};

/// The most lines of a call.
const LINES_MAX: usize = 10_000;

/// A body above this size is read away from the worker, because others wait for it.
const SMALL_BODY: usize = 256 * 1024;

/// A line before it is judged: its id, and what is submitted or why it cannot be.
struct Read {
    id: Option<String>,
    taken: Result<Submitted, Problem>,
}

/// Takes bank lines in: an array, or a line each.
#[utoipa::path(post, path = "/v1/wallets/{id}/transactions", tag = "rewards",
    params(("id" = String, Path, description = "The wallet"),
        ("Idempotency-Key" = Option<String>, Header, description = "The client's own key")),
    request_body(content = Vec<LineBody>, description = "An array, or NDJSON"), responses(
    (status = 202, body = LineList, description = "NDJSON when NDJSON was sent"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn submit(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let wallet = WalletId::parse(&id).ok_or_else(not_found)?;
    body::check_type(&request, body::Media::Lines)?;
    let bytes_max = state.config.server.batch_bytes_max;
    let bytes = body::read(&request, &mut payload, bytes_max, state.body_timeout()).await?;
    let is_list = lines::is_array(&bytes);
    let is_small = bytes.len() <= SMALL_BODY;
    let read = move || {
        let lines = lines::cut::<LINES_MAX>(&bytes, "bank lines")?;
        Ok::<_, Problem>(lines.into_iter().map(read).collect::<Vec<_>>())
    };
    let lines = if is_small {
        read()?
    } else {
        web::block(read).await.map_err(|_| Problem::stopping())??
    };
    let key = key_of(&request).checked()?;
    let (states, replayed) = judged(&state, &wallet, lines, key).await?;
    let mut response =
        if is_list { list(states) } else { lines::answer(StatusCode::ACCEPTED, &states) };
    if replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn not_found() -> Problem {
    Problem::new(Code::WalletNotFound, "there is no such wallet")
}

/// The bank line that a line of a call makes, or why it makes none.
pub(crate) fn taken(line: &[u8]) -> Result<Submitted, Problem> {
    read(line).taken
}

fn read(line: &[u8]) -> Read {
    match body::parse::<LineBody<'_>>(line) {
        Ok(body) => {
            let id = Some(body.transaction_id.to_string());
            Read { id, taken: submitted(body) }
        }
        Err(problem) => Read { id: None, taken: Err(problem) },
    }
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    Problem::field(Code::InvalidField, pointer, detail)
}

/// A bank line, if its fields make one.
fn submitted(body: LineBody<'_>) -> Result<Submitted, Problem> {
    let named = [
        ("/transaction_id", Some(&body.transaction_id)),
        ("/pending_id", body.pending_id.as_ref()),
        ("/reversal_of", body.reversal_of.as_ref()),
    ];
    for (pointer, id) in named {
        if id.is_some_and(|id| !line::is_transaction_id(id)) {
            let detail = "an id is 1 to 64 bytes, without control characters or spaces at its ends";
            return Err(Problem::field(Code::InvalidId, pointer, detail));
        }
    }
    let status = match &*body.status {
        "pending" => LineStatus::Pending,
        "posted" => LineStatus::Posted,
        "reversed" => LineStatus::Reversed,
        _ => return Err(wrong("/status", "status is \"pending\", \"posted\" or \"reversed\"")),
    };
    if body.pending_id.is_some() && status != LineStatus::Posted {
        return Err(wrong("/pending_id", "only a posted line replaces a pending one"));
    }
    if body.reversal_of.is_some() && status != LineStatus::Reversed {
        return Err(wrong("/reversal_of", "only a reversed line gives another one back"));
    }
    let (amount, currency) = fields::money(&body.amount, &body.currency)?;
    let name = |text, most, pointer| fields::text(text, most, pointer);
    let content = Content {
        id: body.transaction_id.as_ref().into(),
        date: date(&body.date)?,
        status,
        from_account: name(body.from_account, NAME_SIZE_MAX, "/from_account")?,
        to_account: name(body.to_account, NAME_SIZE_MAX, "/to_account")?,
        amount,
        description: name(body.description, DESCRIPTION_SIZE_MAX, "/description")?,
        merchant: body.merchant.map(merchant).transpose()?,
        pending_id: body.pending_id.map(Into::into),
        reversal_of: body.reversal_of.map(Into::into),
    };
    // Lengths were checked in characters; a line has them in bytes.
    let line = Line::new(content).ok_or_else(|| wrong("", "one of the texts is too long"))?;
    Ok(Submitted { line: Arc::new(line), currency })
}

fn date(text: &str) -> Result<Day, Problem> {
    let of_instant = || Day::utc_ms(Timestamp::parse(text)?.millis());
    Day::parse(text)
        .or_else(of_instant)
        .ok_or_else(|| wrong("/date", "a date such as 2026-11-20, or an instant of RFC 3339"))
}

fn merchant(body: MerchantBody<'_>) -> Result<Merchant, Problem> {
    let code = |code: CategoryCode<'_>| {
        let found = match &code {
            CategoryCode::Text(text) => category_code(text),
            CategoryCode::Number(number) => u16::try_from(*number).ok().filter(|n| *n <= 9_999),
        };
        let detail = "a category code is four digits such as \"5411\"";
        found.ok_or_else(|| wrong("/merchant/category_code", detail))
    };
    Ok(Merchant {
        id: fields::text(body.id, NAME_SIZE_MAX, "/merchant/id")?,
        name: fields::text(body.name, MERCHANT_SIZE_MAX, "/merchant/name")?,
        category_code: body.category_code.map(code).transpose()?,
    })
}

/// Has the statement judge what could be read. The lines' answers, in their order, and whether they
/// are those of an earlier call with the same key.
async fn judged(
    state: &State,
    wallet: &WalletId,
    lines: Vec<Read>,
    key: Option<&str>,
) -> Result<(Vec<LineState>, bool), Problem> {
    let seen = state.see(&EntityId::wallet(wallet)).await?.ok_or_else(not_found)?;
    let currency = wallet_of(&seen).ok_or_else(not_found)?.profile.currency;
    let mut states = Vec::with_capacity(lines.len());
    let (mut taken, mut places) = (Vec::new(), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        let (mut status, mut code, mut detail) = ("refused", None, None);
        match line.taken {
            Ok(submitted) => {
                taken.push(submitted);
                places.push(index);
                status = "new";
            }
            Err(problem) => (code, detail) = problem.in_words(),
        }
        states.push(LineState { index, transaction_id: line.id, status, code, detail });
    }
    let (answers, replayed) = ask(state, Take::cut(wallet, currency, taken), key).await?;
    for (place, answer) in places.into_iter().zip(answers) {
        let line = &mut states[place];
        line.status = answer.as_str();
        if let LineAnswer::Not(LineVerdict::Refused(refusal)) = answer {
            line.code = Some(refusal.code().as_str());
            line.detail = Some(format!("{}: {}", refusal.field(), refusal.detail()));
        }
    }
    Ok((states, replayed))
}

/// Has the decisions of a call made. With a key, the first one has it, and the others have it with
/// their number; the first one goes alone, so that a key that was used for another call stops all.
async fn ask(
    state: &State,
    takes: Vec<Take>,
    key: Option<&str>,
) -> Result<(Vec<LineAnswer>, bool), Problem> {
    let key_of = |at: usize, content: u64| {
        let text = key.map(|key| if at == 0 { key.to_owned() } else { format!("{key} {at}") });
        text.map(|text| Key { text: text.into(), content })
    };
    let ask = |(at, take): (usize, Take)| {
        let to = EntityId::statement(&take.wallet);
        let command = statement::Command::Take(take);
        let key = key_of(at, command.content());
        let (command, request_id) = (Command::Statement(command), "".into());
        (to, Ask::Decide { command, key, request_id, room: Room::There })
    };
    let mut first: Vec<_> = takes.into_iter().enumerate().map(ask).collect();
    let rest = if key.is_some() && first.len() > 1 { first.split_off(1) } else { Vec::new() };
    let (mut answers, mut replayed) = (Vec::new(), false);
    for asks in [first, rest].into_iter().filter(|asks| !asks.is_empty()) {
        for answer in state.engine.ask_all(asks).await.answers().await {
            let (lines, again) = line_answers(answer)?;
            answers.extend(lines);
            replayed |= again;
        }
    }
    Ok((answers, replayed))
}

/// What each line of one decision is answered, and whether it was made before.
fn line_answers(answer: Answer) -> Result<(Vec<LineAnswer>, bool), Problem> {
    match answer {
        Answer::Known(answers) => Ok((answers, false)),
        Answer::Decided { record, replayed, .. } => {
            let Verdict::Statement(events) = &record.verdict else {
                unreachable!("a decision without a key that is refused is not recorded")
            };
            let taken = events
                .iter()
                .find_map(|event| if let Event::Taken(taken) = event { Some(taken) } else { None });
            let taken = taken.expect("a record that answers a call takes its lines");
            Ok((taken.answers(), replayed))
        }
        Answer::Rejected(rejection) => Err(Problem::rejected(&rejection)),
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Summary(_)
        | Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Recent { .. }
        | Answer::Judged(_)
        | Answer::Rewards(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

fn list(items: Vec<LineState>) -> HttpResponse {
    let mut counts = LineCounts::default();
    for item in &items {
        match item.status {
            "new" => counts.new += 1,
            "duplicate" => counts.duplicate += 1,
            "conflict" => counts.conflict += 1,
            _ => counts.refused += 1,
        }
    }
    HttpResponse::Accepted().json(LineList { items, counts })
}
