//! Tokens of users and of the platform: JWTs, signed with HS256 under our secret or by another issuer's key
//! (RFC 7519). Only the secret and the file say which algorithm counts, never the token.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};
use serde::Deserialize;
use serde_json::{Number, Value};
use shared::config::Config;

use super::jwks::{Jwks, JwksError};

/// Clocks may differ by so much, in seconds.
const LEEWAY: f64 = 30.0;
/// The end of the year 9999: no sensible token lives beyond it.
const LATEST: f64 = 253_402_300_799.0;
const LONGEST_SUBJECT: usize = 255;
/// No index holds a longer one; such a token counts as having no id.
const LONGEST_ID: usize = 2_000;

/// What tokens are verified with.
#[derive(Clone)]
pub(crate) struct Verifier {
    secret: DecodingKey,
    audiences: Vec<String>,
    jwks: Option<Arc<Jwks>>,
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    exp: Number,
    #[serde(default)]
    nbf: Option<Number>,
    #[serde(default)]
    aud: Option<Value>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// The platform itself: `role` is `service_role`.
    Service,
    /// The user whom tokens call so.
    User(String),
}

/// A token that is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) bearer: Bearer,
    /// Its own id, by which it can be revoked.
    pub(crate) jti: Option<String>,
    pub(crate) expires_at: DateTime<Utc>,
}

impl Verifier {
    /// Reads the JWKS file, where one is configured.
    pub(crate) fn new(config: &Config) -> Result<Self, JwksError> {
        Ok(Self {
            secret: DecodingKey::from_secret(config.jwt_secret.expose()),
            audiences: config.jwt_audience.clone(),
            jwks: config.jwks_file.as_deref().map(Jwks::open).transpose()?.map(Arc::new),
            issuer: config.jwks_issuer.clone(),
        })
    }

    /// The token, where it is signed by whom it should be and valid now.
    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Token> {
        // What a header calls critical must be understood (RFC 7515 section 4.1.11), and nothing is.
        let header = decode_header(token).ok().filter(|header| header.crit.is_none())?;
        let (algorithm, key) = match header.alg {
            Algorithm::HS256 => (Algorithm::HS256, self.secret.clone()),
            named @ (Algorithm::RS256 | Algorithm::ES256) => {
                let found = self.jwks.as_ref()?.find(header.kid.as_deref(), named)?;
                (found.algorithm, found.decoding)
            }
            _ => return None,
        };
        let mut validation = Validation::new(algorithm);
        // Times and audience are judged below: by our clock, and with `aud: null` allowed.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?.claims;
        if !self.is_issuers(algorithm, claims.iss.as_deref()) {
            return None;
        }
        self.judge(claims, now)
    }

    /// Where the file's issuer is named, its tokens are signed by the file's keys, and nobody else's are.
    fn is_issuers(&self, algorithm: Algorithm, named: Option<&str>) -> bool {
        match &self.issuer {
            None => true,
            Some(issuer) => (algorithm != Algorithm::HS256) == (named == Some(issuer)),
        }
    }

    fn judge(&self, claims: Claims, now: DateTime<Utc>) -> Option<Token> {
        #[expect(clippy::cast_precision_loss, reason = "seconds are far below what a double holds exactly")]
        let now = now.timestamp_millis() as f64 / 1_000.0;
        let exp = claims.exp.as_f64().filter(|exp| (0.0..=LATEST).contains(exp))?;
        let nbf = claims.nbf.map_or(Some(0.0), |nbf| nbf.as_f64())?;
        let in_time = exp + LEEWAY > now && nbf - LEEWAY <= now;
        if !in_time || !claims.aud.as_ref().is_none_or(|aud| self.is_ours(aud)) {
            return None;
        }
        let bearer = match (claims.role.as_deref(), claims.sub) {
            (Some("service_role"), _) => Bearer::Service,
            (None | Some("authenticated"), Some(sub)) if is_subject(&sub) => Bearer::User(sub),
            _ => return None,
        };
        #[expect(clippy::cast_possible_truncation, reason = "it is between 1970 and 9999")]
        let expires_at = DateTime::from_timestamp(exp as i64, 0)?;
        let jti = claims.jti.filter(|jti| (1..=LONGEST_ID).contains(&jti.len()) && !jti.contains('\0'));
        Some(Token { bearer, jti, expires_at })
    }

    fn is_ours(&self, aud: &Value) -> bool {
        let known =
            |one: &Value| one.as_str().is_some_and(|one| self.audiences.iter().any(|ours| ours == one));
        match aud {
            Value::Null => true,
            Value::Array(many) => many.iter().any(known),
            one => known(one),
        }
    }
}

/// Whether anybody can be called so: no column holds a NUL.
fn is_subject(sub: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&sub.len()) && !sub.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: i64 = 1_800_000_000;

    fn verifier() -> Verifier {
        Verifier {
            secret: DecodingKey::from_secret(SECRET),
            audiences: vec!["authenticated".to_owned(), "drivers".to_owned()],
            jwks: None,
            issuer: None,
        }
    }

    fn verified(algorithm: Algorithm, secret: &[u8], claims: &Value) -> Option<Bearer> {
        let key = EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap();
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        verifier().verify(&token, now).map(|token| token.bearer)
    }

    fn accepted(algorithm: Algorithm, secret: &[u8], claims: &Value) -> bool {
        verified(algorithm, secret, claims).is_some()
    }

    #[test]
    fn a_users_token_has_the_seeds_claims_or_supabases() {
        let seed = json!({
            "sub": "1793", "scp": "user", "aud": null, "iat": NOW, "exp": NOW + 60,
            "jti": "0cbaa548-3a7e-4656-a151-17f9e056138b",
        });
        let user = |sub: &str| Some(Bearer::User(sub.to_owned()));
        assert_eq!(verified(Algorithm::HS256, SECRET, &seed), user("1793"));
        let sub = "5c5ea2e7-7b0a-4a52-9f0e-6b4bd0a3d0a1";
        let supabase =
            json!({ "sub": sub, "role": "authenticated", "aud": "authenticated", "exp": 1_800_000_050.5 });
        assert_eq!(verified(Algorithm::HS256, SECRET, &supabase), user(sub));
        for (name, value) in [
            ("role", json!("anon")),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!(null)),
            ("sub", json!("7\0")),
        ] {
            let mut changed = supabase.clone();
            changed[name] = value;
            assert_eq!(verified(Algorithm::HS256, SECRET, &changed), None, "{changed}");
        }
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
        for aud in [json!("authenticated"), json!("drivers"), json!(["x", "drivers"])] {
            assert!(accepted(Algorithm::HS256, SECRET, &claims(json!({ "aud": aud }))), "{aud}");
        }
        for refused in [
            json!({ "exp": NOW - 31 }),
            json!({ "exp": null }),
            json!({ "exp": "soon" }),
            json!({ "exp": 1e40 }),
            json!({ "exp": -1e40 }),
            json!({ "nbf": NOW + 3_600 }),
            json!({ "nbf": "now" }),
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
            assert_eq!(verifier().verify(token, now), None, "{token}");
        }
    }
}
