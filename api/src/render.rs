//! How submissions, rows and registrations look from outside. Key order is the contract's.

use axum::Json;
use serde::Serialize;
use serde_json::{Value, json};
use shared::db::batch_rows::{self, BatchRow, Filter};
use shared::db::merchants;
use shared::db::registrations::{self, Registration};
use shared::db::submissions::Submission;
use shared::domain::{
    EmailStatus, LinkToken, SubmissionKind, SubmissionStatus, ViewFlags, link_url, rfc3339_millis,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::description::RecordedProblem;
use crate::problem::{Problem, in_order};
use crate::routes::automated_interviews;

/// What makes a link, wherever its parts were read.
pub(crate) struct LinkParts<'a> {
    pub(crate) merchant: Uuid,
    pub(crate) base_url: Option<&'a str>,
    pub(crate) interview: Uuid,
    pub(crate) registration: i64,
    pub(crate) generation: i64,
    pub(crate) key_id: i64,
    pub(crate) nonce: &'a [u8],
    pub(crate) flags: ViewFlags,
}

/// The link, made anew from its parts; `None` where its key is no longer configured.
pub(crate) fn link(app: &App, parts: &LinkParts<'_>) -> Option<String> {
    let keys = &app.config.token_keys;
    let token = LinkToken::mint(
        keys,
        parts.key_id,
        parts.merchant,
        parts.registration,
        parts.generation,
        parts.nonce,
    )?;
    let base = parts.base_url.unwrap_or(&app.config.public_url);
    Some(link_url(base, parts.interview, &token.encode(keys)?, parts.flags))
}

/// JobMojito's per-user answer.
#[derive(Debug, Serialize)]
pub(crate) struct UserResult {
    name: Option<String>,
    email: Option<String>,
    external_id: Option<String>,
    pub(crate) result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interview_url: Option<String>,
}

/// A row of a batch's results.
#[derive(Debug, Serialize)]
pub(crate) struct ResultRow {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) result: String,
    pub(crate) interview_url: Option<String>,
    pub(crate) registration_id: Option<i64>,
    pub(crate) invitation_status: Option<&'static str>,
    pub(crate) email_status: &'static str,
    pub(crate) email_error: Option<String>,
}

/// What the links of one batch have in common.
pub(crate) struct BatchLinks {
    merchant: Uuid,
    base_url: Option<String>,
    interview: Option<Uuid>,
    flags: ViewFlags,
    shown: bool,
}

impl BatchLinks {
    pub(crate) async fn of(
        app: &App,
        principal: &Principal,
        submission: &Submission,
    ) -> Result<Self, Problem> {
        let mut conn = app.db.read().await?;
        let merchant = merchants::find(&mut conn, submission.merchant_id).await?.ok_or(Problem::Internal)?;
        let interview = match submission.definition_id {
            Some(id) => {
                shared::db::definitions::find(&mut conn, id, merchant.id).await?.map(|d| d.interview_id)
            }
            None => None,
        };
        let flags = submission.view_flags();
        Ok(Self {
            merchant: merchant.id,
            base_url: merchant.base_url,
            interview,
            flags,
            shown: principal.sees_links(),
        })
    }

    /// The link of a generation of a row's registration.
    pub(crate) fn link(
        &self,
        app: &App,
        row: &BatchRow,
        generation: Option<i64>,
        key_id: Option<i64>,
    ) -> Option<String> {
        if !self.shown {
            return None;
        }
        link(
            app,
            &LinkParts {
                merchant: self.merchant,
                base_url: self.base_url.as_deref(),
                interview: self.interview?,
                registration: row.registration_id?,
                generation: generation?,
                key_id: key_id?,
                nonce: row.nonce.as_deref()?,
                flags: self.flags,
            },
        )
    }

    /// A row as the results page shows it: with the link that opens now, though another was given at first.
    pub(crate) fn row(&self, app: &App, row: BatchRow) -> ResultRow {
        let email_status = EmailStatus::of(row.mail_status.as_deref());
        let shows_error =
            !matches!(email_status, EmailStatus::None | EmailStatus::Sent | EmailStatus::Queued);
        ResultRow {
            interview_url: self.link(app, &row, row.current_generation, row.current_key_id),
            invitation_status: row.status(app.clock.now()).map(shared::domain::InvitationStatus::as_str),
            email_status: email_status.as_str(),
            email_error: row.mail_error.filter(|_| shows_error),
            result: result_text(row.error.as_deref()),
            name: row.name,
            email: row.email,
            external_id: row.external_id,
            registration_id: row.registration_id,
        }
    }

    /// A row as the request was answered, which a repeated answer must repeat.
    fn user(&self, app: &App, row: BatchRow) -> UserResult {
        let interview_url = self.link(app, &row, row.generation, row.key_id);
        let result = result_text(row.error.as_deref());
        UserResult { name: row.name, email: row.email, external_id: row.external_id, result, interview_url }
    }
}

fn result_text(error: Option<&str>) -> String {
    error.map_or_else(|| "ok".to_owned(), |error| format!("Error: {error}"))
}

/// The 200 body of a completed submission.
pub(crate) async fn result(
    app: &App,
    principal: &Principal,
    submission: &Submission,
) -> Result<Json<Value>, Problem> {
    if let Some(kept) = &submission.result {
        return serde_json::from_str(kept).map(Json).map_err(|_| Problem::Internal);
    }
    match submission.kind.parse() {
        Ok(SubmissionKind::InviteCandidate) => automated_interviews::answer(app, principal, submission).await,
        Ok(SubmissionKind::RegisterUsers) => {
            let links = BatchLinks::of(app, principal, submission).await?;
            let mut conn = app.db.read().await?;
            let rows = batch_rows::page(&mut conn, submission.id, -1, i64::MAX, i64::MAX, &Filter::default())
                .await?;
            let users: Vec<UserResult> = rows.into_iter().map(|row| links.user(app, row)).collect();
            Ok(Json(serde_json::to_value(users).map_err(|_| Problem::Internal)?))
        }
        Ok(
            SubmissionKind::ResendInvitation
            | SubmissionKind::RevokeRegistration
            | SubmissionKind::ReissueLink
            | SubmissionKind::CompleteRegistration,
        ) => {
            let id = submission.registration_id.ok_or(Problem::Internal)?;
            let row = registrations::find(&mut app.db.read().await?, id).await?.ok_or(Problem::Internal)?;
            let answer = OneRegistration { registration: registration(app, &row) };
            Ok(Json(serde_json::to_value(answer).map_err(|_| Problem::Internal)?))
        }
        // Interviews keep their answers.
        Ok(_) | Err(_) => Err(Problem::Internal),
    }
}

/// Where a submission is polled.
pub(crate) fn location(submission: &Submission) -> String {
    if is_batch(submission) {
        format!("/api/v1/batches/{}", submission.id)
    } else {
        format!("/api/v1/operations/{}", submission.id)
    }
}

/// Whether a submission is a batch.
pub(crate) fn is_batch(submission: &Submission) -> bool {
    submission.kind == SubmissionKind::RegisterUsers.as_str()
}

/// The 202 body.
pub(crate) fn operation_or_batch(app: &App, submission: &Submission) -> Value {
    if is_batch(submission) {
        json!({ "batch": batch(app, submission) })
    } else {
        json!({ "operation": operation(submission, None) })
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Mails {
    queued: i64,
    sent: i64,
    deferred: i64,
    failed: i64,
    suppressed: i64,
}

/// A batch as `GET /api/v1/batches/{id}` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Batch {
    id: Uuid,
    status: &'static str,
    interview_id: Option<Uuid>,
    merchant_id: Uuid,
    is_test: bool,
    send_email: bool,
    total: i64,
    processed: i64,
    succeeded: i64,
    failed: i64,
    emails: Mails,
    created_at: String,
    completed_at: Option<String>,
    results_url: String,
    events_url: String,
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

/// Accepted work: known from the moment of its 202.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    id: Uuid,
    #[schema(format = "operation-kind")]
    kind: String,
    #[schema(format = "operation-status")]
    status: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    /// The 200 body, once it succeeded; always null for a batch, whose results are read at its `results_url`.
    #[schema(required, value_type = Option<Object>)]
    result: Option<Value>,
    /// Why it failed, where it did.
    #[schema(required, value_type = Option<RecordedProblem>)]
    error: Option<Value>,
}

/// One operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneOperation {
    pub(crate) operation: Operation,
}

/// The operation object; `result` is the 200 body, where there is one.
pub(crate) fn operation(s: &Submission, result: Option<Value>) -> Operation {
    Operation {
        id: s.id,
        kind: s.kind.clone(),
        status: s.status.clone(),
        created_at: rfc3339_millis(s.created_at),
        completed_at: s.completed_at.map(rfc3339_millis),
        result,
        error: s.error.as_ref().map(|error| in_order(error)),
    }
}

/// A registration: one person's invitation to one interview definition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registration)]
pub(crate) struct RegistrationShown {
    id: i64,
    merchant_id: Uuid,
    /// The definition's long id.
    interview_id: Uuid,
    /// The definition's short id.
    definition_id: i64,
    #[schema(required)]
    name: Option<String>,
    #[schema(format = Email)]
    email: String,
    /// What the client calls this person.
    #[schema(required)]
    external_id: Option<String>,
    is_test: bool,
    hide_menu: bool,
    hide_iframe: bool,
    /// The link that opens now; null where its key is no longer configured.
    #[schema(required, format = "uri")]
    pub(crate) interview_url: Option<String>,
    /// Rises with each new link; only the newest opens.
    generation: i64,
    #[schema(format = "invitation-status")]
    invitation_status: &'static str,
    #[schema(format = "email-status")]
    email_status: &'static str,
    /// What the last attempt to mail met, where it did not get through.
    #[schema(required)]
    email_error: Option<String>,
    /// When the link ends.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When the link was used.
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One registration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneRegistration {
    pub(crate) registration: RegistrationShown,
}

/// The registration as clients see it.
pub(crate) fn registration(app: &App, r: &Registration) -> RegistrationShown {
    let email_status = EmailStatus::of(r.mail_status.as_deref());
    let shows_error =
        matches!(email_status, EmailStatus::Deferred | EmailStatus::Failed | EmailStatus::Suppressed);
    let parts = LinkParts {
        merchant: r.merchant_id,
        base_url: r.base_url.as_deref(),
        interview: r.interview_id,
        registration: r.id,
        generation: r.generation,
        key_id: r.key_id,
        nonce: &r.nonce,
        flags: r.view_flags(),
    };
    RegistrationShown {
        id: r.id,
        merchant_id: r.merchant_id,
        interview_id: r.interview_id,
        definition_id: r.definition_id,
        name: r.name.clone(),
        email: r.email.clone(),
        external_id: r.external_id.clone(),
        is_test: r.is_test,
        hide_menu: r.hide_menu,
        hide_iframe: r.hide_iframe,
        interview_url: link(app, &parts),
        generation: r.generation,
        invitation_status: r.status(app.clock.now()).as_str(),
        email_status: email_status.as_str(),
        email_error: r.mail_error.clone().filter(|_| shows_error),
        expires_at: rfc3339_millis(r.expires_at),
        started_at: r.used_at.map(rfc3339_millis),
        completed_at: r.completed_at.map(rfc3339_millis),
        revoked_at: r.revoked_at.map(rfc3339_millis),
        created_at: rfc3339_millis(r.created_at),
        updated_at: rfc3339_millis(r.updated_at),
    }
}
