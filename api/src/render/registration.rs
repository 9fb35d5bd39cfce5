//! The registration object.

use serde::Serialize;
use shared::db::registrations::Registration;
use shared::domain::{EmailStatus, rfc3339_millis};
use utoipa::ToSchema;
use uuid::Uuid;

use super::link::{LinkParts, link};
use crate::app::App;

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
