//! The whole system at rest, plain.
//!
//! Every table is what the product itself says when asked, or what stands on its disk; the third
//! parties' entries are what they booked. The auditor compares them with each other and with what
//! the clients heard.
//!
//! Invariant: a picture is taken when nothing is under way; rows are in the order of their keys.

pub use super::drawn::{Advance, Campaign, Debit, Draw, Fate, Statement, Taken};
use super::{Number, Outcome, Place, Who};

/// The whole system.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The wallets that exist.
    pub wallets: Vec<Wallet>,
    /// The providers that exist.
    pub providers: Vec<Provider>,
    /// The deals that exist.
    pub deals: Vec<Deal>,
    /// The campaigns that exist.
    pub campaigns: Vec<Campaign>,
    /// The statements that exist.
    pub statements: Vec<Statement>,
    /// The advances that exist.
    pub advances: Vec<Advance>,
    /// The sagas and compensations that ever began.
    pub sagas: Vec<Saga>,
    /// The trial balance, a line for each currency.
    pub books: Vec<Books>,
    /// What the third parties booked.
    pub entries: Vec<Entry>,
    /// The documents that third parties were asked for.
    pub papers: Vec<Paper>,
    /// The mails that third parties were asked to carry.
    pub letters: Vec<Letter>,
    /// The outcome stream from its beginning.
    pub outcomes: Vec<Outcome>,
    /// Every decision on disk.
    pub records: Vec<Record>,
}

/// A wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wallet {
    /// Which.
    pub number: Number,
    /// Its currency.
    pub currency: &'static str,
    /// How far below zero it may go.
    pub credit_limit: i64,
    /// Whether it may only receive.
    pub frozen: bool,
    /// Booked.
    pub posted: i64,
    /// Set aside.
    pub held: i64,
    /// What may be spent.
    pub available: i64,
    /// The holds: name and amount.
    pub holds: Vec<(String, i64)>,
}

/// A provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    /// Which.
    pub number: Number,
    /// Its currency.
    pub currency: &'static str,
    /// What it is owed and has not been sent.
    pub accrued: i128,
    /// What is on its way to its bank.
    pub in_reimbursement: i128,
    /// What it got.
    pub reimbursed: i128,
    /// The activities that it noted: the decision, the number, and how much.
    pub noted: Vec<(u64, Number, i64)>,
}

/// A deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deal {
    /// Which.
    pub number: Number,
    /// Its currency.
    pub currency: &'static str,
    /// The most that it takes.
    pub amount: i64,
    /// The most investors.
    pub investors_max: usize,
    /// When it opens and closes.
    pub open_ms: (i64, i64),
    /// Whether it was closed by hand.
    pub closed: bool,
    /// The last ticket.
    pub last_ticket: u64,
    /// Wallets that have a seat.
    pub seats: usize,
    /// The sum of investments on their way, and how many.
    pub reserved: (i64, usize),
    /// The sum of confirmed investments, and how many.
    pub confirmed: (i64, usize),
    /// How many wait in line.
    pub waiting: usize,
    /// All that happened, in order: the decision, its instant, and what.
    pub steps: Vec<(u64, i64, DealStep)>,
}

/// Someone who wants a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// The ticket.
    pub ticket: u64,
    /// Who.
    pub wallet: Number,
    /// How much.
    pub amount: i64,
    /// Whether the bank pays.
    pub from_bank: bool,
}

/// What happened in a deal. Investments are named by the decision that gave the ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DealStep {
    /// A ticket and a place.
    Reserved(Ticket),
    /// A ticket and a place in line, at this position.
    Waiting(Ticket, u32),
    /// A ticket and no place.
    NoPlace(Ticket, &'static str),
    /// From the line to a place.
    Promoted(u64),
    /// For good.
    Confirmed(u64),
    /// Undone; the place is free.
    Freed(u64),
    /// Out of the line, for want of a place.
    LineRefused(u64),
    /// Out of the line, by wish.
    Withdrawn(u64),
    /// No more requests.
    Closed,
    /// Opened, or went on after a pause of its own.
    Other,
}

/// Documents that a third party was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paper {
    /// The key under which they were asked.
    pub key: String,
    /// Whether they exist and are not void.
    pub valid: bool,
}

/// A mail that a third party was asked to carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// The key under which it was asked.
    pub key: String,
    /// How often it was taken.
    pub taken: u32,
}

/// A saga or compensation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saga {
    /// Its id.
    pub id: String,
    /// Whether it is a compensation.
    pub undoes: bool,
    /// How it stands.
    pub state: SagaState,
    /// Money that it holds.
    pub held: i64,
    /// What it waits for, in words.
    pub waits_for: String,
}

/// How a saga stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SagaState {
    /// On its way.
    Running,
    /// Being undone.
    Undoing,
    /// It came about.
    Done,
    /// It did not.
    Failed,
    /// It was taken back.
    Cancelled,
}

/// A line of the trial balance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Books {
    /// The currency.
    pub currency: &'static str,
    /// What the accounts hold.
    pub accounts: i128,
    /// The outside world's account.
    pub external: i128,
    /// What is on its way between entities.
    pub in_transit: i128,
}

/// What a third party did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EntryKind {
    /// The processor took money from an account.
    Pull,
    /// The processor brought money to an account.
    Push,
    /// The processor gave a pull back.
    Refund,
}

/// How far it did it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EntryState {
    /// It is for good.
    Booked,
    /// Perhaps later.
    Pending,
    /// It did not happen.
    Declined,
}

/// An entry of a third party's ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key under which it was asked.
    pub key: String,
    /// What was done.
    pub kind: EntryKind,
    /// With which account.
    pub account: String,
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: &'static str,
    /// How far.
    pub state: EntryState,
}

/// A decision on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Where.
    pub place: Place,
    /// Who decided, when it is a member of the cast.
    pub who: Option<Who>,
    /// The number of the client's key.
    pub key: Option<Number>,
    /// Whether it says no.
    pub refused: bool,
    /// A hash of all of it.
    pub fingerprint: u64,
}
