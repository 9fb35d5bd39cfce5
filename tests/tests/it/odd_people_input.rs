//! Values that nobody would send in earnest, on the paths of users, interviews and invites: told off, never a 500.

use std::fmt::Write as _;

use convoke_tests::merchant::merge;
use convoke_tests::{Answer, Client, Env, People, both};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

/// What is sent in the place of each member.
fn odd_values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!([null]),
        json!({}),
        json!({"$ne": null}),
        json!("x".repeat(100_000)),
    ];
    for text in [
        "",
        " ",
        "\0",
        "a\0b",
        "\r\n",
        "\u{202e}",
        "\u{feff}",
        "\u{ffff}",
        "🦀",
        "'; DROP TABLE users; --",
        "%s%n",
        "{{7*7}}",
        "<img src=x onerror=alert(1)>",
        "../../etc/passwd",
        "1e1",
        "0x10",
        "NaN",
        "a@b",
        "a@example.org",
        "GBP",
        "gbp",
        "Europe/Bratislava",
        "Europe/Atlantis",
        "https://example.org",
        "https://[::1",
        "http://a@b@c/",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-23:59",
        "+10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "2030-01-01T10:00:00+99:00",
        "2030-01-01T10:00:00.0000000000000000000001Z",
        "2030-01-01t10:00:00z",
    ] {
        values.push(json!(text));
    }
    values
}

/// Each body with each of its members replaced by each odd value.
fn odd_bodies(wrapper: &str, members: &Value) -> Vec<Value> {
    let mut bodies = Vec::new();
    for name in members.as_object().unwrap().keys() {
        for value in odd_values() {
            let mut odd = members.clone();
            merge(&mut odd, &json!({ name: value }));
            bodies.push(if wrapper.is_empty() { odd } else { json!({ wrapper: odd }) });
        }
    }
    bodies
}

/// Every answer is the client's fault or none.
#[track_caller]
fn assert_is_answered(answer: &Answer, sent: &str) {
    let sent: String = sent.chars().take(400).collect();
    assert!(
        (200..500).contains(&answer.status),
        "{}: {} {} for {sent}",
        answer.request,
        answer.status,
        answer.text
    );
}

async fn send_all(who: &Client, method: &str, path: &str, bodies: Vec<Value>) {
    let method: reqwest::Method = method.parse().unwrap();
    stream::iter(bodies)
        .for_each_concurrent(8, async |body| {
            let answer = who.call(method.clone(), path).json(&body).send().await;
            assert_is_answered(&answer, &body.to_string());
        })
        .await;
}

both!(
    async fn odd_people_are_no_500(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let admin = people.merchant.client("admin").await;
        let interviewee = people.interviewee().await;
        let user = json!({
            "title": "T", "email": "t@example.org", "phone_number": "1", "contact_phone_number": "2",
            "image": "https://example.org/i.png", "time_zone": "UTC", "locale": "en", "role": "candidate",
            "subject": "s", "merchant_id": people.merchant.id,
        });
        send_all(&admin, "POST", "/api/v1/users", odd_bodies("user", &user)).await;
        let path = format!("/api/v1/users/{}", people.driver["id"]);
        send_all(&admin, "PATCH", &path, odd_bodies("user", &user)).await;
        let of_user = json!({
            "user_id": people.driver["id"], "kind": "verified", "currency": "GBP", "merchant_id": people.merchant.id,
        });
        send_all(&admin, "POST", "/api/v1/interviewees", odd_bodies("interviewee", &of_user)).await;
        let path = format!("/api/v1/interviewees/{}", interviewee["id"]);
        send_all(&admin, "PATCH", &path, odd_bodies("interviewee", &of_user)).await;
        let token = json!({"jti": "j", "expires_at": "2030-01-01T00:00:00Z"});
        send_all(&admin, "POST", "/api/v1/auth/revoke", odd_bodies("", &token)).await;
        admin.get("/api/v1/users?limit=1000").send().await.expect(200);
        admin.get("/api/v1/interviewees?limit=1000").send().await.expect(200);
    }
);

both!(
    async fn odd_interviews_and_invites_are_no_500(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let admin = people.merchant.client("admin").await;
        let interview = people.interview().await;
        let proposal = people.proposal(
            &people.interviewee().await,
            &json!({
                "location": "London", "merchant_id": people.merchant.id,
            }),
        );
        let odd = odd_bodies("interview", &proposal["interview"]);
        send_all(&admin, "POST", "/api/v1/interviews", odd).await;
        let amendment = json!({
            "amend_start_at": "2030-01-01T10:00:00Z", "amend_end_at": "2030-01-01T11:00:00Z",
            "merchant_id": people.merchant.id,
        });
        let path = format!("/api/v1/interviews/{}/amend", interview["id"]);
        send_all(&admin, "POST", &path, odd_bodies("interview", &amendment)).await;
        let path = format!("/api/v1/users/interviews/{}/amend", interview["id"]);
        send_all(&people.as_driver, "POST", &path, odd_bodies("interview", &amendment)).await;
        let definition = people.merchant.definition_with(&json!({})).await;
        let invite = json!({
            "candidate_name": "L", "candidate_email": "l@example.org", "interview_id": definition["id"],
            "invite_type": "getlink", "merchant_id": people.merchant.id,
        });
        send_all(&admin, "POST", "/automated-interviews/invite", odd_bodies("", &invite)).await;
        let revoke = json!({"response_id": 1, "notify_candidate": true, "merchant_id": people.merchant.id});
        send_all(&admin, "PATCH", "/automated-interviews/invite/revoke", odd_bodies("", &revoke)).await;
        let listed = admin.get("/api/v1/interviews?limit=1000").send().await;
        listed.expect(200);
    }
);

/// Every byte in the form that URLs have for it.
fn percent(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        let _ = write!(written, "%{byte:02X}");
    }
    written
}

both!(
    async fn odd_ids_and_parameters_are_no_500(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let admin = people.merchant.client("admin").await;
        let texts: Vec<String> = odd_values()
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .filter(|text| text.len() < 2_000)
            .map(|text| percent(&text))
            .collect();
        let lists = [
            ("/api/v1/users", "email subject role limit cursor merchant_id"),
            ("/api/v1/interviewees", "user_id kind limit cursor merchant_id"),
            ("/api/v1/interviews", "status from to interviewee_id interviewer_id limit cursor merchant_id"),
            ("/api/v1/audit", "actor action subject from to limit cursor merchant_id"),
            ("/api/v1/people", "email merchant_id"),
        ];
        let mut paths = Vec::new();
        for text in &texts {
            for (list, names) in lists {
                paths.extend(names.split(' ').map(|name| format!("{list}?{name}={text}")));
                paths.push(format!("{list}/{text}"));
            }
            paths.push(format!("/api/v1/interviews/{text}/accept"));
        }
        stream::iter(paths)
            .for_each_concurrent(8, async |path| {
                assert_is_answered(&admin.get(&path).send().await, &path);
            })
            .await;
        for text in &texts {
            let path = format!("/api/v1/users/interviews/{text}/accept");
            assert_is_answered(&people.as_driver.post_empty(&path).send().await, &path);
            let path = format!("/api/v1/interviews?status=&from={text}");
            assert_is_answered(&people.as_key.get(&path).send().await, &path);
        }
    }
);

both!(
    async fn people_are_told_of_interviews_at_the_ends_of_time(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let people = People::of(merchant.clone()).await;
        let mut expected = 0;
        for (number, zone) in ["Pacific/Kiritimati", "America/Los_Angeles"].into_iter().enumerate() {
            let driver = json!({"email": format!("d-{number}@example.org"), "time_zone": zone});
            let driver = merchant.user(&driver).await;
            let interviewee = merchant.interviewee(&driver, &json!({})).await;
            for (start, end) in [
                ("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z"),
                ("9999-12-31T23:59:58Z", "9999-12-31T23:59:59.999Z"),
                ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
            ] {
                let times = json!({"interviewee_id": interviewee["id"], "start_at": start, "end_at": end});
                let interview = people.interview_with(&times).await;
                let path = format!("/api/v1/interviews/{}/cancel", interview["id"]);
                people.as_key.post_empty(&path).send().await.expect(200);
                expected += 1;
            }
        }
        // Of each, the withdrawal at least; the first mail where it left before that.
        let told = convoke_tests::until("everybody is told", std::time::Duration::from_mins(1), async || {
            let mails = t.mails().await;
            let cancelled =
                mails.iter().filter(|mail| mail.subject.to_lowercase().contains("cancel")).count();
            (cancelled >= expected).then_some(cancelled)
        });
        assert_eq!(told.await, expected);
    }
);
