//! The bodies of writes, as they come: one struct each, unknown fields refused.
//!
//! Texts are borrowed from the body; nothing is copied before it is known to be good.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Ref, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::fields::{AmountText, integer};

/// Opens a wallet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenWallet<'a> {
    /// Its id; without it, the server makes one.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "alice")]
    pub(crate) id: Option<Cow<'a, str>>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// Whose it is.
    #[schema(value_type = Option<String>)]
    pub(crate) owner: Option<Cow<'a, str>>,
    /// Where the owner is written to.
    #[schema(value_type = Option<String>)]
    pub(crate) email: Option<Cow<'a, str>>,
    /// How far below zero the available balance may go.
    #[schema(value_type = Option<String>, example = "50.00")]
    pub(crate) credit_limit: Option<AmountText<'a>>,
    /// The account at the processor; without it, the wallet's id.
    #[schema(value_type = Option<String>)]
    pub(crate) bank_account: Option<Cow<'a, str>>,
}

/// Books money that arrived from outside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BookDeposit<'a> {
    /// A decimal string in major units.
    #[serde(borrow)]
    #[schema(value_type = String, example = "100.00")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// How the money comes: `external`, which has arrived and is booked at once, or `bank_pull`,
    /// which the processor pulls from the wallet's bank account.
    #[schema(value_type = String, example = "external")]
    pub(crate) method: Cow<'a, str>,
    /// The client's words.
    #[schema(value_type = Option<String>)]
    pub(crate) description: Option<Cow<'a, str>>,
    /// The date of the business, RFC 3339.
    #[schema(value_type = Option<String>)]
    pub(crate) effective_at: Option<Cow<'a, str>>,
}

/// Pays a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakePayment<'a> {
    /// Who pays.
    #[serde(borrow)]
    #[schema(value_type = String, example = "alice")]
    pub(crate) wallet: Cow<'a, str>,
    /// Who is paid.
    #[schema(value_type = String, example = "clinic")]
    pub(crate) provider: Cow<'a, str>,
    /// A decimal string in major units.
    #[schema(value_type = String, example = "12.30")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// The client's words.
    #[schema(value_type = Option<String>)]
    pub(crate) description: Option<Cow<'a, str>>,
    /// The client's own fields: texts by name.
    #[serde(default, deserialize_with = "texts_by_name")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub(crate) metadata: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    /// The date of the business, RFC 3339.
    #[schema(value_type = Option<String>)]
    pub(crate) effective_at: Option<Cow<'a, str>>,
}

/// Refunds a payment.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeRefund<'a> {
    /// How much; without it, all that is left.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "2.30")]
    pub(crate) amount: Option<AmountText<'a>>,
    /// The date of the business, RFC 3339.
    #[schema(value_type = Option<String>)]
    pub(crate) effective_at: Option<Cow<'a, str>>,
}

/// Registers a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterProvider<'a> {
    /// Its id; without it, the server makes one.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "clinic")]
    pub(crate) id: Option<Cow<'a, str>>,
    /// The name that customers see.
    #[schema(value_type = String, example = "Clinic by the Lake")]
    pub(crate) name: Cow<'a, str>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// When it is reimbursed: on a calendar, or `"immediate"`.
    pub(crate) settlement: SettlementBody<'a>,
    /// Where it is reimbursed to.
    #[schema(value_type = String, example = "acct-clinic")]
    pub(crate) account: Cow<'a, str>,
}

/// Gives money now, to be collected by scheduled debits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenAdvance<'a> {
    /// The customer's account, a token at the processor.
    #[serde(borrow)]
    #[schema(value_type = String, example = "acct-alice")]
    pub(crate) account: Cow<'a, str>,
    #[schema(value_type = String, example = "120.00")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// How it is paid back; without it, by twelve weekly debits.
    pub(crate) plan: Option<PlanBody<'a>>,
}

/// How an advance is paid back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBody<'a> {
    /// By how many debits, 1 to 520; 12 when it is not said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 520, example = 12)]
    pub(crate) installments: Option<u64>,
    /// `day`, `week`, `month` or `year`; `week` when it is not said.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "week")]
    pub(crate) every: Option<Cow<'a, str>>,
    /// The first day; without it, one period after the credit.
    #[schema(value_type = Option<String>, example = "2026-12-01")]
    pub(crate) first_due: Option<Cow<'a, str>>,
}

/// What a provider did for a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityBody<'a> {
    /// The client's name of it; each counts once, for ever.
    #[serde(borrow)]
    #[schema(value_type = String, example = "act-1")]
    pub(crate) activity_id: Cow<'a, str>,
    /// For whom.
    #[schema(value_type = String, example = "member-7")]
    pub(crate) member: Cow<'a, str>,
    /// When it was done.
    #[schema(value_type = String, example = "2026-11-20")]
    pub(crate) service_date: Cow<'a, str>,
    #[schema(value_type = Option<String>)]
    pub(crate) description: Option<Cow<'a, str>>,
    /// What the provider is owed for it.
    #[schema(value_type = String, example = "25.00")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
}

/// A calendar, or the word `immediate`.
pub(crate) enum SettlementBody<'a> {
    /// `"immediate"`.
    Word(Cow<'a, str>),
    /// Each period.
    Calendar(Calendar),
}

impl<'de: 'a, 'a> Deserialize<'de> for SettlementBody<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SettlementVisitor;
        impl<'de> Visitor<'de> for SettlementVisitor {
            type Value = SettlementBody<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a calendar such as {\"every\": \"month\"}, or \"immediate\"")
            }

            fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
                Ok(SettlementBody::Word(Cow::Owned(word.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Calendar::deserialize(MapAccessDeserializer::new(map)).map(SettlementBody::Calendar)
            }
        }
        deserializer.deserialize_any(SettlementVisitor)
    }
}

impl PartialSchema for SettlementBody<'_> {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .enum_values(Some(["immediate"]));
        let calendar = Ref::from_schema_name(Calendar::name());
        OneOfBuilder::new().item(calendar).item(word).into()
    }
}

impl ToSchema for SettlementBody<'_> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SettlementBody")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Calendar::name().into(), Calendar::schema()));
        Calendar::schemas(schemas);
    }
}

/// Texts by name; a name that stands twice is refused, as it is among the fields of a request.
type Texts<'a> = Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>;

fn texts_by_name<'de: 'a, 'a, D: Deserializer<'de>>(de: D) -> Result<Texts<'a>, D::Error> {
    struct TextsVisitor;
    impl<'de> Visitor<'de> for TextsVisitor {
        type Value = Texts<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("texts by name")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut texts = BTreeMap::new();
            while let Some((name, text)) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()? {
                if texts.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("duplicate name `{name}`")));
                }
                texts.insert(name, text);
            }
            Ok(Some(texts))
        }
    }
    de.deserialize_any(TextsVisitor)
}

/// A day of a period: a text, or a number of the month.
fn day_of_period() -> Schema {
    let types = [Type::String, Type::Integer, Type::Null];
    let day = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    let what = "Which day of it: a weekday, a day of the month (31 is the last), or MM-DD.";
    day.description(Some(what)).examples(["1"]).into()
}

/// When a provider is reimbursed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calendar {
    /// `day`, `week`, `month` or `year`.
    #[schema(example = "month")]
    pub(crate) every: String,
    /// Which day of it: a weekday, a day of the month (31 is the last), or MM-DD.
    #[schema(schema_with = day_of_period)]
    pub(crate) on: Option<serde_json::Value>,
    /// At which local time, HH:MM.
    #[schema(example = "02:00")]
    pub(crate) at: Option<String>,
    /// In which IANA time zone.
    #[schema(example = "Europe/Prague")]
    pub(crate) time_zone: Option<String>,
}

/// Opens a deal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenDeal<'a> {
    /// Its id; without it, the server makes one.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "harbour")]
    pub(crate) id: Option<Cow<'a, str>>,
    /// The name that investors see.
    #[schema(value_type = String, example = "Harbour Lofts")]
    pub(crate) name: Cow<'a, str>,
    /// The most that it takes: a decimal string in major units.
    #[schema(value_type = String, example = "500000.00")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// The most investors, 1 to 200; 200 when it is not said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 200, example = 200)]
    pub(crate) max_investors: Option<i64>,
    /// The least of one investment.
    #[schema(value_type = Option<String>, example = "100.00")]
    pub(crate) min_investment: Option<AmountText<'a>>,
    /// The most of one investment.
    #[schema(value_type = Option<String>, example = "50000.00")]
    pub(crate) max_investment: Option<AmountText<'a>>,
    /// Before this, no request is taken: RFC 3339.
    #[schema(value_type = Option<String>, example = "2026-11-20T09:00:00.000Z")]
    pub(crate) opens_at: Option<Cow<'a, str>>,
    /// From this on, no request is taken: RFC 3339.
    #[schema(value_type = Option<String>, example = "2026-12-20T18:00:00.000Z")]
    pub(crate) closes_at: Option<Cow<'a, str>>,
}

/// Invests in a deal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeInvestment<'a> {
    /// Who invests.
    #[serde(borrow)]
    #[schema(value_type = String, example = "alice")]
    pub(crate) wallet: Cow<'a, str>,
    /// A decimal string in major units.
    #[schema(value_type = String, example = "1000.00")]
    pub(crate) amount: AmountText<'a>,
    /// ISO 4217.
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Cow<'a, str>,
    /// Where the money comes from: `bank`, pulled by the processor, or `wallet`.
    #[schema(value_type = String, example = "bank")]
    pub(crate) funding: Cow<'a, str>,
    /// Whether to wait in line when there is no place now but may be one later; without it, yes.
    #[schema(example = true)]
    pub(crate) waitlist: Option<bool>,
}

/// A line of a batch: an operation on wallets, providers and payments, told apart by `op`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line<'a> {
    /// `open-wallet`, `register-provider`, `deposit`, `payment` or `refund`.
    #[serde(borrow)]
    pub(crate) op: Option<Cow<'a, str>>,
    /// The line's own key.
    pub(crate) idempotency_key: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) wallet: Option<Cow<'a, str>>,
    pub(crate) provider: Option<Cow<'a, str>>,
    /// For a refund: the payment's id.
    pub(crate) payment: Option<Cow<'a, str>>,
    pub(crate) amount: Option<AmountText<'a>>,
    pub(crate) currency: Option<Cow<'a, str>>,
    pub(crate) method: Option<Cow<'a, str>>,
    pub(crate) description: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "texts_by_name")]
    pub(crate) metadata: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    pub(crate) effective_at: Option<Cow<'a, str>>,
    pub(crate) owner: Option<Cow<'a, str>>,
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) credit_limit: Option<AmountText<'a>>,
    pub(crate) bank_account: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) settlement: Option<SettlementBody<'a>>,
    pub(crate) account: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// A field that is still there after all that belong to the operation were taken.
    pub(crate) fn leftover(&self) -> Option<&'static str> {
        let fields = [
            ("id", self.id.is_some()),
            ("wallet", self.wallet.is_some()),
            ("provider", self.provider.is_some()),
            ("payment", self.payment.is_some()),
            ("amount", self.amount.is_some()),
            ("currency", self.currency.is_some()),
            ("method", self.method.is_some()),
            ("description", self.description.is_some()),
            ("metadata", self.metadata.is_some()),
            ("effective_at", self.effective_at.is_some()),
            ("owner", self.owner.is_some()),
            ("email", self.email.is_some()),
            ("credit_limit", self.credit_limit.is_some()),
            ("bank_account", self.bank_account.is_some()),
            ("name", self.name.is_some()),
            ("settlement", self.settlement.is_some()),
            ("account", self.account.is_some()),
        ];
        fields.into_iter().find(|(_, there)| *there).map(|(name, _)| name)
    }
}
