//! Section 1's habits: headers, request ids, conditional reads, instants, trailing slashes, paging.

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Convoke, Env, both};
use serde_json::{Value, json};

#[track_caller]
fn guarded(answer: &Answer) {
    for (name, value) in [
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("x-permitted-cross-domain-policies", "none"),
    ] {
        assert!(
            answer.header(name).eq_ignore_ascii_case(value) || name == "x-frame-options",
            "{name}: {:?}",
            answer.headers
        );
    }
    for name in ["x-frame-options", "x-xss-protection", "referrer-policy", "x-request-id"] {
        assert!(!answer.header(name).is_empty(), "{} has no {name}: {:?}", answer.request, answer.headers);
    }
    assert!(
        !answer.headers.contains_key("server") || !answer.header("server").contains('/'),
        "{:?}",
        answer.headers
    );
}

both!(
    async fn every_answer_carries_the_security_headers(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let answer = merchant.register(&merchant.definition().await, &users("a", 1)).await;
        answer.expect(200);
        guarded(&answer);
        for name in ["cache-control", "vary", "etag", "x-runtime"] {
            assert!(!answer.header(name).is_empty(), "no {name} on JSON: {:?}", answer.headers);
        }
        assert!(
            answer.header("x-runtime").parse::<f64>().is_ok(),
            "x-runtime is in seconds: {}",
            answer.header("x-runtime")
        );
        guarded(&t.get("/healthz").send().await);
        guarded(&t.get("/nowhere").send().await);
        guarded(&t.anonymous().get(answer.text_at("/0/interview_url")).send().await);
        guarded(&t.anonymous().post(REGISTER, &json!({})).send().await);
    }
);

both!(
    async fn a_well_formed_request_id_is_echoed_and_another_is_replaced(t: &Env) {
        for good in ["abc-123", "0192f0c1-2345-7abc-8def-0123456789ab"] {
            assert_eq!(
                t.get("/healthz").header("x-request-id", good).send().await.header("x-request-id"),
                good
            );
        }
        for bad in ["", "with spaces and <markup>", &"x".repeat(500)] {
            let answer = t.get("/healthz").header("x-request-id", bad).send().await;
            assert!(
                !answer.header("x-request-id").is_empty() && answer.header("x-request-id") != bad,
                "{bad:.20}"
            );
        }
        let (one, two) = (t.get("/healthz").send().await, t.get("/healthz").send().await);
        assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    }
);

/// The same path with a slash at its end.
fn slashed(path: &str) -> String {
    if path.contains('?') { path.replacen('?', "/?", 1) } else { format!("{path}/") }
}

both!(
    async fn a_read_of_one_resource_is_conditional(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition_with(&json!({})).await;
        let uuid = definition["interview_id"].as_str().unwrap();
        let body = merchant.registration(uuid, &users("a", 1), &json!({}));
        let batch =
            t.post(REGISTER, &body).prefer("respond-async").send().await.text_at("/batch/id").to_owned();
        t.completed_batch(&batch, std::time::Duration::from_mins(1)).await;
        let registration = merchant.registration_of("a-0@example.org").await["id"].clone();
        for path in [
            format!("/api/v1/merchants/{}", merchant.id),
            format!("/api/v1/interview-definitions/{}?merchant_id={}", definition["id"], merchant.id),
            format!("/api/v1/batches/{batch}"),
            format!("/api/v1/operations/{batch}"),
            format!("/api/v1/registrations/{registration}"),
        ] {
            let first = t.get(&path).send().await;
            first.expect(200);
            let tag = first.header("etag");
            assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{path}: {tag}");
            let again = t.get(&path).header("if-none-match", tag).send().await;
            assert!(again.expect(304).is_null() && again.text.is_empty());
            assert_eq!(again.header("etag"), tag);
            t.get(&path).header("if-none-match", &format!("\"other\", {tag}")).send().await.expect(304);
            t.get(&path).header("if-none-match", "*").send().await.expect(304);
            t.get(&path).header("if-none-match", "W/\"other\"").send().await.expect(200);
            t.get(&slashed(&path)).send().await.expect(200);
        }
        let path = format!("/api/v1/merchants/{}", merchant.id);
        let tag = t.get(&path).send().await.header("etag").to_owned();
        t.patch(&path, &json!({"merchant": {"name": "Acme again"}})).send().await.expect(200);
        t.get(&path).header("if-none-match", &tag).send().await.expect(200);
    }
);

both!(
    async fn instants_are_given_in_utc_with_milliseconds(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &users("a", 1), &json!({}));
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        let created = answer.text_at("/batch/created_at");
        let shape: String = created.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{created}");
        assert!(chrono::DateTime::parse_from_rfc3339(created).is_ok());
    }
);

both!(
    async fn lists_are_paged_with_a_cursor(t: &Env) {
        let merchant = t.merchant("Acme").await;
        for _ in 0..5 {
            merchant.definition().await;
        }
        let mut seen: Vec<Value> = Vec::new();
        let mut path = format!("/api/v1/interview-definitions?merchant_id={}&limit=2", merchant.id);
        let sizes = loop {
            let page = t.get(&path).send().await;
            page.expect(200);
            let rows = page.rows("/interview_definitions");
            assert!((1..=2).contains(&rows.len()), "{}", page.text);
            seen.extend(rows.iter().map(|row| row["id"].clone()));
            match page.json["next_cursor"].as_str() {
                Some(cursor) => {
                    path = format!(
                        "/api/v1/interview-definitions?merchant_id={}&limit=2&cursor={cursor}",
                        merchant.id
                    );
                }
                None => break seen.len(),
            }
        };
        assert_eq!(sizes, 5);
        let unique: std::collections::BTreeSet<String> = seen.iter().map(Value::to_string).collect();
        assert_eq!(unique.len(), 5, "no row twice: {seen:?}");
        for wrong in ["limit=0", "limit=-1", "limit=many", "cursor=%00forged"] {
            let path = format!("/api/v1/interview-definitions?merchant_id={}&{wrong}", merchant.id);
            t.get(&path).send().await.expect(422);
        }
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_asks_too_often_is_told_when_to_come_back() {
    let t = Convoke::embedded().set("CONVOKE_RATE_LIMIT", "5:10").start().await;
    let merchant = t.merchant("Acme").await;
    let key = merchant.client("admin").await;
    let other = merchant.client("admin").await;
    let path = "/api/v1/interview-definitions";
    let first = key.get(path).send().await;
    first.expect(200);
    assert!(
        !first.header("ratelimit-policy").is_empty() && !first.header("ratelimit").is_empty(),
        "{:?}",
        first.headers
    );
    let answers = futures_util::future::join_all((0..40).map(|_| key.get(path).send())).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 20, "{} of 40 were refused", refused.len());
    assert!(refused.iter().all(|answer| answer.header("retry-after").parse::<u32>().is_ok_and(|s| s >= 1)));
    assert_eq!(refused[0].media_type(), "application/problem+json");
    other.get(path).send().await.expect(200);
}
