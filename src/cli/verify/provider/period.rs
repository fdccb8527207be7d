//! The periods of a provider: one after the other without gaps, and their sums.
//!
//! Whatever accrues belongs to the period that runs at its time; a period that is over ends before
//! anything else is noted. At its end it must be what the records come to: carried into it, each
//! sum, the first and the last record with its lines. So the total of a period is the sum of its
//! lines, and no line is in two. Why nothing was sent follows from the state.
//!
//! A provider of the first release had no periods; before the first one nothing is asked.

use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::message::Body;
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::event::{CarriedOver, PeriodBegan, PeriodClosed, Reason};
use bursar_domain::provider::{Period, Settlement, Sum, Sums};
use bursar_domain::saga::Subject;
use bursar_domain::saga::reimbursement::Reimbursement;
use bursar_domain::time::Timestamp;

use super::{Provider, own_id};
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money};
use crate::cli::verify::saga::push;
use crate::cli::verify::sums::major;

impl Provider {
    /// What is noted lies in the running period.
    pub(super) fn check_time(&self, entry: &mut Entry<'_>) {
        let Some(Period { number, began_at, until, .. }) = self.period else { return };
        if entry.at < began_at || entry.at >= until {
            let at = entry.at;
            entry.wrong(format!("it is of {at}; period {number} is from {began_at} to {until}"));
        }
    }

    /// Adds lines to one of the sums of the running period.
    pub(super) fn add(
        &mut self,
        entry: &mut Entry<'_>,
        of: impl FnOnce(&mut Sums) -> &mut Sum,
        (count, amount): (u64, Amount),
    ) {
        let Some(period) = &mut self.period else {
            if self.number > 0 {
                entry.wrong("it has a line, and no period runs");
            }
            return;
        };
        let sum = of(&mut period.sums);
        sum.count += count;
        sum.amount = Total::from_minor(sum.amount.minor() + i128::from(amount.minor()));
        if period.sums.first == Seq(0) {
            period.sums.first = entry.place.seq;
        }
        period.sums.last = entry.place.seq;
    }

    fn run(&mut self, number: u64, began_at: Timestamp, until: Timestamp, entry: &mut Entry<'_>) {
        if until <= began_at {
            entry.wrong(format!("period {number} is from {began_at} to {until}"));
        }
        self.number = number;
        let carried = Total::from_minor(self.accrued.told());
        self.period = Some(Period { number, began_at, until, carried, sums: Sums::default() });
        // What was said last of the calendar counts from here.
        if let Some(Settlement::OnCalendar(cadence)) = &self.settlement {
            self.cadence = Some(cadence.clone());
        }
    }

    pub(super) fn period_began(&mut self, event: &PeriodBegan, entry: &mut Entry<'_>) {
        let PeriodBegan { number, at, until } = *event;
        if let Some(running) = self.period {
            entry.wrong(format!("a period begins while period {} runs", running.number));
        }
        if number != self.number + 1 {
            entry.wrong(format!("period {number} begins; the last one was {}", self.number));
        }
        entry.check_at(at);
        self.run(number, at, until, entry);
    }

    /// A period ends, with those behind it up to `last`, and at once the next one begins.
    fn ends(
        &mut self,
        (said, last): (&Period, u64),
        to: Timestamp,
        next: Option<Timestamp>,
        entry: &mut Entry<'_>,
    ) {
        match self.period.take() {
            None => entry.wrong("a period ends, and none runs"),
            Some(running) => self.check_end(&running, said, entry),
        }
        if to < said.until || last < said.number || (last > said.number && to == said.until) {
            let Period { number, until, .. } = said;
            entry.wrong(format!(
                "period {number}, which is until {until}, ends at {to} with period {last}"
            ));
        }
        if to > entry.at {
            entry.wrong(format!("a period ends at {to}, after it was recorded"));
        }
        self.number = last;
        if let Some(until) = next {
            return self.run(last + 1, to, until, entry);
        }
        let is_due = self.accrued.told() > 0 || self.pending.is_some();
        if is_due || self.settlement != Some(Settlement::Immediate) {
            entry.wrong("a period ends and none follows, although there is need of one");
        }
    }

    /// The period at its end, as the event has it.
    fn check_end(&self, running: &Period, said: &Period, entry: &mut Entry<'_>) {
        if said == running {
            return;
        }
        let found = self.currency().map(|currency| differences(said, running, currency));
        let found = found.unwrap_or_default().join(", ");
        entry.wrong(format!("it ends period {} as what it is not: {found}", said.number));
    }

    pub(super) fn period_closed(&mut self, event: &PeriodClosed, entry: &mut Entry<'_>) {
        let PeriodClosed { amount, currency, previous, .. } = *event;
        check_money(amount, currency, self.currency(), entry);
        let seq = entry.place.seq;
        if let Some(reason) = self.keeps_back().filter(|reason| *reason != Reason::UnderMinimum) {
            let reason = reason.as_str();
            entry.wrong(format!("a reimbursement begins, and nothing is to be sent: {reason}"));
        }
        let whole = self.accrued.told().min(i128::from(i64::MAX));
        if i128::from(amount.minor()) != whole {
            let (sent, whole) = (amount.to_major(currency), major(whole, currency));
            entry.wrong(format!("{sent} is sent; {whole} is accrued"));
        }
        if previous != self.previous {
            entry.wrong("it leads back to another reimbursement than the one before");
        }
        if self.profile.as_ref().is_some_and(|profile| profile.account != event.account) {
            entry.wrong("it goes to another account than the provider was registered with");
        }
        self.accrues(-amount.minor(), event.balance_after, currency, entry);
        self.pending = Some((seq, amount));
        self.previous = Some(seq);
        let (provider, account) = (own_id(entry), event.account.clone());
        let saga = EntityId::saga(push::reimbursement_id(&provider, seq));
        entry.ledger.cases.owner(entry.place.id, &saga.id, Part::Pending);
        let of = Reimbursement { provider, seq, account, amount, currency };
        entry.sent(&saga, &Body::Begin(Box::new(Subject::Reimbursement(of))));
        self.ends((&event.period, event.period.number), event.to, event.next, entry);
    }

    pub(super) fn carried_over(&mut self, event: &CarriedOver, entry: &mut Entry<'_>) {
        // Whether it is under the minimum only the configuration of that time could say.
        let expected = self.keeps_back().unwrap_or(Reason::UnderMinimum);
        if event.reason != expected {
            let (said, expected) = (event.reason.as_str(), expected.as_str());
            entry.wrong(format!("nothing is sent, because of {said}; it should be {expected}"));
        }
        self.ends((&event.period, event.last), event.to, event.next, entry);
    }

    /// Why what is accrued is kept, as far as the state says it.
    fn keeps_back(&self) -> Option<Reason> {
        if self.accrued.told() <= 0 {
            Some(Reason::Zero)
        } else if self.is_on_hold {
            Some(Reason::OnHold)
        } else if self.pending.is_some() {
            Some(Reason::InReimbursement)
        } else {
            None
        }
    }
}

/// In words, where a period is not what the records come to.
pub(super) fn differences(said: &Period, found: &Period, currency: Currency) -> Vec<String> {
    let mut list = Vec::new();
    let mut compare = |field: &str, said: String, found: String| {
        if said != found {
            list.push(format!("{field} {said} and not {found}"));
        }
    };
    let money = |total: Total| major(total.minor(), currency);
    compare("number", said.number.to_string(), found.number.to_string());
    compare("from", said.began_at.to_string(), found.began_at.to_string());
    compare("to", said.until.to_string(), found.until.to_string());
    compare("carried", money(said.carried), money(found.carried));
    let sum = |sum: Sum| format!("{} of {}", sum.count, money(sum.amount));
    let (sums, others) = (said.sums, found.sums);
    compare("activities", sum(sums.activities), sum(others.activities));
    compare("payments", sum(sums.payments), sum(others.payments));
    compare("refunds", sum(sums.refunds), sum(others.refunds));
    compare("first record", sums.first.to_string(), others.first.to_string());
    compare("last record", sums.last.to_string(), others.last.to_string());
    list
}
