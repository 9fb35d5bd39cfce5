//! Why a link does not open, in words that help and blame nobody.

use chrono::{DateTime, Utc};
use shared::domain::EmailAddress;
use shared::domain::appearance::instant;

/// Why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Somebody pressed the button already.
    Used {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its time is over.
    Expired {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The merchant took it back, or sent a newer one.
    Revoked,
    /// There is no such link; nothing was looked up, so nothing is known about a merchant.
    Unknown,
}

/// What the page for a link that does not open says.
#[derive(Clone, Copy)]
pub struct GonePage<'a> {
    /// What happened.
    pub gone: Gone,
    /// Who invited; unknown for [`Gone::Unknown`].
    pub merchant_name: Option<&'a str>,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: Option<&'a str>,
    /// To what.
    pub definition_name: Option<&'a str>,
    /// IANA name of the zone in which instants are shown.
    pub time_zone: &'a str,
    /// Leaves header and footer away.
    pub hide_menu: bool,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

impl GonePage<'_> {
    pub(super) const fn heading(&self) -> &'static str {
        match self.gone {
            Gone::Used { .. } => "This link has been used",
            Gone::Expired { .. } => "This link has expired",
            Gone::Revoked => "This link is no longer valid",
            Gone::Unknown => "We do not know this link",
        }
    }

    pub(super) fn paragraphs(&self) -> Vec<String> {
        let merchant = self.merchant_name.unwrap_or("whoever invited you");
        match self.gone {
            Gone::Used { at } => vec![
                format!(
                    "It was opened on {}. Each link opens one interview, once.",
                    instant(at, self.time_zone)
                ),
                "If you began just now, your interview is in the window that opened then.".to_owned(),
                format!("Were you interrupted, or was it not you? Ask {merchant} for a new link."),
            ],
            Gone::Expired { at } => vec![
                format!("It was open until {}.", instant(at, self.time_zone)),
                format!("If you would still like to take part, ask {merchant} for a new link."),
            ],
            Gone::Revoked => vec![
                format!("It was withdrawn or replaced by {merchant}."),
                "If you have a newer mail, the link in it is the one that works.".to_owned(),
                format!("Otherwise, ask {merchant}."),
            ],
            Gone::Unknown => vec![
                "Perhaps it lost its end on the way: some programs break long addresses over two lines."
                    .to_owned(),
                "Go back to your mail and use its button, or copy the whole address into your browser."
                    .to_owned(),
                format!("If that does not help, ask {merchant}."),
            ],
        }
    }
}
