//! What deals and sagas are asked in the world of the tests, and a world with something of everything
//! that can happen to them.
//!
//! `tower` takes 1000.00 of two investors: Ann is confirmed, Ben fails (his bank says no) and is
//! compensated, and Cat, who waited, gets his place. `mill` takes one investor and refuses its line
//! when he is confirmed. `quay` is full of one big investment behind which many come and go; it is
//! cancelled when its money is there, and the money goes back with the third attempt. Two deposits
//! are pulled, one comes and one does not; others wait for an answer or an instant.

use bursar_domain::call::{Answered, Call, Context, Reply, Request};
use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{Command, Profile};
use bursar_domain::entity::Wake;
use bursar_domain::id::{DealId, EntityId, InvestmentId, Kind, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::{Recorded, Verdict};
use bursar_domain::saga::investment::Funding;
use bursar_domain::wallet::Status;
use bursar_domain::wallet::command::Lookup;
use bursar_domain::{compensation, saga};

use super::world::{Machines, World, euro, happened, wallet_of};

pub(super) fn deal_id(id: &str) -> EntityId {
    EntityId::deal(&DealId::parse(id).expect("well-formed"))
}

/// The saga of an investment.
pub(super) fn saga_of(deal: &str, investment: Seq) -> EntityId {
    InvestmentId { deal: DealId::parse(deal).expect("well-formed"), seq: investment }.saga()
}

/// The compensation of an investment.
pub(super) fn compensation_of(deal: &str, investment: Seq) -> EntityId {
    EntityId::compensation(&saga_of(deal, investment).id)
}

impl World {
    pub(super) fn open_deal(&mut self, id: &str, minor: i64, investors_max: u16) {
        let profile = Profile {
            name: id.into(),
            currency: euro(),
            amount: Amount::from_minor(minor),
            investors_max,
            investment_min: None,
            investment_max: None,
            opens_at: None,
            closes_at: None,
        };
        self.ask_deal(id, &Command::Open(profile));
    }

    pub(super) fn invest(&mut self, deal: &str, wallet: &str, minor: i64, from: Funding) -> Seq {
        let invest = Invest {
            wallet: wallet_of(wallet),
            amount: Amount::from_minor(minor),
            currency: euro(),
            funding: from,
            if_full: IfFull::Wait,
            request_id: "r".into(),
            investor: Lookup::Found(Investor { currency: euro(), status: Status::Active }),
        };
        self.ask_deal(deal, &Command::Invest(invest))
    }

    pub(super) fn ask_deal(&mut self, id: &str, command: &Command) -> Seq {
        let key = self.key();
        self.decide(|world| &mut world.deals, deal_id(id), key, command)
    }

    pub(super) fn cancel(&mut self, saga: EntityId) {
        let key = self.key();
        self.decide(|world| &mut world.sagas, saga, key, &saga::Command::Cancel);
    }

    pub(super) fn retry(&mut self, compensation: EntityId) {
        let (key, command) = (self.key(), compensation::Command::Retry);
        self.decide(|world| &mut world.compensations, compensation, key, &command);
    }

    /// The next call is answered; who called.
    pub(super) fn answer(&mut self, reply: Reply) -> EntityId {
        let (id, call) = self.calls.pop_front().expect("someone calls");
        assert!(self.answer_if(&id, &call, reply), "{id} waits for this answer");
        self.deliver();
        id
    }

    /// A call is answered, if anybody waits for the answer.
    pub(super) fn answer_if(&mut self, id: &EntityId, call: &Call, reply: Reply) -> bool {
        let now = self.now();
        let answer = Answered { step: call.step, attempt: call.attempt, reply };
        let verdict = match id.kind {
            Kind::Saga => answered(&self.sagas, id, &answer, &now),
            Kind::Compensation => answered(&self.compensations, id, &answer, &now),
            Kind::Advance => answered(&self.advances, id, &answer, &now),
            Kind::Wallet
            | Kind::Provider
            | Kind::Deal
            | Kind::Run
            | Kind::Schedule
            | Kind::Campaign
            | Kind::Statement => {
                panic!("{id} never calls")
            }
        };
        verdict.map(|verdict| self.record(id.clone(), None, verdict)).is_some()
    }

    /// Everything comes and is done.
    pub(super) fn go_on(&mut self) {
        self.deliver();
        while let Some((_, call)) = self.calls.front() {
            let reply = done(call);
            self.answer(reply);
        }
    }

    /// The call of an entity is the next one to be answered.
    pub(super) fn turn_to(&mut self, id: &EntityId) {
        let at = self.calls.iter().position(|(caller, _)| caller == id);
        self.calls.rotate_left(at.unwrap_or_else(|| panic!("{id} does not call")));
    }

    /// An entity is woken, and goes on.
    pub(super) fn wake(&mut self, id: &EntityId, why: Wake) {
        assert!(self.wake_if(id, why), "{id} goes on when it is woken");
    }

    /// An entity is woken; whether it goes on.
    pub(super) fn wake_if(&mut self, id: &EntityId, why: Wake) -> bool {
        let now = self.now();
        let verdict = match id.kind {
            Kind::Saga => woken(&self.sagas, id, why, &now),
            Kind::Compensation => woken(&self.compensations, id, why, &now),
            Kind::Provider => woken(&self.providers, id, why, &now),
            Kind::Advance => woken(&self.advances, id, why, &now),
            Kind::Run => woken(&self.runs, id, why, &now),
            Kind::Schedule => woken(&self.schedules, id, why, &now),
            Kind::Wallet | Kind::Deal | Kind::Campaign | Kind::Statement => {
                panic!("{id} never waits")
            }
        };
        verdict.map(|verdict| self.record(id.clone(), None, verdict)).is_some()
    }
}

fn answered<E: Recorded>(
    machines: &Machines<E>,
    id: &EntityId,
    answered: &Answered,
    now: &Context<'_>,
) -> Option<Verdict> {
    happened::<E>(machines[id].entity().answered(answered, now))
}

fn woken<E: Recorded>(
    machines: &Machines<E>,
    id: &EntityId,
    why: Wake,
    now: &Context<'_>,
) -> Option<Verdict> {
    happened::<E>(machines[id].entity().woken(why, now))
}

fn done(call: &Call) -> Reply {
    let id = match &call.request {
        Request::Pull { .. } | Request::Push { .. } | Request::Find => "tr-1",
        Request::MakeDocuments { .. } => "doc-1",
        Request::Refund { .. } | Request::VoidDocuments { .. } | Request::Mail(_) => "",
    };
    Reply::Done { id: id.into(), url: None }
}

pub(super) fn declined() -> Reply {
    Reply::Declined { code: "no-funds".into(), detail: "the bank says no".into() }
}

pub(super) fn unknown() -> Reply {
    Reply::Unknown { reason: "no answer".into() }
}

/// The investments of the world that tests speak of.
pub(super) struct Cast {
    pub(super) world: World,
    pub(super) ann: Seq,
    pub(super) ben: Seq,
    pub(super) cat: Seq,
    /// Is cancelled in `quay`.
    pub(super) gus: Seq,
    /// The first that leaves the line of `quay`.
    pub(super) hal: Seq,
    /// Deposits: one that came, and one that is not known yet.
    pub(super) came: Seq,
    pub(super) unknown: Seq,
    /// Waits for its documents when everything is saved.
    pub(super) ida: Seq,
}

/// A world that was saved with something of everything.
pub(super) fn cast() -> Cast {
    let mut world = World::default();
    for id in ["ann", "ben", "cat", "eve", "fay", "gus", "hal", "ida"] {
        world.open(id);
        world.deposit(id, 100_000);
    }
    world.open_deal("tower", 100_000, 2);
    let ann = world.invest("tower", "ann", 40_000, Funding::Wallet);
    let ben = world.invest("tower", "ben", 60_000, Funding::Bank);
    let cat = world.invest("tower", "cat", 50_000, Funding::Wallet);
    world.deliver();
    let mut calls = world.calls.iter().map(|(id, _)| id.clone());
    assert_eq!(calls.next(), Some(saga_of("tower", ann)), "for her documents");
    assert_eq!(calls.next(), Some(saga_of("tower", ben)), "for his money");
    world.calls.rotate_left(1);
    world.answer(declined());
    world.go_on();

    world.open_deal("mill", 10_000, 1);
    world.invest("mill", "eve", 10_000, Funding::Wallet);
    world.invest("mill", "fay", 5_000, Funding::Wallet);
    world.go_on();

    world.open_deal("quay", 90_000, 9);
    let gus = world.invest("quay", "gus", 90_000, Funding::Bank);
    let first = world.invest("quay", "hal", 100, Funding::Wallet);
    for _ in 0..40 {
        let investment = world.invest("quay", "hal", 100, Funding::Wallet);
        world.ask_deal("quay", &Command::Withdraw { investment });
    }
    world.ask_deal("quay", &Command::Withdraw { investment: first });
    world.deliver();
    world.answer(Reply::Done { id: "tr-9".into(), url: None });
    world.cancel(saga_of("quay", gus));
    let documents = Reply::Done { id: "doc-9".into(), url: None };
    world.answer(documents);
    world.answer(Reply::Done { id: "".into(), url: None });
    let compensation = world.answer(Reply::Pending);
    assert_eq!(compensation, compensation_of("quay", gus), "the refund is undecided");
    world.retry(compensation.clone());
    world.answer(declined());
    world.retry(compensation);
    world.go_on();

    let came = world.pull("ann", 7_000);
    world.go_on();
    world.pull("ben", 8_000);
    world.deliver();
    world.answer(declined());
    world.go_on();
    let pulled = world.pull("ann", 9_000);
    world.deliver();
    world.answer(unknown());
    let ida = world.invest("quay", "ida", 3_000, Funding::Wallet);
    world.deliver();
    world.checkpoint();
    Cast { world, ann, ben, cat, gus, hal: first, came, unknown: pulled, ida }
}

impl Cast {
    /// The same things again, in the journal only; at last two messages are on their way.
    pub(super) fn in_the_tail(mut self) -> Self {
        let world = &mut self.world;
        world.wake(&EntityId::saga(format!("txn_{}_ann", self.unknown)), Wake::Resumed);
        world.go_on();
        world.open_deal("pier", 100_000, 3);
        world.invest("pier", "ann", 50_000, Funding::Bank);
        world.invest("pier", "hal", 50_000, Funding::Wallet);
        world.invest("pier", "eve", 20_000, Funding::Wallet);
        world.deliver();
        world.answer(declined());
        world.go_on();
        world.pull("cat", 4_000);
        world.go_on();
        world.open("jim");
        world.pull("jim", 33);
        world.invest("pier", "jim", 1, Funding::Wallet);
        self
    }
}
