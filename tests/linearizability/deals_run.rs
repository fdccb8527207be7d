//! Deals under concurrent clients and kills, each checked by itself.
//!
//! The processor cannot be reached, so who has a place keeps it, unless the wallet is to pay and
//! has nothing, or a client takes the investment back. Everything is asked for again under its
//! key, by any client; investments and deals are looked at all the time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::crew::{Used, Watched, amount, locked, pick, run, write};
use crate::deal::{Counts, Deal, IfFull, Invest, POOR, Said, Standing, Wish};
use crate::harness::{Launch, Random};
use crate::site::{Caller, Heard, Site, major, mark, minor, request};
use crate::wallet::Replay;

/// Deals that are used at the same time.
const AT_ONCE: usize = 3;

/// What a deal takes, and from how many.
const AMOUNT: i64 = 10_000;
const SEATS: usize = 4;

/// Wallets whose bank would pay, and wallets that have nothing.
const RICH_WALLETS: u32 = 8;
const POOR_WALLETS: u32 = 2;

/// Somewhere nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A deal that is used.
pub(crate) struct UsedDeal {
    id: String,
    watched: Watched<Deal>,
    /// The investments that were answered: by their key, their id.
    investments: Mutex<BTreeMap<u32, String>>,
}

fn wallet_id(wallet: u32) -> String {
    format!("wallet-{wallet}")
}

impl UsedDeal {
    /// A new deal.
    pub(crate) fn open(caller: &mut Caller<'_>, id: String) -> Self {
        let body = json!({"id": id, "name": id, "amount": major(AMOUNT), "currency": "EUR",
            "max_investors": SEATS});
        write(caller, "/v1/deals", &format!("open-{id}"), &body);
        let watched = Watched::new(Deal::new(AMOUNT, SEATS));
        Self { id, watched, investments: Mutex::default() }
    }

    fn draw_investment(random: &mut Random) -> Invest {
        let wallet = if random.below(5) == 0 {
            POOR + u32::try_from(random.below(POOR_WALLETS.into())).expect("it is small")
        } else {
            u32::try_from(random.below(RICH_WALLETS.into())).expect("it is small")
        };
        let if_full = if random.below(4) == 0 { IfFull::Refuse } else { IfFull::Wait };
        Invest { wallet, amount: 500 + amount(random, 4_000), if_full }
    }

    /// Something that was asked for already; now and then altered.
    fn draw_repeat(&self, random: &mut Random) -> Wish {
        let sent = self.watched.sent();
        let asked: Vec<_> =
            sent.into_iter().filter(|wish| matches!(wish, Wish::Invest(..))).collect();
        let Some(mut wish) = pick(random, &asked) else { return Wish::Read };
        if let Wish::Invest(_, asked) = &mut wish
            && random.below(6) == 0
        {
            asked.amount += 1;
        }
        wish
    }

    /// The key of an investment that was answered.
    fn draw_key(&self, random: &mut Random) -> Option<u32> {
        let keys: Vec<_> = locked(&self.investments).keys().copied().collect();
        pick(random, &keys)
    }

    fn investment_path(&self, key: u32) -> String {
        format!("/v1/investments/{}", locked(&self.investments)[&key])
    }
}

fn standing(investment: &Value) -> Standing {
    match investment["status"].as_str().unwrap_or_else(|| panic!("{investment}")) {
        "waitlisted" => {
            let position = investment["position"].as_u64();
            Standing::Waiting(position.unwrap_or_else(|| panic!("{investment}")))
        }
        "reserved" | "collecting" => Standing::Placed,
        "compensating" => Standing::Undoing,
        "failed" => Standing::Failed,
        "cancelled" => Standing::Cancelled,
        "refused" => Standing::Refused,
        other => panic!("{other}: {investment}"),
    }
}

fn counts(deal: &Value) -> Counts {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{deal}"));
    assert_eq!(deal["confirmed"], "0.00", "{deal}");
    Counts {
        remaining: minor(&deal["remaining"]),
        reserved: minor(&deal["reserved"]),
        places: number(&deal["investments"]["reserved"]),
        seats: number(&deal["seats"]["taken"]),
        waiting: number(&deal["waiting"]),
        last_ticket: number(&deal["last_ticket"]),
        version: number(&deal["version"]),
    }
}

impl Used for UsedDeal {
    type Rules = Deal;
    const READ: Wish = Wish::Read;

    fn id(&self) -> &str {
        &self.id
    }

    fn watched(&self) -> &Watched<Deal> {
        &self.watched
    }

    fn draw(&self, random: &mut Random, key: u32) -> Wish {
        match random.below(20) {
            0..=7 => Wish::Invest(key, Self::draw_investment(random)),
            8..=10 => self.draw_repeat(random),
            11..=12 => self.draw_key(random).map_or(Wish::Read, Wish::Cancel),
            13..=15 => self.draw_key(random).map_or(Wish::Read, Wish::Look),
            _ => Wish::Read,
        }
    }

    fn request(&self, wish: &Wish) -> Vec<u8> {
        match wish {
            Wish::Invest(key, Invest { wallet, amount, if_full }) => {
                let funding = if *wallet >= POOR { "wallet" } else { "bank" };
                let body = json!({"wallet": wallet_id(*wallet), "amount": major(*amount),
                    "currency": "EUR", "funding": funding, "waitlist": *if_full == IfFull::Wait});
                let path = format!("/v1/deals/{}/investments", self.id);
                request("POST", &path, Some(&format!("key-{key}")), Some(&body))
            }
            Wish::Cancel(key) => request("DELETE", &self.investment_path(*key), None, None),
            Wish::Look(key) => request("GET", &self.investment_path(*key), None, None),
            Wish::Read => request("GET", &format!("/v1/deals/{}", self.id), None, None),
        }
    }

    fn understand(&self, wish: &Wish, heard: &Heard) -> Said {
        let (answer, json) = (&heard.answer, heard.answer.json());
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{json}"));
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
        let is_replay = answer.is_replay();
        let replay = match (heard.attempts, is_replay) {
            (1, false) => Replay::No,
            (1, true) => Replay::Yes,
            _ => Replay::Either,
        };
        match (wish, answer.status) {
            (Wish::Read, 200) => Said::Stands(counts(&json)),
            (Wish::Look(_) | Wish::Cancel(_), 200 | 202) => {
                Said::Is { ticket: number(&json["ticket"]), standing: standing(&json) }
            }
            (Wish::Invest(key, _), 202) => {
                locked(&self.investments).insert(*key, text(&json["id"]));
                let id = mark(text(&json["id"]).as_bytes());
                let (ticket, standing) = (number(&json["ticket"]), standing(&json));
                if is_replay {
                    Said::Again { ticket, id, standing, replay }
                } else {
                    Said::Ticket { ticket, id, standing }
                }
            }
            (Wish::Invest(..), 409) => Said::Refused {
                code: text(&json["code"]),
                ticket: number(&json["ticket"]),
                id: mark(text(&json["investment"]).as_bytes()),
                body: mark(&answer.body),
                replay,
            },
            (Wish::Invest(..), 422) if json["code"] == "idempotency-key-reused" => Said::Reused,
            (Wish::Invest(..) | Wish::Cancel(_) | Wish::Look(_) | Wish::Read, other) => {
                panic!("{wish:?}: {other}: {json}")
            }
        }
    }
}

/// A server with the wallets that invest, and nobody outside.
pub(crate) fn deal_site() -> Site {
    let launch = Launch { outside: true, ..Launch::default() };
    let site = Site::start(
        launch
            .and("BURSAR__PROCESSOR__URL", NOWHERE)
            .and("BURSAR__DOCUMENTS__URL", NOWHERE)
            .and("BURSAR__MAIL__URL", "smtp://127.0.0.1:1")
            .and("BURSAR__SAGAS__STEP_DEADLINE_MS", "3600000"),
    );
    let mut caller = site.caller();
    for wallet in (0..RICH_WALLETS).chain(POOR..POOR + POOR_WALLETS) {
        let id = wallet_id(wallet);
        write(&mut caller, "/v1/wallets", &id, &json!({"id": id, "currency": "EUR"}));
    }
    site
}

#[test]
fn deals_are_linearizable_under_kills() {
    run(&deal_site(), 8, |caller, number| {
        let ids = (0..AT_ONCE).map(|deal| format!("deal-{number}-{deal}"));
        ids.map(|id| UsedDeal::open(caller, id)).collect()
    });
}
