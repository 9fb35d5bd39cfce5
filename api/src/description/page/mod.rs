//! The description as a page for people: rendered once, no script, one style sheet of its own, nothing from elsewhere.

mod code;
mod members;
mod sections;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use super::DOCUMENT;

const STYLE: &str = include_str!("../../../templates/docs.css");

/// The page.
pub(crate) static HTML: LazyLock<String> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("prose", |text: &str| Value::from_safe_string(code::prose(text)));
    let page = context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        about => DOCUMENT.info.description,
        version => DOCUMENT.info.version,
        sections => sections::of(&DOCUMENT),
        refusals => sections::refusals(&DOCUMENT),
    };
    let rendered =
        environment.render_named_str("docs.html", include_str!("../../../templates/docs.html"), page);
    rendered.expect("the compiled-in template renders: the tests read the page")
});

/// The page's `Content-Security-Policy`: its own style sheet, by its hash, and nothing else.
pub(crate) static CSP: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});
