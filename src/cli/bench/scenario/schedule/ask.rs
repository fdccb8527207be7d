//! What the parts ask of a server outside of any measurement: begin a run, see how it stands, move
//! the clock, count who is in memory.
//!
//! An answer that is not the expected one ends the scenario: what follows would measure something
//! else.

use serde_json::{Value, json};

use super::super::super::client::{self, Answer};
use super::super::super::failure::Failure;
use super::super::super::server::Server;

/// How a run over the advances stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    /// Its phase, in a word.
    pub(super) status: String,
    /// Advances that had something to do.
    pub(super) advances: u64,
    /// Debits that became due.
    pub(super) staged: u64,
    /// Debits that were given to the processor.
    pub(super) submitted: u64,
    /// Debits found to have succeeded or failed.
    pub(super) ended: u64,
    /// Lines that did not fit what was known.
    pub(super) misfits: u64,
    /// How its report was, in a word.
    pub(super) report: String,
    /// Lines of the report.
    pub(super) lines: u64,
    /// Those about debits that the report before did not have.
    pub(super) fresh: u64,
}

/// Begins a run now; gives its address.
pub(super) fn begin_run(server: &Server) -> Result<String, Failure> {
    let answer = client::call(server.address, "POST", "/v1/advances/runs")
        .map_err(Failure::system("beginning a run"))?;
    let id = parsed(&answer, 202).and_then(|run| run["id"].as_str().map(str::to_owned));
    let id = id.ok_or_else(|| unexpected("beginning a run", &answer))?;
    Ok(format!("/v1/advances/runs/{id}"))
}

/// How a run stands; one that is just beginning may not be found yet.
pub(super) fn standing(server: &Server, run: &str) -> Result<Option<Standing>, Failure> {
    let answer = client::call(server.address, "GET", run)
        .map_err(Failure::system("reading how a run stands"))?;
    if answer.status == 404 {
        return Ok(None);
    }
    let standing = parsed(&answer, 200).as_ref().and_then(standing_in);
    standing.map(Some).ok_or_else(|| unexpected("reading how a run stands", &answer))
}

fn standing_in(run: &Value) -> Option<Standing> {
    let count = |name: &str| run["counts"][name].as_u64();
    Some(Standing {
        status: run["status"].as_str()?.to_owned(),
        advances: count("advances")?,
        staged: count("staged")?,
        submitted: count("submitted")?,
        ended: count("succeeded")? + count("failed")?,
        misfits: count("contradicted")? + count("strange")?,
        report: run["report"]["status"].as_str()?.to_owned(),
        lines: run["report"]["lines"].as_u64()?,
        fresh: run["report"]["fresh"].as_u64()?,
    })
}

/// Moves the clock; gives how many instants there were on the way for which someone waited.
pub(super) fn move_clock(server: &Server, to: &str) -> Result<u64, Failure> {
    let body = json!({ "set": to }).to_string();
    let answer = client::post(server.address, "/admin/clock", &format!("bench-{to}"), &body)
        .map_err(Failure::system("moving the clock"))?;
    let steps = parsed(&answer, 200).and_then(|clock| clock["steps"].as_u64());
    steps.ok_or_else(|| unexpected("moving the clock", &answer))
}

/// How the sandbox's processor was called: the most in any second, and how many were turned away.
pub(super) fn processor_calls(server: &Server) -> Result<(u64, u64), Failure> {
    let answer = client::call(server.address, "GET", "/sandbox/calls")
        .map_err(Failure::system("reading what the sandbox noted"))?;
    let calls = parsed(&answer, 200).and_then(|calls| {
        let processor = &calls["processor"];
        Some((processor["most_in_a_second"].as_u64()?, processor["throttled"].as_u64()?))
    });
    calls.ok_or_else(|| unexpected("reading what the sandbox noted", &answer))
}

/// How many entities are in memory. Every shard is asked, behind what it has to do.
pub(super) fn residents(server: &Server) -> Result<u64, Failure> {
    let answer = client::call(server.address, "GET", "/admin/shards")
        .map_err(Failure::system("reading how the shards stand"))?;
    let residents = parsed(&answer, 200).as_ref().and_then(residents_in);
    residents.ok_or_else(|| unexpected("reading how the shards stand", &answer))
}

fn residents_in(shards: &Value) -> Option<u64> {
    shards["items"].as_array()?.iter().map(|shard| shard["residents"].as_u64()).sum()
}

fn parsed(answer: &Answer, status: u16) -> Option<Value> {
    (answer.status == status).then(|| serde_json::from_str(&answer.body).ok()).flatten()
}

fn unexpected(doing: &str, answer: &Answer) -> Failure {
    Failure::Answer(format!("{doing}: {}: {}", answer.status, answer.body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_stands() {
        let run = json!({
            "id": "run_2026-11-21_1", "status": "submitting",
            "counts": {"advances": 9, "staged": 8, "submitted": 7, "succeeded": 3, "failed": 2,
                "contradicted": 1, "strange": 4},
            "report": {"status": "read", "lines": 100, "fresh": 5, "others": 90},
        });
        let expected = Standing {
            status: "submitting".to_owned(),
            advances: 9,
            staged: 8,
            submitted: 7,
            ended: 5,
            misfits: 5,
            report: "read".to_owned(),
            lines: 100,
            fresh: 5,
        };
        assert_eq!(standing_in(&run), Some(expected));
        assert_eq!(standing_in(&json!({"code": "run-not-found"})), None);
    }

    #[test]
    fn residents_of_all_shards_count() {
        let shards = json!({"items": [{"shard": 0, "residents": 3}, {"shard": 1, "residents": 4}]});
        assert_eq!(residents_in(&shards), Some(7));
        assert_eq!(residents_in(&json!({"items": [{"shard": 0}]})), None);
    }
}
