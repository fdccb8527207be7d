//! Lists of entities of a kind, ascending by id: those in memory and those on disk as one.
//!
//! What is new may be in memory only, what is old on disk only; an id that is in both stands once.
//! How each stands is seen in memory, or asked of its actor, which is started for it.

use bursar_actors::job::{Answer, Ask};
use bursar_actors::view::Seen;
use bursar_domain::id::{EntityId, Kind};

use crate::http::State;
use crate::http::problem::Problem;

/// The ids of the first entities of a kind after one, in memory or on disk.
pub(crate) async fn ids_after(
    state: &State,
    kind: Kind,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<EntityId>, Problem> {
    // Memory first: one that leaves it meanwhile has been saved before and is found on disk.
    let mut ids = state.engine.residents_of(kind);
    ids.retain(|id| after.is_none_or(|after| &*id.id > after));
    let start = after.map(str::to_owned);
    let read = state.engine.read(move |archive| archive.entities_of(kind, start.as_deref(), limit));
    ids.extend(read.await?);
    ids.sort();
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

/// How entities stand; those that do not exist are left out.
pub(crate) async fn standing(
    state: &State,
    ids: Vec<EntityId>,
) -> Result<Vec<(EntityId, Seen)>, Problem> {
    let mut seen: Vec<(EntityId, Option<Seen>)> = ids
        .into_iter()
        .map(|id| {
            let seen = state.engine.see(&id);
            (id, seen)
        })
        .collect();
    let absent = seen.iter().filter(|(_, seen)| seen.is_none());
    let asks: Vec<_> = absent.map(|(id, _)| (id.clone(), Ask::Summary)).collect();
    let mut answers = state.engine.ask_all(asks).await.answers().await.into_iter();
    for (_, seen) in seen.iter_mut().filter(|(_, seen)| seen.is_none()) {
        match answers.next() {
            Some(Answer::Summary(found)) => *seen = found,
            Some(
                Answer::Decided { .. }
                | Answer::Rejected(_)
                | Answer::Payment { .. }
                | Answer::Investment { .. }
                | Answer::Recent { .. }
                | Answer::Judged(_)
                | Answer::Known(_)
                | Answer::Rewards(_)
                | Answer::Inspected(_)
                | Answer::Overloaded,
            )
            | None => return Err(Problem::overloaded()),
        }
    }
    Ok(seen.into_iter().filter_map(|(id, seen)| Some((id, seen?))).collect())
}
