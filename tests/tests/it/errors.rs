//! Problem documents (RFC 9457): what every refusal looks like, and that no input gives a 500.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Env, both};
use reqwest::Method;
use serde_json::json;

#[track_caller]
fn problem(answer: &Answer, status: u16) {
    let body = answer.expect(status);
    assert_eq!(answer.media_type(), "application/problem+json", "{}", answer.request);
    assert_eq!(body["status"], status);
    let kind = body["type"].as_str().unwrap();
    let name = kind.rsplit(['/', '#']).next().unwrap();
    assert!(kind.contains("//") && !name.is_empty(), "type is a URI: {kind}");
    assert!(
        name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()),
        "kebab-case: {kind}"
    );
    for member in ["title", "detail", "instance"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "no {member}: {}", answer.text);
    }
    assert_eq!(body["request_id"].as_str(), Some(answer.header("x-request-id")));
}

both!(
    async fn every_refusal_is_a_problem_document(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("a", 1), &json!({}));
        let operator = merchant.client("operator").await;

        problem(&t.post_empty(REGISTER).body("application/json", "{\"users\": [").send().await, 400);
        problem(&t.post_empty(REGISTER).body("application/json", "").send().await, 400);
        problem(
            &t.post_empty(REGISTER).body("application/json", vec![0xff, 0xfe, b'{', b'}']).send().await,
            400,
        );
        problem(&t.anonymous().post(REGISTER, &body).send().await, 401);
        problem(&operator.post(REGISTER, &body).send().await, 403);
        problem(&t.get("/api/v1/nothing-here").send().await, 404);
        problem(&t.get("/nothing-here").send().await, 404);
        problem(&t.get(REGISTER).send().await, 405);
        problem(
            &t.call(Method::DELETE, "/api/v1/batches/0192f0c1-2345-7abc-8def-0123456789ab").send().await,
            405,
        );
        problem(&t.post_empty(REGISTER).body("text/plain", body.to_string()).send().await, 415);
        problem(
            &t.post_empty(REGISTER).body("application/x-www-form-urlencoded", "users=1").send().await,
            415,
        );
        problem(&t.post(REGISTER, &json!({})).send().await, 422);
        let refused = t.get(REGISTER).send().await;
        assert!(
            refused.header("allow").contains("POST"),
            "a 405 names what is allowed: {:?}",
            refused.headers
        );
        let unauthorized = t.anonymous().post(REGISTER, &body).send().await;
        assert!(
            !unauthorized.header("www-authenticate").is_empty(),
            "a 401 challenges (RFC 9110 section 11.6.1)"
        );
    }
);

both!(
    async fn a_media_type_with_parameters_is_json_too(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body =
            merchant.registration(&merchant.definition().await, &users("a", 1), &json!({})).to_string();
        for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
            t.post_empty(REGISTER).body(media_type, body.clone()).send().await.expect(200);
        }
    }
);

both!(
    async fn the_jobmojito_path_adds_error_and_name(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &[], &json!({}));
        for path in [REGISTER, "/job-interview-register-users"] {
            for answer in [t.post(path, &body).send().await, t.anonymous().post(path, &body).send().await] {
                assert!([401, 422].contains(&answer.status), "{}", answer.text);
                assert_eq!(answer.json["error"], answer.json["detail"]);
                assert!(answer.json["name"].as_str().is_some_and(|name| !name.is_empty()), "{}", answer.text);
            }
        }
        let elsewhere = t.get("/api/v1/batches/0192f0c1-2345-7abc-8def-0123456789ab").send().await;
        assert!(elsewhere.expect(404).get("error").is_none(), "{}", elsewhere.text);
    }
);

both!(
    async fn json_that_is_hostile_is_refused_and_harms_nobody(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let raw = |text: String| t.post_empty(REGISTER).body("application/json", text).send();
        let nested = format!("{{\"users\": {}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        problem(&raw(nested).await, 400);
        let ignored = format!("{{\"x\": {}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        problem(&raw(ignored).await, 400);
        let ids = format!("\"interview_id\": \"{definition}\", \"merchant_id\": \"{}\"", merchant.id);
        problem(
            &raw(format!("{{\"users\": [{{\"email\": \"a@example.org\"}}], \"users\": [], {ids}}}")).await,
            400,
        );
        problem(
            &raw(format!(
                "{{\"users\": [{{\"email\": \"a@example.org\", \"email\": \"b@example.org\"}}], {ids}}}"
            ))
            .await,
            400,
        );
        problem(
            &raw(format!("{{\"users\": [{{\"email\": \"a@example.org\"}}], {ids}}} trailing")).await,
            400,
        );
        problem(&raw("{\"users\": NaN}".to_owned()).await, 400);
        let lone =
            raw(format!("{{\"users\": [{{\"email\": \"a@example.org\", \"name\": \"\\ud800\"}}], {ids}}}"))
                .await;
        assert!(lone.status < 500, "{}", lone.text);
    }
);

both!(
    async fn a_body_that_is_too_large_or_packed_is_refused(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let huge = vec![b' '; 64 << 20];
        problem(
            &t.post_empty("/api/v1/positions")
                .body("application/json", huge[..10 << 20].to_vec())
                .send()
                .await,
            413,
        );
        let answer = t.post_empty(REGISTER).body("application/json", huge).try_send().await;
        // Where the service closes before all is sent, some clients see the answer and some a broken connection.
        if let Ok(answer) = answer {
            problem(&answer, 413);
        }
        let body = merchant.registration(&merchant.definition().await, &users("a", 1), &json!({}));
        let packed = t.post(REGISTER, &body).header("content-encoding", "gzip").send().await;
        assert!([413, 415].contains(&packed.status), "{} {}", packed.status, packed.text);
        problem(&packed, packed.status);
        t.get("/healthz").send().await.expect(200);
    }
);

both!(
    async fn the_largest_allowed_registration_fits(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let wide = |n: usize| json!({"name": format!("{n} {}", "é".repeat(150)), "email": format!("{}-{n}@example.org", "x".repeat(50)), "external_id": "y".repeat(150)});
        let rows: Vec<_> = (0..10_000).map(wide).collect();
        let body = merchant.registration(&definition, &rows, &json!({}));
        t.post(REGISTER, &body).prefer("respond-async").send().await.expect(202);
    }
);

both!(
    async fn header_lines_that_are_no_http_do_no_harm(t: &Env) {
        let address = t.base().strip_prefix("http://").unwrap();
        for request in [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: \u{1}\r\n\r\n".to_owned(),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(1 << 20)),
        "GET /%zz/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "POST /functions/v1/job-interview-register-users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let mut head = [0; 32];
        let read = stream.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        assert!(!head.contains(" 500"), "{request:.60} gave {head}");
    }
        t.get("/healthz").send().await.expect(200);
    }
);
