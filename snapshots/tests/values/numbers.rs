//! The numbers on disk of events, messages and words.
//!
//! Here the build stops when one is added: it needs a golden file. No match has a wildcard, and a
//! number is never given again, because it is in every journal that was ever written.
//!
//! That each number is in a file is checked by the suites (`every_new_event_is_in_the_files`).

use bursar_domain::advance::{self, Ask, Counts, DebitStatus, Next, Task, Then};
use bursar_domain::call::{Request, Template};
use bursar_domain::campaign::merchants::NameRule;
use bursar_domain::campaign::terms::{OnReversal, Rounding, Worth};
use bursar_domain::campaign::{Decision, News};
use bursar_domain::compensation::Refused;
use bursar_domain::errand::Reported;
use bursar_domain::message::{About, Body, OutcomeKind, Pass};
use bursar_domain::plan::Period;
use bursar_domain::provider::event::Reason;
use bursar_domain::provider::{LineRefusal, LineVerdict, Settlement};
use bursar_domain::record::Verdict;
use bursar_domain::run::{Fetch, Phase, ReportStatus};
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{End, Found, Sent, StepName, Subject};
use bursar_domain::statement::{Fate, LineStatus, RewardStatus};
use bursar_domain::wallet::reward::RewardEvent;
use bursar_domain::{
    campaign, compensation, deal, provider, run, saga, schedule, statement, wallet,
};

/// Something with a number on disk.
pub(crate) trait Numbered {
    /// The number.
    fn number(&self) -> usize;
}

macro_rules! numbered {
    ($($kind:ty: $($pattern:pat => $number:literal)*;)*) => {
        $(impl Numbered for $kind {
            fn number(&self) -> usize {
                match self { $($pattern => $number,)* }
            }
        })*
    };
}

numbered! {
    wallet::Event:
        wallet::Event::Opened(_) => 0
        wallet::Event::Deposited(_) => 1
        wallet::Event::Paid(_) => 2
        wallet::Event::HoldPlaced { .. } => 3
        wallet::Event::HoldReleased { .. } => 4
        wallet::Event::Frozen => 5
        wallet::Event::Unfrozen => 6
        wallet::Event::RefundRequested(_) => 7
        wallet::Event::RefundReceived(_) => 8
        wallet::Event::Marked(_) => 9
        wallet::Event::MarkRefused { .. } => 10
        wallet::Event::Invested(_) => 11
        wallet::Event::Unmarked { .. } => 12
        wallet::Event::PullRequested(_) => 13
        wallet::Event::PullBooked(_) => 14
        wallet::Event::PullAbandoned { .. } => 15
        wallet::Event::PaymentHeld(_) => 16
        wallet::Event::PaymentPosted(_) => 17
        wallet::Event::PaymentFailed(_) => 18
        wallet::Event::Reward(_) => 19;
    RewardEvent:
        RewardEvent::Booked(_) => 0
        RewardEvent::Refused { .. } => 1
        RewardEvent::TakenBack(_) => 2;
    campaign::Event:
        campaign::Event::Announced(_) => 0
        campaign::Event::Counted(_) => 1
        campaign::Event::Paused => 2
        campaign::Event::Resumed => 3
        campaign::Event::Admitted(_) => 4
        campaign::Event::Ungranted(_) => 5
        campaign::Event::TakenBack { .. } => 6
        campaign::Event::NothingWaits { .. } => 7;
    Decision:
        Decision::Granted => 0
        Decision::Exhausted => 1
        Decision::Waits => 2
        Decision::TurnedAway => 3;
    News:
        News::Reserved => 0
        News::Failed(_) => 1
        News::Credited => 2
        News::TakenBack(_) => 3;
    NameRule:
        NameRule::Exactly(_) => 0
        NameRule::BeginsWith(_) => 1;
    Rounding:
        Rounding::Down => 0
        Rounding::HalfEven => 1
        Rounding::Up => 2;
    Worth:
        Worth::Fixed(_) => 0
        Worth::Share { .. } => 1;
    OnReversal:
        OnReversal::Keep => 0
        OnReversal::ClawBack => 1;
    statement::Event:
        statement::Event::Taken(_) => 0
        statement::Event::Drawn(_) => 1
        statement::Event::Heard(_) => 2;
    Fate:
        Fate::Lost => 0
        Fate::Won { .. } => 1
        Fate::Limited { .. } => 2;
    LineStatus:
        LineStatus::Pending => 0
        LineStatus::Posted => 1
        LineStatus::Reversed => 2;
    statement::LineVerdict:
        statement::LineVerdict::Duplicate => 0
        statement::LineVerdict::Conflict => 1
        statement::LineVerdict::Refused(_) => 2;
    statement::LineRefusal:
        statement::LineRefusal::Currency => 0
        statement::LineRefusal::Amount => 1
        statement::LineRefusal::Ahead => 2
        statement::LineRefusal::TooOld => 3
        statement::LineRefusal::Full => 4;
    RewardStatus:
        RewardStatus::Won => 0
        RewardStatus::Reserved => 1
        RewardStatus::Granted => 2
        RewardStatus::TakenBack(_) => 3
        RewardStatus::Limited => 4
        RewardStatus::Failed(_) => 5;
    Template:
        Template::InvestmentConfirmed => 0
        Template::RewardGranted => 1;
    provider::Event:
        provider::Event::Registered(_) => 0
        provider::Event::Received(_) => 1
        provider::Event::RefundSent(_) => 2
        provider::Event::PeriodBegan(_) => 3
        provider::Event::Activities(_) => 4
        provider::Event::PeriodClosed(_) => 5
        provider::Event::CarriedOver(_) => 6
        provider::Event::Reimbursed(_) => 7
        provider::Event::Returned(_) => 8
        provider::Event::ReceivedSettled(_) => 9
        provider::Event::SettlementChanged { .. } => 10;
    deal::Event:
        deal::Event::Opened(_) => 0
        deal::Event::Ticketed(_) => 1
        deal::Event::Promoted { .. } => 2
        deal::Event::Confirmed { .. } => 3
        deal::Event::Freed { .. } => 4
        deal::Event::LineRefused { .. } => 5
        deal::Event::Withdrawn { .. } => 6
        deal::Event::Closed => 7
        deal::Event::Unfinished => 8
        deal::Event::Continued { .. } => 9;
    saga::Event:
        saga::Event::Begun { .. } => 0
        saga::Event::CancelAsked => 1
        saga::Event::StepBegun { .. } => 2
        saga::Event::StepSkipped { .. } => 3
        saga::Event::CallRepeated { .. } => 4
        saga::Event::CallUnanswered { .. } => 5
        saga::Event::StepDone { .. } => 6
        saga::Event::StepFailed { .. } => 7
        saga::Event::UndoingBegun { .. } => 8
        saga::Event::Ended { .. } => 9;
    compensation::Event:
        compensation::Event::Begun { .. } => 0
        compensation::Event::Tried { .. } => 1
        compensation::Event::Delayed { .. } => 2
        compensation::Event::Undone { .. } => 3
        compensation::Event::Finished { .. } => 4;
    Refused:
        Refused::Yes => 0
        Refused::No => 1
        Refused::Undecided => 2;
    Sent:
        Sent::Perhaps => 0
        Sent::No => 1;
    Funding:
        Funding::Bank => 0
        Funding::Wallet => 1;
    StepName:
        StepName::Reserve => 0
        StepName::Mark => 1
        StepName::Pull => 2
        StepName::Documents => 3
        StepName::Settle => 4
        StepName::Confirm => 5
        StepName::Tell => 6
        StepName::Expect => 7
        StepName::Credit => 8
        StepName::Hold => 9
        StepName::Push => 10
        StepName::Post => 11
        StepName::Close => 12
        StepName::Paid => 13
        StepName::Open => 14
        StepName::Activate => 15;
    Request:
        Request::Pull { .. } => 0
        Request::Find => 1
        Request::Refund { .. } => 2
        Request::MakeDocuments { .. } => 3
        Request::VoidDocuments { .. } => 4
        Request::Mail(_) => 5
        Request::Push { .. } => 6;
    Body:
        Body::Payment { .. } => 0
        Body::RefundOrder { .. } => 1
        Body::RefundMoney { .. } => 2
        Body::Begin(_) => 3
        Body::Mark { .. } => 4
        Body::Settle { .. } => 5
        Body::Unmark { .. } => 6
        Body::Credit { .. } => 7
        Body::Abandon { .. } => 8
        Body::Confirm { .. } => 9
        Body::Free { .. } => 10
        Body::Compensate(_) => 11
        Body::Reply { .. } => 12
        Body::Continue => 13
        Body::Post { .. } => 14
        Body::Unhold { .. } => 15
        Body::SettledPayment { .. } => 16
        Body::Reimbursed { .. } => 17
        Body::NotReimbursed { .. } => 18
        Body::Activate { .. } => 19
        Body::NotCredited { .. } => 20
        Body::StartRun { .. } => 21
        Body::Collect { .. } => 22
        Body::ReportSaid { .. } => 23
        Body::Collected { .. } => 24
        Body::Drew { .. } => 25
        Body::RewardNews(_) => 26
        Body::RewardCredit { .. } => 27
        Body::Ungrant { .. } => 28
        Body::ClawBack(_) => 29
        Body::TakenBack { .. } => 30;
    Verdict:
        Verdict::Wallet(_) => 0
        Verdict::Provider(_) => 1
        Verdict::Refused(_) => 2
        Verdict::Deal(_) => 3
        Verdict::Saga(_) => 4
        Verdict::Compensation(_) => 5
        Verdict::Advance(_) => 6
        Verdict::Run(_) => 7
        Verdict::Schedule(_) => 8
        Verdict::Campaign(_) => 9
        Verdict::Statement(_) => 10;
    Subject:
        Subject::Investment(_) => 0
        Subject::Deposit(_) => 1
        Subject::Payment(_) => 2
        Subject::Reimbursement(_) => 3
        Subject::Advance(_) => 4
        Subject::Reward(_) => 5;
    Found:
        Found::Nothing => 0
        Found::Contact { .. } => 1
        Found::Money(..) => 2
        Found::Pulled { .. } => 3
        Found::Documents { .. } => 4
        Found::Pushed { .. } => 5;
    End:
        End::Done => 0
        End::Failed(_) => 1
        End::Cancelled => 2;
    Settlement:
        Settlement::OnCalendar(_) => 0
        Settlement::Immediate => 1;
    Reason:
        Reason::Zero => 0
        Reason::UnderMinimum => 1
        Reason::OnHold => 2
        Reason::InReimbursement => 3;
    LineVerdict:
        LineVerdict::Duplicate => 0
        LineVerdict::Conflict => 1
        LineVerdict::Refused(_) => 2;
    LineRefusal:
        LineRefusal::Currency => 0
        LineRefusal::Amount => 1
        LineRefusal::TooMuch => 2
        LineRefusal::Ahead => 3
        LineRefusal::TooOld => 4;
    advance::Event:
        advance::Event::Opened(_) => 0
        advance::Event::Activated { .. } => 1
        advance::Event::NotCredited { .. } => 2
        advance::Event::Asked { .. } => 3
        advance::Event::Mistaken { .. } => 4
        advance::Event::Staged { .. } => 5
        advance::Event::Called(_) => 6
        advance::Event::Unanswered { .. } => 7
        advance::Event::Deferred { .. } => 8
        advance::Event::Submitted { .. } => 9
        advance::Event::Succeeded { .. } => 10
        advance::Event::Failed { .. } => 11
        advance::Event::FellSilent { .. } => 12
        advance::Event::FoundFailed { .. } => 13
        advance::Event::Cancelled { .. } => 14
        advance::Event::Refunded { .. } => 15
        advance::Event::Ignored { .. } => 16
        advance::Event::Completed { .. } => 17
        advance::Event::Defaulted { .. } => 18
        advance::Event::Answered { .. } => 19
        advance::Event::AnsweredBeside { .. } => 20;
    Task:
        Task::Stage => 0
        Task::Report => 1
        Task::Submit => 2;
    Ask:
        Ask::Pull { .. } => 0
        Ask::Find => 1
        Ask::Refund { .. } => 2
        Ask::FindRefund { .. } => 3;
    Then:
        Then::Nothing => 0
        Then::Again => 1
        Then::Replaced => 2
        Then::GivenUp => 3;
    Counts:
        Counts::First => 0
        Counts::Second => 1;
    Next:
        Next::Make => 0
        Next::Find => 1
        Next::MakeAnew => 2;
    DebitStatus:
        DebitStatus::Scheduled => 0
        DebitStatus::Due => 1
        DebitStatus::Submitting => 2
        DebitStatus::Submitted { .. } => 3
        DebitStatus::Succeeded => 4
        DebitStatus::Failed => 5
        DebitStatus::Silent => 6
        DebitStatus::Cancelled => 7
        DebitStatus::Refunding => 8
        DebitStatus::Refunded => 9;
    advance::Status:
        advance::Status::Pending => 0
        advance::Status::Active => 1
        advance::Status::Failed => 2
        advance::Status::Completed => 3
        advance::Status::Defaulted => 4;
    Period:
        Period::Day => 0
        Period::Week => 1
        Period::Month => 2
        Period::Year => 3;
    Pass:
        Pass::Stage => 0
        Pass::Submit => 1;
    Reported:
        Reported::Succeeded => 0
        Reported::Failed => 1;
    run::Event:
        run::Event::Started { .. } => 0
        run::Event::Fetched { .. } => 1
        run::Event::Listed { .. } => 2
        run::Event::Said { .. } => 3
        run::Event::Shortened { .. } => 4
        run::Event::ReportFound { .. } => 5
        run::Event::ReportFailed { .. } => 6
        run::Event::Delayed { .. } => 7
        run::Event::ReportLost { .. } => 8
        run::Event::Closed => 9
        run::Event::Collected { .. } => 10
        run::Event::Entered { .. } => 11
        run::Event::Ended { .. } => 12;
    Fetch:
        Fetch::Agenda { .. } => 0
        Fetch::Report { .. } => 1
        Fetch::Lines { .. } => 2
        Fetch::Close => 3;
    Phase:
        Phase::Staging => 0
        Phase::Fetching => 1
        Phase::Reading => 2
        Phase::Closing => 3
        Phase::Submitting => 4
        Phase::Done => 5;
    ReportStatus:
        ReportStatus::Awaited => 0
        ReportStatus::Read => 1
        ReportStatus::Unavailable => 2
        ReportStatus::Unusable => 3;
    schedule::Event:
        schedule::Event::Set { .. } => 0
        schedule::Event::Rang(_) => 1
        schedule::Event::Read { .. } => 2;
    OutcomeKind:
        OutcomeKind::DepositPosted => 0
        OutcomeKind::PaymentPosted => 1
        OutcomeKind::RefundPosted => 2
        OutcomeKind::DepositFailed => 3
        OutcomeKind::InvestmentReserved => 4
        OutcomeKind::InvestmentConfirmed => 5
        OutcomeKind::InvestmentFailed => 6
        OutcomeKind::InvestmentCancelled => 7
        OutcomeKind::InvestmentRefused => 8
        OutcomeKind::PaymentFailed => 9
        OutcomeKind::ReimbursementPaid => 10
        OutcomeKind::ReimbursementReturned => 11
        OutcomeKind::AdvanceActive => 12
        OutcomeKind::AdvanceFailed => 13
        OutcomeKind::DebitSucceeded => 14
        OutcomeKind::DebitFailed => 15
        OutcomeKind::DebitRefunded => 16
        OutcomeKind::AdvanceCompleted => 17
        OutcomeKind::AdvanceDefaulted => 18
        OutcomeKind::RewardGranted => 19
        OutcomeKind::RewardRefused => 20
        OutcomeKind::RewardTakenBack => 21;
    About:
        About::Investment { .. } => 0
        About::Failure(_) => 1
        About::Reimbursement { .. } => 2
        About::Advance { .. } => 3
        About::Reward { .. } => 4;
}
