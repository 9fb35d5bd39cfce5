//! `merchant_id` beside an id in the path: it names whose thing is asked for, and is never passed over.

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Env, both};
use serde_json::json;

both!(
    async fn a_get_by_id_looks_at_the_merchant_that_it_names(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let body = ours.registration(&ours.definition().await, &users("a", 1), &json!({}));
        let accepted = t.post(REGISTER, &body).prefer("respond-async").send().await;
        accepted.expect(202);
        let id = accepted.text_at("/batch/id");
        t.completed_batch(id, std::time::Duration::from_mins(1)).await;
        let registration = ours.registration_of("a-0@example.org").await["id"].clone();
        let key = ours.client("staff").await;
        for path in [
            format!("/api/v1/batches/{id}"),
            format!("/api/v1/batches/{id}/results"),
            format!("/api/v1/operations/{id}"),
            format!("/api/v1/registrations/{registration}"),
        ] {
            let (own, other) = (&ours.id, &theirs.id);
            for caller in [&key, &**t] {
                caller.get(&path).send().await.expect(200);
                caller.get(&format!("{path}?merchant_id={own}")).send().await.expect(200);
                caller.get(&format!("{path}?merchant_id=zz")).send().await.expect(422);
            }
            key.get(&format!("{path}?merchant_id={other}")).send().await.expect(403);
            t.get(&format!("{path}?merchant_id={other}")).send().await.expect(404);
        }
    }
);
