//! The plan: from the lines of a statement to the orders that replay them.
//!
//! One wallet an account, one provider for each kind of debit, then one deposit or payment a
//! line in file order. Every order's key follows from the file alone, so the same file always
//! gives the same plan, and a second run is a replay.
//!
//! The bank rounded interest, so balances that are computed again may drift by [`drift_room`].
//! A wallet's credit limit is what the bank itself let the account go below zero, and that room.

use std::collections::HashMap;

use bursar_domain::currency::Currency;
use bursar_domain::money::Amount;
use serde::Serialize;

use super::statement::{Direction, Line};

/// How far a balance may drift a line, in hundredths of the currency's unit.
const DRIFT_HUNDREDTHS: i64 = 15;

/// How far the balance of an account with so many lines may be from the bank's.
pub(super) fn drift_room(lines: u32, currency: Currency) -> Amount {
    let unit = 10_i64.pow(u32::from(currency.exponent()));
    Amount::from_minor(i64::from(lines) * DRIFT_HUNDREDTHS * unit / 100)
}

/// What the statement says of one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    /// The bank's name for it.
    pub(super) name: String,
    /// How many lines it has.
    pub(super) lines: u32,
    /// The lowest balance that the bank printed; zero when it was never below.
    pub(super) lowest: Amount,
    /// The last balance that the bank printed.
    pub(super) bank_balance: Amount,
}

impl Account {
    /// The id of its wallet.
    pub(super) fn wallet(&self) -> String {
        wallet_of(&self.name)
    }

    /// How far the wallet may go below zero; stops at the largest amount there is.
    fn credit_limit(&self, currency: Currency) -> Amount {
        let overdrawn = self.lowest.checked_neg().unwrap_or(Amount::from_minor(i64::MAX));
        overdrawn
            .checked_add(drift_room(self.lines, currency))
            .unwrap_or(Amount::from_minor(i64::MAX))
    }
}

fn wallet_of(account: &str) -> String {
    format!("acc-{account}")
}

fn provider_of(operation: &str) -> String {
    format!("bank-{operation}")
}

/// What kind of order it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OrderKind {
    /// A wallet or a provider comes into being.
    Setup,
    /// Money in.
    Deposit,
    /// Money out.
    Payment,
}

/// One line of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Order {
    /// What it does.
    pub(super) kind: OrderKind,
    /// What it comes from, for messages: a line of the file, or a name.
    pub(super) origin: String,
    /// What is sent: one JSON object without a line break.
    pub(super) body: String,
}

/// All that is to be done, in order.
#[derive(Debug)]
pub(super) struct Plan {
    /// The currency of everything.
    pub(super) currency: Currency,
    /// Wallets and providers.
    pub(super) setup: Vec<Order>,
    /// Deposits and payments, in file order.
    pub(super) lines: Vec<Order>,
    /// The accounts, in the order of their first lines.
    pub(super) accounts: Vec<Account>,
    /// How many lines move nothing and are left out.
    pub(super) skipped: u64,
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Body<'a> {
    OpenWallet {
        idempotency_key: String,
        id: String,
        currency: &'a str,
        credit_limit: String,
    },
    RegisterProvider {
        idempotency_key: String,
        id: String,
        name: String,
        currency: &'a str,
        settlement: Settlement,
        account: String,
    },
    Deposit {
        idempotency_key: String,
        wallet: String,
        amount: String,
        currency: &'a str,
        method: &'a str,
        effective_at: String,
        description: String,
    },
    Payment {
        idempotency_key: String,
        wallet: String,
        provider: String,
        amount: String,
        currency: &'a str,
        effective_at: String,
        description: String,
    },
}

#[derive(Serialize)]
struct Settlement {
    every: &'static str,
}

impl Body<'_> {
    fn order(&self, kind: OrderKind, origin: String) -> Order {
        let body = serde_json::to_string(self).expect("strings always are JSON");
        Order { kind, origin, body }
    }
}

impl Plan {
    /// The plan for a statement.
    pub(super) fn new(lines: &[Line], currency: Currency) -> Self {
        let accounts = accounts_of(lines);
        let mut setup: Vec<_> = accounts.iter().map(|account| open(account, currency)).collect();
        setup.extend(debits_of(lines).into_iter().map(|name| register(name, currency)));
        let moving = || lines.iter().filter(|line| !line.amount.is_zero());
        let orders: Vec<_> = moving().map(|line| replay(line, currency)).collect();
        let skipped = lines.len() - orders.len();
        Self {
            currency,
            setup,
            lines: orders,
            accounts,
            skipped: u64::try_from(skipped).expect("a usize fits a u64"),
        }
    }

    /// How many orders there are.
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.setup.len() + self.lines.len()).expect("a usize fits a u64")
    }
}

fn accounts_of(lines: &[Line]) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        let place = *places.entry(&line.account).or_insert_with(|| {
            accounts.push(Account {
                name: line.account.clone(),
                lines: 0,
                lowest: Amount::ZERO,
                bank_balance: Amount::ZERO,
            });
            accounts.len() - 1
        });
        let account = &mut accounts[place];
        account.lines += 1;
        account.lowest = account.lowest.min(line.bank_balance);
        account.bank_balance = line.bank_balance;
    }
    accounts
}

/// The kinds of operation that take money out, in the order of their first lines.
fn debits_of(lines: &[Line]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|line| line.direction == Direction::Debit) {
        if !names.contains(&line.operation.as_str()) {
            names.push(&line.operation);
        }
    }
    names
}

fn open(account: &Account, currency: Currency) -> Order {
    let body = Body::OpenWallet {
        idempotency_key: format!("open-{}", account.wallet()),
        id: account.wallet(),
        currency: currency.code(),
        credit_limit: account.credit_limit(currency).to_major(currency),
    };
    body.order(OrderKind::Setup, format!("opening {}", account.wallet()))
}

fn register(operation: &str, currency: Currency) -> Order {
    let id = provider_of(operation);
    let body = Body::RegisterProvider {
        idempotency_key: format!("register-{operation}"),
        id: id.clone(),
        name: format!("The bank's {}", operation.replace('-', " ")),
        currency: currency.code(),
        settlement: Settlement { every: "month" },
        account: id.clone(),
    };
    body.order(OrderKind::Setup, format!("registering {id}"))
}

fn replay(line: &Line, currency: Currency) -> Order {
    let idempotency_key = format!("stmt-{}", line.transaction);
    let wallet = wallet_of(&line.account);
    let amount = line.amount.to_major(currency);
    let effective_at = line.date.to_string();
    let description = if line.purpose.is_empty() {
        line.operation.clone()
    } else {
        format!("{}: {}", line.operation, line.purpose)
    };
    let currency = currency.code();
    let (kind, body) = match line.direction {
        Direction::Credit => {
            let method = "external";
            let body = Body::Deposit {
                idempotency_key,
                wallet,
                amount,
                currency,
                method,
                effective_at,
                description,
            };
            (OrderKind::Deposit, body)
        }
        Direction::Debit => {
            let provider = provider_of(&line.operation);
            let body = Body::Payment {
                idempotency_key,
                wallet,
                provider,
                amount,
                currency,
                effective_at,
                description,
            };
            (OrderKind::Payment, body)
        }
    };
    body.order(kind, format!("line {}", line.number))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::import::statement;

    fn plan(lines: &str) -> Plan {
        let header = "transaction_id,account,date,direction,operation,amount,\
                      balance_after_by_bank,purpose\n";
        let currency = Currency::from_code("CZK").expect("the koruna is in the table");
        let lines = statement::read(format!("{header}{lines}").as_bytes(), currency);
        Plan::new(&lines.expect("a statement"), currency)
    }

    fn bodies(orders: &[Order]) -> Vec<Value> {
        orders
            .iter()
            .map(|order| serde_json::from_str(&order.body).expect("an order is JSON"))
            .collect()
    }

    #[test]
    fn an_overdrawn_account_gets_what_the_bank_allowed_and_the_drift() {
        let plan = plan(
            "1,7,1993-01-01,credit,cash-in,10.00,10.00,\n\
             2,7,1993-01-02,debit,cash-out,35.50,-25.50,\n\
             3,7,1993-01-03,credit,cash-in,30.00,4.50,\n\
             4,8,1993-01-03,credit,cash-in,1.00,1.00,\n",
        );
        let limits: Vec<_> =
            bodies(&plan.setup).iter().map(|body| body["credit_limit"].clone()).collect();
        assert_eq!(limits, [json!("25.95"), json!("0.15"), Value::Null]);
        assert_eq!(plan.accounts[0].bank_balance, Amount::from_minor(450));
        assert_eq!(plan.accounts[0].lines, 3);
    }

    #[test]
    fn lines_become_deposits_and_payments_in_file_order() {
        let plan = plan(
            "1,7,1993-01-01,credit,cash-in,10.00,10.00,pension\n\
             2,7,1993-01-02,debit,transfer-out,3,7.00,\n",
        );
        let expected = [
            json!({"op": "deposit", "idempotency_key": "stmt-1", "wallet": "acc-7",
                "amount": "10.00", "currency": "CZK", "method": "external",
                "effective_at": "1993-01-01T00:00:00.000Z", "description": "cash-in: pension"}),
            json!({"op": "payment", "idempotency_key": "stmt-2", "wallet": "acc-7",
                "provider": "bank-transfer-out", "amount": "3.00", "currency": "CZK",
                "effective_at": "1993-01-02T00:00:00.000Z", "description": "transfer-out"}),
        ];
        assert_eq!(bodies(&plan.lines), expected);
        assert_eq!(plan.lines[1].origin, "line 3");
    }

    #[test]
    fn every_debit_operation_is_registered_once() {
        let plan = plan(
            "1,7,1993-01-01,credit,cash-in,10.00,10.00,\n\
             2,7,1993-01-02,debit,cash-out,3,7.00,\n\
             3,7,1993-01-02,debit,card,3,4.00,\n\
             4,7,1993-01-02,debit,cash-out,3,1.00,\n",
        );
        let setup = bodies(&plan.setup);
        assert_eq!(setup.len(), 3);
        let expected = json!({"op": "register-provider", "idempotency_key": "register-cash-out",
            "id": "bank-cash-out", "name": "The bank's cash out", "currency": "CZK",
            "settlement": {"every": "month"}, "account": "bank-cash-out"});
        assert_eq!(setup[1], expected);
        assert_eq!(setup[2]["id"], "bank-card");
    }

    #[test]
    fn lines_that_move_nothing_are_counted_and_left_out() {
        let plan = plan("1,7,1993-01-01,credit,cash-in,0.00,0.00,\n2,7,1993-01-01,credit,x,1,1,\n");
        assert_eq!((plan.skipped, plan.lines.len(), plan.length()), (1, 1, 2));
        assert_eq!(plan.accounts[0].lines, 2);
    }

    #[test]
    fn the_room_to_drift_is_in_units_of_the_currency() {
        for (code, lines, minor) in [("CZK", 100, 1500), ("BHD", 2, 300), ("JPY", 10, 1)] {
            let currency = Currency::from_code(code).expect(code);
            assert_eq!(drift_room(lines, currency), Amount::from_minor(minor), "{code}");
        }
    }
}
