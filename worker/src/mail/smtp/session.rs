//! One connection, and the conversation on it. MAIL, RCPT and DATA are driven here and not by lettre's `send`, which
//! gives a connection up for every refused recipient and knows no PIPELINING (RFC 2920).

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::Extension;
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Parcel;
use super::options::{Encryption, Server};
use crate::mail::verdict::{Stage, Verdict, shown};

/// Goodbyes are a courtesy: nobody waits longer for one.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open, encrypted (if so configured) and signed-in connection.
pub(super) struct Session {
    connection: Box<AsyncSmtpConnection>,
    pipelining: bool,
    reply_timeout: Duration,
    mails: u32,
    idle_since: Instant,
    description: String,
}

/// How an attempt on one connection ended.
pub(super) enum Attempt {
    /// With an answer for the mail; the session comes back where it can be used again.
    Over { verdict: Verdict, session: Option<Session> },
    /// The connection was gone before the mail was handed over: on another one it may be tried again.
    Stale,
}

/// What became of the envelope.
enum Envelope {
    /// 354: the server waits for the mail.
    Accepted,
    Refused {
        verdict: Verdict,
        usable: bool,
    },
    Stale,
}

/// One reply: positive, negative, or none.
enum Reply {
    Yes(Response),
    No { code: u16, text: String },
    Lost(String),
    Late,
}

impl Session {
    /// Connects and gets ready to send. The error is a verdict for whatever was to be sent.
    pub(super) async fn open(server: &Server) -> Result<Self, Verdict> {
        let socket = timeout(server.connect_timeout, TcpStream::connect((server.host.as_str(), server.port)))
            .await
            .map_err(|_| unreachable(server, "no answer"))?
            .map_err(|error| unreachable(server, &error.to_string()))?;
        // Without this a write waits for the answer to the one before it, some 40 ms.
        socket.set_nodelay(true).map_err(|error| unreachable(server, &error.to_string()))?;
        timeout(server.reply_timeout, Self::prepare(server, socket))
            .await
            .map_err(|_| unreachable(server, "connected, but it does not finish greeting and sign-in"))?
    }

    async fn prepare(server: &Server, socket: TcpStream) -> Result<Self, Verdict> {
        let stream: Box<dyn AsyncTokioStream> = match &server.encryption {
            Encryption::FromTheStart(trust) => {
                let encrypted = trust.encrypt(socket).await;
                Box::new(encrypted.map_err(|error| unreachable(server, &format!("TLS: {error}")))?)
            }
            _ => Box::new(socket),
        };
        let refused = |error| from_error(server, Stage::Connection, &error);
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &server.hello).await.map_err(refused)?;
        if let Encryption::IfOffered(trust) | Encryption::Required(trust) = &server.encryption {
            let required = matches!(server.encryption, Encryption::Required(_));
            if required && !connection.can_starttls() {
                return Err(unreachable(server, "offers no STARTTLS, which SMTP_URL requires"));
            }
            if connection.can_starttls() {
                connection.starttls(trust.parameters.clone(), &server.hello).await.map_err(refused)?;
            }
        }
        // Asked once more, because lettre does not tell whether the server takes commands in one piece.
        let offers = connection.command(Ehlo::new(server.hello.clone())).await.map_err(refused)?;
        let pipelining = offers.message().skip(1).any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"));
        sign_in(server, &mut connection).await?;
        let encrypted = match &server.encryption {
            Encryption::FromTheStart(_) => "TLS",
            _ if connection.is_encrypted() => "STARTTLS",
            _ if server.credentials.is_some() => {
                "not encrypted, the password travels openly: add ?tls=required"
            }
            _ => "not encrypted",
        };
        let signed_in = if server.credentials.is_some() { "signed in" } else { "no sign-in" };
        Ok(Self {
            connection: Box::new(connection),
            pipelining,
            reply_timeout: server.reply_timeout,
            mails: 0,
            idle_since: Instant::now(),
            description: format!("{}:{} answers ({encrypted}; {signed_in})", server.host, server.port),
        })
    }

    pub(super) fn describe(&self) -> String {
        self.description.clone()
    }

    pub(super) const fn idle_since(&self) -> Instant {
        self.idle_since
    }

    pub(super) const fn mails(&self) -> u32 {
        self.mails
    }

    /// Sends one mail.
    pub(super) async fn deliver(mut self, parcel: &Parcel) -> Attempt {
        self.mails += 1;
        let (verdict, usable) = match self.envelope(parcel).await {
            Envelope::Stale => return Attempt::Stale,
            Envelope::Refused { verdict, usable } => (verdict, usable && self.reset().await),
            Envelope::Accepted => self.content(&parcel.content).await,
        };
        self.idle_since = Instant::now();
        Attempt::Over { verdict, session: usable.then_some(self) }
    }

    async fn envelope(&mut self, parcel: &Parcel) -> Envelope {
        let mail = Mail::new(Some(parcel.from.clone()), vec![]);
        let rcpt = Rcpt::new(parcel.to.clone(), vec![]);
        let limit = self.reply_timeout;
        let connection = &mut self.connection;
        let mut refused = None;
        for (number, stage) in [Stage::Sender, Stage::Recipient, Stage::Content].into_iter().enumerate() {
            let answer = match (self.pipelining, number) {
                (true, 0) => reply(limit, connection.command(Together(&mail, &rcpt))).await,
                (true, _) => reply(limit, connection.read_response()).await,
                (false, 0) => reply(limit, connection.command(&mail)).await,
                (false, 1) => reply(limit, connection.command(&rcpt)).await,
                (false, _) => reply(limit, connection.command(Data)).await,
            };
            match answer {
                // 421 says that the server is closing; on an idle connection that is no news about this mail.
                Reply::No { code: 421, .. } | Reply::Lost(_) if self.mails > 1 && refused.is_none() => {
                    return Envelope::Stale;
                }
                Reply::No { code, text } => {
                    let verdict = refused.get_or_insert_with(|| Verdict::of_refusal(stage, code, &text));
                    if code == 421 || !self.pipelining {
                        return Envelope::Refused { verdict: verdict.clone(), usable: code != 421 };
                    }
                }
                Reply::Yes(response) if number == 2 => return ready(&response, refused),
                Reply::Yes(_) => {}
                Reply::Lost(error) => {
                    return abandoned(refused, &format!("no connection any more: {error}"));
                }
                Reply::Late => return abandoned(refused, "no reply in time"),
            }
        }
        match refused {
            Some(verdict) => Envelope::Refused { verdict, usable: true },
            None => Envelope::Stale,
        }
    }

    /// From here on the server may have the mail, whatever happens.
    ///
    /// Sent as one command: lettre's `message` goes over every byte once more, and writes the final dot apart.
    async fn content(&mut self, content: &str) -> (Verdict, bool) {
        match reply(self.reply_timeout, self.connection.command(content)).await {
            Reply::Yes(response) => {
                let said = response.message().collect::<Vec<_>>().join(" ");
                (Verdict::Sent { response: shown(&format!("{} {said}", response.code())) }, true)
            }
            Reply::No { code, text } => (Verdict::of_refusal(Stage::Content, code, &text), code != 421),
            Reply::Lost(error) => {
                let told = format!("no connection any more after the mail, which may have arrived: {error}");
                (Verdict::deferred(told), false)
            }
            Reply::Late => {
                (Verdict::deferred("no reply in time after the mail, which may have arrived"), false)
            }
        }
    }

    async fn reset(&mut self) -> bool {
        matches!(reply(self.reply_timeout, self.connection.command(Rset)).await, Reply::Yes(_))
    }

    /// Says goodbye and closes.
    pub(super) async fn quit(mut self) {
        // Whatever comes of it, the connection is closed by being dropped.
        let _answer = timeout(GOODBYE, self.connection.command(Quit)).await;
    }
}

/// MAIL, RCPT and DATA in one write (RFC 2920); three replies follow.
struct Together<'a>(&'a Mail, &'a Rcpt);

impl fmt::Display for Together<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{Data}", self.0, self.1)
    }
}

/// The answer to DATA. A server that wants the mail though it refused the recipient must not get it: the connection
/// is given up.
fn ready(response: &Response, refused: Option<Verdict>) -> Envelope {
    match refused {
        None if response.has_code(354) => Envelope::Accepted,
        None => abandoned(None, &format!("the server answered DATA with {}", response.code())),
        Some(verdict) => Envelope::Refused { verdict, usable: false },
    }
}

fn abandoned(refused: Option<Verdict>, why: &str) -> Envelope {
    Envelope::Refused { verdict: refused.unwrap_or_else(|| Verdict::deferred(why)), usable: false }
}

async fn sign_in(server: &Server, connection: &mut AsyncSmtpConnection) -> Result<(), Verdict> {
    let Some(credentials) = &server.credentials else { return Ok(()) };
    let mechanisms = [Mechanism::Plain, Mechanism::Login];
    let offered = |mechanism| connection.server_info().supports_feature(Extension::Authentication(mechanism));
    if !mechanisms.into_iter().any(offered) {
        let error = format!("{} offers neither AUTH PLAIN nor AUTH LOGIN on this connection", server.host);
        return Err(Verdict::Refused { error });
    }
    let answer = connection.auth(&mechanisms, credentials).await;
    answer.map(drop).map_err(|error| from_error(server, Stage::Authentication, &error))
}

fn unreachable(server: &Server, why: &str) -> Verdict {
    Verdict::deferred(format!("{}:{}: {why}", server.host, server.port))
}

fn from_error(server: &Server, stage: Stage, error: &Error) -> Verdict {
    match error.status() {
        Some(code) => Verdict::of_refusal(stage, code.into(), &said(error)),
        None => unreachable(server, &broken(error)),
    }
}

/// The library calls a connection that was closed an "incomplete response".
fn broken(error: &Error) -> String {
    let told = error.to_string();
    if error.is_response() && told.ends_with("incomplete response") {
        return "the server closed the connection".to_owned();
    }
    told
}

fn said(error: &Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

async fn reply(limit: Duration, answer: impl Future<Output = Result<Response, Error>>) -> Reply {
    match timeout(limit, answer).await {
        Err(_) => Reply::Late,
        Ok(Ok(response)) => Reply::Yes(response),
        Ok(Err(error)) => match error.status() {
            Some(code) => Reply::No { code: code.into(), text: said(&error) },
            None => Reply::Lost(broken(&error)),
        },
    }
}
