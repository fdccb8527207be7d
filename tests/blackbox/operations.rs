//! What an operator relies on: health, metrics, the description, the view into actors, and how
//! the process starts and ends.
//!
//! An operator acts on what is seen here, so it must be true at any moment: ready means that
//! calls are taken, a checkpoint that was answered is on disk, a directory has one process.
//! Damage and a full disk are in `damage`.

use serde_json::json;

use crate::bank::collect;
use crate::harness::{Launch, Server, bursar};

#[test]
fn a_started_server_is_live_and_ready() {
    let server = Server::start();
    let mut client = server.client();
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn metrics_are_in_the_format_of_prometheus() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "1.00");
    let answer = client.get("/metrics");
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let names: Vec<_> = text.lines().filter(|line| line.starts_with("bursar_")).collect();
    assert!(!names.is_empty(), "{text}");
    for line in names {
        let value = line.rsplit(' ').next().unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn the_description_lists_the_calls() {
    let server = Server::start();
    let description = server.client().get("/openapi.json").expect(200);
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let paths = description["paths"].as_object().expect("a description has paths");
    for path in [
        "/v1/payments",
        "/v1/wallets",
        "/v1/wallets/{id}",
        "/v1/wallets/{id}/deposits",
        "/v1/wallets/{id}/deposits/{deposit}",
        "/v1/providers",
        "/v1/batch",
        "/v1/deals",
        "/v1/deals/{id}",
        "/v1/deals/{id}/close",
        "/v1/deals/{id}/investments",
        "/v1/investments/{id}",
        "/admin/sagas",
        "/admin/sagas/{id}/retry",
        "/admin/gateways",
    ] {
        assert!(paths.contains_key(path), "{path} is missing: {:?}", paths.keys());
    }
    assert!(paths["/v1/investments/{id}"]["delete"].is_object());
    assert!(paths["/v1/payments"]["post"].is_object());
}

#[test]
fn the_documentation_loads_nothing_from_outside() {
    let server = Server::start();
    let answer = server.client().get("/docs");
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type").unwrap_or_default();
    assert!(media_type.starts_with("text/html"), "{media_type}");
    let page = answer.text().to_lowercase();
    for start in ["src=", "href=", "url(", "@import", "fetch(", "action="] {
        for (place, _) in page.match_indices(start) {
            let rest: String = page[place + start.len()..].chars().take(20).collect();
            let rest = rest.trim_start_matches([' ', '"', '\'', '`', '(']);
            for outside in ["http://", "https://", "//", "ws:", "data:text/javascript"] {
                assert!(!rest.starts_with(outside), "{start}{rest}");
            }
        }
    }
}

#[test]
fn actors_can_be_seen() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "5.00");
    client.register("shop");
    let actors = client.get("/admin/actors").expect(200);
    let mut ids = Vec::new();
    collect("id", &actors, &mut ids);
    assert!(ids.contains(&json!("alice")) && ids.contains(&json!("shop")), "{actors}");
    let wallets = client.get("/admin/actors?kind=wallet").expect(200).to_string();
    assert!(wallets.contains("alice") && !wallets.contains("shop"), "{wallets}");
    let alice = client.get("/admin/actors/wallet/alice").expect(200);
    assert_eq!(alice["kind"], "wallet");
    assert_eq!(alice["id"], "alice");
    assert!(alice.to_string().contains("5.00"), "{alice}");
    client.get("/admin/actors/wallet/nobody").problem(404, "actor-not-found");
    client.get("/admin/actors/dragon/alice").problem(404, "actor-not-found");
    client.get("/admin/actors?kind=dragon").problem(400, "malformed-request");
}

#[test]
fn a_passivated_wallet_still_reads_right() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "5.00");
    client.register("shop");
    let first = client.pay("alice", "shop", "p1", "1.00");
    first.expect(201);
    client.wait_accrued("shop", "1.00");
    for actor in ["wallet/alice", "provider/shop"] {
        let answer = client.command(&format!("/admin/actors/{actor}/passivate"));
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(client.posted("alice"), "4.00");
    let again = client.pay("alice", "shop", "p1", "1.00");
    assert!(again.is_replay(), "{}", again.text());
    assert_eq!(again.text(), first.text());
    client.pay("alice", "shop", "p2", "1.00").expect(201);
    client.wait_accrued("shop", "2.00");
    assert_eq!(client.all("/v1/wallets/alice/entries").len(), 3);
    client.command("/admin/actors/wallet/nobody/passivate").problem(404, "actor-not-found");
}

#[test]
fn shards_can_be_seen() {
    let server = Server::start();
    let shards = server.client().get("/admin/shards").expect(200);
    let list = shards["items"].as_array().or(shards["shards"].as_array()).or(shards.as_array());
    assert_eq!(list.expect("a list of shards").len(), 16, "{shards}");
}

#[test]
fn the_books_balance_in_every_currency() {
    let server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "5.00");
    client.register("shop");
    let yen = json!({"id": "yuki", "currency": "JPY"});
    client.post("/v1/wallets", "open", &yen).expect(201);
    let deposit = json!({"amount": "500", "currency": "JPY", "method": "external"});
    client.post("/v1/wallets/yuki/deposits", "d", &deposit).expect(201);
    client.pay("alice", "shop", "p1", "2.00").expect(201);
    client.assert_balanced();
    let books = client.get("/admin/trial-balance").expect(200).to_string();
    for expected in ["EUR", "JPY", "\"0.00\"", "\"0\"", "\"-5.00\"", "\"-500\""] {
        assert!(books.contains(expected), "{expected}: {books}");
    }
}

#[test]
fn a_checkpoint_can_be_asked_for_at_any_time() {
    let mut server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "5.00");
    for _ in 0..3 {
        let answer = client.command("/admin/checkpoint");
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }
    client.deposit("alice", "d1", "1.00").expect(201);
    server.kill();
    server.restart();
    assert_eq!(server.client().posted("alice"), "6.00");
}

#[test]
fn a_second_process_on_the_directory_is_turned_away() {
    let server = Server::start();
    let second = Server::start_in(server.home(), Launch::default());
    let ended = second.err().expect("the directory is in use");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("in use"), "{ended:?}");
    server.client().open("alice");
}

#[test]
fn sigterm_ends_in_order_with_what_is_under_way() {
    let mut server = Server::start();
    let mut client = server.client();
    client.open_with("alice", "5.00");
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    server.restart();
    assert_eq!(server.client().posted("alice"), "5.00");
}

/// Whoever has read that it listens may stop it at once.
#[test]
fn sigterm_right_after_the_start_ends_in_order() {
    for _ in 0..15 {
        let mut server = Server::start();
        assert_eq!(server.stop(), Some(0), "{}", server.log());
    }
}

#[test]
fn wrong_options_are_wrong_use() {
    for arguments in [
        &["dance"][..],
        &["serve", "--listen", "nowhere"],
        &["serve", "--config", "/no/such/file.toml"],
        &["import"],
        &["verify"],
    ] {
        let ended = bursar(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
    let help = bursar(&["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
}
