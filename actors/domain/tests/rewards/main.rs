//! Rewards: the draw, statements, campaigns, and the money that follows, from the rules alone.
//!
//! `draw`, `chance`, `worth` and `fit` prove the draw: known answers from an independent script, a
//! million draws against the odds, what a prize comes to, and which campaign a purchase is for.
//! `verdicts`, `purchases` and `window` are tables of what a statement answers and draws; `budget` is
//! the campaign against an independent model. `world` is a small world of statements, campaigns,
//! wallets and sagas with messages on their way; `reversals` and `properties` let it run in every
//! order. `stage` makes terms and lines.

mod budget;
mod chance;
#[path = "../saga/chance.rs"]
mod chances;
mod desk;
mod draw;
mod fit;
mod properties;
mod purchases;
mod rest;
mod reversals;
mod stage;
mod verdicts;
mod window;
mod world;
mod worth;
