//! A small HTTP client: one credential, one base address, answers read whole.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, Merchant, until};

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
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// `POST` without a body.
    pub fn post_empty(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    /// `DELETE`
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

    /// Polls an operation until it succeeded or failed, and gives it. From its 202 on it must never be a 404.
    pub async fn ended_operation(&self, id: &str) -> Value {
        let path = format!("/api/v1/operations/{id}");
        until(&format!("operation {id} ended"), Duration::from_mins(1), async || {
            let operation = self.get(&path).send().await.expect(200)["operation"].clone();
            ["succeeded", "failed"].contains(&operation["status"].as_str()?).then_some(operation)
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
        Merchant::create(self, name).await
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
