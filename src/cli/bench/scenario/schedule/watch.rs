//! Looks at a server while something is measured: how much memory it takes and how many entities are
//! in it, at most.
//!
//! A thread of its own looks ten times a second, which costs the server some tenth of a millisecond
//! each. What comes and goes between two looks is not seen; the kernel's own peak cannot be set back
//! from outside, so it would be that of the whole life of the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::super::failure::Failure;
use super::super::super::server::Server;
use super::ask;

const LOOK: Duration = Duration::from_millis(100);

/// The most that was seen.
#[derive(Clone, Copy, Default)]
pub(super) struct Peak {
    /// Resident memory, in bytes.
    pub(super) bytes: u64,
    /// Entities in memory.
    pub(super) residents: u64,
}

impl Peak {
    fn look(&mut self, server: &Server) -> Result<(), Failure> {
        self.bytes = self.bytes.max(server.resident_bytes()?);
        self.residents = self.residents.max(ask::residents(server)?);
        Ok(())
    }
}

/// Does some work and looks at the server meanwhile.
pub(super) fn during<T>(
    server: &Server,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(T, Peak), Failure> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = Peak::default();
            loop {
                // Read before, so that there is a look after the end.
                let last = is_over.load(Ordering::Acquire);
                peak.look(server)?;
                if last {
                    return Ok(peak);
                }
                std::thread::sleep(LOOK);
            }
        });
        let done = work();
        is_over.store(true, Ordering::Release);
        let peak = looking.join().expect("looking does not panic");
        Ok((done?, peak?))
    })
}
