//! The check itself: terms and commitments first, then draw by draw.
//!
//! A draw is wrong when its seed makes another one of it, when its terms do not allow it, or when its
//! purchase was drawn before. A seed is wrong when its SHA-256 is not what was published. Draws of
//! days whose seed is not revealed yet are only counted: they can be checked later, and the
//! commitment that holds until then is in the file.
//!
//! A bank may use an id again when the days in which the first line of it could come are over; such
//! a purchase is another one and is counted apart.
//!
//! Invariant: every draw is counted once; it was done again, its seed is not revealed, or a fault
//! says why it could not be.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bursar_domain::plan::Day;
use bursar_domain::time::Timestamp;
use xxhash_rust::xxh3::xxh3_128;

use super::draw::{Chances, Drawer, Won, commitment};
use super::rows::{Campaign, Commitment, Draw, bytes_of};

/// How many faults are told in words; the rest is only counted.
const FAULTS_TOLD: usize = 20;

/// How long before its day in UTC a day begins anywhere on Earth, in milliseconds.
const FIRST_ZONE_MS: i64 = 14 * 3_600_000;

/// What is wrong, the first of it in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Faults {
    told: Vec<String>,
    count: u64,
}

impl Faults {
    /// One more.
    pub(super) fn add(&mut self, what: String) {
        self.count += 1;
        if self.told.len() < FAULTS_TOLD {
            self.told.push(what);
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first in words, and how many more.
    pub(super) fn told(&self) -> Vec<String> {
        let more = self.count - u64::try_from(self.told.len()).expect("a usize fits a u64");
        let more = (more > 0).then(|| format!("and {more} more"));
        self.told.iter().cloned().chain(more).collect()
    }
}

/// What was counted in a campaign.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Draws in the file.
    pub(super) draws: u64,
    /// Those that could be done again.
    pub(super) checked: u64,
    /// Those whose seed is not revealed.
    pub(super) hidden: u64,
    /// Those that won.
    pub(super) won: u64,
    /// Those that won more than the customer may.
    pub(super) limited: u64,
    /// What was won, in minor units.
    pub(super) amount_minor: i128,
}

/// A campaign's terms, and its counts.
#[derive(Debug)]
pub(super) struct Party {
    /// The row.
    pub(super) row: Campaign,
    /// Its odds and prizes.
    pub(super) chances: Chances,
    /// What was counted.
    pub(super) counts: Counts,
}

/// A day of a campaign.
#[derive(Debug)]
struct Promise {
    sha256: [u8; 32],
    /// With the seed, when it is revealed and is the one that was promised.
    drawer: Option<Drawer>,
    is_revealed: bool,
    is_late: bool,
    drawn: bool,
}

/// The check.
#[derive(Debug, Default)]
pub(super) struct Check {
    parties: BTreeMap<String, Party>,
    promises: BTreeMap<(String, i32), Promise>,
    /// The days of the purchases that were drawn, by the hashes of their keys.
    seen: HashMap<u128, i32>,
    /// Commitments that someone noted, and are the same now.
    pub(super) noted: u64,
    /// Purchases whose key an earlier one had when its days were over.
    pub(super) again: u64,
    /// What is wrong.
    pub(super) faults: Faults,
}

impl Check {
    /// A campaign's terms.
    pub(super) fn campaign(&mut self, row: Campaign) {
        let prizes = serde_json::from_str(&row.prizes).ok();
        let chances = prizes.and_then(|prizes| Chances::new(row.odds_wins, row.odds_of, prizes));
        let id = row.id.clone();
        let Some(chances) = chances else {
            return self.faults.add(format!("campaign {id}: its odds or prizes are none"));
        };
        let party = Party { row, chances, counts: Counts::default() };
        if self.parties.insert(id.clone(), party).is_some() {
            self.faults.add(format!("campaign {id} stands in the file twice"));
        }
    }

    /// The only campaign, where there is one only.
    pub(super) fn only_campaign(&self) -> Option<&str> {
        let mut ids = self.parties.keys();
        ids.next().filter(|_| ids.next().is_none()).map(String::as_str)
    }

    /// A commitment as it stands now.
    pub(super) fn commitment(&mut self, row: &Commitment, campaign: &str) {
        let place = format!("campaign {campaign}, {}", row.day);
        let (Some(day), Some(sha256)) = (Day::parse(&row.day), bytes_of(&row.sha256)) else {
            return self.faults.add(format!("{place}: the commitment cannot be read"));
        };
        let seed = row.seed.as_deref().map(bytes_of);
        let drawer = match seed {
            Some(Some(seed)) if commitment(&seed) == sha256 => Some(Drawer::new(&seed)),
            Some(_) => {
                self.faults.add(format!("{place}: the seed is not the one that was promised"));
                None
            }
            None => None,
        };
        let is_late = !row.published_before_day;
        if is_late != is_published_late(&row.published_at, day).unwrap_or(is_late) {
            let at = &row.published_at;
            self.faults.add(format!("{place}: published at {at}, and it says otherwise"));
        }
        let is_revealed = seed.is_some();
        let promise = Promise { sha256, drawer, is_revealed, is_late, drawn: false };
        if self.promises.insert((campaign.to_owned(), day.days()), promise).is_some() {
            self.faults.add(format!("{place}: there are two commitments"));
        }
    }

    /// A commitment that someone noted earlier: it must still be the same.
    pub(super) fn noted(&mut self, row: &Commitment, campaign: &str) {
        let place = format!("campaign {campaign}, {}", row.day);
        let now = Day::parse(&row.day)
            .and_then(|day| self.promises.get(&(campaign.to_owned(), day.days())));
        match now {
            None => self.faults.add(format!("{place}: a commitment was noted and is gone")),
            Some(now) if bytes_of(&row.sha256) != Some(now.sha256) => {
                self.faults.add(format!("{place}: another commitment was noted"));
            }
            Some(_) => self.noted += 1,
        }
    }

    /// A draw.
    pub(super) fn draw(&mut self, draw: &Draw) {
        let mut wrong = Vec::new();
        self.look(draw, &mut wrong);
        for what in wrong {
            self.faults.add(format!("{} ({}): {what}", draw.reward_id, draw.business_key));
        }
    }

    fn look(&mut self, draw: &Draw, wrong: &mut Vec<String>) {
        let Some(party) = self.parties.get_mut(&draw.campaign) else {
            return wrong.push(format!("there is no campaign {}", draw.campaign));
        };
        let counts = &mut party.counts;
        counts.draws += 1;
        counts.won += u64::from(draw.won);
        counts.limited += u64::from(draw.limited);
        counts.amount_minor += i128::from(draw.prize_amount_minor.unwrap_or_default());
        let Some(day) = Day::parse(&draw.day) else {
            return wrong.push(format!("{:?} is not a day", draw.day));
        };
        allowed(draw, &party.row, wrong);
        let key = xxh3_128(draw.business_key.as_bytes());
        if let Some(before) = self.seen.insert(key, day.days()) {
            let (older, drawn) = (before.min(day.days()), drawn_on(&draw.drawn_at));
            let is_over = drawn.is_some_and(|drawn| drawn - older > party.row.open_days);
            if is_over && before != day.days() {
                self.again += 1;
            } else {
                wrong.push("its purchase was drawn before".to_owned());
            }
        }
        let Some(promise) = self.promises.get_mut(&(draw.campaign.clone(), day.days())) else {
            return wrong.push(format!("there is no commitment of {}", draw.day));
        };
        promise.drawn = true;
        let Some(drawer) = &promise.drawer else {
            party.counts.hidden += u64::from(!promise.is_revealed);
            return;
        };
        party.counts.checked += 1;
        let again = party.chances.draw(drawer, &draw.business_key, draw.purchase_amount_minor);
        if again != Ok(won(draw)) {
            wrong.push(format!("the seed says {}, the file {}", said(again), said(Ok(won(draw)))));
        }
    }

    /// The campaigns with what was counted.
    pub(super) fn parties(&self) -> impl Iterator<Item = &Party> {
        self.parties.values()
    }

    /// The days with draws whose commitment was published after they began somewhere.
    pub(super) fn late_days(&self) -> BTreeSet<String> {
        let late = self.promises.iter().filter(|(_, promise)| promise.is_late && promise.drawn);
        let named = late.filter_map(|((campaign, day), _)| {
            Some(format!("campaign {campaign}, {}", Day::from_days(*day)?))
        });
        named.collect()
    }

    /// How many commitments there are, and how many of them are revealed.
    pub(super) fn promises(&self) -> (usize, usize) {
        let revealed = self.promises.values().filter(|promise| promise.is_revealed).count();
        (self.promises.len(), revealed)
    }
}

/// What the file says was won.
fn won(draw: &Draw) -> Option<Won> {
    let (prize, amount_minor) = draw.prize.zip(draw.prize_amount_minor)?;
    Some(Won { prize, amount_minor })
}

fn said(won: Result<Option<Won>, ()>) -> String {
    match won {
        Ok(None) => "nothing is won".to_owned(),
        Ok(Some(Won { prize, amount_minor })) => format!("prize {prize} of {amount_minor}"),
        Err(()) => "a prize larger than an amount can be".to_owned(),
    }
}

/// Whether a row holds together, and the terms allow it.
fn allowed(draw: &Draw, terms: &Campaign, wrong: &mut Vec<String>) {
    let mut must = |good: bool, what: &str| {
        if !good {
            wrong.push(what.to_owned());
        }
    };
    let key = format!("{}/{}", draw.wallet, draw.transaction_id);
    must(draw.business_key == key, "its key is not its wallet and transaction");
    must(draw.currency == terms.currency, "its currency is not the campaign's");
    let days = &*terms.first_day..=&*terms.last_day;
    must(days.contains(&&*draw.day), "its day is not the campaign's");
    let least = terms.min_amount_minor.unwrap_or(1);
    must(draw.purchase_amount_minor >= least, "its purchase is too small for the campaign");
    let has_prize = (draw.prize.is_some(), draw.prize_amount_minor.is_some());
    must(has_prize == (draw.won, draw.won), "it has a prize and has not won, or the reverse");
    must(draw.won || !draw.limited, "it was limited and has not won");
}

/// The UTC date of an instant, in days since the epoch.
fn drawn_on(at: &str) -> Option<i32> {
    Day::parse(at.get(..10)?).map(Day::days)
}

/// Whether it was published after its day began anywhere.
fn is_published_late(at: &str, day: Day) -> Option<bool> {
    Some(Timestamp::parse(at)?.millis() > i64::from(day.days()) * 86_400_000 - FIRST_ZONE_MS)
}
