//! A mail, and its wire form (RFC 5322, MIME). Every text is checked here before the library sees it.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::address::{Address, Envelope};
use lettre::message::header::{self, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use shared::domain::{EmailAddress, TextError, line};

use super::quoted;

/// Characters of a display name; RFC 5322 has no limit, mail programs do.
const LONGEST_NAME: usize = 200;
/// Characters of a subject.
pub(super) const LONGEST_SUBJECT: usize = 200;
/// RFC 5322 section 2.1.1 allows a line 998 characters; identifiers are far shorter.
const LONGEST_MESSAGE_ID: usize = 250;

/// A mail to one person. Anything may be put in; [`Letter::format`] refuses what cannot be sent safely.
#[derive(Clone)]
pub struct Letter {
    /// Shown beside the sender's address.
    pub from_name: Option<String>,
    /// The sender, in the header and on the envelope.
    pub from: EmailAddress,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// The one recipient.
    pub to: EmailAddress,
    /// Shown beside the recipient's address.
    pub to_name: Option<String>,
    /// One line.
    pub subject: String,
    /// The body for programs that show text.
    pub text: String,
    /// The body for programs that show HTML.
    pub html: String,
    /// With its angle brackets: `<registration.7.1@convoke.example>`. The same for every repeat of this mail.
    pub message_id: String,
    /// When the mail was written, which a repeat does not change.
    pub date: DateTime<Utc>,
    /// An invitation that calendars understand (RFC 6047), as a third alternative.
    pub calendar: Option<Calendar>,
}

/// An iCalendar object and what it asks of the reader's calendar.
#[derive(Clone)]
pub struct Calendar {
    /// Must be the object's own `METHOD`.
    pub method: CalendarMethod,
    /// The object, `BEGIN:VCALENDAR` to `END:VCALENDAR`.
    pub object: String,
}

/// RFC 5546's methods, as far as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarMethod {
    /// A new or changed appointment.
    Request,
    /// The appointment is off.
    Cancel,
}

/// Why a letter cannot be sent, ever.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// A name or the subject could end a header, or is too long.
    #[error("the {field} {source}")]
    Text {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        source: TextError,
    },
    /// Nothing in the subject.
    #[error("the subject is empty")]
    NoSubject,
    /// Not `<…@…>` in printable ASCII.
    #[error("the Message-ID is malformed")]
    MessageId,
    /// An address that the mail library does not take though we do.
    #[error("the {0} address cannot be written into a mail")]
    Address(&'static str),
    /// The mail library refused the whole.
    #[error("the mail cannot be built: {0}")]
    Build(#[from] lettre::error::Error),
}

impl Letter {
    /// The mail as RFC 5322 bytes: 7-bit clean, CRLF line ends, not dot-stuffed; the same bytes at every call.
    pub fn format(&self) -> Result<Vec<u8>, LetterError> {
        let from = mailbox("sender's", "sender's name", &self.from, self.from_name.as_deref())?;
        let to = mailbox("recipient's", "recipient's name", &self.to, self.to_name.as_deref())?;
        let subject = checked("subject", &self.subject, LONGEST_SUBJECT)?.ok_or(LetterError::NoSubject)?;
        if !is_message_id(&self.message_id) {
            return Err(LetterError::MessageId);
        }
        // Given, because the library would otherwise read it back out of the headers.
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])?;
        let mut message = Message::builder()
            .envelope(envelope)
            .header(header::From::from(lettre::message::Mailboxes::from(from)))
            .header(header::To::from(lettre::message::Mailboxes::from(to)))
            .header(header::Subject::from(subject.to_owned()))
            .header(header::MessageId::from(self.message_id.clone()))
            .date(SystemTime::from(self.date))
            .raw_header(fixed("Auto-Submitted", "auto-generated"))
            .raw_header(fixed("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = &self.reply_to {
            let reply_to = mailbox("reply-to", "reply-to name", reply_to, None)?;
            message = message.header(header::ReplyTo::from(lettre::message::Mailboxes::from(reply_to)));
        }
        Ok(message.multipart(self.alternatives())?.formatted())
    }

    /// Plainest first (RFC 2046 section 5.1.4).
    fn alternatives(&self) -> MultiPart {
        let parts = MultiPart::alternative()
            .boundary(self.boundary())
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
            .singlepart(part(ContentType::TEXT_HTML, &self.html));
        match &self.calendar {
            Some(calendar) => parts.singlepart(part(calendar.method.content_type(), &calendar.object)),
            None => parts,
        }
    }

    /// `=_` occurs in neither quoted-printable nor base64, so no body can hold the boundary (RFC 2045 section 6.7).
    fn boundary(&self) -> String {
        let id = self.message_id.chars().filter(char::is_ascii_alphanumeric).take(50);
        "=_".chars().chain(id).collect()
    }
}

impl CalendarMethod {
    fn content_type(self) -> ContentType {
        let parsed = match self {
            Self::Request => ContentType::parse("text/calendar; charset=utf-8; method=REQUEST"),
            Self::Cancel => ContentType::parse("text/calendar; charset=utf-8; method=CANCEL"),
        };
        parsed.expect("both are well-formed media types")
    }
}

/// A name that is only blanks is no name.
fn checked<'a>(field: &'static str, raw: &'a str, longest: usize) -> Result<Option<&'a str>, LetterError> {
    line(raw, longest).map_err(|source| LetterError::Text { field, source })
}

fn mailbox(
    whose: &'static str,
    field: &'static str,
    address: &EmailAddress,
    name: Option<&str>,
) -> Result<Mailbox, LetterError> {
    let name = checked(field, name.unwrap_or_default(), LONGEST_NAME)?.map(str::to_owned);
    let address: Address = address.as_str().parse().map_err(|_| LetterError::Address(whose))?;
    Ok(Mailbox::new(name, address))
}

fn is_message_id(id: &str) -> bool {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or_default();
    let printable = |c: u8| c.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&c);
    id.len() <= LONGEST_MESSAGE_ID
        && inner.bytes().all(printable)
        && inner
            .split_once('@')
            .is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'))
}

fn fixed(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Quoted-printable where most of it is ASCII (a person can read the source), else base64 (shorter).
fn part(content_type: ContentType, text: &str) -> SinglePart {
    let foreign = text.bytes().filter(|b| !b.is_ascii()).count();
    let body = if foreign * 6 > text.len() {
        // The library makes CRLF of the line ends, and chooses an encoding only where this one could not hold a text.
        Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::Base64)
            .unwrap_or_else(|text| Body::new(String::from_utf8_lossy(&text).into_owned()))
    } else {
        Body::dangerous_pre_encoded(quoted::encode(text), ContentTransferEncoding::QuotedPrintable)
    };
    SinglePart::builder().header(content_type).body(body)
}

/// Shows what a log may hold: the bodies have the link in them.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("to", &self.to)
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
