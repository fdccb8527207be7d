//! What is asked of the sandbox beside the server: that it be slow, who called it, what it booked.
//!
//! A server with `--sandbox` serves the sandbox's own addresses too, so one address is enough.

use serde_json::{Value, json};

use super::super::super::client;
use super::super::super::failure::Failure;
use super::super::super::server::Server;
use super::book::{minor, refused};

/// How the processor was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Calls {
    /// All calls.
    pub(super) count: u64,
    /// Those that were turned away because there were too many.
    pub(super) throttled: u64,
    /// The most in any one second.
    pub(super) most_in_a_second: u64,
}

/// Has every pull from now on be answered only after ten minutes.
pub(super) fn hold_pulls(server: &Server) -> Result<(), Failure> {
    let fault = json!({ "route": "pull", "mode": "slow", "delay_ms": 600_000 });
    let answer = client::post(server.address, "/sandbox/faults", "bench-slow", &fault.to_string())
        .map_err(Failure::system("asking the sandbox to be slow"))?;
    if answer.status == 201 {
        Ok(())
    } else {
        Err(refused("asking the sandbox to be slow", &answer))
    }
}

/// How the processor was called.
pub(super) fn processor_calls(server: &Server) -> Result<Calls, Failure> {
    read(server, "/sandbox/calls", calls_in)
}

/// What the processor holds for its client, in cents: pulled, less what was given back.
pub(super) fn ledger_minor(server: &Server) -> Result<u64, Failure> {
    read(server, "/sandbox/ledger", net_in)
}

fn read<T>(
    server: &Server,
    path: &'static str,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, Failure> {
    let answer = client::call(server.address, "GET", path)
        .map_err(Failure::system("reading what the sandbox noted"))?;
    let json = (answer.status == 200).then(|| serde_json::from_str(&answer.body).ok()).flatten();
    json.and_then(|json| parse(&json)).ok_or_else(|| refused(path, &answer))
}

fn calls_in(json: &Value) -> Option<Calls> {
    let processor = &json["processor"];
    Some(Calls {
        count: processor["calls"].as_u64()?,
        throttled: processor["throttled"].as_u64()?,
        most_in_a_second: processor["most_in_a_second"].as_u64()?,
    })
}

fn net_in(json: &Value) -> Option<u64> {
    let totals = json["totals"].as_object()?;
    match totals.get("EUR") {
        Some(euros) => minor(euros["net"].as_str()?),
        None => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sandbox_noted_is_read() {
        let json = json!({"processor": {"calls": 7, "throttled": 1, "most_in_a_second": 5}});
        let expected = Calls { count: 7, throttled: 1, most_in_a_second: 5 };
        assert_eq!(calls_in(&json), Some(expected));
        let json = json!({"items": [], "totals": {"EUR": {"pulled": "3.00", "net": "2.50"}}});
        assert_eq!(net_in(&json), Some(250));
        assert_eq!(net_in(&json!({"totals": {}})), Some(0));
        assert_eq!(net_in(&json!({})), None);
    }
}
