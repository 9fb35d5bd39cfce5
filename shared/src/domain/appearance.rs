//! How pages and mails show things: a merchant's colour with a text colour that can be read on it, instants and
//! spans of time in a reader's zone, and names that mail programs do not turn into links.

use chrono::{DateTime, LocalResult, Offset as _, TimeDelta, TimeZone as _, Utc};
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

const DAY: &str = "%A %-d %B %Y";

/// `Wednesday 22 January 2025, 14:12 (Europe/Bratislava)`. A zone that nobody knows is shown as UTC.
#[must_use]
pub fn instant(at: DateTime<Utc>, zone: &str) -> String {
    let at = at.with_timezone(&known(zone));
    format!("{}, {} ({})", at.format(DAY), at.format(clock(is_told_twice(&at))), at.timezone().name())
}

/// `Wednesday 22 January 2025, 14:12–14:42 (Europe/Bratislava)`; with the end's date where that is another one, and
/// with the offsets from UTC where the clocks are changed meanwhile or show this time twice.
#[must_use]
pub fn period(start: DateTime<Utc>, end: DateTime<Utc>, zone: &str) -> String {
    let zone = known(zone);
    let (start, end) = (start.with_timezone(&zone), end.with_timezone(&zone));
    let is_odd = start.offset().fix() != end.offset().fix() || is_told_twice(&start) || is_told_twice(&end);
    let (from, to) = (start.format(clock(is_odd)), end.format(clock(is_odd)));
    let until = if start.date_naive() != end.date_naive() {
        format!(" – {}, {to}", end.format(DAY))
    } else if is_odd {
        format!(" – {to}")
    } else {
        format!("–{to}")
    };
    format!("{}, {from}{until} ({})", start.format(DAY), zone.name())
}

/// `14:12`, for where the day is said in words.
#[must_use]
pub fn time_of_day(at: DateTime<Utc>, zone: &str) -> String {
    let at = at.with_timezone(&known(zone));
    at.format(clock(is_told_twice(&at))).to_string()
}

/// How far off an instant is, as people say it: `in 45 minutes`, `in 1 hour`, `today`, `tomorrow`, `in 3 days`. Days
/// are those of the zone's calendar.
#[must_use]
pub fn how_soon(at: DateTime<Utc>, now: DateTime<Utc>, zone: &str) -> String {
    // To the next 5 minutes: a reminder of an hour goes out some seconds after it is due.
    let left = ((at - now).max(TimeDelta::zero()).num_seconds() + 30) / 60;
    let left = if left > 10 { (left + 2) / 5 * 5 } else { left };
    let count = |n: i64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match (left / 60, left % 60) {
        (0, 0) => return "now".to_owned(),
        (0, minutes) => return format!("in {}", count(minutes, "minute")),
        (hours @ 1..3, 0) => return format!("in {}", count(hours, "hour")),
        (hours @ 1..3, minutes) => {
            return format!("in {} {}", count(hours, "hour"), count(minutes, "minute"));
        }
        _ => {}
    }
    let zone = known(zone);
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    match (day(at) - day(now)).num_days() {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    }
}

fn known(zone: &str) -> Tz {
    zone.parse().unwrap_or(Tz::UTC)
}

/// Whether the clocks show this time twice: in the hour that is set back.
fn is_told_twice(at: &DateTime<Tz>) -> bool {
    matches!(at.timezone().from_local_datetime(&at.naive_local()), LocalResult::Ambiguous(..))
}

fn clock(with_offset: bool) -> &'static str {
    if with_offset { "%H:%M UTC%:z" } else { "%H:%M" }
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
    fn a_period_names_its_second_day_and_what_the_clocks_do() {
        let shown = |start: &str, end: &str| {
            period(start.parse().unwrap(), end.parse().unwrap(), "Europe/Bratislava")
        };
        for (start, end, expected) in [
            (
                "2025-01-22T13:12:00Z",
                "2025-01-22T13:42:00Z",
                "Wednesday 22 January 2025, 14:12–14:42 (Europe/Bratislava)",
            ),
            (
                "2025-01-22T22:30:00Z",
                "2025-01-22T23:15:00Z",
                "Wednesday 22 January 2025, 23:30 – Thursday 23 January 2025, 00:15 (Europe/Bratislava)",
            ),
            (
                "2025-03-30T00:30:00Z",
                "2025-03-30T01:30:00Z",
                "Sunday 30 March 2025, 01:30 UTC+01:00 – 03:30 UTC+02:00 (Europe/Bratislava)",
            ),
            (
                "2025-10-26T00:30:00Z",
                "2025-10-26T01:15:00Z",
                "Sunday 26 October 2025, 02:30 UTC+02:00 – 02:15 UTC+01:00 (Europe/Bratislava)",
            ),
            (
                "2025-10-26T01:10:00Z",
                "2025-10-26T01:40:00Z",
                "Sunday 26 October 2025, 02:10 UTC+01:00 – 02:40 UTC+01:00 (Europe/Bratislava)",
            ),
        ] {
            assert_eq!(shown(start, end), expected);
        }
        let at = "2025-10-26T00:30:00Z".parse().unwrap();
        assert_eq!(
            instant(at, "Europe/Bratislava"),
            "Sunday 26 October 2025, 02:30 UTC+02:00 (Europe/Bratislava)"
        );
        assert_eq!(time_of_day(at, "Europe/Lisbon"), "01:30 UTC+01:00");
        assert_eq!(time_of_day(at, "Asia/Tokyo"), "09:30");
    }

    #[test]
    fn how_soon_is_said_in_minutes_then_in_the_readers_days() {
        let at = "2025-01-22T13:12:00Z".parse().unwrap();
        for (now, zone, expected) in [
            ("2025-01-22T12:12:20Z", "UTC", "in 1 hour"),
            ("2025-01-22T12:12:00Z", "UTC", "in 1 hour"),
            ("2025-01-22T11:42:10Z", "UTC", "in 1 hour 30 minutes"),
            ("2025-01-22T13:05:00Z", "UTC", "in 7 minutes"),
            ("2025-01-22T13:11:00Z", "UTC", "in 1 minute"),
            ("2025-01-22T14:00:00Z", "UTC", "now"),
            ("2025-01-22T08:00:00Z", "UTC", "today"),
            ("2025-01-21T13:12:05Z", "UTC", "tomorrow"),
            ("2025-01-19T13:12:05Z", "UTC", "in 3 days"),
            // The evening before in Auckland, where the interview is after midnight; the same day in London.
            ("2025-01-22T09:00:00Z", "Pacific/Auckland", "tomorrow"),
            ("2025-01-22T09:00:00Z", "Europe/London", "today"),
        ] {
            assert_eq!(how_soon(at, now.parse().unwrap(), zone), expected, "{now} {zone}");
        }
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
