//! The third parties: a processor, a maker of documents, a mail carrier.
//!
//! They keep to the contract: what is asked under a key is done once, and the key's first answer is
//! its answer for ever, even when it was "pending". How a transaction stands now is found by its
//! key. A key that comes with another wish is our fault, so the test fails. A refund is never more
//! than what was pulled. Of money that is brought to a bank the amount is written below zero.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::call::{Call, Reply, Request};

/// What is asked of whom; faults are ordered by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Route {
    Pull,
    Push,
    Find,
    Refund,
    Make,
    Void,
    Mail,
}

impl Route {
    pub(crate) fn of(request: &Request) -> Self {
        match request {
            Request::Pull { .. } => Self::Pull,
            Request::Push { .. } => Self::Push,
            Request::Find => Self::Find,
            Request::Refund { .. } => Self::Refund,
            Request::MakeDocuments { .. } => Self::Make,
            Request::VoidDocuments { .. } => Self::Void,
            Request::Mail(_) => Self::Mail,
        }
    }
}

/// What a party does with a request that reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conduct {
    /// What is asked.
    Fair,
    /// Nothing; it says no.
    Decline,
    /// It says that it will do it, and does after some time; or will not have done it.
    Pending { until: i64, succeeds: bool },
}

#[derive(Clone, Debug)]
struct Transaction {
    id: String,
    /// The transaction that a refund gives back.
    of: Option<String>,
    reference: String,
    amount: i64,
    settled_at: i64,
    succeeds: bool,
}

#[derive(Clone, Debug)]
struct Document {
    subject: String,
    is_void: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Parties {
    /// By key: what was asked, and what was said.
    first: BTreeMap<String, (Request, Reply)>,
    transactions: BTreeMap<String, Transaction>,
    documents: Vec<Document>,
    /// The investments that were written about, each with the key.
    mails: Vec<(String, String)>,
}

fn done(id: &str) -> Reply {
    Reply::Done { id: id.into(), url: Some(format!("https://there/{id}").into()) }
}

fn declined(code: &str) -> Reply {
    Reply::Declined { code: code.into(), detail: "no".into() }
}

impl Transaction {
    fn standing(&self, now: i64) -> Reply {
        match (now < self.settled_at, self.succeeds) {
            (true, _) => Reply::Pending,
            (false, true) => done(&self.id),
            (false, false) => declined("returned"),
        }
    }

    fn has_succeeded(&self, now: i64) -> bool {
        now >= self.settled_at && self.succeeds
    }
}

impl Parties {
    /// A request has arrived.
    pub(crate) fn handle(&mut self, call: &Call, conduct: Conduct, now: i64) -> Reply {
        let key = call.key.to_string();
        if call.request == Request::Find {
            let found = self.transactions.get(&key).map(|found| found.standing(now));
            let declined = || Some(self.first.get(&key)?.1.clone());
            return found.or_else(declined).unwrap_or(Reply::NeverSeen);
        }
        if let Some((request, reply)) = self.first.get(&key) {
            assert_eq!(*request, call.request, "the key {key} was used for something else");
            return reply.clone();
        }
        let reply = match conduct {
            Conduct::Decline => declined("not-today"),
            Conduct::Fair => self.carry_out(call, now, true, now),
            Conduct::Pending { until, succeeds } => self.carry_out(call, until, succeeds, now),
        };
        self.first.insert(key, (call.request.clone(), reply.clone()));
        reply
    }

    fn carry_out(&mut self, call: &Call, settled_at: i64, succeeds: bool, now: i64) -> Reply {
        let key = call.key.to_string();
        match &call.request {
            Request::Pull { account, amount, reference, .. } => {
                assert!(!account.is_empty() && amount.is_positive(), "{call:?}");
                let reference = reference.to_string();
                self.book(key, None, reference, amount.minor(), (settled_at, succeeds), now)
            }
            Request::Push { account, amount, reference, .. } => {
                assert!(!account.is_empty() && amount.is_positive(), "{call:?}");
                let reference = reference.to_string();
                self.book(key, None, reference, -amount.minor(), (settled_at, succeeds), now)
            }
            Request::Refund { transaction, amount, .. } => {
                let pulled = self.transactions.values().find(|pull| *pull.id == **transaction);
                let pulled = pulled.expect("only what was pulled is given back").clone();
                assert!(pulled.has_succeeded(now) && pulled.of.is_none(), "{pulled:?}");
                if amount.minor() > self.refundable(&pulled, now) {
                    return declined("exceeds");
                }
                let of = Some(pulled.id);
                let settled = (settled_at, succeeds);
                self.book(key, of, pulled.reference, amount.minor(), settled, now)
            }
            Request::MakeDocuments { subject, .. } => {
                self.documents.push(Document { subject: subject.to_string(), is_void: false });
                done(&format!("doc-{}", self.documents.len() - 1))
            }
            Request::VoidDocuments { id } => {
                let at: usize = id.trim_start_matches("doc-").parse().expect("one of ours");
                assert!(!self.documents[at].is_void, "documents are made void once");
                self.documents[at].is_void = true;
                Reply::Done { id: "".into(), url: None }
            }
            Request::Mail(mail) => {
                self.mails.push((mail.fields[0].1.to_string(), key));
                done("")
            }
            Request::Find => unreachable!("answered before"),
        }
    }

    fn book(
        &mut self,
        key: String,
        of: Option<String>,
        reference: String,
        amount: i64,
        (settled_at, succeeds): (i64, bool),
        now: i64,
    ) -> Reply {
        let id = format!("ptx-{}", self.transactions.len());
        let booked = Transaction { id, of, reference, amount, settled_at, succeeds };
        let reply = booked.standing(now);
        self.transactions.insert(key, booked);
        reply
    }

    /// What is left of a pull; a refund that is not decided holds its amount.
    fn refundable(&self, pulled: &Transaction, now: i64) -> i64 {
        let refunds =
            self.transactions.values().filter(|other| other.of == Some(pulled.id.clone()));
        let held = refunds.filter(|refund| now < refund.settled_at || refund.succeeds);
        pulled.amount - held.map(|refund| refund.amount).sum::<i64>()
    }

    /// What was pulled under a reference and not given back; below zero what was pushed.
    pub(crate) fn net(&self, reference: &str, now: i64) -> i64 {
        let ours = self.transactions.values().filter(|transaction| {
            transaction.reference == reference && transaction.has_succeeded(now)
        });
        ours.map(|one| if one.of.is_none() { one.amount } else { -one.amount }).sum()
    }

    /// Everything that was pulled and not given back, less what was pushed.
    pub(crate) fn net_of_all(&self, now: i64) -> i64 {
        let all: BTreeSet<_> = self.transactions.values().map(|one| &one.reference).collect();
        all.into_iter().map(|reference| self.net(reference, now)).sum()
    }

    /// How many transactions there are under a reference: pulls and pushes, and refunds.
    pub(crate) fn booked(&self, reference: &str) -> (usize, usize) {
        let ours = self.transactions.values().filter(|one| one.reference == reference);
        let (first, refunds): (Vec<_>, Vec<_>) = ours.partition(|one| one.of.is_none());
        (first.len(), refunds.len())
    }

    /// How many documents about a subject stand.
    pub(crate) fn documents(&self, subject: &str) -> usize {
        let ours = self.documents.iter().filter(|one| one.subject == subject);
        ours.filter(|one| !one.is_void).count()
    }

    /// How many mails were written about an investment, repeats under one key counted once.
    pub(crate) fn mails(&self, investment: &str) -> usize {
        let ours = self.mails.iter().filter(|(about, _)| about == investment);
        ours.map(|(_, key)| key).collect::<BTreeSet<_>>().len()
    }

    /// Every key that was used, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.first.keys().map(String::as_str)
    }
}
