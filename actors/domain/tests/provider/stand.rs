//! The stand: one provider with its disk, its journal, and the sagas that pay it.
//!
//! The stand is the host in small: it asks its disk for the slots that memory does not know, gives
//! each decision the next position, and keeps what was recorded. The disk takes what a snapshot
//! leaves out, as a checkpoint does.

use std::collections::HashMap;
use std::sync::Arc;

use bincode::config::standard;
use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Context, Policy};
use bursar_domain::code::Rejection;
use bursar_domain::currency::Currency;
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::id::{EntityId, ProviderId, Seq, ShardId, WalletId};
use bursar_domain::message::{Asker, Body, Effect, Message, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::plan::Day;
use bursar_domain::provider::{
    Activities, Activity, ActivityLine, Command, Event, LineAnswer, Profile, Provider, Settlement,
    Summary,
};
use bursar_domain::saga::subject::Failure;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::Lookup;

pub(crate) const HOME: ShardId = ShardId(5);

pub(crate) fn eur() -> Currency {
    Currency::from_code("EUR").expect("known")
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).expect(text)
}

pub(crate) fn every(every: &str, on: Option<&str>, hour: Option<&str>) -> Settlement {
    Settlement::OnCalendar(Cadence::new(every, on, hour, None).expect("a cadence"))
}

pub(crate) fn daily() -> Settlement {
    every("day", None, None)
}

pub(crate) fn profile(settlement: Settlement) -> Profile {
    Profile { name: "Clinic".into(), currency: eur(), settlement, account: "tok_1".into() }
}

/// A line for `member` in EUR.
pub(crate) fn line(id: &str, member: &str, date: &str, minor: i64) -> ActivityLine {
    let activity = Activity::new(id.into(), member.into(), day(date), None, amount(minor));
    ActivityLine { activity: Arc::new(activity.expect("well-formed")), currency: eur() }
}

pub(crate) struct Stand {
    pub(crate) provider: Provider,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    /// What was recorded: positions and events.
    pub(crate) journal: Vec<(Seq, Vec<Event>)>,
    /// What followed outside from the last record.
    pub(crate) effects: Vec<Effect>,
    pub(crate) disk: HashMap<u128, u64>,
    messages: u64,
}

impl Stand {
    /// A provider that was registered at an instant.
    pub(crate) fn registered(settlement: Settlement, now: &str) -> Self {
        let mut stand = Self::empty(now);
        stand.ask(&Command::Register(profile(settlement))).expect("registered");
        stand
    }

    pub(crate) fn empty(now: &str) -> Self {
        Self {
            provider: Provider::default(),
            policy: Policy::default(),
            now: at(now),
            journal: Vec::new(),
            effects: Vec::new(),
            disk: HashMap::new(),
            messages: 0,
        }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context { now: self.now, policy: &self.policy }
    }

    pub(crate) fn summary(&self) -> Summary {
        self.provider.summary().expect("registered")
    }

    pub(crate) fn last_seq(&self) -> Seq {
        self.journal.last().map_or(Seq(0), |(seq, _)| *seq)
    }

    /// Asks and records, and gives the events.
    pub(crate) fn ask(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let before = encode(&self.provider);
        let events = self.provider.decide(command, &self.context())?;
        assert_eq!(encode(&self.provider), before, "deciding changes nothing");
        assert_eq!(self.provider.decide(command, &self.context()), Ok(events.clone()));
        self.record(&events);
        Ok(events)
    }

    pub(crate) fn settle(&mut self, settlement: Settlement) -> Vec<Event> {
        self.ask(&Command::Settle(settlement)).expect("a registered provider is settled")
    }

    /// Fills in what the disk knows, as a host does.
    pub(crate) fn filled(&self, lines: Vec<ActivityLine>) -> Activities {
        let mut call = Activities::new(lines);
        let slots = self.provider.slots_to_ask(&Command::Activities(call.clone()));
        let known = |slot: u128| Some((slot, *self.disk.get(&slot)?));
        if !slots.is_empty() {
            call.known = Lookup::Found(slots.into_iter().filter_map(known).collect());
        }
        call
    }

    /// Submits a call and gives its answers.
    pub(crate) fn submit(
        &mut self,
        lines: Vec<ActivityLine>,
    ) -> Result<Vec<LineAnswer>, Rejection> {
        let call = self.filled(lines);
        let judged = self.provider.judge(&call, &self.context());
        let events = self.ask(&Command::Activities(call))?;
        let noted = events.iter().find_map(|event| {
            if let Event::Activities(noted) = event { Some(noted.answers()) } else { None }
        });
        let judged = judged.expect("what is decided is judged");
        assert_eq!(noted.is_none(), events.is_empty());
        assert_eq!(noted.unwrap_or_else(|| judged.clone()), judged, "the record says the same");
        Ok(judged)
    }

    /// A message from a shard whose positions only grow.
    pub(crate) fn message(&mut self, body: Body) -> Message {
        self.messages += 1;
        let to = EntityId::provider(&ProviderId::parse("clinic").expect("well-formed"));
        Message { source: Source { shard: ShardId(3), seq: Seq(self.messages) }, to, body }
    }

    /// Delivers a message, twice, and gives the events.
    pub(crate) fn receive(&mut self, body: Body) -> Vec<Event> {
        let message = self.message(body);
        let events = self.provider.receive(&message, &self.context());
        assert!(!events.is_empty(), "a new message is received");
        self.record(&events);
        assert_eq!(self.provider.receive(&message, &self.context()), [], "once");
        events
    }

    pub(crate) fn pay(&mut self, minor: i64) -> Vec<Event> {
        self.receive(Body::Payment {
            wallet: alice(),
            amount: amount(minor),
            currency: eur(),
            description: None,
            effective_at: None,
        })
    }

    pub(crate) fn pay_settled(&mut self, minor: i64) -> Vec<Event> {
        self.receive(Body::SettledPayment {
            wallet: alice(),
            payment: Seq(8),
            amount: amount(minor),
            currency: eur(),
            description: None,
            effective_at: None,
        })
    }

    pub(crate) fn refund(&mut self, minor: i64) -> Vec<Event> {
        self.receive(Body::RefundOrder {
            wallet: alice(),
            payment: Seq(7),
            amount: amount(minor),
            currency: eur(),
            effective_at: None,
        })
    }

    pub(crate) fn paid(&mut self) -> Vec<Event> {
        let reimbursement = self.pending();
        self.receive(Body::Reimbursed { by: asker(reimbursement), reimbursement })
    }

    pub(crate) fn returned(&mut self, code: &str) -> Vec<Event> {
        let (reimbursement, failure) = (self.pending(), Failure::new(code, "no"));
        self.receive(Body::NotReimbursed { by: asker(reimbursement), reimbursement, failure })
    }

    pub(crate) fn pending(&self) -> Seq {
        self.summary().pending.expect("a reimbursement is on its way").reimbursement
    }

    pub(crate) fn wake(&mut self) -> Vec<Event> {
        let events = self.provider.woken(Wake::Due, &self.context());
        self.record(&events);
        events
    }

    /// Lets the time come and wakes the provider, as its timer does.
    pub(crate) fn wake_at(&mut self, now: &str) -> Vec<Event> {
        self.now = at(now);
        self.wake()
    }

    /// The instant of its timer.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self.provider.due() {
            Due::Nothing => None,
            Due::At(at) => Some(at),
            Due::Answer => panic!("a provider calls nobody"),
        }
    }

    /// Records a decision: applies it, and goes on with what the disk gives back.
    pub(crate) fn record(&mut self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let seq = self.last_seq().next();
        let id: Arc<str> = "clinic".into();
        let stamp = Stamp { source: Source { shard: HOME, seq }, at: self.now };
        self.effects.clear();
        for event in events {
            let bytes = bincode::encode_to_vec(event, standard()).expect("it encodes");
            let (read, _) = bincode::decode_from_slice(&bytes, standard()).expect("it decodes");
            assert_eq!(*event, read);
            if let Some(movement) = Provider::movement(event) {
                let minor = [movement.account, movement.external, movement.sent]
                    .map(Amount::minor)
                    .iter()
                    .sum::<i64>();
                assert_eq!(minor, movement.received.minor(), "both sides of {event:?}");
            }
            self.provider.apply(event, seq);
            self.effects.extend(Provider::react(&id, event, stamp));
        }
        self.journal.push((seq, events.to_vec()));
        self.pass_through_the_disk();
    }

    fn pass_through_the_disk(&mut self) {
        let bytes = encode(&self.provider);
        self.disk.extend(self.provider.activities().overflow().iter().copied());
        let before = self.provider.summary();
        let due = self.provider.due();
        self.provider = decode(&bytes);
        assert_eq!(encode(&self.provider), bytes, "what is read is written the same");
        assert_eq!((self.provider.summary(), self.provider.due()), (before, due));
    }

    /// Accrued, in reimbursement and reimbursed.
    pub(crate) fn balance(&self) -> (i128, i64, i128) {
        let summary = self.summary();
        let in_reimbursement = summary.in_reimbursement().minor();
        (summary.accrued.minor(), in_reimbursement, summary.reimbursed.minor())
    }
}

pub(crate) fn alice() -> WalletId {
    WalletId::parse("alice").expect("well-formed")
}

fn asker(reimbursement: Seq) -> Asker {
    Asker { entity: EntityId::saga(format!("rmb_{reimbursement}_clinic")), step: 2 }
}

pub(crate) fn encode(provider: &Provider) -> Vec<u8> {
    bincode::encode_to_vec(provider, standard()).expect("it encodes")
}

pub(crate) fn decode(bytes: &[u8]) -> Provider {
    let (provider, used) = bincode::decode_from_slice(bytes, standard()).expect("it decodes");
    assert_eq!(used, bytes.len(), "nothing is left over");
    provider
}

/// What a decision says, a phrase for each event.
pub(crate) fn said(events: &[Event]) -> String {
    let phrases: Vec<_> = events.iter().map(phrase).collect();
    phrases.join(", ")
}

fn phrase(event: &Event) -> String {
    match event {
        Event::Registered(_) => "registered".to_owned(),
        Event::Received(event) => format!("received {}", event.amount.minor()),
        Event::RefundSent(event) => format!("refunded {}", event.amount.minor()),
        Event::PeriodBegan(event) => {
            format!("began #{} {} to {}", event.number, date(event.at), date(event.until))
        }
        Event::Activities(event) => {
            format!("noted {} of {}", event.total.minor(), event.lines.len())
        }
        Event::PeriodClosed(event) => {
            let (period, minor) = (event.period, event.amount.minor());
            let span = format!("{} to {}", date(period.began_at), date(event.to));
            format!("closed #{} {span} with {minor}", period.number)
        }
        Event::CarriedOver(event) => {
            let (first, last) = (event.period.number, event.last);
            let numbers =
                if first == last { format!("#{first}") } else { format!("#{first}-{last}") };
            let span = format!("{} to {}", date(event.period.began_at), date(event.to));
            format!("carried {numbers} {span}: {}", event.reason.as_str())
        }
        Event::Reimbursed(event) => format!("reimbursed {}", event.amount.minor()),
        Event::Returned(event) => {
            let hold = if event.on_hold { ", on hold" } else { "" };
            format!("returned {} ({}{hold})", event.amount.minor(), event.declines)
        }
        Event::ReceivedSettled(event) => format!("settled {}", event.amount.minor()),
        Event::SettlementChanged { settlement, lifted } => {
            let word = settlement.cadence().map_or("immediate", Cadence::every_name);
            let lifted = if *lifted { ", lifted" } else { "" };
            format!("changed to {word}{lifted}")
        }
    }
}

/// An instant without the zeros of midnight UTC.
fn date(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix("T00:00:00.000Z").unwrap_or(&text).to_owned()
}
