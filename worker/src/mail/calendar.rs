//! The calendar part of a mail: an iCalendar object (RFC 5545) that asks a calendar to take an appointment in, or to
//! drop it (iTIP, RFC 5546).

mod lines;

use chrono::{DateTime, Utc};
use shared::domain::EmailAddress;

use self::lines::{Lines, mailto, quoted};
use super::compose::{folded, is_fit};
use super::letter::{Calendar, CalendarMethod};
use super::place::Place;

/// Characters of a summary, a name or a place.
const LONGEST: usize = 500;
/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 5_000;

/// An interview as one reader's calendar shows it.
#[derive(Clone)]
pub struct Appointment<'a> {
    /// The same for each version of one interview: `interview-83@convoke.example`.
    pub uid: String,
    /// Rises with each version that is sent; a calendar ignores a version that is older than its own.
    pub sequence: i64,
    /// When this version was made.
    pub stamp: DateTime<Utc>,
    /// Written in UTC, so that no calendar has to know a zone's rules.
    pub start_at: DateTime<Utc>,
    /// Its end.
    pub end_at: DateTime<Utc>,
    /// One line.
    pub summary: String,
    /// Any number of lines.
    pub description: String,
    /// A place, or an https URL.
    pub location: Option<&'a str>,
    /// How sure it is.
    pub state: AppointmentState,
    /// Name and address of who invites.
    pub organizer: (&'a str, &'a EmailAddress),
    /// Name and address of the reader, and of nobody else: the other's address is nobody's business.
    pub attendee: (&'a str, &'a EmailAddress),
}

/// How sure an appointment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppointmentState {
    /// Not accepted yet.
    Tentative,
    /// Settled.
    Confirmed,
    /// Off.
    Cancelled,
}

impl AppointmentState {
    fn status(self) -> &'static str {
        match self {
            Self::Tentative => "TENTATIVE",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The reader's own part (section 3.2.12).
    fn participation(self) -> &'static str {
        match self {
            Self::Tentative => "NEEDS-ACTION",
            Self::Confirmed => "ACCEPTED",
            Self::Cancelled => "DECLINED",
        }
    }
}

impl Appointment<'_> {
    /// Asks the calendar to take the appointment in, or to change it.
    #[must_use]
    pub fn request(&self) -> Calendar {
        Calendar { method: CalendarMethod::Request, object: self.object("REQUEST", self.state) }
    }

    /// Asks the calendar to drop the appointment, whatever `state` says.
    #[must_use]
    pub fn cancel(&self) -> Calendar {
        let object = self.object("CANCEL", AppointmentState::Cancelled);
        Calendar { method: CalendarMethod::Cancel, object }
    }

    fn object(&self, method: &str, state: AppointmentState) -> String {
        let mut lines = Lines::default();
        lines.put("BEGIN", "VCALENDAR");
        lines.put("VERSION", "2.0");
        lines.put("PRODID", "-//Convoke//Convoke//EN");
        lines.put("METHOD", method);
        lines.put("BEGIN", "VEVENT");
        lines.put_text("UID", &self.uid);
        lines.put("SEQUENCE", &self.sequence.max(0).to_string());
        lines.put("DTSTAMP", &utc(self.stamp));
        lines.put("DTSTART", &utc(self.start_at));
        lines.put("DTEND", &utc(self.end_at));
        lines.put("STATUS", state.status());
        lines.put_text("SUMMARY", &folded(&self.summary, LONGEST));
        lines.put_text("DESCRIPTION", &paragraphs(&self.description));
        match Place::of(self.location) {
            Some(Place::Link(link)) => {
                // Again as the place: few calendars show the URL.
                lines.put_text("LOCATION", &link);
                lines.put("URL", &link);
            }
            Some(Place::Words(words)) => lines.put_text("LOCATION", &words),
            None => {}
        }
        let (name, address) = self.organizer;
        lines.put(&format!("ORGANIZER{}", common_name(name)), &mailto(address.as_str()));
        let (name, address) = self.attendee;
        // No answer is asked for: nobody reads what a calendar would send back.
        let part = state.participation();
        let attendee = format!(
            "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={part};RSVP=FALSE{}",
            common_name(name)
        );
        lines.put(&attendee, &mailto(address.as_str()));
        lines.put("END", "VEVENT");
        lines.put("END", "VCALENDAR");
        lines.finish()
    }
}

/// Section 3.3.5, form 2.
fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

fn common_name(name: &str) -> String {
    let name = folded(name, LONGEST);
    if name.is_empty() { name } else { format!(";CN={}", quoted(&name)) }
}

/// A text of several lines without controls and direction marks.
fn paragraphs(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let fit = lines.trim().chars().filter(|c| *c == '\n' || is_fit(*c));
    fit.take(LONGEST_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests;
