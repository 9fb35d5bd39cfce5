//! The mails in an interview's life: what was planned, proposed, settled, declined or cancelled, and the reminder.
//!
//! Each party gets a copy of its own, in its words and its time zone.

use chrono::{DateTime, Utc};
use minijinja::context;
use shared::domain::EmailAddress;
use shared::domain::appearance::{colours, how_soon, inert, instant, period, time_of_day};

use super::compose::{ComposeError, Composed, Templates, one_line};
use super::place::Place;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It was planned, and nobody has accepted yet.
    Created,
    /// Another time is proposed.
    Amended,
    /// The time is settled.
    Accepted,
    /// One side declined.
    Rejected,
    /// It was called off.
    Cancelled,
    /// It is near.
    Reminder,
}

/// Who reads a copy of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The candidate.
    Interviewee,
    /// Whoever asks the questions.
    Interviewer,
}

/// What a mail about an interview says.
#[derive(Clone, Copy)]
pub struct InterviewNotice<'a> {
    /// What happened.
    pub notice: Notice,
    /// Who reads this copy.
    pub reader: Reader,
    /// For whom the interview is held.
    pub merchant_name: &'a str,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: &'a str,
    /// The candidate.
    pub interviewee_name: &'a str,
    /// Whoever asks the questions.
    pub interviewer_name: &'a str,
    /// `video_call`, `phone_call` or `in_person`.
    pub kind: &'a str,
    /// A place, or an https URL, which becomes a link.
    pub location: Option<&'a str>,
    /// As it is planned; after an acceptance, as it was accepted.
    pub start_at: DateTime<Utc>,
    /// Its end.
    pub end_at: DateTime<Utc>,
    /// Start and end as they are proposed; looked at where `notice` is [`Notice::Amended`].
    pub proposed: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Whose proposal that is.
    pub proposed_by: Option<Reader>,
    /// IANA name of the reader's zone, in which all times are shown.
    pub time_zone: &'a str,
    /// For "tomorrow" and "in 1 hour".
    pub now: DateTime<Utc>,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

impl Notice {
    /// The folder of its templates.
    fn folder(self) -> &'static str {
        match self {
            Self::Created => "interview_created",
            Self::Amended => "interview_amended",
            Self::Accepted => "interview_accepted",
            Self::Rejected => "interview_rejected",
            Self::Cancelled => "interview_cancelled",
            Self::Reminder => "interview_reminder",
        }
    }
}

impl Templates {
    /// Writes one party's copy of a mail about an interview.
    pub fn interview(&self, notice: &InterviewNotice<'_>) -> Result<Composed, ComposeError> {
        let InterviewNotice { start_at, end_at, time_zone, now, .. } = *notice;
        let is_interviewee = notice.reader == Reader::Interviewee;
        let (own, other, nobody) = if is_interviewee {
            (notice.interviewee_name, notice.interviewer_name, "your interviewer")
        } else {
            (notice.interviewer_name, notice.interviewee_name, "the candidate")
        };
        let proposed = notice.proposed.unwrap_or((start_at, end_at));
        let place = Place::of(notice.location);
        let context = context! {
            merchant => name(notice.merchant_name),
            colours => colours(notice.colour),
            reply_to => notice.reply_to.map(EmailAddress::as_str),
            is_interviewee,
            // The merchant's staff may act for the interviewer, but nobody for the candidate.
            is_own_proposal => notice.proposed_by.map(|by| by == notice.reader),
            own => name(own),
            other => Some(name(other)).filter(|other| !other.is_empty()).unwrap_or_else(|| nobody.to_owned()),
            kind => kind(notice.kind),
            is_video => notice.kind == "video_call",
            link => place.as_ref().and_then(Place::link),
            place => place.as_ref().and_then(Place::words),
            when => period(start_at, end_at, time_zone),
            starts => instant(start_at, time_zone),
            proposed => period(proposed.0, proposed.1, time_zone),
            proposed_start => instant(proposed.0, time_zone),
            soon => how_soon(start_at, now, time_zone),
            clock => time_of_day(start_at, time_zone),
        };
        self.write(notice.notice.folder(), &context)
    }
}

fn name(raw: &str) -> String {
    inert(&one_line(raw))
}

fn kind(raw: &str) -> &'static str {
    match raw {
        "video_call" => "Video call",
        "phone_call" => "Phone call",
        "in_person" => "In person",
        _ => "Interview",
    }
}

#[cfg(test)]
mod tests;
