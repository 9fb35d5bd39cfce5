//! Lanes never wait behind one another, and a backlog costs neither Redis nor a worker any memory to speak of.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Convoke, Stack, until};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);

/// The workers' resident memory stays below this (KiB).
const FLAT: u64 = 150 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_users_wait_for_a_worker_and_a_single_one_does_not() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let before = stack.redis.used_memory().await;
    let mut ids = Vec::new();
    for n in 0..10 {
        let body = merchant.registration(&definition, &users(&format!("b{n}"), 10_000), &json!({}));
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        answer.expect(202);
        ids.push(answer.text_at("/batch/id").to_owned());
    }
    let waiting = stack.redis.used_memory().await;
    println!("Redis: {before} bytes before, {waiting} with 100,000 users waiting");
    assert!(waiting < before + (4 << 20), "Redis holds ids only");
    let keys = stack.redis.cli(&["--scan"]).await;
    assert!(!keys.contains("example.org"), "{keys}");

    let worker = t.worker("worker");
    let alone = merchant.register(&definition, &users("alone", 3)).await;
    alone.expect(200);
    let backlog = async || {
        let mut left = 0;
        for id in &ids {
            let batch = t.get(&format!("/api/v1/batches/{id}")).send().await.expect(200)["batch"].clone();
            left += batch["total"].as_i64().unwrap() - batch["processed"].as_i64().unwrap();
        }
        left
    };
    let left = backlog().await;
    println!("{left} users waited when the single registration was answered");
    assert!(left > 50_000, "the single one was answered while the others waited, not after them: {left}");

    let started = Instant::now();
    let mut most = 0;
    until("all are registered", 6 * MINUTE, async || {
        most = most.max(worker.rss_kb());
        (backlog().await == 0).then_some(())
    })
    .await;
    println!(
        "drained in {:.1?}; the worker's resident memory was {} MB at most",
        started.elapsed(),
        most / 1024
    );
    assert!(most < FLAT, "the worker took {most} KiB");
    for id in &ids {
        assert_eq!(t.completed_batch(id, MINUTE).await["succeeded"], 10_000);
    }
    let rows = t.results(&ids[7], "").await;
    let people: BTreeSet<&str> = rows.iter().map(|row| row["email"].as_str().unwrap()).collect();
    assert_eq!(people.len(), 10_000);
    let after = stack.redis.used_memory().await;
    println!("Redis: {after} bytes after");
    assert!(after < before + (4 << 20), "nothing stays behind in Redis");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_takes_only_the_lanes_that_it_was_given() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let _intake = t.worker_with("intake", &["--lanes", "intake"], &[]);
    merchant.register_with(&definition, &users("small", 50), &json!({"send_email": true})).await.expect(200);
    let body = merchant.registration(&definition, &users("large", 51), &json!({"send_email": true}));
    let answer = t.post(REGISTER, &body).prefer("wait=2").send().await;
    answer.expect(202);
    assert_eq!(stack.smtp.count(), 0, "nobody mails yet");
    let _rest = t.worker_with("rest", &["--lanes", "bulk,mail", "--concurrency", "2"], &[]);
    t.completed_batch(answer.text_at("/batch/id"), MINUTE).await;
    stack.smtp.wait_for(101, MINUTE).await.unwrap();
}
