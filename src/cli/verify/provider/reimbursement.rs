//! How a reimbursement of a provider ends: once, with its bank or back with what is accrued.
//!
//! Its saga says that it is paid, its compensation that it was not to be; nobody else has a say in
//! it. What comes back belongs to what the running period carries. Declines in a row are counted; a
//! saga that gave up before the processor had decided counts as none.

use bursar_domain::currency::Currency;
use bursar_domain::id::{Kind, Seq};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind};
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::event::{Reimbursed, Returned};
use bursar_domain::saga::Failure;

use super::{Provider, own_id};
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money, must_be};
use crate::cli::verify::saga::push;

/// How a saga says that the processor never decided.
const UNDECIDED: [&str; 3] = ["cancelled", "deadline-exceeded", "processor-unavailable"];

impl Provider {
    pub(super) fn reimbursed(&mut self, event: &Reimbursed, entry: &mut Entry<'_>) {
        let Reimbursed { source, reimbursement, amount, currency, .. } = *event;
        must_be(Kind::Saga, &event.by, entry);
        let body = Body::Reimbursed { by: event.by.clone(), reimbursement };
        self.marks.receive(source, &body, entry);
        check_money(amount, currency, self.currency(), entry);
        self.reimbursement_ends((&event.by, Part::Kept), reimbursement, amount, entry);
        self.reimbursed += i128::from(amount.minor());
        self.declines = 0;
        entry.returned(currency, amount);
        let about = (reimbursement, amount, currency);
        entry.told(&outcome(OutcomeKind::ReimbursementPaid, about, None, entry));
    }

    pub(super) fn returned(&mut self, event: &Returned, entry: &mut Entry<'_>) {
        let Returned { source, reimbursement, amount, currency, declines, on_hold, .. } = *event;
        must_be(Kind::Compensation, &event.by, entry);
        let failure = event.failure.clone();
        let body = Body::NotReimbursed { by: event.by.clone(), reimbursement, failure };
        self.marks.receive(source, &body, entry);
        check_money(amount, currency, self.currency(), entry);
        self.reimbursement_ends((&event.by, Part::Undone), reimbursement, amount, entry);
        self.accrues(amount.minor(), event.balance_after, currency, entry);
        if let Some(period) = &mut self.period {
            let carried = period.carried.minor() + i128::from(amount.minor());
            period.carried = Total::from_minor(carried);
        }
        let is_declined = !UNDECIDED.contains(&&*event.failure.code);
        let expected = self.declines.saturating_add(u32::from(is_declined));
        if declines != expected {
            entry.wrong(format!("it says that {declines} were declined in a row, not {expected}"));
        }
        // After how many only the configuration of that time could say.
        let may_be = self.is_on_hold || is_declined;
        if (on_hold && !may_be) || (!on_hold && self.is_on_hold) {
            entry.wrong("it says whether the provider is on hold, and is mistaken");
        }
        (self.declines, self.is_on_hold) = (declines, on_hold);
        let (kind, failure) = (OutcomeKind::ReimbursementReturned, Some(event.failure.clone()));
        let about = (reimbursement, amount, currency);
        entry.told(&outcome(kind, about, failure, entry));
    }

    /// What ends is what is on its way, and is answered.
    fn reimbursement_ends(
        &mut self,
        (by, part): (&Asker, Part),
        reimbursement: Seq,
        amount: Amount,
        entry: &mut Entry<'_>,
    ) {
        if *by.entity.id != *push::reimbursement_id(&own_id(entry), reimbursement) {
            entry.wrong(format!(
                "{} asks, which is not about reimbursement {reimbursement}",
                by.entity
            ));
        }
        if self.pending.take() != Some((reimbursement, amount)) {
            entry.wrong(format!(
                "it ends reimbursement {reimbursement}, which is not on its way, or not with this \
                 amount"
            ));
        }
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, part);
        entry.replied(by, Answer::Done);
    }
}

fn outcome(
    kind: OutcomeKind,
    (reimbursement, amount, currency): (Seq, Amount, Currency),
    failure: Option<Failure>,
    entry: &Entry<'_>,
) -> Outcome {
    Outcome {
        kind,
        at: entry.at,
        wallet: None,
        seq: reimbursement,
        provider: Some(own_id(entry)),
        payment: None,
        amount,
        currency,
        balance_after: Amount::ZERO,
        description: None,
        effective_at: None,
        about: Some(About::Reimbursement { failure }),
    }
}
