//! The audit log: every write leaves one entry with its merchant, nothing else leaves any, and none ever changes.

use convoke_tests::client::{Call, REGISTER};
use convoke_tests::issuer::{claims_of, signed};
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Client, Convoke, Env, Merchant, People, Stack, answer, both};
use serde_json::{Value, json};
use sqlx::Executor as _;

const AUDIT: &str = "/api/v1/audit";
const KEYS: [&str; 8] = ["id", "merchant_id", "at", "actor", "action", "subject", "request_id", "address"];

/// The newest entries of a log.
async fn entries(who: &Client, query: &str) -> Vec<Value> {
    let page = who.get(&format!("{AUDIT}?limit=1000{query}")).send().await;
    page.expect(200);
    page.rows("/audit").to_vec()
}

fn column<'a>(entries: &'a [Value], name: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[name].as_str().unwrap()).collect()
}

/// Requests that write, each under an id of its own, with what the log should say of them.
struct Script<'a> {
    service: &'a Client,
    merchant: Merchant,
    said: Vec<(String, String, String)>,
}

impl Script<'_> {
    /// Sends a request and remembers what it should leave: its action and its subject.
    async fn write(&mut self, call: Call, action: &str, subject: impl FnOnce(&Value) -> String) -> Value {
        let request = format!("write-{}", self.said.len());
        let answer = call.header("x-request-id", &request).send().await;
        assert!((200..300).contains(&answer.status), "{action}: {} {}", answer.status, answer.text);
        self.said.push((request, action.to_owned(), subject(&answer.json)));
        answer.json
    }

    /// As [`Script::write`], of something whose id is in the answer.
    async fn made(&mut self, call: Call, action: &str, singular: &str) -> Value {
        let id = |json: &Value| match &json[singular]["id"] {
            Value::String(id) => format!("{singular}/{id}"),
            id => format!("{singular}/{id}"),
        };
        self.write(call, action, id).await[singular].clone()
    }

    /// Every entry that was foretold is there once, by that actor.
    async fn is_told(&self, actor: &str) {
        let log = entries(self.service, &format!("&merchant_id={}", self.merchant.id)).await;
        for (request, action, subject) in &self.said {
            let found: Vec<&Value> = log.iter().filter(|entry| entry["request_id"] == *request).collect();
            assert_eq!(found.len(), 1, "{action}: {found:?}");
            assert_eq!(found[0]["action"], *action);
            assert_eq!(found[0]["actor"], actor, "{action}");
            assert_eq!(found[0]["address"], "127.0.0.1", "{action}");
            assert_eq!(found[0]["merchant_id"], json!(self.merchant.id), "{action}");
            let told = found[0]["subject"].as_str().unwrap_or_default();
            let is_told = subject.strip_suffix('*').map_or(told == subject, |start| told.starts_with(start));
            assert!(is_told, "{action}: {told} is not {subject}");
        }
    }
}

both!(
    async fn every_write_of_reference_data_leaves_one_entry(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let key = merchant.api_key("admin").await;
        let admin = t.bearer(key["key"].as_str().unwrap());
        let mut script = Script { service: t, merchant: merchant.clone(), said: Vec::new() };
        let s = &mut script;
        let body = json!({"user": {"title": "Cindy", "email": "cindy@example.org"}});
        let user = s.made(admin.post("/api/v1/users", &body), "create_user", "user").await;
        let path = format!("/api/v1/users/{}", user["id"]);
        s.made(admin.patch(&path, &json!({"user": {"title": "C."}})), "change_user", "user").await;
        let body = json!({"interviewee": {"user_id": user["id"]}});
        let call = admin.post("/api/v1/interviewees", &body);
        let interviewee = s.made(call, "create_interviewee", "interviewee").await;
        let path = format!("/api/v1/interviewees/{}", interviewee["id"]);
        let call = admin.patch(&path, &json!({"interviewee": {"currency": "GBP"}}));
        s.made(call, "change_interviewee", "interviewee").await;
        let body = json!({"interview_definition": {"name": "Driver", "status": "active"}});
        let call = admin.post("/api/v1/interview-definitions", &body);
        let definition = s.made(call, "create_interview_definition", "interview_definition").await;
        let path = format!("/api/v1/interview-definitions/{}", definition["id"]);
        let call = admin.patch(&path, &json!({"interview_definition": {"name": "Drivers"}}));
        s.made(call, "change_interview_definition", "interview_definition").await;
        let body = json!({"position": {"title": "Driver", "interview_id": definition["interview_id"]}});
        let position = s.made(admin.post("/api/v1/positions", &body), "create_position", "position").await;
        let path = format!("/api/v1/positions/{}", position["id"].as_str().unwrap());
        let call = admin.patch(&path, &json!({"position": {"title": "Drivers"}}));
        s.made(call, "change_position", "position").await;
        let body = json!({"api_key": {"name": "second", "role": "staff"}});
        let second = s.made(admin.post("/api/v1/api-keys", &body), "create_api_key", "api_key").await;
        let second = second["id"].as_str().unwrap();
        let path = format!("/api/v1/api-keys/{second}");
        let call = admin.patch(&path, &json!({"api_key": {"name": "2nd"}}));
        s.made(call, "change_api_key", "api_key").await;
        s.write(admin.delete(&path), "revoke_api_key", |_| format!("api_key/{second}")).await;
        let body = json!({"jti": "a-token", "expires_at": "2030-01-01T00:00:00Z"});
        s.write(admin.post("/api/v1/auth/revoke", &body), "revoke_token", |_| "token/a-token".to_owned())
            .await;
        script.is_told(&format!("api_key/{}", key["id"].as_str().unwrap())).await;
    }
);

both!(
    async fn every_write_of_the_platform_leaves_one_entry_with_the_merchant(t: &Env) {
        let made = t.post("/api/v1/merchants", &json!({"merchant": {"name": "Acme"}}));
        let made = made.header("x-request-id", "the-first").send().await;
        let id = made.expect(201)["merchant"]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/merchants/{id}");
        let change = t.patch(&path, &json!({"merchant": {"name": "Acme & Co"}}));
        change.header("x-request-id", "the-second").send().await.expect(200);
        let log = entries(t, &format!("&merchant_id={id}")).await;
        assert_eq!(column(&log, "request_id"), ["the-second", "the-first"]);
        assert_eq!(column(&log, "action"), ["change_merchant", "create_merchant"]);
        assert_eq!(column(&log, "actor"), ["service", "service"]);
        assert_eq!(column(&log, "subject"), [format!("merchant/{id}"), format!("merchant/{id}")]);
    }
);

both!(
    async fn every_accepted_operation_leaves_one_entry(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let merchant = people.merchant.clone();
        let definition = merchant.definition_with(&json!({})).await;
        let uuid = definition["interview_id"].as_str().unwrap();
        let staff = merchant.user(&json!({"role": "staff"})).await;
        let client = merchant.signed_in(&staff);
        let interviewee = people.interviewee().await;
        let mut script = Script { service: t, merchant: merchant.clone(), said: Vec::new() };
        let s = &mut script;

        let call = client.post("/api/v1/interviews", &people.proposal(&interviewee, &json!({})));
        let made = s.write(call, "create_interview", |_| "operation/*".to_owned()).await;
        let subject = format!("interview/{}", made["interview"]["id"]);
        let path = format!("/api/v1/interviews/{}", made["interview"]["id"]);
        let (start, end) = people.hour();
        let times = json!({"interview": {"amend_start_at": start, "amend_end_at": end}});
        s.write(client.post(&format!("{path}/amend"), &times), "amend_interview", |_| subject.clone()).await;
        s.write(client.post_empty(&format!("{path}/cancel")), "cancel_interview", |_| subject.clone()).await;
        for (verb, first) in [("complete", true), ("no_show", true), ("reject", false)] {
            let interview = people.interview().await;
            let path = format!("/api/v1/interviews/{}", interview["id"]);
            let subject = format!("interview/{}", interview["id"]);
            if first {
                let call = client.post_empty(&format!("{path}/accept"));
                s.write(call, "accept_interview", |_| subject.clone()).await;
            }
            let call = client.post_empty(&format!("{path}/{verb}"));
            s.write(call, &format!("{verb}_interview"), |_| subject.clone()).await;
        }

        let body = json!({"users": users("a", 2), "interview_id": uuid});
        s.write(client.post(REGISTER, &body), "register_users", |_| "batch/*".to_owned()).await;
        let registration = merchant.registration_of("a-0@example.org").await;
        let (id, url) =
            (registration["id"].clone(), registration["interview_url"].as_str().unwrap().to_owned());
        let subject = format!("registration/{id}");
        for (verb, action) in
            [("resend", "resend_invitation"), ("reissue", "reissue_link"), ("revoke", "revoke_registration")]
        {
            let call = client.post_empty(&format!("/api/v1/registrations/{id}/{verb}"));
            s.write(call, action, |_| subject.clone()).await;
        }
        assert!(!url.is_empty());
        let other = merchant.registration_of("a-1@example.org").await;
        let subject = format!("registration/{}", other["id"]);
        let token = other["interview_url"].as_str().unwrap().split("interview_token=").nth(1).unwrap();
        let call = client.post("/api/v1/tokens/redeem", &json!({ "interview_token": token }));
        s.write(call, "redeem_token", |_| subject.clone()).await;
        let call = client.post_empty(&format!("/api/v1/registrations/{}/complete", other["id"]));
        s.write(call, "complete_registration", |_| subject.clone()).await;

        let body = json!({"candidate_email": "lyle@example.org", "interview_id": definition["id"], "invite_type": "getlink"});
        let call = client.post("/automated-interviews/invite", &body);
        let invited = s.write(call, "invite_candidate", |_| "operation/*".to_owned()).await;
        let id = &invited["interview_reponse_id"];
        let call = client.patch("/automated-interviews/invite/revoke", &json!({ "response_id": id }));
        s.write(call, "revoke_invite", |_| format!("registration/{id}")).await;
        script.is_told(&format!("user/{}", staff["id"])).await;
    }
);

both!(
    async fn an_interviewees_move_is_told_as_theirs(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let path = format!("/api/v1/users/interviews/{}/accept", interview["id"]);
        people.as_driver.post_empty(&path).header("x-request-id", "mine").send().await.expect(200);
        let log = entries(t, &format!("&merchant_id={}&action=accept_interview", people.merchant.id)).await;
        assert_eq!(column(&log, "actor"), [format!("user/{}", people.driver["id"])]);
        assert_eq!(column(&log, "request_id"), ["mine"]);
    }
);

both!(
    async fn what_changes_nothing_leaves_no_entry(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let admin = people.merchant.client("admin").await;
        let before = entries(&admin, "").await;
        let user = format!("/api/v1/users/{}", people.driver["id"]);
        let one = format!("/api/v1/interviews/{}", interview["id"]);
        for path in [
            "/api/v1/users",
            "/api/v1/interviewees",
            "/api/v1/interviews",
            "/api/v1/registrations",
            "/api/v1/batches",
            AUDIT,
            &user,
            &one,
        ] {
            admin.get(path).send().await.expect(200);
        }
        admin.post("/api/v1/users", &json!({"user": {}})).send().await.expect(422);
        admin.post("/api/v1/users", &json!([])).send().await.expect(422);
        admin.patch(&user, &json!({"user": {"title": ""}})).send().await.expect(422);
        admin.patch("/api/v1/users/999999", &json!({"user": {"title": "x"}})).send().await.expect(404);
        admin.post("/api/v1/interviews", &json!({"interview": {}})).send().await.expect(422);
        admin.post_empty("/api/v1/interviews/999999/cancel").send().await.expect(404);
        admin.post("/api/v1/tokens/redeem", &json!({"interview_token": "x"})).send().await.expect(410);
        people.as_driver.post("/api/v1/users", &json!({"user": {"title": "x"}})).send().await.expect(403);
        t.anonymous().post("/api/v1/users", &json!({"user": {"title": "x"}})).send().await.expect(401);
        assert_eq!(entries(&admin, "").await, before);
    }
);

both!(
    async fn a_replay_leaves_no_second_entry(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let admin = people.merchant.client("admin").await;
        let interview = people.proposal(&people.interviewee().await, &json!({}));
        for (path, body) in [
            ("/api/v1/users", json!({"user": {"title": "Cindy"}})),
            ("/api/v1/interviews", interview),
            ("/api/v1/auth/revoke", json!({"jti": "j", "expires_at": "2030-01-01T00:00:00Z"})),
        ] {
            let before = entries(&admin, "").await.len();
            for replayed in ["", "true", "true"] {
                let answer = admin.post(path, &body).idempotency_key("k").send().await;
                assert_eq!(answer.header("idempotent-replayed"), replayed, "{path}");
            }
            assert_eq!(entries(&admin, "").await.len(), before + 1, "{path}");
        }
    }
);

/// Gives users titles, one after the other, with an admin's key.
async fn write_users(admin: &Client, count: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for number in 0..count {
        let body = json!({"user": {"title": format!("User {number}")}});
        answers.push(admin.post("/api/v1/users", &body).send().await);
    }
    answers
}

both!(
    async fn a_log_is_its_merchants_and_for_its_admins(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (admin, other) = (ours.client("admin").await, theirs.client("admin").await);
        let before = entries(&other, "").await;
        write_users(&admin, 3).await;
        assert_eq!(entries(&other, "").await, before);
        assert!(entries(&admin, "").await.iter().all(|entry| entry["merchant_id"] == json!(ours.id)));
        let named = format!("{AUDIT}?merchant_id={}", ours.id);
        other.get(&named).send().await.expect(403);
        t.get(&named).send().await.expect(200);
        t.get(AUDIT).send().await.expect(422);
        let candidate = ours.user(&json!({})).await;
        for who in [ours.client("staff").await, ours.client("operator").await, ours.signed_in(&candidate)] {
            who.get(AUDIT).send().await.expect(403);
        }
        t.anonymous().get(AUDIT).send().await.expect(401);

        // What a parent's admin does to a sub-merchant is the sub-merchant's to know.
        let body = json!({"merchant": {"parent_id": ours.id}});
        t.patch(&format!("/api/v1/merchants/{}", theirs.id), &body).send().await.expect(200);
        let body = json!({"user": {"title": "By the parent", "merchant_id": theirs.id}});
        admin.post("/api/v1/users", &body).header("x-request-id", "from-above").send().await.expect(201);
        assert_eq!(entries(&other, "").await[0]["request_id"], "from-above");
        assert!(!column(&entries(&admin, "").await, "request_id").contains(&"from-above"));
        admin.get(&format!("{AUDIT}?merchant_id={}", theirs.id)).send().await.expect(200);
    }
);

both!(
    async fn the_log_is_newest_first_paged_and_filtered(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let key = merchant.api_key("admin").await;
        let admin = t.bearer(key["key"].as_str().unwrap());
        let made = write_users(&admin, 5).await;
        let newest = &made[4].json["user"];
        admin
            .patch(&format!("/api/v1/users/{}", newest["id"]), &json!({"user": {"title": "N"}}))
            .send()
            .await
            .expect(200);
        let all = entries(&admin, "").await;
        let ids: Vec<i64> = all.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        assert_eq!(all[0]["action"], "change_user");
        assert_eq!(answer::keys_of(&all[0].to_string()), KEYS);

        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = admin.get(&format!("{AUDIT}?limit=2{cursor}")).send().await;
            page.expect(200);
            paged.extend_from_slice(page.rows("/audit"));
            let Some(next) = page.json["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all);

        let actor = format!("api_key/{}", key["id"].as_str().unwrap());
        let subject = format!("user/{}", newest["id"]);
        let change_at = all[0]["at"].as_str().unwrap();
        for (query, count) in [
            ("&action=create_user".to_owned(), 5),
            (format!("&actor={actor}"), 6),
            ("&actor=service".to_owned(), all.len() - 6),
            (format!("&subject={subject}"), 2),
            (format!("&subject={subject}&action=change_user"), 1),
            ("&action=create_nothing".to_owned(), 0),
            ("&from=2999-01-01T00:00:00Z".to_owned(), 0),
            ("&to=2001-01-01T00:00:00Z".to_owned(), 0),
            ("&from=2001-01-01T00:00:00Z&to=2999-01-01T00:00:00Z".to_owned(), all.len()),
        ] {
            assert_eq!(entries(&admin, &query).await.len(), count, "{query}");
        }
        assert_eq!(entries(&admin, &format!("&from={change_at}")).await[0], all[0], "`from` is within");
        for wrong in ["from=today", "to=2030", "limit=0", "cursor=x", "merchant_id=x"] {
            admin.get(&format!("{AUDIT}?{wrong}")).send().await.expect(422);
        }
    }
);

both!(
    async fn nothing_personal_is_in_the_log(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let admin = merchant.client("admin").await;
        let user = json!({"user": {
            "title": "Zebedee Quux", "email": "zebedee@quux.example", "phone_number": "07700 900123",
            "subject": "zebedee-subject",
        }});
        let user = admin.post("/api/v1/users", &user).send().await.expect(201)["user"].clone();
        let path = format!("/api/v1/users/{}", user["id"]);
        admin
            .patch(&path, &json!({"user": {"contact_phone_number": "07700 900124"}}))
            .send()
            .await
            .expect(200);
        let definition = merchant.definition_with(&json!({})).await;
        let registered =
            json!([{"name": "Zebedee Quux", "email": "zebedee@quux.example", "external_id": "zebedee-7"}]);
        let body = json!({"users": registered, "interview_id": definition["interview_id"]});
        admin.post(REGISTER, &body).send().await.expect(200);
        let body = json!({
            "candidate_name": "Zebedee Quux", "candidate_email": "zebedee@quux.example",
            "interview_id": definition["id"], "invite_type": "sendlink",
        });
        admin.post("/automated-interviews/invite", &body).send().await.expect(200);
        let path = "/api/v1/people?email=zebedee@quux.example";
        admin.get(path).send().await.expect(200);
        admin.delete(path).send().await.expect(200);
        let page = admin.get(&format!("{AUDIT}?limit=1000")).send().await;
        let text = page.text.to_lowercase();
        assert!(text.contains("erase_person") && text.contains("change_user"), "{text}");
        for personal in ["zebedee", "quux", "07700", "900123"] {
            assert!(!text.contains(personal), "{personal}: {text}");
        }
    }
);

both!(
    async fn a_client_does_not_choose_the_address_that_is_told(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let admin = merchant.client("admin").await;
        let call = admin.post("/api/v1/users", &json!({"user": {"title": "Cindy"}}));
        let call = call.header("x-forwarded-for", "203.0.113.7").header("forwarded", "for=203.0.113.8");
        call.header("x-real-ip", "203.0.113.9").send().await.expect(201);
        assert_eq!(entries(&admin, "").await[0]["address"], "127.0.0.1");
        let own = signed(&claims_of(&merchant.user(&json!({"role": "admin"})).await));
        let answer = t.bearer(&own).post("/api/v1/users", &json!({"user": {"title": "Lyle"}})).send().await;
        let entry = &entries(&admin, "").await[0];
        assert_eq!(entry["request_id"], answer.header("x-request-id"), "the id that was answered");
    }
);

const CHANGES: [&str; 3] =
    ["UPDATE audit_log SET actor = 'nobody'", "UPDATE audit_log SET at = at", "DELETE FROM audit_log"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_itself_refuses_to_change_the_log() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start().await;
    let admin = t.merchant("Acme").await.client("admin").await;
    let before = entries(&admin, "").await;
    let pool = sqlx::PgPool::connect(&stack.database_url).await.unwrap();
    for change in CHANGES.into_iter().chain(["TRUNCATE audit_log"]) {
        let refused = pool.execute(change).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    assert_eq!(entries(&admin, "").await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_itself_refuses_to_change_the_log() {
    let t = Convoke::embedded().start().await;
    let admin = t.merchant("Acme").await.client("admin").await;
    let before = entries(&admin, "").await;
    let url = format!("sqlite://{}", t.folder().join("convoke.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for change in CHANGES {
        let refused = pool.execute(change).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    assert_eq!(entries(&admin, "").await, before);
}
