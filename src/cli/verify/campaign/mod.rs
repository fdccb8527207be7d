//! A campaign, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: what is granted, what is counted, who waits. Wins are decided anew,
//! one by one in the order in which they came: each is granted that fits what is left of the budget,
//! and while the campaign pauses, or others wait, it goes to the end of the line. What follows from
//! each decision, a saga, news for the statement, a refusal that is told, is made from it again.
//!
//! What the wallets have of its rewards is laid beside this in `rewards`. Snapshots are read by their
//! form on disk, field by field, not through the type that wrote them.

mod effects;

use std::collections::{BTreeSet, VecDeque};

use bursar_domain::campaign::event::{Admitted, Counted, Ungranted};
use bursar_domain::campaign::terms::Worth;
use bursar_domain::campaign::{Decided, Decision, Event, SharedTerms, Terms, WAITING_MAX};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, EntityId, Kind, RewardId, Seq, ShardId};
use bursar_domain::message::{Answer, Body, Source};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};
use bursar_snapshots::codec::{self, CodecError};

use super::cases::Part;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Ledger, Marks, compare, must_be, same, strange};
use super::rewards::Grant;
use super::saga::reward::reward_id;
use super::sums::major;
use super::transfers::Known;

/// What is counted, as it is on disk: draws, wins, rewards, wins that were too much for the budget,
/// wins that failed otherwise, what was taken back in minor units.
type Counts = (u64, u64, u64, u64, u64, i128);

/// A campaign's state as it is on disk: terms, whether it pauses, what is granted, counts, the wins
/// that wait, received messages.
pub(super) type State =
    (Option<SharedTerms>, bool, Amount, Counts, VecDeque<Decided>, Vec<(ShardId, Seq)>);

/// A campaign as its records make it.
#[derive(Debug, Default)]
pub(super) struct Campaign {
    terms: Option<SharedTerms>,
    is_paused: bool,
    granted: i128,
    /// What the events say is granted less what it comes to: a wrong one is told once.
    drift: i128,
    counts: Counts,
    waiting: VecDeque<Decided>,
    marks: Marks,
}

impl Account for Campaign {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Campaign(events) => {
                for (index, event) in events.iter().enumerate() {
                    let before = index.checked_sub(1).and_then(|before| events.get(before));
                    self.check_resumed(event, before, events.get(index + 1), entry);
                    self.event(event, entry);
                    self.check_budget(entry);
                }
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Statement(_) => strange(entry),
            Verdict::Refused(_) => self.must_exist(entry),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (terms, is_paused, granted, counts, waiting, marks) = state;
        let mut list = Vec::new();
        same(&mut list, terms, &self.terms, "the terms are not those that were announced");
        compare(&mut list, "paused", is_paused, &self.is_paused);
        if let Some(currency) = self.currency() {
            let text = |minor| major(minor, currency);
            let saved = text(i128::from(granted.minor()));
            compare(&mut list, "granted", &saved, &text(self.granted));
            compare(&mut list, "taken_back", &text(counts.5), &text(self.counts.5));
        }
        for (name, saved, found) in [
            ("draws", counts.0, self.counts.0),
            ("wins", counts.1, self.counts.1),
            ("rewards", counts.2, self.counts.2),
            ("exhausted", counts.3, self.counts.3),
            ("failed", counts.4, self.counts.4),
        ] {
            compare(&mut list, name, &saved, &found);
        }
        same(&mut list, waiting, &self.waiting, "the wins that wait are not those of the records");
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    /// It counts and caps, and holds no money.
    fn balance(&self) -> Option<(Currency, i128)> {
        None
    }

    fn conclude(&self, id: &EntityId, ledger: &mut Ledger) {
        if let Some(currency) = self.currency() {
            let campaign = CampaignId::from_shared(id.id.clone());
            ledger.rewards.campaign(&campaign, currency, self.granted);
        }
    }
}

impl Campaign {
    fn currency(&self) -> Option<Currency> {
        self.terms.as_ref().map(|terms| terms.currency)
    }

    fn must_exist(&self, entry: &mut Entry<'_>) {
        if self.terms.is_none() {
            entry.wrong("it was decided before the campaign was announced");
        }
    }

    /// What is left of the budget, by what the events say.
    fn left(&self) -> i128 {
        let budget = self.terms.as_ref().map_or(0, |terms| i128::from(terms.budget.minor()));
        budget - self.granted - self.drift
    }

    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        if !matches!(event, Event::Announced(_)) {
            self.must_exist(entry);
        }
        match event {
            Event::Announced(terms) => self.announced(terms, entry),
            Event::Counted(event) => self.counted(event, entry),
            Event::Paused => {
                if std::mem::replace(&mut self.is_paused, true) {
                    entry.wrong("it pauses already");
                }
            }
            Event::Resumed => {
                if !std::mem::replace(&mut self.is_paused, false) {
                    entry.wrong("it does not pause");
                }
            }
            Event::Admitted(event) => self.admitted(event, entry),
            Event::Ungranted(event) => self.ungranted(event, entry),
            Event::TakenBack { source, wallet, amount, currency } => {
                let (wallet, amount, currency) = (wallet.clone(), *amount, *currency);
                self.marks.receive(*source, &Body::TakenBack { wallet, amount, currency }, entry);
                self.check_currency(currency, entry);
                if amount.is_negative() {
                    entry.wrong("less than nothing was taken back");
                }
                self.granted -= i128::from(amount.minor());
                self.counts.5 += i128::from(amount.minor());
            }
            Event::NothingWaits { source } => {
                self.marks.receive(*source, &Body::Continue, entry);
                if !self.is_paused && !self.waiting.is_empty() {
                    entry.wrong(format!("{} wins wait, and it says none do", self.waiting.len()));
                }
            }
        }
    }

    /// What waited goes on in the record that resumes.
    fn check_resumed(
        &self,
        event: &Event,
        before: Option<&Event>,
        next: Option<&Event>,
        entry: &mut Entry<'_>,
    ) {
        let asks = matches!(event, Event::Resumed);
        let goes_on = matches!(next, Some(Event::Admitted(next)) if next.source.is_none());
        if asks && goes_on == self.waiting.is_empty() {
            entry
                .wrong(format!("it resumes; {} wins wait, which do not go on", self.waiting.len()));
        }
        let is_resumed = matches!(before, Some(Event::Resumed));
        if matches!(event, Event::Admitted(event) if event.source.is_none()) && !is_resumed {
            entry.wrong("wins that wait are decided, and nobody asked for it");
        }
    }

    fn check_budget(&self, entry: &mut Entry<'_>) {
        let Some(terms) = &self.terms else { return };
        let granted = self.granted + self.drift;
        if granted < 0 || self.left() < 0 {
            entry.wrong(format!(
                "it has granted {} of a budget of {}",
                major(granted, terms.currency),
                terms.budget.to_major(terms.currency)
            ));
        }
    }

    fn check_currency(&self, currency: Currency, entry: &mut Entry<'_>) {
        if self.currency().is_some_and(|own| own != currency) {
            entry.wrong(format!("the amount is in {currency}; the campaign is not"));
        }
    }

    fn announced(&mut self, terms: &SharedTerms, entry: &mut Entry<'_>) {
        if *terms.id.as_str() != *entry.place.id.id {
            entry.wrong(format!("its terms are those of {}", terms.id));
        }
        for what in faults_of(terms) {
            entry.wrong(what);
        }
        if self.terms.replace(SharedTerms::clone(terms)).is_some() {
            entry.wrong("the campaign was announced before");
        }
        entry.ledger.draws.announced(terms);
    }

    /// A statement said what was drawn: each win is decided anew.
    fn counted(&mut self, event: &Counted, entry: &mut Entry<'_>) {
        let Counted { source, draws, wins, currency, granted_after } = event;
        let said: Vec<_> = wins.iter().map(|decided| decided.win.clone()).collect();
        self.marks.receive_known(*source, Known::Draws(*draws, &said), entry);
        self.check_currency(*currency, entry);
        check_wins(*source, *draws, wins, entry);
        let must_wait = self.is_paused || !self.waiting.is_empty();
        self.counts.0 += u64::from(*draws);
        for decided in wins {
            self.counts.1 += 1;
            let expected = if !must_wait {
                self.fits(decided.win.amount)
            } else if self.waiting.len() < WAITING_MAX {
                Decision::Waits
            } else {
                Decision::TurnedAway
            };
            self.decided(decided, expected, entry);
        }
        self.check_after(*granted_after, *currency, entry);
        effects::decided(wins, *currency, entry);
    }

    /// Wins that waited are decided: the oldest first.
    fn admitted(&mut self, event: &Admitted, entry: &mut Entry<'_>) {
        let Admitted { source, wins, currency, granted_after, more } = event;
        if let Some(source) = source {
            self.marks.receive(*source, &Body::Continue, entry);
        }
        self.check_currency(*currency, entry);
        if self.is_paused || wins.is_empty() {
            let count = wins.len();
            entry.wrong(format!("{count} wins that wait are decided, and it is no time for it"));
        }
        for decided in wins {
            let first = self.waiting.pop_front();
            let waits = Decided { decision: Decision::Waits, ..decided.clone() };
            if first.as_ref() != Some(&waits) {
                let id = reward_id(&id_of(decided));
                entry.wrong(format!("win {id} is decided, which is not the next that waits"));
            }
            let expected = self.fits(decided.win.amount);
            self.decided(decided, expected, entry);
        }
        if *more == self.waiting.is_empty() {
            let count = self.waiting.len();
            entry.wrong(format!("{count} wins wait, and it says otherwise"));
        }
        self.check_after(*granted_after, *currency, entry);
        effects::decided(wins, *currency, entry);
        if *more {
            entry.sent(entry.place.id, &Body::Continue);
        }
    }

    /// What becomes of a win that need not wait.
    fn fits(&self, amount: Amount) -> Decision {
        let fits = i128::from(amount.minor()) <= self.left();
        if fits { Decision::Granted } else { Decision::Exhausted }
    }

    fn decided(&mut self, decided: &Decided, expected: Decision, entry: &mut Entry<'_>) {
        let Decided { win, decision, .. } = decided;
        let id = id_of(decided);
        if *decision != expected {
            let id = reward_id(&id);
            entry.wrong(format!("win {id} is decided as {decision:?}; it is {expected:?}"));
        }
        match decision {
            Decision::Granted => {
                self.granted += i128::from(win.amount.minor());
                self.counts.2 += 1;
                let campaign = effects::own_id(entry);
                let grant = Grant::new(&campaign, win.amount, &win.purchase);
                let fault = entry.ledger.rewards.granted(&id, grant);
                entry.wrong_if(fault);
                entry.ledger.cases.deal(&reward_id(&id).into(), Part::Pending);
            }
            Decision::Exhausted => self.counts.3 += 1,
            Decision::TurnedAway => self.counts.4 += 1,
            Decision::Waits => self.waiting.push_back(decided.clone()),
        }
    }

    fn ungranted(&mut self, event: &Ungranted, entry: &mut Entry<'_>) {
        let Ungranted { source, by, wallet, draw, win, currency, failure } = event;
        must_be(Kind::Compensation, by, entry);
        let body = Body::Ungrant {
            by: by.clone(),
            wallet: wallet.clone(),
            draw: *draw,
            win: win.clone(),
            failure: failure.clone(),
        };
        self.marks.receive(*source, &body, entry);
        self.check_currency(*currency, entry);
        let id = RewardId { wallet: wallet.clone(), seq: *draw, line: win.line };
        if *by.entity.id != *reward_id(&id) {
            entry.wrong(format!("{} asks, which is not about {}", by.entity, reward_id(&id)));
        }
        let grant = Grant::new(&effects::own_id(entry), win.amount, &win.purchase);
        let fault = entry.ledger.rewards.ungranted(&id, &grant);
        entry.wrong_if(fault);
        entry.ledger.cases.deal(&reward_id(&id).into(), Part::Undone);
        self.granted -= i128::from(win.amount.minor());
        self.counts.2 = self.counts.2.saturating_sub(1);
        self.counts.4 += 1;
        entry.replied(by, Answer::Done);
        effects::ungranted(event, entry);
    }

    /// What is granted afterwards must be what it comes to.
    fn check_after(&mut self, after: Amount, currency: Currency, entry: &mut Entry<'_>) {
        let (after, expected) = (i128::from(after.minor()), self.granted + self.drift);
        if after != expected {
            entry.wrong(format!(
                "granted_after is {}; it comes to {}",
                major(after, currency),
                major(expected, currency)
            ));
            self.drift += after - expected;
        }
    }
}

fn id_of(decided: &Decided) -> RewardId {
    let Decided { wallet, draw, win, .. } = decided;
    RewardId { wallet: wallet.clone(), seq: *draw, line: win.line }
}

/// The wins of one message are those of one statement's decision, each once, in its order.
fn check_wins(source: Source, draws: u32, wins: &[Decided], entry: &mut Entry<'_>) {
    let lines: BTreeSet<_> = wins.iter().map(|decided| decided.win.line).collect();
    let is_in_order = wins.is_sorted_by_key(|decided| decided.win.line);
    if lines.len() != wins.len() || !is_in_order || wins.len() as u64 > u64::from(draws) {
        entry.wrong(format!("{draws} draws and {} wins of {} lines", wins.len(), lines.len()));
    }
    let wallets: BTreeSet<_> = wins.iter().map(|decided| &decided.wallet).collect();
    let is_home = wallets
        .iter()
        .all(|wallet| EntityId::statement(wallet).shard(entry.ledger.shards) == source.shard);
    let is_draw = wins.iter().all(|decided| decided.draw == source.seq);
    if wallets.len() > 1 || !is_home || !is_draw {
        entry.wrong("its wins are not those of the statement's decision that told them");
    }
    if wins.iter().any(|decided| !decided.win.amount.is_positive()) {
        entry.wrong("a win of nothing, or less");
    }
}

/// What terms cannot be.
fn faults_of(terms: &Terms) -> Vec<&'static str> {
    let mut found = Vec::new();
    let first = Day::utc_ms(terms.starts_at.millis());
    let last = Day::utc_ms(terms.ends_at.millis().saturating_sub(1));
    if (Some(terms.first_day), Some(terms.last_day)) != (first, last) || first > last {
        found.push("its days are not those from its start to its end");
    }
    if terms.odds.wins == 0 || terms.odds.wins > terms.odds.of {
        found.push("its odds are not above zero and at most one");
    }
    let is_worth = |worth: &Worth| match worth {
        Worth::Fixed(amount) => amount.is_positive(),
        Worth::Share { millionths, most, .. } => {
            *millionths > 0 && most.is_none_or(Amount::is_positive)
        }
    };
    let is_prize = terms.prizes.iter().all(|prize| prize.weight > 0 && is_worth(&prize.worth));
    if terms.prizes.is_empty() || !is_prize {
        found.push("its prizes are none, or one that is never drawn or worth nothing");
    }
    if !terms.budget.is_positive() {
        found.push("its budget is nothing, or less");
    }
    found
}
