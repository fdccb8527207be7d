//! What goes out of the process and comes back: calls through the gateways, errands.
//!
//! Third parties live by true time; the gateways by how long the process has run; what expires, by
//! the machine's clock. An answer that comes a second time goes past the gateway straight to who
//! called, which is worse than what a real connection can do.

use std::time::Duration;

use bursar_actors::clock::Clock;
use bursar_actors::gateway::core::Action;
use bursar_actors::gateway::queue::Ticket;
use bursar_actors::gateway::transport::Attempt;
use bursar_domain::call::{Call, Party};

use super::World;
use super::heap::OfProcess;

impl World<'_> {
    fn running(&self) -> Duration {
        Duration::from_micros(self.now_us - self.began_us)
    }

    /// Hands calls to their gateways and errands to the clerk.
    pub(super) fn send_out(&mut self) {
        loop {
            let Some(node) = &mut self.node else { return };
            let Some((entity, call)) = node.out.calls.borrow_mut().pop_front() else { break };
            let (running, wall) =
                (Duration::from_micros(self.now_us - self.began_us), self.clock.now());
            let party = node.gates.submit(running, wall, entity, call);
            self.poll(party);
        }
        loop {
            let Some(node) = &mut self.node else { return };
            let Some((entity, errand)) = node.out.errands.borrow_mut().pop_front() else { break };
            self.take_errand(entity, errand);
        }
    }

    /// A gateway does what is to be done.
    pub(super) fn poll(&mut self, party: Party) {
        let running = self.running();
        let polled = self.process_mut().gates.poll(running, party);
        for action in polled.actions {
            match action {
                Action::Send { ticket, call, .. } => self.attempt(party, ticket, &call),
                Action::Answer(entity, answered) => {
                    if let Some(after_us) = self.twice.take() {
                        let again = OfProcess::Again(entity.clone(), answered.clone());
                        self.later(after_us, again);
                    }
                    self.process_mut().bring(entity, answered);
                }
            }
        }
        if let Some(wake) = polled.wake
            && self.process_mut().gates.arm(party, wake)
        {
            let after = wake.saturating_sub(running).as_micros();
            let after = u64::try_from(after).expect("a wait is short");
            self.later(after + 1, OfProcess::Gate(party));
        }
    }

    fn attempt(&mut self, party: Party, ticket: Ticket, call: &Call) {
        self.counts.attempts += 1;
        let came = self.parties.attempt(self.clock.true_ms(), party, call);
        self.trace.tell(self.now_us, "call", || format!("{call:?} {came:?}"));
        let timeout = self.process_mut().gates.timeout;
        let mut in_time = None;
        for came in came {
            let after = Duration::from_millis(u64::try_from(came.after_ms).expect("above zero"));
            if in_time.is_none() && after <= timeout {
                in_time = Some(after);
                let after = u64::try_from(after.as_micros()).expect("a wait is short");
                self.later(after, OfProcess::Ended(party, ticket, Box::new(came.attempt)));
            } else if let Some(first) = in_time {
                let gap = after.saturating_sub(first).as_micros();
                let gap = u64::try_from(gap).expect("a wait is short");
                self.repeated.insert((party, ticket), gap);
            }
        }
        if in_time.is_none() {
            let after = u64::try_from(timeout.as_micros()).expect("a wait is short");
            let attempt = Attempt::unknown(format!("no answer in {} ms", timeout.as_millis()));
            self.later(after, OfProcess::Ended(party, ticket, Box::new(attempt)));
        }
    }

    /// An attempt has ended.
    pub(super) fn ended(&mut self, party: Party, ticket: Ticket, attempt: Attempt) {
        let running = self.running();
        self.trace.step(self.now_us, "ended", &[ticket.0]);
        self.twice = self.repeated.remove(&(party, ticket));
        self.process_mut().gates.ended(running, party, ticket, attempt);
        self.poll(party);
        self.twice = None;
    }
}
