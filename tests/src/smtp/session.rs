//! The sink's side of one conversation (RFC 5321, with AUTH and PIPELINING).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::clock::Clock;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::sleep;

use super::script::{Act, At, Script};
use super::{Received, State};

/// Why a conversation ends; whose wish it was does not matter.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

struct Session {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    replies: Vec<u8>,
    state: Arc<State>,
    number: u64,
    from: String,
    to: Vec<String>,
}

/// Counts the connection out however its task ends.
struct Counted(Arc<State>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.closed();
    }
}

pub(super) async fn run(socket: TcpStream, state: Arc<State>) {
    let number = state.opened();
    let _counted = Counted(Arc::clone(&state));
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let (reader, writer) = socket.into_split();
    let reader = BufReader::with_capacity(64 * 1024, reader);
    let session =
        Session { reader, writer, replies: Vec::new(), state, number, from: String::new(), to: Vec::new() };
    let _over = session.talk().await;
}

impl Session {
    async fn talk(mut self) -> Result<(), Over> {
        let script = self.state.script();
        if self.misbehave(&script, At::Connect, "").await? {
            return self.flush().await;
        }
        self.reply(&script, "220 sink.example ESMTP").await?;
        let mut line = Vec::new();
        loop {
            // Answers to commands that came in one piece leave in one piece.
            if self.reader.buffer().is_empty() {
                self.flush().await?;
            }
            line.clear();
            if self.reader.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            let script = self.state.script();
            self.obey(&script, &command).await?;
        }
    }

    async fn obey(&mut self, script: &Script, command: &str) -> Result<(), Over> {
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => self.reply(script, &greeting(script)).await,
            "HELO" | "NOOP" => self.reply(script, "250 sink.example").await,
            "RSET" => {
                self.forget();
                self.reply(script, "250 2.0.0 forgotten").await
            }
            "QUIT" => {
                self.reply(script, "221 2.0.0 bye").await?;
                self.flush().await?;
                Err(Over)
            }
            "AUTH" => self.auth(script, command).await,
            "MAIL" => self.mail(script, command).await,
            "RCPT" => self.recipient(script, command).await,
            "DATA" => self.data(script).await,
            _ => self.reply(script, "500 5.5.1 what?").await,
        }
    }

    async fn mail(&mut self, script: &Script, command: &str) -> Result<(), Over> {
        if !self.from.is_empty() {
            return self.reply(script, "503 5.5.1 one mail at a time").await;
        }
        let from = path(command);
        if !self.misbehave(script, At::Mail, "").await? {
            self.from = from;
            self.reply(script, "250 2.1.0 sender ok").await?;
        }
        Ok(())
    }

    async fn recipient(&mut self, script: &Script, command: &str) -> Result<(), Over> {
        if self.from.is_empty() {
            return self.reply(script, "503 5.5.1 MAIL first").await;
        }
        let to = path(command);
        if !self.misbehave(script, At::Recipient, &to).await? {
            self.to.push(to);
            self.reply(script, "250 2.1.5 recipient ok").await?;
        }
        Ok(())
    }

    async fn data(&mut self, script: &Script) -> Result<(), Over> {
        let Some(first) = self.to.first().cloned() else {
            return self.reply(script, "554 5.5.1 no valid recipients").await;
        };
        if self.misbehave(script, At::Data, &first).await? {
            return Ok(());
        }
        self.reply(script, "354 go on").await?;
        self.flush().await?;
        let raw = self.content().await?;
        let received = Received {
            from: self.from.clone(),
            to: self.to.clone(),
            message_id: message_id(&raw),
            at: Clock::System.now(),
            connection: self.number,
            raw: if script.keep_raw { raw } else { String::new() },
        };
        self.forget();
        match script.decide(At::Dot, &first) {
            Some(Act::HangUp) => {
                self.state.take(received);
                Err(Over)
            }
            Some(Act::Answer(reply)) => self.answer(script, reply).await,
            None => {
                self.state.take(received);
                self.reply(script, "250 2.0.0 taken").await?;
                if script.decide(At::AfterDot, &first).is_some() {
                    self.flush().await?;
                    return Err(Over);
                }
                Ok(())
            }
        }
    }

    /// Up to the final dot, without its dot-stuffing.
    async fn content(&mut self) -> Result<String, Over> {
        let mut raw = Vec::with_capacity(8 * 1024);
        loop {
            let start = raw.len();
            if self.reader.read_until(b'\n', &mut raw).await? == 0 {
                return Err(Over);
            }
            if raw[start..] == *b".\r\n" {
                raw.truncate(start);
                return Ok(String::from_utf8_lossy(&raw).into_owned());
            }
            if raw[start] == b'.' {
                raw.remove(start);
            }
        }
    }

    async fn auth(&mut self, script: &Script, command: &str) -> Result<(), Over> {
        let mut words = command.split(' ').skip(1);
        let given = match (words.next().map(str::to_ascii_uppercase).as_deref(), words.next()) {
            (Some("PLAIN"), Some(initial)) => plain(initial),
            (Some("LOGIN"), _) => {
                Some((self.ask(script, "Username:").await?, self.ask(script, "Password:").await?))
            }
            _ => None,
        };
        if self.misbehave(script, At::Auth, "").await? {
            return Ok(());
        }
        let known = given.is_some() && given == script.credentials;
        self.reply(script, if known { "235 2.7.0 welcome" } else { "535 5.7.8 bad user or password" }).await
    }

    async fn ask(&mut self, script: &Script, question: &str) -> Result<String, Over> {
        self.reply(script, &format!("334 {}", STANDARD.encode(question))).await?;
        self.flush().await?;
        let mut line = String::new();
        self.reader.read_line(&mut line).await?;
        let answer = STANDARD.decode(line.trim_end()).unwrap_or_default();
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Whether a rule took over.
    async fn misbehave(&mut self, script: &Script, at: At, recipient: &str) -> Result<bool, Over> {
        match script.decide(at, recipient) {
            None => Ok(false),
            Some(Act::HangUp) => Err(Over),
            Some(Act::Answer(reply)) => self.answer(script, reply).await.map(|()| true),
        }
    }

    async fn answer(&mut self, script: &Script, reply: &str) -> Result<(), Over> {
        self.reply(script, reply).await?;
        if reply.starts_with("421") || reply.starts_with("554 5.3.2") {
            self.flush().await?;
            return Err(Over);
        }
        Ok(())
    }

    async fn reply(&mut self, script: &Script, reply: &str) -> Result<(), Over> {
        if !script.delay.is_zero() {
            self.flush().await?;
            sleep(script.delay).await;
        }
        let Some(pause) = script.drip else {
            self.replies.extend_from_slice(reply.as_bytes());
            self.replies.extend_from_slice(b"\r\n");
            return Ok(());
        };
        self.drip(reply, pause).await
    }

    async fn drip(&mut self, reply: &str, pause: Duration) -> Result<(), Over> {
        self.flush().await?;
        for byte in reply.bytes().chain(*b"\r\n") {
            self.writer.write_all(&[byte]).await?;
            sleep(pause).await;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Over> {
        if !self.replies.is_empty() {
            self.writer.write_all(&self.replies).await?;
            self.replies.clear();
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.from.clear();
        self.to.clear();
    }
}

fn greeting(script: &Script) -> String {
    let mut lines = vec!["sink.example", "8BITMIME", "ENHANCEDSTATUSCODES"];
    if script.pipelining {
        lines.push("PIPELINING");
    }
    if script.credentials.is_some() {
        lines.push("AUTH PLAIN LOGIN");
    }
    let last = lines.len() - 1;
    let line = |(number, text)| format!("250{}{text}", if number == last { ' ' } else { '-' });
    lines.into_iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
}

/// What stands between the angle brackets.
fn path(command: &str) -> String {
    let inner = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}

fn plain(initial: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(initial).ok()?).ok()?;
    let mut parts = decoded.splitn(3, '\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn message_id(raw: &str) -> String {
    let head = raw.split_once("\r\n\r\n").map_or(raw, |(head, _)| head);
    let named = |line: &str| line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case("message-id:"));
    let Some(start) = head.split("\r\n").position(named) else { return String::new() };
    let unfolded: String = head.split("\r\n").skip(start).take(2).collect();
    let inner = unfolded.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(id, _)| format!("<{id}>")).unwrap_or_default()
}
