//! The public keys of another issuer, from a JWKS file (RFC 7517). Each key is pinned to one algorithm: RS256 for RSA,
//! ES256 for P-256. Whatever else is in the file is passed over.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// How long a look at the file holds: keys are rotated by writing it anew.
const FRESH: Duration = Duration::from_secs(5);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It cannot be read.
    #[error("CONVOKE_JWKS_FILE: {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is no key set.
    #[error("CONVOKE_JWKS_FILE: {0} is no JWKS document: {1}")]
    Malformed(PathBuf, serde_json::Error),
    /// None of its keys can be used.
    #[error("CONVOKE_JWKS_FILE: {0} has no RSA or P-256 key for signatures")]
    Empty(PathBuf),
}

/// A file's keys, read again when it changes.
#[derive(Debug)]
pub(crate) struct Jwks {
    path: PathBuf,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    keys: Vec<Key>,
    modified: Option<SystemTime>,
    looked: Instant,
}

/// A key, and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct Key {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Jwks {
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self, JwksError> {
        let (keys, modified) = (read(path)?, modified(path));
        if keys.is_empty() {
            return Err(JwksError::Empty(path.to_owned()));
        }
        let loaded = Loaded { keys, modified, looked: Instant::now() };
        Ok(Self { path: path.to_owned(), loaded: Mutex::new(loaded) })
    }

    /// The key that a token names by `kid`; where it names none, the only one for its algorithm.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() > FRESH {
            self.look_again(&mut loaded);
        }
        let mut fitting = loaded
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        if id.is_none() && fitting.next().is_some() { None } else { Some(first.clone()) }
    }

    /// A file that is being written, or is wrong, leaves the keys as they are; one without keys withdraws them all.
    fn look_again(&self, loaded: &mut Loaded) {
        loaded.looked = Instant::now();
        let modified = modified(&self.path);
        if modified == loaded.modified {
            return;
        }
        match read(&self.path) {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the JWKS file was read again");
                (loaded.keys, loaded.modified) = (keys, modified);
            }
            Err(error) => {
                tracing::warn!(%error, "the JWKS file changed and cannot be used; the old keys hold");
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn read(path: &Path) -> Result<Vec<Key>, JwksError> {
    let text = std::fs::read(path).map_err(|e| JwksError::Unreadable(path.to_owned(), e))?;
    let set: JwkSet = serde_json::from_slice(&text).map_err(|e| JwksError::Malformed(path.to_owned(), e))?;
    Ok(set.keys.iter().filter_map(usable).collect())
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let (algorithm, pinned) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let fits = common.key_algorithm.is_none_or(|named| named == pinned);
    let decoding = DecodingKey::from_jwk(jwk).ok().filter(|_| signs && fits)?;
    Some(Key { id: common.key_id.clone(), algorithm, decoding })
}
