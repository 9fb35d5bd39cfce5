//! Section 5's rules for a whole request: what is refused, for whom, and where the refusal points.

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Env, both};
use serde_json::{Value, json};

/// Where a 422 points, sorted.
fn pointers(answer: &Answer) -> Vec<&str> {
    answer.expect(422);
    let mut pointers: Vec<&str> =
        answer.rows("/errors").iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    pointers
}

both!(
    async fn from_one_to_ten_thousand_users_are_taken(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        assert_eq!(pointers(&merchant.register(&definition, &[]).await), ["/users"]);
        assert_eq!(pointers(&merchant.register(&definition, &users("a", 10_001)).await), ["/users"]);
        merchant.register(&definition, &users("a", 1)).await.expect(200);
    }
);

both!(
    async fn flags_are_true_false_null_or_their_words_and_nothing_else(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        for flag in ["hide_menu", "hide_iframe", "is_test"] {
            for good in [json!(true), json!(false), json!(null), json!("true"), json!("false")] {
                merchant.register_with(&definition, &users("a", 1), &json!({flag: good})).await.expect(200);
            }
            for bad in [json!("yes"), json!("True"), json!(""), json!(1), json!(0), json!([]), json!({})] {
                let answer = merchant.register_with(&definition, &users("a", 1), &json!({flag: bad})).await;
                assert_eq!(pointers(&answer), [format!("/{flag}")], "{flag}: {bad}");
            }
        }
        for bad in [json!("true"), json!(1), json!([])] {
            let answer =
                merchant.register_with(&definition, &users("a", 1), &json!({"send_email": bad})).await;
            assert_eq!(pointers(&answer), ["/send_email"], "{bad}");
        }
    }
);

both!(
    async fn every_error_is_told_at_once(t: &Env) {
        let body = json!({"users": [], "hide_menu": "perhaps", "send_email": 7, "is_test": []});
        let answer = t.post(REGISTER, &body).send().await;
        let told = pointers(&answer);
        for pointer in ["/users", "/hide_menu", "/send_email", "/is_test", "/interview_id", "/merchant_id"] {
            assert!(told.contains(&pointer), "{pointer} is not among {told:?}");
        }
    }
);

both!(
    async fn missing_and_mistyped_members_are_pointed_at(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let good = merchant.registration(&definition, &users("a", 1), &json!({}));
        for (member, wrong) in [
            ("users", json!(null)),
            ("users", json!("ann@example.org")),
            ("users", json!({})),
            ("interview_id", json!(null)),
            ("interview_id", json!("")),
            ("interview_id", json!(7)),
            ("merchant_id", json!(7)),
            ("merchant_id", json!("not a uuid")),
        ] {
            let mut body = good.clone();
            body[member] = wrong.clone();
            let answer = t.post(REGISTER, &body).send().await;
            assert_eq!(pointers(&answer), [format!("/{member}")], "{member}: {wrong}");
        }
        for body in [json!([]), json!("x"), json!(null), json!(3)] {
            t.post(REGISTER, &body).send().await.expect(422);
        }
    }
);

both!(
    async fn unknown_members_and_parameters_are_ignored(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let rows = [json!({"email": "ann@example.org", "phone": [1], "results": {}})];
        let body = merchant.registration(&definition, &rows, &json!({"{key}": "unknown", "deep": {"er": 1}}));
        t.post(&format!("{REGISTER}?colour=blue&limit=x"), &body).send().await.expect(200);
    }
);

both!(
    async fn drafts_are_for_tests_and_archived_ones_for_nobody(t: &Env) {
        let merchant = t.merchant("Acme").await;
        for (status, is_test, expected) in [
            ("draft", false, 422),
            ("draft", true, 200),
            ("archived", false, 422),
            ("archived", true, 422),
            ("active", false, 200),
        ] {
            let definition = merchant.definition_with(&json!({"status": status})).await;
            let definition = definition["interview_id"].as_str().unwrap();
            let answer =
                merchant.register_with(definition, &users("a", 1), &json!({"is_test": is_test})).await;
            answer.expect(expected);
            if expected == 422 {
                assert_eq!(pointers(&answer), ["/interview_id"]);
                assert!(answer.text_at("/errors/0/detail").contains(status), "{}", answer.text);
            }
        }
    }
);

/// What may differ between two problems that say the same.
fn anonymous(answer: &Answer) -> Value {
    let mut problem = answer.expect(404).clone();
    problem.as_object_mut().unwrap().retain(|name, _| name != "request_id");
    problem
}

both!(
    async fn what_belongs_to_another_merchant_is_as_if_absent(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (definition, position) = {
            let definition = theirs.definition().await;
            let position = theirs.position(&definition).await;
            (definition, position)
        };
        let nowhere = "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66";
        let absent = anonymous(&ours.register(nowhere, &users("a", 1)).await);
        assert_eq!(anonymous(&ours.register(&definition, &users("a", 1)).await), absent);
        assert_eq!(anonymous(&ours.register(&position, &users("a", 1)).await), absent);
        assert!(!absent.to_string().contains("merchant"), "it says nothing of merchants: {absent}");

        let theirs_made = theirs.register(&definition, &users("a", 1)).await;
        theirs_made.expect(200);
        let id = theirs.registration_of("a-0@example.org").await["id"].clone();
        let ours = ours.client("admin").await;
        ours.get(&format!("/api/v1/registrations/{id}")).send().await.expect(404);
        ours.post_empty(&format!("/api/v1/registrations/{id}/revoke")).send().await.expect(404);
        assert!(
            ours.get("/api/v1/registrations?email=a-0@example.org")
                .send()
                .await
                .rows("/registrations")
                .is_empty()
        );
    }
);

both!(
    async fn a_merchant_is_named_by_the_service_and_may_be_named_by_itself(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let definition = ours.definition().await;
        let mut body = ours.registration(&definition, &users("a", 1), &json!({}));
        let key = ours.client("staff").await;

        key.post(REGISTER, &body).send().await.expect(200);
        body["merchant_id"] = json!(theirs.id);
        key.post(REGISTER, &body).send().await.expect(403);
        body["merchant_id"] = Value::Null;
        key.post(REGISTER, &body).send().await.expect(200);
        assert_eq!(pointers(&t.post(REGISTER, &body).send().await), ["/merchant_id"]);
        body.as_object_mut().unwrap().remove("merchant_id");
        key.post(REGISTER, &body).send().await.expect(200);
        assert_eq!(pointers(&t.post(REGISTER, &body).send().await), ["/merchant_id"]);
    }
);
