//! A provider's state as it is on disk, and where it differs from what the records come to.
//!
//! The first byte says how it is laid out. The first release knew no periods, and what it could say
//! is still written as it did: profile, what is accrued, received messages. All that it did not
//! know follows then from these.

use std::sync::Arc;

use bursar_domain::currency::Currency;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::key::Index;
use bursar_domain::money::{Amount, Total};
use bursar_domain::provider::{Pending, Period, Profile, Terms};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec::{self, CodecError};

use super::{Provider, period};
use crate::cli::verify::entity::Saved;
use crate::cli::verify::ledger::{compare, same};
use crate::cli::verify::sums::major;

type Marks = Vec<(ShardId, Seq)>;

/// Layout, what is accrued, received messages.
type Nothing = (u8, Total, Marks);

/// Layout, profile, what is accrued, received messages.
type First = (u8, Arc<Profile>, Total, Marks);

/// That, and: how it is paid, the reimbursement on its way, reimbursed, earned, the number of the
/// last period, the running one, declines in a row, whether it is on hold, the last reimbursement,
/// the activities.
pub(in crate::cli::verify) type Periods = (
    u8,
    Arc<Profile>,
    Total,
    Marks,
    Terms,
    Option<Pending>,
    Total,
    Total,
    u64,
    Option<Period>,
    u32,
    bool,
    Option<Seq>,
    Index,
);

static NO_ACTIVITIES: Index = Index::EMPTY;

/// A provider's state as it is on disk.
pub(in crate::cli::verify) enum State {
    /// Before it was registered.
    Nothing(Nothing),
    /// As the first release could have written it.
    First(First),
    /// With all that came later.
    Periods(Box<Periods>),
}

impl State {
    /// Reads a snapshot.
    pub(super) fn read(bytes: &[u8]) -> Result<Saved<Self>, CodecError> {
        match bytes.first() {
            Some(0) => codec::decode(bytes)
                .map(|(state, keys, version, last)| (Self::Nothing(state), keys, version, last)),
            Some(1) => codec::decode(bytes)
                .map(|(state, keys, version, last)| (Self::First(state), keys, version, last)),
            Some(2) => codec::decode(bytes).map(|(state, keys, version, last)| {
                (Self::Periods(Box::new(state)), keys, version, last)
            }),
            // An error that says which number stood there.
            Some(_) | None => {
                let left = bytes.len();
                codec::decode::<Option<()>>(bytes)?;
                Err(CodecError::Trailing { left })
            }
        }
    }

    /// The activities that are in memory.
    pub(super) fn activities(&self) -> &Index {
        match self {
            Self::Nothing(_) | Self::First(_) => &NO_ACTIVITIES,
            Self::Periods(periods) => &periods.13,
        }
    }

    /// Until when it waits: for the end of the running period.
    pub(super) fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Nothing(_) | Self::First(_) => None,
            Self::Periods(periods) => periods.9.map(|period| period.until),
        }
    }

    /// In words, where it differs from what the records came to.
    pub(super) fn differences(&self, found: &Provider) -> Vec<String> {
        let mut list = Vec::new();
        let (profile, accrued, marks) = match self {
            Self::Nothing((_, accrued, marks)) => (None, *accrued, marks),
            Self::First((_, profile, accrued, marks)) => (Some(profile), *accrued, marks),
            Self::Periods(periods) => (Some(&periods.1), periods.2, &periods.3),
        };
        let what = "the profile is not what the provider was registered with";
        same(&mut list, &profile, &found.profile.as_ref(), what);
        if let Some(currency) = found.currency() {
            money(&mut list, ("accrued", currency), accrued.minor(), found.accrued.sum());
            self.rest(found, currency, &mut list);
        }
        if !found.marks.is(marks) {
            list.push("the received messages are not those of the records".to_owned());
        }
        list
    }

    /// What the first release did not know.
    fn rest(&self, found: &Provider, currency: Currency, list: &mut Vec<String>) {
        let periods = match self {
            Self::Nothing(_) => return,
            Self::First((_, profile, accrued, _)) => &first(profile, *accrued),
            Self::Periods(periods) => &**periods,
        };
        let (_, _, _, _, terms, pending, reimbursed, earned, number, running, ..) = periods;
        let (.., declines, on_hold, previous, _) = periods;
        let said = (Some(&terms.settlement), terms.cadence.as_ref());
        let expected = (found.settlement.as_ref(), found.cadence.as_ref());
        same(list, &said, &expected, "how it is paid is not what the records say last");
        let amount = |pending: Option<(Seq, Amount)>| pending.map_or(0, |(_, of)| of.minor());
        let saved = pending.map(|pending| (pending.reimbursement, pending.amount));
        let (in_saved, in_found) = (amount(saved), amount(found.pending));
        money(list, ("in_reimbursement", currency), in_saved.into(), in_found.into());
        if in_saved == in_found {
            let what = "what is on its way is another reimbursement than the records began";
            same(list, &saved, &found.pending, what);
        }
        money(list, ("reimbursed", currency), reimbursed.minor(), found.reimbursed);
        money(list, ("earned", currency), earned.minor(), found.earned);
        compare(list, "number", number, &found.number);
        match (running, &found.period) {
            (Some(said), Some(found)) => {
                let differences = period::differences(said, found, currency).into_iter();
                list.extend(differences.map(|what| format!("the running period has {what}")));
            }
            (said, found) => same(list, said, found, "whether a period runs is not as recorded"),
        }
        compare(list, "declines", declines, &found.declines);
        compare(list, "on_hold", on_hold, &found.is_on_hold);
        same(list, previous, &found.previous, "the last reimbursement is another one");
    }
}

/// What the first release's state means: nothing was ever paid.
fn first(profile: &Arc<Profile>, accrued: Total) -> Periods {
    let settlement = profile.settlement.clone();
    let cadence = settlement.cadence().cloned();
    let terms = Terms { settlement, cadence };
    let (profile, marks, zero) = (Arc::clone(profile), Vec::new(), Total::ZERO);
    let nothing = (None, zero, accrued, 0, None, 0, false, None, Index::EMPTY);
    let (pending, reimbursed, earned, number, running, declines, on_hold, previous, index) =
        nothing;
    (
        2, profile, accrued, marks, terms, pending, reimbursed, earned, number, running, declines,
        on_hold, previous, index,
    )
}

fn money(list: &mut Vec<String>, (field, currency): (&str, Currency), saved: i128, found: i128) {
    compare(list, field, &major(saved, currency), &major(found, currency));
}
