//! Stopping a campaign from granting, and letting it go on.
//!
//! Always yes where the campaign exists; going on decides the wins that wait, the oldest first. What
//! changes nothing has no record without a key, and an empty one with a key.

use bursar_actors::job::{Answer, Command};
use bursar_domain::campaign::{self, Event};
use bursar_domain::code::Code;
use bursar_domain::id::{EntityId, Seq};
use bursar_domain::record::{Record, Verdict};

use super::{Operation, Sending, campaign_id};
use crate::facts::given::Pause;
use crate::facts::{Granted, Said};

impl Operation for Pause {
    fn ask(&self, _: &Sending<'_>) -> Option<(EntityId, Command)> {
        let command =
            if self.paused { campaign::Command::Pause } else { campaign::Command::Resume };
        let to = EntityId::campaign(&campaign_id(self.campaign));
        Some((to, Command::Campaign(command)))
    }

    fn refusals(&self) -> &'static [Code] {
        &[Code::CampaignNotFound]
    }

    fn granted(&self, _: Seq, record: &Record) -> Option<Granted> {
        let Verdict::Campaign(events) = &record.verdict else { return None };
        let is_it = match events.as_slice() {
            [] => true,
            [Event::Paused] => self.paused,
            [Event::Resumed] | [Event::Resumed, Event::Admitted(_)] => !self.paused,
            _ => false,
        };
        is_it.then_some(Granted::Done)
    }

    fn beside(&self, answer: &Answer) -> Option<Said> {
        matches!(answer, Answer::Summary(Some(_))).then_some(Said::Unchanged)
    }
}
