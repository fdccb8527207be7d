//! Moving the clock ahead without leaving anything out: step by step, from one due time to the next.
//!
//! A clock that jumps over a week makes everything due at once, in no order. So the way is gone in
//! steps: to the earliest instant that anyone waits for, then until all that follows from it is
//! done, then on. What comes into being on the way takes its place in the order, too.
//!
//! One at a time moves the clock; who comes second waits. Who gives up on the way leaves the clock
//! where it is. Time also goes on by itself meanwhile, so the clock may be a little further.

use bursar_domain::time::Timestamp;

use crate::clock::{Clock, ClockError, MovableClock};
use crate::engine::{Engine, Stopped};

/// Why the clock did not come to where it was to go.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The engine has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The clock cannot be moved.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

/// A step that was gone: the clock has come to an instant, and all that follows from it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Which, from 1.
    pub number: u64,
    /// The instant, for which someone waited.
    pub at: Timestamp,
}

/// The clock is where it was to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// How many instants there were on the way for which someone waited.
    pub steps: u64,
    /// What the clock shows.
    pub now: Timestamp,
}

/// Moves the clock to an instant, and through all instants before it for which an entity waits.
/// `on_step` is told of each when all that followed from it is done.
///
/// # Errors
/// When the clock is past the instant already or cannot be kept, and when the engine stops.
pub async fn run_until(
    engine: &Engine,
    clock: &MovableClock,
    target: Timestamp,
    mut on_step: impl FnMut(Step),
) -> Result<Moved, MoveError> {
    let _turn = clock.turn().await;
    let now = clock.now();
    if target < now {
        return Err(ClockError::Back { now, to: target }.into());
    }
    settle(engine).await?;
    let mut steps = 0;
    while let Some(at) = engine.next_due(target).await? {
        reach(clock, at).await?;
        settle(engine).await?;
        steps += 1;
        on_step(Step { number: steps, at });
    }
    reach(clock, target).await?;
    settle(engine).await?;
    Ok(Moved { steps, now: clock.now() })
}

/// Has everyone who is due do what they have to do.
async fn settle(engine: &Engine) -> Result<(), Stopped> {
    engine.time_moved().await?;
    engine.quiet().await
}

/// Moves the clock, on a thread that may wait for the disk.
async fn reach(clock: &MovableClock, at: Timestamp) -> Result<(), MoveError> {
    let clock = clock.clone();
    let moved = tokio::task::spawn_blocking(move || clock.reach(at)).await;
    moved.map_err(|_| Stopped)??;
    Ok(())
}
