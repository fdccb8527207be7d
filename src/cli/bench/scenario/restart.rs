//! Ready again: after a kill right behind the last answer, and after an orderly stop.
//!
//! The kill comes while work may still be put off and no snapshot is fresh, so it is the longer way
//! back. What was answered must be there afterwards: wallets are sampled and their balances held
//! against what was paid. The page cache survives both; a cold disk takes longer.

use std::time::Duration;

use super::super::arguments::Restart;
use super::super::client;
use super::super::expectation::{MILLION, READY_WITHIN};
use super::super::failure::Failure;
use super::super::report::{Report, Row, Unit};
use super::super::server::{QUIET_PATIENCE, Server};
use super::super::template::{Keys, Picks};
use super::super::workload::{DEPOSIT_CENTS, Lines, Spread, wallet_path};
use super::{Context, Subject};

/// Wallets whose balances are looked at after each start.
const SAMPLES: u64 = 200;

/// Runs the scenario.
pub(crate) fn run(
    context: &Context,
    options: &Restart,
    report: &mut Report,
) -> Result<(), Failure> {
    let (wallets, payments) = (context.size(options.wallets), context.size(options.payments));
    let full = wallets >= MILLION && payments >= MILLION;
    let subject = Subject::fresh(context, "restart", &[])?;
    subject.open_and_fund(wallets)?;
    let lines = Lines::payments(Spread::InTurn(wallets));
    subject.prepare(&lines, payments, "paying")?;

    let Subject { server, data, .. } = subject;
    report.section(format!("restart, {wallets} wallets, {payments} payments"));
    server.kill()?;
    let server = Server::serve(&data, &[])?;
    let ready = server.wait_ready()?;
    report_start("after a kill", &server, ready, full, report);
    check_balances("after a kill", &server, wallets, payments, report)?;
    server.wait_quiet(QUIET_PATIENCE)?;
    report.row(Row::new("RSS", server.resident_bytes()? as f64, Unit::Mebibytes));

    let stopped = server.stop()?;
    report.row(Row::new("orderly stop", stopped.as_secs_f64(), Unit::Seconds));
    let server = Server::serve(&data, &[])?;
    let ready = server.wait_ready()?;
    report_start("after a stop", &server, ready, full, report);
    check_balances("after a stop", &server, wallets, payments, report)?;
    Subject { server, data, keys: Keys::default() }.end(context)
}

fn report_start(after: &str, server: &Server, ready: Duration, full: bool, report: &mut Report) {
    let listening = server.listening_after.as_secs_f64();
    report.row(Row::new(format!("listening {after}"), listening, Unit::Seconds));
    let row = Row::new(format!("ready {after}"), ready.as_secs_f64(), Unit::Seconds);
    report.row(row.under(READY_WITHIN.as_secs_f64()).judged_if(full));
}

fn check_balances(
    when: &str,
    server: &Server,
    wallets: u64,
    payments: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut picks = Picks::new(wallets);
    for _ in 0..SAMPLES {
        let wallet = picks.below(wallets);
        let path = wallet_path(wallet);
        let answer = client::call(server.address, "GET", &path)
            .map_err(Failure::system("reading a wallet"))?;
        let expected = posted_after(wallet, wallets, payments);
        if posted_in(&answer.body).as_deref() != Some(expected.as_str()) {
            let (status, body) = (answer.status, answer.body);
            report.problem(format!("{when}, {path}: {status}: {body}, posted is not {expected}"));
            return Ok(());
        }
    }
    Ok(())
}

/// What a wallet has left, every wallet having paid a cent in turn.
fn posted_after(wallet: u64, wallets: u64, payments: u64) -> String {
    let paid = payments / wallets + u64::from(wallet < payments % wallets);
    let left = DEPOSIT_CENTS - paid;
    format!("{}.{:02}", left / 100, left % 100)
}

fn posted_in(body: &str) -> Option<String> {
    let wallet: serde_json::Value = serde_json::from_str(body).ok()?;
    wallet["balance"]["posted"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_pay_in_turn() {
        assert_eq!(posted_after(0, 3, 7), "999999.97");
        assert_eq!(posted_after(1, 3, 7), "999999.98");
    }

    #[test]
    fn the_posted_balance_is_read_and_nothing_else() {
        let body = r#"{"id":"w","balance":{"posted":"1.00","held":"0.00"}}"#;
        assert_eq!(posted_in(body).as_deref(), Some("1.00"));
        assert_eq!(posted_in(r#"{"code":"wallet-not-found"}"#), None);
    }
}
