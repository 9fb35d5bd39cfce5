//! API keys: `cvk_` + 32 random bytes + a checksum, shown once, kept as a hash.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::Secret;

const PREFIX: &str = "cvk_";
const CHECKSUM: usize = 4;

/// A key as its holder has it. Its checksum tells a mistyped key from a foreign one without a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey(Secret<String>);

impl ApiKey {
    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn from_random(random: [u8; 32]) -> Self {
        let mut bytes = random.to_vec();
        bytes.extend(checksum(&random));
        Self(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Recognises a key by its form and checksum; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (random, sum) = bytes.split_at_checked(32)?;
        (sum == checksum(random)).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Its first characters, by which people recognise it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0.expose()[..PREFIX.len() + 8]
    }

    /// SHA-256 of the whole key: what is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }
}

fn checksum(random: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(random).into();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// What a key or a user may do (`CONTRACT.md` section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything of its merchant, keys included.
    Admin,
    /// Everything but keys.
    Staff,
    /// Queues, jobs, messages and batches; never links. Keys only.
    Operator,
    /// Their own interviews. Users only.
    Candidate,
}

impl Role {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Staff => "staff",
            Self::Operator => "operator",
            Self::Candidate => "candidate",
        }
    }
}

/// A name that no role has.
#[derive(Debug, thiserror::Error)]
#[error("must be one of admin, staff, operator, candidate")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        [Self::Admin, Self::Staff, Self::Operator, Self::Candidate]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_one_wrong_byte_is_not() {
        let key = ApiKey::from_random([7; 32]);
        assert_eq!(ApiKey::parse(key.expose()).unwrap().hash(), key.hash());
        let mut wrong = key.expose().to_owned();
        wrong.replace_range(10..11, if &wrong[10..11] == "A" { "B" } else { "A" });
        assert_eq!(ApiKey::parse(&wrong), None);
        for foreign in ["", "cvk_", "cvk_AAAA", "sk_live_x", "cvk_ü"] {
            assert_eq!(ApiKey::parse(foreign), None, "{foreign}");
        }
        assert!(key.expose().starts_with(key.prefix()));
        assert_eq!(format!("{key:?}"), "ApiKey(***)");
    }
}
