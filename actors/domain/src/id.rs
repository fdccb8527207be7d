//! Names of things: wallets, providers, deals, sagas, shards, positions in a journal.
//!
//! Clients may choose the id of a wallet, provider or deal (`[A-Za-z0-9_-]{1,64}`); ids are shared
//! strings, because the same id stands in the actor, in the directory and in messages. What the
//! server makes is derived from where it was decided: a payment is the decision `seq` of its
//! wallet, so `pay_{seq}_{wallet}` needs no index to be found again, and an investment is the
//! decision `seq` of its deal. A saga has the id of what it brings about.
//!
//! Invariants: an id that exists is well-formed; an entity lives in one shard for ever, chosen by
//! a specified hash of its kind and id.

use std::fmt;
use std::sync::Arc;

use bincode::{Decode, Encode};

/// The longest id that a client may choose, in characters (they are ASCII, so also in bytes).
pub const ID_LENGTH_MAX: usize = 64;

/// The longest id of an entity: what the server makes holds a client's id, a position and a prefix.
pub const ENTITY_ID_LENGTH_MAX: usize = 96;

/// Whether a text can be an id: 1 to 64 of `A-Z a-z 0-9 _ -`.
pub fn is_well_formed(text: &str) -> bool {
    text.len() <= ID_LENGTH_MAX && is_entity_id(text)
}

/// Whether a text can be the id of an entity: as [`is_well_formed`], but up to 96.
pub fn is_entity_id(text: &str) -> bool {
    (1..=ENTITY_ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
        pub struct $name(Arc<str>);

        impl $name {
            /// `None` when the text is not `[A-Za-z0-9_-]{1,64}`.
            pub fn parse(text: &str) -> Option<Self> {
                is_well_formed(text).then(|| Self(Arc::from(text)))
            }

            /// The id as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same shared text, for an [`EntityId`].
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }

            /// The id of an entity that is known to be of this kind.
            pub fn from_shared(id: Arc<str>) -> Self {
                debug_assert!(is_well_formed(&id));
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A wallet.
    WalletId
);
id_type!(
    /// A service provider.
    ProviderId
);
id_type!(
    /// A deal.
    DealId
);
id_type!(
    /// An advance.
    AdvanceId
);
id_type!(
    /// A campaign.
    CampaignId
);

/// The kinds of entity. Only appended to: the number is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Kind {
    /// Holds a customer's money.
    Wallet,
    /// Receives payments.
    Provider,
    /// Takes investments, first come first served.
    Deal,
    /// Brings something about in steps.
    Saga,
    /// Undoes what a saga had done.
    Compensation,
    /// Money given now and collected by scheduled debits.
    Advance,
    /// One daily run over the advances.
    Run,
    /// Says when runs begin.
    Schedule,
    /// Gives a budget away by draws.
    Campaign,
    /// What a wallet's owner did at the bank.
    Statement,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Wallet,
        Self::Provider,
        Self::Deal,
        Self::Saga,
        Self::Compensation,
        Self::Advance,
        Self::Run,
        Self::Schedule,
        Self::Campaign,
        Self::Statement,
    ];

    /// The word used in JSON, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Provider => "provider",
            Self::Deal => "deal",
            Self::Saga => "saga",
            Self::Compensation => "compensation",
            Self::Advance => "advance",
            Self::Run => "run",
            Self::Schedule => "schedule",
            Self::Campaign => "campaign",
            Self::Statement => "statement",
        }
    }

    /// The number used in keys on disk.
    pub const fn number(self) -> u8 {
        match self {
            Self::Wallet => 0,
            Self::Provider => 1,
            Self::Deal => 2,
            Self::Saga => 3,
            Self::Compensation => 4,
            Self::Advance => 5,
            Self::Run => 6,
            Self::Schedule => 7,
            Self::Campaign => 8,
            Self::Statement => 9,
        }
    }

    /// The kind of a number read from disk.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The kind of a word read from a request.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One entity: its kind and its id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct EntityId {
    /// What it is.
    pub kind: Kind,
    /// Its id; well-formed.
    pub id: Arc<str>,
}

impl EntityId {
    /// The entity of a wallet.
    pub fn wallet(id: &WalletId) -> Self {
        Self { kind: Kind::Wallet, id: id.shared() }
    }

    /// The entity of a provider.
    pub fn provider(id: &ProviderId) -> Self {
        Self { kind: Kind::Provider, id: id.shared() }
    }

    /// The entity of a deal.
    pub fn deal(id: &DealId) -> Self {
        Self { kind: Kind::Deal, id: id.shared() }
    }

    /// The entity of an advance.
    pub fn advance(id: &AdvanceId) -> Self {
        Self { kind: Kind::Advance, id: id.shared() }
    }

    /// A run over the advances.
    pub fn run(id: impl Into<Arc<str>>) -> Self {
        let id = id.into();
        assert!(is_entity_id(&id), "{id:?} cannot be a run");
        Self { kind: Kind::Run, id }
    }

    /// The one schedule of the runs over the advances.
    pub fn schedule() -> Self {
        Self { kind: Kind::Schedule, id: Arc::from("advances") }
    }

    /// The entity of a campaign.
    pub fn campaign(id: &CampaignId) -> Self {
        Self { kind: Kind::Campaign, id: id.shared() }
    }

    /// The statement beside a wallet.
    pub fn statement(wallet: &WalletId) -> Self {
        Self { kind: Kind::Statement, id: wallet.shared() }
    }

    /// The saga that brings about what has this id.
    pub fn saga(id: impl Into<Arc<str>>) -> Self {
        let id = id.into();
        assert!(is_entity_id(&id), "{id:?} cannot be a saga");
        Self { kind: Kind::Saga, id }
    }

    /// The compensation of a saga.
    pub fn compensation(saga: &Arc<str>) -> Self {
        Self { kind: Kind::Compensation, id: Arc::clone(saga) }
    }

    /// The shard this entity lives in, of `shards` many: XXH3-64 of kind and id, modulo.
    pub fn shard(&self, shards: u16) -> ShardId {
        let mut buffer = [0_u8; ENTITY_ID_LENGTH_MAX + 1];
        let id = self.id.as_bytes();
        buffer[0] = self.kind.number();
        buffer[1..=id.len()].copy_from_slice(id);
        let hash = xxhash_rust::xxh3::xxh3_64(&buffer[..=id.len()]);
        let shard = hash % u64::from(shards);
        ShardId(u16::try_from(shard).expect("a remainder of a u16 fits a u16"))
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.id)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A shard: one writer, one sequence. Numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct ShardId(pub u16);

/// A position in one shard's journal, from 1, without gaps. 0 means "before the first".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Encode, Decode)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A position in the total order of commits: which commit, and which outcome in it.
/// The outcome stream's cursor. A journal gives commits numbers that only grow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Encode, Decode)]
pub struct Position {
    /// The commit, from 1.
    pub commit: u64,
    /// The outcome within the commit, from 0.
    pub index: u32,
}

/// The decision of a wallet under which something was made, written `{prefix}_{seq}_{wallet}`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct Made {
    /// Who decided.
    pub wallet: WalletId,
    /// Under which position of its shard.
    pub seq: Seq,
}

impl Made {
    /// The text form, for a prefix such as `pay`.
    pub fn text(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.seq, self.wallet)
    }

    /// Reads `{prefix}_{seq}_{wallet}`; `None` when it cannot be one that this server made.
    pub fn parse(text: &str, prefix: &str) -> Option<Self> {
        let (seq, wallet) = split(text, prefix)?;
        Some(Self { wallet: WalletId::parse(wallet)?, seq })
    }
}

/// The two parts of `{prefix}_{seq}_{owner}`.
fn split<'a>(text: &'a str, prefix: &str) -> Option<(Seq, &'a str)> {
    let rest = text.strip_prefix(prefix)?.strip_prefix('_')?;
    let (seq, owner) = rest.split_once('_')?;
    if seq.starts_with('0') || !seq.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((Seq(seq.parse().ok()?), owner))
}

/// An investment: the decision of a deal that gave the ticket, written `inv_{seq}_{deal}`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct InvestmentId {
    /// Which deal.
    pub deal: DealId,
    /// Under which position of its shard the ticket was given.
    pub seq: Seq,
}

impl InvestmentId {
    /// Reads `inv_{seq}_{deal}`; `None` when it cannot be one that this server made.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, deal) = split(text, "inv")?;
        Some(Self { deal: DealId::parse(deal)?, seq })
    }

    /// The saga that brings it about.
    pub fn saga(&self) -> EntityId {
        EntityId::saga(self.to_string())
    }
}

impl fmt::Display for InvestmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inv_{}_{}", self.seq, self.deal)
    }
}

/// A reimbursement: the decision of a provider that closed the period, written
/// `rmb_{seq}_{provider}`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct ReimbursementId {
    /// Which provider.
    pub provider: ProviderId,
    /// Under which position of its shard the period was closed.
    pub seq: Seq,
}

impl ReimbursementId {
    /// Reads `rmb_{seq}_{provider}`; `None` when it cannot be one that this server made.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, provider) = split(text, "rmb")?;
        Some(Self { provider: ProviderId::parse(provider)?, seq })
    }

    /// The saga that pays it.
    pub fn saga(&self) -> EntityId {
        EntityId::saga(self.to_string())
    }
}

impl fmt::Display for ReimbursementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rmb_{}_{}", self.seq, self.provider)
    }
}

/// A reward: a line of a statement's decision that drew it, written `rwd_{seq}-{line}_{wallet}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct RewardId {
    /// Whose statement.
    pub wallet: WalletId,
    /// Under which position of its shard it was drawn.
    pub seq: Seq,
    /// Which line of what was looked at, from 0.
    pub line: u16,
}

impl RewardId {
    /// Reads `rwd_{seq}-{line}_{wallet}`; `None` when it cannot be one that this server made.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("rwd_")?;
        let (place, wallet) = rest.split_once('_')?;
        let (seq, line) = place.split_once('-')?;
        let id = Self {
            wallet: WalletId::parse(wallet)?,
            seq: Seq(seq.parse().ok()?),
            line: line.parse().ok()?,
        };
        // Only as it is written: no zeros before, no signs.
        (id.to_string() == text).then_some(id)
    }

    /// The saga that brings it about.
    pub fn saga(&self) -> EntityId {
        EntityId::saga(self.to_string())
    }
}

impl fmt::Display for RewardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rwd_{}-{}_{}", self.seq, self.line, self.wallet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_to_their_alphabet_and_length() {
        let sixty_four = "a".repeat(64);
        let sixty_five = "a".repeat(65);
        for (text, good) in [
            ("a", true),
            ("Wal_let-9", true),
            (sixty_four.as_str(), true),
            (sixty_five.as_str(), false),
            ("", false),
            ("a/b", false),
            ("ü", false),
            ("a b", false),
            ("a\0", false),
        ] {
            assert_eq!(WalletId::parse(text).is_some(), good, "{text:?}");
        }
    }

    #[test]
    fn the_shard_of_an_id_never_changes() {
        // Fixed for ever: a data directory made by any version relies on these.
        for (id, shard) in [("alice", 8), ("bob", 11), ("w1", 4)] {
            let wallet = EntityId::wallet(&WalletId::parse(id).expect("well-formed"));
            assert_eq!(wallet.shard(16), ShardId(shard), "{id}");
        }
    }

    #[test]
    fn a_made_id_reads_back() {
        let made = Made { wallet: WalletId::parse("a_b-c").expect("well-formed"), seq: Seq(42) };
        assert_eq!(made.text("pay"), "pay_42_a_b-c");
        assert_eq!(Made::parse("pay_42_a_b-c", "pay"), Some(made));
        for bad in ["pay_42", "pay__a", "pay_-1_a", "pay_042_a", "txn_42_a", "pay_42_ü", "pay_x_a"]
        {
            assert_eq!(Made::parse(bad, "pay"), None, "{bad}");
        }
        assert_eq!(Made::parse("pay_99999999999999999999_a", "pay"), None);
    }
}
