//! `bursar import --transactions`: a statement as a bank sends it, again and again, counts once.
//!
//! The files are small and made here; what they come to is counted from their lines. A run must end
//! the same however often it was cut off, because what was taken is a duplicate.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{BURSAR, Ended, Server, bursar, eventually};
use crate::http::Client;
use crate::parties::Parties;
use crate::providers_desk::{days_after, launch, server_with};
use crate::rewards_desk::{campaign_body, number, with};

const HEADER: &str = "transaction_id,account,date,direction,operation,amount,\
                      balance_after_by_bank,purpose,counter_bank,counter_account\n";

/// The first day of every file.
const FIRST: &str = "1993-01-01";

/// A file of three accounts over so many days: each has a line on every third day, in turn; the
/// amounts are whole numbers from 1 up.
fn statement(days: i32) -> (TempDir, PathBuf) {
    let mut text = HEADER.to_owned();
    for (day, account) in (0..days).zip(["a", "b", "c"].into_iter().cycle()) {
        let date = days_after(FIRST, day);
        let operation = if day % 2 == 0 { "card" } else { "transfer-out" };
        writeln!(text, "{day},{account},{date},debit,{operation},{},0,fees,AB,7", day + 1)
            .expect("a String takes all");
    }
    file(&text)
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("statement.csv");
    std::fs::write(&path, text).expect("a file can be written");
    (directory, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn import(url: &str, file: &Path, more: &[&str]) -> Ended {
    let mut arguments = vec!["import", "--transactions", text(file), "--url", url, "--json"];
    arguments.extend(more);
    bursar(&arguments)
}

/// The report of a command that ended with this code.
fn report(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// A server, its client, and the day that the first of a file becomes there.
fn server() -> (Server, Client, String) {
    let server = server_with(launch());
    let mut client = server.client();
    let tomorrow = days_after(&client.today(), 1);
    (server, client, tomorrow)
}

/// A campaign in koruny for card payments from 10.00 on, which always win 5.00.
fn announce(client: &mut Client, first_day: &str, days: i32) {
    let body = campaign_body("cards", first_day, &days_after(first_day, days - 1));
    let terms = json!({"currency": "CZK", "budget": "60.00", "min_amount": "10",
        "merchants": {"category_codes": ["5999"]}});
    client.announce(&with(&body, &terms));
}

/// How many of so many lines are for it: even days from the tenth on.
fn for_it(days: i32) -> u64 {
    let count = (0..days).filter(|day| day % 2 == 0 && day + 1 >= 10).count();
    u64::try_from(count).expect("few")
}

/// The counts of a report that matter, by name.
fn counts(report: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| number(report, name)).collect()
}

#[test]
fn each_line_is_sent_for_thirty_days_and_counts_once() {
    let (server, mut client, tomorrow) = server();
    announce(&mut client, &tomorrow, 60);
    let (_directory, file) = statement(50);
    let told = report(&import(&server.url(), &file, &[]), 0);
    let names = ["lines", "sent", "new", "duplicate", "conflict", "refused", "not_sent"];
    // A line of day n is sent on thirty days, or until the file ends.
    let sent: u64 = (0..50_u64).map(|day| (50 - day).min(30)).sum();
    assert_eq!(counts(&told, &names), [50, sent, 50, sent - 50, 0, 0, 0]);
    let eligible = for_it(50);
    assert_eq!(counts(&told, &["eligible", "drawn", "won"]), [eligible; 3], "{told}");
    // The budget holds twelve prizes.
    assert_eq!((number(&told, "granted"), &told["granted_amount"]), (12, &json!("60.00")));
    assert_eq!(number(&told["campaigns"][0], "exhausted"), eligible - 12);
    assert_eq!((&told["first_day"], &told["accounts"]), (&json!(tomorrow), &json!(3)));
    let campaign = client.campaign("cards");
    assert_eq!((number(&campaign, "draws"), number(&campaign, "rewards")), (eligible, 12));
    let credited: i128 = ["a", "b", "c"]
        .map(|name| crate::bank::minor(&json!(client.posted(&format!("customer-{name}")))))
        .iter()
        .sum();
    assert_eq!(credited, 6_000);
    client.assert_balanced();
}

#[test]
fn the_lines_say_what_the_bank_says() {
    let (server, mut client, tomorrow) = server();
    let body = with(&campaign_body("all", &tomorrow, &tomorrow), &json!({"currency": "CZK"}));
    client.announce(&body);
    let line = format!("t-1,9,{FIRST},credit,transfer-in,12.5,0,pension,QR,88\n");
    let (_directory, file) = file(&format!("{HEADER}{line}"));
    report(&import(&server.url(), &file, &[]), 0);
    let rewards = client.rewards("customer-9");
    assert_eq!(rewards.len(), 1);
    assert_eq!(
        (&rewards[0]["transaction_id"], &rewards[0]["date"], &rewards[0]["purchase_amount"]),
        (&json!("t-1"), &json!(tomorrow), &json!("12.50"))
    );
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let out = directory.path().join("transactions.ndjson");
    let ended = bursar(&[
        "export",
        "--table",
        "transactions",
        "--format",
        "ndjson",
        "--url",
        &server.url(),
        "--out",
        text(&out),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let row = std::fs::read_to_string(&out).expect("the file is there");
    let row: Value = serde_json::from_str(&row).expect("one row");
    for (name, expected) in [
        ("from_account", json!("QR/88")),
        ("to_account", json!("9")),
        ("description", json!("pension")),
        ("merchant_id", json!("QR/88")),
        ("merchant_name", json!("pension")),
        ("category_code", json!(4829)),
        ("status", json!("posted")),
    ] {
        assert_eq!(row[name], expected, "{name}: {row}");
    }
}

#[test]
fn a_part_after_the_other_counts_each_line_once() {
    let (server, mut client, tomorrow) = server();
    announce(&mut client, &tomorrow, 60);
    let (_directory, file) = statement(40);
    let cut = days_after(FIRST, 24);
    let first = report(&import(&server.url(), &file, &["--to", &cut]), 0);
    assert_eq!(counts(&first, &["lines", "new", "drawn"]), [25, 25, for_it(25)]);
    let next = days_after(FIRST, 25);
    let second = report(&import(&server.url(), &file, &["--from", &next]), 0);
    assert_eq!(counts(&second, &["lines", "new", "drawn"]), [15, 15, for_it(40) - for_it(25)]);
    assert_eq!(second["first_day"], json!(days_after(&tomorrow, 25)));
    // Once more, all of it: nothing is new, and the draws are the lines.
    let again = report(&import(&server.url(), &file, &[]), 0);
    assert_eq!(counts(&again, &["new", "conflict", "refused"]), [0, 0, 0]);
    assert_eq!(number(&again, "there_already") + number(&again, "not_sent"), 40);
    assert_eq!(number(&again, "drawn"), for_it(40));
}

#[test]
fn an_import_of_bank_lines_cut_off_by_a_crash_goes_on_when_it_is_run_again() {
    let (mut server, mut client, tomorrow) = server();
    announce(&mut client, &tomorrow, 60);
    let (_directory, file) = statement(50);
    let mut first = Command::new(BURSAR)
        .args(["import", "--transactions", text(&file), "--url", &server.url()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    eventually("some lines are drawn", || {
        (number(&client.campaign("cards"), "draws") >= 5).then_some(())
    });
    server.kill();
    let status = first.wait().expect("an own child can be waited for");
    assert_eq!(status.code(), Some(1), "without a server the answer is no");
    server.restart();
    let second = report(&import(&server.url(), &file, &[]), 0);
    assert_eq!(second["first_day"], json!(tomorrow), "the dates are moved as before");
    assert!(number(&second, "new") < 50, "{second}");
    assert!(number(&second, "there_already") > 0, "{second}");
    let mut client = server.client();
    assert_eq!(number(&client.campaign("cards"), "draws"), for_it(50));
    let rewards: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|name| client.rewards(&format!("customer-{name}")))
        .collect();
    let lines: BTreeSet<_> =
        rewards.iter().map(|reward| reward["transaction_id"].to_string()).collect();
    assert_eq!((rewards.len() as u64, lines.len() as u64), (for_it(50), for_it(50)));
    client.assert_balanced();
}

#[test]
fn draws_that_are_not_the_lines_are_the_answer_no() {
    let (server, mut client, tomorrow) = server();
    announce(&mut client, &tomorrow, 60);
    let (_directory, file) = statement(12);
    report(&import(&server.url(), &file, &[]), 0);
    // A purchase of someone else is drawn in the same campaign: the sum does not fit any more.
    let body = json!({"id": "zoe", "currency": "CZK"});
    client.post("/v1/wallets", "open-zoe", &body).expect(201);
    let line = json!({"transaction_id": "z", "date": tomorrow, "status": "posted",
        "amount": "99.00", "currency": "CZK", "merchant": {"category_code": "5999"}});
    client.take_new("zoe", &[line]);
    let ended = import(&server.url(), &file, &[]);
    let told = report(&ended, 1);
    assert_eq!((&told["drawn_once"], &told["new_once"]), (&json!(false), &json!(true)));
    let words = format!("campaign cards: {} lines are for it", for_it(12));
    assert!(ended.stderr.contains(&words), "{ended:?}");
}

#[test]
fn the_first_day_may_be_chosen_and_is_kept() {
    let (server, _, tomorrow) = server();
    let (_directory, file) = statement(3);
    let day = days_after(&tomorrow, 3);
    let told = report(&import(&server.url(), &file, &["--first-day", &day]), 0);
    assert_eq!(told["first_day"], json!(day));
    let told = report(&import(&server.url(), &file, &[]), 0);
    assert_eq!((&told["first_day"], number(&told, "new")), (&json!(day), 0));
    let ended = import(&server.url(), &file, &["--first-day", &tomorrow]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("to another date"), "{ended:?}");
}

#[test]
fn a_wallet_that_is_someone_elses_and_a_clock_that_stands_are_told() {
    let (server, mut client, _) = server();
    client.open("customer-a");
    let (_directory, file) = statement(3);
    let ended = import(&server.url(), &file, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("customer-a that no import"), "{ended:?}");
    let (_parties, outside) = Parties::with_server();
    let ended = import(&outside.url(), &file, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("start it with --sandbox"), "{ended:?}");
}

#[test]
fn the_options_of_bank_lines_go_with_bank_lines_only() {
    let (_directory, path) = statement(3);
    let file = text(&path);
    for arguments in [
        vec!["import", file, "--transactions", file],
        vec!["import", "--loans", file, "--transactions", file],
        vec!["import", "--transactions", file, "--wait"],
        vec!["import", "--transactions", file, "--limit", "3"],
        vec!["import", "--transactions", file, "--lines-per-call", "3"],
        vec!["import", "--transactions", file, "--from", "1993-02-29"],
        vec!["import", "--transactions", file, "--from", "1999-01-01"],
        vec!["import", "--transactions", "no-such-file.csv"],
        vec!["import", file, "--from", FIRST],
        vec!["import", file, "--first-day", FIRST],
        vec!["import", "--loans", file, "--to", FIRST],
    ] {
        let ended = bursar(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}
