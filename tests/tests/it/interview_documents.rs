//! The requests of the documents on interviews and invites, sent as they stand there with only their ids replaced:
//! the documents' answers, key for key in their order at every level.

use convoke_tests::client::Call;
use convoke_tests::issuer::{now, signed};
use convoke_tests::{Answer, Client, Env, Merchant, both};
use serde_json::{Value, json};

/// The headers of both documents on interviews, with a token whose claims are the documents'.
fn documented(call: Call, user: &Value) -> Call {
    let token = signed(&json!({
        "sub": user["subject"], "scp": "user", "aud": null, "iat": now() - 60, "exp": now() + 2_592_000,
        "jti": "79093899-a87a-4b19-a7f3-8072be421ac6",
    }));
    call.header("accept", "application/json")
        .header("authorization", &format!("Bearer {token}"))
        .header("host", "example.org")
        .header("cookie", "")
}

/// The document's answer: the same text, but for its ids and for the one time that is the service's own.
fn assert_is_documented(answer: &Answer, expected: &Value) {
    answer.expect(200);
    let mut expected = expected.clone();
    let updated_at = answer.text_at("/interview/interviewee/updated_at");
    let millis =
        updated_at.strip_suffix('Z').and_then(|rest| rest.rsplit_once('.')).map(|(_, millis)| millis);
    assert!(millis.is_some_and(|millis| millis.len() == 3), "in milliseconds, UTC: {updated_at}");
    expected["interview"]["interviewee"]["updated_at"] = json!(updated_at);
    assert_eq!(answer.text, expected.to_string(), "members, their order, null and absent as in the document");
}

fn assert_has_the_documented_headers(answer: &Answer) {
    for (name, value) in [
        ("x-frame-options", "SAMEORIGIN"),
        ("x-xss-protection", "0"),
        ("x-content-type-options", "nosniff"),
        ("x-permitted-cross-domain-policies", "none"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("content-type", "application/json; charset=utf-8"),
        ("vary", "Accept, Origin"),
        ("cache-control", "max-age=0, private, must-revalidate"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let etag = answer.header("etag");
    let tag = etag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"'));
    assert!(tag.is_some_and(|tag| tag.len() == 32), "etag: {etag}");
    assert_eq!(answer.header("x-request-id").len(), 36, "x-request-id: {}", answer.header("x-request-id"));
    assert!(answer.header("x-runtime").parse::<f64>().is_ok(), "x-runtime: {}", answer.header("x-runtime"));
    assert_eq!(answer.header("content-length"), answer.text.len().to_string());
}

both!(
    async fn the_documents_new_interview_gets_the_documents_answer(t: &Env) {
        let merchant = t.merchant("DRVN").await;
        let driver = merchant.user(&json!({"title": "Lyle Rath", "phone_number": "123"})).await;
        let interviewer = merchant.user(&json!({"title": "Hunter Dickinson"})).await;
        let caller = merchant.user(&json!({"title": "Stella Staff", "role": "staff"})).await;
        let interviewee = merchant.interviewee(&driver, &json!({})).await;
        let body = json!({
            "interview": {
                "interviewee_id": interviewee["id"],
                "interviewer_id": interviewer["id"],
                "kind": "video_call",
                "location": "https://zoom.com",
                "start_at": "2025-01-22T13:12:53Z",
                "end_at": "2025-01-22T13:42:53Z"
            }
        });
        let call = t.anonymous().post("/api/v1/interviews/", &body);
        let answer = documented(call, &caller).send().await;
        assert_is_documented(
            &answer,
            &json!({
                "interview": {
                    "id": answer.json["interview"]["id"],
                    "amend_end_at": null,
                    "amend_start_at": null,
                    "amended_by": null,
                    "end_at": "2025-01-22T13:42:53.000Z",
                    "interviewee": {
                        "id": interviewee["id"],
                        "driver": {
                            "id": driver["id"],
                            "image": null,
                            "phone_number": "123",
                            "title": "Lyle Rath"
                        },
                        "kind": "interview",
                        "updated_at": null
                    },
                    "interviewee_id": interviewee["id"],
                    "interviewer": {
                        "id": interviewer["id"],
                        "contact_phone_number": null,
                        "image": null,
                        "title": "Hunter Dickinson"
                    },
                    "interviewer_id": interviewer["id"],
                    "kind": "video_call",
                    "location": "https://zoom.com",
                    "start_at": "2025-01-22T13:12:53.000Z",
                    "status": "pending"
                }
            }),
        );
        assert!(answer.json["interview"]["id"].is_i64(), "{}", answer.text);
        assert_has_the_documented_headers(&answer);
    }
);

both!(
    async fn the_documents_amendment_gets_the_documents_answer(t: &Env) {
        let merchant = t.merchant("DRVN").await;
        let driver = merchant.user(&json!({"title": "Cindy Kuvalis", "phone_number": "07871 532936"})).await;
        let interviewer = merchant.user(&json!({"title": "Glen Dibbert"})).await;
        let interviewee =
            merchant.interviewee(&driver, &json!({"currency": "GBP", "kind": "verified"})).await;
        let body = json!({"interview": {
            "merchant_id": merchant.id, "interviewee_id": interviewee["id"], "interviewer_id": interviewer["id"],
            "kind": "video_call", "location": "London",
            "start_at": "2025-11-20T08:23:31Z", "end_at": "2025-11-20T08:43:31Z",
        }});
        let made = t.post("/api/v1/interviews", &body).send().await;
        let id = made.expect(200)["interview"]["id"].clone();
        let body = json!({
            "interview": {
                "amend_start_at": "2025-11-20T08:43:31Z",
                "amend_end_at": "2025-11-20T09:13:31Z"
            }
        });
        let call = t.anonymous().post(&format!("/api/v1/users/interviews/{id}/amend"), &body);
        let answer = documented(call, &driver).send().await;
        assert_is_documented(
            &answer,
            &json!({
                "interview": {
                    "id": id,
                    "amend_end_at": "2025-11-20T09:13:31.000Z",
                    "amend_start_at": "2025-11-20T08:43:31.000Z",
                    "amended_by": "interviewee",
                    "end_at": "2025-11-20T08:43:31.000Z",
                    "interviewee": {
                        "id": interviewee["id"],
                        "currency": "GBP",
                        "driver": {
                            "id": driver["id"],
                            "image": null,
                            "phone_number": "07871 532936",
                            "title": "Cindy Kuvalis"
                        },
                        "kind": "verified",
                        "updated_at": null
                    },
                    "interviewee_id": interviewee["id"],
                    "interviewer": {
                        "id": interviewer["id"],
                        "contact_phone_number": null,
                        "image": null,
                        "title": "Glen Dibbert"
                    },
                    "interviewer_id": interviewer["id"],
                    "kind": "video_call",
                    "location": "London",
                    "start_at": "2025-11-20T08:23:31.000Z",
                    "status": "amended"
                }
            }),
        );
        assert_has_the_documented_headers(&answer);
    }
);

/// The document's invitation, sent with a key as one of its headers.
async fn invited(t: &Client, merchant: &Merchant, definition: &Value, header: &str) -> Answer {
    let key = merchant.api_key("staff").await["key"].as_str().unwrap().to_owned();
    let body = json!({
        "candidate_name": "Lyle Rath",
        "candidate_email": "lyle@example.org",
        "interview_id": definition["id"],
        "invite_format": "getlink"
    });
    t.anonymous().post("/automated-interviews/invite", &body).header(header, &key).send().await
}

both!(
    async fn the_documents_invite_gets_the_documents_answer(t: &Env) {
        let merchant = t.merchant("Xobin").await;
        let definition = merchant.definition_with(&json!({"name": "Forklift drivers"})).await;
        for header in ["apiKey", "x-api-key"] {
            let answer = invited(t, &merchant, &definition, header).await;
            answer.expect(200);
            let link = answer.text_at("/invite_link").to_owned();
            let expected = json!({
                "name": "Lyle Rath",
                "email": "lyle@example.org",
                "interview_name": "Forklift drivers",
                "interview_reponse_id": merchant.registration_of("lyle@example.org").await["id"],
                "interview_id": definition["id"],
                "invite_link": link,
                "status": "Pending"
            });
            assert_eq!(answer.text, expected.to_string());
            let uuid = definition["interview_id"].as_str().unwrap();
            let prefix = format!("{}/interview/take/{uuid}/?interview_token=", t.base());
            assert!(link.starts_with(&prefix), "{link}");
            assert!(answer.json["interview_reponse_id"].is_i64(), "{}", answer.text);
            assert_has_the_documented_headers(&answer);
        }
    }
);
