//! The service credential as a signed token: a JWT with `role: service_role` (`CONTRACT.md` section 3).

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

/// Clocks may differ by so much, in seconds.
const LEEWAY: i64 = 30;
const AUDIENCE: &str = "authenticated";

#[derive(Deserialize)]
struct Claims {
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    aud: Option<Value>,
    #[serde(default)]
    role: Option<String>,
}

/// Whether this is a token of the platform itself, signed with the secret and valid now. The algorithm is HS256,
/// whatever the token says of itself.
pub(crate) fn is_valid(secret: &[u8], token: &str, now: DateTime<Utc>) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    // Times and audience are judged below: by our clock, and with `aud: null` allowed.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let Ok(token) = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret), &validation)
    else {
        return false;
    };
    let Claims { exp, nbf, aud, role } = token.claims;
    let now = now.timestamp();
    let in_time = exp.saturating_add(LEEWAY) > now && nbf.is_none_or(|nbf| nbf.saturating_sub(LEEWAY) <= now);
    in_time && aud.as_ref().is_none_or(is_ours) && role.as_deref() == Some("service_role")
}

fn is_ours(aud: &Value) -> bool {
    match aud {
        Value::Null => true,
        Value::String(one) => one == AUDIENCE,
        Value::Array(many) => many.iter().any(|one| one == AUDIENCE),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000;

    fn accepted(algorithm: Algorithm, secret: &[u8], claims: &Value) -> bool {
        let key = EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap();
        is_valid(SECRET, &token, DateTime::from_timestamp(NOW, 0).unwrap())
    }

    #[test]
    fn only_a_token_of_the_service_that_is_valid_now_counts() {
        let claims = |changed: Value| {
            let mut claims =
                json!({ "role": "service_role", "exp": NOW + 60, "aud": null, "iss": "supabase" });
            for (name, value) in changed.as_object().unwrap() {
                claims[name] = value.clone();
            }
            claims
        };
        assert!(accepted(Algorithm::HS256, SECRET, &claims(json!({}))));
        assert!(accepted(Algorithm::HS256, SECRET, &claims(json!({ "aud": "authenticated" }))));
        for refused in [
            json!({ "role": "authenticated" }),
            json!({ "role": null }),
            json!({ "exp": NOW - 31 }),
            json!({ "exp": null }),
            json!({ "exp": "soon" }),
            json!({ "exp": 1e40 }),
            json!({ "nbf": NOW + 3_600 }),
            json!({ "aud": "another-service" }),
            json!({ "aud": 7 }),
        ] {
            assert!(!accepted(Algorithm::HS256, SECRET, &claims(refused.clone())), "{refused}");
        }
        assert!(!accepted(Algorithm::HS512, SECRET, &claims(json!({}))), "another algorithm");
        assert!(
            !accepted(Algorithm::HS256, b"another secret of enough bytes..", &claims(json!({}))),
            "another key"
        );
    }

    #[test]
    fn an_unsigned_or_cut_token_is_refused() {
        let unsigned = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIiwiZXhwIjoxODAwMDAwMDYwfQ.";
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        for token in [unsigned, &unsigned[..30], "..", "", "a.b.c"] {
            assert!(!is_valid(SECRET, token, now), "{token}");
        }
    }
}
