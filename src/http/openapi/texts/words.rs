//! The tables of shapes: which field looks how.
//!
//! [`NAMED`] goes by the name of a field alone, [`WORDS`] and [`FREE`] by the schema too. A schema
//! within another is named with the field it stands in.

use super::Shape;

/// Fields whose shape goes by their name.
pub(super) const NAMED: [(&[&str], Shape); 14] = [
    (
        &[
            "accounts",
            "accrued",
            "amount",
            "amount_per_day",
            "available",
            "balance_after",
            "budget",
            "carried",
            "clawed_back",
            "collected",
            "confirmed",
            "credit_limit",
            "external",
            "granted",
            "held",
            "in_reimbursement",
            "in_transit",
            "max",
            "max_investment",
            "min_amount",
            "min_investment",
            "outstanding",
            "overpaid",
            "posted",
            "purchase_amount",
            "refunded",
            "reimbursed",
            "remaining",
            "reserved",
            "sum",
            "total",
            "written_off",
        ],
        Shape::Money,
    ),
    (&["currency"], Shape::Currency),
    (
        &[
            "announced_at",
            "at",
            "began_at",
            "closed_at",
            "closes_at",
            "drawn_at",
            "effective_at",
            "ended_at",
            "ends_at",
            "from",
            "items",
            "last_active",
            "next_reimbursement_at",
            "now",
            "opens_at",
            "paid_at",
            "paused_until",
            "planned_at",
            "published_at",
            "set",
            "since",
            "started_at",
            "starts_at",
            "to",
        ],
        Shape::Instant,
    ),
    (
        &[
            "date",
            "day",
            "due",
            "first_day",
            "first_due",
            "last_day",
            "revealed_from",
            "service_date",
            "service_from",
            "service_to",
        ],
        Shape::Date,
    ),
    (&["deal", "provider", "wallet", "campaign", "user_id"], Shape::Id),
    (
        &[
            "id",
            "investment",
            "payment",
            "pending_investments",
            "pending_payments",
            "reimbursement",
            "reward",
        ],
        Shape::MadeId,
    ),
    (&["activity_id", "transaction_id", "pending_id", "reversal_of", "member"], Shape::LineId),
    (&["idempotency_key"], Shape::Key),
    (&["digest", "seed", "sha256"], Shape::Digest),
    (&["category_code"], Shape::CategoryCode),
    (&["category_codes"], Shape::CategoryCodes),
    (&["odds"], Shape::Odds),
    (&["percent"], Shape::Percent),
    (&["code"], Shape::Code),
];

/// Kinds of actors.
pub(super) const KIND: &[&str] = &[
    "wallet",
    "provider",
    "deal",
    "saga",
    "compensation",
    "advance",
    "run",
    "schedule",
    "campaign",
    "statement",
];

/// Periods of a calendar.
pub(super) const EVERY: &[&str] = &["day", "week", "month", "year"];

/// Kinds of entries.
pub(super) const ENTRY_KIND: &[&str] = &[
    "deposit",
    "payment",
    "refund",
    "investment",
    "reward",
    "reward-clawed-back",
    "activities",
    "reimbursement",
    "reimbursement-returned",
    "settlement",
];

/// How an investment stands.
pub(super) const INVESTMENT_STATUS: &[&str] = &[
    "waitlisted",
    "reserved",
    "collecting",
    "documenting",
    "confirmed",
    "compensating",
    "failed",
    "cancelled",
    "refused",
];

/// How a saga stands.
pub(super) const SAGA_STATUS: &[&str] =
    &["running", "compensating", "stuck", "done", "failed", "cancelled"];

/// Fields with a list of words: schema, field, words.
pub(super) const WORDS: [(&str, &str, &[&str]); 44] = [
    ("Actor", "kind", KIND),
    ("ActorState", "kind", KIND),
    ("Departure", "kind", KIND),
    ("Actor", "state", &["idle", "dirty", "busy"]),
    ("Advance", "status", &["pending", "active", "failed", "completed", "defaulted"]),
    ("AnnounceCampaign", "on_reversal", &["claw-back", "keep"]),
    ("Campaign", "on_reversal", &["claw-back", "keep"]),
    ("AnnounceCampaign.prizes", "rounding", &["down", "half-even", "up"]),
    ("PrizeState", "rounding", &["down", "half-even", "up"]),
    ("BookDeposit", "method", &["external", "bank_pull"]),
    ("Deposit", "method", &["external", "bank_pull"]),
    ("Line", "method", &["external", "bank_pull"]),
    ("Calendar", "every", EVERY),
    ("CalendarSettlement", "every", EVERY),
    ("Plan", "every", EVERY),
    ("PlanBody", "every", EVERY),
    ("Campaign", "status", &["upcoming", "running", "paused", "ended"]),
    ("Deal", "status", &["upcoming", "open", "full", "closed"]),
    (
        "Debit",
        "status",
        &[
            "scheduled",
            "due",
            "submitting",
            "submitted",
            "succeeded",
            "failed",
            "silent",
            "cancelled",
            "refunding",
            "refunded",
        ],
    ),
    ("Deposit", "status", &["booked", "pending", "failed"]),
    ("Entry", "kind", ENTRY_KIND),
    ("Gateway", "breaker", &["closed", "open", "half-open"]),
    ("Gateway", "party", &["processor", "documents", "mail"]),
    ("Health", "status", &["ok"]),
    ("Investment", "funding", &["bank", "wallet"]),
    ("MakeInvestment", "funding", &["bank", "wallet"]),
    ("Investment", "status", INVESTMENT_STATUS),
    ("Line", "op", &["open-wallet", "register-provider", "deposit", "payment", "refund"]),
    ("LineBody", "status", &["pending", "posted", "reversed"]),
    ("LineState", "status", &["new", "duplicate", "conflict", "refused"]),
    ("Submitted", "status", &["new", "duplicate", "conflict", "refused"]),
    ("Payment", "status", &["posted", "pending", "failed"]),
    ("Provider", "status", &["active", "on-hold"]),
    ("Refund", "status", &["posted"]),
    ("Reimbursement", "status", &["scheduled", "paying", "paid", "returned"]),
    (
        "RewardState",
        "status",
        &[
            "lost",
            "won",
            "reserved",
            "granted",
            "clawed-back",
            "limit-reached",
            "budget-exhausted",
            "failed",
        ],
    ),
    ("RunReport", "status", &["awaited", "read", "unusable", "unavailable"]),
    ("RunState", "status", &["staging", "fetching", "reading", "closing", "submitting", "done"]),
    (
        "SagaState",
        "kind",
        &["investment", "deposit", "payment", "reimbursement", "advance", "reward"],
    ),
    ("SagaState", "status", SAGA_STATUS),
    ("Step", "status", &["pending", "running", "unanswered", "done", "skipped", "failed"]),
    ("Undo", "status", &["waiting", "undoing", "delayed", "undone"]),
    ("Wallet", "status", &["active", "frozen"]),
    ("WalletStatus", "status", &["active", "frozen"]),
];

/// Fields that look otherwise than their name says elsewhere.
pub(super) const SHAPED: [(&str, &str, Shape); 3] = [
    ("Calendar", "at", Shape::Time),
    ("CalendarSettlement", "at", Shape::Time),
    ("LineBody", "date", Shape::Instant),
];

/// Texts of requests that say anything, and the most characters of each.
pub(super) const FREE: [(&str, &str, usize); 18] = [
    ("OpenWallet", "owner", 200),
    ("OpenWallet", "email", 254),
    ("OpenWallet", "bank_account", 200),
    ("BookDeposit", "description", 500),
    ("MakePayment", "description", 500),
    ("RegisterProvider", "name", 200),
    ("RegisterProvider", "account", 200),
    ("OpenAdvance", "account", 200),
    ("ActivityBody", "description", 2048),
    ("OpenDeal", "name", 200),
    ("AnnounceCampaign", "name", 200),
    ("AnnounceCampaign.merchants", "ids", 256),
    ("AnnounceCampaign.merchants", "names", 256),
    ("LineBody", "description", 1024),
    ("LineBody", "from_account", 64),
    ("LineBody", "to_account", 64),
    ("LineBody.merchant", "id", 256),
    ("LineBody.merchant", "name", 256),
];
