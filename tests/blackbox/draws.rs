//! `bursar verify-draws`: exported draws are done again, and whatever is wrong in them is found.
//!
//! The files come from a server that drew real purchases; a test then changes a row as a cheat
//! would. Each form of file must say the same.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Ended, Server, bursar};
use crate::providers_desk::{days_after, launch, server_with};
use crate::rewards_desk::{REVEALED_AFTER_DAYS, campaign_body, number, purchase, with};

/// How many purchases of each of the two days are drawn. At odds of one half, that none wins or none
/// loses never happens.
const LINES: u16 = 40;

/// Exported tables, and what was promised before.
struct Files {
    directory: TempDir,
    server: Server,
    /// The answer of `GET /v1/campaigns/spring/commitments` before the first draw.
    promised: Value,
    /// The two days.
    days: [String; 2],
}

impl Files {
    /// Of a server that drew the purchases of two days, of which the first is revealed.
    fn new() -> Self {
        let server = server_with(launch());
        let mut client = server.client();
        let first = days_after(&client.today(), 2);
        let days = [first.clone(), days_after(&first, 1)];
        let terms = json!({"odds": "1/2", "min_amount": "1", "prizes": [
            {"amount": "0.50", "weight": 7},
            {"percent": "12.5"},
            {"percent": "33.3333", "rounding": "up", "weight": 2},
            {"percent": "2.5", "rounding": "half-even", "weight": 3, "max": "0.20"},
        ]});
        client.announce(&with(&campaign_body("spring", &days[0], &days[1]), &terms));
        let promised = client.get("/v1/campaigns/spring/commitments").expect(200);
        client.open("ann");
        for day in &days {
            client.pass_to_noon(day);
            let line = |number: u16| {
                let amount = format!("{}.{:02}", number % 13 + 1, (number * 7 + 1) % 100);
                purchase(&format!("{day}/{number}"), day, &amount)
            };
            client.take_new("ann", &(0..LINES).map(line).collect::<Vec<_>>());
        }
        client.pass_to_noon(&days_after(&days[0], REVEALED_AFTER_DAYS));
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self { directory, server, promised, days }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Exports all three tables from the running server.
    fn export(&self, format: &str) {
        for table in ["draws", "campaigns", "commitments"] {
            let out = self.path(&format!("{table}.{format}"));
            let ended = bursar(&[
                "export",
                "--table",
                table,
                "--format",
                format,
                "--url",
                &self.server.url(),
                "--out",
                text(&out),
            ]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
    }

    fn verify(&self, format: &str, more: &[&str]) -> Ended {
        let draws = self.path(&format!("draws.{format}"));
        let mut arguments = vec!["verify-draws", "--json", "--draws", text(&draws)];
        arguments.extend(more);
        bursar(&arguments)
    }

    /// Rewrites a table row by row.
    fn change(&self, table: &str, mut change: impl FnMut(usize, &mut Value) -> bool) {
        let path = self.path(&format!("{table}.ndjson"));
        let rows = std::fs::read_to_string(&path).expect("the file is there");
        let mut kept = String::new();
        for (number, row) in rows.lines().enumerate() {
            let mut row = serde_json::from_str(row).expect("a row");
            if change(number, &mut row) {
                writeln!(kept, "{row}").expect("a String takes all");
            }
        }
        std::fs::write(&path, kept).expect("a file can be written");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn report(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn exported_draws_are_done_again_from_every_form_of_file() {
    let mut files = Files::new();
    let mut formats = vec!["ndjson", "csv"];
    formats.extend(cfg!(feature = "parquet").then_some("parquet"));
    for format in &formats {
        files.export(format);
        let told = report(&files.verify(format, &[]), 0);
        assert_eq!((&told["good"], &told["late_days"]), (&json!(true), &json!([])), "{format}");
        let both = u64::from(LINES) * 2;
        let counts = ["draws", "checked", "not_revealed"].map(|name| number(&told, name));
        assert_eq!(counts, [both, both / 2, both / 2], "{format}: {told}");
        assert_eq!((number(&told, "commitments"), number(&told, "revealed")), (2, 1));
        let won = number(&told["campaigns"][0], "won");
        assert!((1..both).contains(&won), "{told}");
        assert_eq!(told["campaigns"][0]["expected"], format!("{}.0", both / 2));
    }
    // A day later the second seed is shown, and the directory of the stopped server says the same.
    let mut client = files.server.client();
    client.pass_to_noon(&days_after(&files.days[1], REVEALED_AFTER_DAYS));
    assert_eq!(files.server.stop(), Some(0));
    for table in ["draws", "campaigns", "commitments"] {
        let (data, out) = (files.server.data(), files.path(&format!("{table}.ndjson")));
        let ended = bursar(&[
            "export",
            "--table",
            table,
            "--format",
            "ndjson",
            "--data",
            text(&data),
            "--out",
            text(&out),
        ]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let told = report(&files.verify("ndjson", &[]), 0);
    assert_eq!((number(&told, "checked"), number(&told, "not_revealed")), (80, 0), "{told}");
}

#[test]
fn commitments_that_were_noted_before_must_be_the_same() {
    let files = Files::new();
    files.export("ndjson");
    let noted = files.path("noted.json");
    std::fs::write(&noted, files.promised.to_string()).expect("a file can be written");
    let told = report(&files.verify("ndjson", &["--noted", text(&noted)]), 0);
    assert_eq!(number(&told, "noted"), 2);
    let named = format!("spring={}", text(&noted));
    assert_eq!(number(&report(&files.verify("ndjson", &["--noted", &named]), 0), "noted"), 2);
    // What the server answers now has the first seed; it will do instead of the exported table.
    let now = files.server.client().get("/v1/campaigns/spring/commitments").expect(200);
    std::fs::write(files.path("now.json"), now.to_string()).expect("a file can be written");
    let path = files.path("now.json");
    let told = report(&files.verify("ndjson", &["--commitments", text(&path)]), 0);
    assert_eq!(number(&told, "checked"), u64::from(LINES));
    let mut other = files.promised.clone();
    other["items"][1]["sha256"] = other["items"][0]["sha256"].clone();
    std::fs::write(&noted, other.to_string()).expect("a file can be written");
    let told = report(&files.verify("ndjson", &["--noted", text(&noted)]), 1);
    let words = format!("campaign spring, {}: another commitment was noted", files.days[1]);
    assert_eq!(told["faults"], json!([words]));
}

#[test]
fn a_changed_row_is_found() {
    type Change = fn(usize, &mut Value) -> bool;
    let cases: [(&str, Change, &str); 6] = [
        ("draws", lost, "the seed says prize"),
        (
            "draws",
            |number, row| {
                if number == 3 {
                    row["purchase_amount_minor"] = json!(99);
                }
                true
            },
            "its purchase is too small",
        ),
        (
            "commitments",
            |_, row| {
                if row["seed"].is_string() {
                    row["seed"] = json!("00".repeat(32));
                }
                true
            },
            "the seed is not the one that was promised",
        ),
        ("commitments", |number, _| number > 0, "there is no commitment of"),
        (
            "campaigns",
            |_, row| {
                row["odds_wins"] = json!(2);
                true
            },
            "the seed says prize",
        ),
        ("campaigns", |_, _| false, "there is no campaign spring"),
    ];
    let files = Files::new();
    for (table, change, words) in cases {
        files.export("ndjson");
        files.change(table, change);
        let told = report(&files.verify("ndjson", &[]), 1);
        let faults = told["faults"].as_array().expect("a list");
        let found = faults.iter().any(|fault| fault.as_str().is_some_and(|f| f.contains(words)));
        assert!(found, "{words}: {faults:?}");
        assert_eq!(told["good"], false);
    }
    // A row twice: its purchase was drawn twice.
    files.export("ndjson");
    let path = files.path("draws.ndjson");
    let rows = std::fs::read_to_string(&path).expect("the file is there");
    let first = rows.lines().next().expect("a row");
    std::fs::write(&path, format!("{rows}{first}\n")).expect("a file can be written");
    let told = report(&files.verify("ndjson", &[]), 1);
    assert!(told["faults"][0].as_str().is_some_and(|fault| fault.contains("was drawn before")));
    assert_eq!(number(&told, "fault_count"), 1);
}

/// Takes the prizes away from all who won.
fn lost(_: usize, row: &mut Value) -> bool {
    row["won"] = json!(false);
    row["prize"] = Value::Null;
    row["prize_amount_minor"] = Value::Null;
    true
}

#[test]
fn files_that_cannot_be_read_are_wrong_use() {
    let files = Files::new();
    files.export("ndjson");
    let draws = files.path("draws.ndjson");
    let whole = std::fs::read_to_string(&draws).expect("the file is there");
    for (bad, words) in [
        (whole[..whole.len() - 20].to_owned(), "line 80"),
        ("{\"wallet\":\"ann\"}\n".to_owned(), "missing field"),
        ("wallet,day\nann,2027-01-01\n".to_owned(), "missing field"),
        ("PAR1 and nothing else".to_owned(), "draws.ndjson: "),
    ] {
        std::fs::write(&draws, &bad).expect("a file can be written");
        let ended = files.verify("ndjson", &[]);
        assert_eq!(ended.code, Some(2), "{bad:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        assert_eq!(ended.stdout, "", "no report of half a file");
    }
    std::fs::write(&draws, &whole).expect("a file can be written");
    assert_eq!(files.verify("ndjson", &["--campaigns", "no-such-file"]).code, Some(2));
    assert_eq!(files.verify("ndjson", &["--noted", "no-such-file"]).code, Some(2));
    assert_eq!(files.verify("csv", &[]).code, Some(2), "there is no such file yet");
    // The same of a table without rows: there is nothing to check and nothing is wrong.
    std::fs::write(&draws, "").expect("a file can be written");
    assert_eq!(number(&report(&files.verify("ndjson", &[]), 0), "draws"), 0);
}
