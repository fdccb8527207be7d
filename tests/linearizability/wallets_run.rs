//! Wallets under concurrent clients and kills, each checked by itself.
//!
//! Deposits, payments to one provider, refunds of payments that were answered, reads, and
//! everything again under its key, by any client, also while the first is on its way, and now and
//! then with another amount.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::crew::{Used, Watched, amount, locked, pick, run, write};
use crate::harness::{Launch, Random};
use crate::site::{Caller, Heard, Site, major, mark, minor, request};
use crate::wallet::{Replay, Said, Wallet, Wish};

/// Wallets that are used at the same time.
const AT_ONCE: usize = 3;

/// What a wallet begins with.
const BEGINS: i64 = 1_000;

/// A wallet that is used.
pub(crate) struct UsedWallet {
    id: String,
    watched: Watched<Wallet>,
    /// The payments that were answered: by their key, their id.
    payments: Mutex<BTreeMap<u32, String>>,
}

impl UsedWallet {
    /// A new wallet with some money.
    pub(crate) fn open(caller: &mut Caller<'_>, id: String) -> Self {
        let body = json!({"id": id, "currency": "EUR"});
        write(caller, "/v1/wallets", &format!("open-{id}"), &body);
        write(caller, &format!("/v1/wallets/{id}/deposits"), "first", &deposit_body(BEGINS));
        let watched = Watched::new(Wallet::new(BEGINS, 2));
        Self { id, watched, payments: Mutex::default() }
    }

    fn draw_refund(&self, random: &mut Random, key: u32) -> Wish {
        let (sent, payments) = (self.watched.sent(), locked(&self.payments));
        let paid = sent.iter().filter_map(|wish| match wish {
            Wish::Pay { key, amount } => payments.contains_key(key).then_some((*key, *amount)),
            Wish::Deposit { .. } | Wish::Refund { .. } | Wish::Read => None,
        });
        let Some((payment, paid)) = pick(random, &paid.collect::<Vec<_>>()) else {
            return Wish::Read;
        };
        Wish::Refund { key, payment, amount: (paid / amount(random, 3)).max(1) }
    }

    /// Something that was sent already, also while it is not answered; now and then altered.
    fn draw_repeat(&self, random: &mut Random) -> Wish {
        let sent = self.watched.sent();
        let keyed: Vec<_> = sent.into_iter().filter(|wish| wish.key().is_some()).collect();
        let Some(mut wish) = pick(random, &keyed) else { return Wish::Read };
        if random.below(6) == 0 {
            match &mut wish {
                Wish::Deposit { amount, .. }
                | Wish::Pay { amount, .. }
                | Wish::Refund { amount, .. } => *amount += 1,
                Wish::Read => {}
            }
        }
        wish
    }
}

fn deposit_body(amount: i64) -> Value {
    json!({"amount": major(amount), "currency": "EUR", "method": "external"})
}

impl Used for UsedWallet {
    type Rules = Wallet;
    const READ: Wish = Wish::Read;

    fn id(&self) -> &str {
        &self.id
    }

    fn watched(&self) -> &Watched<Wallet> {
        &self.watched
    }

    fn draw(&self, random: &mut Random, key: u32) -> Wish {
        match random.below(20) {
            0..=2 => Wish::Deposit { key, amount: amount(random, 600) },
            3..=7 => Wish::Pay { key, amount: amount(random, 600) },
            8..=10 => self.draw_refund(random, key),
            11..=13 => self.draw_repeat(random),
            _ => Wish::Read,
        }
    }

    fn request(&self, wish: &Wish) -> Vec<u8> {
        let key = wish.key().map(|key| format!("key-{key}"));
        let (path, body) = match wish {
            Wish::Deposit { amount, .. } => {
                (format!("/v1/wallets/{}/deposits", self.id), Some(deposit_body(*amount)))
            }
            Wish::Pay { amount, .. } => {
                let body = json!({"wallet": self.id, "provider": "shop",
                    "amount": major(*amount), "currency": "EUR"});
                ("/v1/payments".to_owned(), Some(body))
            }
            Wish::Refund { payment, amount, .. } => {
                let payment = &locked(&self.payments)[payment];
                let body = json!({"amount": major(*amount)});
                (format!("/v1/payments/{payment}/refunds"), Some(body))
            }
            Wish::Read => (format!("/v1/wallets/{}", self.id), None),
        };
        let method = if body.is_some() { "POST" } else { "GET" };
        request(method, &path, key.as_deref(), body.as_ref())
    }

    fn understand(&self, wish: &Wish, heard: &Heard) -> Said {
        let (answer, json) = (&heard.answer, heard.answer.json());
        let replay = match (heard.attempts, answer.is_replay()) {
            (1, false) => Replay::No,
            (1, true) => Replay::Yes,
            _ => Replay::Either,
        };
        let body = mark(&answer.body);
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{json}"));
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
        match answer.status {
            200 => Said::Stands {
                posted: minor(&json["balance"]["posted"]),
                held: minor(&json["balance"]["held"]),
                version: number(&json["version"]),
            },
            201 => {
                if let Wish::Pay { key, .. } = wish {
                    locked(&self.payments).insert(*key, text(&json["id"]));
                }
                let (balance, seq) = (minor(&json["balance_after"]), number(&json["seq"]));
                Said::Booked { balance, seq, body, replay }
            }
            422 if json["code"] == "idempotency-key-reused" => Said::Reused,
            409 => Said::Refused { code: text(&json["code"]), body, replay },
            other => panic!("{other}: {json}"),
        }
    }
}

/// A server with the provider that is paid.
pub(crate) fn wallet_site() -> Site {
    let site = Site::start(Launch::default());
    let shop = json!({"id": "shop", "name": "Shop", "currency": "EUR",
        "settlement": {"every": "month"}, "account": "account-shop"});
    write(&mut site.caller(), "/v1/providers", "shop", &shop);
    site
}

#[test]
fn wallets_are_linearizable_under_kills() {
    run(&wallet_site(), 8, |caller, number| {
        let ids = (0..AT_ONCE).map(|wallet| format!("w{number}-{wallet}"));
        ids.map(|id| UsedWallet::open(caller, id)).collect()
    });
}
