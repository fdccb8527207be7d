//! The tickets in answers: are they dense, and who came before whom?
//!
//! Three questions. On one connection the next request goes out when the answer has come, so its
//! tickets must ascend: anything else would be a place lost to someone who came later. All tickets
//! of a deal must be one run without gaps or doubles. And the order in which the generator wrote
//! the requests is compared with the tickets; that is for information, since the server reads its
//! connections in the order it likes, and a place in line begins when a request was read.

/// What connections were told.
#[derive(Default)]
pub(crate) struct Heard {
    said: Vec<Said>,
    backwards: u64,
    /// How many tickets were refused.
    pub(crate) refused: u64,
    /// Where the ticket stood in the last answer; mostly it stands there again.
    at: usize,
}

#[derive(Clone, Copy)]
struct Said {
    deal: u64,
    /// The request's place in the order in which requests were written.
    written: u64,
    ticket: u64,
}

/// What the tickets say about the order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Fairness {
    /// Answers with a ticket.
    pub(crate) tickets: u64,
    /// On one connection and deal: tickets that are not above the one before.
    pub(crate) backwards: u64,
    /// Gaps and doubles among a deal's tickets.
    pub(crate) gaps: u64,
    /// Pairs of requests to a deal, one written right after the other.
    pub(crate) pairs: u64,
    /// Of these, how many got their tickets the other way round.
    pub(crate) swapped: u64,
    /// The most places that a request came later in line than it was written.
    pub(crate) places_lost: u64,
}

impl Heard {
    /// An answer of one connection came; says whether it has a ticket.
    pub(crate) fn hear(&mut self, deal: u64, written: u64, status: u16, body: &[u8]) -> bool {
        let Some((at, ticket)) = ticket_in(body, self.at) else { return false };
        self.at = at;
        self.refused += u64::from(status >= 400);
        let last = self.said.last().filter(|last| last.deal == deal);
        self.backwards += u64::from(last.is_some_and(|last| ticket <= last.ticket));
        self.said.push(Said { deal, written, ticket });
        true
    }

    /// Adds what another connection was told. After this, no more answers of one connection.
    pub(crate) fn add(&mut self, other: Self) {
        self.said.extend(other.said);
        self.backwards += other.backwards;
        self.refused += other.refused;
    }

    /// What all of it says. Every ticket given meanwhile must have been heard.
    pub(crate) fn fairness(mut self) -> Fairness {
        let tickets = self.said.len() as u64;
        let mut fairness = Fairness { tickets, backwards: self.backwards, ..Fairness::default() };
        self.said.sort_unstable_by_key(|said| (said.deal, said.written));
        for deal in self.said.chunk_by_mut(|one, next| one.deal == next.deal) {
            let swapped = deal.windows(2).filter(|pair| pair[0].ticket > pair[1].ticket);
            fairness.swapped += swapped.count() as u64;
            fairness.pairs += deal.len() as u64 - 1;
            let first = deal.iter().map(|said| said.ticket).min().unwrap_or_default();
            let lost = (0..)
                .zip(&*deal)
                .map(|(place, said): (u64, _)| (said.ticket - first).saturating_sub(place));
            fairness.places_lost = fairness.places_lost.max(lost.max().unwrap_or_default());
            deal.sort_unstable_by_key(|said| said.ticket);
            let gaps = deal.windows(2).filter(|pair| pair[1].ticket != pair[0].ticket + 1);
            fairness.gaps += gaps.count() as u64;
        }
        fairness
    }
}

impl Fairness {
    /// Adds that of another time.
    pub(crate) fn add(&mut self, other: Self) {
        self.tickets += other.tickets;
        self.backwards += other.backwards;
        self.gaps += other.gaps;
        self.pairs += other.pairs;
        self.swapped += other.swapped;
        self.places_lost = self.places_lost.max(other.places_lost);
    }
}

/// The ticket in an answer, and where it stands. Looks first where the last one stood.
fn ticket_in(body: &[u8], guess: usize) -> Option<(usize, u64)> {
    const NAME: &[u8] = b"\"ticket\":";
    let stands_at = |at: usize| body.get(at..).is_some_and(|rest| rest.starts_with(NAME));
    let at = if stands_at(guess) {
        guess
    } else {
        body.windows(NAME.len()).position(|window| window == NAME)?
    };
    let digits = body[at + NAME.len()..].trim_ascii_start();
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ticket = std::str::from_utf8(&digits[..count]).ok()?.parse().ok()?;
    Some((at, ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(answers: &[(u64, u64, u64)]) -> Heard {
        let mut heard = Heard::default();
        for (deal, written, ticket) in answers {
            let body = format!(r#"{{"status":"waitlisted","ticket":{ticket}}}"#);
            assert!(heard.hear(*deal, *written, 202, body.as_bytes()));
        }
        heard
    }

    #[test]
    fn the_ticket_is_found_wherever_it_stands() {
        let body = br#"{"amount":"1.00","ticket": 42,"status":"reserved"}"#;
        assert_eq!(ticket_in(body, 0), Some((17, 42)));
        assert_eq!(ticket_in(body, 17), Some((17, 42)));
        assert_eq!(ticket_in(body, 999), Some((17, 42)));
        assert_eq!(ticket_in(br#"{"code":"overloaded"}"#, 0), None);
        assert_eq!(ticket_in(br#"{"ticket":null}"#, 0), None);
        assert!(!Heard::default().hear(1, 1, 409, b"{}"));
    }

    #[test]
    fn dense_and_ascending_tickets_are_fair() {
        let mut all = heard(&[(1, 0, 7), (1, 2, 9), (2, 4, 1)]);
        all.add(heard(&[(1, 1, 8), (1, 3, 10), (2, 5, 2)]));
        let expected = Fairness { tickets: 6, pairs: 4, ..Fairness::default() };
        assert_eq!(all.fairness(), expected);
    }

    #[test]
    fn tickets_against_the_order_of_writing_are_counted() {
        // Written 0, 1, 2; the first came last. Each connection by itself is in order.
        let mut all = heard(&[(1, 0, 3)]);
        all.add(heard(&[(1, 1, 1), (1, 2, 2)]));
        let fairness = all.fairness();
        assert_eq!((fairness.backwards, fairness.gaps), (0, 0));
        assert_eq!((fairness.pairs, fairness.swapped, fairness.places_lost), (2, 1, 2));
    }

    #[test]
    fn gaps_doubles_and_going_back_are_counted() {
        assert_eq!(heard(&[(1, 0, 1), (1, 1, 3)]).fairness().gaps, 1);
        assert_eq!(heard(&[(1, 0, 1), (1, 1, 1)]).fairness().gaps, 1);
        assert_eq!(heard(&[(1, 0, 2), (1, 1, 1)]).fairness().backwards, 1);
        assert_eq!(heard(&[(1, 0, 2), (2, 1, 1)]).fairness().backwards, 0, "another deal");
    }

    #[test]
    fn refusals_are_counted_by_their_status() {
        let mut heard = Heard::default();
        assert!(heard.hear(1, 0, 202, br#"{"ticket":1}"#));
        assert!(heard.hear(1, 1, 409, br#"{"ticket":2}"#));
        assert_eq!(heard.refused, 1);
    }
}
