//! The 409 that a worker records for whoever asked (RFC 9457).

use serde_json::{Value, json};

/// Where problem types live. They are names first; `docs/api/problems.md` explains each.
pub const PROBLEM_TYPES: &str = "https://convoke.example/problems/";

/// A conflict of this name, told in these words.
#[must_use]
pub fn conflict(name: &str, detail: &str) -> Value {
    json!({
        "type": format!("{PROBLEM_TYPES}{name}"), "title": "The resource's state does not allow this", "status": 409, "detail": detail,
    })
}
