//! An address that mail can be sent to.

use std::fmt;

/// An address of the public Internet: `local@domain.tld`, no display name, no comment, no quotes.
///
/// Kept as it was written, but for the domain, which is lower-cased and, where it is international, in its
/// ASCII form (RFC 5891). `Display` masks it for logs; [`EmailAddress::as_str`] gives it whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

/// Why a text is no address. The messages are read by people who mend a CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing there.
    #[error("email is missing")]
    Missing,
    /// No `@`, or more than one.
    #[error("email must be one address of the form name@example.org")]
    Form,
    /// RFC 5321 section 4.5.3.1: 64 octets before the `@`, 254 in all.
    #[error("email is too long: at most 64 characters before the @ and 254 in all")]
    TooLong,
    /// Something that RFC 5322 allows in no unquoted local part.
    #[error("email has a character before the @ that addresses cannot have")]
    LocalPart,
    /// Not a name with at least two labels.
    #[error("email has no valid domain after the @")]
    Domain,
}

impl EmailAddress {
    /// Parses an address as a person types it; white space around it is dropped.
    pub fn parse(raw: &str) -> Result<Self, EmailError> {
        let raw = raw.trim_matches([' ', '\t']);
        if raw.is_empty() {
            return Err(EmailError::Missing);
        }
        if raw.len() > 1_000 {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = raw.rsplit_once('@').ok_or(EmailError::Form)?;
        if local.is_empty() || domain.is_empty() || local.contains('@') {
            return Err(EmailError::Form);
        }
        if !is_dot_atom(local) {
            return Err(EmailError::LocalPart);
        }
        let domain = parse_domain(domain)?;
        let address = format!("{local}@{domain}");
        if local.len() > 64 || address.len() > 254 {
            return Err(EmailError::TooLong);
        }
        Ok(Self(address))
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The lower-cased address: two that share it are one person (`CONTRACT.md` section 5).
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// RFC 5322 section 3.2.3, ASCII only.
fn is_dot_atom(local: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
    local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn parse_domain(raw: &str) -> Result<String, EmailError> {
    let domain = idna::domain_to_ascii(raw).map_err(|_| EmailError::Domain)?;
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let named =
        domain.contains('.') && domain.split('.').all(label) && !top.bytes().all(|c| c.is_ascii_digit());
    if named { Ok(domain) } else { Err(EmailError::Domain) }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailError;

    fn try_from(raw: String) -> Result<Self, EmailError> {
        Self::parse(&raw)
    }
}

/// `p***@example.org`: enough to find a mail, too little to write one.
impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('*');
        write!(f, "{first}***@{}", self.domain())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_have_are_taken() {
        for good in
            ["jozo@jozo.sk", "a.b+c@sub.example.org", "o'neill@example.ie", "x_y@xn--bcher-kva.example"]
        {
            assert_eq!(EmailAddress::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(
            EmailAddress::parse(" Ann@Bücher.example ").unwrap().as_str(),
            "Ann@xn--bcher-kva.example"
        );
        assert_eq!(EmailAddress::parse("Ann@Example.ORG").unwrap().key(), "ann@example.org");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}.org", "b.".repeat(150));
        for (bad, why) in [
            ("", EmailError::Missing),
            ("plain", EmailError::Form),
            ("a@", EmailError::Form),
            ("a@b@c.de", EmailError::Form),
            ("a@localhost", EmailError::Domain),
            ("a@[127.0.0.1]", EmailError::Domain),
            ("a@127.0.0.1", EmailError::Domain),
            ("a@-x.example", EmailError::Domain),
            ("a b@example.org", EmailError::LocalPart),
            ("a\r\nBcc:b@example.org", EmailError::LocalPart),
            ("a@exam\r\nple.org", EmailError::Domain),
            (".a@example.org", EmailError::LocalPart),
            ("Ann <ann@example.org>", EmailError::LocalPart),
            (&long, EmailError::TooLong),
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(why), "{bad:?}");
        }
        assert!(EmailAddress::parse(&longer).is_err());
    }

    #[test]
    fn an_address_prints_masked() {
        let address = EmailAddress::parse("peter.parker@example.org").unwrap();
        assert_eq!(format!("{address} {address:?}"), "p***@example.org p***@example.org");
    }
}
