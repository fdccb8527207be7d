//! The books of a provider: all of its state that is small and that decisions compute with.
//!
//! A decision first ends what is over; what it then says stands on the books after that. So it
//! takes a copy, which costs little (two shared pointers and some numbers), and writes ahead into
//! the copy what it will have `apply` write.
//!
//! Invariants, checked after every event: accrued + in reimbursement + reimbursed = received +
//! activities - refunded; accrued = carried into the running period + its sums. The account in
//! the shard's books is accrued + in reimbursement: ending a period moves nothing, money leaves
//! when it is with the provider's bank.

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::id::Seq;
use crate::money::{Amount, Total};
use crate::provider::Profile;
use crate::provider::event::{Event, PeriodClosed};
use crate::provider::period::{Period, Sums};
use crate::provider::settlement::Terms;
use crate::time::Timestamp;

/// A reimbursement on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Pending {
    /// The decision that closed the period; it names the reimbursement.
    pub reimbursement: Seq,
    /// How much, positive.
    pub amount: Amount,
}

/// The sums and the period of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Books {
    /// What was said when it was registered.
    pub(super) profile: Arc<Profile>,
    /// What was said since, and the calendar that counts.
    pub(super) terms: Arc<Terms>,
    /// Owed to it and not on its way.
    pub(super) accrued: Total,
    /// On its way to it.
    pub(super) pending: Option<Pending>,
    /// With its bank.
    pub(super) reimbursed: Total,
    /// Received + activities - refunded, since it was registered.
    pub(super) earned: Total,
    /// The number of the last period that began; 0 before the first.
    pub(super) number: u64,
    /// The running period.
    pub(super) period: Option<Period>,
    /// Reimbursements declined in a row.
    pub(super) declines: u32,
    /// Whether nothing is sent until somebody looks into it.
    pub(super) on_hold: bool,
    /// The decision that closed the last period that was reimbursed, paid or not.
    pub(super) previous: Option<Seq>,
}

impl Books {
    /// Those of a provider that was registered and of which nothing is known but what it accrued.
    pub(super) fn registered(profile: Arc<Profile>, accrued: Total) -> Self {
        Self {
            terms: Terms::of(&profile.settlement),
            profile,
            accrued,
            pending: None,
            reimbursed: Total::ZERO,
            earned: accrued,
            number: 0,
            period: None,
            declines: 0,
            on_hold: false,
            previous: None,
        }
    }

    /// What is on its way to it.
    pub(super) fn in_reimbursement(&self) -> Amount {
        self.pending.map_or(Amount::ZERO, |pending| pending.amount)
    }

    /// What the shard's books hold under its name.
    pub(super) fn account(&self) -> Total {
        plus(self.accrued, self.in_reimbursement())
    }

    /// What will be accrued after a change of it.
    pub(super) fn accrued_after(&self, change: i64) -> Total {
        plus(self.accrued, Amount::from_minor(change))
    }

    /// Writes an event that this decision will record. Where is not known yet, and nothing that
    /// follows in the decision asks for it.
    pub(super) fn write_ahead(&mut self, event: &Event) {
        self.write(event, Seq(0));
    }

    /// Writes an event, recorded at `seq`.
    pub(super) fn write(&mut self, event: &Event, seq: Seq) {
        match event {
            Event::Registered(_) => unreachable!("it was registered before"),
            Event::Received(event) => {
                self.line(event.balance_after, seq, |sums| sums.payments.add(1, event.amount));
                self.earned = plus(self.earned, event.amount);
            }
            Event::RefundSent(event) => {
                self.line(event.balance_after, seq, |sums| sums.refunds.add(1, event.amount));
                self.earned = minus(self.earned, event.amount);
            }
            Event::PeriodBegan(event) => {
                assert!(self.period.is_none(), "one period at a time");
                assert_eq!(event.number, self.number + 1, "periods are dense");
                self.run(event.number, event.at, event.until);
            }
            Event::Activities(event) => {
                let count = event.lines.len();
                self.line(event.balance_after, seq, |sums| sums.activities.add(count, event.total));
                self.earned = plus(self.earned, event.total);
            }
            Event::PeriodClosed(event) => self.closed(event, seq),
            Event::CarriedOver(event) => {
                self.ended(&event.period, event.last, event.to, event.next);
            }
            Event::Reimbursed(event) => {
                self.arrived(event.reimbursement, event.amount);
                self.reimbursed = plus(self.reimbursed, event.amount);
                self.declines = 0;
            }
            Event::Returned(event) => {
                self.arrived(event.reimbursement, event.amount);
                self.accrued = event.balance_after;
                if let Some(period) = &mut self.period {
                    period.carried = plus(period.carried, event.amount);
                }
                self.declines = event.declines;
                self.on_hold = event.on_hold;
            }
            Event::ReceivedSettled(event) => {
                self.earned = plus(self.earned, event.amount);
                self.reimbursed = plus(self.reimbursed, event.amount);
            }
            Event::SettlementChanged { settlement, lifted } => {
                let cadence = self.terms.cadence.clone();
                self.terms = Arc::new(Terms { settlement: settlement.clone(), cadence });
                if *lifted {
                    self.on_hold = false;
                    self.declines = 0;
                }
            }
        }
    }

    /// Something accrued, or was taken off it.
    fn line(&mut self, balance_after: Total, seq: Seq, add: impl FnOnce(&mut Sums)) {
        self.accrued = balance_after;
        if let Some(period) = &mut self.period {
            add(&mut period.sums);
            period.sums.touch(seq);
        }
    }

    fn closed(&mut self, event: &PeriodClosed, seq: Seq) {
        assert_eq!(self.pending, None, "one reimbursement at a time");
        assert_eq!(event.previous, self.previous, "the list of reimbursements has no gap");
        self.accrued = event.balance_after;
        self.pending = Some(Pending { reimbursement: seq, amount: event.amount });
        self.previous = Some(seq);
        self.ended(&event.period, event.period.number, event.to, event.next);
    }

    /// The running period, and those behind it up to `last`, have ended.
    fn ended(&mut self, period: &Period, last: u64, to: Timestamp, next: Option<Timestamp>) {
        assert_eq!(self.period.as_ref(), Some(period), "the running period ends");
        assert!(period.until <= to && period.number <= last, "periods end in their order");
        self.number = last;
        self.period = None;
        if let Some(until) = next {
            self.run(last + 1, to, until);
        }
    }

    /// A period begins; what was said last of the calendar counts from here.
    fn run(&mut self, number: u64, began_at: Timestamp, until: Timestamp) {
        self.number = number;
        let carried = self.accrued;
        self.period = Some(Period { number, began_at, until, carried, sums: Sums::default() });
        if let Some(cadence) = self.terms.settlement.cadence()
            && self.terms.cadence.as_ref() != Some(cadence)
        {
            self.terms = Terms::of(&self.terms.settlement);
        }
    }

    /// The reimbursement on its way has ended.
    fn arrived(&mut self, reimbursement: Seq, amount: Amount) {
        let pending = self.pending.take();
        assert_eq!(
            pending,
            Some(Pending { reimbursement, amount }),
            "only what is on its way ends"
        );
    }

    /// The invariants; broken ones are our fault, so the process stops.
    pub(super) fn check(&self) {
        let held = self.account().minor() + self.reimbursed.minor();
        assert_eq!(held, self.earned.minor(), "all that was earned is somewhere");
        if let Some(period) = &self.period {
            let sum = period.carried.minor() + period.sums.net().minor();
            assert_eq!(sum, self.accrued.minor(), "what is accrued is carried or in the sums");
        }
        assert!(!self.in_reimbursement().is_negative(), "what is on its way is positive");
        assert!(!self.on_hold || self.pending.is_none(), "on hold nothing is on its way");
    }
}

fn plus(total: Total, amount: Amount) -> Total {
    total.checked_add(amount).expect("a total holds any number of amounts")
}

fn minus(total: Total, amount: Amount) -> Total {
    total.checked_sub(amount).expect("a total holds any number of amounts")
}
