//! What must hold when nothing is left to happen: everything once, or nothing left behind.
//!
//! Of each saga that is done the money was pulled or pushed once and the documents stand; of each
//! that is not, nothing was pulled that was not given back, nothing was pushed, no documents
//! stand. No hold, mark, place or expected money is left; every account holds what its records
//! moved; the outcome was told once.

use std::collections::BTreeMap;

use bursar_domain::entity::{Due, Entity};
use bursar_domain::id::{EntityId, WalletId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Outcome, OutcomeKind};
use bursar_domain::record::Recorded;
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{End, Phase, Saga, Subject};

use crate::model::Stand;
use crate::stage::provider;
use crate::world::{Accounts, World};

/// How a saga ended, in short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Done,
    Failed(String),
    Cancelled,
}

impl World {
    /// Runs to the end and checks everything; says how each saga ended.
    pub(crate) fn settled(&mut self) -> BTreeMap<EntityId, Ending> {
        self.run();
        assert!(self.flights.is_empty(), "{:?}", self.flights);
        let open = self.streams.values().filter(|stream| stream.arrived < stream.sent.len());
        assert_eq!(open.count(), 0, "every message has arrived");
        let sagas = self.sagas.iter().filter_map(|(id, account)| {
            let saga = account.live.entity();
            Some((id.clone(), (saga.subject()?.clone(), self.ending(id, saga))))
        });
        let sagas: BTreeMap<_, _> = sagas.collect();
        for (id, (subject, ending)) in &sagas {
            self.check_outside(id, subject, ending);
            self.check_told(subject, ending);
        }
        self.check_wallets(&sagas);
        self.check_deals(&sagas);
        self.check_counterparts(&sagas);
        let rewards = self.check_rewards(&sagas);
        self.check_books(rewards);
        sagas.into_iter().map(|(id, (_, ending))| (id, ending)).collect()
    }

    fn ending(&self, id: &EntityId, saga: &Saga) -> Ending {
        assert_eq!((saga.due(), saga.held().minor()), (Due::Nothing, 0), "{id}");
        let compensation = self.compensation(id);
        if let Some(compensation) = compensation {
            assert!(compensation.is_finished(), "{id} is undone");
            assert_eq!((compensation.due(), compensation.held().minor()), (Due::Nothing, 0));
            assert_eq!(compensation.stuck(), None, "{id}");
        }
        let Phase::Ended(end) = saga.phase() else { panic!("{id}: {:?}", saga.phase()) };
        assert_eq!(compensation.is_none(), *end == End::Done, "{id}: {end:?}");
        match end {
            End::Done => Ending::Done,
            End::Failed(failure) => Ending::Failed(failure.code.to_string()),
            End::Cancelled => Ending::Cancelled,
        }
    }

    fn has_mail(&self, wallet: &WalletId) -> bool {
        let wallet = self.wallets[&EntityId::wallet(wallet)].live.entity();
        wallet.summary().expect("open").profile.email.is_some()
    }

    fn check_outside(&self, id: &EntityId, subject: &Subject, ending: &Ending) {
        let is_done = *ending == Ending::Done;
        let (moves, documents, mails) = match subject {
            Subject::Investment(investment) => {
                let mails = usize::from(self.has_mail(&investment.wallet));
                (i64::from(investment.funding == Funding::Bank), 1, mails)
            }
            Subject::Deposit(_) => (1, 0, 0),
            Subject::Payment(_) | Subject::Reimbursement(_) | Subject::Advance(_) => (-1, 0, 0),
            Subject::Reward(reward) => (0, 0, usize::from(self.has_mail(&reward.id.wallet))),
        };
        let net = if is_done { moves * subject.amount().minor() } else { 0 };
        assert_eq!(self.parties.net(&id.id, self.now), net, "{id}: {ending:?}");
        assert!(self.parties.booked(&id.id).0 <= 1, "{id}: moved twice");
        let standing = if is_done { documents } else { 0 };
        assert_eq!(self.parties.documents(&id.id), standing, "{id}: {ending:?}");
        // A mail may be given up, but is written for nothing else and under one key.
        assert!(self.parties.mails(&id.id) <= if is_done { mails } else { 0 }, "{id}");
    }

    /// The outcomes about what a saga brought about.
    fn outcomes(&self, subject: &Subject) -> Vec<&Outcome> {
        let (seq, word) = match subject {
            Subject::Investment(investment) => (investment.id.seq, "investment"),
            Subject::Deposit(deposit) => (deposit.seq, "deposit"),
            Subject::Payment(payment) => (payment.seq, "payment"),
            Subject::Reward(reward) => return self.told_of(&reward.id),
            // Theirs are not told by sagas, and providers and advances are only played.
            Subject::Reimbursement(_) | Subject::Advance(_) => return Vec::new(),
        };
        let of_this = |told: &&Outcome| {
            let kind = told.kind.as_str().split('.').next();
            told.seq == seq && told.wallet.as_ref() == subject.wallet() && kind == Some(word)
        };
        let mut told: Vec<_> = self.told.iter().filter(of_this).collect();
        if told.first().is_some_and(|first| first.kind == OutcomeKind::InvestmentReserved) {
            told.remove(0);
        }
        told
    }

    fn check_told(&self, subject: &Subject, ending: &Ending) {
        let kind = match (subject, ending) {
            (Subject::Investment(_), Ending::Done) => OutcomeKind::InvestmentConfirmed,
            (Subject::Investment(_), Ending::Failed(_)) => OutcomeKind::InvestmentFailed,
            (Subject::Investment(_), Ending::Cancelled) => OutcomeKind::InvestmentCancelled,
            (Subject::Deposit(_), Ending::Done) => OutcomeKind::DepositPosted,
            (Subject::Deposit(_), Ending::Failed(_) | Ending::Cancelled) => {
                OutcomeKind::DepositFailed
            }
            (Subject::Payment(_), Ending::Done) => OutcomeKind::PaymentPosted,
            (Subject::Payment(_), Ending::Failed(_) | Ending::Cancelled) => {
                OutcomeKind::PaymentFailed
            }
            (Subject::Reward(_), Ending::Done) => OutcomeKind::RewardGranted,
            (Subject::Reward(_), Ending::Failed(_) | Ending::Cancelled) => {
                OutcomeKind::RewardRefused
            }
            (Subject::Reimbursement(_) | Subject::Advance(_), _) => {
                let expected = match ending {
                    Ending::Done => Ok(()),
                    Ending::Failed(code) => Err(code.clone()),
                    Ending::Cancelled => Err("cancelled".to_owned()),
                };
                return assert_eq!(self.known_end(subject), Some(&expected), "{subject:?}");
            }
        };
        let told = self.outcomes(subject);
        let [outcome] = &*told else { panic!("told {} times: {told:?}", told.len()) };
        assert_eq!((outcome.kind, outcome.amount), (kind, subject.amount()), "{outcome:?}");
        if let Subject::Payment(payment) = subject {
            assert_eq!(outcome.provider.as_ref(), Some(&payment.provider), "{outcome:?}");
            let words = (outcome.description.as_deref(), outcome.effective_at);
            assert_eq!(words, (Some("glasses"), payment.effective_at), "{outcome:?}");
        }
    }

    fn check_wallets(&self, sagas: &BTreeMap<EntityId, (Subject, Ending)>) {
        for (id, account) in &self.wallets {
            let wallet = account.live.entity();
            assert_eq!((wallet.holds(), wallet.expected()), (&[][..], &[][..]), "{id}");
            let seen = wallet.summary().expect("it is open");
            assert_eq!((seen.held.minor(), seen.pending_investments), (0, None), "{id}");
            assert_eq!(seen.pending_payments, None, "{id}");
            let brought: i64 = self.deposited.get(id).copied().unwrap_or_default();
            let moved = sagas.values().map(|(subject, ending)| match (subject, ending) {
                _ if subject.wallet().map(EntityId::wallet).as_ref() != Some(id) => 0,
                (Subject::Payment(payment), Ending::Done) => -payment.amount.minor(),
                (Subject::Deposit(deposit), Ending::Done) => deposit.amount.minor(),
                (Subject::Reward(reward), Ending::Done) => reward.amount.minor(),
                (Subject::Investment(investment), Ending::Done)
                    if investment.funding == Funding::Wallet =>
                {
                    -investment.amount.minor()
                }
                _ => 0,
            });
            let taken_back = self.taken_back(id);
            assert_eq!(seen.posted.minor(), brought + moved.sum::<i64>() - taken_back, "{id}");
        }
    }

    fn check_deals(&self, sagas: &BTreeMap<EntityId, (Subject, Ending)>) {
        for (id, account) in &self.deals {
            let seen = account.live.entity().summary().expect("it is open");
            assert_eq!((seen.reserved.minor(), seen.reserved_count, seen.waiting), (0, 0, 0));
            let done = sagas.values().filter_map(|(subject, ending)| match subject {
                Subject::Investment(one) if *ending == Ending::Done => {
                    (EntityId::deal(&one.id.deal) == *id).then(|| one.amount.minor())
                }
                Subject::Investment(_)
                | Subject::Deposit(_)
                | Subject::Payment(_)
                | Subject::Reimbursement(_)
                | Subject::Advance(_)
                | Subject::Reward(_) => None,
            });
            assert_eq!(seen.confirmed.minor(), done.sum::<i64>(), "{id}");
            let model = &self.models[id];
            assert_eq!(seen.confirmed.minor(), model.sum(Stand::Confirmed), "{id}");
            assert_eq!(seen.seats_taken, model.wallets(Stand::Confirmed).len(), "{id}");
        }
    }

    /// What is done reached a provider's bank once, and nothing else did.
    fn check_counterparts(&self, sagas: &BTreeMap<EntityId, (Subject, Ending)>) {
        let settled = self.counterparts.values().flat_map(|one| one.settled.clone());
        let done = sagas.iter().filter_map(|(id, (subject, ending))| {
            let is_settled = matches!(subject, Subject::Payment(_)) && *ending == Ending::Done;
            is_settled.then(|| (id.id.to_string(), subject.amount().minor()))
        });
        let settled: BTreeMap<_, _> = settled.collect();
        assert_eq!(settled, done.collect());
        let played: i64 = self.counterparts.values().map(|one| one.balance).sum();
        let moved = sagas.values().map(|(subject, ending)| match (subject, ending) {
            (Subject::Reimbursement(_) | Subject::Advance(_), Ending::Done) => {
                -subject.amount().minor()
            }
            _ => 0,
        });
        let brought = self.deposited.get(&provider()).copied().unwrap_or_default();
        assert_eq!(played, brought + moved.sum::<i64>());
    }

    /// What campaigns gave came from outside, too.
    fn check_books(&self, rewards: i64) {
        let books = self.books;
        assert_eq!(books.sent, books.received, "nothing is between entities");
        assert_eq!(books.accounts + books.external, 0, "the books balance");
        let outside = self.parties.net_of_all(self.now) + self.deposited.values().sum::<i64>();
        assert_eq!(books.external, -outside - rewards, "the books agree with the world outside");
        check_accounts(&self.wallets, |wallet| wallet.summary().expect("open").posted.minor());
        check_accounts(&self.deals, |deal| deal.summary().expect("open").confirmed.minor());
        check_accounts(&self.sagas, |saga| saga.held().minor());
        check_accounts(&self.compensations, |undoing| undoing.held().minor());
        check_accounts(&self.campaigns, |_| 0);
    }
}

/// Each holds what its records moved, and replaying them gives the same state.
fn check_accounts<E: Recorded>(accounts: &Accounts<E>, balance: impl Fn(&E) -> i64) {
    let bytes = |machine: &Machine<E>| {
        bincode::encode_to_vec(machine, bincode::config::standard()).expect("encodes")
    };
    for (id, account) in accounts {
        let mut moved = 0;
        let mut replayed = Machine::<E>::default();
        for (seq, record) in &account.records {
            record.movements(|movement| moved += movement.account.minor());
            replayed.apply(record, *seq);
        }
        assert_eq!(balance(account.live.entity()), moved, "{id}");
        assert!(bytes(&account.live) == bytes(&replayed), "{id}: replay is live");
    }
}
