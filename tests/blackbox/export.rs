//! `bursar export`: every table has the rows that the API shows, from a server and from its directory.
//!
//! [`Table`] runs the command and reads what it wrote as NDJSON; the other tests of exports use it
//! too (`export_live`, `export_refused`). Formats are tested beside their code, and Parquet by an
//! independent reader in `tests/export`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::bank::{minor, payment_body};
use crate::harness::{Ended, Server, bursar, eventually};
use crate::http::{Client, Request};
use crate::investing::{from_wallet, investment_body};
use crate::providers_desk::{days_after, line, once, server, statuses};
use crate::streams::Outcomes;

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From<'a> {
    /// A running server.
    Url(&'a str),
    /// A directory.
    Data(&'a Path),
}

/// The arguments of an export to standard output.
pub(crate) fn arguments<'a>(table: &'a str, from: From<'a>) -> Vec<&'a str> {
    let (option, place) = match from {
        From::Url(url) => ("--url", url),
        From::Data(path) => ("--data", path.to_str().expect("the path is text")),
    };
    vec!["export", "--table", table, "--format", "ndjson", "--out", "-", option, place, "--json"]
}

/// An exported table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its rows.
    pub(crate) rows: Vec<Value>,
    /// As of where.
    pub(crate) position: String,
    /// To the letter.
    pub(crate) text: String,
}

impl Table {
    /// Exports a table.
    pub(crate) fn of(table: &str, from: From<'_>) -> Self {
        Self::with(table, from, &[])
    }

    /// The same with more options.
    pub(crate) fn with(table: &str, from: From<'_>, more: &[&str]) -> Self {
        Self::read(bursar(&[&arguments(table, from)[..], more].concat()))
    }

    fn read(ended: Ended) -> Self {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report: Value = serde_json::from_str(&ended.stderr).expect("a report");
        let rows = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a row"));
        let rows: Vec<Value> = rows.collect();
        assert_eq!(report["rows"], rows.len());
        let position = report["position"].as_str().expect("a position").to_owned();
        Self { rows, position, text: ended.stdout }
    }

    /// The values of a column.
    pub(crate) fn column(&self, name: &str) -> Vec<&str> {
        self.rows.iter().map(|row| text(row, name)).collect()
    }

    /// The sums of an amount in minor units, by currency.
    pub(crate) fn sums(&self, name: &str) -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for row in &self.rows {
            *sums.entry(text(row, "currency").to_owned()).or_default() += minor(&row[name]);
        }
        sums
    }

    /// The one row whose column has this value.
    pub(crate) fn row(&self, name: &str, value: &str) -> &Value {
        let found: Vec<_> = self.rows.iter().filter(|row| row[name] == value).collect();
        assert_eq!(found.len(), 1, "{name} {value}: {found:?}");
        found[0]
    }
}

/// A text of a row.
pub(crate) fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("{name}: {row}"))
}

/// Every table.
pub(crate) const TABLES: [&str; 16] = [
    "wallets",
    "providers",
    "payments",
    "entries",
    "activities",
    "reimbursements",
    "deals",
    "investments",
    "advances",
    "debits",
    "transactions",
    "draws",
    "rewards",
    "campaigns",
    "commitments",
    "outcomes",
];

/// A server in which a bit of everything has happened, and has come to rest.
pub(crate) fn busy() -> Server {
    let server = server();
    let mut client = server.client();
    for wallet in ["alice", "bob", "cleo", "dora", "emil"] {
        client.open_with(wallet, "1000.00");
    }
    client.post("/v1/wallets/dora/freeze", "k-freeze", &json!({})).expect(200);
    client.register("acme");
    client.register_so("daily", &json!({"every": "day"}));
    client.register_so("now", &json!("immediate"));
    let body = json!({"wallet": "alice", "provider": "acme", "amount": "12.30", "currency": "EUR",
        "description": "Kaffee, \"groß\" und süß", "metadata": {"order": "7", "by": "ann"},
        "effective_at": "2026-01-02T03:04:05Z"});
    let paid = client.post("/v1/payments", "k-pay", &body).expect(201);
    client.refund(paid["id"].as_str().expect("an id"), "k-refund", Some("2.30")).expect(201);
    client.pay("bob", "daily", "k-bob", "5.00").expect(201);
    client.fault(&once("decline", 0));
    for (key, status) in [("k-failed", "failed"), ("k-posted", "posted")] {
        let body = payment_body("cleo", "now", "7.00");
        let request = Request::post("/v1/payments", &body).key(key).header("Prefer", "wait=30");
        assert_eq!(client.send(&request).json()["status"], status);
    }
    let today = client.today();
    let late = days_after(&today, -1);
    client
        .submit_new("daily", &[line("a:1", "mia", &today, "3.00"), line("a:2", "Zoë", &late, "4")]);
    let body = json!({"account": "dora-bank", "amount": "120.00", "currency": "EUR",
        "plan": {"installments": 3, "every": "week"}});
    let asked = client.post("/v1/advances", "k-lend", &body).expect(202);
    eventually("the advance is active", || {
        let found = client.get(&format!("/v1/advances/{}", text(&asked, "id"))).expect(200);
        (found["status"] == "active").then_some(())
    });
    client.fault(&once("decline", 0));
    client.pass("P1D");
    client.pass("P16D");
    reward(&mut client);
    invest(&mut client);
    client.assert_settled();
    server
}

/// Purchases that win: one is granted, one is reversed, for one the budget has not enough left.
fn reward(client: &mut Client) {
    let today = client.today();
    let campaign = json!({"id": "coffee", "currency": "EUR", "budget": "7.00", "odds": "1",
        "starts_at": format!("{}T00:00:00Z", days_after(&today, -9)), "ends_at": days_after(&today, 9),
        "prizes": [{"amount": "3.00"}], "merchants": {"names": ["Kaffee*"]}});
    client.post("/v1/campaigns", "k-campaign", &campaign).expect(201);
    let purchase = |id: &str, status: &str| {
        json!({"transaction_id": id, "date": today, "status": status, "amount": "4.20",
            "currency": "EUR", "from_account": "emil-bank", "description": "a, \"b\"",
            "merchant": {"id": "m:1", "name": "KAFFEE Süd", "category_code": "5814"}})
    };
    let lines =
        json!([purchase("t/1", "posted"), purchase("t/2", "posted"), purchase("t/3", "posted")]);
    client.post("/v1/wallets/emil/transactions", "k-lines", &lines).expect(202);
    let stand = |client: &mut Client, statuses: [&str; 3]| {
        eventually("the rewards stand", || {
            let found = client.get("/v1/wallets/emil/rewards").expect(200);
            let items = found["items"].as_array().expect("a list").iter();
            let found: Vec<_> = items.map(|reward| text(reward, "status").to_owned()).collect();
            (found == statuses).then_some(())
        });
    };
    stand(client, ["budget-exhausted", "granted", "granted"]);
    let lines = json!([purchase("t/1", "reversed")]);
    client.post("/v1/wallets/emil/transactions", "k-reversed", &lines).expect(202);
    stand(client, ["budget-exhausted", "granted", "clawed-back"]);
}

/// Investments of every kind. One stays where it is, because the processor fails from now on, and
/// with it those who wait for its seat.
fn invest(client: &mut Client) {
    client.deal("mill", "500.00", 5);
    let confirmed = client.invest("mill", "alice", "100.00");
    client.until(&confirmed, "confirmed");
    let asked = client.ask_to_invest("mill", "k-wallet", &from_wallet("emil", "40.00")).expect(202);
    client.until(text(&asked, "id"), "confirmed");
    client.fault(&json!({"route": "pull", "mode": "decline", "count": 1}));
    let failed = client.invest("mill", "bob", "70.00");
    client.until(&failed, "failed");
    client.fault(&json!({"route": "pull", "mode": "error"}));
    client.deal("harbour", "1000.00", 1);
    let seated = client.invest("harbour", "alice", "100.00");
    client.until(&seated, "collecting");
    let leaves = client.invest("harbour", "bob", "50.00");
    client.invest("harbour", "cleo", "60.00");
    client.cancel(&leaves).expect(200);
    let mut body = investment_body("emil", "10.00");
    body["waitlist"] = json!(false);
    client.ask_to_invest("harbour", "k-no-line", &body).problem(409, "deal-full");
}

/// The members of a row but for the minor units of amounts, which must agree with the amounts.
fn without_minor(row: &Value) -> serde_json::Map<String, Value> {
    let mut row = row.as_object().expect("an object").clone();
    let names: Vec<String> = row.keys().filter(|name| name.ends_with("_minor")).cloned().collect();
    for name in names {
        let exact = row.remove(&name).expect("just found");
        let amount = &row[name.trim_end_matches("_minor")];
        assert_eq!(exact.is_null(), amount.is_null(), "{name}: {row:?}");
        if !exact.is_null() {
            assert_eq!(exact.as_i64().map(i128::from), Some(minor(amount)), "{name}: {row:?}");
        }
    }
    row
}

/// Asserts that a row has what a resource of the API has, for these members, where it has them.
fn assert_same(row: &Value, resource: &Value, names: &[&str]) {
    let row = without_minor(row);
    for name in names {
        // A bare `at` is no name in SQL.
        let column = if *name == "at" { "decided_at" } else { name };
        assert_eq!(row[column], resource[*name], "{name}: {row:?} {resource:#}");
    }
}

#[test]
fn every_row_says_what_the_api_says() {
    let server = busy();
    let (mut client, url) = (server.client(), server.url());
    let from = From::Url(&url);
    let wallets = Table::of("wallets", from);
    assert_eq!(wallets.column("id"), ["alice", "bob", "cleo", "dora", "emil"]);
    for row in &wallets.rows {
        let shown = client.wallet(text(row, "id"));
        assert_same(row, &shown["balance"], &["posted", "held", "available"]);
        assert_same(row, &shown, &["status", "currency"]);
    }
    let providers = Table::of("providers", from);
    assert_eq!(providers.column("settlement"), ["month", "day", "immediate"]);
    for row in &providers.rows {
        let shown = client.provider(text(row, "id"));
        assert_same(row, &shown["balance"], &["accrued", "in_reimbursement", "reimbursed"]);
        assert_same(row, &shown, &["name", "currency"]);
    }
    let payments = Table::of("payments", from);
    assert_eq!(payments.rows.len(), 4);
    for row in &payments.rows {
        let shown = client.get(&format!("/v1/payments/{}", text(row, "id"))).expect(200);
        let names = ["wallet", "provider", "amount", "currency", "status", "at"];
        assert_same(row, &shown, &names);
        assert_eq!(row["failure"], shown["failure"]["code"], "{shown:#}");
    }
    let kaffee = payments.row("provider", "acme");
    assert_eq!(kaffee["description"], "Kaffee, \"groß\" und süß");
    assert_eq!(kaffee["metadata"], r#"{"by":"ann","order":"7"}"#);
    assert_eq!(kaffee["effective_at"], "2026-01-02T03:04:05.000Z");
    assert_eq!(payments.row("status", "failed")["wallet"], "cleo");
    let activities = Table::of("activities", from);
    assert_eq!(activities.column("activity_id"), ["a:1", "a:2"]);
    assert_eq!(activities.column("member"), ["mia", "Zoë"]);
    assert_eq!(
        (&activities.rows[0]["late"], &activities.rows[1]["late"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(activities.sums("amount")["EUR"], 700);
    let reimbursements = Table::of("reimbursements", from);
    // The other provider is paid at the end of a month, which the clock may or may not have passed.
    let daily = reimbursements.rows.iter().filter(|row| row["provider"] == "daily");
    let daily: Vec<Value> = daily.cloned().collect();
    assert_eq!(statuses(&daily), ["returned", "paid"]);
    for row in &daily {
        let path = format!("/v1/providers/daily/reimbursements/{}", text(row, "id"));
        let shown = client.get(&path).expect(200);
        assert_same(row, &shown, &["status", "number", "currency"]);
        assert_eq!((&row["amount"], &row["closed_at"]), (&shown["total"], &shown["closed_at"]));
        assert_eq!(row["failure"], shown["failure"]["code"], "{shown:#}");
    }
}

#[test]
fn entries_are_those_of_the_api() {
    let server = busy();
    let (mut client, url) = (server.client(), server.url());
    let entries = Table::of("entries", From::Url(&url));
    let mut shown = Vec::new();
    for (entity, ids) in [
        ("wallet", &["alice", "bob", "cleo", "dora", "emil"][..]),
        ("provider", &["acme", "daily", "now"]),
    ] {
        for id in ids {
            let all = client.all(&format!("/v1/{entity}s/{id}/entries"));
            shown.extend(all.into_iter().rev().map(|entry| (entity, *id, entry)));
        }
    }
    assert_eq!(entries.rows.len(), shown.len());
    for (row, (entity, id, entry)) in entries.rows.iter().zip(&shown) {
        let mut row = without_minor(row);
        let mut entry = entry.as_object().expect("an object").clone();
        entry.insert("entity".to_owned(), json!(entity));
        entry.insert("account".to_owned(), json!(id));
        assert_eq!(row.remove("currency"), Some(json!("EUR")));
        entry.entry("effective_at").or_insert(Value::Null);
        let at = entry.remove("at").expect("every entry has its time");
        entry.insert("decided_at".to_owned(), at);
        assert_eq!(row, entry);
    }
    let kinds: BTreeSet<_> = entries.column("kind").into_iter().collect();
    assert_eq!(kinds.len(), 10, "every kind of entry is there: {kinds:?}");
}

#[test]
fn investments_and_advances_stand_as_the_api_says() {
    let server = busy();
    let (mut client, url) = (server.client(), server.url());
    let from = From::Url(&url);
    let deals = Table::of("deals", from);
    assert_eq!(deals.column("id"), ["harbour", "mill"]);
    for row in &deals.rows {
        let shown = client.deal_now(text(row, "id"));
        assert_same(row, &shown, &["name", "amount", "remaining", "waiting", "last_ticket"]);
        assert_eq!(row["seats_taken"], shown["seats"]["taken"]);
    }
    let investments = Table::of("investments", from);
    let mut statuses = investments.column("status");
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        ["cancelled", "collecting", "confirmed", "confirmed", "failed", "refused", "waitlisted"]
    );
    for row in &investments.rows {
        let shown = client.investment(text(row, "id"));
        let names = ["deal", "wallet", "ticket", "status", "amount", "currency", "funding", "at"];
        assert_same(row, &shown, &names);
        assert_eq!(row["failure"], shown["failure"]["code"], "{shown:#}");
        let is_open = ["waitlisted", "collecting"].contains(&text(row, "status"));
        assert_eq!(row["ended_at"].is_null(), is_open, "{row}");
    }
    let advances = Table::of("advances", from);
    let advance = &advances.rows[0];
    let shown = client.get(&format!("/v1/advances/{}", text(advance, "id"))).expect(200);
    let names = ["account", "status", "amount", "collected", "outstanding", "written_off"];
    assert_same(advance, &shown, &names);
    let debits = Table::of("debits", from);
    let schedule = shown["schedule"].as_array().expect("a schedule");
    assert_eq!(debits.rows.len(), schedule.len());
    for (row, debit) in debits.rows.iter().zip(schedule) {
        let names = ["number", "due", "status", "amount", "attempts", "transaction", "replaces"];
        assert_same(row, debit, &names);
        assert_eq!(row["advance"], advance["id"]);
    }
    assert!(debits.column("status").contains(&"succeeded"), "{debits:?}");
}

#[test]
fn outcomes_are_those_that_were_told() {
    let server = busy();
    let url = server.url();
    let outcomes = Table::of("outcomes", From::Url(&url));
    let mut stream = Outcomes::open(server.address(), "cursor=0-0");
    let mut told: Vec<Value> = (0..outcomes.rows.len()).map(|_| stream.next()).collect();
    let key = |kind: &Value, id: &Value, at: &Value| format!("{kind} {id} {at}");
    told.sort_by_key(|frame| key(&frame["type"], &frame["data"]["id"], &frame["at"]));
    let mut rows: Vec<&Value> = outcomes.rows.iter().collect();
    rows.sort_by_key(|row| key(&row["type"], &row["id"], &row["decided_at"]));
    for (row, frame) in rows.iter().zip(&told) {
        let data = &frame["data"];
        assert_eq!((&row["type"], &row["decided_at"]), (&frame["type"], &frame["at"]));
        let names = [
            "id",
            "status",
            "wallet",
            "provider",
            "deal",
            "advance",
            "debit",
            "payment",
            "amount",
            "currency",
            "balance_after",
            "description",
        ];
        assert_same(row, data, &names);
        assert_eq!(row["failure"], data["failure"]["code"], "{frame}");
    }
}

#[test]
fn a_directory_gives_what_its_server_gave() {
    let mut server = busy();
    let url = server.url();
    let live = TABLES.map(|table| Table::of(table, From::Url(&url)));
    assert_eq!(server.stop(), Some(0));
    let data = server.data();
    for (table, live) in TABLES.into_iter().zip(live) {
        let stored = Table::with(table, From::Data(&data), &["--at", &live.position]);
        assert_eq!(stored.text, live.text, "{table}");
        assert!(!stored.rows.is_empty(), "{table}");
    }
}

#[test]
fn from_and_to_go_by_the_tables_own_time() {
    let server = busy();
    let url = server.url();
    let from = From::Url(&url);
    for (table, column) in [("entries", "decided_at"), ("wallets", "opened_at"), ("debits", "due")]
    {
        let all = Table::of(table, from);
        let times: BTreeSet<&str> = all.column(column).into_iter().collect();
        let middle = *times.iter().nth(times.len() / 2).expect("some");
        let before = Table::with(table, from, &["--to", middle]);
        let after = Table::with(table, from, &["--from", middle]);
        assert_eq!(before.rows.len() + after.rows.len(), all.rows.len(), "{table}");
        assert!(before.column(column).iter().all(|at| *at < middle), "{table}");
        assert!(after.column(column).iter().all(|at| *at >= middle), "{table}");
        assert!(!after.rows.is_empty() && !before.rows.is_empty(), "{table}");
        let between = Table::with(table, from, &["--from", "1999-12-31", "--to", "2000-01-01"]);
        assert!(between.rows.is_empty(), "{table}");
    }
}
