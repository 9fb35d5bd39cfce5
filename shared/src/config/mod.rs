//! Configuration: defaults < `convoke.toml` < environment < flags. Every setting stands once, in [`SETTINGS`].

mod secrets;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Entropy;
use crate::domain::{Secret, TokenKeys};

pub use secrets::embedded_secrets_path;
pub use settings::{ConfigError, Origin, Raw, SETTINGS, Setting};

/// Where the truth is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The embedded default: one file, one process.
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(Secret<String>),
}

/// Requests per second and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Sustained, per second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// Everything that a process has to know, parsed.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`
    pub database: DatabaseUrl,
    /// `CONVOKE_DATABASE_CONNECTIONS`
    pub database_connections: u32,
    /// `REDIS_URL`; `None`: jobs are handed over inside the process.
    pub redis_url: Option<Secret<String>>,
    /// `SMTP_URL`; `None`: mail is captured.
    pub smtp_url: Option<Secret<String>>,
    /// `CONVOKE_BIND`
    pub bind: SocketAddr,
    /// `CONVOKE_WORKER_BIND`: where a worker process serves its health.
    pub worker_bind: Option<SocketAddr>,
    /// `CONVOKE_PUBLIC_URL`, without a trailing slash.
    pub public_url: String,
    /// `CONVOKE_SERVICE_KEY`
    pub service_key: Secret<String>,
    /// `CONVOKE_JWT_SECRET`: the bytes.
    pub jwt_secret: Secret<Vec<u8>>,
    /// `CONVOKE_JWT_AUDIENCE`: what a token's `aud` may be, where it has one.
    pub jwt_audience: Vec<String>,
    /// `CONVOKE_JWKS_FILE`: the public keys of another issuer.
    pub jwks_file: Option<PathBuf>,
    /// `CONVOKE_JWKS_ISSUER`: whose tokens those keys sign.
    pub jwks_issuer: Option<String>,
    /// `CONVOKE_TRUST_FORWARDED`: whether `X-Forwarded-For` is believed.
    pub trust_forwarded: bool,
    /// `CONVOKE_TOKEN_KEYS`
    pub token_keys: TokenKeys,
    /// `CONVOKE_MAIL_FROM`: a bare address.
    pub mail_from: crate::domain::EmailAddress,
    /// `CONVOKE_MAIL_RATE`: mails per second and process.
    pub mail_rate: Option<u32>,
    /// `CONVOKE_MAIL_DOMAIN_RATE`: mails per second, process and recipient domain.
    pub mail_domain_rate: Option<u32>,
    /// `CONVOKE_MAIL_CONNECTIONS`: open SMTP connections per process.
    pub mail_connections: usize,
    /// `CONVOKE_MAIL_RETRY`: seconds between attempts.
    pub mail_retry: Vec<u32>,
    /// `CONVOKE_WAIT`: how long a write waits for its worker when the client says nothing.
    pub wait: Duration,
    /// `CONVOKE_RATE_LIMIT` per credential; `None`: off.
    pub rate_limit: Option<Rate>,
    /// `CONVOKE_LEASE`: how long a claim holds without being renewed.
    pub lease: Duration,
    /// `CONVOKE_CONCURRENCY`: jobs of one lane at once in one process.
    pub concurrency: usize,
    /// `CONVOKE_LOG`: a tracing filter.
    pub log: String,
    /// `CONVOKE_LOG_FORMAT`: text or json.
    pub log_json: bool,
}

impl Config {
    /// Parses gathered settings; makes and keeps the secrets of the embedded default where they are not given.
    pub fn parse(raw: &Raw, entropy: &Entropy) -> Result<Self, ConfigError> {
        let database = raw.get("database_url", database_url)?;
        let mut raw = raw.clone();
        match &database {
            DatabaseUrl::Sqlite(path) => secrets::complete(&mut raw, path, entropy)?,
            DatabaseUrl::Postgres(_) => secrets::require(&raw)?,
        }
        let bind: SocketAddr = raw.get("bind", parsed("an address and port such as 127.0.0.1:8080"))?;
        let public_url = match raw.optional("public_url", base_url)? {
            Some(url) => url,
            None => format!("http://{bind}"),
        };
        Ok(Self {
            database,
            database_connections: raw.get("database_connections", at_least_one)?,
            redis_url: raw.optional("redis_url", |text| {
                scheme(text, &["redis", "rediss", "redis+cluster", "redis+sentinel"])
            })?,
            smtp_url: raw.optional("smtp_url", |text| scheme(text, &["smtp", "smtps"]))?,
            bind,
            worker_bind: raw.optional("worker_bind", parsed("an address and port such as 127.0.0.1:8081"))?,
            public_url,
            service_key: raw.get("service_key", service_key)?,
            jwt_secret: raw.get("jwt_secret", jwt_secret)?,
            jwt_audience: raw.get("jwt_audience", words)?,
            jwks_file: raw.optional("jwks_file", |text| Ok(PathBuf::from(text)))?,
            jwks_issuer: raw.optional("jwks_issuer", |text| Ok(text.to_owned()))?,
            trust_forwarded: raw.get("trust_forwarded", parsed("true or false"))?,
            token_keys: raw.get("token_keys", |text| TokenKeys::parse(text).map_err(|e| e.to_string()))?,
            mail_from: raw.get("mail_from", |text| {
                crate::domain::EmailAddress::parse(text)
                    .map_err(|_| "expected one address such as invitations@example.org".to_owned())
            })?,
            mail_rate: raw.get("mail_rate", rate_or_off)?,
            mail_domain_rate: raw.get("mail_domain_rate", rate_or_off)?,
            mail_connections: raw.get("mail_connections", at_least_one)? as usize,
            mail_retry: raw.get("mail_retry", seconds_list)?,
            wait: Duration::from_secs(u64::from(
                raw.get("wait", parsed::<u32>("a number of seconds such as 10"))?.min(60),
            )),
            rate_limit: raw.get("rate_limit", rate_limit)?,
            lease: Duration::from_secs(u64::from(raw.get("lease", at_least_one)?)),
            concurrency: raw.get("concurrency", at_least_one)? as usize,
            log: raw.get("log", |text| Ok(text.to_owned()))?,
            log_json: raw.get("log_format", |text| match text {
                "text" => Ok(false),
                "json" => Ok(true),
                _ => Err("expected text or json".to_owned()),
            })?,
        })
    }
}

fn parsed<T: std::str::FromStr>(expected: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| format!("expected {expected}"))
}

fn at_least_one(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(DatabaseUrl::Postgres(Secret::new(text.to_owned())));
    }
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    match path.map(|p| p.split('?').next().unwrap_or(p)) {
        Some(path) if !path.is_empty() && path != ":memory:" => {
            Ok(DatabaseUrl::Sqlite(Path::new(path).to_owned()))
        }
        _ => Err("expected sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE".to_owned()),
    }
}

fn base_url(text: &str) -> Result<String, String> {
    let wrong = || "expected an http or https URL such as https://invite.example.org".to_owned();
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    if plain && url.has_host() { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn scheme(text: &str, known: &[&str]) -> Result<Secret<String>, String> {
    let is_known =
        text.split_once("://").is_some_and(|(scheme, rest)| known.contains(&scheme) && !rest.is_empty());
    let forms: Vec<String> = known.iter().map(|scheme| format!("{scheme}://…")).collect();
    if is_known { Ok(Secret::new(text.to_owned())) } else { Err(format!("expected {}", forms.join(", "))) }
}

fn service_key(text: &str) -> Result<Secret<String>, String> {
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    if text.len() >= 16 && printable {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("expected at least 16 printable ASCII characters without spaces; make one with `openssl rand -hex 32`".to_owned())
    }
}

fn jwt_secret(text: &str) -> Result<Secret<Vec<u8>>, String> {
    use base64::Engine;
    let bytes = match text.strip_prefix("base64:") {
        Some(encoded) => base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|_| "what follows base64: is not base64".to_owned())?,
        None => text.as_bytes().to_vec(),
    };
    if bytes.len() >= 16 {
        Ok(Secret::new(bytes))
    } else {
        Err("expected at least 16 bytes, as text or as base64:…; make one with `openssl rand -hex 32`"
            .to_owned())
    }
}

fn rate_or_off(text: &str) -> Result<Option<u32>, String> {
    if text == "off" {
        return Ok(None);
    }
    at_least_one(text).map(Some).map_err(|_| "expected mails per second, at least 1, or off".to_owned())
}

fn rate_limit(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" {
        return Ok(None);
    }
    let wrong = |_| "expected RATE or RATE:BURST in requests per second (200 or 200:400), or off".to_owned();
    let (rate, burst) = match text.split_once(':') {
        Some((rate, burst)) => (at_least_one(rate).map_err(wrong)?, at_least_one(burst).map_err(wrong)?),
        None => {
            let rate = at_least_one(text).map_err(wrong)?;
            (rate, rate.saturating_mul(2))
        }
    };
    Ok(Some(Rate { per_second: rate, burst }))
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> =
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.is_empty() {
        Err("expected names parted by commas, such as authenticated".to_owned())
    } else {
        Ok(words)
    }
}

fn seconds_list(text: &str) -> Result<Vec<u32>, String> {
    text.split(',')
        .map(|part| {
            part.trim()
                .parse()
                .map_err(|_| "expected seconds parted by commas, such as 60,300,1800".to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut raw = Raw::defaults();
        let secrets = [
            ("service_key", "0123456789abcdef"),
            ("jwt_secret", "0123456789abcdef"),
            ("token_keys", "1:abababababababababababababababab"),
        ];
        for (key, value) in secrets.iter().chain(pairs) {
            raw.set(key, value, Origin::Flag).unwrap();
        }
        Config::parse(&raw, &Entropy::seeded(1))
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_name_its_source_and_what_to_write() {
        for (key, value, told) in [
            ("wait", "soon", "CONVOKE_WAIT"),
            ("bind", "8080", "127.0.0.1:8080"),
            ("database_url", "mysql://x", "postgres://"),
            ("redis_url", "http://x", "redis://"),
            ("rate_limit", "fast", "RATE:BURST"),
            ("public_url", "ftp://x", "https://"),
            ("mail_from", "nobody", "invitations@example.org"),
            ("token_keys", "1:zz", "id:hex"),
            ("concurrency", "0", "at least 1"),
        ] {
            let error = with(&[(key, value)]).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn rates_bursts_and_off_are_understood() {
        assert_eq!(rate_limit("off").unwrap(), None);
        assert_eq!(rate_limit("50").unwrap(), Some(Rate { per_second: 50, burst: 100 }));
        assert_eq!(rate_limit("50:60").unwrap(), Some(Rate { per_second: 50, burst: 60 }));
    }

    #[test]
    fn the_public_url_follows_the_bind_where_nothing_is_said() {
        let config = with(&[("bind", "127.0.0.1:9999")]).unwrap();
        assert_eq!(config.public_url, "http://127.0.0.1:9999");
    }

    #[test]
    fn postgres_without_secrets_is_refused() {
        let mut raw = Raw::defaults();
        raw.set("database_url", "postgres://localhost/convoke", Origin::Flag).unwrap();
        let error = Config::parse(&raw, &Entropy::seeded(1)).unwrap_err().to_string();
        assert!(error.contains("CONVOKE_SERVICE_KEY") && error.contains("CONVOKE_TOKEN_KEYS"), "{error}");
    }
}
