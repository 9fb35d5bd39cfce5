//! `SMTP_URL`: read once, with errors that say what to write instead.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use shared::domain::Secret;
use url::{Host, Url};

use super::tls::{Trust, TrustError};

/// How to reach the mail server, and how patiently.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// `smtp://` or `smtps://`, in lettre's URL form: `smtp://user:password@host:587/hello-name?tls=required`.
    pub url: Secret,
    /// Connections open at most, busy and idle together.
    pub connections: usize,
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// For each of: greeting to sign-in, envelope, and the mail itself.
    pub reply_timeout: Duration,
    /// Certificates (PEM) of authorities that are trusted beside the public ones; a company's own, say.
    pub extra_authorities: Option<String>,
}

impl SmtpOptions {
    /// The defaults: 16 connections, 10 s to connect, 30 s for a reply.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            connections: 16,
            connect_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(30),
            extra_authorities: None,
        }
    }
}

/// Why the options cannot be used. None of the messages repeats the URL: there is a password in it.
#[derive(Debug, thiserror::Error)]
pub enum SmtpUrlError {
    /// Not a URL at all.
    #[error("SMTP_URL is no URL ({0}); write it like smtp://user:password@mail.example.org:587?tls=required")]
    Url(#[from] url::ParseError),
    /// Something else than SMTP.
    #[error(
        "SMTP_URL begins with `{0}://`; write smtp:// (plain, or STARTTLS with ?tls=required) or smtps:// (TLS)"
    )]
    Scheme(String),
    /// `smtp://` and nothing behind it.
    #[error("SMTP_URL names no host; write it like smtp://mail.example.org:587?tls=required")]
    Host,
    /// `tls=` with an unknown word.
    #[error("SMTP_URL has tls={0}; write tls=required, tls=opportunistic, or leave it out")]
    Tls(String),
    /// A user without a password, or the reverse.
    #[error(
        "SMTP_URL has a user or a password, but not both; write smtp://user:password@…, @ in either as %40"
    )]
    HalfCredentials,
    /// Percent-encoding that is no UTF-8.
    #[error("user or password in SMTP_URL is wrongly percent-encoded; write @ as %40, / as %2F and % as %25")]
    Encoding,
    /// The path is the name that is said in EHLO.
    #[error(
        "the path of SMTP_URL is the name to greet with; write a host name, as in smtp://host/convoke.example.org"
    )]
    HelloName,
    /// The additional authorities, or the host's name, are of no use to TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Whether and how the connection is encrypted.
pub(super) enum Encryption {
    None,
    IfOffered(Trust),
    Required(Trust),
    FromTheStart(Trust),
}

/// The options, read.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) hello: ClientId,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
    pub(super) connect_timeout: Duration,
    pub(super) reply_timeout: Duration,
}

impl Server {
    pub(super) fn parse(options: SmtpOptions) -> Result<Self, SmtpUrlError> {
        let SmtpOptions { url, connect_timeout, reply_timeout, extra_authorities, .. } = options;
        let url = Url::parse(url.expose().trim())?;
        if !matches!(url.scheme(), "smtp" | "smtps") {
            return Err(SmtpUrlError::Scheme(url.scheme().to_owned()));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            _ => return Err(SmtpUrlError::Host),
        };
        let trust = || Trust::new(&host, extra_authorities.as_deref());
        let tls = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        let (encryption, port) = match (url.scheme(), tls.as_deref()) {
            ("smtps", _) => (Encryption::FromTheStart(trust()?), 465),
            (_, None) => (Encryption::None, 25),
            (_, Some("opportunistic")) => (Encryption::IfOffered(trust()?), 587),
            (_, Some("required")) => (Encryption::Required(trust()?), 587),
            (_, Some(other)) => return Err(SmtpUrlError::Tls(other.to_owned())),
        };
        Ok(Self {
            port: url.port().unwrap_or(port),
            hello: hello(url.path())?,
            encryption,
            credentials: credentials(&url)?,
            connect_timeout,
            reply_timeout,
            host,
        })
    }
}

/// Without a name of our own RFC 5321 section 4.1.4 wants an address literal.
fn hello(path: &str) -> Result<ClientId, SmtpUrlError> {
    let name = path.trim_matches('/');
    let valid = name.bytes().all(|c| c.is_ascii_alphanumeric() || b".-[]:".contains(&c));
    match name {
        "" => Ok(ClientId::default()),
        name if valid && name.len() <= 255 => Ok(ClientId::Domain(name.to_owned())),
        _ => Err(SmtpUrlError::HelloName),
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SmtpUrlError> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(SmtpUrlError::HalfCredentials),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user)?, decoded(password)?))),
    }
}

/// Percent-decoding, borrowed from the URL's own form decoder (where only `+` differs).
fn decoded(raw: &str) -> Result<String, SmtpUrlError> {
    let raw = format!("v={}", raw.replace('+', "%2B").replace('&', "%26"));
    let (_, value) = url::form_urlencoded::parse(raw.as_bytes()).next().ok_or(SmtpUrlError::Encoding)?;
    let hostile = |c: char| c == '\0' || c == char::REPLACEMENT_CHARACTER;
    if value.contains(hostile) { Err(SmtpUrlError::Encoding) } else { Ok(value.into_owned()) }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, SmtpUrlError> {
        Server::parse(SmtpOptions::new(url))
    }

    #[test]
    fn lettres_url_form_is_understood() {
        for (url, host, port, encryption) in [
            ("smtp://mail.example.org", "mail.example.org", 25, "none"),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, "none"),
            ("smtp://[::1]:1025", "::1", 1025, "none"),
            ("smtp://u:p@mail.example.org?tls=required", "mail.example.org", 587, "required"),
            (
                "smtp://u:p@mail.example.org:2525/me.example?tls=opportunistic",
                "mail.example.org",
                2525,
                "offered",
            ),
            ("smtps://u:p@mail.example.org", "mail.example.org", 465, "start"),
        ] {
            let server = parse(url).unwrap();
            let found = match server.encryption {
                Encryption::None => "none",
                Encryption::IfOffered(_) => "offered",
                Encryption::Required(_) => "required",
                Encryption::FromTheStart(_) => "start",
            };
            assert_eq!((server.host.as_str(), server.port, found), (host, port, encryption), "{url}");
        }
        assert_eq!(parse("smtp://h/me.example").unwrap().hello.to_string(), "me.example");
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let expected = Credentials::new("me@example.org".to_owned(), "a+b/c &%ü".to_owned());
        let url = "smtp://me%40example.org:a+b%2Fc%20&%25%C3%BC@mail.example.org";
        assert_eq!(parse(url).unwrap().credentials, Some(expected));
    }

    #[test]
    fn a_wrong_url_is_told_with_what_to_write_and_without_its_password() {
        for (url, part) in [
            ("mail.example.org:25", "begins with `mail.example.org://`; write smtp://"),
            ("hunter2", "write it like smtp://"),
            ("http://u:hunter2@h", "write smtp://"),
            ("smtp://", "names no host"),
            ("smtp://u:hunter2@h?tls=yes", "write tls=required"),
            ("smtp://u@h", "not both"),
            ("smtp://:hunter2@h", "not both"),
            ("smtp://u:hunter2%FF@h", "percent-encoded"),
            ("smtp://u:hunter2@h/a%0D%0AMAIL", "name to greet with"),
        ] {
            let told = parse(url).unwrap_err().to_string();
            assert!(told.contains(part) && !told.contains("hunter2"), "{url}: {told}");
        }
        let options = SmtpOptions::new("smtp://u:hunter2@h");
        assert!(!format!("{options:?} {:?}", Server::parse(options.clone()).unwrap()).contains("hunter2"));
    }
}
