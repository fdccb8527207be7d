//! Paging through entries while what they are made of moves from memory to disk.
//!
//! The newest entries come from memory, older ones from the history on disk, and a checkpoint, a
//! passivation or a crash moves the boundary between two pages. Whatever happens between them, the
//! pages together are the list as it was when the first one was asked for.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::Server;
use crate::http::Client;

/// How many entries there are; with pages of seven, the boundary falls everywhere.
const ENTRIES: usize = 60;

/// More than the server reads at a time, and more than it looks at in memory at a time.
const MANY: usize = 2500;

fn deposit(number: usize) -> Value {
    json!({"op": "deposit", "idempotency_key": format!("d{number}"), "wallet": "alice",
        "amount": "0.01", "currency": "EUR", "method": "external",
        "description": number.to_string()})
}

fn payment(number: usize) -> Value {
    json!({"op": "payment", "idempotency_key": format!("p{number}"), "wallet": "alice",
        "provider": "shop", "amount": "0.01", "currency": "EUR",
        "description": number.to_string()})
}

/// Writes lines that must all be accepted.
fn write(client: &mut Client, lines: &[Value]) {
    for answer in client.batch("/v1/batch", lines) {
        assert_eq!(answer["status"], 201, "{answer}");
    }
}

fn checkpoint(client: &mut Client) {
    let answer = client.command("/admin/checkpoint");
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

/// One page: its descriptions are added to `seen`; returns the path of the next one.
fn page(client: &mut Client, path: &str, seen: &mut Vec<String>) -> Option<String> {
    let page = client.get(path).expect(200);
    let items = page["items"].as_array().expect("a list has items");
    seen.extend(texts(items, "description"));
    let (base, _) = path.split_once('?').expect("every path here has a query");
    let limit = path.split(['?', '&']).find(|part| part.starts_with("limit="));
    let cursor = page["next_cursor"].as_str()?;
    Some(format!("{base}?{}&cursor={cursor}", limit.expect("every path here has a limit")))
}

/// `count` to 1, as the descriptions are when nothing is missing.
fn down_from(count: usize) -> Vec<String> {
    (1..=count).rev().map(|number| number.to_string()).collect()
}

/// What happens between two pages.
fn disturb(server: &mut Server, round: usize) {
    let mut client = server.client();
    match round % 4 {
        0 => checkpoint(&mut client),
        1 => {
            for actor in ["wallet/alice", "provider/shop"] {
                let answer = client.command(&format!("/admin/actors/{actor}/passivate"));
                assert!((200..300).contains(&answer.status), "{}", answer.text());
            }
        }
        2 => {
            server.kill();
            server.restart();
        }
        _ => {}
    }
    let late: Vec<_> = (0..3).map(|late| payment(1000 + round * 10 + late)).collect();
    write(&mut server.client(), &late);
}

fn pages_stay_put(path: &str) {
    let mut server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "100.00");
    client.register("shop");
    // A checkpoint in the middle: the list begins in memory and ends on disk.
    let lines: Vec<_> = (1..=ENTRIES).map(payment).collect();
    write(&mut client, &lines[..ENTRIES / 2]);
    checkpoint(&mut client);
    write(&mut client, &lines[ENTRIES / 2..]);
    let all = format!("0.{ENTRIES}");
    client.wait_accrued("shop", &all);
    let mut seen = Vec::new();
    let mut next = Some(format!("{path}?limit=7&kind=payment"));
    for round in 0.. {
        let Some(path) = next else { break };
        next = page(&mut server.client(), &path, &mut seen);
        disturb(&mut server, round);
    }
    assert_eq!(seen, down_from(ENTRIES));
}

#[test]
fn a_wallets_pages_stay_put_while_entries_go_to_disk() {
    pages_stay_put("/v1/wallets/alice/entries");
}

#[test]
fn a_providers_pages_stay_put_while_entries_go_to_disk() {
    pages_stay_put("/v1/providers/shop/entries");
}

/// All pages of this size, with a checkpoint after the first one.
fn all_pages(client: &mut Client, path: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = page(client, path, &mut seen);
    checkpoint(client);
    while let Some(path) = next {
        next = page(client, &path, &mut seen);
    }
    seen
}

#[test]
fn thousands_of_unsaved_entries_are_all_found() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    client.register("shop");
    write(&mut client, &[deposit(0), payment(1)]);
    let lines: Vec<_> = (1..=MANY).map(deposit).collect();
    write(&mut client, &lines);
    // The one payment lies behind more deposits than are looked at for one page.
    let path = "/v1/wallets/alice/entries?limit=1&kind=payment";
    assert_eq!(all_pages(&mut client, path), ["1"]);
    write(&mut client, &(MANY + 1..=2 * MANY).map(deposit).collect::<Vec<_>>());
    let path = "/v1/wallets/alice/entries?limit=500&kind=deposit";
    let mut expected = down_from(2 * MANY);
    expected.push("0".to_owned());
    assert_eq!(all_pages(&mut client, path), expected);
    let feed = client.get("/v1/wallets/alice/feed?limit=500").expect(200);
    assert_eq!(feed["transactions"].as_array().map(Vec::len), Some(500));
}

#[test]
fn limits_and_cursors_that_no_server_gave_are_refused() {
    let server = Server::start();
    let mut client = server.client();
    client.open("alice");
    client.register("shop");
    let long = "9".repeat(5000);
    for value in ["-0", "+5", "5.0", "", "99999999999999999999", "%00", "0x5", "5&limit=6"] {
        for list in ["v1/wallets/alice/entries", "v1/providers/shop/entries", "admin/actors"] {
            let answer = client.get(&format!("/{list}?limit={value}"));
            assert_eq!(answer.status, 400, "{list} {value}: {}", answer.text());
            answer.problem(400, "malformed-request");
        }
        let feed = client.get(&format!("/v1/wallets/alice/feed?limit={value}"));
        feed.problem(400, "malformed-request");
    }
    for cursor in ["", ".", "...", "1.2.3.4.5", "-1...", "%FF", "1.dance..", &long, "1...x", "%2F"]
    {
        for list in ["v1/wallets/alice/entries", "v1/providers/shop/entries", "admin/actors"] {
            let answer = client.get(&format!("/{list}?cursor={cursor}"));
            assert_eq!(answer.status, 400, "{list} {cursor}: {}", answer.text());
            answer.problem(400, "malformed-request");
        }
    }
    for count in ["0", "-1", "x", "", "99999999999999999999"] {
        let answer = client.get(&format!("/v1/providers/shop/schedule?count={count}"));
        answer.problem(400, "malformed-request");
    }
}
