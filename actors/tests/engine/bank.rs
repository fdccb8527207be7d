//! A third party that gives no answer at first, so that sagas wait for an instant and ask again.
//!
//! How often it is asked in vain is a test's choice, for all calls of a saga alike. What is called
//! is written down in the order in which it came; a test can hold all answers back for a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bursar_actors::answers::Answers;
use bursar_domain::call::{Answered, Call, Reply};
use bursar_domain::id::EntityId;

/// An answer on its way back.
type Held = (Answers, EntityId, Answered);

#[derive(Default)]
struct State {
    calls: Vec<EntityId>,
    asked: BTreeMap<EntityId, u32>,
    is_holding: bool,
    held: Vec<Held>,
}

/// The third party.
pub(crate) struct Bank {
    /// So many calls of each saga in vain; the next one learns that it is done.
    in_vain: u32,
    state: Mutex<State>,
}

impl Bank {
    pub(crate) fn new(in_vain: u32) -> Self {
        Self { in_vain, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A saga calls.
    pub(crate) fn call(&self, way_back: &Answers, entity: EntityId, call: Call) {
        let mut state = self.lock();
        state.calls.push(entity.clone());
        let asked = state.asked.entry(entity.clone()).or_default();
        *asked += 1;
        let reply = if *asked <= self.in_vain {
            Reply::Unknown { reason: "no answer".into() }
        } else {
            Reply::Done { id: format!("bank-{}", entity.id).into(), url: None }
        };
        let answered = Answered { step: call.step, attempt: call.attempt, reply };
        if state.is_holding {
            state.held.push((way_back.clone(), entity, answered));
            return;
        }
        drop(state);
        way_back.bring(entity, answered);
    }

    /// Who has called so far, in order.
    pub(crate) fn calls(&self) -> Vec<EntityId> {
        self.lock().calls.clone()
    }

    /// Forgets who has called.
    pub(crate) fn forget(&self) {
        self.lock().calls.clear();
    }

    /// From now on, gives no answers.
    pub(crate) fn hold(&self) {
        self.lock().is_holding = true;
    }

    /// How many answers are held.
    pub(crate) fn held(&self) -> usize {
        self.lock().held.len()
    }

    /// Gives the answers that are held; later ones as they come.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        state.is_holding = false;
        let held = std::mem::take(&mut state.held);
        drop(state);
        for (way_back, entity, answered) in held {
            way_back.bring(entity, answered);
        }
    }
}
