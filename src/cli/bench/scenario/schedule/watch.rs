//! Looks at a server while something is measured: how much memory it takes and how many entities are
//! in it, at most.
//!
//! The kernel keeps the peak of the memory. Entities are counted by a thread that asks ten times a
//! second and once at the end, behind what the shards have to do; nothing leaves memory within a
//! second, so none that comes is missed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::super::failure::Failure;
use super::super::super::server::Server;
use super::ask;

const LOOK: Duration = Duration::from_millis(100);

/// The most that was seen.
#[derive(Clone, Copy)]
pub(super) struct Peak {
    /// Resident memory, in bytes.
    pub(super) bytes: u64,
    /// Entities in memory.
    pub(super) residents: u64,
}

/// Does some work and looks at the server meanwhile.
pub(super) fn during<T>(
    server: &Server,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(T, Peak), Failure> {
    let is_over = AtomicBool::new(false);
    server.forget_peak()?;
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            loop {
                // Read before, so that there is a look after the end.
                let last = is_over.load(Ordering::Acquire);
                most = ask::residents(server)?.max(most);
                if last {
                    return Ok(most);
                }
                std::thread::sleep(LOOK);
            }
        });
        let done = work();
        let bytes = server.peak_bytes();
        is_over.store(true, Ordering::Release);
        let residents = looking.join().expect("looking does not panic");
        Ok((done?, Peak { bytes: bytes?, residents: residents? }))
    })
}
