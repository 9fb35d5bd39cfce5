//! Reminders, by a clock that the test turns: none early, none stale, none twice, and right across the nights on which
//! clocks change.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use convoke_tests::until;
use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::simulated::Simulated;

const DAY: TimeDelta = TimeDelta::days(1);
const HOUR: TimeDelta = TimeDelta::hours(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Turns the clock to one second before a reminder, shows by another merchant's reminder of that second that workers
/// are awake, and that the one that is looked at did not come.
async fn nothing_before(t: &Simulated, due: DateTime<Utc>, canary: &str, target: &crate::simulated::People) {
    let had = t.mails(target).len();
    let other = t.people(canary, "UTC").await;
    t.remind_once(&other).await;
    t.interview(&other, due - SECOND + HOUR).await;
    t.wait_for(&other, 2).await;
    t.turn_to(due - SECOND);
    t.wait_for(&other, 4).await;
    assert_eq!(t.mails(target).len(), had, "a reminder came early");
}

async fn across_a_change_of_clocks(start: &str, told: &str) {
    let start = instant(start);
    let t = Simulated::at(&(start - DAY * 3).to_rfc3339()).await;
    let worker = t.worker().await;
    let people = t.people("dst", "Europe/London").await;
    t.interview(&people, start).await;
    t.wait_for(&people, 2).await;

    nothing_before(&t, start - DAY, "first", &people).await;
    t.turn_to(start - DAY);
    for mail in &t.wait_for(&people, 4).await[2..] {
        assert!(mail.text.contains(told), "the start in the reader's zone, {told}:\n{}", mail.text);
        assert!(mail.text.contains("Europe/London"), "{}", mail.text);
        assert!(mail.calendar.is_empty(), "a reminder says nothing new to calendars");
    }

    nothing_before(&t, start - HOUR, "second", &people).await;
    t.turn_to(start - HOUR);
    t.wait_for(&people, 6).await;

    // Time goes on, and nothing more comes.
    nothing_before(&t, start + DAY, "third", &people).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_night_that_has_an_hour_more_shifts_no_reminder() {
    across_a_change_of_clocks("2026-10-25T09:00:00Z", "Sunday 25 October 2026, 09:00").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_night_that_has_an_hour_less_shifts_no_reminder() {
    across_a_change_of_clocks("2027-03-28T08:00:00Z", "Sunday 28 March 2027, 09:00").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_send_each_reminder_once() {
    const INTERVIEWS: usize = 250;
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let workers = [t.worker().await, t.worker().await, t.worker().await];
    let people = t.people("many", "UTC").await;
    let start = t.now() + DAY * 2;
    let made = stream::iter(0..INTERVIEWS).map(|_| t.interview(&people, start)).buffer_unordered(8);
    assert_eq!(made.count().await, INTERVIEWS);
    t.wait_for(&people, INTERVIEWS * 2).await;
    t.turn_to(start - DAY);
    t.wait_for(&people, INTERVIEWS * 4).await;
    t.turn_to(start - HOUR);
    let mails = t.wait_for(&people, INTERVIEWS * 6).await;
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in &mails {
        *copies.entry(&mail.message_id).or_default() += 1;
    }
    assert_eq!(copies.len(), INTERVIEWS * 6);
    assert!(copies.values().all(|count| *count == 1), "a mail was sent twice");
    for worker in workers {
        worker.stop().await;
    }
}

/// `<interview_reminder.83.12.1.3600@…>` is of interview 83.
fn reminded_of(message_id: &str) -> Option<i64> {
    let mut parts = message_id.strip_prefix("<interview_reminder.")?.split('.');
    parts.next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_races_with_amend_or_cancel_none_leaves_a_stale_reminder() {
    const INTERVIEWS: i64 = 1_000;
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let workers = [t.worker().await, t.worker().await];
    let people = t.people("race", "UTC").await;
    let start = t.now() + DAY * 2;
    let made = stream::iter(0..INTERVIEWS).map(|_| t.interview(&people, start)).buffer_unordered(8);
    let interviews: Vec<i64> = made.collect().await;
    t.wait_for(&people, interviews.len() * 2).await;

    t.turn_to(start - DAY);
    let other = json!({"interview": {"amend_start_at": start + HOUR, "amend_end_at": start + HOUR * 2}});
    let moves = stream::iter(interviews.iter().copied()).map(|interview| {
        let (t, other) = (&t, &other);
        async move {
            let (verb, body) =
                if interview % 2 == 0 { ("cancel", json!({})) } else { ("amend", other.clone()) };
            t.act(interview, verb, &body).await;
            (interview, real_now())
        }
    });
    let answered: HashMap<i64, DateTime<Utc>> = moves.buffer_unordered(4).collect().await;
    until("every reminder is sent or skipped", Duration::from_mins(1), async || {
        let mut open = 0;
        for status in ["queued", "sending", "deferred"] {
            let path = format!("/api/v1/messages?merchant_id={}&status={status}&limit=1", people.merchant);
            open += t.client.get(&path).send().await.rows("/messages").len();
        }
        (open == 0).then_some(())
    })
    .await;

    let (mut before, mut stale) = (0, Vec::new());
    for mail in t.stack.smtp.mails() {
        let Some(interview) = reminded_of(&mail.message_id) else { continue };
        if mail.at > answered[&interview] { stale.push(mail.message_id) } else { before += 1 }
    }
    assert!(stale.is_empty(), "{} came after the move was answered: {stale:?}", stale.len());
    assert!(before < interviews.len() * 2, "no move came before its reminders: nothing raced");
    for worker in workers {
        worker.stop().await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the mail server stamps what it takes with the machine's clock, too"
)]
fn real_now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_other_times_are_proposed_and_after_an_end_nobody_is_reminded() {
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let worker = t.worker().await;
    let people = t.people("moved", "UTC").await;
    let (first, second) = (t.now() + DAY * 3, t.now() + DAY * 5);
    let interview = t.interview(&people, first).await;
    t.wait_for(&people, 2).await;
    let times = json!({"interview": {"amend_start_at": second, "amend_end_at": second + HOUR}});
    t.act(interview, "amend", &times).await;
    t.wait_for(&people, 4).await;
    nothing_before(&t, first - HOUR + SECOND * 2, "amended", &people).await;
    t.act(interview, "cancel", &json!({})).await;
    t.wait_for(&people, 6).await;
    nothing_before(&t, second, "cancelled", &people).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reminder_is_sent_until_five_minutes_before_the_start_and_then_skipped_with_its_reason() {
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let worker = t.worker().await;
    let (late, too_late) = (t.people("late", "UTC").await, t.people("toolate", "UTC").await);
    let now = t.now();
    t.interview(&late, now + HOUR * 2 + TimeDelta::minutes(10)).await;
    t.interview(&too_late, now + HOUR * 2 + TimeDelta::minutes(4)).await;
    t.wait_for(&late, 2).await;
    t.wait_for(&too_late, 2).await;
    worker.stop().await;
    t.turn_to(now + HOUR * 2);
    let worker = t.worker().await;
    t.wait_for(&late, 4).await;
    let path = format!("/api/v1/messages?merchant_id={}&status=skipped", too_late.merchant);
    let skipped = until("the others are skipped", Duration::from_mins(1), async || {
        let page = t.client.get(&path).send().await;
        (page.rows("/messages").len() == 2).then(|| page.rows("/messages").to_vec())
    })
    .await;
    for message in skipped {
        assert_eq!(message["kind"], "interview_reminder");
        assert!(message["last_error"].as_str().unwrap().contains("less than 5 minutes"), "{message}");
    }
    t.wait_for(&too_late, 2).await;
    worker.stop().await;
}
