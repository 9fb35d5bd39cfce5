//! Writing a mail: from what is known about an invitation to subject, text and HTML.
//!
//! The texts are in `worker/templates/`, a folder for each mail, compiled in and parsed once. Names come from outside and are only ever
//! values: escaped in HTML, inert in text, never a template.

use chrono::{DateTime, Utc};
use minijinja::{AutoEscape, Environment, Output, UndefinedBehavior, Value, context, escape_formatter};
use shared::domain::appearance::{colours, inert, instant};
use shared::domain::placeholders::fill;
use shared::domain::{EmailAddress, line};

use super::letter::LONGEST_SUBJECT;

/// The compiled-in file of this name.
macro_rules! template {
    ($($part:literal)+) => {
        (concat!($($part),+), include_str!(concat!("../../templates/", $($part),+)))
    };
}

/// What several mails have in common.
const FRAMES: [(&str, &str); 5] = [
    template!("base.html"),
    template!("base.txt"),
    template!("parts.html"),
    template!("interview.html"),
    template!("interview.txt"),
];

macro_rules! mail {
    ($folder:literal) => {
        [template!($folder "/subject.txt"), template!($folder "/body.txt"), template!($folder "/body.html")]
    };
}

const MAILS: [[(&str, &str); 3]; 9] = [
    mail!("invitation"),
    mail!("invitation_reminder"),
    mail!("invitation_revoked"),
    mail!("interview_created"),
    mail!("interview_amended"),
    mail!("interview_accepted"),
    mail!("interview_rejected"),
    mail!("interview_cancelled"),
    mail!("interview_reminder"),
];

/// The templates, parsed. Build it once per process and share it.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// What an invitation says.
#[derive(Clone, Copy)]
pub struct Invitation<'a> {
    /// Who invites.
    pub merchant_name: &'a str,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: &'a str,
    /// Who is invited.
    pub candidate_name: Option<&'a str>,
    /// To what.
    pub definition_name: &'a str,
    /// The merchant's own subject, with placeholders ([`shared::domain::placeholders`]).
    pub custom_subject: Option<&'a str>,
    /// The merchant's own text, with placeholders. It takes the place of salutation and invitation; button, link
    /// and expiry stay.
    pub custom_text: Option<&'a str>,
    /// The one-time link.
    pub link: &'a str,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
    /// IANA name of the zone in which that is shown.
    pub time_zone: &'a str,
    /// A trial run by the merchant; the mail says so.
    pub is_test: bool,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

/// A composed mail, all but its addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Composed {
    /// One line, at most 200 characters.
    pub subject: String,
    /// The text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    /// Why a merchant's own subject or text was not used and the default stands in its place; for the log and the
    /// merchant.
    pub complaint: Option<String>,
}

/// A compiled-in template is broken: a defect of the program, not of its input.
#[derive(Debug, thiserror::Error)]
#[error("a mail template does not render: {0:#}")]
pub struct ComposeError(#[from] minijinja::Error);

impl Templates {
    /// Parses the compiled-in templates.
    pub fn new() -> Result<Self, ComposeError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_auto_escape_callback(|name| {
            let html = name.rsplit_once('.').is_some_and(|(_, extension)| extension == "html");
            if html { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.set_formatter(|out, state, value| {
            let html = matches!(state.auto_escape(), AutoEscape::Html);
            match value.as_str() {
                Some(text) if html && !value.is_safe() => escape(out, text),
                _ => escape_formatter(out, state, value),
            }
        });
        for (name, source) in FRAMES.iter().chain(MAILS.as_flattened()) {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment })
    }

    /// Writes the mail that brings a candidate the link.
    pub fn invitation(&self, invitation: &Invitation<'_>) -> Result<Composed, ComposeError> {
        let words = Words::of(invitation);
        let own = Own::of(invitation, &words);
        let context = context! {
            own_text => own.text,
            own_html => own.paragraphs,
            ..words.context(invitation)
        };
        let mut mail = self.write("invitation", &context)?;
        if let Some(subject) = own.subject {
            mail.subject = subject;
        }
        mail.complaint = own.complaint;
        Ok(mail)
    }

    /// Writes the mail that brings the link once more, to a candidate who has not used it. The merchant's own subject
    /// and text belong to the invitation and are left out.
    pub fn invitation_reminder(&self, invitation: &Invitation<'_>) -> Result<Composed, ComposeError> {
        self.write("invitation_reminder", &Words::of(invitation).context(invitation))
    }

    /// Renders the three files of a mail's folder.
    pub(super) fn write(&self, folder: &str, context: &Value) -> Result<Composed, ComposeError> {
        let render = |file: &str| self.environment.get_template(&format!("{folder}/{file}"))?.render(context);
        let subject = one_line(&render("subject.txt")?);
        Ok(Composed { subject, text: render("body.txt")?, html: render("body.html")?, complaint: None })
    }
}

/// HTML escaping as the library does it, but for `/`: escaped slashes make every link unreadable in a mail's source,
/// and protect from nothing where attributes are quoted.
fn escape(out: &mut Output<'_>, text: &str) -> Result<(), minijinja::Error> {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, from) = rest.split_at(at);
        out.write_str(before)?;
        out.write_str(match from.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &from[1..];
    }
    Ok(out.write_str(rest)?)
}

/// The values, made inert.
struct Words<'a> {
    merchant: String,
    candidate: Option<String>,
    interview: String,
    expires: String,
    link: &'a str,
}

impl<'a> Words<'a> {
    fn of(invitation: &Invitation<'a>) -> Self {
        let name = |raw: &str| inert(&one_line(raw));
        Self {
            merchant: name(invitation.merchant_name),
            candidate: invitation.candidate_name.map(name).filter(|name| !name.is_empty()),
            interview: name(invitation.definition_name),
            expires: instant(invitation.expires_at, invitation.time_zone),
            link: invitation.link,
        }
    }

    fn context(&self, invitation: &Invitation<'_>) -> Value {
        context! {
            merchant => self.merchant,
            candidate => self.candidate,
            interview => self.interview,
            expires => self.expires,
            link => self.link,
            is_test => invitation.is_test,
            reply_to => invitation.reply_to.map(EmailAddress::as_str),
            colours => colours(invitation.colour),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        Some(match name {
            "candidate_name" => self.candidate.clone().unwrap_or_default(),
            "merchant_name" => self.merchant.clone(),
            "interview_name" => self.interview.clone(),
            "link" => self.link.to_owned(),
            "expires_at" => self.expires.clone(),
            _ => return None,
        })
    }
}

/// What the merchant wrote, filled in; what could not be used is `None` and complained about.
#[derive(Default)]
struct Own {
    subject: Option<String>,
    text: Option<String>,
    /// The text's paragraphs, each as its lines, for the HTML template to escape.
    paragraphs: Vec<Vec<String>>,
    complaint: Option<String>,
}

impl Own {
    fn of(invitation: &Invitation<'_>, words: &Words<'_>) -> Self {
        let mut own = Self::default();
        let mut complaints = Vec::new();
        if let Some(template) = given(invitation.custom_subject) {
            match fill(template, str::to_owned, |name| words.get(name)) {
                // Only what could not be one line or fit is cut; an empty result falls back silently.
                Ok(subject) => own.subject = Some(one_line(&subject)).filter(|subject| !subject.is_empty()),
                Err(error) => complaints.push(format!("mail_subject: {error}")),
            }
        }
        if let Some(template) = given(invitation.custom_text) {
            match fill(template, str::to_owned, |name| words.get(name)) {
                Ok(text) => {
                    let text = text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();
                    own.paragraphs = paragraphs(&text);
                    own.text = Some(text);
                }
                Err(error) => complaints.push(format!("mail_text: {error}")),
            }
        }
        own.complaint = (!complaints.is_empty()).then(|| complaints.join("; "));
        own
    }
}

fn given(template: Option<&str>) -> Option<&str> {
    template.filter(|template| !template.trim().is_empty())
}

fn paragraphs(text: &str) -> Vec<Vec<String>> {
    text.split("\n\n")
        .map(|paragraph| paragraph.trim().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>())
        .filter(|lines| !lines.is_empty())
        .collect()
}

/// Whatever was passed in, what comes out is fit for a header.
pub(super) fn one_line(raw: &str) -> String {
    folded(raw, LONGEST_SUBJECT)
}

/// White space folded, controls and direction marks dropped, cut at `longest` characters with an ellipsis.
pub(super) fn folded(raw: &str, longest: usize) -> String {
    let folded = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    if line(&folded, longest).is_ok() {
        return folded;
    }
    let clean: String = folded.chars().filter(|c| is_fit(*c)).collect();
    if clean.chars().count() <= longest {
        return clean;
    }
    clean.chars().take(longest - 1).chain(['…']).collect()
}

/// Neither a control nor a direction mark.
pub(super) fn is_fit(c: char) -> bool {
    line(c.encode_utf8(&mut [0; 4]), 1).is_ok()
}

#[cfg(test)]
mod tests;
