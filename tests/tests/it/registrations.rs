//! One registration: read, found, resent, revoked, reissued, completed.

use convoke_tests::merchant::users;
use convoke_tests::{Env, both};
use serde_json::{Value, json};

both!(
    async fn a_registration_is_polled_by_its_id_and_found_by_what_is_known_of_it(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let (one, two) = (merchant.definition().await, merchant.definition().await);
        let made = merchant.register(&one, &users("a", 3)).await;
        made.expect(200);
        merchant.register(&two, &users("a", 1)).await.expect(200);
        let find = async |query: &str| {
            let found =
                t.get(&format!("/api/v1/registrations?merchant_id={}{query}", merchant.id)).send().await;
            found.expect(200);
            found.rows("/registrations").to_vec()
        };
        assert_eq!(find("").await.len(), 4);
        assert_eq!(find("&email=A-0@example.org").await.len(), 2);
        assert_eq!(find(&format!("&interview_id={one}")).await.len(), 3);
        assert_eq!(find(&format!("&interview_id={two}&email=a-1@example.org")).await.len(), 0);
        let found = find("&external_id=a:2").await;
        assert_eq!(found.len(), 1);
        let read = t.get(&format!("/api/v1/registrations/{}", found[0]["id"])).send().await;
        let read = &read.expect(200)["registration"];
        assert_eq!(read["interview_url"], made.rows("")[2]["interview_url"]);
        assert_eq!(
            (&read["email"], &read["invitation_status"], &read["email_status"]),
            (&json!("a-2@example.org"), &json!("pending"), &json!("none"))
        );
        t.get("/api/v1/registrations/999999999").send().await.expect(404);
        t.get("/api/v1/registrations/none").send().await.expect(404);
    }
);

both!(
    async fn resending_sends_the_same_link_once_more(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        merchant.register_with(&definition, &users("a", 1), &json!({"send_email": true})).await.expect(200);
        t.wait_for_mails(1).await;
        let id = merchant.registration_of("a-0@example.org").await["id"].clone();
        merchant.act(&id, "resend").await.expect(200);
        let mails = t.wait_for_mails(2).await;
        assert_eq!(mails[0].link(), mails[1].link());
        assert_ne!(mails[0].message_id, mails[1].message_id, "it is another mail");
    }
);

both!(
    async fn a_revoked_link_is_gone_and_a_reissued_one_opens(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let made = merchant.register(&definition, &users("a", 1)).await;
        let first = made.text_at("/0/interview_url").to_owned();
        let id = merchant.registration_of("a-0@example.org").await["id"].clone();
        let revoked = merchant.act(&id, "revoke").await;
        assert_eq!(revoked.expect(200)["registration"]["invitation_status"], "revoked");
        t.anonymous().get(&first).send().await.expect(410);
        t.anonymous().post_empty(&first).send().await.expect(410);
        let reissued = merchant.act(&id, "reissue").await;
        let reissued = &reissued.expect(200)["registration"];
        assert_eq!((&reissued["invitation_status"], &reissued["id"]), (&json!("pending"), &id));
        let second = reissued["interview_url"].as_str().unwrap();
        assert_ne!(first, second);
        t.anonymous().get(&first).send().await.expect(410);
        t.anonymous().get(second).send().await.expect(200);
    }
);

both!(
    async fn completing_ends_it_and_what_is_ended_is_not_moved_again(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let made = merchant.register(&definition, &users("a", 1)).await;
        t.anonymous().post_empty(made.text_at("/0/interview_url")).send().await;
        let id = merchant.registration_of("a-0@example.org").await["id"].clone();
        assert_eq!(merchant.registration_of("a-0@example.org").await["invitation_status"], "started");
        let done = merchant.act(&id, "complete").await;
        assert_eq!(done.expect(200)["registration"]["invitation_status"], "completed");
        for verb in ["complete", "revoke", "resend"] {
            let refused = merchant.act(&id, verb).await;
            assert_eq!(refused.status, 409, "{verb}: {}", refused.text);
            assert_eq!(refused.media_type(), "application/problem+json");
        }
        assert_eq!(merchant.registration_of("a-0@example.org").await["invitation_status"], "completed");
        t.post_empty("/api/v1/registrations/999999999/revoke").send().await.expect(404);
        t.post_empty(&format!("/api/v1/registrations/{id}/explode")).send().await.expect(404);
    }
);

both!(
    async fn a_later_definition_name_is_what_a_page_shows(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition_with(&json!({"name": "First name"})).await;
        let uuid = definition["interview_id"].as_str().unwrap();
        let made = merchant.register(uuid, &users("a", 1)).await;
        let path = format!("/api/v1/interview-definitions/{}", definition["id"]);
        t.patch(&path, &json!({"interview_definition": {"merchant_id": merchant.id, "name": "Second name"}}))
            .send()
            .await
            .expect(200);
        let page = t.anonymous().get(made.text_at("/0/interview_url")).send().await;
        page.expect(200);
        assert!(page.text.contains("Second name"), "{}", page.text);
    }
);

both!(
    async fn a_mail_text_that_cannot_be_filled_in_is_refused_when_it_is_written(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let with = |members: Value| {
            let mut definition = json!({"merchant_id": merchant.id, "name": "Courier"});
            definition.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            json!({ "interview_definition": definition })
        };
        let bad = with(json!({"mail_subject": "{{ salary }}", "mail_text": "Begin: {{ link"}));
        let good =
            with(json!({"mail_subject": "{{candidate_name}}, welcome", "mail_text": "Begin: {{ link }}"}));
        let made = t.post("/api/v1/interview-definitions", &good).send().await;
        let path =
            format!("/api/v1/interview-definitions/{}", made.expect(201)["interview_definition"]["id"]);
        for answer in
            [t.post("/api/v1/interview-definitions", &bad).send().await, t.patch(&path, &bad).send().await]
        {
            answer.expect(422);
            assert_eq!(answer.text_at("/errors/0/pointer"), "/interview_definition/mail_subject");
            assert!(
                answer.text_at("/errors/0/detail").starts_with("`{{ salary }}` stands for nothing"),
                "{}",
                answer.text
            );
            assert_eq!(answer.text_at("/errors/1/pointer"), "/interview_definition/mail_text");
            assert_eq!(answer.text_at("/errors/1/detail"), "a `{{` is never closed");
        }
    }
);

both!(
    async fn reference_data_is_made_read_and_changed(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant
            .definition_with(&json!({"launch_url": "https://run.example/start", "link_ttl_seconds": 3_600}))
            .await;
        assert!(definition["id"].is_i64() && definition["interview_id"].is_string(), "{definition}");
        assert_eq!(
            (&definition["launch_url"], &definition["link_ttl_seconds"]),
            (&json!("https://run.example/start"), &json!(3_600))
        );
        let uuid = definition["interview_id"].as_str().unwrap().to_owned();
        let position = merchant.position(&uuid).await;
        let read = t.get(&format!("/api/v1/positions/{position}?merchant_id={}", merchant.id)).send().await;
        assert_eq!(read.expect(200)["position"]["interview_id"], json!(uuid));

        let path = format!("/api/v1/merchants/{}", merchant.id);
        let changed = json!({"merchant": {"name": "Acme & Söhne", "colour": "#aa3300", "mail_from_name": "Acme Talent", "reply_to": "jobs@acme.example",
        "time_zone": "Europe/Bratislava", "locale": "en", "base_url": "https://talent.acme.example"}});
        t.patch(&path, &changed).send().await.expect(200);
        let read = t.get(&path).send().await;
        for (name, value) in changed["merchant"].as_object().unwrap() {
            assert_eq!(&read.expect(200)["merchant"][name], value, "{name}");
        }
        assert!(read.json["merchant"]["reminder_offsets"].is_array(), "{}", read.text);
        let made = merchant.register(&uuid, &users("a", 1)).await;
        assert!(
            made.text_at("/0/interview_url").starts_with("https://talent.acme.example/interview/take/"),
            "{}",
            made.text
        );

        for (path, body, pointer) in [
            ("/api/v1/merchants", json!({"merchant": {}}), "/merchant/name"),
            ("/api/v1/merchants", json!({"merchant": {"name": "x\r\nBcc: y"}}), "/merchant/name"),
            (
                "/api/v1/merchants",
                json!({"merchant": {"name": "x", "time_zone": "Mars/Olympus"}}),
                "/merchant/time_zone",
            ),
            (
                "/api/v1/merchants",
                json!({"merchant": {"name": "x", "colour": "red;}body{"}}),
                "/merchant/colour",
            ),
            (
                "/api/v1/merchants",
                json!({"merchant": {"name": "x", "base_url": "javascript:alert(1)"}}),
                "/merchant/base_url",
            ),
            (
                "/api/v1/merchants",
                json!({"merchant": {"name": "x", "reply_to": "nobody"}}),
                "/merchant/reply_to",
            ),
            (
                "/api/v1/interview-definitions",
                json!({"interview_definition": {"merchant_id": merchant.id}}),
                "/interview_definition/name",
            ),
            (
                "/api/v1/interview-definitions",
                json!({"interview_definition": {"merchant_id": merchant.id, "name": "x", "status": "odd"}}),
                "/interview_definition/status",
            ),
            (
                "/api/v1/interview-definitions",
                json!({"interview_definition": {"merchant_id": merchant.id, "name": "x", "launch_url": "javascript:x"}}),
                "/interview_definition/launch_url",
            ),
            (
                "/api/v1/interview-definitions",
                json!({"interview_definition": {"merchant_id": merchant.id, "name": "x", "link_ttl_seconds": 0}}),
                "/interview_definition/link_ttl_seconds",
            ),
            (
                "/api/v1/interview-definitions",
                json!({"interview_definition": {"name": "x"}}),
                "/interview_definition/merchant_id",
            ),
            (
                "/api/v1/positions",
                json!({"position": {"merchant_id": merchant.id, "interview_id": uuid}}),
                "/position/title",
            ),
            (
                "/api/v1/positions",
                json!({"position": {"merchant_id": merchant.id, "title": "x"}}),
                "/position/interview_id",
            ),
        ] {
            let answer = t.post(path, &body).send().await;
            answer.expect(422);
            let told: Vec<&Value> = answer.rows("/errors").iter().map(|e| &e["pointer"]).collect();
            assert_eq!(told, [pointer], "{body}");
        }
    }
);
