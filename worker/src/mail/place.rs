//! Where an interview takes place: a link that may be followed, or words.

use shared::domain::appearance::inert;

use super::compose::folded;

/// Characters; as many as a URL may have.
const LONGEST: usize = 2_000;

/// A location as somebody entered it, made fit for showing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An https URL in its normal form, in which nothing can end an attribute, a line or a property.
    Link(String),
    /// One line of anything else.
    Words(String),
}

impl Place {
    /// Reads a location; blanks are none.
    pub(super) fn of(location: Option<&str>) -> Option<Self> {
        let location = folded(location?, LONGEST);
        if location.is_empty() {
            return None;
        }
        let link = url::Url::parse(&location).ok().filter(|url| {
            url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        Some(link.map_or(Self::Words(location), |url| Self::Link(url.into())))
    }

    /// The link, where it is one.
    pub(super) fn link(&self) -> Option<&str> {
        match self {
            Self::Link(link) => Some(link),
            Self::Words(_) => None,
        }
    }

    /// The words, in which mail programs find nothing to make a link of.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Link(_) => None,
            Self::Words(words) => Some(inert(words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_without_credentials_is_a_link() {
        for link in ["https://meet.example/a?b=c&d=e", "HTTPS://Meet.example/r%20x"] {
            assert!(Place::of(Some(link)).unwrap().link().is_some(), "{link}");
        }
        for words in [
            "http://meet.example/",
            "javascript:alert(1)",
            "https://user:secret@meet.example/",
            "data:text/html,x",
            "Hlavná 1, Bratislava",
        ] {
            assert_eq!(Place::of(Some(words)), Some(Place::Words(words.to_owned())));
        }
        assert_eq!(Place::of(Some(" \r\n ")), None);
        assert_eq!(Place::of(None), None);
    }

    #[test]
    fn a_link_holds_nothing_that_could_end_an_attribute_or_a_line() {
        let place = Place::of(Some("https://meet.example/\"><b>\r\nATTENDEE:x ä")).unwrap();
        let link = place.link().unwrap();
        assert!(link.bytes().all(|c| c.is_ascii_graphic() && !b"\"<>".contains(&c)), "{link}");
    }
}
