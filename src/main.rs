//! The `bursar` binary: the library's commands with the allocator of the server.
//!
//! Everything else is in the library (`lib.rs`), so that tests can reach it; what the allocator is
//! worth is measured in `benches/README.md`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// What handles money has no bugs planted.
const _: () =
    assert!(!bursar_domain::planted::IS_BUILT_IN, "the server was asked for planted bugs");

fn main() -> ExitCode {
    bursar::run()
}
