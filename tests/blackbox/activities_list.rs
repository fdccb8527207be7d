//! Activities read back, newest first, page by page, while what they stand in goes to disk.
//!
//! One call is one record on the server's side, so a page ends in the middle of one more often than
//! not. Whatever happens between two pages, together they are the list as it was when the first one
//! was asked for.

use serde_json::Value;

use crate::bank::texts;
use crate::harness::Server;
use crate::http::{Client, Request};
use crate::providers_desk::{items, line, server};

/// How many activities there are, in calls of nine.
const LINES: usize = 90;

/// A clinic with activities for three members in turn.
fn clinic() -> (Server, Client, String) {
    let server = server();
    let mut client = server.client();
    client.register("clinic");
    let today = client.today();
    let numbers: Vec<usize> = (1..=LINES).collect();
    for (call, numbers) in numbers.chunks(9).enumerate() {
        let one = |number: &usize| {
            let mut one = line(&number.to_string(), &format!("m {}", number % 3), &today, "1.00");
            one["description"] = Value::from(format!("visit {number}"));
            one
        };
        client.submit_new("clinic", &numbers.iter().map(one).collect::<Vec<_>>());
        if call == 4 {
            client.command("/admin/checkpoint").expect(200);
        }
    }
    (server, client, today)
}

/// What happens between two pages.
fn disturb(server: &mut Server, round: usize, today: &str) {
    let mut client = server.client();
    match round % 4 {
        0 => {
            client.command("/admin/checkpoint").expect(200);
        }
        1 => {
            client.command("/admin/actors/provider/clinic/passivate");
        }
        2 => {
            server.kill();
            server.restart();
        }
        _ => {}
    }
    let late: Vec<_> =
        (0..3).map(|late| line(&format!("late-{round}-{late}"), "m 1", today, "1.00")).collect();
    server.client().submit_new("clinic", &late);
}

/// The ids of all pages of this size, with a disturbance between any two.
fn pages(server: &mut Server, query: &str, limit: usize, today: &str) -> Vec<String> {
    let path = format!("/v1/providers/clinic/activities?limit={limit}");
    let (mut seen, mut next) = (Vec::new(), Some(format!("{path}{query}")));
    for round in 0.. {
        let Some(path_now) = next else { break };
        let page = server.client().get(&path_now).expect(200);
        assert!(items(&page).len() <= limit, "{page}");
        seen.extend(texts(items(&page), "activity_id"));
        next = page["next_cursor"].as_str().map(|cursor| format!("{path}&cursor={cursor}"));
        disturb(server, round, today);
    }
    seen
}

fn down(step: usize, from: usize) -> Vec<String> {
    (1..=from).rev().step_by(step).map(|number| number.to_string()).collect()
}

#[test]
fn pages_stay_put_while_activities_go_to_disk() {
    let (mut server, _, today) = clinic();
    assert_eq!(pages(&mut server, "", 7, &today), down(1, LINES));
}

#[test]
fn one_members_activities_are_found_among_all() {
    let (mut server, _, today) = clinic();
    assert_eq!(pages(&mut server, "&member=m%200", 4, &today), down(3, LINES));
    let mut client = server.client();
    let page = client.get("/v1/providers/clinic/activities?member=nobody").expect(200);
    assert_eq!((items(&page).len(), &page["next_cursor"]), (0, &Value::Null));
}

#[test]
fn an_activity_is_shown_as_it_was_submitted() {
    let (_server, mut client, today) = clinic();
    let page = client.get("/v1/providers/clinic/activities?limit=1").expect(200);
    let shown = &items(&page)[0];
    let number = LINES.to_string();
    for (member, value) in [
        ("activity_id", number.as_str()),
        ("member", "m 0"),
        ("service_date", &today),
        ("description", &format!("visit {number}")),
        ("amount", "1.00"),
        ("currency", "EUR"),
    ] {
        assert_eq!(shown[member], value, "{member}: {shown}");
    }
    assert!(shown["at"].is_string() && shown["seq"].is_u64(), "{shown}");
    assert_eq!((&shown["late"], &shown["reimbursement"]), (&Value::Bool(false), &Value::Null));
}

#[test]
fn queries_that_make_no_sense_are_refused() {
    let (_server, mut client, _) = clinic();
    let long = "9".repeat(3000);
    let path = "/v1/providers/clinic/activities";
    for query in ["limit=0", "limit=501", "limit=x", "member=", "member=%07", "colour=red"] {
        client.get(&format!("{path}?{query}")).problem(400, "malformed-request");
    }
    for cursor in ["", ".", "1", "1.0..0", "1.0..2.", "1.0..0.f", "1.0..0.zz", "-1.0..0.", &long] {
        client.get(&format!("{path}?cursor={cursor}")).problem(400, "malformed-request");
    }
    // Cursors that nobody gave, but could be ones, end somewhere.
    for cursor in ["18446744073709551615.18446744073709551615..0.", "0.0.0.1.", "3.1000000..0."] {
        client.get(&format!("{path}?cursor={cursor}")).expect(200);
    }
    for id in ["rmb_1_clinic", "rmb_18446744073709551615_clinic", "rmb_1_garage", "x", ""] {
        let answer = client.get(&format!("{path}?reimbursement={id}"));
        answer.problem(404, "reimbursement-not-found");
    }
    let answer = client.send(&Request::new("GET", "/v1/providers/nobody/activities"));
    answer.problem(404, "provider-not-found");
}
