//! Campaigns and bank lines in the world of the tests, and a world with something of everything.
//!
//! `coffee` always wins, twice a customer's day, and takes back; `books` gives half of what was spent,
//! has little and keeps its word; `travel` wins one time in three. Amy buys coffee: pending lines come
//! first, linked or only alike, one over the limit, one given back later. Cal's books are too much for
//! the budget, but for the smallest. Bea has spent too much to give all back; Dee's purchase is given
//! back before its reward comes; Rex has no room for one. `travel` pauses when everything is saved, and
//! goes on in the journal, when days have passed and all of it happens once more.
//!
//! The catalogue stands from the beginning; worlds that take lines announce the campaigns first.

use std::sync::{Arc, LazyLock};

use bursar_domain::campaign::merchants::{CodeRange, NameRule};
use bursar_domain::campaign::terms::{Limits, Odds, OnReversal, Prize, Rounding, Secret, Worth};
use bursar_domain::campaign::{Catalogue, Command, Merchant, Merchants, SharedTerms, Terms};
use bursar_domain::entity::Entity;
use bursar_domain::id::{CampaignId, EntityId, Seq};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::record::Recorded;
use bursar_domain::statement::{self, Content, Line, LineStatus, Statement, Submitted, Take};
use bursar_domain::time::Timestamp;

use super::disk::Disk;
use super::expect;
use super::season::DAY_MS;
use super::world::{World, euro, wallet_of};

pub(super) const CAMPAIGNS: [&str; 3] = ["coffee", "books", "travel"];

pub(super) fn campaign_id(id: &str) -> EntityId {
    EntityId::campaign(&CampaignId::parse(id).expect("well-formed"))
}

pub(super) fn statement_id(wallet: &str) -> EntityId {
    EntityId::statement(&wallet_of(wallet))
}

pub(super) fn terms(id: &str) -> SharedTerms {
    let fixed = |weight, minor| Prize { weight, worth: Worth::Fixed(Amount::from_minor(minor)) };
    let share = |weight, millionths, rounding, most: Option<i64>| {
        let most = most.map(Amount::from_minor);
        Prize { weight, worth: Worth::Share { millionths, rounding, most } }
    };
    let day = |days| Day::from_days(days).expect("in range");
    let always = Odds { wins: 1, of: 1 };
    let mut terms = Terms {
        id: CampaignId::parse(id).expect("well-formed"),
        name: None,
        currency: euro(),
        budget: Amount::from_minor(100_000),
        starts_at: Timestamp::default(),
        ends_at: Timestamp::from_millis(90 * DAY_MS).expect("in range"),
        first_day: day(0),
        last_day: day(89),
        odds: always,
        prizes: Vec::new(),
        merchants: Merchants::default(),
        min_amount: None,
        limits: Limits::default(),
        on_reversal: OnReversal::ClawBack,
        priority: 0,
        open_days: 32,
        secret: Secret([u8::try_from(id.len()).expect("short"); 32]),
        announced_at: Timestamp::default(),
    };
    match id {
        "coffee" => {
            terms.prizes = vec![fixed(3, 100), share(2, 100_000, Rounding::HalfEven, Some(500))];
            terms.merchants.names = vec![NameRule::BeginsWith("cafe".into())];
            terms.limits.rewards = Some(2);
            terms.priority = 5;
        }
        "books" => {
            terms.budget = Amount::from_minor(700);
            terms.prizes = vec![share(1, 500_000, Rounding::Down, None)];
            terms.merchants.ids = vec!["bookshop".into()];
            terms.on_reversal = OnReversal::Keep;
        }
        "travel" => {
            terms.odds = Odds { wins: 1, of: 3 };
            terms.prizes = vec![fixed(1, 250), fixed(1, 260)];
            terms.merchants.codes = vec![CodeRange { first: 4_000, last: 4_999 }];
            terms.min_amount = Some(Amount::from_minor(1_000));
        }
        other => panic!("there is no campaign {other}"),
    }
    Arc::new(terms)
}

pub(super) fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for id in CAMPAIGNS {
        catalogue.add(&terms(id));
    }
    catalogue
}

/// A posted purchase for a campaign.
pub(super) fn bought(campaign: &str, id: &str, day: i32, minor: i64) -> Content {
    let (shop, name, code) = match campaign {
        "coffee" => (None, Some("Cafe Central".into()), None),
        "books" => (Some("bookshop".into()), None, None),
        "travel" => (None, None, Some(4_111)),
        _ => (None, Some("kiosk".into()), None),
    };
    Content {
        id: id.into(),
        date: Day::from_days(day).expect("in range"),
        status: LineStatus::Posted,
        from_account: Some("giro".into()),
        to_account: None,
        amount: Amount::from_minor(minor),
        description: None,
        merchant: Some(Merchant { id: shop, name, category_code: code }),
        pending_id: None,
        reversal_of: None,
    }
}

pub(super) fn pending(of: Content) -> Content {
    Content { status: LineStatus::Pending, ..of }
}

pub(super) fn reversed(of: Content) -> Content {
    Content { status: LineStatus::Reversed, ..of }
}

impl World {
    pub(super) fn announce_all(&mut self) {
        for id in CAMPAIGNS {
            self.ask_campaign(id, &Command::Announce(terms(id)));
        }
    }

    pub(super) fn ask_campaign(&mut self, id: &str, command: &Command) {
        let key = self.key();
        self.decide(|world| &mut world.campaigns, campaign_id(id), key, command);
    }

    /// Lines are taken, and recorded if anything is new; the answers come from the record, so there
    /// is no key.
    pub(super) fn take(&mut self, wallet: &str, lines: Vec<Content>) -> Option<Seq> {
        let submitted = lines.into_iter().map(|content| {
            let line = Arc::new(Line::new(content).expect("well-formed"));
            Submitted { line, currency: euro() }
        });
        let lines = submitted.collect();
        let take = Take { wallet: wallet_of(wallet), currency: euro(), lines };
        let (id, now) = (statement_id(wallet), self.now());
        let machine = self.statements.entry(id.clone()).or_default();
        let events = machine.entity().decide(&statement::Command::Take(take), &now);
        let events = events.expect("a statement refuses nothing");
        (!events.is_empty()).then(|| self.record(id, None, Statement::verdict(events)))
    }

    fn takes_all(&mut self, wallet: &str, lines: Vec<Content>) {
        assert!(self.take(wallet, lines).is_some(), "something is new");
        self.go_on();
    }

    /// Everything that happens at the fair, once, on a day; `n` makes names.
    fn fair_on(&mut self, day: i32, n: u32) {
        let id = |name: &str| format!("{name}-{n}");
        let coffee = |name: &str, day, minor| bought("coffee", &id(name), day, minor);
        self.takes_all(
            "amy",
            vec![
                pending(coffee("c1", day - 1, 430)),
                pending(coffee("like", day - 2, 1_000)),
                bought("kiosk", &id("k1"), day, 90),
            ],
        );
        self.takes_all(
            "amy",
            vec![
                coffee("c1", day - 1, 430),
                coffee("c2", day - 1, 1_000),
                Content { pending_id: Some(id("p3").into()), ..coffee("c3", day - 1, 1_000) },
            ],
        );
        // Overlapping, with a conflict of a later date.
        self.takes_all(
            "amy",
            vec![coffee("c2", day - 1, 1_000), coffee("c2", day, 1_001), coffee("c4", day, 777)],
        );
        let back = Content { reversal_of: Some(id("c2").into()), ..coffee("b2", day, 1_000) };
        self.takes_all("amy", vec![reversed(back)]);

        let book = |name: &str, minor| bought("books", &id(name), day, minor);
        self.takes_all("amy", vec![book("b1", 600)]);
        self.takes_all("cal", vec![book("b1", 600), book("b2", 400), book("b3", 100)]);

        self.takes_all("bea", vec![coffee("c1", day, 1_000), coffee("c2", day, 1_000)]);
        self.hold("bea", &id("spent"), 550 - 500 * i64::from(n - 1));
        self.takes_all(
            "bea",
            vec![reversed(coffee("c1", day, 1_000)), reversed(coffee("c2", day, 1_000))],
        );
        self.takes_all("dee", vec![coffee("c1", day, 1_000), reversed(coffee("c1", day, 1_000))]);
        self.takes_all("rex", vec![coffee("c1", day, 1_000)]);
        let trip = |k: i32| bought("travel", &id(&format!("t{k}")), day, 1_500 + i64::from(k));
        self.takes_all("dee", (0..9).map(trip).collect());
        self.ask_campaign("travel", &Command::Pause);
        self.takes_all("dee", (9..18).map(trip).collect());
        self.takes_all("cal", (18..24).map(trip).collect());
    }
}

/// A world that was saved with something of everything; one batch was not looked at.
pub(super) fn fair() -> World {
    let mut world = World::default();
    world.announce_all();
    for id in ["amy", "bea", "cal", "dee", "rex"] {
        world.open(id);
    }
    world.deposit("rex", i64::MAX - 50);
    world.pass_ms(5 * DAY_MS);
    world.fair_on(5, 1);
    world.take("cal", vec![bought("coffee", "last", 5, 1_000), bought("kiosk", "k", 5, 3)]);
    world.checkpoint();
    world
}

/// All of it again, in the journal only; at last some messages are on their way.
pub(super) fn goes_on() -> World {
    let mut world = fair();
    world.go_on();
    world.ask_campaign("travel", &Command::Resume);
    world.go_on();
    world.pass_ms(40 * DAY_MS);
    world.fair_on(45, 2);
    world.ask_campaign("travel", &Command::Resume);
    world.deliver();
    world.take("amy", vec![bought("coffee", "end", 45, 2_000)]);
    world
}

/// The world that went on, as if nothing had been saved.
pub(super) static GOES_ON: LazyLock<Disk> = LazyLock::new(|| goes_on().disk.alone());

/// Expects faults of a disk, one or more for each text; `..` stands for anything.
#[track_caller]
pub(super) fn expect_faults(disk: &Disk, expected: &[&str]) {
    let parts = expected.iter().map(|text| text.split("..").map(str::trim_start));
    let parts: Vec<Vec<&str>> = parts.map(Iterator::collect).collect();
    let parts: Vec<&[&str]> = parts.iter().map(Vec::as_slice).collect();
    expect(disk, &parts);
}

/// Changes the first event of an entity of which `change` says that it did, in the world that went on.
#[track_caller]
pub(super) fn check_alone<E: Recorded>(
    id: &EntityId,
    change: impl FnMut(&mut E::Event) -> bool,
    expected: &[&str],
) {
    let mut disk = GOES_ON.clone();
    disk.change::<E>(id, change);
    expect_faults(&disk, expected);
}
