//! The rules of deals as tables: what happened, what is asked, and what follows.
//!
//! Every case goes through one `check()`: it brings a deal into a state by what happens to it, lets
//! one more thing happen, and compares what the deal says, in the words of `said`. Investments are
//! named by their tickets. The order of checks in the rule is the precedence of its codes, so cases
//! in which two reasons hold say which one wins.

mod bench;
mod line;
mod places;
mod refusals;
