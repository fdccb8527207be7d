//! Every message between entities: sent once, received once, or still on its way.
//!
//! A message is named by its source, the record that sent it. Both sides are collected while the
//! entities are read, then sorted and laid side by side. What was sent and not received must still
//! be in the journal, because that is where it is sent again from; else its money is lost.
//!
//! Both sides say what the message is about; a hash of it (the terms) is kept with each, so that a
//! receipt must agree with what was sent in every field and not only in its source.
//!
//! Memory: 24 bytes for each side, 48 a message, at worst twice that while the lists grow: at most
//! 100 MB for a million payments.

use std::collections::BTreeMap;
use std::fmt;

use bursar_domain::currency::Currency;
use bursar_domain::id::{Seq, ShardId};
use bursar_domain::message::Source;
use bursar_domain::money::Amount;
use bursar_domain::time::Timestamp;
use bursar_snapshots::codec;

use super::faults::Faults;
use super::tail::Tail;

/// What a message carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cargo {
    /// A payment's money, from a wallet to a provider.
    Payment = 0,
    /// A wallet's wish to have money back; no money.
    RefundOrder = 1,
    /// A refund's money, from a provider to a wallet.
    RefundMoney = 2,
}

impl Cargo {
    fn is_money(self) -> bool {
        match self {
            Self::Payment | Self::RefundMoney => true,
            Self::RefundOrder => false,
        }
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Payment => "payment",
            Self::RefundOrder => "refund order",
            Self::RefundMoney => "refund",
        })
    }
}

/// Everything that a message says, as either side knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) cargo: Cargo,
    pub(super) wallet: &'a str,
    pub(super) provider: &'a str,
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    /// For a refund: the payment and the wallet's decision that asked. Else 0.
    pub(super) payment: Seq,
    pub(super) refund: Seq,
    pub(super) description: Option<&'a str>,
    pub(super) effective_at: Option<Timestamp>,
}

impl Terms<'_> {
    fn side(&self, seq: Seq) -> Side {
        let of = (self.cargo as u8, self.wallet, self.provider);
        let money = (self.amount, self.currency);
        let refund = (self.payment, self.refund);
        let said = (self.description, self.effective_at);
        let hash = xxhash_rust::xxh3::xxh3_64(&codec::encode(&(of, money, refund, said)));
        Side {
            seq: seq.0,
            amount: self.amount,
            terms: u32::try_from(hash >> 32).expect("half of the bits"),
            currency: self.currency,
            cargo: self.cargo,
        }
    }
}

/// One side of a message.
#[derive(Clone, Copy, Debug)]
struct Side {
    seq: u64,
    amount: Amount,
    terms: u32,
    currency: Currency,
    cargo: Cargo,
}

const _: () = assert!(size_of::<Side>() == 24, "the header of this file states the memory");

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cargo, amount, currency, .. } = self;
        write!(f, "{cargo} of {} {currency}", amount.to_major(*currency))
    }
}

/// What is on its way in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct InTransit {
    /// Messages, those without money included.
    pub(super) messages: u64,
    /// In minor units.
    pub(super) money: i128,
}

/// The messages of one sending shard.
#[derive(Debug, Default)]
struct Shard {
    sent: Vec<Side>,
    received: Vec<Side>,
}

/// All messages.
#[derive(Debug)]
pub(super) struct Transfers(Vec<Shard>);

impl Transfers {
    /// No messages yet.
    pub(super) fn new(shards: u16) -> Self {
        Self((0..shards).map(|_| Shard::default()).collect())
    }

    /// A record sent a message.
    pub(super) fn sent(&mut self, source: Source, terms: &Terms<'_>) {
        self.0[usize::from(source.shard.0)].sent.push(terms.side(source.seq));
    }

    /// A record received a message. False when there is no such sender.
    pub(super) fn received(&mut self, source: Source, terms: &Terms<'_>) -> bool {
        let shard = self.0.get_mut(usize::from(source.shard.0));
        shard.map(|shard| shard.received.push(terms.side(source.seq))).is_some()
    }

    /// How many messages were sent and received.
    pub(super) fn counts(&self) -> (u64, u64) {
        let sent = self.0.iter().map(|shard| shard.sent.len()).sum::<usize>();
        let received = self.0.iter().map(|shard| shard.received.len()).sum::<usize>();
        (sent as u64, received as u64)
    }

    /// All sides have been given: lays them side by side. Returns what is on its way.
    pub(super) fn settle(
        &mut self,
        tail: &Tail,
        faults: &mut Faults,
    ) -> BTreeMap<Currency, InTransit> {
        let mut in_transit: BTreeMap<Currency, InTransit> = BTreeMap::new();
        for (number, shard) in (0..).zip(&mut self.0) {
            shard.sent.sort_unstable_by_key(|side| side.seq);
            shard.received.sort_unstable_by_key(|side| side.seq);
            let mut received = shard.received.as_slice();
            let mut last = None;
            for side in &shard.sent {
                let seq = side.seq;
                let place = format_args!("message of shard {number}, record {seq} ({side})");
                if last.replace(seq) == Some(seq) {
                    faults.wrong(place, "the record sends a second message");
                    continue;
                }
                let (nobodys, rest) = split(received, |other| other.seq < seq);
                never_sent(nobodys, number, faults);
                let (own, rest) = split(rest, |other| other.seq == seq);
                received = rest;
                match own {
                    [] => {
                        let line = in_transit.entry(side.currency).or_default();
                        line.messages += 1;
                        if side.cargo.is_money() {
                            line.money += i128::from(side.amount.minor());
                        }
                        if !tail.shard(ShardId(number)).has(Seq(seq)) {
                            let what = "it was never received, and the journal that would send it \
                                        again no longer has it";
                            faults.wrong(place, what);
                        }
                    }
                    [one] if one.terms == side.terms => {}
                    [one] => faults.wrong(place, format!("what was received differs: {one}")),
                    many => faults.wrong(place, format!("it was received {} times", many.len())),
                }
            }
            never_sent(received, number, faults);
        }
        in_transit
    }
}

fn split(sides: &[Side], belongs: impl Fn(&Side) -> bool) -> (&[Side], &[Side]) {
    sides.split_at(sides.partition_point(belongs))
}

fn never_sent(received: &[Side], shard: u16, faults: &mut Faults) {
    for side in received {
        let place = format_args!("message of shard {shard}, record {} ({side})", side.seq);
        faults.wrong(place, "it was received, but that record did not send it");
    }
}
