//! What became of each row of a bulk registration.

use serde::Serialize;
use shared::db::batch_rows::BatchRow;
use shared::db::merchants;
use shared::db::submissions::Submission;
use shared::domain::{EmailStatus, ViewFlags};
use utoipa::ToSchema;
use uuid::Uuid;

use super::link::{LinkParts, link};
use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// What became of one user, as they were sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserResult {
    #[schema(required)]
    name: Option<String>,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    external_id: Option<String>,
    /// `ok`, or `Error: …`.
    #[schema(format = "row-result", example = "ok")]
    pub(crate) result: String,
    /// The one-time link, where the result is `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uri")]
    pub(crate) interview_url: Option<String>,
}

/// A row of a batch's results.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultRow {
    #[schema(required)]
    pub(crate) name: Option<String>,
    #[schema(required)]
    pub(crate) email: Option<String>,
    #[schema(required)]
    pub(crate) external_id: Option<String>,
    /// `ok`, or `Error: …`.
    #[schema(format = "row-result")]
    pub(crate) result: String,
    /// The link that opens now; null where there is none, and for operators.
    #[schema(required, format = "uri")]
    pub(crate) interview_url: Option<String>,
    #[schema(required)]
    pub(crate) registration_id: Option<i64>,
    #[schema(required, format = "invitation-status")]
    pub(crate) invitation_status: Option<&'static str>,
    #[schema(format = "email-status")]
    pub(crate) email_status: &'static str,
    /// What the last attempt to mail met, where it did not get through.
    #[schema(required)]
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
    pub(super) fn user(&self, app: &App, row: BatchRow) -> UserResult {
        let interview_url = self.link(app, &row, row.generation, row.key_id);
        let result = result_text(row.error.as_deref());
        UserResult { name: row.name, email: row.email, external_id: row.external_id, result, interview_url }
    }
}

fn result_text(error: Option<&str>) -> String {
    error.map_or_else(|| "ok".to_owned(), |error| format!("Error: {error}"))
}
