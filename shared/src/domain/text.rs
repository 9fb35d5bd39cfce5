//! One-line text from outside: names, titles, external ids, subjects.

/// Why a text is refused. The message fits behind a field's name: "name must not …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Longer than allowed.
    #[error("must be at most {0} characters long")]
    TooLong(usize),
    /// CR, LF, NUL or another control character: it could end a mail header.
    #[error("must not contain line breaks or control characters")]
    Control,
    /// A bidirectional override or isolate: it could make a text read as another.
    #[error("must not contain bidirectional control characters")]
    Bidirectional,
}

/// Trims `raw` and checks it: no control character, no bidirectional control; as it was sent, at most `longest`
/// characters.
/// An empty result is `None`.
pub fn line(raw: &str, longest: usize) -> Result<Option<&str>, TextError> {
    let text = raw.trim_matches([' ', '\t']);
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(TextError::Control);
    }
    if text.chars().any(is_bidirectional_control) {
        return Err(TextError::Bidirectional);
    }
    if raw.chars().count() > longest {
        return Err(TextError::TooLong(longest));
    }
    let text = text.trim();
    Ok(if text.is_empty() { None } else { Some(text) })
}

/// Unicode's `Bidi_Control` property.
fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_header_or_hide_its_meaning_is_refused() {
        for hostile in ["Eve\r\nBcc: all@x.example", "a\0b", "a\rb", "a\nb", "a\u{2028}b", "\u{85}"] {
            assert_eq!(line(hostile, 100), Err(TextError::Control), "{hostile:?}");
        }
        assert_eq!(line("\u{202e}gnp.exe", 100), Err(TextError::Bidirectional));
        assert_eq!(line("abcdef", 5), Err(TextError::TooLong(5)));
    }

    #[test]
    fn ordinary_names_pass_in_any_script_and_are_trimmed() {
        assert_eq!(line("  Jürgen O'Neill-Ωmega 山田 ", 100), Ok(Some("Jürgen O'Neill-Ωmega 山田")));
        assert_eq!(line("<img onerror=x> {{7*7}}", 100), Ok(Some("<img onerror=x> {{7*7}}")));
        assert_eq!(line("   ", 100), Ok(None));
    }
}
