//! The source document's own request, its ids replaced: the document's answer, key for key.

use convoke_tests::answer::keys_of_each;
use convoke_tests::client::REGISTER;
use convoke_tests::{Env, both};
use serde_json::{Value, json};

const ANSWER_KEYS: [&str; 5] = ["name", "email", "external_id", "result", "interview_url"];

fn documents_body(interview_id: &str, merchant_id: &str) -> Value {
    json!({
        "users": [
            {"name": "Peter Parker", "email": "jozo@jozo.sk", "external_id": "abcd"},
            {"name": "mr beast", "email": "hi@jozefbalaz.com"}
        ],
        "interview_id": interview_id,
        "merchant_id": merchant_id,
        "send_email": true,
        "hide_menu": true,
        "hide_iframe": true,
        "is_test": true
    })
}

both!(
    async fn the_documents_own_request_gets_the_documents_answer(t: &Env) {
        let merchant = t.merchant("JobMojito").await;
        let definition = merchant.definition().await;
        let answer = t.post(REGISTER, &documents_body(&definition, &merchant.id)).send().await;
        answer.expect(200);
        assert_eq!(answer.media_type(), "application/json");
        assert_eq!(keys_of_each(&answer.text), [ANSWER_KEYS, ANSWER_KEYS]);
        let expected = [
            (json!("Peter Parker"), "jozo@jozo.sk", json!("abcd")),
            (json!("mr beast"), "hi@jozefbalaz.com", Value::Null),
        ];
        let prefix = format!("{}/interview/take/{definition}/?interview_token=", t.base());
        for (row, (name, email, external_id)) in answer.rows("").iter().zip(expected) {
            assert_eq!(
                (&row["name"], &row["email"], &row["external_id"]),
                (&name, &json!(email), &external_id)
            );
            assert_eq!(row["result"], "ok");
            let url = row["interview_url"].as_str().unwrap();
            let rest =
                url.strip_prefix(&prefix).unwrap_or_else(|| panic!("{url} begins otherwise than {prefix}"));
            let (token, flags) = rest.split_once('&').unwrap();
            assert!((20..=80).contains(&token.len()), "token of {} characters", token.len());
            assert_eq!(flags, "view_hm=true&view_hi=true");
        }
        assert_ne!(answer.rows("")[0]["interview_url"], answer.rows("")[1]["interview_url"]);

        let mut to: Vec<String> = t.wait_for_mails(2).await.into_iter().map(|mail| mail.to).collect();
        to.sort();
        assert_eq!(to, ["hi@jozefbalaz.com", "jozo@jozo.sk"]);
    }
);

both!(
    async fn the_alias_and_a_trailing_slash_are_the_same_endpoint(t: &Env) {
        let merchant = t.merchant("JobMojito").await;
        let body = documents_body(&merchant.definition().await, &merchant.id);
        let first = t.post(REGISTER, &body).send().await;
        first.expect(200);
        for path in
            [&format!("{REGISTER}/"), "/job-interview-register-users", "/job-interview-register-users/"]
        {
            let again = t.post(path, &body).send().await;
            assert_eq!(again.expect(200), &first.json, "{path}");
        }
    }
);

both!(
    async fn the_key_works_in_each_of_the_three_headers(t: &Env) {
        let merchant = t.merchant("JobMojito").await;
        let body = documents_body(&merchant.definition().await, &merchant.id);
        let key = merchant.api_key("staff").await["key"].as_str().unwrap().to_owned();
        let call = || t.anonymous().post(REGISTER, &body);
        for (header, value) in
            [("authorization", format!("Bearer {key}")), ("apiKey", key.clone()), ("x-api-key", key.clone())]
        {
            call().header(header, &value).send().await.expect(200);
        }
        call().send().await.expect(401);
    }
);
