//! Users: staff, and the people whom they interview. A token's `sub` finds one by its subject.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};

/// A user's row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// The name, as people read it.
    pub title: String,
    /// Where mail goes.
    pub email: Option<String>,
    /// Lower-cased.
    pub email_key: Option<String>,
    /// As interviewers see it.
    pub phone_number: Option<String>,
    /// As interviewees see it.
    pub contact_phone_number: Option<String>,
    /// An https URL.
    pub image: Option<String>,
    /// IANA name; where it is null, the merchant's.
    pub time_zone: Option<String>,
    /// BCP 47 tag; where it is null, the merchant's.
    pub locale: Option<String>,
    /// What tokens call this user in `sub`.
    pub subject: String,
    /// `admin`, `staff` or `candidate`.
    pub role: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO users (merchant_id, title, email, email_key, phone_number, contact_phone_number, image, \
    time_zone, locale, subject, role, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING *";

/// Adds a user under its subject; the id is the database's.
pub async fn insert(conn: &mut Conn, u: &User) -> Result<User, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(INSERT).bind(u.merchant_id).bind(&u.title).bind(&u.email).bind(&u.email_key)
        .bind(&u.phone_number).bind(&u.contact_phone_number).bind(&u.image).bind(&u.time_zone).bind(&u.locale)
        .bind(&u.subject).bind(&u.role).bind(u.created_at).fetch_one(c).await?),
    )
}

const NAME_AFTER_ID: &str = "UPDATE users SET subject = CAST(id AS TEXT) WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM users o WHERE o.subject = CAST($1 AS TEXT)) RETURNING *";
const DELETE: &str = "DELETE FROM users WHERE id = $1";

/// Adds a user whose subject is its id. An id that somebody is called by already is passed over.
pub async fn insert_named_after_id(conn: &mut Conn, u: &User, placeholder: Uuid) -> Result<User, DbError> {
    loop {
        let stored = insert(conn, &User { subject: placeholder.to_string(), ..u.clone() }).await?;
        let named: Option<User> =
            on_db!(&mut *conn, c => sqlx::query_as(NAME_AFTER_ID).bind(stored.id).fetch_optional(c).await?);
        if let Some(user) = named {
            return Ok(user);
        }
        changed!(&mut *conn, c => sqlx::query(DELETE).bind(stored.id));
    }
}

const UPDATE: &str = "UPDATE users SET title = $3, email = $4, email_key = $5, phone_number = $6, \
    contact_phone_number = $7, image = $8, time_zone = $9, locale = $10, subject = $11, role = $12, updated_at = $13 \
    WHERE id = $1 AND merchant_id = $2";

/// Writes every member but the ids and the day of making.
pub async fn update(conn: &mut Conn, u: &User) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(UPDATE).bind(u.id).bind(u.merchant_id).bind(&u.title).bind(&u.email)
        .bind(&u.email_key).bind(&u.phone_number).bind(&u.contact_phone_number).bind(&u.image).bind(&u.time_zone)
        .bind(&u.locale).bind(&u.subject).bind(&u.role).bind(u.updated_at));
    Ok(rows == 1)
}

const FIND: &str = "SELECT * FROM users WHERE id = $1 AND merchant_id = $2";

/// One of a merchant's users.
pub async fn find(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<User>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).bind(merchant).fetch_optional(c).await?))
}

const LOCK: Pair =
    Pair { postgres: "SELECT * FROM users WHERE id = $1 AND merchant_id = $2 FOR UPDATE", sqlite: FIND };

/// One of a merchant's users, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: i64, merchant: Uuid) -> Result<Option<User>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).bind(merchant).fetch_optional(c).await?))
}

const FIND_SUBJECT: &str = "SELECT * FROM users WHERE subject = $1";

/// The user whom tokens call so.
pub async fn find_subject(conn: &mut Conn, subject: &str) -> Result<Option<User>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND_SUBJECT).bind(subject).fetch_optional(c).await?))
}

/// Which users are looked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The lower-cased address.
    pub email_key: Option<String>,
    /// What tokens call the user.
    pub subject: Option<String>,
    /// A role.
    pub role: Option<String>,
}

const PAGE: &str = "SELECT * FROM users WHERE merchant_id = $1 AND id < $2 AND ($4 IS NULL OR email_key = $4) \
    AND ($5 IS NULL OR subject = $5) AND ($6 IS NULL OR role = $6) ORDER BY id DESC LIMIT $3";

/// A merchant's users below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    f: &Filter,
) -> Result<Vec<User>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(&f.email_key)
        .bind(&f.subject).bind(&f.role).fetch_all(c).await?))
}
