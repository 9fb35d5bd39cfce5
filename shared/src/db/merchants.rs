//! Merchants: whose candidates, whose mails.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};

/// A merchant's row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Merchant {
    /// Its id.
    pub id: Uuid,
    /// As candidates read it.
    pub name: String,
    /// The base of its links, where it is not the service's.
    pub base_url: Option<String>,
    /// `#rrggbb`, on its pages and mails.
    pub colour: String,
    /// The sender's name, where it is not the merchant's.
    pub mail_from_name: Option<String>,
    /// Where candidates' answers go.
    pub reply_to: Option<String>,
    /// IANA name.
    pub time_zone: String,
    /// BCP 47 tag.
    pub locale: String,
    /// Seconds before the start at which interviews are reminded of.
    pub reminder_offsets: Json<Vec<i64>>,
    /// The merchant whose admins may act for this one.
    pub parent_id: Option<Uuid>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// Reminder offsets as they are stored.
#[must_use]
pub const fn offsets(seconds: Vec<i64>) -> Json<Vec<i64>> {
    Json(seconds)
}

const INSERT: &str = "INSERT INTO merchants (id, name, base_url, colour, mail_from_name, reply_to, time_zone, locale, \
    reminder_offsets, parent_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Adds a merchant.
pub async fn insert(conn: &mut Conn, m: &Merchant) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(m.id).bind(&m.name).bind(&m.base_url).bind(&m.colour)
        .bind(&m.mail_from_name).bind(&m.reply_to).bind(&m.time_zone).bind(&m.locale).bind(&m.reminder_offsets)
        .bind(m.parent_id).bind(m.created_at).bind(m.updated_at));
    Ok(())
}

const UPDATE: &str = "UPDATE merchants SET name = $2, base_url = $3, colour = $4, mail_from_name = $5, reply_to = $6, \
    time_zone = $7, locale = $8, reminder_offsets = $9, parent_id = $10, updated_at = $11 WHERE id = $1";

/// Writes every member but the id and the day of making.
pub async fn update(conn: &mut Conn, m: &Merchant) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(UPDATE).bind(m.id).bind(&m.name).bind(&m.base_url).bind(&m.colour)
        .bind(&m.mail_from_name).bind(&m.reply_to).bind(&m.time_zone).bind(&m.locale).bind(&m.reminder_offsets)
        .bind(m.parent_id).bind(m.updated_at));
    Ok(rows == 1)
}

const FIND: &str = "SELECT * FROM merchants WHERE id = $1";

/// One merchant.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Merchant>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await?))
}

const LOCK: Pair = Pair { postgres: "SELECT * FROM merchants WHERE id = $1 FOR UPDATE", sqlite: FIND };

/// One merchant, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: Uuid) -> Result<Option<Merchant>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).fetch_optional(c).await?))
}

const PAGE: &str = "SELECT * FROM merchants WHERE id < $1 ORDER BY id DESC LIMIT $2";

/// Merchants below an id, newest first.
pub async fn page(conn: &mut Conn, below: Uuid, limit: i64) -> Result<Vec<Merchant>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(below).bind(limit).fetch_all(c).await?))
}
