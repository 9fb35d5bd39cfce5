//! From a message's row to a letter, with a last look at whether it is still wanted.

use chrono::{DateTime, Utc};
use shared::db::captured_mails::NewMail;
use shared::db::deliveries::{ClaimedMessage, MailSubject};
use shared::domain::{
    CAPTURED_LINK, EmailAddress, InvitationStatus, LinkToken, Milestones, ViewFlags, link_url,
};

use super::compose::{Composed, Invitation, Templates};
use super::letter::Letter;
use crate::context::Context;

/// What a message has become by the time it is sent.
#[derive(Debug)]
pub(super) enum Ready {
    /// To be handed to the server.
    Letter(Box<Letter>),
    /// To be kept in the embedded mailbox.
    Captured(Box<NewMail>),
    /// No longer wanted.
    Stale(&'static str),
    /// The address bounced before.
    Suppressed,
    /// It cannot be sent, ever.
    Impossible(String),
}

/// Looks at the message's subject as it stands now and writes the mail.
pub(super) fn prepare(
    ctx: &Context,
    templates: &Templates,
    message: &ClaimedMessage,
    s: &MailSubject,
    captured: bool,
) -> Ready {
    let now = ctx.clock.now();
    if let Some(reason) = stale(now, message, s) {
        return Ready::Stale(reason);
    }
    if s.is_suppressed {
        return Ready::Suppressed;
    }
    let link = if captured { Some(CAPTURED_LINK.to_owned()) } else { link(ctx, s, message.registration_id) };
    let Some(link) = link else {
        return Ready::Impossible("the key that signs this link is no longer configured".to_owned());
    };
    let reply_to = s.reply_to.as_deref().and_then(|address| EmailAddress::parse(address).ok());
    let composed = match compose(templates, s, &link, reply_to.as_ref()) {
        Ok(composed) => composed,
        Err(error) => return Ready::Impossible(error.to_string()),
    };
    if let Some(complaint) = &composed.complaint {
        tracing::warn!(merchant = %s.merchant_id, complaint, "the definition's own mail text was not used");
    }
    let message_id = message_id(ctx, message);
    if captured {
        return Ready::Captured(Box::new(NewMail {
            merchant_id: s.merchant_id,
            registration_id: message.registration_id,
            generation: message.version,
            message_id,
            recipient: s.email.clone(),
            subject: composed.subject,
            text: composed.text,
            html: composed.html,
            captured_at: now,
        }));
    }
    let to = match EmailAddress::parse(&s.email) {
        Ok(to) => to,
        Err(error) => return Ready::Impossible(error.to_string()),
    };
    let from_name = s.mail_from_name.clone().unwrap_or_else(|| s.merchant_name.clone());
    Ready::Letter(Box::new(Letter {
        from_name: Some(from_name),
        from: ctx.config.mail_from.clone(),
        reply_to,
        to,
        to_name: s.name.clone(),
        subject: composed.subject,
        text: composed.text,
        html: composed.html,
        message_id,
        date: now,
        calendar: None,
    }))
}

/// Why a mail is no longer wanted.
fn stale(now: DateTime<Utc>, message: &ClaimedMessage, s: &MailSubject) -> Option<&'static str> {
    if s.generation != message.version {
        return Some("a newer link replaced this one");
    }
    let MailSubject { expires_at, used_at, revoked_at, completed_at, .. } = *s;
    match InvitationStatus::at(now, &Milestones { expires_at, used_at, revoked_at, completed_at }) {
        InvitationStatus::Pending => None,
        InvitationStatus::Started | InvitationStatus::Completed => {
            Some("the link was used before the mail was sent")
        }
        InvitationStatus::Expired => Some("the link expired before the mail was sent"),
        InvitationStatus::Revoked => Some("the link was revoked"),
    }
}

fn link(ctx: &Context, s: &MailSubject, registration: i64) -> Option<String> {
    let keys = &ctx.config.token_keys;
    let token = LinkToken::mint(keys, s.key_id, s.merchant_id, registration, s.generation, &s.nonce)?;
    let flags = ViewFlags { hide_menu: s.hide_menu, hide_iframe: s.hide_iframe };
    let base = s.base_url.as_deref().unwrap_or(&ctx.config.public_url);
    Some(link_url(base, s.interview_id, &token.encode(keys)?, flags))
}

fn compose(
    templates: &Templates,
    s: &MailSubject,
    link: &str,
    reply_to: Option<&EmailAddress>,
) -> Result<Composed, super::ComposeError> {
    templates.invitation(&Invitation {
        merchant_name: &s.merchant_name,
        colour: &s.colour,
        candidate_name: s.name.as_deref(),
        definition_name: &s.definition_name,
        custom_subject: s.mail_subject.as_deref(),
        custom_text: s.mail_text.as_deref(),
        link,
        expires_at: s.expires_at,
        time_zone: &s.time_zone,
        is_test: s.is_test,
        reply_to,
    })
}

/// Derived from the message's key, so that a copy that a crash causes is recognisable as the same mail.
fn message_id(ctx: &Context, m: &ClaimedMessage) -> String {
    format!("<invitation.{}.{}.{}@{}>", m.registration_id, m.version, m.copy, ctx.config.mail_from.domain())
}
