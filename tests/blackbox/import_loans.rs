//! `bursar import --loans` and `bursar advances`: loans become advances, once each, and add up.
//!
//! What depends on a server that is overloaded, silent or wrong is tested against a [`Desk`], which
//! opens advances as the contract says and misbehaves as ordered. What depends on advances being
//! paid out is tested against the real server with its sandbox, also with the bank's whole file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{BURSAR, Ended, Launch, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::loan_desk::{Desk, Manner};

const HEADER: &str = "loan_id,account,date,amount,months,monthly_payment,status\n";

/// A file of loans: so many of 1200.00 in 12 months, with ids from 1.
fn loans(count: u32) -> (TempDir, PathBuf) {
    let mut text = HEADER.to_owned();
    for id in 1..=count {
        writeln!(text, "{id},{id},1993-07-05,1200,12,100.00,A").expect("a String takes all");
    }
    file(&text)
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("loans.csv");
    std::fs::write(&path, text).expect("a file can be written");
    (directory, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn import(url: &str, file: &Path, more: &[&str]) -> Ended {
    let mut arguments = vec!["import", "--loans", text(file), "--url", url, "--json"];
    arguments.extend(more);
    bursar(&arguments)
}

/// The report of a command that ended with this code.
fn report(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// The sums of a server's advances, which must add up.
fn sums(url: &str) -> Value {
    let sums = report(&bursar(&["advances", "--url", url, "--json"]), 0);
    assert_eq!(sums["adds_up"], true, "{sums}");
    sums
}

#[test]
fn an_overloaded_server_is_waited_for_and_nothing_is_opened_twice() {
    let desk = Desk::start();
    for (id, manner) in [
        ("loan-2", Manner::Overloaded),
        ("loan-3", Manner::Throttles),
        ("loan-4", Manner::OpensAndLeaves),
        ("loan-5", Manner::Leaves),
    ] {
        desk.order_once(id, manner);
    }
    let (_directory, file) = loans(6);
    let summary = report(&import(&desk.url(), &file, &[]), 0)["summary"].clone();
    assert_eq!((&summary["refused"], &summary["amount"]), (&0.into(), &"7200.00".into()));
    // The answer to loan 4 was lost: its repeat is answered from its key.
    assert_eq!((&summary["opened"], &summary["there_already"]), (&5.into(), &1.into()));
    assert_eq!(desk.opened(), 6);
    assert_eq!(desk.asked("loan-1"), 1);
    for id in ["loan-2", "loan-3", "loan-4", "loan-5"] {
        assert_eq!(desk.asked(id), 2, "{id}");
    }
}

#[test]
fn only_so_many_calls_are_under_way_at_once() {
    let desk = Desk::start();
    desk.hold_until_together(3);
    let (_directory, file) = loans(9);
    let ended = import(&desk.url(), &file, &["--at-once", "3"]);
    assert_eq!(report(&ended, 0)["summary"]["opened"], 9);
    assert_eq!(desk.most_at_once(), 3);
}

#[test]
fn a_refused_line_is_told_with_its_number_and_the_rest_is_opened() {
    let desk = Desk::start();
    desk.order_always("loan-2", Manner::Refuses("invalid-amount"));
    let (_directory, file) = loans(3);
    let ended = import(&desk.url(), &file, &[]);
    let report = report(&ended, 1);
    assert_eq!(report["summary"]["opened"], 2);
    assert_eq!(report["summary"]["codes"]["invalid-amount"], 1);
    assert_eq!(report["complaints"][0]["line"], 3);
    assert!(ended.stderr.contains("line 3: loan 2: refused with 422 invalid-amount"), "{ended:?}");
}

#[test]
fn waiting_ends_when_all_are_credited_or_have_failed() {
    let desk = Desk::start();
    desk.credit_after(3);
    desk.order_always("loan-2", Manner::Fails("account-closed"));
    let (_directory, file) = loans(4);
    let ended = import(&desk.url(), &file, &["--wait"]);
    let summary = report(&ended, 1)["summary"].clone();
    assert_eq!((&summary["credited"], &summary["failed"]), (&3.into(), &1.into()));
    assert_eq!((&summary["pending"], &summary["opened"]), (&0.into(), &4.into()));
    assert!(ended.stderr.contains("line 3: loan 2: adv_2 failed: account-closed"), "{ended:?}");
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let desk = Desk::start();
    desk.credit_after(u64::MAX);
    let (_directory, file) = loans(2);
    let ended = import(&desk.url(), &file, &["--wait=1"]);
    assert_eq!(report(&ended, 1)["summary"]["pending"], 2);
}

#[test]
fn a_list_of_many_pages_is_added_up_and_a_difference_is_the_answer_no() {
    let desk = Desk::start();
    desk.credit_after(0);
    desk.page_length(2);
    let (_directory, file) = loans(5);
    report(&import(&desk.url(), &file, &["--wait"]), 0);
    let sums = sums(&desk.url());
    assert_eq!(sums["rows"][0]["count"], 5);
    assert_eq!(sums["totals"][0]["outstanding"], "6000.00");
    let active = bursar(&["advances", "--url", &desk.url(), "--status", "active"]);
    assert!(active.stdout.starts_with("currency  status  count"), "{active:?}");
    assert_eq!(active.stdout.lines().count(), 3, "{active:?}");
    assert_eq!(active.stderr, "", "no bar where nobody watches");
    let failed = bursar(&["advances", "--url", &desk.url(), "--status", "failed"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(0), "There are no such advances.\n"));
    desk.lose("adv_3", "0.01");
    let ended = bursar(&["advances", "--url", &desk.url(), "--json"]);
    assert_eq!(report(&ended, 1)["adds_up"], false);
    assert!(ended.stderr.contains("adv_3 is active and does not add up"), "{ended:?}");
    assert!(ended.stderr.contains("the total in CZK is off by -0.01"), "{ended:?}");
}

#[test]
fn the_options_of_loans_go_with_loans_only() {
    let (_directory, loans) = loans(1);
    let file = text(&loans);
    for arguments in [
        vec!["import"],
        vec!["import", file, "--loans", file],
        vec!["import", file, "--wait"],
        vec!["import", file, "--limit", "3"],
        vec!["import", file, "--first-due", "2027-01-31"],
        vec!["import", "--loans", file, "--lines-per-call", "3"],
        vec!["import", "--loans", file, "--first-due", "2027-02-29"],
        vec!["import", "--loans", file, "--limit", "0"],
        vec!["import", "--loans", "no-such-file.csv"],
        vec!["advances", "--schedule", "../wallets/a"],
        vec!["advances", "--schedule", "adv_1", "--status", "active"],
    ] {
        let ended = bursar(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn all_lines_that_are_no_loans_are_told_before_the_first_call() {
    let desk = Desk::start();
    let lines = "1,1,d,1200,12,100.00,A\n2,2,d,1e3,12,100.00,A\n3,3,d,1200,0,100.00,A\n";
    let (_directory, file) = file(&format!("{HEADER}{lines}"));
    let ended = import(&desk.url(), &file, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("line 3: amount is \"1e3\""), "{ended:?}");
    assert!(ended.stderr.contains("line 4: months is \"0\""), "{ended:?}");
    assert_eq!((desk.opened(), desk.asked("loan-1")), (0, 0));
}

/// A server whose third parties answer at once.
fn server() -> Server {
    Server::start_with(Launch::with("BURSAR__SANDBOX__LATENCY_MS", "0"))
}

/// What the simulated processor paid out, in hundredths.
fn pushed(client: &mut Client) -> i128 {
    let ledger = client.get("/sandbox/ledger").expect(200);
    crate::bank::minor(&ledger["totals"]["CZK"]["pushed"])
}

#[test]
fn loans_become_advances_once_and_their_plans_begin_with_the_credit() {
    let server = server();
    let (_directory, file) = loans(20);
    let first = report(&import(&server.url(), &file, &["--wait"]), 0)["summary"].clone();
    assert_eq!((&first["opened"], &first["there_already"]), (&20.into(), &0.into()));
    assert_eq!((&first["credited"], &first["amount"]), (&20.into(), &"24000.00".into()));
    let again = report(&import(&server.url(), &file, &[]), 0)["summary"].clone();
    assert_eq!((&again["opened"], &again["there_already"]), (&0.into(), &20.into()));
    assert_eq!(again["credited"], 20);
    let sums = sums(&server.url());
    assert_eq!(sums["totals"][0]["given"], "24000.00");
    assert_eq!(sums["totals"][0]["outstanding"], "24000.00");
    let mut client = server.client();
    assert_eq!(pushed(&mut client), 2_400_000);
    client.assert_balanced();
    let list = client.get("/v1/advances?limit=1").expect(200);
    let id = list["items"][0]["id"].as_str().expect("an id").to_owned();
    let ended = bursar(&["advances", "--url", &server.url(), "--schedule", &id]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with(&format!("{id} of acct-")), "{ended:?}");
    assert!(ended.stdout.contains("12 scheduled (1200.00)"), "{ended:?}");
}

#[test]
fn a_file_that_is_imported_with_other_terms_is_refused_line_by_line() {
    let server = server();
    let (_directory, file) = loans(2);
    report(&import(&server.url(), &file, &[]), 0);
    let ended = import(&server.url(), &file, &["--currency", "EUR"]);
    let summary = report(&ended, 1)["summary"].clone();
    assert_eq!(summary["codes"]["idempotency-key-reused"], 2);
    assert_eq!(sums(&server.url())["totals"][0]["count"], 2);
}

#[test]
fn an_import_of_loans_cut_off_by_a_crash_goes_on_when_it_is_run_again() {
    let mut server = server();
    let (_directory, file) = loans(300);
    let mut first = Command::new(BURSAR)
        .args(["import", "--loans", text(&file), "--url", &server.url(), "--at-once", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut client = server.client();
    eventually("some advances are opened", || {
        let page = client.get("/v1/advances?limit=5").expect(200);
        (page["items"].as_array()?.len() >= 5).then_some(())
    });
    server.kill();
    let status = first.wait().expect("an own child can be waited for");
    assert_eq!(status.code(), Some(1), "without a server the answer is no");
    server.restart();
    let second = report(&import(&server.url(), &file, &["--wait"]), 0)["summary"].clone();
    let there = second["there_already"].as_u64().expect("a count");
    assert!((5..300).contains(&there), "{second}");
    assert_eq!((&second["refused"], &second["credited"]), (&0.into(), &300.into()));
    let third = report(&import(&server.url(), &file, &[]), 0)["summary"].clone();
    assert_eq!(third["there_already"], 300);
    assert_eq!(sums(&server.url())["totals"][0]["given"], "360000.00");
    assert_eq!(pushed(&mut server.client()), 36_000_000);
    server.client().assert_balanced();
}

#[test]
fn a_loan_is_paid_back_when_its_months_are_over() {
    let server = server();
    let lines = "1,1,d,1000,3,333.33,A\n2,2,d,600,2,300.00,A\n3,3,d,600,12,50.00,A\n";
    let (_directory, file) = file(&format!("{HEADER}{lines}"));
    let imported = report(&import(&server.url(), &file, &["--wait"]), 0)["summary"].clone();
    assert_eq!(
        (&imported["payments_differ"], &imported["payments_surplus"]),
        (&1.into(), &"-0.01".into())
    );
    let mut client = server.client();
    for _ in 0..4 {
        let body = serde_json::json!({"advance": "P1M"});
        client.send(&Request::post("/admin/clock", &body)).expect(200);
    }
    let sums = sums(&server.url());
    let row = |index: usize, name: &str| sums["rows"][index][name].clone();
    assert_eq!((row(0, "status"), row(1, "status")), ("active".into(), "completed".into()));
    assert_eq!((row(0, "count"), row(1, "count")), (1.into(), 2.into()));
    assert_eq!((row(1, "given"), row(1, "collected")), ("1600.00".into(), "1600.00".into()));
    let ledger = client.get("/sandbox/ledger").expect(200);
    let (pulled, total) = (&ledger["totals"]["CZK"]["pulled"], &sums["totals"][0]);
    assert_eq!(pulled, &total["collected"]);
    client.assert_balanced();
}

#[test]
fn the_whole_file_of_loans_is_opened() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/loans.csv");
    let server = server();
    let whole = report(&import(&server.url(), &file, &["--wait"]), 0);
    let summary = &whole["summary"];
    assert_eq!((&summary["loans"], &summary["credited"]), (&346.into(), &346.into()));
    assert_eq!(
        (&summary["amount"], &summary["payments_differ"]),
        (&"52900344.00".into(), &0.into())
    );
    let plans = whole["plans"].as_array().expect("a list");
    let plans: Vec<_> = plans.iter().map(|plan| (&plan["months"], &plan["loans"])).collect();
    let expected = [(12, 76), (24, 53), (36, 77), (48, 70), (60, 70)];
    let expected = expected.map(|(months, loans)| (Value::from(months), Value::from(loans)));
    assert!(plans.into_iter().eq(expected.iter().map(|(months, loans)| (months, loans))));
    assert_eq!(sums(&server.url())["totals"][0]["outstanding"], "52900344.00");
    server.client().assert_balanced();
}
