//! Feeds `bursar::fuzzing::cursors`, which says what the bytes are and what must hold.
//!
//! Run by `tests/fuzz.sh`; the seeds are in `fuzz/seeds/cursors`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bursar::fuzzing::cursors(data));
