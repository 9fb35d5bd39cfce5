//! Text and code as HTML: a few marks in prose, colours in JSON. Everything that is not a mark is escaped.

use serde_json::Value;

/// Paragraphs, with `code` and **stress**.
pub(super) fn prose(text: &str) -> String {
    let paragraphs =
        text.split("\n\n").map(|paragraph| format!("<p>{}</p>", marked(paragraph, "`", "code", stressed)));
    paragraphs.collect()
}

fn stressed(text: &str) -> String {
    marked(text, "**", "strong", escape)
}

/// Puts every second part between two marks into an element, and the others through `other`.
fn marked(text: &str, mark: &str, element: &str, other: fn(&str) -> String) -> String {
    let parts = text.split(mark).enumerate();
    let html = parts.map(|(at, part)| match at % 2 {
        0 => other(part),
        _ => format!("<{element}>{}</{element}>", escape(part)),
    });
    html.collect()
}

pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            c => html.push(c),
        }
    }
    html
}

/// JSON over several lines, its parts told apart by class: `k` keys, `s` strings, `n` numbers, `w` words.
pub(super) fn json(value: &Value) -> String {
    indented(value, 0)
}

fn indented(value: &Value, depth: usize) -> String {
    let inner = |value| indented(value, depth + 1);
    let over_lines = |open: char, parts: Vec<String>, close: char| {
        let (pad, end) = ("  ".repeat(depth + 1), "  ".repeat(depth));
        format!("{open}\n{pad}{}\n{end}{close}", parts.join(&format!(",\n{pad}")))
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            let parts = members.iter();
            let parts = parts.map(|(key, value)| format!("<i class=k>{}</i>: {}", quoted(key), inner(value)));
            over_lines('{', parts.collect(), '}')
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            over_lines('[', items.iter().map(inner).collect(), ']')
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", ")),
        Value::String(text) => format!("<i class=s>{}</i>", quoted(text)),
        Value::Number(number) => format!("<i class=n>{number}</i>"),
        Value::Bool(_) | Value::Null | Value::Object(_) => format!("<i class=w>{value}</i>"),
    }
}

fn quoted(text: &str) -> String {
    escape(&Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_but_the_marks_becomes_markup() {
        assert_eq!(
            prose("a `<b>` **c**\n\n<d>"),
            "<p>a <code>&lt;b&gt;</code> <strong>c</strong></p><p>&lt;d&gt;</p>"
        );
        assert_eq!(json(&json!("</pre>")), "<i class=s>&quot;&lt;/pre&gt;&quot;</i>");
    }
}
