//! The whole system at rest: asked of its entities, read from its disk.
//!
//! Every entity that ever decided anything is asked how it stands. The records are given by
//! whoever has the disk; the sums by whoever has the shards.
//!
//! Invariant: an entity that has a record exists and answers.

use std::collections::{BTreeMap, BTreeSet};

use bursar_actors::books::Line;
use bursar_actors::job::{Answer, Ask, Inspection};
use bursar_actors::view::Summary;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, Kind, Seq, ShardId};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::{End, Phase};
use bursar_domain::{provider, wallet};

use super::outcome::member;
use super::{deal, drawn, fingerprint, place};
use crate::facts::picture::{self, Picture, SagaState};
use crate::facts::{Number, Who};

/// What the records of some entities say, for their rows.
#[derive(Default)]
struct Told {
    deals: BTreeMap<EntityId, Vec<deal::Placed>>,
    statements: BTreeMap<EntityId, picture::Statement>,
    noted: BTreeMap<EntityId, Vec<(u64, Number, i64)>>,
}

impl Told {
    fn hear(&mut self, seq: Seq, record: &Record) {
        let entity = &record.entity;
        match entity.kind {
            Kind::Deal => {
                let steps = self.deals.entry(entity.clone()).or_default();
                deal::steps(seq, record, steps);
            }
            Kind::Statement => {
                let empty = || picture::Statement {
                    wallet: member('w', &entity.id),
                    taken: Vec::new(),
                    draws: Vec::new(),
                };
                let row = self.statements.entry(entity.clone()).or_insert_with(empty);
                drawn::statement(seq, record, row);
            }
            Kind::Provider => {
                let noted = self.noted.entry(entity.clone()).or_default();
                drawn::noted(seq, record, noted);
            }
            Kind::Wallet
            | Kind::Saga
            | Kind::Compensation
            | Kind::Advance
            | Kind::Run
            | Kind::Schedule
            | Kind::Campaign => {}
        }
    }
}

/// Takes the picture. Outcomes and third parties' entries are added by whoever has them.
pub fn picture<'a>(
    records: impl IntoIterator<Item = (ShardId, Seq, &'a Record)>,
    sums: &BTreeMap<Currency, Line>,
    ask: &mut dyn FnMut(EntityId, Ask) -> Answer,
) -> Picture {
    let mut picture = Picture::default();
    let mut entities = BTreeSet::new();
    let mut rows: Vec<_> = records.into_iter().collect();
    rows.sort_by_key(|(shard, seq, _)| (*shard, *seq));
    let mut told = Told::default();
    for (shard, seq, record) in rows {
        if !entities.contains(&record.entity) {
            entities.insert(record.entity.clone());
        }
        told.hear(seq, record);
        picture.records.push(picture::Record {
            place: place(shard, seq),
            who: Who::of(record.entity.kind.as_str(), &record.entity.id),
            key: record.key.as_ref().map(|key| member('k', &key.text)),
            refused: matches!(record.verdict, Verdict::Refused(_)),
            fingerprint: fingerprint(record),
        });
    }
    for entity in entities {
        look(&mut picture, entity, &mut told, ask);
    }
    picture.statements = told.statements.into_values().collect();
    picture.wallets.sort_by_key(|wallet| wallet.number);
    picture.providers.sort_by_key(|provider| provider.number);
    picture.deals.sort_by_key(|deal| deal.number);
    picture.books = sums.iter().map(|(currency, line)| books(*currency, line)).collect();
    picture
}

fn look(
    picture: &mut Picture,
    entity: EntityId,
    told: &mut Told,
    ask: &mut dyn FnMut(EntityId, Ask) -> Answer,
) {
    let answer = ask(entity.clone(), Ask::Inspect);
    let Answer::Inspected(inspection) = answer else { panic!("{entity}: {answer:?}") };
    let Some(seen) = &inspection.seen else { return };
    match &seen.summary {
        Summary::Wallet(summary) => picture.wallets.push(wallet(&entity, summary, &inspection)),
        Summary::Provider(summary) => {
            let noted = told.noted.remove(&entity).unwrap_or_default();
            picture.providers.push(provider(&entity, summary, noted));
        }
        Summary::Saga(saga) => {
            let state = state(saga.phase());
            picture.sagas.push(saga_row(&entity, state, saga.held().minor(), &inspection));
        }
        Summary::Deal(summary) => {
            let steps = told.deals.remove(&entity).unwrap_or_default();
            picture.deals.push(deal::deal(&entity, summary, steps));
        }
        Summary::Compensation(compensation) => {
            let state =
                if compensation.is_finished() { SagaState::Done } else { SagaState::Undoing };
            let held = compensation.held().minor();
            picture.sagas.push(saga_row(&entity, state, held, &inspection));
        }
        Summary::Campaign(summary) => picture.campaigns.push(drawn::campaign(&entity, summary)),
        Summary::Advance(advance) => picture.advances.extend(drawn::advance(&entity, advance)),
        Summary::Run(_) | Summary::Schedule(_) | Summary::Statement(_) => {}
    }
}

fn wallet(entity: &EntityId, summary: &wallet::Summary, seen: &Inspection) -> picture::Wallet {
    let holds = seen.holds.iter().map(|hold| (hold.id.to_string(), hold.amount.minor()));
    picture::Wallet {
        number: member('w', &entity.id),
        currency: summary.profile.currency.code(),
        credit_limit: summary.profile.credit_limit.minor(),
        frozen: summary.status == wallet::Status::Frozen,
        posted: summary.posted.minor(),
        held: summary.held.minor(),
        available: summary.available().minor(),
        holds: holds.collect(),
    }
}

fn provider(
    entity: &EntityId,
    summary: &provider::Summary,
    noted: Vec<(u64, Number, i64)>,
) -> picture::Provider {
    picture::Provider {
        number: member('p', &entity.id),
        currency: summary.profile.currency.code(),
        accrued: summary.accrued.minor(),
        in_reimbursement: summary.in_reimbursement().minor().into(),
        reimbursed: summary.reimbursed.minor(),
        noted,
    }
}

fn state(phase: &Phase) -> SagaState {
    match phase {
        Phase::Running => SagaState::Running,
        Phase::Undoing(_) => SagaState::Undoing,
        Phase::Ended(End::Done) => SagaState::Done,
        Phase::Ended(End::Failed(_)) => SagaState::Failed,
        Phase::Ended(End::Cancelled) => SagaState::Cancelled,
    }
}

fn saga_row(entity: &EntityId, state: SagaState, held: i64, seen: &Inspection) -> picture::Saga {
    picture::Saga {
        id: entity.id.to_string(),
        undoes: entity.kind == Kind::Compensation,
        state,
        held,
        waits_for: seen.waits_for.join("; "),
    }
}

fn books(currency: Currency, line: &Line) -> picture::Books {
    picture::Books {
        currency: currency.code(),
        accounts: line.accounts.minor(),
        external: line.external.minor(),
        in_transit: line.in_transit().minor(),
    }
}
