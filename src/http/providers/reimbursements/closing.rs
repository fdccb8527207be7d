//! A closing, and what it pays: the periods since the closing before it.
//!
//! A period that ends with nothing to send is carried over, so a reimbursement may pay the lines of
//! several. The periods stand in the provider's records, each with the position of its first line.
//! To find the end of the one before, only records without lines are looked at: what stands between
//! the last line of one period and the first of the next. So it costs little however many lines
//! there are.

use bursar_domain::id::{EntityId, ProviderId, Seq};
use bursar_domain::money::Total;
use bursar_domain::provider::event::{CarriedOver, PeriodClosed};
use bursar_domain::provider::period::{Sum, Sums};
use bursar_domain::provider::{Event, Period};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;

use crate::http::State;
use crate::http::history::{Backwards, record};
use crate::http::problem::Problem;

/// How many records are read at a time at first, in search of the end of a period.
const PIECE: usize = 8;

/// The end of a period that is reimbursed.
pub(in crate::http::providers) struct Closing {
    /// The decision; it names the reimbursement.
    pub(in crate::http::providers) seq: Seq,
    /// When it was made.
    pub(super) at: Timestamp,
    /// What it says.
    pub(super) closed: PeriodClosed,
}

impl Closing {
    /// The one with this position; `None` when the provider decided something else there.
    pub(in crate::http::providers) async fn find(
        state: &State,
        provider: &ProviderId,
        seq: Seq,
    ) -> Result<Option<Self>, Problem> {
        let found = record(state, &EntityId::provider(provider), seq).await?;
        Ok(found.and_then(|record| {
            let closed = events(&record).iter().find_map(|event| {
                if let Event::PeriodClosed(closed) = event {
                    Some((**closed).clone())
                } else {
                    None
                }
            });
            Some(Self { seq, at: record.at, closed: closed? })
        }))
    }

    /// The one before it.
    pub(super) async fn previous(
        &self,
        state: &State,
        provider: &ProviderId,
    ) -> Result<Option<Self>, Problem> {
        match self.closed.previous {
            Some(seq) => Self::find(state, provider, seq).await,
            None => Ok(None),
        }
    }
}

fn events(record: &Record) -> &[Event] {
    if let Verdict::Provider(events) = &record.verdict { events } else { &[] }
}

/// All that accrued since a closing, and in which records.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// When the first of its periods began.
    pub(super) from: Timestamp,
    /// What accrued in all of them, and the first and the last record with lines.
    pub(super) sums: Sums,
}

impl Span {
    /// The span of a period that ended (or runs) before a position, with all that were carried over
    /// before it since the period with the number `after`.
    pub(super) async fn of(
        state: &State,
        provider: &ProviderId,
        last: &Period,
        (before, after): (Seq, u64),
    ) -> Result<Self, Problem> {
        let mut span = Self { from: last.began_at, sums: last.sums };
        let mut search = Search { number: last.number, before };
        search.jump(&last.sums);
        while search.number > after + 1 {
            let over = search.run(state, provider).await?;
            search.number = over.period.number;
            search.jump(&over.period.sums);
            span.from = over.period.began_at;
            span.add(&over.period.sums);
        }
        Ok(span)
    }

    /// Adds an earlier period.
    fn add(&mut self, earlier: &Sums) {
        let sums = &mut self.sums;
        sums.activities = plus(sums.activities, earlier.activities);
        sums.payments = plus(sums.payments, earlier.payments);
        sums.refunds = plus(sums.refunds, earlier.refunds);
        if earlier.first != Seq(0) {
            sums.first = earlier.first;
            sums.last = sums.last.max(earlier.last);
        }
    }
}

fn plus(one: Sum, other: Sum) -> Sum {
    let amount = Total::from_minor(one.amount.minor() + other.amount.minor());
    Sum { count: one.count + other.count, amount }
}

/// The search for the end of the period before one.
struct Search {
    /// The number of the period whose predecessor is searched for.
    number: u64,
    /// Its end stands before this position.
    before: Seq,
}

impl Search {
    /// The end of the period before stands no later than the first line after it.
    fn jump(&mut self, sums: &Sums) {
        if sums.first != Seq(0) {
            self.before = self.before.min(sums.first.next());
        }
    }

    async fn run(&mut self, state: &State, provider: &ProviderId) -> Result<CarriedOver, Problem> {
        let entity = EntityId::provider(provider);
        let records = Backwards::begin(state, &entity, self.before, PIECE).await?;
        let mut records = records.ok_or_else(Problem::stopping)?;
        loop {
            let piece = records.next(state).await?;
            for (seq, record) in &piece {
                // The same record may hold the end of the one before that.
                self.before = seq.next();
                let found = events(record).iter().find_map(|event| match event {
                    Event::CarriedOver(over) if over.last + 1 == self.number => Some(over),
                    Event::CarriedOver(_)
                    | Event::Registered(_)
                    | Event::Received(_)
                    | Event::RefundSent(_)
                    | Event::PeriodBegan(_)
                    | Event::Activities(_)
                    | Event::PeriodClosed(_)
                    | Event::Reimbursed(_)
                    | Event::Returned(_)
                    | Event::ReceivedSettled(_)
                    | Event::SettlementChanged { .. } => None,
                });
                if let Some(over) = found {
                    return Ok((**over).clone());
                }
            }
            if piece.is_empty() {
                // Numbers are dense, so the end of each is somewhere; only a forged one is not.
                return Err(Problem::stopping());
            }
        }
    }
}
