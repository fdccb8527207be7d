//! What the tests ask, and what they read in an answer.
//!
//! Every command carries a key, as from the HTTP edge, with the mark of its content. Amounts are
//! euro cents. Names are chosen by the tests; [`apart`] finds names that live in different shards.
//! What reads an answer fails the test when it is another kind of answer.

use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_actors::view::{Seen, Summary};
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::id::{EntityId, ProviderId, Seq, WalletId};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Refund};
use bursar_domain::{provider, wallet};

/// A question with its addressee.
pub(crate) type To = (EntityId, Ask);

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

pub(crate) fn wallet_id(name: &str) -> EntityId {
    EntityId::wallet(&WalletId::parse(name).expect("well-formed"))
}

pub(crate) fn provider_id(name: &str) -> EntityId {
    EntityId::provider(&ProviderId::parse(name).expect("well-formed"))
}

/// A command with its key.
fn keyed(to: EntityId, command: Command, key: &str) -> To {
    let content = match &command {
        Command::Wallet(command) => command.content(),
        Command::Provider(command) => command.content(),
        Command::Deal(command) => command.content(),
        Command::Saga(command) => command.content(),
        Command::Compensation(command) => command.content(),
        Command::Advance(command) => command.content(),
        Command::Run(command) => command.content(),
        Command::Schedule(command) => command.content(),
        Command::Campaign(command) => command.content(),
        Command::Statement(command) => command.content(),
    };
    let key = Some(Key { text: key.into(), content });
    (to, Ask::Decide { command, key, request_id: "request".into(), room: Room::There })
}

pub(crate) fn to_wallet(name: &str, key: &str, command: wallet::Command) -> To {
    keyed(wallet_id(name), Command::Wallet(command), key)
}

pub(crate) fn register(name: &str) -> To {
    let profile = provider::Profile {
        name: name.into(),
        currency: euro(),
        settlement: provider::Settlement::OnCalendar(
            // Far off: no period ends in these tests.
            Cadence::new("year", Some("12-31"), None, None).expect("a cadence"),
        ),
        account: "account".into(),
    };
    let command = Command::Provider(provider::Command::Register(profile));
    keyed(provider_id(name), command, "register")
}

pub(crate) fn open(name: &str) -> To {
    let profile = wallet::Profile {
        currency: euro(),
        credit_limit: Amount::ZERO,
        owner: None,
        email: None,
        bank_account: None,
    };
    to_wallet(name, "open", wallet::Command::Open(profile))
}

pub(crate) fn deposit(name: &str, key: &str, cents: i64) -> To {
    let command = wallet::Command::Deposit(Deposit {
        amount: Amount::from_minor(cents),
        currency: euro(),
        effective_at: None,
        description: None,
    });
    to_wallet(name, key, command)
}

pub(crate) fn pay(name: &str, key: &str, provider: &str, cents: i64) -> To {
    let command = wallet::Command::Pay(Pay {
        wallet: WalletId::parse(name).expect("well-formed"),
        provider: ProviderId::parse(provider).expect("well-formed"),
        amount: Amount::from_minor(cents),
        currency: euro(),
        description: Some("a payment".into()),
        metadata: Vec::new(),
        effective_at: None,
        payee: Lookup::Open,
        queue_full: false,
    });
    to_wallet(name, key, command)
}

/// Opens a wallet that has a bank account.
pub(crate) fn open_with_bank(name: &str) -> To {
    let profile = wallet::Profile {
        currency: euro(),
        credit_limit: Amount::ZERO,
        owner: None,
        email: None,
        bank_account: Some("account".into()),
    };
    to_wallet(name, "open", wallet::Command::Open(profile))
}

/// Has a deposit pulled from the wallet's bank account.
pub(crate) fn pull(name: &str, key: &str, cents: i64) -> To {
    let command = wallet::Command::Pull(Deposit {
        amount: Amount::from_minor(cents),
        currency: euro(),
        effective_at: None,
        description: None,
    });
    to_wallet(name, key, command)
}

/// Sets money aside, under the key as its name.
pub(crate) fn hold(name: &str, key: &str, cents: i64) -> To {
    let amount = Amount::from_minor(cents);
    let command = wallet::Command::Hold { id: key.into(), amount, currency: euro() };
    to_wallet(name, key, command)
}

/// Asks for money back; without an amount for all that is left.
pub(crate) fn refund(name: &str, key: &str, payment: Seq, cents: Option<i64>) -> To {
    let amount = cents.map(|cents| Amount::from_minor(cents).to_major(euro()).into());
    let paid = Lookup::Open;
    let mut refund = Refund { payment, amount, effective_at: None, key: None, paid };
    let content = wallet::Command::Refund(refund.clone()).content();
    refund.key = Some(Key { text: key.into(), content });
    to_wallet(name, key, wallet::Command::Refund(refund))
}

/// How an entity stands.
pub(crate) fn summary(id: EntityId) -> To {
    (id, Ask::Summary)
}

/// A wallet and a provider that live in different shards.
pub(crate) fn apart(shards: u16) -> (String, String) {
    let wallet = "payer".to_owned();
    let of_wallet = wallet_id(&wallet).shard(shards);
    let mut names = (0..).map(|n| format!("clinic-{n}"));
    let provider = names.find(|name| provider_id(name).shard(shards) != of_wallet);
    (wallet, provider.expect("there is more than one shard"))
}

/// A decision: its position, the record, whether it was replayed.
pub(crate) fn decided(answer: &Answer) -> (Seq, &Record, bool) {
    let Answer::Decided { seq, record, replayed } = answer else {
        panic!("not decided: {answer:?}")
    };
    (*seq, record, *replayed)
}

/// A decision that is a yes. Returns its position.
pub(crate) fn yes(answer: &Answer) -> Seq {
    let (seq, record, _) = decided(answer);
    assert!(!matches!(record.verdict, Verdict::Refused(_)), "refused: {record:?}");
    seq
}

/// Decisions that are all a yes.
pub(crate) fn all_yes(answers: &[Answer]) {
    for answer in answers {
        yes(answer);
    }
}

/// A recorded no. Returns its code.
pub(crate) fn refusal(answer: &Answer) -> Code {
    let verdict = &decided(answer).1.verdict;
    let Verdict::Refused(refusal) = verdict else { panic!("not refused: {verdict:?}") };
    refusal.rejection.code
}

/// The balance in what is seen: posted of a wallet, accrued of a provider, confirmed of a deal,
/// held by a saga or its compensation, owed to an advance.
pub(crate) fn balance(seen: &Seen) -> i128 {
    match &seen.summary {
        Summary::Wallet(wallet) => i128::from(wallet.posted.minor()),
        Summary::Provider(provider) => provider.accrued.minor(),
        Summary::Deal(deal) => i128::from(deal.confirmed.minor()),
        Summary::Saga(saga) => i128::from(saga.held().minor()),
        Summary::Compensation(compensation) => i128::from(compensation.held().minor()),
        Summary::Advance(advance) => -i128::from(advance.outstanding().minor()),
        Summary::Run(_) | Summary::Schedule(_) | Summary::Campaign(_) | Summary::Statement(_) => 0,
    }
}

/// How an entity stands, as answered.
pub(crate) fn seen(answer: &Answer) -> Option<&Seen> {
    let Answer::Summary(seen) = answer else { panic!("not a summary: {answer:?}") };
    seen.as_ref()
}
