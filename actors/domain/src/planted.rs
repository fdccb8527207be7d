//! Planted bugs: mistakes that the simulator must find, each behind a switch that only tests have.
//!
//! A simulation that finds nothing proves nothing, until it has found what is known to be there. So
//! each [`Bug`] breaks one promise of the system at one place, as close to a real mistake as can be;
//! the place asks [`is`], in one line. The switch exists only with the feature `planted`, which is
//! off by default, and the server refuses to be built with it; without it, [`is`] is `false` at
//! compile time and the line is gone. With it, one thread plants one bug at a time ([`plant`]), so
//! that tests beside each other do not meet.
//!
//! What a bug does, and what it takes to show, stands at its name. Some stop the process by an
//! assertion of ours; that is a way of being found.
//!
//! Invariant: with nothing planted every line behaves as if it were not there.

/// A mistake that can be planted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Bug {
    /// A shard lets out answers, messages, calls and views when it hands its records to the committer.
    /// Shows with a crash between that and the sync: what was acknowledged is gone, a call was made
    /// of which no record knows. Invariant 6.
    ReplyBeforeSync,
    /// A view is set when its record is staged. Shows with a read before the sync and a crash that
    /// loses the record: what was read never was. Invariant 6.
    ReadBeforeSync,
    /// A provider takes a payment again that it has. Shows with a restart while the sending record is
    /// in the journal and the receiving one is durable: the provider has more than was paid.
    /// Invariant 11.
    CreditTwice,
    /// The mark of received messages is compared without its own position. Shows with a restart like
    /// [`Bug::CreditTwice`], for the last message from each shard, in every kind of entity; many of
    /// them assert. Invariant 11.
    HighWaterDoubles,
    /// The mark of received messages reaches one position too far. Shows without any fault, when two
    /// records in a row of one shard send to one entity: the second message is dropped, and its money
    /// stays in transit. Invariant 11.
    HighWaterLoses,
    /// The deal leaves out the oldest in its line when places are given. Shows when a place is freed
    /// and the oldest would fit: one behind gets it, or, with nothing else on its way, the oldest is
    /// refused. Invariants 3 and 18.
    WaitingListSkips,
    /// The compensation notes a pull as given back and does not ask for it. Shows whenever a saga
    /// fails or is cancelled after its pull: the processor has the money, we say it has not.
    /// Invariant 17.
    CompensationForgetsRefund,
    /// A checkpoint forgets the oldest keys of an entity without writing them. Shows when an entity
    /// had more than [`crate::key::RECENT_KEPT`] keys at a checkpoint and one of the first ones is
    /// used again: it is decided anew. Invariant 14.
    KeyLostAtCheckpoint,
    /// A refusal under a key is answered and not recorded. Shows when a refused request is repeated
    /// after it has become possible: it is done. Invariant 14.
    RefusalNotKept,
    /// After a checkpoint the journal goes although messages are not acknowledged. Shows with a crash
    /// after the trim, before the receiver's record is durable: a transfer never arrives, or a saga
    /// never hears. Invariant 11.
    TrimPastUnacknowledged,
    /// After a checkpoint one record more goes than was saved. Shows with a crash before the next one
    /// is done, when that record was the last of its commit and nobody else needs the commit: it is
    /// gone. Invariant 9.
    TrimOneTooFar,
    /// After a restart messages are sent again the last first. Shows with a crash when a shard has two
    /// or more messages to one entity that it has not received: all but the last are taken for known.
    /// Invariant 11.
    WrongOrderAfterRecovery,
    /// A message is acknowledged when it comes, not when its record is durable. Shows with a checkpoint
    /// of the sender that ends while the receiver is being read or has not had its turn, and a crash
    /// then: the message is gone. Invariant 11.
    AcknowledgedOnArrival,
    /// A checkpoint does not wait until what it saves is in the journal. Shows with a crash when a
    /// save is on disk and its last records are not: a state of which the journal knows nothing.
    /// Invariant 9.
    SaveBeforeSync,
    /// Of a save, snapshots are written before history and index. Shows (in the store in memory) with
    /// a save that is cut off in between: positions are missing in an entity's history, or old keys.
    /// Invariant 9.
    SnapshotBeforeHistory,
    /// An entity that decided while it was saved is not saved again. Shows with a crash after the next
    /// checkpoint: what it has decided since is gone; without a crash, its records are found nowhere.
    /// Invariant 9.
    DirtyForgotten,
    /// A save says of no entity that it waits for an answer. Shows when one is saved during its call,
    /// its records leave the journal, and the process crashes: nobody asks again, the saga hangs.
    /// Invariant 15.
    WaitsNotWritten,
    /// Sagas in the journal's tail are not read after a restart. Shows with a crash during a call:
    /// until someone asks for that saga, it hangs. Invariant 15.
    ResumeForgotten,
    /// Who is due and not in memory is not woken. Shows when an entity that waits for an instant was
    /// passivated, or after a restart: a retry, a period's end or a run never comes. Invariant 15.
    TimerLostAtPassivation,
    /// A checkpoint trims the journal without saving outcomes. Shows with a crash after it: outcomes
    /// that were published are missing in the stream. Invariant 9.
    OutcomesLost,
    /// After a restart the outcomes of a commit are counted from 1. Shows with a crash before they are
    /// saved and a follower that resumes: it gets the last one again. Invariant 9.
    OutcomesTwice,
    /// A request whose decision has all it needs passes one that waits for a look-up. Shows when one
    /// entity gets several requests at once and the first needs the disk or another shard, as a first
    /// payment to a provider: decisions are not in the order of arrival. Invariant 2.
    JobsOvertake,
    /// An unknown answer is taken as a no. Shows with a pull or push that is done and whose answer is
    /// lost: the saga fails, nothing is given back, the processor has moved money. Invariant 16.
    UnknownTakenAsNo,
    /// "Never seen" is believed at once when a saga is cancelled or late. Shows when a request is cut
    /// off, is asked for, and arrives after that: the processor has moved money. Invariant 16.
    NeverSeenBelieved,
    /// Each further attempt has a key of its own. Shows with a lost answer to what was done: asking by
    /// the new key finds nothing, so it is done twice. Invariant 15.
    RetryUnderNewKey,
    /// An unknown answer to an undo is taken as done. Shows with a refund or a voiding that did not
    /// happen and was not refused: the money stays with the processor. Invariant 17.
    UnknownUndoTakenAsDone,
    /// A seat stays taken when its investment is undone. Shows with a cancelled or failed investment
    /// in a deal whose seats are scarce: the line, or the next one, gets no place. Invariant 18.
    SeatNotFreed,
    /// A wallet spends what is set aside. Shows with a payment or hold beside a pending one, over what
    /// is available: accepted. Invariant 13.
    HoldsNotCounted,
    /// A payment settled at once that comes to nothing stays set aside. Shows with a decline of its
    /// push: the wallet has less to spend for ever. Invariant 13.
    FailureLeavesHold,
    /// The replacement of a debit stays in the plan when the first one succeeds late. Shows with a
    /// debit that is silent or reported as failed and then succeeds: it is collected twice.
    ReplacementNotCancelled,
    /// A reward is taken back with each line that gives its purchase back. Shows with two reversing
    /// lines of one purchase in two batches: the wallet and the budget are changed twice.
    TakenBackTwice,
    /// A line is not held against those before it in the same batch. Shows with a posted purchase that
    /// is twice in a batch: it is drawn twice, and wins twice.
    DrawnTwice,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::ReplyBeforeSync,
        Self::ReadBeforeSync,
        Self::CreditTwice,
        Self::HighWaterDoubles,
        Self::HighWaterLoses,
        Self::WaitingListSkips,
        Self::CompensationForgetsRefund,
        Self::KeyLostAtCheckpoint,
        Self::RefusalNotKept,
        Self::TrimPastUnacknowledged,
        Self::TrimOneTooFar,
        Self::WrongOrderAfterRecovery,
        Self::AcknowledgedOnArrival,
        Self::SaveBeforeSync,
        Self::SnapshotBeforeHistory,
        Self::DirtyForgotten,
        Self::WaitsNotWritten,
        Self::ResumeForgotten,
        Self::TimerLostAtPassivation,
        Self::OutcomesLost,
        Self::OutcomesTwice,
        Self::JobsOvertake,
        Self::UnknownTakenAsNo,
        Self::NeverSeenBelieved,
        Self::RetryUnderNewKey,
        Self::UnknownUndoTakenAsDone,
        Self::SeatNotFreed,
        Self::HoldsNotCounted,
        Self::FailureLeavesHold,
        Self::ReplacementNotCancelled,
        Self::TakenBackTwice,
        Self::DrawnTwice,
    ];

    /// Its name on a command line and in a report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReplyBeforeSync => "reply-before-sync",
            Self::ReadBeforeSync => "read-before-sync",
            Self::CreditTwice => "credit-twice",
            Self::HighWaterDoubles => "high-water-doubles",
            Self::HighWaterLoses => "high-water-loses",
            Self::WaitingListSkips => "waiting-list-skips",
            Self::CompensationForgetsRefund => "compensation-forgets-refund",
            Self::KeyLostAtCheckpoint => "key-lost-at-checkpoint",
            Self::RefusalNotKept => "refusal-not-kept",
            Self::TrimPastUnacknowledged => "trim-past-unacknowledged",
            Self::TrimOneTooFar => "trim-one-too-far",
            Self::WrongOrderAfterRecovery => "wrong-order-after-recovery",
            Self::AcknowledgedOnArrival => "acknowledged-on-arrival",
            Self::SaveBeforeSync => "save-before-sync",
            Self::SnapshotBeforeHistory => "snapshot-before-history",
            Self::DirtyForgotten => "dirty-forgotten",
            Self::WaitsNotWritten => "waits-not-written",
            Self::ResumeForgotten => "resume-forgotten",
            Self::TimerLostAtPassivation => "timer-lost-at-passivation",
            Self::OutcomesLost => "outcomes-lost",
            Self::OutcomesTwice => "outcomes-twice",
            Self::JobsOvertake => "jobs-overtake",
            Self::UnknownTakenAsNo => "unknown-taken-as-no",
            Self::NeverSeenBelieved => "never-seen-believed",
            Self::RetryUnderNewKey => "retry-under-new-key",
            Self::UnknownUndoTakenAsDone => "unknown-undo-taken-as-done",
            Self::SeatNotFreed => "seat-not-freed",
            Self::HoldsNotCounted => "holds-not-counted",
            Self::FailureLeavesHold => "failure-leaves-hold",
            Self::ReplacementNotCancelled => "replacement-not-cancelled",
            Self::TakenBackTwice => "taken-back-twice",
            Self::DrawnTwice => "drawn-twice",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.as_str() == name)
    }
}

/// Whether bugs can be planted in this build.
pub const IS_BUILT_IN: bool = cfg!(feature = "planted");

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in what this thread does from now on, in place of another one; or takes it out.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether a bug is planted in what this thread does.
#[cfg(feature = "planted")]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether a bug is planted: never, in a build without the switch.
#[cfg(not(feature = "planted"))]
pub const fn is(_: Bug) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_a_name_of_its_own_and_nothing_is_planted() {
        for bug in Bug::ALL {
            assert_eq!(Bug::parse(bug.as_str()), Some(bug));
            assert!(!is(bug), "{bug:?}");
        }
        assert_eq!(Bug::parse("reply"), None);
        assert!(Bug::ALL.is_sorted(), "in their order, so each once");
    }

    #[cfg(feature = "planted")]
    #[test]
    fn one_bug_is_planted_in_one_thread() {
        plant(Some(Bug::CreditTwice));
        assert!(Bug::ALL.into_iter().filter(|bug| is(*bug)).eq([Bug::CreditTwice]));
        let elsewhere = std::thread::spawn(|| is(Bug::CreditTwice)).join();
        assert!(!elsewhere.expect("it does not panic"));
        plant(None);
        assert!(!is(Bug::CreditTwice));
    }
}
