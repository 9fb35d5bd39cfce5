//! Reminders of links that were not opened yet, by a clock that the test turns.

use std::time::Duration;

use chrono::TimeDelta;
use convoke_tests::client::REGISTER;
use convoke_tests::until;
use serde_json::{Value, json};

use crate::simulated::Simulated;

const DAY: TimeDelta = TimeDelta::days(1);

/// Registers three candidates of a merchant who invites by mail, and gives the links.
async fn invited(t: &Simulated, tag: &str, definition: &Value) -> (crate::simulated::People, Vec<String>) {
    let people = t.people(tag, "UTC").await;
    let mut members = json!({"merchant_id": people.merchant, "name": "Rust engineer"});
    members.as_object_mut().unwrap().extend(definition.as_object().unwrap().clone());
    let made = t
        .client
        .post("/api/v1/interview-definitions", &json!({"interview_definition": members}))
        .send()
        .await;
    let interview = made.expect(201)["interview_definition"]["interview_id"].clone();
    let users: Vec<_> = (0..3).map(|n| json!({"email": format!("{tag}-{n}@example.org")})).collect();
    let body = json!({
        "users": users, "interview_id": interview, "merchant_id": people.merchant, "send_email": true,
    });
    let answer = t.client.post(REGISTER, &body).prefer("wait=60").send().await;
    answer.expect(200);
    let links = answer.rows("").iter().map(|row| row["interview_url"].as_str().unwrap().to_owned()).collect();
    let sent = format!("/api/v1/messages?merchant_id={}&status=sent", people.merchant);
    until("the invitations are recorded as sent", Duration::from_mins(1), async || {
        (t.client.get(&sent).send().await.rows("/messages").len() == 3).then_some(())
    })
    .await;
    (people, links)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_reminded_of_after_three_days_and_a_day_before_its_end_unless_it_was_opened() {
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let worker = t.worker().await;
    let begin = t.now();
    let (people, links) = invited(&t, "link", &json!({})).await;

    // What the canary's reminder shows: workers were awake, and it was too early.
    let (canary, _) =
        invited(&t, "canary", &json!({"remind_after": [3 * 86_400 - 60], "remind_before_expiry": []})).await;
    t.turn_to(begin + DAY * 3 - TimeDelta::seconds(1));
    t.wait_for(&canary, 6).await;
    assert_eq!(t.mails(&people).len(), 3, "a reminder came early");

    t.turn_to(begin + DAY * 3 + TimeDelta::minutes(1));
    let mails = t.wait_for(&people, 6).await;
    for (mail, link) in mails[3..].iter().map(|mail| (mail, mail.link())) {
        assert!(links.contains(&link), "the same link: {link}");
        assert!(mail.message_id.starts_with("<invitation_reminder."), "{}", mail.message_id);
    }

    // One of the three begins.
    let opened = &links[1];
    let answer = t.client.anonymous().post_empty(opened).send().await;
    assert!(answer.status < 400, "{} {}", answer.status, answer.text);
    t.turn_to(begin + DAY * 13 + TimeDelta::minutes(1));
    let mails = t.wait_for(&people, 8).await;
    assert!(!mails[6..].iter().any(|mail| &mail.link() == opened), "who began is not reminded");

    t.turn_to(begin + DAY * 20);
    let (later, _) =
        invited(&t, "later", &json!({"remind_after": [3_600], "remind_before_expiry": []})).await;
    t.turn_to(begin + DAY * 21);
    t.wait_for(&later, 6).await;
    assert_eq!(t.mails(&people).len(), 8, "nothing comes after the link's end");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_may_have_reminders_of_its_own_or_none() {
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let worker = t.worker().await;
    let begin = t.now();
    let (silent, _) = invited(&t, "silent", &json!({"remind_after": [], "remind_before_expiry": []})).await;
    // A short life: what would come before the invitation, or at once after it, is left out.
    let short =
        json!({"link_ttl_seconds": 2 * 86_400, "remind_after": [18_000], "remind_before_expiry": [172_000]});
    let (short, _) = invited(&t, "short", &short).await;
    t.turn_to(begin + TimeDelta::hours(6));
    t.wait_for(&short, 6).await;
    t.turn_to(begin + DAY * 15);
    let (canary, _) =
        invited(&t, "canary", &json!({"remind_after": [3_600], "remind_before_expiry": []})).await;
    t.turn_to(begin + DAY * 16);
    t.wait_for(&canary, 6).await;
    assert_eq!((t.mails(&silent).len(), t.mails(&short).len()), (3, 6));
    worker.stop().await;
}
