//! The books: what every event moved, summed up.
//!
//! Of each movement, what an account gains, another account, the outside world or the way between
//! entities loses. So once nothing is on its way, all accounts and the outside world sum to zero.
//! There is one currency in this world.

use bursar_domain::message::Movement;
use bursar_domain::money::Amount;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Books {
    pub(crate) accounts: i64,
    pub(crate) external: i64,
    pub(crate) sent: i64,
    pub(crate) received: i64,
}

impl Books {
    pub(crate) fn book(&mut self, movement: &Movement) {
        let Movement { account, external, sent, received, .. } = movement;
        let [account, external, sent, received] =
            [account, external, sent, received].map(|amount: &Amount| amount.minor());
        assert_eq!(account + external + sent - received, 0, "{movement:?}");
        self.accounts += account;
        self.external += external;
        self.sent += sent;
        self.received += received;
        assert_eq!(self.accounts + self.external + self.sent - self.received, 0);
        assert!(self.sent >= self.received, "only what was sent is received");
    }
}
