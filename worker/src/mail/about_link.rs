//! Mails about a candidate's link: the invitation, its reminders, its withdrawal.

use chrono::{DateTime, TimeDelta, Utc};
use shared::db::deliveries::{ClaimedMessage, MailSubject};
use shared::db::messages::LinkReminder;
use shared::domain::{
    CAPTURED_LINK, EmailAddress, InvitationStatus, LinkToken, MessageKind, Milestones, ViewFlags, link_url,
};

use super::compose::{Composed, Invitation, Templates};
use super::envelope::{Draft, Unsendable};
use super::revocation::Revocation;
use crate::context::Context;

/// Two mails about one link are so far apart at least.
const APART: TimeDelta = TimeDelta::hours(1);

/// Judges and writes the mail.
pub(super) fn draft(
    ctx: &Context,
    templates: &Templates,
    message: &ClaimedMessage,
    s: &MailSubject,
    captured: bool,
) -> Result<Draft, Unsendable> {
    let kind: MessageKind = message.kind.parse().map_err(unknown)?;
    if let Some(reason) = stale(kind, ctx.clock.now(), message, s) {
        return Err(Unsendable::Stale(reason));
    }
    if s.is_suppressed {
        return Err(Unsendable::Suppressed);
    }
    let reply_to = s.reply_to.as_deref().and_then(|address| EmailAddress::parse(address).ok());
    let composed = compose(ctx, templates, kind, s, message, reply_to.as_ref(), captured)?;
    Ok(Draft {
        merchant: s.merchant_id,
        from_name: s.mail_from_name.clone().unwrap_or_else(|| s.merchant_name.clone()),
        reply_to,
        to: EmailAddress::parse(&s.email).map_err(|error| Unsendable::Impossible(error.to_string()))?,
        to_name: s.name.clone(),
        composed,
        calendar: None,
    })
}

/// A newer version wrote it.
pub(super) fn unknown(error: impl std::fmt::Display) -> Unsendable {
    Unsendable::Impossible(error.to_string())
}

/// Why a mail is no longer wanted.
fn stale(
    kind: MessageKind,
    now: DateTime<Utc>,
    message: &ClaimedMessage,
    s: &MailSubject,
) -> Option<&'static str> {
    if s.generation != message.version {
        return Some("a newer link replaced this one");
    }
    let MailSubject { expires_at, used_at, revoked_at, completed_at, .. } = *s;
    let status = InvitationStatus::at(now, &Milestones { expires_at, used_at, revoked_at, completed_at });
    if kind == MessageKind::InvitationRevoked {
        return (status != InvitationStatus::Revoked).then_some("the link is not revoked");
    }
    match status {
        InvitationStatus::Pending => None,
        InvitationStatus::Started | InvitationStatus::Completed => {
            Some("the link was used before the mail was sent")
        }
        InvitationStatus::Expired => Some("the link expired before the mail was sent"),
        InvitationStatus::Revoked => Some("the link was revoked"),
    }
}

fn compose(
    ctx: &Context,
    templates: &Templates,
    kind: MessageKind,
    s: &MailSubject,
    message: &ClaimedMessage,
    reply_to: Option<&EmailAddress>,
    captured: bool,
) -> Result<Composed, Unsendable> {
    if kind == MessageKind::InvitationRevoked {
        return Ok(templates.revocation(&Revocation {
            merchant_name: &s.merchant_name,
            colour: &s.colour,
            candidate_name: s.name.as_deref(),
            definition_name: &s.definition_name,
            is_test: s.is_test,
            reply_to,
        })?);
    }
    let link = if captured { Some(CAPTURED_LINK.to_owned()) } else { link(ctx, s, message.registration_id) };
    let link = link.ok_or_else(|| {
        Unsendable::Impossible("the key that signs this link is no longer configured".to_owned())
    })?;
    let invitation = Invitation {
        merchant_name: &s.merchant_name,
        colour: &s.colour,
        candidate_name: s.name.as_deref(),
        definition_name: &s.definition_name,
        custom_subject: s.mail_subject.as_deref(),
        custom_text: s.mail_text.as_deref(),
        link: &link,
        expires_at: s.expires_at,
        time_zone: &s.time_zone,
        is_test: s.is_test,
        reply_to,
    };
    Ok(match kind {
        MessageKind::InvitationReminder => templates.invitation_reminder(&invitation)?,
        _ => templates.invitation(&invitation)?,
    })
}

fn link(ctx: &Context, s: &MailSubject, registration: Option<i64>) -> Option<String> {
    let keys = &ctx.config.token_keys;
    let token = LinkToken::mint(keys, s.key_id, s.merchant_id, registration?, s.generation, &s.nonce)?;
    let flags = ViewFlags { hide_menu: s.hide_menu, hide_iframe: s.hide_iframe };
    let base = s.base_url.as_deref().unwrap_or(&ctx.config.public_url);
    Some(link_url(base, s.interview_id, &token.encode(keys)?, flags))
}

/// The reminders that an invitation brings once it is sent: so long after that, and so long before the link's end, in
/// the order of their time. Not within an hour of it or of each other, and none at the link's end.
pub(super) fn reminders(
    message: &ClaimedMessage,
    s: &MailSubject,
    sent_at: DateTime<Utc>,
) -> Vec<LinkReminder> {
    let (Some(registration_id), true) =
        (message.registration_id, message.kind == MessageKind::Invitation.as_str())
    else {
        return Vec::new();
    };
    let after = s.remind_after.iter().filter_map(|s| sent_at.checked_add_signed(TimeDelta::try_seconds(*s)?));
    let before = s.remind_before_expiry.iter();
    let before = before.filter_map(|b| s.expires_at.checked_sub_signed(TimeDelta::try_seconds(*b)?));
    let mut instants: Vec<_> = after.chain(before).filter(|at| *at < s.expires_at).collect();
    instants.sort_unstable();
    let mut last = sent_at;
    instants.retain(|at| {
        let keeps = *at - last >= APART;
        last = if keeps { *at } else { last };
        keeps
    });
    let generation = message.version;
    (0..)
        .zip(instants)
        .map(|(copy, due_at)| LinkReminder { registration_id, generation, copy, due_at })
        .collect()
}
