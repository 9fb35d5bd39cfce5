//! Merchants are strangers to one another, except a parent to its sub-merchants.

use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Env, both};
use reqwest::Method;
use serde_json::{Value, json};

/// A problem without what tells one request from another.
fn said(answer: &Answer) -> Value {
    let mut problem = answer.expect(404).clone();
    problem.as_object_mut().unwrap().retain(|name, _| name != "request_id" && name != "instance");
    problem
}

both!(
    async fn every_resource_of_another_merchant_is_as_if_absent(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let admin = ours.client("admin").await;
        let definition = theirs.definition_with(&json!({})).await;
        let uuid = definition["interview_id"].as_str().unwrap();
        let position = theirs.position(uuid).await;
        let body = theirs.registration(uuid, &users("a", 1), &json!({"send_email": true}));
        let batch =
            t.post(REGISTER, &body).prefer("respond-async").send().await.text_at("/batch/id").to_owned();
        t.completed_batch(&batch, Duration::from_mins(1)).await;
        t.wait_for_mails(1).await;
        let registration = theirs.registration_of("a-0@example.org").await["id"].clone();
        let key = theirs.api_key("staff").await["id"].as_str().unwrap().to_owned();

        let nowhere = "0192f0c1-2345-7abc-8def-0123456789ab";
        for (theirs, absent) in [
            (
                format!("/api/v1/interview-definitions/{}", definition["id"]),
                "/api/v1/interview-definitions/999999".to_owned(),
            ),
            (format!("/api/v1/positions/{position}"), format!("/api/v1/positions/{nowhere}")),
            (format!("/api/v1/batches/{batch}"), format!("/api/v1/batches/{nowhere}")),
            (format!("/api/v1/batches/{batch}/results"), format!("/api/v1/batches/{nowhere}/results")),
            (format!("/api/v1/batches/{batch}/events"), format!("/api/v1/batches/{nowhere}/events")),
            (format!("/api/v1/operations/{batch}"), format!("/api/v1/operations/{nowhere}")),
            (format!("/api/v1/registrations/{registration}"), "/api/v1/registrations/999999".to_owned()),
            (format!("/api/v1/api-keys/{key}"), format!("/api/v1/api-keys/{nowhere}")),
        ] {
            assert_eq!(
                said(&admin.get(&theirs).send().await),
                said(&admin.get(&absent).send().await),
                "{theirs}"
            );
        }
        for verb in ["resend", "revoke", "reissue", "complete"] {
            said(&admin.post_empty(&format!("/api/v1/registrations/{registration}/{verb}")).send().await);
        }
        said(&admin.delete(&format!("/api/v1/api-keys/{key}")).send().await);
        let change = json!({"interview_definition": {"name": "Mine"}});
        said(
            &admin
                .patch(&format!("/api/v1/interview-definitions/{}", definition["id"]), &change)
                .send()
                .await,
        );
        let pointing = json!({"position": {"title": "Mine", "interview_id": uuid}});
        let refused = admin.post("/api/v1/positions", &pointing).send().await;
        assert!([404, 422].contains(&refused.status), "{}", refused.text);
        for list in ["interview-definitions", "positions", "batches", "registrations", "messages", "api-keys"]
        {
            let listed = admin.get(&format!("/api/v1/{list}")).send().await;
            let rows = listed.rows(&format!("/{}", list.replace('-', "_"))).len();
            assert_eq!(rows, usize::from(list == "api-keys"), "{list}: {}", listed.text);
            let path = format!("/api/v1/{list}?merchant_id={}", theirs.id);
            admin.call(Method::GET, &path).send().await.expect(403);
        }
        assert_eq!(theirs.registration_of("a-0@example.org").await["invitation_status"], "pending");
    }
);

both!(
    async fn a_parents_admin_acts_for_its_sub_merchants_and_nobody_else_does(t: &Env) {
        let parent = t.merchant("Parent").await;
        let sub = t.merchant("Sub").await;
        let body = json!({"merchant": {"parent_id": parent.id}});
        t.patch(&format!("/api/v1/merchants/{}", sub.id), &body).send().await.expect(200);
        let definition = sub.definition().await;
        let body = sub.registration(&definition, &users("a", 1), &json!({}));
        parent.client("admin").await.post(REGISTER, &body).send().await.expect(200);
        parent.client("staff").await.post(REGISTER, &body).send().await.expect(403);
        let upwards = parent.registration(&parent.definition().await, &users("a", 1), &json!({}));
        sub.client("admin").await.post(REGISTER, &upwards).send().await.expect(403);
        for wrong in [json!(sub.id), json!("04e09fa5-3fb8-4236-b37d-fca2bcd1cb66")] {
            let body = json!({"merchant": {"parent_id": wrong}});
            t.patch(&format!("/api/v1/merchants/{}", sub.id), &body).send().await.expect(422);
        }
    }
);
