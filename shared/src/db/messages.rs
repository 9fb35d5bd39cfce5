//! Mails to be sent: queued once, dropped when they are no longer wanted, listed. Sending them is in
//! [`deliveries`](super::deliveries).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::registrations::Upserted;
use super::{Conn, DbError, Pair, changed, on_db, sqlite_instant};
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
    /// The batch or operation that counts it, where one does.
    pub submission_id: Option<Uuid>,
    /// How often it was put off: above 0, it counts as deferred.
    pub deferrals: i64,
}

const DROP_UNSENT: &str = "UPDATE messages SET status = 'skipped', last_error = $2 \
    WHERE registration_id = $1 AND status IN ('scheduled', 'queued', 'deferred') RETURNING submission_id, deferrals";

/// Drops a registration's mails that nobody has in hand, with the reason.
pub async fn drop_unsent(conn: &mut Conn, registration: i64, reason: &str) -> Result<Vec<Dropped>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(DROP_UNSENT).bind(registration).bind(reason).fetch_all(c).await?))
}

/// A reminder of a link that waits to be opened.
#[derive(Clone, Copy, Debug)]
pub struct LinkReminder {
    /// The registration.
    pub registration_id: i64,
    /// The link's generation.
    pub generation: i64,
    /// Which of the link's reminders it is, from 0.
    pub copy: i64,
    /// When it is to be sent.
    pub due_at: DateTime<Utc>,
}

macro_rules! insert_reminders {
    ($from:literal) => {
        concat!(
            "INSERT INTO messages (merchant_id, registration_id, kind, version, copy, priority, status, attempts, deferrals, ",
            "due_at, created_at) SELECT r.merchant_id, r.id, 'invitation_reminder', t.generation, t.copy, 1, 'scheduled', ",
            "0, 0, t.due_at, $1 FROM ",
            $from,
            " JOIN registrations r ON r.id = t.id WHERE true ON CONFLICT (registration_id, kind, version, copy) DO NOTHING"
        )
    };
}

const INSERT_REMINDERS: Pair = Pair {
    postgres: insert_reminders!(
        "UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[]) AS t (id, generation, copy, due_at)"
    ),
    sqlite: insert_reminders!(
        "(SELECT value ->> 0 AS id, value ->> 1 AS generation, value ->> 2 AS copy, value ->> 3 AS due_at \
         FROM json_each($2)) AS t"
    ),
};

/// Puts reminders down for later; a link that has them gets no second ones.
pub async fn insert_reminders(
    conn: &mut Conn,
    reminders: &[LinkReminder],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    match conn {
        Conn::Postgres(c) => {
            let query = sqlx::query(INSERT_REMINDERS.postgres).bind(now);
            let query = query
                .bind(reminders.iter().map(|r| r.registration_id).collect::<Vec<_>>())
                .bind(reminders.iter().map(|r| r.generation).collect::<Vec<_>>())
                .bind(reminders.iter().map(|r| r.copy).collect::<Vec<_>>())
                .bind(reminders.iter().map(|r| r.due_at).collect::<Vec<_>>());
            query.execute(&mut **c).await.map(drop)?;
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = reminders
                .iter()
                .map(|r| (r.registration_id, r.generation, r.copy, sqlite_instant(r.due_at)))
                .collect();
            let query = sqlx::query(INSERT_REMINDERS.sqlite).bind(now).bind(sqlx::types::Json(rows));
            query.execute(&mut **c).await.map(drop)?;
        }
    }
    Ok(())
}

const INSERT_REVOCATION: &str = "INSERT INTO messages (merchant_id, registration_id, kind, version, copy, priority, status, \
    attempts, deferrals, due_at, created_at) SELECT r.merchant_id, r.id, 'invitation_revoked', r.generation, 0, 0, \
    'queued', 0, 0, $2, $2 FROM registrations r WHERE r.id = $1 ON CONFLICT (registration_id, kind, version, copy) \
    DO NOTHING";

/// Queues the mail that tells a candidate that the link was taken back.
pub async fn insert_revocation(
    conn: &mut Conn,
    registration: i64,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(INSERT_REVOCATION).bind(registration).bind(now));
    Ok(())
}

/// A message as operators see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MessageRow {
    /// Its id.
    pub id: i64,
    /// The batch or operation that counts it, where one does.
    pub submission_id: Option<Uuid>,
    /// The registration whose link it carries, where it is about one.
    pub registration_id: Option<i64>,
    /// The interview that it is about, where it is about one.
    pub meeting_id: Option<i64>,
    /// What it is for.
    pub kind: String,
    /// A stored status.
    pub status: String,
    /// The reader's address.
    pub email: Option<String>,
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

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.submission_id, m.registration_id, m.meeting_id, m.kind, m.status, ",
            "COALESCE(r.email, u.email) AS email, m.attempts, m.due_at, m.last_error, m.sent_at, m.created_at FROM messages m ",
            "LEFT JOIN registrations r ON r.id = m.registration_id LEFT JOIN users u ON u.id = m.recipient_id ",
            $rest
        )
    };
}

const PAGE: &str = select!(
    "WHERE m.merchant_id = $1 AND m.id < $2 AND ($4 IS NULL OR m.status = $4) ORDER BY m.id DESC LIMIT $3"
);

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

const OF_PERSON: &str = select!(
    "WHERE m.merchant_id = $1 AND (r.email_key = $2 OR u.email_key = $2) ORDER BY m.id DESC LIMIT $3"
);

/// A merchant's messages to one address, newest first.
pub async fn of_person(
    conn: &mut Conn,
    merchant: Uuid,
    email_key: &str,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(OF_PERSON).bind(merchant).bind(email_key).bind(limit).fetch_all(c).await?),
    )
}
