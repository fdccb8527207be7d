//! Lives of deals, sagas, compensations and the wallets that take part, event by event.
//!
//! Each record is one that the rules could have written; together they have every event that came
//! with deals and sagas; `numbers.rs` knows them all. They stand in released files, so none is
//! ever changed.

use std::sync::Arc;

use bursar_domain::call::{Call, Lane};
use bursar_domain::code::{Code, Rejection};
use bursar_domain::compensation::{self, Refused, Undo, Undoing};
use bursar_domain::deal::event::Ticketed;
use bursar_domain::deal::{self, Decision, Waiting};
use bursar_domain::id::{DealId, EntityId, InvestmentId, Seq, WalletId};
use bursar_domain::message::{Asker, Body, Source};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::deposit::Deposit;
use bursar_domain::saga::investment::{Funding, Investment};
use bursar_domain::saga::subject::Act;
use bursar_domain::saga::{self, Action, End, Failure, Found, Sent, StepName, Subject};
use bursar_domain::time::Timestamp;
use bursar_domain::wallet::event::{Invested, Marked, PullBooked, PullRequested};
use bursar_domain::wallet::{self, Hold};

use super::messages::{bodies, requests};
use super::{amount, at, eur, key, source, total};

/// The records of one entity, each with its position.
pub(crate) type Life = Vec<(Seq, Record)>;

/// When everything happens.
const NOW: i64 = 1_763_633_730_123;

pub(crate) fn now(millis: i64) -> Timestamp {
    at(NOW + millis)
}

pub(super) fn alpha() -> DealId {
    DealId::parse("alpha").expect("well formed")
}

pub(super) fn wallet_id(id: &str) -> WalletId {
    WalletId::parse(id).expect("well formed")
}

pub(super) fn wallet_of(id: &str) -> EntityId {
    EntityId::wallet(&wallet_id(id))
}

pub(super) fn saga_of(id: &str, step: u8) -> Asker {
    Asker { entity: EntityId::saga(id), step }
}

pub(super) fn compensation_of(id: &str, step: u8) -> Asker {
    Asker { entity: EntityId::compensation(&Arc::from(id)), step }
}

pub(crate) fn failure() -> Failure {
    Failure::new("insufficient_funds", "the bank said no: nedostatek prostředků")
}

pub(super) fn rejection(code: Code) -> Rejection {
    Rejection::new(code, format!("because of {code}"))
}

/// The records of a life that begins at a position.
pub(super) fn life(entity: &EntityId, first: u64, verdicts: Vec<Verdict>) -> Life {
    let record = |(seq, verdict): (u64, Verdict)| {
        let asked = (seq % 4 == 0).then(|| key(&format!("key-{seq}")));
        let at = now(i64::try_from(seq).expect("small"));
        (Seq(seq), Record { at, entity: entity.clone(), key: asked, verdict })
    };
    (first..).zip(verdicts).map(record).collect()
}

pub(super) fn investment(
    seq: u64,
    ticket: u64,
    wallet: &str,
    minor: i64,
    funding: Funding,
) -> Subject {
    Subject::Investment(Investment {
        id: InvestmentId { deal: alpha(), seq: Seq(seq) },
        ticket,
        wallet: wallet_id(wallet),
        amount: amount(minor),
        currency: eur(),
        funding,
    })
}

fn profile() -> deal::Profile {
    deal::Profile {
        name: "Alpha – Měsíc".into(),
        currency: eur(),
        amount: amount(100_000),
        investors_max: 3,
        investment_min: Some(amount(100)),
        investment_max: Some(amount(90_000)),
        opens_at: Some(at(1_700_000_000_000)),
        closes_at: Some(at(1_900_000_000_123)),
    }
}

/// A deal with a place, a line, and what becomes of it.
pub(crate) fn deal() -> Life {
    let ticket = |ticket, wallet, minor, funding, decision| {
        deal::Event::Ticketed(Ticketed {
            ticket,
            wallet: wallet_id(wallet),
            amount: amount(minor),
            currency: eur(),
            funding,
            decision,
        })
    };
    let waiting = |seq, ticket, wallet, minor, funding| Waiting {
        investment: Seq(seq),
        ticket,
        wallet: wallet_id(wallet),
        amount: amount(minor),
        funding,
    };
    let refused = Decision::Refused {
        rejection: rejection(Code::AmountExceedsRemaining),
        request_id: "req_0198".into(),
    };
    let (bank, own) = (Funding::Bank, Funding::Wallet);
    let decisions = vec![
        vec![deal::Event::Opened(Arc::new(profile()))],
        vec![ticket(1, "alice", 40_000, bank, Decision::Reserved)],
        vec![ticket(2, "bob", 60_000, own, Decision::Reserved)],
        vec![ticket(3, "carol", 30_000, bank, Decision::Waiting(1))],
        vec![ticket(4, "dave", 50_000, own, Decision::Waiting(2))],
        vec![ticket(5, "erin", 20_000, bank, Decision::Waiting(3))],
        vec![ticket(6, "frank", 90_000, bank, refused)],
        vec![deal::Event::Confirmed {
            source: source(3, 500),
            by: saga_of("inv_12_alpha", 5),
            investment: Seq(12),
            amount: amount(40_000),
            currency: eur(),
            balance_after: total(40_000),
        }],
        vec![
            deal::Event::Freed {
                source: source(4, 77),
                by: compensation_of("inv_13_alpha", 1),
                investment: Seq(13),
            },
            deal::Event::Promoted {
                places: vec![waiting(14, 3, "carol", 30_000, bank)],
                currency: eur(),
            },
            deal::Event::Unfinished,
        ],
        vec![
            deal::Event::Continued { source: source(2, 19) },
            deal::Event::LineRefused {
                places: vec![(waiting(15, 4, "dave", 50_000, own), failure())],
                currency: eur(),
            },
        ],
        vec![deal::Event::Withdrawn {
            place: waiting(16, 5, "erin", 20_000, bank),
            currency: eur(),
        }],
        vec![deal::Event::Closed],
    ];
    life(&EntityId::deal(&alpha()), 11, decisions.into_iter().map(Verdict::Deal).collect())
}

/// A message to a wallet or deal, by its number.
fn send(to: EntityId, body: usize) -> Action {
    Action::Send(to, Box::new(bodies().swap_remove(body)))
}

/// A call, by the number of its request.
fn call_of(step: u8, attempt: u32, request: usize, lane: Lane) -> Call {
    let key = format!("inv_12_alpha/{step}").into();
    let request = requests().swap_remove(request);
    Call { step, attempt, key, lane, not_after: now(60_000), request }
}

fn call(step: u8, attempt: u32, request: usize, lane: Lane) -> Action {
    Action::Call(Box::new(call_of(step, attempt, request, lane)))
}

pub(super) fn begun(step: u8, action: Action) -> saga::Event {
    saga::Event::StepBegun { step, at: now(0), deadline: now(60_000), action }
}

pub(super) fn done(step: u8, source: Option<Source>, found: Found) -> saga::Event {
    saga::Event::StepDone { step, at: now(1), source, found }
}

pub(super) fn unanswered(step: u8, sent: Sent) -> saga::Event {
    let (reason, retry_at) = ("the connection broke".into(), now(250));
    saga::Event::CallUnanswered { step, at: now(2), reason, sent, retry_at }
}

/// A saga that comes to its end, over some obstacles.
pub(crate) fn saga() -> Life {
    let subject = Arc::new(investment(12, 1, "alice", 40_000, Funding::Bank));
    let contact =
        Found::Contact { email: Some("alice@example.com".into()), account: "tok_alice".into() };
    let pulled =
        Found::Pulled { transaction: "tr_1".into(), amount: amount(40_000), currency: eur() };
    let documents = Found::Documents { id: "doc_1".into(), url: Some("https://e.org/1".into()) };
    let repeated = |call| saga::Event::CallRepeated { at: now(300), call: Box::new(call) };
    let at = now(0);
    let decisions = vec![
        vec![
            saga::Event::Begun { source: source(2, 12), at, subject: Arc::clone(&subject) },
            begun(1, send(wallet_of("alice"), 4)),
        ],
        vec![done(1, Some(source(0, 900)), contact), begun(2, call(2, 1, 0, Lane::Interactive))],
        vec![unanswered(2, Sent::Perhaps)],
        vec![repeated(call_of(2, 2, 1, Lane::Interactive))],
        vec![done(2, None, pulled), begun(3, call(3, 1, 3, Lane::Interactive))],
        vec![unanswered(3, Sent::No)],
        vec![repeated(call_of(3, 2, 3, Lane::Interactive))],
        vec![done(3, None, documents), begun(4, send(wallet_of("alice"), 5))],
        vec![
            done(4, Some(source(0, 901)), Found::Nothing),
            begun(5, send(EntityId::deal(&alpha()), 9)),
        ],
        vec![done(5, Some(source(2, 18)), Found::Nothing), begun(6, call(6, 1, 5, Lane::Batch))],
        vec![
            saga::Event::StepFailed { step: 6, at, source: None, failure: failure() },
            saga::Event::Ended { at, source: None, end: End::Done, subject },
        ],
    ];
    let entity = EntityId::saga("inv_12_alpha");
    life(&entity, 30, decisions.into_iter().map(Verdict::Saga).collect())
}

/// What the saga of `inv_14_alpha` hands over.
pub(super) fn undoing() -> Undoing {
    let subject = Arc::new(investment(14, 3, "carol", 30_000, Funding::Bank));
    let send = |to, body: Body| Act::Send(to, Box::new(body));
    let unmark = Body::Unmark { by: compensation_of("inv_14_alpha", 1) };
    let free = Body::Free { by: compensation_of("inv_14_alpha", 2), investment: Seq(14) };
    let undos = vec![
        Undo { name: StepName::Pull, act: Act::Call(requests().swap_remove(2), Lane::Undo) },
        Undo { name: StepName::Mark, act: send(wallet_of("carol"), unmark) },
        Undo { name: StepName::Reserve, act: send(EntityId::deal(&alpha()), free) },
    ];
    Undoing { saga: "inv_14_alpha".into(), subject, undos, money: amount(30_000) }
}

/// A saga that is cancelled before it begins, and undone.
pub(crate) fn cancelled_saga() -> Life {
    let Undoing { subject, .. } = undoing();
    let at = now(0);
    let pulled =
        Found::Pulled { transaction: "tr_1".into(), amount: amount(30_000), currency: eur() };
    let decisions = vec![
        vec![saga::Event::CancelAsked],
        vec![
            saga::Event::Begun { source: source(2, 19), at, subject: Arc::clone(&subject) },
            saga::Event::StepSkipped { step: 1, at, why: "nothing to do".into() },
            begun(2, call(2, 1, 0, Lane::Interactive)),
        ],
        vec![
            done(2, None, pulled),
            saga::Event::UndoingBegun { failure: None, undoing: Box::new(undoing()) },
        ],
        vec![saga::Event::Ended { at, source: Some(source(9, 3)), end: End::Cancelled, subject }],
    ];
    let entity = EntityId::saga("inv_14_alpha");
    life(&entity, 50, decisions.into_iter().map(Verdict::Saga).collect())
}

/// The saga of a deposit that fails once it has money from somewhere.
pub(crate) fn failed_saga() -> Life {
    let deposit = Deposit {
        wallet: wallet_id("bob"),
        seq: Seq(88),
        amount: amount(6_000),
        currency: eur(),
        account: "tok_bob".into(),
    };
    let (subject, at) = (Arc::new(Subject::Deposit(deposit)), now(0));
    let undoing = Undoing {
        saga: "txn_88_bob".into(),
        subject: Arc::clone(&subject),
        undos: vec![Undo { name: StepName::Expect, act: Act::Nothing("no need".into()) }],
        money: amount(6_000),
    };
    let money = Found::Money(amount(6_000), eur());
    let decisions = vec![
        vec![
            saga::Event::Begun { source: source(5, 88), at, subject: Arc::clone(&subject) },
            begun(1, send(wallet_of("bob"), 5)),
        ],
        vec![done(1, Some(source(5, 89)), money), begun(2, send(wallet_of("bob"), 4))],
        vec![
            saga::Event::StepFailed {
                step: 2,
                at,
                source: Some(source(5, 90)),
                failure: failure(),
            },
            saga::Event::UndoingBegun { failure: Some(failure()), undoing: Box::new(undoing) },
        ],
        vec![saga::Event::Ended {
            at,
            source: Some(source(9, 4)),
            end: End::Failed(failure()),
            subject,
        }],
    ];
    let entity = EntityId::saga("txn_88_bob");
    life(&entity, 60, decisions.into_iter().map(Verdict::Saga).collect())
}

/// A compensation that is refused, delayed, and comes to its end.
pub(crate) fn compensation() -> Life {
    let subject = undoing().subject;
    let tried =
        |step, attempt, action| compensation::Event::Tried { step, at: now(0), attempt, action };
    let refund = |attempt| call(0, attempt, 2, Lane::Undo);
    let delayed = |refused, stuck_after| compensation::Event::Delayed {
        step: 0,
        at: now(1),
        reason: "blocked: the account is closed".into(),
        refused,
        stuck_after,
        retry_at: now(500),
    };
    let undone = |step, source, minor| compensation::Event::Undone {
        step,
        at: now(2),
        source,
        returned: amount(minor),
        subject: Arc::clone(&subject),
    };
    let decisions = vec![
        vec![
            compensation::Event::Begun { source: source(11, 52), undoing: Arc::new(undoing()) },
            tried(0, 1, refund(1)),
        ],
        vec![delayed(Refused::Yes, 1)],
        vec![tried(0, 2, refund(2))],
        vec![delayed(Refused::No, 5)],
        vec![tried(0, 3, refund(3))],
        vec![delayed(Refused::Undecided, 5)],
        vec![tried(0, 4, call(0, 4, 1, Lane::Undo))],
        vec![undone(0, None, 30_000), tried(1, 1, send(wallet_of("carol"), 6))],
        vec![undone(1, Some(source(5, 95)), 0), tried(2, 1, send(EntityId::deal(&alpha()), 10))],
        vec![
            undone(2, Some(source(2, 23)), 0),
            compensation::Event::Finished { at: now(3), saga: EntityId::saga("inv_14_alpha") },
        ],
    ];
    let entity = EntityId::compensation(&Arc::from("inv_14_alpha"));
    life(&entity, 70, decisions.into_iter().map(Verdict::Compensation).collect())
}

fn marked(source: Source, id: &str, minor: i64, email: &str) -> wallet::Event {
    wallet::Event::Marked(Marked {
        source,
        by: saga_of(id, 1),
        hold: Hold { id: id.into(), amount: amount(minor) },
        currency: eur(),
        email: (!email.is_empty()).then(|| email.into()),
        account: (!email.is_empty()).then(|| "tok_bob".into()),
    })
}

fn pull(minor: i64, account: Option<&str>) -> wallet::Event {
    wallet::Event::PullRequested(PullRequested {
        amount: amount(minor),
        currency: eur(),
        account: account.map(Into::into),
        effective_at: account.map(|_| at(1_700_000_000_123)),
        description: account.map(|_| "savings".into()),
    })
}

/// A wallet that invests and has money pulled.
pub(crate) fn wallet() -> Life {
    let profile = wallet::Profile {
        currency: eur(),
        credit_limit: amount(0),
        owner: None,
        email: Some("bob@example.com".into()),
        bank_account: Some("tok_bob".into()),
    };
    let events = vec![
        wallet::Event::Opened(Arc::new(profile)),
        wallet::Event::Deposited(wallet::event::Deposited {
            amount: amount(100_000),
            currency: eur(),
            balance_after: amount(100_000),
            effective_at: None,
            description: None,
        }),
        marked(source(6, 50), "inv_13_alpha", 60_000, "bob@example.com"),
        wallet::Event::MarkRefused {
            source: source(6, 51),
            by: saga_of("inv_200_alpha", 1),
            rejection: rejection(Code::WalletFrozen),
        },
        marked(source(7, 1), "inv_201_alpha", 0, ""),
        wallet::Event::Invested(Invested {
            source: source(6, 52),
            by: saga_of("inv_13_alpha", 4),
            deal: alpha(),
            amount: amount(60_000),
            currency: eur(),
            balance_after: amount(40_000),
        }),
        wallet::Event::Unmarked { source: source(8, 3), by: compensation_of("inv_201_alpha", 1) },
        pull(5_000, Some("tok_other")),
        pull(6_000, None),
        pull(7_000, None),
        wallet::Event::PullBooked(PullBooked {
            source: source(9, 1),
            by: saga_of("txn_87_bob", 2),
            deposit: Seq(87),
            amount: amount(5_000),
            currency: eur(),
            balance_after: amount(45_000),
            effective_at: Some(at(1_700_000_000_123)),
        }),
        wallet::Event::PullAbandoned {
            source: source(10, 1),
            by: compensation_of("txn_88_bob", 0),
            deposit: Seq(88),
            amount: amount(6_000),
            currency: eur(),
            failure: failure(),
        },
    ];
    let verdicts = events.into_iter().map(|event| Verdict::Wallet(vec![event])).collect();
    life(&wallet_of("bob"), 80, verdicts)
}
