//! Draws that anyone can check: promised before, shown after, and nowhere in between.
//!
//! The day's seed is shown once no purchase of the day can be drawn any more. Until then the proof
//! has the commitment and the digest, and no answer, log or export has the seed. Then every draw,
//! won or lost, is done again from the proof alone.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::bank::{collect, texts};
use crate::harness::{Server, bursar};
use crate::http::Client;
use crate::providers_desk::{days_after, items, launch};
use crate::rewards_desk::{
    REVEALED_AFTER_DAYS, campaign_body, check_proof, purchase, server, server_so, text, unhex, with,
};
use crate::streams::Outcomes;

/// How many lines are drawn. With odds of one half, that none wins or none loses never happens.
const LINES: u16 = 60;

/// A campaign with a table of all sorts of prizes, at odds of one half.
fn lottery(id: &str, first_day: &str, last_day: &str) -> Value {
    with(
        &campaign_body(id, first_day, last_day),
        &json!({"odds": "3/6", "prizes": [
            {"amount": "0.50", "weight": 7},
            {"percent": "12.5"},
            {"percent": "33.3333", "rounding": "up", "weight": 2},
            {"percent": "2.5", "rounding": "half-even", "weight": 3},
            {"percent": "150", "max": "4.00"},
        ]}),
    )
}

/// Draws so many purchases of a day in one decision; the ids of all draws.
fn draw(client: &mut Client, wallet: &str, day: &str) -> Vec<String> {
    let line = |number: u16| {
        let amount = format!("{}.{:02}", number % 13, (number * 7 + 1) % 100);
        purchase(&format!("{day}/{number}"), day, &amount)
    };
    client.take_new(wallet, &(0..LINES).map(line).collect::<Vec<_>>());
    let rewards = client.rewards(wallet);
    let of_day = rewards.iter().find(|reward| reward["date"] == day);
    let (decision, _) = text(of_day.expect("some win"), "id").split_once('-').expect("an id");
    (0..LINES).map(|line| format!("{decision}-{line}_{wallet}")).collect()
}

/// What a proof says besides of what time reveals.
fn without_seed(proof: &Value) -> Value {
    let mut proof = with(proof, &json!({"seed": null}));
    proof["commitment"]["seed"] = Value::Null;
    proof
}

#[test]
fn every_draw_can_be_done_again_once_its_seed_is_shown() {
    let (mut server, mut client, today) = server();
    let tomorrow = days_after(&today, 1);
    client.open("alice");
    client.announce(&lottery("c", &today, &tomorrow));
    let promised = client.commitments("c");
    let ids = [draw(&mut client, "alice", &today), draw(&mut client, "alice", &tomorrow)];
    let before: Vec<_> = ids.iter().flatten().map(|id| client.proof(id)).collect();
    for proof in &before {
        assert_eq!((&proof["seed"], &proof["commitment"]["seed"]), (&Value::Null, &Value::Null));
        assert!(promised.contains(&proof["commitment"]), "as promised: {proof:#}");
        assert_eq!(text(proof, "digest").len(), 64);
        let day = text(&proof["inputs"], "day");
        assert!(text(&proof["inputs"], "key").starts_with(&format!("alice/{day}/")), "{proof:#}");
    }
    // Up to the last moment of the day before, nothing is shown.
    let revealed = days_after(&today, REVEALED_AFTER_DAYS);
    client.pass_to(&format!("{}T23:59:00Z", days_after(&revealed, -1)));
    assert_eq!(client.commitments("c"), promised);
    assert_eq!(client.proof(&ids[0][0]), before[0]);
    client.pass_to(&format!("{revealed}T00:00:00Z"));
    for id in &ids[0] {
        check_proof(&client.proof(id));
    }
    assert_eq!(client.proof(&ids[1][0])["seed"], Value::Null, "a day is shown by itself");
    server.kill();
    server.restart();
    client = server.client();
    client.pass_to_noon(&days_after(&revealed, 1));
    let shown = client.commitments("c");
    for (shown, promised) in shown.iter().zip(&promised) {
        assert_eq!(with(shown, &json!({"seed": null})), with(promised, &json!({"seed": null})));
        assert_eq!(text(shown, "seed").len(), 64);
    }
    let (mut won, mut lost) = (0, 0);
    for (id, before) in ids.iter().flatten().zip(&before) {
        let proof = client.proof(id);
        check_proof(&proof);
        assert_eq!(without_seed(&proof), without_seed(before));
        let reward = client.reward(id);
        assert_eq!(reward["status"] == "lost", proof["won"] == false, "{reward:#}");
        assert_eq!(reward["amount"], proof["amount"], "{reward:#}");
        assert_eq!(reward["prize"], proof["prize"], "{reward:#}");
        if proof["won"] == true { won += 1 } else { lost += 1 }
    }
    assert!(won > 0 && lost > 0, "{won} won, {lost} lost");
    client.wait_drawn("c", won + lost);
    let campaign = client.campaign("c");
    assert_eq!((&campaign["draws"], &campaign["wins"]), (&json!(won + lost), &json!(won)));
    assert_eq!(client.rewards("alice").len(), won);
}

#[test]
fn a_draw_is_the_same_wherever_its_statement_and_campaign_have_been() {
    let (mut server, mut client, today) = server();
    client.open("alice");
    client.announce(&lottery("c", &today, &today));
    let ids = draw(&mut client, "alice", &today);
    let proofs: Vec<_> = ids.iter().map(|id| client.proof(id)).collect();
    client.wait_told("alice");
    let rewards = client.rewards("alice");
    for round in 0..3 {
        if round > 0 {
            client.command("/admin/checkpoint").expect(200);
            for actor in ["statement/alice", "campaign/c", "wallet/alice"] {
                let left = client.command(&format!("/admin/actors/{actor}/passivate"));
                assert_eq!(left.status / 100, 2, "{}", left.text());
            }
        }
        if round != 1 {
            server.kill();
            server.restart();
            client = server.client();
        }
        let again: Vec<_> = ids.iter().map(|id| client.proof(id)).collect();
        assert_eq!(again, proofs);
        assert_eq!(client.rewards("alice"), rewards);
    }
}

/// Everything that a client or an operator can read.
fn everything(server: &Server, client: &mut Client, rewards: &[String]) -> String {
    let mut paths: Vec<String> = [
        "/openapi.json",
        "/docs",
        "/metrics",
        "/readyz",
        "/v1/campaigns",
        "/v1/campaigns/c",
        "/v1/campaigns/c/commitments",
        "/v1/wallets/alice",
        "/v1/wallets/alice/rewards?limit=500",
        "/v1/wallets/alice/entries?limit=500",
        "/v1/wallets/alice/feed?limit=500",
        "/admin/actors?limit=500",
        "/admin/actors/campaign/c",
        "/admin/actors/statement/alice",
        "/admin/actors/wallet/alice",
        "/admin/sagas?limit=500",
        "/admin/shards",
        "/admin/gateways",
        "/admin/trial-balance",
        "/sandbox/mail",
        "/sandbox/ledger",
    ]
    .map(str::to_owned)
    .to_vec();
    for id in rewards {
        paths.extend([format!("/v1/rewards/{id}"), format!("/v1/rewards/{id}/proof")]);
    }
    let won: Vec<_> = texts(&client.rewards("alice"), "id");
    paths.extend(won.iter().map(|id| format!("/admin/actors/saga/{id}")));
    let mut all = String::new();
    for path in paths {
        let answer = client.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        write!(all, "{path}: {}\n\n", answer.text()).expect("a String takes all");
    }
    for table in ["campaigns", "commitments", "draws", "rewards", "transactions", "outcomes"] {
        let from = ["--table", table, "--format", "ndjson", "--out", "-", "--url", &server.url()];
        let exported = bursar(&[&["export"], &from[..]].concat());
        assert_eq!(exported.code, Some(0), "{table}: {exported:?}");
        all += &exported.stdout;
    }
    all + &server.log()
}

/// How bytes may be written.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let hex: String = crate::rewards_desk::hex(bytes);
    let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
    let words = |by: &str| numbers.join(by);
    vec![hex.to_uppercase(), hex, words(","), words(", "), words(" "), base64(bytes)]
}

/// Without the last one or two letters, so that what stands behind the bytes does not matter.
fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = |three: &[u8]| {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(alphabet[bits >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(letters).collect()
}

#[test]
fn a_seed_is_nowhere_to_be_read_before_it_is_shown() {
    let (mut server, mut client, today) = server_so(launch().and("BURSAR__LOG__LEVEL", "debug"));
    client.open_with_mail("alice");
    client.announce(&lottery("c", &today, &days_after(&today, 1)));
    let mut outcomes = Outcomes::open(server.address(), "");
    client.deposit("alice", "d", "1.00").expect(201);
    let start = text(&outcomes.next(), "cursor").to_owned();
    let ids = draw(&mut client, "alice", &today);
    client.wait_told("alice");
    let mut read = everything(&server, &mut client, &ids);
    let won = client.rewards("alice");
    for _ in &won {
        read += &outcomes.next().to_string();
    }
    server.kill();
    server.restart();
    client = server.client();
    read += &everything(&server, &mut client, &ids);
    let mut again = Outcomes::open(server.address(), &format!("cursor={start}"));
    for _ in &won {
        read += &again.next().to_string();
    }
    // Whatever looks like a seed is a commitment or a digest.
    let mut known: Vec<Value> = Vec::new();
    collect("sha256", &json!(client.commitments("c")), &mut known);
    for id in &ids {
        known.push(client.proof(id)["digest"].clone());
    }
    let words = read.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_hex =
        |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let strange: Vec<_> =
        words.filter(is_hex).filter(|word| !known.contains(&json!(word))).collect();
    assert!(strange.is_empty(), "{strange:?}");
    // What is shown in the end was nowhere, in no spelling.
    client.pass_to_noon(&days_after(&today, REVEALED_AFTER_DAYS + 1));
    let shown = everything(&server, &mut client, &ids);
    for commitment in client.commitments("c") {
        let seed = unhex(text(&commitment, "seed"));
        for spelling in spellings(&seed) {
            assert!(!read.contains(&spelling), "a seed was to be read: {commitment}");
        }
        assert!(shown.contains(text(&commitment, "seed")), "now it is");
    }
}

#[test]
fn campaigns_of_one_day_have_seeds_of_their_own() {
    let (_server, mut client, today) = server();
    for id in ["c", "d"] {
        client.announce(&campaign_body(id, &today, &days_after(&today, 1)));
    }
    client.pass_to_noon(&days_after(&today, REVEALED_AFTER_DAYS + 1));
    let mut seeds: Vec<Value> = Vec::new();
    for id in ["c", "d"] {
        collect("seed", &json!(client.commitments(id)), &mut seeds);
    }
    let mut seeds: Vec<_> = seeds.iter().map(|seed| seed.as_str().expect("it is shown")).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 4);
    // An ended campaign shows the last of its days.
    assert!(client.campaign("c")["commitment"]["seed"].is_string());
    assert_eq!(items(&client.get("/v1/campaigns").expect(200)).len(), 2);
}
