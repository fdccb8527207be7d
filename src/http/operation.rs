//! A write, from its checked body to its answer: the same for single requests and batch lines.
//!
//! A body becomes an [`Operation`]: whom it goes to, the command, the key. Its answer becomes a
//! [`Rendered`], made from the record alone.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bursar_actors::job::{Answer, Ask, Command};
use bursar_domain::cadence::Cadence;
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Made, ProviderId, Seq, WalletId};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Refund};
use bursar_domain::{provider, wallet};
use serde::Serialize;

use crate::http::fields::{self, DESCRIPTION_MAX};
use crate::http::problem::Problem;
use crate::http::requests::{
    BookDeposit, MakePayment, MakeRefund, OpenWallet, RegisterProvider, SettlementBody,
};
use crate::http::resources::{self, Form};

/// A write to one entity.
pub(crate) struct Operation {
    to: EntityId,
    command: Command,
    key: Option<Key>,
}

/// The answer to a write.
pub(crate) struct Rendered {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Where the resource is.
    pub(crate) location: Option<String>,
    /// The resource as JSON.
    pub(crate) body: Vec<u8>,
    /// Whether it is the answer of an earlier request with the same key.
    pub(crate) replayed: bool,
}

/// An idempotency key as sent.
#[derive(Clone, Copy)]
pub(crate) enum KeyText<'a> {
    /// None was sent.
    None,
    /// This one was.
    Some(&'a str),
}

impl<'a> KeyText<'a> {
    fn checked(self) -> Result<Option<&'a str>, Problem> {
        match self {
            Self::None => Ok(None),
            Self::Some(text) if Key::is_well_formed(text) => Ok(Some(text)),
            Self::Some(_) => {
                let detail = "an idempotency key is 1 to 255 visible ASCII characters";
                Err(Problem::new(Code::MalformedRequest, detail))
            }
        }
    }

    fn required(self) -> Result<&'a str, Problem> {
        self.checked()?.ok_or_else(|| {
            let detail = "send an Idempotency-Key (in a batch: idempotency_key) of your own, \
                          so that the request can be repeated without being done twice";
            Problem::new(Code::IdempotencyKeyMissing, detail)
        })
    }
}

fn key(text: &str, content: u64) -> Key {
    Key { text: text.into(), content }
}

/// An id that the server makes: from the key, so that a repeat makes the same one, else from chance.
fn made_id(prefix: &str, key: Option<&str>) -> String {
    static SEED: OnceLock<(u64, u64)> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = if let Some(key) = key {
        xxhash_rust::xxh3::xxh3_128(format!("{prefix}\n{key}").as_bytes())
    } else {
        let (high, low) = *SEED.get_or_init(|| (random(), random()));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&count.to_le_bytes());
        xxhash_rust::xxh3::xxh3_128_with_seed(&bytes, high)
    };
    format!("{prefix}_{number:032x}")
}

/// 64 bits that differ from process to process.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

impl Operation {
    /// Opens a wallet.
    pub(crate) fn open_wallet(
        body: OpenWallet<'_>,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key_text = key_text.checked()?;
        let id = match body.id {
            Some(id) => fields::wallet_id(&id, "/id")?,
            None => WalletId::parse(&made_id("wal", key_text)).expect("well-formed by its making"),
        };
        let currency = fields::currency(&body.currency)?;
        let credit_limit = match &body.credit_limit {
            Some(limit) => fields::limit(limit, currency)?,
            None => Amount::ZERO,
        };
        let profile = wallet::Profile {
            currency,
            credit_limit,
            owner: fields::text(body.owner, 200, "/owner")?,
            email: fields::text(body.email, 254, "/email")?,
            bank_account: fields::text(body.bank_account, 200, "/bank_account")?,
        };
        Ok(Self::to_wallet(&id, wallet::Command::Open(profile), key_text))
    }

    /// Books a deposit.
    pub(crate) fn deposit(
        wallet: &WalletId,
        body: BookDeposit<'_>,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key_text = key_text.required()?;
        match &*body.method {
            "external" => {}
            "bank_pull" => {
                let detail = "bank_pull needs the payment processor, which this version does not \
                              call yet; book money that arrived with method \"external\"";
                return Err(Problem::field(Code::UnsupportedMethod, "/method", detail));
            }
            _ => {
                let detail = "the method is \"external\" or \"bank_pull\"";
                return Err(Problem::field(Code::InvalidField, "/method", detail));
            }
        }
        let (amount, currency) = fields::money(&body.amount, &body.currency)?;
        let command = wallet::Command::Deposit(Deposit {
            amount,
            currency,
            effective_at: fields::effective_at(body.effective_at.as_deref())?,
            description: fields::text(body.description, DESCRIPTION_MAX, "/description")?,
        });
        Ok(Self::to_wallet(wallet, command, Some(key_text)))
    }

    /// Makes a payment.
    pub(crate) fn payment(body: MakePayment<'_>, key_text: KeyText<'_>) -> Result<Self, Problem> {
        let key_text = key_text.required()?;
        let wallet = fields::wallet_id(&body.wallet, "/wallet")?;
        let provider = fields::provider_id(&body.provider, "/provider")?;
        let (amount, currency) = fields::money(&body.amount, &body.currency)?;
        let command = wallet::Command::Pay(Pay {
            provider,
            amount,
            currency,
            description: fields::text(body.description, DESCRIPTION_MAX, "/description")?,
            metadata: fields::metadata(body.metadata)?,
            effective_at: fields::effective_at(body.effective_at.as_deref())?,
            payee: Lookup::Open,
        });
        Ok(Self::to_wallet(&wallet, command, Some(key_text)))
    }

    /// Refunds a payment, named by its id.
    pub(crate) fn refund(
        payment: &str,
        body: MakeRefund<'_>,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key_text = key_text.required()?;
        let made = payment_id(payment)?;
        let amount = body.amount.as_ref().map(|amount| amount.text()).transpose()?;
        let mut refund = Refund {
            payment: made.seq,
            amount: amount.map(Into::into),
            effective_at: fields::effective_at(body.effective_at.as_deref())?,
            key: None,
            paid: Lookup::Open,
        };
        let content = wallet::Command::Refund(refund.clone()).content();
        let key = key(key_text, content);
        refund.key = Some(key.clone());
        let command = Command::Wallet(wallet::Command::Refund(refund));
        Ok(Self { to: EntityId::wallet(&made.wallet), command, key: Some(key) })
    }

    /// Freezes or unfreezes a wallet.
    pub(crate) fn set_frozen(
        wallet: &WalletId,
        command: wallet::Command,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        Ok(Self::to_wallet(wallet, command, key_text.checked()?))
    }

    /// Registers a provider.
    pub(crate) fn register_provider(
        body: RegisterProvider<'_>,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key_text = key_text.checked()?;
        let id = match body.id {
            Some(id) => fields::provider_id(&id, "/id")?,
            None => {
                ProviderId::parse(&made_id("prv", key_text)).expect("well-formed by its making")
            }
        };
        let currency = fields::currency(&body.currency)?;
        let profile = provider::Profile {
            name: fields::required(body.name, 200, "/name")?,
            currency,
            cadence: cadence(&body.settlement)?,
            account: fields::required(body.account, 200, "/account")?,
        };
        let command = provider::Command::Register(profile);
        let key = key_text.map(|text| key(text, command.content()));
        Ok(Self { to: EntityId::provider(&id), command: Command::Provider(command), key })
    }

    fn to_wallet(wallet: &WalletId, command: wallet::Command, key_text: Option<&str>) -> Self {
        let key = key_text.map(|text| key(text, command.content()));
        Self { to: EntityId::wallet(wallet), command: Command::Wallet(command), key }
    }

    /// What is asked of whom.
    pub(crate) fn into_ask(self, request_id: &str) -> (EntityId, Ask) {
        let Self { to, command, key } = self;
        (to, Ask::Decide { command, key, request_id: request_id.into() })
    }
}

/// The id of a payment; one that this server cannot have made is not found.
pub(crate) fn payment_id(text: &str) -> Result<Made, Problem> {
    Made::parse(text, "pay")
        .ok_or_else(|| Problem::new(Code::PaymentNotFound, "there is no such payment"))
}

fn cadence(settlement: &SettlementBody<'_>) -> Result<Cadence, Problem> {
    match settlement {
        SettlementBody::Word(word) if word == "immediate" => {
            let detail = "immediate settlement needs the payment processor, which this version \
                          does not call yet; give a calendar such as {\"every\": \"month\"}";
            Err(Problem::field(Code::UnsupportedMethod, "/settlement", detail))
        }
        SettlementBody::Word(_) => {
            let detail = "a calendar such as {\"every\": \"month\", \"on\": \"31\"}, or \
                          \"immediate\"";
            Err(Problem::field(Code::InvalidCadence, "/settlement", detail))
        }
        SettlementBody::Calendar(calendar) => {
            let on = match &calendar.on {
                None | Some(serde_json::Value::Null) => None,
                Some(serde_json::Value::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            };
            let (at, zone) = (calendar.at.as_deref(), calendar.time_zone.as_deref());
            Cadence::new(&calendar.every, on.as_deref(), at, zone).map_err(|error| {
                Problem::field(Code::InvalidCadence, error.pointer(), error.to_string())
            })
        }
    }
}

/// Makes an answer into JSON.
pub(crate) fn render(to: &EntityId, answer: Answer, form: Form) -> Result<Rendered, Problem> {
    match answer {
        Answer::Decided { seq, record, replayed } => {
            render_record(to, seq, &record, replayed, form)
        }
        Answer::Rejected(rejection) => Err(Problem::rejected(&rejection)),
        Answer::Overloaded => Err(Problem::overloaded()),
        // Frozen when it was already, or the other way round: nothing to record.
        Answer::Summary(Some(seen)) => match resources::wallet_of(&seen) {
            Some(wallet) => Ok(state(to, wallet.status)),
            None => Err(Problem::stopping()),
        },
        Answer::Summary(None)
        | Answer::Payment { .. }
        | Answer::Recent { .. }
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

/// The short answer to freeze and unfreeze.
#[derive(Serialize)]
struct State<'a> {
    id: &'a str,
    status: &'static str,
}

fn state(to: &EntityId, status: wallet::Status) -> Rendered {
    let state = State { id: &to.id, status: status.as_str() };
    done(200, None, &state)
}

fn done(status: u16, location: Option<String>, resource: &impl Serialize) -> Rendered {
    let body = serde_json::to_vec(resource).expect("a resource has a JSON form");
    Rendered { status, location, body, replayed: false }
}

fn render_record(
    to: &EntityId,
    seq: Seq,
    record: &Record,
    replayed: bool,
    form: Form,
) -> Result<Rendered, Problem> {
    let rendered = match &record.verdict {
        Verdict::Refused(refusal) => {
            // A replayed refusal names the request that was refused first.
            let problem = Problem::rejected(&refusal.rejection);
            return Err(problem.with_request(&refusal.request_id).replayed(replayed));
        }
        Verdict::Wallet(events) => render_wallet(to, seq, record, events, form),
        Verdict::Provider(events) => match events.first() {
            Some(provider::Event::Registered(profile)) => {
                let id = ProviderId::from_shared(Arc::clone(&to.id));
                let provider = resources::Provider::registered(&id, profile, record.at, form);
                done(201, Some(format!("/v1/providers/{id}")), &provider)
            }
            Some(provider::Event::Received(_) | provider::Event::RefundSent(_)) | None => {
                unreachable!("nobody asks a provider for these")
            }
        },
    };
    Ok(Rendered { replayed, ..rendered })
}

fn render_wallet(
    to: &EntityId,
    seq: Seq,
    record: &Record,
    events: &[wallet::Event],
    form: Form,
) -> Rendered {
    let id = WalletId::from_shared(Arc::clone(&to.id));
    let made = Made { wallet: id.clone(), seq };
    match events.first() {
        Some(wallet::Event::Opened(profile)) => {
            let location = Some(format!("/v1/wallets/{id}"));
            done(201, location, &resources::Wallet::opened(id.as_str(), profile, form))
        }
        Some(wallet::Event::Deposited(event)) => {
            done(201, None, &resources::Deposit::new(&made, record.at, event, form))
        }
        Some(wallet::Event::Paid(event)) => {
            let location =
                (form == Form::Whole).then(|| format!("/v1/payments/{}", made.text("pay")));
            let payment = resources::Payment::new(&made, record.at, event, None, form);
            done(201, location, &payment)
        }
        Some(wallet::Event::RefundReceived(event)) => {
            done(201, None, &resources::Refund::new(&id, seq, record.at, event, form))
        }
        Some(wallet::Event::Frozen) => state(to, wallet::Status::Frozen),
        Some(wallet::Event::Unfrozen) => state(to, wallet::Status::Active),
        None => frozen_already(to, record),
        Some(
            wallet::Event::HoldPlaced { .. }
            | wallet::Event::HoldReleased { .. }
            | wallet::Event::RefundRequested(_),
        ) => unreachable!("a request is not answered with these"),
    }
}

/// A keyed freeze or unfreeze that changed nothing: which of them, its content mark tells.
fn frozen_already(to: &EntityId, record: &Record) -> Rendered {
    let content = record.key.as_ref().map(|key| key.content);
    if content == Some(wallet::Command::Freeze.content()) {
        state(to, wallet::Status::Frozen)
    } else {
        state(to, wallet::Status::Active)
    }
}
