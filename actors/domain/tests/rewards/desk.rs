//! One statement on a desk: lines are taken in, looked at when the test says so, news is told.
//!
//! The desk holds what must hold at every step: deciding changes nothing; what is answered from the
//! record is what `judge` says; a call without anything new leaves no record; a message that comes
//! again changes nothing; and the state is encoded, read back, and played again from its records.

use std::collections::VecDeque;

use bursar_domain::call::{Context, Policy};
use bursar_domain::campaign::{News, RewardNews};
use bursar_domain::entity::Entity;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Body, Effect, Message, Source, Stamp};
use bursar_domain::statement::{
    Command, Draw, Drawn, Entry, Event, LineAnswer, LineRefusal, LineVerdict, Statement, Submitted,
};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::reward::Back;

use crate::stage::{take, wallet};

pub(crate) const NEW: LineAnswer = LineAnswer::New;
pub(crate) const DUPLICATE: LineAnswer = LineAnswer::Not(LineVerdict::Duplicate);
pub(crate) const CONFLICT: LineAnswer = LineAnswer::Not(LineVerdict::Conflict);

pub(crate) const fn refused(why: LineRefusal) -> LineAnswer {
    LineAnswer::Not(LineVerdict::Refused(why))
}

pub(crate) struct Desk {
    pub(crate) statement: Statement,
    pub(crate) policy: Policy,
    /// Messages to itself that have not come yet.
    continues: VecDeque<Source>,
    /// What campaigns and the wallet were told.
    pub(crate) sent: Vec<Message>,
    /// Where the last record stands, and how many there are.
    seq: Seq,
    pub(crate) records: u64,
    /// Plays the records again, from what was written.
    replay: Statement,
    /// News comes from another shard.
    told: u64,
}

impl Desk {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            statement: Statement::default(),
            policy,
            continues: VecDeque::new(),
            sent: Vec::new(),
            seq: Seq(100),
            records: 0,
            replay: Statement::default(),
            told: 0,
        }
    }

    fn context(&self, now: Timestamp) -> Context<'_> {
        Context { now, policy: &self.policy }
    }

    /// Takes lines in; the answers.
    pub(crate) fn take(&mut self, now: Timestamp, lines: &[Submitted]) -> Vec<LineAnswer> {
        let take = take("ann", lines);
        let before = self.statement.clone();
        let judged = self.statement.judge(&take, &self.context(now));
        let events = self.statement.decide(&Command::Take(take.clone()), &self.context(now));
        let events = events.expect("lines are answered one by one");
        assert_eq!(self.statement, before, "deciding changes nothing");
        let [event] = &*events else {
            assert!(events.is_empty() && !judged.contains(&NEW), "{judged:?}");
            return judged;
        };
        let Event::Taken(taken) = event else { panic!("{event:?}") };
        assert_eq!(taken.answers(), judged, "the record says what was answered");
        self.record(event, now);
        judged
    }

    /// What would be new in a call, without taking it in.
    pub(crate) fn entries(&self, now: Timestamp, lines: &[Submitted]) -> Vec<Entry> {
        let command = Command::Take(take("ann", lines));
        let events = self.statement.decide(&command, &self.context(now));
        let events = events.expect("lines are answered one by one");
        let entries = |event| match event {
            Event::Taken(taken) => taken.entries,
            Event::Drawn(_) | Event::Heard(_) => panic!("{event:?}"),
        };
        events.into_iter().flat_map(entries).collect()
    }

    /// Looks at the oldest batch that was not looked at yet.
    pub(crate) fn look(&mut self, now: Timestamp) -> Option<Drawn> {
        let source = self.continues.pop_front()?;
        let Event::Drawn(drawn) = self.receive(source, Body::Continue, now) else {
            panic!("it looks at what it took");
        };
        Some(drawn)
    }

    /// Takes lines in and looks at them; the purchases that were drawn, in order.
    pub(crate) fn draws(&mut self, now: Timestamp, lines: &[Submitted]) -> Vec<String> {
        self.take(now, lines);
        self.look(now).map(|drawn| purchases(&drawn.draws)).unwrap_or_default()
    }

    /// Tells news of a reward; how many rewards are asked back because of it.
    pub(crate) fn hear(&mut self, now: Timestamp, (draw, line): (Seq, u16), news: News) -> usize {
        self.told += 1;
        let source = Source { shard: ShardId(9), seq: Seq(self.told) };
        let body = Body::RewardNews(vec![RewardNews { draw, line, news }]);
        let Event::Heard(heard) = self.receive(source, body, now) else {
            panic!("it hears news");
        };
        heard.clawed.len()
    }

    fn receive(&mut self, source: Source, body: Body, now: Timestamp) -> Event {
        let message = Message { source, to: EntityId::statement(&wallet("ann")), body };
        let events = self.statement.receive(&message, &self.context(now));
        let [event] = &*events else { panic!("{message:?} comes for the first time") };
        self.record(event, now);
        let again = self.statement.receive(&message, &self.context(now));
        assert_eq!(again, [], "what came before changes nothing");
        event.clone()
    }

    fn record(&mut self, event: &Event, now: Timestamp) {
        let config = bincode::config::standard();
        self.seq = Seq(self.seq.0 + 3);
        self.records += 1;
        self.statement.apply(event, self.seq);
        let bytes = bincode::encode_to_vec(event, config).expect("encodes");
        let (read, _): (Event, _) = bincode::decode_from_slice(&bytes, config).expect("decodes");
        assert_eq!(read, *event);
        self.replay.apply(&read, self.seq);
        assert_eq!(self.replay, self.statement, "a replay gives the same state");
        let bytes = bincode::encode_to_vec(&self.statement, config).expect("encodes");
        let (read, length) = bincode::decode_from_slice(&bytes, config).expect("decodes");
        assert_eq!(length, bytes.len());
        assert_eq!(self.statement, read, "the state reads back");
        let source = Source { shard: ShardId(3), seq: self.seq };
        let id = wallet("ann").shared();
        for effect in Statement::react(&id, event, Stamp { source, at: now }) {
            let Effect::Send(message) = effect else { panic!("{effect:?}") };
            if message.body == Body::Continue {
                self.continues.push_back(message.source);
            } else {
                self.sent.push(message);
            }
        }
    }

    /// What the wallet was asked to give back, all in all.
    pub(crate) fn asked_back(&self) -> Vec<Back> {
        let of = |message: &Message| {
            if let Body::ClawBack(back) = &message.body { back.clone() } else { Vec::new() }
        };
        self.sent.iter().flat_map(of).collect()
    }

    /// The rewards, the oldest first.
    pub(crate) fn rewards(&self) -> Vec<(Seq, u16)> {
        let newest = self.statement.rewards().before(Seq(u64::MAX), 0);
        let mut all: Vec<_> = newest.map(|(draw, line, _)| (draw, line)).collect();
        all.reverse();
        all
    }

    /// How many bytes the state has.
    pub(crate) fn size(&self) -> usize {
        let config = bincode::config::standard();
        bincode::encode_to_vec(&self.statement, config).expect("encodes").len()
    }

    pub(crate) fn lines(&self) -> usize {
        self.statement.summary().map_or(0, |summary| summary.lines)
    }
}

pub(crate) fn purchases(draws: &[Draw]) -> Vec<String> {
    draws.iter().map(|draw| draw.purchase.to_string()).collect()
}
