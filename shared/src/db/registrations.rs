//! Registrations: one per definition, address and test flag; their links' generations; consumption.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};
use crate::domain::{Candidate, InvitationStatus, Milestones, ViewFlags};

/// A registration with what its link and its answer need from its definition and merchant.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Registration {
    /// The id.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// The definition's short id.
    pub definition_id: i64,
    /// The definition's long id.
    pub interview_id: Uuid,
    /// The merchant's own base of links.
    pub base_url: Option<String>,
    /// As it was written last.
    pub email: String,
    /// Lower-cased.
    pub email_key: String,
    /// For tests only.
    pub is_test: bool,
    /// The candidate's name.
    pub name: Option<String>,
    /// What the client calls them.
    pub external_id: Option<String>,
    /// View flag.
    pub hide_menu: bool,
    /// View flag.
    pub hide_iframe: bool,
    /// The current link's generation.
    pub generation: i64,
    /// The key that signed it.
    pub key_id: i64,
    /// The link's share of secrecy that is in the database.
    pub nonce: Vec<u8>,
    /// The link's end of life.
    pub expires_at: DateTime<Utc>,
    /// When it was consumed.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the interview was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// The stored status of the current link's last mail.
    pub mail_status: Option<String>,
    /// What that mail's last attempt met.
    pub mail_error: Option<String>,
}

impl Registration {
    /// Where the invitation stands at an instant.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> InvitationStatus {
        let Self { expires_at, used_at, revoked_at, completed_at, .. } = *self;
        InvitationStatus::at(now, &Milestones { expires_at, used_at, revoked_at, completed_at })
    }

    /// The flags of its link.
    #[must_use]
    pub const fn view_flags(&self) -> ViewFlags {
        ViewFlags { hide_menu: self.hide_menu, hide_iframe: self.hide_iframe }
    }
}

/// What all registrations of one chunk share.
#[derive(Clone, Debug)]
pub struct ChunkTerms {
    /// Whose they are.
    pub merchant: Uuid,
    /// What they are invited to.
    pub definition: i64,
    /// The batch that registers them: within it, a link stays as it is.
    pub submission: Uuid,
    /// For tests only.
    pub is_test: bool,
    /// View flags.
    pub flags: ViewFlags,
    /// The key that signs new links.
    pub key_id: i64,
    /// The keys whose links still open.
    pub known_keys: Vec<i64>,
    /// The end of life of new links.
    pub expires_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What a registration's link is after an upsert.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Upserted {
    /// The registration.
    pub id: i64,
    /// Its natural key's address.
    pub email_key: String,
    /// The link's generation.
    pub generation: i64,
    /// The key that signs it.
    pub key_id: i64,
}

// A link that still opens stays, and so does one that this very batch minted; else a new generation begins.
macro_rules! live {
    ($known_keys:literal) => {
        concat!(
            "(((registrations.used_at IS NULL AND registrations.revoked_at IS NULL AND registrations.completed_at IS NULL ",
            "AND registrations.expires_at > EXCLUDED.created_at) OR registrations.submission_id = EXCLUDED.submission_id) ",
            "AND registrations.key_id ",
            $known_keys,
            ")"
        )
    };
}

macro_rules! upsert {
    ($from:literal, $known_keys:literal) => {
        concat!(
            "INSERT INTO registrations (merchant_id, definition_id, submission_id, is_test, hide_menu, hide_iframe, ",
            "generation, key_id, expires_at, created_at, updated_at, email, email_key, name, external_id, nonce) ",
            $from,
            " ON CONFLICT (email_key, definition_id, is_test) DO UPDATE SET email = EXCLUDED.email, ",
            "name = COALESCE(EXCLUDED.name, registrations.name), ",
            "external_id = COALESCE(EXCLUDED.external_id, registrations.external_id), ",
            "hide_menu = EXCLUDED.hide_menu, hide_iframe = EXCLUDED.hide_iframe, ",
            "generation = CASE WHEN ", live!($known_keys), " THEN registrations.generation ELSE registrations.generation + 1 END, ",
            "key_id = CASE WHEN ", live!($known_keys), " THEN registrations.key_id ELSE EXCLUDED.key_id END, ",
            "expires_at = CASE WHEN ", live!($known_keys), " THEN registrations.expires_at ELSE EXCLUDED.expires_at END, ",
            "used_at = CASE WHEN ", live!($known_keys), " THEN registrations.used_at END, ",
            "revoked_at = CASE WHEN ", live!($known_keys), " THEN registrations.revoked_at END, ",
            "completed_at = CASE WHEN ", live!($known_keys), " THEN registrations.completed_at END, ",
            "submission_id = EXCLUDED.submission_id, updated_at = EXCLUDED.updated_at ",
            "RETURNING id, email_key, generation, key_id"
        )
    };
}
const UPSERT: Pair = Pair {
    postgres: upsert!(
        "SELECT $1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $9, t.email, t.email_key, t.name, t.external_id, t.nonce \
         FROM UNNEST($10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[]) \
         AS t (email, email_key, name, external_id, nonce)",
        "= ANY($15::bigint[])"
    ),
    sqlite: upsert!(
        "SELECT $1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $9, value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
         unhex(value ->> 4) FROM json_each($10) WHERE true",
        "IN (SELECT value FROM json_each($11))"
    ),
};

/// Registers candidates, all of one definition: new ones get their first link, known ones keep theirs while it is
/// live (`CONTRACT.md` section 5). No address may come twice; rows are locked in the order of the addresses.
pub async fn upsert_chunk(
    conn: &mut Conn,
    terms: &ChunkTerms,
    candidates: &[(String, Candidate, [u8; 16])],
) -> Result<Vec<Upserted>, DbError> {
    debug_assert!(candidates.is_sorted_by(|a, b| a.0 < b.0));
    let t = terms;
    macro_rules! shared {
        ($sql:expr) => {
            sqlx::query_as($sql)
                .bind(t.merchant)
                .bind(t.definition)
                .bind(t.submission)
                .bind(t.is_test)
                .bind(t.flags.hide_menu)
                .bind(t.flags.hide_iframe)
                .bind(t.key_id)
                .bind(t.expires_at)
                .bind(t.now)
        };
    }
    Ok(match conn {
        Conn::Postgres(c) => {
            let emails: Vec<&str> = candidates.iter().map(|(_, c, _)| c.email.as_str()).collect();
            let keys: Vec<&str> = candidates.iter().map(|(key, ..)| key.as_str()).collect();
            let names: Vec<Option<&str>> = candidates.iter().map(|(_, c, _)| c.name.as_deref()).collect();
            let externals: Vec<Option<&str>> =
                candidates.iter().map(|(_, c, _)| c.external_id.as_deref()).collect();
            let nonces: Vec<&[u8]> = candidates.iter().map(|(.., nonce)| nonce.as_slice()).collect();
            let query = shared!(UPSERT.postgres)
                .bind(emails)
                .bind(keys)
                .bind(names)
                .bind(externals)
                .bind(nonces)
                .bind(&t.known_keys);
            query.fetch_all(&mut **c).await?
        }
        Conn::Sqlite(c) => {
            let rows: Vec<_> = candidates
                .iter()
                .map(|(key, c, nonce)| (c.email.as_str(), key, &c.name, &c.external_id, hex::encode(nonce)))
                .collect();
            let query = shared!(UPSERT.sqlite).bind(sqlx::types::Json(rows));
            query.bind(sqlx::types::Json(&t.known_keys)).fetch_all(&mut **c).await?
        }
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.*, d.interview_id, merchants.base_url, m.status AS mail_status, m.last_error AS mail_error ",
            "FROM registrations r JOIN interview_definitions d ON d.id = r.definition_id ",
            "JOIN merchants ON merchants.id = r.merchant_id ",
            "LEFT JOIN messages m ON m.registration_id = r.id AND m.kind = 'invitation' AND m.version = r.generation ",
            "AND m.copy = (SELECT MAX(x.copy) FROM messages x WHERE x.registration_id = r.id ",
            "AND x.kind = 'invitation' AND x.version = r.generation) ",
            $rest
        )
    };
}

const FIND: &str = select!("WHERE r.id = $1");

/// One registration, of any merchant: the caller checks whose it is.
pub async fn find(conn: &mut Conn, id: i64) -> Result<Option<Registration>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await?))
}

/// Which registrations are looked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The lower-cased address.
    pub email_key: Option<String>,
    /// The client's own id.
    pub external_id: Option<String>,
    /// The definition's short id.
    pub definition: Option<i64>,
}

const PAGE: &str = select!(
    "WHERE r.merchant_id = $1 AND r.id < $2 AND ($4 IS NULL OR r.email_key = $4) \
     AND ($5 IS NULL OR r.external_id = $5) AND ($6 IS NULL OR r.definition_id = $6) ORDER BY r.id DESC LIMIT $3"
);

/// A merchant's registrations below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    f: &Filter,
) -> Result<Vec<Registration>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(&f.email_key)
        .bind(&f.external_id).bind(f.definition).fetch_all(c).await?))
}

const CONSUME: &str = "UPDATE registrations SET used_at = $3, updated_at = $3 WHERE id = $1 AND generation = $2 \
    AND used_at IS NULL AND revoked_at IS NULL AND completed_at IS NULL AND expires_at > $3";

/// Consumes a link: of any number of racing calls one gets `true`.
pub async fn consume(conn: &mut Conn, id: i64, generation: i64, now: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(changed!(conn, c => sqlx::query(CONSUME).bind(id).bind(generation).bind(now)) == 1)
}

const LOCK: Pair =
    Pair { postgres: select!("WHERE r.id = $1 FOR UPDATE OF r"), sqlite: select!("WHERE r.id = $1") };

/// One registration, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: i64) -> Result<Option<Registration>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).fetch_optional(c).await?))
}

const REVOKE: &str = "UPDATE registrations SET revoked_at = $2, updated_at = $2 WHERE id = $1";

/// Takes the link back. The caller holds the row and has seen that the move is legal.
pub async fn revoke(conn: &mut Conn, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(REVOKE).bind(id).bind(now));
    Ok(())
}

const COMPLETE: &str = "UPDATE registrations SET completed_at = $2, updated_at = $2 WHERE id = $1";

/// Marks the interview done. The caller holds the row and has seen that the move is legal.
pub async fn complete(conn: &mut Conn, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    changed!(conn, c => sqlx::query(COMPLETE).bind(id).bind(now));
    Ok(())
}

const REISSUE: &str = "UPDATE registrations SET generation = generation + 1, key_id = $2, expires_at = $3, \
    used_at = NULL, revoked_at = NULL, completed_at = NULL, updated_at = $4 WHERE id = $1 RETURNING generation";

/// Begins a new generation and gives its number. The caller holds the row.
pub async fn reissue(
    conn: &mut Conn,
    id: i64,
    key_id: i64,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<i64, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(REISSUE).bind(id).bind(key_id).bind(expires_at).bind(now).fetch_one(c).await?),
    )
}
