//! A merchant and what belongs to it: definitions, positions, keys, registrations.

use serde_json::{Value, json};

use crate::client::{Client, REGISTER};
use crate::{Answer, issuer};

/// A merchant and what belongs to it, made with the service credential.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its id, a UUID.
    pub id: String,
    client: Client,
}

impl Merchant {
    /// Creates one, with the service credential of this client.
    pub(crate) async fn create(service: &Client, name: &str) -> Self {
        let made = service.post("/api/v1/merchants", &json!({"merchant": {"name": name}})).send().await;
        made.expect(201);
        Self { id: made.text_at("/merchant/id").to_owned(), client: service.clone() }
    }

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

    /// Creates a user and gives it. Where the members say nothing it is a candidate whom no mail reaches.
    pub async fn user(&self, members: &Value) -> Value {
        let mut user = json!({"merchant_id": self.id, "title": "Cindy Kuvalis"});
        merge(&mut user, members);
        let made = self.client.post("/api/v1/users", &json!({ "user": user })).send().await;
        made.expect(201)["user"].clone()
    }

    /// Makes a user somebody who is interviewed, and gives the interviewee.
    pub async fn interviewee(&self, user: &Value, members: &Value) -> Value {
        let mut interviewee = json!({"merchant_id": self.id, "user_id": user["id"]});
        merge(&mut interviewee, members);
        let made =
            self.client.post("/api/v1/interviewees", &json!({ "interviewee": interviewee })).send().await;
        made.expect(201)["interviewee"].clone()
    }

    /// A client with a fresh token of a user.
    #[must_use]
    pub fn signed_in(&self, user: &Value) -> Client {
        self.client.bearer(&issuer::token_of(user))
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
