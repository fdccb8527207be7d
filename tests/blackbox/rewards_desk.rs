//! The calls about campaigns, bank lines and rewards, and a draw that is done again.
//!
//! How a draw is done again is written here from the words that the proof itself says, without a
//! line of the server's code: SHA-256 and HMAC come from their crates, the rest is arithmetic. Bodies
//! are made here once, so that a test shows only what it is about; amounts are in euros.
//!
//! Lines are looked at off the request path. A test waits until a statement has none left, or until
//! its rewards stand as expected.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bank::minor;
use crate::harness::{Launch, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::providers_desk::{days_after, items, launch, server_with};

/// How many days before today a line may be dated: the window and its margin.
pub(crate) const TAKEN_DAYS: i32 = 32;

/// How many days after a line's date the seed of its day is shown.
pub(crate) const REVEALED_AFTER_DAYS: i32 = TAKEN_DAYS + 2;

/// A campaign that draws every purchase of these days, from the first to the last, and always wins.
pub(crate) fn campaign_body(id: &str, first_day: &str, last_day: &str) -> Value {
    json!({"id": id, "currency": "EUR", "budget": "1000.00", "starts_at": first_day,
        "ends_at": days_after(last_day, 1), "odds": "1", "prizes": [{"amount": "5.00"}]})
}

/// A body with members changed; `null` leaves one out.
pub(crate) fn with(body: &Value, members: &Value) -> Value {
    let mut body = body.clone();
    let changed = body.as_object_mut().expect("a body is an object");
    for (member, value) in members.as_object().expect("members are an object") {
        if value.is_null() {
            changed.remove(member);
        } else {
            changed.insert(member.clone(), value.clone());
        }
    }
    body
}

/// A posted line in euros.
pub(crate) fn purchase(id: &str, date: &str, amount: &str) -> Value {
    json!({"transaction_id": id, "date": date, "status": "posted", "amount": amount,
        "currency": "EUR"})
}

/// The same, at a merchant.
pub(crate) fn purchase_at(id: &str, date: &str, amount: &str, merchant: &Value) -> Value {
    with(&purchase(id, date, amount), &json!({ "merchant": merchant }))
}

/// The address of a wallet's bank lines.
pub(crate) fn lines_of(wallet: &str) -> String {
    format!("/v1/wallets/{wallet}/transactions")
}

/// A server whose clock shows noon, with its date.
pub(crate) fn server() -> (Server, Client, String) {
    server_so(launch())
}

/// The same, started so.
pub(crate) fn server_so(launch: Launch) -> (Server, Client, String) {
    let server = server_with(launch);
    let mut client = server.client();
    let today = client.today();
    (server, client, today)
}

/// Stops a server in order and has every record on its disk checked.
pub(crate) fn stop_and_verify(server: &mut Server) {
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

/// A text member.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text: {value:#}"))
}

/// A number member.
pub(crate) fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} is no number: {value:#}"))
}

impl Client {
    /// Announces a campaign.
    pub(crate) fn announce(&mut self, body: &Value) -> Value {
        let key = format!("announce-{}", text(body, "id"));
        self.post("/v1/campaigns", &key, body).expect(201)
    }

    /// A campaign as it stands.
    pub(crate) fn campaign(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/campaigns/{id}")).expect(200)
    }

    /// Waits until a campaign has heard of so many draws; it hears of them a commit later.
    pub(crate) fn wait_drawn(&mut self, campaign: &str, draws: usize) {
        eventually(&format!("{campaign} has {draws} draws"), || {
            (self.campaign(campaign)["draws"] == draws).then_some(())
        });
    }

    /// Submits bank lines as an array.
    pub(crate) fn take(&mut self, wallet: &str, lines: &[Value]) -> Value {
        self.send(&Request::post(lines_of(wallet), &json!(lines))).expect(202)
    }

    /// Submits bank lines that are all new, and waits until they are looked at.
    pub(crate) fn take_new(&mut self, wallet: &str, lines: &[Value]) {
        let answer = self.take(wallet, lines);
        assert_eq!(answer["counts"]["new"], lines.len(), "{answer}");
        self.wait_looked_at(wallet);
    }

    /// Waits until no line that was taken is left to be looked at.
    pub(crate) fn wait_looked_at(&mut self, wallet: &str) {
        eventually(&format!("the lines of {wallet} are looked at"), || {
            let seen = self.get(&format!("/admin/actors/statement/{wallet}")).expect(200);
            (seen["state"]["batches_waiting"] == 0).then_some(())
        });
    }

    /// All rewards of a wallet, newest first.
    pub(crate) fn rewards(&mut self, wallet: &str) -> Vec<Value> {
        self.all(&format!("/v1/wallets/{wallet}/rewards"))
    }

    /// The rewards of a wallet, once each line here has one that stands so; ascending by line.
    pub(crate) fn wait_rewards(&mut self, wallet: &str, expected: &[(&str, &str)]) -> Vec<Value> {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        eventually(&format!("{wallet} has {expected:?}"), || {
            let mut rewards = self.rewards(wallet);
            rewards.sort_by_key(|reward| text(reward, "transaction_id").to_owned());
            let stand = |reward: &Value, (line, status): &(&str, &str)| {
                reward["transaction_id"] == *line && reward["status"] == *status
            };
            let all = rewards.len() == expected.len()
                && rewards.iter().zip(&expected).all(|(reward, expected)| stand(reward, expected));
            all.then_some(rewards)
        })
    }

    /// A reward, or a draw that was lost.
    pub(crate) fn reward(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/rewards/{id}")).expect(200)
    }

    /// The proof of a draw.
    pub(crate) fn proof(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/rewards/{id}/proof")).expect(200)
    }

    /// The commitments of a campaign's days, in order.
    pub(crate) fn commitments(&mut self, campaign: &str) -> Vec<Value> {
        self.all(&format!("/v1/campaigns/{campaign}/commitments"))
    }

    /// Moves the clock to noon of a day.
    pub(crate) fn pass_to_noon(&mut self, day: &str) {
        self.pass_to(&format!("{day}T12:00:00Z"));
    }

    /// How many records the journal has got since the start.
    pub(crate) fn records(&mut self) -> u64 {
        let metrics = self.get("/metrics").text();
        let line = metrics.lines().find(|line| line.starts_with("bursar_journal_records_total "));
        let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no count of records: {metrics}"))
    }

    /// Waits until every winner was told, or could not be, and nothing is on its way.
    pub(crate) fn wait_told(&mut self, wallet: &str) {
        for reward in self.rewards(wallet) {
            eventually(&format!("the mail about {reward} is dealt with"), || {
                let whole = self.reward(text(&reward, "id"));
                let Some(last) = whole["steps"].as_array().and_then(|steps| steps.last()) else {
                    return (whole["status"] != "granted").then_some(());
                };
                let is_over = ["done", "skipped", "failed"].contains(&text(last, "status"));
                (is_over || whole["status"] == "failed").then_some(())
            });
        }
        self.assert_settled();
    }

    /// The mails that were written, by their names: each is there once however often it was sent.
    pub(crate) fn mails(&mut self) -> Vec<Value> {
        let mut mails = items(&self.get("/sandbox/mail").expect(200)).to_vec();
        mails.sort_by_key(|mail| mail["message_id"].to_string());
        mails.dedup_by_key(|mail| mail["message_id"].to_string());
        mails
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all");
    }
    text
}

/// Hexadecimal digits as bytes.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn hmac(seed: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(seed).expect("a key has any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The numbers of a key, one after the other: those of its digest, then those of further ones.
fn numbers<'a>(seed: &'a [u8], key: &'a str) -> impl Iterator<Item = u64> + 'a {
    let digest = move |n: u32| {
        let more = if n == 0 { Vec::new() } else { [&[0][..], &n.to_be_bytes()].concat() };
        hmac(seed, &[key.as_bytes(), &more].concat())
    };
    (0..).flat_map(move |n| {
        let digest = digest(n);
        (0..4).map(move |at| {
            let bytes = digest[at * 8..at * 8 + 8].try_into().expect("eight bytes");
            u64::from_be_bytes(bytes)
        })
    })
}

/// One of `n`, from the next numbers that favour none.
fn one_of(n: u64, numbers: &mut impl Iterator<Item = u64>) -> u64 {
    let limit = (1_u128 << 64) / u128::from(n) * u128::from(n);
    let fair = numbers.find(|number| u128::from(*number) < limit);
    fair.expect("numbers never end") % n
}

/// A draw done again: the place of its prize.
pub(crate) fn drawn(seed: &[u8], key: &str, odds: (u64, u64), weights: &[u64]) -> Option<usize> {
    let mut numbers = numbers(seed, key);
    if one_of(odds.1, &mut numbers) >= odds.0 {
        return None;
    }
    let drawn = one_of(weights.iter().sum(), &mut numbers);
    let mut sum = 0;
    let above = |weight: &u64| {
        sum += weight;
        sum > drawn
    };
    weights.iter().position(above)
}

/// What a prize is worth, in hundredths.
pub(crate) fn worth(prize: &Value, spent: i128) -> i128 {
    if prize["amount"].is_string() {
        return minor(&prize["amount"]);
    }
    let percent = text(prize, "percent");
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let millionths: i128 = format!("{whole}{part:0<4}").parse().expect("a percentage");
    let (whole, rest) = (spent * millionths / 1_000_000, spent * millionths % 1_000_000);
    let up = match text(prize, "rounding") {
        "down" => false,
        "up" => rest > 0,
        "half-even" => rest * 2 > 1_000_000 || (rest * 2 == 1_000_000 && whole % 2 == 1),
        other => panic!("{other} is no rounding"),
    };
    let most = prize.get("max").map_or(i128::MAX, minor);
    (whole + i128::from(up)).max(1).min(most)
}

/// Does a draw again from its proof, which must show the seed.
pub(crate) fn check_proof(proof: &Value) {
    let seed = unhex(text(proof, "seed"));
    let inputs = &proof["inputs"];
    let key = text(inputs, "key");
    assert_eq!(proof["commitment"]["seed"], proof["seed"], "{proof:#}");
    assert_eq!(proof["commitment"]["day"], inputs["day"], "{proof:#}");
    assert_eq!(text(&proof["commitment"], "sha256"), hex(&Sha256::digest(&seed)), "{proof:#}");
    assert_eq!(text(proof, "digest"), hex(&hmac(&seed, key.as_bytes())), "{proof:#}");
    let odds = (number(&inputs["odds"], "wins"), number(&inputs["odds"], "of"));
    let prizes = inputs["prizes"].as_array().expect("a table");
    let weights: Vec<_> = prizes.iter().map(|prize| number(prize, "weight")).collect();
    let prize = drawn(&seed, key, odds, &weights);
    assert_eq!(proof["prize"], json!(prize), "{proof:#}");
    assert_eq!(proof["won"], prize.is_some(), "{proof:#}");
    match prize {
        None => assert_eq!(proof["amount"], Value::Null, "{proof:#}"),
        Some(at) => {
            let won = worth(&prizes[at], minor(&inputs["purchase_amount"]));
            assert_eq!(minor(&proof["amount"]), won, "{proof:#}");
        }
    }
}

#[test]
fn numbers_favour_none() {
    // Of 2^63 + 1, numbers from 2^63 + 1 on are skipped: there is no second whole multiple.
    let n = (1_u64 << 63) + 1;
    assert_eq!(one_of(n, &mut [u64::MAX, n, n - 1].into_iter()), n - 1);
    assert_eq!(one_of(3, &mut [u64::MAX, 5].into_iter()), 2, "2^64 - 1 is a multiple of 3");
    assert_eq!(one_of(1, &mut [u64::MAX].into_iter()), 0);
}
