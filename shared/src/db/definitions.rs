//! Interview definitions: what candidates are invited to.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};

/// A definition's row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Definition {
    /// The short id.
    pub id: i64,
    /// The long id, in links.
    pub interview_id: Uuid,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// As candidates read it.
    pub name: String,
    /// `draft`, `active` or `archived`.
    pub status: String,
    /// Where a consumed link leads.
    pub launch_url: Option<String>,
    /// The life of a link.
    pub link_ttl_seconds: i64,
    /// The mail's subject, where it is not the default: a template.
    pub mail_subject: Option<String>,
    /// The mail's text, where it is not the default: a template.
    pub mail_text: Option<String>,
    /// Seconds after the invitation at which a link that waits is reminded of.
    pub remind_after: Json<Vec<i64>>,
    /// Seconds before the link's end at which it is, too.
    pub remind_before_expiry: Json<Vec<i64>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A list of seconds as it is stored.
#[must_use]
pub const fn seconds(list: Vec<i64>) -> Json<Vec<i64>> {
    Json(list)
}

const INSERT: &str = "INSERT INTO interview_definitions (interview_id, merchant_id, name, status, launch_url, \
    link_ttl_seconds, mail_subject, mail_text, created_at, updated_at, remind_after, remind_before_expiry) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *";

/// Adds a definition; its `id` is given by the database.
pub async fn insert(conn: &mut Conn, d: &Definition) -> Result<Definition, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(INSERT).bind(d.interview_id).bind(d.merchant_id).bind(&d.name).bind(&d.status)
        .bind(&d.launch_url).bind(d.link_ttl_seconds).bind(&d.mail_subject).bind(&d.mail_text).bind(d.created_at)
        .bind(d.updated_at).bind(&d.remind_after).bind(&d.remind_before_expiry).fetch_one(c).await?),
    )
}

const UPDATE: &str = "UPDATE interview_definitions SET name = $3, status = $4, launch_url = $5, link_ttl_seconds = $6, \
    mail_subject = $7, mail_text = $8, updated_at = $9, remind_after = $10, remind_before_expiry = $11 \
    WHERE id = $1 AND merchant_id = $2";

/// Writes every member that may change.
pub async fn update(conn: &mut Conn, d: &Definition) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(UPDATE).bind(d.id).bind(d.merchant_id).bind(&d.name).bind(&d.status)
        .bind(&d.launch_url).bind(d.link_ttl_seconds).bind(&d.mail_subject).bind(&d.mail_text).bind(d.updated_at)
        .bind(&d.remind_after).bind(&d.remind_before_expiry));
    Ok(rows == 1)
}

const FIND: &str = "SELECT * FROM interview_definitions WHERE id = $1 AND merchant_id = $2";

/// One by its short id.
pub async fn find(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<Definition>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).bind(merchant).fetch_optional(c).await?))
}

const LOCK: Pair = Pair {
    postgres: "SELECT * FROM interview_definitions WHERE id = $1 AND merchant_id = $2 FOR UPDATE",
    sqlite: FIND,
};

/// One by its short id, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<Definition>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).bind(merchant).fetch_optional(c).await?))
}

const FIND_INVITED: &str = "SELECT * FROM interview_definitions WHERE merchant_id = $1 AND (interview_id = $2 \
    OR id = (SELECT definition_id FROM positions WHERE id = $2 AND merchant_id = $1))";

/// One by its long id, or by a position that points at it.
pub async fn find_invited(conn: &mut Conn, merchant: Uuid, id: Uuid) -> Result<Option<Definition>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND_INVITED).bind(merchant).bind(id).fetch_optional(c).await?))
}

const PAGE: &str =
    "SELECT * FROM interview_definitions WHERE merchant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

/// A merchant's definitions below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
) -> Result<Vec<Definition>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).fetch_all(c).await?))
}

const FIND_LONG: &str = "SELECT * FROM interview_definitions WHERE interview_id = $1 AND merchant_id = $2";

/// One by its long id.
pub async fn find_long(conn: &mut Conn, id: Uuid, merchant: Uuid) -> Result<Option<Definition>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND_LONG).bind(id).bind(merchant).fetch_optional(c).await?))
}
