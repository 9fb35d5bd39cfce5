//! The mail that says that an invitation was withdrawn.

use minijinja::context;
use shared::domain::EmailAddress;
use shared::domain::appearance::{colours, inert};

use super::compose::{ComposeError, Composed, Templates, one_line};

/// What the mail about a withdrawn invitation says.
#[derive(Clone, Copy)]
pub struct Revocation<'a> {
    /// Who had invited.
    pub merchant_name: &'a str,
    /// `#rrggbb`; anything else is replaced by the house colour.
    pub colour: &'a str,
    /// Who had been invited.
    pub candidate_name: Option<&'a str>,
    /// To what.
    pub definition_name: &'a str,
    /// A trial run by the merchant; the mail says so.
    pub is_test: bool,
    /// Whom to ask.
    pub reply_to: Option<&'a EmailAddress>,
}

impl Templates {
    /// Writes the mail that tells a candidate that the link opens no longer. It holds no link.
    pub fn revocation(&self, revocation: &Revocation<'_>) -> Result<Composed, ComposeError> {
        let name = |raw: &str| inert(&one_line(raw));
        let context = context! {
            merchant => name(revocation.merchant_name),
            colours => colours(revocation.colour),
            candidate => revocation.candidate_name.map(name).filter(|name| !name.is_empty()),
            interview => name(revocation.definition_name),
            is_test => revocation.is_test,
            reply_to => revocation.reply_to.map(EmailAddress::as_str),
        };
        self.write("invitation_revoked", &context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_says_who_withdrew_what_and_whom_to_ask_and_holds_no_link() {
        let address = EmailAddress::parse("people@lumen.example").unwrap();
        let templates = Templates::new().unwrap();
        let revocation = Revocation {
            merchant_name: "Lumen <Logistics>",
            colour: "#0b7285",
            candidate_name: Some("Jozef Mak"),
            definition_name: "Courier, https://x.example",
            is_test: true,
            reply_to: Some(&address),
        };
        let mail = templates.revocation(&revocation).unwrap();
        assert_eq!(mail.subject, "[Test] Invitation withdrawn: Courier, https[:]//x.example");
        assert!(mail.text.contains("Lumen <Logistics> has withdrawn its invitation"), "{}", mail.text);
        assert!(mail.html.contains("Lumen &lt;Logistics&gt;</strong> has withdrawn"), "{}", mail.html);
        for body in [&mail.text, &mail.html] {
            assert!(body.contains("Hello Jozef Mak,") && body.contains("people@lumen.example"), "{body}");
            assert!(body.contains("This is a test.") && !body.contains("://"), "{body}");
        }
        let nobody = templates.revocation(&Revocation { reply_to: None, ..revocation }).unwrap();
        assert!(nobody.text.contains("ask Lumen <Logistics>."), "{}", nobody.text);
    }
}
