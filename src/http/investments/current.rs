//! Where an investment stands.
//!
//! Its deal knows what was asked for and what the ticket got, and who waits or left the line; from
//! then on its saga knows. A ticket whose saga is not there yet has its place all the same: the
//! message that begins the saga is on its way.

use std::sync::Arc;

use bursar_actors::job::{Answer, Ask};
use bursar_domain::code::Code;
use bursar_domain::deal::event::Ticketed;
use bursar_domain::deal::{Decision, Event, Left, Standing};
use bursar_domain::id::{EntityId, InvestmentId};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::subject::Failure;
use bursar_domain::saga::{End, Phase, Saga, StepName};
use bursar_domain::time::Timestamp;
use bursar_snapshots::store::IndexKind;

use super::not_found;
use crate::http::State;
use crate::http::problem::Problem;
use crate::http::steps::Course;

/// How an investment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// It waits in line.
    Waitlisted,
    /// It has a place.
    Reserved,
    /// Its money is being pulled.
    Collecting,
    /// Its documents are being made, or what follows them.
    Documenting,
    /// It is for good.
    Confirmed,
    /// What was done is being undone.
    Compensating,
    /// It did not come about; everything is undone.
    Failed,
    /// It was cancelled; everything is undone.
    Cancelled,
    /// It got no place.
    Refused,
}

impl Status {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Waitlisted,
        Self::Reserved,
        Self::Collecting,
        Self::Documenting,
        Self::Confirmed,
        Self::Compensating,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
    ];

    /// The word used in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waitlisted => "waitlisted",
            Self::Reserved => "reserved",
            Self::Collecting => "collecting",
            Self::Documenting => "documenting",
            Self::Confirmed => "confirmed",
            Self::Compensating => "compensating",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    /// The status of a word.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing follows.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Confirmed | Self::Failed | Self::Cancelled | Self::Refused => true,
            Self::Waitlisted
            | Self::Reserved
            | Self::Collecting
            | Self::Documenting
            | Self::Compensating => false,
        }
    }

    /// How its saga says it stands.
    pub(crate) fn of_saga(saga: &Saga) -> Self {
        match saga.phase() {
            Phase::Ended(End::Done) => Self::Confirmed,
            Phase::Ended(End::Failed(_)) => Self::Failed,
            Phase::Ended(End::Cancelled) => Self::Cancelled,
            Phase::Undoing(_) => Self::Compensating,
            // It may still have to find out how a call stands before it can undo it.
            Phase::Running if saga.is_cancelled() => Self::Compensating,
            Phase::Running => Self::of_step(saga),
        }
    }

    fn of_step(saga: &Saga) -> Self {
        let last = saga.steps().len().checked_sub(1);
        match saga.subject().zip(last).map(|(subject, last)| subject.step(last)) {
            Some(StepName::Reserve | StepName::Mark) | None => Self::Reserved,
            Some(StepName::Pull) => Self::Collecting,
            Some(
                StepName::Documents
                | StepName::Settle
                | StepName::Confirm
                | StepName::Tell
                // The steps of what is no investment.
                | StepName::Expect
                | StepName::Credit
                | StepName::Hold
                | StepName::Push
                | StepName::Post
                | StepName::Close
                | StepName::Paid
                | StepName::Open
                | StepName::Activate,
            ) => Self::Documenting,
        }
    }
}

/// What was asked for and what it got, from the deal's record.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The investment.
    pub(crate) id: InvestmentId,
    /// When the ticket was given.
    pub(crate) at: Timestamp,
    /// The rest.
    pub(crate) ticketed: Ticketed,
}

impl Ticket {
    /// The ticket that a record gave, if it gave one.
    pub(crate) fn of(id: &InvestmentId, record: &Record) -> Option<Self> {
        let Verdict::Deal(events) = &record.verdict else { return None };
        let ticketed = events.iter().find_map(|event| {
            if let Event::Ticketed(ticketed) = event { Some(ticketed.clone()) } else { None }
        })?;
        Some(Self { id: id.clone(), at: record.at, ticketed })
    }
}

/// What became of a ticket at its deal.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// It got none.
    Refused(Failure),
    /// It waits, at this position of the line.
    Waiting(usize),
    /// It left the line by its own wish.
    Withdrawn,
    /// It has or had one; from there on its saga knows.
    Given(Course),
}

/// Where an investment stands.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    /// What was asked for.
    pub(crate) ticket: Arc<Ticket>,
    /// What became of it.
    pub(crate) place: Place,
}

impl Current {
    /// A ticket that has just been given.
    pub(crate) fn begun(ticket: Arc<Ticket>) -> Self {
        let place = match &ticket.ticketed.decision {
            Decision::Reserved => Place::Given(Course::default()),
            Decision::Waiting(position) => {
                Place::Waiting(usize::try_from(*position).expect("a u32 fits a usize"))
            }
            Decision::Refused { rejection, .. } => {
                Place::Refused(Failure::new(rejection.code.as_str(), rejection.detail.clone()))
            }
        };
        Self { ticket, place }
    }

    /// Where a ticket stands now.
    pub(crate) async fn of(state: &State, ticket: Arc<Ticket>) -> Result<Self, Problem> {
        let standing = match &ticket.ticketed.decision {
            Decision::Reserved | Decision::Refused { .. } => Standing::Beyond,
            Decision::Waiting(_) => {
                let deal = EntityId::deal(&ticket.id.deal);
                let answer = state.ask(deal, Ask::Investment(ticket.id.seq)).await?;
                let Answer::Investment { standing: Some(standing), .. } = answer else {
                    return Err(Problem::overloaded());
                };
                standing
            }
        };
        Self::standing(state, ticket, standing).await
    }

    /// Where a ticket stands, when it is known how it stands in line.
    async fn standing(
        state: &State,
        ticket: Arc<Ticket>,
        standing: Standing,
    ) -> Result<Self, Problem> {
        if let Decision::Refused { .. } = ticket.ticketed.decision {
            return Ok(Self::begun(ticket));
        }
        let place = match in_line(state, &ticket.id, standing).await? {
            Some(place) => place,
            None => Place::Given(Course::of(state, &ticket.id.saga()).await?),
        };
        Ok(Self { ticket, place })
    }

    /// How it stands.
    pub(crate) fn status(&self) -> Status {
        match &self.place {
            Place::Refused(_) => Status::Refused,
            Place::Waiting(_) => Status::Waitlisted,
            Place::Withdrawn => Status::Cancelled,
            Place::Given(course) => {
                course.saga.as_deref().map_or(Status::Reserved, Status::of_saga)
            }
        }
    }

    /// Why it was not to be.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.place {
            Place::Refused(failure) => Some(failure),
            Place::Waiting(_) | Place::Withdrawn => None,
            Place::Given(course) => match course.saga.as_deref()?.phase() {
                Phase::Undoing(failure) => failure.as_ref(),
                Phase::Ended(End::Failed(failure)) => Some(failure),
                Phase::Running | Phase::Ended(End::Done | End::Cancelled) => None,
            },
        }
    }
}

/// The place that a standing in line alone tells; `None` when the saga has to be asked.
pub(crate) async fn in_line(
    state: &State,
    id: &InvestmentId,
    standing: Standing,
) -> Result<Option<Place>, Problem> {
    Ok(match standing {
        Standing::Waiting(position) => Some(Place::Waiting(position)),
        Standing::Left(left) => Some(left_line(left)),
        Standing::Beyond => None,
        Standing::AskDisk => {
            let (deal, slot) = (EntityId::deal(&id.deal), u128::from(id.seq.0));
            let read =
                state.engine.read(move |archive| archive.index(&deal, IndexKind::Left, slot));
            read.await?.and_then(Left::from_number).map(left_line)
        }
    })
}

fn left_line(left: Left) -> Place {
    match left {
        Left::Withdrawn => Place::Withdrawn,
        Left::Full => {
            Place::Refused(Failure::new(Code::DealFull.as_str(), "all seats are taken for good"))
        }
        Left::TooMuch => {
            let code = Code::AmountExceedsRemaining.as_str();
            Place::Refused(Failure::new(code, "less than this is left"))
        }
    }
}

/// An investment by its id.
pub(crate) async fn find(state: &State, id: &InvestmentId) -> Result<Current, Problem> {
    let deal = EntityId::deal(&id.deal);
    let answer = state.ask(deal.clone(), Ask::Investment(id.seq)).await?;
    let Answer::Investment { record, standing } = answer else {
        return Err(Problem::overloaded());
    };
    let standing = standing.ok_or_else(not_found)?;
    let record = match record {
        Some(record) => Some(record),
        None => state.stored(&deal, id.seq).await?,
    };
    let ticket = record.and_then(|record| Ticket::of(id, &record)).ok_or_else(not_found)?;
    Current::standing(state, Arc::new(ticket), standing).await
}
