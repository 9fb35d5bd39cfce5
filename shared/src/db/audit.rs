//! The audit log: who did what, when, from where. Rows are added, never changed, and hold nothing personal.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, changed, on_db};

/// An entry to be added.
#[derive(Clone, Debug)]
pub struct NewEntry<'a> {
    /// Whose data it is about; the nil UUID: the platform's own.
    pub merchant_id: Uuid,
    /// `service`, `api_key/<id>` or `user/<id>`.
    pub actor: &'a str,
    /// What was done: `interview.create`.
    pub action: &'a str,
    /// To what: `interview/83`, `operation/<id>`.
    pub subject: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a str,
    /// The client's network address.
    pub address: Option<&'a str>,
}

const INSERT: &str = "INSERT INTO audit_log (merchant_id, at, actor, action, subject, request_id, address) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Adds an entry, in the transaction of what it tells.
pub async fn insert(conn: &mut Conn, e: &NewEntry<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(e.merchant_id).bind(now).bind(e.actor).bind(e.action).bind(e.subject)
        .bind(e.request_id).bind(e.address));
    Ok(())
}

/// An entry.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    /// Its id.
    pub id: i64,
    /// Whose data it is about.
    pub merchant_id: Uuid,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// The client's network address.
    pub address: Option<String>,
}

/// Which entries are looked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who did it.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// To what.
    pub subject: Option<String>,
    /// At this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
}

const PAGE: &str = "SELECT * FROM audit_log WHERE merchant_id = $1 AND id < $2 AND ($4 IS NULL OR actor = $4) \
    AND ($5 IS NULL OR action = $5) AND ($6 IS NULL OR subject = $6) AND ($7 IS NULL OR at >= $7) \
    AND ($8 IS NULL OR at < $8) ORDER BY id DESC LIMIT $3";

/// A merchant's entries below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    f: &Filter,
) -> Result<Vec<Entry>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(&f.actor).bind(&f.action)
        .bind(&f.subject).bind(f.from).bind(f.to).fetch_all(c).await?),
    )
}
