//! How pages and mails show things: a merchant's colour with a text colour that can be read on it, instants in a
//! reader's zone, and names that mail programs do not turn into links.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Used where a merchant's own colour cannot be read.
const FALLBACK: [u8; 3] = [0x1f, 0x4e, 0x79];

/// A background and the text colour that stands out on it, both as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Colours {
    /// The merchant's own, or the house colour.
    pub background: String,
    /// Nearly black, or white.
    pub text: &'static str,
}

/// Reads `#rrggbb`. Nothing else ever reaches a style attribute.
#[must_use]
pub fn colours(raw: &str) -> Colours {
    let [r, g, b] = parse(raw).unwrap_or(FALLBACK);
    let text = if luminance([r, g, b]) > 0.179 { "#111111" } else { "#ffffff" };
    Colours { background: format!("#{r:02x}{g:02x}{b:02x}"), text }
}

fn parse(raw: &str) -> Option<[u8; 3]> {
    let digits =
        raw.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|c| c.is_ascii_hexdigit()))?;
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

/// WCAG 2.2's relative luminance; above 0.179 black has the better contrast, below it white.
fn luminance(rgb: [u8; 3]) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = rgb.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// `Wednesday 22 January 2025, 14:12 (Europe/Bratislava)`. A zone that nobody knows is shown as UTC.
#[must_use]
pub fn instant(at: DateTime<Utc>, zone: &str) -> String {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    format!("{} ({})", at.with_timezone(&zone).format("%A %-d %B %Y, %H:%M"), zone.name())
}

/// A name that is, or holds, a URL stays readable, but mail programs find nothing in it to make a link of.
#[must_use]
pub fn inert(name: &str) -> String {
    let name = name.replace("://", "[:]//");
    match name.to_ascii_lowercase().find("www.") {
        Some(at) => format!("{}[.]{}", &name[..at + 3], inert(&name[at + 4..])),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_a_merchants_colour_can_be_read() {
        for (colour, text) in
            [("#000000", "#ffffff"), ("#FFFF00", "#111111"), ("#1f4e79", "#ffffff"), ("#e8590c", "#111111")]
        {
            assert_eq!(colours(colour), Colours { background: colour.to_ascii_lowercase(), text });
        }
    }

    #[test]
    fn a_colour_that_is_none_never_reaches_a_style() {
        for bad in
            ["", "red", "#fff", "#12345g", "#1234567", "#000;}body{display:none", "＃000000", "#+12345"]
        {
            assert_eq!(colours(bad).background, "#1f4e79", "{bad:?}");
        }
    }

    #[test]
    fn an_instant_is_shown_in_the_readers_zone_which_is_named() {
        let at = "2025-07-01T22:30:00Z".parse().unwrap();
        assert_eq!(instant(at, "Europe/Bratislava"), "Wednesday 2 July 2025, 00:30 (Europe/Bratislava)");
        assert_eq!(instant(at, "Mars/Olympus"), "Tuesday 1 July 2025, 22:30 (UTC)");
    }

    #[test]
    fn a_url_in_a_name_is_no_link() {
        assert_eq!(inert("https://evil.example/a"), "https[:]//evil.example/a");
        assert_eq!(
            inert("see WWW.evil.example or www.x.example"),
            "see WWW[.]evil.example or www[.]x.example"
        );
        assert_eq!(inert("Jürgen O'Neill"), "Jürgen O'Neill");
    }
}
