//! Section 3, as far as keys and the service credential go: who may come in, and how.

use convoke_tests::client::{Credential, REGISTER};
use convoke_tests::convoke::SERVICE_KEY;
use convoke_tests::merchant::users;
use convoke_tests::{Env, both};
use serde_json::json;

const LIST: &str = "/api/v1/interview-definitions";

both!(
    async fn a_key_and_the_service_credential_are_taken_from_three_headers(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let key = merchant.api_key("admin").await["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with("cvk_"), "{key:.6}…");
        let named = format!("{LIST}?merchant_id={}", merchant.id);
        for (secret, path) in [(key.as_str(), LIST), (SERVICE_KEY, &named)] {
            t.bearer(secret).get(path).send().await.expect(200);
            for header in ["apiKey", "apikey", "X-API-Key"] {
                t.with(Credential::Header(header, secret.to_owned())).get(path).send().await.expect(200);
            }
            let lower =
                t.anonymous().get(path).header("authorization", &format!("bearer {secret}")).send().await;
            lower.expect(200);
        }
    }
);

both!(
    async fn what_is_no_credential_is_a_401_that_says_nothing_more(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.api_key("admin").await;
        let key = made["key"].as_str().unwrap();
        let mut wrong = Vec::new();
        for at in [5, key.len() / 2, key.len() - 1] {
            let mut bytes = key.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
            wrong.push(String::from_utf8(bytes).unwrap());
        }
        wrong.extend([
            key[..key.len() - 1].to_owned(),
            format!("{key}x"),
            "cvk_".to_owned(),
            "x.y.z".to_owned(),
        ]);
        wrong.extend([
            SERVICE_KEY[..SERVICE_KEY.len() - 1].to_owned(),
            format!("{SERVICE_KEY}0"),
            SERVICE_KEY.to_uppercase(),
        ]);
        for secret in &wrong {
            t.bearer(secret).get(LIST).send().await.expect(401);
            t.with(Credential::Header("apiKey", secret.clone())).get(LIST).send().await.expect(401);
        }
        t.anonymous().get(LIST).send().await.expect(401);
        t.anonymous().get(LIST).header("authorization", "Basic Og==").send().await.expect(401);
        t.anonymous().get(LIST).header("authorization", "Bearer").send().await.expect(401);
    }
);

both!(
    async fn no_credential_is_taken_from_a_query_string(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let key = merchant.api_key("admin").await["key"].as_str().unwrap().to_owned();
        for name in
            ["apiKey", "apikey", "api_key", "key", "token", "access_token", "X-API-Key", "Authorization"]
        {
            t.anonymous().get(&format!("{LIST}?{name}={key}")).send().await.expect(401);
        }
    }
);

both!(
    async fn a_key_is_shown_once_and_can_be_revoked(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.api_key("admin").await;
        let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
        let prefix = made["prefix"].as_str().unwrap();
        assert!(
            key.starts_with(prefix) && prefix.len() < 20,
            "the prefix tells keys apart and no more: {prefix}"
        );
        let listed = t.get(&format!("/api/v1/api-keys?merchant_id={}", merchant.id)).send().await;
        listed.expect(200);
        assert!(!listed.text.contains(key) && listed.text.contains(id), "{}", listed.text);
        assert!(
            t.get(&format!("/api/v1/api-keys/{id}?merchant_id={}", merchant.id)).send().await.expect(200)["api_key"].get("key").is_none()
        );

        let client = t.bearer(key);
        client.get(LIST).send().await.expect(200);
        let revoked = t.delete(&format!("/api/v1/api-keys/{id}?merchant_id={}", merchant.id)).send().await;
        revoked.expect(204);
        assert!(revoked.text.is_empty());
        client.get(LIST).send().await.expect(401);
        t.delete(&format!(
            "/api/v1/api-keys/0192f0c1-2345-7abc-8def-0123456789ab?merchant_id={}",
            merchant.id
        ))
        .send()
        .await
        .expect(404);
    }
);

both!(
    async fn roles_do_what_they_are_for_and_no_more(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let (admin, staff, operator) = (
            merchant.client("admin").await,
            merchant.client("staff").await,
            merchant.client("operator").await,
        );
        let body = merchant.registration(&definition, &users("a", 2), &json!({}));
        let batch =
            staff.post(REGISTER, &body).prefer("respond-async").send().await.text_at("/batch/id").to_owned();
        t.completed_batch(&batch, std::time::Duration::from_mins(1)).await;

        operator.post(REGISTER, &body).send().await.expect(403);
        operator.get(LIST).send().await.expect(403);
        operator.get("/api/v1/registrations").send().await.expect(403);
        operator.get(&format!("/api/v1/batches/{batch}")).send().await.expect(200);
        let results = operator.get(&format!("/api/v1/batches/{batch}/results")).send().await;
        assert!(!results.text.contains("interview_token"), "an operator never reads links: {}", results.text);
        operator.get("/api/v1/messages").send().await.expect(200);

        let key = json!({"api_key": {"name": "new", "role": "staff"}});
        staff.post("/api/v1/api-keys", &key).send().await.expect(403);
        operator.post("/api/v1/api-keys", &key).send().await.expect(403);
        admin.post("/api/v1/api-keys", &key).send().await.expect(201);
        for client in [&admin, &staff, &operator] {
            let merchant = json!({"merchant": {"name": "Mine"}});
            client.post("/api/v1/merchants", &merchant).send().await.expect(403);
        }
        let wrong = json!({"api_key": {"merchant_id": merchant.id, "name": "new", "role": "king"}});
        t.post("/api/v1/api-keys", &wrong).send().await.expect(422);
    }
);
