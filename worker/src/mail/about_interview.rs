//! Mails about an interview between two people. Each is judged right before it is sent: what is no longer true is not
//! said.

use chrono::{DateTime, TimeDelta, Utc};
use shared::db::deliveries::ClaimedMessage;
use shared::db::notices::NoticeSubject;
use shared::domain::{EmailAddress, InterviewStatus, MessageKind};

use super::about_link::unknown;
use super::calendar::{Appointment, AppointmentState};
use super::compose::{Composed, Templates};
use super::envelope::{Draft, Unsendable};
use super::letter::Calendar;
use super::notice::{InterviewNotice, Notice, Reader};
use crate::context::Context;

/// A reminder that is late helps nobody any more when the start is nearer than this.
const TOO_LATE: TimeDelta = TimeDelta::minutes(5);

/// Judges and writes the mail.
pub(super) fn draft(
    ctx: &Context,
    templates: &Templates,
    message: &ClaimedMessage,
    s: &NoticeSubject,
) -> Result<Draft, Unsendable> {
    let kind: MessageKind = message.kind.parse().map_err(unknown)?;
    let status: InterviewStatus = s.status.parse().map_err(unknown)?;
    let now = ctx.clock.now();
    if let Some(reason) = stale(kind, status, message, s, now) {
        return Err(Unsendable::Stale(reason));
    }
    let Some(address) = &s.email else {
        return Err(Unsendable::Stale("the reader has no address any more"));
    };
    if s.is_suppressed {
        return Err(Unsendable::Suppressed);
    }
    let to = EmailAddress::parse(address).map_err(unknown)?;
    let reply_to = s.reply_to.as_deref().and_then(|address| EmailAddress::parse(address).ok());
    let composed = compose(templates, kind, message, s, now, reply_to.as_ref())?;
    let from_name = s.mail_from_name.clone().unwrap_or_else(|| s.merchant_name.clone());
    let calendar = calendar(ctx, kind, message, s, &composed, &from_name, &to);
    Ok(Draft {
        merchant: s.merchant_id,
        from_name,
        reply_to,
        to,
        to_name: Some(s.recipient_title.clone()),
        composed,
        calendar,
    })
}

/// Why a mail is no longer wanted.
fn stale(
    kind: MessageKind,
    status: InterviewStatus,
    message: &ClaimedMessage,
    s: &NoticeSubject,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    use InterviewStatus::{Amended, Completed, NoShow, Pending, Scheduled};
    const MOVED: &str = "the interview was moved or ended before the mail was sent";
    let is_to_come = matches!(status, Pending | Scheduled);
    // What was agreed stays true when it took place.
    let (status, schedule) = match status {
        Completed | NoShow => (Scheduled, s.schedule_version - 1),
        other => (other, s.schedule_version),
    };
    let is_current = schedule == message.version;
    // The next move leaves what was said true where it only agrees to it, or proposes something else.
    let is_next = schedule == message.version + 1;
    let holds = match kind {
        MessageKind::InterviewReminder => is_to_come && is_current,
        MessageKind::InterviewCreated => {
            matches!(status, Pending | Amended) || (is_next && status == Scheduled)
        }
        MessageKind::InterviewAmended => {
            (is_current && status == Amended) || (is_next && status == Scheduled)
        }
        MessageKind::InterviewAccepted => is_current || (is_next && status == Amended),
        _ => true,
    };
    if !holds {
        return Some(MOVED);
    }
    // One that was wanted for the last minutes counts as late when half of them are over.
    let too_late = TOO_LATE.min(TimeDelta::seconds(message.copy) / 2);
    let is_late = kind == MessageKind::InterviewReminder && s.start_at - now < too_late;
    is_late.then_some("it is too late for a reminder: the interview begins in less than 5 minutes")
}

fn compose(
    templates: &Templates,
    kind: MessageKind,
    message: &ClaimedMessage,
    s: &NoticeSubject,
    now: DateTime<Utc>,
    reply_to: Option<&EmailAddress>,
) -> Result<Composed, Unsendable> {
    let notice = match kind {
        MessageKind::InterviewCreated => Notice::Created,
        MessageKind::InterviewAmended => Notice::Amended,
        MessageKind::InterviewAccepted => Notice::Accepted,
        MessageKind::InterviewRejected => Notice::Rejected,
        MessageKind::InterviewCancelled => Notice::Cancelled,
        MessageKind::InterviewReminder => Notice::Reminder,
        MessageKind::Invitation | MessageKind::InvitationReminder | MessageKind::InvitationRevoked => {
            return Err(Unsendable::Impossible("it is about a link, and has none".to_owned()));
        }
    };
    let proposer = if message.copy == 0 { Reader::Interviewer } else { Reader::Interviewee };
    Ok(templates.interview(&InterviewNotice {
        notice,
        reader: if s.is_interviewee { Reader::Interviewee } else { Reader::Interviewer },
        merchant_name: &s.merchant_name,
        colour: &s.colour,
        interviewee_name: &s.interviewee_title,
        interviewer_name: &s.interviewer_title,
        kind: &s.kind,
        location: s.location.as_deref(),
        start_at: s.start_at,
        end_at: s.end_at,
        // Where they were accepted already, they are the interview's own.
        proposed: Some((s.amend_start_at.unwrap_or(s.start_at), s.amend_end_at.unwrap_or(s.end_at))),
        proposed_by: (notice == Notice::Amended).then_some(proposer),
        time_zone: s.recipient_time_zone.as_deref().unwrap_or(&s.merchant_time_zone),
        now,
        reply_to,
    })?)
}

/// What the reader's calendar is told: an amendment is a proposal, and a reminder says nothing new.
fn calendar(
    ctx: &Context,
    kind: MessageKind,
    message: &ClaimedMessage,
    s: &NoticeSubject,
    composed: &Composed,
    from_name: &str,
    to: &EmailAddress,
) -> Option<Calendar> {
    let state = match kind {
        MessageKind::InterviewCreated => AppointmentState::Tentative,
        MessageKind::InterviewAccepted => AppointmentState::Confirmed,
        MessageKind::InterviewRejected | MessageKind::InterviewCancelled => AppointmentState::Cancelled,
        _ => return None,
    };
    let other = if s.is_interviewee { &s.interviewer_title } else { &s.interviewee_title };
    let appointment = Appointment {
        uid: format!("interview-{}@{}", s.meeting_id, ctx.config.mail_from.domain()),
        sequence: message.version,
        stamp: message.created_at,
        start_at: s.start_at,
        end_at: s.end_at,
        summary: format!("{}: interview with {other}", s.merchant_name),
        description: composed.text.clone(),
        location: s.location.as_deref(),
        state,
        organizer: (from_name, &ctx.config.mail_from),
        attendee: (&s.recipient_title, to),
    };
    Some(match state {
        AppointmentState::Cancelled => appointment.cancel(),
        AppointmentState::Tentative | AppointmentState::Confirmed => appointment.request(),
    })
}

#[cfg(test)]
mod tests;
