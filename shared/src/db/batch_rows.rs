//! What each row of a batch came to, in the order of the request.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, on_db};
use crate::domain::{InvitationStatus, Milestones, Row};

/// A row's result, to be stored.
#[derive(Clone, Debug)]
pub struct RowResult {
    /// Its place in the request, from 0.
    pub idx: i64,
    /// As it was sent.
    pub row: Row,
    /// The message after `Error: `, or the link that it was given: registration, generation, key.
    pub result: Result<(i64, i64, i64), String>,
}

const INSERT: Pair = Pair {
    postgres: "INSERT INTO batch_rows (submission_id, idx, name, email, external_id, error, registration_id, generation, key_id) \
        SELECT $1, t.* FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[]) AS t",
    sqlite: "INSERT INTO batch_rows (submission_id, idx, name, email, external_id, error, registration_id, generation, key_id) \
        SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7 \
        FROM json_each($2)",
};

/// Stores the results of a chunk.
pub async fn insert_chunk(conn: &mut Conn, submission: Uuid, rows: &[RowResult]) -> Result<(), DbError> {
    let error = |r: &RowResult| r.result.as_ref().err().cloned();
    let link = |r: &RowResult| r.result.as_ref().ok().copied();
    match conn {
        Conn::Postgres(c) => {
            let column =
                |part: fn(&Row) -> Option<&str>| rows.iter().map(|r| part(&r.row)).collect::<Vec<_>>();
            let number =
                |part: fn((i64, i64, i64)) -> i64| rows.iter().map(|r| link(r).map(part)).collect::<Vec<_>>();
            sqlx::query(INSERT.postgres)
                .bind(submission)
                .bind(rows.iter().map(|r| r.idx).collect::<Vec<_>>())
                .bind(column(|r| r.name.as_deref()))
                .bind(column(|r| r.email.as_deref()))
                .bind(column(|r| r.external_id.as_deref()))
                .bind(rows.iter().map(error).collect::<Vec<_>>())
                .bind(number(|l| l.0))
                .bind(number(|l| l.1))
                .bind(number(|l| l.2))
                .execute(&mut **c)
                .await?;
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|r| {
                    let (id, generation, key) =
                        (link(r).map(|l| l.0), link(r).map(|l| l.1), link(r).map(|l| l.2));
                    (r.idx, &r.row.name, &r.row.email, &r.row.external_id, error(r), id, generation, key)
                })
                .collect();
            sqlx::query(INSERT.sqlite)
                .bind(submission)
                .bind(sqlx::types::Json(rows))
                .execute(&mut **c)
                .await?;
        }
    }
    Ok(())
}

/// A row's result, as it is read back, with where its registration and its mail stand.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct BatchRow {
    /// Its place in the request, from 0.
    pub idx: i64,
    /// As sent.
    pub name: Option<String>,
    /// As sent.
    pub email: Option<String>,
    /// As sent.
    pub external_id: Option<String>,
    /// The message after `Error: `.
    pub error: Option<String>,
    /// The registration.
    pub registration_id: Option<i64>,
    /// The generation of the link that it was given.
    pub generation: Option<i64>,
    /// The key that signed it.
    pub key_id: Option<i64>,
    /// The registration's generation now: above `generation`, the link was replaced since.
    pub current_generation: Option<i64>,
    /// The key that signs the registration's link now.
    pub current_key_id: Option<i64>,
    /// The registration's nonce.
    pub nonce: Option<Vec<u8>>,
    /// The registration's link's end of life.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the registration's link was consumed.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the interview was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// The stored status of the current link's last mail.
    pub mail_status: Option<String>,
    /// What its last attempt met.
    pub mail_error: Option<String>,
}

impl BatchRow {
    /// Where the invitation stands; `None` for a bad row.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> Option<InvitationStatus> {
        let Self { used_at, revoked_at, completed_at, .. } = *self;
        let expires_at = self.expires_at?;
        Some(InvitationStatus::at(now, &Milestones { expires_at, used_at, revoked_at, completed_at }))
    }
}

/// Which rows are looked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `true`: good ones; `false`: bad ones.
    pub ok: Option<bool>,
    /// The address, lower-cased.
    pub email_key: Option<String>,
    /// The client's own id.
    pub external_id: Option<String>,
    /// The stored statuses that mean the wanted `email_status`, as a list between commas; `,none,` for no mail.
    pub mail_statuses: Option<String>,
}

const PAGE: &str = "SELECT b.*, r.nonce, r.generation AS current_generation, r.key_id AS current_key_id, r.expires_at, \
    r.used_at, r.revoked_at, r.completed_at, m.status AS mail_status, m.last_error AS mail_error FROM batch_rows b \
    LEFT JOIN registrations r ON r.id = b.registration_id \
    LEFT JOIN messages m ON m.registration_id = r.id AND m.kind = 'invitation' AND m.version = r.generation \
    AND m.copy = (SELECT MAX(x.copy) FROM messages x WHERE x.registration_id = r.id \
    AND x.kind = 'invitation' AND x.version = r.generation) \
    WHERE b.submission_id = $1 AND b.idx > $2 AND b.idx < $3 \
    AND ($5 IS NULL OR $5 = (b.error IS NULL)) AND ($6 IS NULL OR lower(b.email) = $6) \
    AND ($7 IS NULL OR b.external_id = $7) \
    AND ($8 IS NULL OR $8 LIKE '%,' || COALESCE(m.status, 'none') || ',%') ORDER BY b.idx LIMIT $4";

/// Rows of a batch after a place and before the first that has no result yet, in the order of the request.
pub async fn page(
    conn: &mut Conn,
    submission: Uuid,
    after: i64,
    before: i64,
    limit: i64,
    f: &Filter,
) -> Result<Vec<BatchRow>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(submission).bind(after).bind(before).bind(limit).bind(f.ok)
        .bind(&f.email_key).bind(&f.external_id).bind(&f.mail_statuses).fetch_all(c).await?),
    )
}
