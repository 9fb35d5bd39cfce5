//! A small HTTP client: one credential, one base address, answers read whole.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, until};

/// The bulk registration's path, as the document has it.
pub const REGISTER: &str = "/functions/v1/job-interview-register-users";

static HTTP: LazyLock<()> = LazyLock::new(|| {
    // The first test of a process wins; the others find it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
});

/// How a credential is sent.
#[derive(Clone, Debug)]
pub enum Credential {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// A header of its own, by its name.
    Header(&'static str, String),
    /// Not at all.
    None,
}

/// Speaks to one address with one credential.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    credential: Credential,
}

impl Client {
    /// A client with a connection pool of its own.
    #[must_use]
    pub fn new(base: &str, credential: Credential) -> Self {
        LazyLock::force(&HTTP);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(2))
            .no_proxy()
            .build()
            .expect("a client without certificates can be built");
        Self { http, base: base.to_owned(), credential }
    }

    /// The same, with another credential.
    #[must_use]
    pub fn with(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// The same, with a bearer token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        self.with(Credential::Bearer(token.to_owned()))
    }

    /// The same, with none.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        self.with(Credential::None)
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path, or to a whole URL.
    #[must_use]
    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let request = format!("{method} {path}");
        let builder = self.http.request(method, url);
        let builder = match &self.credential {
            Credential::Bearer(token) => builder.bearer_auth(token),
            Credential::Header(name, value) => builder.header(*name, value),
            Credential::None => builder,
        };
        Call { request, builder }
    }

    /// `GET`
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST` with a JSON body.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// `POST` without a body.
    #[must_use]
    pub fn post_empty(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PATCH` with a JSON body.
    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    /// `DELETE`
    #[must_use]
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Polls a batch until it is completed, and gives it. From its 202 on it must never be a 404.
    pub async fn completed_batch(&self, id: &str, within: Duration) -> Value {
        let path = format!("/api/v1/batches/{id}");
        until(&format!("batch {id} is completed"), within, async || {
            let batch = self.get(&path).send().await.expect(200)["batch"].clone();
            (batch["status"] == "completed").then_some(batch)
        })
        .await
    }

    /// Every row of a batch's results, page by page.
    pub async fn results(&self, id: &str, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page =
                self.get(&format!("/api/v1/batches/{id}/results?limit=1000{query}{cursor}")).send().await;
            page.expect(200);
            rows.extend_from_slice(page.rows("/results"));
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// Creates a merchant (with a service credential).
    pub async fn merchant(&self, name: &str) -> Merchant {
        let made = self.post("/api/v1/merchants", &json!({"merchant": {"name": name}})).send().await;
        made.expect(201);
        Merchant { id: made.text_at("/merchant/id").to_owned(), client: self.clone() }
    }
}

/// A request that is being put together.
#[must_use]
pub struct Call {
    request: String,
    builder: RequestBuilder,
}

impl Call {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// Adds a header whose value may be no text.
    pub fn header_bytes(self, name: &str, value: &[u8]) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// `Prefer: …` (RFC 7240)
    pub fn prefer(self, preference: &str) -> Self {
        self.header("prefer", preference)
    }

    /// `Idempotency-Key: …`
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        Self { builder: self.builder.json(body), ..self }
    }

    /// Any body with its media type.
    pub fn body(self, media_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.header("content-type", media_type).body(body), ..self }
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(self) -> Answer {
        let request = self.request.clone();
        self.try_send().await.unwrap_or_else(|e| panic!("{request}: no answer: {e:?}"))
    }

    /// As [`Call::send`], for a service that may be dead.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let response = self.builder.send().await?;
        Answer::read(self.request, response).await
    }

    /// The response with its body still to come, for streams.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn stream(self) -> reqwest::Response {
        self.builder.send().await.unwrap_or_else(|e| panic!("{}: no answer: {e:?}", self.request))
    }
}

/// A merchant and what belongs to it, made with the service credential.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its id, a UUID.
    pub id: String,
    client: Client,
}

impl Merchant {
    /// Creates an active definition with `members` added, and gives its `{"id", "interview_id", …}`.
    pub async fn definition_with(&self, members: &Value) -> Value {
        let mut definition = json!({"merchant_id": self.id, "name": "Rust engineer", "status": "active"});
        merge(&mut definition, members);
        let body = json!({ "interview_definition": definition });
        let made = self.client.post("/api/v1/interview-definitions", &body).send().await;
        made.expect(201)["interview_definition"].clone()
    }

    /// Creates an active definition and gives its UUID.
    pub async fn definition(&self) -> String {
        let made = self.definition_with(&json!({})).await;
        made["interview_id"].as_str().expect("a definition has an interview_id").to_owned()
    }

    /// Creates a position that points at a definition and gives its UUID.
    pub async fn position(&self, definition: &str) -> String {
        let body =
            json!({"position": {"merchant_id": self.id, "title": "Engineer", "interview_id": definition}});
        let made = self.client.post("/api/v1/positions", &body).send().await;
        made.expect(201);
        made.text_at("/position/id").to_owned()
    }

    /// Creates an API key and gives its answer: `id`, `prefix`, and `key`, which is shown only now.
    pub async fn api_key(&self, role: &str) -> Value {
        let body =
            json!({"api_key": {"merchant_id": self.id, "name": format!("a test's {role}"), "role": role}});
        let made = self.client.post("/api/v1/api-keys", &body).send().await;
        made.expect(201)["api_key"].clone()
    }

    /// A client with a fresh API key of this role.
    pub async fn client(&self, role: &str) -> Client {
        let made = self.api_key(role).await;
        self.client.bearer(made["key"].as_str().expect("a key is shown once"))
    }

    /// The one registration of an address; with [`Merchant::register`] before it, of a definition.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub async fn registration_of(&self, email: &str) -> Value {
        let path =
            format!("/api/v1/registrations?merchant_id={}&email={}", self.id, email.replace('+', "%2B"));
        let found = self.client.get(&path).send().await;
        found.expect(200);
        assert_eq!(found.rows("/registrations").len(), 1, "{}", found.text);
        found.rows("/registrations")[0].clone()
    }

    /// Does one of `resend`, `revoke`, `reissue`, `complete` to a registration and waits for it.
    pub async fn act(&self, registration: &Value, verb: &str) -> Answer {
        self.client
            .post_empty(&format!("/api/v1/registrations/{registration}/{verb}"))
            .prefer("wait=30")
            .send()
            .await
    }

    /// The body of a bulk registration.
    #[must_use]
    pub fn registration(&self, interview: &str, users: &[Value], members: &Value) -> Value {
        let mut body = json!({"users": users, "interview_id": interview, "merchant_id": self.id});
        merge(&mut body, members);
        body
    }

    /// Registers users without mail and waits for the per-user answer.
    pub async fn register(&self, interview: &str, users: &[Value]) -> Answer {
        self.register_with(interview, users, &json!({})).await
    }

    /// As [`Merchant::register`], with members added to the body.
    pub async fn register_with(&self, interview: &str, users: &[Value], members: &Value) -> Answer {
        let body = self.registration(interview, users, members);
        self.client.post(REGISTER, &body).prefer("wait=60").send().await
    }
}

/// Adds the members of one object to another.
///
/// # Panics
/// When one of them is no object.
pub fn merge(into: &mut Value, members: &Value) {
    let (into, members) = (into.as_object_mut(), members.as_object());
    into.expect("an object").extend(members.expect("an object").clone());
}

/// `count` users with names, addresses and external ids that tell them apart: `<tag>-0@example.org`, …
#[must_use]
pub fn users(tag: &str, count: usize) -> Vec<Value> {
    let user = |n: usize| json!({"name": format!("Candidate {n}"), "email": format!("{tag}-{n}@example.org"), "external_id": format!("{tag}:{n}")});
    (0..count).map(user).collect()
}
