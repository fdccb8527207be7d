//! A statement, folded a second time and written apart from the rules in `bursar-domain`.
//!
//! From nothing, record by record: which lines are known (`window`), which batches were taken and not
//! looked at, what was won and how it stands (`rewards`). Of each line that was taken it is checked
//! that it was new, whether it is to be drawn and which pending line it replaces; of each batch that
//! it is looked at in its turn, and of each draw what `draws` says of it. Lines that were not taken
//! are not in the records, so what they were answered cannot be checked.
//!
//! Snapshots are read by their form on disk, field by field, not through the type that wrote them.
//! Memory: 24 bytes for each purchase ever drawn of the one statement that is being read.

mod line;
mod rewards;
mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, RewardId, Seq, ShardId, WalletId};
use bursar_domain::message::{Body, Source};
use bursar_domain::plan::Day;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::statement::{Draw, Drawn, Entry as Line, Event, Heard, Taken};
use bursar_snapshots::codec::{self, CodecError};

use self::line::{purchase, slot};
use self::rewards::Rewards;
use self::window::Window;
use super::draws::Drawing;
use super::entity::{Account, Saved};
use super::ledger::{Entry, Ledger, Marks, compare, same, strange};

/// Lines that were taken and not looked at: the record that took them, its UTC date, they.
type Batch = (Seq, Day, Vec<Line>);

/// A statement's state as it is on disk: whose it is, what is known, what was not looked at, its
/// rewards, received messages.
pub(super) type State = (
    Option<(WalletId, Currency)>,
    window::State,
    VecDeque<Batch>,
    rewards::State,
    Vec<(ShardId, Seq)>,
);

/// A statement as its records make it.
#[derive(Debug, Default)]
pub(super) struct Statement {
    owner: Option<(WalletId, Currency)>,
    window: Window,
    batches: VecDeque<Batch>,
    rewards: Rewards,
    /// The purchases that were drawn, by the hash of their names, and their dates.
    drawn: HashMap<u64, Day>,
    marks: Marks,
}

impl Account for Statement {
    type State = State;

    fn read(bytes: &[u8]) -> Result<Saved<State>, CodecError> {
        codec::decode(bytes)
    }

    fn add(&mut self, record: &Record, entry: &mut Entry<'_>) {
        match &record.verdict {
            Verdict::Statement(events) => {
                for event in events {
                    self.event(event, entry);
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
            | Verdict::Campaign(_) => strange(entry),
            Verdict::Refused(_) => entry.wrong("a statement is asked nothing that it refuses"),
        }
    }

    fn differences(&self, state: &State) -> Vec<String> {
        let (owner, window, batches, rewards, marks) = state;
        let mut list = Vec::new();
        same(&mut list, owner, &self.owner, "its wallet or its currency is another one");
        compare(&mut list, "oldest", &window.0, &self.window.oldest);
        let what = "what is known of the lines is not what the records say";
        same(&mut list, &window.1, &self.window.lines, what);
        let what = "the lines that were seen pending are not those of the records";
        same(&mut list, &window.2, &self.window.pendings, what);
        let what = "what was taken and not looked at is not what the records come to";
        same(&mut list, batches, &self.batches, what);
        self.rewards.differences(rewards, &mut list);
        if !self.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    /// It holds no money.
    fn balance(&self) -> Option<(Currency, i128)> {
        None
    }

    fn conclude(&self, id: &EntityId, ledger: &mut Ledger) {
        let wallet = WalletId::from_shared(Arc::clone(&id.id));
        for ((seq, line), said) in self.rewards.said() {
            let id = RewardId { wallet: wallet.clone(), seq, line };
            ledger.rewards.said(&id, said);
        }
    }
}

/// The wallet whose statement this is.
fn own_id(entry: &Entry<'_>) -> WalletId {
    WalletId::from_shared(Arc::clone(&entry.place.id.id))
}

impl Statement {
    fn event(&mut self, event: &Event, entry: &mut Entry<'_>) {
        match event {
            Event::Taken(event) => self.taken(event, entry),
            Event::Drawn(event) => self.drawn(event, entry),
            Event::Heard(event) => self.heard(event, entry),
        }
    }

    fn taken(&mut self, event: &Taken, entry: &mut Entry<'_>) {
        let Taken { wallet, currency, oldest, entries, others, .. } = event;
        if *wallet != own_id(entry) {
            entry.wrong(format!("it takes lines of wallet {wallet}"));
        }
        let (_, own) = self.owner.get_or_insert_with(|| (wallet.clone(), *currency));
        if own != currency {
            entry.wrong(format!("its lines are in {currency}; those before were in {own}"));
        }
        let all = entries.len() + others.len();
        let is_in_order = others.is_sorted_by(|one, next| one.0 < next.0);
        if !is_in_order || others.last().is_some_and(|last| usize::from(last.0) >= all) {
            entry.wrong(format!("the lines that were not taken have no places among {all}"));
        }
        if *oldest < self.window.oldest {
            let before = self.window.oldest;
            entry.wrong(format!("the window goes back from {before} to {oldest}"));
        }
        let waiting = self.batches.iter().flat_map(|(_, _, lines)| lines);
        let needed = waiting.map(|line| line.line.content().date).min().unwrap_or(*oldest);
        let moves_on = *oldest > self.window.oldest;
        self.window.take(event, needed, entry);
        if moves_on {
            self.rewards.forget_before(needed.min(*oldest));
        }
        if !entries.is_empty() {
            self.batches.push_back((entry.place.seq, event.today, entries.clone()));
            entry.sent(entry.place.id, &Body::Continue);
        }
    }

    /// The oldest batch was looked at.
    fn drawn(&mut self, event: &Drawn, entry: &mut Entry<'_>) {
        let Drawn { source, taken, currency, .. } = event;
        self.marks.receive(*source, &Body::Continue, entry);
        if *source != (Source { shard: entry.place.shard, seq: *taken }) {
            entry.wrong(format!("it looks at what {taken} took; another record asked for it"));
        }
        if self.owner.as_ref().is_none_or(|(_, own)| own != currency) {
            entry.wrong(format!("it draws in {currency}, which is not the wallet's currency"));
        }
        let (today, lines) = match self.batches.pop_front() {
            Some((seq, today, lines)) if seq == *taken => (today, lines),
            front => {
                let next = front.map_or("nothing".to_owned(), |(seq, ..)| seq.to_string());
                entry.wrong(format!("it looks at what {taken} took; next is {next}"));
                return;
            }
        };
        let window = &self.window;
        self.rewards.check_given_back(window, &lines, &event.clawed, entry);
        self.rewards.renew(&lines);
        rewards::check_parties(event, entry);
        let mut before = None;
        for draw in &event.draws {
            if before.replace(draw.line).is_some_and(|before| before >= draw.line) {
                entry.wrong("its draws are not in the order of the lines, each once");
            }
            self.draw(draw, event, (&lines, today), entry);
        }
        self.rewards.reverse(&self.window, &lines);
        rewards::tell(event, entry);
        rewards::ask_back(&event.clawed, *currency, entry);
    }

    fn draw(
        &mut self,
        draw: &Draw,
        event: &Drawn,
        (lines, today): (&[Line], Day),
        entry: &mut Entry<'_>,
    ) {
        let Draw { line: number, campaign, purchase: name, day, amount, fate } = draw;
        let party = event.campaigns.get(usize::from(*campaign));
        let (Some(line), Some(party)) = (lines.get(usize::from(*number)), party) else {
            return entry.wrong(format!("there is no line {number}, or no campaign of it"));
        };
        let content = line.line.content();
        let own = content.pending_id.as_ref().unwrap_or(&content.id);
        if (name, *day, *amount) != (own, content.date, content.amount) {
            entry.wrong(format!("line {number} is drawn as another purchase than it is"));
        }
        if !line.draws {
            entry.wrong(format!("line {number} is drawn, and was not to be"));
        }
        if let Some(before) = self.drawn.insert(slot(name), *day) {
            // Only what was forgotten may have its name again, with a date of its own.
            if before >= *day || before >= self.window.oldest {
                entry.wrong(format!("purchase {name:?} was drawn before, of {before}"));
            }
        }
        let drawing = Drawing {
            campaign: party.campaign.clone(),
            claws_back: party.claws_back,
            wallet: own_id(entry),
            purchase: name.clone(),
            day: *day,
            amount: *amount,
            currency: event.currency,
            merchant: content.merchant.clone(),
            today,
            so_far: self.rewards.so_far(*day, &party.campaign),
            fate: *fate,
        };
        let place = entry.place;
        for what in entry.ledger.draws.drawn(&place, drawing) {
            entry.wrong(what);
        }
        let is_given_back = self.window.is_given_back([slot(&content.id), purchase(content)]);
        self.rewards.won(draw, party, is_given_back, entry);
    }

    /// News of its rewards.
    fn heard(&mut self, event: &Heard, entry: &mut Entry<'_>) {
        let Heard { source, news, clawed, currency } = event;
        self.marks.receive(*source, &rewards::news(news), entry);
        if self.owner.as_ref().is_none_or(|(_, own)| own != currency) {
            entry.wrong(format!("its rewards are in {currency}, not in the wallet's currency"));
        }
        self.rewards.check_late(news, clawed, entry);
        for (draw, line, news) in news {
            self.rewards.heard((*draw, *line), news, entry);
        }
        rewards::ask_back(clawed, *currency, entry);
    }
}
