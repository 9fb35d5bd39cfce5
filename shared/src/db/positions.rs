//! Positions: other names for a definition.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};

/// A position, with the long id of the definition that it points at.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Position {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// As people read it.
    pub title: String,
    /// The definition's short id.
    pub definition_id: i64,
    /// The definition's long id.
    pub interview_id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO positions (id, merchant_id, title, definition_id, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Adds a position.
pub async fn insert(conn: &mut Conn, p: &Position) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT).bind(p.id).bind(p.merchant_id).bind(&p.title).bind(p.definition_id)
        .bind(p.created_at).bind(p.updated_at));
    Ok(())
}

const UPDATE: &str =
    "UPDATE positions SET title = $3, definition_id = $4, updated_at = $5 WHERE id = $1 AND merchant_id = $2";

/// Writes the title and the definition.
pub async fn update(conn: &mut Conn, p: &Position) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(UPDATE).bind(p.id).bind(p.merchant_id).bind(&p.title)
        .bind(p.definition_id).bind(p.updated_at));
    Ok(rows == 1)
}

macro_rules! find {
    ($lock:literal) => {
        concat!(
            "SELECT p.*, d.interview_id FROM positions p JOIN interview_definitions d ON d.id = p.definition_id ",
            "WHERE p.id = $1 AND p.merchant_id = $2",
            $lock
        )
    };
}

const FIND: &str = find!("");
const LOCK: Pair = Pair { postgres: find!(" FOR UPDATE OF p"), sqlite: FIND };

/// One position, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: Uuid, merchant: Uuid) -> Result<Option<Position>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).bind(merchant).fetch_optional(c).await?))
}

/// One position.
pub async fn find(conn: &mut Conn, id: Uuid, merchant: Uuid) -> Result<Option<Position>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).bind(merchant).fetch_optional(c).await?))
}

const PAGE: &str = "SELECT p.*, d.interview_id FROM positions p JOIN interview_definitions d ON d.id = p.definition_id \
    WHERE p.merchant_id = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3";

/// A merchant's positions below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: Uuid,
    limit: i64,
) -> Result<Vec<Position>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).fetch_all(c).await?))
}
