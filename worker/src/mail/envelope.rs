//! From a message's row to a letter, with a last look at whether it is still wanted. What is particular to a link is in
//! `about_link`, what to an interview in `about_interview`.

use shared::db::captured_mails::NewMail;
use shared::db::deliveries::ClaimedMessage;
use shared::domain::EmailAddress;
use uuid::Uuid;

use super::compose::{ComposeError, Composed, Templates};
use super::letter::{Calendar, Letter};
use super::subject::Subject;
use super::{about_interview, about_link};
use crate::context::Context;

/// What a message has become by the time it is sent.
#[derive(Debug)]
pub(super) enum Ready {
    /// To be handed to the server.
    Letter(Box<Letter>),
    /// To be kept in the embedded mailbox.
    Captured(Box<NewMail>),
    /// Not to be sent.
    Not(Unsendable),
}

/// Why a message is not sent.
#[derive(Debug)]
pub(super) enum Unsendable {
    /// No longer wanted.
    Stale(&'static str),
    /// The address bounced before.
    Suppressed,
    /// It cannot be sent, ever.
    Impossible(String),
}

impl From<ComposeError> for Unsendable {
    fn from(error: ComposeError) -> Self {
        Self::Impossible(error.to_string())
    }
}

/// A mail, all but its identity.
pub(super) struct Draft {
    pub(super) merchant: Uuid,
    pub(super) from_name: String,
    pub(super) reply_to: Option<EmailAddress>,
    pub(super) to: EmailAddress,
    pub(super) to_name: Option<String>,
    pub(super) composed: Composed,
    pub(super) calendar: Option<Calendar>,
}

/// Judges the message's subject as it stands now and writes the mail.
pub(super) fn prepare(
    ctx: &Context,
    templates: &Templates,
    message: &ClaimedMessage,
    subject: &Subject,
    captured: bool,
) -> Ready {
    let draft = match subject {
        Subject::Link(s) => about_link::draft(ctx, templates, message, s, captured),
        Subject::Interview(s) => about_interview::draft(ctx, templates, message, s),
    };
    let draft = match draft {
        Ok(draft) => draft,
        Err(reason) => return Ready::Not(reason),
    };
    if let Some(complaint) = &draft.composed.complaint {
        tracing::warn!(merchant = %draft.merchant, complaint, "the definition's own mail text was not used");
    }
    let message_id = message_id(ctx, message);
    if captured {
        return Ready::Captured(Box::new(kept(ctx, message, draft, message_id)));
    }
    Ready::Letter(Box::new(Letter {
        from_name: Some(draft.from_name),
        from: ctx.config.mail_from.clone(),
        reply_to: draft.reply_to,
        to: draft.to,
        to_name: draft.to_name,
        subject: draft.composed.subject,
        text: draft.composed.text,
        html: draft.composed.html,
        message_id,
        date: ctx.clock.now(),
        calendar: draft.calendar,
    }))
}

fn kept(ctx: &Context, message: &ClaimedMessage, draft: Draft, message_id: String) -> NewMail {
    NewMail {
        merchant_id: draft.merchant,
        registration_id: message.registration_id,
        generation: message.version,
        message_id,
        recipient: draft.to.as_str().to_owned(),
        subject: draft.composed.subject,
        text: draft.composed.text,
        html: draft.composed.html,
        calendar: draft.calendar.map(|calendar| calendar.object),
        captured_at: ctx.clock.now(),
    }
}

/// Derived from the message's key, so that a copy that a crash causes is recognisable as the same mail.
fn message_id(ctx: &Context, m: &ClaimedMessage) -> String {
    let host = ctx.config.mail_from.domain();
    match (m.registration_id, m.meeting_id, m.recipient_id) {
        (None, Some(interview), Some(reader)) => {
            format!("<{}.{interview}.{reader}.{}.{}@{host}>", m.kind, m.version, m.copy)
        }
        (registration, ..) => {
            format!("<{}.{}.{}.{}@{host}>", m.kind, registration.unwrap_or(m.id), m.version, m.copy)
        }
    }
}
