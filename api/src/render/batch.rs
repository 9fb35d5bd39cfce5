//! The batch object.

use serde::Serialize;
use shared::db::submissions::Submission;
use shared::domain::{SubmissionStatus, rfc3339_millis};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;

/// How many mails of a batch stand how: mails, not rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mails {
    queued: i64,
    sent: i64,
    deferred: i64,
    failed: i64,
    suppressed: i64,
}

/// A bulk registration as it moves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Batch {
    id: Uuid,
    #[schema(format = "batch-status")]
    status: &'static str,
    /// As it was sent: a definition's long id, or a position's.
    #[schema(required)]
    interview_id: Option<Uuid>,
    merchant_id: Uuid,
    is_test: bool,
    send_email: bool,
    /// How many rows there are.
    total: i64,
    /// How many of them have their result.
    processed: i64,
    succeeded: i64,
    failed: i64,
    emails: Mails,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    #[schema(format = "uri")]
    results_url: String,
    #[schema(format = "uri")]
    events_url: String,
}

/// One batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneBatch {
    pub(crate) batch: Batch,
}

/// The batch object.
pub(crate) fn batch(app: &App, s: &Submission) -> Batch {
    let status = match s.status.parse() {
        Ok(SubmissionStatus::Queued) => "queued",
        Ok(SubmissionStatus::Succeeded | SubmissionStatus::Failed) => "completed",
        Ok(SubmissionStatus::Processing) | Err(_) => "processing",
    };
    let at = format!("{}/api/v1/batches/{}", app.config.public_url, s.id);
    Batch {
        id: s.id,
        status,
        interview_id: s.interview_id,
        merchant_id: s.merchant_id,
        is_test: s.is_test,
        send_email: s.send_email,
        total: s.total,
        processed: s.processed,
        succeeded: s.processed - s.failed,
        failed: s.failed,
        emails: Mails {
            queued: s.mails_queued,
            sent: s.mails_sent,
            deferred: s.mails_deferred,
            failed: s.mails_failed,
            suppressed: s.mails_suppressed,
        },
        created_at: rfc3339_millis(s.created_at),
        completed_at: s.completed_at.map(rfc3339_millis),
        results_url: format!("{at}/results"),
        events_url: format!("{at}/events"),
    }
}
