//! Nothing that was said is gone, and nothing is there that nobody wished.
//!
//! Every answer that was heard with a position is a record on disk at that position, to the letter.
//! Every record under a client's key was wished by someone, and a key has one decision (a refund
//! has two: the money asked for, the money there). Positions have no gaps.
//!
//! Invariant: a refusal that was heard is a refusal on disk.

use super::super::answers::Answers;
use super::super::case::Case;
use crate::facts::{Number, Said, Who, Wish};

pub(super) fn check(case: &Case<'_>, answers: &Answers, faults: &mut Vec<String>) {
    dense(case, faults);
    for (who, key, standing) in answers.standing() {
        let name = || format!("#{} to {who} under k{key}", standing.number);
        heard(case, Some(who), Some(key), &standing.said, &name, faults);
    }
    for (number, said) in answers.keyless() {
        let Some(planned) = case.planned(number) else { continue };
        heard(case, planned.wish.who(), None, said, &|| planned.describe(), faults);
    }
    wished(case, faults);
}

/// Positions of a shard follow each other.
fn dense(case: &Case<'_>, faults: &mut Vec<String>) {
    let mut last = None;
    for record in &case.picture.records {
        let place = record.place;
        let expected = match last {
            Some((shard, seq)) if shard == place.shard => seq + 1,
            Some(_) | None => 1,
        };
        if place.seq != expected {
            faults.push(format!("shard {}: {expected} is missing before {place}", place.shard));
        }
        last = Some((place.shard, place.seq));
    }
}

/// What was heard is on disk.
fn heard(
    case: &Case<'_>,
    who: Option<Who>,
    key: Option<Number>,
    said: &Said,
    name: &dyn Fn() -> String,
    faults: &mut Vec<String>,
) {
    let (place, fingerprint, refused) = match said {
        Said::Accepted(accepted) => (accepted.place, accepted.fingerprint, false),
        Said::Refused(refused) => match refused.recorded {
            Some((place, fingerprint)) => (place, fingerprint, true),
            None => return,
        },
        Said::Unchanged | Said::Overloaded | Said::Strange(_) => return,
    };
    let Some(record) = case.at(place) else {
        faults.push(format!("{}: acknowledged at {place}, and gone: {said:?}", name()));
        return;
    };
    let is_same = record.who == who
        && record.key == key
        && record.refused == refused
        && record.fingerprint == fingerprint;
    if !is_same {
        faults.push(format!("{}: heard {said:?}, on disk is {record:?}", name()));
    }
}

/// What is on disk under a key was wished, once.
fn wished(case: &Case<'_>, faults: &mut Vec<String>) {
    for (who, seq, record) in case.records() {
        if let Some(key) = record.key
            && case.wished(who, seq).is_empty()
        {
            faults.push(format!("{who} decided at {seq} under k{key}: nobody wished it"));
        }
    }
    for (who, key, seqs) in case.keys() {
        let is_refund = |wish: &Wish| matches!(wish, Wish::Refund(_));
        let wished = case.wished(who, seqs[0]);
        let most = if wished.iter().any(|planned| is_refund(&planned.wish)) { 2 } else { 1 };
        if seqs.len() > most {
            faults.push(format!("{who} decided {} times under k{key}: {seqs:?}", seqs.len()));
        }
    }
}
