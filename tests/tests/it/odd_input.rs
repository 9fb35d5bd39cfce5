//! Input that nobody sends on purpose: it is refused or taken for what it is, and never a 500.

use std::time::Duration;

use convoke_tests::merchant::users;
use convoke_tests::{Convoke, Env, both, until};
use serde_json::json;

/// How much more memory a refused upload may take for a while (KiB).
const ROOM: u64 = 150 * 1024;

both!(
    async fn a_nul_in_a_query_is_never_a_500(t: &Env) {
        let merchant = t.merchant("Acme").await;
        merchant.register(&merchant.definition().await, &users("a", 1)).await.expect(200);
        let key = merchant.client("admin").await;
        let batches = key.get("/api/v1/batches").send().await;
        let results =
            format!("/api/v1/batches/{}/results", batches.rows("/batches")[0]["id"].as_str().unwrap());
        for (path, names) in [
            ("/api/v1/registrations", &["email", "external_id", "interview_id", "cursor"][..]),
            ("/api/v1/captured-mails", &["to", "cursor"]),
            ("/api/v1/messages", &["status", "merchant_id"]),
            ("/api/v1/batches", &["status", "limit"]),
            (&results, &["email", "external_id", "result", "email_status"]),
        ] {
            for name in names {
                let answer = key.get(&format!("{path}?{name}=a%00b")).send().await;
                assert!(answer.status < 500, "{}: {} {}", answer.request, answer.status, answer.text);
            }
        }
    }
);

both!(
    async fn a_wait_of_any_number_of_digits_is_a_minute(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &users("a", 1), &json!({}));
        let call = t.post(convoke_tests::client::REGISTER, &body).prefer("wait=99999999999999999999");
        let answer = call.send().await;
        answer.expect(200);
        assert_eq!(answer.header("preference-applied"), "wait=60");
    }
);

both!(
    async fn an_idempotency_key_is_looked_at_where_nothing_is_recorded(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.register(&merchant.definition().await, &users("a", 1)).await;
        let url = made.text_at("/0/interview_url");
        let token = url.split("interview_token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
        let staff = merchant.client("staff").await;
        let inspect = || staff.post("/api/v1/tokens/inspect", &json!({"interview_token": token}));
        for key in ["", &"k".repeat(256)] {
            inspect().idempotency_key(key).send().await.expect(400);
        }
        inspect().idempotency_key(&"k".repeat(255)).send().await.expect(200);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_whose_quote_is_not_closed_is_refused_in_little_memory() {
    let t = Convoke::embedded().start().await;
    let merchant = t.merchant("Acme").await;
    let mut csv = "name,email\r\n\"Ann,ann@example.org\r\n".to_owned();
    csv.push_str(&"Bob,bob@example.org\r\n".repeat(1_000_000));
    let query = format!("interview_id={}&merchant_id={}", merchant.definition().await, merchant.id);
    let call = t.post_empty(&format!("/api/v1/batches?{query}")).body("text/csv", csv);
    let idle = t.program.rss_kb();
    let upload = tokio::spawn(call.send());
    let mut most = 0;
    until("the upload is answered", Duration::from_mins(1), async || {
        most = most.max(t.program.rss_kb());
        upload.is_finished().then_some(())
    })
    .await;
    upload.await.unwrap().expect(400);
    println!("{idle} KiB before, {most} KiB at most");
    assert!(most < idle + ROOM, "{idle} KiB before, {most} KiB at most");
    let batches = t.get(&format!("/api/v1/batches?merchant_id={}", merchant.id)).send().await;
    assert!(batches.rows("/batches").is_empty(), "nothing of it is kept: {}", batches.text);
}
