//! Results that are asked for early are whole, and those that are asked for late have the links that open.

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Convoke, Env, Stack, both};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_that_is_begun_before_the_work_has_every_row_in_the_end() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let body = merchant.registration(&merchant.definition().await, &users("c", 600), &json!({}));
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let results = format!("/api/v1/batches/{}/results", answer.text_at("/batch/id"));
    let csv = t.get(&results).header("accept", "text/csv").stream().await;
    let ndjson = t.get(&results).header("accept", "application/x-ndjson").stream().await;
    assert_eq!((csv.status().as_u16(), ndjson.status().as_u16()), (200, 200));
    let _worker = t.worker("worker");
    let text = csv.text().await.unwrap();
    assert_eq!(text.lines().count(), 601, "a header and every row");
    assert!(text.lines().skip(1).all(|line| line.contains(",ok,http")), "{text}");
    assert_eq!(ndjson.text().await.unwrap().lines().count(), 600);
}

both!(
    async fn after_a_reissue_the_row_has_the_link_that_opens_and_a_replay_the_first_answer(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &users("a", 1), &json!({}));
        let first = t.post(REGISTER, &body).idempotency_key("once").send().await;
        first.expect(200);
        let old = first.text_at("/0/interview_url");
        let registration = merchant.registration_of("a-0@example.org").await["id"].clone();
        merchant.act(&registration, "reissue").await.expect(200);

        let batches = t.get(&format!("/api/v1/batches?merchant_id={}", merchant.id)).send().await;
        let batch = batches.rows("/batches")[0]["id"].as_str().unwrap();
        let rows = t.results(batch, "").await;
        let new = rows[0]["interview_url"].as_str().unwrap();
        assert_ne!(new, old);
        t.anonymous().get(new).send().await.expect(200);
        t.anonymous().get(old).send().await.expect(410);
        assert_eq!(rows[0]["invitation_status"], "pending");

        let again = t.post(REGISTER, &body).idempotency_key("once").send().await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.text, first.text);
    }
);
