//! Advances, the runs over them and the schedule: rules as tables, and a small world over years.
//!
//! `bench` is one advance alone; `opening`, `collecting`, `calls` and `late` are tables on it, `sizes`
//! measures it. `run` and `schedule` are those two alone. In `world` all live together with a
//! `processor` that declines, is silent, succeeds late and contradicts itself, a `clerk` that runs
//! errands, and crashes; `years` lets time pass in it, `everywhere` kills it at every point, `ends`
//! says what must hold.

mod bench;
mod calls;
#[path = "../saga/chance.rs"]
mod chance;
mod clerk;
mod collecting;
mod ends;
mod everywhere;
mod flow;
mod late;
mod opening;
mod processor;
mod run;
mod schedule;
mod sizes;
mod world;
mod years;
