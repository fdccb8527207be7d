//! One advance on a bench: what comes to it by hand, and what it says in words.
//!
//! The bench does what the engine does for one entity: it applies what was decided, makes the
//! effects from the record as it reads back from bytes, and hands answers to the last call. Days are
//! counted from the credit, 2026-01-01 UTC, so that the debits of a weekly plan are due on days 7,
//! 14, 21 and so on.

use bursar_domain::advance::{Advance, Command};
use bursar_domain::call::{Answered, Call, Collecting, Context, Policy, Reply, Request};
use bursar_domain::code::{Code, Rejection};
use bursar_domain::currency::Currency;
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::{ReportLine, Reported};
use bursar_domain::id::{AdvanceId, EntityId, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Asker, Body, Effect, Message, Outcome, Pass, Source, Stamp};
use bursar_domain::money::Amount;
use bursar_domain::plan::{Day, Plan};
use bursar_domain::record::{Record, Recorded};
use bursar_domain::run::Tally;
use bursar_domain::time::Timestamp;

pub(crate) const DAY_MS: i64 = 86_400_000;

/// 2026-01-01, a Thursday, at 02:00.
pub(crate) const START_MS: i64 = 1_767_225_600_000 + 2 * 3_600_000;

pub(crate) fn policy() -> Policy {
    Policy {
        ladder_ms: vec![1_000, 2_000, 4_000],
        settle_ms: 10_000,
        stuck_after: 3,
        collecting: Collecting { attempts_max: 3, ..Collecting::default() },
        ..Policy::default()
    }
}

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

pub(crate) fn advance_id(text: &str) -> AdvanceId {
    AdvanceId::parse(text).expect("well-formed")
}

/// The day so many days after the credit.
pub(crate) fn day(number: i32) -> Day {
    Day::from_days(20_454 + number).expect("in range")
}

/// An advance, with what it sent and called.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) machine: Machine<Advance>,
    pub(crate) policy: Policy,
    pub(crate) now: i64,
    pub(crate) calls: Vec<Call>,
    last_call: Option<Call>,
    pub(crate) sent: Vec<Message>,
    pub(crate) told: Vec<Outcome>,
    pub(crate) records: Vec<Record>,
    /// What the books say of its account.
    pub(crate) account: i64,
    asked: u64,
}

impl Bench {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            machine: Machine::default(),
            policy,
            now: START_MS,
            calls: Vec::new(),
            last_call: None,
            sent: Vec::new(),
            told: Vec::new(),
            records: Vec::new(),
            account: 0,
            asked: 0,
        }
    }

    /// An active advance of so many cents in a plan.
    pub(crate) fn active(policy: Policy, cents: i64, plan: Plan) -> Self {
        let mut bench = Self::new(policy);
        bench.open(cents, plan).expect("it is a good plan");
        bench.activate();
        bench
    }

    /// 30.00 in three weekly debits.
    pub(crate) fn three(policy: Policy) -> Self {
        Self::active(policy, 3_000, Plan::new(3, "week", None).expect("a plan"))
    }

    pub(crate) fn advance(&self) -> &Advance {
        self.machine.entity()
    }

    pub(crate) fn id() -> EntityId {
        EntityId::advance(&advance_id("adv_1"))
    }

    /// Lets the advance look at something, and records what follows.
    pub(crate) fn turn(
        &mut self,
        look: impl FnOnce(&Advance, &Context<'_>) -> Result<Vec<<Advance as Entity>::Event>, Rejection>,
    ) -> Result<usize, Code> {
        let now = Timestamp::from_millis(self.now).expect("a date");
        let policy = self.policy.clone();
        let events =
            look(self.advance(), &Context { now, policy: &policy }).map_err(|no| no.code)?;
        let count = events.len();
        if count > 0 {
            let entity = Self::id();
            let record = Record { at: now, entity, key: None, verdict: Advance::verdict(events) };
            self.record(&read_back(&record));
        }
        Ok(count)
    }

    fn record(&mut self, record: &Record) {
        let seq = Seq(self.records.len() as u64 + 1);
        self.machine.apply(record, seq);
        record.movements(|movement| self.account += movement.account.minor());
        let source = Source { shard: ShardId(9), seq };
        for effect in record.effects(Stamp { source, at: record.at }) {
            match effect {
                Effect::Send(message) => {
                    let is_new = self
                        .sent
                        .iter()
                        .all(|other| (other.source, &other.to) != (message.source, &message.to));
                    assert!(is_new, "{message:?} is a second one to the same");
                    self.sent.push(message);
                }
                Effect::Tell(outcome) => self.told.push(outcome),
                Effect::Call(call) => {
                    self.last_call = Some(call.clone());
                    self.calls.push(call);
                }
                Effect::Fetch(errand) => unreachable!("an advance fetches nothing: {errand:?}"),
            }
        }
        self.records.push(record.clone());
        self.holds();
    }

    /// What must hold after every event.
    fn holds(&self) {
        let advance = self.advance();
        let Some(profile) = advance.profile() else { return };
        let [collected, outstanding, lost] =
            [advance.collected(), advance.outstanding(), advance.written_off()].map(Amount::minor);
        if !advance.schedule().is_empty() {
            assert_eq!(collected + outstanding + lost, profile.amount.minor());
            let overpaid = i64::try_from(advance.overpaid().minor()).expect("small");
            assert_eq!(self.account, overpaid - outstanding - lost, "the books");
        }
    }

    pub(crate) fn open(&mut self, cents: i64, plan: Plan) -> Result<usize, Code> {
        let (amount, currency) = (Amount::from_minor(cents), euro());
        let command = Command::Open { account: "acc-7".into(), amount, currency, plan };
        self.turn(|advance, context| advance.decide(&command, context))
    }

    /// Delivers a message, which is new unless `source` says otherwise; how many events followed.
    pub(crate) fn deliver(&mut self, source: Option<Source>, body: Body) -> usize {
        self.asked += 1;
        let new = Source { shard: ShardId(2), seq: Seq(self.asked) };
        let message = Message { source: source.unwrap_or(new), to: Self::id(), body };
        let turned = self.turn(|advance, context| Ok(advance.receive(&message, context)));
        turned.expect("a message is not refused")
    }

    pub(crate) fn last_source(&self) -> Source {
        Source { shard: ShardId(2), seq: Seq(self.asked) }
    }

    pub(crate) fn activate(&mut self) {
        self.deliver(
            None,
            Body::Activate { by: Asker { entity: EntityId::saga("adv_1"), step: 2 } },
        );
    }

    pub(crate) fn by(run: &str, step: u8) -> Asker {
        Asker { entity: EntityId::run(run), step }
    }

    /// The clock shows a day after the credit, at 02:00.
    pub(crate) fn on(&mut self, number: i32) {
        self.now = self.now.max(START_MS + i64::from(number) * DAY_MS);
    }

    pub(crate) fn stage(&mut self, number: i32) {
        self.on(number);
        let (by, pass) = (Self::by("run_a", 0), Pass::Stage);
        let judge_silence = false;
        self.deliver(None, Body::Collect { by, day: day(number), pass, judge_silence });
    }

    /// The pass in which silence is judged and what is due is submitted.
    pub(crate) fn submit(&mut self, number: i32) {
        self.submit_for("run_a", number, true);
    }

    pub(crate) fn submit_for(&mut self, run: &str, number: i32, judge_silence: bool) {
        self.on(number);
        let (by, pass) = (Self::by(run, 2), Pass::Submit);
        self.deliver(None, Body::Collect { by, day: day(number), pass, judge_silence });
    }

    /// Stages, submits, and gives these answers to the calls.
    pub(crate) fn run(&mut self, number: i32, replies: &[Reply]) {
        self.stage(number);
        self.submit(number);
        for reply in replies {
            self.answer(reply.clone());
        }
    }

    /// Answers the last call; whether anything followed.
    pub(crate) fn answer(&mut self, reply: Reply) -> bool {
        let call = self.last_call.as_ref().expect("something was called");
        let answered = Answered { step: call.step, attempt: call.attempt, reply };
        let turned = self.turn(|advance, context| Ok(advance.answered(&answered, context)));
        turned.expect("an answer is not refused") > 0
    }

    pub(crate) fn wake(&mut self, why: Wake) -> usize {
        let turned = self.turn(|advance, context| Ok(advance.woken(why, context)));
        turned.expect("whoever is woken refuses nothing")
    }

    /// Lets time pass until the instant that the advance waits for.
    pub(crate) fn wait(&mut self) {
        let Due::At(at) = self.advance().due() else { panic!("{:?}", self.advance().due()) };
        self.now = self.now.max(at.millis());
        self.wake(Wake::Due);
    }

    /// A report of a day with these lines, brought by another run than the one that submits.
    pub(crate) fn report(&mut self, number: i32, lines: &[(&str, Reported)]) {
        self.on(number);
        let at = Timestamp::from_millis(self.now).expect("a date");
        let line = |(key, status): &(&str, Reported)| ReportLine {
            transaction: format!("txn-of-{key}").into(),
            key: (*key).into(),
            status: *status,
            at,
            code: (*status == Reported::Failed).then(|| "returned".into()),
        };
        let lines = lines.iter().map(line).collect();
        let by = Self::by("run_b", 1);
        self.deliver(None, Body::ReportSaid { by, day: day(number), lines });
    }

    /// The debits in words: `1 succeeded, 2 due/1`; behind the stroke the attempts, if any.
    pub(crate) fn debits(&self) -> String {
        let word = |row: &bursar_domain::advance::Row<'_>| {
            let attempts =
                if row.attempts == 0 { String::new() } else { format!("/{}", row.attempts) };
            format!("{} {}{attempts}", row.number, row.status.as_str())
        };
        self.advance().schedule().iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// The calls in words, and forgets them: `pull d1/1`, `find d1/1`, `refund d1/1/refund`.
    pub(crate) fn called(&mut self) -> String {
        let word = |call: Call| {
            let name = match call.request {
                Request::Pull { .. } => "pull",
                Request::Find => "find",
                Request::Refund { .. } => "refund",
                Request::Push { .. }
                | Request::MakeDocuments { .. }
                | Request::VoidDocuments { .. }
                | Request::Mail(_) => unreachable!("{call:?}"),
            };
            format!("{name} {}", call.key.strip_prefix("adv_1/").expect("its own"))
        };
        self.calls.drain(..).map(word).collect::<Vec<_>>().join(", ")
    }

    /// What was told to listeners, by the last word of its type, and forgets it.
    pub(crate) fn outcomes(&mut self) -> String {
        let word =
            |outcome: Outcome| outcome.kind.as_str().trim_start_matches("advance.").to_owned();
        self.told.drain(..).map(word).collect::<Vec<_>>().join(", ")
    }

    /// The last answer to a run.
    pub(crate) fn answered(&self) -> Option<(&str, Tally)> {
        self.sent.iter().rev().find_map(|message| {
            let Body::Collected { tally, .. } = &message.body else { return None };
            Some((&*message.to.id, *tally))
        })
    }

    /// Its state is read back from bytes, and it is told so.
    pub(crate) fn crash(&mut self) {
        self.machine = read_back(&self.machine);
        if self.advance().due() != Due::Nothing {
            self.wake(Wake::Resumed);
        }
    }

    /// Collected, outstanding, written off and overpaid, in cents.
    pub(crate) fn sums(&self) -> [i64; 4] {
        let advance = self.advance();
        let [a, b, c] =
            [advance.collected(), advance.outstanding(), advance.written_off()].map(Amount::minor);
        [a, b, c, i64::try_from(advance.overpaid().minor()).expect("small")]
    }
}

pub(crate) fn done(id: &str) -> Reply {
    Reply::Done { id: id.into(), url: None }
}

pub(crate) fn declined() -> Reply {
    Reply::Declined { code: "no-funds".into(), detail: "".into() }
}

pub(crate) fn unknown() -> Reply {
    Reply::Unknown { reason: "no answer in time".into() }
}

pub(crate) fn not_sent() -> Reply {
    Reply::NotSent { reason: "the breaker is open".into() }
}

pub(crate) fn encoded<T: bincode::Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, bincode::config::standard()).expect("encodes")
}

/// A value as it reads back from its bytes.
pub(crate) fn read_back<T: bincode::Encode + bincode::Decode<()>>(value: &T) -> T {
    let bytes = encoded(value);
    let (read, length) =
        bincode::decode_from_slice(&bytes, bincode::config::standard()).expect("decodes");
    assert_eq!(length, bytes.len(), "all of it is read");
    read
}
