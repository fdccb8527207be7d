//! What can be brought onto the stage: wallets, deals, and each kind of saga.
//!
//! Here stands what clients do: open, deposit, invest, withdraw, cancel. Whatever is asked of a
//! deal is asked of its model, too. A scene is the smallest world in which one kind of saga can
//! run; the deal has one seat and the amount of one investment, and the campaign the budget of one
//! reward, so that a leak of any is seen.

use bursar_domain::call::Policy;
use bursar_domain::code::Code;
use bursar_domain::currency::Currency;
use bursar_domain::deal::command::{IfFull, Invest, Investor};
use bursar_domain::deal::{self, Deal, Decision, Event};
use bursar_domain::entity::Entity;
use bursar_domain::id::{DealId, EntityId, InvestmentId, ProviderId, Seq, WalletId};
use bursar_domain::money::Amount;
use bursar_domain::saga::investment::Funding;
use bursar_domain::saga::{self, Saga};
use bursar_domain::wallet::command::{Deposit, Lookup, Pay, Payee, PayeeSettlement};
use bursar_domain::wallet::{self, Wallet};

use crate::faults::Plan;
use crate::model::{Got, Model};
use crate::world::{Delivery, World};

/// Patience that lets three timeouts pass a deadline.
pub(crate) fn policy() -> Policy {
    Policy {
        step_deadline_ms: 12_000,
        ladder_ms: vec![250, 500, 1_000, 2_000],
        settle_ms: 2_000,
        stuck_after: 3,
        mail_patience_ms: 30_000,
        push_patience_ms: 20_000,
        payout_patience_ms: 20_000,
        ..Policy::default()
    }
}

pub(crate) fn wallet_id(name: &str) -> WalletId {
    WalletId::parse(name).expect("well-formed")
}

pub(crate) fn wallet(name: &str) -> EntityId {
    EntityId::wallet(&wallet_id(name))
}

pub(crate) fn deal(name: &str) -> EntityId {
    EntityId::deal(&DealId::parse(name).expect("well-formed"))
}

pub(crate) fn provider_id() -> ProviderId {
    ProviderId::parse("clinic").expect("well-formed")
}

pub(crate) fn provider() -> EntityId {
    EntityId::provider(&provider_id())
}

pub(crate) fn euro() -> Currency {
    Currency::from_code("EUR").expect("known")
}

fn money(minor: i64) -> Deposit {
    let amount = Amount::from_minor(minor);
    Deposit { amount, currency: euro(), effective_at: None, description: None }
}

impl World {
    /// Opens a wallet with some money from outside in it.
    pub(crate) fn open_wallet(&mut self, name: &str, minor: i64, email: Option<&str>) {
        let profile = wallet::Profile {
            currency: euro(),
            credit_limit: Amount::ZERO,
            owner: None,
            email: email.map(Into::into),
            bank_account: None,
        };
        let id = wallet(name);
        self.ask::<Wallet>(&id, &wallet::Command::Open(profile)).expect("it opens");
        if minor > 0 {
            let deposit = wallet::Command::Deposit(money(minor));
            self.ask::<Wallet>(&id, &deposit).expect("there is room");
            self.deposited.insert(id, minor);
        }
    }

    pub(crate) fn open_deal(&mut self, name: &str, minor: i64, investors_max: u16) {
        let profile = deal::Profile {
            name: name.into(),
            currency: euro(),
            amount: Amount::from_minor(minor),
            investors_max,
            investment_min: None,
            investment_max: None,
            opens_at: None,
            closes_at: None,
        };
        self.models.insert(deal(name), Model::new(&profile));
        self.ask::<Deal>(&deal(name), &deal::Command::Open(profile)).expect("it opens");
    }

    /// Invests, and waits if there is no place; what it got, and the saga that brings it about.
    pub(crate) fn invest(
        &mut self,
        into: &str,
        name: &str,
        minor: i64,
        funding: Funding,
    ) -> (Got, EntityId) {
        let status = self.wallets[&wallet(name)].live.entity().summary().expect("open").status;
        let amount = Amount::from_minor(minor);
        let command = deal::Command::Invest(Invest {
            wallet: wallet_id(name),
            amount,
            currency: euro(),
            funding,
            if_full: IfFull::Wait,
            request_id: "req".into(),
            investor: Lookup::Found(Investor { currency: euro(), status }),
        });
        let events = self.turn::<Deal, _>(&deal(into), |deal, at| deal.decide(&command, at));
        let events = events.expect("it gets a ticket");
        let [Event::Ticketed(ticketed)] = &*events else { unreachable!("{events:?}") };
        let got = match &ticketed.decision {
            Decision::Reserved => Got::Reserved,
            Decision::Waiting(position) => Got::Waiting(*position),
            Decision::Refused { rejection, .. } => Got::Refused(rejection.code),
        };
        let (seq, now) = (self.seq(&deal(into)), self.now);
        let model = self.models.get_mut(&deal(into)).expect("it was opened");
        if got != Got::Refused(Code::WalletFrozen) {
            assert_eq!(got, model.invest(seq.0, now, name, amount, true));
        }
        let id = InvestmentId { deal: DealId::parse(into).expect("well-formed"), seq };
        (got, id.saga())
    }

    /// Leaves the line; says whether it was still there.
    pub(crate) fn withdraw(&mut self, into: &str, saga: &EntityId) -> bool {
        let investment = InvestmentId::parse(&saga.id).expect("one of ours").seq;
        let left = self.ask::<Deal>(&deal(into), &deal::Command::Withdraw { investment });
        let model = self.models.get_mut(&deal(into)).expect("it was opened");
        assert_eq!(left.is_ok(), model.withdraw(investment.0));
        left.is_ok()
    }

    /// Asks for money from the bank; the saga that brings it.
    pub(crate) fn pull(&mut self, name: &str, minor: i64) -> EntityId {
        let id = wallet(name);
        let pull = wallet::Command::Pull(money(minor));
        self.ask::<Wallet>(&id, &pull).expect("there is room");
        let seq: Seq = self.seq(&id);
        EntityId::saga(saga::deposit::Deposit::id(&wallet_id(name), seq))
    }

    /// Pays the provider, who gets its money at once; the saga that brings it, or why not.
    pub(crate) fn pay_at_once(&mut self, name: &str, minor: i64) -> Result<EntityId, Code> {
        let settlement = PayeeSettlement::Immediate { account: "acct-clinic".into() };
        let pay = wallet::Command::Pay(Pay {
            wallet: wallet_id(name),
            provider: provider_id(),
            amount: Amount::from_minor(minor),
            currency: euro(),
            description: Some("glasses".into()),
            metadata: Vec::new(),
            effective_at: Some(self.at()),
            payee: Lookup::Found(Payee { currency: euro(), settlement }),
            queue_full: false,
        });
        let id = wallet(name);
        self.ask::<Wallet>(&id, &pay)?;
        Ok(EntityId::saga(saga::payment::Payment::id(&wallet_id(name), self.seq(&id))))
    }

    /// Whether the cancellation changed anything, or the reason why it is too late.
    pub(crate) fn cancel(&mut self, saga: &EntityId) -> Result<bool, Code> {
        Ok(self.ask::<Saga>(saga, &saga::Command::Cancel)? > 0)
    }

    pub(crate) fn set_frozen(&mut self, name: &str, is_frozen: bool) {
        let command = if is_frozen { wallet::Command::Freeze } else { wallet::Command::Unfreeze };
        self.ask::<Wallet>(&wallet(name), &command).expect("anyone may");
    }
}

/// Each kind of saga, on a stage that has just what it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scene {
    /// An investment that the bank pays.
    Bank,
    /// An investment that the wallet pays.
    Wallet,
    /// A deposit from the bank.
    Deposit,
    /// A payment that is settled at once.
    Payment,
    /// A provider's reimbursement.
    Reimbursement,
    /// An advance that is brought to the customer.
    Credit,
    /// A reward that is brought to a wallet.
    Reward,
}

impl Scene {
    pub(crate) const ALL: [Self; 7] = [
        Self::Bank,
        Self::Wallet,
        Self::Deposit,
        Self::Payment,
        Self::Reimbursement,
        Self::Credit,
        Self::Reward,
    ];

    /// Those that bring money to a bank.
    pub(crate) const PUSHING: [Self; 3] = [Self::Payment, Self::Reimbursement, Self::Credit];

    pub(crate) fn is_pushing(self) -> bool {
        Self::PUSHING.contains(&self)
    }

    /// The world just after the request was decided, and the saga that it began.
    pub(crate) fn begin(self, delivery: Delivery, plan: Plan) -> (World, EntityId) {
        self.begin_with(policy(), delivery, plan, 1)
    }

    pub(crate) fn begin_with(
        self,
        policy: Policy,
        delivery: Delivery,
        plan: Plan,
        seed: u64,
    ) -> (World, EntityId) {
        let mut world = World::new(policy, delivery, plan, seed);
        world.open_wallet("ann", 500, Some("ann@example.com"));
        let saga = match self {
            Self::Deposit => world.pull("ann", 120),
            Self::Payment => world.pay_at_once("ann", 100).expect("it is covered"),
            Self::Reimbursement => world.reimburse(),
            Self::Credit => world.open_advance("adv_1"),
            Self::Reward => {
                world.announce("spring", 100);
                world.win("spring", "ann", &[100]).remove(0)
            }
            Self::Bank | Self::Wallet => {
                world.open_deal("wind", 100, 1);
                let funding = if self == Self::Bank { Funding::Bank } else { Funding::Wallet };
                let (got, saga) = world.invest("wind", "ann", 100, funding);
                assert_eq!(got, Got::Reserved);
                saga
            }
        };
        (world, saga)
    }
}
