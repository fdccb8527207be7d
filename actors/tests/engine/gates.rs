//! Gates: a call to the store or the clock is held up until the test lets it pass.
//!
//! Every call of a kind arrives at the gate of its kind. An open gate counts and lets pass; a closed
//! one holds the calling thread, which is what a slow disk does. So a test can look at the engine in
//! the middle of something, for as long as it likes, without any clock.
//!
//! When the world of a test ends, also by a failed assertion, all gates open: no thread stays held.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// The kinds of call that can be held up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Call {
    /// The committer writes records.
    Append,
    /// The storage thread saves entities.
    Save,
    /// The storage thread looks up a record, for a key or a payment.
    LookUp,
    /// A shard's thread answers a client that keeps it busy ([`Gates::stall`]).
    Answer(u8),
}

#[derive(Default)]
struct Gate {
    closed: bool,
    passes: u64,
    waiting: u64,
    arrived: u64,
}

/// A waiting client that, when its answer is there, holds the thread that brings it.
struct Stalling {
    gates: Arc<Gates>,
    number: u8,
}

impl Wake for Stalling {
    fn wake(self: Arc<Self>) {
        self.gates.pass(Call::Answer(self.number));
    }
}

/// All gates of a world.
#[derive(Default)]
pub(crate) struct Gates {
    by_call: Mutex<BTreeMap<Call, Gate>>,
    /// When set, the archive does not find records of history that are there.
    pub(crate) history_lost: AtomicBool,
    changed: Condvar,
}

impl Gates {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Call, Gate>> {
        self.by_call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, call: Call, change: impl FnOnce(&mut Gate)) {
        change(self.lock().entry(call).or_default());
        self.changed.notify_all();
    }

    /// A call arrives, and returns when it may pass.
    pub(crate) fn pass(&self, call: Call) {
        let mut gates = self.lock();
        let gate = gates.entry(call).or_default();
        gate.arrived += 1;
        gate.waiting += 1;
        loop {
            let gate = gates.entry(call).or_default();
            if !gate.closed || gate.passes > 0 {
                gate.passes = gate.passes.saturating_sub(1);
                gate.waiting -= 1;
                return;
            }
            gates = self.changed.wait(gates).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Asks so that the thread which answers is held, in the middle of its turn, until
    /// [`Call::Answer`] of this number is let pass. What is returned must be kept until then.
    pub(crate) fn stall<F: Future>(
        self: &Arc<Self>,
        number: u8,
        ask: impl Fn() -> F,
    ) -> Pin<Box<F>> {
        self.close(Call::Answer(number));
        let waker = Waker::from(Arc::new(Stalling { gates: Arc::clone(self), number }));
        loop {
            let mut answer = Box::pin(ask());
            // An answer that comes while it is asked for holds nobody. Polled without the runtime's
            // budget: when that is used up, the runtime would wake us, on this very thread.
            let mut polled = std::pin::pin!(tokio::task::unconstrained(answer.as_mut()));
            if polled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                return answer;
            }
        }
    }

    /// Holds calls of this kind from now on.
    pub(crate) fn close(&self, call: Call) {
        self.change(call, |gate| (gate.closed, gate.passes) = (true, 0));
    }

    /// Lets all calls of this kind pass.
    pub(crate) fn open(&self, call: Call) {
        self.change(call, |gate| gate.closed = false);
    }

    /// Lets one call of this kind pass.
    pub(crate) fn let_one(&self, call: Call) {
        self.change(call, |gate| gate.passes += 1);
    }

    /// How many calls are held now.
    pub(crate) fn waiting(&self, call: Call) -> u64 {
        self.lock().get(&call).map_or(0, |gate| gate.waiting)
    }

    /// How many calls have arrived so far.
    pub(crate) fn arrived(&self, call: Call) -> u64 {
        self.lock().get(&call).map_or(0, |gate| gate.arrived)
    }

    /// Lets everything pass from now on.
    pub(crate) fn open_all(&self) {
        for gate in self.lock().values_mut() {
            gate.closed = false;
        }
        self.changed.notify_all();
    }
}
