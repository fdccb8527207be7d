//! A write, from its checked body to its answer: the same for single requests and batch lines.
//!
//! A body becomes an [`Operation`]: whom it goes to, the command, the key. Its answer becomes a
//! [`Rendered`], made from the record alone.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bursar_actors::gateway::Gateways;
use bursar_actors::job::{Answer, Ask, Command, Room};
use bursar_domain::call::Party;
use bursar_domain::code::Code;
use bursar_domain::id::{AdvanceId, DealId, EntityId, Made, ProviderId, Seq, WalletId};
use bursar_domain::key::Key;
use bursar_domain::money::Amount;
use bursar_domain::record::{Record, Verdict};
use bursar_domain::saga::investment::Funding;
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Refund};
use bursar_domain::{advance, deal, provider, wallet};
use serde::Serialize;

use crate::http::deals::Deal;
use crate::http::deposits;
use crate::http::fields::{self, DESCRIPTION_MAX};
use crate::http::problem::Problem;
use crate::http::providers::Provider;
use crate::http::requests::{BookDeposit, MakePayment, MakeRefund, OpenWallet};
use crate::http::resources::{self, Form};

/// A write to one entity.
#[derive(Debug)]
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

/// A decision that was made, now or by an earlier request with the same key.
pub(crate) struct Decided {
    /// Under which position.
    pub(crate) seq: Seq,
    /// The whole decision.
    pub(crate) record: Arc<Record>,
    /// Whether an earlier request made it.
    pub(crate) replayed: bool,
}

impl<'a> KeyText<'a> {
    /// The key, if one was sent; refused when it is not well-formed.
    pub(crate) fn checked(self) -> Result<Option<&'a str>, Problem> {
        match self {
            Self::None => Ok(None),
            Self::Some(text) if Key::is_well_formed(text) => Ok(Some(text)),
            Self::Some(_) => {
                let detail = "an idempotency key is 1 to 255 visible ASCII characters";
                Err(Problem::new(Code::MalformedRequest, detail))
            }
        }
    }

    /// The key; refused when none was sent.
    pub(crate) fn required(self) -> Result<&'a str, Problem> {
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
pub(crate) fn made_id(prefix: &str, key: Option<&str>) -> String {
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

    /// Books a deposit, or has the processor pull it.
    pub(crate) fn deposit(
        wallet: &WalletId,
        body: BookDeposit<'_>,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key_text = key_text.required()?;
        let command: fn(Deposit) -> wallet::Command = match &*body.method {
            "external" => wallet::Command::Deposit,
            "bank_pull" => wallet::Command::Pull,
            _ => {
                let detail = "the method is \"external\" or \"bank_pull\"";
                return Err(Problem::field(Code::InvalidField, "/method", detail));
            }
        };
        let (amount, currency) = fields::money(&body.amount, &body.currency)?;
        let command = command(Deposit {
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
            wallet: wallet.clone(),
            provider,
            amount,
            currency,
            description: fields::text(body.description, DESCRIPTION_MAX, "/description")?,
            metadata: fields::metadata(body.metadata)?,
            effective_at: fields::effective_at(body.effective_at.as_deref())?,
            payee: Lookup::Open,
            queue_full: false,
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
        let amount = body.amount.as_ref().map(|amount| amount.text("/amount")).transpose()?;
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

    /// Something asked of a provider.
    pub(crate) fn to_provider(
        provider: &ProviderId,
        command: provider::Command,
        key_text: Option<&str>,
    ) -> Self {
        let key = key_text.map(|text| key(text, command.content()));
        Self { to: EntityId::provider(provider), command: Command::Provider(command), key }
    }

    fn to_wallet(wallet: &WalletId, command: wallet::Command, key_text: Option<&str>) -> Self {
        let key = key_text.map(|text| key(text, command.content()));
        Self { to: EntityId::wallet(wallet), command: Command::Wallet(command), key }
    }

    /// Something asked of an advance.
    pub(crate) fn to_advance(
        advance: &AdvanceId,
        command: advance::Command,
        key_text: &str,
    ) -> Self {
        let key = Some(key(key_text, command.content()));
        Self { to: EntityId::advance(advance), command: Command::Advance(command), key }
    }

    /// Something asked of a deal.
    pub(crate) fn to_deal(deal: &DealId, command: deal::Command, key_text: Option<&str>) -> Self {
        let key = key_text.map(|text| key(text, command.content()));
        Self { to: EntityId::deal(deal), command: Command::Deal(command), key }
    }

    /// What an operator asks of an entity; `content` is the mark of the command.
    pub(crate) fn of_operator(
        to: EntityId,
        command: Command,
        content: u64,
        key_text: KeyText<'_>,
    ) -> Result<Self, Problem> {
        let key = key_text.checked()?.map(|text| key(text, content));
        Ok(Self { to, command, key })
    }

    /// Whether it ends later, with money from the bank.
    pub(crate) fn is_pull(&self) -> bool {
        matches!(self.command, Command::Wallet(wallet::Command::Pull(_)))
    }

    /// The third party that has no room for the calls that it would bring. What is new is refused
    /// before it gets a ticket; what has one is not.
    pub(crate) fn full_party(&self, gateways: &Gateways) -> Option<Party> {
        self.calls().iter().copied().find(|party| gateways.is_full(*party))
    }

    /// Which third parties will be called for it.
    fn calls(&self) -> &'static [Party] {
        match &self.command {
            Command::Deal(deal::Command::Invest(invest)) => match invest.funding {
                Funding::Bank => &[Party::Processor, Party::Documents],
                Funding::Wallet => &[Party::Documents],
            },
            Command::Wallet(wallet::Command::Pull(_)) | Command::Advance(_) => &[Party::Processor],
            Command::Wallet(_)
            | Command::Provider(_)
            | Command::Deal(_)
            | Command::Saga(_)
            | Command::Compensation(_)
            | Command::Run(_)
            | Command::Schedule(_)
            | Command::Campaign(_)
            | Command::Statement(_) => &[],
        }
    }

    /// What is asked of whom.
    pub(crate) fn into_ask(self, request_id: &str, gateways: &Gateways) -> (EntityId, Ask) {
        let room = if self.full_party(gateways).is_some() { Room::Full } else { Room::There };
        let Self { to, mut command, key } = self;
        if let Command::Wallet(wallet::Command::Pay(pay)) = &mut command {
            // Whether the processor is needed is known when the provider has been looked up.
            pay.queue_full = gateways.is_full(Party::Processor);
        }
        if let Command::Deal(deal::Command::Invest(invest)) = &mut command {
            // A refusal with a ticket is an event, so the command carries what is kept with it.
            invest.request_id = request_id.into();
        }
        (to, Ask::Decide { command, key, request_id: request_id.into(), room })
    }
}

/// The id of a payment; one that this server cannot have made is not found.
pub(crate) fn payment_id(text: &str) -> Result<Made, Problem> {
    Made::parse(text, "pay")
        .ok_or_else(|| Problem::new(Code::PaymentNotFound, "there is no such payment"))
}

/// The decision in an answer; `None` when there was nothing to record.
pub(crate) fn decided(answer: Answer) -> Result<Option<Decided>, Problem> {
    match answer {
        Answer::Decided { seq, record, replayed } => match &record.verdict {
            Verdict::Refused(refusal) => {
                // A replayed refusal names the request that was refused first.
                let problem = Problem::rejected(&refusal.rejection);
                Err(problem.with_request(&refusal.request_id).replayed(replayed))
            }
            Verdict::Wallet(_)
            | Verdict::Provider(_)
            | Verdict::Deal(_)
            | Verdict::Saga(_)
            | Verdict::Compensation(_)
            | Verdict::Advance(_)
            | Verdict::Run(_)
            | Verdict::Schedule(_)
            | Verdict::Campaign(_)
            | Verdict::Statement(_) => Ok(Some(Decided { seq, record, replayed })),
        },
        Answer::Rejected(rejection) => Err(Problem::rejected(&rejection)),
        Answer::Overloaded => Err(Problem::overloaded()),
        Answer::Summary(Some(_)) => Ok(None),
        Answer::Summary(None)
        | Answer::Payment { .. }
        | Answer::Investment { .. }
        | Answer::Recent { .. }
        | Answer::Judged(_)
        | Answer::Known(_)
        | Answer::Rewards(_)
        | Answer::Inspected(_) => Err(Problem::stopping()),
    }
}

/// Makes an answer into JSON.
pub(crate) fn render(to: &EntityId, answer: Answer, form: Form) -> Result<Rendered, Problem> {
    // Frozen when it was already, or the other way round: nothing to record.
    if let Answer::Summary(Some(seen)) = &answer
        && let Some(wallet) = resources::wallet_of(seen)
    {
        return Ok(state(to, wallet.status));
    }
    match decided(answer)? {
        Some(decided) => Ok(render_record(to, &decided, form)),
        None => Err(Problem::stopping()),
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

fn render_record(to: &EntityId, decided: &Decided, form: Form) -> Rendered {
    let Decided { seq, record, replayed } = decided;
    let rendered = match &record.verdict {
        Verdict::Wallet(events) => render_wallet(to, *seq, record, events, form),
        Verdict::Provider(events) => {
            let provider = provider::Summary::registered(events);
            let provider = provider.expect("what else a provider does is answered elsewhere");
            let resource = Provider::seen(&to.id, &provider, 1, record.at, form);
            done(201, Some(format!("/v1/providers/{}", to.id)), &resource)
        }
        Verdict::Deal(events) => {
            let Some(deal::Event::Opened(profile)) = events.first() else {
                unreachable!("what else a deal does is answered in its own file")
            };
            let location = Some(format!("/v1/deals/{}", to.id));
            done(201, location, &Deal::opened(&to.id, profile, record.at))
        }
        Verdict::Refused(_)
        | Verdict::Saga(_)
        | Verdict::Compensation(_)
        | Verdict::Advance(_)
        | Verdict::Run(_)
        | Verdict::Schedule(_)
        | Verdict::Campaign(_)
        | Verdict::Statement(_) => {
            unreachable!("a refusal is no decision to show, and the others are answered elsewhere")
        }
    };
    Rendered { replayed: *replayed, ..rendered }
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
            let location = (form == Form::Whole).then(|| deposits::location(&made));
            done(201, location, &deposits::Deposit::booked(&made, record.at, event, form))
        }
        Some(wallet::Event::PullRequested(event)) => {
            let location = (form == Form::Whole).then(|| deposits::location(&made));
            done(202, location, &deposits::Deposit::pending(&made, record.at, event, form))
        }
        Some(wallet::Event::Paid(event)) => {
            let location =
                (form == Form::Whole).then(|| format!("/v1/payments/{}", made.text("pay")));
            let payment = resources::Payment::new(&made, record.at, event, None, form);
            done(201, location, &payment)
        }
        Some(wallet::Event::PaymentHeld(event)) => {
            let location =
                (form == Form::Whole).then(|| format!("/v1/payments/{}", made.text("pay")));
            done(202, location, &resources::Payment::pending(&made, record.at, event, form))
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
            | wallet::Event::RefundRequested(_)
            | wallet::Event::Marked(_)
            | wallet::Event::MarkRefused { .. }
            | wallet::Event::Invested(_)
            | wallet::Event::Unmarked { .. }
            | wallet::Event::PullBooked(_)
            | wallet::Event::PullAbandoned { .. }
            | wallet::Event::PaymentPosted(_)
            | wallet::Event::PaymentFailed(_)
            | wallet::Event::Reward(_),
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
