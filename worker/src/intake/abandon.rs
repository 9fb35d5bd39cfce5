//! What a dead job leaves behind: each of its users gets a result, and whoever waits gets an end. The job itself stays
//! dead, for operators to see.

use chrono::{DateTime, Utc};
use serde_json::json;
use shared::db::batch_rows::{self, RowResult};
use shared::db::jobs::{self, ClaimedJob};
use shared::db::submissions::{self, Progress};
use shared::db::{DbError, Tx};
use shared::domain::{PROBLEM_TYPES, RegisterCandidates, Row, SubmissionKind};
use uuid::Uuid;

const TOLD: &str = "this row could not be processed; send it again";

/// Settles a dead job's submission, in the transaction that buried it. Gives the submission if nothing of it is left
/// open.
pub(crate) async fn abandon(
    tx: &mut Tx,
    job: &ClaimedJob,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, DbError> {
    let Some(submission) = submissions::find(tx, job.submission_id).await? else { return Ok(None) };
    if submission.kind != SubmissionKind::RegisterUsers.as_str() {
        submissions::fail(tx, submission.id, &defect(), now).await?;
        return Ok(Some(submission.id));
    }
    let next = jobs::next_first_row(tx, submission.id, job.first_row).await?.unwrap_or(submission.total);
    let known = job.payload.as_deref().and_then(|text| serde_json::from_str::<RegisterCandidates>(text).ok());
    let mut known = known.map(|chunk| chunk.rows).unwrap_or_default().into_iter();
    let rows = (job.first_row..next).map(|idx| {
        let row: Row = known.next().unwrap_or_default();
        RowResult { idx, row, result: Err(TOLD.to_owned()) }
    });
    let rows: Vec<RowResult> = rows.collect();
    batch_rows::insert_chunk(tx, submission.id, &rows).await?;
    let failed = next - job.first_row;
    let progress = Progress { processed: failed, failed, ..Progress::default() };
    let is_completed = submissions::advance(tx, submission.id, progress, now).await?;
    Ok(is_completed.then_some(submission.id))
}

fn defect() -> serde_json::Value {
    json!({
        "type": format!("{PROBLEM_TYPES}internal-error"), "title": "Something went wrong on our side", "status": 500,
        "detail": "The operation was tried several times and given up; nothing was changed.",
    })
}
