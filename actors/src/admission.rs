//! Admission: who is let in, before anything is decided.
//!
//! Each shard has room for a bounded number of requests on their way. A single request that finds
//! no room is refused at once; a batch, which has its own connection to push back on, waits. Once
//! let in, a request is decided: overload never takes back a place in the line.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::shard::messages::Pressure;

/// How long a batch waits before it looks again whether a full shard has room.
const FULL_RETRY: Duration = Duration::from_millis(5);

/// The door of one shard.
#[derive(Debug)]
pub struct Door {
    room: Arc<Semaphore>,
    capacity: usize,
    pressure: Arc<Pressure>,
    tail_bytes_max: usize,
}

/// There is too much on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is too much on its way")]
pub struct Overloaded;

impl Door {
    /// A door with room for `capacity` requests on their way, closed while the shard holds more
    /// than `tail_bytes_max` bytes that no checkpoint has saved.
    pub fn new(capacity: usize, pressure: Arc<Pressure>, tail_bytes_max: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(capacity)), capacity, pressure, tail_bytes_max }
    }

    fn is_full(&self) -> bool {
        self.pressure.full.load(Ordering::Relaxed)
            || self.pressure.tail_bytes.load(Ordering::Relaxed) > self.tail_bytes_max
    }

    /// Lets one request in, now or not at all.
    pub fn try_enter(&self) -> Result<OwnedSemaphorePermit, Overloaded> {
        if self.is_full() {
            return Err(Overloaded);
        }
        let room = Arc::clone(&self.room);
        room.try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits | TryAcquireError::Closed => Overloaded,
        })
    }

    /// Lets `count` requests of a batch in when there is room.
    pub async fn enter(&self, count: usize) -> Result<OwnedSemaphorePermit, Overloaded> {
        while self.is_full() && !self.room.is_closed() {
            tokio::time::sleep(FULL_RETRY).await;
        }
        let count = u32::try_from(count.min(self.capacity)).map_err(|_| Overloaded)?;
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(count).await.map_err(|_| Overloaded)
    }

    /// How many requests are on their way.
    pub fn in_flight(&self) -> usize {
        self.capacity - self.room.available_permits()
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.room.close();
    }
}
