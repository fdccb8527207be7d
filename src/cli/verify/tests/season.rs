//! What is asked on a calendar in the world of the tests, and a world in which days have passed.
//!
//! Providers: `clinic` is reimbursed daily, `gym` weekly at first, `spa` is paid at once, `old` was
//! registered by the first release, which knew no periods. One reimbursement of the clinic was
//! paid, one declined and returned, one is on its way; a period had nothing, one too little. Of
//! Pat's payments to the spa one is posted and in part refunded, one failed, of one it is not known
//! how it stands.
//!
//! Advances, each by its first debit: `good` comes in by answers and by the report, and is paid
//! back; `bad` fails too often; `slow` falls silent and comes late, after its replacement, which is
//! given back with the second attempt; `late` comes late and its replacement is cancelled; `kept`
//! could not be sent at first; of `lost` it is not known how it stands; `poor` was never credited;
//! of `new` it is not known; `far` has its day in a month. `last` is being submitted in the last
//! run, which is not over.

use std::sync::Arc;

use bursar_domain::advance;
use bursar_domain::cadence::Cadence;
use bursar_domain::call::{Call, Reply, Request};
use bursar_domain::entity::{Due, Entity, Wake};
use bursar_domain::errand::{
    Brought, Errand, Found, Place, ReportLine, ReportSize, Reported, Wanted,
};
use bursar_domain::id::{AdvanceId, EntityId, Kind, Seq};
use bursar_domain::money::Amount;
use bursar_domain::plan::{Day, Plan};
use bursar_domain::provider::{self, Activities, Activity, ActivityLine, Settlement};
use bursar_domain::record::Recorded;
use bursar_domain::run::Run;
use bursar_domain::schedule;
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::command::Lookup;
use bursar_snapshots::store::IndexKind;

use super::invest::{declined, unknown};
use super::world::{Machines, World, euro, happened, provider_id};

pub(super) const DAY_MS: i64 = 24 * 3600 * 1000;

pub(super) fn advance_id(id: &str) -> EntityId {
    EntityId::advance(&AdvanceId::parse(id).expect("well-formed"))
}

pub(super) fn done(id: &str) -> Reply {
    Reply::Done { id: id.into(), url: None }
}

pub(super) fn daily() -> Settlement {
    Settlement::OnCalendar(cadence("02:00"))
}

pub(super) fn cadence(at: &str) -> Cadence {
    Cadence::new("day", None, Some(at), Some("UTC")).expect("a cadence")
}

pub(super) fn activity(id: &str, member: &str, day: i32, minor: i64) -> Arc<Activity> {
    let day = Day::from_days(day).expect("in range");
    let (description, amount) = (Some("visit".into()), Amount::from_minor(minor));
    let activity = Activity::new(id.into(), member.into(), day, description, amount);
    Arc::new(activity.expect("well-formed"))
}

/// A line of the processor's report.
pub(super) fn line(key: &str, status: Reported) -> ReportLine {
    ReportLine {
        transaction: format!("tr-{key}").into(),
        key: key.into(),
        status,
        at: Timestamp::default(),
        code: None,
    }
}

/// Who of a kind waits for which instant.
fn due<E: Recorded>(machines: &Machines<E>) -> Vec<(Timestamp, EntityId)> {
    let due = machines.iter().filter_map(|(id, machine)| match machine.entity().due() {
        Due::At(at) => Some((at, id.clone())),
        Due::Nothing | Due::Answer => None,
    });
    due.collect()
}

impl World {
    pub(super) fn submit(&mut self, provider: &str, lines: &[Arc<Activity>]) -> Seq {
        let lines = lines.iter().cloned();
        let lines = lines.map(|activity| ActivityLine { activity, currency: euro() });
        let mut call = Activities::new(lines.collect());
        let slots = call.lines.iter().map(|line| line.activity.slot());
        let known = slots.filter_map(|slot| {
            Some((slot, self.on_disk(&provider_id(provider), IndexKind::Activity, slot)?))
        });
        call.known = Lookup::Found(known.collect());
        self.ask_provider(provider, &provider::Command::Activities(call))
    }

    pub(super) fn open_advance(&mut self, id: &str, minor: i64, plan: Plan) {
        let command = advance::Command::Open {
            account: format!("bank-of-{id}").into(),
            amount: Amount::from_minor(minor),
            currency: euro(),
            plan,
        };
        let key = self.key();
        self.decide(|world| &mut world.advances, advance_id(id), key, &command);
    }

    pub(super) fn ask_schedule(&mut self, command: &schedule::Command) {
        let key = self.key();
        self.decide(|world| &mut world.schedules, EntityId::schedule(), key, command);
    }

    /// All whose time has come are woken, and those who are due because of that; sagas are not.
    pub(super) fn wake_due(&mut self) {
        self.wake_those(|world| {
            let due = [due(&world.providers), due(&world.advances), due(&world.schedules)];
            due.concat()
        });
    }

    /// The same, and sagas, compensations and runs as well.
    pub(super) fn wake_all_due(&mut self) {
        self.wake_due();
        self.wake_those(|world| {
            [due(&world.sagas), due(&world.compensations), due(&world.runs)].concat()
        });
    }

    fn wake_those(&mut self, of: impl Fn(&Self) -> Vec<(Timestamp, EntityId)>) {
        loop {
            let now = self.now().now;
            let first = of(self).into_iter().filter(|(at, _)| *at <= now).min();
            let Some((_, id)) = first else { return };
            self.wake(&id, Wake::Due);
        }
    }

    /// Days pass; everybody is woken, and goes on with what is replied to their calls.
    pub(super) fn next_day(&mut self, days: i64, reply: &dyn Fn(&str, &Call) -> Option<Reply>) {
        self.pass_ms(days * DAY_MS);
        self.wake_due();
        self.work(reply);
    }

    /// Messages, errands and calls, until only calls are left that are not replied to.
    pub(super) fn work(&mut self, reply: &dyn Fn(&str, &Call) -> Option<Reply>) {
        loop {
            self.deliver();
            if let Some((id, errand)) = self.errands.pop_front() {
                assert!(self.bring(&id, &errand), "{id} waits for errand {}", errand.number);
                continue;
            }
            let mut calls = self.calls.iter();
            let found = calls.find_map(|(id, call)| Some((id.clone(), reply(&id.id, call)?)));
            let Some((id, reply)) = found else { return };
            self.turn_to(&id);
            self.answer(reply);
        }
    }

    pub(super) fn bring(&mut self, id: &EntityId, errand: &Errand) -> bool {
        let found = match &errand.wanted {
            Wanted::Agenda { kind, until, after, limit } => {
                assert_eq!(*kind, Kind::Advance);
                let listed = self.advances.iter().filter_map(|(id, machine)| {
                    let number = machine.entity().listed()?;
                    Some(Place { number, id: id.id.as_ref().into() })
                });
                let mut places: Vec<_> = listed
                    .filter(|place| place.number <= *until && Some(place) > after.as_ref())
                    .collect();
                places.sort();
                let more = places.len() > *limit as usize;
                places.truncate(*limit as usize);
                Found::Agenda { places, more }
            }
            Wanted::FetchReport { .. } => match &self.report {
                Some(lines) => {
                    let lines = lines.len() as u64;
                    Found::Report(ReportSize { lines, fresh: lines, others: 0 })
                }
                None => Found::Unusable { code: "cut".into(), detail: "it breaks off".into() },
            },
            Wanted::ReportLines { from, limit } => {
                let from = usize::try_from(*from).expect("small");
                match &self.report {
                    Some(lines) if from <= lines.len() => {
                        // At most two at a time, so that there are several pages.
                        let to = lines.len().min(from + 2.min(*limit as usize));
                        let next = (to < lines.len()).then_some(to as u64);
                        Found::Lines { lines: lines[from..to].to_vec(), next }
                    }
                    Some(_) | None => Found::Gone,
                }
            }
            Wanted::CloseReport => Found::Closed,
        };
        self.bring_found(id, Brought { number: errand.number, found })
    }

    /// An errand brings something; whether anybody waits for it.
    pub(super) fn bring_found(&mut self, id: &EntityId, brought: Brought) -> bool {
        let verdict = happened::<Run>(self.runs[id].entity().brought(&brought, &self.now()));
        verdict.map(|verdict| self.record(id.clone(), None, verdict)).is_some()
    }
}

/// What tests speak of.
pub(super) struct Season {
    pub(super) world: World,
    /// Pat's payments to the spa.
    pub(super) posted: Seq,
    pub(super) failed: Seq,
    pub(super) unknown: Seq,
    /// The clinic's reimbursement on its way.
    pub(super) on_its_way: Seq,
}

impl Season {
    /// More of the same, in the journal only; at last two messages are on their way.
    pub(super) fn goes_on(mut self) -> World {
        let world = &mut self.world;
        world.pass_ms(DAY_MS);
        // Nobody was woken: the payment itself ends the period before.
        world.pay("pat", "clinic", 700);
        world.pay("quinn", "old", 800);
        world.deliver();
        world.wake(&EntityId::saga(format!("pay_{}_pat", self.unknown)), Wake::Resumed);
        world.work(&|id, _| Some(done(id)));
        world.next_day(9, &|id, _| id.starts_with("rmb_").then(declined));
        world.next_day(1, &|id, _| id.starts_with("rmb_").then(declined));
        world.next_day(1, &|_, _| None);
        let summary = world.providers[&provider_id("clinic")].entity().summary();
        assert!(summary.expect("registered").on_hold);
        world.ask_provider("clinic", &provider::Command::Settle(Settlement::Immediate));
        world.next_day(1, &|id, _| Some(done(id)));
        world.pay("pat", "clinic", 100);
        world.pay("pat", "old", 100);
        self.world
    }
}

fn each(count: u16, every: &str) -> Plan {
    Plan::new(count.into(), every, None).expect("a plan")
}

/// Opens advances, and has them credited, or not.
fn open_advances(world: &mut World) {
    world.open_advance("good", 12_005, each(3, "day"));
    world.open_advance("bad", 10_000, each(2, "day"));
    for id in ["slow", "late", "lost", "kept"] {
        world.open_advance(id, 5_000, each(1, "day"));
    }
    world.open_advance("poor", 7_000, each(7, "week"));
    world.open_advance("new", 7_000, each(7, "month"));
    let far = Plan::new(12, "month", Some("1970-02-01")).expect("a plan");
    world.open_advance("far", 9_999, far);
    world.work(&|id, _| match id {
        "poor" => Some(declined()),
        "new" => Some(unknown()),
        id => Some(done(&format!("push-{id}"))),
    });
}

/// What a debit is replied on a day, by its key.
fn reply(day: i64, key: &str) -> Option<Reply> {
    match (day, key) {
        (_, "slow/d1/1" | "late/d1/1" | "slow/d2/1") | (2, "good/d2/1") => Some(Reply::Pending),
        (_, "lost/d1/1") => Some(unknown()),
        (1, "kept/d1/1") => Some(Reply::NotSent { reason: "no room".into() }),
        (_, "slow/d2/1/refund") => Some(declined()),
        (_, key) if key.starts_with("bad/") => Some(declined()),
        (_, key) if key.starts_with("last/") => None,
        (_, key) => Some(done(key)),
    }
}

fn reply_on(day: i64) -> impl Fn(&str, &Call) -> Option<Reply> {
    move |_, call| reply(day, &call.key)
}

/// Runs of nine days over the advances.
fn run_advances(world: &mut World) {
    world.report = Some(Vec::new());
    world.next_day(1, &reply_on(1));
    world.report = None;
    world.next_day(1, &reply_on(2));
    world.report = Some(vec![
        line("good/d2/1", Reported::Succeeded),
        line("good/d1/1", Reported::Failed),
        line("far/d9/1", Reported::Failed),
        line("nobody/d1/1", Reported::Succeeded),
        line("inv_1_tower/17/pull", Reported::Succeeded),
    ]);
    world.next_day(1, &reply_on(3));
    world.report = Some(Vec::new());
    world.next_day(3, &reply_on(6));
    world.report = Some(vec![line("late/d1/1", Reported::Succeeded)]);
    world.next_day(1, &reply_on(7));
    world.report = Some(vec![line("slow/d1/1", Reported::Succeeded)]);
    world.next_day(1, &reply_on(8));
    world.report = Some(vec![line("slow/d2/1", Reported::Succeeded)]);
    world.ask_schedule(&schedule::Command::RunNow);
    world.work(&reply_on(9));
    world.next_day(1, &reply_on(9));
}

/// The last reimbursement of the clinic.
fn last_reimbursement(world: &World) -> Seq {
    let summary = world.providers[&provider_id("clinic")].entity().summary();
    summary.expect("it is registered").last_reimbursement.expect("there is one")
}

fn of_clinic(reply: Reply) -> impl Fn(&str, &Call) -> Option<Reply> {
    move |id, call| {
        let is_push = matches!(call.request, Request::Push { .. } | Request::Find);
        (id.ends_with("_clinic") && is_push).then(|| reply.clone())
    }
}

/// A world that was saved when days had passed.
pub(super) fn season() -> Season {
    let mut world = World::default();
    for id in ["pat", "quinn"] {
        world.open(id);
        world.deposit(id, 100_000);
    }
    world.register_with("clinic", daily());
    let weekly = Cadence::new("week", Some("monday"), Some("02:00"), Some("UTC"));
    world.register_with("gym", Settlement::OnCalendar(weekly.expect("a cadence")));
    world.register_with("spa", Settlement::Immediate);

    let first: Vec<_> = (0..60).map(|n| activity(&format!("a{n}"), "m1", 0, 100 + n)).collect();
    world.submit("clinic", &first[..40]);
    let again = [first[39].clone(), activity("a0", "m2", 0, 7), activity("a40", "m2", 0, -1)];
    world.submit("clinic", &[&again, &first[40..50]].concat());
    let pay = world.pay("pat", "clinic", 3_000);
    world.deliver();
    world.refund("pat", pay, 500);
    world.deliver();
    world.next_day(1, &of_clinic(done("push-1")));
    world.submit("clinic", &first[50..]);
    world.next_day(1, &of_clinic(declined()));
    world.next_day(1, &of_clinic(done("push-3")));
    world.next_day(1, &|_, _| None);
    world.submit("clinic", &[activity("b1", "m1", 0, 99)]);
    world.next_day(1, &|_, _| None);
    world.submit("clinic", &[activity("b2", "m1", 4, 9_901)]);
    world.next_day(1, &|_, _| None);
    let on_its_way = last_reimbursement(&world);
    world.submit("clinic", &[activity("b3", "m3", 5, 1)]);

    world.submit("gym", &[activity("a0", "m1", 0, 50)]);
    world.ask_provider("gym", &provider::Command::Settle(daily()));
    let posted = world.pay("pat", "spa", 3_000);
    world.work(&|id, _| id.starts_with("pay_").then(|| done("push-s")));
    let failed = world.pay("pat", "spa", 1_000);
    world.work(&|id, _| id.starts_with("pay_").then(declined));
    let unknown = world.pay("pat", "spa", 2_000);
    world.work(&|id, _| id.starts_with("pay_").then(super::invest::unknown));
    world.refund("pat", posted, 1_200);
    world.deliver();
    world.register_as_before("old");
    world.checkpoint();
    Season { world, posted, failed, unknown, on_its_way }
}

/// A world that was saved when runs had collected for nine days, in the midst of the last run.
pub(super) fn collected() -> World {
    let mut world = World::default();
    world.ask_schedule(&schedule::Command::Set(cadence("06:00")));
    world.pass_ms(7 * 3600 * 1000);
    world.wake_due();
    world.report = Some(Vec::new());
    world.work(&|_, _| None);
    open_advances(&mut world);
    run_advances(&mut world);
    world.open_advance("last", 101, each(2, "day"));
    world.work(&|id, _| (id == "last").then(|| done("push-last")));
    world.next_day(2, &reply_on(12));
    world.checkpoint();
    world
}

/// The same, and more in the journal only: another run begins beside the last one, both end, and at
/// last two messages are on their way.
pub(super) fn goes_on() -> World {
    let mut world = collected();
    world.ask_schedule(&schedule::Command::RunNow);
    world.work(&reply_on(12));
    world.work(&|id, _| (id == "last").then(|| done("tr-last")));
    world.next_day(1, &|_, call| Some(done(&call.key)));
    world.open_advance("more", 100, each(1, "day"));
    world.ask_schedule(&schedule::Command::RunNow);
    world
}
