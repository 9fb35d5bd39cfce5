//! Accepted means kept: through the death of any process, and of Redis with all its data.

use std::collections::BTreeSet;
use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::{Merchant, users};
use convoke_tests::postgres::Postgres;
use convoke_tests::{Client, Convoke, Stack, mailbox, until};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_mins(1);

async fn submit(t: &Client, merchant: &Merchant, rows: &[Value], members: &Value) -> String {
    let body = merchant.registration(&merchant.definition().await, rows, members);
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    answer.text_at("/batch/id").to_owned()
}

/// Nobody is lost, nobody is there twice, and the order is the request's.
async fn all_there(t: &Client, id: &str, rows: &[Value]) {
    let results = t.results(id, "").await;
    assert_eq!(results.len(), rows.len());
    for (result, row) in results.iter().zip(rows) {
        assert_eq!((&result["email"], &result["result"]), (&row["email"], &json!("ok")));
    }
    let ids: BTreeSet<i64> = results.iter().map(|row| row["registration_id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), rows.len(), "each is registered once");
}

/// Kills the service when some of 10,000 users are registered and the others are not, three times.
async fn killed_in_the_middle(t: Convoke) {
    let merchant = t.merchant("Acme").await;
    let rows = users("k", 10_000);
    let id = submit(&t, &merchant, &rows, &json!({})).await;
    let mut seen = 0;
    for _ in 0..3 {
        let processed = until("some more are registered", MINUTE, async || {
            // From its 202 on, and through every restart, the batch is never a 404.
            let batch = t.get(&format!("/api/v1/batches/{id}")).send().await;
            batch.expect(200)["batch"]["processed"].as_i64().filter(|processed| *processed > seen)
        })
        .await;
        seen = processed;
        t.kill_and_start_again().await;
    }
    let batch = t.completed_batch(&id, 2 * MINUTE).await;
    assert_eq!((&batch["succeeded"], &batch["failed"]), (&json!(10_000), &json!(0)));
    all_there(&t, &id, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_loses_nobody_embedded() {
    let plan = Convoke::embedded().set("CONVOKE_LEASE", "3").set("CONVOKE_CONCURRENCY", "1");
    killed_in_the_middle(plan.start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_loses_nobody_on_postgres() {
    let stack = Stack::start().await;
    let plan = Convoke::on(&stack).set("CONVOKE_LEASE", "3").set("CONVOKE_CONCURRENCY", "1");
    killed_in_the_middle(plan.start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_while_it_mails_mails_everybody() {
    let t = Convoke::embedded().set("CONVOKE_LEASE", "3").start().await;
    let merchant = t.merchant("Acme").await;
    let rows = users("k", 1_500);
    let id = submit(&t, &merchant, &rows, &json!({"send_email": true})).await;
    for part in [1, 400, 900] {
        until(&format!("{part} mails"), MINUTE, async || {
            (mailbox::captured(&t).await.len() >= part).then_some(())
        })
        .await;
        t.kill_and_start_again().await;
    }
    t.completed_batch(&id, MINUTE).await;
    until("everybody is mailed", MINUTE, async || {
        let batch = t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"].clone();
        (batch["emails"]["sent"] == 1_500).then_some(())
    })
    .await;
    let mails = mailbox::captured(&t).await;
    let people: BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!((people.len(), mails.len()), (1_500, 1_500));
    all_there(&t, &id, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_answer_was_lost_is_the_same_request_when_sent_again() {
    let t = Convoke::embedded().set("CONVOKE_LEASE", "3").start().await;
    let merchant = t.merchant("Acme").await;
    let body =
        merchant.registration(&merchant.definition().await, &users("k", 2_000), &json!({"send_email": true}));
    let call = || t.post(REGISTER, &body).idempotency_key("once").prefer("respond-async");
    // The service dies somewhere between reading the request and answering it.
    let (lost, ()) = tokio::join!(call().try_send(), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        t.program.kill9();
    });
    t.program.start_again();
    t.answers("/readyz").await;
    let id = call().send().await.text_at("/batch/id").to_owned();
    if let Ok(lost) = lost {
        assert_eq!(lost.text_at("/batch/id"), id);
    }
    assert_eq!(call().send().await.text_at("/batch/id"), id);
    t.completed_batch(&id, MINUTE).await;
    until("everybody is mailed", MINUTE, async || (mailbox::captured(&t).await.len() == 2_000).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_lose_everything() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "5").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let (large, small) = (users("large", 3_000), users("small", 5));
    let ids = [
        submit(&t, &merchant, &large, &json!({})).await,
        submit(&t, &merchant, &small, &json!({"send_email": true})).await,
    ];
    stack.redis.cli(&["flushall"]).await;
    let worker = t.worker("worker");
    until("work flows", MINUTE, async || {
        (t.get(&format!("/api/v1/batches/{}", ids[0])).send().await.json["batch"]["processed"] != 0)
            .then_some(())
    })
    .await;
    stack.redis.cli(&["flushall"]).await;
    for (id, rows) in ids.iter().zip([&large, &small]) {
        t.completed_batch(id, 2 * MINUTE).await;
        all_there(&t, id, rows).await;
    }
    stack.smtp.wait_for(5, MINUTE).await.unwrap();
    assert!(worker.status().is_none(), "the worker lives on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_while_redis_is_away_is_done_when_it_is_back() {
    let mut stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "5").start().await;
    let merchant = t.merchant("Acme").await;
    submit(&t, &merchant, &users("before", 3), &json!({})).await;
    stack.redis.kill().await;
    let (large, small) = (users("large", 1_200), users("small", 3));
    let ids = [
        submit(&t, &merchant, &large, &json!({})).await,
        submit(&t, &merchant, &small, &json!({"send_email": true})).await,
    ];
    stack.redis.restart().await;
    for (id, rows) in ids.iter().zip([&large, &small]) {
        t.completed_batch(id, 2 * MINUTE).await;
        all_there(&t, id, rows).await;
    }
    stack.smtp.wait_for(3, MINUTE).await.unwrap();
    merchant.register(&merchant.definition().await, &users("after", 1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_may_start_before_what_they_stand_on() {
    let mut stack = Stack::start().await;
    stack.redis.kill().await;
    stack.smtp.stop().await;
    let t = Convoke::on(&stack)
        .set("CONVOKE_MAIL_RETRY", &["1"; 40].join(","))
        .start_with(&["serve"], "/healthz")
        .await;
    let merchant = t.merchant("Acme").await;
    let id = submit(&t, &merchant, &users("early", 3), &json!({"send_email": true})).await;
    stack.redis.restart().await;
    stack.smtp.start_again().await.unwrap();
    t.completed_batch(&id, MINUTE).await;
    stack.smtp.wait_for(3, MINUTE).await.unwrap();
    t.answers("/readyz").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_sleeps_past_its_lease_changes_nothing_when_it_wakes() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "2").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let sleeper = t.worker("sleeper");
    let rows = users("s", 10_000);
    let id = submit(&t, &merchant, &rows, &json!({})).await;
    until("it is in the middle", MINUTE, async || {
        (t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"]["processed"] != 0).then_some(())
    })
    .await;
    sleeper.signal("STOP");
    let _other = t.worker("other");
    let batch = t.completed_batch(&id, 2 * MINUTE).await;
    sleeper.signal("CONT");
    merchant.register(&merchant.definition().await, &users("after", 30)).await.expect(200);
    let later = t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"].clone();
    assert_eq!((&later["processed"], &later["completed_at"]), (&batch["processed"], &batch["completed_at"]));
    all_there(&t, &id, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_before_its_database_it_lives_and_says_503_until_that_is_there() {
    let server = Postgres::start_private().await;
    let mut stack = Stack::start().await;
    stack.database_url = server.empty_database().await;
    server.kill9();
    let t = Convoke::on(&stack).start_with(&["serve"], "/healthz").await;
    t.get("/api/v1/merchants").send().await.expect(503);
    t.anonymous().get("/readyz").send().await.expect(503);
    server.start_again().await;
    t.answers("/readyz").await;
    let merchant = t.merchant("Acme").await;
    merchant.register(&merchant.definition().await, &users("a", 2)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_it_says_503_and_comes_back_by_itself() {
    let server = Postgres::start_private().await;
    let mut stack = Stack::start().await;
    stack.database_url = server.database().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "5").start().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("a", 700), &json!({}));
    let id = t.post(REGISTER, &body).prefer("respond-async").send().await.text_at("/batch/id").to_owned();
    server.kill9();
    let refused = t.post(REGISTER, &body).prefer("respond-async").send().await;
    refused.expect(503);
    assert!(refused.header("retry-after").parse::<u32>().is_ok(), "{:?}", refused.headers);
    assert_eq!(refused.media_type(), "application/problem+json");
    t.anonymous().get("/healthz").send().await.expect(200);
    t.anonymous().get("/readyz").send().await.expect(503);
    server.start_again().await;
    t.answers("/readyz").await;
    t.completed_batch(&id, MINUTE).await;
    merchant.register(&definition, &users("b", 2)).await.expect(200);
}
