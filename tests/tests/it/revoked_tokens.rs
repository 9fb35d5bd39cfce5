//! Tokens that are refused before they expire: by themselves, by an admin, by the platform.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use convoke_tests::issuer::{claims_of, now, signed, token_of};
use convoke_tests::people::stamp;
use convoke_tests::{Client, Env, both, until};
use serde_json::{Value, json};
use shared::clock::{Clock, Entropy};

use crate::simulated::Simulated;

const OWN: &str = "/api/v1/users/interviews";
const REVOKE: &str = "/api/v1/auth/revoke";

/// A token is refused within the five seconds that are promised.
async fn is_refused(client: &Client, path: &str) {
    until("the token is refused", Duration::from_secs(5), async || {
        (client.get(path).send().await.status == 401).then_some(())
    })
    .await;
}

/// The body that names a token.
fn naming(claims: &Value) -> Value {
    let expires_at = Clock::System.now() + chrono::TimeDelta::hours(1);
    json!({"jti": claims["jti"], "expires_at": stamp(expires_at)})
}

both!(
    async fn a_user_revokes_the_token_that_it_holds_and_no_other(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let user = merchant.user(&json!({})).await;
        let (lost, kept) = (merchant.signed_in(&user), merchant.signed_in(&user));
        let answer = lost.post_empty(REVOKE).send().await;
        answer.expect(204);
        assert!(answer.text.is_empty());
        is_refused(&lost, OWN).await;
        lost.post_empty(REVOKE).send().await.expect(401);
        kept.get(OWN).send().await.expect(200);
        t.kill_and_start_again().await;
        lost.get(OWN).send().await.expect(401);
        kept.get(OWN).send().await.expect(200);
    }
);

both!(
    async fn a_key_that_two_users_chose_alike_revokes_both_their_tokens(t: &Env) {
        let merchant = t.merchant("Acme").await;
        for title in ["Cindy", "Lyle"] {
            let client = merchant.signed_in(&merchant.user(&json!({ "title": title })).await);
            client.post_empty(REVOKE).idempotency_key("logout").send().await.expect(204);
            is_refused(&client, OWN).await;
        }
        for jti in ["service-1", "service-2"] {
            let claims = json!({"role": "service_role", "exp": now() + 600, "jti": jti});
            let service = t.bearer(&signed(&claims));
            service.post_empty(REVOKE).idempotency_key("logout").send().await.expect(204);
            is_refused(&service, "/api/v1/merchants").await;
        }
    }
);

both!(
    async fn an_admin_revokes_a_token_of_its_merchant_by_name(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let admin = merchant.user(&json!({"role": "admin"})).await;
        for admin in [merchant.client("admin").await, merchant.signed_in(&admin)] {
            let claims = claims_of(&merchant.user(&json!({})).await);
            let client = t.bearer(&signed(&claims));
            client.get(OWN).send().await.expect(200);
            for _ in 0..2 {
                admin.post(REVOKE, &naming(&claims)).send().await.expect(204);
            }
            is_refused(&client, OWN).await;
        }
    }
);

both!(
    async fn a_merchant_does_not_revoke_another_merchants_tokens(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let claims = claims_of(&theirs.user(&json!({})).await);
        let client = t.bearer(&signed(&claims));
        ours.client("admin").await.post(REVOKE, &naming(&claims)).send().await.expect(204);
        // The same name in our own house is refused, so the revocation has come through.
        let namesake = ours.user(&json!({})).await;
        let mut same_name = claims_of(&namesake);
        same_name["jti"] = claims["jti"].clone();
        is_refused(&t.bearer(&signed(&same_name)), OWN).await;
        client.get(OWN).send().await.expect(200);

        // The platform's word holds for everybody.
        t.post(REVOKE, &naming(&claims)).send().await.expect(204);
        is_refused(&client, OWN).await;
    }
);

both!(
    async fn only_admins_name_the_token_to_be_revoked(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let claims = claims_of(&merchant.user(&json!({})).await);
        let staff = merchant.user(&json!({"role": "staff"})).await;
        let candidate = merchant.user(&json!({})).await;
        for who in [
            merchant.client("staff").await,
            merchant.client("operator").await,
            merchant.signed_in(&staff),
            merchant.signed_in(&candidate),
            t.bearer(&signed(&claims)),
        ] {
            who.post(REVOKE, &naming(&claims)).send().await.expect(403);
        }
        t.anonymous().post(REVOKE, &naming(&claims)).send().await.expect(401);
        t.anonymous().post_empty(REVOKE).send().await.expect(401);
        t.bearer(&signed(&claims)).get(OWN).send().await.expect(200);
    }
);

both!(
    async fn what_cannot_be_revoked_is_a_422(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let admin = merchant.client("admin").await;
        let mut nameless = claims_of(&merchant.user(&json!({})).await);
        nameless.as_object_mut().unwrap().remove("jti");
        for who in [&admin, &t.bearer(&signed(&nameless))] {
            who.post_empty(REVOKE).send().await.expect(422);
        }
        for (body, told) in [
            (json!({}), vec!["/jti", "/expires_at"]),
            (json!({"jti": null, "expires_at": null}), vec!["/jti", "/expires_at"]),
            (json!({"jti": 7, "expires_at": "soon"}), vec!["/jti", "/expires_at"]),
            (json!({"jti": "a", "expires_at": 1_766_218_411}), vec!["/expires_at"]),
            (json!({"jti": "x".repeat(256), "expires_at": "2030-01-01T00:00:00Z"}), vec!["/jti"]),
        ] {
            let answer = admin.post(REVOKE, &body).send().await;
            answer.expect(422);
            let pointers: Vec<&str> =
                answer.rows("/errors").iter().map(|error| error["pointer"].as_str().unwrap()).collect();
            assert_eq!(pointers, told, "{body}");
        }
        // A key is revoked under its own path; this one still works.
        admin.get("/api/v1/users").send().await.expect(200);
    }
);

both!(
    async fn a_name_of_any_length_is_revoked_or_refused_and_no_500(t: &Env) {
        let user = t.merchant("Acme").await.user(&json!({})).await;
        // What cannot be pressed together is what an index has to hold whole.
        let letters = STANDARD.encode(Entropy::seeded(1).bytes::<6_000>());
        for (length, status) in [(2_000, 204), (2_001, 422), (7_000, 422)] {
            let mut claims = claims_of(&user);
            claims["jti"] = json!(letters[..length]);
            let client = t.bearer(&signed(&claims));
            client.get(OWN).send().await.expect(200);
            client.post_empty(REVOKE).send().await.expect(status);
            client.get(OWN).send().await.expect(if status == 204 { 401 } else { 200 });
        }
    }
);

both!(
    async fn whoever_is_erased_signs_in_no_more(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let user = merchant.user(&json!({"email": "cindy@example.org"})).await;
        let client = t.bearer(&token_of(&user));
        client.get(OWN).send().await.expect(200);
        let admin = merchant.client("admin").await;
        admin.delete("/api/v1/people?email=cindy@example.org").send().await.expect(200);
        client.get(OWN).send().await.expect(401);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_said_too_early_does_not_let_a_token_live_again() {
    let t = Simulated::at("2027-01-10T08:00:00Z").await;
    let worker = t.worker().await;
    let people = t.people("early", "UTC").await;
    let path = format!("/api/v1/users/{}?merchant_id={}", people.interviewer, people.merchant);
    let subject = t.client.get(&path).send().await.expect(200)["user"]["subject"].clone();
    let claims = json!({"sub": subject, "exp": t.now().timestamp() + 86_400, "jti": "said-too-early"});
    let user = t.client.bearer(&signed(&claims));
    user.get(OWN).send().await.expect(200);
    let body = json!({"jti": "said-too-early", "expires_at": "2020-01-01T00:00:00Z"});
    t.client.post(REVOKE, &body).send().await.expect(204);
    user.get(OWN).send().await.expect(401);
    // An hour later the workers have forgotten what is too old, as a retired one shows.
    t.turn_to(t.now() + chrono::TimeDelta::hours(1));
    t.interview(&people, t.now() + chrono::TimeDelta::days(9)).await;
    t.wait_for(&people, 2).await;
    user.get(OWN).send().await.expect(401);
    // The platform's own entries are shown to the platform.
    let nil = "/api/v1/audit?merchant_id=00000000-0000-0000-0000-000000000000";
    let log = t.client.get(nil).send().await;
    assert_eq!(log.rows("/audit")[0]["subject"], "token/said-too-early");
    worker.stop().await;
}
