//! True histories of the real server, in which one answer is falsified on the way.
//!
//! Who records lies about a single answer, one after the other, in ways that no order of the other
//! requests could explain: amounts and tickets out of all reach, codes that cannot be, the first
//! look repeated at the end, as if everything since had been lost. Each lie must be found.
//! What could be explained by requests at the same time is no lie: it stays with `by_hand`.

use crate::crew::{Used, use_one};
use crate::deal::{Counts, Deal, Said as DealSaid};
use crate::deals_run::{UsedDeal, deal_site};
use crate::history::{History, Specification};
use crate::wallet::{Replay, Said, Wallet};
use crate::wallets_run::{UsedWallet, wallet_site};

/// Out of all reach.
const FAR: i64 = 1_000_000;

/// How many lies are told at least. To find one, every order has to be tried.
const LIES: usize = 20;

fn wallet_lies(said: &Said) -> Vec<Said> {
    let code = "wallet-frozen".to_owned();
    match said.clone() {
        Said::Booked { balance, seq, body, replay } => vec![
            Said::Booked { balance: balance + FAR, seq, body, replay },
            Said::Refused { code, body, replay },
        ],
        Said::Refused { body, replay, .. } => vec![
            Said::Booked { balance: FAR, seq: 1_000_000, body, replay },
            Said::Refused { code, body, replay },
        ],
        Said::Reused => vec![Said::Refused { code, body: 1, replay: Replay::Either }],
        Said::Stands { posted, version, .. } => vec![
            Said::Stands { posted: posted + FAR, held: 0, version },
            Said::Stands { posted, held: 1, version },
            Said::Stands { posted, held: 0, version: version + 1_000 },
        ],
    }
}

fn deal_lies(said: &DealSaid) -> Vec<DealSaid> {
    let far = |ticket: u64| ticket + 1_000;
    let code = "deal-closed".to_owned();
    match said.clone() {
        DealSaid::Ticket { ticket, id, standing } => {
            vec![DealSaid::Ticket { ticket: far(ticket), id, standing }]
        }
        DealSaid::Again { ticket, id, standing, replay } => {
            vec![DealSaid::Again { ticket: far(ticket), id, standing, replay }]
        }
        DealSaid::Refused { code: said, ticket, id, body, replay } => vec![
            DealSaid::Refused { code: said, ticket: far(ticket), id, body, replay },
            DealSaid::Refused { code, ticket, id, body, replay },
        ],
        DealSaid::Reused => {
            vec![DealSaid::Refused { code, ticket: 1, id: 1, body: 1, replay: Replay::Either }]
        }
        DealSaid::Is { ticket, standing } => vec![DealSaid::Is { ticket: far(ticket), standing }],
        DealSaid::Stands(counts) => vec![
            DealSaid::Stands(Counts { last_ticket: far(counts.last_ticket), ..counts.clone() }),
            DealSaid::Stands(Counts { waiting: far(counts.waiting), ..counts.clone() }),
            DealSaid::Stands(Counts { reserved: counts.reserved + FAR, ..counts.clone() }),
            DealSaid::Stands(Counts { version: far(counts.version), ..counts }),
        ],
    }
}

/// Asserts that lies about a history are found, spread over all of its answers.
fn assert_found<S: Specification>(history: &History<S>, lies: impl Fn(&S::Said) -> Vec<S::Said>) {
    let mut all = Vec::new();
    for (index, (_, truth)) in history.clone().answers().into_iter().enumerate() {
        all.extend(lies(truth).into_iter().map(|lie| (index, lie)));
    }
    assert!(all.len() > LIES, "there is something to lie about: {}", all.len());
    for (index, lie) in all.iter().step_by(all.len() / LIES) {
        let mut falsified = history.clone();
        *falsified.answers().swap_remove(*index).1 = lie.clone();
        assert!(!falsified.is_explained(), "not found: answer {index} as {lie:?}");
    }
}

/// The same with what was seen first, as the last answer of all.
fn assert_rollback_found<S: Specification<Said: PartialEq>>(
    history: &History<S>,
    is_look: impl Fn(&S::Said) -> bool,
) {
    let mut falsified = history.clone();
    let mut answers = falsified.answers();
    let first = answers.iter().find(|(_, said)| is_look(said)).expect("somebody looked").1.clone();
    let (_, last) = answers.pop().expect("the last answer is a look");
    assert!(is_look(last) && *last != first, "nothing happened in between: {first:?}");
    *last = first;
    assert!(!falsified.is_explained(), "a rollback at the end was not found");
}

#[test]
fn lies_about_a_wallet_are_found() {
    let site = wallet_site();
    let used = UsedWallet::open(&mut site.caller(), "alice".to_owned());
    let used = use_one(&site, used);
    let history: History<Wallet> = used.watched().history().clone();
    assert_rollback_found(&history, |said| matches!(said, Said::Stands { .. }));
    assert_found(&history, wallet_lies);
}

#[test]
fn lies_about_a_deal_are_found() {
    let site = deal_site();
    let used = UsedDeal::open(&mut site.caller(), "harbour".to_owned());
    let used = use_one(&site, used);
    let history: History<Deal> = used.watched().history().clone();
    assert_rollback_found(&history, |said| matches!(said, DealSaid::Stands(_)));
    assert_found(&history, deal_lies);
}
