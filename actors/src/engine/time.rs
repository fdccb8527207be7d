//! What the engine has to do with time: who is due next, and whether all that was due is done.
//!
//! For whoever moves the clock ([`crate::scheduler`]). Shards look at their timers by themselves
//! when the clock goes on as it should; [`Engine::time_moved`] has them look at once.

use std::time::Duration;

use bursar_domain::id::ShardId;
use bursar_domain::time::Timestamp;
use tokio::sync::oneshot;

use super::{Engine, Stopped};
use crate::shard::messages::{Report, ShardTimers, ToShard};
use crate::shard::work::{Quiet, ShardWork};

/// The first and the longest pause between two looks that found something to do.
const PAUSE: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(20);

type Result<T> = std::result::Result<T, Stopped>;

/// The first instant that any shard has in memory.
fn near_of(timers: &[ShardTimers]) -> Option<i64> {
    timers.iter().filter_map(|timers| timers.next).min()
}

/// The shards whose first instant, if it counts, is on disk.
fn later(timers: &[ShardTimers], until: i64) -> impl Iterator<Item = &ShardTimers> {
    let enough = near_of(timers).map_or(until, |near| near.min(until));
    timers.iter().filter(move |timers| timers.next.is_none() && timers.known_to < enough)
}

impl Engine {
    /// The first instant, up to one, for which any entity waits. Shards that have none in memory
    /// save what they have first, and are looked up on disk.
    pub async fn next_due(&self, until: Timestamp) -> Result<Option<Timestamp>> {
        let until = until.millis();
        let mut timers = self.timers().await?;
        let mut saves = Vec::new();
        for timers in later(&timers, until).filter(|timers| timers.is_unsaved) {
            let (sender, receiver) = oneshot::channel();
            let shard = &self.shards[usize::from(timers.shard.0)];
            shard.address.do_send(ToShard::Checkpoint(sender));
            saves.push(receiver);
        }
        if !saves.is_empty() {
            for save in saves {
                save.await.map_err(|_| Stopped)?;
            }
            // Who was read for it may wait for an instant that was on nobody's list.
            timers = self.timers().await?;
        }
        let near = near_of(&timers);
        let later: Vec<&ShardTimers> = later(&timers, until).collect();
        let far = if later.is_empty() {
            None
        } else {
            let later = later.iter().map(|timers| (timers.shard, timers.known_to)).collect();
            self.first_of(later).await?
        };
        let first = near.into_iter().chain(far).min().filter(|at| *at <= until);
        Ok(first.map(|at| Timestamp::from_millis(at).expect("an entity waits for it")))
    }

    async fn timers(&self) -> Result<Vec<ShardTimers>> {
        self.each(|sender| ToShard::Report(Report::Timers(sender))).await
    }

    /// The first instant on disk in these shards, after one for each.
    async fn first_of(&self, shards: Vec<(ShardId, i64)>) -> Result<Option<i64>> {
        let read = self.read(move |archive| {
            let mut first = None;
            for (shard, after) in shards {
                let found = archive.first_timer(shard, after)?;
                first = first.into_iter().chain(found).min();
            }
            Ok(first)
        });
        read.await
    }

    /// The clock was moved: wakes who is due. When it returns, they have been told.
    pub async fn time_moved(&self) -> Result<()> {
        self.each(ToShard::TimeMoved).await.map(drop)
    }

    /// What is not done yet and comes by itself, shard by shard.
    pub async fn work(&self) -> Result<Vec<ShardWork>> {
        self.each(|sender| ToShard::Report(Report::Work(sender))).await
    }

    /// Waits until all that comes by itself is done: no message and no answer on the way, nobody
    /// due, everything durable. What clients were answered before counts, with all that follows; what
    /// they ask meanwhile does not, but what follows from it may. Third parties may be slow, so this
    /// may take any time.
    pub async fn quiet(&self) -> Result<()> {
        let mut quiet = Quiet::default();
        let (mut pause, mut is_second) = (PAUSE, false);
        while !quiet.look(&self.work().await?) {
            // The second look may follow at once.
            is_second = quiet.was_done() && !is_second;
            if !is_second {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        Ok(())
    }
}
