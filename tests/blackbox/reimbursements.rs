//! Reimbursements: what a provider accrued in a period goes to its bank at the period's end.
//!
//! The clock is moved over the ends, so a year takes a moment. What the processor booked is compared
//! with what the provider was shown: each period is paid once, with the sum of its lines.

use serde_json::{Value, json};

use crate::bank::{major, minor, texts};
use crate::harness::{Launch, Server};
use crate::http::Client;
use crate::investing::{id_of, step_statuses};
use crate::providers_desk::{Push, days_after, items, launch, line, server, server_with, statuses};
use crate::streams::Outcomes;

/// A server with a clinic that is paid so.
fn clinic(launch: Launch, settlement: &Value) -> (Server, Client) {
    let server = server_with(launch);
    let mut client = server.client();
    client.register_so("clinic", settlement);
    (server, client)
}

fn daily() -> (Server, Client) {
    clinic(launch(), &json!({"every": "day", "at": "02:00"}))
}

/// Submits one activity of today.
fn work(client: &mut Client, id: &str, amount: &str) {
    let today = client.today();
    client.submit_new("clinic", &[line(id, "m1", &today, amount)]);
}

#[test]
fn a_day_is_paid_with_all_that_accrued_in_it() {
    let (server, mut client) = daily();
    let today = client.today();
    let mut outcomes = Outcomes::open(server.address(), "type=reimbursement.paid");
    client.open_with("ann", "100.00");
    client.submit_new(
        "clinic",
        &[
            line("a1", "m2", &today, "20.00"),
            line("a2", "m1", &days_after(&today, -3), "5.50"),
            line("a3", "m2", &days_after(&today, -9), "0.25"),
        ],
    );
    let paid = client.pay("ann", "clinic", "p", "10.00").expect(201);
    client.refund(&id_of(&paid), "r", Some("2.75")).expect(201);
    client.wait_accrued("clinic", "33.00");
    let list = client.reimbursements("clinic");
    assert_eq!(statuses(&list), ["scheduled"]);
    assert_eq!((&list[0]["id"], &list[0]["total"]), (&Value::Null, &json!("33.00")));
    assert_eq!(client.pushes(), []);
    let end = client.provider("clinic")["next_reimbursement_at"].clone();
    client.pass_the_end("clinic");

    let list = client.reimbursements("clinic");
    assert_eq!(statuses(&list), ["scheduled", "paid"]);
    let id = id_of(&list[1]);
    assert_eq!(client.pushes(), [Push::done(&id, "account-clinic", 3_300)]);
    let shown = client.reimbursement("clinic", &id, 1);
    for (member, value) in [
        ("number", json!(1)),
        ("status", json!("paid")),
        ("to", end.clone()),
        ("total", json!("33.00")),
        ("currency", json!("EUR")),
        ("carried", json!("0.00")),
        ("activities", json!({"count": 3, "amount": "25.75"})),
        ("payments", json!({"count": 1, "amount": "10.00"})),
        ("refunds", json!({"count": 1, "amount": "2.75"})),
        (
            "lines",
            json!([
                {"member": "m1", "activities": 1, "amount": "5.50", "late": 1,
                    "service_from": days_after(&today, -3), "service_to": days_after(&today, -3)},
                {"member": "m2", "activities": 2, "amount": "20.25", "late": 1,
                    "service_from": days_after(&today, -9), "service_to": today},
            ]),
        ),
    ] {
        assert_eq!(shown[member], value, "{member}: {shown:#}");
    }
    assert_eq!(step_statuses(&shown), ["done"; 3], "{shown:#}");
    assert!(shown["closed_at"].as_str() >= end.as_str(), "{shown:#}");
    assert!(shown["paid_at"].as_str() >= shown["closed_at"].as_str(), "{shown:#}");
    assert_eq!((&list[0]["from"], &list[0]["total"]), (&end, &json!("0.00")));
    let balance = client.provider("clinic")["balance"].clone();
    let expected = json!({"accrued": "0.00", "in_reimbursement": "0.00", "reimbursed": "33.00"});
    assert_eq!(balance, expected);
    let entries = client.provider_entries("clinic");
    assert_eq!(texts(&entries, "kind"), ["reimbursement", "refund", "payment", "activities"]);
    assert_eq!(entries[0]["reference"], id.as_str());
    let told = outcomes.next();
    assert_eq!(told["type"], "reimbursement.paid", "{told}");
    assert_eq!((&told["data"]["id"], &told["data"]["amount"]), (&json!(id), &json!("33.00")));
    client.assert_settled();
}

#[test]
fn every_cadence_is_paid_at_its_own_ends() {
    let server = server();
    let mut client = server.client();
    let settlements = [
        ("d", json!({"every": "day", "at": "00:30", "time_zone": "Europe/Prague"})),
        ("w", json!({"every": "week", "on": "friday"})),
        ("m", json!({"every": "month", "on": "31", "at": "23:00"})),
        ("y", json!({"every": "year", "on": "02-29"})),
    ];
    for (id, settlement) in &settlements {
        client.register_so(id, settlement);
    }
    // The times of the next fortnight, three months, ... as the schedule says them beforehand.
    let mut ends = Vec::new();
    for (id, _) in &settlements {
        let schedule = client.get(&format!("/v1/providers/{id}/schedule?count=60")).expect(200);
        ends.push(items(&schedule).to_vec());
    }
    let mut submitted = 0;
    for step in 0..6 {
        let today = client.today();
        for (id, _) in &settlements {
            submitted += 1;
            client.submit_new(id, &[line(&format!("s{step}"), "m", &today, "1.00")]);
        }
        client.pass("P9D");
    }
    client.pass("P1Y");
    let mut paid = 0;
    for ((id, _), ends) in settlements.iter().zip(&ends) {
        let list = client.reimbursements(id);
        for reimbursement in &list[1..] {
            assert_eq!(reimbursement["status"], "paid", "{reimbursement}");
            paid += minor(&reimbursement["total"]);
            if ends.last().is_some_and(|last| reimbursement["to"].as_str() <= last.as_str()) {
                assert!(ends.contains(&reimbursement["to"]), "{id}: {reimbursement}");
            }
        }
        assert_eq!(client.provider(id)["balance"]["accrued"], "0.00", "{id}");
        // Nine days apart, each week and each day has at most one of them.
        let expected = if *id == "d" || *id == "w" { 6 } else { 3 };
        assert!(list.len() - 1 <= expected, "{id}: {list:#?}");
    }
    assert_eq!(paid, submitted * 100);
    assert_eq!(client.pushes().iter().map(|push| push.amount).sum::<i128>(), paid);
    client.assert_settled();
}

#[test]
fn a_late_line_is_paid_in_the_period_in_which_it_came() {
    let (_server, mut client) = daily();
    work(&mut client, "a1", "1.00");
    let first = client.today();
    client.pass_the_end("clinic");
    // A service of the period that is paid already, told a day later, beside one of today.
    let today = client.today();
    let lines = [line("late", "m1", &first, "2.00"), line("a2", "m1", &today, "4.00")];
    let answer = client.submit("clinic", &lines);
    assert_eq!(answer["items"][0]["late"], true, "{answer}");
    assert_eq!(answer["items"][1]["late"], Value::Null, "{answer}");
    client.pass_the_end("clinic");
    let list = client.reimbursements("clinic");
    assert_eq!(texts(&list, "total"), ["0.00", "6.00", "1.00"]);
    let shown = client.reimbursement("clinic", &id_of(&list[1]), 10);
    let expected = json!([{"member": "m1", "activities": 2, "amount": "6.00", "late": 1,
        "service_from": first, "service_to": today}]);
    assert_eq!(shown["lines"], expected, "{shown:#}");
    let all = client.all("/v1/providers/clinic/activities");
    let late: Vec<_> = all.iter().map(|line| line["late"] == true).collect();
    assert_eq!(late, [false, true, false]);
    let by = texts(&all, "reimbursement");
    assert_eq!(by, [id_of(&list[1]), id_of(&list[1]), id_of(&list[2])]);
    // The same by asking for one of them.
    let path = "/v1/providers/clinic/activities?limit=1&reimbursement=";
    let page = client.get(&format!("{path}{}", id_of(&list[1]))).expect(200);
    assert_eq!(texts(items(&page), "activity_id"), ["a2"]);
    let cursor = page["next_cursor"].as_str().expect("one is left");
    let rest = format!("/v1/providers/clinic/activities?cursor={cursor}");
    let rest = client.get(&rest).expect(200);
    assert_eq!(texts(items(&rest), "activity_id"), ["late"]);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[test]
fn nothing_is_sent_for_nothing() {
    let (_server, mut client) = daily();
    client.pass("P10D");
    assert_eq!(client.pushes(), []);
    let list = client.reimbursements("clinic");
    assert_eq!((statuses(&list), &list[0]["number"]), (vec!["scheduled"], &json!(11)));
    // All of them together have led to the one that runs.
    let period = client.provider("clinic")["period"].clone();
    assert!(list[0]["from"].as_str() < period["began_at"].as_str(), "{list:#?} {period}");
}

#[test]
fn too_little_is_carried_over_with_its_lines() {
    let minimum = launch().and("BURSAR__REIMBURSEMENTS__MINIMUM", "5.00");
    let (_server, mut client) = clinic(minimum, &json!({"every": "day", "at": "02:00"}));
    let began = client.provider("clinic")["period"]["began_at"].clone();
    for (id, amount) in [("a1", "1.00"), ("a2", "3.99")] {
        work(&mut client, id, amount);
        client.pass_the_end("clinic");
    }
    // Days in between without any line.
    client.pass("P3D");
    assert_eq!(client.pushes(), []);
    assert_eq!(client.provider("clinic")["balance"]["accrued"], "4.99");
    assert_eq!(statuses(&client.reimbursements("clinic")), ["scheduled"]);
    work(&mut client, "a3", "0.01");
    client.command("/admin/checkpoint").expect(200);
    let running = client.reimbursements("clinic").remove(0);
    assert_eq!(running["activities"], json!({"count": 3, "amount": "5.00"}), "{running}");
    client.pass_the_end("clinic");
    let list = client.reimbursements("clinic");
    assert_eq!(statuses(&list), ["scheduled", "paid"]);
    let id = id_of(&list[1]);
    let shown = client.reimbursement("clinic", &id, 10);
    assert_eq!((&shown["total"], &shown["carried"]), (&json!("5.00"), &json!("0.00")));
    assert_eq!((&shown["from"], &shown["number"]), (&began, &json!(6)), "{shown:#}");
    assert_eq!(shown["lines"][0]["activities"], 3, "{shown:#}");
    assert_eq!(client.pushes(), [Push::done(&id, "account-clinic", 500)]);
    let all = client.all("/v1/providers/clinic/activities");
    assert_eq!(texts(&all, "reimbursement"), [id.clone(), id.clone(), id]);
    client.provider_entries("clinic");
}

#[test]
fn reimbursements_are_listed_newest_first_page_by_page() {
    let (server, mut client) = daily();
    for day in 0..7 {
        work(&mut client, &format!("a{day}"), &format!("{}.00", day + 1));
        client.pass_the_end("clinic");
        if day % 3 == 1 {
            client.command("/admin/checkpoint").expect(200);
        }
    }
    work(&mut client, "now", "9.00");
    let all = client.reimbursements("clinic");
    let totals = ["9.00", "7.00", "6.00", "5.00", "4.00", "3.00", "2.00", "1.00"];
    assert_eq!(texts(&all, "total"), totals);
    for limit in [1, 3, 7, 8] {
        let path = format!("/v1/providers/clinic/reimbursements?limit={limit}");
        let (mut seen, mut next) = (Vec::new(), Some(path.clone()));
        while let Some(path_now) = next {
            let page = client.get(&path_now).expect(200);
            assert!(items(&page).len() <= limit, "{page}");
            seen.extend(texts(items(&page), "total"));
            next = page["next_cursor"].as_str().map(|cursor| format!("{path}&cursor={cursor}"));
        }
        assert_eq!(seen, totals, "{limit} a page");
    }
    assert_eq!(client.pushes().len(), 7);
    for reimbursement in &all[1..] {
        client.reimbursement("clinic", &id_of(reimbursement), 10);
    }
    drop(server);
}

#[test]
fn lines_are_whole_wherever_their_records_stand() {
    let minimum = launch().and("BURSAR__REIMBURSEMENTS__MINIMUM", "9.00");
    let (mut server, mut client) = clinic(minimum, &json!({"every": "day", "at": "02:00"}));
    client.open_with("ann", "100.00");
    let mut shown = Vec::new();
    for round in 0..3 {
        let mut sums = [0_u64; 11];
        for call in 0..24_u64 {
            let today = client.today();
            let lines: Vec<_> = (0..5)
                .map(|number| {
                    let member = usize::try_from((call * 3 + number * 7) % 11).expect("small");
                    sums[member] += 1;
                    let id = format!("{round}-{call}-{number}");
                    line(&id, &format!("m{member:02}"), &today, "0.01")
                })
                .collect();
            client.submit_new("clinic", &lines);
            let key = format!("{round}-{call}");
            if call % 5 == 0 {
                client.pay("ann", "clinic", &key, "1.00").expect(201);
                let cents = (call / 5 + 1) * 100 + call * 5 + 5;
                client.wait_accrued("clinic", &major(cents));
            }
            match call {
                6 | 16 => drop(client.command("/admin/checkpoint").expect(200)),
                // Too little so far: what there is goes on to the next period.
                4 | 5 | 10 => client.pass_the_end("clinic"),
                20 => {
                    server.kill();
                    server.restart();
                    client = server.client();
                }
                _ => {}
            }
        }
        client.pay("ann", "clinic", &format!("{round}-last"), "5.00").expect(201);
        client.wait_accrued("clinic", "11.20");
        client.pass_the_end("clinic");
        shown.push((id_of(&client.reimbursements("clinic")[1]), sums));
    }
    for (id, sums) in &shown {
        let whole = client.reimbursement("clinic", id, 3);
        assert_eq!((&whole["total"], &whole["status"]), (&json!("11.20"), &json!("paid")));
        assert_eq!(whole["payments"], json!({"count": 6, "amount": "10.00"}), "{whole:#}");
        let lines = whole["lines"].as_array().expect("it has lines");
        let counts: Vec<_> = lines.iter().map(|line| line["activities"].as_u64()).collect();
        assert_eq!(counts, sums.map(Some), "{whole:#}");
        for limit in [1, 11, 500] {
            assert_eq!(client.reimbursement("clinic", id, limit)["lines"], whole["lines"]);
        }
        let path = format!("/v1/providers/clinic/activities?limit=500&reimbursement={id}");
        let page = client.get(&path).expect(200);
        assert_eq!((items(&page).len(), &page["next_cursor"]), (120, &Value::Null));
        assert!(items(&page).iter().all(|line| line["reimbursement"] == id.as_str()));
    }
    client.provider_entries("clinic");
}

#[test]
fn what_is_not_a_reimbursement_is_not_found() {
    let (_server, mut client) = daily();
    client.register("garage");
    work(&mut client, "a", "1.00");
    client.pass_the_end("clinic");
    let id = id_of(&client.reimbursements("clinic")[1]);
    let clinics = "/v1/providers/clinic/reimbursements";
    let huge = "rmb_18446744073709551615_clinic";
    for wrong in ["rmb_1_clinic", "rmb_2_clinic", huge, "rmb_1_garage", "x", "scheduled"] {
        client.get(&format!("{clinics}/{wrong}")).problem(404, "reimbursement-not-found");
    }
    let path = format!("/v1/providers/garage/reimbursements/{id}");
    client.get(&path).problem(404, "reimbursement-not-found");
    let path = format!("/v1/providers/nobody/reimbursements/{id}");
    client.get(&path).problem(404, "provider-not-found");
    client.get("/v1/providers/nobody/reimbursements").problem(404, "provider-not-found");
    for query in ["limit=0", "limit=501", "cursor=", "cursor=x", "cursor=1", "cursor=-1", "a=b"] {
        client.get(&format!("{clinics}?{query}")).problem(400, "malformed-request");
    }
    for query in ["limit=0", "limit=10001", "cursor=f", "cursor=zz", "member=m1"] {
        client.get(&format!("{clinics}/{id}?{query}")).problem(400, "malformed-request");
    }
    assert_eq!(items(&client.get(&format!("{clinics}?limit=1")).expect(200)).len(), 1);
}
