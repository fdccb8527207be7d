//! The steps of a saga: in order, one at a time, each until it is known how it stands.
//!
//! A step begins when the one before it is done or had nothing to do, and does what the plan says.
//! A call is repeated under the key of its first attempt, with the next number; a pull or a push
//! that may have been acted on is only asked after, until it is known that it never arrived. What
//! may not fail does not fail, and who was asked answers what belongs to the step.

use bursar_domain::call::{Call, Request};
use bursar_domain::code::{Code, Rejection};
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind};
use bursar_domain::message::{Answer, Asker, Body, Source};
use bursar_domain::money::Amount;
use bursar_domain::saga::event::{Action, Found, Sent};
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{End, Failure, Phase, StepName, StepStatus, Subject};
use bursar_domain::time::Timestamp;

use super::plan::{self, Deed};
use super::{Saga, Step};
use crate::cli::verify::ledger::Entry;

impl Saga {
    fn name(&self, step: usize) -> Option<StepName> {
        self.plan()?.names.get(step).copied()
    }

    /// What the next step has to do.
    fn deed(&self, step: u8, entry: &Entry<'_>) -> Option<Deed> {
        let entity = EntityId { kind: Kind::Saga, id: entry.place.id.id.clone() };
        let name = self.name(usize::from(step))?;
        Some(plan::deed(self.subject.as_deref()?, name, Asker { entity, step }, &self.found))
    }

    /// Whether a step may begin now, after those before it.
    fn check_begins(&mut self, step: u8, at: Timestamp, entry: &mut Entry<'_>) {
        self.check_at(at, entry);
        let Some(plan) = self.plan() else { return };
        let number = usize::from(step);
        if number != self.steps.len() || number >= plan.names.len() {
            let count = self.steps.len();
            entry.wrong(format!("step {step} begins; {count} have begun before"));
            // A step that is missing is told once and not with all that follow it.
            let missing = (StepStatus::Skipped, at, 0, None, at, at, None, None);
            return self.steps.resize(number.min(plan.names.len()).max(count), missing);
        }
        let Some((status, _, _, _, began_at, deadline, ..)) = self.steps.last() else { return };
        if !matches!(status, StepStatus::Done | StepStatus::Skipped) {
            let status = status.as_str();
            entry.wrong(format!("step {step} begins; the one before it is {status}"));
        }
        let is_done = self.phase == Phase::Ended(End::Done);
        if self.phase != Phase::Running && !is_done || is_done != (number > plan.done_with) {
            entry.wrong(format!("step {step} begins; it is not the time for it"));
        }
        if number <= plan.returnable_to + 1 {
            if self.is_cancelled {
                entry.wrong(format!("step {step} begins; the saga was cancelled before"));
            }
            if deadline > began_at && at > *deadline {
                entry.wrong(format!("step {step} begins; the one before it was done too late"));
            }
        }
    }

    pub(super) fn step_begun(
        &mut self,
        step: u8,
        at: Timestamp,
        deadline: Timestamp,
        action: &Action,
        entry: &mut Entry<'_>,
    ) {
        self.check_begins(step, at, entry);
        let deed = self.deed(step, entry);
        let status = match action {
            Action::Send(to, body) => {
                let is_it = matches!(&deed, Some(Deed::Ask(whom, what))
                    if whom == to && *what == **body);
                if !is_it {
                    entry.wrong(format!("step {step} asks {to} for what is not its to ask"));
                }
                entry.sent(to, body);
                if let Body::Confirm { amount, currency, .. }
                | Body::Credit { amount, currency, .. } = &**body
                {
                    self.hand_on(*amount, *currency, entry);
                }
                StepStatus::Asked
            }
            Action::Call(call) => {
                self.check_first(step, call, deed.as_ref(), entry);
                StepStatus::Calling
            }
        };
        let call = match action {
            Action::Send(..) => None,
            Action::Call(call) => Some(call.clone()),
        };
        self.is_asked_after = false;
        self.steps.push((status, at, 1, None, at, deadline, call, None));
    }

    fn check_first(&self, step: u8, call: &Call, deed: Option<&Deed>, entry: &mut Entry<'_>) {
        let Some(subject) = &self.subject else { return };
        let saga = &entry.place.id.id;
        if !deed.is_some_and(|deed| deed.is(&call.request, subject, saga)) {
            entry.wrong(format!("step {step} calls for what is not its to call for"));
        }
        let name = self.name(usize::from(step)).map_or("", StepName::as_str);
        let began = self.steps.first().map_or(0, |first| first.1.millis());
        let key = format!("{}/{began}/{name}", entry.place.id.id);
        if (call.step, call.attempt, &*call.key) != (step, 1, key.as_str()) {
            entry.wrong(format!(
                "the call is attempt {} of step {} under {:?}; it should be the first of step \
                 {step} under {key:?}",
                call.attempt, call.step, call.key
            ));
        }
    }

    pub(super) fn step_skipped(
        &mut self,
        step: u8,
        at: Timestamp,
        why: &str,
        entry: &mut Entry<'_>,
    ) {
        self.check_begins(step, at, entry);
        if !matches!(self.deed(step, entry), Some(Deed::Nothing) | None) {
            entry.wrong(format!("step {step} was passed by, and had something to do"));
        }
        self.steps.push((StepStatus::Skipped, at, 0, Some(why.into()), at, at, None, None));
    }

    /// The step under way, which must be this one.
    fn under_way(&mut self, step: u8, at: Timestamp, entry: &mut Entry<'_>) -> Option<&mut Step> {
        self.check_at(at, entry);
        let count = self.steps.len();
        if usize::from(step) + 1 != count {
            entry.wrong(format!("it is about step {step}; {count} have begun"));
            return None;
        }
        self.steps.last_mut()
    }

    pub(super) fn call_repeated(&mut self, at: Timestamp, call: &Call, entry: &mut Entry<'_>) {
        let is_asked_after = self.is_asked_after;
        let Some((status, since, attempts, _, _, _, first, last_sent)) =
            self.under_way(call.step, at, entry)
        else {
            return;
        };
        if !matches!(status, StepStatus::Calling | StepStatus::Unanswered { .. }) {
            let status = status.as_str();
            entry.wrong(format!("a call is repeated; its step is {status}"));
        }
        if let Some(first) = first {
            check_repeat(first, *attempts, call, entry);
            // Unknown how it stands: then it may only be asked after, until it was never seen.
            let moves_money = moves_money(&call.request);
            let is_blind = match status {
                StepStatus::Calling => !is_asked_after,
                StepStatus::Unanswered { .. } => last_sent.is_some(),
                StepStatus::Asked | StepStatus::Done | StepStatus::Skipped | StepStatus::Failed => {
                    false
                }
            };
            if moves_money && is_blind {
                let what = if is_pull(&call.request) { "pull" } else { "push" };
                entry.wrong(format!(
                    "a {what} is repeated, and it is not known how the last one stands"
                ));
            }
        }
        (*status, *since, *attempts) = (StepStatus::Calling, at, call.attempt);
        self.is_asked_after = matches!(call.request, Request::Find);
    }

    pub(super) fn call_unanswered(
        &mut self,
        step: u8,
        at: Timestamp,
        (unanswered, reason): (StepStatus, &str),
        sent: Sent,
        entry: &mut Entry<'_>,
    ) {
        let Some((status, since, _, detail, _, _, _, last_sent)) = self.under_way(step, at, entry)
        else {
            return;
        };
        if *status != StepStatus::Calling {
            let status = status.as_str();
            entry.wrong(format!("a call has no answer; its step is {status}"));
        }
        (*status, *since, *detail) = (unanswered, at, Some(reason.into()));
        if sent == Sent::Perhaps {
            *last_sent = Some(at);
        }
    }

    pub(super) fn step_done(
        &mut self,
        step: u8,
        at: Timestamp,
        source: Option<Source>,
        found: &Found,
        entry: &mut Entry<'_>,
    ) {
        self.check_found(step, found, entry);
        let answer = match found {
            Found::Contact { email, account } => {
                self.found.email.clone_from(email);
                self.found.account.clone_from(account);
                Answer::Contact { email: email.clone(), account: account.clone() }
            }
            Found::Money(amount, currency) => {
                self.held += i128::from(amount.minor());
                entry.paid_in(*currency, *amount);
                Answer::Money { amount: *amount, currency: *currency }
            }
            Found::Pulled { transaction, amount, currency } => {
                self.found.transaction = Some(transaction.clone());
                self.held += i128::from(amount.minor());
                entry.booked(*currency, *amount);
                Answer::Done
            }
            Found::Documents { id, url } => {
                self.found.documents = Some(id.clone());
                self.found.url.clone_from(url);
                Answer::Done
            }
            Found::Pushed { transaction } => {
                self.found.transaction = Some(transaction.clone());
                Answer::Done
            }
            Found::Nothing => Answer::Done,
        };
        self.answered(step, source, answer, entry);
        self.end_step(step, at, StepStatus::Done, None, entry);
    }

    /// What a step found must be what its kind of step finds, and money the amount of the subject.
    fn check_found(&self, step: u8, found: &Found, entry: &mut Entry<'_>) {
        let (Some(subject), Some(name)) = (&self.subject, self.name(usize::from(step))) else {
            return;
        };
        let from_wallet = match &**subject {
            Subject::Investment(investment) => investment.funding == Funding::Wallet,
            Subject::Deposit(_)
            | Subject::Payment(_)
            | Subject::Reimbursement(_)
            | Subject::Advance(_)
            | Subject::Reward(_) => false,
        };
        let is_reward = matches!(&**subject, Subject::Reward(_));
        let is_it = match found {
            Found::Contact { .. } if is_reward => name == StepName::Credit,
            Found::Contact { .. } => name == StepName::Mark,
            Found::Money(..) => name == StepName::Settle && from_wallet,
            Found::Pulled { .. } => name == StepName::Pull,
            Found::Pushed { .. } => name == StepName::Push,
            Found::Documents { .. } => name == StepName::Documents,
            Found::Nothing => match name {
                StepName::Settle => !from_wallet,
                StepName::Credit => !is_reward,
                StepName::Confirm
                | StepName::Tell
                | StepName::Post
                | StepName::Paid
                | StepName::Activate => true,
                StepName::Reserve
                | StepName::Mark
                | StepName::Pull
                | StepName::Documents
                | StepName::Expect
                | StepName::Hold
                | StepName::Push
                | StepName::Close
                | StepName::Open => false,
            },
        };
        let money = match found {
            Found::Money(amount, currency) | Found::Pulled { amount, currency, .. } => {
                Some((*amount, *currency))
            }
            Found::Nothing
            | Found::Contact { .. }
            | Found::Documents { .. }
            | Found::Pushed { .. } => None,
        };
        if !is_it || money.is_some_and(|money| money != (subject.amount(), subject.currency())) {
            let name = name.as_str();
            entry.wrong(format!("step {step} ({name}) found what it was not to find"));
        }
    }

    pub(super) fn step_failed(
        &mut self,
        step: u8,
        at: Timestamp,
        source: Option<Source>,
        failure: &Failure,
        entry: &mut Entry<'_>,
    ) {
        if let Some(plan) = self.plan()
            && (plan.fails_to + 1..=plan.done_with).contains(&usize::from(step))
        {
            entry.wrong(format!("step {step} fails; it is past the point of no return"));
        }
        let code = Code::ALL.iter().find(|code| *code.as_str() == *failure.code);
        let answer = match code {
            Some(code) => Answer::Refused(Rejection::new(*code, failure.detail.clone())),
            None => Answer::Done,
        };
        self.answered(step, source, answer, entry);
        let detail = format!("{}: {}", failure.code, failure.detail);
        self.end_step(step, at, StepStatus::Failed, Some(detail.into()), entry);
    }

    /// Who was asked says so with a message, a third party without one.
    fn answered(
        &mut self,
        step: u8,
        source: Option<Source>,
        answer: Answer,
        entry: &mut Entry<'_>,
    ) {
        let status = self.steps.last().map(|step| step.0);
        let is_waited_for = match source {
            Some(source) => {
                self.marks.receive(source, &Body::Reply { step, answer }, entry);
                status == Some(StepStatus::Asked)
            }
            None => status == Some(StepStatus::Calling),
        };
        if !is_waited_for {
            let status = status.map_or("nowhere", StepStatus::as_str);
            entry.wrong(format!("step {step} has an answer that nobody waits for: it is {status}"));
        }
    }

    fn end_step(
        &mut self,
        step: u8,
        at: Timestamp,
        how: StepStatus,
        why: Option<Box<str>>,
        entry: &mut Entry<'_>,
    ) {
        if let Some((status, since, _, detail, _, _, call, _)) = self.under_way(step, at, entry) {
            (*status, *since, *detail, *call) = (how, at, why, None);
        }
    }

    /// Money leaves for another entity.
    pub(super) fn hand_on(&mut self, amount: Amount, currency: Currency, entry: &mut Entry<'_>) {
        self.held -= i128::from(amount.minor());
        entry.paid_out(currency, amount);
    }
}

fn is_pull(request: &Request) -> bool {
    matches!(request, Request::Pull { .. })
}

/// What is asked after by its key, and not repeated blindly.
fn moves_money(request: &Request) -> bool {
    is_pull(request) || matches!(request, Request::Push { .. })
}

/// A repeat is the next attempt under the first one's key, for the same or for how it stands.
fn check_repeat(first: &Call, attempts: u32, call: &Call, entry: &mut Entry<'_>) {
    if call.attempt != attempts + 1 {
        entry.wrong(format!("attempt {} follows attempt {attempts}", call.attempt));
    }
    if call.key != first.key {
        entry.wrong(format!("a call under {:?} is repeated under {:?}", first.key, call.key));
    }
    let asks_after = moves_money(&first.request) && call.request == Request::Find;
    if !asks_after && call.request != first.request {
        entry.wrong("a call is repeated for something else");
    }
}
