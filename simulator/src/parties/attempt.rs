//! One attempt: what befalls it on its way, what the party does, and what comes back.
//!
//! The verdict says how a new wish is decided, the way whether and when it arrives and its answer
//! leaves. What an answer says is what the gateway's reading of the contract would have made of the
//! party's bytes; the words of [`Kind`]
//! say which.
//!
//! Invariant: a way that says "not acted on" ([`Attempt::Throttled`], [`Attempt::NotSent`],
//! [`Attempt::TurnedAway`]) never acts.

use std::time::Duration;

use bursar_actors::gateway::transport::Attempt;
use bursar_domain::call::{Call, Reply, Request};

use super::faults::{Kind, Layer, Route};
use super::ledger::{Entry, Known, Moved, Order, State, Verdict};
use super::mark::{Mark, Strike};
use super::papers::{Said, Wish};
use super::{Came, Parties, Task, Then};

/// The most milliseconds that an answer takes when nothing goes wrong.
const USUAL_MS: u64 = 60;

/// The reasons of the processor's noes.
const CODES: [&str; 3] = ["insufficient-funds", "account-closed", "do-not-honour"];

fn unknown(reason: &str) -> Attempt {
    Attempt::unknown(reason)
}

fn unclear(reason: &str) -> Attempt {
    Attempt::Unclear { reason: reason.into() }
}

fn wait(wait_ms: Option<i64>) -> Option<Duration> {
    wait_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()))
}

/// What a fault of the layer of verdicts decides.
fn decided((kind, strike): (Kind, Strike)) -> Verdict {
    if let Kind::Pending { then, after_ms } = kind {
        return Verdict::Pending(then, after_ms);
    }
    let code = strike.below(3, CODES.len() as u64);
    Verdict::Declined(CODES[usize::try_from(code).expect("below a length")])
}

impl Parties {
    pub(super) fn carry(&mut self, call: &Call) -> Vec<Came> {
        let route = Route::of(&call.request);
        let mark = Mark::of(&call.key);
        let asked = self.asked.entry(mark.with(route.index() as u64)).or_insert(0);
        *asked += 1;
        let (now, which) = (self.now_ms, (mark, *asked));
        let verdict = self.armed.strike(now, route, Layer::Verdict, which);
        let way = self.armed.strike(now, route, Layer::Way, which);
        self.calls.attempts[route.index()] += 1;
        self.calls.struck[route.index()] += u64::from(verdict.is_some() || way.is_some());
        let verdict = verdict.map_or(Verdict::Fair, decided);
        let usual = mark.strike(0, 0, which.1).below(1, USUAL_MS);
        let usual_ms = 1 + i64::try_from(usual).expect("below a minute");
        match way {
            Some((kind, strike)) => self.on_the_way(call, verdict, kind, (strike, usual_ms)),
            None => one(usual_ms, self.work(call, verdict)),
        }
    }

    fn on_the_way(
        &mut self,
        call: &Call,
        verdict: Verdict,
        kind: Kind,
        (strike, usual_ms): (Strike, i64),
    ) -> Vec<Came> {
        // Whether what is neither yes nor no was done.
        let perhaps = |parties: &mut Self| {
            if strike.coin(1) {
                drop(parties.work(call, verdict));
            }
        };
        let attempt = match kind {
            Kind::Error { wait_ms } => {
                perhaps(self);
                Attempt::Unknown { reason: "500".into(), wait: wait(wait_ms) }
            }
            Kind::Break => {
                perhaps(self);
                unknown("the connection was closed")
            }
            Kind::Busy => {
                perhaps(self);
                unclear("409 in-progress")
            }
            Kind::Swallow => return self.nothing(),
            Kind::LoseAnswer => {
                drop(self.work(call, verdict));
                return self.nothing();
            }
            Kind::Linger { ms } => {
                self.later(ms, Task::Arrive(Box::new(call.clone()), verdict));
                if strike.coin(2) {
                    return self.nothing();
                }
                unknown("the connection was closed")
            }
            Kind::Slow { ms } => return one(ms + usual_ms, self.begin(call, verdict, ms)),
            Kind::Lag { ms } => return one(ms + usual_ms, self.work(call, verdict)),
            Kind::Twice { ms } => {
                let attempt = self.work(call, verdict);
                let again = Came { after_ms: usual_ms + ms, attempt: attempt.clone() };
                return vec![Came { after_ms: usual_ms, attempt }, again];
            }
            Kind::Throttle { wait_ms } => {
                Attempt::Throttled { reason: "429".into(), wait: wait(wait_ms) }
            }
            Kind::Refuse => Attempt::NotSent { reason: "connection refused".into() },
            Kind::TurnAway => Attempt::TurnedAway { reason: "401".into() },
            Kind::Decline
            | Kind::Pending { .. }
            | Kind::Cut
            | Kind::Contradict
            | Kind::Strange
            | Kind::Lie
            | Kind::Double
            | Kind::Shuffle
            | Kind::Stale { .. }
            | Kind::Forget => unreachable!("{kind:?} does not happen to a call on its way"),
        };
        one(usual_ms, attempt)
    }

    fn nothing(&mut self) -> Vec<Came> {
        self.calls.silent += 1;
        Vec::new()
    }

    /// What the party does with a call that has arrived, and what it says.
    pub(super) fn work(&mut self, call: &Call, verdict: Verdict) -> Attempt {
        let mark = Mark::of(&call.key);
        if let Request::Find = call.request {
            return self.find(mark, &call.key);
        }
        match self.order(call) {
            Some(Ok(order)) => match self.ledger.ask(mark, &order) {
                Known::New => {
                    let entry = self.ledger.draw_up(&order, mark, verdict, self.now_ms);
                    let said = said_first(&entry);
                    let is_pending = entry.state == State::Pending;
                    let at = self.ledger.book(mark, entry);
                    if let (true, Verdict::Pending(then, after_ms)) = (is_pending, verdict) {
                        self.ends(at, then, after_ms);
                    }
                    said
                }
                known @ (Known::Booked(_) | Known::Underway | Known::Other) => self.known(known),
            },
            Some(Err(no)) => no,
            None => self.write(mark, call, verdict),
        }
    }

    /// The party begins with a call, to be done after a while; what it will say then.
    fn begin(&mut self, call: &Call, verdict: Verdict, ms: i64) -> Attempt {
        let mark = Mark::of(&call.key);
        match self.order(call) {
            Some(Ok(order)) => match self.ledger.ask(mark, &order) {
                Known::New => {
                    let at_ms = self.now_ms.saturating_add(ms);
                    let entry = self.ledger.draw_up(&order, mark, verdict, at_ms);
                    let said = said_first(&entry);
                    let then = match verdict {
                        Verdict::Pending(then, after_ms) if entry.state == State::Pending => {
                            Some((then, after_ms))
                        }
                        Verdict::Pending(..) | Verdict::Fair | Verdict::Declined(_) => None,
                    };
                    self.ledger.begin(mark, entry, then);
                    self.later(ms, Task::Finish(mark));
                    said
                }
                known @ (Known::Booked(_) | Known::Underway | Known::Other) => self.known(known),
            },
            // What moves no money is done at once, and only its answer is slow.
            Some(Err(_)) | None => self.work(call, verdict),
        }
    }

    fn known(&mut self, known: Known) -> Attempt {
        match known {
            Known::Booked(at) => said_first(self.ledger.entry(at)),
            Known::Underway => unclear("409 in-progress"),
            Known::Other => {
                self.calls.reused += 1;
                unclear("422 idempotency-key-reused")
            }
            Known::New => unreachable!("what is new is not known"),
        }
    }

    pub(super) fn ends(&mut self, at: usize, then: Then, after_ms: i64) {
        if then != Then::Silent {
            self.later(after_ms, Task::End(at, then));
        }
    }

    /// The order in a call, if it is one; an error when it refunds what never was.
    fn order<'a>(&mut self, call: &'a Call) -> Option<Result<Order<'a>, Attempt>> {
        let key = &*call.key;
        let (kind, account, amount, currency, of) = match &call.request {
            Request::Pull { account, amount, currency, .. } => {
                (Moved::Pull, &**account, amount, currency, None)
            }
            Request::Push { account, amount, currency, .. } => {
                (Moved::Push, &**account, amount, currency, None)
            }
            Request::Refund { transaction, amount, currency } => {
                let Some(of) = self.transaction(transaction) else {
                    self.calls.unfounded += 1;
                    return Some(Err(Attempt::declined("transaction-not-found", "")));
                };
                (Moved::Refund, "", amount, currency, Some(of))
            }
            Request::Find
            | Request::MakeDocuments { .. }
            | Request::VoidDocuments { .. }
            | Request::Mail(_) => return None,
        };
        let (minor, currency) = (amount.minor(), currency.code());
        Some(Ok(Order { key, kind, account, minor, currency, of }))
    }

    /// The place of the transaction that has this id.
    fn transaction(&self, id: &str) -> Option<usize> {
        let mark = Mark(u64::from_str_radix(id.strip_prefix("ptx_")?, 16).ok()?);
        self.ledger.place(mark).filter(|at| *self.ledger.entry(*at).id == *id)
    }

    /// How what has this key stands now.
    fn find(&self, mark: Mark, key: &str) -> Attempt {
        match self.ledger.find(mark, key) {
            Some(at) => said(self.ledger.entry(at), self.ledger.entry(at).state),
            None => Attempt::Answered(Reply::NeverSeen),
        }
    }

    /// Documents and mails.
    fn write(&mut self, mark: Mark, call: &Call, verdict: Verdict) -> Attempt {
        let refuse = matches!(verdict, Verdict::Declined(_));
        let (now_ms, key) = (self.now_ms, &*call.key);
        let (said, no) = match &call.request {
            Request::MakeDocuments { kind, subject, data } => {
                let content = content(kind, subject, data);
                let wish = Wish { mark, key, subject, content };
                (self.papers.make(&wish, refuse, now_ms), "refused")
            }
            Request::VoidDocuments { id } => {
                self.calls.unfounded += u64::from(!self.papers.has(id));
                (self.papers.void(mark, id, refuse, now_ms), "refused")
            }
            Request::Mail(mail) => {
                (self.papers.take((mark, key), &mail.to, refuse, now_ms), "smtp-550")
            }
            Request::Pull { .. }
            | Request::Push { .. }
            | Request::Refund { .. }
            | Request::Find => {
                unreachable!("it is the processor's")
            }
        };
        match said {
            Said::Done(id) => {
                let url = (!id.is_empty()).then(|| format!("https://papers.test/{id}").into());
                Attempt::Answered(Reply::Done { id, url })
            }
            Said::No => Attempt::declined(no, ""),
            Said::Reused => {
                self.calls.reused += 1;
                unclear("422 idempotency-key-reused")
            }
        }
    }
}

/// What documents are about, as one number.
fn content(kind: &str, subject: &str, data: &[(Box<str>, Box<str>)]) -> Mark {
    let parts = data.iter().flat_map(|(name, text)| [&**name, &**text]);
    [kind, subject].into_iter().chain(parts).fold(Mark(0), |sum, part| sum.with(Mark::of(part).0))
}

fn one(after_ms: i64, attempt: Attempt) -> Vec<Came> {
    vec![Came { after_ms, attempt }]
}

/// The answer to the first request for an entry, and to each repeat.
fn said_first(entry: &Entry) -> Attempt {
    said(entry, entry.first)
}

fn said(entry: &Entry, state: State) -> Attempt {
    match state {
        State::Succeeded => Attempt::Answered(Reply::Done { id: entry.id.clone(), url: None }),
        State::Declined => Attempt::declined(entry.code.unwrap_or("declined"), ""),
        State::Pending => Attempt::Answered(Reply::Pending),
    }
}
