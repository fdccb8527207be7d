//! Every message between entities: sent once, received once, or still on its way.
//!
//! A message is named by its source, the record that sent it, and by who receives it: a record may
//! send to several entities, but to each of them once. Both sides are collected while the entities
//! are read, then sorted and laid side by side. What was sent and not received must still be in the
//! journal, because that is where it is sent again from; else its money is lost.
//!
//! Either side gives the message as it follows from its own event; a hash of all that it says is
//! kept with each, so that a receipt must agree with what was sent in every field and not only in
//! its source. One receiver does not know all: a refused mark says who asked, not for how much.
//!
//! Memory: 32 bytes for each side, 64 a message, at worst twice that while the lists grow.

use std::collections::BTreeMap;
use std::fmt;

use bursar_domain::campaign::Win;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Seq, ShardId};
use bursar_domain::message::{Answer, Asker, Body, Source};
use bursar_domain::money::Amount;
use bursar_snapshots::codec;

use super::faults::Faults;
use super::tail::{ShardTail, Tail};

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cargo {
    Payment,
    RefundOrder,
    RefundMoney,
    Begin,
    Mark,
    Settle,
    Unmark,
    Credit,
    Abandon,
    Confirm,
    Free,
    Compensate,
    Reply,
    Continue,
    Post,
    Unhold,
    SettledPayment,
    Reimbursed,
    NotReimbursed,
    Activate,
    NotCredited,
    StartRun,
    Collect,
    ReportSaid,
    Collected,
    Drew,
    RewardNews,
    RewardCredit,
    Ungrant,
    ClawBack,
    TakenBack,
}

impl Cargo {
    fn of(body: &Body) -> Self {
        match body {
            Body::Payment { .. } => Self::Payment,
            Body::RefundOrder { .. } => Self::RefundOrder,
            Body::RefundMoney { .. } => Self::RefundMoney,
            Body::Begin(_) => Self::Begin,
            Body::Mark { .. } => Self::Mark,
            Body::Settle { .. } => Self::Settle,
            Body::Unmark { .. } => Self::Unmark,
            Body::Credit { .. } => Self::Credit,
            Body::Abandon { .. } => Self::Abandon,
            Body::Confirm { .. } => Self::Confirm,
            Body::Free { .. } => Self::Free,
            Body::Compensate(_) => Self::Compensate,
            Body::Reply { .. } => Self::Reply,
            Body::Continue => Self::Continue,
            Body::Post { .. } => Self::Post,
            Body::Unhold { .. } => Self::Unhold,
            Body::SettledPayment { .. } => Self::SettledPayment,
            Body::Reimbursed { .. } => Self::Reimbursed,
            Body::NotReimbursed { .. } => Self::NotReimbursed,
            Body::Activate { .. } => Self::Activate,
            Body::NotCredited { .. } => Self::NotCredited,
            Body::StartRun { .. } => Self::StartRun,
            Body::Collect { .. } => Self::Collect,
            Body::ReportSaid { .. } => Self::ReportSaid,
            Body::Collected { .. } => Self::Collected,
            Body::Drew { .. } => Self::Drew,
            Body::RewardNews(_) => Self::RewardNews,
            Body::RewardCredit { .. } => Self::RewardCredit,
            Body::Ungrant { .. } => Self::Ungrant,
            Body::ClawBack(_) => Self::ClawBack,
            Body::TakenBack { .. } => Self::TakenBack,
        }
    }

    /// Whether the amount it names is money that it carries, and not only a wish.
    fn is_money(self) -> bool {
        match self {
            Self::Payment
            | Self::RefundMoney
            | Self::Credit
            | Self::Confirm
            | Self::Compensate
            | Self::Reply
            | Self::SettledPayment => true,
            Self::RefundOrder
            | Self::Begin
            | Self::Mark
            | Self::Settle
            | Self::Unmark
            | Self::Abandon
            | Self::Free
            | Self::Continue
            | Self::Post
            | Self::Unhold
            | Self::Reimbursed
            | Self::NotReimbursed
            | Self::Activate
            | Self::NotCredited
            | Self::StartRun
            | Self::Collect
            | Self::ReportSaid
            | Self::Collected
            | Self::Drew
            | Self::RewardNews
            | Self::RewardCredit
            | Self::Ungrant
            | Self::ClawBack
            | Self::TakenBack => false,
        }
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payment => "payment",
            Self::RefundOrder => "refund order",
            Self::RefundMoney => "refund",
            Self::Begin => "beginning of a saga",
            Self::Mark => "mark",
            Self::Settle => "settlement of a mark",
            Self::Unmark => "end of a mark",
            Self::Credit => "credit",
            Self::Abandon => "end of a pull",
            Self::Confirm => "confirmation",
            Self::Free => "end of a place",
            Self::Compensate => "compensation",
            Self::Reply => "reply",
            Self::Continue => "continuation",
            Self::Post => "booking of a payment",
            Self::Unhold => "end of a payment",
            Self::SettledPayment => "settled payment",
            Self::Reimbursed => "end of a reimbursement",
            Self::NotReimbursed => "return of a reimbursement",
            Self::Activate => "beginning of a plan",
            Self::NotCredited => "end of an advance",
            Self::StartRun => "beginning of a run",
            Self::Collect => "turn in a run",
            Self::ReportSaid => "part of a report",
            Self::Collected => "answer to a run",
            Self::Drew => "word of draws",
            Self::RewardNews => "news of rewards",
            Self::RewardCredit => "credit of a reward",
            Self::Ungrant => "end of a reward",
            Self::ClawBack => "claw-back",
            Self::TakenBack => "return to a campaign",
        })
    }
}

/// The amount that a message names.
fn money(body: &Body) -> Option<(Amount, Currency)> {
    match body {
        Body::Payment { amount, currency, .. }
        | Body::RefundOrder { amount, currency, .. }
        | Body::RefundMoney { amount, currency, .. }
        | Body::Credit { amount, currency, .. }
        | Body::Confirm { amount, currency, .. }
        | Body::Mark { hold: amount, currency, .. }
        | Body::SettledPayment { amount, currency, .. }
        | Body::TakenBack { amount, currency, .. }
        | Body::Reply { answer: Answer::Money { amount, currency }, .. } => {
            Some((*amount, *currency))
        }
        Body::Post { payment, .. } | Body::Unhold { payment, .. } => {
            Some((payment.amount, payment.currency))
        }
        Body::RewardCredit { reward, .. } => Some((reward.amount, reward.currency)),
        Body::Begin(subject) => Some((subject.amount(), subject.currency())),
        Body::Compensate(undoing) => Some((undoing.money, undoing.subject.currency())),
        Body::Reply {
            answer: Answer::Done | Answer::Contact { .. } | Answer::Refused(_), ..
        }
        | Body::Settle { .. }
        | Body::Unmark { .. }
        | Body::Abandon { .. }
        | Body::Free { .. }
        | Body::Continue
        | Body::Reimbursed { .. }
        | Body::NotReimbursed { .. }
        | Body::Activate { .. }
        | Body::NotCredited { .. }
        | Body::StartRun { .. }
        | Body::Collect { .. }
        | Body::ReportSaid { .. }
        | Body::Collected { .. }
        | Body::Drew { .. }
        | Body::RewardNews(_)
        | Body::Ungrant { .. }
        | Body::ClawBack(_) => None,
    }
}

/// A message as one side knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// All of it.
    All(&'a Body),
    /// A mark that was refused: only who asked for it.
    RefusedMark(&'a Asker),
    /// A reward that was refused: only who asked for it.
    RefusedReward(&'a Asker),
    /// What was drawn in a campaign: not in whose statement, where nothing was won.
    Draws(u32, &'a [Win]),
    /// An advance's turn in a run: only who asked, not for which day or with which lines.
    Turn(Turn, &'a Asker),
}

/// What an advance's turn in a run was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// To create what is due, or to submit it.
    Collect,
    /// What the report says.
    Report,
}

impl Known<'_> {
    fn side(self, seq: Seq, to: &EntityId) -> Side {
        let bytes = match self {
            // The amounts of marks and rewards are compared apart, where they are known; all of a
            // reward in `rewards`.
            Self::All(
                Body::Mark { by, .. }
                | Body::Collect { by, .. }
                | Body::ReportSaid { by, .. }
                | Body::RewardCredit { by, .. },
            )
            | Self::RefusedMark(by)
            | Self::RefusedReward(by)
            | Self::Turn(_, by) => codec::encode(by),
            Self::All(Body::Drew { draws, wins, .. }) => codec::encode(&(*draws, wins.as_slice())),
            Self::Draws(draws, wins) => codec::encode(&(draws, wins)),
            Self::All(body) => codec::encode(body),
        };
        let (cargo, money) = match self {
            Self::All(body) => (Cargo::of(body), money(body)),
            Self::RefusedMark(_) => (Cargo::Mark, None),
            Self::RefusedReward(_) => (Cargo::RewardCredit, None),
            Self::Draws(..) => (Cargo::Drew, None),
            Self::Turn(Turn::Collect, _) => (Cargo::Collect, None),
            Self::Turn(Turn::Report, _) => (Cargo::ReportSaid, None),
        };
        let hash = |bytes: &[u8]| xxhash_rust::xxh3::xxh3_64(bytes);
        Side {
            seq: seq.0,
            to: hash_of(to),
            amount: money.map_or(Amount::ZERO, |money| money.0),
            said: u32::try_from(hash(&bytes) >> 32).expect("half of the bits"),
            currency: money.map(|money| money.1),
            cargo,
        }
    }
}

/// One side of a message.
#[derive(Clone, Copy, Debug)]
struct Side {
    seq: u64,
    to: u64,
    amount: Amount,
    said: u32,
    currency: Option<Currency>,
    cargo: Cargo,
}

const _: () = assert!(size_of::<Side>() == 32, "the header of this file states the memory");

impl Side {
    /// What names the message, among those of its sending shard.
    fn name(&self) -> (u64, u64) {
        (self.seq, self.to)
    }

    /// Whether a receipt is one of what was sent.
    fn agrees(&self, sent: &Self) -> bool {
        let money = |side: &Self| (side.amount, side.currency);
        let is_refused =
            matches!(self.cargo, Cargo::Mark | Cargo::RewardCredit) && self.currency.is_none();
        self.cargo == sent.cargo
            && self.said == sent.said
            && (is_refused || money(self) == money(sent))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cargo, amount, currency, .. } = self;
        match currency {
            Some(currency) => write!(f, "{cargo} of {} {currency}", amount.to_major(*currency)),
            None => write!(f, "{cargo}"),
        }
    }
}

/// What is on its way in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct InTransit {
    /// Messages that name an amount, wishes included.
    pub(super) messages: u64,
    /// In minor units.
    pub(super) money: i128,
}

type ByCurrency = BTreeMap<Currency, InTransit>;

/// The messages of one sending shard.
#[derive(Debug, Default)]
struct Shard {
    sent: Vec<Side>,
    received: Vec<Side>,
}

/// All messages.
#[derive(Debug)]
pub(super) struct Transfers {
    shards: Vec<Shard>,
    way: Way,
}

/// What is on its way.
#[derive(Debug, Default)]
struct Way {
    in_transit: ByCurrency,
    /// Of that, what goes back to each campaign, in minor units, by the hash of who receives it.
    returning: BTreeMap<u64, i128>,
}

impl Transfers {
    /// No messages yet.
    pub(super) fn new(shards: u16) -> Self {
        let shards = (0..shards).map(|_| Shard::default()).collect();
        Self { shards, way: Way::default() }
    }

    /// A record sent a message.
    pub(super) fn sent(&mut self, source: Source, to: &EntityId, body: &Body) {
        let side = Known::All(body).side(source.seq, to);
        self.shards[usize::from(source.shard.0)].sent.push(side);
    }

    /// A record received a message. False when there is no such sender.
    pub(super) fn received(&mut self, source: Source, to: &EntityId, known: Known<'_>) -> bool {
        let shard = self.shards.get_mut(usize::from(source.shard.0));
        shard.map(|shard| shard.received.push(known.side(source.seq, to))).is_some()
    }

    /// How many messages were sent and received.
    pub(super) fn counts(&self) -> (u64, u64) {
        let sent = self.shards.iter().map(|shard| shard.sent.len()).sum::<usize>();
        let received = self.shards.iter().map(|shard| shard.received.len()).sum::<usize>();
        (sent as u64, received as u64)
    }

    /// All sides have been given: lays them side by side. Returns what is on its way.
    pub(super) fn settle(&mut self, tail: &Tail, faults: &mut Faults) -> ByCurrency {
        for (number, shard) in (0..).zip(&mut self.shards) {
            shard.settle(number, tail.shard(ShardId(number)), &mut self.way, faults);
        }
        self.way.in_transit.clone()
    }

    /// What is on its way back to a campaign, in minor units, once all is settled.
    pub(super) fn returning_to(&self, campaign: &EntityId) -> i128 {
        self.way.returning.get(&hash_of(campaign)).copied().unwrap_or_default()
    }
}

/// Who receives a message.
fn hash_of(to: &EntityId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&codec::encode(to))
}

impl Shard {
    fn settle(&mut self, number: u16, tail: &ShardTail, way: &mut Way, faults: &mut Faults) {
        self.sent.sort_unstable_by_key(Side::name);
        self.received.sort_unstable_by_key(Side::name);
        let mut received = self.received.as_slice();
        let mut last = None;
        for side in &self.sent {
            let (seq, name) = (side.seq, side.name());
            let place = format_args!("message of shard {number}, record {seq} ({side})");
            if last.replace(name) == Some(name) {
                faults.wrong(place, "the record sends a second message to the same entity");
                continue;
            }
            let (nobodys, rest) = split(received, |other| other.name() < name);
            never_sent(nobodys, number, faults);
            let (own, rest) = split(rest, |other| other.name() == name);
            received = rest;
            match own {
                [] => {
                    side.is_on_its_way(way);
                    if !tail.has(Seq(seq)) {
                        let what = "it was never received, and the journal that would send it \
                                    again no longer has it";
                        faults.wrong(place, what);
                    }
                }
                [one] if one.agrees(side) => {}
                [one] => faults.wrong(place, format!("what was received differs: {one}")),
                many => faults.wrong(place, format!("it was received {} times", many.len())),
            }
        }
        never_sent(received, number, faults);
    }
}

impl Side {
    fn is_on_its_way(&self, way: &mut Way) {
        let Some(currency) = self.currency else { return };
        let line = way.in_transit.entry(currency).or_default();
        line.messages += 1;
        if self.cargo.is_money() {
            line.money += i128::from(self.amount.minor());
        }
        if self.cargo == Cargo::TakenBack {
            *way.returning.entry(self.to).or_default() += i128::from(self.amount.minor());
        }
    }
}

fn split(sides: &[Side], belongs: impl Fn(&Side) -> bool) -> (&[Side], &[Side]) {
    sides.split_at(sides.partition_point(belongs))
}

fn never_sent(received: &[Side], shard: u16, faults: &mut Faults) {
    for side in received {
        let place = format_args!("message of shard {shard}, record {} ({side})", side.seq);
        faults.wrong(place, "it was received, but that record did not send it");
    }
}
