//! Tokens of users and of the platform: which are believed, and whom they make of their bearer.

use convoke_tests::convoke::JWT_SECRET;
use convoke_tests::issuer::{claims_of, forged, hmac, now, signed, signed_with, token_of};
use convoke_tests::merchant::merge;
use convoke_tests::{Convoke, Env, both};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const OWN: &str = "/api/v1/users/interviews";
const SUPABASE: &str = "5c5ea2e7-7b0a-4a52-9f0e-6b4bd0a3d0a1";

/// A user's claims with some of them changed.
fn changed(user: &Value, members: &Value) -> Value {
    let mut claims = claims_of(user);
    merge(&mut claims, members);
    claims
}

/// A user's claims without one of them.
fn without(user: &Value, name: &str) -> Value {
    let mut claims = claims_of(user);
    claims.as_object_mut().unwrap().remove(name);
    claims
}

both!(
    async fn a_token_with_the_documents_claims_is_its_users(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let user = merchant.user(&json!({})).await;
        assert_eq!(user["subject"], user["id"].to_string(), "the id as text, where nothing was said");
        for claims in [
            claims_of(&user),
            without(&user, "aud"),
            without(&user, "jti"),
            without(&user, "iat"),
            changed(&user, &json!({"aud": "authenticated"})),
            changed(&user, &json!({"aud": ["another", "authenticated"]})),
            changed(&user, &json!({"nbf": now() - 5})),
            changed(&user, &json!({"iss": "https://id.example.org", "scp": ["user", "more"], "name": null})),
        ] {
            t.bearer(&signed(&claims)).get(OWN).send().await.expect(200);
        }
        let mixed_case =
            t.anonymous().get(OWN).header("authorization", &format!("bEARER {}", token_of(&user)));
        mixed_case.send().await.expect(200);
    }
);

both!(
    async fn a_token_that_is_not_valid_now_and_here_is_refused(t: &Env) {
        let user = t.merchant("Acme").await.user(&json!({})).await;
        for claims in [
            without(&user, "exp"),
            changed(&user, &json!({"exp": null})),
            changed(&user, &json!({"exp": "4102444800"})),
            changed(&user, &json!({"exp": 1e40})),
            changed(&user, &json!({"exp": -1})),
            changed(&user, &json!({"exp": true})),
            changed(&user, &json!({"exp": now() - 31})),
            changed(&user, &json!({"exp": 0})),
            changed(&user, &json!({"nbf": now() + 3_600})),
            changed(&user, &json!({"nbf": "now"})),
            changed(&user, &json!({"nbf": 1e40})),
            changed(&user, &json!({"aud": "another-service"})),
            changed(&user, &json!({"aud": ["another-service"]})),
            changed(&user, &json!({"aud": []})),
            changed(&user, &json!({"aud": ""})),
            changed(&user, &json!({"aud": 7})),
            changed(&user, &json!({"aud": {}})),
            without(&user, "sub"),
            changed(&user, &json!({"sub": null})),
            changed(&user, &json!({"sub": ""})),
            changed(&user, &json!({"sub": user["id"]})),
            changed(&user, &json!({"sub": "nobody"})),
            changed(&user, &json!({"sub": format!("{} ", user["id"])})),
            changed(&user, &json!({"sub": format!("{}\0", user["id"])})),
            changed(&user, &json!({"sub": "9".repeat(10_000)})),
            changed(&user, &json!({"role": "anon"})),
            changed(&user, &json!({"role": "admin"})),
            changed(&user, &json!({"role": ["service_role"]})),
            json!([]),
            json!("x"),
        ] {
            t.bearer(&signed(&claims)).get(OWN).send().await.expect(401);
        }
    }
);

both!(
    async fn only_what_the_secret_signed_with_its_algorithm_is_believed(t: &Env) {
        let user = t.merchant("Acme").await.user(&json!({})).await;
        let (claims, secret) = (claims_of(&user), JWT_SECRET.as_bytes());
        let good = signed(&claims);
        t.bearer(&good).get(OWN).send().await.expect(200);
        let mut refused = vec![
            signed_with(Algorithm::HS384, secret, &claims),
            signed_with(Algorithm::HS512, secret, &claims),
            signed_with(Algorithm::HS256, b"another-secret-of-enough-bytes-0123456789", &claims),
            signed_with(Algorithm::HS256, &secret[1..], &claims),
            signed_with(Algorithm::HS256, b"", &claims),
        ];
        for algorithm in
            ["none", "None", "NONE", "nOnE", "", "HS255", "hs256", "HS512", "RS256", "ES256", "EdDSA"]
        {
            let header = json!({"alg": algorithm, "typ": "JWT"});
            refused.push(forged(&header, &claims, |_| String::new()));
            refused.push(forged(&header, &claims, |message| hmac(secret, message)));
        }
        for header in [json!({}), json!({"alg": null}), json!({"alg": ["HS256"]}), json!([]), json!("HS256")]
        {
            refused.push(forged(&header, &claims, |message| hmac(secret, message)));
        }
        // The header's own key and whatever it points to count for nothing.
        let header =
            json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example"});
        refused.push(forged(&header, &claims, |message| hmac(&[0, 0, 0], message)));

        // Whoever does not know what a header calls critical refuses the token (RFC 7515 section 4.1.11).
        for critical in [json!(["exp"]), json!(["x"]), json!([]), json!("x")] {
            let header = json!({"alg": "HS256", "crit": critical, "x": 1});
            refused.push(forged(&header, &claims, |message| hmac(secret, message)));
        }

        let (body, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = body.split_once('.').unwrap();
        let richer = signed(&json!({"role": "service_role", "exp": now() + 60}));
        let other_payload = richer.split('.').nth(1).unwrap();
        refused.extend([
            good[..good.len() - 1].to_owned(),
            body.to_owned(),
            format!("{body}."),
            format!("{header}.{payload}"),
            format!("{header}..{signature}"),
            format!(".{payload}.{signature}"),
            format!("{good}.{signature}"),
            format!("{good}="),
            format!("{header}.{other_payload}.{signature}"),
            format!("{payload}.{header}.{signature}"),
        ]);
        for token in &refused {
            t.bearer(token).get(OWN).send().await.expect(401);
            t.anonymous().get(OWN).header("apikey", token).send().await.expect(401);
        }
    }
);

both!(
    async fn a_token_in_the_address_is_none(t: &Env) {
        let token = token_of(&t.merchant("Acme").await.user(&json!({})).await);
        for name in ["token", "access_token", "jwt", "authorization", "apikey", "bearer"] {
            t.anonymous().get(&format!("{OWN}?{name}={token}")).send().await.expect(401);
        }
        t.anonymous().get(OWN).header("cookie", &format!("sb-access-token={token}")).send().await.expect(401);
    }
);

both!(
    async fn supabases_claims_find_the_user_by_subject(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let user = merchant.user(&json!({"subject": SUPABASE, "title": "Uma"})).await;
        assert_eq!(user["subject"], SUPABASE);
        let claims = json!({
            "iss": "https://abc.supabase.co/auth/v1", "sub": SUPABASE, "aud": "authenticated",
            "exp": now() + 3_600, "iat": now(), "email": "uma@example.org", "phone": "",
            "app_metadata": {"provider": "email", "role": "service_role"}, "user_metadata": {"role": "admin"},
            "role": "authenticated", "aal": "aal1", "session_id": "6f3d7f52-5d0c-4b0e-8f38-53f1d2c8a6a1",
            "is_anonymous": false,
        });
        let client = t.bearer(&signed(&claims));
        client.get(OWN).send().await.expect(200);
        // As browsers send it: the project's public key beside the user's token.
        client.get(OWN).header("apikey", "sb_publishable_0123456789").send().await.expect(200);
        client.get("/api/v1/interviews").send().await.expect(403);
        client.get("/api/v1/merchants").send().await.expect(403);
        let other = t.merchant("Other").await;
        let taken = json!({"user": {"merchant_id": other.id, "title": "Eve", "subject": SUPABASE}});
        t.post("/api/v1/users", &taken).send().await.expect(409);
        let by_id = changed(&user, &json!({"sub": user["id"].to_string()}));
        t.bearer(&signed(&by_id)).get(OWN).send().await.expect(401);
    }
);

both!(
    async fn a_service_token_is_the_platform_and_names_the_merchant(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let claims = json!({"role": "service_role", "iss": "supabase", "exp": now() + 60});
        let service = t.bearer(&signed(&claims));
        service.get("/api/v1/merchants").send().await.expect(200);
        service.get("/api/v1/users").send().await.expect(422);
        service.get(&format!("/api/v1/users?merchant_id={}", merchant.id)).send().await.expect(200);
        t.anonymous().get("/api/v1/merchants").header("apikey", &signed(&claims)).send().await.expect(200);
        for members in [json!({"exp": now() - 60}), json!({"aud": "x"}), json!({"nbf": now() + 600})] {
            let mut stale = claims.clone();
            merge(&mut stale, &members);
            t.bearer(&signed(&stale)).get("/api/v1/merchants").send().await.expect(401);
        }
        // The role is the claim's, whoever the subject is.
        let user = merchant.user(&json!({})).await;
        let both = changed(&user, &json!({"role": "service_role"}));
        t.bearer(&signed(&both)).get(OWN).send().await.expect(403);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audiences_are_the_configured_ones() {
    let t = Convoke::embedded().set("CONVOKE_JWT_AUDIENCE", "drivers,staff").start().await;
    let user = t.merchant("Acme").await.user(&json!({})).await;
    for (aud, status) in [
        (json!("drivers"), 200),
        (json!("staff"), 200),
        (json!(null), 200),
        (json!("authenticated"), 401),
        (json!("drivers,staff"), 401),
        (json!("driver"), 401),
    ] {
        let token = signed(&changed(&user, &json!({ "aud": aud })));
        t.bearer(&token).get(OWN).send().await.expect(status);
    }
}

both!(
    async fn an_admins_token_is_an_admin_and_a_staff_users_is_not(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let admin = merchant.user(&json!({"title": "Ada", "role": "admin"})).await;
        let staff = merchant.user(&json!({"title": "Stella", "role": "staff"})).await;
        let (as_admin, as_staff) = (merchant.signed_in(&admin), merchant.signed_in(&staff));
        let key = json!({"api_key": {"name": "new", "role": "operator"}});
        as_admin.post("/api/v1/api-keys", &key).send().await.expect(201);
        as_staff.post("/api/v1/api-keys", &key).send().await.expect(403);
        as_admin.get("/api/v1/audit").send().await.expect(200);
        as_staff.get("/api/v1/audit").send().await.expect(403);
        as_staff.get("/api/v1/users").send().await.expect(200);
        as_admin.get("/api/v1/merchants").send().await.expect(403);

        let made = |role: &str| json!({"user": {"title": "New", "role": role}});
        let staff_key = merchant.client("staff").await;
        for who in [&as_staff, &staff_key] {
            who.post("/api/v1/users", &made("admin")).send().await.expect(403);
            who.post("/api/v1/users", &made("staff")).send().await.expect(201);
            who.post("/api/v1/users", &made("candidate")).send().await.expect(201);
            let at = |user: &Value| format!("/api/v1/users/{}", user["id"]);
            for change in [json!({"title": "Mine"}), json!({"role": "candidate"}), json!({"subject": "me"})] {
                who.patch(&at(&admin), &json!({ "user": change })).send().await.expect(403);
            }
            who.patch(&at(&staff), &json!({"user": {"role": "admin"}})).send().await.expect(403);
            who.patch(&at(&staff), &json!({"user": {"title": "Stella S."}})).send().await.expect(200);
        }
        as_admin.post("/api/v1/users", &made("admin")).send().await.expect(201);
        assert_eq!(
            as_admin.get(&format!("/api/v1/users/{}", admin["id"])).send().await.expect(200)["user"],
            admin
        );
        for role in ["operator", "king", ""] {
            as_admin.post("/api/v1/users", &made(role)).send().await.expect(422);
        }
    }
);

both!(
    async fn a_user_is_at_once_what_it_was_changed_to(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let user = merchant.user(&json!({"role": "admin"})).await;
        let token = merchant.signed_in(&user);
        let change = async |members: Value| {
            let body = json!({"user": members});
            let path = format!("/api/v1/users/{}", user["id"]);
            merchant.client("admin").await.patch(&path, &body).send().await.expect(200);
        };
        token.get("/api/v1/audit").send().await.expect(200);
        change(json!({"role": "staff"})).await;
        token.get("/api/v1/audit").send().await.expect(403);
        token.get("/api/v1/users").send().await.expect(200);
        change(json!({"role": null})).await;
        token.get("/api/v1/users").send().await.expect(403);
        change(json!({"subject": "somebody-else"})).await;
        token.get(OWN).send().await.expect(401);
        change(json!({"subject": null})).await;
        token.get(OWN).send().await.expect(200);
    }
);
