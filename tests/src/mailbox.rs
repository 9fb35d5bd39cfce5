//! What candidates got: mail from the mail server's record, or from the embedded default's captured mail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::Client;
use crate::smtp::SmtpSink;

/// One mail, decoded.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The envelope's recipient.
    pub to: String,
    /// The subject as the header has it.
    pub subject: String,
    /// The `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The iCalendar part; empty where there is none.
    pub calendar: String,
    /// The media type of that part; empty for captured mail.
    pub calendar_type: String,
}

impl Mail {
    /// The first link to an interview in the plain part.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn link(&self) -> String {
        let found = self.text.split_whitespace().find(|word| word.contains("/interview/take/"));
        let found = found.unwrap_or_else(|| panic!("no link in the mail to {}:\n{}", self.to, self.text));
        found.trim_matches(['<', '>', '(', ')', ',']).trim_end_matches('.').to_owned()
    }
}

/// All captured mail, oldest first.
pub async fn captured(client: &Client) -> Vec<Mail> {
    let mut mails = Vec::new();
    let mut path = "/api/v1/captured-mails?limit=1000".to_owned();
    loop {
        let page = client.get(&path).send().await;
        page.expect(200);
        let field = |mail: &serde_json::Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        mails.extend(page.rows("/captured_mails").iter().map(|mail| Mail {
            to: field(mail, "to"),
            subject: field(mail, "subject"),
            message_id: field(mail, "message_id"),
            text: field(mail, "text"),
            html: field(mail, "html"),
            calendar: field(mail, "calendar"),
            calendar_type: String::new(),
        }));
        match page.json["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/captured-mails?limit=1000&cursor={cursor}"),
            None => break,
        }
    }
    mails.reverse();
    mails
}

/// All mail that the server accepted, in its order.
#[must_use]
pub fn received(sink: &SmtpSink) -> Vec<Mail> {
    sink.mails().iter().map(|mail| parse(&mail.to.join(", "), &mail.raw)).collect()
}

/// Takes a mail apart as far as the tests need it (RFC 5322, RFC 2045, RFC 2046).
#[must_use]
pub fn parse(to: &str, raw: &str) -> Mail {
    let entity = Entity::parse(raw);
    let mut mail = Mail {
        to: to.to_owned(),
        subject: entity.header("subject"),
        message_id: entity.header("message-id"),
        ..Mail::default()
    };
    entity.collect(&mut mail);
    mail
}

/// Headers and body of a mail or of one of its parts.
struct Entity {
    headers: Vec<(String, String)>,
    body: String,
}

impl Entity {
    fn parse(raw: &str) -> Self {
        let raw = raw.replace("\r\n", "\n");
        let (head, body) = raw.split_once("\n\n").unwrap_or((&raw, ""));
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_lowercase(), value.trim().to_owned()))
        };
        Self { headers: unfolded.lines().filter_map(header).collect(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn collect(&self, mail: &mut Mail) {
        let media_type = self.header("content-type");
        let lower = media_type.to_lowercase();
        if lower.starts_with("multipart/") {
            let boundary = media_type.split("boundary=").nth(1).unwrap_or_default();
            let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
            let delimiter = format!("--{boundary}");
            let parts = self.body.split(&delimiter).skip(1);
            for part in parts.take_while(|part| !part.starts_with("--")) {
                Self::parse(part.trim_start_matches('\n')).collect(mail);
            }
        } else if lower.starts_with("text/html") {
            mail.html = self.decoded();
        } else if lower.starts_with("text/calendar") {
            mail.calendar = self.decoded();
            mail.calendar_type = media_type;
        } else if lower.starts_with("text/plain") || lower.is_empty() {
            mail.text = self.decoded();
        }
    }

    fn decoded(&self) -> String {
        let bytes = match self.header("content-transfer-encoding").to_lowercase().as_str() {
            "base64" => {
                let packed: String = self.body.split_whitespace().collect();
                STANDARD.decode(&packed).unwrap_or_else(|e| panic!("no base64: {e}: {packed}"))
            }
            "quoted-printable" => quoted_printable(&self.body),
            _ => self.body.clone().into_bytes(),
        };
        String::from_utf8(bytes).expect("the mail is in UTF-8")
    }
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let body = body.replace("=\n", "");
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body.as_str();
    while let Some((plain, after)) = rest.split_once('=') {
        bytes.extend_from_slice(plain.as_bytes());
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or_else(|| panic!("no quoted-printable: ={after}")));
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_two_parts_is_taken_apart() {
        let raw = "Subject: Hello\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/alternative;\r\n boundary=\"b1\"\r\n\r\n\
            --b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            See http://h/interview/take/d/?interview_token=3Da=\r\nb J=C3=BCrgen\r\n\
            --b1\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\naGk8L2I+\r\n--b1--\r\n";
        let mail = parse("a@example.org", raw);
        assert_eq!((mail.subject.as_str(), mail.message_id.as_str()), ("Hello", "<1@x>"));
        assert_eq!(mail.html, "<b>hi</b>");
        assert!(mail.text.contains("Jürgen"), "{}", mail.text);
    }

    #[test]
    fn a_soft_line_break_joins_a_link() {
        let raw = "Content-Transfer-Encoding: quoted-printable\n\nGo: http://h/interview/take/d/?interview_token=3Da=\nb.\n";
        assert_eq!(parse("a@example.org", raw).link(), "http://h/interview/take/d/?interview_token=ab");
    }
}
