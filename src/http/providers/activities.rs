//! Activities: what providers did for members, submitted in bulk.
//!
//! One call has up to a hundred thousand lines, as a JSON array or as NDJSON, and is answered the
//! same way, a line for a line, once all that is new is durable. Each line counts once, for ever,
//! by its `activity_id`; so a call that was cut off is simply sent again, and needs no key.
//!
//! The lines are cut into as many decisions as they need, handed on together and in order: what
//! stands behind is durable only when what stands before is.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{self, Path, Payload};
use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_domain::id::{EntityId, ProviderId};
use bursar_domain::provider::command::Activities;
use bursar_domain::provider::{self, ActivityLine, Event, LineAnswer, LineVerdict};
use bursar_domain::record::Verdict;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bodies, not_found, provider_in_path};
use crate::http::problem::Problem;
use crate::http::requests::ActivityBody;
use crate::http::{Answered, Shared, State, body, json, lines};

/// The most lines of a call.
const LINES_MAX: usize = 100_000;

/// What became of a line.
#[derive(Serialize, ToSchema)]
pub(crate) struct Submitted {
    /// Its place in the call, from 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "act-1")]
    activity_id: Option<String>,
    /// `new`, `duplicate` (the same was submitted before), `conflict` (the id was submitted with
    /// other content; the first stands) or `refused`.
    #[schema(example = "new")]
    status: &'static str,
    /// Whether its service date lies before the period in which it is paid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// How many lines became what.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct SubmittedCounts {
    new: usize,
    duplicate: usize,
    conflict: usize,
    refused: usize,
}

/// The answer to an array.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubmittedList {
    /// In the order of the call.
    items: Vec<Submitted>,
    counts: SubmittedCounts,
}

/// A line before it is judged: its id, and what is submitted or why it cannot be.
struct Line {
    id: Option<String>,
    taken: Result<ActivityLine, Problem>,
}

/// Submits what a provider did for members: an array, or a line each.
#[utoipa::path(post, path = "/v1/providers/{id}/activities", tag = "providers",
    params(("id" = String, Path, description = "The provider")),
    request_body(content = Vec<ActivityBody>, description = "An array, or NDJSON"), responses(
    (status = 200, body = SubmittedList, description = "NDJSON when NDJSON was sent"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn submit(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let id = provider_in_path(&id)?;
    body::check_type(&request, body::Media::Lines)?;
    let limits = &state.config.server;
    let bytes_max = limits.batch_bytes_max;
    let bytes = body::read(&request, &mut payload, bytes_max, state.body_timeout()).await?;
    let is_list = lines::is_array(&bytes);
    // A large call takes a moment to read, and others wait for this worker.
    let read = move || {
        let lines = lines::cut::<LINES_MAX>(&bytes, "activities")?;
        Ok::<_, Problem>(lines.into_iter().map(read).collect::<Vec<_>>())
    };
    let lines = web::block(read).await.map_err(|_| Problem::stopping())??;
    let submitted = judged(&state, &id, lines).await?;
    Ok(if is_list { json(&list(submitted)) } else { lines::answer(StatusCode::OK, &submitted) })
}

/// What a line submits, or why it cannot be.
pub(crate) fn taken(line: &[u8]) -> Result<ActivityLine, Problem> {
    read(line).taken
}

fn read(line: &[u8]) -> Line {
    match body::parse::<ActivityBody<'_>>(line) {
        Ok(body) => {
            let id = Some(body.activity_id.to_string());
            Line { id, taken: bodies::activity(body) }
        }
        Err(problem) => Line { id: None, taken: Err(problem) },
    }
}

/// Has the provider judge what could be read. The lines' answers, in their order.
async fn judged(
    state: &State,
    provider: &ProviderId,
    lines: Vec<Line>,
) -> Result<Vec<Submitted>, Problem> {
    let mut submitted = Vec::with_capacity(lines.len());
    let (mut taken, mut places) = (Vec::new(), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        let (mut status, mut code, mut detail) = ("refused", None, None);
        match line.taken {
            Ok(activity) => {
                taken.push(activity);
                places.push(index);
                status = "new";
            }
            Err(problem) => (code, detail) = problem.in_words(),
        }
        submitted.push(Submitted {
            index,
            activity_id: line.id,
            status,
            late: false,
            code,
            detail,
        });
    }
    let answers = ask(state, provider, taken).await?;
    for (place, answer) in places.into_iter().zip(answers) {
        let line = &mut submitted[place];
        line.status = answer.as_str();
        match answer {
            LineAnswer::New { late } => line.late = late,
            LineAnswer::Not(LineVerdict::Refused(refusal)) => {
                line.code = Some(refusal.code().as_str());
                line.detail = Some(format!("{}: {}", refusal.field(), refusal.detail()));
            }
            LineAnswer::Not(LineVerdict::Duplicate | LineVerdict::Conflict) => {}
        }
    }
    Ok(submitted)
}

async fn ask(
    state: &State,
    provider: &ProviderId,
    lines: Vec<ActivityLine>,
) -> Result<Vec<LineAnswer>, Problem> {
    let to = EntityId::provider(provider);
    if state.see(&to).await?.is_none() {
        return Err(not_found());
    }
    let ask = |call: Activities| {
        let command = Command::Provider(provider::Command::Activities(call));
        let (key, request_id, room) = (None, "".into(), Room::There);
        (to.clone(), Ask::Decide { command, key, request_id, room })
    };
    let asks = Activities::cut(lines).into_iter().map(ask).collect::<Vec<_>>();
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let mut answers = Vec::new();
    for answer in state.engine.ask_all(asks).await.answers().await {
        answers.extend(line_answers(answer)?);
    }
    Ok(answers)
}

/// What each line of one decision is answered.
fn line_answers(answer: Answer) -> Result<Vec<LineAnswer>, Problem> {
    match answer {
        Answer::Judged(answers) => Ok(answers),
        Answer::Decided { record, .. } => {
            let Verdict::Provider(events) = &record.verdict else {
                unreachable!("a decision without a key that is refused is not recorded")
            };
            let noted = events.iter().find_map(|event| {
                if let Event::Activities(noted) = event { Some(noted) } else { None }
            });
            Ok(noted.expect("a record that answers a call notes its lines").answers())
        }
        Answer::Rejected(rejection) => Err(Problem::rejected(&rejection)),
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Summary(_)
        | Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Recent { .. }
        | Answer::Known(_)
        | Answer::Rewards(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

fn list(items: Vec<Submitted>) -> SubmittedList {
    let mut counts = SubmittedCounts::default();
    for item in &items {
        match item.status {
            "new" => counts.new += 1,
            "duplicate" => counts.duplicate += 1,
            "conflict" => counts.conflict += 1,
            _ => counts.refused += 1,
        }
    }
    SubmittedList { items, counts }
}
