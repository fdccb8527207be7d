//! Data directories as they are after weeks of work, made in minutes.
//!
//! Each advance is credited through the processor, which takes some hundred calls in a second: a
//! million of them would take hours over HTTP. So the production engine runs in this process, on the
//! directory, and the third parties behind its two ports answer at once: [`AtOnce`] for the
//! gateways, [`errands`] for the clerk. All else is as in a server: commands, sagas, records,
//! journal, checkpoints. What a server then opens is what any server would have left, and
//! `bursar verify` finds nothing wrong with it.
//!
//! The engine's clock is behind the machine's, so that a server which opens the directory is later.
//! Few entities stay resident, and the database has a large cache: ids come in no order, so with the
//! server's own cache most of the time would go into reading pages back. None of that memory is the
//! server's.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_actors::answers::Answers;
use bursar_actors::clerk::Clerk;
use bursar_actors::clock::{Clock, MovableClock, SystemClock};
use bursar_actors::engine::{Engine, World};
use bursar_actors::fatal::OnFatal;
use bursar_actors::gateway::{CallPort, Gateways};
use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_actors::metrics::Metrics;
use bursar_domain::advance::{self, Event};
use bursar_domain::call::{Answered, Call, Reply, Request};
use bursar_domain::currency::Currency;
use bursar_domain::errand::{Brought, Errand, Found, Place, ReportSize, Wanted};
use bursar_domain::id::{AdvanceId, EntityId};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::plan::{Day, Period, Plan};
use bursar_domain::record::Verdict;
use bursar_domain::schedule;
use bursar_domain::time::Timestamp;
use bursar_snapshots::sled_store::SledStore;
use prometheus::Registry;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::super::failure::Failure;
use super::super::super::progress::Progress;
use crate::config::Config;
use crate::http::operation::made_id;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// What an advance is about, in cents, and by how many debits it comes back.
const AMOUNT_CENTS: i64 = 120_000;
const INSTALLMENTS: u16 = 12;
/// Advances asked for at a time, and after how many of these everything must have ended.
const PIECE: u64 = 5_000;
const PIECES_UNTIL_QUIET: u64 = 8;
/// Entities that may stay in memory meanwhile, and the database's cache.
const RESIDENTS_MAX: usize = 50_000;
const CACHE_MIB: u64 = 2_048;

/// What is to be in the directory.
pub(super) struct Order {
    /// How many advances.
    pub(super) advances: u64,
    /// How many days before today they are credited.
    pub(super) days_ago: i32,
    /// Over how many days, from the next one on, their first debits are spread.
    pub(super) spread_days: u32,
    /// Whether those of the first day were submitted on it, and the processor has not decided.
    pub(super) submitted: bool,
}

/// The id of an advance.
pub(super) fn advance_id(number: u64) -> AdvanceId {
    let id = made_id("adv", Some(&format!("bench-{number}")));
    AdvanceId::parse(&id).expect("well-formed by its making")
}

/// The date of the machine's clock, so many days later, or earlier.
pub(in super::super) fn today(days: i32) -> Day {
    let since = SystemClock.now().millis().div_euclid(DAY_MS);
    let day = i32::try_from(since).ok().and_then(|today| Day::from_days(today + days));
    day.expect("the machine's clock shows a year of four digits")
}

/// Makes the directory; gives the time it took.
pub(super) fn make(data: &Path, order: &Order) -> Result<Duration, Failure> {
    let begin = Instant::now();
    actix_web::rt::System::new().block_on(async {
        let (engine, clock) = start(data, order)?;
        open(&engine, order).await?;
        if order.submitted {
            submit(&engine, &clock).await?;
        }
        engine.stop().await.map_err(failed)
    })?;
    Ok(begin.elapsed())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Server(format!("preparing a directory: {error}"))
}

/// The machine's clock, some time ago.
struct Behind(i64);

impl Clock for Behind {
    fn now(&self) -> Timestamp {
        let then = SystemClock.now().millis() - self.0;
        Timestamp::from_millis(then).expect("the machine's clock is far from the first year")
    }
}

/// The processor, as if it had all the time in the world: it brings money at once, and has not
/// decided yet what it is to collect.
struct AtOnce(Answers);

impl CallPort for AtOnce {
    fn submit(&self, entity: EntityId, call: Call) {
        let Call { step, attempt, key, request, .. } = call;
        let reply = match request {
            Request::Pull { .. } | Request::Find => Reply::Pending,
            Request::Push { .. }
            | Request::Refund { .. }
            | Request::MakeDocuments { .. }
            | Request::VoidDocuments { .. }
            | Request::Mail(_) => Reply::Done { id: key, url: None },
        };
        self.0.bring(entity, Answered { step, attempt, reply });
    }
}

/// Runs errands: agendas as in a server, and reports without a line.
async fn errands(
    engine: Arc<Engine>,
    mut asked: UnboundedReceiver<(EntityId, Errand)>,
    answers: Answers,
) {
    while let Some((entity, Errand { number, wanted })) = asked.recv().await {
        let found = match wanted {
            Wanted::Agenda { kind, until, after, limit } => {
                if after.is_none() && engine.checkpoint().await.is_err() {
                    return;
                }
                let limit = limit as usize;
                let read = engine.read(move |archive| {
                    let after = after.as_ref().map(|place| (place.number, &*place.id));
                    archive.agenda(kind, after, until, limit + 1)
                });
                let Ok(mut found) = read.await else { return };
                let more = found.len() > limit;
                found.truncate(limit);
                let place = |(number, id): (i64, EntityId)| Place { number, id: (*id.id).into() };
                Found::Agenda { places: found.into_iter().map(place).collect(), more }
            }
            Wanted::FetchReport { .. } => Found::Report(ReportSize::default()),
            Wanted::ReportLines { .. } => Found::Lines { lines: Vec::new(), next: None },
            Wanted::CloseReport => Found::Closed,
        };
        answers.bring_found(entity, Brought { number, found });
    }
}

/// Starts the engine on an empty directory, with the settings that a server would have.
fn start(data: &Path, order: &Order) -> Result<(Arc<Engine>, MovableClock), Failure> {
    let mut config = Config::load(None).map_err(failed)?;
    config.residents.max = RESIDENTS_MAX;
    config.data.cache_mib = CACHE_MIB;
    let (journal, archive) = SledStore::open(data, &config.store()).map_err(failed)?;
    let clock = MovableClock::over(Arc::new(Behind(i64::from(order.days_ago) * DAY_MS)));
    let answers = Answers::default();
    let (sender, asked) = unbounded_channel();
    let world = World {
        journal: Box::new(journal),
        archive,
        clock: Arc::new(clock.clone()),
        metrics: Metrics::new(&Registry::new()),
        on_fatal: OnFatal::new(|error| {
            eprintln!("bursar bench: preparing a directory: {error}");
            std::process::exit(crate::cli::Exit::Disk as i32);
        }),
        policy: config.policy().map_err(failed)?,
        gateways: Gateways::from_port(Arc::new(AtOnce(answers.clone()))),
        // Nobody takes errands any more when the engine is stopping.
        clerk: Clerk::from_port(Arc::new(move |entity, errand| {
            drop(sender.send((entity, errand)));
        })),
        answers: answers.clone(),
    };
    let (engine, _) = Engine::start(&config.engine(), world).map_err(failed)?;
    let engine = Arc::new(engine);
    actix_web::rt::spawn(errands(Arc::clone(&engine), asked, answers));
    Ok((engine, clock))
}

/// Opens the advances, and waits until each of them was credited.
async fn open(engine: &Engine, order: &Order) -> Result<(), Failure> {
    let progress = Progress::new("making advances", order.advances);
    for first in (0..order.advances).step_by(usize::try_from(PIECE).expect("it is small")) {
        let count = PIECE.min(order.advances - first);
        let asks = (first..first + count).map(|number| wish(number, order)).collect();
        for answer in engine.ask_all(asks).await.answers().await {
            if !is_opened(&answer) {
                return Err(failed(format!("an advance was not opened: {answer:?}")));
            }
        }
        if (first / PIECE).is_multiple_of(PIECES_UNTIL_QUIET) {
            engine.quiet().await.map_err(failed)?;
        }
        progress.advance(count);
    }
    engine.quiet().await.map_err(failed)
}

fn wish(number: u64, order: &Order) -> (EntityId, Ask) {
    let id = advance_id(number);
    let day = i32::try_from(number % u64::from(order.spread_days)).expect("it is below a u32");
    let first_due = today(1 + day - order.days_ago);
    let plan = Plan::of(INSTALLMENTS, Period::Week, Some(first_due));
    let command = advance::Command::Open {
        account: format!("account-{number}").into(),
        amount: Amount::from_minor(AMOUNT_CENTS),
        currency: Currency::from_code("EUR").expect("it is a currency"),
        plan: plan.expect("it has a few debits"),
    };
    let key = Some(Key { text: format!("bench-{number}").into(), content: command.content() });
    let (command, request_id, room) = (Command::Advance(command), "".into(), Room::There);
    (EntityId::advance(&id), Ask::Decide { command, key, request_id, room })
}

fn is_opened(answer: &Answer) -> bool {
    let Answer::Decided { record, .. } = answer else { return false };
    let Verdict::Advance(events) = &record.verdict else { return false };
    matches!(events[..], [Event::Opened(_)])
}

/// Has the day after the opening come, and a run over the advances on it.
async fn submit(engine: &Engine, clock: &MovableClock) -> Result<(), Failure> {
    let _progress = Progress::new("submitting their first debits", 1);
    let tomorrow = Timestamp::from_millis(clock.now().millis() + DAY_MS);
    clock.move_to(tomorrow.expect("it is before today")).map_err(failed)?;
    engine.time_moved().await.map_err(failed)?;
    // By hand: a schedule that rings would have missed a time when a server opens the directory.
    let command = Command::Schedule(schedule::Command::RunNow);
    let (key, request_id, room) = (None, "".into(), Room::There);
    let ask = Ask::Decide { command, key, request_id, room };
    match engine.ask(EntityId::schedule(), ask).await {
        Ok(Answer::Decided { .. }) => engine.quiet().await.map_err(failed),
        other => Err(failed(format!("no run began: {other:?}"))),
    }
}
