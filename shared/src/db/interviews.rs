//! Interviews between two people. Every change is a compare-and-set on the schedule's version.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Conn, DbError, Pair, changed, on_db};
use crate::domain::{
    Driver, InterviewAnswer, InterviewShown, InterviewStatus, IntervieweeShown, InterviewerShown,
    rfc3339_millis,
};

/// An interview with its two people, as answers show it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Interview {
    /// Its id.
    pub id: i64,
    /// Whose it is.
    pub merchant_id: Uuid,
    /// Who is interviewed.
    pub interviewee_id: i64,
    /// The user who interviews.
    pub interviewer_id: i64,
    /// `video_call`, `phone_call` or `in_person`.
    pub kind: String,
    /// A place, or an https URL.
    pub location: Option<String>,
    /// The times that are proposed at first, or agreed.
    pub start_at: DateTime<Utc>,
    /// See `start_at`.
    pub end_at: DateTime<Utc>,
    /// The times that are proposed instead.
    pub amend_start_at: Option<DateTime<Utc>>,
    /// See `amend_start_at`.
    pub amend_end_at: Option<DateTime<Utc>>,
    /// A [`Side`](crate::domain::Side): whose proposal that is.
    pub amended_by: Option<String>,
    /// An [`InterviewStatus`].
    pub status: String,
    /// Rises with every change of time, place or state.
    pub schedule_version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// The interviewee's user.
    pub driver_id: i64,
    /// That user's picture.
    pub driver_image: Option<String>,
    /// That user's number.
    pub driver_phone_number: Option<String>,
    /// That user's name.
    pub driver_title: String,
    /// Whether mail can reach that user.
    pub driver_has_email: bool,
    /// `interview`, `verified` or `rejected`.
    pub interviewee_kind: String,
    /// The interviewee's currency.
    pub interviewee_currency: Option<String>,
    /// When the interviewee was changed last.
    pub interviewee_updated_at: DateTime<Utc>,
    /// The interviewer's number for interviewees.
    pub interviewer_contact_phone_number: Option<String>,
    /// The interviewer's picture.
    pub interviewer_image: Option<String>,
    /// The interviewer's name.
    pub interviewer_title: String,
    /// Whether mail can reach the interviewer.
    pub interviewer_has_email: bool,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT i.*, d.id AS driver_id, d.image AS driver_image, d.phone_number AS driver_phone_number, ",
            "d.title AS driver_title, d.email IS NOT NULL AS driver_has_email, e.kind AS interviewee_kind, ",
            "e.currency AS interviewee_currency, e.updated_at AS interviewee_updated_at, ",
            "r.contact_phone_number AS interviewer_contact_phone_number, r.image AS interviewer_image, ",
            "r.title AS interviewer_title, r.email IS NOT NULL AS interviewer_has_email FROM interviews i ",
            "JOIN interviewees e ON e.id = i.interviewee_id JOIN users d ON d.id = e.user_id ",
            "JOIN users r ON r.id = i.interviewer_id ",
            $rest
        )
    };
}

/// An interview to be added.
#[derive(Clone, Debug)]
pub struct NewInterview<'a> {
    /// Whose it is.
    pub merchant_id: Uuid,
    /// Who is interviewed.
    pub interviewee_id: i64,
    /// Who interviews.
    pub interviewer_id: i64,
    /// How they meet.
    pub kind: &'a str,
    /// Where.
    pub location: Option<&'a str>,
    /// From when.
    pub start_at: DateTime<Utc>,
    /// Until when.
    pub end_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO interviews (merchant_id, interviewee_id, interviewer_id, kind, location, start_at, \
    end_at, status, schedule_version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 1, $8, $8) \
    RETURNING id";

/// Adds a pending interview and gives its id.
pub async fn insert(conn: &mut Conn, i: &NewInterview<'_>, now: DateTime<Utc>) -> Result<i64, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_scalar(INSERT).bind(i.merchant_id).bind(i.interviewee_id).bind(i.interviewer_id)
        .bind(i.kind).bind(i.location).bind(i.start_at).bind(i.end_at).bind(now).fetch_one(c).await?),
    )
}

const FIND: &str = select!("WHERE i.id = $1");

/// One interview, of any merchant: the caller checks whose it is.
pub async fn find(conn: &mut Conn, id: i64) -> Result<Option<Interview>, DbError> {
    Ok(on_db!(conn, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await?))
}

const LOCK: Pair = Pair { postgres: select!("WHERE i.id = $1 FOR UPDATE OF i"), sqlite: FIND };

/// One interview, held until the transaction ends.
pub async fn lock(conn: &mut Conn, id: i64) -> Result<Option<Interview>, DbError> {
    Ok(on_db!(conn, c, sql = LOCK => sqlx::query_as(sql).bind(id).fetch_optional(c).await?))
}

/// Which interviews are looked for; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// An [`InterviewStatus`].
    pub status: Option<String>,
    /// Starting at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Starting before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Of one interviewee.
    pub interviewee: Option<i64>,
    /// Of one interviewer.
    pub interviewer: Option<i64>,
    /// Of one interviewee's user.
    pub driver: Option<i64>,
}

const PAGE: &str = select!(
    "WHERE i.merchant_id = $1 AND i.id < $2 AND ($4 IS NULL OR i.status = $4) AND ($5 IS NULL OR i.start_at >= $5) \
     AND ($6 IS NULL OR i.start_at < $6) AND ($7 IS NULL OR i.interviewee_id = $7) \
     AND ($8 IS NULL OR i.interviewer_id = $8) AND ($9 IS NULL OR e.user_id = $9) ORDER BY i.id DESC LIMIT $3"
);

/// A merchant's interviews below an id, newest first.
pub async fn page(
    conn: &mut Conn,
    merchant: Uuid,
    below: i64,
    limit: i64,
    f: &Filter,
) -> Result<Vec<Interview>, DbError> {
    Ok(
        on_db!(conn, c => sqlx::query_as(PAGE).bind(merchant).bind(below).bind(limit).bind(&f.status).bind(f.from)
        .bind(f.to).bind(f.interviewee).bind(f.interviewer).bind(f.driver).fetch_all(c).await?),
    )
}

const CHANGE: &str = "UPDATE interviews SET status = $3, start_at = $4, end_at = $5, amend_start_at = $6, \
    amend_end_at = $7, amended_by = $8, schedule_version = schedule_version + 1, updated_at = $9 \
    WHERE id = $1 AND schedule_version = $2";

/// Writes state and times over the version that was read, and raises it. `false`: another move came first.
pub async fn change(conn: &mut Conn, i: &Interview, now: DateTime<Utc>) -> Result<bool, DbError> {
    let rows = changed!(conn, c => sqlx::query(CHANGE).bind(i.id).bind(i.schedule_version).bind(&i.status)
        .bind(i.start_at).bind(i.end_at).bind(i.amend_start_at).bind(i.amend_end_at).bind(&i.amended_by).bind(now));
    Ok(rows == 1)
}

const OVERLAPS: &str = "SELECT EXISTS (SELECT 1 FROM interviews WHERE interviewer_id = $1 AND status = 'scheduled' \
    AND start_at < $3 AND end_at > $2 AND id <> $4)";

/// Whether the interviewer has another scheduled interview at some time of `start..end`. The caller holds the
/// interviewer's row, so that two racing moves do not both see a free hour.
pub async fn is_busy(
    conn: &mut Conn,
    interviewer: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    except: i64,
) -> Result<bool, DbError> {
    Ok(on_db!(conn, c => sqlx::query_scalar(OVERLAPS).bind(interviewer).bind(start).bind(end).bind(except)
        .fetch_one(c).await?))
}

impl Interview {
    /// The stored status; one of a newer version ends every move.
    #[must_use]
    pub fn state(&self) -> Option<InterviewStatus> {
        self.status.parse().ok()
    }
}

/// The answer that every path gives of an interview.
impl From<&Interview> for InterviewAnswer {
    fn from(i: &Interview) -> Self {
        Self {
            interview: InterviewShown {
                id: i.id,
                amend_end_at: i.amend_end_at.map(rfc3339_millis),
                amend_start_at: i.amend_start_at.map(rfc3339_millis),
                amended_by: i.amended_by.clone(),
                end_at: rfc3339_millis(i.end_at),
                interviewee: IntervieweeShown {
                    id: i.interviewee_id,
                    currency: i.interviewee_currency.clone(),
                    driver: Driver {
                        id: i.driver_id,
                        image: i.driver_image.clone(),
                        phone_number: i.driver_phone_number.clone(),
                        title: i.driver_title.clone(),
                    },
                    kind: i.interviewee_kind.clone(),
                    updated_at: rfc3339_millis(i.interviewee_updated_at),
                },
                interviewee_id: i.interviewee_id,
                interviewer: InterviewerShown {
                    id: i.interviewer_id,
                    contact_phone_number: i.interviewer_contact_phone_number.clone(),
                    image: i.interviewer_image.clone(),
                    title: i.interviewer_title.clone(),
                },
                interviewer_id: i.interviewer_id,
                kind: i.kind.clone(),
                location: i.location.clone(),
                start_at: rfc3339_millis(i.start_at),
                status: i.status.clone(),
            },
        }
    }
}
