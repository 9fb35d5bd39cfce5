//! One user of a bulk registration: as it was sent, and what it means.

use serde::{Deserialize, Serialize};

use super::{EmailAddress, EmailError, TextError, text};

/// The longest name or external id, in characters.
const LONGEST_TEXT: usize = 255;

/// A user as the client sent them, kept so that the answer can repeat it. Stored in jobs: its names are wire format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `name` as sent, where it was text.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `email` as sent, where it was text.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `external_id` as sent, where it was text.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What was wrong with its shape (a number for a name, a list for a user), found where it was read.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Someone to be registered: every part checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where the mail goes.
    pub email: EmailAddress,
    /// How they are addressed.
    pub name: Option<String>,
    /// What the client calls them.
    pub external_id: Option<String>,
}

/// Why a row registers nobody. It is that row's `Error: …`, and harms no other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The address.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// The name.
    #[error("name {0}")]
    Name(TextError),
    /// The external id.
    #[error("external_id {0}")]
    ExternalId(TextError),
    /// The row's shape.
    #[error("{0}")]
    Fault(String),
}

impl Row {
    /// Checks every part.
    pub fn candidate(&self) -> Result<Candidate, RowError> {
        if let Some(fault) = &self.fault {
            return Err(RowError::Fault(fault.clone()));
        }
        let email = EmailAddress::parse(self.email.as_deref().unwrap_or_default())?;
        let line = |value: &Option<String>| {
            text::line(value.as_deref().unwrap_or_default(), LONGEST_TEXT).map(|t| t.map(str::to_owned))
        };
        let name = line(&self.name).map_err(RowError::Name)?;
        let external_id = line(&self.external_id).map_err(RowError::ExternalId)?;
        Ok(Candidate { email, name, external_id })
    }

    /// The row as it is stored. What is wrong with it is noted first, for what no column can hold, or nobody wants back,
    /// is made harmless: NUL becomes U+FFFD, and a part of over 2,000 characters is cut.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.fault = self.candidate().err().map(|error| error.to_string());
        let part = |value: Option<String>| {
            value.map(|text| {
                let cut = match text.char_indices().nth(2_000) {
                    Some((at, _)) => &text[..at],
                    None => &text,
                };
                cut.replace('\0', "\u{FFFD}")
            })
        };
        Self {
            name: part(self.name),
            email: part(self.email),
            external_id: part(self.external_id),
            fault: part(self.fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, email: &str) -> Row {
        Row { name: Some(name.into()), email: Some(email.into()), ..Row::default() }
    }

    #[test]
    fn a_hostile_name_is_the_rows_own_error() {
        for name in ["x\r\nBcc: y@example.org", "nul\0", "bare\r", "\u{202e}txt"] {
            assert!(matches!(row(name, "a@example.org").candidate(), Err(RowError::Name(_))), "{name:?}");
        }
        assert!(row("<b>{{7*7}} https://x.example</b>", "a@example.org").candidate().is_ok());
    }

    #[test]
    fn name_and_external_id_may_be_absent_and_the_address_may_not() {
        let bare = Row { email: Some("a@example.org".into()), ..Row::default() };
        assert_eq!(bare.candidate().unwrap().name, None);
        assert_eq!(Row::default().candidate(), Err(RowError::Email(EmailError::Missing)));
    }

    #[test]
    fn the_stored_form_is_stable() {
        let stored = serde_json::to_string(&row("Ann", "a@example.org")).unwrap();
        assert_eq!(stored, r#"{"n":"Ann","e":"a@example.org"}"#);
    }

    #[test]
    fn what_is_echoed_fits_a_column() {
        let stored = row("a\0b", &"x".repeat(5_000)).settled();
        assert_eq!(stored.name.as_deref(), Some("a\u{FFFD}b"));
        assert_eq!(stored.email.as_ref().map(String::len), Some(2_000));
        assert!(stored.candidate().is_err(), "what was wrong stays wrong");
    }
}
