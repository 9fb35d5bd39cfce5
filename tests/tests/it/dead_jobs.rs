//! Work that cannot be done ends all the same: its rows get errors, its neighbours their links, its operation an end.

use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::postgres::Postgres;
use convoke_tests::{Convoke, Stack, until};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);

/// Makes jobs unreadable, and their next attempt the last one.
async fn spoil(stack: &Stack, which: &str) {
    let sql =
        format!("UPDATE jobs SET payload = '{{\"rows\":[', attempts = 4 WHERE {which} RETURNING 'spoilt'");
    let spoilt = Postgres::shared().await.query(&stack.database_url, &sql).await;
    assert_eq!(spoilt, "spoilt", "one job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_chunk_of_a_batch_leaves_errors_and_harms_no_neighbour() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "3").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let rows = users("d", 1_200);
    let body = merchant.registration(&merchant.definition().await, &rows, &json!({}));
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let id = answer.text_at("/batch/id");
    spoil(&stack, "first_row = 0").await;

    let _worker = t.worker("worker");
    let batch = t.completed_batch(id, MINUTE).await;
    assert_eq!(
        (&batch["processed"], &batch["succeeded"], &batch["failed"]),
        (&json!(1_200), &json!(700), &json!(500))
    );
    assert!(batch["completed_at"].is_string(), "{batch}");
    // Paged to the null cursor.
    let results = t.results(id, "").await;
    assert_eq!(results.len(), 1_200);
    for result in &results[..500] {
        assert!(result["result"].as_str().unwrap().starts_with("Error: "), "{result}");
        assert!(result["interview_url"].is_null() && result["registration_id"].is_null(), "{result}");
    }
    for (result, row) in results[500..].iter().zip(&rows[500..]) {
        assert_eq!((&result["email"], &result["result"]), (&row["email"], &json!("ok")));
    }
    t.anonymous().get(results[500]["interview_url"].as_str().unwrap()).send().await.expect(200);
    assert_eq!(t.results(id, "&result=error").await.len(), 500);
    let csv = t.get(&format!("/api/v1/batches/{id}/results")).header("accept", "text/csv").send().await;
    csv.expect(200);
    assert_eq!(csv.text.lines().count(), 1_201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_move_ends_its_operation_with_a_problem() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "3").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let first = t.worker("first");
    merchant.register(&merchant.definition().await, &users("a", 1)).await.expect(200);
    first.sigterm();
    first.ended(MINUTE).await;
    let registration = merchant.registration_of("a-0@example.org").await["id"].clone();
    let path = format!("/api/v1/registrations/{registration}/revoke");
    let accepted = t.post_empty(&path).prefer("respond-async").send().await;
    accepted.expect(202);
    spoil(&stack, "status = 'waiting'").await;

    let _second = t.worker("second");
    let operation = until("the operation has ended", MINUTE, async || {
        let found = t.get(accepted.header("location")).send().await;
        let operation = found.expect(200)["operation"].clone();
        operation["completed_at"].is_string().then_some(operation)
    })
    .await;
    assert_eq!(operation["error"]["status"], 500, "{operation}");
    assert_eq!(merchant.registration_of("a-0@example.org").await["invitation_status"], "pending");
}
