//! `bursar import`: a bank's real statement, replayed through the server.
//!
//! The balances that come out must be the bank's within its own rounding, also when the server
//! was killed half-way and the command was run again. The whole statement is used where it stands
//! beside the project, and always a part of it that is committed here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{BURSAR, Ended, Server, bursar, eventually};

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/statement.csv")
}

fn whole() -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bank-statements.csv");
    file.exists().then_some(file)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn import(server: &Server, file: &Path) -> Ended {
    bursar(&["import", text(file), "--url", &server.url(), "--json"])
}

fn summary(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    report["summary"].clone()
}

#[test]
fn a_statement_gives_the_banks_balances_and_replays_harmlessly() {
    let server = Server::start();
    let first = summary(&import(&server, &committed()));
    assert_eq!(first["accounts"], 5);
    assert_eq!(first["lines"], 298);
    assert_eq!(first["replayed"], 0);
    assert_eq!(first["refused"], 0);
    assert_eq!(first["outside"], 0);
    let moved = first["deposits"].as_u64().zip(first["payments"].as_u64());
    assert_eq!(moved.map(|(deposits, payments)| deposits + payments), Some(298));
    let again = summary(&import(&server, &committed()));
    assert_eq!(again["replayed"], 298);
    assert_eq!(again["largest_difference"], first["largest_difference"]);
    server.client().assert_balanced();
}

#[test]
fn an_account_that_was_overdrawn_is_overdrawn_here_too() {
    let server = Server::start();
    summary(&import(&server, &committed()));
    let entries = server.client().all("/v1/wallets/acc-5868/entries");
    let lowest = entries.iter().map(|entry| crate::bank::minor(&entry["balance_after"])).min();
    assert!(lowest.is_some_and(|lowest| (-337_900..-336_000).contains(&lowest)), "{lowest:?}");
}

#[test]
fn the_table_for_people_ends_with_a_summary() {
    let server = Server::start();
    let file = committed();
    let ended = bursar(&["import", text(&file), "--url", &server.url(), "--lines-per-call", "7"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("account  lines"), "{}", ended.stdout);
    assert!(ended.stdout.contains("outside the drift   0"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "", "no bar where nobody watches");
}

#[test]
fn the_whole_statement_gives_the_banks_balances() {
    let Some(file) = whole() else {
        eprintln!("the whole statement is not beside the project; its part is tested");
        return;
    };
    let server = Server::start();
    let first = summary(&import(&server, &file));
    assert_eq!(first["accounts"], 591);
    assert_eq!(first["lines"], 23_916);
    assert_eq!((&first["refused"], &first["outside"]), (&0.into(), &0.into()));
    server.client().assert_balanced();
}

#[test]
fn an_import_cut_off_by_a_crash_goes_on_when_it_is_run_again() {
    let file = committed();
    let mut server = Server::start();
    let mut first = Command::new(BURSAR)
        .args(["import", text(&file), "--url", &server.url(), "--lines-per-call", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut client = server.client();
    eventually("some batches are answered", || {
        let entries = client.get("/v1/wallets/acc-576/entries?limit=500");
        let items = entries.status == 200 && entries.json()["items"].as_array()?.len() >= 3;
        items.then_some(())
    });
    server.kill();
    let status = first.wait().expect("an own child can be waited for");
    assert_eq!(status.code(), Some(1), "without a server the answer is no");
    server.restart();
    let second = summary(&import(&server, &file));
    let replayed = second["replayed"].as_u64().expect("a count");
    assert!((3..298).contains(&replayed), "{second}");
    assert_eq!((&second["refused"], &second["outside"]), (&0.into(), &0.into()));
    let third = summary(&import(&server, &file));
    assert_eq!(third["replayed"], 298);
    server.client().assert_balanced();
}

#[test]
fn without_a_server_the_import_says_what_to_do() {
    let mut server = Server::start();
    server.kill();
    let ended = import(&server, &committed());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("Start the server and run the same command again"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_file_that_is_no_statement_is_wrong_use() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("bad.csv");
    let lines = std::fs::read_to_string(committed()).expect("the statement is there");
    let lines: Vec<_> = lines.lines().take(3).chain(["9,9,1993-01-01,credit"]).collect();
    std::fs::write(&file, lines.join("\n")).expect("a file can be written");
    let ended = bursar(&["import", text(&file)]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("line: 4"), "{ended:?}");
    let missing = directory.path().join("missing.csv");
    assert_eq!(bursar(&["import", text(&missing)]).code, Some(2));
}
