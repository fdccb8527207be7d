//! What one entity sends to another, and what the world is told, after a commit.
//!
//! Money moves by two records: sent by the source, received by the destination (DESIGN
//! invariant 11). The message between them is sent again until it is acknowledged; the receiver
//! drops what it already has. Messages of one shard reach one entity in the order of their
//! sequence, so a high-water mark per sending shard is all that a receiver remembers.
//!
//! Sagas ask wallets and deals by messages, too; whoever is asked answers with [`Body::Reply`].

use bincode::{Decode, Encode};

use crate::call::Call;
use crate::campaign::{RewardNews, Win};
use crate::code::Rejection;
use crate::compensation::Undoing;
use crate::currency::Currency;
use crate::errand::{Errand, ReportLine};
use crate::id::{DealId, EntityId, ProviderId, Seq, ShardId, WalletId};
use crate::money::Amount;
use crate::plan::Day;
use crate::planted::{self, Bug};
use crate::run::Tally;
use crate::saga::Subject;
use crate::saga::payment::Payment;
use crate::saga::reward::Reward;
use crate::saga::subject::Failure;
use crate::time::Timestamp;
use crate::wallet::reward::Back;

pub use crate::outcome::{About, Outcome, OutcomeKind};

/// Which record sent a message: the shard, and the position in it. A record sends at most one
/// message to one entity, so this names the message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct Source {
    /// The sending shard.
    pub shard: ShardId,
    /// The sending record.
    pub seq: Seq,
}

/// When and where a record was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The shard and position.
    pub source: Source,
    /// The server's own time of the decision.
    pub at: Timestamp,
}

/// A message between two entities, delivered exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The record that sent it.
    pub source: Source,
    /// Who receives it.
    pub to: EntityId,
    /// What it says.
    pub body: Body,
}

/// Which saga or compensation asks, in which of its steps.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Asker {
    /// Who asks.
    pub entity: EntityId,
    /// The step, from 0: it comes back with the answer.
    pub step: u8,
}

impl Asker {
    /// The message that answers.
    pub fn reply(&self, source: Source, answer: Answer) -> Effect {
        let body = Body::Reply { step: self.step, answer };
        Effect::Send(Message { source, to: self.entity.clone(), body })
    }
}

/// What whoever was asked by a saga answers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Answer {
    /// It is done.
    Done,
    /// It is done; this is how the customer is reached.
    Contact {
        /// Where mails go.
        email: Option<Box<str>>,
        /// The account at the processor.
        account: Box<str>,
    },
    /// It is done; here is the money.
    Money {
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// No.
    Refused(Rejection),
}

/// What a message says. Only appended to: an action of a saga is on disk with its message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Body {
    /// A wallet paid a provider. The payment is the message's source.
    Payment {
        /// Who paid.
        wallet: WalletId,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The payer's words.
        description: Option<Box<str>>,
        /// The date of the business.
        effective_at: Option<Timestamp>,
    },
    /// A wallet asks a provider to give money back. The refund is the message's source.
    RefundOrder {
        /// Who asks.
        wallet: WalletId,
        /// Which payment of that wallet.
        payment: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The date of the business.
        effective_at: Option<Timestamp>,
    },
    /// A provider gave money back to a wallet.
    RefundMoney {
        /// Who gave.
        provider: ProviderId,
        /// Which payment of the wallet.
        payment: Seq,
        /// The wallet's decision that asked for it.
        refund: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// To a saga: bring this about.
    Begin(Box<Subject>),
    /// To a wallet: an investment is pending; set its amount aside if it is to be paid from here.
    Mark {
        /// Who asks.
        by: Asker,
        /// How much to set aside; zero when the money comes from the bank.
        hold: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// To a wallet: the investment is no longer pending; pay what was set aside.
    Settle {
        /// Who asks.
        by: Asker,
        /// What is invested in.
        deal: DealId,
    },
    /// To a wallet: forget that the investment is pending and what was set aside for it.
    Unmark {
        /// Who asks; its saga's id is the name of the mark.
        by: Asker,
    },
    /// To a wallet: here is the money that was pulled from the bank.
    Credit {
        /// Who asks.
        by: Asker,
        /// The wallet's decision that asked for it.
        deposit: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// To a wallet: the money will not come.
    Abandon {
        /// Who asks.
        by: Asker,
        /// The wallet's decision that asked for it.
        deposit: Seq,
        /// Why.
        failure: Failure,
    },
    /// To a deal: the investment is done; here is its money.
    Confirm {
        /// Who asks.
        by: Asker,
        /// The deal's decision that gave the ticket.
        investment: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
    /// To a deal: the investment is undone; its place is free.
    Free {
        /// Who asks.
        by: Asker,
        /// The deal's decision that gave the ticket.
        investment: Seq,
    },
    /// To a compensation: undo this.
    Compensate(Box<Undoing>),
    /// The answer of whoever was asked.
    Reply {
        /// The step in which it was asked.
        step: u8,
        /// The answer.
        answer: Answer,
    },
    /// To oneself: there is more to do than fits one decision.
    Continue,
    /// To a wallet: what was set aside for a payment is with the provider; book it.
    Post {
        /// Who asks.
        by: Asker,
        /// What is paid, all of it: the wallet remembers only what was set aside.
        payment: Box<Payment>,
    },
    /// To a wallet: the payment did not come about; set nothing aside for it any more.
    Unhold {
        /// Who asks.
        by: Asker,
        /// What is paid, all of it: the wallet remembers only what was set aside.
        payment: Box<Payment>,
        /// Why.
        failure: Failure,
    },
    /// A wallet paid a provider, who has the money in the bank already.
    SettledPayment {
        /// Who paid.
        wallet: WalletId,
        /// The wallet's decision that names the payment.
        payment: Seq,
        /// How much, positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
        /// The payer's words.
        description: Option<Box<str>>,
        /// The date of the business.
        effective_at: Option<Timestamp>,
    },
    /// To a provider: a reimbursement is with its bank.
    Reimbursed {
        /// Who asks.
        by: Asker,
        /// The provider's decision that closed the period.
        reimbursement: Seq,
    },
    /// To a provider: a reimbursement was not to be.
    NotReimbursed {
        /// Who asks.
        by: Asker,
        /// The provider's decision that closed the period.
        reimbursement: Seq,
        /// Why.
        failure: Failure,
    },
    /// To an advance: the money is with the customer.
    Activate {
        /// Who asks.
        by: Asker,
    },
    /// To an advance: the money could not be brought to the customer.
    NotCredited {
        /// Who asks.
        by: Asker,
        /// Why.
        failure: Failure,
    },
    /// To a run: begin.
    StartRun {
        /// Who asks; told when the run has ended and had a good report.
        by: Asker,
        /// The day whose debits are due, and all before it.
        day: Day,
        /// The instant for which it was planned.
        planned_at: Timestamp,
        /// Of how many days the report is to be.
        days: u16,
    },
    /// From a run to an advance: it is your day.
    Collect {
        /// Who asks.
        by: Asker,
        /// Everything up to this day is due.
        day: Day,
        /// What to do now.
        pass: Pass,
        /// Whether there was a good report, so that what it does not have can be called silent.
        judge_silence: bool,
    },
    /// From a run to an advance: this stood in the processor's report.
    ReportSaid {
        /// Who asks.
        by: Asker,
        /// The day of the run.
        day: Day,
        /// The lines about this advance's debits.
        lines: Vec<ReportLine>,
    },
    /// From an advance to a run: what was done.
    Collected {
        /// The step in which it was asked.
        step: u8,
        /// What was done, counted.
        tally: Tally,
    },
    /// From a statement to a campaign: this was drawn. The draws are the message's source.
    Drew {
        /// Whose statement.
        wallet: WalletId,
        /// How many draws.
        draws: u32,
        /// Those that won, in order.
        wins: Vec<Win>,
    },
    /// To a statement: what is new of its rewards.
    RewardNews(Vec<RewardNews>),
    /// To a wallet: here is a reward.
    RewardCredit {
        /// Who asks.
        by: Asker,
        /// The reward.
        reward: Box<Reward>,
    },
    /// To a campaign: the wallet did not take the reward.
    Ungrant {
        /// Who asks.
        by: Asker,
        /// Whose.
        wallet: WalletId,
        /// The statement's decision that drew it.
        draw: Seq,
        /// The win.
        win: Win,
        /// Why.
        failure: Failure,
    },
    /// From a statement to its wallet: the purchases of these rewards were reversed.
    ClawBack(Vec<Back>),
    /// From a wallet to a campaign: so much was taken back.
    TakenBack {
        /// Whose.
        wallet: WalletId,
        /// How much, zero or positive.
        amount: Amount,
        /// In which currency.
        currency: Currency,
    },
}

/// Which of a run's passes over the advances. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Pass {
    /// Create the debits that became due.
    Stage,
    /// Give up what is silent, then submit what is due.
    Submit,
}

/// The highest position received from each sending shard.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Marks(Vec<(ShardId, Seq)>);

impl Marks {
    /// Nothing received.
    pub const EMPTY: Self = Self(Vec::new());

    /// Whether a message was received before.
    pub fn has(&self, source: Source) -> bool {
        if planted::is(Bug::HighWaterDoubles) {
            return self.0.iter().any(|(shard, seq)| *shard == source.shard && source.seq < *seq);
        }
        if planted::is(Bug::HighWaterLoses) {
            let reaches = |seq: &Seq| source.seq <= seq.next();
            return self.0.iter().any(|(shard, seq)| *shard == source.shard && reaches(seq));
        }
        self.0.iter().any(|(shard, seq)| *shard == source.shard && source.seq <= *seq)
    }

    /// Remembers a message as received.
    ///
    /// # Panics
    /// When it was received before: a `decide` let a duplicate through.
    pub fn raise(&mut self, source: Source) {
        match self.0.iter_mut().find(|(shard, _)| *shard == source.shard) {
            Some((_, seq))
                if planted::is(Bug::CreditTwice) || planted::is(Bug::HighWaterDoubles) =>
            {
                *seq = source.seq.max(*seq);
            }
            Some((_, seq)) => {
                assert!(*seq < source.seq, "message {source:?} was applied twice");
                *seq = source.seq;
            }
            None => self.0.push((source.shard, source.seq)),
        }
    }
}

/// Something to do after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Deliver this exactly once.
    Send(Message),
    /// Publish this on the outcome stream.
    Tell(Outcome),
    /// Ask a third party. Not repeated after a crash: the saga wakes up and asks how it stands.
    Call(Call),
    /// Fetch this inside the server. Not repeated after a crash: the entity wakes up and asks anew.
    Fetch(Errand),
}

/// What an event does to the books of its shard, in one currency:
/// `account + external + sent - received = 0`. What an account gains, another account, the
/// outside world or the way between entities loses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    /// The currency.
    pub currency: Currency,
    /// The change of the entity's posted balance.
    pub account: Amount,
    /// The change of the outside world's account.
    pub external: Amount,
    /// What left for another entity.
    pub sent: Amount,
    /// What arrived from another entity.
    pub received: Amount,
}

impl Movement {
    /// Money from the outside world arrives in an account.
    pub fn booked(currency: Currency, amount: Amount) -> Self {
        let external = amount.checked_neg().expect("a booked amount is positive");
        Self { currency, account: amount, external, sent: Amount::ZERO, received: Amount::ZERO }
    }

    /// Money leaves an account for the outside world.
    pub fn returned(currency: Currency, amount: Amount) -> Self {
        let account = amount.checked_neg().expect("a returned amount is positive");
        Self { currency, account, external: amount, sent: Amount::ZERO, received: Amount::ZERO }
    }

    /// An account sends money to another one.
    pub fn sent(currency: Currency, amount: Amount) -> Self {
        let account = amount.checked_neg().expect("a sent amount is positive");
        Self { currency, account, external: Amount::ZERO, sent: amount, received: Amount::ZERO }
    }

    /// An account receives what another one sent.
    pub fn received(currency: Currency, amount: Amount) -> Self {
        Self {
            currency,
            account: amount,
            external: Amount::ZERO,
            sent: Amount::ZERO,
            received: amount,
        }
    }
}
