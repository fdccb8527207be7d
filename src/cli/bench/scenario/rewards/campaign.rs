//! The campaign of a scenario: it draws every line, and has more money than can be won.
//!
//! Nine wins of ten are a fixed amount, one is a tenth of the purchase. An answer that is not the
//! expected one ends the scenario: what follows would measure something else.

use serde_json::{Value, json};

use super::super::super::client::{self, Answer, Connection};
use super::super::super::failure::Failure;
use super::super::super::server::Server;
use super::super::schedule::prepared::today;
use super::lines::DAYS;

const PATH: &str = "/v1/campaigns/bench";

/// How the campaign stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Standing {
    /// Purchases drawn.
    pub(super) draws: u64,
    /// Draws that won.
    pub(super) wins: u64,
    /// Wins that were granted.
    pub(super) rewards: u64,
}

/// Announces it.
pub(super) fn announce(server: &Server, odds: &str) -> Result<(), Failure> {
    let days = i32::try_from(DAYS).expect("some days");
    let instant = |days| format!("{}T00:00:00Z", today(days));
    let body = json!({
        "id": "bench", "currency": "EUR", "budget": "1000000000.00", "odds": odds,
        "starts_at": instant(-days), "ends_at": instant(days),
        "prizes": [{"weight": 9, "amount": "1.00"}, {"weight": 1, "percent": "10", "max": "20.00"}],
    });
    let answer = client::post(server.address, "/v1/campaigns", "bench", &body.to_string())
        .map_err(Failure::system("announcing a campaign"))?;
    if answer.status == 201 { Ok(()) } else { Err(unexpected("announcing a campaign", &answer)) }
}

/// How it stands.
pub(super) fn standing(server: &Server) -> Result<Standing, Failure> {
    let doing = "reading how the campaign stands";
    let answer = client::call(server.address, "GET", PATH).map_err(Failure::system(doing))?;
    let standing = (answer.status == 200).then(|| standing_in(answer.body.as_bytes())).flatten();
    standing.ok_or_else(|| unexpected(doing, &answer))
}

/// The same on a connection that is kept.
pub(super) async fn draws(connection: &mut Connection) -> std::io::Result<u64> {
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let status = connection.exchange(request.as_bytes()).await?;
    let standing = (status == 200).then(|| standing_in(connection.body())).flatten();
    let unexpected = || std::io::Error::other(format!("{PATH}: {status}"));
    standing.map(|standing| standing.draws).ok_or_else(unexpected)
}

fn standing_in(body: &[u8]) -> Option<Standing> {
    let campaign: Value = serde_json::from_slice(body).ok()?;
    let count = |name: &str| campaign[name].as_u64();
    Some(Standing { draws: count("draws")?, wins: count("wins")?, rewards: count("rewards")? })
}

fn unexpected(doing: &str, answer: &Answer) -> Failure {
    Failure::Answer(format!("{doing}: {}: {}", answer.status, answer.body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_read_as_it_stands() {
        let body = br#"{"id":"bench","draws":9,"wins":3,"rewards":2,"waiting":0}"#;
        assert_eq!(standing_in(body), Some(Standing { draws: 9, wins: 3, rewards: 2 }));
        assert_eq!(standing_in(br#"{"code":"campaign-not-found"}"#), None);
    }
}
