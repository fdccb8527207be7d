//! Opening a wallet: a customer's account in one currency, with or without credit.
//!
//! Drawn first of all, some late, some twice. Yes once for an id; `already-exists` after that.
//! Credit limits are small, so that they are reached.

use bursar_actors::job::Command;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::money::Amount;
use bursar_domain::record::Record;
use bursar_domain::wallet;

use super::{Operation, Sending, currency, to_wallet, wallet_events};
use crate::facts::wish::OpenWallet;
use crate::facts::{Granted, names};

impl Operation for OpenWallet {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let profile = wallet::Profile {
            currency: currency(self.currency),
            credit_limit: Amount::from_minor(self.credit_limit),
            owner: None,
            email: self.has_email.then(|| format!("{}@home", names::wallet(self.wallet)).into()),
            bank_account: None,
        };
        Some((to_wallet(self.wallet), Command::Wallet(wallet::Command::Open(profile))))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::AlreadyExists]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let [wallet::Event::Opened(profile)] = wallet_events(record)? else { return None };
        let is_it = profile.currency.code() == self.currency
            && profile.credit_limit.minor() == self.credit_limit;
        is_it.then_some(Granted::Opened)
    }
}
