//! Who is on the other side of what is pushed to a bank: a provider or an advance, simply played;
//! and the statement that is told of its rewards.
//!
//! Each keeps what reached it and what it was told of its sagas, answers as the entity would, and
//! moves the books as the entity would. It takes part in no crash: what it knows is written. What
//! came before it ignores, as every entity must.

use std::collections::BTreeMap;

use bursar_domain::campaign::RewardNews;
use bursar_domain::id::{AdvanceId, EntityId, ProviderId, ReimbursementId, Seq};
use bursar_domain::message::{Answer, Asker, Body, Effect, Marks, Message, Movement};
use bursar_domain::money::Amount;
use bursar_domain::saga::Subject;
use bursar_domain::saga::credit::Credit;
use bursar_domain::saga::reimbursement::Reimbursement;

use crate::stage::{euro, provider, provider_id};
use crate::world::World;

/// How what it waited for ended: why, if it was not to be.
pub(crate) type End = Result<(), String>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Counterpart {
    marks: Marks,
    /// The payments that reached it in its bank, by the saga's id: how much.
    pub(crate) settled: BTreeMap<String, i64>,
    /// How what it began ended, by the saga's id.
    pub(crate) ended: BTreeMap<String, End>,
    /// What it was told of its rewards, in order.
    pub(crate) news: Vec<RewardNews>,
    /// What its records moved.
    pub(crate) balance: i64,
}

/// What follows from a message.
type Follows = (Vec<Movement>, Option<(Asker, End)>);

/// What a provider or an advance does with a message that is for it.
fn follows(amount: Amount, body: &Body) -> Follows {
    let returned = || vec![Movement::returned(euro(), amount)];
    if let Body::Reimbursed { by, .. } | Body::Activate { by } = body {
        (returned(), Some((by.clone(), Ok(()))))
    } else if let Body::NotReimbursed { by, failure, .. } | Body::NotCredited { by, failure } = body
    {
        (Vec::new(), Some((by.clone(), Err(failure.code.to_string()))))
    } else {
        unreachable!("{body:?} is neither for a provider nor for an advance")
    }
}

impl World {
    /// Gives a message to one who is only played; says whether anything followed from it.
    pub(crate) fn tell_counterpart(&mut self, message: &Message) -> bool {
        let counterpart = self.counterparts.entry(message.to.clone()).or_default();
        if counterpart.marks.has(message.source) {
            return false;
        }
        counterpart.marks.raise(message.source);
        let (movements, answer) = if let Body::SettledPayment { wallet, payment, amount, .. } =
            &message.body
        {
            let id = bursar_domain::saga::payment::Payment::id(wallet, *payment);
            let before = counterpart.settled.insert(id, amount.minor());
            assert_eq!(before, None, "{message:?} is a second one");
            let both = [Movement::received(euro(), *amount), Movement::returned(euro(), *amount)];
            (both.to_vec(), None)
        } else if let Body::RewardNews(news) = &message.body {
            counterpart.news.extend(news.iter().cloned());
            (Vec::new(), None)
        } else {
            follows(Amount::from_minor(Self::PUSHED), &message.body)
        };
        for movement in &movements {
            counterpart.balance += movement.account.minor();
            self.books.book(movement);
        }
        let source = self.next_source(&message.to);
        if let Some((by, end)) = answer {
            let counterpart = self.counterparts.get_mut(&message.to).expect("it is there");
            let before = counterpart.ended.insert(by.entity.id.to_string(), end);
            assert_eq!(before, None, "{message:?} is a second one");
            let Effect::Send(reply) = by.reply(source, Answer::Done) else { unreachable!() };
            self.send(reply);
        }
        true
    }

    /// How much a reimbursement and an advance are.
    pub(crate) const PUSHED: i64 = 100;

    /// Closes a period of the provider; the saga of its reimbursement.
    pub(crate) fn reimburse(&mut self) -> EntityId {
        let minor = Self::PUSHED;
        let accrued = Movement::booked(euro(), Amount::from_minor(minor));
        self.books.book(&accrued);
        self.counterparts.entry(provider()).or_default().balance += minor;
        *self.deposited.entry(provider()).or_default() += minor;
        let source = self.next_source(&provider());
        self.begin(
            &provider(),
            Subject::Reimbursement(Reimbursement {
                provider: provider_id(),
                seq: source.seq,
                account: "acct-clinic".into(),
                amount: Amount::from_minor(minor),
                currency: euro(),
            }),
        )
    }

    /// Opens an advance; the saga of its credit.
    pub(crate) fn open_advance(&mut self, name: &str) -> EntityId {
        let advance = AdvanceId::parse(name).expect("well-formed");
        let from = EntityId::advance(&advance);
        self.next_source(&from);
        let (amount, currency) = (Amount::from_minor(Self::PUSHED), euro());
        let account = "acct-ann".into();
        self.begin(&from, Subject::Advance(Credit { advance, account, amount, currency }))
    }

    /// Begins a saga, from the record that was counted last.
    fn begin(&mut self, from: &EntityId, subject: Subject) -> EntityId {
        let source = self.last_source(from);
        let to = EntityId::saga(subject.id());
        let body = Body::Begin(Box::new(subject));
        self.send(Message { source, to: to.clone(), body });
        to
    }

    /// What the other side of a saga knows of its end.
    pub(crate) fn known_end(&self, subject: &Subject) -> Option<&End> {
        let who = match subject {
            Subject::Reimbursement(one) => EntityId::provider(&one.provider),
            Subject::Advance(one) => EntityId::advance(&one.advance),
            Subject::Investment(_)
            | Subject::Deposit(_)
            | Subject::Payment(_)
            | Subject::Reward(_) => return None,
        };
        self.counterparts.get(&who)?.ended.get(&*subject.id())
    }
}

#[test]
fn a_pushing_saga_has_the_id_of_what_it_brings_about() {
    let mut world = World::new(
        crate::stage::policy(),
        crate::world::Delivery::Once,
        crate::faults::Plan::fair(),
        1,
    );
    let saga = world.reimburse();
    let id = ReimbursementId::parse(&saga.id).expect("a reimbursement");
    assert_eq!((id.provider, id.seq > Seq(0)), (ProviderId::parse("clinic").expect("one"), true));
    assert_eq!(world.open_advance("adv_7").id.as_ref(), "adv_7");
    world.open_wallet("ann", 100, None);
    let saga = world.pay_at_once("ann", 100).expect("it is covered");
    let pending = world.wallets[&crate::stage::wallet("ann")].live.entity();
    let pending: Vec<_> = pending.pending_payments().map(|hold| &*hold.id).collect();
    assert_eq!(pending, [&*saga.id]);
}
