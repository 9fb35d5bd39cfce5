//! The pages that a candidate sees behind the link (`CONTRACT.md` section 7).
//!
//! They work without JavaScript, load nothing, and show every text from outside escaped.

mod gone;

use chrono::{DateTime, Utc};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use shared::domain::EmailAddress;
use shared::domain::appearance::{colours, instant};

pub use self::gone::{Gone, GonePage};

/// The `Content-Security-Policy` of every page here; who may frame a page is the caller's to add
/// (`; frame-ancestors …`).
///
/// Styles: the one style sheet by its hash, and the merchant's colour as an attribute. Forms: browsers apply
/// `form-action` to what a post redirects to as well, which is any `launch_url`.
pub const CSP: &str = "default-src 'none'; style-src 'sha256-RBaoAUzugsEHCQmGAe3NrXr314Kh2hxjOwr+e8KeyZo='; style-src-attr 'unsafe-inline'; \
     form-action 'self' https: http:; base-uri 'none'";

const STYLE: &str = include_str!("../../templates/page.css");

/// The candidate's pages, their templates parsed. Build it once per process and share it.
#[derive(Debug)]
pub struct Pages {
    environment: Environment<'static>,
}

/// What the page before the interview says.
#[derive(Clone, Copy)]
pub struct InvitationPage<'a> {
    /// Who invites.
    pub merchant_name: &'a str,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: &'a str,
    /// Who is invited.
    pub candidate_name: Option<&'a str>,
    /// To what.
    pub definition_name: &'a str,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
    /// IANA name of the zone in which that is shown.
    pub time_zone: &'a str,
    /// A trial run by the merchant; the page says so.
    pub is_test: bool,
    /// Leaves header and footer away.
    pub hide_menu: bool,
    /// Where the button posts to: the page's own URL.
    pub action: &'a str,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

/// What the page after the button says, where the definition leads nowhere else.
#[derive(Clone, Copy)]
pub struct BegunPage<'a> {
    /// Who invites.
    pub merchant_name: &'a str,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: &'a str,
    /// Who is invited.
    pub candidate_name: Option<&'a str>,
    /// To what.
    pub definition_name: &'a str,
    /// A trial run by the merchant; the page says so.
    pub is_test: bool,
    /// Leaves header and footer away.
    pub hide_menu: bool,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

impl Pages {
    /// Parses the compiled-in templates.
    ///
    /// # Panics
    /// When one of them does not parse, which the tests rule out.
    #[must_use]
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        // The hash in `CSP` is of exactly this text.
        environment.add_global("style", Value::from_safe_string(STYLE.trim().to_owned()));
        for (name, source) in [
            ("base.html", include_str!("../../templates/base.html")),
            ("invitation.html", include_str!("../../templates/invitation.html")),
            ("begun.html", include_str!("../../templates/begun.html")),
            ("gone.html", include_str!("../../templates/gone.html")),
        ] {
            environment
                .add_template(name, source)
                .expect("compiled-in templates parse: the tests render each");
        }
        Self { environment }
    }

    /// Who invites whom to what, and the button. Status 200.
    #[must_use]
    pub fn invitation(&self, page: &InvitationPage<'_>) -> String {
        let context = context! {
            merchant => page.merchant_name,
            initial => initial(page.merchant_name),
            colours => colours(page.colour),
            candidate => page.candidate_name,
            interview => page.definition_name,
            expires => instant(page.expires_at, page.time_zone),
            is_test => page.is_test,
            hide_menu => page.hide_menu,
            action => page.action,
            reply_to => page.reply_to.map(EmailAddress::as_str),
        };
        self.render("invitation.html", &context)
    }

    /// The link is consumed, and there is nowhere to lead. Status 200.
    #[must_use]
    pub fn begun(&self, page: &BegunPage<'_>) -> String {
        let context = context! {
            merchant => page.merchant_name,
            initial => initial(page.merchant_name),
            colours => colours(page.colour),
            candidate => page.candidate_name,
            interview => page.definition_name,
            is_test => page.is_test,
            hide_menu => page.hide_menu,
            reply_to => page.reply_to.map(EmailAddress::as_str),
        };
        self.render("begun.html", &context)
    }

    /// The link does not open: what happened, and whom to ask. Status 410.
    #[must_use]
    pub fn gone(&self, page: &GonePage<'_>) -> String {
        let context = context! {
            merchant => page.merchant_name,
            initial => page.merchant_name.map(initial),
            colours => page.colour.map(colours),
            interview => page.definition_name,
            heading => page.heading(),
            paragraphs => page.paragraphs(),
            is_test => false,
            hide_menu => page.hide_menu,
            reply_to => page.reply_to.map(EmailAddress::as_str),
        };
        self.render("gone.html", &context)
    }

    fn render(&self, name: &str, context: &Value) -> String {
        let rendered = self.environment.get_template(name).and_then(|template| template.render(context));
        rendered.expect("compiled-in templates render with any text: they call nothing that can fail")
    }
}

/// What stands in the merchant's mark.
fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().to_string()).unwrap_or_default()
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
