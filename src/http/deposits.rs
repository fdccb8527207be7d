//! Deposits: money from outside, which has arrived or is pulled from the wallet's bank account.
//!
//! What has arrived is booked at once. What is to be pulled answers 202: a saga has the processor
//! pull it and then credits the wallet, or tells it that the money will not come. How a pull ended
//! is in the wallet's records some places after the request; the saga hears of it a moment later,
//! so it is the wallet that is asked, and only when the end can be there.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use bursar_actors::job::{Answer, Ask};
use bursar_domain::call::{Lane, Party};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Made, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::subject;
use bursar_domain::saga::{End, Phase, Saga, StepName};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::{Event, event};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::operation::Operation;
use crate::http::prefer::{Later, Wait};
use crate::http::problem::Problem;
use crate::http::requests::BookDeposit;
use crate::http::resources::{Failure, Form, instant, owned};
use crate::http::steps::{Course, Step};
use crate::http::waiters::until_ended;
use crate::http::wallets::wallet_in_path;
use crate::http::{Answered, Shared, State, body, json, key_of};

/// How many of the wallet's records after the request are searched for how it ended.
const SEARCHED: usize = 200;

/// A deposit.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deposit {
    #[schema(example = "txn_7_alice")]
    id: String,
    #[schema(example = "alice")]
    wallet: String,
    #[schema(example = "100.00")]
    amount: String,
    #[schema(example = "EUR")]
    currency: &'static str,
    /// How the money came: `external` or `bank_pull`.
    #[schema(example = "external")]
    method: &'static str,
    /// `booked`; from the bank also `pending` and `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "booked")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The date of the business.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
    /// When it was decided or asked for.
    at: String,
    /// The position in the shard's journal.
    seq: u64,
    /// The wallet's posted balance after it was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_after: Option<String>,
    /// How long the processor's queue makes it wait, in milliseconds; an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_wait_ms: Option<u64>,
    /// From the bank: what is done and what is to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
    /// Why the money did not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Where a deposit is.
pub(crate) fn location(made: &Made) -> String {
    format!("/v1/wallets/{}/deposits/{}", made.wallet, made.text("txn"))
}

fn not_found() -> Problem {
    Problem::new(Code::DepositNotFound, "the wallet has no such deposit")
}

impl Deposit {
    /// Money that had arrived, from its event.
    pub(crate) fn booked(made: &Made, at: Timestamp, event: &event::Deposited, form: Form) -> Self {
        Self {
            id: made.text("txn"),
            wallet: made.wallet.to_string(),
            amount: event.amount.to_major(event.currency),
            currency: event.currency.code(),
            method: "external",
            status: form.status("booked"),
            description: owned(event.description.as_deref()),
            effective_at: instant(event.effective_at),
            at: at.to_string(),
            seq: made.seq.0,
            balance_after: Some(event.balance_after.to_major(event.currency)),
            estimated_wait_ms: None,
            steps: None,
            failure: None,
        }
    }

    /// Money that was asked for, from its event.
    pub(crate) fn pending(
        made: &Made,
        at: Timestamp,
        event: &event::PullRequested,
        form: Form,
    ) -> Self {
        Self {
            id: made.text("txn"),
            wallet: made.wallet.to_string(),
            amount: event.amount.to_major(event.currency),
            currency: event.currency.code(),
            method: "bank_pull",
            status: form.status("pending"),
            description: owned(event.description.as_deref()),
            effective_at: instant(event.effective_at),
            at: at.to_string(),
            seq: made.seq.0,
            balance_after: None,
            estimated_wait_ms: None,
            steps: None,
            failure: None,
        }
    }
}

/// A deposit from the bank: what was asked for, and how far it is.
#[derive(Clone)]
struct Pull {
    made: Made,
    record: Arc<Record>,
    course: Course,
    end: Option<Ending>,
}

/// How a pull ended.
#[derive(Clone)]
enum Ending {
    /// The money is here; the balance afterwards, when it was found.
    Booked(Option<Amount>),
    /// The money will not come.
    Failed(subject::Failure),
}

impl Pull {
    fn begun(made: Made, record: Arc<Record>) -> Self {
        Self { made, record, course: Course::default(), end: None }
    }

    /// The same, as it stands now.
    async fn now(mut self, state: &State) -> Result<Self, Problem> {
        let saga = EntityId::saga(self.made.text("txn"));
        self.course = Course::of(state, &saga).await?;
        self.end = match &self.course.saga {
            Some(saga) if may_have_ended(saga) => match ending(state, &self.made).await? {
                Some(ending) => Some(ending),
                None => ended(saga),
            },
            Some(_) | None => None,
        };
        Ok(self)
    }

    fn view(&self, state: &State) -> Deposit {
        let (made, at) = (&self.made, self.record.at);
        let event = requested(&self.record).expect("made of a record that asked");
        let mut deposit = Deposit::pending(made, at, event, Form::Whole);
        deposit.steps = Some(self.course.of_deposit(Some(at)));
        match &self.end {
            Some(Ending::Booked(balance)) => {
                deposit.status = Some("booked");
                deposit.balance_after = balance.map(|balance| balance.to_major(event.currency));
            }
            Some(Ending::Failed(failure)) => {
                deposit.status = Some("failed");
                deposit.failure = Some(failure.into());
            }
            None => deposit.estimated_wait_ms = self.estimated_wait_ms(state),
        }
        deposit
    }

    /// How long the processor will take to get to it.
    fn estimated_wait_ms(&self, state: &State) -> Option<u64> {
        let pulled = self.course.saga.as_ref().is_some_and(|saga| {
            *saga.phase() != Phase::Running || saga.found().transaction.is_some()
        });
        let wait = || state.gateways.estimated_wait_ms(Party::Processor, Lane::Interactive);
        (!pulled).then(wait)
    }
}

/// Whether the wallet can have heard how it ended.
fn may_have_ended(saga: &Saga) -> bool {
    let credits = saga.subject().is_some_and(|subject| {
        saga.steps().len().checked_sub(1).map(|last| subject.step(last)) == Some(StepName::Credit)
    });
    credits || *saga.phase() != Phase::Running
}

/// How it ended by its saga alone.
fn ended(saga: &Saga) -> Option<Ending> {
    match saga.phase() {
        Phase::Ended(End::Done) => Some(Ending::Booked(None)),
        Phase::Ended(End::Failed(failure)) => Some(Ending::Failed(failure.clone())),
        Phase::Ended(End::Cancelled) => {
            Some(Ending::Failed(subject::Failure::new("cancelled", "it was cancelled")))
        }
        Phase::Running | Phase::Undoing(_) => None,
    }
}

/// How a pull ended by the wallet's own records.
async fn ending(state: &State, made: &Made) -> Result<Option<Ending>, Problem> {
    let wallet = EntityId::wallet(&made.wallet);
    let ask = Ask::Following { after: made.seq, limit: SEARCHED };
    let Answer::Recent { records, history_before, .. } = state.ask(wallet.clone(), ask).await?
    else {
        return Err(Problem::overloaded());
    };
    if let Some(ending) = records.iter().find_map(|(_, record)| ending_in(record, made.seq)) {
        return Ok(Some(ending));
    }
    if history_before <= made.seq.next() {
        return Ok(None);
    }
    let stored = state.stored_after(&wallet, made.seq, SEARCHED).await?;
    Ok(stored.iter().find_map(|(_, record)| ending_in(record, made.seq)))
}

fn ending_in(record: &Record, asked: Seq) -> Option<Ending> {
    let Verdict::Wallet(events) = &record.verdict else { return None };
    events.iter().find_map(|event| {
        if let Event::PullBooked(booked) = event
            && booked.deposit == asked
        {
            return Some(Ending::Booked(Some(booked.balance_after)));
        }
        if let Event::PullAbandoned { deposit, failure, .. } = event
            && *deposit == asked
        {
            return Some(Ending::Failed(failure.clone()));
        }
        None
    })
}

fn first_event(record: &Record) -> Option<&Event> {
    if let Verdict::Wallet(events) = &record.verdict { events.first() } else { None }
}

fn requested(record: &Record) -> Option<&event::PullRequested> {
    if let Some(Event::PullRequested(event)) = first_event(record) { Some(event) } else { None }
}

/// Books money that arrived from outside, or has it pulled from the wallet's bank account.
#[utoipa::path(post, path = "/v1/wallets/{id}/deposits", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"),
        ("Idempotency-Key" = String, Header, description = "The client's own key"),
        ("Prefer" = Option<String>, Header,
            description = "`wait=N`: answer with the end if it comes within N seconds, up to 30")),
    request_body = BookDeposit, responses(
    (status = 200, body = Deposit, description = "From the bank, and it ended in time"),
    (status = 201, body = Deposit),
    (status = 202, body = Deposit, description = "From the bank: it is on its way"),
    (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(crate) async fn deposit(
    state: Shared,
    request: HttpRequest,
    id: Path<String>,
    mut payload: Payload,
) -> Answered {
    let bytes = state.json(&request, &mut payload).await?;
    let wallet = wallet_in_path(&id)?;
    let body = body::parse::<BookDeposit<'_>>(&bytes)?;
    let operation = Operation::deposit(&wallet, body, key_of(&request))?;
    if !operation.is_pull() {
        return state.write(&request, operation).await;
    }
    let Some(decided) = state.decide(&request, operation).await? else {
        unreachable!("a request with a key is recorded")
    };
    let made = Made { wallet, seq: decided.seq };
    let (location, replayed) = (location(&made), decided.replayed);
    let begun = Pull::begun(made, decided.record);
    let wait = Wait::of(&request);
    let pull = match wait {
        Some(wait) => until(&state, begun, wait).await,
        None if replayed => begun.now(&state).await?,
        None => begun,
    };
    let ended_within = wait.filter(|_| pull.end.is_some());
    Ok(Later { location, replayed, ended_within }.answer(&pull.view(&state)))
}

/// A pull when it has ended, or when nobody waits any longer.
async fn until(state: &State, begun: Pull, wait: Wait) -> Pull {
    let awaited = (EntityId::wallet(&begun.made.wallet), begun.made.seq);
    let look = || begun.clone().now(state);
    let is_ended = |pull: &Pull| pull.end.is_some();
    until_ended(state, awaited, wait.duration(), begun.clone(), look, is_ended).await
}

/// A deposit.
#[utoipa::path(get, path = "/v1/wallets/{id}/deposits/{deposit}", tag = "wallets",
    params(("id" = String, Path, description = "The wallet"),
        ("deposit" = String, Path, description = "The deposit")), responses(
    (status = 200, body = Deposit), (status = "4XX", body = Problem),
    (status = "5XX", body = Problem)))]
pub(crate) async fn get(state: Shared, path: Path<(String, String)>) -> Answered {
    let wallet = wallet_in_path(&path.0)?;
    let made = Made::parse(&path.1, "txn").filter(|made| made.wallet == wallet);
    let made = made.ok_or_else(not_found)?;
    let to = EntityId::wallet(&wallet);
    let answer = state.ask(to.clone(), Ask::Payment(made.seq)).await?;
    let Answer::Payment { record, .. } = answer else { return Err(Problem::overloaded()) };
    let record = match record {
        Some(record) => Some(record),
        None => state.stored(&to, made.seq).await?,
    };
    let record = record.ok_or_else(not_found)?;
    if let Some(Event::Deposited(event)) = first_event(&record) {
        return Ok(json(&Deposit::booked(&made, record.at, event, Form::Whole)));
    }
    requested(&record).ok_or_else(not_found)?;
    let pull = Pull::begun(made, record).now(&state).await?;
    Ok(json(&pull.view(&state)))
}
