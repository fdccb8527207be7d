//! Exports while the server works, and after it was killed.
//!
//! An export is of one position in all shards at one commit. So at any moment, however many payments
//! go on: whoever received was sent to; of what was sent and has not arrived, the books know how much
//! is in transit; every balance is the sum of its entries. And after SIGKILL the directory has all
//! that was acknowledged, which the same export from the server that starts in it shows again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::bank::{major, minor};
use crate::export::{From, TABLES, Table, text};
use crate::harness::{Launch, Server, eventually};
use crate::http::Client;

const WALLETS: u64 = 4;
const PROVIDERS: u64 = 3;
const EXPORTS: usize = 6;

/// Wallets with money, and providers.
fn stage(client: &mut Client) {
    for number in 0..WALLETS {
        client.open_with(&format!("w{number}"), "100000.00");
    }
    for number in 0..PROVIDERS {
        client.register(&format!("p{number}"));
    }
}

/// Pays until it is told to stop or nobody answers. Returns the ids of what was acknowledged.
fn pay(client: &mut Client, writer: u64, stop: &AtomicBool) -> Vec<String> {
    let mut paid = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (wallet, provider) = ((writer + number) % WALLETS, number % PROVIDERS);
        let body = crate::bank::payment_body(
            &format!("w{wallet}"),
            &format!("p{provider}"),
            &major(number % 50 + 1),
        );
        let request = crate::http::Request::post("/v1/payments", &body);
        let Ok(answer) = client.try_send(&request.key(format!("{writer}-{number}"))) else { break };
        paid.push(text(&answer.expect(201), "id").to_owned());
    }
    paid
}

/// The tables of one position.
struct Picture {
    wallets: Table,
    providers: Table,
    payments: Table,
    entries: Table,
}

impl Picture {
    fn of(from: From<'_>) -> Self {
        let entries = Table::of("entries", from);
        let at = |table| Table::with(table, from, &["--at", &entries.position]);
        let picture = Self {
            wallets: at("wallets"),
            providers: at("providers"),
            payments: at("payments"),
            entries,
        };
        picture.assert_consistent();
        picture
    }

    /// The ids of the payments.
    fn paid(&self) -> BTreeSet<&str> {
        self.payments.column("id").into_iter().collect()
    }

    fn assert_consistent(&self) {
        let mut balances: BTreeMap<(&str, &str), i128> = BTreeMap::new();
        let (mut sent, mut received) = (BTreeMap::new(), BTreeMap::new());
        for row in &self.entries.rows {
            let (entity, account) = (text(row, "entity"), text(row, "account"));
            let (amount, balance) = (minor(&row["amount"]), balances.entry((entity, account)));
            let balance = balance.or_default();
            *balance += amount;
            assert_eq!(minor(&row["balance_after"]), *balance, "{row}");
            if row["kind"] == "payment" {
                let side = if entity == "wallet" { &mut sent } else { &mut received };
                assert_eq!(side.insert(text(row, "reference"), amount.abs()), None, "once: {row}");
            }
        }
        for (payment, amount) in &received {
            assert_eq!(sent.get(payment), Some(amount), "{payment} was received, not sent");
        }
        assert_eq!(sent.keys().copied().collect::<BTreeSet<_>>(), self.paid());
        for row in &self.wallets.rows {
            assert_eq!(minor(&row["posted"]), balances[&("wallet", text(row, "id"))], "{row}");
        }
        for row in &self.providers.rows {
            let entries = balances.get(&("provider", text(row, "id")));
            assert_eq!(minor(&row["accrued"]), entries.copied().unwrap_or_default(), "{row}");
        }
        // What came from outside is with the wallets, with the providers or between them.
        let sum: i128 = sent.values().sum();
        let in_transit = sum - received.values().sum::<i128>();
        let held = balances.values().sum::<i128>() + in_transit;
        assert_eq!(held, i128::from(WALLETS) * 10_000_000);
    }
}

#[test]
fn every_export_of_a_busy_server_adds_up_and_stays_true() {
    let launch = Launch::with("BURSAR__CHECKPOINT__INTERVAL_S", "1");
    let mut server = Server::start_with(launch);
    stage(&mut server.client());
    let stop = AtomicBool::new(false);
    let (address, url) = (server.address(), server.url());
    let mut pictures = Vec::new();
    let acknowledged: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let stop = &stop;
                scope.spawn(move || pay(&mut Client::new(address), writer, stop).len())
            })
            .collect();
        let taken = std::panic::catch_unwind(|| {
            (0..EXPORTS).map(|_| Picture::of(From::Url(&url))).collect::<Vec<_>>()
        });
        stop.store(true, Ordering::Relaxed);
        pictures = taken.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        writers.into_iter().map(|writer| writer.join().expect("a writer does not panic")).sum()
    });
    assert!(pictures.windows(2).all(|pair| pair[0].paid().is_subset(&pair[1].paid())));
    assert!(pictures[0].paid().len() < pictures[EXPORTS - 1].paid().len(), "payments went on");
    let last = Picture::of(From::Url(&url));
    assert_eq!(last.paid().len(), acknowledged, "what was acknowledged before is in it");
    assert_eq!(server.stop(), Some(0));
    let data = server.data();
    for picture in &pictures {
        for (table, live) in [
            ("wallets", &picture.wallets),
            ("providers", &picture.providers),
            ("payments", &picture.payments),
            ("entries", &picture.entries),
        ] {
            let stored = Table::with(table, From::Data(&data), &["--at", &live.position]);
            assert_eq!(stored.text, live.text, "{table} at {}", live.position);
        }
    }
}

#[test]
fn after_a_kill_nothing_acknowledged_is_missing() {
    let mut server = Server::start_with(Launch::with("BURSAR__CHECKPOINT__INTERVAL_S", "1"));
    stage(&mut server.client());
    for round in 0..3 {
        let stop = AtomicBool::new(false);
        let address = server.address();
        let before = server.client().all("/v1/wallets/w0/entries").len();
        let acknowledged: BTreeSet<String> = thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (stop, writer) = (&stop, 100 * (round + 1) + writer);
                    scope.spawn(move || pay(&mut Client::new(address), writer, stop))
                })
                .collect();
            eventually("payments go on", || {
                let now = server.client().all("/v1/wallets/w0/entries").len();
                (now > before + 100).then_some(())
            });
            server.kill();
            let paid = writers.into_iter().map(|writer| writer.join().expect("no panic"));
            paid.flatten().collect()
        });
        let data = server.data();
        let picture = Picture::of(From::Data(&data));
        let paid = picture.paid();
        let missing: Vec<_> =
            acknowledged.iter().filter(|id| !paid.contains(id.as_str())).collect();
        assert!(missing.is_empty() && acknowledged.len() > 100, "{missing:?}");
        let stored = TABLES.map(|table| {
            Table::with(table, From::Data(&data), &["--at", &picture.entries.position])
        });
        server.restart();
        let url = server.url();
        for (table, stored) in TABLES.into_iter().zip(stored) {
            let live = Table::with(table, From::Url(&url), &["--at", &stored.position]);
            assert_eq!(live.text, stored.text, "{table}");
        }
    }
}
