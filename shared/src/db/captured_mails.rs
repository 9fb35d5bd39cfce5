//! The embedded default's mailbox. Texts are kept with the link cut out: a token is in no table.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};

/// A mail to be kept.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Whose it is.
    pub merchant_id: Uuid,
    /// Whose link was cut out, where there was one.
    pub registration_id: Option<i64>,
    /// Which link.
    pub generation: i64,
    /// `<…@host>`; a second copy is not kept.
    pub message_id: String,
    /// The address.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The text, with a mark where the link was.
    pub text: String,
    /// The HTML, likewise.
    pub html: String,
    /// The iCalendar object, where there is one.
    pub calendar: Option<String>,
    /// When it would have been sent.
    pub captured_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO captured_mails (merchant_id, registration_id, generation, message_id, recipient, \
    subject, text, html, captured_at, calendar) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (message_id) DO NOTHING";

/// Keeps mails.
pub async fn insert(conn: &mut Conn, m: &NewMail) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(m.merchant_id).bind(m.registration_id).bind(m.generation)
        .bind(&m.message_id).bind(&m.recipient).bind(&m.subject).bind(&m.text).bind(&m.html).bind(m.captured_at).bind(&m.calendar));
    Ok(())
}

/// A kept mail, with what puts its link back.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CapturedMail {
    /// Its id.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// Whose link was cut out, where there was one.
    pub registration_id: Option<i64>,
    /// Which link.
    pub generation: i64,
    /// `<…@host>`
    pub message_id: String,
    /// The address.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The text, with a mark where the link was.
    pub text: String,
    /// The HTML, likewise.
    pub html: String,
    /// The iCalendar object, where there is one.
    pub calendar: Option<String>,
    /// When it would have been sent.
    pub captured_at: DateTime<Utc>,
    /// For the link: the definition's long id.
    pub interview_id: Option<Uuid>,
    /// For the link: the merchant's own base.
    pub base_url: Option<String>,
    /// For the link.
    pub key_id: Option<i64>,
    /// For the link.
    pub nonce: Option<Vec<u8>>,
    /// For the link.
    pub hide_menu: Option<bool>,
    /// For the link.
    pub hide_iframe: Option<bool>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.*, d.interview_id, o.base_url, r.key_id, r.nonce, r.hide_menu, r.hide_iframe FROM captured_mails c ",
            "JOIN merchants o ON o.id = c.merchant_id LEFT JOIN registrations r ON r.id = c.registration_id ",
            "LEFT JOIN interview_definitions d ON d.id = r.definition_id ",
            $rest
        )
    };
}

const PAGE: &str = select!(
    "WHERE c.id < $2 AND ($1 IS NULL OR c.merchant_id = $1) AND ($4 IS NULL OR c.recipient = $4) ORDER BY c.id DESC LIMIT $3"
);

/// Kept mails below an id, newest first: of one merchant, or of all; to one address, or to all.
pub async fn page(
    conn: &mut Conn,
    merchant: Option<Uuid>,
    below: i64,
    limit: i64,
    to: Option<&str>,
) -> Result<Vec<CapturedMail>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(to).fetch_all(c).await?),
    )
}

const FIND: &str = select!("WHERE c.id = $1");

/// One kept mail, of any merchant: the caller checks whose it is.
pub async fn find(conn: &mut Conn, id: i64) -> Result<Option<CapturedMail>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await?))
}
