//! Each saga with all who take part in it: what they say of it must go together.
//!
//! A saga, its compensation, its deal and its owner are four entities in four shards, each with its
//! own history. The owner is who has the money: the wallet, the provider of a reimbursement, the
//! advance. To a reward its campaign is what a deal is to an investment. Each is folded by itself;
//! here is kept in one word how each of them ended up. In the
//! end a saga that is done was confirmed by its deal and settled by its owner; one that failed or
//! was cancelled has a compensation that is finished, and neither deal nor owner has anything left
//! of it; and whatever a deal or an owner still has aside belongs to a saga that is not over.
//!
//! What is on its way between them is not judged here but in `transfers`: a saga that has not begun
//! is one whose beginning is on its way.
//!
//! Memory: some 150 bytes a saga.

use std::collections::BTreeMap;
use std::sync::Arc;

use bursar_domain::id::{EntityId, InvestmentId, Kind, RewardId};

use super::faults::Faults;

/// How a saga ended up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// There is none, or it was cancelled before it began.
    NotBegun,
    Running,
    Undoing,
    Done,
    /// It failed or was cancelled.
    Undone,
}

/// How a compensation ended up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Undoing {
    OnItsWay,
    Finished,
}

/// What a deal or an owner has of a saga.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// A place that is reserved; a mark, money that is expected, or money that is to go out.
    Pending,
    /// A place that is confirmed; a mark that was settled, money that came, or that went out.
    Kept,
    /// It was undone.
    Undone,
}

/// What a saga brings about, as far as it says who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    Investment,
    Reward,
    Other,
}

impl Sort {
    fn of(id: &str) -> Self {
        if InvestmentId::parse(id).is_some() {
            Self::Investment
        } else if RewardId::parse(id).is_some() {
            Self::Reward
        } else {
            Self::Other
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    stage: Stage,
    undoing: Option<Undoing>,
    deal: Option<Part>,
    owner: Option<(Kind, Part)>,
}

/// All sagas, by id.
#[derive(Debug, Default)]
pub(super) struct Cases(BTreeMap<Arc<str>, Case>);

impl Cases {
    fn of(&mut self, id: &Arc<str>) -> &mut Case {
        let new = Case { stage: Stage::NotBegun, undoing: None, deal: None, owner: None };
        self.0.entry(Arc::clone(id)).or_insert(new)
    }

    /// Where the saga itself stands.
    pub(super) fn saga(&mut self, id: &Arc<str>, stage: Stage) {
        self.of(id).stage = stage;
    }

    /// Where its compensation stands.
    pub(super) fn compensation(&mut self, id: &Arc<str>, undoing: Undoing) {
        self.of(id).undoing = Some(undoing);
    }

    /// What its deal, or the campaign of a reward, has of it, after one more event.
    pub(super) fn deal(&mut self, id: &Arc<str>, part: Part) {
        self.of(id).deal = Some(part);
    }

    /// What its owner has of it, after one more event.
    pub(super) fn owner(&mut self, owner: &EntityId, id: &Arc<str>, part: Part) {
        self.of(id).owner = Some((owner.kind, part));
    }

    /// All entities have been given.
    pub(super) fn judge(&self, faults: &mut Faults) {
        for (id, case) in &self.0 {
            for what in case.contradictions(Sort::of(id)) {
                faults.wrong(format_args!("saga/{id}"), what);
            }
        }
    }
}

impl Case {
    fn contradictions(self, sort: Sort) -> Vec<String> {
        let mut found = Vec::new();
        let mut tell = |what: &str| {
            let stage = self.stage.words();
            found.push(format!("{stage}, but {what}"));
        };
        if !self.stage.allows_undoing(self.undoing) {
            tell(match self.undoing {
                None => "it has no compensation",
                Some(Undoing::OnItsWay) => "its compensation is not finished",
                Some(Undoing::Finished) => "its compensation is finished",
            });
        }
        if !self.stage.deals_parts(sort).contains(&self.deal) {
            tell(match (sort, self.deal) {
                (Sort::Reward, None) => "no campaign granted it",
                (Sort::Reward, Some(Part::Pending | Part::Kept)) => "its campaign has it granted",
                (Sort::Reward, Some(Part::Undone)) => "its campaign has its amount again",
                (_, None) => "its deal has no place for it",
                (_, Some(Part::Pending)) => "its deal has its place reserved",
                (_, Some(Part::Kept)) => "its deal has it confirmed",
                (_, Some(Part::Undone)) => "its deal has its place freed",
            });
        }
        if !self.stage.owners_parts(sort).contains(&self.owner.map(|owner| owner.1)) {
            tell(&match (self.owner, sort) {
                (None, Sort::Investment | Sort::Reward) => {
                    "its wallet knows nothing of it".to_owned()
                }
                (None, Sort::Other) => "its owner knows nothing of it".to_owned(),
                (Some((kind, part)), _) => format!("its {} has it {}", kind.as_str(), part.word()),
            });
        }
        found
    }
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Kept => "settled",
            Self::Undone => "undone",
        }
    }
}

impl Stage {
    fn words(self) -> &'static str {
        match self {
            Self::NotBegun => "it has not begun",
            Self::Running => "it is running",
            Self::Undoing => "it is being undone",
            Self::Done => "it is done",
            Self::Undone => "it was undone",
        }
    }

    fn allows_undoing(self, undoing: Option<Undoing>) -> bool {
        match self {
            Self::NotBegun | Self::Running | Self::Done => undoing.is_none(),
            // It may still be on its way to its compensation, or back.
            Self::Undoing => true,
            Self::Undone => undoing == Some(Undoing::Finished),
        }
    }

    /// What a deal may have of an investment, a campaign of a reward.
    fn deals_parts(self, sort: Sort) -> &'static [Option<Part>] {
        match (self, sort) {
            (_, Sort::Other) => &[None],
            // Who has no place yet waits in line, or was cancelled in the very moment.
            (Self::NotBegun, Sort::Investment) => &[None, Some(Part::Pending)],
            (Self::Running, Sort::Investment) => &[Some(Part::Pending), Some(Part::Kept)],
            (Self::Done, Sort::Investment) => &[Some(Part::Kept)],
            (Self::NotBegun | Self::Running | Self::Done, Sort::Reward) => &[Some(Part::Pending)],
            (Self::Undoing, Sort::Investment | Sort::Reward) => {
                &[Some(Part::Pending), Some(Part::Undone)]
            }
            (Self::Undone, Sort::Investment | Sort::Reward) => &[Some(Part::Undone)],
        }
    }

    /// What an owner may have. It noted a pull or a push before the saga began; of an investment a
    /// wallet may never have heard, and of a reward it only hears what it is to book.
    fn owners_parts(self, sort: Sort) -> &'static [Option<Part>] {
        match (self, sort) {
            (Self::NotBegun, Sort::Other) => &[None, Some(Part::Pending)],
            (Self::Running, Sort::Investment) => &[None, Some(Part::Pending), Some(Part::Kept)],
            (Self::Running, Sort::Other) => &[Some(Part::Pending), Some(Part::Kept)],
            (Self::Running, Sort::Reward) => &[None, Some(Part::Kept)],
            (Self::Undoing, Sort::Investment) => &[None, Some(Part::Pending), Some(Part::Undone)],
            (Self::Undoing, Sort::Other) => &[Some(Part::Pending), Some(Part::Undone)],
            (Self::Done, _) => &[Some(Part::Kept)],
            (Self::Undone, Sort::Investment) => &[None, Some(Part::Undone)],
            (Self::Undone, Sort::Other) => &[Some(Part::Undone)],
            (Self::NotBegun, Sort::Investment | Sort::Reward)
            | (Self::Undoing | Self::Undone, Sort::Reward) => &[None],
        }
    }
}
