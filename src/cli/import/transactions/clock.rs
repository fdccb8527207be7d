//! The sandbox's clock, as far as feeding moves it: to the noon of a day, and a second on.
//!
//! The server answers a move when all that fell due on the way and all that followed from it is
//! done: every line that was taken is drawn, every win decided, every reward credited. So a move of
//! a second is how an import waits for that.
//!
//! Invariant: the clock is only moved ahead; one that is further already is left where it is.

use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{Attempt, Client, Failure, send};

#[derive(Deserialize)]
struct ClockState {
    now: String,
}

/// What the clock of the server shows.
pub(super) async fn now(client: &Client) -> Result<Timestamp, Failure> {
    client
        .patiently(async || {
            let answer = send(client.get("/admin/clock")?).await?;
            if answer.status == reqwest::StatusCode::NOT_FOUND {
                return Err(Attempt::Final(
                    "has no clock that can be moved; start it with --sandbox".to_owned(),
                ));
            }
            let state: ClockState = answer.read("a clock")?;
            let wrong = || Attempt::Final(format!("answered a clock of {:?}", state.now));
            Timestamp::parse(&state.now).ok_or_else(wrong)
        })
        .await
}

/// Moves the clock to the noon of a day, unless it is there or further.
pub(super) async fn reach(client: &Client, day: Day) -> Result<(), Failure> {
    let noon = format!("{day}T12:00:00Z");
    let target = Timestamp::parse(&noon).expect("a day has a noon");
    if now(client).await? < target {
        set(client, &json!({ "set": noon })).await?;
    }
    Ok(())
}

/// Waits until all that follows from what was taken is done.
pub(super) async fn settle(client: &Client) -> Result<(), Failure> {
    set(client, &json!({ "advance": "PT1S" })).await
}

async fn set(client: &Client, body: &serde_json::Value) -> Result<(), Failure> {
    let body = body.to_string();
    client
        .patiently(async || {
            let request = client.post("/admin/clock")?.header("Content-Type", "application/json");
            let answer = send(request.body(body.clone())).await?;
            // Asked again because the first answer took too long: by now it has been there.
            if answer.problem().is_some_and(|problem| problem.code == "clock-moves-forward") {
                return Ok(());
            }
            answer.good().map(drop)
        })
        .await
}
