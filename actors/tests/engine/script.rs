//! A workload that is run again from its start after every crash, as clients do that were not
//! answered.
//!
//! Each step has its own idempotency key, so running a script again asks for nothing new: what was
//! answered before must be answered again to the letter, and what was not is decided now or was
//! decided before, but once. What was answered stands in [`Answered`], which outlives the engines.

use std::collections::BTreeMap;

use bursar_actors::job::Answer;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet;

use crate::asks::{
    To, decided, deposit, euro, open, pay, provider_id, refund, register, to_wallet, wallet_id,
};
use crate::audit;
use crate::world::Running;

/// One step. Wallets and providers are numbers.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Money comes in.
    Deposit(usize, i64),
    /// A wallet pays a provider.
    Pay(usize, usize, i64),
    /// The wallet of an earlier step asks for the money of its payment back, if it was one.
    Refund(usize, Option<i64>),
    /// A hold is placed under a number.
    Hold(usize, u8, i64),
    /// A hold is released.
    Release(usize, u8),
    /// A wallet is frozen, or may pay again.
    Freeze(usize, bool),
    /// Everything is saved, while the next steps go on.
    Save,
}

/// A workload: groups of steps, each handed on together and answered before the next.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) wallets: usize,
    pub(crate) providers: usize,
    pub(crate) groups: Vec<Vec<Step>>,
}

/// What was answered, by the number of the question.
pub(crate) type Answered = BTreeMap<usize, (EntityId, Seq, Record)>;

fn wallet_name(number: usize) -> String {
    format!("wallet-{number}")
}

fn provider_name(number: usize) -> String {
    format!("provider-{number}")
}

/// Which payment of which wallet a question was answered with.
fn paid(answered: &Answered, question: usize) -> Option<(String, Seq)> {
    let (id, seq, record) = answered.get(&question)?;
    let Verdict::Wallet(events) = &record.verdict else { return None };
    let is_paid = events.iter().any(|event| matches!(event, wallet::Event::Paid(_)));
    is_paid.then(|| (id.id.to_string(), *seq))
}

impl Script {
    /// All entities that can be in it.
    pub(crate) fn ids(&self) -> Vec<EntityId> {
        let wallets = (0..self.wallets).map(|number| wallet_id(&wallet_name(number)));
        let providers = (0..self.providers).map(|number| provider_id(&provider_name(number)));
        wallets.chain(providers).collect()
    }

    /// The number of the first question of a group: everyone is opened and registered before.
    pub(crate) fn first_of(&self, group: usize) -> usize {
        let steps: usize = self.groups[..group].iter().map(Vec::len).sum();
        self.wallets + self.providers + steps
    }

    fn question(step: &Step, number: usize, answered: &Answered) -> Option<To> {
        let key = format!("step-{number}");
        Some(match step {
            Step::Deposit(wallet, cents) => deposit(&wallet_name(*wallet), &key, *cents),
            Step::Pay(wallet, provider, cents) => {
                pay(&wallet_name(*wallet), &key, &provider_name(*provider), *cents)
            }
            Step::Refund(question, cents) => {
                let (wallet, payment) = paid(answered, *question)?;
                refund(&wallet, &key, payment, *cents)
            }
            Step::Hold(wallet, name, cents) => {
                let command = wallet::Command::Hold {
                    id: format!("hold-{name}").into(),
                    amount: Amount::from_minor(*cents),
                    currency: euro(),
                };
                to_wallet(&wallet_name(*wallet), &key, command)
            }
            Step::Release(wallet, name) => {
                let command = wallet::Command::Release { id: format!("hold-{name}").into() };
                to_wallet(&wallet_name(*wallet), &key, command)
            }
            Step::Freeze(wallet, true) => {
                to_wallet(&wallet_name(*wallet), &key, wallet::Command::Freeze)
            }
            Step::Freeze(wallet, false) => {
                to_wallet(&wallet_name(*wallet), &key, wallet::Command::Unfreeze)
            }
            Step::Save => return None,
        })
    }

    /// Runs all of it. False when the process would have ended on the way.
    pub(crate) async fn run(&self, running: &Running, answered: &mut Answered) -> bool {
        let opening: Vec<_> = (0..self.wallets).map(|number| open(&wallet_name(number))).collect();
        let registering = (0..self.providers).map(|number| register(&provider_name(number)));
        let everyone = opening.into_iter().chain(registering).enumerate().collect();
        if !ask_together(running, everyone, answered).await {
            return false;
        }
        for (number, group) in self.groups.iter().enumerate() {
            let first = self.first_of(number);
            let numbered = group.iter().zip(first..);
            let questions = numbered.filter_map(|(step, number)| {
                Self::question(step, number, answered).map(|question| (number, question))
            });
            let questions = questions.collect();
            let saves = group.iter().any(|step| matches!(step, Step::Save));
            let save = async {
                if saves {
                    running.unless_ended(running.engine.checkpoint()).await.is_some()
                } else {
                    true
                }
            };
            let (asked, saved) = tokio::join!(ask_together(running, questions, answered), save);
            if !(asked && saved) {
                return false;
            }
        }
        running.ended().is_none()
    }

    /// Everything that was answered stands in its entity's records, once.
    pub(crate) async fn check_answered(&self, running: &Running, answered: &Answered) {
        for id in self.ids() {
            let records = audit::records(running, &id).await;
            for (seq, record) in &records {
                let same = records.iter().filter(|(other, _)| other == seq).count();
                assert_eq!(same, 1, "{id} at {seq} stands once: {record:?}");
            }
            for (_, seq, record) in answered.values().filter(|(of, ..)| *of == id) {
                let kept = records.iter().find(|(other, _)| other == seq);
                let kept = kept.map(|(_, record)| record);
                assert_eq!(kept, Some(record), "{id} at {seq} was answered");
            }
        }
    }
}

/// Asks a group and notes the answers. False when the process would have ended before.
async fn ask_together(
    running: &Running,
    questions: Vec<(usize, To)>,
    answered: &mut Answered,
) -> bool {
    let (numbers, asks): (Vec<usize>, Vec<To>) = questions.into_iter().unzip();
    if numbers.is_empty() {
        return true;
    }
    let ids: Vec<EntityId> = asks.iter().map(|(id, _)| id.clone()).collect();
    let answers = async { running.engine.ask_all(asks).await.answers().await };
    let Some(answers) = running.unless_ended(answers).await else { return false };
    for ((number, id), answer) in numbers.into_iter().zip(ids).zip(answers) {
        note(number, id, &answer, answered);
    }
    true
}

fn note(number: usize, id: EntityId, answer: &Answer, answered: &mut Answered) {
    let (seq, record, replayed) = decided(answer);
    match answered.get(&number) {
        Some((_, first, then)) => {
            assert!(replayed, "question {number} was decided twice: {then:?}, {record:?}");
            assert_eq!((*first, then), (seq, record), "question {number} got another answer");
        }
        None => {
            answered.insert(number, (id, seq, record.clone()));
        }
    }
}
