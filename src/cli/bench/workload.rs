//! What the generator asks for: the requests and batch lines of every scenario, in one place.
//!
//! Wallets are `w0000000`, `w0000001`, ...; providers `p000` to `p099`; deals `d0000`, `d0001` ...
//! and the hot wallet has an id of its own. Every payment is one cent, so the deposits last for a
//! hundred million of them. Keys come from one counter per server: a replayed key would measure the
//! look-up of an old answer.

use super::template::{Keys, Numbers, Picks, Template};

/// Providers in every scenario.
pub(crate) const PROVIDERS: u64 = 100;
/// Those that submit activities.
pub(crate) const ACTIVITY_PROVIDERS: u64 = 4;
/// What each wallet gets before it pays.
pub(crate) const DEPOSIT_CENTS: u64 = 100_000_000;

/// The wallet with an id of its own.
pub(crate) const HOT_WALLET: &str = "hot-wallet";
/// What an investment is about, in major units.
pub(crate) const INVESTED: &str = "1.00";

/// A kind of request, and over how many wallets it is spread.
#[derive(Clone)]
pub(crate) struct Workload {
    template: Template,
    keys: Keys,
    spread: Spread,
    deals: Option<Deals>,
    expected: &'static [u16],
}

/// Which deals requests are for.
#[derive(Clone, Copy)]
pub(crate) struct Deals {
    /// Number of the first.
    pub(crate) first: u64,
    /// After how many requests the next deal's turn comes.
    pub(crate) requests_each: u64,
    /// How many requests fewer the first deal gets.
    pub(crate) skipped: u64,
}

impl Deals {
    /// All for one deal.
    pub(crate) fn only(number: u64) -> Self {
        Self { first: number, requests_each: u64::MAX, skipped: 0 }
    }

    fn of_request(self, number: u64) -> u64 {
        self.first + (self.skipped + number) / self.requests_each
    }
}

impl Workload {
    /// Single payments spread over the first `wallets` wallets.
    pub(crate) fn payments(keys: &Keys, wallets: u64) -> Self {
        Self::post("w{wallet}", keys, wallets)
    }

    /// Single payments of one wallet.
    pub(crate) fn hot(keys: &Keys) -> Self {
        Self::post(HOT_WALLET, keys, 1)
    }

    fn post(wallet: &str, keys: &Keys, wallets: u64) -> Self {
        let head = "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/json\r\nIdempotency-Key: bench-{key}\r\n";
        let body = format!(
            r#"{{"wallet":"{wallet}","provider":"p{{provider}}","amount":"0.01","currency":"EUR"}}"#
        );
        let template = Template::request(head, &body);
        let spread = Spread::AtRandom(wallets);
        Self { template, keys: keys.clone(), spread, deals: None, expected: &[201] }
    }

    /// Investments, each answered with a ticket and one of these statuses.
    pub(crate) fn investments(
        keys: &Keys,
        spread: Spread,
        deals: Deals,
        expected: &'static [u16],
    ) -> Self {
        let head = format!(
            "POST {}/investments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Idempotency-Key: bench-{{key}}\r\n",
            deal_path("{deal}")
        );
        let template = Template::request(&head, &investment("w{wallet}"));
        Self { template, keys: keys.clone(), spread, deals: Some(deals), expected }
    }

    /// Reads of the first `wallets` wallets.
    pub(crate) fn reads(wallets: u64) -> Self {
        let head = "GET /v1/wallets/w{wallet} HTTP/1.1\r\nHost: localhost\r\n";
        let template = Template::request(head, "");
        let spread = Spread::AtRandom(wallets);
        Self { template, keys: Keys::default(), spread, deals: None, expected: &[200] }
    }

    /// One connection's requests.
    pub(crate) fn source(&self, seed: u64) -> Source {
        Source { workload: self.clone(), picks: Picks::new(seed) }
    }
}

/// One connection's requests, one after the other.
pub(crate) struct Source {
    workload: Workload,
    picks: Picks,
}

impl Source {
    /// The next request, which is number `number` of all connections.
    pub(crate) fn next(&mut self, number: u64) -> &[u8] {
        let numbers = Numbers {
            key: self.workload.keys.take(),
            wallet: match self.workload.spread {
                Spread::InTurn(wallets) => number % wallets,
                Spread::AtRandom(wallets) => self.picks.below(wallets),
            },
            provider: self.picks.below(PROVIDERS),
            deal: self.deal(number).unwrap_or_default(),
        };
        self.workload.template.fill(&numbers)
    }

    /// The statuses an answer may have.
    pub(crate) fn expected(&self) -> &'static [u16] {
        self.workload.expected
    }

    /// The deal that this request is for, if its answer must have a ticket.
    pub(crate) fn deal(&self, number: u64) -> Option<u64> {
        self.workload.deals.map(|deals| deals.of_request(number))
    }
}

/// Which wallet a line of a batch is about.
#[derive(Clone, Copy)]
pub(crate) enum Spread {
    /// Wallet (or provider) 0, 1, 2, ... and round again after this many.
    InTurn(u64),
    /// Any of this many.
    AtRandom(u64),
}

/// A kind of batch line, and where to send it.
#[derive(Clone)]
pub(crate) struct Lines {
    template: Template,
    path: Path,
    /// Which wallets.
    pub(crate) spread: Spread,
    /// The status that each line must be answered with, as it stands in JSON.
    pub(crate) status: &'static str,
}

/// Where calls go.
#[derive(Clone, Copy)]
enum Path {
    One(&'static str),
    /// To the providers of activities in turn, with so many lines a call.
    Activities(u64),
}

const CREATED: &str = "201";

impl Lines {
    fn mixed(pattern: &str, spread: Spread) -> Self {
        let path = Path::One("/v1/batch");
        Self { template: Template::new(pattern), path, spread, status: CREATED }
    }

    /// Opens the wallets in turn.
    pub(crate) fn open_wallets(count: u64) -> Self {
        let pattern = "{\"op\":\"open-wallet\",\"idempotency_key\":\"bench-{key}\",\
                       \"id\":\"w{wallet}\",\"currency\":\"EUR\"}\n";
        Self::mixed(pattern, Spread::InTurn(count))
    }

    /// Opens the wallets in turn, of customers who get mails.
    pub(crate) fn open_wallets_with_mail(count: u64) -> Self {
        let pattern = "{\"op\":\"open-wallet\",\"idempotency_key\":\"bench-{key}\",\
                       \"id\":\"w{wallet}\",\"currency\":\"EUR\",\
                       \"email\":\"customer@bench.example\"}\n";
        Self::mixed(pattern, Spread::InTurn(count))
    }

    /// Gives the wallets in turn what they will pay with.
    pub(crate) fn deposits(count: u64) -> Self {
        Self::deposit("w{wallet}", Spread::InTurn(count))
    }

    /// Opens the hot wallet.
    pub(crate) fn open_hot_wallet() -> Self {
        let pattern = format!(
            "{{\"op\":\"open-wallet\",\"idempotency_key\":\"bench-{{key}}\",\
             \"id\":\"{HOT_WALLET}\",\"currency\":\"EUR\"}}\n"
        );
        Self::mixed(&pattern, Spread::InTurn(1))
    }

    /// Gives the hot wallet what it will pay with.
    pub(crate) fn hot_deposit() -> Self {
        Self::deposit(HOT_WALLET, Spread::InTurn(1))
    }

    fn deposit(wallet: &str, spread: Spread) -> Self {
        let (units, cents) = (DEPOSIT_CENTS / 100, DEPOSIT_CENTS % 100);
        let pattern = format!(
            "{{\"op\":\"deposit\",\"idempotency_key\":\"bench-{{key}}\",\"wallet\":\"{wallet}\",\
             \"amount\":\"{units}.{cents:02}\",\"currency\":\"EUR\",\"method\":\"external\"}}\n"
        );
        Self::mixed(&pattern, spread)
    }

    /// Registers the providers.
    pub(crate) fn register_providers() -> Self {
        let pattern = register("p{provider}", r#"{"every":"month"}"#);
        Self::mixed(&pattern, Spread::InTurn(PROVIDERS))
    }

    /// Payments of one cent.
    pub(crate) fn payments(spread: Spread) -> Self {
        let pattern = "{\"idempotency_key\":\"bench-{key}\",\"wallet\":\"w{wallet}\",\
                       \"provider\":\"p{provider}\",\"amount\":\"0.01\",\"currency\":\"EUR\"}\n";
        let path = Path::One("/v1/payments/batch");
        Self { template: Template::new(pattern), path, spread, status: CREATED }
    }

    /// Registers providers whose period ends on this day of a month, at three.
    pub(crate) fn register_sleepers(prefix: &str, count: u64, day_of_month: &str) -> Self {
        let settlement = format!(r#"{{"every":"month","on":"{day_of_month}","at":"03:00"}}"#);
        let pattern = register(&format!("{prefix}-{{wallet}}"), &settlement);
        Self::mixed(&pattern, Spread::InTurn(count))
    }

    /// Activities of one date, line number so and so always the same one; with so many lines a call,
    /// and this status for each.
    pub(crate) fn activities(date: &str, lines: u64, status: &'static str) -> Self {
        let pattern = format!(
            "{{\"activity_id\":\"act-{{wallet}}\",\"member\":\"member-{{provider}}\",\
             \"service_date\":\"{date}\",\"amount\":\"12.34\",\"currency\":\"EUR\"}}\n"
        );
        let (template, path) = (Template::new(&pattern), Path::Activities(lines));
        Self { template, path, spread: Spread::InTurn(u64::MAX), status }
    }

    /// Where the call goes whose first line is number `first` of the run.
    pub(crate) fn path(&self, first: u64) -> String {
        match self.path {
            Path::One(path) => path.to_owned(),
            Path::Activities(lines) => {
                let provider = first / lines % ACTIVITY_PROVIDERS;
                format!("/v1/providers/p{provider:03}/activities")
            }
        }
    }

    /// Renders `count` lines into `body`, the first of them being number `first` of the run.
    pub(crate) fn render(&mut self, body: &mut Vec<u8>, keys: &Keys, first: u64, count: u64) {
        body.clear();
        let mut picks = Picks::new(first);
        for number in first..first + count {
            let (wallet, provider) = match self.spread {
                Spread::InTurn(wallets) => (number % wallets, number % PROVIDERS),
                Spread::AtRandom(wallets) => (picks.below(wallets), picks.below(PROVIDERS)),
            };
            let numbers = Numbers { key: keys.take(), wallet, provider, deal: 0 };
            body.extend_from_slice(self.template.fill(&numbers));
        }
    }
}

/// A line that registers a provider.
fn register(id: &str, settlement: &str) -> String {
    format!(
        "{{\"op\":\"register-provider\",\"idempotency_key\":\"bench-{{key}}\",\"id\":\"{id}\",\
         \"name\":\"Provider\",\"currency\":\"EUR\",\"settlement\":{settlement},\
         \"account\":\"acc-bench\"}}\n"
    )
}

/// The path of one wallet.
pub(crate) fn wallet_path(number: u64) -> String {
    format!("/v1/wallets/w{number:07}")
}

/// The path of one deal.
pub(crate) fn deal_path(number: &str) -> String {
    format!("/v1/deals/d{number}")
}

/// The body of an investment of this wallet.
pub(crate) fn investment(wallet: &str) -> String {
    let terms = r#""currency":"EUR","funding":"bank","waitlist":true"#;
    format!(r#"{{"wallet":"{wallet}","amount":"{INVESTED}",{terms}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn investments_go_to_the_deals_in_rotation() {
        let deals = Deals { first: 3, requests_each: 3, skipped: 1 };
        let workload =
            Workload::investments(&Keys::default(), Spread::InTurn(2), deals, &[202, 409]);
        let mut source = workload.source(0);
        for (number, deal, wallet) in [(0, 3, 0), (1, 3, 1), (2, 4, 0), (3, 4, 1), (5, 5, 1)] {
            assert_eq!(source.deal(number), Some(deal));
            let request = std::str::from_utf8(source.next(number)).expect("rendered from text");
            let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with(&format!("POST /v1/deals/d000{deal}/investments ")), "{head}");
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).expect("a body is JSON");
            assert_eq!(body["wallet"], format!("w{wallet:07}"));
        }
        assert_eq!(Deals::only(7).of_request(u64::MAX - 1), 7);
    }

    #[test]
    fn every_line_is_json_with_a_key_of_its_own() {
        let keys = Keys::default();
        let kinds = [
            Lines::open_wallets(3),
            Lines::open_wallets_with_mail(3),
            Lines::open_hot_wallet(),
            Lines::deposits(3),
            Lines::hot_deposit(),
            Lines::register_providers(),
            Lines::register_sleepers("later", 3, "31"),
            Lines::payments(Spread::AtRandom(3)),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for mut kind in kinds {
            let mut body = Vec::new();
            kind.render(&mut body, &keys, 0, 3);
            let text = std::str::from_utf8(&body).expect("rendered from text");
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
                assert!(seen.insert(line["idempotency_key"].to_string()), "{line}");
            }
        }
        assert_eq!(seen.len(), 24);
    }

    #[test]
    fn the_same_activities_come_again_whoever_sends_them() {
        let keys = Keys::default();
        let lines = |expected| Lines::activities("2026-11-21", 2, expected);
        let rendered = |mut lines: Lines, first| {
            let mut body = Vec::new();
            lines.render(&mut body, &keys, first, 2);
            (lines.path(first), String::from_utf8(body).expect("rendered from text"))
        };
        let (path, body) = rendered(lines("\"new\""), 4);
        assert_eq!(path, "/v1/providers/p002/activities");
        assert_eq!(rendered(lines("\"duplicate\""), 4), (path, body.clone()));
        let ids = body.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            line["activity_id"].to_string()
        });
        assert_eq!(ids.collect::<Vec<_>>(), ["\"act-0000004\"", "\"act-0000005\""]);
    }

    #[test]
    fn lines_in_turn_come_round() {
        let mut body = Vec::new();
        Lines::payments(Spread::InTurn(2)).render(&mut body, &Keys::default(), 1, 3);
        let text = String::from_utf8(body).expect("rendered from text");
        let wallets: Vec<_> = text.lines().filter_map(|line| line.split('"').nth(7)).collect();
        assert_eq!(wallets, ["w0000001", "w0000000", "w0000001"]);
    }
}
