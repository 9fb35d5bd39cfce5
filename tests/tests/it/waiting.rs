//! Section 2: how long a write waits, and what is answered before and after.

use std::time::Duration;

use convoke_tests::answer::keys_of;
use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Convoke, Env, Stack, both, until};
use serde_json::{Value, json};

const BATCH_KEYS: [&str; 16] = [
    "id",
    "status",
    "interview_id",
    "merchant_id",
    "is_test",
    "send_email",
    "total",
    "processed",
    "succeeded",
    "failed",
    "emails",
    "created_at",
    "completed_at",
    "results_url",
    "events_url",
    "",
];

/// The text of the one member of an object.
fn unwrapped<'a>(text: &'a str, name: &str) -> &'a str {
    let inner = text.trim().strip_prefix(&format!("{{\"{name}\":")).and_then(|rest| rest.strip_suffix('}'));
    inner.unwrap_or_else(|| panic!("{text} is no {name}"))
}

/// What every 202 of a bulk registration says; gives the batch's id.
fn accepted(answer: &Answer) -> String {
    answer.expect(202);
    let id = answer.text_at("/batch/id").to_owned();
    let location = answer.header("location");
    assert!(location.ends_with(&format!("/api/v1/batches/{id}")), "Location: {location}");
    assert!(
        answer.header("retry-after").parse::<u32>().is_ok(),
        "Retry-After: {:?}",
        answer.header("retry-after")
    );
    id
}

both!(
    async fn respond_async_is_answered_at_once_and_polled_without_a_404(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 700), &json!({"send_email": false}));
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        let id = accepted(&answer);
        assert_eq!(answer.header("preference-applied"), "respond-async");
        let batch = t.completed_batch(&id, Duration::from_mins(1)).await;
        assert_eq!(
            (&batch["total"], &batch["processed"], &batch["succeeded"], &batch["failed"]),
            (&json!(700), &json!(700), &json!(700), &json!(0))
        );
        assert_eq!(batch["interview_id"], json!(definition));
        assert_eq!(batch["merchant_id"], json!(merchant.id));
        assert!(batch["completed_at"].as_str().unwrap().ends_with('Z'));
        for url in ["results_url", "events_url"] {
            let url = batch[url].as_str().unwrap();
            t.get(url).header("accept", "application/json, text/event-stream;q=0.5").send().await.expect(200);
        }
        let operation = t.get(&format!("/api/v1/operations/{id}")).send().await;
        let operation = &operation.expect(200)["operation"];
        assert_eq!((&operation["id"], &operation["status"]), (&json!(id), &json!("succeeded")));
        assert_eq!((&operation["result"], &operation["error"]), (&Value::Null, &Value::Null));
    }
);

both!(
    async fn a_batch_has_the_contracts_members_in_its_order(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &users("a", 2), &json!({}));
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        let id = accepted(&answer);
        let order = |text: &str| keys_of(unwrapped(text, "batch"));
        assert_eq!(order(&answer.text), BATCH_KEYS[..15]);
        let read = t.get(&format!("/api/v1/batches/{id}")).send().await;
        read.expect(200);
        assert_eq!(order(&read.text), BATCH_KEYS[..15]);
        let emails = read.json["batch"]["emails"].to_string();
        assert_eq!(keys_of(&emails).len(), 5, "{emails}");
        for kind in ["queued", "sent", "deferred", "failed", "suppressed"] {
            assert_eq!(read.json["batch"]["emails"][kind], 0, "{emails}");
        }
    }
);

both!(
    async fn preferences_are_honoured_and_the_answer_says_which(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 3), &json!({}));
        for (preference, status, applied) in [
            ("wait=30", 200, "wait=30"),
            ("wait=600", 200, "wait=60"),
            ("respond-async", 202, "respond-async"),
            ("handling=lenient, wait=20", 200, "wait=20"),
        ] {
            let answer = t.post(REGISTER, &body).prefer(preference).send().await;
            answer.expect(status);
            assert_eq!(answer.header("preference-applied"), applied, "Prefer: {preference}");
        }
        let silent = t.post(REGISTER, &body).send().await;
        silent.expect(200);
        assert_eq!(silent.header("preference-applied"), "");
        t.post(REGISTER, &body).prefer("wait=soon").send().await.expect(200);
    }
);

both!(
    async fn moves_of_a_registration_are_operations_too(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        merchant.register(&definition, &users("a", 1)).await.expect(200);
        let id = merchant.registration_of("a-0@example.org").await["id"].clone();
        let answer =
            t.post_empty(&format!("/api/v1/registrations/{id}/revoke")).prefer("respond-async").send().await;
        answer.expect(202);
        let operation = answer.text_at("/operation/id").to_owned();
        assert!(
            answer.header("location").ends_with(&format!("/api/v1/operations/{operation}")),
            "{:?}",
            answer.headers
        );
        let done = until("the operation is done", Duration::from_secs(30), async || {
            let operation =
                t.get(&format!("/api/v1/operations/{operation}")).send().await.expect(200)["operation"]
                    .clone();
            (operation["status"] == "succeeded").then_some(operation)
        })
        .await;
        assert_eq!(done["result"]["registration"]["invitation_status"], "revoked", "{done}");
        let text = t.get(&format!("/api/v1/operations/{operation}")).send().await.text;
        let keys = ["id", "kind", "status", "created_at", "completed_at", "result", "error"];
        assert_eq!(keys_of(unwrapped(&text, "operation")), keys);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_worker_the_wait_ends_with_a_202_and_the_work_is_kept() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_WAIT", "1").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("a", 2), &json!({}));
    let silent = accepted(&t.post(REGISTER, &body).send().await);
    let answer = t.post(REGISTER, &body).prefer("wait=1").send().await;
    let waited = accepted(&answer);
    assert_eq!(answer.header("preference-applied"), "wait=1");
    assert_ne!(silent, waited);
    for id in [&silent, &waited] {
        let batch = t.get(&format!("/api/v1/batches/{id}")).send().await;
        assert_eq!(batch.expect(200)["batch"]["status"], "queued");
        let operation = t.get(&format!("/api/v1/operations/{id}")).send().await;
        assert_eq!(operation.expect(200)["operation"]["status"], "queued");
    }
    let _worker = t.worker("worker");
    for id in [silent, waited] {
        assert_eq!(t.completed_batch(&id, Duration::from_mins(1)).await["succeeded"], 2);
    }
}

both!(
    async fn an_operation_that_never_was_is_a_404(t: &Env) {
        for path in ["/api/v1/operations", "/api/v1/batches"] {
            t.get(&format!("{path}/0192f0c1-2345-7abc-8def-0123456789ab")).send().await.expect(404);
            t.get(&format!("{path}/no-uuid")).send().await.expect(404);
        }
    }
);
