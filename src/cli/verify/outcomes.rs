//! The saved outcomes against those that follow from the records: each once, in order, complete.
//!
//! Every outcome is made here again from its event and hashed; per shard the hashes stand in the
//! order of the records. The saved ones are read once, and those of a shard must be a run of that
//! list without a gap: equal in every field, each once. A saved outcome does not say who told it,
//! but what it is about does: the wallet, the provider, the advance, the deal or the saga. What may
//! be missing is named by rule: at the front, outcomes older than they are kept; at the end,
//! outcomes of the newest groups, which the next start publishes from the journal. An outcome whose
//! record is still in the journal must also have that record's group as its position.
//!
//! Memory: 16 bytes an outcome, at worst twice that while the lists grow.

use bursar_domain::id::{EntityId, InvestmentId, Position, Seq, ShardId};
use bursar_domain::message::{About, Outcome, OutcomeKind};
use bursar_snapshots::codec;
use bursar_snapshots::store::{Archive, Result};

use super::faults::Faults;
use super::progress::Progress;
use super::tail::Tail;

/// How many outcomes are read at a time.
const PAGE: usize = 4_096;
/// How far ahead an outcome is looked for when it is not the next one.
const AHEAD_MAX: usize = 10_000;

/// One outcome as it follows from a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Due {
    seq: u64,
    hash: u64,
}

#[derive(Debug, Default)]
struct Shard {
    due: Vec<Due>,
    /// The first record that is too young for its outcome to have been dropped.
    kept_from: Option<u64>,
    /// How far `due` has been found; `None` before the first.
    at: Option<usize>,
}

/// All outcomes that follow from the records.
#[derive(Debug)]
pub(super) struct Outcomes {
    shards: Vec<Shard>,
    kept_after_ms: i64,
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Saved.
    pub(super) saved: u64,
    /// In the journal, for the next start to publish.
    pub(super) unsaved: u64,
    /// Older than they are kept.
    pub(super) dropped: u64,
}

impl Outcomes {
    /// None yet. Outcomes decided before the instant (milliseconds since the epoch) may be gone.
    pub(super) fn new(shards: u16, kept_after_ms: i64) -> Self {
        Self { shards: (0..shards).map(|_| Shard::default()).collect(), kept_after_ms }
    }

    /// A record told an outcome.
    pub(super) fn told(&mut self, shard: ShardId, seq: Seq, outcome: &Outcome) {
        let shard = &mut self.shards[usize::from(shard.0)];
        shard.due.push(Due { seq: seq.0, hash: hash(outcome) });
        if outcome.at.millis() >= self.kept_after_ms {
            let first = shard.kept_from.map_or(seq.0, |first| first.min(seq.0));
            shard.kept_from = Some(first);
        }
    }

    /// All records have been given: reads the saved outcomes and compares.
    pub(super) fn judge(
        &mut self,
        archive: &dyn Archive,
        tail: &Tail,
        faults: &mut Faults,
        progress: &Progress,
    ) -> Result<Counts> {
        for shard in &mut self.shards {
            // Stable: outcomes of one record keep their order.
            shard.due.sort_by_key(|due| due.seq);
        }
        let mut counts = Counts::default();
        let mut last = Position::default();
        loop {
            let Some(page) = faults.take(archive.outcomes_after(last, PAGE))? else {
                return Ok(counts);
            };
            if page.is_empty() {
                break;
            }
            for (position, outcome) in &page {
                if *position <= last {
                    faults.wrong(name(*position, outcome), "it does not come after the one before");
                }
                last = last.max(*position);
                counts.saved += 1;
                progress.advance();
                self.saved((*position, outcome), tail, faults, &mut counts);
            }
        }
        for (number, shard) in (0..).zip(&self.shards) {
            shard.end(ShardId(number), tail, last.commit, faults, &mut counts);
        }
        Ok(counts)
    }

    fn saved(
        &mut self,
        (at, outcome): (Position, &Outcome),
        tail: &Tail,
        faults: &mut Faults,
        counts: &mut Counts,
    ) {
        let hash = hash(outcome);
        let homes = self.homes(outcome);
        let found = homes.iter().find_map(|home| Some((*home, self.find(*home, hash)?)));
        let Some((number, (from, index))) = found else {
            let what = "no record tells this, or it was saved before";
            return faults.wrong(name(at, outcome), what);
        };
        let shard = &mut self.shards[usize::from(number.0)];
        let missing = shard.not_dropped(from, index, counts);
        tell_missing(number, missing, faults);
        let seq = Seq(shard.due[index].seq);
        if let Some(group) = tail.shard(number).commit(seq).filter(|group| *group != at.commit) {
            faults.wrong(name(at, outcome), format!("record {seq} is in group {group}"));
        }
        shard.at = Some(index + 1);
    }

    /// The shards that may have told an outcome.
    fn homes(&self, outcome: &Outcome) -> Vec<ShardId> {
        let count = u16::try_from(self.shards.len()).expect("it came as a u16");
        tellers(outcome).iter().map(|teller| teller.shard(count)).collect()
    }

    /// Where in a shard's list an outcome stands, and from where it was looked for.
    fn find(&self, shard: ShardId, hash: u64) -> Option<(usize, usize)> {
        let shard = &self.shards[usize::from(shard.0)];
        let (from, ahead) = match shard.at {
            None => (0, usize::MAX),
            Some(from) => (from, AHEAD_MAX),
        };
        let skipped = shard.due[from..].iter().take(ahead).position(|due| due.hash == hash)?;
        Some((from, from + skipped))
    }
}

/// Who may have told an outcome: an investment is cancelled in its deal's line, or by its saga.
fn tellers(outcome: &Outcome) -> Vec<EntityId> {
    let deal = match &outcome.about {
        Some(About::Investment { deal, .. }) => Some(deal.clone()),
        Some(
            About::Failure(_)
            | About::Reimbursement { .. }
            | About::Advance { .. }
            | About::Reward { .. },
        )
        | None => None,
    };
    if let Some(About::Advance { advance, .. }) = &outcome.about {
        return vec![EntityId::advance(advance)];
    }
    if let (OutcomeKind::RewardRefused, Some(About::Reward { campaign, .. })) =
        (outcome.kind, &outcome.about)
    {
        return vec![EntityId::campaign(campaign)];
    }
    let Some(wallet) = &outcome.wallet else {
        return outcome.provider.iter().map(EntityId::provider).collect();
    };
    let saga = |deal| InvestmentId { deal, seq: outcome.seq }.saga();
    match (outcome.kind, deal) {
        (
            OutcomeKind::DepositPosted
            | OutcomeKind::PaymentPosted
            | OutcomeKind::RefundPosted
            | OutcomeKind::DepositFailed
            | OutcomeKind::PaymentFailed
            | OutcomeKind::RewardGranted
            | OutcomeKind::RewardTakenBack,
            _,
        ) => vec![EntityId::wallet(wallet)],
        (OutcomeKind::InvestmentReserved | OutcomeKind::InvestmentRefused, Some(deal)) => {
            vec![EntityId::deal(&deal)]
        }
        (OutcomeKind::InvestmentConfirmed | OutcomeKind::InvestmentFailed, Some(deal)) => {
            vec![saga(deal)]
        }
        (OutcomeKind::InvestmentCancelled, Some(deal)) => {
            vec![EntityId::deal(&deal), saga(deal)]
        }
        (
            OutcomeKind::InvestmentReserved
            | OutcomeKind::InvestmentRefused
            | OutcomeKind::InvestmentConfirmed
            | OutcomeKind::InvestmentFailed
            | OutcomeKind::InvestmentCancelled,
            None,
        )
        | (
            OutcomeKind::ReimbursementPaid
            | OutcomeKind::ReimbursementReturned
            | OutcomeKind::AdvanceActive
            | OutcomeKind::AdvanceFailed
            | OutcomeKind::DebitSucceeded
            | OutcomeKind::DebitFailed
            | OutcomeKind::DebitRefunded
            | OutcomeKind::AdvanceCompleted
            | OutcomeKind::AdvanceDefaulted
            | OutcomeKind::RewardRefused,
            _,
        ) => Vec::new(),
    }
}

impl Shard {
    /// Of outcomes that were passed over, those that must be there: all, but before the first saved
    /// one only what is too young to have been dropped.
    fn not_dropped(&self, from: usize, to: usize, counts: &mut Counts) -> &[Due] {
        let missing = &self.due[from..to];
        if self.at.is_some() {
            return missing;
        }
        let first = self.kept_from.unwrap_or(u64::MAX);
        let dropped = missing.partition_point(|due| due.seq < first);
        counts.dropped += dropped as u64;
        &missing[dropped..]
    }

    /// All saved outcomes have been given; the last of all is in the group `last`.
    fn end(
        &self,
        number: ShardId,
        tail: &Tail,
        last: u64,
        faults: &mut Faults,
        counts: &mut Counts,
    ) {
        let from = self.at.unwrap_or(0);
        // Of the last group itself some may be saved and some not, after a crash between the two.
        let upto = tail.shard(number).last_before(last);
        let to = from.max(self.due.partition_point(|due| due.seq <= upto.0));
        tell_missing(number, self.not_dropped(from, to, counts), faults);
        counts.unsaved += (self.due.len() - to) as u64;
    }
}

fn tell_missing(shard: ShardId, missing: &[Due], faults: &mut Faults) {
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return };
    let place =
        format_args!("outcomes of shard {}, records {} to {}", shard.0, first.seq, last.seq);
    let what = format!(
        "{} that follow from these records are not saved (when they were dropped because of their \
         age, give the server's --config with its outcomes.keep_days)",
        missing.len()
    );
    faults.wrong(place, what);
}

fn name(at: Position, outcome: &Outcome) -> String {
    let (kind, seq) = (outcome.kind.as_str(), outcome.seq);
    let whose = match (&outcome.wallet, &outcome.provider, &outcome.about) {
        (Some(wallet), ..) => format!("wallet {wallet}"),
        (None, Some(provider), _) => format!("provider {provider}"),
        (None, None, Some(About::Advance { advance, .. })) => format!("advance {advance}"),
        (None, None, _) => "nobody's".to_owned(),
    };
    format!("outcome {}-{} ({kind}, {whose}, decision {seq})", at.commit, at.index)
}

fn hash(outcome: &Outcome) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&codec::encode(outcome))
}
