//! The embedded default's secrets: made once, kept in a file that its owner alone can read.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::settings::{ConfigError, Origin, Raw};
use crate::clock::Entropy;

const KEYS: [&str; 3] = ["service_key", "jwt_secret", "token_keys"];

/// `convoke.secrets` beside the database file.
#[must_use]
pub fn embedded_secrets_path(database: &Path) -> PathBuf {
    database.with_file_name("convoke.secrets")
}

/// Fills in the secrets that are not set, from the file, which is made at the first start.
pub(super) fn complete(raw: &mut Raw, database: &Path, entropy: &Entropy) -> Result<(), ConfigError> {
    if KEYS.iter().all(|key| raw.is_set(key)) {
        return Ok(());
    }
    let path = embedded_secrets_path(database);
    let wrong = |told: String| ConfigError::File { path: path.display().to_string(), told };
    if !path.exists() {
        make(&path, entropy).map_err(|e| wrong(format!("cannot be written: {e}")))?;
    }
    let mode =
        std::fs::metadata(&path).map_err(|e| wrong(format!("cannot be read: {e}")))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(wrong(format!("is open to others (mode {:o}); run `chmod 600` on it", mode & 0o777)));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let table: toml::Table = text.parse().map_err(|e| wrong(format!("is not TOML: {e}")))?;
    for key in KEYS {
        if !raw.is_set(key) {
            let value = table.get(key).and_then(toml::Value::as_str);
            let value =
                value.ok_or_else(|| wrong(format!("has no `{key}`; put it back, or set its variable")))?;
            raw.set(key, value, Origin::SecretsFile)?;
        }
    }
    Ok(())
}

/// With PostgreSQL several processes share the secrets, so none may make its own.
pub(super) fn require(raw: &Raw) -> Result<(), ConfigError> {
    let variables = ["CONVOKE_SERVICE_KEY", "CONVOKE_JWT_SECRET", "CONVOKE_TOKEN_KEYS"];
    let missing: Vec<_> = KEYS
        .iter()
        .zip(variables)
        .filter(|(key, _)| !raw.is_set(key))
        .map(|(_, variable)| variable)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(ConfigError::Missing(missing.join(", "))) }
}

fn make(path: &Path, entropy: &Entropy) -> std::io::Result<()> {
    let random = || hex::encode(entropy.bytes::<32>());
    let text = format!(
        "# Made by convoke at its first start. Whoever has these keys is you: keep them, and keep them to yourself.\n\
         service_key = \"{}\"\njwt_secret = \"{}\"\ntoken_keys = \"1:{}\"\n",
        random(),
        random(),
        random()
    );
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
