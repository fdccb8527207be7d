//! The table of codes: every reason why a request is refused, once.
//!
//! A code is a promise to clients: its word, its HTTP status and whether trying again can help
//! never change. The table is only appended to, because the number of a code is in the journal
//! with the refusal it explains. Each code has a page in `docs/errors/`; a test holds that.

use std::fmt;

use bincode::{Decode, Encode};

macro_rules! codes {
    ($($name:ident $word:literal $status:literal $retryable:literal $title:literal;)*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word, kebab-case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// Whether the same request may succeed later without the client changing it.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable),* }
            }

            /// A short sentence for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    MalformedRequest "malformed-request" 400 false "The request is not well formed";
    IdempotencyKeyMissing "idempotency-key-missing" 400 false "The Idempotency-Key is missing";
    NotFound "not-found" 404 false "There is nothing at this address";
    WalletNotFound "wallet-not-found" 404 false "There is no such wallet";
    ProviderNotFound "provider-not-found" 404 false "There is no such provider";
    PaymentNotFound "payment-not-found" 404 false "There is no such payment";
    ActorNotFound "actor-not-found" 404 false "There is no such actor";
    MethodNotAllowed "method-not-allowed" 405 false "This address does not take this method";
    RequestTimeout "request-timeout" 408 true "The request took too long to arrive";
    AlreadyExists "already-exists" 409 false "The id is taken";
    InsufficientFunds "insufficient-funds" 409 false "The wallet does not hold enough";
    WalletFrozen "wallet-frozen" 409 false "The wallet is frozen";
    RefundExceedsPayment "refund-exceeds-payment" 409 false "More than was paid cannot be refunded";
    BalanceOverflow "balance-overflow" 409 false "The balance would leave the range of amounts";
    HoldNotFound "hold-not-found" 409 false "There is no such hold";
    TooManyHolds "too-many-holds" 409 true "The wallet has too many holds";
    CursorExpired "cursor-expired" 410 false "The cursor is older than what is kept";
    BodyTooLarge "body-too-large" 413 false "The body is too large";
    UnsupportedMediaType "unsupported-media-type" 415 false "The body is not of a type taken here";
    InvalidId "invalid-id" 422 false "The id is not allowed";
    InvalidAmount "invalid-amount" 422 false "The amount is not allowed";
    CurrencyMismatch "currency-mismatch" 422 false "The currencies differ";
    UnknownCurrency "unknown-currency" 422 false "The currency is not known";
    IdempotencyKeyReused "idempotency-key-reused" 422 false "The key was used for something else";
    InvalidCadence "invalid-cadence" 422 false "The settlement is not a calendar";
    InvalidField "invalid-field" 422 false "A field has a value that is not allowed";
    UnsupportedMethod "unsupported-method" 422 false "The method is not served";
    Overloaded "overloaded" 503 true "The server has too much waiting";
    NotReady "not-ready" 503 true "The server is starting or stopping";
    DealNotFound "deal-not-found" 404 false "There is no such deal";
    InvestmentNotFound "investment-not-found" 404 false "There is no such investment";
    DepositNotFound "deposit-not-found" 404 false "There is no such deposit";
    SagaNotFound "saga-not-found" 404 false "There is no such saga";
    DealNotOpen "deal-not-open" 409 true "The deal is not open yet";
    DealClosed "deal-closed" 409 false "The deal is closed";
    DealFull "deal-full" 409 false "The deal has no seat left";
    AmountExceedsRemaining "amount-exceeds-remaining" 409 false "The deal does not take so much any more";
    WaitingListFull "waiting-list-full" 409 false "The deal's waiting list is full";
    InvestmentConfirmed "investment-confirmed" 409 false "The investment can no longer be cancelled";
    InvestmentNotWaiting "investment-not-waiting" 409 false "The investment does not wait";
    TooManyPending "too-many-pending" 409 true "The wallet expects too many deposits";
    SagaNotStuck "saga-not-stuck" 409 false "The saga has nothing to retry";
    PaymentNotPosted "payment-not-posted" 409 true "The payment is not posted";
    SettlementIsImmediate "settlement-is-immediate" 409 false "The provider is paid at once";
    ClockMovesForward "clock-moves-forward" 422 false "The clock only goes ahead";
    AdvanceNotFound "advance-not-found" 404 false "There is no such advance";
    RunNotFound "run-not-found" 404 false "There is no such run";
    ReimbursementNotFound "reimbursement-not-found" 404 false "There is no such reimbursement";
    CampaignNotFound "campaign-not-found" 404 false "There is no such campaign";
    RewardNotFound "reward-not-found" 404 false "There is no such reward";
    BudgetExhausted "budget-exhausted" 409 false "The campaign's budget has less left";
    DateInFuture "date-in-future" 422 false "The date is in the future";
    OutsideWindow "outside-window" 422 false "The date is older than the window";
    TooManyLines "too-many-lines" 409 false "The wallet has too many lines in its window";
    InvalidOdds "invalid-odds" 422 false "The odds are not a chance";
    InvalidPrizes "invalid-prizes" 422 false "The prize table is not allowed";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal by the rules: a stable code and a sentence that says what to do.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Rejection {
    /// The stable reason.
    pub code: Code,
    /// What was wrong with this request, for a person.
    pub detail: Box<str>,
}

impl Rejection {
    /// A refusal with its sentence.
    pub fn new(code: Code, detail: impl Into<Box<str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kebab_case_and_stand_once() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
