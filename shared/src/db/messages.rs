//! Mails to be sent: queued once, dropped when they are no longer wanted, listed. Sending them is in
//! [`deliveries`](super::deliveries).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::registrations::Upserted;
use super::{Conn, DbError, Pair, on_db};
use crate::domain::{MessageStatus, Priority};

macro_rules! insert {
    ($from:literal) => {
        concat!(
            "INSERT INTO messages (merchant_id, submission_id, registration_id, kind, version, copy, priority, status, ",
            "attempts, deferrals, due_at, created_at) SELECT $1, $2, t.id, 'invitation', t.generation, 0, $3, ",
            "CASE WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.merchant_id = $1 AND s.email_key = t.email_key ",
            "AND s.suppressed_at IS NOT NULL) THEN 'suppressed' ELSE 'queued' END, 0, 0, $4, $4 FROM ",
            $from,
            " ON CONFLICT (registration_id, kind, version, copy) DO NOTHING RETURNING status"
        )
    };
}

const INSERT: Pair = Pair {
    postgres: insert!("UNNEST($5::bigint[], $6::bigint[], $7::text[]) AS t (id, generation, email_key)"),
    sqlite: insert!(
        "(SELECT value ->> 0 AS id, value ->> 1 AS generation, value ->> 2 AS email_key FROM json_each($5)) AS t WHERE true"
    ),
};

/// How many mails were queued, and how many suppressed at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// To be sent.
    pub queued: i64,
    /// Not to be sent: the address bounced before.
    pub suppressed: i64,
}

/// Queues the invitation of each link; a link that has one gets no second.
pub async fn insert_invitations(
    conn: &mut Conn,
    merchant: Uuid,
    submission: Uuid,
    priority: Priority,
    links: &[Upserted],
    now: DateTime<Utc>,
) -> Result<Queued, DbError> {
    let statuses: Vec<String> = match conn {
        Conn::Postgres(c) => {
            let ids: Vec<i64> = links.iter().map(|l| l.id).collect();
            let generations: Vec<i64> = links.iter().map(|l| l.generation).collect();
            let keys: Vec<&str> = links.iter().map(|l| l.email_key.as_str()).collect();
            let query = sqlx::query_scalar(INSERT.postgres)
                .bind(merchant)
                .bind(submission)
                .bind(priority.rank())
                .bind(now);
            query.bind(ids).bind(generations).bind(keys).fetch_all(&mut **c).await?
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = links.iter().map(|l| (l.id, l.generation, &l.email_key)).collect();
            let query = sqlx::query_scalar(INSERT.sqlite)
                .bind(merchant)
                .bind(submission)
                .bind(priority.rank())
                .bind(now);
            query.bind(sqlx::types::Json(rows)).fetch_all(&mut **c).await?
        }
    };
    let count = |status: MessageStatus| {
        i64::try_from(statuses.iter().filter(|s| *s == status.as_str()).count()).unwrap_or(0)
    };
    Ok(Queued { queued: count(MessageStatus::Queued), suppressed: count(MessageStatus::Suppressed) })
}

const INSERT_COPY: &str = "INSERT INTO messages (merchant_id, submission_id, registration_id, kind, version, copy, \
    priority, status, attempts, deferrals, due_at, created_at) SELECT r.merchant_id, $2, r.id, 'invitation', r.generation, \
    (SELECT COALESCE(MAX(m.copy) + 1, 0) FROM messages m WHERE m.registration_id = r.id AND m.kind = 'invitation' \
    AND m.version = r.generation), 0, CASE WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.merchant_id = r.merchant_id \
    AND s.email_key = r.email_key AND s.suppressed_at IS NOT NULL) THEN 'suppressed' ELSE 'queued' END, 0, 0, $3, $3 \
    FROM registrations r WHERE r.id = $1 RETURNING status";

/// Queues one more mail with a registration's current link. The caller holds the registration's row.
pub async fn insert_copy(
    conn: &mut Conn,
    registration: i64,
    submission: Uuid,
    now: DateTime<Utc>,
) -> Result<Queued, DbError> {
    let status: String = on_db!(conn, c => sqlx::query_scalar(INSERT_COPY).bind(registration).bind(submission).bind(now)
        .fetch_one(c).await?);
    let is_queued = status == MessageStatus::Queued.as_str();
    Ok(Queued { queued: i64::from(is_queued), suppressed: i64::from(!is_queued) })
}

/// A message that left its batch's counter of those to be sent: whose counters to move, and from where.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Dropped {
    /// Its batch or operation.
    pub submission_id: Uuid,
    /// How often it was put off: above 0, it counts as deferred.
    pub deferrals: i64,
}

const DROP_UNSENT: &str = "UPDATE messages SET status = 'skipped', last_error = $2 \
    WHERE registration_id = $1 AND status IN ('queued', 'deferred') RETURNING submission_id, deferrals";

/// Drops a registration's mails that nobody has in hand, with the reason.
pub async fn drop_unsent(conn: &mut Conn, registration: i64, reason: &str) -> Result<Vec<Dropped>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(DROP_UNSENT).bind(registration).bind(reason).fetch_all(c).await?))
}

/// A message as operators see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MessageRow {
    /// Its id.
    pub id: i64,
    /// Its batch or operation.
    pub submission_id: Uuid,
    /// The registration whose link it carries.
    pub registration_id: i64,
    /// What it is for.
    pub kind: String,
    /// A stored status.
    pub status: String,
    /// The candidate's address.
    pub email: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// What the last attempt met.
    pub last_error: Option<String>,
    /// When the server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

const PAGE: &str = "SELECT m.id, m.submission_id, m.registration_id, m.kind, m.status, r.email, m.attempts, m.due_at, \
    m.last_error, m.sent_at, m.created_at FROM messages m JOIN registrations r ON r.id = m.registration_id \
    WHERE m.merchant_id = $1 AND m.id < $2 AND ($4 IS NULL OR m.status = $4) ORDER BY m.id DESC LIMIT $3";

/// A merchant's messages below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    status: Option<&str>,
) -> Result<Vec<MessageRow>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(status).fetch_all(c).await?),
    )
}
