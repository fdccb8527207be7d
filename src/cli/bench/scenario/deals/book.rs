//! A deal over HTTP, outside of any measurement: open it, invest in it once, see how it stands.
//!
//! Sums are read as cents, to be held against the sandbox's ledger to the cent. An answer that is
//! not the expected one ends the scenario: what follows would measure something else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::super::client::{self, Answer};
use super::super::super::failure::Failure;
use super::super::super::server::Server;
use super::super::super::workload::{deal_path, investment};
use super::super::Subject;

/// Between two looks at a deal.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// How long one investment may take until it is confirmed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A deal.
#[derive(Clone, Copy)]
pub(super) struct Book<'a> {
    server: &'a Server,
    /// Its number.
    pub(super) number: u64,
}

/// How a deal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    /// Investments on their way.
    pub(super) reserved: u64,
    /// Investments for good.
    pub(super) confirmed: u64,
    /// Their sum in minor units.
    pub(super) confirmed_minor: u64,
    /// How many wait in line.
    pub(super) waiting: u64,
    /// The last ticket.
    pub(super) last_ticket: u64,
}

impl Standing {
    /// Whether nothing is on its way any more.
    pub(super) fn is_settled(self) -> bool {
        self.reserved == 0 && self.waiting == 0
    }
}

impl<'a> Book<'a> {
    /// Opens a deal with so many seats, and more money to take than anybody will bring.
    pub(super) fn open(subject: &'a Subject, number: u64, seats: u64) -> Result<Self, Failure> {
        let id = id(number);
        let body = json!({
            "id": id, "name": "Deal", "amount": "1000000.00", "currency": "EUR",
            "max_investors": seats,
        });
        let key = format!("bench-open-{id}");
        let answer = client::post(subject.server.address, "/v1/deals", &key, &body.to_string());
        let answer = answer.map_err(Failure::system("opening a deal"))?;
        if answer.status == 201 {
            return Ok(Self { server: &subject.server, number });
        }
        Err(refused("opening a deal", &answer))
    }

    /// Invests, once for each wallet; gives the answer.
    pub(super) fn invest(&self, wallet: &str) -> Result<Answer, Failure> {
        let (path, key) = (self.path(), format!("bench-{wallet}-{}", self.number));
        let path = format!("{path}/investments");
        client::post(self.server.address, &path, &key, &investment(wallet))
            .map_err(Failure::system("investing"))
    }

    /// Has a wallet take a place.
    pub(super) fn reserve(&self, wallet: &str) -> Result<(), Failure> {
        let answer = self.invest(wallet)?;
        let admitted = answer.status == 202 && self.standing()?.reserved == 1;
        if admitted { Ok(()) } else { Err(refused("taking the one seat", &answer)) }
    }

    /// Waits until nothing is on its way.
    pub(super) fn wait_settled(&self) -> Result<(), Failure> {
        let begin = Instant::now();
        while !self.standing()?.is_settled() {
            if begin.elapsed() > PATIENCE {
                return Err(Failure::Answer(format!("{} is not settled in time", self.path())));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How it stands.
    pub(super) fn standing(&self) -> Result<Standing, Failure> {
        let answer = client::call(self.server.address, "GET", &self.path())
            .map_err(Failure::system("reading a deal"))?;
        let standing = (answer.status == 200).then(|| parse(&answer.body)).flatten();
        standing.ok_or_else(|| refused("reading a deal", &answer))
    }

    fn path(&self) -> String {
        deal_path(&format!("{:04}", self.number))
    }
}

fn id(number: u64) -> String {
    format!("d{number:04}")
}

/// An answer that the scenario cannot go on with.
pub(super) fn refused(doing: &str, answer: &Answer) -> Failure {
    Failure::Answer(format!("{doing}: {}: {}", answer.status, answer.body.trim()))
}

/// The code of a problem.
pub(super) fn code(answer: &Answer) -> Option<String> {
    let problem: Value = serde_json::from_str(&answer.body).ok()?;
    problem["code"].as_str().map(str::to_owned)
}

fn parse(body: &str) -> Option<Standing> {
    let deal: Value = serde_json::from_str(body).ok()?;
    Some(Standing {
        reserved: deal["investments"]["reserved"].as_u64()?,
        confirmed: deal["investments"]["confirmed"].as_u64()?,
        confirmed_minor: minor(deal["confirmed"].as_str()?)?,
        waiting: deal["waiting"].as_u64()?,
        last_ticket: deal["last_ticket"].as_u64()?,
    })
}

/// Euros as cents.
pub(super) fn minor(major: &str) -> Option<u64> {
    let (whole, part) = major.split_once('.')?;
    let part = (part.len() == 2).then(|| part.parse::<u64>().ok()).flatten()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_is_read_as_it_stands() {
        let body = r#"{"id":"d0001","seats":{"taken":3,"confirmed":2,"max":200},
            "reserved":"1.00","confirmed":"2.05","investments":{"reserved":1,"confirmed":2},
            "waiting":4,"last_ticket":9,"version":12}"#;
        let expected = Standing {
            reserved: 1,
            confirmed: 2,
            confirmed_minor: 205,
            waiting: 4,
            last_ticket: 9,
        };
        assert_eq!(parse(body), Some(expected));
        assert!(!expected.is_settled());
        assert_eq!(parse(r#"{"code":"deal-not-found"}"#), None);
    }

    #[test]
    fn euros_are_read_in_cents() {
        assert_eq!(minor("12.34"), Some(1_234));
        for wrong in ["12", "12.3", "-1.00", "1.000", "a.00"] {
            assert_eq!(minor(wrong), None, "{wrong}");
        }
    }
}
