//! iCalendar's content lines (RFC 5545 section 3.1): escaped, quoted, folded. Whatever is put in, a line stays one.

use std::fmt::Write as _;

/// Octets of a line without its CRLF.
const LONGEST: usize = 75;

/// The lines of one iCalendar object.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// A line whose value is none of TEXT, or is known to need no escaping.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        self.fold(&format!("{name}:{value}"));
    }

    /// A line whose value is TEXT (section 3.3.11).
    pub(super) fn put_text(&mut self, name: &str, text: &str) {
        self.put(name, &escape(text));
    }

    /// The object, each line ended by CRLF.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Breaks a line between characters so that no part of it is longer than 75 octets, the blank that begins a
    /// continuation included. Drops controls: a line that broke elsewhere would be another property.
    fn fold(&mut self, line: &str) {
        let mut room = LONGEST;
        for c in line.chars().filter(|c| !c.is_control()) {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LONGEST - 1;
            }
            self.0.push(c);
            room -= c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A parameter's value in quotes (section 3.2). It cannot hold a quote: an apostrophe takes its place, which every
/// calendar shows, while RFC 6868's `^'` is known to few. A caret is doubled, as that RFC has it.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "'").replace('^', "^^"))
}

/// A `mailto:` URI (RFC 6068 section 2).
pub(super) fn mailto(address: &str) -> String {
    let mut uri = "mailto:".to_owned();
    for c in address.chars() {
        if c.is_ascii_alphanumeric() || "@.!$'*+-_~".contains(c) {
            uri.push(c);
        } else {
            for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(uri, "%{octet:02X}").expect("a string takes everything");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_75_octets_and_none_breaks_a_character() {
        for length in 0..400 {
            for unit in ["a", "ü", "山", "🦀"] {
                let text: String = unit.repeat(length);
                let mut lines = Lines::default();
                lines.put_text("SUMMARY", &text);
                let folded = lines.finish();
                assert!(folded.split("\r\n").all(|line| line.len() <= LONGEST), "{length} {unit}");
                assert_eq!(folded.replace("\r\n ", ""), format!("SUMMARY:{text}\r\n"));
            }
        }
    }

    #[test]
    fn a_break_in_a_value_never_begins_a_line() {
        let mut lines = Lines::default();
        lines.put("URL", "https://a.example/\r\nATTENDEE:x\n\u{85}Y");
        lines.put_text("LOCATION", "a;b,c\\d\ne\rf");
        assert_eq!(lines.finish(), "URL:https://a.example/ATTENDEE:xY\r\nLOCATION:a\\;b\\,c\\\\d\\nef\r\n");
    }

    #[test]
    fn what_a_uri_may_not_hold_is_encoded() {
        assert_eq!(mailto("o'neil+x@example.ie"), "mailto:o'neil+x@example.ie");
        assert_eq!(mailto("a?b&c=d%@example.org"), "mailto:a%3Fb%26c%3Dd%25@example.org");
    }
}
