//! The sandbox on the command line and inside a server, and a server that has no third parties.
//!
//! Without `--sandbox` a server must be told who moves its money: it says which keys are missing
//! instead of taking investments that could never be paid. With it, what the simulated parties
//! booked is at the server's own address and outlives it, as a real bank's ledger would.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{BURSAR, Ended, Launch, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::parties::NO_MAIL;

/// Starts a server that calls real parties, and waits for it to give up.
fn refused(environment: &[(&str, &str)]) -> Ended {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let output = Command::new(BURSAR)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path().join("data"))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary can be run");
    assert!(!data.path().join("data").exists(), "nothing is begun");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_server_without_third_parties_says_which_keys_are_missing() {
    let ended = refused(&[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for word in ["processor.url", "documents.url", "mail.url", "--sandbox"] {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
    assert!(!ended.stdout.contains("listening"), "{ended:?}");
    let ended = refused(&[("BURSAR__PROCESSOR__URL", "http://127.0.0.1:1")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("documents.url, mail.url"), "{ended:?}");
    assert!(!ended.stderr.contains("processor.url"), "{ended:?}");
}

#[test]
fn an_address_that_cannot_be_one_is_wrong_use() {
    let good = [
        ("BURSAR__PROCESSOR__URL", "http://127.0.0.1:1"),
        ("BURSAR__DOCUMENTS__URL", "http://127.0.0.1:1"),
        ("BURSAR__MAIL__URL", NO_MAIL),
    ];
    for (key, value, word) in [
        ("BURSAR__PROCESSOR__URL", "ftp://127.0.0.1", "processor.url"),
        ("BURSAR__DOCUMENTS__URL", "nowhere", "documents.url"),
        ("BURSAR__MAIL__URL", "http://127.0.0.1", "mail.url"),
        ("BURSAR__MAIL__FROM", "nobody", "mail.from"),
        ("BURSAR__PROCESSOR__TIMEOUT_MS", "0", "processor.timeout_ms"),
        ("BURSAR__PROCESSOR__CONCURRENCY", "0", "processor.concurrency"),
        ("BURSAR__SAGAS__LADDER_MS", "0", "sagas.ladder_ms"),
    ] {
        let mut environment = good.to_vec();
        environment.push((key, value));
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        let output = Command::new(BURSAR)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path().join("data"))
            .envs(environment)
            .stdin(Stdio::null())
            .output()
            .expect("the binary can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{key}={value}: {said}");
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn the_sandbox_explains_itself() {
    let help = bursar(&["sandbox", "--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    for word in ["--listen", "--smtp-listen", "--seed", "--latency-ms"] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
    for arguments in [
        &["sandbox", "--listen", "nowhere"][..],
        &["sandbox", "--seed", "x"],
        &["sandbox", "--dance"],
        &["sandbox", "--config", "/no/such/file.toml"],
    ] {
        let ended = bursar(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

/// A server with its own third parties, which answer at once.
fn server() -> Server {
    let launch = Launch::with("BURSAR__SANDBOX__LATENCY_MS", "0");
    Server::start_with(launch.and("BURSAR__SANDBOX__LATENCY_JITTER_MS", "0"))
}

fn ledger(client: &mut Client) -> Value {
    client.get("/sandbox/ledger").expect(200)
}

#[test]
fn a_server_serves_its_sandbox_at_its_own_address() {
    let server = server();
    let mut client = server.client();
    assert_eq!(ledger(&mut client)["items"], json!([]));
    let fault =
        json!({"route": "pull", "mode": "decline", "count": 1, "match": {"account": "ben"}});
    client.send(&Request::post("/sandbox/faults", &fault)).expect(201);
    let faults = client.get("/sandbox/faults").expect(200);
    assert_eq!(faults["items"][0]["mode"], "decline", "{faults}");
    client.deal("harbour", "1000.00", 5);
    for (name, end) in [("ann", "confirmed"), ("ben", "failed")] {
        client.open_with_mail(name);
        let id = client.invest("harbour", name, "100.00");
        client.until(&id, end);
        if end == "confirmed" {
            let told = client.until_step(&id, "tell", "done");
            let url = told["documents"]["url"].as_str().expect("an address").to_owned();
            assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        }
    }
    let found = ledger(&mut client);
    assert_eq!(found["totals"]["EUR"]["net"], "100.00", "{found}");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(2), "{found}");
    let mails = client.get("/sandbox/mail").expect(200);
    assert_eq!(mails["items"].as_array().map(Vec::len), Some(1), "{mails}");
    assert_eq!(client.send(&Request::new("DELETE", "/sandbox/faults")).status, 204);
    let direct = client.get("/processor/transactions?key=never-seen");
    assert_eq!(direct.status, 404, "{}", direct.text());
    // What is not the sandbox's is answered by the server itself.
    client.get("/sandbox/nothing").problem(404, "not-found");
    client.get("/v1/deals/nowhere").problem(404, "deal-not-found");
    assert!(client.get("/sandbox/ledger").header("x-request-id").is_some());
}

#[test]
fn what_the_sandbox_booked_outlives_the_server() {
    let mut server = server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    client.open_with_mail("ann");
    let id = client.invest("harbour", "ann", "100.00");
    client.until_step(&id, "tell", "done");
    let before = ledger(&mut client);
    let mails = client.get("/sandbox/mail").expect(200);
    for orderly in [false, true, false] {
        if orderly {
            assert_eq!(server.stop(), Some(0), "{}", server.log());
        } else {
            server.kill();
        }
        server.restart();
        client = server.client();
        assert_eq!(ledger(&mut client), before, "orderly: {orderly}");
        assert_eq!(client.get("/sandbox/mail").expect(200), mails);
    }
}

#[test]
fn a_pull_that_was_lost_with_the_server_is_found_again() {
    let mut server = server();
    let mut client = server.client();
    client.deal("harbour", "1000.00", 5);
    client.open("ann");
    let fault = json!({"route": "pull", "mode": "lose-answer", "count": 1, "delay_ms": 60_000});
    client.send(&Request::post("/sandbox/faults", &fault)).expect(201);
    let id = client.invest("harbour", "ann", "100.00");
    eventually("the bank has paid", || {
        (ledger(&mut client)["items"].as_array().map(Vec::len) == Some(1)).then_some(())
    });
    server.kill();
    server.restart();
    let mut client = server.client();
    client.until(&id, "confirmed");
    let found = ledger(&mut client);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["totals"]["EUR"]["net"], "100.00", "{found}");
    client.assert_settled();
}

#[test]
fn a_server_with_real_parties_serves_no_sandbox() {
    let stub = crate::stub::Stub::start();
    let server = Server::start_with(stub.launch());
    let mut client = server.client();
    for path in ["/sandbox/ledger", "/sandbox/faults", "/sandbox/mail", "/processor/report"] {
        client.get(path).problem(404, "not-found");
    }
}
