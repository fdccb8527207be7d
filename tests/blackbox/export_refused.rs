//! What no export comes of: wrong use, a directory in use, a stream that is cut off, a full disk.
//!
//! Each is told in words that say what to do, with its exit code, and leaves the file of the name that
//! was asked for as it was: not there, or what was there before. Nothing half-written is left over.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::export::{From, Table, arguments, busy};
use crate::harness::{BURSAR, Ended, Server, bursar};
use crate::http::{Client, Request};

const BEFORE: &str = "what was there before";

/// A file that is there before, in a directory of its own.
struct Target(tempfile::TempDir);

impl Target {
    fn new() -> Self {
        let target = Self(tempfile::tempdir().expect("a temporary directory can be made"));
        fs::write(target.file(), BEFORE).expect("written");
        target
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("out.ndjson")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("the file is there")
    }

    /// Asserts that nothing has changed.
    fn assert_untouched(&self) {
        assert_eq!(self.text(), BEFORE);
        let names = fs::read_dir(self.0.path()).expect("a directory").count();
        assert_eq!(names, 1, "nothing is left over");
    }

    fn export(&self, more: &[&str]) -> Ended {
        let file = self.file();
        let out = file.to_str().expect("the path is text");
        let common = ["export", "--table", "payments", "--format", "ndjson", "--out", out];
        bursar(&[&common[..], more].concat())
    }
}

#[test]
fn wrong_use_is_told_with_what_to_do() {
    let url = "http://127.0.0.1:1";
    let target = Target::new();
    let file = target.file();
    let (out, directory) = (file.to_str().expect("text"), target.0.path().to_str().expect("text"));
    let empty = tempfile::tempdir().expect("a directory");
    let empty = empty.path().to_str().expect("text");
    let whole = |table, format, out, more: &[&'static str]| {
        let mut all: Vec<String> = ["export", "--table", table, "--format", format, "--out", out]
            .map(str::to_owned)
            .to_vec();
        all.extend(more.iter().map(|text| (*text).to_owned()));
        all
    };
    let on = |more: &[&'static str]| [&["--url", url], more].concat();
    for (arguments, told) in [
        (whole("salaries", "csv", out, &on(&[])), "the tables are wallets, providers, payments"),
        (whole("payments", "xlsx", out, &on(&[])), "possible values: parquet, csv, ndjson"),
        (whole("payments", "csv", out, &[]), "--data <DIR>|--url <URL>"),
        (whole("payments", "csv", out, &on(&["--data", "d"])), "cannot be used with"),
        (whole("payments", "parquet", "-", &on(&[])), "Parquet goes to a file"),
        (whole("payments", "csv", out, &on(&["--from", "1.2.2026"])), "such as 2026-01-31"),
        (whole("payments", "csv", out, &on(&["--to", "2026-02-30"])), "such as 2026-01-31"),
        (
            whole("payments", "csv", out, &on(&["--from", "2026-02-01", "--to", "2026-02-01"])),
            "--from is not before --to",
        ),
        (whole("payments", "csv", out, &on(&["--at", "here"])), "such as 17.0.5"),
        (whole("payments", "csv", out, &["--url", "https://localhost"]), "https is not spoken"),
        (whole("payments", "csv", out, &on(&["--config", "f"])), "cannot be used with"),
        (whole("payments", "csv", directory, &on(&[])), "this is a directory"),
        (whole("payments", "csv", "/dev/null", &on(&[])), "use --out -"),
        (whole("payments", "csv", "/nowhere/at/all.csv", &on(&[])), "cannot be written"),
        (whole("payments", "csv", "", &on(&[])), "--out"),
        ([whole("payments", "csv", out, &["--data"]), vec![empty.to_owned()]].concat(), "no data"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = bursar(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(told), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        target.assert_untouched();
    }
}

#[test]
fn a_position_that_is_not_there_is_refused() {
    let mut server = Server::start();
    server.client().open("alice");
    let url = server.url();
    let here = Table::of("wallets", From::Url(&url)).position;
    let beyond = here.replacen(|c: char| c.is_ascii_digit(), "9", 1);
    for bad in ["1.2", &beyond] {
        let mut more = arguments("wallets", From::Url(&url));
        more.extend(["--at", bad]);
        let ended = bursar(&more);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("position"), "{}", ended.stderr);
    }
    assert_eq!(server.stop(), Some(0));
    let data = server.data();
    let mut more = arguments("wallets", From::Data(&data));
    more.extend(["--at", &beyond]);
    let ended = bursar(&more);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("is not reached"), "{}", ended.stderr);
}

#[test]
fn a_directory_in_use_says_how_to_export_from_its_server() {
    let server = Server::start();
    let target = Target::new();
    let data = server.data();
    let ended = target.export(&["--data", data.to_str().expect("text")]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("with --url http://HOST:PORT"), "{}", ended.stderr);
    target.assert_untouched();
}

#[test]
fn the_server_refuses_what_makes_no_sense() {
    let server = Server::start();
    let mut client = server.client();
    client.get("/admin/export/salaries").problem(404, "not-found");
    for query in ["from=yesterday", "to=2026-13-01", "at=x", "at=1.2", "limit=5"] {
        let answer = client.get(&format!("/admin/export/payments?{query}"));
        answer.problem(400, "malformed-request");
    }
    client
        .send(&Request::post("/admin/export/payments", &json!({})))
        .problem(405, "method-not-allowed");
    let answer = client.get("/admin/export/payments");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = answer.lines();
    assert_eq!(lines.len(), 2, "{}", answer.text());
    assert_eq!(lines[0]["export"]["table"], "payments");
    assert_eq!(lines[1], json!({"end": {"rows": 0}}));
}

/// Whoever answers one request with these bytes and closes; its address.
fn answering(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("someone comes");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        // Who has heard enough may have gone.
        drop(stream.write_all(&bytes));
    });
    url
}

/// The body of a whole answer, as the real server gives it.
fn whole_body(client: &mut Client) -> Vec<u8> {
    let answer = client.get("/admin/export/payments");
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn a_stream_that_is_cut_off_is_an_error_and_never_a_short_file() {
    let server = busy();
    let body = whole_body(&mut server.client());
    let ends: Vec<usize> =
        body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let mut lengths = vec![0, 1, 100, body.len() - 1];
    // At the end of every line but the last, and within one.
    lengths.extend(ends[..ends.len() - 1].iter().flat_map(|end| [*end, end + 5]));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n";
    for length in lengths {
        let part = &body[..length];
        // The connection ends as if all had come; or less comes than was promised.
        let closed = [head.as_bytes(), b"Connection: close\r\n\r\n", part].concat();
        let promised = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        let broken = [promised.as_bytes(), part].concat();
        for answer in [closed, broken] {
            let target = Target::new();
            let url = answering(answer);
            let ended = target.export(&["--url", &url]);
            assert_eq!(ended.code, Some(1), "{length}: {ended:?}");
            let told =
                ended.stderr.contains("cut off") && ended.stderr.contains("nothing was written");
            assert!(told, "{length}: {}", ended.stderr);
            assert_eq!(ended.stdout, "");
            target.assert_untouched();
        }
    }
    let target = Target::new();
    let answer = [head.as_bytes(), b"Connection: close\r\n\r\n", &body].concat();
    assert_eq!(target.export(&["--url", &answering(answer)]).code, Some(0));
    assert_eq!(target.text().lines().count(), ends.len() - 2, "the rows alone");
}

#[test]
fn a_stream_with_other_rows_than_it_says_is_an_error() {
    let server = busy();
    let body = String::from_utf8(whole_body(&mut server.client())).expect("UTF-8");
    let lines: Vec<&str> = body.lines().collect();
    let without_row = [&lines[..1], &lines[2..]].concat().join("\n");
    for (changed, told) in [
        (without_row, "rows came"),
        (body.replace("\"payments\"", "\"entries\""), "other columns"),
        (body.replace("\"provider\":", "\"payee\":"), "cannot be read"),
        ("<html>Welcome</html>\n".to_owned(), "this is no export"),
    ] {
        let target = Target::new();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        let ended =
            target.export(&["--url", &answering(format!("{head}{changed}\n").into_bytes())]);
        assert_eq!(ended.code, Some(1), "{told}: {ended:?}");
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        target.assert_untouched();
    }
}

#[test]
fn a_server_that_does_not_answer_leaves_no_file() {
    let target = Target::new();
    let ended = target.export(&["--url", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("does not answer"), "{}", ended.stderr);
    target.assert_untouched();
}

#[test]
fn a_full_disk_leaves_no_file() {
    let mut server = busy();
    assert_eq!(server.stop(), Some(0));
    let target = Target::new();
    // A limit that the database of the directory does not reach by being read, but rows do.
    let script = format!(
        "'{BURSAR}' export --table entries --format ndjson --data '{}' --out /dev/full",
        server.data().display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().expect("bash can be run");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(Path::new("/dev/full").exists(), "what is no file is left alone");
    let script = format!(
        "'{BURSAR}' export --table entries --format ndjson --data '{}' --out - > /dev/full",
        server.data().display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().expect("bash can be run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(stderr.contains("No space left"), "{stderr}");
    target.assert_untouched();
}

#[test]
fn a_good_export_replaces_the_file_and_tells_what_it_wrote() {
    let server = busy();
    let target = Target::new();
    let ended = target.export(&["--url", &server.url(), "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).expect("one document");
    let text = target.text();
    assert_eq!(report["rows"], text.lines().count());
    assert_eq!(report["bytes"], text.len());
    assert_eq!(report["file"], target.file().to_str().expect("text"));
    let ended = target.export(&["--url", &server.url()]);
    assert_eq!(ended.code, Some(0));
    for word in ["payments (ndjson)", "rows", "position", " bytes"] {
        assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
    }
    assert_eq!(target.text(), text);
}
