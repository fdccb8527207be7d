//! Reimbursements that do not go through: declined, unanswered, cut off by a kill.
//!
//! What was declined is owed again and tried at the next end; after three in a row nothing is sent
//! until somebody sets the settlement. What is not known is asked for by its key. Whatever happens,
//! the provider's bank has each period once.

use serde_json::{Value, json};

use crate::bank::texts;
use crate::harness::{Server, bursar, eventually};
use crate::http::Client;
use crate::investing::{id_of, step};
use crate::providers_desk::{Push, launch, line, once, server, server_with, statuses};
use crate::streams::Outcomes;

fn daily() -> Value {
    json!({"every": "day", "at": "02:00"})
}

/// Submits one activity of today.
fn work(client: &mut Client, id: &str, amount: &str) {
    let today = client.today();
    client.submit_new("clinic", &[line(id, "m1", &today, amount)]);
}

/// The newest reimbursement that was closed, once it has this status.
fn until(client: &mut Client, status: &str) -> Value {
    eventually(&format!("the reimbursement is {status}"), || {
        let newest = client.reimbursements("clinic").into_iter().nth(1)?;
        (newest["status"] == status).then_some(newest)
    })
}

fn assert_whole(mut server: Server) {
    server.client().assert_settled();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let data = server.data();
    let verified = bursar(&["verify", "--data", data.to_str().expect("a path is text")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn after_three_declines_nothing_is_sent_until_the_settlement_is_set() {
    let server = server();
    let mut client = server.client();
    client.register_so("clinic", &daily());
    let mut outcomes = Outcomes::open(server.address(), "type=reimbursement.returned");
    client.fault(&json!({"route": "push", "mode": "decline", "count": 3, "code": "no-account"}));
    for day in 1..=3 {
        work(&mut client, &format!("a{day}"), "10.00");
        client.pass_the_end("clinic");
        let returned = until(&mut client, "returned");
        assert_eq!(returned["failure"]["code"], "no-account", "{returned}");
        assert_eq!(returned["total"], format!("{day}0.00"), "{returned}");
        let carried = if day == 1 { "0.00".to_owned() } else { format!("{}0.00", day - 1) };
        assert_eq!(returned["carried"], carried, "{returned}");
        let told = outcomes.next();
        assert_eq!(told["data"]["id"], returned["id"], "{told}");
        assert_eq!(told["data"]["failure"]["code"], "no-account", "{told}");
        let provider = client.provider("clinic");
        assert_eq!(provider["balance"]["accrued"], format!("{day}0.00"), "{provider}");
        assert_eq!(provider["status"], if day == 3 { "on-hold" } else { "active" });
        let shown = client.reimbursement("clinic", &id_of(&returned), 10);
        assert_eq!(shown["activities"]["count"], 1, "{shown:#}");
        assert_eq!(step(&shown, "push")["status"], "failed", "{shown:#}");
        assert_eq!(step(&shown, "close")["undo"]["status"], "undone", "{shown:#}");
    }
    // On hold: ends pass and nothing is tried.
    work(&mut client, "a4", "10.00");
    client.pass("P5D");
    assert_eq!(client.pushes().len(), 3);
    assert_eq!(client.provider("clinic")["status"], "on-hold");
    let lifted = client.settle("clinic", &daily()).expect(200);
    assert_eq!(
        (&lifted["status"], &lifted["settlement"]),
        (
            &json!("active"),
            &json!({
        "every": "day", "at": "02:00", "time_zone": "UTC"})
        )
    );
    client.pass_the_end("clinic");
    let paid = until(&mut client, "paid");
    assert_eq!((&paid["total"], &paid["carried"]), (&json!("40.00"), &json!("30.00")));
    let id = id_of(&paid);
    assert_eq!(client.pushes().last(), Some(&Push::done(&id, "account-clinic", 4_000)));
    let shown = client.reimbursement("clinic", &id, 10);
    assert_eq!(shown["activities"]["count"], 1, "the others are listed by the returned: {shown:#}");
    let kinds = texts(&client.provider_entries("clinic"), "kind");
    assert_eq!(kinds.iter().filter(|kind| *kind == "reimbursement-returned").count(), 3);
    assert_eq!(
        statuses(&client.reimbursements("clinic"))[1..],
        ["paid", "returned", "returned", "returned"]
    );
    assert_whole(server);
}

#[test]
fn a_success_in_between_forgets_the_declines() {
    let server = server();
    let mut client = server.client();
    client.register_so("clinic", &daily());
    for (round, declined) in [true, true, false, true, true].into_iter().enumerate() {
        if declined {
            client.fault(&json!({"route": "push", "mode": "decline", "count": 1}));
        }
        work(&mut client, &format!("a{round}"), "1.00");
        client.pass_the_end("clinic");
        until(&mut client, if declined { "returned" } else { "paid" });
    }
    assert_eq!(client.provider("clinic")["status"], "active");
}

#[test]
fn an_answer_that_was_lost_is_asked_for_by_its_key() {
    for mode in ["lose-answer", "timeout", "error"] {
        let server = server();
        let mut client = server.client();
        client.register_so("clinic", &daily());
        client.fault(&once(mode, 100));
        work(&mut client, "a1", "12.34");
        client.pass_the_end("clinic");
        let paid = until(&mut client, "paid");
        let pushed = Push::done(&id_of(&paid), "account-clinic", 1_234);
        assert_eq!(client.pushes(), [pushed], "{mode}");
        assert_eq!(client.provider("clinic")["balance"]["reimbursed"], "12.34", "{mode}");
        assert_whole(server);
    }
}

#[test]
fn a_reimbursement_that_is_on_its_way_is_shown_as_paying() {
    // It is asked after every hour, so days are passed in few steps.
    let hourly = launch().and("BURSAR__SAGAS__LADDER_MS", "20,3600000");
    let server = server_with(hourly);
    let mut client = server.client();
    client.register_so("clinic", &daily());
    client.fault(&json!({"route": "push", "mode": "pending", "then": "succeeded",
        "delay_ms": 172_800_000_i64}));
    work(&mut client, "a1", "3.00");
    client.pass_the_end("clinic");
    let paying = until(&mut client, "paying");
    let shown = client.reimbursement("clinic", &id_of(&paying), 10);
    assert_eq!(shown["paid_at"], Value::Null, "{shown:#}");
    let balance = client.provider("clinic")["balance"].clone();
    let expected = json!({"accrued": "0.00", "in_reimbursement": "3.00", "reimbursed": "0.00"});
    assert_eq!(balance, expected);
    // Meanwhile the next period ends: one at a time, so it is carried over.
    work(&mut client, "a2", "4.00");
    client.pass_the_end("clinic");
    assert_eq!(client.provider("clinic")["balance"]["accrued"], "4.00");
    client.heal();
    client.pass("P4D");
    let paid = until(&mut client, "paid");
    assert_eq!(paid["total"], "4.00", "{paid}");
    assert_eq!(statuses(&client.reimbursements("clinic"))[1..], ["paid", "paid"]);
    assert_eq!(client.provider("clinic")["balance"]["reimbursed"], "7.00");
    client.assert_settled();
}

#[test]
fn a_reimbursement_is_paid_once_however_often_the_server_is_killed() {
    let mut server = server_with(launch());
    let mut client = server.client();
    client.register_so("clinic", &daily());
    let mut total = 0;
    for (round, mode) in
        ["lose-answer", "timeout", "lose-answer", "slow", "lose-answer"].into_iter().enumerate()
    {
        client.fault(&once(mode, 400));
        let amount = format!("{}.00", round + 1);
        total += i128::try_from(round + 1).expect("it is small") * 100;
        work(&mut client, &format!("a{round}"), &amount);
        if round % 2 == 0 {
            client.command("/admin/checkpoint").expect(200);
        }
        // The clock is moved from another thread, because the kill cuts it off.
        let end = client.provider("clinic")["next_reimbursement_at"].clone();
        let address = server.address();
        let moving = std::thread::spawn(move || {
            let body = json!({"set": end});
            drop(Client::new(address).try_send(&crate::http::Request::post("/admin/clock", &body)));
        });
        client.wait_struck();
        server.kill();
        moving.join().expect("a sender does not panic");
        server.restart();
        client = server.client();
        let paid = until(&mut client, "paid");
        assert_eq!(paid["total"], amount, "{paid}");
    }
    let list = client.reimbursements("clinic");
    let mut expected: Vec<_> = list[1..]
        .iter()
        .map(|one| Push::done(&id_of(one), "account-clinic", crate::bank::minor(&one["total"])))
        .collect();
    let mut pushes = client.pushes();
    expected.sort();
    pushes.sort();
    assert_eq!(pushes, expected);
    assert_eq!(pushes.iter().map(|push| push.amount).sum::<i128>(), total);
    client.provider_entries("clinic");
    assert_whole(server);
}
