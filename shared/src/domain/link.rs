//! The one-time link's token: minted, shown again, recognised. `DESIGN.md` section 5, `docs/adr/0001`.
//!
//! ```text
//! version(1) registration(8) generation(4) proof(24) check(12)      49 bytes, 66 characters of base64url
//! proof = HMAC-SHA256(key, "proof" ‖ merchant ‖ registration ‖ generation ‖ nonce)
//! check = HMAC-SHA256(key, "check" ‖ version ‖ registration ‖ generation ‖ proof)
//! ```
//!
//! The nonce is in the row, the keys are outside the database: a stolen database opens no link, a stolen key
//! alone opens none. The check is made of the token and the key only, so a forged token costs no read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{Secret, ViewFlags};

const PROOF: usize = 24;
const CHECK: usize = 12;
const LENGTH: usize = 1 + 8 + 4 + PROOF + CHECK;

/// The signing keys, newest first; the newest signs, all are recognised. At most 255, each of 16 bytes or more.
#[derive(Clone, Debug)]
pub struct TokenKeys(Vec<(u8, Secret<Vec<u8>>)>);

/// Why a text is no list of keys.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected `id:hex` pairs parted by commas, newest first, each id a number from 1 to 255 and each key 32 bytes as 64 hex digits ({0})"
)]
pub struct TokenKeysError(&'static str);

impl TokenKeys {
    /// Parses `2:ab…,1:cd…`.
    pub fn parse(text: &str) -> Result<Self, TokenKeysError> {
        let mut keys = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (id, key) = pair.split_once(':').ok_or(TokenKeysError("a pair has no colon"))?;
            let id: u8 =
                id.trim().parse().map_err(|_| TokenKeysError("an id is not a number from 1 to 255"))?;
            let key = hex::decode(key.trim()).map_err(|_| TokenKeysError("a key is not hexadecimal"))?;
            if id == 0 {
                return Err(TokenKeysError("an id is not a number from 1 to 255"));
            }
            if key.len() < 16 {
                return Err(TokenKeysError("a key is shorter than 16 bytes"));
            }
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(TokenKeysError("an id appears twice"));
            }
            keys.push((id, Secret::new(key)));
        }
        if keys.is_empty() { Err(TokenKeysError("the list is empty")) } else { Ok(Self(keys)) }
    }

    /// The id of the key that signs new links.
    #[must_use]
    pub fn newest(&self) -> u8 {
        self.0[0].0
    }

    /// The ids of all keys: a link that another signed opens nothing any more.
    #[must_use]
    pub fn ids(&self) -> Vec<i64> {
        self.0.iter().map(|(id, _)| i64::from(*id)).collect()
    }

    fn hmac(&self, id: u8) -> Option<Hmac<Sha256>> {
        let (_, key) = self.0.iter().find(|(known, _)| *known == id)?;
        Some(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }
}

/// Why a token is not recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not one of ours")]
pub struct TokenError;

/// What a token says of itself once its check holds: which link it claims to be.
///
/// Only [`LinkToken::proves`], with the row's nonce, shows that it is.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// The key that signed it.
    pub key_id: u8,
    /// The registration's id.
    pub registration: i64,
    /// The link's generation; a registration's current one is the only one that opens.
    pub generation: i64,
    proof: [u8; PROOF],
}

impl std::fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkToken({}.{} ***)", self.registration, self.generation)
    }
}

impl LinkToken {
    /// The token of a registration's generation: the same arguments give the same token.
    ///
    /// `None` where the key is no longer configured, or a number is out of range.
    #[must_use]
    pub fn mint(
        keys: &TokenKeys,
        key_id: i64,
        merchant: Uuid,
        registration: i64,
        generation: i64,
        nonce: &[u8],
    ) -> Option<Self> {
        let key_id = u8::try_from(key_id).ok()?;
        u32::try_from(generation).ok()?;
        let proof = proof(keys, key_id, merchant, registration, generation, nonce)?;
        Some(Self { key_id, registration, generation, proof })
    }

    /// Reads a token from a URL or a body. Costs two hashes and no read, whatever it is given.
    pub fn parse(keys: &TokenKeys, text: &str) -> Result<Self, TokenError> {
        if text.len() > 80 {
            return Err(TokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| TokenError)?;
        let (body, check) = bytes.split_at(LENGTH - CHECK);
        let expected = check_of(keys, body[0], body).ok_or(TokenError)?;
        if !bool::from(expected.ct_eq(check)) {
            return Err(TokenError);
        }
        let registration = i64::from_be_bytes(body[1..9].try_into().map_err(|_| TokenError)?);
        let generation = u32::from_be_bytes(body[9..13].try_into().map_err(|_| TokenError)?);
        let proof = body[13..].try_into().map_err(|_| TokenError)?;
        Ok(Self { key_id: body[0], registration, generation: i64::from(generation), proof })
    }

    /// Whether the row with this nonce is the one that the token was minted for.
    #[must_use]
    pub fn proves(&self, keys: &TokenKeys, merchant: Uuid, nonce: &[u8]) -> bool {
        proof(keys, self.key_id, merchant, self.registration, self.generation, nonce)
            .is_some_and(|expected| bool::from(expected.ct_eq(&self.proof)))
    }

    /// The token as it stands in a URL: 66 characters of base64url. `None` where its key is gone.
    #[must_use]
    pub fn encode(&self, keys: &TokenKeys) -> Option<String> {
        let generation = u32::try_from(self.generation).ok()?;
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(self.key_id);
        bytes.extend(self.registration.to_be_bytes());
        bytes.extend(generation.to_be_bytes());
        bytes.extend(self.proof);
        let check = check_of(keys, self.key_id, &bytes)?;
        bytes.extend(check);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn proof(
    keys: &TokenKeys,
    key_id: u8,
    merchant: Uuid,
    registration: i64,
    generation: i64,
    nonce: &[u8],
) -> Option<[u8; PROOF]> {
    let mut mac = keys.hmac(key_id)?;
    mac.update(b"proof");
    mac.update(merchant.as_bytes());
    mac.update(&registration.to_be_bytes());
    mac.update(&generation.to_be_bytes());
    mac.update(nonce);
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    digest[..PROOF].try_into().ok()
}

fn check_of(keys: &TokenKeys, key_id: u8, body: &[u8]) -> Option<[u8; CHECK]> {
    let mut mac = keys.hmac(key_id)?;
    mac.update(b"check");
    mac.update(body);
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    digest[..CHECK].try_into().ok()
}

/// Stands where the link was in a captured mail, so that no token is stored. Escaping for HTML leaves it as it is.
pub const CAPTURED_LINK: &str = "convoke-link-cut-out-before-storing";

/// `{base}/interview/take/{definition uuid}/?interview_token=…`, with the view flags that are set
/// (`CONTRACT.md` section 7). `base` has no trailing slash.
#[must_use]
pub fn link_url(base: &str, interview: Uuid, token: &str, flags: ViewFlags) -> String {
    let mut url = format!("{base}/interview/take/{interview}/?interview_token={token}");
    if flags.hide_menu {
        url.push_str("&view_hm=true");
    }
    if flags.hide_iframe {
        url.push_str("&view_hi=true");
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> TokenKeys {
        TokenKeys::parse(text).unwrap()
    }

    fn one() -> TokenKeys {
        keys(&format!("1:{}", "ab".repeat(32)))
    }

    const MERCHANT: Uuid = Uuid::from_u128(7);

    #[test]
    fn a_token_is_read_back_and_proves_its_row_only() {
        let keys = one();
        let token = LinkToken::mint(&keys, 1, MERCHANT, 42, 3, &[9; 16]).unwrap();
        let text = token.encode(&keys).unwrap();
        assert!(text.len() <= 80, "{}", text.len());
        let read = LinkToken::parse(&keys, &text).unwrap();
        assert_eq!((read.registration, read.generation), (42, 3));
        assert!(read.proves(&keys, MERCHANT, &[9; 16]));
        assert!(!read.proves(&keys, MERCHANT, &[8; 16]), "another nonce");
        assert!(!read.proves(&keys, Uuid::from_u128(8), &[9; 16]), "another merchant");
    }

    #[test]
    fn a_retried_mint_gives_the_same_link_and_another_generation_another() {
        let keys = one();
        let mint =
            |generation| LinkToken::mint(&keys, 1, MERCHANT, 42, generation, &[9; 16]).unwrap().encode(&keys);
        assert_eq!(mint(1), mint(1));
        assert_ne!(mint(1), mint(2));
    }

    #[test]
    fn any_changed_character_is_refused_without_a_row() {
        let keys = one();
        let text = LinkToken::mint(&keys, 1, MERCHANT, 42, 3, &[9; 16]).unwrap().encode(&keys).unwrap();
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert!(
                LinkToken::parse(&keys, std::str::from_utf8(&forged).unwrap()).is_err(),
                "character {at}"
            );
        }
        for bad in ["", "x", &text[1..], &format!("{text}A"), &"A".repeat(66), "ü"] {
            assert!(LinkToken::parse(&keys, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_older_key_is_still_recognised_and_a_dropped_one_is_not() {
        let old = one();
        let both = keys(&format!("2:{},1:{}", "cd".repeat(32), "ab".repeat(32)));
        let text = LinkToken::mint(&old, 1, MERCHANT, 1, 1, &[0; 16]).unwrap().encode(&old).unwrap();
        assert_eq!(both.newest(), 2);
        assert!(LinkToken::parse(&both, &text).is_ok());
        assert!(LinkToken::parse(&keys(&format!("2:{}", "cd".repeat(32))), &text).is_err());
    }

    #[test]
    fn malformed_key_lists_are_refused() {
        for bad in [
            "",
            "1",
            "1:zz",
            "0:abababababababababababababababab",
            "1:ab",
            "x:abababababababababababababababab",
        ] {
            assert!(TokenKeys::parse(bad).is_err(), "{bad}");
        }
        let twice = format!("1:{0},1:{0}", "ab".repeat(32));
        assert!(TokenKeys::parse(&twice).is_err());
    }

    #[test]
    fn view_flags_show_in_the_url_only_when_set() {
        let url = |hide_menu, hide_iframe| {
            link_url("https://x.example", Uuid::nil(), "T", ViewFlags { hide_menu, hide_iframe })
        };
        assert_eq!(
            url(true, true),
            "https://x.example/interview/take/00000000-0000-0000-0000-000000000000/?interview_token=T&view_hm=true&view_hi=true"
        );
        assert!(url(false, false).ends_with("?interview_token=T"));
    }
}
