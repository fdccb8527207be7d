//! A compensation: undoes what a saga had done, the last first, each until it is done.
//!
//! It is an entity of its own, so that its progress is journaled and visible, and a crash resumes
//! it. It holds the money that is to go back. An undo that is refused or not answered is tried
//! again, ever more slowly, without end; after some attempts it is shown as stuck, and an operator
//! can have it tried at once. A repeat after an unknown answer carries the same key; after a
//! definite no, which did nothing, a new one, because the old key would give the old no for ever.
//! For the same reason a refund that was left pending is not repeated but asked after by its key.
//!
//! Invariants: one undo is under way at a time; what it holds is what it received and has not
//! given back; when it is over it holds nothing.

mod rules;

use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::call::{Call, Request};
use crate::id::EntityId;
use crate::key::ContentMark;
use crate::message::{Marks, Source};
use crate::money::Amount;
use crate::saga::Action;
use crate::saga::subject::{Act, StepName, Subject};
use crate::time::Timestamp;

/// One thing to undo.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Undo {
    /// The step that is undone.
    pub name: StepName,
    /// What undoes it.
    pub act: Act,
}

/// What is handed to a compensation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Undoing {
    /// The saga's id, which is also the compensation's.
    pub saga: Arc<str>,
    /// What the saga was to bring about.
    pub subject: Arc<Subject>,
    /// What is to be undone, the last step first.
    pub undos: Vec<Undo>,
    /// The money that is to go back; may be zero.
    pub money: Amount,
}

/// What may be asked of a compensation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Try the undo that waits now, not later.
    Retry,
}

impl Command {
    /// The mark of what was asked for.
    pub fn content(self) -> u64 {
        match self {
            Self::Retry => ContentMark::of("retry-compensation").finish(),
        }
    }
}

/// What may happen to a compensation. Only appended to: it is on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Event {
    /// It came into being.
    Begun {
        /// The saga's record.
        source: Source,
        /// What is to be undone.
        undoing: Arc<Undoing>,
    },
    /// An undo set something going, for the first time or again.
    Tried {
        /// Which undo.
        step: u8,
        /// When.
        at: Timestamp,
        /// Which attempt.
        attempt: u32,
        /// What was set going.
        action: Action,
    },
    /// An undo is not done yet.
    Delayed {
        /// Which undo.
        step: u8,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Box<str>,
        /// Whether it was a definite no, which says what the next attempt is.
        refused: Refused,
        /// After how many attempts it counts as stuck.
        stuck_after: u32,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// An undo is done.
    Undone {
        /// Which undo.
        step: u8,
        /// When.
        at: Timestamp,
        /// The message that said so, if one did.
        source: Option<Source>,
        /// The money that went back with it; may be zero.
        returned: Amount,
        /// The subject, for the books.
        subject: Arc<Subject>,
    },
    /// Everything is undone.
    Finished {
        /// When.
        at: Timestamp,
        /// The saga, which is told.
        saga: EntityId,
    },
}

/// Whether an attempt ended with a definite no. Only appended to: it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Refused {
    /// It did, and did nothing: the next one has a new key.
    Yes,
    /// It is not known, or it was not sent: the next one is the same.
    No,
    /// It has arrived and is not decided yet: the next one asks how it stands.
    Undecided,
}

/// How an undo stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub enum UndoStatus {
    /// Others come first.
    #[default]
    Waiting,
    /// An entity was asked.
    Asked,
    /// A third party is being called.
    Calling,
    /// It will be tried again.
    Delayed {
        /// When.
        retry_at: Timestamp,
    },
    /// It is done.
    Done,
}

impl UndoStatus {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Asked | Self::Calling => "undoing",
            Self::Delayed { .. } => "delayed",
            Self::Done => "undone",
        }
    }
}

/// One undo's progress.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Progress {
    /// How it stands.
    pub status: UndoStatus,
    /// Since when.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it is not done, last time it was not.
    pub reason: Option<Box<str>>,
    /// How many definite noes there were: each makes a new key.
    refusals: u32,
    undecided: bool,
    stuck: bool,
}

/// The state of a compensation. Before `Begun` it has nothing to undo.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Compensation {
    undoing: Option<Arc<Undoing>>,
    progress: Vec<Progress>,
    current: u8,
    finished: bool,
    held: Amount,
    marks: Marks,
}

impl Compensation {
    /// What it undoes.
    pub fn undoing(&self) -> Option<&Undoing> {
        self.undoing.as_deref()
    }

    /// How far each undo is, in the order in which they are done.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// Whether everything is undone.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The undo that keeps failing, if one does: its name and why.
    pub fn stuck(&self) -> Option<(StepName, &str)> {
        let undoing = self.undoing.as_deref()?;
        let at = self.progress.iter().position(|progress| progress.stuck)?;
        Some((undoing.undos[at].name, self.progress[at].reason.as_deref().unwrap_or_default()))
    }

    /// The money it has yet to give back.
    pub fn held(&self) -> Amount {
        self.held
    }

    /// The key of the current undo's next attempt.
    fn key(&self, undoing: &Undoing) -> Box<str> {
        let at = usize::from(self.current);
        let name = undoing.undos[at].name.as_str();
        match self.progress[at].refusals {
            0 => format!("{}/{name}/undo", undoing.saga).into(),
            refusals => format!("{}/{name}/undo/{}", undoing.saga, refusals + 1).into(),
        }
    }

    fn write(&mut self, event: &Event) {
        match event {
            Event::Begun { source, undoing } => {
                self.marks.raise(*source);
                self.progress = vec![Progress::default(); undoing.undos.len()];
                self.undoing = Some(Arc::clone(undoing));
            }
            Event::Tried { step, at, attempt, action } => {
                assert_eq!(*step, self.current, "undos are done in order");
                let progress = &mut self.progress[usize::from(*step)];
                (progress.at, progress.attempts) = (*at, *attempt);
                progress.status = match action {
                    Action::Send(..) => UndoStatus::Asked,
                    Action::Call(_) => UndoStatus::Calling,
                };
            }
            Event::Delayed { step, at, reason, refused, stuck_after, retry_at } => {
                let progress = &mut self.progress[usize::from(*step)];
                progress.status = UndoStatus::Delayed { retry_at: *retry_at };
                (progress.at, progress.reason) = (*at, Some(reason.clone()));
                progress.refusals += u32::from(*refused == Refused::Yes);
                progress.undecided = *refused == Refused::Undecided;
                progress.stuck = progress.attempts >= *stuck_after;
            }
            Event::Undone { step, at, source, .. } => {
                assert_eq!(*step, self.current, "undos are done in order");
                if let Some(source) = source {
                    self.marks.raise(*source);
                }
                let progress = &mut self.progress[usize::from(*step)];
                (progress.status, progress.at) = (UndoStatus::Done, *at);
                progress.stuck = false;
                self.current += 1;
            }
            Event::Finished { .. } => self.finished = true,
        }
    }

    fn act(undoing: &Undoing, step: u8) -> &Act {
        &undoing.undos[usize::from(step)].act
    }

    /// The call that undoes the current step; `None` when an entity is asked instead.
    fn call(&self, undoing: &Undoing, attempt: u32, not_after: Timestamp) -> Option<Call> {
        let Act::Call(request, lane) = Self::act(undoing, self.current) else { return None };
        let is_undecided = self.progress[usize::from(self.current)].undecided;
        let asks = is_undecided && matches!(request, Request::Refund { .. });
        let request = if asks { Request::Find } else { request.clone() };
        let (step, key) = (self.current, self.key(undoing));
        Some(Call { step, attempt, key, lane: *lane, not_after, request })
    }
}
