//! How things are shown: a merchant's colour with a text colour that can be read on it, and instants in a reader's
//! zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Used where a merchant's own colour cannot be read.
const FALLBACK: [u8; 3] = [0x1f, 0x4e, 0x79];

/// A background and the text colour that stands out on it, both as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Colours {
    pub(super) background: String,
    pub(super) text: &'static str,
}

/// Reads `#rrggbb`. Nothing else ever reaches a style attribute.
pub(super) fn colours(raw: &str) -> Colours {
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
pub(super) fn instant(at: DateTime<Utc>, zone: &str) -> String {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    format!("{} ({})", at.with_timezone(&zone).format("%A %-d %B %Y, %H:%M"), zone.name())
}

/// What stands in the merchant's mark.
pub(super) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().to_string()).unwrap_or_default()
}
