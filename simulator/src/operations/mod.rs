//! The operations: what clients do, one file each.
//!
//! A file says how its wish is drawn, how it is sent (the command that the HTTP edge would make,
//! key and content mark included), which answers are possible and what each says. An answer that
//! is not on the list is a fault ([`Said::Strange`]).
//!
//! Invariants: what is sent depends on the plan and on earlier answers only; an operation that
//! needs an earlier yes and has none is left out.

mod activities;
mod announce;
mod cancel;
mod cast;
mod close_deal;
mod deposit;
mod draw;
mod freeze;
mod invest;
mod known;
mod lend;
mod lines;
mod open_deal;
mod open_wallet;
mod pause;
mod pay;
mod pull;
mod refund;
mod register;
mod ring;
mod settle;
mod withdraw;

use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_actors::view::Seen;
use bursar_domain::call::Party;
use bursar_domain::code::{Code, Rejection};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, DealId, EntityId, ProviderId, Seq, WalletId};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};

pub use draw::{Size, draw};
pub use known::Known;

use crate::facts::wish::Money;
use crate::facts::{Accepted, Granted, Number, Planned, Refused, Said, Wish, names};
use crate::lens;

/// What the edge sees of the rest when it sends a command on.
pub trait Sight {
    /// How an entity stands, when it is in memory.
    fn see(&self, entity: &EntityId) -> Option<Seen>;
    /// Whether a third party's queue takes no more.
    fn is_full(&self, party: Party) -> bool;
}

/// One sending of an operation.
pub struct Sending<'a> {
    /// The operation's number.
    pub number: Number,
    /// The key's number, if it has a key.
    pub key: Option<Number>,
    /// When it is first sent, in milliseconds after the beginning.
    pub at_ms: u64,
    /// What the client knows.
    pub known: &'a Known,
    /// What the edge sees.
    pub sight: &'a dyn Sight,
}

/// What all operations have.
pub(crate) trait Operation {
    /// To whom and what; `None` when an earlier yes is missing.
    fn ask(&self, sending: &Sending<'_>) -> Option<(EntityId, Command)>;

    /// The codes under which it can be refused, beside that of a key that was used otherwise.
    fn refusals(&self) -> &'static [Code];

    /// What a decision says; `None` when the decision is not one of this operation.
    fn granted(&self, seq: Seq, record: &Record) -> Option<Granted>;

    /// What an answer without a decision says, where there is one.
    fn beside(&self, answer: &Answer) -> Option<Said> {
        let _ = answer;
        None
    }

    /// Which third parties would be called for it.
    fn calls(&self) -> &'static [Party] {
        &[]
    }
}

/// The operation of a wish.
pub(crate) fn of(wish: &Wish) -> &dyn Operation {
    match wish {
        Wish::OpenWallet(wish) => wish,
        Wish::Deposit(wish) => wish,
        Wish::Pull(wish) => wish,
        Wish::Pay(wish) => wish,
        Wish::Refund(wish) => wish,
        Wish::Freeze(wish) => wish,
        Wish::Register(wish) => wish,
        Wish::OpenDeal(wish) => wish,
        Wish::Invest(wish) => wish,
        Wish::Withdraw(wish) => wish,
        Wish::Cancel(wish) => wish,
        Wish::CloseDeal(wish) => wish,
        Wish::Settle(wish) => wish,
        Wish::Activities(wish) => wish,
        Wish::Announce(wish) => wish,
        Wish::Pause(wish) => wish,
        Wish::Lines(wish) => wish,
        Wish::Lend(wish) => wish,
        Wish::Ring(wish) => wish,
    }
}

impl Planned {
    /// To whom it goes and what is asked, as the edge would do it; `None` when it is left out
    /// because an earlier operation had no yes.
    pub fn ask(&self, known: &Known, sight: &dyn Sight) -> Option<(EntityId, Ask)> {
        let sending =
            Sending { number: self.number, key: self.key, at_ms: self.at_ms, known, sight };
        let operation = of(&self.wish);
        let (to, command) = operation.ask(&sending)?;
        let key = self
            .key
            .map(|number| Key { text: names::key(number).into(), content: content(&command) });
        let is_full = operation.calls().iter().any(|party| sight.is_full(*party));
        let room = if is_full { Room::Full } else { Room::There };
        let request_id = request_id(self.number);
        Some((to, Ask::Decide { command, key, request_id, room }))
    }

    /// What an answer says.
    pub fn heard(&self, known: &Known, answer: &Answer) -> Said {
        let operation = of(&self.wish);
        match answer {
            Answer::Decided { seq, record, replayed } => {
                decided(operation, known.shards(), *seq, record, *replayed)
            }
            Answer::Rejected(rejection) => match code_of(operation, rejection) {
                Ok(code) => Said::Refused(Refused { code, recorded: None, replayed: false }),
                Err(strange) => strange,
            },
            Answer::Overloaded => Said::Overloaded,
            Answer::Summary(_)
            | Answer::Payment { .. }
            | Answer::Investment { .. }
            | Answer::Rewards(_)
            | Answer::Recent { .. }
            | Answer::Judged(_)
            | Answer::Known(_)
            | Answer::Inspected(_) => operation.beside(answer).unwrap_or_else(|| strange(answer)),
        }
    }
}

fn strange(what: &dyn std::fmt::Debug) -> Said {
    Said::Strange(format!("{what:?}"))
}

fn code_of(operation: &dyn Operation, rejection: &Rejection) -> Result<&'static str, Said> {
    let is_listed = rejection.code == Code::IdempotencyKeyReused
        || operation.refusals().contains(&rejection.code);
    if is_listed { Ok(rejection.code.as_str()) } else { Err(strange(rejection)) }
}

fn decided(
    operation: &dyn Operation,
    shards: u16,
    seq: Seq,
    record: &Record,
    replayed: bool,
) -> Said {
    let place = lens::place(record.entity.shard(shards), seq);
    let fingerprint = lens::fingerprint(record);
    if let Verdict::Refused(refusal) = &record.verdict {
        return match code_of(operation, &refusal.rejection) {
            Ok(code) => {
                let recorded = Some((place, fingerprint));
                Said::Refused(Refused { code, recorded, replayed })
            }
            Err(strange) => strange,
        };
    }
    match operation.granted(seq, record) {
        Some(granted) => {
            let at_ms = record.at.millis();
            Said::Accepted(Accepted { place, at_ms, replayed, fingerprint, granted })
        }
        None => strange(&record.verdict),
    }
}

/// The mark of a command's content, as the edge makes it.
fn content(command: &Command) -> u64 {
    match command {
        Command::Wallet(command) => command.content(),
        Command::Provider(command) => command.content(),
        Command::Deal(command) => command.content(),
        Command::Advance(command) => command.content(),
        Command::Campaign(command) => command.content(),
        Command::Saga(command) => command.content(),
        Command::Compensation(command) => command.content(),
        Command::Run(command) => command.content(),
        Command::Schedule(command) => command.content(),
        Command::Statement(command) => command.content(),
    }
}

/// The id of a request.
fn request_id(number: Number) -> Box<str> {
    format!("r{number}").into()
}

fn wallet_id(number: Number) -> WalletId {
    WalletId::parse(&names::wallet(number)).expect("a letter and digits")
}

fn provider_id(number: Number) -> ProviderId {
    ProviderId::parse(&names::provider(number)).expect("a letter and digits")
}

fn deal_id(number: Number) -> DealId {
    DealId::parse(&names::deal(number)).expect("a letter and digits")
}

fn campaign_id(number: Number) -> CampaignId {
    CampaignId::parse(&names::campaign(number)).expect("a letter and digits")
}

fn to_wallet(number: Number) -> EntityId {
    EntityId::wallet(&wallet_id(number))
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a plan has known currencies")
}

fn money(money: Money) -> (Amount, Currency) {
    (Amount::from_minor(money.amount), currency(money.currency))
}

/// A wallet's events of a decision.
fn wallet_events(record: &Record) -> Option<&[bursar_domain::wallet::Event]> {
    if let Verdict::Wallet(events) = &record.verdict { Some(events) } else { None }
}

/// A deal's events of a decision.
fn deal_events(record: &Record) -> Option<&[bursar_domain::deal::Event]> {
    if let Verdict::Deal(events) = &record.verdict { Some(events) } else { None }
}

/// A provider's events of a decision.
fn provider_events(record: &Record) -> Option<&[bursar_domain::provider::Event]> {
    if let Verdict::Provider(events) = &record.verdict { Some(events) } else { None }
}
