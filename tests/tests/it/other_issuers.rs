//! Tokens that another issuer signed, whose public keys stand in a JWKS file. On the embedded default: a token is
//! judged before any database is asked.

use std::path::Path;
use std::time::Duration;

use convoke_tests::convoke::JWT_SECRET;
use convoke_tests::issuer::{KeyPair, claims_of, forged, hmac, jwks, now, signed, signed_with};
use convoke_tests::merchant::merge;
use convoke_tests::{Convoke, until};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const OWN: &str = "/api/v1/users/interviews";
const ISSUER: &str = "https://id.example.org";

/// A service that knows these keys, and a user's claims.
async fn start(folder: &Path, keys: &[&KeyPair], issuer: Option<&str>) -> (Convoke, Value) {
    let file = folder.join("jwks.json");
    std::fs::write(&file, jwks(keys)).unwrap();
    let mut plan = Convoke::embedded().set("CONVOKE_JWKS_FILE", file.to_str().unwrap());
    if let Some(issuer) = issuer {
        plan = plan.set("CONVOKE_JWKS_ISSUER", issuer);
    }
    let t = plan.start().await;
    let user = t.merchant("Acme").await.user(&json!({})).await;
    (t, claims_of(&user))
}

async fn status(t: &Convoke, token: &str) -> u16 {
    t.bearer(token).get(OWN).send().await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_of_the_file_is_believed_for_its_own_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let (rsa, ec, stranger) = (KeyPair::rs256("r"), KeyPair::es256("e"), KeyPair::es256("e"));
    let (t, claims) = start(folder.path(), &[&rsa, &ec], None).await;
    for token in [
        rsa.signed(&claims),
        ec.signed(&claims),
        rsa.signed_as(Algorithm::RS256, None, &claims),
        ec.signed_as(Algorithm::ES256, None, &claims),
        signed(&claims),
    ] {
        assert_eq!(status(&t, &token).await, 200, "{token}");
    }
    let key_of_another_name = rsa.signed_as(Algorithm::RS256, Some("e"), &claims);
    let expired = {
        let mut claims = claims.clone();
        claims["exp"] = json!(now() - 60);
        ec.signed(&claims)
    };
    let (body, signature) =
        ec.signed(&claims).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    for token in [
        stranger.signed(&claims),
        stranger.signed_as(Algorithm::ES256, None, &claims),
        ec.signed_as(Algorithm::ES256, Some("unknown"), &claims),
        ec.signed_as(Algorithm::ES256, Some(""), &claims),
        key_of_another_name,
        rsa.signed_as(Algorithm::RS384, Some("r"), &claims),
        rsa.signed_as(Algorithm::RS512, Some("r"), &claims),
        rsa.signed_as(Algorithm::PS256, Some("r"), &claims),
        expired,
        format!("{body}.{}", &signature[..signature.len() - 4]),
        format!("{body}."),
    ] {
        assert_eq!(status(&t, &token).await, 401, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_key_is_no_secret_to_sign_with() {
    let folder = tempfile::tempdir().unwrap();
    let (rsa, ec) = (KeyPair::rs256("r"), KeyPair::es256("e"));
    let (t, claims) = start(folder.path(), &[&rsa, &ec], None).await;
    for pair in [&rsa, &ec] {
        let jwk = pair.jwk();
        let number = jwk["n"].as_str().or(jwk["x"].as_str()).unwrap().as_bytes();
        for secret in [pair.public.as_slice(), jwk.to_string().as_bytes(), number, jwks(&[pair]).as_bytes()] {
            let token = signed_with(Algorithm::HS256, secret, &claims);
            assert_eq!(status(&t, &token).await, 401);
            for algorithm in ["HS256", "RS256", "ES256"] {
                let header = json!({"alg": algorithm, "typ": "JWT", "kid": jwk["kid"]});
                let token = forged(&header, &claims, |message| hmac(secret, message));
                assert_eq!(status(&t, &token).await, 401, "{algorithm}");
            }
        }
        for algorithm in ["RS256", "ES256"] {
            let header = json!({"alg": algorithm, "kid": jwk["kid"]});
            let by_secret = forged(&header, &claims, |message| hmac(JWT_SECRET.as_bytes(), message));
            assert_eq!(status(&t, &by_secret).await, 401);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_anew_changes_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (KeyPair::es256("old"), KeyPair::es256("new"));
    let (t, claims) = start(folder.path(), &[&old], None).await;
    assert_eq!((status(&t, &old.signed(&claims)).await, status(&t, &new.signed(&claims)).await), (200, 401));
    let replace = |text: &str| {
        let beside = folder.path().join("jwks.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, folder.path().join("jwks.json")).unwrap();
    };
    replace(&jwks(&[&old, &new]));
    until("the new key is believed", Duration::from_mins(1), async || {
        (status(&t, &new.signed(&claims)).await == 200).then_some(())
    })
    .await;
    assert_eq!(status(&t, &old.signed(&claims)).await, 200, "while both stand there, both hold");
    replace(&jwks(&[&new]));
    until("the old key is believed no longer", Duration::from_mins(1), async || {
        (status(&t, &old.signed(&claims)).await == 401).then_some(())
    })
    .await;
    assert_eq!(status(&t, &new.signed(&claims)).await, 200);
    replace(&jwks(&[]));
    until("no key is believed any more", Duration::from_mins(1), async || {
        (status(&t, &new.signed(&claims)).await == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_named_signs_its_own_tokens_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::rs256("r");
    let (t, claims) = start(folder.path(), &[&key], Some(ISSUER)).await;
    let by = |issuer: Value| {
        let mut claims = claims.clone();
        merge(&mut claims, &json!({ "iss": issuer }));
        claims
    };
    for (token, expected) in [
        (key.signed(&by(json!(ISSUER))), 200),
        (key.signed(&by(json!(format!("{ISSUER}/")))), 401),
        (key.signed(&by(json!("https://evil.example"))), 401),
        (key.signed(&by(Value::Null)), 401),
        (key.signed(&by(json!([ISSUER]))), 401),
        (key.signed(&claims), 401),
        (signed(&by(json!(ISSUER))), 401),
        (signed(&by(json!("https://abc.supabase.co/auth/v1"))), 200),
        (signed(&claims), 200),
    ] {
        assert_eq!(status(&t, &token).await, expected, "{token}");
    }
}
