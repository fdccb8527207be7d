//! The calls about what providers do and are paid, and a server whose clock can be moved.
//!
//! The server has its own third parties, which answer at once; what they booked outlives a kill, as
//! a bank's books would. Moving the clock answers when all that fell due on the way is done, so
//! tests of a calendar never wait for one.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::bank::minor;
use crate::harness::{Launch, Server, eventually};
use crate::http::{Answer, Client, JSON, Request};

/// How such a server is started.
pub(crate) fn launch() -> Launch {
    Launch::with("BURSAR__SANDBOX__LATENCY_MS", "0")
        .and("BURSAR__SANDBOX__LATENCY_JITTER_MS", "0")
        .and("BURSAR__PROCESSOR__TIMEOUT_MS", "1000")
        .and("BURSAR__SAGAS__LADDER_MS", "20,50,100,200,400")
        .and("BURSAR__SAGAS__SETTLE_MS", "300")
}

/// Such a server. Its clock shows noon, so that no day ends by itself while a test is at work.
pub(crate) fn server() -> Server {
    server_with(launch())
}

/// The same, started so.
pub(crate) fn server_with(launch: Launch) -> Server {
    let server = Server::start_with(launch);
    let mut client = server.client();
    let tomorrow = days_after(&client.today(), 1);
    client.pass_to(&format!("{tomorrow}T12:00:00Z"));
    server
}

/// The body of a provider that takes euros and is paid so.
pub(crate) fn paid_so(id: &str, settlement: &Value) -> Value {
    json!({"id": id, "name": format!("Provider {id}"), "currency": "EUR",
        "settlement": settlement, "account": format!("account-{id}")})
}

/// An activity in euros.
pub(crate) fn line(id: &str, member: &str, date: &str, amount: &str) -> Value {
    json!({"activity_id": id, "member": member, "service_date": date, "amount": amount,
        "currency": "EUR"})
}

/// A day some days after another one.
pub(crate) fn days_after(day: &str, days: i32) -> String {
    let day: Date = day.parse().expect("a day is YYYY-MM-DD");
    let moved = day.checked_add(jiff::Span::new().days(days));
    moved.expect("within the calendar").to_string()
}

/// A fault that strikes the next order to pay; the modes that take time take so long.
pub(crate) fn once(mode: &str, delay_ms: u64) -> Value {
    let mut fault = json!({"route": "push", "mode": mode, "count": 1});
    if ["lose-answer", "timeout", "slow", "rate-limit"].contains(&mode) {
        fault["delay_ms"] = json!(delay_ms);
    }
    fault
}

/// The items of a list.
pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap_or_else(|| panic!("no items: {list}"))
}

/// The `status` of each item.
pub(crate) fn statuses(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["status"].as_str().unwrap_or_default()).collect()
}

/// An order to pay, as the processor booked it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Push {
    pub(crate) reference: String,
    pub(crate) account: String,
    /// In hundredths.
    pub(crate) amount: i128,
    pub(crate) status: String,
}

impl Push {
    /// One that succeeded.
    pub(crate) fn done(reference: &str, account: &str, amount: i128) -> Self {
        let text = str::to_owned;
        Self {
            reference: text(reference),
            account: text(account),
            amount,
            status: text("succeeded"),
        }
    }
}

/// The total of a reimbursement is all that it is made of.
pub(crate) fn assert_adds_up(reimbursement: &Value) {
    let part = |name: &str| minor(&reimbursement[name]["amount"]);
    let sum =
        minor(&reimbursement["carried"]) + part("activities") + part("payments") - part("refunds");
    assert_eq!(minor(&reimbursement["total"]), sum, "{reimbursement:#}");
}

impl Client {
    /// Registers a provider that is paid so.
    pub(crate) fn register_so(&mut self, id: &str, settlement: &Value) -> Value {
        let body = paid_so(id, settlement);
        self.post("/v1/providers", &format!("register-{id}"), &body).expect(201)
    }

    /// Submits lines as an array.
    pub(crate) fn submit(&mut self, provider: &str, lines: &[Value]) -> Value {
        let path = format!("/v1/providers/{provider}/activities");
        self.send(&Request::post(path, &json!(lines))).expect(200)
    }

    /// Submits lines that are all new.
    pub(crate) fn submit_new(&mut self, provider: &str, lines: &[Value]) {
        let answer = self.submit(provider, lines);
        assert_eq!(answer["counts"]["new"], lines.len(), "{answer}");
    }

    /// A provider as it stands.
    pub(crate) fn provider(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/providers/{id}")).expect(200)
    }

    /// Pays a provider so from now on.
    pub(crate) fn settle(&mut self, provider: &str, settlement: &Value) -> Answer {
        let path = format!("/v1/providers/{provider}/settlement");
        self.send(&Request::new("PATCH", path).body(JSON, settlement.to_string()))
    }

    /// The day of the server's clock, in UTC.
    pub(crate) fn today(&mut self) -> String {
        let clock = self.get("/admin/clock").expect(200);
        clock["now"].as_str().expect("an instant is a string")[..10].to_owned()
    }

    /// Moves the clock ahead by an ISO 8601 duration, and does all that falls due.
    pub(crate) fn pass(&mut self, time: &str) {
        self.send(&Request::post("/admin/clock", &json!({"advance": time}))).expect(200);
    }

    /// Moves the clock to an instant.
    pub(crate) fn pass_to(&mut self, instant: &str) {
        self.send(&Request::post("/admin/clock", &json!({"set": instant}))).expect(200);
    }

    /// Moves the clock a second past the end of a provider's period.
    pub(crate) fn pass_the_end(&mut self, provider: &str) {
        let provider = self.provider(provider);
        let end = provider["next_reimbursement_at"].as_str().expect("it has a calendar");
        let end: jiff::Timestamp = end.parse().expect("an instant is RFC 3339");
        let after = end + jiff::SignedDuration::from_secs(1);
        self.pass_to(&after.to_string());
    }

    /// Orders a fault of the third parties.
    pub(crate) fn fault(&mut self, fault: &Value) {
        self.send(&Request::post("/sandbox/faults", fault)).expect(201);
    }

    /// Ends all faults.
    pub(crate) fn heal(&mut self) {
        let answer = self.send(&Request::new("DELETE", "/sandbox/faults"));
        assert_eq!(answer.status / 100, 2, "{}", answer.text());
    }

    /// Waits until the faults with a count have all struck.
    pub(crate) fn wait_struck(&mut self) {
        eventually("the faults have struck", || {
            items(&self.get("/sandbox/faults").expect(200)).is_empty().then_some(())
        });
    }

    /// What the processor was ordered to pay, in order.
    pub(crate) fn pushes(&mut self) -> Vec<Push> {
        let ledger = self.get("/sandbox/ledger").expect(200);
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let push = |item: &Value| Push {
            reference: text(item, "reference"),
            account: text(item, "account"),
            amount: minor(&item["amount"]),
            status: text(item, "status"),
        };
        items(&ledger).iter().filter(|item| item["kind"] == "push").map(push).collect()
    }

    /// Waits until a provider was paid this much, in hundredths; it hears of a payment that was
    /// settled at once a commit after the wallet.
    pub(crate) fn wait_reimbursed(&mut self, provider: &str, amount: i128) {
        eventually(&format!("{provider} has {amount}"), || {
            let found = self.provider(provider)["balance"]["reimbursed"].clone();
            (minor(&found) == amount).then_some(())
        });
    }

    /// All reimbursements of a provider, newest first; each adds up.
    pub(crate) fn reimbursements(&mut self, provider: &str) -> Vec<Value> {
        let all = self.all(&format!("/v1/providers/{provider}/reimbursements"));
        all.iter().for_each(assert_adds_up);
        all
    }

    /// A reimbursement with all its lines, read `limit` at a time; they add up to its sums.
    pub(crate) fn reimbursement(&mut self, provider: &str, id: &str, limit: usize) -> Value {
        let path = format!("/v1/providers/{provider}/reimbursements/{id}?limit={limit}");
        let mut whole = self.get(&path).expect(200);
        let mut lines = whole["lines"].as_array().expect("it has lines").clone();
        let mut next = whole["next_cursor"].clone();
        while let Some(cursor) = next.as_str() {
            let page = self.get(&format!("{path}&cursor={cursor}")).expect(200);
            let more = page["lines"].as_array().expect("it has lines");
            assert!(!more.is_empty() && more.len() <= limit, "{page}");
            lines.extend(more.iter().cloned());
            next = page["next_cursor"].clone();
        }
        assert!(
            lines.windows(2).all(|pair| pair[0]["member"].as_str() < pair[1]["member"].as_str())
        );
        let count = lines.iter().filter_map(|line| line["activities"].as_u64()).sum::<u64>();
        assert_eq!(whole["activities"]["count"], count, "{whole:#}");
        let sum: i128 = lines.iter().map(|line| minor(&line["amount"])).sum();
        assert_eq!(minor(&whole["activities"]["amount"]), sum, "{whole:#}");
        assert_adds_up(&whole);
        whole["lines"] = json!(lines);
        whole
    }

    /// Entries of a provider, newest first: they add up to what it accrued.
    pub(crate) fn provider_entries(&mut self, provider: &str) -> Vec<Value> {
        let accrued = self.provider(provider)["balance"]["accrued"].clone();
        let entries = self.all(&format!("/v1/providers/{provider}/entries"));
        let mut balance = 0;
        for entry in entries.iter().rev() {
            balance += minor(&entry["amount"]);
            assert_eq!(minor(&entry["balance_after"]), balance, "{entry}");
        }
        assert_eq!(minor(&accrued), balance);
        entries
    }
}
