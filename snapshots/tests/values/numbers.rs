//! The numbers on disk of events and messages.
//!
//! Here the build stops when one is added: it needs a golden file.

use bursar_domain::call::Request;
use bursar_domain::compensation::Refused;
use bursar_domain::message::Body;
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{Sent, StepName};
use bursar_domain::{compensation, deal, saga, wallet};

/// Something with a number on disk.
pub(crate) trait Numbered {
    /// The number.
    fn number(&self) -> usize;
}

impl Numbered for wallet::Event {
    fn number(&self) -> usize {
        super::wallet_variant(self)
    }
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
        StepName::Credit => 8;
    Request:
        Request::Pull { .. } => 0
        Request::Find => 1
        Request::Refund { .. } => 2
        Request::MakeDocuments { .. } => 3
        Request::VoidDocuments { .. } => 4
        Request::Mail(_) => 5;
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
        Body::Continue => 13;
}
