//! Whoever signs tokens: with the secret that the service knows, or with a key pair of another issuer's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::rand_core::OsRng;
use serde_json::{Value, json};
use shared::clock::{Clock, Entropy};

use crate::convoke::JWT_SECRET;

/// The present second, as tokens count.
#[must_use]
pub fn now() -> i64 {
    Clock::System.now().timestamp()
}

/// The claims that the source documents show: a user's, for an hour, with a `jti` of its own.
///
/// # Panics
/// When the user has no subject.
#[must_use]
pub fn claims_of(user: &Value) -> Value {
    let subject = user["subject"].as_str().expect("a user has a subject");
    let (now, jti) = (now(), Entropy::System.uuid(Clock::System.now()));
    json!({"sub": subject, "scp": "user", "aud": null, "iat": now, "exp": now + 3_600, "jti": jti})
}

/// A fresh token of a user, signed with the service's secret.
#[must_use]
pub fn token_of(user: &Value) -> String {
    signed(&claims_of(user))
}

/// Claims signed with the service's secret.
#[must_use]
pub fn signed(claims: &Value) -> String {
    signed_with(Algorithm::HS256, JWT_SECRET.as_bytes(), claims)
}

/// Claims signed with any secret and any of the HMAC algorithms.
///
/// # Panics
/// When the algorithm is no HMAC.
#[must_use]
pub fn signed_with(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("claims can be signed")
}

/// Another issuer's key pair.
pub struct KeyPair {
    id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    /// The public key in DER: an RSA one as PKCS #1, an elliptic one as its point.
    pub public: Vec<u8>,
}

impl KeyPair {
    /// A fresh RSA key for RS256.
    ///
    /// # Panics
    /// When none can be made.
    #[must_use]
    pub fn rs256(id: &str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).expect("a key can be made");
        let public = key.to_public_key().to_pkcs1_der().expect("it can be written").as_bytes().to_vec();
        let private = key.to_pkcs1_der().expect("it can be written");
        let private = EncodingKey::from_rsa_der(private.as_bytes());
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, private, public }
    }

    /// A fresh P-256 key for ES256.
    ///
    /// # Panics
    /// When none can be made.
    #[must_use]
    pub fn es256(id: &str) -> Self {
        let key = p256::SecretKey::random(&mut OsRng);
        let public = key.public_key().to_sec1_bytes().to_vec();
        let private = key.to_pkcs8_der().expect("it can be written");
        let private = EncodingKey::from_ec_der(private.as_bytes());
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, private, public }
    }

    /// The public half, as a JWKS file has it.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).expect("a public half");
        jwk.common.key_id = Some(self.id.clone());
        serde_json::to_value(jwk).expect("a JWK is JSON")
    }

    /// Claims signed with the private half; the header names the key.
    #[must_use]
    pub fn signed(&self, claims: &Value) -> String {
        self.signed_as(self.algorithm, Some(&self.id), claims)
    }

    /// Claims signed with the private half by another of its algorithms, under any key's name or none.
    ///
    /// # Panics
    /// When they cannot be signed.
    #[must_use]
    pub fn signed_as(&self, algorithm: Algorithm, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("claims can be signed")
    }
}

/// A token with any header and any signature: for what no library would write.
#[must_use]
pub fn forged(header: &Value, claims: &Value, signature: impl FnOnce(&[u8]) -> String) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", signature(signed.as_bytes()))
}

/// The HMAC-SHA256 of a message, as a token has it.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn hmac(secret: &[u8], message: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::crypto::sign(message, &key, Algorithm::HS256).expect("any secret signs")
}

/// The document that publishes keys.
#[must_use]
pub fn jwks(keys: &[&KeyPair]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}
