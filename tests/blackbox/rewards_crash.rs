//! A month of a bank's lines under kills: each is drawn once, and an independent script counts again.
//!
//! Writers send overlapping batches of many customers; the server is killed again and again, in every
//! other round while it saves and lets actors leave memory, and sometimes right after it began. What
//! got no answer is sent again. Then the clock moves until all seeds are shown, and everything is
//! counted: from the answers, from the outcome stream, and by `tests/rewards/recount.py` from what
//! `bursar export` wrote, which shares no code with the server.
//!
//! The lines are a month of the bank's file where it is beside the project, else made up. Some are
//! announced as pending before, some are given back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::bank::{major, minor};
use crate::harness::{Random, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::providers_desk::days_after;
use crate::rewards_desk::{
    REVEALED_AFTER_DAYS, campaign_body, drawn, lines_of, number, purchase_at, server,
    stop_and_verify, text, unhex, with,
};
use crate::streams::Outcomes;

const KILLS: usize = 12;
const WRITERS: usize = 6;
const ACCOUNTS: usize = 100;

/// The month of the file that is sent; its last day is today.
const MONTH: (&str, &str) = ("1994-03-01", "1994-03-31");

const TABLES: [&str; 7] =
    ["campaigns", "commitments", "draws", "rewards", "transactions", "entries", "wallets"];

/// A wallet with its lines, by day.
type Accounts = BTreeMap<String, Vec<Value>>;

fn days_between(one: &str, other: &str) -> i32 {
    let day = |text: &str| text.parse::<jiff::civil::Date>().expect("a day is YYYY-MM-DD");
    day(one).until(day(other)).expect("within the calendar").get_days()
}

/// The month of the bank's file.
fn real_lines(file: &Path, today: &str) -> Accounts {
    let mut accounts = Accounts::new();
    let mut reader = csv::Reader::from_path(file).expect("the file can be read");
    for row in reader.records() {
        let row = row.expect("a line of the file");
        if !(MONTH.0..=MONTH.1).contains(&&row[2]) {
            continue;
        }
        let date = days_after(today, -days_between(&row[2], MONTH.1));
        let merchant = json!({"id": &row[9], "name": &row[4]});
        let line = purchase_at(&row[0], &date, &row[5], &merchant);
        let line = with(&line, &json!({"from_account": &row[1], "description": &row[7]}));
        accounts.entry(format!("customer-{}", &row[1])).or_default().push(line);
    }
    assert!(accounts.len() > ACCOUNTS, "{}", accounts.len());
    accounts.into_iter().take(ACCOUNTS).collect()
}

/// Lines like those of a bank.
fn made_up_lines(today: &str) -> Accounts {
    let mut random = Random::new(0xba2c);
    let mut accounts = Accounts::new();
    for number in 0..ACCOUNTS * 5 {
        let date = days_after(today, -i32::try_from(random.below(31)).expect("small"));
        let name = ["cash-out", "transfer-out", "cash-in", "interest"][number % 4];
        let amount = major(1 + random.below(500_000));
        let line = purchase_at(&format!("tx{number}"), &date, &amount, &json!({ "name": name }));
        let wallet = format!("customer-{}", number % ACCOUNTS);
        accounts.entry(wallet).or_default().push(line);
    }
    for lines in accounts.values_mut() {
        lines.sort_by_key(|line| text(line, "date").to_owned());
    }
    accounts
}

/// The lines of all accounts, with pending ones before some and reversals after others.
fn accounts(today: &str) -> Accounts {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bank-statements.csv");
    let mut accounts = if file.exists() { real_lines(&file, today) } else { made_up_lines(today) };
    let mut count = 0;
    for lines in accounts.values_mut() {
        for mut line in std::mem::take(lines) {
            count += 1;
            line["currency"] = json!("CZK");
            let id = text(&line, "transaction_id").to_owned();
            if count % 7 == 0 {
                let name = format!("p{id}");
                let pending = json!({"transaction_id": name, "status": "pending"});
                lines.push(with(&line, &pending));
                line["pending_id"] = json!(name);
            }
            lines.push(line.clone());
            if count % 11 == 0 {
                let back = json!({"transaction_id": format!("r{id}"), "status": "reversed",
                    "reversal_of": id, "pending_id": null});
                lines.push(with(&line, &back));
            }
        }
    }
    accounts
}

/// A batch as a bank sends it: some days of one account.
type Batch = (String, Vec<Value>);

/// Each line stands in two or three batches; they come in any order.
fn batches(accounts: &Accounts, today: &str, random: &mut Random) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (wallet, lines) in accounts {
        for last in [-24, -18, -12, -6, 0] {
            let (first, last) = (days_after(today, last - 14), days_after(today, last));
            let is_in = |line: &&Value| (&*first..=&*last).contains(&text(line, "date"));
            let batch: Vec<_> = lines.iter().filter(is_in).cloned().collect();
            if !batch.is_empty() {
                batches.push((wallet.clone(), batch));
            }
        }
        batches.push((wallet.clone(), lines.clone()));
    }
    for at in (1..batches.len()).rev() {
        let other = random.below(at as u64 + 1);
        batches.swap(at, usize::try_from(other).expect("it was one"));
    }
    batches
}

fn announce(client: &mut Client, today: &str) {
    let month = campaign_body("all", &days_after(today, -31), today);
    let all = json!({"currency": "CZK", "budget": "1000000.00", "odds": "1/4",
        "prizes": [{"amount": "10.00", "weight": 5}, {"percent": "1.25", "rounding": "half-even"},
            {"percent": "50", "max": "100.00", "rounding": "up", "weight": 2}]});
    client.announce(&with(&month, &all));
    // Its budget ends on the way, and nothing of it comes back.
    let cash = json!({"id": "cash", "currency": "CZK", "budget": "2000.00", "odds": "0.7",
        "prizes": [{"amount": "25.00"}, {"percent": "0.3333"}], "priority": 1,
        "merchants": {"names": ["cash-*"]}, "min_amount": "500.00", "on_reversal": "keep"});
    client.announce(&with(&month, &cash));
}

/// What writers share.
struct Work<'a> {
    left: Mutex<Vec<&'a Batch>>,
    /// How often each line was answered to be new.
    new: Mutex<BTreeMap<(String, String, String), u32>>,
    answered: AtomicUsize,
}

impl Work<'_> {
    /// Sends batches until there are none left, or the connection breaks.
    fn write(&self, address: SocketAddr) {
        let mut client = Client::new(address);
        loop {
            let Some(batch) = self.left.lock().expect("no writer panics").pop() else { return };
            let Ok(answer) = client.try_send(&Request::lines(lines_of(&batch.0), &batch.1)) else {
                self.left.lock().expect("no writer panics").insert(0, batch);
                return;
            };
            assert_eq!(answer.status, 202, "{}", answer.text());
            let answers = answer.lines();
            assert_eq!(answers.len(), batch.1.len());
            let mut new = self.new.lock().expect("no writer panics");
            for (answer, line) in answers.iter().zip(&batch.1) {
                match text(answer, "status") {
                    "new" => {
                        let member = |name| text(line, name).to_owned();
                        let line = (batch.0.clone(), member("transaction_id"), member("status"));
                        *new.entry(line).or_default() += 1;
                    }
                    status => assert_eq!(status, "duplicate", "{answer} {line}"),
                }
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_done(&self) -> bool {
        self.left.lock().expect("no writer panics").is_empty()
    }

    /// Lets the writers loose and kills the server after so many answers.
    fn round(&self, server: &mut Server, answers: usize, saves: bool, wallets: &[String]) {
        let (address, until) = (server.address(), self.answered.load(Ordering::Relaxed) + answers);
        thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(move || self.write(address));
            }
            if saves {
                scope.spawn(move || save_and_passivate(&mut Client::new(address), wallets));
            }
            eventually("the writers get answers", || {
                let is_over = self.answered.load(Ordering::Relaxed) >= until || self.is_done();
                is_over.then_some(())
            });
            server.kill();
        });
        server.restart();
    }
}

/// Saves everything and lets actors leave memory, until the connection breaks.
fn save_and_passivate(client: &mut Client, wallets: &[String]) {
    let command = |path: String| Request::new("POST", path);
    for wallet in wallets.iter().cycle() {
        let mut sent = client.try_send(&command("/admin/checkpoint".to_owned())).is_ok();
        for actor in [format!("statement/{wallet}"), "campaign/all".into(), "campaign/cash".into()]
        {
            let path = format!("/admin/actors/{actor}/passivate");
            sent &= client.try_send(&command(path)).is_ok();
        }
        if !sent {
            return;
        }
    }
}

/// Waits until each reward of a wallet has come to its end.
fn wait_ended(client: &mut Client, wallet: &str) -> Vec<Value> {
    client.wait_looked_at(wallet);
    eventually(&format!("all rewards of {wallet} have ended"), || {
        let rewards = client.rewards(wallet);
        let has_ended = |reward: &Value| match text(reward, "status") {
            "granted" => reward["campaign"] == "cash" || reward["reversed"] == false,
            "clawed-back" | "budget-exhausted" => true,
            _ => false,
        };
        rewards.iter().all(has_ended).then_some(rewards)
    })
}

/// The campaign that a posted line is for.
fn campaign_for(line: &Value) -> &'static str {
    let is_cash = text(&line["merchant"], "name").starts_with("cash-");
    if is_cash && minor(&line["amount"]) >= 50_000 { "cash" } else { "all" }
}

/// The purchases that win by the seeds, which are shown by now: with campaign and prize.
fn winners(client: &mut Client, accounts: &Accounts) -> BTreeSet<(String, String, String, u64)> {
    let mut winners = BTreeSet::new();
    let mut seeds: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
    for campaign in ["all", "cash"] {
        for shown in client.commitments(campaign) {
            let day = text(&shown, "day").to_owned();
            seeds.insert((campaign.to_owned(), day), unhex(text(&shown, "seed")));
        }
    }
    for (wallet, lines) in accounts {
        for line in lines.iter().filter(|line| line["status"] == "posted") {
            let campaign = campaign_for(line);
            let seed = &seeds[&(campaign.to_owned(), text(line, "date").to_owned())];
            let purchase = line["pending_id"].as_str().unwrap_or(text(line, "transaction_id"));
            let key = format!("{wallet}/{purchase}");
            let (odds, weights): (_, &[u64]) =
                if campaign == "all" { ((1, 4), &[5, 1, 2]) } else { ((7, 10), &[1, 1]) };
            if let Some(prize) = drawn(seed, &key, odds, weights) {
                let names = (wallet.clone(), purchase.to_owned(), campaign.to_owned());
                winners.insert((names.0, names.1, names.2, prize as u64));
            }
        }
    }
    winners
}

/// The stream from the start tells each reward that was granted once.
fn check_stream(server: &Server, start: &str, rewards: &[Value]) {
    let query = format!("type=reward.granted&cursor={start}");
    let mut outcomes = Outcomes::open(server.address(), &query);
    let is_granted = |reward: &&Value| reward["status"] != "budget-exhausted";
    let granted: BTreeSet<_> =
        rewards.iter().filter(is_granted).map(|reward| text(reward, "id").to_owned()).collect();
    let mut told = BTreeSet::new();
    for _ in 0..granted.len() {
        let outcome = outcomes.next();
        assert!(told.insert(text(&outcome["data"], "id").to_owned()), "told twice: {outcome}");
    }
    assert_eq!(told, granted);
}

/// What each campaign says agrees with its wallets' rewards and entries.
fn check_sums(client: &mut Client, rewards: &[Value], posted: &BTreeMap<&str, u64>) {
    for campaign in client.all("/v1/campaigns") {
        let id = text(&campaign, "id");
        let of = |status: &[&str]| -> Vec<&Value> {
            let is_of = |reward: &&Value| {
                reward["campaign"] == id && status.contains(&text(reward, "status"))
            };
            rewards.iter().filter(is_of).collect()
        };
        let sum = |rewards: &[&Value], name: &str| -> i128 {
            rewards.iter().map(|reward| minor(&reward[name])).sum()
        };
        let granted = of(&["granted", "clawed-back"]);
        let back = sum(&of(&["clawed-back"]), "clawed_back");
        assert_eq!(minor(&campaign["granted"]), sum(&granted, "amount") - back, "{campaign:#}");
        assert_eq!(minor(&campaign["clawed_back"]), back, "{campaign:#}");
        assert!(minor(&campaign["granted"]) <= minor(&campaign["budget"]), "{campaign:#}");
        let exhausted = of(&["budget-exhausted"]);
        assert_eq!(number(&campaign, "exhausted"), exhausted.len() as u64, "{campaign:#}");
        assert_eq!(number(&campaign, "rewards"), granted.len() as u64, "{campaign:#}");
        assert_eq!(number(&campaign, "draws"), posted[id], "{campaign:#}");
        assert_eq!(campaign["waiting"], 0, "{campaign:#}");
        assert_eq!(id == "cash", !exhausted.is_empty(), "one budget was to end: {campaign:#}");
    }
}

/// Exports all tables of a stopped server and has them counted again.
fn recount(server: &Server, terms: &Value, accounts: &Accounts) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let data = server.data();
    let data = data.to_str().expect("a path is text");
    for table in TABLES {
        let out = path(&format!("{table}.ndjson"));
        let arguments = ["export", "--table", table, "--format", "ndjson", "--out", &out];
        let exported = bursar(&[&arguments[..], &["--data", data]].concat());
        assert_eq!(exported.code, Some(0), "{table}: {exported:?}");
    }
    let mut sent = Vec::new();
    for (wallet, lines) in accounts {
        let line = |line| with(line, &json!({ "wallet": wallet })).to_string();
        sent.extend(lines.iter().map(line));
    }
    std::fs::write(path("sent.ndjson"), sent.join("\n")).expect("a file can be written");
    std::fs::write(path("terms.json"), terms.to_string()).expect("a file can be written");
    let verified = bursar(&["verify-draws", "--draws", &path("draws.ndjson")]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rewards/recount.py");
    match Command::new("python3").arg(script).arg(directory.path()).output() {
        Ok(output) => {
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (counted, faults) = (said(&output.stdout), said(&output.stderr));
            assert!(output.status.success(), "{counted}{faults}");
            let counted: Value = serde_json::from_str(&counted).expect("a report");
            assert_eq!(counted["lines"], sent.len(), "{counted:#}");
        }
        // Everything but the script has been checked by now.
        Err(error) => eprintln!("python3 cannot be run, so nothing was recounted: {error}"),
    }
}

/// Opens the wallets and says from where on the stream is read.
fn begin(server: &Server, wallets: &[String], today: &str) -> String {
    let mut client = server.client();
    let open = |wallet| json!({"op": "open-wallet", "id": wallet, "currency": "CZK"});
    let opened = client.batch("/v1/batch", &wallets.iter().map(open).collect::<Vec<_>>());
    assert!(opened.iter().all(|wallet| wallet["status"] == 201), "{opened:?}");
    announce(&mut client, today);
    let mut outcomes = Outcomes::open(server.address(), "");
    let first = json!({"amount": "1.00", "currency": "CZK", "method": "external"});
    client.post(&format!("/v1/wallets/{}/deposits", wallets[0]), "d", &first).expect(201);
    text(&outcomes.next(), "cursor").to_owned()
}

/// Sends all batches under kills.
fn send_and_kill(server: &mut Server, accounts: &Accounts, wallets: &[String], today: &str) {
    let mut random = Random::new(0x5ca1_ab1e);
    let batches = batches(accounts, today, &mut random);
    let work = Work {
        left: Mutex::new(batches.iter().collect()),
        new: Mutex::default(),
        answered: AtomicUsize::new(0),
    };
    let share = u64::try_from(batches.len() / (KILLS + 1)).expect("few");
    for round in 0..KILLS {
        assert!(!work.is_done(), "there is work for each round");
        let answers = 1 + share / 2 + random.below(share / 2);
        let answers = usize::try_from(answers).expect("few");
        work.round(server, answers, round % 2 == 1, wallets);
        if round % 3 == 2 {
            // What it took and has not looked at is looked at after the next start.
            server.kill();
            server.restart();
        }
    }
    work.write(server.address());
    assert!(work.is_done());
    let new = work.new.into_inner().expect("no writer panics");
    assert!(new.values().all(|times| *times == 1), "a line was new twice: {new:?}");
}

/// The rewards of all wallets, each with its money.
fn all_rewards(client: &mut Client, wallets: &[String]) -> Vec<Value> {
    let mut rewards = Vec::new();
    for wallet in wallets {
        let found = wait_ended(client, wallet);
        let sum = |status: &str, name: &str| -> i128 {
            let of = found.iter().filter(|reward| reward["status"] == status);
            of.map(|reward| minor(&reward[name])).sum()
        };
        let first = if *wallet == wallets[0] { 100 } else { 0 };
        let posted = minor(&json!(client.posted(wallet)));
        assert_eq!(posted, first + sum("granted", "amount"), "{wallet}: {found:#?}");
        assert_eq!(sum("clawed-back", "amount"), sum("clawed-back", "clawed_back"), "{wallet}");
        rewards.extend(found);
    }
    rewards
}

#[test]
fn a_month_of_lines_under_kills_is_drawn_once_and_recounted() {
    let (mut server, _, today) = server();
    let accounts = accounts(&today);
    let wallets: Vec<String> = accounts.keys().cloned().collect();
    let start = begin(&server, &wallets, &today);
    send_and_kill(&mut server, &accounts, &wallets, &today);
    let mut client = server.client();
    let rewards = all_rewards(&mut client, &wallets);
    for (wallet, lines) in &accounts {
        let again = client.take(wallet, lines);
        assert_eq!(again["counts"]["duplicate"], lines.len(), "{wallet}: {}", again["counts"]);
    }
    let mut posted: BTreeMap<&str, u64> = BTreeMap::new();
    let all = accounts.values().flatten().filter(|line| line["status"] == "posted");
    all.for_each(|line| *posted.entry(campaign_for(line)).or_default() += 1);
    check_sums(&mut client, &rewards, &posted);
    check_stream(&server, &start, &rewards);
    client.assert_settled();
    client.pass_to_noon(&days_after(&today, REVEALED_AFTER_DAYS + 1));
    let name = |reward: &Value, name: &str| text(reward, name).to_owned();
    let won = rewards.iter().map(|reward| {
        let purchase = name(reward, "transaction_id");
        (name(reward, "wallet"), purchase, name(reward, "campaign"), number(reward, "prize"))
    });
    let won: Vec<_> = won.collect();
    let expected = winners(&mut client, &accounts);
    assert_eq!(won.len(), expected.len(), "none is there twice");
    assert_eq!(won.into_iter().collect::<BTreeSet<_>>(), expected);
    let terms = client.get("/v1/campaigns").expect(200);
    stop_and_verify(&mut server);
    recount(&server, &terms, &accounts);
}
