//! Section 1's `Idempotency-Key`: the same request again is the same request.

use std::collections::BTreeSet;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Convoke, Env, Stack, both};
use futures_util::future::join_all;
use serde_json::json;

both!(
    async fn the_recorded_answer_is_given_again_and_says_so(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 3), &json!({"send_email": true}));
        let first = t.post(REGISTER, &body).idempotency_key("k-1").send().await;
        first.expect(200);
        assert_eq!(first.header("idempotent-replayed"), "");
        for path in [REGISTER, REGISTER] {
            let again = t.post(path, &body).idempotency_key("k-1").send().await;
            assert_eq!(again.expect(200), &first.json);
            assert_eq!(again.text, first.text);
            assert_eq!(again.header("idempotent-replayed"), "true");
        }
        t.wait_for_mails(3).await;
    }
);

both!(
    async fn another_body_under_the_same_key_is_refused(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = |tag: &str| merchant.registration(&definition, &users(tag, 1), &json!({}));
        t.post(REGISTER, &body("a")).idempotency_key("k").send().await.expect(200);
        let other = t.post(REGISTER, &body("b")).idempotency_key("k").send().await;
        assert!(other.expect(422)["detail"].as_str().unwrap().contains("Idempotency-Key"), "{}", other.text);
        t.post(REGISTER, &body("a")).idempotency_key("k").send().await.expect(200);
    }
);

both!(
    async fn a_key_belongs_to_one_merchant_and_one_path(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (our_definition, their_definition) = (ours.definition().await, theirs.definition().await);
        let our_body = ours.registration(&our_definition, &users("a", 1), &json!({}));
        let their_body = theirs.registration(&their_definition, &users("a", 1), &json!({}));
        let first = t.post(REGISTER, &our_body).idempotency_key("shared").send().await;
        let second = t.post(REGISTER, &their_body).idempotency_key("shared").send().await;
        assert_ne!(first.expect(200), second.expect(200));
        assert_eq!(second.header("idempotent-replayed"), "");

        let definition =
            json!({"interview_definition": {"merchant_id": ours.id, "name": "Another", "status": "active"}});
        let made =
            t.post("/api/v1/interview-definitions", &definition).idempotency_key("shared").send().await;
        made.expect(201);
        let again =
            t.post("/api/v1/interview-definitions", &definition).idempotency_key("shared").send().await;
        assert_eq!(again.expect(201), &made.json, "every POST has it");
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
);

both!(
    async fn a_key_is_at_most_255_printable_ascii_characters(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 1), &json!({}));
        let call = || t.post(REGISTER, &body);
        call().idempotency_key(&"k".repeat(255)).send().await.expect(200);
        call().idempotency_key("spaces are printable ~!").send().await.expect(200);
        call().idempotency_key(&"k".repeat(256)).send().await.expect(400);
        call().idempotency_key("").send().await.expect(400);
        call().header_bytes("idempotency-key", "schlüssel".as_bytes()).send().await.expect(400);
        call().header_bytes("idempotency-key", b"tab\there").send().await.expect(400);
    }
);

both!(
    async fn a_hundred_twins_in_the_waiting_form_get_one_answer(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 20), &json!({"send_email": true}));
        let twins =
            (0..100).map(|_| t.post(REGISTER, &body).idempotency_key("twin").prefer("wait=60").send());
        let answers = join_all(twins).await;
        let bodies: BTreeSet<&str> = answers
            .iter()
            .map(|answer| {
                answer.expect(200);
                answer.text.as_str()
            })
            .collect();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count();
        assert_eq!(replayed, 99);
        t.wait_for_mails(20).await;
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_twins_make_one_batch() {
    // Without a worker none is done early, so that every twin is answered with its batch.
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("a", 600), &json!({}));
    let twins =
        (0..100).map(|_| t.post(REGISTER, &body).idempotency_key("twin").prefer("respond-async").send());
    let answers = join_all(twins).await;
    let batch = |answer: &Answer| {
        answer.expect(202);
        answer.text_at("/batch/id").to_owned()
    };
    let ids: BTreeSet<String> = answers.iter().map(batch).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let listed = t.get(&format!("/api/v1/batches?merchant_id={}", merchant.id)).send().await;
    listed.expect(200);
    assert_eq!(listed.rows("/batches").len(), 1, "{}", listed.text);
}

both!(
    async fn a_refused_request_does_not_take_the_key(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = |users: &[serde_json::Value]| merchant.registration(&definition, users, &json!({}));
        t.anonymous().post(REGISTER, &body(&users("a", 1))).idempotency_key("k").send().await.expect(401);
        t.post(REGISTER, &body(&[])).idempotency_key("k").send().await.expect(422);
        t.post(REGISTER, &body(&users("a", 1))).idempotency_key("k").send().await.expect(200);
    }
);
