//! What a wallet has pending with sagas: investments (a hold under their id) and pulls.
//!
//! An investment is marked once, and the mark ends once: settled, then the wallet pays what was set
//! aside, or taken back. A pull is asked for, then its money comes or is given up; what comes is
//! what was asked for. Each is asked for by the saga, or its end by the saga's compensation, and
//! every time the wallet answers.

use bursar_domain::code::Rejection;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, InvestmentId, Kind, Seq};
use bursar_domain::message::{About, Answer, Asker, Body, Outcome, OutcomeKind, Source};
use bursar_domain::money::Amount;
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::saga::{Failure, Subject};
use bursar_domain::wallet::event::{Invested, Marked, PullBooked, PullRequested};
use bursar_domain::wallet::{Expected, Profile};

use super::{Awaited, Origin, Wallet, outcome, own_id};
use crate::cli::verify::cases::Part;
use crate::cli::verify::ledger::{Entry, check_money, must_be};
use crate::cli::verify::saga::plan;
use crate::cli::verify::transfers::Known;

fn account_of(account: Option<&str>, entry: &Entry<'_>) -> Box<str> {
    account.unwrap_or(&entry.place.id.id).into()
}

impl Wallet {
    fn says(&self, field: impl Fn(&Profile) -> Option<&str>) -> Option<&str> {
        self.profile.as_deref().and_then(field)
    }

    pub(super) fn marked(&mut self, event: &Marked, entry: &mut Entry<'_>) {
        let Marked { source, by, hold, currency, email, account } = event;
        must_be(Kind::Saga, by, entry);
        if hold.amount.is_negative() || self.currency() != Some(*currency) {
            let amount = hold.amount.to_major(*currency);
            entry.wrong(format!("a mark of {amount} {currency} cannot be here"));
        }
        if *hold.id != *by.entity.id {
            entry.wrong(format!("{} has a mark under the name {:?}", by.entity, hold.id));
        }
        let mark = Body::Mark { by: by.clone(), hold: hold.amount, currency: *currency };
        self.marks.receive(*source, &mark, entry);
        self.place(hold, entry);
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, Part::Pending);
        let profiles = (
            self.says(|profile| profile.email.as_deref()),
            self.says(|profile| profile.bank_account.as_deref()),
        );
        if (email.as_deref(), account.as_deref()) != profiles {
            entry.wrong("it gives another address or account than the wallet was opened with");
        }
        let account = account_of(account.as_deref(), entry);
        entry.replied(by, Answer::Contact { email: email.clone(), account });
    }

    pub(super) fn mark_refused(
        &mut self,
        source: Source,
        by: &Asker,
        rejection: &Rejection,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Saga, by, entry);
        self.marks.receive_known(source, Known::RefusedMark(by), entry);
        entry.replied(by, Answer::Refused(rejection.clone()));
    }

    pub(super) fn invested(&mut self, event: &Invested, entry: &mut Entry<'_>) {
        let Invested { source, by, deal, amount, currency, balance_after } = event;
        must_be(Kind::Saga, by, entry);
        let settle = Body::Settle { by: by.clone(), deal: deal.clone() };
        self.marks.receive(*source, &settle, entry);
        let investment = InvestmentId::parse(&by.entity.id);
        if investment.is_none_or(|investment| investment.deal != *deal) {
            entry.wrong(format!("{} is no investment in {deal}", by.entity));
        }
        if self.currency() != Some(*currency) {
            entry.wrong(format!("the amount is in {currency}"));
        }
        if let Some(hold) = self.release(&by.entity.id, entry)
            && hold.amount != *amount
        {
            entry.wrong(format!(
                "{} were set aside, and {} are paid",
                hold.amount.to_major(*currency),
                amount.to_major(*currency)
            ));
        }
        self.step(amount.checked_neg().unwrap_or_default(), *balance_after, *currency, entry);
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, Part::Kept);
        if amount.is_zero() {
            entry.replied(by, Answer::Done);
        } else {
            entry.paid_out(*currency, *amount);
            entry.replied(by, Answer::Money { amount: *amount, currency: *currency });
        }
    }

    pub(super) fn unmarked(&mut self, source: Source, by: &Asker, entry: &mut Entry<'_>) {
        must_be(Kind::Compensation, by, entry);
        self.marks.receive(source, &Body::Unmark { by: by.clone() }, entry);
        drop(self.release(&by.entity.id, entry));
        entry.ledger.cases.owner(entry.place.id, &by.entity.id, Part::Undone);
        entry.replied(by, Answer::Done);
    }

    pub(super) fn pull_requested(&mut self, event: &PullRequested, entry: &mut Entry<'_>) {
        let PullRequested { amount, currency, effective_at, .. } = *event;
        let asked = entry.place.seq;
        check_money(amount, currency, self.currency(), entry);
        let account = event.account.as_deref();
        if account != self.says(|profile| profile.bank_account.as_deref()) {
            entry.wrong("it names another account than the wallet was opened with");
        }
        let money = Expected { asked, amount, key: None, effective_at };
        self.expected.push(Awaited { money, from: Origin::Bank });
        let account = account_of(account, entry);
        let deposit = Deposit { wallet: own_id(entry), seq: asked, amount, currency, account };
        let subject = Subject::Deposit(deposit);
        let saga = EntityId::saga(plan::id(&subject));
        entry.ledger.cases.owner(entry.place.id, &saga.id, Part::Pending);
        entry.sent(&saga, &Body::Begin(Box::new(subject)));
    }

    pub(super) fn pull_booked(&mut self, event: &PullBooked, entry: &mut Entry<'_>) {
        let PullBooked { source, deposit, amount, currency, balance_after, effective_at, .. } =
            *event;
        must_be(Kind::Saga, &event.by, entry);
        let credit = Body::Credit { by: event.by.clone(), deposit, amount, currency };
        self.marks.receive(source, &credit, entry);
        check_money(amount, currency, self.currency(), entry);
        self.step(amount, balance_after, currency, entry);
        entry.paid_in(currency, amount);
        if let Some(asked) = self.pull_ends(deposit, amount, entry)
            && asked.effective_at != effective_at
        {
            entry.wrong(format!("deposit {deposit} was asked for with another date"));
        }
        ends(&event.by, deposit, Part::Kept, entry);
        entry.replied(&event.by, Answer::Done);
        entry.told(&Outcome {
            seq: deposit,
            effective_at,
            ..outcome(OutcomeKind::DepositPosted, (amount, currency, balance_after), entry)
        });
    }

    pub(super) fn pull_abandoned(
        &mut self,
        (source, by): (Source, &Asker),
        deposit: Seq,
        (amount, currency): (Amount, Currency),
        failure: &Failure,
        entry: &mut Entry<'_>,
    ) {
        must_be(Kind::Compensation, by, entry);
        let abandon = Body::Abandon { by: by.clone(), deposit, failure: failure.clone() };
        self.marks.receive(source, &abandon, entry);
        check_money(amount, currency, self.currency(), entry);
        drop(self.pull_ends(deposit, amount, entry));
        ends(by, deposit, Part::Undone, entry);
        entry.replied(by, Answer::Done);
        entry.told(&Outcome {
            seq: deposit,
            about: Some(About::Failure(failure.clone())),
            ..outcome(OutcomeKind::DepositFailed, (amount, currency, Amount::ZERO), entry)
        });
    }

    /// The money, or the news that it will not come, must be what was asked for.
    fn pull_ends(
        &mut self,
        deposit: Seq,
        amount: Amount,
        entry: &mut Entry<'_>,
    ) -> Option<Expected> {
        let Awaited { money, from } = self.arrived(deposit, entry)?;
        if from != Origin::Bank || money.amount != amount {
            entry.wrong(format!("it is not what deposit {deposit} asked for"));
        }
        Some(money)
    }
}

/// A deposit is over, one way or the other; it must be the asking saga's own.
fn ends(by: &Asker, deposit: Seq, part: Part, entry: &mut Entry<'_>) {
    if *by.entity.id != *plan::deposit_id(&own_id(entry), deposit) {
        entry.wrong(format!("{} asks, which is not about deposit {deposit}", by.entity));
    }
    entry.ledger.cases.owner(entry.place.id, &by.entity.id, part);
}
