//! The small language of a merchant's own subject and text: `{{ candidate_name }}` and four others, nothing else.
//!
//! It is not the template engine, on purpose: without loops, filters and expressions a merchant's text can take
//! neither time nor memory, and what stands in for a placeholder is never read again.

/// Characters of a template; filled, it may have twice as many.
const LONGEST: usize = 20_000;

/// What a merchant may write between the braces.
const KNOWN: [&str; 5] = ["candidate_name", "merchant_name", "interview_name", "link", "expires_at"];

/// Why a merchant's template is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    /// A name that stands for nothing.
    #[error(
        "`{{{{ {0} }}}}` stands for nothing; there are candidate_name, merchant_name, interview_name, link and expires_at"
    )]
    Unknown(String),
    /// `{{` without its `}}`.
    #[error("a `{{{{` is never closed")]
    Unclosed,
    /// Longer than a mail should be.
    #[error("it is longer than {LONGEST} characters")]
    TooLong,
}

/// Whether a template can be filled at all: each of its placeholders is known, and closed.
pub fn check(template: &str) -> Result<(), PlaceholderError> {
    fill(template, str::to_owned, |name| KNOWN.contains(&name).then(String::new)).map(drop)
}

/// Replaces each `{{ name }}` by `value(name)`, and everything between them by `literal(text)`.
///
/// One pass: braces in a value stay as they are.
pub fn fill(
    template: &str,
    literal: impl Fn(&str) -> String,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, PlaceholderError> {
    if template.chars().count() > LONGEST {
        return Err(PlaceholderError::TooLong);
    }
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or(PlaceholderError::Unclosed)?;
        let name = name.trim();
        filled.push_str(&literal(before));
        filled.push_str(
            &value(name).ok_or_else(|| PlaceholderError::Unknown(name.chars().take(40).collect()))?,
        );
        rest = after;
    }
    filled.push_str(&literal(rest));
    if filled.chars().count() > LONGEST * 2 {
        return Err(PlaceholderError::TooLong);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, PlaceholderError> {
        fill(template, str::to_owned, |name| match name {
            "candidate_name" => Some("{{ link }} {{7*7}}".to_owned()),
            "link" => Some("L".repeat(1_000)),
            _ => None,
        })
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        assert_eq!(filled("Dear {{candidate_name}}!").unwrap(), "Dear {{ link }} {{7*7}}!");
    }

    #[test]
    fn what_is_no_placeholder_is_an_error_that_names_it() {
        assert_eq!(filled("{{ 7*7 }}"), Err(PlaceholderError::Unknown("7*7".to_owned())));
        assert_eq!(filled("{{ link"), Err(PlaceholderError::Unclosed));
        let told = filled("{{ salary }}").unwrap_err().to_string();
        assert!(told.starts_with("`{{ salary }}` stands for nothing; there are candidate_name"), "{told}");
    }

    #[test]
    fn a_template_is_checked_before_there_is_anything_to_fill_in() {
        let all = KNOWN.map(|name| format!("{{{{ {name} }}}}")).join(" ");
        assert_eq!(check(&all), Ok(()));
        assert_eq!(check("{{ salary }}"), Err(PlaceholderError::Unknown("salary".to_owned())));
        assert_eq!(check("{{ link"), Err(PlaceholderError::Unclosed));
    }

    #[test]
    fn neither_a_long_template_nor_its_result_can_fill_the_memory() {
        assert_eq!(filled(&"x".repeat(20_001)), Err(PlaceholderError::TooLong));
        assert_eq!(filled(&"{{link}}".repeat(2_000)), Err(PlaceholderError::TooLong));
    }

    #[test]
    fn other_braces_are_text() {
        assert_eq!(filled("{ a } {% for %} }}").unwrap(), "{ a } {% for %} }}");
    }
}
