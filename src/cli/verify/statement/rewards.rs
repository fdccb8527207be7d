//! What a statement won and how it stands, and whom it tells; written a second time.
//!
//! A reward goes forward only: won, reserved, granted, taken back; or it ends as failed, or over the
//! customer's limit. Campaign and wallet are in different shards, so that it is in the wallet may be
//! heard before that it is reserved. A reward whose purchase was reversed is asked back once, by the
//! campaign's rule: with the reversal if it is in the wallet by then, else when it comes there.

use std::collections::{BTreeMap, BTreeSet};

use bursar_domain::campaign::{News, RewardNews, Win};
use bursar_domain::currency::Currency;
use bursar_domain::id::{CampaignId, EntityId, RewardId, Seq};
use bursar_domain::message::Body;
use bursar_domain::plan::Day;
use bursar_domain::statement::event::{Clawed, Party};
use bursar_domain::statement::rewards::{DayCount, Reward};
use bursar_domain::statement::{Draw, Drawn, Entry as Line, Fate, LineStatus, RewardStatus};
use bursar_domain::wallet::reward::Back;

use super::line::{gives_back, purchase, slot};
use super::own_id;
use super::window::Window;
use crate::cli::verify::ledger::{Entry, same};
use crate::cli::verify::rewards::Said;

type Draws = BTreeMap<(Seq, u16), Reward>;
type OfPurchase = BTreeMap<u64, (Seq, u16)>;
type OtherIds = BTreeMap<u64, u64>;
type ByDay = BTreeMap<(Day, CampaignId), DayCount>;

/// Rewards as they are on disk: by draw; the draws by the slots of their purchases; these by the slots
/// of lines with other ids; what counts against the customer's limits.
pub(super) type State = (Draws, OfPurchase, OtherIds, ByDay);

/// The rewards.
#[derive(Debug, Default)]
pub(super) struct Rewards {
    by_draw: Draws,
    of_purchase: OfPurchase,
    other_ids: OtherIds,
    by_day: ByDay,
    /// Those that the state has forgotten: they left the window, and nothing more is heard of them.
    forgotten: BTreeSet<(Seq, u16)>,
}

impl Rewards {
    pub(super) fn differences(&self, state: &State, list: &mut Vec<String>) {
        let (by_draw, of_purchase, other_ids, by_day) = state;
        let what = "the rewards are not those that the records come to";
        let kept = self.by_draw.iter().filter(|(id, _)| !self.forgotten.contains(id));
        let kept: Draws = kept.map(|(id, reward)| (*id, reward.clone())).collect();
        same(list, by_draw, &kept, what);
        let what = "the purchases that won are not those of the records";
        same(list, of_purchase, &self.of_purchase, what);
        let what = "the other ids of purchases that won are not those of the records";
        same(list, other_ids, &self.other_ids, what);
        let what = "what counts against the limits is not what the records come to";
        same(list, by_day, &self.by_day, what);
    }

    /// How far each reward is that a campaign or a wallet spoke of.
    pub(super) fn said(&self) -> impl Iterator<Item = ((Seq, u16), Said)> {
        self.by_draw.iter().filter_map(|(id, reward)| match &reward.status {
            RewardStatus::Won | RewardStatus::Limited | RewardStatus::Failed(_) => None,
            RewardStatus::Reserved => Some((*id, Said::Reserved)),
            RewardStatus::Granted => Some((*id, Said::Booked)),
            RewardStatus::TakenBack(part) => Some((*id, Said::TakenBack(*part))),
        })
    }

    /// What a customer has won for a day's purchases in a campaign.
    pub(super) fn so_far(&self, day: Day, campaign: &CampaignId) -> DayCount {
        self.by_day.get(&(day, campaign.clone())).copied().unwrap_or_default()
    }

    /// Forgets what only counts within the window.
    pub(super) fn forget_before(&mut self, oldest: Day) {
        let old = self.by_draw.iter().filter(|(_, reward)| reward.day < oldest && is_final(reward));
        self.forgotten.extend(old.map(|(id, _)| *id));
        self.of_purchase.retain(|_, id| {
            let reward = self.by_draw.get(id);
            reward.is_some_and(|reward| reward.day >= oldest)
        });
        self.other_ids.retain(|_, purchase| self.of_purchase.contains_key(purchase));
        self.by_day.retain(|(day, _), _| *day >= oldest);
    }

    /// What older purchases of the same names won is not found by these names any more.
    pub(super) fn renew(&mut self, lines: &[Line]) {
        for slot in renewed(lines) {
            self.of_purchase.remove(&slot);
        }
    }

    /// A purchase was drawn, which was given back before or not.
    pub(super) fn won(
        &mut self,
        draw: &Draw,
        party: &Party,
        reversed: bool,
        entry: &mut Entry<'_>,
    ) {
        let (status, prize, amount) = match draw.fate {
            Fate::Lost => return,
            Fate::Won { prize, amount } => (RewardStatus::Won, prize, amount),
            Fate::Limited { prize, amount } => (RewardStatus::Limited, prize, amount),
        };
        if status == RewardStatus::Won {
            let count = self.by_day.entry((draw.day, party.campaign.clone())).or_default();
            count.rewards = count.rewards.saturating_add(1);
            count.amount = count.amount.checked_add(amount).unwrap_or(count.amount);
        }
        let id = (entry.place.seq, draw.line);
        self.of_purchase.insert(slot(&draw.purchase), id);
        let reward = Reward {
            campaign: party.campaign.clone(),
            purchase: draw.purchase.clone(),
            day: draw.day,
            spent: draw.amount,
            prize,
            amount,
            status,
            claws_back: party.claws_back,
            reversed,
        };
        self.by_draw.insert(id, reward);
    }

    /// The rewards that lines of a batch give back: those that a reversal names, directly or by
    /// another id of their purchase, and those of posted lines that were given back before.
    fn given_back(
        &self,
        window: &Window,
        lines: &[Line],
        counts: impl Fn(&u64) -> bool,
    ) -> BTreeSet<(Seq, u16)> {
        let mut purchases = Vec::new();
        for content in lines.iter().map(|line| line.line.content()) {
            match content.status {
                LineStatus::Pending => {}
                LineStatus::Posted => {
                    let slots = [slot(&content.id), purchase(content)];
                    purchases.extend(window.is_given_back(slots).then_some(slots[1]));
                }
                LineStatus::Reversed => {
                    let slots = gives_back(content);
                    purchases.extend(slots.iter().filter_map(|slot| self.other_ids.get(slot)));
                    purchases.extend(slots);
                }
            }
        }
        let purchases = purchases.iter().filter(|slot| counts(slot));
        purchases.filter_map(|slot| self.of_purchase.get(slot).copied()).collect()
    }

    /// What is asked back because of a batch: what is in the wallet and was not reversed before.
    pub(super) fn check_given_back(
        &self,
        window: &Window,
        lines: &[Line],
        said: &[Clawed],
        entry: &mut Entry<'_>,
    ) {
        // What is drawn now is not what an older purchase of the same name won.
        let renewed: BTreeSet<_> = renewed(lines).collect();
        let of_older = |slot: &u64| !renewed.contains(slot);
        let due = self.given_back(window, lines, of_older).into_iter().filter(|id| {
            let reward = self.by_draw.get(id);
            reward.is_some_and(|reward| {
                reward.claws_back && !reward.reversed && reward.status == RewardStatus::Granted
            })
        });
        self.check_asked_back(due, said, entry);
    }

    /// What is asked back because it came to the wallet after its purchase was reversed.
    pub(super) fn check_late(
        &self,
        news: &[(Seq, u16, News)],
        said: &[Clawed],
        entry: &mut Entry<'_>,
    ) {
        let late = news.iter().filter(|(_, _, news)| *news == News::Credited);
        let due = late.map(|(seq, line, _)| (*seq, *line)).filter(|id| {
            let reward = self.by_draw.get(id);
            reward.is_some_and(|reward| reward.claws_back && reward.reversed)
        });
        self.check_asked_back(due, said, entry);
    }

    fn check_asked_back(
        &self,
        due: impl Iterator<Item = (Seq, u16)>,
        said: &[Clawed],
        entry: &mut Entry<'_>,
    ) {
        let due = due.filter_map(|(draw, line)| {
            let Reward { campaign, amount, .. } = self.by_draw.get(&(draw, line))?.clone();
            Some(Clawed { draw, line, campaign, amount })
        });
        let due: Vec<_> = due.collect();
        if due != said {
            let names = |list: &[Clawed]| {
                let names = list.iter().map(|one| format!("{}-{}", one.draw, one.line));
                names.collect::<Vec<_>>().join(", ")
            };
            let (due, said) = (names(&due), names(said));
            entry.wrong(format!("it asks back [{said}]; what is to be asked back is [{due}]"));
        }
    }

    /// Lines belong to their purchases, and what a batch gives back is reversed.
    pub(super) fn reverse(&mut self, window: &Window, lines: &[Line]) {
        let posted = lines.iter().map(|line| line.line.content());
        for content in posted.filter(|content| content.status == LineStatus::Posted) {
            let (own, purchase) = (slot(&content.id), purchase(content));
            self.other_ids.remove(&own);
            if own != purchase && self.of_purchase.contains_key(&purchase) {
                self.other_ids.insert(own, purchase);
            }
        }
        for id in self.given_back(window, lines, |_| true) {
            if let Some(reward) = self.by_draw.get_mut(&id) {
                reward.reversed = true;
            }
        }
    }

    /// News of a reward.
    pub(super) fn heard(&mut self, id: (Seq, u16), news: &News, entry: &mut Entry<'_>) {
        use RewardStatus as Is;
        let (seq, line) = id;
        let Some(reward) = self.by_draw.get_mut(&id) else {
            return entry.wrong(format!("it hears of reward {seq}-{line}, which it did not win"));
        };
        let next = match (&reward.status, news) {
            (Is::Won, News::Reserved) => Some(Is::Reserved),
            // The wallet's word came first.
            (Is::Granted | Is::TakenBack(_), News::Reserved) => Some(reward.status.clone()),
            (Is::Won | Is::Reserved, News::Failed(why)) => Some(Is::Failed(Box::new(why.clone()))),
            (Is::Won | Is::Reserved, News::Credited) => Some(Is::Granted),
            (Is::Granted, News::TakenBack(part)) => Some(Is::TakenBack(*part)),
            (_, News::Reserved | News::Failed(_) | News::Credited | News::TakenBack(_)) => None,
        };
        if let Some(next) = next {
            reward.status = next;
        } else {
            let status = reward.status.as_str();
            entry.wrong(format!("reward {seq}-{line} is {status}; then it hears {news:?}"));
        }
    }
}

/// The purchases that a batch draws.
fn renewed(lines: &[Line]) -> impl Iterator<Item = u64> {
    lines.iter().filter(|line| line.draws).map(|line| purchase(line.line.content()))
}

/// Whether nothing more is heard of it.
fn is_final(reward: &Reward) -> bool {
    use RewardStatus::{Failed, Granted, Limited, Reserved, TakenBack, Won};
    match reward.status {
        Won | Reserved => false,
        Granted => !(reward.reversed && reward.claws_back),
        TakenBack(_) | Limited | Failed(_) => true,
    }
}

/// The campaigns of a batch are those of its draws, each once, in the order of their first draws.
pub(super) fn check_parties(event: &Drawn, entry: &mut Entry<'_>) {
    let mut next = 0;
    let is_in_order = event.draws.iter().all(|draw| {
        let is_next = draw.campaign == next;
        next += u16::from(is_next);
        draw.campaign < next
    });
    let ids: BTreeSet<_> = event.campaigns.iter().map(|party| &party.campaign).collect();
    if !is_in_order || usize::from(next) != event.campaigns.len() || ids.len() != usize::from(next)
    {
        entry.wrong("its campaigns are not those of its draws, each once");
    }
}

/// Each campaign is told what was drawn in it.
pub(super) fn tell(event: &Drawn, entry: &mut Entry<'_>) {
    for (number, party) in (0_u16..).zip(&event.campaigns) {
        let own = || event.draws.iter().filter(|draw| draw.campaign == number);
        let wins = own().filter_map(|draw| match draw.fate {
            Fate::Won { amount, .. } => {
                Some(Win { line: draw.line, purchase: draw.purchase.clone(), amount })
            }
            Fate::Lost | Fate::Limited { .. } => None,
        });
        let draws = u32::try_from(own().count()).unwrap_or(u32::MAX);
        let body = Body::Drew { wallet: own_id(entry), draws, wins: wins.collect() };
        entry.sent(&EntityId::campaign(&party.campaign), &body);
    }
}

/// The wallet is asked for what is to be taken back.
pub(super) fn ask_back(clawed: &[Clawed], currency: Currency, entry: &mut Entry<'_>) {
    if clawed.is_empty() {
        return;
    }
    let wallet = own_id(entry);
    let back = |Clawed { draw, line, campaign, amount }: &Clawed| Back {
        id: RewardId { wallet: wallet.clone(), seq: *draw, line: *line },
        campaign: campaign.clone(),
        amount: *amount,
        currency,
    };
    let backs = clawed.iter().map(back).collect();
    entry.sent(&EntityId::wallet(&wallet), &Body::ClawBack(backs));
}

/// The message that brought news.
pub(super) fn news(news: &[(Seq, u16, News)]) -> Body {
    let one = |(draw, line, news): &(Seq, u16, News)| RewardNews {
        draw: *draw,
        line: *line,
        news: news.clone(),
    };
    Body::RewardNews(news.iter().map(one).collect())
}
