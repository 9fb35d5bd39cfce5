//! The list of settings, and how their texts are gathered before they are parsed.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

/// One setting: its key in `convoke.toml`, its variable, its default.
#[derive(Debug)]
pub struct Setting {
    /// The key in `convoke.toml`.
    pub key: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// Used where nothing is said; `None`: not set.
    pub default: Option<&'static str>,
    /// Never shown.
    pub secret: bool,
    /// One line for people.
    pub help: &'static str,
}

const fn setting(
    key: &'static str,
    variable: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { key, variable, default, secret: false, help }
}

const fn secret(key: &'static str, variable: &'static str, help: &'static str) -> Setting {
    Setting { key, variable, default: None, secret: true, help }
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        secret: true,
        ..setting(
            "database_url",
            "DATABASE_URL",
            Some("sqlite://convoke.db"),
            "sqlite://FILE, or postgres://USER:PASSWORD@HOST/DATABASE",
        )
    },
    secret(
        "redis_url",
        "REDIS_URL",
        "redis://, rediss://, redis+cluster:// or redis+sentinel://; none: jobs are handed over inside the process",
    ),
    secret(
        "smtp_url",
        "SMTP_URL",
        "smtp://USER:PASSWORD@HOST:PORT?tls=required or smtps://…; none: mail is captured",
    ),
    setting("bind", "CONVOKE_BIND", Some("127.0.0.1:8080"), "where the API listens"),
    setting(
        "worker_bind",
        "CONVOKE_WORKER_BIND",
        None,
        "where a worker process serves its health; none: nowhere",
    ),
    setting(
        "public_url",
        "CONVOKE_PUBLIC_URL",
        None,
        "the base of links, as candidates reach it; none: http:// and the bind",
    ),
    secret(
        "service_key",
        "CONVOKE_SERVICE_KEY",
        "the platform's own key, for every merchant; embedded: made once",
    ),
    secret(
        "jwt_secret",
        "CONVOKE_JWT_SECRET",
        "what tokens are signed with (the sessions that links begin, the service token), as text or base64:…; embedded: made once",
    ),
    setting(
        "jwt_audience",
        "CONVOKE_JWT_AUDIENCE",
        Some("authenticated"),
        "what a token's aud may be where it has one, parted by commas",
    ),
    setting(
        "jwks_file",
        "CONVOKE_JWKS_FILE",
        None,
        "a JWKS file with another issuer's public keys (RS256, ES256); read again when it changes",
    ),
    setting(
        "jwks_issuer",
        "CONVOKE_JWKS_ISSUER",
        None,
        "the iss of the tokens that the JWKS file's keys sign; then these keys sign for nobody else",
    ),
    setting(
        "trust_forwarded",
        "CONVOKE_TRUST_FORWARDED",
        Some("false"),
        "true behind a proxy: the last address of X-Forwarded-For is the client's, in the audit log",
    ),
    secret(
        "token_keys",
        "CONVOKE_TOKEN_KEYS",
        "what links are signed with, id:hex, newest first; embedded: made once",
    ),
    setting("mail_from", "CONVOKE_MAIL_FROM", Some("invitations@convoke.example"), "the sender's address"),
    setting("mail_rate", "CONVOKE_MAIL_RATE", Some("off"), "mails per second and process, or off"),
    setting(
        "mail_domain_rate",
        "CONVOKE_MAIL_DOMAIN_RATE",
        Some("off"),
        "mails per second, process and recipient domain, or off",
    ),
    setting(
        "mail_connections",
        "CONVOKE_MAIL_CONNECTIONS",
        Some("16"),
        "open SMTP connections per process, at most",
    ),
    setting(
        "mail_retry",
        "CONVOKE_MAIL_RETRY",
        Some("60,300,1800,7200,18000,36000,36000"),
        "seconds before each further attempt at a mail that was put off",
    ),
    setting(
        "wait",
        "CONVOKE_WAIT",
        Some("10"),
        "seconds that a write waits for its result when the client says nothing, at most 60",
    ),
    setting(
        "rate_limit",
        "CONVOKE_RATE_LIMIT",
        Some("200:400"),
        "requests per second and credential, RATE or RATE:BURST, or off",
    ),
    setting("lease", "CONVOKE_LEASE", Some("60"), "seconds that a claim holds without being renewed"),
    setting("concurrency", "CONVOKE_CONCURRENCY", Some("4"), "jobs of one lane at once in one process"),
    setting(
        "database_connections",
        "CONVOKE_DATABASE_CONNECTIONS",
        Some("20"),
        "database connections per process, at most",
    ),
    setting(
        "log",
        "CONVOKE_LOG",
        Some("info"),
        "what is logged: error, warn, info, debug, or a tracing filter",
    ),
    setting("log_format", "CONVOKE_LOG_FORMAT", Some("text"), "text or json"),
];

/// Where a value came from, for the message that refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// `convoke.toml`.
    File,
    /// The environment.
    Environment,
    /// The command line.
    Flag,
    /// The embedded default's secrets file.
    SecretsFile,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "configuration file",
            Self::Environment => "environment",
            Self::Flag => "command line",
            Self::SecretsFile => "secrets file",
        })
    }
}

/// Why a configuration is refused; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that does not parse. The value of a secret is not repeated.
    #[error("{variable} (from the {origin}) is {shown}: {told}")]
    Invalid {
        /// The setting's variable.
        variable: &'static str,
        /// Where the value came from.
        origin: Origin,
        /// The value, or a mask.
        shown: String,
        /// What to write instead.
        told: String,
    },
    /// Settings that must be given.
    #[error(
        "with PostgreSQL these must be set: {0}. Make each with `openssl rand -hex 32` (CONVOKE_TOKEN_KEYS is 1:<that>), and give every process the same"
    )]
    Missing(String),
    /// The file cannot be read or is not TOML, or names something unknown.
    #[error("{path}: {told}")]
    File {
        /// The file.
        path: String,
        /// What is wrong, and what to do.
        told: String,
    },
}

/// The settings' texts, each with its origin.
#[derive(Clone, Debug, Default)]
pub struct Raw(BTreeMap<&'static str, (String, Origin)>);

impl Raw {
    /// The built-in values.
    #[must_use]
    pub fn defaults() -> Self {
        let given = SETTINGS.iter().filter_map(|s| Some((s.key, (s.default?.to_owned(), Origin::Default))));
        Self(given.collect())
    }

    /// Defaults, then the file (a named one must exist; `convoke.toml` need not), then the environment.
    pub fn gather(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut raw = Self::defaults();
        match file {
            Some(path) => raw.read_file(path)?,
            None if Path::new("convoke.toml").exists() => raw.read_file(Path::new("convoke.toml"))?,
            None => {}
        }
        for setting in SETTINGS {
            if let Ok(value) = std::env::var(setting.variable)
                && !value.is_empty()
            {
                raw.0.insert(setting.key, (value, Origin::Environment));
            }
        }
        Ok(raw)
    }

    /// Sets one value by its key or its variable's name.
    pub fn set(&mut self, key: &str, value: &str, origin: Origin) -> Result<(), ConfigError> {
        let setting = SETTINGS.iter().find(|s| s.key == key || s.variable == key).ok_or_else(|| {
            let known: Vec<_> = SETTINGS.iter().map(|s| s.key).collect();
            ConfigError::File {
                path: origin.to_string(),
                told: format!("there is no setting `{key}`; the settings are {}", known.join(", ")),
            }
        })?;
        self.0.insert(setting.key, (value.to_owned(), origin));
        Ok(())
    }

    /// Whether anything but a default is known.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let wrong = |told: String| ConfigError::File { path: path.display().to_string(), told };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        let table: toml::Table = text.parse().map_err(|e| wrong(format!("is not TOML: {e}")))?;
        for (key, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => {
                    return Err(wrong(format!("`{key}` must be a string, a whole number, or true or false")));
                }
            };
            self.set(&key, &text, Origin::File).map_err(|e| wrong(e.to_string()))?;
        }
        Ok(())
    }

    /// A setting that always has a value.
    pub fn get<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let missing = || ConfigError::Missing(variable(key).variable.to_owned());
        self.optional(key, parse)?.ok_or_else(missing)
    }

    /// A setting that may be unset.
    pub fn optional<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, origin)) = self.0.get(key) else { return Ok(None) };
        let setting = variable(key);
        let shown = if setting.secret { "set, but not usable".to_owned() } else { format!("`{text}`") };
        parse(text).map(Some).map_err(|told| ConfigError::Invalid {
            variable: setting.variable,
            origin: *origin,
            shown,
            told,
        })
    }

    /// Every setting with its value and origin, secrets masked: what `--print-config` shows.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut out = String::new();
        for setting in SETTINGS {
            let (value, origin) = match self.0.get(setting.key) {
                Some((_, origin)) if setting.secret && *origin != Origin::Default => {
                    ("***", origin.to_string())
                }
                Some((value, origin)) => (value.as_str(), origin.to_string()),
                None => ("", "not set".to_owned()),
            };
            let quoted = format!("\"{value}\"");
            let _ = writeln!(out, "{:<22} = {quoted:<40} # {origin}; {}", setting.key, setting.help);
        }
        out
    }
}

fn variable(key: &str) -> &'static Setting {
    SETTINGS.iter().find(|s| s.key == key).expect("every key that is asked for stands in SETTINGS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_masks_every_secret() {
        let mut raw = Raw::defaults();
        raw.set("CONVOKE_SERVICE_KEY", "planted-secret-value", Origin::Environment).unwrap();
        raw.set("smtp_url", "smtp://u:planted@x", Origin::File).unwrap();
        let shown = raw.masked();
        assert!(!shown.contains("planted"), "{shown}");
        assert!(shown.contains("service_key"));
    }

    #[test]
    fn a_file_that_names_something_unknown_is_refused() {
        let file = std::env::temp_dir().join(format!("convoke-settings-{}.toml", std::process::id()));
        std::fs::write(&file, "wait = 5\nbimd = \"x\"\n").unwrap();
        let error = Raw::gather(Some(&file)).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(error.contains("bimd") && error.contains("database_url"), "{error}");
    }
}
