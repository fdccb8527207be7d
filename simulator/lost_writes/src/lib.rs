//! A disk that forgets: what a power cut may leave of files, by what was synced.
//!
//! [`contents`] is one file, [`shadow`] a tree of them with the names that lead to them. Both are
//! told what a program does to the real files, and know at each moment what is sure to be there
//! after a power cut, and what may be there. They touch no file but to write down what a cut left
//! ([`shadow::Image::write_to`]). The tests of this package tell them what the real store does, by
//! standing in for the C library's calls.
//!
//! Invariant: what was synced is in every outcome of a cut; of the rest, a sector of 512 bytes is
//! as it was at some moment since it was synced, whole.

pub mod contents;
pub mod shadow;
