//! Recovery: from what is on disk to shards that can go on.
//!
//! Start-up costs the journal's tail, not the number of entities. The tail is read once: its
//! records go into the shards' tails, its effects are made again (messages that may not have
//! arrived, outcomes that were not saved), its sums into the books. Entities are read when they are
//! first used, and then brought up to date with the tail's records. Entities that wait for a third
//! party's answer are read at once, because nobody else will remind them; so are those of the tail that
//! may wait for anything. Who waits for an instant is found by its shard in the archive's index.

use std::sync::Arc;

use bursar_domain::campaign::{self, Campaign, SharedTerms};
use bursar_domain::id::{EntityId, Kind, Position, Seq, ShardId};
use bursar_domain::machine::Machine;
use bursar_domain::message::{Effect, Message, Outcome, Source, Stamp};
use bursar_domain::planted::{self, Bug};
use bursar_domain::record::{Record, Verdict};
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec;
use bursar_snapshots::store::{Archive, Claim, Journal, Read, Result, Slice, StoreError};
use foldhash::{HashMap, HashMapExt};

use crate::books::Books;
use crate::outcomes::OutcomeLog;
use crate::shard::outbox::Outbox;
use crate::shard::tail::Tail;
use crate::shard::work::Cause;

/// How many campaigns are listed at a time.
const CAMPAIGNS_PAGE: usize = 256;

/// How many bytes a recovered slice has at most; smaller ones are forgotten sooner.
const SLICE_BYTES: usize = 256 * 1024;

/// One shard as it is on disk.
pub struct Recovered {
    /// Which.
    pub shard: ShardId,
    /// The records after the last checkpoint.
    pub tail: Tail,
    /// Messages that may not have arrived.
    pub outbox: Outbox,
    /// The same messages, to be sent again.
    pub messages: Vec<Message>,
    /// The sums, with the tail.
    pub books: Books,
    /// The positions of each entity's records in the tail.
    pub recovered: HashMap<EntityId, Vec<Seq>>,
    /// The time of the last record.
    pub last_at: Timestamp,
    /// Entities that are read at once: those that wait for an answer, those of the tail that may wait
    /// for something outside, and deals of the tail.
    pub resume: Vec<EntityId>,
}

/// Everything that recovery found.
pub struct Recovery {
    /// The shards, by number.
    pub shards: Vec<Recovered>,
    /// The outcomes.
    pub outcomes: OutcomeLog,
    /// The terms of all campaigns.
    pub campaigns: Vec<SharedTerms>,
    /// How many records were read.
    pub records: u64,
}

struct Building {
    claim: Claim,
    first: Option<Seq>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    closed: Vec<Slice>,
    outbox: Outbox,
    messages: Vec<Message>,
    books: Books,
    recovered: HashMap<EntityId, Vec<Seq>>,
    last_at: Timestamp,
}

/// Claims all shards and reads what is on disk.
pub fn recover(journal: &mut dyn Journal, archive: &dyn Archive, shards: u16) -> Result<Recovery> {
    let ids: Vec<ShardId> = (0..shards).map(ShardId).collect();
    let claims = journal.claim(&ids)?;
    let mut building = Vec::with_capacity(claims.len());
    for claim in claims {
        building.push(Building::new(claim, load_books(archive, claim.shard)?));
    }
    let saved = archive.last_outcome()?.unwrap_or_default();
    let mut outcomes: Vec<(Position, Outcome)> = Vec::new();
    let mut place = Position::default();
    let mut records = 0;
    let mut campaigns = load_campaigns(archive)?;
    journal.read(&mut |read| {
        records += 1;
        if read.commit != place.commit {
            let index = u32::from(planted::is(Bug::OutcomesTwice));
            place = Position { commit: read.commit, index };
        }
        let shard = &mut building[usize::from(read.shard.0)];
        for outcome in shard.add(&read, &mut campaigns)? {
            if place > saved {
                outcomes.push((place, outcome));
            }
            place.index += 1;
        }
        Ok(())
    })?;
    let log = OutcomeLog::new(saved);
    log.publish(outcomes);
    let mut all: Vec<Recovered> = building.into_iter().map(Building::finish).collect();
    for entity in archive.answer_waiters()? {
        let shard = &mut all[usize::from(entity.shard(shards).0)];
        if !shard.recovered.contains_key(&entity) {
            shard.resume.push(entity);
        }
    }
    Ok(Recovery { shards: all, outcomes: log, campaigns, records })
}

/// The terms of the campaigns that are saved.
fn load_campaigns(archive: &dyn Archive) -> Result<Vec<SharedTerms>> {
    let mut campaigns = Vec::new();
    let mut after: Option<EntityId> = None;
    loop {
        let last = after.as_ref().map(|entity| &*entity.id);
        let page = archive.entities_of(Kind::Campaign, last, CAMPAIGNS_PAGE)?;
        for entity in &page {
            let Some(snapshot) = archive.load(entity)? else { continue };
            let machine: Machine<Campaign> =
                codec::decode(&snapshot.state).map_err(|error| StoreError::Damaged {
                    place: format!("the snapshot of {entity}"),
                    what: error.to_string(),
                })?;
            campaigns.extend(machine.entity().terms().cloned());
        }
        if page.len() < CAMPAIGNS_PAGE {
            return Ok(campaigns);
        }
        after = page.into_iter().next_back();
    }
}

/// The terms that a record announces.
fn announced(record: &Record) -> impl Iterator<Item = &SharedTerms> {
    let events = match &record.verdict {
        Verdict::Campaign(events) => &**events,
        Verdict::Wallet(_)
        | Verdict::Provider(_)
        | Verdict::Refused(_)
        | Verdict::Deal(_)
        | Verdict::Saga(_)
        | Verdict::Compensation(_)
        | Verdict::Advance(_)
        | Verdict::Run(_)
        | Verdict::Schedule(_)
        | Verdict::Statement(_) => &[],
    };
    events.iter().filter_map(|event| {
        if let campaign::Event::Announced(terms) = event { Some(terms) } else { None }
    })
}

fn load_books(archive: &dyn Archive, shard: ShardId) -> Result<Books> {
    let Some(snapshot) = archive.load_shard(shard)? else { return Ok(Books::default()) };
    let damaged = |what: String| StoreError::Damaged {
        place: format!("the books of shard {}", shard.0),
        what,
    };
    let books: Books =
        codec::decode(&snapshot.state).map_err(|error| damaged(error.to_string()))?;
    if books.covers == snapshot.covers {
        Ok(books)
    } else {
        Err(damaged(format!("they cover {}, not {}", books.covers, snapshot.covers)))
    }
}

impl Building {
    fn new(claim: Claim, books: Books) -> Self {
        Self {
            claim,
            first: None,
            bytes: Vec::new(),
            ends: Vec::new(),
            closed: Vec::new(),
            outbox: Outbox::default(),
            messages: Vec::new(),
            books,
            recovered: HashMap::new(),
            last_at: Timestamp::default(),
        }
    }

    /// Takes one record. Returns what the world was or will be told of it.
    fn add(&mut self, read: &Read<'_>, campaigns: &mut Vec<SharedTerms>) -> Result<Vec<Outcome>> {
        let record: Record = codec::decode(read.bytes).map_err(|error| StoreError::Damaged {
            place: format!(
                "journal, commit {}, shard {}, record {}",
                read.commit, read.shard.0, read.seq
            ),
            what: error.to_string(),
        })?;
        campaigns.extend(announced(&record).cloned());
        self.first.get_or_insert(read.seq);
        self.bytes.extend_from_slice(read.bytes);
        self.ends.push(u32::try_from(self.bytes.len()).expect("closed long before 4 GiB"));
        if self.bytes.len() >= SLICE_BYTES {
            self.close();
        }
        self.books.add(&record, read.seq);
        self.last_at = self.last_at.max(record.at);
        let source = Source { shard: read.shard, seq: read.seq };
        let mut outcomes = Vec::new();
        for effect in record.effects(Stamp { source, at: record.at }) {
            match effect {
                Effect::Send(message) => {
                    self.outbox.sent(read.seq, Cause::Itself);
                    self.messages.push(message);
                }
                Effect::Tell(outcome) => outcomes.push(outcome),
                // Its saga is resumed, and asks how it stands.
                Effect::Call(_) | Effect::Fetch(_) => {}
            }
        }
        self.recovered.entry(record.entity).or_default().push(read.seq);
        Ok(outcomes)
    }

    fn close(&mut self) {
        let Some(first) = self.first.take() else { return };
        self.closed.push(Slice {
            shard: self.claim.shard,
            epoch: self.claim.epoch,
            first,
            bytes: Arc::new(std::mem::take(&mut self.bytes)),
            ends: Arc::new(std::mem::take(&mut self.ends)),
        });
    }

    fn finish(mut self) -> Recovered {
        self.close();
        if planted::is(Bug::WrongOrderAfterRecovery) {
            self.messages.reverse();
        }
        let Claim { shard, epoch, next } = self.claim;
        let first = self.closed.first().map_or(next, |slice| slice.first);
        let mut tail = Tail::new(shard, epoch, first);
        for slice in self.closed {
            tail.restore(slice);
        }
        assert_eq!(tail.next(), next, "the journal reads back to where it goes on");
        let waits = |entity: &&EntityId| match entity.kind {
            // Deals are listed from memory and the archive; these may be in neither.
            Kind::Saga if planted::is(Bug::ResumeForgotten) => false,
            Kind::Saga
            | Kind::Compensation
            | Kind::Deal
            | Kind::Advance
            | Kind::Run
            | Kind::Schedule
            | Kind::Provider => true,
            Kind::Wallet | Kind::Campaign | Kind::Statement => false,
        };
        let mut resume: Vec<EntityId> = self.recovered.keys().filter(waits).cloned().collect();
        // In an order that does not depend on hashes, so that a start can be repeated.
        resume.sort();
        Recovered {
            shard,
            tail,
            outbox: self.outbox,
            messages: self.messages,
            books: self.books,
            recovered: self.recovered,
            last_at: self.last_at,
            resume,
        }
    }
}
